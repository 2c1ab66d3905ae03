"""What of a stored dataset is a coatqc object?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.quality.registry import kinds

_MOST_NAMES = 10_000
# What `read` writes anew, and under which name the older value is kept.
_FIRST = {"source": "original_source", "sha256": "original_sha256", "reader": "original_reader"}


def restored(dataset: xr.Dataset, path: Path) -> xr.DataArray | xr.Dataset:
    """The object as it was before it was written.

    Parameters
    ----------
    dataset : xarray.Dataset
        As xarray opens it.
    path : pathlib.Path
        For the error.

    Returns
    -------
    xarray.DataArray or xarray.Dataset
        One variable that says its kind is a DataArray; a dataset that says it stays one. The
        file that was measured stays named, in ``original_source`` and so on.

    Raises
    ------
    ReadError
        If nothing in it says its kind.

    Examples
    --------
    >>> da = xr.DataArray([1.0], dims="mz", name="counts", attrs={"kind": "mass_spectrum"})
    >>> restored(da.to_dataset(), Path("a.nc")).attrs["kind"]
    'mass_spectrum'
    """
    names = [str(n) for n in dataset.data_vars]
    found: xr.DataArray | xr.Dataset = dataset
    if "kind" not in dataset.attrs and len(names) == 1:
        found = dataset[names[0]]
    kind = found.attrs.get("kind")
    if not isinstance(kind, str) or kind not in kinds():
        held = ", ".join(names[:8]) or "nothing"
        raise ReadError(
            path,
            f"holds {held}, and no attribute kind that coatqc knows",
            f"set attrs['kind'] to one of {', '.join(kinds())} before .to_netcdf or .to_zarr",
        )
    words = [n for n, c in found.coords.items() if c.dtype.kind == "O"]
    if any(found[n].size > _MOST_NAMES for n in words):
        raise ReadError(path, f"its coordinate {words[0]} holds too many words")
    found = found.assign_coords({n: found[n].astype(np.str_) for n in words})
    kept = {new: found.attrs[old] for old, new in _FIRST.items() if old in found.attrs}
    # NetCDF gives lists and numbers back as those of numpy.
    several = (np.generic, np.ndarray)
    plain = {k: v.tolist() if isinstance(v, several) else v for k, v in found.attrs.items()}
    found.attrs = {**kept, **plain}
    return found
