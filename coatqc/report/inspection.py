"""What is this file? Facts for people and programs, and a quick look at it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.table import Table

from coatcore.errors import MeasurementError, printable
from coatcore.plotting import plot_lines, plot_mean_image
from coatcore.quality.registry import dims, technique_of_kind

_PLAIN_ATTRS = ("kind", "source", "sha256", "reader", "history")


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _range(values: np.ndarray) -> tuple[float | None, float | None]:
    if values.dtype.kind not in "fiub" or not np.isfinite(values).any():
        return None, None
    return _number(np.nanmin(values)), _number(np.nanmax(values))


def _span(variable: xr.DataArray) -> tuple[float | None, float | None, int]:
    """Least and greatest value, and how many are missing; what is large is read in blocks."""
    if variable.chunks is None:
        values = np.asarray(variable.values)
        missing = int(np.isnan(values).sum()) if values.dtype.kind == "f" else 0
        return *_range(values), missing
    import dask

    found = dask.compute(variable.min().data, variable.max().data, variable.isnull().sum().data)
    low, high, missing = (v.item() for v in found)
    return _number(low), _number(high), int(missing)


def describe(obj: xr.DataArray | xr.Dataset, path: Path) -> dict[str, Any]:
    """Facts of a file that was read, ready for JSON.

    Parameters
    ----------
    obj : xarray.DataArray or xarray.Dataset
        From `coatcore.read`.
    path : pathlib.Path
        Where it came from.

    Returns
    -------
    dict
        ``path, sha256, kind, reader, dims, coords, data, attrs``.

    Examples
    --------
    >>> import xarray as xr
    >>> nm = {"units": "nm", "long_name": "x"}
    >>> da = xr.DataArray([1.0, 2.0], dims="x", coords={"x": ("x", [0.0, 5.0], nm)},
    ...     name="height", attrs={"units": "nm", "kind": "image"})
    >>> describe(da, Path("a.gsf"))["coords"]["x"]
    {'units': 'nm', 'min': 0.0, 'max': 5.0, 'n': 2}
    """
    dataset = obj if isinstance(obj, xr.Dataset) else obj.to_dataset(name=obj.name or "data")
    coords, data = {}, {}
    for name, coord in dataset.coords.items():
        low, high = _range(np.asarray(coord.values))
        coords[str(name)] = {
            "units": coord.attrs.get("units", ""),
            "min": low,
            "max": high,
            "n": int(coord.size),
        }
    parts = {
        label: part
        for name, variable in dataset.data_vars.items()
        for label, part in _parts(str(name), variable).items()
    }
    for name, variable in parts.items():
        low, high, n_nan = _span(variable)
        data[name] = {
            "units": variable.attrs.get("units", ""),
            "min": low,
            "max": high,
            "n_nan": n_nan,
        }
    attrs = {
        k: v.item() if isinstance(v, np.generic) else v
        for k, v in obj.attrs.items()
        if k not in _PLAIN_ATTRS and isinstance(v, (str, int, float, np.generic))
    }
    return {
        "path": str(path),
        "sha256": obj.attrs.get("sha256", ""),
        "kind": obj.attrs.get("kind", ""),
        "reader": obj.attrs.get("reader", ""),
        "dims": {str(k): int(v) for k, v in obj.sizes.items()},
        "coords": coords,
        "data": data,
        "attrs": {k: v for k, v in attrs.items() if not isinstance(v, float) or np.isfinite(v)},
    }


def _parts(name: str, variable: xr.DataArray) -> dict[str, xr.DataArray]:
    """The variable itself, or both parts of a complex one."""
    if variable.dtype.kind != "c":
        return {name: variable}
    with xr.set_options(keep_attrs=True):
        return {f"{name}, real": variable.real, f"{name}, imaginary": variable.imag}


def to_text(facts: dict[str, Any], obj: xr.DataArray | xr.Dataset) -> Table:
    """The same facts as a table for the terminal.

    Examples
    --------
    >>> import xarray as xr
    >>> facts = {"path": "a", "kind": "image", "reader": "r", "sha256": "00", "coords": {},
    ...     "data": {}, "attrs": {}}
    >>> to_text(facts, xr.Dataset()).row_count
    4
    """
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for key in ("path", "kind", "reader", "sha256"):
        table.add_row(key, Text(str(facts[key])))
    for group in ("coords", "data"):
        for name, fact in facts[group].items():
            unit = f" {fact['units']}"
            if fact["min"] is not None:
                span = f"{fact['min']:g} … {fact['max']:g}"
            elif group == "coords" and name in obj.coords and obj.coords[name].size:
                words = [str(v) for v in np.ravel(obj.coords[name].values)]
                span = printable(words[0] if len(words) == 1 else f"{words[0]} … {words[-1]}")
                unit = ""
            else:
                span = "no numbers"
            extra = f"{fact['n']} points" if "n" in fact else f"{fact['n_nan']} NaN"
            table.add_row(name, Text(f"{span}{unit}  ({extra})"))
    for key, value in facts["attrs"].items():
        if key not in ("units", "long_name"):
            table.add_row(key, Text(printable(str(value)[:500]), style="dim"))
    return table


def draw(obj: xr.DataArray | xr.Dataset, target: Path) -> Figure:
    """Draw what was read, and save it as a picture.

    Parameters
    ----------
    obj : xarray.DataArray or xarray.Dataset
        As it was read. Its technique says how it is drawn; by default lines over its axis, or
        an image, of a cube the mean over its other axes.
    target : pathlib.Path
        File to write; its ending says the format.

    Raises
    ------
    MeasurementError
        If the picture cannot be written.

    Examples
    --------
    >>> import tempfile, xarray as xr
    >>> deg = {"units": "degree", "long_name": "2θ"}
    >>> da = xr.DataArray([1.0, 2.0], dims="two_theta", name="counts",
    ...     coords={"two_theta": ("two_theta", [10.0, 11.0], deg)},
    ...     attrs={"units": "counts", "long_name": "counts", "kind": "xrd_pattern"})
    >>> _ = draw(da, Path(tempfile.mkdtemp()) / "a.png")
    """
    technique = technique_of_kind(str(obj.attrs.get("kind")))
    if technique is not None and technique.quick_look is not None:
        return _saved(technique.quick_look(obj), target)
    array = obj if isinstance(obj, xr.DataArray) else obj[next(iter(obj.data_vars))]
    if {"y", "x"} <= set(array.dims):
        return _saved(plot_mean_image(array), target)
    axis = next((str(d) for d in array.dims if dims()[str(d)].axis), str(array.dims[-1]))
    return _saved(plot_lines(array, axis), target)


def _saved(ax: Axes, target: Path) -> Figure:
    figure = ax.get_figure()
    assert isinstance(figure, Figure)
    try:
        figure.savefig(target)
    except (OSError, ValueError) as error:
        raise MeasurementError(f"{target}: cannot write the picture ({error})") from error
    return figure
