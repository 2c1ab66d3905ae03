"""Bring spectra to one scale."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

from coatqc.core.errors import MeasurementError
from coatqc.core.provenance import add_history

Method = Literal["max", "area", "vector", "snv", "band"]


def normalize(
    da: xr.DataArray,
    method: Method = "max",
    *,
    at: float | tuple[float, float] | None = None,
) -> xr.DataArray:
    """Divide each spectrum by its own measure of size.

    Parameters
    ----------
    da : xarray.DataArray
        With dim wavenumber; all other dims are kept, dask arrays stay lazy.
    method : {"max", "area", "vector", "snv", "band"}
        ``max``: the largest value, as in the paper; noisy, for the maximum of noise is above
        the band. ``area``: the integral of the absolute value over wavenumber (cm-1).
        ``vector``: the Euclidean norm. ``snv``: standard normal variate, mean taken off and
        divided by the standard deviation. ``band``: the value at, or the mean over, `at`.
    at : float or (float, float), optional
        Wavenumber or range of wavenumbers in cm-1; for ``band`` only. A single wavenumber is
        interpolated linearly.

    Returns
    -------
    xarray.DataArray
        Same dims; unit 1, but cm for ``area``.

    Raises
    ------
    MeasurementError
        If the measure of size is zero or not finite, or `at` lies outside the data.

    References
    ----------
    Shi et al., J. Mater. Chem. A 2025, 13, 2600, section 4.8 (``max``); Barnes et al., Appl.
    Spectrosc. 1989, 43, 772 (``snv``).

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> spectrum, _ = simulate_ftir(1)
    >>> float(normalize(spectrum).max())
    1.0
    >>> round(float(normalize(spectrum, "band", at=1669.0).interp(wavenumber=1669.0)), 6)
    1.0
    """
    axis = "wavenumber"
    if axis not in da.dims:
        raise MeasurementError(f"a spectrum has dim wavenumber, found {da.dims}")
    if (method == "band") != (at is not None):
        raise MeasurementError("`at` belongs to method 'band', and only to it")
    shift: xr.DataArray | float = 0.0
    if method == "max":
        size = da.max(axis)
    elif method == "area":
        size = abs(abs(da).integrate(axis))
    elif method == "vector":
        size = (da**2).sum(axis) ** 0.5
    elif method == "snv":
        shift, size = da.mean(axis), da.std(axis, ddof=1)
    elif method == "band":
        assert at is not None
        size = _at(da, at)
    else:
        raise MeasurementError(
            f"method is {method!r}, expected 'max', 'area', 'vector', 'snv' or 'band'"
        )
    # A lazy array is checked where it is computed; xarray keeps the division lazy.
    if da.chunks is None and not bool((np.isfinite(size) & (size > 0)).all()):
        raise MeasurementError(f"cannot normalise by {method}: the measure is zero or negative")
    out = ((da - shift) / size).assign_attrs(da.attrs)
    out.attrs["units"] = "cm" if method == "area" else "1"
    if not str(da.attrs.get("long_name", "")).startswith("normalised"):
        out.attrs["long_name"] = f"normalised {da.attrs.get('long_name', da.name)}"
    out.name = da.name
    return add_history(out, "normalize", method=method, at=at)


def _at(da: xr.DataArray, at: float | tuple[float, float]) -> xr.DataArray:
    x = da["wavenumber"].values
    low, high = at if isinstance(at, tuple) else (at, at)
    if not x.min() <= low <= high <= x.max():
        raise MeasurementError(f"at {at} cm-1 lies outside {x.min():g} to {x.max():g} cm-1")
    if low == high:
        return da.interp(wavenumber=low).drop_vars("wavenumber")
    inside = (x >= low) & (x <= high)
    if not inside.any():
        raise MeasurementError(f"no point lies between {low} and {high} cm-1")
    return da.isel(wavenumber=inside).mean("wavenumber")
