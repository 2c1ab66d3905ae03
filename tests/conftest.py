"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import re
from pathlib import Path

import hypothesis
import numpy as np
import pytest

# The same examples in every run; COATQC_HYPOTHESIS=explore looks at others.
hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None)
hypothesis.settings.register_profile("explore", max_examples=500, deadline=None)
hypothesis.settings.load_profile(os.environ.get("COATQC_HYPOTHESIS", "fixed"))

DEFAULT_REFERENCE = Path(__file__).parents[2] / "shared" / "reference"


def reference_folder() -> Path | None:
    folder = Path(os.environ.get("COATQC_REFERENCE", DEFAULT_REFERENCE))
    return folder if (folder / "README.md").is_file() else None


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder of real instrument files that are not part of the project."""
    folder = reference_folder()
    if folder is None:
        reason = "real instrument files are absent; set COATQC_REFERENCE to their folder"
        if os.environ.get("COATQC_REQUIRE_REFERENCE") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture
def runs():
    """Number of runs of a calibration that takes minutes: half of it but in the long form."""
    whole = os.environ.get("COATQC_CALIBRATION") == "long"
    return lambda number: number if whole else number // 2


@pytest.fixture
def holds(record_property):
    """Check that intervals hold the truth as often as they say; the figures are printed."""

    def check(what, truths, estimates, *, low=0.93, high=0.97):
        truth = np.broadcast_to(np.asarray(truths, float), len(estimates))
        value, lower, upper, u = (
            np.array([getattr(e, name) for e in estimates])
            for name in ("value", "lower", "upper", "standard_uncertainty")
        )
        held = float(np.mean((lower <= truth) & (truth <= upper)))
        error = value - truth
        record_property(
            "calibration",
            f"{what:62} {len(estimates):5d} {100 * held:6.1f} % {np.mean(error):11.2g} "
            f"{np.sqrt(np.mean(error**2)):10.2g} {np.median(u):10.2g}  {estimates[0].unit}",
        )
        assert low <= held <= high, f"{what}: {held} of the intervals hold the truth"

    return check


def pytest_terminal_summary(terminalreporter):
    reports = [r for group in terminalreporter.stats.values() for r in group]
    rows = {
        value
        for report in reports
        for key, value in getattr(report, "user_properties", [])
        if key == "calibration"
    }
    if not rows:
        return
    terminalreporter.section("calibration of 95 % intervals on simulated data")
    heads = ("interval of", "runs", "hold truth", "mean error", "rms error", "median u")
    terminalreporter.line("{:62} {:>5} {:>8} {:>9} {:>10} {:>10}  unit".format(*heads))
    for row in sorted(rows, key=lambda r: re.sub(r"\s+", " ", r)):
        terminalreporter.line(row)
