"""Where is the band? Position of an absorption band with calibrated uncertainty."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import xarray as xr

from coatcore.coverage import coverage_factor
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.provenance import add_history
from spectra.bands.fit import FLAGS, Landmark, fit_bands
from spectra.bands.shapes import Shape
from spectra.bands.window import SEARCH

_METHODS = {
    "fit": "{shape} fit, noise correlation estimated from the residuals",
    "centroid": "centroid above the baseline of a {shape} fit",
    "apex": "top of a parabola",
}
# Why a spectrum has no position, for people.
_WHY = {
    "no_band": "only noise, or a band that is double or merged with others in the window",
    "saturated": "its top is flat, so the detector or the ordinate was saturated",
    "misfit": "a band is there, but one of this shape does not describe it; name its neighbours "
    "too (fit_bands), change half_window, or try shape='asymmetric'",
    "width_at_bound": "the band is narrower or wider than any band of a condensed phase, or merged",
}


class Positions(NamedTuple):
    """Where a band of one sample is.

    Parameters
    ----------
    values : numpy.ndarray, shape (replicates,)
        Of each spectrum, cm-1.
    standard_uncertainty : float
        Of their mean, cm-1.
    dof : float
        With which it is known.

    Examples
    --------
    >>> Positions(np.array([1669.1, 1668.9]), 0.1, 1.0).mean.value
    1669.0
    """

    values: np.ndarray
    standard_uncertainty: float
    dof: float

    @property
    def mean(self) -> Estimate:
        """Mean over the replicates, cm-1.

        Examples
        --------
        >>> Positions(np.array([1669.1, 1668.9]), 0.1, 1.0).mean.n
        2
        """
        n = self.values.size
        method = _text("fit", "pseudo_voigt")
        if n > 1:
            method = "mean over replicates of pseudo-Voigt fits, Student's t"
        return Estimate.from_standard_uncertainty(
            float(self.values.mean()),
            self.standard_uncertainty,
            unit="cm-1",
            dof=self.dof,
            n=n,
            method=method,
        )


def band_position(
    da: xr.DataArray,
    near: float = 1669.0,
    *,
    method: Landmark = "fit",
    shape: Shape = "pseudo_voigt",
    search: float = SEARCH,
    half_window: float | None = None,
    instrument: float = 0.0,
) -> Estimate | xr.Dataset:
    """Position of the strongest band about a wavenumber.

    A band on a straight line is fitted by least squares within `half_window` of the band's top;
    see `fit_bands`. The noise actually found, smoothing included, makes the standard
    uncertainty, to which `instrument` is added in squares. What the interval does not hold:
    bands hidden under this one, and a shape that none of the profiles has.

    Parameters
    ----------
    da : xarray.DataArray
        With dim wavenumber (cm-1, evenly spaced); absorbance or another ordinate whose bands
        point up. Dask arrays stay lazy.
    near : float, default 1669.0
        Wavenumber in cm-1; by default the carbonyl stretch of PVP in the paper.
    method : {"fit", "centroid", "apex"}, default "fit"
        As `position` of `fit_bands`.
    shape : {"pseudo_voigt", "gaussian", "lorentzian", "asymmetric"}
        Of the band.
    search : float, default 30.0
        The band's top lies within `search` of `near`, in cm-1.
    half_window : float, optional
        How far the fit reaches to each side of the top, in cm-1; 60 by default. Narrow it, to
        about the band's full width at half maximum, where other bands are near.
    instrument : float, default 0.0
        Standard uncertainty of the instrument's wavenumber scale, cm-1. It cancels in the shift
        between two spectra of one instrument.

    Returns
    -------
    Estimate or xarray.Dataset
        For one spectrum an `Estimate` in cm-1. For more, variables value, standard_uncertainty,
        lower and upper over the other dims, NaN where there is no band, and flag that says why.

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
    if not 0 <= instrument < math.inf:
        raise MeasurementError(f"instrument is {instrument!r}, expected a standard uncertainty")
    fitted = fit_bands(
        da, near, shape=shape, position=method, search=search, half_window=half_window
    ).isel(band=0, drop=True)
    value, u = fitted["center"], fitted["center_standard_uncertainty"]
    # A stated instrument term has, by its nature, no degrees of freedom that could be counted.
    dof = fitted["dof"] * (1 + (instrument / u) ** 2) ** 2
    u = (u**2 + instrument**2) ** 0.5
    if da.ndim == 1:
        require_band(da, fitted, near, search)
        return Estimate.from_standard_uncertainty(
            float(value), float(u), unit="cm-1", dof=float(dof), method=_text(method, shape)
        )
    k = xr.apply_ufunc(coverage_factor, dof, dask="parallelized", output_dtypes=[float])
    out = xr.Dataset(
        {"value": value, "standard_uncertainty": u, "lower": value - k * u, "upper": value + k * u}
    )
    for name in out.data_vars:
        words = str(name).replace("_", " ")
        out[name].attrs = {"units": "cm-1", "long_name": f"band position, {words}"}
    out["flag"] = fitted["flag"]
    out.attrs = fitted.attrs
    return add_history(out, "band_position", near=near, method=method, search=search)


def mean_band_position(
    da: xr.DataArray, near: float = 1669.0, *, half_window: float | None = None
) -> Estimate:
    """Band position of a sample: of its one spectrum, or the mean over its replicates.

    With replicates the scatter between them tells the uncertainty (Student's t), for it holds
    the placing of the sample as well as the noise.

    Parameters
    ----------
    da : xarray.DataArray
        Dims (wavenumber,) or (replicate, wavenumber).
    near : float, default 1669.0
        In cm-1.
    half_window : float, optional
        As for `band_position`.

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
    return positions(da, near, half_window).mean


def positions(da: xr.DataArray, near: float, half_window: float | None = None) -> Positions:
    """Position of each replicate, with the standard uncertainty of their mean and its dof.

    Parameters
    ----------
    da, near, half_window
        As for `mean_band_position`.

    Returns
    -------
    Positions

    Raises
    ------
    MeasurementError
        If any spectrum shows no band, or the replicates are copies of each other.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> positions(simulate_ftir(1)[0], 1669.0).values.shape
    (1,)
    """
    if "replicate" in da.dims and da.sizes["replicate"] == 1:
        da = da.isel(replicate=0)
    if set(da.dims) not in ({"wavenumber"}, {"replicate", "wavenumber"}):
        raise MeasurementError(f"expected dims replicate and wavenumber, found {da.dims}")
    fitted = fit_bands(da, near, half_window=half_window).isel(band=0)
    if da.ndim == 1:
        require_band(da, fitted, near, SEARCH)
        u, dof = fitted["center_standard_uncertainty"], fitted["dof"]
        return Positions(np.atleast_1d(fitted["center"].values), float(u), float(dof))
    values = fitted["center"].values
    n = values.size
    if n > 1 and np.ptp(values) == 0:
        raise MeasurementError(f"{n} replicates are copies of each other: they do not scatter")
    if np.isnan(values).any():
        flags = fitted["flag"].values
        why = ", ".join(
            f"replicate {i}: {FLAGS[int(flags[i])].replace('_', ' ')}"
            for i in np.flatnonzero(flags)
        )
        raise MeasurementError(
            f"{int(np.isnan(values).sum())} of {n} replicates show no band near {near:g} cm-1 "
            f"({why})"
        )
    return Positions(values, float(values.std(ddof=1) / np.sqrt(n)), n - 1.0)


def require_band(da: xr.DataArray, fitted: xr.Dataset, near: float, search: float) -> None:
    """Raise, with the reason, where one spectrum has no position.

    Parameters
    ----------
    da : xarray.DataArray
        The spectrum.
    fitted : xarray.Dataset
        What `fit_bands` made of it, one band.
    near, search : float
        Where it was looked for, cm-1.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> spectrum = simulate_ftir(1)[0]
    >>> require_band(spectrum, fit_bands(spectrum, 1669.0).isel(band=0), 1669.0, 30.0)
    """
    flag = FLAGS[int(fitted["flag"])]
    source = da.attrs.get("source", "the spectrum")
    if flag == "missing_values":
        bad = ~np.isfinite(da.values)
        inside = np.abs(da["wavenumber"].values - near) <= search
        if missing := int((bad & inside).sum()):
            raise MeasurementError(
                f"{source} misses {missing} values within {search:g} cm-1 of {near:g} cm-1"
            )
        raise MeasurementError(
            f"{source} misses values around {near:g} cm-1; narrow half_window to leave them out"
        )
    if flag != "ok":
        raise MeasurementError(
            f"{source} shows no band of its own within {search:g} cm-1 of {near:g} cm-1: "
            f"{_WHY[flag]}"
        )


def _text(method: str, shape: str) -> str:
    return _METHODS[method].format(shape=shape.replace("pseudo_voigt", "pseudo-Voigt"))
