"""Which stripes did ion milling leave, and how strong are they?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr
from scipy import ndimage

from imaging.particles.grey_levels import GreyLevels, illumination, values_of

# Coarse rows over which a stripe is taken as constant, and the step from one to the next.
_LENGTH, _STEP = 64, 32
# Stripes are narrower than this many pixels; wider is illumination.
_BROAD = 60.0
# Deviation from the phase's level, as a share of it, that is an edge, pore or crack.
_USUAL = 0.2
# Fewest pixels of a column in a band that tell its stripe.
_MIN_PIXELS = 24


@dataclass(frozen=True)
class Curtains:
    """Brightness of stripes along one direction.

    Parameters
    ----------
    direction : {"vertical", "horizontal"}
        Along which they run.
    gain : numpy.ndarray of float32, shape (bands, n)
        Factor of each line of pixels, band by band; 1 without stripes.
    centers : numpy.ndarray, shape (bands,)
        Middles of the bands, pixels.
    strength : float
        Standard deviation of `gain`.

    Examples
    --------
    >>> Curtains("vertical", np.ones((1, 4), np.float32), np.array([2.0]), 0.0).strength
    0.0
    """

    direction: Literal["vertical", "horizontal"]
    gain: np.ndarray
    centers: np.ndarray
    strength: float

    def over(self, rows: slice, columns: slice) -> np.ndarray:
        """Factor at each pixel of a part of the image.

        Parameters
        ----------
        rows, columns : slice
            With start and stop.
        """
        along, across = (rows, columns) if self.direction == "vertical" else (columns, rows)
        at = np.interp(
            np.arange(along.start, along.stop), self.centers, np.arange(self.centers.size)
        )
        low = np.minimum(at.astype(int), max(0, self.centers.size - 2))
        share = (at - low).astype(np.float32)[:, None]
        high = np.minimum(low + 1, self.centers.size - 1)
        gain = self.gain[:, across]
        surface = (1 - share) * gain[low] + share * gain[high]
        return surface if self.direction == "vertical" else surface.T


def find_curtains(
    image: xr.DataArray,
    factor: int,
    solid: np.ndarray,
    bright: np.ndarray,
    levels: GreyLevels,
    direction: Literal["vertical", "horizontal"],
) -> Curtains | None:
    """Stripes that run along one direction through particles and electrolyte alike.

    A stripe is the mean deviation of a line of pixels from the level of its phase, over some
    64 coarse pixels, shrunk by the share of its scatter that chance and grains explain. A
    crack is dark over a short way and is left out, for its deviation is not usual.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x).
    factor : int
        Pixels to a coarse pixel.
    solid, bright : numpy.ndarray
        On coarse pixels: numbers of particles, and where it is bright.
    levels : GreyLevels
        Of the phases.
    direction : {"vertical", "horizontal"}
        Along which stripes run.

    Returns
    -------
    Curtains or None
        None where there is no more than chance would make.

    Examples
    --------
    >>> from imaging.particles.parameters import CrackParameters
    >>> from imaging.particles.places import locate_particles
    >>> from imaging.simulating.sem import simulate_sem
    >>> found = locate_particles(simulate_sem(1)[0], CrackParameters()).curtains
    >>> found is not None and 0.005 < found.strength < 0.03
    True
    """
    if direction == "horizontal":
        image, solid, bright = image.transpose("x", "y"), solid.T, bright.T
    ny, nx = image.shape
    level = np.full(solid.shape, np.nan, np.float32)
    level[(solid > 0) & bright] = levels.bright
    level[(solid == 0) & ~bright] = levels.dark
    # Edges belong to neither phase.
    known = ndimage.binary_erosion(np.isfinite(level), np.ones((3, 3)))
    level[~known] = np.nan
    gains, centers, weights = [], [], []
    starts = range(0, max(1, solid.shape[0] - _LENGTH // 2), _STEP)
    y_all, x_all = np.linspace(-1, 1, ny), np.linspace(-1, 1, nx)
    for start in starts:
        rows = slice(start * factor, min(ny, (start + _LENGTH) * factor))
        values = values_of(image[rows])
        part = np.repeat(np.repeat(level[start : start + _LENGTH], factor, 0), factor, 1)
        part = part[: values.shape[0], :nx]
        light = (
            illumination(levels, y_all[rows], x_all)
            if direction == "vertical"
            else illumination(levels, x_all, y_all[rows]).T
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            off = values / light / part - 1
        used = np.abs(off) < _USUAL
        count = used.sum(axis=0)
        mean = np.where(used, off, 0).sum(axis=0) / np.maximum(count, 1)
        spread = np.where(used, (off - mean) ** 2, 0).sum(axis=0) / np.maximum(count, 1)
        weight = np.where(count >= _MIN_PIXELS, count, 0) / max(float(np.median(spread)), 1e-9)
        gains.append(mean)
        weights.append(weight)
        centers.append(0.5 * (rows.start + rows.stop))
    mean, weight = np.array(gains), np.array(weights)
    # Only what is narrower than illumination and grains' groups is a stripe.
    smooth = ndimage.gaussian_filter1d(mean * weight, _BROAD, axis=1, mode="nearest")
    smooth /= np.maximum(ndimage.gaussian_filter1d(weight, _BROAD, axis=1, mode="nearest"), 1e-12)
    stripe = np.where(weight > 0, mean - smooth, 0.0)
    known_columns = weight > 0
    if known_columns.sum() < 100:
        return None
    total = float(np.mean(stripe[known_columns] ** 2))
    chance = float(np.mean(1 / weight[known_columns]))
    if total < 1.5 * chance:
        return None
    real = total - chance
    stripe *= np.where(known_columns, real / (real + 1 / np.maximum(weight, 1e-12)), 0.0)
    gain = (1 + np.clip(stripe, -0.5, 0.5)).astype(np.float32)
    return Curtains(direction, gain, np.array(centers), float(np.sqrt(real)))
