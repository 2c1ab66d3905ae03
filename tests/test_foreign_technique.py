"""A stranger's technique, of at most 80 lines, is everywhere where those of coatqc are."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "docs" / "examples" / "raman"

RECIPE = """\
schema_version = 1
name = "carbon"
version = "1"

[[criteria]]
quantity = "raman.disorder"
sample = "coated"
max = 1.2
parameters.g = 1590.0
"""

BATCH = """\
schema_version = 1
name = "C1"
recipe = "recipe.toml"
samples.coated.raman = "place_*.csv"
"""


def spectrum(path, rng, *, ratio=0.9):
    """Two bands on a flat background, with noise."""
    shift = np.arange(1000.0, 1900.0, 2.0)
    height = 400.0 * np.exp(-(((shift - 1590) / 30) ** 2) / 2)
    height += ratio * 400.0 * np.exp(-(((shift - 1350) / 30) ** 2) / 2)
    counts = height + rng.normal(0, 5, shift.size)
    np.savetxt(path, np.column_stack((shift, counts)), delimiter=",", comments="",
               header="Raman shift / cm-1,counts", fmt="%.3f")  # fmt: skip


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """A Python in which the package is installed beside coatqc, and a folder of its files."""
    folder = tmp_path_factory.mktemp("stranger")
    shutil.copytree(PACKAGE, folder / "raman")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    scripts = "Scripts" if os.name == "nt" else "bin"
    python = folder / "venv" / scripts / "python"
    # What this Python has, the temporary one has too; what it gets, this one does not see.
    seen = [path for path in sys.path if Path(path).is_dir()]
    lines = [f"import site; site.addsitedir({path!r})" for path in seen]
    lines.append(f"import sys; sys.path.insert(0, {str(ROOT)!r})")
    (target,) = set((folder / "venv").rglob("site-packages"))
    (target / "coatqc_of_the_tests.pth").write_text("\n".join(lines) + "\n")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation",
         "--disable-pip-version-check", "--target", target, folder / "raman"], check=True,
    )  # fmt: skip
    rng = np.random.default_rng(1)
    for place in range(4):
        spectrum(folder / f"place_{place}.csv", rng)
    (folder / "recipe.toml").write_text(RECIPE)
    (folder / "batch.toml").write_text(BATCH)

    def run(*words, code=0, module="coatqc.cli"):
        called = subprocess.run(
            [python, "-m", module, *words], cwd=folder, capture_output=True, text=True,
            env={**os.environ, "COLUMNS": "400"},
        )  # fmt: skip
        assert called.returncode == code, called.stdout + called.stderr
        return called.stdout

    run.folder = folder
    return run


def test_it_is_short():
    lines = [path.read_text("utf-8").splitlines() for path in PACKAGE.iterdir() if path.is_file()]
    assert sum(map(len, lines)) <= 80


def test_this_python_does_not_know_it():
    from coatcore.quality.registry import roles

    assert "raman" not in roles()


def test_a_first_recipe_offers_it(stranger):
    stranger("init", "mine")
    recipe = (stranger.folder / "mine" / "recipe.toml").read_text("utf-8")
    assert '# quantity = "raman.disorder"  # ratio of the D and G bands' in recipe
    assert "# parameters.d = 1350.0" in recipe


def test_a_batch_is_checked(stranger):
    assert "1 criteria, no mistake" in stranger("check", "batch.toml")
    wrong = stranger.folder / "wrong.toml"
    wrong.write_text(RECIPE.replace("parameters.g", "parameters.h"))
    stranger("check", "wrong.toml", code=4)


def test_schemas_hold_it(stranger):
    schema = json.loads(stranger("schema", "batch"))
    assert "raman" in schema["$defs"]["Sample"]["properties"]
    assert "raman.disorder" in stranger("schema", "recipe")


def test_a_file_is_inspected_and_drawn(stranger):
    facts = json.loads(stranger("inspect", "place_0.csv", "--json", "--plot", "place_0.png"))
    assert facts["kind"] == "raman_spectrum"
    assert facts["reader"] == "raman_text"
    assert facts["coords"]["raman_shift"]["units"] == "cm-1"
    assert (stranger.folder / "place_0.png").stat().st_size > 5000


def test_it_is_measured_judged_and_written_up(stranger):
    stranger("report", "batch.toml", "-o", "out")
    facts = json.loads((stranger.folder / "out" / "report.json").read_text("utf-8"))
    (criterion,) = facts["criteria"]
    assert criterion["verdict"] == "pass"
    assert criterion["estimate"]["lower"] < 0.9 < criterion["estimate"]["upper"]
    page = (stranger.folder / "out" / "report.html").read_text("utf-8")
    assert "Raman, coated." in page
    assert page.count("<figure") == 1


def test_it_is_planned(stranger):
    assert "raman.disorder" in stranger("plan", "list")
    plan = json.loads(
        stranger("plan", "raman.disorder", "--effect", "0.1", "--set", "scatter=0.1", "--runs",
                 "100", "--json")
    )  # fmt: skip
    # Noncentral t: 15.2 places see one standard deviation with a power of 0.95 at 0.05.
    assert plan["size"] == 20


def test_the_docs_table_lists_it(stranger):
    stranger.folder.joinpath("table.py").write_text(
        f"import sys; sys.path[:0] = [{str(ROOT / 'docs')!r}, {str(ROOT / 'docs' / '_ext')!r}]\n"
        "from reference_by_code import Quantities\n"
        "print('\\n'.join(Quantities.lines(None)))\n"
    )
    assert "``raman.disorder``" in stranger(module="table")
