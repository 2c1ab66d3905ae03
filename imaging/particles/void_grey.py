"""What grey is a void, as pores, gaps and wide cracks show it?"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from imaging.particles.grey_levels import GreyLevels

# A void is this much darker than the electrolyte, as a share of the contrast of the phases.
_DARKER = 0.25
# Pixels on every side that must be dark too, and fewest pixels that tell.
_CORE, _FEWEST = 2, 30


def void_pixels(even: np.ndarray, levels: GreyLevels) -> np.ndarray:
    """Greys in the middle of what is darker than the electrolyte.

    Parameters
    ----------
    even : numpy.ndarray of float32, shape (ny, nx)
        Grey under even light.
    levels : GreyLevels
        Of the phases.

    Returns
    -------
    numpy.ndarray, shape (n,)

    Examples
    --------
    >>> grey = np.full((20, 20), 75.0, np.float32)
    >>> grey[5:12, 5:12] = 20
    >>> void_pixels(grey, GreyLevels(170.0, 75.0, np.eye(6)[0])).size
    9
    """
    calm = ndimage.gaussian_filter(even, 0.8, truncate=3)
    dark = calm < levels.dark - _DARKER * (levels.bright - levels.dark)
    core = ndimage.minimum_filter(dark, 2 * _CORE + 1, mode="nearest")
    return even[core]


def void_grey(samples: list[np.ndarray], levels: GreyLevels) -> tuple[float, bool]:
    """Grey of a void, and whether the image shows one.

    Parameters
    ----------
    samples : list of numpy.ndarray
        As `void_pixels` gives.
    levels : GreyLevels
        Of the phases.

    Returns
    -------
    (float, bool)
        Where no void is seen, the grey of the electrolyte: a crack is then taken to be as dark
        as that, and its width is an upper bound.

    Examples
    --------
    >>> void_grey([np.zeros(0)], GreyLevels(170.0, 75.0, np.eye(6)[0]))
    (75.0, False)
    """
    pixels = np.concatenate(samples) if samples else np.zeros(0)
    if pixels.size < _FEWEST:
        return levels.dark, False
    return float(np.median(pixels)), True
