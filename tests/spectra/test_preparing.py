"""Preparing spectra: each step keeps labels, takes cubes, stays lazy; normalising and scatter."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose

from coatcore import MeasurementError, validate
from spectra import normalize, smooth, subtract_baseline
from spectra.preparing import (
    atr_correction,
    baseline,
    cut,
    cut_out,
    emsc,
    emsc_coefficients,
    msc,
    resample,
    to_transmittance,
)

STEPS = {
    "normalize max": normalize,
    "normalize area": lambda d: normalize(d, "area"),
    "normalize vector": lambda d: normalize(d, "vector"),
    "normalize snv": lambda d: normalize(d, "snv"),
    "normalize band": lambda d: normalize(d, "band", at=1668.0),
    "normalize band_max": lambda d: normalize(d, "band_max", at=(1640.0, 1700.0)),
    "smooth": smooth,
    "savitzky_golay": lambda d: smooth(d, 9, "savitzky_golay"),
    "gaussian": lambda d: smooth(d, method="gaussian", width=12.0),
    "whittaker": lambda d: smooth(d, method="whittaker", lam=50.0),
    "baseline": baseline,
    "subtract_baseline": lambda d: subtract_baseline(d, "snip", max_half_window=30),
    "msc": msc,
    "emsc": emsc,
    "cut": lambda d: cut(d, 1200.0, 1800.0),
    "cut_out": lambda d: cut_out(d, 1200.0, 1300.0),
    "resample": lambda d: resample(d, step=2.0),
    "resample cubic": lambda d: resample(d, step=2.0, method="cubic"),
    "to_transmittance": to_transmittance,
    "atr_correction": atr_correction,
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS.keys())
def test_every_step_keeps_labels_takes_cubes_and_stays_lazy(cube, step):
    whole = step(cube)
    assert whole.dims == cube.dims
    assert whole.attrs["sample"] == "A7"
    assert whole.attrs["history"]
    assert validate(whole.isel(y=0, x=0, drop=True)) == []
    # The dead pixel stays dead, and no other one dies.
    dead = np.isnan(whole.values).all(axis=-1)
    assert dead[1, 2]
    assert dead.sum() == 1
    lazy = step(cube.chunk(y=1, wavenumber=100))
    assert lazy.chunks is not None
    assert_allclose(lazy.compute().values, whole.values, rtol=1e-9, atol=1e-12)
    assert "history" not in cube.attrs
    # The direction of the axis does not matter.
    turned = step(cube.isel(wavenumber=slice(None, None, -1))).sortby("wavenumber")
    if not step(cube).attrs.get("resampled"):
        assert_allclose(turned.values, whole.sortby("wavenumber").values, rtol=1e-6, atol=1e-9)
    single = step(cube.astype(np.float32))
    assert single.dtype == np.float32
    assert_allclose(single.values, whole.values, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS.keys())
def test_a_cube_agrees_with_its_spectra(cube, step):
    if step in (msc, emsc):
        pytest.skip("the mean of one spectrum is itself")
    one = step(cube.isel(y=2, x=1, drop=True))
    assert_allclose(step(cube).values[2, 1], one.values, rtol=1e-9, atol=1e-12)


def test_normalising_agrees_with_plain_numpy(spectrum):
    x, y = spectrum["wavenumber"].values, spectrum.values
    inside = (x >= 1600) & (x <= 1700)
    expected = {
        "max": y / y.max(),
        "area": y / abs(np.trapezoid(abs(y), x)),
        "vector": y / np.linalg.norm(y),
        "snv": (y - y.mean()) / y.std(ddof=1),
    }
    for method, values in expected.items():
        assert_allclose(normalize(spectrum, method).values, values, rtol=1e-12)
    for at in ((1600.0, 1700.0), (1700.0, 1600.0)):
        assert_allclose(normalize(spectrum, "band", at=at).values, y / y[inside].mean(), rtol=1e-12)
        assert_allclose(normalize(spectrum, "band_max", at=at), y / y[inside].max(), rtol=1e-12)
    at_place = np.interp(1669.3, x[::-1], y[::-1])
    assert_allclose(normalize(spectrum, "band", at=1669.3), y / at_place, rtol=1e-12)


def test_a_dead_pixel_of_a_map_is_counted_and_a_replicate_refused(cube, group):
    made = cube.copy(deep=True)
    made[0, 0] = 0.0
    made[0, 1] = -1.0
    out = normalize(made)
    assert out.attrs["not_normalized_pixels"] == 2
    assert "not_normalized_pixels=2" in out.attrs["history"]
    assert np.isnan(out.values).all(axis=-1).sum() == 3
    assert float(out.max()) == 1.0
    assert np.isnan(normalize(made, "snv").values).all(axis=-1).sum() == 3
    assert msc(made, cube[2, 0]).attrs["not_normalized_pixels"] == 2
    for method in ("max", "snv"):
        with pytest.raises(MeasurementError, match="1 of 4 spectra"):
            normalize(group * xr.DataArray([0, 1, 1, 1], dims="replicate"), method)
    with pytest.raises(MeasurementError, match="1 of 4 spectra"):
        emsc(group * xr.DataArray([-1, 1, 1, 1], dims="replicate"), group[1])


def test_a_missing_point_is_left_out_of_the_measure(spectrum):
    hole = spectrum.where(abs(spectrum["wavenumber"] - 2000) > 2)
    for method in ("max", "snv", "vector"):
        out = normalize(hole, method)
        assert int(np.isnan(out).sum()) == int(np.isnan(hole).sum()) > 0
    assert float(normalize(hole).max()) == 1.0


def test_emsc_agrees_with_lstsq(group):
    rng = np.random.default_rng(0)
    x = group["wavenumber"].values
    made = group * rng.uniform(0.5, 2, (4, 1)) + 1e-4 * x + 1e-8 * x**2
    reference = made.mean("replicate").values
    t = 2 * (x - x.min()) / (x.max() - x.min()) - 1
    model = np.column_stack([reference, np.ones_like(t), t, t**2, t**3])
    solved = np.linalg.lstsq(model, made.values.T, rcond=None)[0]
    expected = ((made.values.T - model[:, 1:] @ solved[1:]) / solved[0]).T
    assert_allclose(emsc(made, order=3).values, expected, rtol=1e-7, atol=1e-10)
    found = emsc_coefficients(made, order=3)
    assert_allclose([found[k] for k in found], solved, rtol=1e-6, atol=1e-10)
    offset, scale = np.polynomial.polynomial.polyfit(reference, made.values[2], 1)
    assert_allclose(msc(made).values[2], (made.values[2] - offset) / scale, rtol=1e-9, atol=1e-12)


def test_emsc_fits_around_missing_points(spectrum):
    hole = (3 * spectrum + 0.2).where(abs(spectrum["wavenumber"] - 2000) > 20)
    out = emsc(hole, spectrum)
    assert_allclose(out.dropna("wavenumber"), spectrum.where(hole.notnull(), drop=True), rtol=1e-8)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: {"reference": None}, "mean of one"),
        (lambda s: {"reference": s.isel(wavenumber=slice(5, None))}, "resample"),
        (lambda s: {"reference": s.assign_coords(wavenumber=s["wavenumber"] + 1)}, "differ"),
        (lambda s: {"reference": s * 0 + 1}, "polynomial"),
        (lambda s: {"reference": s, "order": -1}, "order"),
    ],
)
def test_emsc_refuses(spectrum, change, words):
    with pytest.raises(MeasurementError, match=words):
        emsc(spectrum, **change(spectrum))
