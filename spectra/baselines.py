"""The slow background under the bands, by pybaselines."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

from coatqc.core.errors import MeasurementError
from coatqc.core.provenance import add_history

Method = Literal["arpls", "asls", "modpoly"]


def baseline(
    da: xr.DataArray, method: Method = "arpls", *, lam: float = 1e6, poly_order: int = 3
) -> xr.DataArray:
    """Baseline of each spectrum.

    Parameters
    ----------
    da : xarray.DataArray
        With dim wavenumber; dask arrays stay lazy.
    method : {"arpls", "asls", "modpoly"}
        Whittaker smoothing with weights asymmetrically reweighted (Baek et al., Analyst 2015,
        140, 250), asymmetric least squares (Eilers & Boelens 2005), or a modified polynomial
        (Lieber & Mahadevan-Jansen 2003).
    lam : float, default 1e6
        Stiffness of the Whittaker methods, for about 1,000 points; it scales with their number
        to the fourth power.
    poly_order : int, default 3
        Of the polynomial.

    Returns
    -------
    xarray.DataArray
        The baseline itself, same dims and unit; see `subtract_baseline`.

    Raises
    ------
    MeasurementError
        If the method is unknown or values are not finite.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> spectrum, _ = simulate_ftir(1)
    >>> bool(baseline(spectrum).mean() < spectrum.mean())
    True
    """
    if "wavenumber" not in da.dims:
        raise MeasurementError(f"a spectrum has dim wavenumber, found {da.dims}")
    if method not in ("arpls", "asls", "modpoly"):
        raise MeasurementError(f"method is {method!r}, expected 'arpls', 'asls' or 'modpoly'")
    from pybaselines import Baseline

    fitter = Baseline(x_data=da["wavenumber"].values)
    settings = {"poly_order": poly_order} if method == "modpoly" else {"lam": lam}

    def one(y: np.ndarray) -> np.ndarray:
        if not np.isfinite(y).all():
            raise MeasurementError("the spectrum holds values that are not finite")
        return getattr(fitter, method)(y, **settings)[0]

    out = xr.apply_ufunc(
        one,
        da,
        input_core_dims=[["wavenumber"]],
        output_core_dims=[["wavenumber"]],
        vectorize=True,
        dask="parallelized",
        output_dtypes=[float],
    )
    out = out.transpose(*da.dims).assign_attrs(da.attrs)
    return add_history(out, "baseline", method=method, **settings)


def subtract_baseline(
    da: xr.DataArray, method: Method = "arpls", **settings: float
) -> xr.DataArray:
    """Spectrum minus its `baseline`.

    Parameters
    ----------
    da, method, **settings
        As for `baseline`.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> spectrum, _ = simulate_ftir(1)
    >>> abs(float(subtract_baseline(spectrum).median())) < 0.02
    True
    """
    under = baseline(da, method, **settings)  # type: ignore[arg-type]
    out = (da - under).assign_attrs(da.attrs)
    return add_history(out, "subtract_baseline", method=method, **settings)
