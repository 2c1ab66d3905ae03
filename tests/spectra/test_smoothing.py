"""Smoothing spectra, against independent implementations."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose
from scipy.ndimage import correlate1d
from scipy.signal import savgol_filter
from scipy.sparse import diags, identity
from scipy.sparse.linalg import spsolve

from coatcore import MeasurementError
from spectra import smooth
from spectra.labels.labels import labelled_spectrum
from spectra.preparing import cut_out, smoothing_weights
from spectra.preparing.smoothing import centred_weights


def test_moving_average_agrees_with_correlate1d(cube):
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, (301, 61)) * 10.0 ** rng.integers(-6, 6, (301, 1))
    values[3, 7] = np.nan
    made = xr.DataArray(
        values, dims=("replicate", "wavenumber"), coords={"wavenumber": np.arange(61.0)}
    )
    for window in (2, 3, 7, 10, 16, 61):
        expected = correlate1d(values, centred_weights(window), axis=1, mode="nearest")
        found = smooth(made, window).values
        assert np.array_equal(np.isnan(found), np.isnan(expected))
        size = np.nanmax(np.abs(values), axis=1, keepdims=True)
        assert np.nanmax(np.abs(found - expected) / size) < 1e-14


def test_smoothers_agree_with_others(spectrum):
    y, n = spectrum.values, spectrum.size
    step = abs(float(spectrum["wavenumber"][1] - spectrum["wavenumber"][0]))
    found = smooth(spectrum, 11, "savitzky_golay", polyorder=3).values
    assert_allclose(found, savgol_filter(y, 11, 3, mode="nearest"), atol=1e-14)
    differences = diags([1.0, -2.0, 1.0], [0, 1, 2], shape=(n - 2, n), dtype=float)
    direct = spsolve((identity(n) + 1e3 * differences.T @ differences).tocsc(), y)
    assert_allclose(smooth(spectrum, method="whittaker", lam=1e3).values, direct, atol=1e-11)
    sigma = 10.0 / step / 2.3548200450309493
    u = np.arange(-40, 41)
    gauss = np.exp(-0.5 * (u / sigma) ** 2)
    expected = correlate1d(y, gauss / gauss.sum(), mode="nearest")
    assert_allclose(smooth(spectrum, method="gaussian", width=10.0).values, expected, atol=1e-4)


SMOOTHERS = [
    {"window": 10},
    {"window": 9, "method": "savitzky_golay"},
    {"method": "gaussian", "width": 12.0},
    {"method": "whittaker", "lam": 100.0},
]


@pytest.mark.parametrize("settings", SMOOTHERS)
def test_the_stored_kernel_is_what_an_impulse_becomes(settings):
    x = 4000.0 - 2.0 * np.arange(801)
    impulse = labelled_spectrum(x, (np.arange(801) == 400).astype(float), "absorbance")
    for times in (1, 2):
        out = impulse
        for _ in range(times):
            out = smooth(out, **settings)
        weights = smoothing_weights(out)
        assert weights.size % 2 == 1
        assert weights.sum() == pytest.approx(1)
        half = weights.size // 2
        assert_allclose(out.values[400 - half : 401 + half], weights, atol=2e-3 * weights.max())


@pytest.mark.parametrize("settings", SMOOTHERS)
def test_the_stored_kernel_tells_how_noise_is_correlated(settings):
    rng = np.random.default_rng(5)
    noise = labelled_spectrum(np.arange(400.0, 4400.0), rng.normal(0, 1, 4000), "absorbance")
    out = smooth(noise, **settings)
    weights = smoothing_weights(out)
    inner = out.values[200:-200]
    assert inner.std() == pytest.approx(np.sqrt((weights**2).sum()), rel=0.1)
    told = (weights[1:] * weights[:-1]).sum() / (weights**2).sum()
    assert np.corrcoef(inner[1:], inner[:-1])[0, 1] == pytest.approx(told, abs=0.05)


def test_the_kernel_survives_a_file(tmp_path, spectrum):
    out = smooth(spectrum, 7)
    out.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with xr.open_dataarray(tmp_path / "a.nc", engine="h5netcdf") as back:
        assert_allclose(smoothing_weights(back), smoothing_weights(out))
    assert smoothing_weights(spectrum) is None


@pytest.mark.parametrize("settings", SMOOTHERS)
def test_smoothing_moves_no_band(settings):
    x = np.arange(1500.0, 1800.0)
    peak = labelled_spectrum(x, np.exp(-(((x - 1650.25) / 20) ** 2)), "absorbance")
    out = smooth(peak, **settings)
    assert float((out * x).sum() / out.sum()) == pytest.approx(1650.25, abs=1e-5)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"window": 1}, "window is 1"),
        ({"window": 10, "method": "savitzky_golay"}, "odd"),
        ({"method": "savitzky_golay"}, "needs `window`"),
        ({"method": "gaussian"}, "needs `width`"),
        ({"method": "gaussian", "width": 0.1}, "width is 0.1"),
        ({"method": "gaussian", "width": 9.0, "lam": 1.0}, "lam as well"),
        ({"method": "whittaker", "lam": -1.0}, "lam is"),
        ({"method": "median"}, "expected one of"),
    ],
)
def test_smoothing_refuses(spectrum, settings, words):
    with pytest.raises(MeasurementError, match=words):
        smooth(spectrum, **settings)
    with pytest.raises(MeasurementError, match="not evenly spaced"):
        smooth(cut_out(spectrum, 2300, 2400))
