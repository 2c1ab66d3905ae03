"""Dose profiles: cross sections, and whether the beam took the coating off."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import curve_fit

from coatcore import MeasurementError, validate
from tofsims import dose_profile, fit_dose_profile
from tofsims.depth import primary_ion_dose, with_dose
from tofsims.images import polygon, region_counts
from tofsims.simulating import simulate_cube

COATING, SUBSTRATE = ["SO-", "C3H6NO-"], ["58NiO2-"]
SCANS, STEP = 40, 2e11
DOSE = (np.arange(SCANS) + 0.5) * STEP


def profile(counts, dose=DOSE, exposure=None):
    """A profile as `dose_profile` gives it, from counts (scan, fragment)."""
    names = [*COATING, *SUBSTRATE][: counts.shape[1]]
    return xr.Dataset(
        {
            "counts": (("scan", "fragment"), counts.astype(float)),
            "exposure": ("scan", np.ones(len(counts)) if exposure is None else exposure),
        },
        {"dose": ("scan", dose), "fragment": names},
    )


def expected(first, sigma, floor=0.05):
    left = np.exp(-sigma * DOSE)
    falls = first * (floor + (1 - floor) * left)
    return np.stack([falls, 0.6 * falls, 0.8 * first * (1 - 0.9 * left)], axis=1)


@pytest.mark.calibration
@pytest.mark.parametrize("first", [10.0, 1e3, 1e6])
def test_intervals_of_cross_sections_hold_the_truth(first, holds):
    rng = np.random.default_rng(int(first))
    sigma = 5e-13
    sections, losses = [], []
    mean = expected(first, sigma)[:, 0]
    truth = 1 - mean[-1] / mean[0]
    for _ in range(1000):
        found = fit_dose_profile(profile(rng.poisson(expected(first, sigma))), COATING, SUBSTRATE)
        sections.append(found.cross_section)
        losses.append(found.lost)
    holds(f"disappearance cross section, {first:g} counts in the first scan", sigma, sections)
    holds(f"share of the coating lost, {first:g} counts in the first scan", truth, losses)


def test_joint_fit_agrees_with_least_squares_at_many_counts():
    rng = np.random.default_rng(1)
    counts = rng.poisson(expected(1e6, 5e-13))
    found = fit_dose_profile(profile(counts), COATING, SUBSTRATE)

    def model(x, sigma, *levels):
        left = np.exp(-sigma * 1e-13 * DOSE)
        return np.concatenate(
            [levels[2 * k + 1] + (levels[2 * k] - levels[2 * k + 1]) * left for k in range(3)]
        )

    y = counts.T.ravel().astype(float)
    start = [4.0, *np.ravel([[c[0], c[-1]] for c in counts.T])]
    errors = {"sigma": np.sqrt(y + 1), "absolute_sigma": True}
    best, cov = curve_fit(model, np.zeros(y.size), y, start, **errors)
    assert found.cross_section.value == pytest.approx(best[0] * 1e-13, rel=1e-3)
    assert found.cross_section.standard_uncertainty == pytest.approx(
        np.sqrt(cov[0, 0]) * 1e-13, rel=0.1
    )
    table = found.table.set_index("fragment")
    assert table.loc["SO-", "I_0 (counts)"] == pytest.approx(best[1], rel=1e-3)
    assert table.loc["SO-", "u(I_0) (counts)"] == pytest.approx(np.sqrt(cov[1, 1]), rel=0.15)
    assert found.half_dose.value == pytest.approx(np.log(2) / found.cross_section.value)


def test_a_coating_that_stays_is_called_removed_in_5_percent():
    rng = np.random.default_rng(2)
    flat = np.full((SCANS, 2), 30.0)
    verdicts = [fit_dose_profile(profile(rng.poisson(flat)), COATING).verdict for _ in range(400)]
    wrong = np.mean([v in ("removed", "grew") for v in verdicts])
    assert 0.02 <= wrong <= 0.08


def test_words():
    rng = np.random.default_rng(3)
    gone = fit_dose_profile(profile(rng.poisson(expected(1e3, 5e-13))), COATING, SUBSTRATE)
    assert gone.verdict == "removed"
    assert "of its signal was lost by a dose of" in gone.summary()
    assert "static limit" not in gone.summary()
    still = fit_dose_profile(profile(rng.poisson(np.full((SCANS, 2), 1e5))), COATING)
    assert still.verdict == "not seen to change"
    assert "at most" in still.summary()
    few = fit_dose_profile(profile(rng.poisson(np.full((SCANS, 2), 0.5))), COATING)
    assert few.verdict == "cannot tell"
    grows = expected(1e3, 5e-13)[::-1, :2]
    assert fit_dose_profile(profile(rng.poisson(grows)), COATING).verdict == "grew"
    far = fit_dose_profile(profile(rng.poisson(expected(1e3, 5e-13)), DOSE * 10), COATING)
    assert "static limit" in far.summary()


def test_what_the_data_do_not_bound_is_left_open():
    """All gone before the second scan; or so slow that only a line is seen."""
    rng = np.random.default_rng(4)
    fast = fit_dose_profile(
        profile(rng.poisson(expected(50, 3e-11, 0.5) + 0.01)), COATING, SUBSTRATE
    )
    assert fast.cross_section.upper == np.inf
    assert fast.half_dose.lower == 0
    slow = fit_dose_profile(profile(rng.poisson(expected(20, 1e-14))), COATING, SUBSTRATE)
    assert slow.cross_section.lower == 0
    assert "above" in fast.plot().get_title()


def test_scatter_beyond_poisson_widens_the_interval():
    rng = np.random.default_rng(5)
    mean = expected(1e4, 5e-13)
    rough = rng.poisson(mean * rng.gamma(400, 1 / 400, mean.shape))
    smooth = rng.poisson(mean)
    a, b = (fit_dose_profile(profile(c), COATING, SUBSTRATE) for c in (rough, smooth))
    assert b.dispersion == 1
    assert 4 < a.dispersion < 30
    ratio = a.cross_section.standard_uncertainty / b.cross_section.standard_uncertainty
    assert ratio == pytest.approx(np.sqrt(a.dispersion), rel=0.2)


def test_from_the_cube_to_the_cross_section():
    cube, truth = simulate_cube(6, drift=-0.5)
    normal = fit_dose_profile(dose_profile(cube, by="total"), COATING, SUBSTRATE)
    assert normal.cross_section.lower < truth["cross_section"] < normal.cross_section.upper
    # The current that falls by half feigns a faster decay.
    plain = fit_dose_profile(dose_profile(cube), COATING, SUBSTRATE)
    assert plain.cross_section.value > normal.cross_section.value
    assert validate(normal.profile) == []
    ax = normal.plot()
    assert ax.get_xlabel().startswith("primary ion dose")
    assert any("simulated" in t.get_text() for t in ax.texts)


def test_regions():
    cube, _ = simulate_cube(7, shape=(32, 32), coverage=0.6)
    first = cube.isel(scan=slice(0, 5)).sum("scan")
    coated = first.sel(fragment=["SO-", "C2SO-", "C3H6NO-"]).sum("fragment") > 0
    inside = dose_profile(cube, region=coated)["counts"]
    everywhere = dose_profile(cube)["counts"]
    assert (inside <= everywhere).all()
    square = polygon(cube, [(0, 0), (16 * 78.125, 8 * 78.125)])
    assert int(square.sum()) == 16 * 8
    np.testing.assert_array_equal(
        region_counts(cube, square), cube.values[:, :16, :8].sum(axis=(1, 2))
    )
    triangle = polygon(cube, [(0, 0), (32 * 78.125, 0), (0, 32 * 78.125)])
    assert int(triangle.sum()) == pytest.approx(512, abs=32)
    lazy = region_counts(cube.chunk(scan=10), square)
    assert lazy.chunks is not None


def test_dose_of_the_paper():
    """0.1 pA over 20 um x 20 um for 1.28 s: 2e11 ions/cm2."""
    dose = primary_ion_dose(1e-13, 1.28, (20_000, 20_000))
    assert dose == pytest.approx(2e11, rel=0.01)
    assert primary_ion_dose(1e-13, 1.28, (20_000, 20_000), charge=2) == pytest.approx(dose / 2)
    with pytest.raises(MeasurementError, match="above zero"):
        primary_ion_dose(0, 1, (1, 1))


def test_what_cannot_be_fitted_is_told():
    cube, _ = simulate_cube(8, shape=(8, 8), scans=6)
    for call, words in (
        (lambda: dose_profile(cube.isel(scan=0)), "no dim scan"),
        (lambda: dose_profile(cube.drop_vars("dose")), "with_dose"),
        (lambda: dose_profile(cube, ["PO2-"]), "no profile of PO2-"),
        (lambda: dose_profile(cube.isel(scan=slice(None, None, -1))), "must rise"),
        (lambda: dose_profile(cube.astype(float) - 1), "negative"),
        (lambda: dose_profile(cube.astype(float).where(cube > 0)), "missing"),
        (lambda: dose_profile(cube, by="PO2-"), "cannot normalise"),
        (lambda: dose_profile(cube.drop_vars("total"), by="total"), "no coordinate total"),
        (lambda: dose_profile(cube, region=cube.isel(scan=0, fragment=0, y=slice(4)) > 0), "same"),
        (lambda: region_counts(cube, cube.isel(scan=0, fragment=0) < 0), "empty"),
        (lambda: polygon(cube, [(1e9, 1e9), (2e9, 2e9)]), "nm"),
        (lambda: polygon(cube, [(0, 0)]), "two corners"),
        (lambda: with_dose(cube, 0), "above zero"),
    ):
        with pytest.raises(MeasurementError, match=words):
            call()
    made = dose_profile(cube)
    for coating, substrate, words in (
        (["PO2-"], [], "lacks PO2-"),
        ([], ["58NiO2-"], "at least one coating"),
        (["SO-"], ["SO-"], "none as both"),
    ):
        with pytest.raises(MeasurementError, match=words):
            fit_dose_profile(made, coating, substrate)
    with pytest.raises(MeasurementError, match="5 are needed"):
        fit_dose_profile(made.isel(scan=slice(4)), ["SO-"])
    with pytest.raises(MeasurementError, match="no counts"):
        fit_dose_profile(made * 0, ["SO-"])
