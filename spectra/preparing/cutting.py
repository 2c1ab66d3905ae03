"""Keep or take out regions of wavenumber."""

from __future__ import annotations

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from spectra.labels.along_axis import require_spectrum


def cut(da: xr.DataArray, low: float, high: float) -> xr.DataArray:
    """Spectrum between two wavenumbers, both included.

    Parameters
    ----------
    da : xarray.DataArray
        With dim wavenumber, rising or falling; its direction is kept.
    low, high : float
        In cm-1; `low` below `high`, whichever way the axis runs.

    Returns
    -------
    xarray.DataArray
        Fewer points along wavenumber.

    Raises
    ------
    MeasurementError
        If no point, or a single one, lies between.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> cut(simulate_ftir(1)[0], 1600, 1700).sizes["wavenumber"]
    52
    """
    x = require_spectrum(da)
    inside = _between(x, low, high)
    if inside.sum() < 2:
        count = "one point lies" if inside.any() else "no point lies"
        raise MeasurementError(
            f"{count} between {low:g} and {high:g} cm-1; the data run from {x.min():g} to "
            f"{x.max():g} cm-1 in steps of about {np.abs(np.diff(x)).mean():.3g} cm-1"
        )
    return add_history(da.isel(wavenumber=np.flatnonzero(inside)), "cut", low=low, high=high)


def cut_out(da: xr.DataArray, low: float, high: float) -> xr.DataArray:
    """Spectrum without the points between two wavenumbers, for instance carbon dioxide.

    The points are dropped, not bridged: no value is made up. What needs evenly spaced points
    (smoothing, a band fit across the gap) refuses the result; baselines and sums over the
    remaining points work.

    Parameters
    ----------
    da : xarray.DataArray
        With dim wavenumber, rising or falling.
    low, high : float
        In cm-1; both end points are dropped too.

    Returns
    -------
    xarray.DataArray
        Fewer points along wavenumber; the same if none lies between.

    Raises
    ------
    MeasurementError
        If fewer than two points remain.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> spectrum, _ = simulate_ftir(1)
    >>> cut_out(spectrum, 2300, 2400).sizes["wavenumber"] - spectrum.sizes["wavenumber"]
    -52
    """
    x = require_spectrum(da)
    keep = ~_between(x, low, high)
    if keep.sum() < 2:
        raise MeasurementError(
            f"nothing remains outside {low:g} to {high:g} cm-1; the data run from {x.min():g} to "
            f"{x.max():g} cm-1"
        )
    return add_history(da.isel(wavenumber=np.flatnonzero(keep)), "cut_out", low=low, high=high)


def _between(x: np.ndarray, low: float, high: float) -> np.ndarray:
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise MeasurementError(f"low must be below high, found {low} and {high} cm-1")
    return (x >= low) & (x <= high)
