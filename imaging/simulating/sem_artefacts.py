"""What does a microscope add to a cross-section? Charging, shading, curtains."""

from __future__ import annotations

import numpy as np
from scipy import ndimage


def charging(rng: np.random.Generator, values: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Bright rims and streaks that run along the scan.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> charging(rng, np.zeros((80, 90)), np.ones((80, 90), int)).shape
    (80, 90)
    """
    rim = np.exp(-ndimage.distance_transform_edt(number > 0) / 2.5) * (number > 0)
    coarse = rng.normal(size=(values.shape[0] // 50 + 2, values.shape[1] // 50 + 2))
    patches = ndimage.zoom(coarse, 50, order=1)[: values.shape[0], : values.shape[1]]
    charged = values + 30.0 * rim * np.clip(patches / patches.std(), 0, 1.5)
    ny, nx = values.shape
    for _ in range(rng.poisson(ny / 100)):
        row, start = int(rng.integers(ny)), int(rng.integers(nx))
        length, thick = int(rng.integers(60, 220)), int(rng.integers(1, 4))
        fade = np.exp(-np.arange(length) / (0.5 * length))
        part = charged[row : row + thick, start : start + length]
        part += (rng.choice([-1, 1]) * rng.uniform(5, 14) * fade)[: part.shape[1]]
    return charged


def shading(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Uneven light that changes slowly over the image.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> bool(np.abs(shading(rng, (9, 9)) - 1).max() < 0.2)
    True
    """
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    a, b, c = rng.uniform(-0.06, 0.06, 3)
    return 1 + a * x + b * y + c * (x**2 + y**2 - 1)


def curtains(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Vertical stripes that change slowly on their way down.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> bool(np.abs(curtains(rng, (90, 90)).mean() - 1) < 0.01)
    True
    """
    ny, nx = shape
    knots = np.linspace(0, ny // 100 + 2, ny)
    low = knots.astype(int)
    share = (knots - low)[:, None]
    stripes = np.ones(shape)
    for size, width in ((0.012, 1.2), (0.016, 6.0)):
        wild = ndimage.gaussian_filter1d(rng.normal(size=(ny // 100 + 4, nx)), width, axis=1)
        wild *= size / wild.std()
        stripes += (1 - share) * wild[low] + share * wild[low + 1]
    return stripes
