"""The report and the command line, as their users meet them."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import xarray as xr

COATQC = [sys.executable, "-m", "coatqc.cli"]


def run(*arguments, **options):
    command = [*COATQC, *map(str, arguments)]
    options.setdefault("env", os.environ | {"COLUMNS": "80"})
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


def test_readme_shows_what_the_demo_prints(demo):
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    (block,) = re.findall(r"```text\n(.*?)```", readme, re.DOTALL)
    shown, printed = (
        [line.rstrip() for line in text.splitlines() if not line.startswith("report:")]
        for text in (block, demo[1].stdout)
    )
    assert shown == printed


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
    assert page.count('<img src="data:image/') == len(re.findall(r"<figure\b", page)) > 10
    assert "could not be drawn" not in page
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", page)


@pytest.mark.parametrize("width", [1280, 794, 390])
def test_html_in_a_browser(demo, browser, width):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 1100, "deviceScaleFactor": 1, "mobile": False},
    )
    browser.get((demo[0] / "report.html").as_uri())
    assert browser.get_log("browser") == []
    sent = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = [
        m["params"]["request"]["url"]
        for m in sent
        # The browser's own first page makes requests too.
        if m["method"] == "Network.requestWillBeSent"
        and not m["params"]["documentURL"].startswith(("chrome:", "chrome-untrusted:"))
    ]
    assert any(url.startswith("file:") for url in urls)
    assert [url for url in urls if not url.startswith(("file:", "data:"))] == []
    drawn = browser.execute_script(
        "return [...document.images].map(i => i.complete && i.naturalWidth > 100 && i.clientWidth)"
    )
    assert len(drawn) > 10
    assert all(drawn)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_html_prints_on_a4(demo, browser):
    browser.get((demo[0] / "report.html").as_uri())
    printed = base64.b64decode(browser.print_page())
    assert printed.startswith(b"%PDF")
    assert 4 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 20


def test_tables_are_kept(demo):
    tree = xr.open_datatree(demo[0] / "results.nc", engine="h5netcdf")
    tables = [node["table"].to_dataset() for node in tree.children.values() if "table" in node]
    particles = next(t for t in tables if "crack_area" in t)
    assert particles["crack_area"].attrs["units"] == "nm2"
    assert any("median" in t and "fragment" in t for t in tables)


def test_demo_works_from_a_wheel(tmp_path):
    """Built as users get it, in a folder of its own: neither tests nor data are in it."""
    root = Path(__file__).parents[2]
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "-w", tmp_path, root],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        tops = {name.split("/")[0] for name in file.namelist()}
        file.extractall(tmp_path / "installed")
    packages = {"coatcore", "coatqc", "spectra", "imaging", "tofsims", "xrd", "electrochem"}
    assert {top for top in tops if not top.endswith(".dist-info")} == packages
    (tmp_path / "elsewhere").mkdir()
    place = {"cwd": tmp_path / "elsewhere"}
    place["env"] = os.environ | {"PYTHONPATH": str(tmp_path / "installed")}
    where = [sys.executable, "-c", "import coatqc; print(coatqc.__file__)"]
    found = subprocess.run(where, capture_output=True, text=True, timeout=60, **place).stdout
    assert found.startswith(str(tmp_path / "installed"))
    done = run("demo", **place)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "elsewhere" / "coatqc-demo" / "report.html").is_file()


def test_names_are_escaped(tmp_path):
    path = tmp_path / "batch.toml"
    path.write_text(
        'schema_version = 1\nname = "<script>alert(1)</script>"\n'
        '[samples."<b>x</b>"]\nsem = "<i>.tif"\n'
    )
    done = run("report", path, "-o", tmp_path / "out")
    assert done.returncode == 4
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<script>alert" not in page
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


@pytest.mark.parametrize("name", ["ir/interfero.SPA", "xrd/format1.raw", "README.md"])
def test_inspect_refuses(reference, name):
    done = run("inspect", reference / name)
    assert done.returncode == 4
    assert done.stderr.startswith("error:")
    assert len(done.stderr.splitlines()) == 1


def test_a_picture_never_replaces_the_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("10 1\n11 2\n12 3\n13 2\n")
    before = path.read_bytes()
    for target in (path, tmp_path / "noending"):
        done = run("inspect", path, "--plot", target)
        assert (done.returncode, done.stderr[:6]) == (4, "error:")
    assert path.read_bytes() == before


def test_a_terminal_without_unicode_is_no_failure(tmp_path):
    path = tmp_path / "batch.toml"
    path.write_text('schema_version = 1\nname = "µ"\n[samples.a]\n')
    plain = {"env": os.environ | {"PYTHONIOENCODING": "ascii"}}
    done = run("report", path, "-o", tmp_path / "out", **plain)
    assert done.returncode == 3, done.stderr
    assert "batch ?" in done.stdout


def test_version_and_help():
    assert run("--version").stdout.startswith("coatqc ")
    assert "Examples" in run("--help").stdout
