"""What grey are particles and electrolyte, and how does the illumination vary?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import ndimage

from coatcore.errors import MeasurementError

# Bright and dark phase must differ this many times their own scatter.
_MIN_CONTRAST = 2.0
# Pixels that a fit looks at; more tell nothing new of something so smooth.
_SAMPLE = 40_000
_ROUNDS = 6


@dataclass(frozen=True)
class GreyLevels:
    """Grey of the two phases where the illumination is 1, and the illumination.

    Parameters
    ----------
    bright, dark : float
        Grey of particles and of what surrounds them.
    shading : numpy.ndarray, shape (6,)
        Illumination as a second-order polynomial of places that run from -1 to 1.

    Examples
    --------
    >>> GreyLevels(2.0, 1.0, np.array([1.0, 0, 0, 0, 0, 0])).threshold
    1.5
    """

    bright: float
    dark: float
    shading: np.ndarray

    @property
    def threshold(self) -> float:
        """Grey half-way between the phases."""
        return 0.5 * (self.bright + self.dark)


def illumination(levels: GreyLevels, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Illumination on a grid of rows `y` and columns `x`, both from -1 to 1 over the image.

    Examples
    --------
    >>> flat = GreyLevels(2.0, 1.0, np.array([1.0, 0, 0, 0, 0, 0]))
    >>> illumination(flat, np.zeros(2), np.zeros(3)).shape
    (2, 3)
    """
    c = levels.shading
    down = c[0] + c[1] * y + c[3] * y**2
    across = c[2] * x + c[5] * x**2
    surface = down[:, None] + across[None, :] + c[4] * y[:, None] * x[None, :]
    return np.maximum(surface, 0.2).astype(np.float32)


def fit_levels(calm: np.ndarray) -> GreyLevels:
    """Levels of an image that holds two phases under uneven light.

    The grey of a pixel is the level of its phase times a smooth illumination; phase, levels and
    illumination are found in turns, beginning with Otsu's threshold.

    Parameters
    ----------
    calm : numpy.ndarray, shape (ny, nx)
        Image with little noise.

    Returns
    -------
    GreyLevels

    Raises
    ------
    MeasurementError
        If the two phases differ by less than twice what they scatter.

    Examples
    --------
    >>> image = np.where(np.arange(64)[:, None] < 30, 100.0, 50.0) + np.zeros(64)
    >>> round(fit_levels(image).bright)
    100
    """
    from skimage.filters import threshold_otsu

    ny, nx = calm.shape
    step = max(1, int(np.sqrt(calm.size / _SAMPLE)))
    part = calm[::step, ::step]
    y = np.linspace(-1, 1, ny)[::step]
    x = np.linspace(-1, 1, nx)[::step]
    yy, xx = (a.ravel() for a in np.meshgrid(y, x, indexing="ij"))
    grey = part.ravel().astype(float)
    terms = np.stack([np.ones_like(yy), yy, xx, yy**2, yy * xx, xx**2], axis=1)
    threshold = float(threshold_otsu(part))
    light = np.ones_like(grey)
    shading = np.eye(6)[0]
    bright = dark = threshold
    for _ in range(_ROUNDS):
        even = grey / light
        high = even > threshold
        if not 0 < high.sum() < high.size:
            raise MeasurementError("the image holds one phase only: no particle can be told")
        bright, dark = float(np.median(even[high])), float(np.median(even[~high]))
        threshold = 0.5 * (bright + dark)
        level = np.where(even > threshold, bright, dark)
        # Edges, pores and cracks belong to neither phase.
        usual = np.abs(even - level) < 0.25 * (bright - dark)
        if usual.sum() < 100:
            break
        a = terms[usual] * level[usual, None]
        shading = np.linalg.lstsq(a, grey[usual], rcond=None)[0]
        # The levels carry the mean, the illumination is 1 on average.
        mean = float((terms @ shading).mean())
        shading = shading / mean if mean > 0 else np.eye(6)[0]
        light = np.maximum(terms @ shading, 0.2)
    even = grey / light
    high = even > threshold
    if not 0 < high.sum() < high.size:
        raise MeasurementError("the image holds one phase only: no particle can be told")
    bright, dark = float(np.median(even[high])), float(np.median(even[~high]))
    scatter = float(np.hypot(_spread(even[high]), _spread(even[~high])))
    if bright - dark < _MIN_CONTRAST * scatter:
        raise MeasurementError(
            f"bright ({bright:.3g}) and dark ({dark:.3g}) phase scatter by {scatter:.3g} "
            "together: particles cannot be told from their surroundings"
        )
    return GreyLevels(bright, dark, shading)


def _spread(values: np.ndarray) -> float:
    """Standard deviation as the middle two thirds tell it."""
    low, high = np.quantile(values, [0.159, 0.841])
    return float(high - low) / 2


def calm_down(image: np.ndarray) -> np.ndarray:
    """Noise taken off while edges stay: a median of 3 x 3 pixels.

    Examples
    --------
    >>> calm_down(np.eye(3))[1, 1]
    np.float64(0.0)
    """
    return ndimage.median_filter(image, 3, mode="nearest")


def values_of(image: xr.DataArray) -> np.ndarray:
    """Values as float32, computed if they are lazy.

    Examples
    --------
    >>> from imaging.labels import labelled_image
    >>> values_of(labelled_image(np.eye(2), (1.0, 1.0))).dtype
    dtype('float32')
    """
    return np.asarray(image.data).astype(np.float32)
