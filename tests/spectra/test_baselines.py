"""Baselines of spectra, against independent implementations."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose

from coatcore import MeasurementError
from spectra.labels.labels import labelled_spectrum
from spectra.preparing import baseline, baseline_methods


@pytest.fixture(scope="module")
def on_slope():
    x = np.linspace(4000, 600, 600)
    truth = 0.1 + 0.05 * np.sin(x / 1500)
    noise = np.random.default_rng(0).normal(0, 1e-3, x.size)
    band = np.exp(-(((x - 1669) / 25) ** 2))
    return labelled_spectrum(x, truth + band + noise, "absorbance"), truth


ALL_METHODS = [m for family in baseline_methods().values() for m in family]


def test_every_family_is_there():
    families = baseline_methods()
    assert list(families) == [
        "classification",
        "misc",
        "morphological",
        "optimizers",
        "polynomial",
        "smooth",
        "spline",
        "whittaker",
    ]
    assert len(ALL_METHODS) > 55
    assert all("data" not in settings for f in families.values() for settings in f.values())


@pytest.mark.parametrize("method", ALL_METHODS)
def test_baselines_are_those_of_pybaselines_in_either_direction(on_slope, method):
    from pybaselines import Baseline

    made, truth = on_slope
    settings = {"baseline_points": [(600, 0.1), (4000, 0.1)]} if method == "interp_pts" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        found = baseline(made, method, **settings)
        turned = baseline(made.sortby("wavenumber"), method, **settings)
        x = made["wavenumber"].values[::-1].copy()
        direct = getattr(Baseline(x), method)(made.values[::-1].copy(), **settings)[0]
    assert_allclose(found.values[::-1], direct, rtol=1e-9, atol=1e-12)
    assert_allclose(turned.values, direct, rtol=1e-9, atol=1e-12)
    assert float(np.median(np.abs(found.values - truth))) < 0.1
    assert f"method={method}" in found.attrs["history"]


@pytest.mark.parametrize(
    ("method", "settings", "words"),
    [
        ("arplss", {}, "did you mean 'arpls'"),
        ("qqqq", {}, "arpls"),
        ("asls", {"lamb": 1e5}, "did you mean 'lam'.*It takes lam, p,"),
        ("asls", {"p": 7.0}, "cannot be used so"),
        ("collab_pls", {}, "no baseline method"),
        ("optimize_extended_range", {"inner_method": "nothing"}, "cannot be used so"),
    ],
)
def test_baseline_refusals_name_what_is_valid(on_slope, method, settings, words):
    with pytest.raises(MeasurementError, match=words):
        baseline(on_slope[0], method, **settings)


def test_baseline_of_missing_values_is_refused_except_for_dead_pixels(cube, on_slope):
    made = on_slope[0]
    with pytest.raises(MeasurementError, match="not finite"):
        baseline(made.where(made["wavenumber"] > 700))
    with pytest.raises(MeasurementError, match="not finite"):
        baseline(made * np.nan)
    with pytest.raises(MeasurementError, match="not finite"):
        baseline(cube.where(cube["wavenumber"] > 1100))
