"""Bring spectra onto other wavenumbers."""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from scipy.interpolate import make_interp_spline

from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from spectra.labels.along_axis import along_wavenumber, floating, require_spectrum
from spectra.preparing.smoothing import smoothing_weights

Method = Literal["linear", "cubic"]
_DEGREE = {"linear": 1, "cubic": 3}
# More points than this are a mistake in a unit, not a spectrum.
_MAX_POINTS = 1_000_000


def resample(
    da: xr.DataArray,
    onto: ArrayLike | xr.DataArray | None = None,
    *,
    step: float | None = None,
    method: Method = "linear",
) -> xr.DataArray:
    """Spectra interpolated onto other wavenumbers; never beyond the data.

    Interpolated points share the noise of their neighbours, so it is correlated from point to
    point (on a finer grid strongly) and weaker between the old points than on them. Attribute
    ``resampled`` says what was done. On a coarser grid nothing is averaged: `smooth` first, or
    narrow bands fall between the points.

    Parameters
    ----------
    da : xarray.DataArray
        With dim wavenumber; dask arrays stay lazy, float32 stays. A value that is not a number
        spoils the points interpolated from it (linear) or its whole spectrum (cubic).
    onto : array_like, shape (m,), or xarray.DataArray, optional
        Wavenumbers in cm-1, strictly rising or falling, or a spectrum whose wavenumbers to take.
    step : float, optional
        Instead of `onto`: even steps in cm-1 from the first wavenumber on, in the same direction,
        as far as the data go.
    method : {"linear", "cubic"}
        Straight lines, or a cubic spline with not-a-knot ends.

    Returns
    -------
    xarray.DataArray
        m points along wavenumber. ``smoothing_weights`` of earlier smoothing are carried over to
        the new step, or dropped where the new wavenumbers are not evenly spaced.

    Raises
    ------
    MeasurementError
        If `onto` reaches beyond the data, or is no strictly monotonic set of wavenumbers.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> spectrum, _ = simulate_ftir(1)
    >>> out = resample(spectrum, step=4.0)
    >>> float(out["wavenumber"][1]), out.attrs["resampled"]
    (3996.0, 'linear, from steps of 1.9285 to 4 cm-1')
    """
    x = require_spectrum(da)
    if method not in _DEGREE:
        raise MeasurementError(f"method is {method!r}, expected 'linear' or 'cubic'")
    if x.size <= _DEGREE[method]:
        raise MeasurementError(f"{method} interpolation needs {_DEGREE[method] + 1} points or more")
    new = _wanted(x, onto, step)
    run = partial(_interpolated, x=x, new=new, degree=_DEGREE[method])
    out = along_wavenumber(run, floating(da), size=new.size)
    out = out.assign_coords(wavenumber=("wavenumber", new, da["wavenumber"].attrs))
    kept = [c for c in da.coords if c not in out.coords and "wavenumber" not in da[c].dims]
    out = out.assign_coords({c: da[c] for c in kept})
    old_step, new_step = np.abs(np.diff(x)), np.abs(np.diff(new))
    from_to = f"from steps of {_steps(old_step)} to {_steps(new_step)} cm-1"
    out.attrs["resampled"] = f"{method}, {from_to}"
    weights = smoothing_weights(da)
    if weights is not None:
        out.attrs.pop("smoothing_weights")
        if np.ptp(new_step) < 1e-6 * new_step.mean():
            ratio = float(new_step.mean() / old_step.mean())
            out.attrs["smoothing_weights"] = _stretched(weights, ratio)
    return add_history(
        out, "resample", method=method, points=new.size, low=new.min(), high=new.max()
    )


def _wanted(x: np.ndarray, onto: ArrayLike | xr.DataArray | None, step: float | None) -> np.ndarray:
    if (onto is None) == (step is None):
        raise MeasurementError("give either the wavenumbers `onto` or a `step`")
    if step is not None:
        span = abs(x[-1] - x[0])
        if not (np.isfinite(step) and 0 < step <= span and span / step < _MAX_POINTS):
            raise MeasurementError(
                f"step is {step} cm-1, expected {span / _MAX_POINTS:.2g} to {span:g} cm-1"
            )
        # The last point is kept where rounding alone puts it beyond the data.
        count = int(np.floor(span / step * (1 + 1e-12))) + 1
        return np.clip(x[0] + np.sign(x[1] - x[0]) * step * np.arange(count), x.min(), x.max())
    if isinstance(onto, xr.DataArray) and "wavenumber" in onto.coords:
        onto = onto["wavenumber"].values
    new = np.asarray(onto, dtype=float)
    moves = np.diff(new) if new.ndim == 1 else np.zeros(1)
    if new.ndim != 1 or not 2 <= new.size <= _MAX_POINTS or not (all(moves > 0) or all(moves < 0)):
        raise MeasurementError(
            "`onto` must hold 2 to 1,000,000 finite wavenumbers, strictly rising or falling; "
            f"found shape {new.shape}"
        )
    # Axes that were stored in single precision differ by this much.
    slack = 1e-6 * np.abs(x).max()
    if new.min() < x.min() - slack or new.max() > x.max() + slack:
        raise MeasurementError(
            f"`onto` runs from {new.min():g} to {new.max():g} cm-1, but the data only from "
            f"{x.min():g} to {x.max():g} cm-1: nothing is extrapolated; `cut` the wanted range"
        )
    return np.asarray(new)


def _interpolated(y: np.ndarray, *, x: np.ndarray, new: np.ndarray, degree: int) -> np.ndarray:
    if x[0] > x[-1]:
        x, y = x[::-1], y[..., ::-1]
    place = np.clip(new, x[0], x[-1])
    if degree == 1:
        right = np.clip(np.searchsorted(x, place), 1, x.size - 1)
        share = ((place - x[right - 1]) / (x[right] - x[right - 1])).astype(y.dtype)
        left_y, right_y = y[..., right - 1], y[..., right]
        # Old points keep their value, even beside one that is not a number.
        both = left_y + share * (right_y - left_y)
        return np.where(share == 0, left_y, np.where(share == 1, right_y, both))
    flat = y.reshape(-1, x.size).astype(float)
    out = np.full((flat.shape[0], new.size), np.nan)
    good = np.isfinite(flat).all(axis=1)
    if good.any():
        out[good] = make_interp_spline(x, flat[good], k=degree, axis=1)(place)
    return out.reshape(*y.shape[:-1], new.size).astype(y.dtype)


def _stretched(weights: np.ndarray, ratio: float) -> np.ndarray:
    """Kernel of smoothing over the same cm-1 on a grid whose steps are `ratio` times as wide."""
    half = weights.size // 2
    reach = int(half / ratio)
    at = np.arange(-reach, reach + 1) * ratio
    stretched = np.interp(at, np.arange(-half, half + 1), weights)
    return stretched / stretched.sum()


def _steps(step: np.ndarray) -> str:
    low, high = f"{step.min():.5g}", f"{step.max():.5g}"
    return low if low == high else f"{low}...{high}"
