"""Transmittance to absorbance and back; single channels to either. Only on request."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from spectra.labels.along_axis import floating, require_spectrum
from spectra.labels.labels import QUANTITIES


def to_absorbance(da: xr.DataArray) -> xr.DataArray:
    """Decadic absorbance of a transmittance or reflectance: -log10 of it.

    Of a reflectance this is the *pseudo-absorbance* log(1/R), which is what ATR software calls
    absorbance.

    Parameters
    ----------
    da : xarray.DataArray
        Named transmittance or reflectance, as a share (1, not 100 %); dask arrays stay lazy.

    Returns
    -------
    xarray.DataArray
        Absorbance, unit 1. Where the input is zero or negative, as noise around opaque bands can
        be, there is no absorbance: NaN, counted in attribute ``opaque_points`` (not for dask).

    Raises
    ------
    MeasurementError
        If the quantity is another, or looks like percent.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> spectrum, _ = simulate_ftir(1)
    >>> bool(abs(to_absorbance(to_transmittance(spectrum)) - spectrum).max() < 1e-12)
    True
    """
    require_spectrum(da)
    if da.name not in ("transmittance", "reflectance"):
        raise MeasurementError(
            f"only transmittance or reflectance becomes absorbance, found {da.name}"
        )
    if da.chunks is None and float(da.median()) > 2:
        raise MeasurementError(
            f"{da.name} has a median of {float(da.median()):.3g}: that is percent; divide by 100"
        )
    shares = floating(da)
    logarithm = xr.apply_ufunc(np.log10, shares.where(shares > 0), dask="allowed")
    out = _labelled(-logarithm, da, "absorbance")
    if da.chunks is None and (lost := int((shares <= 0).sum())):
        out.attrs["opaque_points"] = lost
    return add_history(out, "to_absorbance", source=da.name)


def to_transmittance(da: xr.DataArray) -> xr.DataArray:
    """Transmittance of an absorbance: 10 to the power of minus it.

    Parameters
    ----------
    da : xarray.DataArray
        Named absorbance; dask arrays stay lazy.

    Returns
    -------
    xarray.DataArray
        Transmittance as a share, unit 1.

    Raises
    ------
    MeasurementError
        If the quantity is another, or normalised or otherwise not in absorbance units.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> to_transmittance(simulate_ftir(1)[0]).name
    'transmittance'
    """
    require_spectrum(da)
    named = str(da.attrs.get("long_name", "absorbance"))
    if da.name != "absorbance" or named.startswith("normalised"):
        raise MeasurementError(f"only absorbance becomes transmittance, found {named} ({da.name})")
    return add_history(_labelled(10.0 ** (-floating(da)), da, "transmittance"), "to_transmittance")


def ratio_to_background(
    sample: xr.DataArray,
    background: xr.DataArray,
    quantity: Literal["transmittance", "absorbance"] = "absorbance",
) -> xr.DataArray:
    """Transmittance or absorbance from two single channels of one instrument setting.

    Parameters
    ----------
    sample, background : xarray.DataArray
        Named single_channel, on the same wavenumbers; the background is one spectrum.
    quantity : {"transmittance", "absorbance"}
        Which.

    Returns
    -------
    xarray.DataArray
        Dims of `sample`. NaN where the background is zero or negative.

    Raises
    ------
    MeasurementError
        If either is no single channel, or the wavenumbers differ (nothing is interpolated).

    Examples
    --------
    >>> from spectra.labels.labels import labelled_spectrum
    >>> x = [1000.0, 1002.0]
    >>> empty = labelled_spectrum(x, [2.0, 4.0], "single_channel")
    >>> through = labelled_spectrum(x, [1.0, 1.0], "single_channel")
    >>> ratio_to_background(through, empty, "transmittance").values
    array([0.5 , 0.25])
    """
    if quantity not in ("transmittance", "absorbance"):
        raise MeasurementError(
            f"quantity is {quantity!r}, expected 'transmittance' or 'absorbance'"
        )
    for what, da in (("sample", sample), ("background", background)):
        require_spectrum(da)
        if da.name != "single_channel":
            raise MeasurementError(f"the {what} must be a single_channel, found {da.name}")
    if background.ndim != 1:
        raise MeasurementError(f"the background must be one spectrum, found dims {background.dims}")
    a, b = sample["wavenumber"].values, background["wavenumber"].values
    if a.size != b.size or not np.allclose(a, b, rtol=0, atol=1e-3 * np.abs(np.diff(b)).min()):
        raise MeasurementError(
            f"sample ({a.size} points, {a.min():g} to {a.max():g} cm-1) and background ({b.size} "
            f"points, {b.min():g} to {b.max():g} cm-1) differ in wavenumbers; `resample` one"
        )
    empty = background.assign_coords(wavenumber=sample["wavenumber"])
    share = floating(sample) / empty.where(empty > 0)
    out = _labelled(share.transpose(*sample.dims), sample, "transmittance")
    out = add_history(
        out, "ratio_to_background", background=background.attrs.get("source", "given array")
    )
    return out if quantity == "transmittance" else to_absorbance(out)


def _labelled(out: xr.DataArray, like: xr.DataArray, quantity: str) -> xr.DataArray:
    units, long_name = QUANTITIES[quantity]
    out = out.assign_attrs({**like.attrs, "units": units, "long_name": long_name})
    return out.rename(quantity)
