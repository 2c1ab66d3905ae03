"""A browser without a window, and a small report."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from coatqc.judging import run_batch
from coatqc.recipes import load_batch
from coatqc.report import write_report
from imaging import simulate_sem
from imaging.write import write_zeiss_tiff

DEMO = Path(__file__).parents[2] / "data" / "demo"


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Headless Chromium that logs its console and every request."""
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if None in programs:
        reason = "no Chromium with its driver is installed"
        if os.environ.get("COATQC_REQUIRE_CHROMIUM") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    profile = tmp_path_factory.mktemp("profile")
    for argument in ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                     "--disable-background-networking", f"--user-data-dir={profile}"):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(programs[1]))
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    """Folder of a report in which there is something of everything, also of what went wrong."""
    folder = tmp_path_factory.mktemp("report")
    for i in range(3):
        write_zeiss_tiff(simulate_sem(i, shape=(300, 400))[0], folder / f"a{i}.tif")
    for path in DEMO.glob("ftir/*"):
        shutil.copy(path, folder)
    (folder / "batch.toml").write_text(
        """
schema_version = 1
name = "A7 <b>&</b>"
[samples.coated]
sem = "a*.tif"
ftir = "blend_*.jdx"
[samples.pvp]
ftir = "pvp_*.jdx"
[samples.lost]
ftir = ["blend_1.jdx", "absent.jdx"]
[[criteria]]
title = "shift passes"
quantity = "ftir.carbonyl_shift"
sample = "coated"
reference = "pvp"
max = -8
[[criteria]]
title = "shift fails"
quantity = "ftir.carbonyl_shift"
sample = "coated"
reference = "pvp"
max = -20
[[criteria]]
title = "cracks"
quantity = "sem.crack_area_fraction"
sample = "coated"
max = 0.5
[[criteria]]
title = "not there"
quantity = "ftir.carbonyl_position"
sample = "lost"
max = 1700
[[observations]]
quantity = "ftir.carbonyl_position"
sample = "pvp"
""",
        encoding="utf-8",
    )
    write_report(run_batch(load_batch(folder / "batch.toml")), folder / "out")
    return folder / "out"
