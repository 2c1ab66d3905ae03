"""How the axes of a SpectroChemPy dataset become dims and coordinates of coatqc."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from spectra.exchange.units import alike, to_pint, udunits
from spectra.labels.labels import NO_PIXEL_SIZE

Series = Literal["replicate", "position", "scan"]
_SERIES = get_args(Series)


class Axis(NamedTuple):
    """One coordinate of an axis.

    Parameters
    ----------
    title : str
        Its name there.
    values : numpy.ndarray
        Numbers, or text.
    unit : pint.Unit or None
        Of the numbers.

    Examples
    --------
    >>> Axis("time", np.arange(3.0), None).values.size
    3
    """

    title: str
    values: np.ndarray
    unit: Any


def coordinates_of(dataset: Any, dim: str) -> list[Axis]:
    """Every coordinate and every column of labels of one axis, the default one first.

    Parameters
    ----------
    dataset : spectrochempy.NDDataset
        Any.
    dim : str
        One of its dims.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> from spectra.exchange import to_spectrochempy
    >>> dataset = to_spectrochempy(simulate_ftir(1)[0])
    >>> [axis.title for axis in coordinates_of(dataset, "x")]
    ['wavenumber']
    """
    found = dataset.coord(dim) if dataset.coordset is not None else None
    several = getattr(found, "names", None)
    if found is not None and isinstance(several, list) and not hasattr(found, "has_data"):
        default = found.default
        each = [default, *(found[n] for n in several if found[n] is not default)]
    else:
        each = [] if found is None else [found]
    axes = []
    for coord in each:
        title = str(coord.title or dim)
        if coord.has_data:
            # Its public values are rounded.
            axes.append(Axis(title, np.array(coord._data, dtype=float), coord.units))
            title = f"{title} label"
        axes += [Axis(title, column, None) for column in _label_columns(coord)]
    # SpectroChemPy joins datasets, but not always their coordinates.
    return [axis for axis in axes if axis.values.shape == (dataset.shape[dataset.dims.index(dim)],)]


def _label_columns(coord: Any) -> list[np.ndarray]:
    labels = coord.labels
    if labels is None:
        return []
    table = np.asarray(labels, dtype=object)
    if table.ndim == 1:
        table = table[:, None]
    # As many columns as rows: which is which, only the types can tell.
    kinds = [{type(v) for v in row} for row in table]
    if (
        len(table) == table.shape[1] > 1
        and all(len(k) == 1 for k in kinds)
        and kinds[0] != kinds[1]
    ):
        table = table.T
    return [np.array(["" if v is None else str(v) for v in column]) for column in table.T]


def arranged(
    values: np.ndarray, axes: list[list[Axis]], series: Series, kept: Mapping[str, Any]
) -> tuple[xr.DataArray, list[str]]:
    """Values with dims and coordinates, and what could not come along.

    Parameters
    ----------
    values : numpy.ndarray
        One, two or three axes.
    axes : list of list of Axis
        What is known of each.
    series : {"replicate", "position", "scan"}
        What several spectra are, where nothing says so.
    kept : mapping
        What `to_spectrochempy` wrote down; empty for a dataset from elsewhere.

    Returns
    -------
    (xarray.DataArray, list of str)
        An attribute ``assumptions`` says what had to be taken for granted.

    Raises
    ------
    MeasurementError
        If no axis is of wavenumbers or components, or the others are no rows and no map.

    Examples
    --------
    >>> from spectra.exchange.units import to_pint
    >>> x = Axis("wavenumber", np.array([1700.0, 1698.0]), to_pint("cm-1"))
    >>> arranged(np.ones((3, 2)), [[], [x]], "scan", {})[0].dims
    ('scan', 'wavenumber')
    """
    last = _last_axis(axes)
    values = np.moveaxis(values, last, -1)
    others = [axis for i, axis in enumerate(axes) if i != last]
    name, coordinate, left = _columns(axes[last], values.shape[-1], kept)
    if len(others) > 2:
        raise MeasurementError(f"it has {values.ndim} axes, expected three at most")
    if len(others) == 2:
        out = _map(values, others, name)
    elif not others:
        out = xr.DataArray(values, dims=(name,))
    else:
        out = _series(values, others[0], name, series, kept)
    return out.assign_coords({name: coordinate}), left


def _last_axis(axes: list[list[Axis]]) -> int:
    """Which axis is of wavenumbers, or else of components."""
    for axis in axes:
        if any("raman" in a.title.lower() for a in axis):
            raise MeasurementError(
                "one of its axes is a Raman shift; spectra is of infrared, whose wavenumbers are "
                "those of the light"
            )
    waves = [i for i, axis in enumerate(axes) if any(_is_wavenumber(a) for a in axis)]
    if len(waves) > 1:
        raise MeasurementError("two of its axes are of wavenumbers, expected one")
    components = [i for i, axis in enumerate(axes) if _are_components(axis)]
    if not waves and not components:
        found = " and ".join(
            f"{axis[0].title} in {udunits(axis[0].unit)[0]}" if axis else "an axis without numbers"
            for axis in axes
        )
        raise MeasurementError(
            f"its axes are {found or 'none'}; expected wavenumbers (dataset.x.ito('cm^-1') makes "
            "them of wavelengths)"
        )
    return (waves or components)[0]


def _is_wavenumber(axis: Axis) -> bool:
    return axis.unit is not None and dict(axis.unit.dimensionality) == {"[length]": -1}


def _are_components(axis: list[Axis]) -> bool:
    return bool(axis) and axis[0].title.lower() in ("component", "components")


def _columns(
    axis: list[Axis], n: int, kept: Mapping[str, Any]
) -> tuple[str, xr.Variable, list[str]]:
    """Name and coordinate of the last axis, and titles of what else stood there."""
    waves = [a for a in axis if _is_wavenumber(a)]
    if not waves:
        return "component", _components(axis, n, kept), [a.title for a in axis[1:]]
    first = waves[0]
    values = first.values
    if not alike(first.unit, to_pint("cm-1")):
        values = (values * first.unit).to("cm^-1").magnitude
    known = kept.get("coords", {}).get("wavenumber", {})
    attrs = known.get("attrs") or {"units": "cm-1", "long_name": "wavenumber"}
    left = [a.title for a in axis if a is not first]
    return "wavenumber", xr.Variable("wavenumber", _exact(values, known), attrs), left


def _exact(values: np.ndarray, known: Mapping[str, Any]) -> np.ndarray:
    """Values as they went there, where a last digit is all that they lost."""
    sent = np.sort(np.asarray(known.get("values", []), dtype=float))
    if not sent.size:
        return values
    above = np.searchsorted(sent, values).clip(1, max(sent.size - 1, 1))
    pair = np.stack([sent[above - 1], sent[above.clip(0, sent.size - 1)]])
    nearest = np.where(np.abs(pair[0] - values) <= np.abs(pair[1] - values), *pair)
    close = np.abs(nearest - values) <= 1e-9 * np.abs(sent).max()
    return np.where(close, nearest, values)


def _components(axis: list[Axis], n: int, kept: Mapping[str, Any]) -> xr.Variable:
    if axis:
        return _labelled("component", "component", axis[0], kept)
    return xr.Variable("component", np.arange(n), {"units": "1", "long_name": "component"})


def _series(
    values: np.ndarray, axis: list[Axis], last: str, series: Series, kept: Mapping[str, Any]
) -> xr.DataArray:
    titles = [a.title for a in axis]
    n = len(values)
    known = kept.get("coords", {})
    if _are_components(axis):
        coordinate = _components(axis, n, kept)
        return xr.DataArray(values, {"component": coordinate}, ("component", last))
    if {"pixel", "y", "x"} <= set(titles):
        return _unfolded(values, {a.title: a for a in axis}, last, kept)
    dim = next((t for t in titles if t in (*_SERIES, kept.get("rows")) and t != "spectrum"), series)
    coords = {dim: xr.Variable(dim, np.arange(n), {"units": "1", "long_name": dim})}
    for a in axis:
        name = slug(a.title)
        while name in coords and name != dim:
            name += "_more"
        if name != "spectrum":
            coords[name] = _labelled(name, dim, a, kept)
    if known and dim in titles and dim not in known:
        del coords[dim]
    out = xr.DataArray(values, coords, (dim, last))
    if n == 1 and dim not in titles:
        return out.isel({dim: 0}).drop_vars(dim)
    if n > 1 and dim not in titles and "spectrum" not in titles:
        out.attrs["assumptions"] = f"its spectra are taken for {dim}s: the dataset does not say"
    return out


def _labelled(name: str, dim: str, axis: Axis, kept: Mapping[str, Any]) -> xr.Variable:
    """One coordinate, as it was where it came from coatqc."""
    known = kept.get("coords", {}).get(name, {})
    values, unit = axis.values, udunits(axis.unit)[0]
    if values.dtype.kind == "U":
        dtype = str(known.get("dtype", "str"))
        values = values.astype(dtype) if dtype.startswith("datetime") else values
    elif np.array_equal(values := _exact(values, known), np.round(values)):
        values = values.astype(known.get("dtype", float))
        if not known and name in (*_SERIES, "component"):
            values = values.astype(int)
    attrs = {"units": unit, "long_name": axis.title}
    if known:
        same = alike(to_pint(str(known["attrs"].get("units", "1"))), axis.unit)
        attrs = known["attrs"] if same else {**known["attrs"], "units": unit}
    return xr.Variable(dim, values, attrs)


# -- maps ---------------------------------------------------------------------------------


def _unfolded(
    values: np.ndarray, axis: Mapping[str, Axis], last: str, kept: Mapping[str, Any]
) -> xr.DataArray:
    """A map of rows that know their pixel; pixels that are no longer there are missing."""
    (row, ys), (column, xs) = (_ranked(axis[d].values) for d in ("y", "x"))
    cells = row * xs.size + column
    if np.unique(cells).size < cells.size:
        raise MeasurementError(
            "two of its rows are of the same pixel: it holds more than one map; take one of them"
        )
    coords: dict[str, xr.Variable] = {}
    for d, places in (("y", ys), ("x", xs)):
        coords[d] = _labelled(d, d, axis[d]._replace(values=places), kept)
    for title, each in axis.items():
        name = slug(title)
        if name in ("pixel", "y", "x"):
            continue
        number = each.values.dtype.kind == "f"
        whole = np.full(ys.size * xs.size, np.nan if number else "", each.values.dtype)
        whole[cells] = each.values
        variable = _labelled(name, "cell", each._replace(values=whole), kept)
        plane = xr.Variable(("y", "x"), variable.values.reshape(ys.size, xs.size), variable.attrs)
        dims = kept.get("coords", {}).get(name, {}).get("dims", ["y", "x"])
        coords[name] = plane.isel({d: 0 for d in ("y", "x") if d not in dims})
    known = kept.get("coords", {})
    grid = np.full((ys.size * xs.size, values.shape[-1]), np.nan)
    grid[cells] = values
    out = xr.DataArray(grid.reshape(ys.size, xs.size, -1), coords, ("y", "x", last))
    return out.drop_vars([d for d in ("y", "x") if known and d not in known])


def _ranked(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of each place along its axis, and the axis, in the direction that the rows have."""
    axis, first, number = np.unique(places, return_index=True, return_inverse=True)
    if first[0] > first[-1]:
        return axis.size - 1 - number, axis[::-1]
    return number, axis


def _map(values: np.ndarray, axes: list[list[Axis]], last: str) -> xr.DataArray:
    """A map of three axes, lengths in nm, or pixels where it states none."""
    order = ("y", "x")
    if [a[0].title.lower() if a else "" for a in axes] == ["x", "y"]:
        order = ("x", "y")
    places: dict[str, np.ndarray | None] = {}
    for d, axis in zip(order, axes, strict=True):
        first = axis[0] if axis else None
        if first is None or udunits(first.unit)[0] in ("1", "pixel"):
            places[d] = None
        elif dict(first.unit.dimensionality) == {"[length]": 1}:
            places[d] = (first.values * first.unit).to("nm").magnitude
        else:
            raise MeasurementError(
                f"it has three axes, of which {first.title} in {udunits(first.unit)[0]} is no "
                "length; take one of its slices"
            )
    out = xr.DataArray(values, dims=(*order, last)).transpose("y", "x", last)
    known = all(centres is not None for centres in places.values())
    for d, centres in places.items():
        centres = centres if known and centres is not None else np.arange(out.sizes[d]) + 0.5
        labels = {"units": "nm" if known else "pixel", "long_name": d}
        out = out.assign_coords({d: (d, centres, labels)})
    if not known:
        out.attrs["assumptions"] = NO_PIXEL_SIZE
    return out


def slug(title: str) -> str:
    """A title as a name.

    Parameters
    ----------
    title : str
        For people.

    Examples
    --------
    >>> slug("absorbance (1st derivative)")
    'absorbance_1st_derivative'
    """
    return re.sub(r"\W+", "_", title.strip().lower()).strip("_") or "untitled"
