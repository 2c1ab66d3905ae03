"""Areas of peaks: between borders and by fit, alone and overlapping, weak and strong."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import exponnorm, poisson

from coatcore import MeasurementError, read, validate
from coatcore.estimate import Estimate
from tofsims import calibrate, fit_peaks, ion, normalize, peak_areas, simulate_spectra
from tofsims.calibration import correct_dead_time
from tofsims.labels.labels import labelled_spectrum
from tofsims.peaks import plot_peaks
from tofsims.peaks.fit import require_resolved
from tofsims.peaks.poisson_counts import detection_limit, signal_interval
from tofsims.peaks.shape import USUAL, full_width, share_before
from tofsims.simulating import COATED_NCM

# Few of them are also known as PO2- and PO3-, beside which PS- and PSO- stand.
CALIBRANTS = ("C-", "C2-", "C3-", "O-", "Cl-", "PO-", "SO2-")
REAL_CALIBRANTS = ("C-", "CH-", "O-", "OH-", "C2-", "CN-", "Cl-")


def spectrum(seed, shares, **settings):
    (made,), _ = simulate_spectra(
        seed, n=1, scatter=0.0, intensities={**COATED_NCM, **shares}, **settings
    )
    return calibrate(made, CALIBRANTS)


@pytest.mark.parametrize("fwhm", [3, 8, 15])
@pytest.mark.parametrize("counts", [0, 100, 5000])
def test_areas_of_wide_and_weak_peaks(fwhm, counts):
    """One more peak, at SO3-, of the width of the spectrum's others, over a flat background."""
    rng = np.random.default_rng(1000 * fwhm + counts)
    time = np.arange(20_000, 290_000, dtype=float)
    mz = (time / 30_000) ** 2
    held, found = 0, []
    for _ in range(40):
        expected = np.full(time.size, 0.05)
        for name, n in (("O-", 9e4), ("Cl-", 5e4), ("C2-", 3e4), ("PO2-", 8e3), ("SO3-", counts)):
            near = slice(int(np.interp(ion(name).mz, mz, np.arange(time.size))) - 100, None)
            near = slice(near.start, near.start + 200)
            offset = time[near] - 30_000 * np.sqrt(ion(name).mz)
            shape = np.exp(-4 * np.log(2) * (offset / fwhm) ** 2)
            expected[near] += n * shape / shape.sum()
        made = labelled_spectrum(mz, time, rng.poisson(expected), {"calibration_ions": "known"})
        areas = peak_areas(made, ["SO3-"])
        area, u = float(areas["area"].item()), float(areas["standard_uncertainty"].item())
        found.append(area)
        held += abs(area - counts) <= 1.96 * u
    assert abs(np.mean(found) - counts) < 0.03 * counts + 3
    assert held >= 34


def test_a_stored_mass_scale_is_warned_of():
    (spectrum,), _ = simulate_spectra(1, n=1)
    with pytest.warns(UserWarning, match="calibrate first"):
        peak_areas(spectrum, ["PO2-"])


def test_doublet_areas_are_unbiased():
    spectra, truth = simulate_spectra(8, n=40, scatter=0.0)
    names = ["PO2-", "PS-", "PO3-", "PSO-"]
    values = normalize(peak_areas([calibrate(s) for s in spectra], names))["normalized"]
    for name in names:
        mine = values.sel(fragment=name)
        assert float(mine.mean()) == pytest.approx(truth[name], rel=0.02)


def test_poisson_uncertainty_is_the_scatter():
    spectra, _ = simulate_spectra(9, n=60, scatter=0.0)
    areas = peak_areas([calibrate(s) for s in spectra], ["PO2-"])
    ratio = float(areas["area"].std(ddof=1) / areas["standard_uncertainty"].mean())
    assert ratio == pytest.approx(1.0, abs=0.3)


# -- counting -----------------------------------------------------------------------------


def test_interval_of_counts_without_background_is_the_likelihoods():
    for n in (0, 1, 7, 4000):
        low, high = signal_interval(n, 0, np.inf)
        for end in (low, high):
            if end > 0:
                best = poisson.logpmf(n, n) if n else 0.0
                assert 2 * (best - poisson.logpmf(n, end)) == pytest.approx(3.8415, abs=1e-3)
    assert signal_interval(0, 0, np.inf)[0] == 0


@settings(max_examples=60)
@given(n=st.integers(0, 10**6), off=st.integers(0, 10**6), tau=st.floats(0.05, 50, allow_nan=False))
def test_interval_holds_its_estimate_and_is_never_negative(n, off, tau):
    low, high = signal_interval(n, off, tau)
    assert 0 <= low <= max(n - off / tau, 0) <= high
    assert high > 0


def test_many_intervals_at_once_are_those_of_each():
    n, off, tau = np.array([0, 3, 50]), np.array([4, 0, 80]), np.array([1.0, 2.0, np.inf])
    low, high = signal_interval(n, off, tau)
    for i in range(3):
        one = signal_interval(n[i], off[i], tau[i])
        np.testing.assert_allclose((low[i], high[i]), one)


def test_detection_limit_is_seen_as_often_as_it_says():
    """Currie: 5 % false alarms at nothing, 95 % seen at the limit."""
    rng = np.random.default_rng(3)
    level, tau, n = 40.0, 2.0, 200_000
    off = rng.poisson(tau * level, n) / tau
    critical = 1.644854 * np.sqrt(level * (1 + 1 / tau))
    assert np.mean(rng.poisson(level, n) - off > critical) == pytest.approx(0.05, abs=0.01)
    limit = float(detection_limit(level, tau))
    assert np.mean(rng.poisson(level + limit, n) - off > critical) == pytest.approx(0.95, abs=0.01)


@pytest.mark.calibration
@pytest.mark.parametrize("counts", [0, 3, 10, 1000])
def test_intervals_above_a_background_hold_the_truth(counts, holds):
    rng = np.random.default_rng(counts)
    on, off = rng.poisson(counts + 5.0, 4000), rng.poisson(10.0, 4000)
    low, high = signal_interval(on, off, 2.0)
    made = [
        Estimate.from_interval(max(n - b / 2, 0.0), a, z, unit="counts")
        for n, b, a, z in zip(on, off, low, high, strict=True)
    ]
    # At nothing at all the lower end cannot miss it.
    holds(
        f"{counts} counts above a background of 5", counts, made, high=0.99 if not counts else 0.97
    )


# -- dead time ----------------------------------------------------------------------------


def test_dead_time_is_put_right():
    """One ion in three of the strongest peak is lost; its area and its scatter come back."""
    shares = {"Cl-": 0.25}
    areas, lost, spread = [], [], []
    for seed in range(30):
        (counted,), _ = simulate_spectra(
            seed, n=1, scatter=0.0, intensities={**COATED_NCM, **shares}, pulses=150_000
        )
        fixed = calibrate(correct_dead_time(counted, 150_000, 40), CALIBRANTS)
        table = peak_areas(fixed, ["Cl-"])
        areas.append(table["area"].item())
        spread.append(table["standard_uncertainty"].item())
        with pytest.warns(UserWarning, match="dead time"):
            lost.append(peak_areas(calibrate(counted, CALIBRANTS), ["Cl-"])["area"].item())
    assert np.mean(lost) < 0.75 * 1e5
    assert np.mean(areas) == pytest.approx(1e5, rel=0.005)
    assert np.std(areas, ddof=1) == pytest.approx(np.mean(spread), rel=0.35)
    assert validate(fixed) == []


def test_dead_time_that_cannot_be_put_right():
    (counted,), _ = simulate_spectra(1, n=1, pulses=50_000)
    with pytest.raises(MeasurementError, match="every one counted an ion"):
        correct_dead_time(counted, 10_000, 40)
    fixed = correct_dead_time(counted, 50_000, 40)
    with pytest.raises(MeasurementError, match="already"):
        correct_dead_time(fixed, 50_000, 40)
    with pytest.raises(MeasurementError, match="at least 1 pulse"):
        correct_dead_time(counted, 0)
    with pytest.raises(MeasurementError, match="longer than the dead time"):
        correct_dead_time(counted.isel(mz=slice(0, None, 100)), 50_000, 40)
    with pytest.raises(MeasurementError, match="no coordinate channel"):
        correct_dead_time(counted.drop_vars("channel"), 50_000, 40)


def test_a_peak_that_leaves_few_pulses_is_flagged():
    (counted,), _ = simulate_spectra(
        1, n=1, scatter=0.0, intensities={**COATED_NCM, "Cl-": 0.5}, pulses=100_000
    )
    fixed = calibrate(correct_dead_time(counted, 100_000, 40), CALIBRANTS)
    for measure in (peak_areas, fit_peaks):
        flags = measure(fixed, ["Cl-", "PO2-"])["flag"].values[0]
        assert flags.tolist() == ["saturated", "ok"]


# -- shape --------------------------------------------------------------------------------


def test_shape_is_the_exponentially_modified_gaussian():
    x = np.linspace(-8, 40, 300)
    for sigma, tail in ((1.3, 0.6), (2.0, 0.01), (0.2, 3.0)):
        shape = np.array([np.log(sigma), np.log(tail), 2.0, -40.0, 0.0])
        expected = exponnorm.cdf(x, tail, loc=-tail * sigma, scale=sigma)
        np.testing.assert_allclose(share_before(x, 1.0, shape), expected, atol=1e-12)


def test_slow_tail_and_bins_widen_a_peak():
    assert share_before(np.array([8.0]), 1.0, USUAL)[0] < 1 - 1e-4
    assert full_width(USUAL, 1.0, 3.0) > full_width(USUAL) > full_width(USUAL, 0.5)


# -- fit ----------------------------------------------------------------------------------


def test_po2_beside_ps_100_times_larger():
    """The case that decides the paper's conclusion, at its resolving power: within 10 %."""
    made = [spectrum(s, {"PS-": 0.3, "PO2-": 0.003}, total=2e6) for s in range(20)]
    table = fit_peaks(made, ["PO2-", "PS-"])
    assert (table["flag"] == "ok").all()
    found = table["area"].sel(fragment="PO2-").values / 6000
    assert np.abs(found - 1).max() < 0.1
    # Their mean is unbiased.
    assert found.mean() == pytest.approx(1, abs=0.01)
    # The Gaussian's m/dm is 16,000; its tail costs an eighth of it.
    assert table["resolving_power"].sel(fragment="PO2-").mean() == pytest.approx(14_000, rel=0.02)
    assert table["peak_mz"].sel(fragment="PO2-").mean() == pytest.approx(ion("PO2-").mz, abs=2e-4)
    assert validate(table) == []


@pytest.mark.parametrize("ions", [["PO2-", "PS-"], ["PO2-"]])
@pytest.mark.parametrize("power", [3000, 5000])
def test_at_low_resolution_po2_is_declared_unresolved(power, ions):
    made = [
        spectrum(s, {"PS-": 0.3, "PO2-": 0.003}, total=2e6, resolving_power=power) for s in range(4)
    ]
    with pytest.warns(UserWarning, match=r"PO2- is not told from its neighbours"):
        table = fit_peaks(made, ions)
    mine = table.sel(fragment="PO2-")
    assert (mine["flag"] == "unresolved").all()
    assert np.isnan(mine["area"]).all()
    with pytest.raises(MeasurementError, match="PO2- cannot be told"):
        require_resolved(table)


def test_absent_po2_beside_ps_is_absent():
    made = [spectrum(s, {"PS-": 0.3, "PO2-": 0.0}, total=2e6) for s in range(20)]
    table = fit_peaks(made, ["PO2-", "PS-"]).sel(fragment="PO2-")
    assert (table["flag"] == "ok").all()
    assert (table["area_lower"] == 0).sum() >= 17
    assert float(table["area_upper"].max()) < 60


def test_equal_peaks_too_near_are_unresolved_both():
    made = spectrum(2, {"PS-": 0.01, "PO2-": 0.01}, resolving_power=2200)
    with pytest.warns(UserWarning, match="not told"):
        table = fit_peaks(made, ["PO2-", "PS-"])
    assert (table["flag"] == "unresolved").all()


def test_a_neighbour_that_nobody_listed_is_found_and_named():
    made = spectrum(4, {"PS-": 0.03, "PO2-": 0.01}, resolving_power=7000)
    table = fit_peaks(made, ["PO2-"])
    assert table["area"].item() == pytest.approx(4000, rel=0.06)
    place = float(table.attrs["unlisted_peaks"].split()[1])
    assert place == pytest.approx(ion("PS-").mz, abs=1e-3)
    alone = fit_peaks(made, ["SO3-"])
    assert "unlisted_peaks" not in alone.attrs


def test_slow_tails_are_learned():
    """A tail that holds 3 % of each peak, 8 sigma long, under a weak neighbour."""
    rng = np.random.default_rng(5)
    time = np.arange(20_000, 290_000, dtype=float)
    mz = (time / 30_000) ** 2
    shape = np.array([np.log(3.0), np.log(0.5), np.log(15.0), np.log(0.03 / 0.97), 0.0])
    expected = np.full(time.size, 0.001)
    edges = np.concatenate([time - 0.5, [time[-1] + 0.5]])
    strong = {"O-": 3e5, "Cl-": 5e5, "C2-": 1e5, "C3-": 5e4, "PS-": 2e5, "PO2-": 4e3}
    for name, counts in strong.items():
        place = 30_000 * np.sqrt(ion(name).mz)
        expected += counts * np.diff(share_before(edges - place, 1.0, shape))
    attrs = {"calibration_ions": "O-, Cl-, C2-, C3-", "calibration_rms_ppm": 1.0}
    found = []
    for _ in range(6):
        made = labelled_spectrum(mz, time, rng.poisson(expected), attrs)
        table = fit_peaks(made, ["PO2-", "PS-"]).sel(fragment="PO2-")
        assert table["area_lower"].item() - 60 < 4e3 < table["area_upper"].item() + 60
        found.append(table["area"].item())
    assert np.mean(found) == pytest.approx(4e3, rel=0.05)


def test_fit_and_sum_agree_on_real_peaks_that_stand_alone(reference):
    for metal, number in (("Ir", 1), ("Pd", 3)):
        raw = read(reference / "tofsims" / f"N_Ru-{metal}_Bi3_{number}.txt")
        made = calibrate(raw, REAL_CALIBRANTS)
        names = ["Cl-", "O-", "OH-", "F-", "CN-"]
        fitted, summed = fit_peaks(made, names)["area"], peak_areas(made, names)["area"]
        np.testing.assert_allclose(fitted, summed, rtol=0.02)
        # Against plain summing of the five bins around each peak.
        for name in names:
            at = int(np.abs(made["mz"].values - ion(name).mz).argmin())
            plain = made.values[at - 2 : at + 3].sum()
            assert summed.sel(fragment=name).item() == pytest.approx(plain, rel=0.03)


def test_real_bins_cannot_tell_po2_from_ps(reference):
    made = calibrate(read(reference / "tofsims" / "N_Ru-Ir_Bi3_1.txt"), REAL_CALIBRANTS)
    with pytest.warns(UserWarning, match="resolving power of 6"):
        table = fit_peaks(made, ["PO2-", "PS-", "Cl-"])
    assert table["flag"].values[0].tolist() == ["unresolved", "unresolved", "ok"]


def test_intervals_of_areas_hold_the_truth(holds):
    """Alone and beside a neighbour, from 10 counts to a million, in 1,000 spectra."""
    truth = {"Cl-": 1e6, "PO3-": 1e4, "SO3-": 1e2, "C3H6NO-": 10.0}
    total = 4e6
    shares = {name: counts / total for name, counts in truth.items()}
    fitted: dict[str, list[Estimate]] = {name: [] for name in truth}
    summed: dict[str, list[Estimate]] = {name: [] for name in truth}
    for run in range(1000):
        made = spectrum(300_000 + run, shares, total=total)
        for table, into in (
            (fit_peaks(made, [*truth, "PSO-"]), fitted),
            (peak_areas(made, [*truth, "PSO-"]), summed),
        ):
            for name in truth:
                one = table.sel(fragment=name)
                value, low, high = (one[k].item() for k in ("area", "area_lower", "area_upper"))
                into[name].append(
                    Estimate.from_interval(
                        value, low, high, unit="counts",
                        standard_uncertainty=one["standard_uncertainty"].item(),
                    )
                )  # fmt: skip
    for name, counts in truth.items():
        holds(f"area of {counts:g} counts, {name}, by fit", counts, fitted[name])
        if name != "Cl-":
            # At a million, the thousandth of a peak that lies outside the borders shows.
            holds(f"area of {counts:g} counts, {name}, by integration", counts, summed[name])


# -- bad input ----------------------------------------------------------------------------


@pytest.mark.parametrize("measure", [peak_areas, fit_peaks])
def test_what_cannot_be_measured_is_told(measure):
    made = spectrum(1, {})
    with pytest.raises(MeasurementError, match="at least one"):
        measure([], ["PO2-"])
    with pytest.raises(MeasurementError, match="at least one"):
        measure(made, [])
    with pytest.raises(MeasurementError, match="Bi3- lies outside"):
        measure(made, ["Bi3-"])
    with pytest.raises(MeasurementError, match="negative"):
        measure(made - 1, ["PO2-"])
    with pytest.raises(MeasurementError, match="dim mz"):
        measure(made.rename(mz="two_theta"), ["PO2-"])
    with pytest.raises(MeasurementError, match="do not rise"):
        measure(made.isel(mz=slice(None, None, -1)), ["PO2-"])
    for wrong in (None, "a.txt", made.to_dataset(), np.ones(5)):
        with pytest.raises(MeasurementError, match=r"expected .*mass spectr"):
            measure(wrong, ["PO2-"])
    # One ion spelled twice is two peaks in one place.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert (fit_peaks(made, ["PO2-", "[31P]O2-"])["flag"] == "unresolved").all()


def test_a_spectrum_without_peaks_gives_limits_and_no_error():
    rng = np.random.default_rng(1)
    time = np.arange(20_000, 290_000, dtype=float)
    flat = labelled_spectrum(
        (time / 30_000) ** 2, time, rng.poisson(0.01, time.size), {"calibration_ions": "none-"}
    )
    del flat.attrs["calibration_ions"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = fit_peaks(flat, ["PO2-", "PS-"])
    assert (table["area_lower"] == 0).all()
    assert np.isfinite(table["detection_limit"]).all()


def test_normalising_fitted_areas():
    table = fit_peaks(spectrum(1, {}), ["PO2-", "PO3-"])
    shares = normalize(table)["normalized"]
    assert shares.sel(fragment="PO2-").item() == pytest.approx(COATED_NCM["PO2-"], rel=0.1)


def test_picture_of_a_fit():
    ax = plot_peaks(spectrum(1, {"PS-": 0.1}), ["PO2-", "PS-"])
    words = [t.get_text() for t in ax.get_legend().get_texts()]
    assert "fit" in words
    assert len(words) == 4
    assert ax.get_ylabel() == "counts a bin"
