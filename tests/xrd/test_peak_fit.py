"""Places, widths and areas of peaks; angles; K-alpha2; background; cell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcore import Estimate, MeasurementError, read
from xrd import crystallite_size, fit_peaks, refine_cell, simulate_pattern
from xrd.labels import (
    d_spacing,
    scattering_vector,
    to_wavelength,
    two_theta_from_d,
    two_theta_from_q,
)
from xrd.labels.angles import require_wavelength
from xrd.peaks import estimate_background, strip_kalpha2, subtract_background
from xrd.simulate import LI6PS5CL

CU = 1.540598


@given(st.floats(0.5, 175), st.floats(0.3, 2.5))
def test_angles_go_there_and_back(two_theta, wavelength):
    d = d_spacing(two_theta, wavelength)
    assert two_theta_from_d(d, wavelength) == pytest.approx(two_theta, rel=1e-6)
    q = scattering_vector(two_theta, wavelength)
    assert q * d == pytest.approx(2 * np.pi)
    assert two_theta_from_q(q, wavelength) == pytest.approx(two_theta, rel=1e-6)


def test_angles_of_labelled_data_keep_labels():
    axis = simulate_pattern(1)[0]["two_theta"]
    assert d_spacing(axis, CU).attrs["units"] == "angstrom"
    assert to_wavelength(axis.sel(two_theta=slice(None, 30)), CU, 0.7).attrs["units"] == "degree"


def test_impossible_angles_are_told():
    with pytest.raises(MeasurementError, match=r"d holds 0\.5 angstrom"):
        two_theta_from_d(0.5, CU)
    with pytest.raises(MeasurementError, match="two_theta holds 0"):
        d_spacing(0.0, CU)
    pattern = simulate_pattern(1)[0]
    with pytest.raises(MeasurementError, match="drop one"):
        require_wavelength(pattern, 0.7093)
    del pattern.attrs["wavelength_angstrom"]
    with pytest.raises(MeasurementError, match="names no wavelength; give"):
        require_wavelength(pattern)
    assert require_wavelength(pattern, 0.7093) == 0.7093


def _truth(places, peak_counts):
    theta = np.radians(places) / 2
    fwhm = np.sqrt(0.004 * np.tan(theta) ** 2 - 0.001 * np.tan(theta) + 0.0075)
    one = fwhm / 2 * (np.pi / 2 + np.sqrt(np.pi / np.log(2)) / 2)
    relative = np.array([dict(LI6PS5CL)[p] for p in places]) / 100
    return fwhm, 1.5 * relative * peak_counts * one


@pytest.mark.calibration
@pytest.mark.parametrize("peak_counts", [200, 1e4])
def test_places_widths_and_areas_hold_the_truth(holds, peak_counts):
    places = [30.03, 31.40]
    fwhm, area = _truth(places, peak_counts)
    truths = {"two_theta": places, "fwhm": fwhm, "area": area}
    found = {what: ([], []) for what in truths}
    for seed in range(500):
        pattern = simulate_pattern(seed, peak_counts=peak_counts)[0].sel(two_theta=slice(28.5, 33))
        fit = fit_peaks(pattern, places)
        for what, truth in truths.items():
            for row in (0, 1):
                found[what][0].append(truth[row])
                found[what][1].append(fit.estimate(row, what))
    for what, (truth, estimates) in found.items():
        holds(f"{what} of a peak, {peak_counts:g} counts at the top", truth, estimates)


def test_all_peaks_of_a_pattern_are_found_once():
    table = fit_peaks(simulate_pattern(3)[0]).table
    places = np.array([p for p, _ in LI6PS5CL])
    assert len(table) == len(places)
    off = table["two_theta / degree"].to_numpy() - places
    assert np.all(np.abs(off) < 5 * table["u(two_theta) / degree"])
    assert (table["flag"] == "").all()


def test_places_agree_with_lmfit_on_a_real_pattern(reference):
    from lmfit.models import LinearModel, PseudoVoigtModel

    pattern = read(reference / "xrd" / "V2O5_0p4005-NiO_0p6016--8min.xrdml")
    single = pattern.copy()
    single.attrs = {k: v for k, v in pattern.attrs.items() if "kalpha2" not in k}
    ours = fit_peaks(single.sel(two_theta=slice(42.0, 45.2)), [43.6])
    part = single.sel(two_theta=slice(42.0, 45.2))
    x, y = part["two_theta"].values, part.values
    model = PseudoVoigtModel() + LinearModel()
    parameters = model.make_params(
        amplitude=20000, center=43.6, sigma=0.15, slope=0, intercept=float(y.min())
    )
    theirs = model.fit(y, parameters, x=x, weights=1 / np.sqrt(y))
    place = ours.estimate(0, "two_theta")
    assert place.value == pytest.approx(theirs.params["center"].value, abs=0.002)
    assert ours.table["fwhm / degree"].iloc[0] == pytest.approx(
        theirs.params["fwhm"].value, rel=0.02
    )


def test_flags_tell_what_a_fit_is_worth():
    pattern = simulate_pattern(1)[0]
    nothing = fit_peaks(pattern, [36.0]).table["flag"].iloc[0]
    assert "not_found" in nothing
    real = fit_peaks(pattern, [30.03]).table["flag"].iloc[0]
    assert real == ""


def test_bad_input_is_told_in_words():
    pattern = simulate_pattern(1)[0]
    with pytest.raises(MeasurementError, match="places names 5 degree"):
        fit_peaks(pattern, [5.0])
    with pytest.raises(MeasurementError, match="no peak stands out"):
        flat = np.random.default_rng(1).poisson(100, pattern.size).astype(float)
        fit_peaks(pattern.copy(data=flat))
    with pytest.raises(MeasurementError, match="missing values"):
        fit_peaks(pattern.where(pattern["two_theta"] > 20), [30.0])
    with pytest.raises(MeasurementError, match="negative intensities"):
        fit_peaks(pattern - 5000, [30.0])
    with pytest.raises(MeasurementError, match="allowed are"):
        fit_peaks(pattern, [30.03]).estimate(0, "colour")
    with pytest.raises(MeasurementError, match="row is 7"):
        fit_peaks(pattern, [30.03]).estimate(7, "d")


def test_without_a_wavelength_d_is_not_told():
    pattern = simulate_pattern(1)[0]
    pattern.attrs.pop("wavelength_angstrom")
    assert np.isnan(fit_peaks(pattern, [30.03]).table["d / angstrom"].iloc[0])


def _alone(seed):
    """Noiseless lines of K-alpha1 alone, as the simulator draws them."""
    x = simulate_pattern(seed)[0]["two_theta"].values
    total = np.zeros(x.size)
    for place, intensity in LI6PS5CL:
        fwhm = _truth([place], 1.0)[0][0]
        u = (x - place) / fwhm
        shape = 0.5 / (1 + 4 * u**2) + 0.5 * np.exp(-4 * np.log(2) * u**2)
        total += np.where(np.abs(u) < 60, intensity / 100 * shape, 0.0)
    return total


def test_stripping_leaves_kalpha1_alone():
    pattern = simulate_pattern(1, peak_counts=1e9, background=0.0)[0]
    left, alone = strip_kalpha2(pattern), 1e9 * _alone(1)
    assert float(left.sum() / pattern.sum()) == pytest.approx(2 / 3, abs=0.002)
    for place, intensity in LI6PS5CL:
        near = np.abs(pattern["two_theta"].values - place) < 1.0
        # Of the K-alpha2 line's height less than 2 % is left anywhere.
        second = 0.5 * intensity / 100 * 1e9
        assert np.abs(left.values - alone)[near].max() < 0.02 * second
    assert "wavelength_kalpha2_angstrom" not in left.attrs
    with pytest.raises(MeasurementError, match="monochromatic"):
        strip_kalpha2(left.clip(0))


def test_uncertainty_of_stripped_points_is_their_scatter():
    runs = np.stack([strip_kalpha2(simulate_pattern(s)[0]).values for s in range(60)])
    told = strip_kalpha2(simulate_pattern(0)[0])["standard_uncertainty"].values
    assert np.median(runs.std(axis=0) / told) == pytest.approx(1.0, abs=0.12)


@pytest.mark.parametrize("method", ["snip", "arpls"])
def test_background_is_what_lies_under_the_peaks(method):
    peaks, _ = simulate_pattern(1)
    base = estimate_background(peaks, method=method)
    between = [13.0, 22.0, 28.0, 35.0, 42.0, 50.0, 66.0, 80.0]
    measured = peaks.interp(two_theta=between, method="nearest")
    assert np.all(np.abs(base.interp(two_theta=between) - measured) < 6 * np.sqrt(measured))
    assert float(subtract_background(peaks, method=method).max()) > 9000
    with pytest.raises(MeasurementError, match=r"width is 0\.01"):
        estimate_background(peaks, width=0.01)


@pytest.mark.calibration
def test_cell_lengths_hold_the_truth(holds):
    import pandas as pd

    rng = np.random.default_rng(4)
    places = np.array([p for p, _ in LI6PS5CL])
    truths, lengths = [], []
    # Places of the true cell, from the very lines that the refinement calculates.
    from xrd import reflections
    from xrd.crystals import reference_structure

    lines = reflections("Li6PS5Cl", wavelength=CU, least=5.0)
    exact = lines["two_theta / degree"].to_numpy()
    exact = exact[[np.abs(exact - p).argmin() for p in places]]
    a = reference_structure("Li6PS5Cl").cell[0]
    for _ in range(1000):
        change, shift = rng.normal() * 5e-4, rng.normal() * 0.05
        sine = np.sin(np.radians(exact) / 2) / (1 + change)
        u = np.full(exact.size, 0.003)
        moved = 2 * np.degrees(np.arcsin(sine)) + shift * np.sqrt(1 - sine**2) + rng.normal(0, u)
        table = pd.DataFrame({"two_theta / degree": moved, "u(two_theta) / degree": u})
        truths.append(a * (1 + change))
        lengths.append(refine_cell(table, "Li6PS5Cl", wavelength=CU).lengths["a"])
    holds("cell length by places of peaks", truths, lengths)


def test_cell_of_peaks_that_scatter_three_times_what_they_say(monkeypatch):
    import pandas as pd

    from xrd import reflections
    from xrd.crystals import reference_structure

    lines = reflections("Li6PS5Cl", wavelength=CU, two_theta_range=(20, 70), least=1.0)
    monkeypatch.setattr("xrd.phases.lattice.reflections", lambda *_, **__: lines)
    exact = lines["two_theta / degree"].to_numpy()[:6]
    rng, u = np.random.default_rng(5), np.full(6, 0.003)
    cells = []
    for _ in range(300):
        table = pd.DataFrame(
            {"two_theta / degree": exact + rng.normal(0, 3 * u), "u(two_theta) / degree": u}
        )
        cells.append(refine_cell(table, "Li6PS5Cl", wavelength=CU).lengths["a"])
    truth = reference_structure("Li6PS5Cl").cell[0]
    stated = np.sqrt(np.mean([cell.standard_uncertainty**2 for cell in cells]))
    assert stated == pytest.approx(np.std([cell.value for cell in cells]), rel=0.25)
    assert np.mean([cell.lower < truth < cell.upper for cell in cells]) > 0.91


def test_cell_of_a_real_oxide(reference):
    table = fit_peaks(read(reference / "xrd" / "V2O5_0p4005-NiO_0p6016--8min.xrdml")).table
    cell = refine_cell(table, "NiO", wavelength=CU, tolerance=0.5)
    assert cell.lengths["a"].value == pytest.approx(4.177, abs=0.006)
    with pytest.raises(MeasurementError, match=r"are needed|no line"):
        refine_cell(table.head(1), "NiO", wavelength=CU)


def test_size_by_scherrer():
    width = Estimate.from_standard_uncertainty(0.2, 0.01, unit="degree")
    size = crystallite_size(width, 30.0, wavelength=CU, instrument_fwhm=0.05)
    expected = 0.9 * 0.1540598 / np.radians(0.15) / np.cos(np.radians(15))
    assert size.value == pytest.approx(expected)
    assert size.lower < size.value < size.upper
    with pytest.raises(MeasurementError, match="not clearly above"):
        crystallite_size(width, 30.0, wavelength=CU, instrument_fwhm=0.19)


def test_figure_of_a_fit():
    ax = fit_peaks(simulate_pattern(1)[0]).plot()
    assert ax.figure.axes[-1].get_xlabel() == "2θ / °"
    assert any("simulated" in t.get_text() for t in ax.texts)
