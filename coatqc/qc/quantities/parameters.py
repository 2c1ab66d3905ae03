"""What quantities share: strict parameter models, and files as replicates."""

from __future__ import annotations

import numpy as np
import xarray as xr
from pydantic import BaseModel, ConfigDict

from coatqc.core.errors import MeasurementError


class Parameters(BaseModel):
    """Base of all parameter models: an unknown key is a mistake.

    Examples
    --------
    >>> Parameters().model_dump()
    {}
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


def as_replicates(arrays: list[xr.DataArray], axis: str) -> xr.DataArray:
    """One array with a `replicate` dimension from files of one group.

    Parameters
    ----------
    arrays : list of xarray.DataArray
        All with dimension `axis`; a single one is returned as it is.
    axis : str
        Spectral axis, which must be the same in all files.

    Raises
    ------
    MeasurementError
        If the axes differ: spectra are not interpolated silently.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> a = xr.DataArray([1.0, 2.0], dims="mz", coords={"mz": [1.0, 2.0]})
    >>> as_replicates([a, a], "mz").dims
    ('replicate', 'mz')
    """
    first = arrays[0]
    if len(arrays) == 1:
        return first
    for other in arrays[1:]:
        same = other.sizes[axis] == first.sizes[axis] and np.allclose(
            other[axis].values, first[axis].values, rtol=0, atol=1e-6
        )
        if not same or other.dims != first.dims or other.name != first.name:
            raise MeasurementError(
                f"{other.attrs.get('source', 'a file')} and {first.attrs.get('source', 'another')}"
                f" are replicates with different {axis} axes or quantities; "
                "export them on one axis"
            )
    aligned = [a.assign_coords({axis: first[axis]}) for a in arrays]
    if "replicate" in first.dims:
        merged = xr.concat(aligned, dim="replicate", combine_attrs="override")
    else:
        merged = xr.concat(aligned, dim="replicate", combine_attrs="override")
    number = np.arange(merged.sizes["replicate"])
    named = ("replicate", number, {"units": "1", "long_name": "replicate"})
    return merged.assign_coords(replicate=named)
