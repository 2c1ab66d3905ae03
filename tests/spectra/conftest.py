"""Spectra that are prepared."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from spectra import simulate_ftir
from spectra.labels.labels import labelled_spectrum


@pytest.fixture(scope="module")
def spectrum():
    return simulate_ftir(3)[0]


@pytest.fixture(scope="module")
def group():
    return xr.concat([simulate_ftir(i)[0] for i in range(4)], dim="replicate")


@pytest.fixture(scope="module")
def cube():
    rng = np.random.default_rng(1)
    x = np.arange(1900.0, 1000.0, -3.0)
    bands = np.exp(-(((x - 1669) / 20) ** 2)) + 0.5 * np.exp(-(((x - 1290) / 15) ** 2))
    values = bands * rng.uniform(0.5, 2, (3, 4, 1)) + 0.1 + rng.normal(0, 0.005, (3, 4, x.size))
    values[1, 2] = np.nan
    flat = labelled_spectrum(x, bands, "absorbance")
    return xr.DataArray(
        values,
        dims=("y", "x", "wavenumber"),
        coords={"wavenumber": flat["wavenumber"]},
        name="absorbance",
        attrs={**flat.attrs, "sample": "A7"},
    )
