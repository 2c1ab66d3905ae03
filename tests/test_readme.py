"""The README's Python prints what the README says."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


CODE = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("code", CODE)
def test_python(code, monkeypatch, tmp_path):
    assert sum(bool(line.strip()) for line in code.splitlines()) <= 16
    # What it writes belongs elsewhere.
    (tmp_path / "data").symlink_to(ROOT / "data", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {})
    said = [
        line.split("#")[1].strip()
        for line in code.splitlines()
        if line.startswith("print(") and "#" in line
    ]
    assert said
    for got, want in zip(printed.getvalue().splitlines(), said, strict=True):
        assert re.fullmatch(re.escape(want).replace(r"\.\.\.", r"\d*"), got), (got, want)


def test_figures_are_there():
    text = (ROOT / "README.md").read_text("utf-8")
    for path in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (ROOT / path).is_file(), path
