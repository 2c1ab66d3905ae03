"""Bring spectra to one scale."""

from __future__ import annotations

from functools import partial
from typing import Literal, get_args

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from spectra.labels.along_axis import (
    along_wavenumber,
    floating,
    in_blocks,
    lost_pixels,
    require_spectrum,
)

Method = Literal["max", "area", "vector", "snv", "band", "band_max"]
_AT_PLACE = ("band", "band_max")


def normalize(
    da: xr.DataArray,
    method: Method = "max",
    *,
    at: float | tuple[float, float] | None = None,
) -> xr.DataArray:
    """Divide each spectrum by its own measure of size.

    Points that are not numbers stay so and are left out of the measure. A spectrum whose measure
    is zero, negative or not a number cannot be normalised: alone or among replicates that is an
    error, for each of those was meant to count. In a map (dims y and x) such a pixel becomes NaN,
    as one dead pixel should not cost the other 65,000; attribute ``not_normalized_pixels`` and
    the history say how many. A dask array is not computed for this, so its spectra become NaN
    without a count.

    Parameters
    ----------
    da : xarray.DataArray
        With dim wavenumber; all other dims are kept, dask arrays stay lazy, float32 stays.
    method : {"max", "area", "vector", "snv", "band", "band_max"}
        ``max``: the largest value, as in the paper; noisy, for the maximum of noise is above
        the band. ``area``: the integral of the absolute value over wavenumber (cm-1).
        ``vector``: the Euclidean norm. ``snv``: standard normal variate, mean taken off and
        divided by the standard deviation. ``band``: the value at, or the mean over, `at`.
        ``band_max``: the largest value within `at`.
    at : float or (float, float), optional
        Wavenumber or range of wavenumbers in cm-1 in either order; for ``band`` (either) and
        ``band_max`` (a range). A single wavenumber is interpolated linearly.

    Returns
    -------
    xarray.DataArray
        Same dims; unit 1, but cm for ``area``.

    Raises
    ------
    MeasurementError
        If the measure of size is zero or not finite (see above), or `at` lies outside the data.

    See Also
    --------
    msc, emsc : scale and offset (and a polynomial) against a reference spectrum.

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
    >>> scaled = normalize(spectrum, "band_max", at=(1640.0, 1700.0))
    >>> float(scaled.sel(wavenumber=slice(1700, 1640)).max())
    1.0
    """
    x = require_spectrum(da)
    if method not in get_args(Method):
        raise MeasurementError(
            f"method is {method!r}, expected one of {', '.join(get_args(Method))}"
        )
    if (method in _AT_PLACE) != (at is not None):
        raise MeasurementError("`at` belongs to methods 'band' and 'band_max', and only to them")
    window = None if at is None else _window(x, at, method)
    run = partial(in_blocks, partial(_rows, x=x, method=method, window=window))
    out = along_wavenumber(run, floating(da))
    lost = lost_pixels(da, out, f"normalise by {method}: the measure")
    out.attrs["units"] = "cm" if method == "area" else "1"
    if not str(da.attrs.get("long_name", "")).startswith("normalised"):
        out.attrs["long_name"] = f"normalised {da.attrs.get('long_name', da.name)}"
    if not lost:
        return add_history(out, "normalize", method=method, at=at)
    out.attrs["not_normalized_pixels"] = lost
    return add_history(out, "normalize", method=method, at=at, not_normalized_pixels=lost)


def _window(x: np.ndarray, at: float | tuple[float, float], method: str) -> tuple[float, float]:
    low, high = sorted(at) if isinstance(at, (tuple, list)) else (at, at)
    if not x.min() <= low <= high <= x.max():
        raise MeasurementError(f"at {at} cm-1 lies outside {x.min():g} to {x.max():g} cm-1")
    if method == "band_max" and low == high:
        raise MeasurementError(f"band_max needs a range of wavenumbers, found at={at}")
    if low < high and not ((x >= low) & (x <= high)).any():
        raise MeasurementError(f"no point lies between {low:g} and {high:g} cm-1")
    return float(low), float(high)


def _rows(
    y: np.ndarray,
    out: np.ndarray,
    *,
    x: np.ndarray,
    method: str,
    window: tuple[float, float] | None,
) -> None:
    """Normalised rows of `y` into `out`; NaN where there is no positive, finite measure."""
    if method == "snv":
        good = np.isfinite(y)
        count = good.sum(axis=1, keepdims=True)
        filled = np.where(good, y, 0)
        mean = filled.sum(axis=1, keepdims=True) / np.maximum(count, 1)
        np.subtract(y, mean, out=out)
        power = (np.where(good, out, 0) ** 2).sum(axis=1, keepdims=True)
        size = np.sqrt(power / np.maximum(count - 1, 1))
        # What is left of a constant after its mean is taken off is rounding, not a spectrum.
        limit = 8 * np.finfo(y.dtype).eps * np.abs(mean)
        np.divide(out, np.where((size > limit) & np.isfinite(size), size, np.nan), out=out)
        return
    size = _sizes(y, x, method, window)[:, None].astype(y.dtype)
    np.divide(y, np.where((size > 0) & np.isfinite(size), size, np.nan), out=out)


def _sizes(
    y: np.ndarray, x: np.ndarray, method: str, window: tuple[float, float] | None
) -> np.ndarray:
    if window is not None:
        low, high = window
        if low == high:
            order = slice(None) if x[1] > x[0] else slice(None, None, -1)
            right = int(np.clip(np.searchsorted(x[order], low), 1, x.size - 1))
            a, b = y[:, order][:, right - 1], y[:, order][:, right]
            share = (low - x[order][right - 1]) / (x[order][right] - x[order][right - 1])
            # A weight of zero must not let the NaN of the other point through.
            return b if share == 1 else a if share == 0 else (1 - share) * a + share * b
        y = y[:, (x >= low) & (x <= high)]
        if method == "band":
            good = np.isfinite(y)
            with np.errstate(invalid="ignore"):
                return np.where(good, y, 0).sum(axis=1) / good.sum(axis=1)
    if method in ("max", "band_max"):
        size = y.max(axis=1)
        if not np.isfinite(size).all():
            size = np.fmax.reduce(y, axis=1)
        return size
    filled = np.where(np.isfinite(y), y, 0)
    if method == "vector":
        return np.sqrt(np.einsum("ij,ij->i", filled, filled))
    return np.abs(np.trapezoid(np.abs(filled), x, axis=1))
