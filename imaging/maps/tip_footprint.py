"""How does the tip's footprint blur a map?"""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage
from scipy.special import chndtr

# Full width at half maximum of a normal curve over its standard deviation.
_FWHM = 2 * math.sqrt(2 * math.log(2))


def footprint_sigma(tip_radius: float, pixel: tuple[float, float]) -> tuple[float, float]:
    """Standard deviation of the tip's footprint in pixels along y and x.

    The footprint is taken as a normal curve that is as wide at half its height as the tip's
    apex radius: contact of a sphere narrows it, stray field widens it.

    Parameters
    ----------
    tip_radius : float
        In nm.
    pixel : (float, float)
        Height and width in nm.

    Examples
    --------
    >>> round(footprint_sigma(20.0, (8.0, 8.0))[0], 2)
    1.06
    """
    return tip_radius / _FWHM / pixel[0], tip_radius / _FWHM / pixel[1]


def smooth(values: np.ndarray, sigma: tuple[float, float]) -> np.ndarray:
    """Mean over the footprint of what was measured; NaN stays NaN.

    Beside the edge and beside gaps the mean is over what is there.

    Parameters
    ----------
    values : numpy.ndarray, shape (ny, nx)
        Missing pixels are NaN.
    sigma : (float, float)
        In pixels.

    Examples
    --------
    >>> bool(np.allclose(smooth(np.ones((5, 5)), (1.0, 1.0)), 1.0))
    True
    """
    known = np.isfinite(values)
    weight = ndimage.gaussian_filter(known.astype(float), sigma, mode="constant")
    total = ndimage.gaussian_filter(np.where(known, values, 0.0), sigma, mode="constant")
    return np.where(known, total / np.where(known, weight, 1.0), np.nan)


def blurred_disc(distance: np.ndarray, diameter: float, sigma: float) -> np.ndarray:
    """Missing share at a distance from the centre of a bare disc seen through a normal blur.

    The chance that a normal displacement of standard deviation `sigma` leads into the disc:
    a noncentral chi-square with two degrees of freedom.

    Parameters
    ----------
    distance : numpy.ndarray
        From the centre, in the unit of `diameter` and `sigma`.
    diameter, sigma : float
        Of the disc and of the blur.

    Examples
    --------
    >>> blurred_disc(np.array([0.0, 50.0]), 100.0, 1.0).round(2)
    array([1. , 0.5])
    """
    return chndtr((diameter / 2 / sigma) ** 2, 2.0, (np.asarray(distance) / sigma) ** 2)
