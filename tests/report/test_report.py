"""The report and the command line, as their users meet them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import xarray as xr

COATQC = [sys.executable, "-m", "coatqc.cli"]


def run(*arguments, **options):
    command = [*COATQC, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    done = run("demo", "-o", folder)
    return folder, done


def test_demo_passes_and_says_that_it_is_simulated(demo):
    _, done = demo
    assert done.returncode == 0, done.stderr
    assert "simulated data, not measured" in done.stdout
    assert "Traceback" not in done.stderr


def test_json_and_netcdf(demo):
    folder, _ = demo
    facts = json.loads((folder / "report.json").read_text())
    assert facts["verdict"] == "pass"
    assert facts["simulated"] is True
    assert all(len(f["sha256"]) == 64 for f in facts["files"])
    tree = xr.open_datatree(folder / "results.nc", engine="h5netcdf")
    numbers = [o for o in facts["criteria"] + facts["observations"] if o["estimate"]]
    assert tree["measurements"]["value"].values.tolist() == [
        o["estimate"]["value"] for o in numbers
    ]


def test_html_is_one_file_with_every_figure(demo):
    page = (demo[0] / "report.html").read_text()
    assert page.count('<img src="data:image/') == page.count("<figure>") > 10
    assert "could not be drawn" not in page
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", page)


def test_html_in_a_browser(demo, tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        if os.environ.get("COATQC_REQUIRE_CHROMIUM") == "1":
            pytest.fail("no Chromium is installed")
        pytest.skip("no Chromium is installed")
    for width in (1280, 794):
        shot, log = tmp_path / f"{width}.png", tmp_path / f"{width}.json"
        done = subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
             f"--user-data-dir={tmp_path / 'profile'}", f"--log-net-log={log}",
             f"--window-size={width},2000", f"--screenshot={shot}",
             (demo[0] / "report.html").as_uri()],
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert shot.stat().st_size > 20_000, done.stderr
        assert "CONSOLE" not in done.stderr, done.stderr
        page = (demo[0] / "report.html").name
        fetched = re.findall(r'"url":"([a-z]+://[^"]+)"', log.read_text())
        assert not [u for u in fetched if page in u and not u.startswith("file")]


def test_names_are_escaped(tmp_path):
    path = tmp_path / "batch.toml"
    path.write_text(
        'schema_version = 1\nname = "<script>alert(1)</script>"\n'
        '[samples."<b>x</b>"]\nsem = "<i>.tif"\n'
    )
    done = run("report", path, "-o", tmp_path / "out")
    assert done.returncode == 4
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<script>" not in page
    assert "<b>x" not in page
    assert "<i>.tif" not in page


def test_exit_codes(tmp_path, demo):
    assert run("report").returncode == 2
    missing = run("report", tmp_path / "absent.toml", "-o", tmp_path)
    assert (missing.returncode, missing.stderr[:6]) == (4, "error:")
    folder = demo[0] / "batch"
    text = (folder / "batch.toml").read_text()
    for old, new, code in (
        ("max = -8.0", "max = -18.0", 1),
        ("max = -8.0", "max = -13.02", 3),
    ):
        (folder / "other.toml").write_text(text.replace(old, new))
        assert run("report", folder / "other.toml", "-o", tmp_path / "o").returncode == code


@pytest.mark.parametrize(
    ("name", "kind", "axis", "n"),
    [
        ("ir/sample1.spa", "ir_spectrum", "wavenumber", 1738),
        ("xrd/empyrean.xrdml", "xrd_pattern", "two_theta", 196),
        ("tofsims/N_Ru-Ir_Bi3_1.txt", "mass_spectrum", "mz", None),
    ],
)
def test_inspect(reference, tmp_path, name, kind, axis, n):
    done = run("inspect", reference / name, "--json", "--plot", tmp_path / "a.png")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["kind"] == kind
    assert facts["dims"][axis] == (n or facts["coords"][axis]["n"])
    assert set(facts["coords"][axis]) == {"units", "min", "max", "n"}
    assert all(set(v) == {"units", "min", "max", "n_nan"} for v in facts["data"].values())
    assert (tmp_path / "a.png").stat().st_size > 1000
    assert run("inspect", reference / name).returncode == 0


@pytest.mark.parametrize("name", ["ir/interfero.SPA", "xrd/BT86.raw", "README.md"])
def test_inspect_refuses(reference, name):
    done = run("inspect", reference / name)
    assert done.returncode == 4
    assert done.stderr.startswith("error:")
    assert len(done.stderr.splitlines()) == 1


def test_version_and_help():
    assert run("--version").stdout.startswith("coatqc ")
    assert "Examples" in run("--help").stdout


def test_nothing_of_data_or_tests_is_packaged():
    root = Path(__file__).parents[2]
    import tomllib

    wheel = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    packages = wheel["targets"]["wheel"]["packages"]
    assert packages == ["coatqc", "spectra", "imaging", "tofsims", "xrd"]
