"""Smooth spectra along wavenumber."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr
from scipy.ndimage import correlate1d
from scipy.signal import savgol_filter

from coatqc.core.errors import MeasurementError
from coatqc.core.provenance import add_history


def smooth(
    da: xr.DataArray,
    window: int = 10,
    method: Literal["moving_average", "savitzky_golay"] = "moving_average",
    *,
    polyorder: int = 2,
) -> xr.DataArray:
    """Adjacent averaging or Savitzky-Golay smoothing.

    An even moving-average window has no middle point, and any choice of one would move every
    band by half a point. It is centred here by taking window + 1 points with the two outermost
    at half weight: bands stay where they are. At the ends the spectrum is continued by its end
    values.

    Parameters
    ----------
    da : xarray.DataArray
        With dim wavenumber, evenly spaced; dask arrays stay lazy.
    window : int, default 10
        Points; odd for Savitzky-Golay. The paper takes 10 points.
    method : {"moving_average", "savitzky_golay"}
        Which.
    polyorder : int, default 2
        Of Savitzky-Golay.

    Returns
    -------
    xarray.DataArray
        Same dims. Neighbouring points are now correlated; `band_position` takes that into
        account.

    Raises
    ------
    MeasurementError
        If the window does not fit, or the axis is not evenly spaced.

    References
    ----------
    Shi et al., J. Mater. Chem. A 2025, 13, 2600, section 4.8; Savitzky & Golay, Anal. Chem.
    1964, 36, 1627.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> spectrum, _ = simulate_ftir(1)
    >>> bool(smooth(spectrum).std() < spectrum.std())
    True
    """
    if "wavenumber" not in da.dims:
        raise MeasurementError(f"a spectrum has dim wavenumber, found {da.dims}")
    n = da.sizes["wavenumber"]
    if not 1 < window <= n:
        raise MeasurementError(f"window is {window} points, expected 2 to {n}")
    step = np.diff(da["wavenumber"].values)
    if not np.allclose(step, step.mean(), rtol=0.02):
        raise MeasurementError("wavenumbers are not evenly spaced; interpolate them first")
    if method == "moving_average":
        weights = centred_weights(window)
        out = xr.apply_ufunc(
            correlate1d,
            da,
            input_core_dims=[["wavenumber"]],
            output_core_dims=[["wavenumber"]],
            kwargs={"weights": weights, "axis": -1, "mode": "nearest"},
            dask="parallelized",
            output_dtypes=[float],
        )
    elif method == "savitzky_golay":
        if window % 2 == 0 or polyorder >= window:
            raise MeasurementError(
                f"Savitzky-Golay needs an odd window above the order; found {window}, {polyorder}"
            )
        out = xr.apply_ufunc(
            savgol_filter,
            da,
            input_core_dims=[["wavenumber"]],
            output_core_dims=[["wavenumber"]],
            kwargs={"window_length": window, "polyorder": polyorder, "mode": "nearest"},
            dask="parallelized",
            output_dtypes=[float],
        )
    else:
        raise MeasurementError(
            f"method is {method!r}, expected 'moving_average' or 'savitzky_golay'"
        )
    out = out.transpose(*da.dims).assign_attrs(da.attrs)
    if method == "moving_average" and "moving_average_window" not in da.attrs:
        out.attrs["moving_average_window"] = window
    return add_history(out, "smooth", window=window, method=method)


def centred_weights(window: int) -> np.ndarray:
    """Weights of a moving average with a middle point.

    Parameters
    ----------
    window : int
        Points; an even window becomes window + 1 weights with halved ends.

    Examples
    --------
    >>> centred_weights(4)
    array([0.125, 0.25 , 0.25 , 0.25 , 0.125])
    """
    weights = np.full(window, 1.0 / window)
    return weights if window % 2 else np.convolve(weights, [0.5, 0.5])
