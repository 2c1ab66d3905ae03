"""Spectra of coatqc as a dataset of SpectroChemPy, with all that is known of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.reading.quiet import quietly
from spectra.exchange.units import to_pint
from spectra.labels.labels import QUANTITIES

# Under this name the dataset holds what SpectroChemPy has no place for; it also marks the lines
# of its history that were written before.
MARK = "coatqc"
# Begins the name of a dataset of simulated spectra: its analyses keep no more of it.
SIMULATED = "simulated "
# What is measured along one of these is a row of the dataset.
ROW_AXES = ("wavenumber", "component")
_UNITS = {"absorbance": "absorbance", "transmittance": "absolute_transmittance"}


def to_spectrochempy(da: xr.DataArray) -> Any:
    """Spectra as a SpectroChemPy dataset, for its PCA, MCR-ALS and other analyses.

    Parameters
    ----------
    da : xarray.DataArray
        Dims (wavenumber,), (one other, wavenumber), or a map (y, x, wavenumber), each pixel of
        which becomes a row, for the analyses of SpectroChemPy take rows. Scores and loadings
        that came from there have component for wavenumber, or for the other. Dask arrays are
        computed.

    Returns
    -------
    spectrochempy.NDDataset
        Shape (spectra, wavenumbers), wavenumbers in cm-1. Missing values are masked. Along the
        spectra stand their number and every other coordinate that `da` has of them. The history
        goes along line by line; attributes and names stand in ``meta["coatqc"]``, from which
        `from_spectrochempy` takes them back, and so does a unit that SpectroChemPy does not know.

    Raises
    ------
    MeasurementError
        If there are other dims, values that are no real numbers, or a coordinate or attribute
        that SpectroChemPy has no place for.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> to_spectrochempy(simulate_ftir(1)[0]).shape
    (1, 1790)
    """
    if not isinstance(da, xr.DataArray):
        raise MeasurementError(f"expected an xarray.DataArray, found {type(da).__name__}")
    name = str(da.name or "intensity")
    if da.dtype.kind not in "iuf":
        raise MeasurementError(f"{name} is of type {da.dtype}, expected real numbers")
    values, along, axis = _as_rows(da)
    title = name if name in QUANTITIES else str(da.attrs.get("long_name") or name)
    unit = str(da.attrs.get("units", "1"))
    kept = {
        "name": None if da.name is None else name,
        "title": title.replace("_", " "),
        "rows": next(iter(along)),
        "attrs": {k: _json(k, v) for k, v in da.attrs.items() if k != "history"},
        "coords": {str(k): _kept(k, c, whole=c.ndim == 0) for k, c in da.coords.items()},
    }
    with quietly():
        import spectrochempy as scp

        # The last one is the one over which SpectroChemPy draws.
        of_rows = [_coord(scp, each, coordinate) for each, coordinate in along.items()][::-1]
        out = scp.NDDataset(
            values,
            coordset=[
                of_rows[0] if len(of_rows) == 1 else scp.CoordSet(*of_rows),
                _coord(scp, str(axis.dims[0]), axis),
            ],
            title=kept["title"],
            name=SIMULATED * (da.attrs.get("simulated") == "yes") + name,
        )
        if (missing := np.isnan(values)).any():
            out.mask = missing
        out.units = unit_sent(name, unit)
        out.origin = str(da.attrs.get("source", ""))
        out.meta = {MARK: json.dumps(kept)}
        now = datetime.now(UTC)
        lines = str(da.attrs.get("history", "")).splitlines()
        out.replace_history(
            [{"date": now, "operation": MARK, "parameters": {}, "message": x} for x in lines]
        )
    return out


def unit_sent(name: str, unit: str) -> Any:
    """Unit with which a quantity goes to SpectroChemPy.

    Parameters
    ----------
    name, unit : str
        Of the quantity.

    Examples
    --------
    >>> str(unit_sent("absorbance", "1")), unit_sent("intensity", "1")
    ('a.u.', None)
    """
    return to_pint(_UNITS.get(name, "1") if unit == "1" else unit)


def _as_rows(da: xr.DataArray) -> tuple[np.ndarray, dict[str, xr.DataArray], xr.DataArray]:
    """Values (rows, columns), what is known of the rows, and the axis of the columns."""
    last = next((d for d in ROW_AXES if d in da.dims), "")
    rows = tuple(str(d) for d in da.dims if d != last)
    pixels = set(rows) == {"y", "x"}
    if not last or (len(rows) > 1 and not pixels):
        raise MeasurementError(
            f"expected dims wavenumber, one other and wavenumber, or y, x and wavenumber; found "
            f"{da.dims}: take a part of it with .isel, or stack dims into one named replicate"
        )
    rows = ("y", "x") if pixels else rows
    da = da.transpose(*rows, last)
    if last == "wavenumber" and last not in da.coords:
        raise MeasurementError("dim wavenumber has no coordinate; assign the wavenumbers in cm-1")
    for name, coordinate in da.coords.items():
        if not (set(coordinate.dims) <= set(rows) or name == last):
            raise MeasurementError(
                f"coordinate {name} has dims {coordinate.dims}, and SpectroChemPy has a place for "
                f"{last} and for what belongs to a whole spectrum; drop_vars it, or keep it apart"
            )
    values = da.values.astype(float)
    count = values.size // values.shape[-1]
    numbered = "pixel" if pixels else rows[0] if rows else "spectrum"
    along = {numbered: xr.DataArray(np.arange(count), dims="row")}
    shape = da.isel({last: 0}, drop=True)
    if pixels:
        # Where they are not known, their numbers tell one pixel from another.
        da = da.assign_coords({d: np.arange(da.sizes[d]) for d in rows if d not in da.coords})
    for name, coordinate in da.coords.items():
        if name != last and coordinate.ndim:
            every = coordinate.broadcast_like(shape).transpose(*rows).values.reshape(-1)
            along[str(name)] = xr.DataArray(every, dims="row", attrs=coordinate.attrs)
    axis = da[last] if last in da.coords else xr.DataArray(np.arange(da.sizes[last]), dims=last)
    return values.reshape(count, -1), along, axis


def _coord(scp: Any, name: str, coordinate: xr.DataArray) -> Any:
    values = coordinate.values
    if values.dtype.kind in "iufb":
        # By default SpectroChemPy rounds coordinates to four digits and makes steps even.
        exact = {"rounding": False, "linearize_below": 0.0, "sigdigits": 15}
        unit = to_pint(str(coordinate.attrs.get("units", "1")))
        return scp.Coord(values.astype(float), title=name, units=unit, **exact)
    return scp.Coord(None, labels=np.array([str(v) for v in values], dtype=object), title=name)


def _kept(name: object, coordinate: xr.DataArray, *, whole: bool) -> dict[str, object]:
    """What SpectroChemPy would lose of a coordinate: all of one that belongs to no axis."""
    values = coordinate.values
    text = values.dtype.kind == "O" and all(isinstance(v, str) for v in values.ravel())
    if values.dtype.kind not in "iufbUM" and not text:
        raise MeasurementError(
            f"coordinate {name} holds {values.dtype}, expected numbers, text or dates; drop_vars "
            "it, or unstack what was stacked"
        )
    kept: dict[str, object] = {
        "dtype": "str" if text or values.dtype.kind == "U" else str(values.dtype),
        "attrs": {k: _json(k, v) for k, v in coordinate.attrs.items()},
        "dims": [str(d) for d in coordinate.dims],
    }
    if values.ndim and values.dtype.kind in "iuf":
        kept["values"] = values.ravel().tolist()
    if whole:
        kept["value"] = str(values) if values.dtype.kind == "M" else values.item()
    return kept


def _json(name: object, value: object) -> object:
    """An attribute as JSON has it."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        raise MeasurementError(
            f"attribute {name} is a {type(value).__name__}, expected text, numbers or an array of "
            "them; remove it first"
        ) from None
    return value


def kept_of(dataset: Any) -> Mapping[str, Any]:
    """What `to_spectrochempy` wrote into a dataset; empty for one that is from elsewhere.

    Parameters
    ----------
    dataset : spectrochempy.NDDataset

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> kept_of(to_spectrochempy(simulate_ftir(1)[0]))["name"]
    'absorbance'
    """
    text = dataset.meta.get(MARK)
    try:
        kept = json.loads(text) if isinstance(text, str) else {}
    except ValueError:
        kept = {}
    return kept if isinstance(kept, dict) and {"name", "title", "coords"} <= kept.keys() else {}
