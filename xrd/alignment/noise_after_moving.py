"""How much of its noise does a pattern keep when it is moved and broadened?"""

from __future__ import annotations

import functools

import numpy as np
from scipy.ndimage import gaussian_filter1d, map_coordinates, spline_filter1d


def noise_left(parts: np.ndarray, bend: float, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Variance that moving and broadening leave of the reference's independent noise.

    Of each point, and of second differences over two points (by which scatter is judged), both
    relative to those of independent noise.

    Parameters
    ----------
    parts : numpy.ndarray
        How far, in steps, off a point of its own the reference is looked at, 0 to 1.
    bend : float
        Factor of the second derivative (by points) that broadens it.
    sigma : float
        Standard deviation, in points, over which that derivative is taken.

    Examples
    --------
    >>> each, rough = noise_left(np.array([0.0, 0.5]), 0.0, 1.0)
    >>> each.round(2).tolist()
    [1.0, 0.84]
    """
    off, response = _interpolated_impulse()
    bent = response + bend * gaussian_filter1d(response, sigma, order=2, axis=1)
    rough = bent[:, 4:] - 2 * bent[:, 2:-2] + bent[:, :-4]
    left, left_rough = np.sum(bent**2, axis=1), np.sum(rough**2, axis=1) / 6
    return np.interp(parts, off, left), np.interp(parts, off, left_rough)


@functools.cache
def _interpolated_impulse() -> tuple[np.ndarray, np.ndarray]:
    """What interpolation by quintic splines makes of one point, by how far off it is looked at."""
    off = np.linspace(0, 1, 11)
    impulse = np.zeros(61)
    impulse[30] = 1.0
    places = 30 + off[:, None] + np.arange(-20, 21)
    response = map_coordinates(
        spline_filter1d(impulse, order=5), [places], order=5, prefilter=False
    )
    return off, response
