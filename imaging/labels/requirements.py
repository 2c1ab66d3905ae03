"""Is this an image that can be measured?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from coatcore.errors import MeasurementError
from imaging.labels.data_bar import cut_data_bar
from imaging.labels.labels import NO_PIXEL_SIZE

# What a pixel is taken as, nm, where its size is not known: sizes of particles and cracks are
# then looked for as in a common image, and given in pixels.
PIXEL = 20.0


def _source_of_plane(image: xr.DataArray, smallest: int) -> str:
    """Name of an image that has rows and columns, and enough of them."""
    if not isinstance(image, xr.DataArray):
        raise MeasurementError(
            f"an image is expected, found {type(image).__name__}; `coatqc.read` makes one of a "
            "file, `imaging.labels.labelled_image` of an array"
        )
    source = str(image.attrs.get("source", "the image"))
    if set(image.dims) != {"y", "x"}:
        raise MeasurementError(
            f"{source} has dims {image.dims}, expected y and x; select one page, or save the grey "
            "image of one detector if it is in colour"
        )
    if min(image.shape) < smallest:
        raise MeasurementError(f"{source} is {image.shape} pixels, {smallest} a side are needed")
    return source


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
    source = _source_of_plane(image, smallest)
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


def require_flat_image(image: xr.DataArray, smallest: int = 64) -> xr.DataArray:
    """Image of one channel with dims (y, x), in nm, its values left as they are.

    A data bar at its foot or head is cut away. Nothing else of its values is looked at, so that
    an image that is larger than memory stays lazy.

    Parameters
    ----------
    image : xarray.DataArray
        Expected with dims y and x. Where coordinates are in pixels, a pixel is taken as 20 nm
        to look for what is as large as usual; `in_its_own_pixels` takes that back.
    smallest : int
        Pixels along each side at least.

    Raises
    ------
    MeasurementError
        Naming what is wrong with it.

    Examples
    --------
    >>> from imaging.labels import labelled_image
    >>> frame = require_flat_image(labelled_image(np.zeros((64, 64)), None))
    >>> frame["x"].attrs["units"], frame.attrs["measured_in"]
    ('nm', 'pixel')
    """
    source = _source_of_plane(image, smallest)
    if image.dtype.kind not in "uif":
        raise MeasurementError(f"{source} holds values of type {image.dtype}, expected numbers")
    image = cut_data_bar(image)
    units = {image[a].attrs.get("units") for a in ("y", "x")}
    frame = image.transpose("y", "x")
    if units == {"nm"}:
        return frame
    if units != {"pixel"}:
        raise MeasurementError(
            f"coordinates of {source} are in {units}; expected nm, or pixel where the size of a "
            "pixel is not known"
        )
    axes = {a: (a, frame[a].values * PIXEL, {"units": "nm", "long_name": a}) for a in ("y", "x")}
    frame = frame.assign_coords(axes)
    frame.attrs["measured_in"] = "pixel"
    return frame


def in_its_own_pixels(array: xr.DataArray) -> xr.DataArray:
    """What was made of a `require_flat_image`, on coordinates as its image came with.

    Examples
    --------
    >>> from imaging.labels import labelled_image
    >>> frame = require_flat_image(labelled_image(np.zeros((64, 64)), None))
    >>> in_its_own_pixels(frame)["x"].values[:2]
    array([0.5, 1.5])
    """
    if array.attrs.get("measured_in") != "pixel":
        return array
    axes = {a: (a, array[a].values / PIXEL, {"units": "pixel", "long_name": a}) for a in ("y", "x")}
    array = array.assign_coords(axes)
    del array.attrs["measured_in"]
    array.attrs.setdefault("assumptions", NO_PIXEL_SIZE)
    return array


def in_its_unit(table: pd.DataFrame, image: xr.DataArray) -> pd.DataFrame:
    """Table in pixels where the image it came from has no other unit.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns such as ``length / nm`` and ``area / nm2``.
    image : xarray.DataArray
        As `require_flat_image` gave it.

    Examples
    --------
    >>> from imaging.labels import labelled_image
    >>> image = require_flat_image(labelled_image(np.zeros((64, 64)), None))
    >>> in_its_unit(pd.DataFrame({"length / nm": [400.0]}), image)
       length / pixel
    0            20.0
    """
    if image.attrs.get("measured_in") != "pixel":
        return table
    out = {}
    for name in table.columns:
        quantity, _, unit = str(name).partition(" / ")
        power = {"nm": 1, "nm2": 2}.get(unit)
        if unit == "um-1":
            out[f"{quantity} / pixel-1"] = table[name] * PIXEL / 1000
        elif power is None:
            out[str(name)] = table[name]
        else:
            out[f"{quantity} / pixel{'2' if power == 2 else ''}"] = table[name] / PIXEL**power
    return pd.DataFrame(out)
