"""Where is each hole, how large is it and how deep?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy import ndimage

from imaging.labels.labels import pixel_size

_RING = 5
_COLUMNS = (
    "y / nm",
    "x / nm",
    "area / nm2",
    "area uncertainty / nm2",
    "equivalent diameter / nm",
    "diameter uncertainty / nm",
    "contrast",
    "contrast uncertainty",
    "resolved",
)


@dataclass(frozen=True)
class Levels:
    """What the signal of a pixel is compared with.

    Parameters
    ----------
    coating : float
        Centre of the smoothed coating.
    bare, bare_scatter : float
        Of smoothed bare substrate.
    noise : float
        Standard deviation of a pixel's own noise.

    Examples
    --------
    >>> Levels(1.0, 0.0, 0.02, 0.05).coating
    1.0
    """

    coating: float
    bare: float
    bare_scatter: float
    noise: float


def hole_table(
    image: xr.DataArray,
    smoothed: np.ndarray,
    mask: np.ndarray,
    levels: Levels,
    *,
    sigma: float,
    tip_radius: float,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Holes one by one, and the missing share of the coating pixel by pixel.

    A hole's area is the signal that is missing over the hole and its blurred rim, over the
    coating's signal in the ring around: blur moves signal but keeps the sum, so a hole smaller
    than the tip's footprint keeps its area though its shape is lost. Its standard uncertainty
    holds the pixels' noise and how well the ring tells the coating's signal in the hole.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x) in nm.
    smoothed : numpy.ndarray, shape (ny, nx)
        The map after `imaging.maps.tip_footprint.smooth`.
    mask : numpy.ndarray of bool, shape (ny, nx)
        True in holes.
    levels : Levels
        Signal of coating and of bare substrate.
    sigma : float
        Standard deviation of the tip's footprint in pixels.
    tip_radius : float
        In nm; holes of a smaller diameter are called not resolved.

    Returns
    -------
    (pandas.DataFrame, numpy.ndarray)
        Rows by falling area; missing share, 0 away from holes.

    Examples
    --------
    >>> from imaging.labels import labelled_image
    >>> values = np.ones((40, 40))
    >>> values[10:20, 10:20] = 0.0
    >>> levels = Levels(1.0, 0.0, 0.01, 0.01)
    >>> table, _ = hole_table(labelled_image(values, (5.0, 5.0)), values, values < 0.5, levels,
    ...     sigma=1.0, tip_radius=20.0)
    >>> float(table["area / nm2"][0])
    2500.0
    """
    values = image.values.astype(float)
    dy, dx = pixel_size(image)
    missing = np.zeros(values.shape)
    labels, n = ndimage.label(mask, structure=np.ones((3, 3)))
    if not n:
        return pd.DataFrame(columns=list(_COLUMNS)).astype({"resolved": bool}), missing
    reach = round(3 * sigma + 1)
    # The rim goes as far as blur carries signal. Each pixel belongs to its nearest hole.
    distance, nearest = ndimage.distance_transform_edt(~mask, return_indices=True)
    zone = np.where(distance <= reach + _RING, labels[nearest[0], nearest[1]], 0)
    known = np.isfinite(values)
    surprise = _Surprise(np.where(known & (distance > reach), values, np.nan), reach)
    rows = []
    for index, box in enumerate(ndimage.find_objects(zone), start=1):
        here = values[box]
        own = (zone[box] == index) & known[box]
        mine = own & (distance[box] <= reach)
        nearby = _nearby(here[own & ~mine], levels)
        u_nearby = surprise.of(np.sqrt(mine.sum()))
        drop = nearby - levels.bare
        share = np.where(mine, (nearby - here) / drop, 0.0)
        missing[box] += share
        lost = max(float(share.sum()), 0.1)
        rim = max(0.0, mine.sum() - lost)
        u_lost = np.sqrt(mine.sum() * levels.noise**2 + (rim * u_nearby) ** 2) / drop
        deepest = np.where(labels[box] == index, smoothed[box], np.inf).min()
        area, u_area = lost * dy * dx, u_lost * dy * dx
        diameter = 2 * np.sqrt(area / np.pi)
        y, x = ndimage.center_of_mass(labels[box] == index)
        contrast = (nearby - deepest) / drop
        u_contrast = np.hypot(levels.bare_scatter, (1 - contrast) * u_nearby) / drop
        rows.append(
            (
                _place(image["y"].values, box[0].start + y),
                _place(image["x"].values, box[1].start + x),
                area,
                u_area,
                diameter,
                diameter * u_area / area / 2,
                contrast,
                u_contrast,
                diameter >= tip_radius,
            )
        )
    table = pd.DataFrame(rows, columns=list(_COLUMNS)).sort_values("area / nm2", ascending=False)
    return table.reset_index(drop=True), missing


class _Surprise:
    """How well the signal of a ring tells that within, tried on places clear of holes."""

    def __init__(self, clear: np.ndarray, reach: int) -> None:
        known = np.isfinite(clear)
        center = float(np.median(clear[known])) if known.any() else 0.0
        off = np.where(known, clear - center, 0.0)
        largest = max(3, min(clear.shape) // 3)
        self._sizes = np.unique(np.geomspace(2 * reach + 1, max(largest, 2 * reach + 2), 5).round())
        self._found = [_ring_error(off, known, int(size)) for size in self._sizes]

    def of(self, size: float) -> float:
        """Standard deviation for a place `size` pixels across."""
        return float(np.interp(size, self._sizes, self._found))


def _ring_error(off: np.ndarray, known: np.ndarray, size: int) -> float:
    """Standard deviation of a square's mean against that of the frame around it."""
    outer = size + 2 * _RING
    weight = known.astype(float)
    sums, counts = [], []
    for side in (size, outer):
        square = float(side * side)
        sums.append(ndimage.uniform_filter(off, side, mode="constant") * square)
        counts.append(ndimage.uniform_filter(weight, side, mode="constant") * square)
    inner, frame = counts[0], counts[1] - counts[0]
    usable = (inner > 0.5 * size**2) & (frame > 0.5 * (outer**2 - size**2))
    if usable.sum() < _RING:
        return float(off[known].std()) if known.any() else 0.0
    error = sums[0][usable] / inner[usable] - (sums[1] - sums[0])[usable] / frame[usable]
    return float(np.sqrt(np.mean(error**2)))


def _nearby(ring: np.ndarray, levels: Levels) -> float:
    """Coating's signal around a hole."""
    if ring.size < 4 * _RING:
        return levels.coating
    nearby = float(np.median(ring))
    # Holes all around leave no coating to compare with.
    if nearby - levels.bare < (levels.coating - levels.bare) / 2:
        return levels.coating
    return nearby


def _place(axis: np.ndarray, pixels: float) -> float:
    return float(np.interp(pixels, np.arange(axis.size), axis))
