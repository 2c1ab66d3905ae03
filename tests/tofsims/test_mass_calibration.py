"""Mass scales: found calibrants, the line through them, and what it says of other masses."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from coatcore import MeasurementError, read, validate
from tofsims import calibrate, ion, simulate_spectra
from tofsims.calibration import (
    DEFAULT_CALIBRANTS,
    align_spectra,
    correct_dead_time,
    fit_mass_scale,
    mass_accuracy,
    measured_mass,
    peak_position,
    rebin,
)
from tofsims.labels.labels import labelled_spectrum
from tofsims.simulating import COATED_NCM

REAL = ("C-", "CH-", "O-", "OH-", "C2-", "CN-", "Cl-")
OTHERS = ("F-", "C2H-", "[37Cl]-", "102RuO-", "102RuO2-", "[102Ru]-", "RuO3-", "C4H-")


@pytest.fixture(scope="module")
def real(reference):
    return {
        (metal, i): read(reference / "tofsims" / f"N_Ru-{metal}_Bi3_{i}.txt")
        for metal in ("Ir", "Pd")
        for i in range(1, 6)
    }


def test_real_residuals_are_under_half_a_channel(real):
    """Of the calibrants, and of ions that are none; channels as they are stored."""
    after, others = [], []
    for spectrum in real.values():
        fixed = calibrate(spectrum, (*REAL, "102RuO-", "102RuO2-"))
        step = np.median(np.diff(np.sqrt(fixed["mz"].values)))
        for name in (*REAL, "F-", "C2H-", "[37Cl]-", "102RuO-", "102RuO2-"):
            exact = np.sqrt(ion(name).mz)
            off = (np.sqrt(peak_position(fixed, name)) - exact) / step
            (others if name in OTHERS else after).append(abs(off))
    assert np.median(after) < 0.5
    assert np.median(others) < 0.5
    assert max(after + others) < 1


def test_the_line_is_that_of_least_squares(real):
    """Where all calibrants weigh alike, as the bins of real exports make them."""
    scale = fit_mass_scale(real["Ir", 1], REAL)
    time = np.array([c.time for c in scale.used])
    root = np.sqrt([c.mz for c in scale.used])
    slope, offset = np.polyfit(time, root, 1)
    assert scale.slope == pytest.approx(slope, rel=1e-5)
    assert scale.mz(np.array(0.0)) == pytest.approx(max(offset, 0) ** 2, abs=1e-3)
    covariance = np.polyfit(time, root, 1, cov=True)[1]
    assert scale.slope_uncertainty == pytest.approx(np.sqrt(covariance[0, 0]), rel=0.02)


def test_a_wrong_and_a_missing_calibrant_are_left_out_with_their_reason():
    shares = {**COATED_NCM, "PS-": 0.2, "PO2-": 0.002, "C3-": 0.0}
    (made,), _ = simulate_spectra(3, n=1, scatter=0.0, intensities=shares, resolving_power=3000)
    scale = fit_mass_scale(made)
    why = {c.name: c.problem for c in scale.calibrants}
    assert why["C3-"] == "no peak"
    assert "off the line" in why["PO2-"]
    assert {c.name for c in scale.used} == {"C-", "C2-", "PO-", "C4-", "PO3-"}
    assert "PO2- (off the line" in calibrate(made).attrs["calibration_left_out"]


def test_calibrants_that_dead_time_moved_are_left_out():
    (made,), _ = simulate_spectra(
        3, n=1, scatter=0.0, intensities={**COATED_NCM, "Cl-": 0.4}, pulses=80_000
    )
    ions = (*DEFAULT_CALIBRANTS, "O-", "Cl-")
    scale = fit_mass_scale(made, ions)
    assert {"O-", "Cl-"} == {c.name for c in scale.calibrants if c.problem}
    assert scale.rms_ppm < 3
    # Corrected, they come back.
    fixed = fit_mass_scale(correct_dead_time(made, 80_000, 40), ions)
    assert "O-" in {c.name for c in fixed.used}


def test_a_peak_without_pulses_left_is_called_saturated():
    (made,), _ = simulate_spectra(
        1, n=1, scatter=0.0, intensities={**COATED_NCM, "Cl-": 0.5}, pulses=100_000
    )
    scale = fit_mass_scale(correct_dead_time(made, 100_000, 40), ("C-", "C2-", "Cl-", "O-"))
    assert {c.name: c.problem for c in scale.calibrants}["Cl-"] == "saturated"


def test_a_stored_scale_that_is_far_off_is_put_right():
    (made,), _ = simulate_spectra(5, n=1)
    off = made.assign_coords(mz=("mz", (np.sqrt(made["mz"].values) + 0.008) ** 2, made["mz"].attrs))
    fixed = calibrate(off)
    assert peak_position(fixed, "SO-") == pytest.approx(ion("SO-").mz, abs=5e-4)


def test_what_cannot_be_calibrated_is_told():
    (made,), _ = simulate_spectra(1, n=1)
    with pytest.raises(MeasurementError, match="2 are needed"):
        calibrate(made, ["PO2-"])
    with pytest.raises(MeasurementError, match=r"He-: no peak"):
        calibrate(made, ["PO2-", "He-"])
    with pytest.raises(MeasurementError, match="2 are needed"):
        calibrate(made, ["PO2-", "PO2-"])
    with pytest.raises(MeasurementError, match="no counts"):
        calibrate(0 * made)
    with pytest.raises(MeasurementError, match=r"calibrate first"):
        mass_accuracy(made, 50.0)
    with pytest.raises(MeasurementError, match="no peak"):
        measured_mass(calibrate(made), "He-")
    with pytest.warns(UserWarning, match="extrapolation"):
        measured_mass(calibrate(made, ["C-", "O-", "OH-"]), "S-")


def test_uncertainty_grows_outside_the_calibrants_and_survives_a_file(tmp_path):
    (made,), _ = simulate_spectra(1, n=1)
    fixed = calibrate(made)
    mu = [m * mass_accuracy(fixed, m) for m in (47.0, 90.0, 900.0)]
    assert mu[0] < mu[1] < mu[2] / 10
    fixed.to_netcdf(tmp_path / "a.nc")
    back = xr.open_dataarray(tmp_path / "a.nc")
    assert mass_accuracy(back, 90.0) == pytest.approx(mu[1] / 90)
    assert validate(back) == []


def _around_peaks(rng, ions, counts, excess):
    """Counts around the peaks only; each stands off its mass by `excess` channels."""
    b, sigma = 12_000.0, 1.6
    parts = []
    for name in ions:
        place = b * np.sqrt(ion(name).mz) + excess * rng.normal()
        time = np.arange(int(place) - 60, int(place) + 61, dtype=float)
        shape = np.exp(-0.5 * ((time - place) / sigma) ** 2) / (sigma * 2.5066)
        parts.append((time, rng.poisson(counts * shape + 0.02)))
    time, values = (np.concatenate(p) for p in zip(*parts, strict=True))
    order = np.argsort(time)
    stored = ((time[order] + rng.normal(0, 3.0)) / (b * (1 + rng.normal(0, 5e-5)))) ** 2
    return labelled_spectrum(stored, time[order], values[order], {"simulated": "yes"})


@pytest.mark.calibration
@pytest.mark.parametrize(("counts", "excess"), [(300, 0.0), (3000, 0.3), (1e5, 1.0)])
def test_intervals_of_masses_hold_the_truth(counts, excess, holds):
    """Between the calibrants (SO-) and above them (SO3-), from counting to excess scatter."""
    rng = np.random.default_rng(int(counts))
    calibrants = ["C-", "O-", "C2-", "Cl-", "CNO-", "PO-", "PO2-"]
    unknown = ["SO-", "SO3-"]
    found: dict[str, list] = {name: [] for name in unknown}
    for _ in range(1000):
        made = calibrate(_around_peaks(rng, calibrants + unknown, counts, excess), calibrants)
        for name in unknown:
            found[name].append(measured_mass(made, name))
    for name in unknown:
        where = "inside" if name == "SO-" else "above"
        holds(
            f"m/z {where} the calibrants, {counts:g} counts, scatter {excess:g} channels",
            ion(name).mz,
            found[name],
        )


# -- replicates ---------------------------------------------------------------------------


def test_replicates_are_aligned_jointly():
    """Calibrants too weak in one of them: it takes the scale from what it shares with others."""
    spectra, _ = simulate_spectra(11, n=5, scatter=0.05)
    weak = {k: (0.0 if k in DEFAULT_CALIBRANTS[:5] else v) for k, v in COATED_NCM.items()}
    (poor,), _ = simulate_spectra(12, n=1, scatter=0.0, intensities=weak)
    aligned = align_spectra([*spectra, poor])
    names = ("O-", "S-", "Cl-", "SO2-", "PO3-")
    places = np.array([[peak_position(s, n) for n in names] for s in aligned])
    exact = np.array([ion(n).mz for n in names])
    assert np.abs(places / exact - 1).max() < 12e-6
    # Nearer to each other than they are one by one.
    alone = np.array([[peak_position(calibrate(s), n) for n in names] for s in spectra])
    assert np.std(places[:5] / exact, axis=0).mean() < np.std(alone / exact, axis=0).mean()
    for before, after in zip([*spectra, poor], aligned, strict=True):
        assert after.values.sum() == pytest.approx(before.values.sum(), rel=1e-4)


def test_real_replicates_are_aligned(real):
    spectra = [real["Pd", i] for i in range(1, 6)]
    aligned = align_spectra(spectra, REAL)
    step = np.median(np.diff(np.sqrt(aligned[0]["mz"].values)))
    for name in ("O-", "Cl-", "OH-", "CN-"):
        places = [np.sqrt(peak_position(s, name)) for s in aligned]
        assert np.ptp(places) < 0.5 * step


def test_a_common_axis_keeps_every_count():
    spectra, _ = simulate_spectra(11, n=2)
    aligned = align_spectra(spectra)
    moved = rebin(aligned[1], aligned[0]["mz"].values)
    assert moved.values.sum() == pytest.approx(aligned[1].values.sum(), rel=1e-3)
    np.testing.assert_array_equal(moved["mz"], aligned[0]["mz"])
    both = xr.concat([aligned[0], moved], "replicate", coords="minimal", compat="override")
    assert both.sizes["replicate"] == 2
    assert moved.attrs["calibration_ions"]


def test_replicates_that_do_not_belong_together_are_refused():
    spectra, _ = simulate_spectra(11, n=2)
    coarse = spectra[1].coarsen(mz=8, boundary="trim").sum()
    coarse.attrs = spectra[1].attrs
    for name in ("mz", "channel"):
        coarse[name].attrs = spectra[1][name].attrs
    with pytest.raises(MeasurementError, match="bins of"):
        align_spectra([spectra[0], coarse])
    rng = np.random.default_rng(1)
    noise = spectra[1].copy(data=rng.poisson(0.1, spectra[1].size))
    with pytest.raises(MeasurementError, match="shares"):
        align_spectra([spectra[0], noise])
    with pytest.raises(MeasurementError, match="at least two"):
        align_spectra(spectra[:1])


def test_picture_of_the_residuals():
    (made,), _ = simulate_spectra(1, n=1)
    ax = fit_mass_scale(made).plot()
    assert ax.get_ylabel() == "residual / ppm"
    assert len(ax.texts) == len(DEFAULT_CALIBRANTS)


def test_a_spectrum_of_few_counts_is_calibrated():
    """1,500 ions in all: a calibrant of 45 counts is a peak where nothing else is counted."""
    held = 0
    for seed in range(20):
        (made,), _ = simulate_spectra(seed, n=1, total=1500)
        fixed = calibrate(made, ["C-", "O-", "C2-", "S-", "Cl-", "PO2-"])
        mass = measured_mass(fixed, "OH-")
        held += mass.lower < ion("OH-").mz < mass.upper
    assert held >= 17
