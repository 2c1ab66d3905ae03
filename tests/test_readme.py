"""The README's Python prints what the README says."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_notebook_lines(monkeypatch):
    monkeypatch.chdir(ROOT)
    text = (ROOT / "README.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert sum(bool(line.strip()) for line in code.splitlines()) <= 12
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {})
    said = [line.split("#")[1].strip() for line in code.splitlines() if "#" in line]
    for got, want in zip(printed.getvalue().splitlines(), said, strict=True):
        assert re.fullmatch(re.escape(want).replace(r"\.\.\.", r"\d*"), got), (got, want)


def test_figures_are_there():
    text = (ROOT / "README.md").read_text("utf-8")
    for path in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (ROOT / path).is_file(), path
