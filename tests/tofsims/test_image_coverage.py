"""Areal coverage from the counts of fragments in pixels."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from coatcore import MeasurementError, validate
from coatcore.estimate import Estimate
from tofsims import fragment_coverage
from tofsims.images.coverage_likelihood import fit_coverage, tabulated
from tofsims.labels.labels import labelled_cube
from tofsims.simulating import simulate_cube

COATING, SUBSTRATE = ["SO-", "C2SO-", "C3H6NO-"], ["58NiO2-", "CoO2-"]


@pytest.mark.calibration
def test_intervals_of_coverage_hold_the_truth(holds):
    """Coated pixels of 3-12 counts, bare ones of 0.3-1; rates that vary by 0-30 %."""
    rng = np.random.default_rng(1)
    found, truths = [], []
    for _ in range(500):
        share = rng.uniform(0.4, 0.97)
        coated = rng.random(600) < share
        rate = np.where(coated, rng.uniform(3, 12), rng.uniform(0.3, 1.0))
        spread = rng.uniform(0.0, 0.3) ** 2
        if spread > 1e-4:
            rate = rate * rng.gamma(1 / spread, spread, 600)
        fit = fit_coverage(tabulated(rng.poisson(rate)[:, None]))
        low, high = min(fit.lower, fit.share), max(fit.upper, fit.share)
        found.append(Estimate.from_interval(fit.share, low, high))
        truths.append(coated.mean())
    holds("coverage by fragments, 600 pixels of some counts", truths, found)


def test_from_the_cube_to_the_coverage():
    cube, truth = simulate_cube(3, shape=(48, 48), coverage=0.8)
    found = fragment_coverage(cube, COATING, SUBSTRATE, scans=slice(0, 15))
    assert found.coverage.lower < truth["coverage"] < found.coverage.upper
    assert found.coverage.upper - found.coverage.lower < 0.2
    assert validate(found.probability) == []
    # A pixel that counts as coated from one count on would be far off.
    counts = cube.sel(fragment=COATING)[:15].sum(("scan", "fragment"))
    assert abs(float((counts > 0).mean()) - truth["coverage"]) > 0.05
    assert found.rates["coating"][0] > 4 * found.rates["coating"][1]
    figure = found.plot()
    assert any("simulated" in t.get_text() for a in figure.axes for t in a.texts)
    # References fix the levels.
    references = {
        "coated": simulate_cube(4, shape=(32, 32))[0].isel(scan=slice(0, 15)),
        "bare": simulate_cube(5, shape=(32, 32), coverage=0.0)[0].isel(scan=slice(0, 15)),
    }
    sure = fragment_coverage(cube, COATING, SUBSTRATE, scans=slice(0, 15), **references)
    assert sure.coverage.lower < truth["coverage"] < sure.coverage.upper
    assert sure.coverage.standard_uncertainty < 1.05 * found.coverage.standard_uncertainty


def test_what_cannot_be_told_is_said():
    cube, _ = simulate_cube(6, shape=(16, 16), scans=5)
    flat = labelled_cube(
        np.random.default_rng(2).poisson(0.3, (16, 16, 1)), (78.0, 78.0), fragments=["SO-"]
    )
    for call, words in (
        (lambda: fragment_coverage(flat, ["SO-"]), "not told apart"),
        (lambda: fragment_coverage(flat * 0, ["SO-"]), "no counts"),
        (lambda: fragment_coverage(flat.isel(y=slice(4)), ["SO-"]), "100 are needed"),
        (lambda: fragment_coverage(flat * 0.5, ["SO-"]), "scaled"),
        (lambda: fragment_coverage(cube, []), "at least one"),
        (lambda: fragment_coverage(cube, ["SO-"], ["SO-"]), "none as both"),
        (lambda: fragment_coverage(cube, ["PO2-"]), "no image of PO2-"),
        (lambda: fragment_coverage(xr.DataArray(np.ones((3, 3)), dims=("y", "x")), ["SO-"]), "dim"),
    ):
        with pytest.raises(MeasurementError, match=words):
            call()
