"""Files of one group as one labelled array."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from glob import glob
from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError, ReadError
from coatcore.reading.registry import read

_AXES = ("wavenumber", "two_theta", "mz")


def read_replicates(
    files: str | Path | Iterable[str | Path], *, kind: str | None = None
) -> xr.DataArray:
    """Read the files of one group into one array with dimension replicate.

    Parameters
    ----------
    files : path-like, or iterable of path-like
        A pattern such as ``"ftir/pvp_*.jdx"``, read in order of name, or the files themselves.
    kind : str, optional
        As for `read`.

    Returns
    -------
    xarray.DataArray
        Dims (replicate, ...).

    Raises
    ------
    ReadError
        If no file matches, or one cannot be read.
    MeasurementError
        If the files have different axes: spectra are not interpolated silently.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from spectra import simulate_ftir
    >>> from spectra.write import write_dpt
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for i in (1, 2, 3):
    ...     write_dpt(simulate_ftir(i)[0], folder / f"pvp_{i}.dpt")
    >>> read_replicates(folder / "pvp_*.dpt").sizes["replicate"]
    3
    """
    if isinstance(files, (str, Path)):
        paths = sorted(glob(str(files)))  # noqa: PTH207  the pattern may be absolute
        if not paths:
            raise ReadError(files, "no file matches", "check the pattern")
    else:
        paths = [str(f) for f in files]
    arrays = []
    for path in paths:
        obj = read(path, kind=kind)
        if not isinstance(obj, xr.DataArray):
            raise ReadError(path, "holds several arrays", "read it by itself")
        arrays.append(obj)
    merged = as_replicates(arrays)
    if "replicate" not in merged.dims:
        merged = _numbered(merged.expand_dims("replicate"))
    return merged


def as_replicates(arrays: Sequence[xr.DataArray]) -> xr.DataArray:
    """One array with a `replicate` dimension from arrays of one group.

    Parameters
    ----------
    arrays : sequence of xarray.DataArray
        All with the same axis; a single one is returned as it is.

    Raises
    ------
    MeasurementError
        If there is none, or the axes differ: spectra are not interpolated silently.

    Examples
    --------
    >>> import xarray as xr
    >>> a = xr.DataArray([1.0, 2.0], dims="mz", coords={"mz": [1.0, 2.0]})
    >>> as_replicates([a, a]).dims
    ('replicate', 'mz')
    """
    if not arrays:
        raise MeasurementError("replicates need at least one array, found none")
    first = arrays[0]
    if len(arrays) == 1:
        return first
    axis = next((a for a in _AXES if a in first.dims), None)
    if axis is None:
        raise MeasurementError(f"replicates have one of the axes {_AXES}, found {first.dims}")
    for other in arrays[1:]:
        same = (
            axis in other.dims
            and other.sizes[axis] == first.sizes[axis]
            and np.allclose(other[axis].values, first[axis].values, rtol=0, atol=1e-6)
        )
        if not same or other.dims != first.dims or other.name != first.name:
            raise MeasurementError(
                f"{other.attrs.get('source', 'a file')} and {first.attrs.get('source', 'another')}"
                f" are replicates with different {axis} axes or quantities; "
                "export them on one axis"
            )
    aligned = [a.assign_coords({axis: first[axis]}) for a in arrays]
    merged = _numbered(xr.concat(aligned, dim="replicate", combine_attrs="override"))
    for name in ("source", "sha256"):
        if named := [str(a.attrs[name]) for a in arrays if name in a.attrs]:
            merged.attrs[name] = ", ".join(named)
    if any(a.attrs.get("simulated") == "yes" for a in arrays):
        merged.attrs["simulated"] = "yes"
    return merged


def _numbered(merged: xr.DataArray) -> xr.DataArray:
    number = np.arange(merged.sizes["replicate"])
    named = ("replicate", number, {"units": "1", "long_name": "replicate"})
    return merged.assign_coords(replicate=named)
