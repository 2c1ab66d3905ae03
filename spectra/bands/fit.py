"""Where, how wide, how high are the bands? Fit of bands on a local baseline."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np
import xarray as xr
from scipy.special import stdtrit

from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from spectra.bands.engine import Fit, Model, baseline_basis, fit
from spectra.bands.landmarks import apex, centroid
from spectra.bands.noise import dof_of_ratio, noise_model, of_second_difference
from spectra.bands.shapes import PROFILES, Shape, area_and_width
from spectra.bands.window import Window, flags_of_input, take_window

Landmark = Literal["fit", "centroid", "apex"]

# A band is one whose height would come from noise, on its own, with this probability.
_CHANCE = 1e-7
# Beyond this many standard uncertainties it is one, however few the degrees of freedom.
_MAX_FACTOR = 7.0
# A band narrower than this many spacings of the points could hide between two of them.
_MIN_SPACINGS = 0.75
# Full widths at half maximum that a band in the condensed phase can have, cm-1.
FWHM_RANGE = (4.0, 90.0)
FLAGS = ("ok", "missing_values", "no_band", "saturated", "width_at_bound", "misfit")

_QUANTITIES = {
    "center": ("cm-1", "band position"),
    "fwhm": ("cm-1", "full width at half maximum"),
    "height": ("", "band height above the local baseline"),
    "area": ("", "band area"),
    "lorentzian_share": ("1", "Lorentzian share of the band"),
    "asymmetry": ("cm", "asymmetry of the band"),
}
# What one fit tells, by name; each of shape (spectra, bands).
Columns = dict[str, np.ndarray]
_COLUMNS = (
    *(f"{name}{end}" for name in _QUANTITIES for end in ("", "_standard_uncertainty")),
    "noise",
    "dof",
    "flag",
)


def fit_bands(
    da: xr.DataArray,
    bands: float | Sequence[float],
    *,
    shape: Shape = "pseudo_voigt",
    baseline: int = 1,
    position: Landmark = "fit",
    search: float | None = None,
    half_window: float | None = None,
    fwhm_range: tuple[float, float] = FWHM_RANGE,
    curves: bool = False,
) -> xr.Dataset:
    """Position, width, height and area of one band or of several that overlap.

    All bands and a polynomial baseline are fitted together, by least squares. The noise and how
    far it is correlated from point to point (smoothing, apodisation, zero filling) are estimated
    from what the fit leaves over; the standard uncertainties follow from both (law of
    propagation, first order). A spectrum that does not allow the fit keeps NaN and says why in
    `flag`. How far noise is correlated is one property of a measurement: it is estimated for all
    spectra of a call together (of a chunk, where dask is used).

    Parameters
    ----------
    da : xarray.DataArray
        With dim wavenumber (cm-1, evenly spaced), and any others; absorbance or another
        ordinate whose bands point up. Dask arrays stay lazy.
    bands : float or sequence of float
        About where each band lies, cm-1. Bands that overlap must be named together.
    shape : {"pseudo_voigt", "gaussian", "lorentzian", "asymmetric"}
        Of every band; ``asymmetric`` is a pseudo-Voigt whose width changes through the band.
    baseline : int, default 1
        Degree of the local baseline: -1 none, 0 constant, 1 straight, 2 or 3 curved.
    position : {"fit", "centroid", "apex"}, default "fit"
        What the position is: the fitted center; the centre of gravity above the fitted baseline;
        or the top of a parabola through the highest points above
        that baseline. The latter two need no true shape,
        but are noisier; they are for bands that stand alone.
    search : float, optional
        How far a band may lie from where it is looked for, cm-1; by default 30, with several
        bands half the way to the next.
    half_window : float, optional
        How far the fit reaches beyond the outermost bands, cm-1; by default 60, or 15 points
        where these are more. Narrow it where bands that are not named lie near.
    fwhm_range : (float, float), default (4, 90)
        Smallest and largest width to allow, cm-1.
    curves : bool, default False
        Also return the fitted curve, over the wavenumbers of `da`, NaN outside of the window.

    Returns
    -------
    xarray.Dataset
        Over the other dims of `da` and ``band``: center (the position), fwhm, height, area,
        lorentzian_share and asymmetry, each with ``_standard_uncertainty``; dof (effective
        degrees of freedom), noise (standard deviation, unit of `da`) and flag (0 is ok; meanings
        in its attrs). With `curves` also fitted.

    Raises
    ------
    MeasurementError
        If the wavenumbers are not evenly spaced or end too near, or a setting cannot be.

    References
    ----------
    JCGM 100:2008 (propagation, effective degrees of freedom); Stancik & Brauns, Vib. Spectrosc.
    2008, 47, 66 (asymmetry); Moré, LNM 630, 1978 (algorithm).

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> spectrum, truth = simulate_ftir(1)
    >>> fitted = fit_bands(spectrum, [1461.0, 1424.0, 1494.0, 1373.0], half_window=30)
    >>> [round(float(v)) for v in fitted["center"]]
    [1461, 1424, 1494, 1373]
    >>> fitted["fwhm"].attrs["units"]
    'cm-1'
    """
    near = np.atleast_1d(np.asarray(bands, dtype=float))
    _check_settings(near, shape, baseline, fwhm_range)
    if position not in ("fit", "centroid", "apex"):
        raise MeasurementError(f"position is {position!r}, expected 'fit', 'centroid' or 'apex'")
    window = take_window(da, near, search, half_window)
    low, high = max(fwhm_range[0], _MIN_SPACINGS * window.step), fwhm_range[1]
    if low >= high:
        raise MeasurementError(
            f"points lie {window.step:g} cm-1 apart: no band up to {high:g} cm-1 wide can be told"
        )
    model = Model(
        shape=shape,
        bands=near.size,
        degree=baseline,
        fwhm=(low, high),
        weights=window.weights,
    )
    if window.points < model.parameters + 4:
        raise MeasurementError(
            f"{window.points} points lie in the window; {model.parameters} parameters need "
            f"{model.parameters + 4}: widen half_window, name fewer bands or take a finer spectrum"
        )
    if clash := sorted({*map(str, da.coords), *map(str, da.dims)} & {*_COLUMNS, "band"}):
        raise MeasurementError(
            f"coordinate {clash[0]} of the data would clash with a result; rename it first"
        )
    outputs = [["band", "statistic"]] + ([["wavenumber"]] if curves else [])
    sizes = {"statistic": len(_COLUMNS), "band": near.size}
    got = xr.apply_ufunc(
        _rows,
        window.data,
        kwargs={"window": window, "model": model, "position": position, "curves": curves},
        input_core_dims=[["wavenumber"]],
        output_core_dims=outputs,
        dask="parallelized",
        output_dtypes=[float] * len(outputs),
        dask_gufunc_kwargs={"output_sizes": sizes},
    )
    table = got[0] if curves else got
    out = _labelled(table, da, near)
    if curves:
        x = window.data["wavenumber"]
        fitted = got[1].assign_coords(wavenumber=x).reindex(wavenumber=da["wavenumber"])
        named = {k: v for k, v in da.attrs.items() if k in ("units",)}
        out["fitted"] = fitted.transpose(*da.dims).assign_attrs(named | {"long_name": "fitted"})
        out["wavenumber"].attrs.update(da["wavenumber"].attrs)
    return add_history(out, "fit_bands", bands=near.tolist(), shape=shape, baseline=baseline)


def _check_settings(
    near: np.ndarray, shape: str, baseline: int, fwhm_range: tuple[float, float]
) -> None:
    if near.ndim != 1 or near.size == 0 or not np.isfinite(near).all():
        raise MeasurementError(f"bands are {near.tolist()}, expected wavenumbers in cm-1")
    if np.unique(near).size != near.size:
        raise MeasurementError(f"a band is named twice in {near.tolist()}")
    if shape not in PROFILES:
        raise MeasurementError(f"shape is {shape!r}, expected one of {', '.join(PROFILES)}")
    if baseline not in (-1, 0, 1, 2, 3):
        raise MeasurementError(f"baseline is {baseline!r}, expected a degree from -1 (none) to 3")
    if not 0 < fwhm_range[0] < fwhm_range[1] < np.inf:
        raise MeasurementError(f"fwhm_range is {fwhm_range}, expected two rising positive widths")


def _labelled(table: xr.DataArray, da: xr.DataArray, near: np.ndarray) -> xr.Dataset:
    unit = str(da.attrs.get("units", "1"))
    units = {"height": unit, "area": "cm-1" if unit == "1" else f"{unit} cm-1"}
    dims = table.dims[:-1]
    variables: dict[str, tuple[tuple[Hashable, ...], np.ndarray, dict[str, object]]] = {}
    for i, column in enumerate(_COLUMNS):
        values = table.data[..., i]
        name = column.removesuffix("_standard_uncertainty")
        if name in _QUANTITIES:
            own, words = _QUANTITIES[name]
            if name != column:
                words += ", standard uncertainty"
            attrs: dict[str, object] = {"units": own or units[name], "long_name": words}
        elif name == "noise":
            attrs = {"units": unit, "long_name": "standard deviation of the noise"}
        elif name == "dof":
            attrs = {"units": "1", "long_name": "effective degrees of freedom"}
        else:
            values = values.astype(np.int8)
            attrs = {
                "units": "1",
                "long_name": "why there is no number",
                "flag_values": list(range(len(FLAGS))),
                "flag_meanings": " ".join(FLAGS),
            }
        variables[column] = (dims, values, attrs)
    label = {"units": "cm-1", "long_name": "where the band was looked for"}
    coords = {k: v for k, v in table.coords.items() if k != "band"}
    out = xr.Dataset(variables, {**coords, "band": ("band", near, label)})
    dropped = ("units", "long_name", "kind", "smoothing_weights")
    out.attrs = {k: v for k, v in da.attrs.items() if k not in dropped}
    return out


def _rows(
    y: np.ndarray, *, window: Window, model: Model, position: Landmark, curves: bool
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Columns of every band of every spectrum on two new last axes."""
    flat = y.reshape(-1, y.shape[-1])
    columns = _no_columns(flat.shape[0], model.bands)
    curve = np.full(flat.shape, np.nan) if curves else None
    flag = flags_of_input(flat)
    good = np.flatnonzero(flag == 0)
    if good.size:
        fitted, drawn = _fitted_rows(flat[good], window, model, position, curves)
        for name, column in columns.items():
            column[good] = fitted[name]
        if curve is not None:
            curve[good] = drawn
    columns["flag"] = np.where(flag[:, None] > 0, flag[:, None], columns["flag"])
    table = np.stack([columns[name] for name in _COLUMNS], axis=-1)
    table = table.reshape(*y.shape[:-1], model.bands, len(_COLUMNS))
    return table if curve is None else (table, curve.reshape(y.shape))


def _no_columns(n: int, bands: int) -> Columns:
    return {name: np.full((n, bands), np.nan) for name in _COLUMNS}


def _fitted_rows(
    y: np.ndarray, window: Window, model: Model, position: Landmark, curves: bool
) -> tuple[Columns, np.ndarray]:
    first, starts = window.place(y)
    index = first[:, None] + np.arange(window.points)
    x, y_window = window.x[index], np.take_along_axis(y, index, axis=1)
    n, m = y_window.shape
    parameters = np.empty((n, model.parameters))
    inverse = np.empty((n, model.parameters, model.parameters))
    residual = np.empty((n, m))
    jacobians: list[tuple[slice, np.ndarray]] = []
    ended = np.empty(n, bool)

    def keep(rows: slice, found: Fit) -> None:
        parameters[rows], residual[rows] = found.parameters, found.residual
        ended[rows] = found.converged
        inverse[rows] = _inverse(found.jacobian)
        jacobians.append((rows, found.jacobian.astype(np.float32 if n > 4096 else float)))

    fit(model, x, y_window, starts, window.reach, keep)
    # One spectrum stands for all where noise is told, and degrees of freedom are counted.
    typical = int(np.argsort((residual**2).sum(axis=1))[n // 2])
    rows, jacobian = next(j for j in jacobians if j[0].start <= typical < j[0].stop)
    of_typical = jacobian[typical - rows.start].astype(float)
    noise = noise_model(residual, of_typical, model.weights)
    variance = (residual**2).sum(axis=1) / noise.trace
    out = _no_columns(n, model.bands)
    root = np.linalg.cholesky(noise.correlation + 1e-9 * np.eye(m))
    for rows, jacobian in jacobians:
        p = jacobian.shape[1]
        spread = (jacobian.reshape(-1, m) @ root.astype(jacobian.dtype)).reshape(-1, p, m)
        middle = (spread @ spread.transpose(0, 2, 1)).astype(float)
        covariance = inverse[rows] @ middle @ inverse[rows] * variance[rows, None, None]
        for band in range(model.bands):
            found = _columns(model, band, parameters[rows], covariance)
            if position != "fit":
                block = (x[rows], y_window[rows], parameters[rows], inverse[rows] @ jacobian)
                value, by_data = _landmark(position, model, band, *block, found["fwhm"])
                # Beyond half of the band it is another one's: its uncertainty 0 says so below.
                astray = ~(np.abs(value - found["center"]) <= 0.5 * found["fwhm"])
                u = np.linalg.norm(by_data @ root, axis=1) * np.sqrt(variance[rows])
                found["center"] = value
                found["center_standard_uncertainty"] = np.where(astray, 0.0, u)
            for name, column in found.items():
                out[name][rows, band] = column
    out["noise"][:] = np.sqrt(variance)[:, None]
    out["dof"][:] = dof_of_ratio((inverse[typical] @ of_typical)[0], of_typical, noise)
    out["flag"] = _flags(out, window, model, ended, _roughness(y_window, model.weights))
    for name in _COLUMNS[:-1]:
        out[name][out["flag"] > 0] = np.nan
    drawn = np.full((n, y.shape[1] if curves else 0), np.nan)
    if curves:
        np.put_along_axis(drawn, index, y_window - residual, axis=1)
    return out, drawn


def _inverse(jacobian: np.ndarray) -> np.ndarray:
    """Inverse of J J', zero where a parameter stands at a bound."""
    size = np.sqrt((jacobian**2).sum(axis=2))
    held = size == 0
    scaled = jacobian / np.where(held, 1.0, size)[:, :, None]
    normal = scaled @ scaled.transpose(0, 2, 1)
    normal += (held[:, :, None] + 1e-12) * np.eye(jacobian.shape[1])
    factor = np.where(held, 0.0, 1 / np.where(held, 1.0, size))
    return np.linalg.inv(normal) * factor[:, :, None] * factor[:, None, :]


def _landmark(
    position: Landmark,
    model: Model,
    band: int,
    x: np.ndarray,
    y: np.ndarray,
    parameters: np.ndarray,
    by_data: np.ndarray,
    fwhm: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Centroid or apex with its derivative by the data; `by_data` is that of the parameters."""
    start = parameters[:, model.column("center", band)]
    basis = baseline_basis(model, x - x.mean(axis=1, keepdims=True))
    first = model.parameters - model.degree - 1
    line = np.einsum("nb,nbm->nm", parameters[:, first:], basis)
    if position == "apex":
        return apex(x, y - line, start, fwhm)
    return centroid(x, y, start, fwhm, line, np.einsum("nbm,nbk->nmk", basis, by_data[:, first:]))


def _columns(model: Model, band: int, p: np.ndarray, covariance: np.ndarray) -> Columns:
    """Values and standard uncertainties of one band, each of shape (n,)."""
    fixed = {"eta": PROFILES[model.shape].eta, "asymmetry": 0.0}
    names = ("center", "fwhm", "height", "eta", "asymmetry")
    where = {name: model.column(name, band) for name in names}
    value, u = {}, {}
    for name, column in where.items():
        if column is None:
            value[name] = np.full(p.shape[0], fixed[name])
            u[name] = np.zeros(p.shape[0])
        else:
            value[name] = p[:, column]
            u[name] = np.sqrt(np.clip(covariance[:, column, column], 0, None))
    shape_names = ("height", "fwhm", "eta", "asymmetry")
    shape = [value[name] for name in shape_names]
    area, width = area_and_width(*shape)
    # Area and width by finite differences of the shape's parameters.
    slopes = np.zeros((2, p.shape[0], p.shape[1]))
    for i, name in enumerate(shape_names):
        if (column := where[name]) is None:
            continue
        by = 1e-4 * np.maximum(np.abs(shape[i]), 1e-3)
        moved = [v + by if k == i else v for k, v in enumerate(shape)]
        up = area_and_width(*moved)
        slopes[0, :, column], slopes[1, :, column] = (up[0] - area) / by, (up[1] - width) / by
    spread = np.sqrt(np.clip(np.einsum("qni,nij,qnj->qn", slopes, covariance, slopes), 0, None))
    value["fwhm"], u["fwhm"] = width, spread[1]
    value["area"], u["area"] = area, spread[0]
    value["lorentzian_share"], u["lorentzian_share"] = value["eta"], u["eta"]
    out = {}
    for name in _QUANTITIES:
        out[name], out[f"{name}_standard_uncertainty"] = value[name], u[name]
    return out


def _roughness(y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Noise of each spectrum from its second differences, which bands hardly touch."""
    return np.diff(y, 2, axis=1).std(axis=1) / np.sqrt(of_second_difference(0.0, weights))


def _flags(
    out: Columns, window: Window, model: Model, ended: np.ndarray, rough: np.ndarray
) -> np.ndarray:
    position, u = out["center"], out["center_standard_uncertainty"]
    height, u_height = out["height"], out["height_standard_uncertainty"]
    dof, width = out["dof"], out["fwhm"]
    low, high = model.fwhm
    found = (
        (height > np.minimum(stdtrit(np.maximum(dof, 1), 1 - _CHANCE), _MAX_FACTOR) * u_height)
        & (np.abs(position - window.near) <= window.search)
        & (u < window.search)
        & (u > 0)
        & (dof >= 2)
        & ended[:, None]
    )
    bound = (width <= low * (1 + 1e-6)) | (width >= high * (1 - 1e-6))
    # Far above the noise, but not above what the fit leaves over: there is more than it knows.
    misfit = (
        ~found & (height > 20 * rough[:, None]) & (np.abs(position - window.near) <= window.search)
    )
    codes = [FLAGS.index("misfit"), FLAGS.index("no_band"), FLAGS.index("width_at_bound")]
    return np.select([misfit, ~found, bound], codes, 0).astype(float)
