"""Where is the band? Position of an absorption band with calibrated uncertainty."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.special import stdtrit

from coatqc.core.errors import MeasurementError
from coatqc.core.estimate import Estimate
from coatqc.core.provenance import add_history
from spectra.bandfit import fit_bands
from spectra.smoothing import centred_weights

# The band's top is looked for this far from `near`; the fit takes in this much on each side.
SEARCH = 30.0
HALF_WINDOW = 60.0
_METHOD = "pseudo-Voigt fit, noise correlation estimated from the residuals"


def band_position(
    da: xr.DataArray,
    near: float = 1669.0,
    *,
    search: float = SEARCH,
    half_window: float = HALF_WINDOW,
) -> Estimate | xr.Dataset:
    """Position of the band nearest to a wavenumber.

    A pseudo-Voigt band on a straight line is fitted by least squares within `half_window` of
    the band's top. Noise and how far it is correlated from point to point (smoothing, apodisation,
    zero filling) are estimated from the fit's residuals; the interval follows from both
    (generalised law of propagation with an effective number of degrees of freedom). What the
    interval does not hold: errors of the instrument's wavenumber scale, and bands hidden under
    this one.

    Parameters
    ----------
    da : xarray.DataArray
        With dim wavenumber (cm-1, evenly spaced); absorbance or another ordinate whose bands
        point up. Dask arrays stay lazy.
    near : float, default 1669.0
        Wavenumber in cm-1; by default the carbonyl stretch of PVP in the paper.
    search : float, default 30.0
        The band's top lies within `search` of `near`, in cm-1.
    half_window : float, default 60.0
        How far the fit reaches to each side of the top, in cm-1. Narrow it, to about the band's
        full width at half maximum, where other bands are near.

    Returns
    -------
    Estimate or xarray.Dataset
        For one spectrum an `Estimate` in cm-1. For more, variables value, standard_uncertainty,
        lower and upper over the other dims, NaN where there is no band.

    Raises
    ------
    MeasurementError
        If the data end too close to `near`, or one spectrum shows no band there.

    References
    ----------
    Shi et al., J. Mater. Chem. A 2025, 13, 2600, section 2.1; JCGM 100:2008, G.4.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> spectrum, truth = simulate_ftir(1)
    >>> position = band_position(spectrum)
    >>> position.lower < truth["carbonyl_position"] < position.upper
    True
    >>> print(round(band_position(spectrum, near=1288.0, search=15, half_window=40).value))
    1288
    """
    fitted = _fitted(da, near, search, half_window)
    if da.ndim == 1:
        one, spread, free = _single(da, fitted, near, search)
        return Estimate.from_standard_uncertainty(
            one, spread, unit="cm-1", dof=free, method=_METHOD
        )
    value, u, dof = (fitted.isel(statistic=i) for i in range(3))
    k = xr.apply_ufunc(stdtrit, dof, 0.975, dask="parallelized", output_dtypes=[float])
    out = xr.Dataset(
        {"value": value, "standard_uncertainty": u, "lower": value - k * u, "upper": value + k * u}
    )
    for name in out.data_vars:
        words = str(name).replace("_", " ")
        out[name].attrs = {"units": "cm-1", "long_name": f"band position, {words}"}
    out.attrs = {k: v for k, v in da.attrs.items() if k not in ("units", "long_name", "kind")}
    return add_history(out, "band_position", near=near, search=search)


def mean_band_position(da: xr.DataArray, near: float = 1669.0) -> Estimate:
    """Band position of a sample: of its one spectrum, or the mean over its replicates.

    With replicates the scatter between them tells the uncertainty (Student's t), for it holds
    the placing of the sample as well as the noise.

    Parameters
    ----------
    da : xarray.DataArray
        Dims (wavenumber,) or (replicate, wavenumber).
    near : float, default 1669.0
        In cm-1.

    Returns
    -------
    Estimate
        In cm-1.

    Raises
    ------
    MeasurementError
        If any spectrum shows no band: a replicate is not dropped silently.

    Examples
    --------
    >>> import xarray as xr
    >>> from spectra import simulate_ftir
    >>> group = xr.concat([simulate_ftir(seed)[0] for seed in (1, 2, 3)], dim="replicate")
    >>> mean_band_position(group).n
    3
    """
    value, u, dof, n = position_and_dof(da, near)
    method = _METHOD if n == 1 else "mean over replicates of pseudo-Voigt fits, Student's t"
    return Estimate.from_standard_uncertainty(value, u, unit="cm-1", dof=dof, n=n, method=method)


def position_and_dof(da: xr.DataArray, near: float) -> tuple[float, float, float, int]:
    """Position, its standard uncertainty, their degrees of freedom, and the number of spectra.

    Parameters
    ----------
    da, near
        As for `mean_band_position`.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> position_and_dof(simulate_ftir(1)[0], 1669.0)[3]
    1
    """
    if "replicate" in da.dims and da.sizes["replicate"] == 1:
        da = da.isel(replicate=0)
    if "replicate" not in da.dims:
        if da.ndim != 1:
            raise MeasurementError(f"expected dims replicate and wavenumber, found {da.dims}")
        return *_single(da, _fitted(da, near), near, SEARCH), 1
    if set(da.dims) != {"replicate", "wavenumber"}:
        raise MeasurementError(f"expected dims replicate and wavenumber, found {da.dims}")
    values = _fitted(da, near).isel(statistic=0).values
    n = values.size
    if np.isnan(values).any():
        raise MeasurementError(
            f"{int(np.isnan(values).sum())} of {n} replicates show no band near {near:g} cm-1"
        )
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(n)), n - 1.0, n


def _single(
    da: xr.DataArray, fitted: xr.DataArray, near: float, search: float
) -> tuple[float, float, float]:
    value, u, dof = (float(v) for v in fitted.values)
    if np.isnan(value):
        source = da.attrs.get("source", "the spectrum")
        inside = da.values[np.abs(da["wavenumber"].values - near) <= search]
        if missing := int((~np.isfinite(inside)).sum()):
            raise MeasurementError(
                f"{source} misses {missing} values within {search:g} cm-1 of {near:g} cm-1"
            )
        raise MeasurementError(
            f"{source} shows no band of its own within {search:g} cm-1 of {near:g} cm-1: only "
            "noise, or a band that is saturated, double, or merged with others in the window"
        )
    return value, u, dof


def _fitted(
    da: xr.DataArray, near: float, search: float = SEARCH, half_window: float = HALF_WINDOW
) -> xr.DataArray:
    """Value, standard uncertainty and degrees of freedom along a last dim `statistic`."""
    window = _window(da, near, search, half_window)
    x = window["wavenumber"].values.astype(float)
    return xr.apply_ufunc(
        _positions,
        window.astype(float),
        kwargs={
            "x": x,
            "near": near,
            "reach": (search, half_window),
            "weights": _smoothing_of(da),
        },
        input_core_dims=[["wavenumber"]],
        output_core_dims=[["statistic"]],
        dask="parallelized",
        output_dtypes=[float],
        dask_gufunc_kwargs={"output_sizes": {"statistic": 3}},
    )


def _window(da: xr.DataArray, near: float, search: float, half_window: float) -> xr.DataArray:
    if "wavenumber" not in da.dims:
        raise MeasurementError(f"a spectrum has dim wavenumber, found {da.dims}")
    if da.name in ("transmittance", "single_channel"):
        raise MeasurementError(f"bands are fitted in absorbance, found {da.name}; convert it first")
    x = da["wavenumber"].values
    if not x.min() <= near - search <= near + search <= x.max():
        raise MeasurementError(
            f"the data run from {x.min():g} to {x.max():g} cm-1; a band near {near:g} cm-1 needs "
            f"{near - search:g} to {near + search:g} cm-1"
        )
    reach = half_window + search
    window = da.isel(wavenumber=np.flatnonzero(np.abs(x - near) <= reach)).sortby("wavenumber")
    step = np.diff(window["wavenumber"].values)
    if step.size < 24 or not np.allclose(step, step.mean(), rtol=0.02):
        raise MeasurementError(
            f"a band fit needs 25 evenly spaced points within {reach:g} cm-1 of {near:g} cm-1, "
            f"found {step.size + 1} with steps from {step.min():g} to {step.max():g} cm-1"
        )
    if window.chunks is not None:
        window = window.chunk(wavenumber=-1)
    return window


def _smoothing_of(da: xr.DataArray) -> np.ndarray | None:
    """Weights of the moving average that `smooth` says it applied."""
    window = int(da.attrs.get("moving_average_window", 0))
    return centred_weights(window) if window else None


def _positions(
    y: np.ndarray,
    *,
    x: np.ndarray,
    near: float,
    reach: tuple[float, float],
    weights: np.ndarray | None,
) -> np.ndarray:
    """Value, standard uncertainty and degrees of freedom on a new last axis; NaN for no band."""
    flat = y.reshape(-1, x.size)
    out = np.full((flat.shape[0], 3), np.nan)
    good = np.isfinite(flat).all(axis=1) & (np.ptp(flat, axis=1) > 0)
    if good.any():
        fit = fit_bands(x, flat[good], near, *reach, weights)
        out[good] = np.column_stack([fit.center, fit.standard_uncertainty, fit.dof])
    return out.reshape(*y.shape[:-1], 3)
