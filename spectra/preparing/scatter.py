"""Scatter correction: bring spectra to the scale and background of a reference spectrum."""

from __future__ import annotations

from functools import partial

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from spectra.labels.along_axis import floating, lost_pixels, require_spectrum

_MAX_ORDER = 10
# Above this ratio of singular values the reference is itself a polynomial of the model.
_MAX_CONDITION = 1e8


def msc(da: xr.DataArray, reference: xr.DataArray | None = None) -> xr.DataArray:
    """Multiplicative scatter correction: offset and scale against a reference spectrum.

    Each spectrum is fitted by least squares as ``offset + scale * reference``; what is returned
    is ``(spectrum - offset) / scale``. It is `emsc` with a constant as its only polynomial.

    Parameters
    ----------
    da : xarray.DataArray
        With dim wavenumber; dask arrays stay lazy.
    reference : xarray.DataArray, optional
        One spectrum on the same wavenumbers; the mean of `da` over all its spectra unless given.

    Returns
    -------
    xarray.DataArray
        Same dims and unit; see `emsc` for spectra that cannot be fitted.

    Raises
    ------
    MeasurementError
        As for `emsc`.

    References
    ----------
    Geladi, MacDougall & Martens, Appl. Spectrosc. 1985, 39, 491.

    Examples
    --------
    >>> import numpy as np
    >>> from spectra import simulate_ftir
    >>> spectrum, _ = simulate_ftir(1)
    >>> bool(np.allclose(msc(0.1 + 3 * spectrum, spectrum), spectrum))
    True
    """
    return _corrected(da, reference, 0).pipe(add_history, "msc", reference=_said(reference))


def emsc(da: xr.DataArray, reference: xr.DataArray | None = None, order: int = 2) -> xr.DataArray:
    """Extended multiplicative signal correction with polynomial terms.

    Each spectrum is fitted by least squares as ``scale * reference + sum of c_k t^k``, where t
    runs from -1 at the lowest to 1 at the highest wavenumber; what is returned is
    ``(spectrum - polynomial) / scale``. Points that are not numbers are left out of the fit.

    Parameters
    ----------
    da : xarray.DataArray
        With dim wavenumber; dask arrays stay lazy.
    reference : xarray.DataArray, optional
        One spectrum on the same wavenumbers; the mean of `da` over all its spectra unless given.
    order : int, default 2
        Of the polynomial, 0 to 10.

    Returns
    -------
    xarray.DataArray
        Same dims and unit. In a map (dims y and x) a pixel whose scale is not positive, so unlike
        the reference, becomes NaN; attribute ``not_normalized_pixels`` counts them (not for dask).

    Raises
    ------
    MeasurementError
        If the reference has other wavenumbers or is itself a polynomial, or a spectrum that is
        no pixel of a map has no positive scale.

    See Also
    --------
    emsc_coefficients : the scale and the polynomial themselves.

    References
    ----------
    Martens & Stark, J. Pharm. Biomed. Anal. 1991, 9, 625; Afseth & Kohler, Chemom. Intell. Lab.
    Syst. 2012, 117, 92.

    Examples
    --------
    >>> import numpy as np
    >>> from spectra import simulate_ftir
    >>> spectrum, _ = simulate_ftir(1)
    >>> tilted = 2 * spectrum + 1e-5 * spectrum["wavenumber"]
    >>> bool(np.allclose(emsc(tilted, spectrum), spectrum))
    True
    """
    return _corrected(da, reference, order).pipe(
        add_history, "emsc", reference=_said(reference), order=order
    )


def emsc_coefficients(
    da: xr.DataArray, reference: xr.DataArray | None = None, order: int = 2
) -> xr.Dataset:
    """Scale and polynomial that `emsc` takes out of each spectrum.

    Parameters
    ----------
    da, reference, order
        As for `emsc`.

    Returns
    -------
    xarray.Dataset
        ``scale`` and ``polynomial_0`` to ``polynomial_<order>`` over the dims of `da` without
        wavenumber; the coefficients belong to powers of t, -1 to 1 (see `emsc`).

    Raises
    ------
    MeasurementError
        As for `emsc`, but any scale is returned.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> spectrum, _ = simulate_ftir(1)
    >>> found = emsc_coefficients(2 * spectrum + 0.5, spectrum, order=1)
    >>> [round(float(v), 6) + 0.0 for v in found.data_vars.values()]
    [2.0, 0.5, 0.0]
    """
    solved = _solved(da, reference, order)
    units = str(da.attrs.get("units", "1"))
    out = xr.Dataset()
    for i in range(order + 2):
        name = "scale" if i == 0 else f"polynomial_{i - 1}"
        words = "scale against the reference" if i == 0 else f"coefficient of t^{i - 1}"
        out[name] = solved.isel(term=i)
        out[name].attrs = {"units": "1" if i == 0 else units, "long_name": words}
    return add_history(out, "emsc_coefficients", reference=_said(reference), order=order)


def _corrected(da: xr.DataArray, reference: xr.DataArray | None, order: int) -> xr.DataArray:
    x = require_spectrum(da)
    data = floating(da)
    solved = _solved(data, reference, order)
    scale = solved.isel(term=0)
    powers = xr.DataArray(_powers(x, order), dims=("wavenumber", "term"))
    polynomial = (solved.isel(term=slice(1, None)) * powers).sum("term", skipna=False)
    out = ((data - polynomial) / scale.where(scale > 0)).transpose(*da.dims)
    out = out.astype(data.dtype).assign_attrs(da.attrs)
    out.name = da.name
    if lost := lost_pixels(da, out, "scale to the reference: the scale"):
        out.attrs["not_normalized_pixels"] = lost
    return out


def _solved(da: xr.DataArray, reference: xr.DataArray | None, order: int) -> xr.DataArray:
    """Coefficients along a last dim `term`: the scale, then the polynomial's."""
    x = require_spectrum(da)
    if not (isinstance(order, (int, np.integer)) and 0 <= order <= _MAX_ORDER):
        raise MeasurementError(f"order is {order}, expected 0 to {_MAX_ORDER}")
    if reference is None:
        others = [d for d in da.dims if d != "wavenumber"]
        if not others or all(da.sizes[d] == 1 for d in others):
            raise MeasurementError(
                "the mean of one spectrum is itself; give a `reference`, or several spectra"
            )
        reference = da.mean(others)
    else:
        other = require_spectrum(reference)
        if reference.ndim != 1:
            raise MeasurementError(
                f"the reference must be one spectrum, found dims {dict(reference.sizes)}"
            )
        if other.size != x.size or not np.allclose(other, x, rtol=0, atol=1e-6 * np.abs(x).max()):
            raise MeasurementError(
                f"the reference ({other.size} points, {other.min():g} to {other.max():g} cm-1) and "
                f"the data ({x.size} points, {x.min():g} to {x.max():g} cm-1) differ in "
                "wavenumbers; `resample` one"
            )
    arrays = [da, xr.DataArray(reference.variable.astype(float).data, dims="wavenumber")]
    arrays = [a if a.chunks is None else a.chunk(wavenumber=-1) for a in arrays]
    return xr.apply_ufunc(
        partial(_least_squares, powers=_powers(x, order)),
        *arrays,
        input_core_dims=[["wavenumber"], ["wavenumber"]],
        output_core_dims=[["term"]],
        dask="parallelized",
        output_dtypes=[float],
        dask_gufunc_kwargs={"output_sizes": {"term": order + 2}},
    )


def _powers(x: np.ndarray, order: int) -> np.ndarray:
    t = 2 * (x - x.min()) / np.ptp(x) - 1
    return np.vander(t, order + 1, increasing=True)


def _least_squares(y: np.ndarray, reference: np.ndarray, *, powers: np.ndarray) -> np.ndarray:
    model = np.column_stack([reference, powers])
    known = np.isfinite(reference)
    size = np.abs(reference[known]).max(initial=0.0)
    if (
        size == 0
        or np.linalg.cond(model[known] / ([size] + [1] * powers.shape[1])) > _MAX_CONDITION
    ):
        raise MeasurementError(
            "the reference is empty or itself a polynomial: its scale cannot be told from the "
            "polynomial terms; take another reference or a lower order"
        )
    flat = y.reshape(-1, y.shape[-1])
    out = np.full((flat.shape[0], model.shape[1]), np.nan)
    good = np.isfinite(flat) & known
    whole = good.sum(axis=1) == known.sum()
    if whole.any():
        out[whole] = flat[whole][:, known].astype(float) @ np.linalg.pinv(model[known]).T
    for i in np.flatnonzero(~whole & (good.sum(axis=1) > model.shape[1])):
        out[i] = np.linalg.lstsq(model[good[i]], flat[i, good[i]].astype(float), rcond=None)[0]
    # A spectrum without any share of the reference leaves a scale of rounding errors.
    share = np.abs(out[:, 0]) * size
    out[share < 1e-9 * np.abs(np.where(good, flat, 0)).max(axis=1), 0] = 0.0
    return out.reshape(*y.shape[:-1], -1)


def _said(reference: xr.DataArray | None) -> str:
    return "mean" if reference is None else str(reference.attrs.get("source", "given"))
