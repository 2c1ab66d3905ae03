"""The notebooks run, and what they show is what they give today."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import nbformat
import pytest

DOCS = Path(__file__).parents[2] / "docs"
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))


def texts(notebook) -> list[list[str]]:
    """Text outputs of each code cell, without addresses in memory."""
    return [
        [
            re.sub(
                r"0x[0-9a-f]+", "0x", o.get("text", "") or o.get("data", {}).get("text/plain", "")
            )
            for o in cell.outputs
        ]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def test_there_are_some():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_runs_and_gives_what_is_stored(path, monkeypatch):
    spec = importlib.util.spec_from_file_location("execute", DOCS / "execute_notebooks.py")
    execute = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(execute)
    stored = nbformat.read(path, as_version=4)
    assert any(outputs for outputs in texts(stored)), "stored without outputs"
    assert texts(execute.executed(path)) == texts(stored)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_each_figure_that_is_drawn_is_shown(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code" and "plot" in cell.source.splitlines()[-1]:
            pictures = [o for o in cell.outputs if "image/png" in o.get("data", {})]
            assert len(pictures) == 1, cell.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_holds_nothing_of_a_machine(path):
    text = path.read_text("utf-8")
    assert len(text) < 520_000
    assert not re.search(r"/home/|/tmp/|/work/|[A-Z]:\\\\|site-packages", text)
