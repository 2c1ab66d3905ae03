"""Is this a scanned map, and do two of its channels lie on the same pixels?"""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError

Mode = Literal["additive", "multiplicative"]

# Below this many pixels a side, robust statistics of rows mean nothing.
SMALLEST = 8


def map_values(image: xr.DataArray, what: str = "the map") -> np.ndarray:
    """Values of a scanned map as float64, rows along the fast scan axis x; gaps are NaN.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x) with coordinates; NaN where nothing was measured.
    what : str
        How messages call it.

    Returns
    -------
    numpy.ndarray, shape (ny, nx)
        A copy.

    Raises
    ------
    MeasurementError
        If it is no map, is too small, holds infinities, or less than half of it was measured.

    Examples
    --------
    >>> from imaging.labels import labelled_image
    >>> map_values(labelled_image(np.eye(16), (1.0, 2.0))).shape
    (16, 16)
    """
    source = f"{what} ({image.attrs['source']})" if "source" in image.attrs else what
    if set(image.dims) != {"y", "x"} or not {"y", "x"} <= set(image.coords):
        raise MeasurementError(
            f"{source} has dims {image.dims} and coordinates {tuple(image.coords)}, expected y and "
            "x of both; select one page, label it with imaging.labels.labelled_image"
        )
    if min(image.shape) < SMALLEST:
        raise MeasurementError(f"{source} is {image.shape} pixels, {SMALLEST} a side are needed")
    values = image.transpose("y", "x").values.astype(float)
    if np.isinf(values).any():
        raise MeasurementError(f"{source} holds infinite values; mark gaps with NaN")
    missing = float(np.isnan(values).mean())
    if missing > 0.5:
        raise MeasurementError(f"{source} misses {100 * missing:.0f} % of its pixels; crop it")
    return values


def same_pixels(image: xr.DataArray, other: xr.DataArray, what: str) -> np.ndarray:
    """Values of another channel, recorded on the pixels of the map.

    Parameters
    ----------
    image, other : xarray.DataArray
        Dims (y, x).
    what : str
        How messages call `other`.

    Returns
    -------
    numpy.ndarray, shape (ny, nx)
        In the map's order; NaN where `other` was not measured.

    Raises
    ------
    MeasurementError
        If shapes or coordinates differ, or `other` misses pixels that the map has.

    Examples
    --------
    >>> from imaging.labels import labelled_image
    >>> a = labelled_image(np.eye(16), (1.0, 1.0))
    >>> same_pixels(a, a.isel(x=slice(8)), "the height channel")
    Traceback (most recent call last):
        ...
    coatcore.errors.MeasurementError: the height channel has 16 x 8 pixels, the map 16 x 16; ...
    """
    values = map_values(other, what)
    target = image.transpose("y", "x")
    if values.shape != target.shape:
        raise MeasurementError(
            f"{what} has {values.shape[0]} x {values.shape[1]} pixels, the map {target.shape[0]} x "
            f"{target.shape[1]}; give the channel that was recorded with the map, or resample it"
        )
    for axis in ("y", "x"):
        ours, theirs = target[axis], other[axis]
        if ours.attrs.get("units") != theirs.attrs.get("units"):
            raise MeasurementError(
                f"{axis} of {what} is in {theirs.attrs.get('units')!r}, of the map in "
                f"{ours.attrs.get('units')!r}"
            )
        step = abs(float(ours[1] - ours[0]))
        off = float(np.abs(ours.values - theirs.values).max())
        if not off <= 0.01 * step:
            raise MeasurementError(
                f"{axis} of {what} is off by up to {off:g} {ours.attrs.get('units', '')} from that "
                "of the map; align the two first"
            )
    missing = int((np.isnan(values) & np.isfinite(target.values)).sum())
    if missing:
        raise MeasurementError(
            f"{what} misses {missing} pixels that the map has; mark them NaN in the map too"
        )
    return values


def like(image: xr.DataArray, values: np.ndarray) -> xr.DataArray:
    """`values` with the labels of the map, dims (y, x).

    Examples
    --------
    >>> from imaging.labels import labelled_image
    >>> like(labelled_image(np.eye(8), (1.0, 1.0)), np.zeros((8, 8))).attrs["kind"]
    'image'
    """
    return image.transpose("y", "x").copy(data=values)


def require_mode(mode: str) -> None:
    """Raise where `mode` is neither additive nor multiplicative.

    Examples
    --------
    >>> require_mode("additive")
    """
    if mode not in ("additive", "multiplicative"):
        raise MeasurementError(f"mode is {mode!r}, expected 'additive' or 'multiplicative'")
