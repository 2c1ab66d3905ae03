"""Is this an image that can be measured?"""

from __future__ import annotations

import numpy as np
import xarray as xr

from coatqc.core.errors import MeasurementError


def require_image(image: xr.DataArray, smallest: int = 32) -> np.ndarray:
    """Values of an image as float64.

    Parameters
    ----------
    image : xarray.DataArray
        Expected with dims (y, x), finite, in nm.
    smallest : int
        Pixels along each side at least.

    Raises
    ------
    MeasurementError
        Naming what is wrong with it.

    Examples
    --------
    >>> from imaging.labels import labelled_image
    >>> require_image(labelled_image(np.eye(32), (1.0, 1.0))).shape
    (32, 32)
    """
    source = image.attrs.get("source", "the image")
    if set(image.dims) != {"y", "x"}:
        raise MeasurementError(f"{source} has dims {image.dims}, expected y and x; select one page")
    if min(image.shape) < smallest:
        raise MeasurementError(f"{source} is {image.shape} pixels, {smallest} a side are needed")
    if {image[a].attrs.get("units") for a in ("y", "x")} != {"nm"}:
        raise MeasurementError(
            f"the pixel size of {source} is not known; give coordinates y and x in nm"
        )
    values = image.transpose("y", "x").values.astype(float)
    if not np.isfinite(values).all():
        raise MeasurementError(f"{source} holds {int((~np.isfinite(values)).sum())} missing pixels")
    if np.ptp(values) == 0:
        raise MeasurementError(f"{source} has one grey value only")
    return values
