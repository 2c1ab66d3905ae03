"""Cutting, resampling and converting spectra, and vapour in them."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose
from scipy.interpolate import CubicSpline

from coatcore import MeasurementError, read, validate
from spectra import normalize, simulate_ftir, smooth, to_absorbance
from spectra.labels.labels import labelled_spectrum
from spectra.preparing import (
    atmosphere_flag,
    atr_correction,
    cut,
    cut_out,
    effective_thickness,
    penetration_depth,
    ratio_to_background,
    resample,
    smoothing_weights,
    to_transmittance,
)
from spectra.preparing.vapour_lines import carbon_dioxide_lines, water_lines


def test_cutting_on_either_direction(spectrum):
    for da in (spectrum, spectrum.sortby("wavenumber")):
        part = cut(da, 1600, 1700)
        assert 1600 <= float(part["wavenumber"].min()) < float(part["wavenumber"].max()) <= 1700
        rest = cut_out(da, 2300, 2400)
        assert not ((rest["wavenumber"] >= 2300) & (rest["wavenumber"] <= 2400)).any()
        for low, high, words in (
            (5000, 6000, "data run from 5"),
            (1700, 1600, "low must be"),
            (1600.1, 1600.2, "no point"),
        ):
            with pytest.raises(MeasurementError, match=words):
                cut(da, low, high)
        with pytest.raises(MeasurementError, match="nothing remains"):
            cut_out(da, 0, 9000)


def test_resampling_agrees_with_others(spectrum):
    x, y = spectrum["wavenumber"].values[::-1], spectrum.values[::-1]
    onto = np.linspace(3000.0, 700.0, 999)
    assert_allclose(resample(spectrum, onto).values, np.interp(onto, x, y), atol=1e-14)
    cubic = resample(spectrum, onto, method="cubic").values
    assert_allclose(cubic, CubicSpline(x, y)(onto), atol=1e-12)
    same = resample(spectrum, spectrum, method="cubic")
    assert_allclose(same.values, spectrum.values, atol=1e-12)
    assert validate(same) == []
    by_step = resample(spectrum, step=1.0)["wavenumber"].values
    assert by_step[0] == 4000.0
    assert_allclose(np.diff(by_step), -1.0)
    assert by_step[-1] >= x[0]


def test_resampling_carries_the_kernel_over(spectrum):
    smoothed = smooth(spectrum, method="gaussian", width=20.0)
    out = resample(smoothed, step=5.0)
    weights = smoothing_weights(out)
    at = 5.0 * np.arange(-(weights.size // 2), weights.size // 2 + 1)
    fwhm = 2.3548 * np.sqrt((weights * at**2).sum())
    assert fwhm == pytest.approx(20.0, rel=0.03)
    uneven = resample(smoothed, np.geomspace(700.0, 3000.0, 200))
    assert smoothing_weights(uneven) is None
    assert "linear" in uneven.attrs["resampled"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"onto": [100.0, 5000.0]}, "nothing is extrapolated"),
        ({"onto": [1000.0, 1000.0]}, "strictly"),
        ({"onto": [np.nan, 1000.0]}, "strictly"),
        ({"onto": [1000.0, 1001.0], "step": 1.0}, "either"),
        ({}, "either"),
        ({"step": 1e-9}, "step is"),
        ({"step": 2.0, "method": "fourier"}, "expected 'linear'"),
    ],
)
def test_resampling_refuses(spectrum, settings, words):
    with pytest.raises(MeasurementError, match=words):
        resample(spectrum, **settings)


def test_single_channels_become_absorbance(spectrum):
    background = labelled_spectrum(
        spectrum["wavenumber"].values, 5 + np.sin(spectrum["wavenumber"].values), "single_channel"
    )
    through = (background * 10**-spectrum).rename("single_channel").assign_attrs(background.attrs)
    out = ratio_to_background(through, background)
    assert_allclose(out.values, spectrum.values, atol=1e-12)
    assert validate(out) == []
    assert out.name == "absorbance"
    with pytest.raises(MeasurementError, match="differ in wavenumbers"):
        ratio_to_background(through, background.isel(wavenumber=slice(1, None)))
    with pytest.raises(MeasurementError, match="must be a single_channel"):
        ratio_to_background(spectrum, background)


def test_conversion_counts_opaque_points_and_refuses_percent(spectrum):
    shares = to_transmittance(spectrum)
    made = shares.where(abs(shares["wavenumber"] - 1669) > 3, -0.01)
    out = to_absorbance(made)
    assert out.attrs["opaque_points"] == int(np.isnan(out).sum()) == 3
    with pytest.raises(MeasurementError, match="percent"):
        to_absorbance(shares * 100)
    with pytest.raises(MeasurementError, match="normalised"):
        to_transmittance(normalize(spectrum))


@pytest.mark.parametrize("polarisation", ["s", "p"])
@pytest.mark.parametrize(("crystal", "angle"), [(2.4, 45.0), (4.0, 45.0), (4.0, 60.0)])
def test_effective_thickness_is_what_fresnel_gives(polarisation, crystal, angle):
    # Weak absorption: reflectance = 1 - alpha * effective thickness.
    nu, n, k = 1000.0, 1.5, 1e-7
    index = (n + 1j * k) / crystal
    cosine, sine = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    root = np.sqrt(index**2 - sine**2)
    if polarisation == "s":
        r = (cosine - root) / (cosine + root)
    else:
        r = (index**2 * cosine - root) / (index**2 * cosine + root)
    alpha = 4 * np.pi * k * nu * 1e-4
    expected = (1 - abs(r) ** 2) / alpha
    found = effective_thickness(nu, crystal, n, angle, polarisation)
    assert float(found) == pytest.approx(expected, rel=1e-4)


def test_atr_correction_scales_and_refuses(spectrum):
    ratio = (atr_correction(spectrum, reference=1000.0) / spectrum).values
    assert_allclose(ratio, spectrum["wavenumber"].values / 1000.0, rtol=1e-12)
    per_um = atr_correction(spectrum, 4.0, 1.5, 45.0, reference=None)
    assert per_um.attrs["units"] == "um-1"
    depth = effective_thickness(spectrum["wavenumber"].values, 4.0, 1.5, 45.0)
    assert_allclose((per_um * depth).values, spectrum.values, rtol=1e-12)
    with pytest.raises(MeasurementError, match=r"38\.7"):
        penetration_depth(1000.0, 2.4, 1.5, 38.0)
    with pytest.raises(MeasurementError, match="no total reflection"):
        atr_correction(spectrum, 1.4, 1.5)
    with pytest.raises(MeasurementError, match="before"):
        atr_correction(atr_correction(spectrum))


def noisy(step, n, seed, *, zero_filled=False):
    rng = np.random.default_rng(seed)
    x = np.arange(2700.0, 1200.0, -step)
    y = rng.normal(0, 1e-3, (n, x.size + 2))
    y = 0.5 * y[:, :-2] + y[:, 1:-1] + 0.5 * y[:, 2:] if zero_filled else y[:, 1:-1]
    return labelled_spectrum(x, y, "absorbance")


def line_spectrum(x, lines, width):
    position, strength = lines
    sigma = width / 2.3548
    y = np.exp(-0.5 * ((x[:, None] - position) / sigma) ** 2) @ strength
    return y / y.max()


@pytest.mark.calibration
@pytest.mark.parametrize(
    ("step", "width", "zero_filled", "most"),
    [
        (1.93, 4.0, False, 0.02),
        (1.93, 4.0, True, 0.02),
        (1.0, 2.0, True, 0.02),
        (3.86, 8.0, False, 0.04),
    ],
)
def test_gas_is_flagged_in_noise_as_rarely_as_said(step, width, zero_filled, most):
    made = noisy(step, 1000, 7, zero_filled=zero_filled)
    found = atmosphere_flag(made, resolution=width, false_alarm=0.01)
    for gas in ("water_vapour", "carbon_dioxide"):
        assert 0.001 <= float(found[gas].mean()) <= most


@pytest.mark.parametrize("width", [2.0, 4.0, 8.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_gas_is_found_and_its_height_is_right(width, sign):
    made = noisy(width / 2, 200, 3)
    x = made["wavenumber"].values
    both = line_spectrum(x, water_lines(), width) + line_spectrum(x, carbon_dioxide_lines(), width)
    found = atmosphere_flag(made + sign * 8e-3 * both, resolution=width)
    for gas in ("water_vapour", "carbon_dioxide"):
        assert float(found[gas].mean()) > 0.95
        assert float(found[f"{gas}_height"].mean()) == pytest.approx(sign * 8e-3, rel=0.05)
    # Ten times the noise of one point is never hidden, a tenth of it always.
    assert 1e-4 < float(found["water_vapour_limit"].median()) < 4e-3


def test_a_polymer_is_no_vapour():
    x = simulate_ftir(0)[0]["wavenumber"].values
    group = xr.concat([simulate_ftir(i)[0] for i in range(100)], dim="replicate")
    found = atmosphere_flag(group)
    assert float(found["water_vapour"].mean()) <= 0.05
    assert float(found["carbon_dioxide"].mean()) <= 0.05
    wet = atmosphere_flag(group + 5e-3 * line_spectrum(x, water_lines(), 4.0))
    assert float(wet["water_vapour"].mean()) > 0.95
    assert "resolution" not in found.attrs.get("assumptions", "")


def test_lines_agree_with_published_ones():
    # Published positions of strong lines of the bending band of H2(16)O.
    position, _ = water_lines()
    for known in (
        1456.887,
        1507.058,
        1539.061,
        1558.531,
        1576.186,
        1616.711,
        1635.652,
        1653.267,
        1684.835,
        1695.928,
        1717.405,
        1739.839,
        1772.714,
        1792.659,
        1869.347,
        1918.036,
    ):
        assert np.abs(position - known).min() < 0.15
    position, _ = carbon_dioxide_lines()
    # P(16) and R(16).
    for known in (2335.9111, 2361.4658):
        assert np.abs(position - known).min() < 0.02


def test_flag_is_lazy_and_says_what_it_cannot(spectrum):
    made = noisy(2.0, 6, 1)
    eager, lazy = atmosphere_flag(made), atmosphere_flag(made.chunk(replicate=2))
    assert lazy["water_vapour"].chunks is not None
    assert_allclose(lazy["water_vapour_height"].compute(), eager["water_vapour_height"])
    assert "resolution taken as 4 cm-1" in eager.attrs["assumptions"]
    assert validate(eager) == []
    part = atmosphere_flag(cut(spectrum, 1300, 1900))
    assert "carbon_dioxide" not in part
    assert "carbon dioxide" in part.attrs["not_covered"]
    for da, words in (
        (cut(spectrum, 600, 1200), "cover neither"),
        (to_transmittance(spectrum), "convert"),
    ):
        with pytest.raises(MeasurementError, match=words):
            atmosphere_flag(da)
    with pytest.raises(MeasurementError, match="false_alarm"):
        atmosphere_flag(spectrum, false_alarm=0.9)


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        ("7_CZ0-100_Pd_101.SPA", -1),
        ("7_CZ0-100_Pd_102.SPA", 1),
        ("3-SILICA_0.SPA", 1),
        ("peach_juice.dpt", 1),
        ("3-SILICA_4.SPA", 0),
    ],
)
def test_vapour_that_the_eye_sees_in_real_files(reference, name, sign):
    found = atmosphere_flag(read(reference / "ir" / name))
    assert bool(found["water_vapour"]) == (sign != 0)
    if sign:
        assert np.sign(float(found["water_vapour_height"])) == sign


def test_the_air_of_a_single_channel_shows(reference):
    single = read(reference / "ir" / "opus_background.0").sel(wavenumber=slice(3500, 900))
    air = (-np.log10(single)).rename("absorbance").assign_attrs(single.attrs)
    found = atmosphere_flag(air)
    for gas in ("water_vapour", "carbon_dioxide"):
        assert float(found[f"{gas}_height"]) > 2 * float(found[f"{gas}_limit"])


def test_a_map_takes_little_longer_than_its_copy():
    # The goal is 4 times; the limit here leaves room for a busy machine.
    import statistics
    import time

    values = np.random.default_rng(0).random((128, 128, 500))
    made = xr.DataArray(
        values, dims=("y", "x", "wavenumber"), coords={"wavenumber": np.arange(500.0)}
    )

    def seconds(function):
        start = time.perf_counter()
        function()
        return time.perf_counter() - start

    rounds = [
        (seconds(lambda: smooth(normalize(made))), seconds(lambda: made.copy(deep=True)))
        for _ in range(5)
    ]
    assert statistics.median(r[0] for r in rounds) < 12 * statistics.median(r[1] for r in rounds)
