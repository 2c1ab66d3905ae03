"""Can two spectra be laid on each other? One range, one grid, one smoothing."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from spectra.preparing.resampling import resample
from spectra.preparing.smoothing import smoothing_weights


def on_one_grid(
    a: xr.DataArray, b: xr.DataArray, span: tuple[float, float] | None
) -> tuple[xr.DataArray, xr.DataArray]:
    """Both spectra over the same ascending wavenumbers.

    Parameters
    ----------
    a, b : xarray.DataArray
        Dims (wavenumber,) or (replicate, wavenumber).
    span : (float, float) or None
        Wavenumbers to keep, cm-1.

    Returns
    -------
    (xarray.DataArray, xarray.DataArray)
        Where the grids differ, the finer spectrum is interpolated onto that of the coarser.

    Raises
    ------
    MeasurementError
        If they have too little in common, or values are missing there.

    Examples
    --------
    >>> from spectra.simulate import simulate_band
    >>> a, b = (simulate_band(1, spacing=s)[0] for s in (1.7, 2.0))
    >>> one, two = on_one_grid(a, b, None)
    >>> bool((one["wavenumber"] == two["wavenumber"]).all())
    True
    """
    for da in (a, b):
        if not isinstance(da, xr.DataArray):
            raise MeasurementError(
                f"expected an xarray.DataArray as coatqc.read gives it, found {type(da).__name__}"
            )
        if set(da.dims) not in ({"wavenumber"}, {"replicate", "wavenumber"}):
            raise MeasurementError(
                f"expected dims wavenumber, or replicate and wavenumber; found {da.dims}"
            )
    if None not in (a.name, b.name) and a.name != b.name:
        raise MeasurementError(
            f"a holds {a.name}, b holds {b.name}; convert one of them or read both alike"
        )
    low = max(float(a["wavenumber"].min()), float(b["wavenumber"].min()))
    high = min(float(a["wavenumber"].max()), float(b["wavenumber"].max()))
    if span is not None:
        low, high = max(low, min(span)), min(high, max(span))
    if not low < high:
        raise MeasurementError("the two spectra have no range of wavenumbers in common")
    whole, b = a.sortby("wavenumber"), b.sortby("wavenumber")
    a = _between(whole, low, high)
    if a.sizes["wavenumber"] < 16:
        raise MeasurementError(
            f"{a.sizes['wavenumber']} points lie between {low:g} and {high:g} cm-1: too few"
        )
    xa, xb = a["wavenumber"].values, _between(b, low, high)["wavenumber"].values
    step = np.diff(xa)
    if not np.allclose(step, step.mean(), rtol=0.02):
        raise MeasurementError("wavenumbers are not evenly spaced; resample the spectra first")
    if xa.size == xb.size and np.allclose(xa, xb, atol=0.01 * step.mean()):
        b = _between(b, low, high).assign_coords(wavenumber=a["wavenumber"])
    else:
        # The finer one goes onto the grid of the coarser, which cannot show more.
        xb_step = float(np.median(np.diff(xb))) if xb.size > 1 else math.inf
        if xb.size >= 16 and xb_step > 1.01 * step.mean():
            a = resample(whole, onto=xb, method="cubic")
            b = _between(b, low, high)
        else:
            b = resample(b, onto=xa, method="cubic")
    for da in (a, b):
        if missing := int((~np.isfinite(da.values)).sum()):
            raise MeasurementError(
                f"{da.attrs.get('source', 'a spectrum')} misses {missing} values between {low:g} "
                f"and {high:g} cm-1"
            )
    return a, b


def _between(da: xr.DataArray, low: float, high: float) -> xr.DataArray:
    x = da["wavenumber"].values
    return da.isel(wavenumber=np.flatnonzero((x >= low) & (x <= high)))


def common_smoothing(a: xr.DataArray, b: xr.DataArray) -> np.ndarray:
    """Weights of the smoothing that both went through; one weight of 1 for none.

    Parameters
    ----------
    a, b : xarray.DataArray
        Spectra.

    Raises
    ------
    MeasurementError
        If they were smoothed differently.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> common_smoothing(simulate_ftir(1)[0], simulate_ftir(2)[0])
    array([1.])
    """
    one, two = smoothing_weights(a), smoothing_weights(b)
    one = np.ones(1) if one is None else one
    two = np.ones(1) if two is None else two
    if one.size != two.size or not np.allclose(one, two, atol=1e-6):
        raise MeasurementError("the two spectra were smoothed differently; smooth both alike")
    return one
