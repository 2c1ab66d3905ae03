"""How does the image change from vacuum into the particle, window by window along its edge?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from coatcore.errors import MeasurementError
from imaging.coating.contour import Contour
from imaging.coating.settings import TemSettings

# Windows that are needed to tell how they scatter.
FEWEST = 6


class Windows(NamedTuple):
    """Where the profiles are taken.

    Parameters
    ----------
    depth : numpy.ndarray
        Distance from the traced edge in nm, above 0 in the particle.
    at : numpy.ndarray
        Shape (2, windows, points along the contour, depth): y and x in pixels.
    seen : numpy.ndarray
        Shape (windows, depth): whether the place lies in the image.
    position : numpy.ndarray
        Of each window along the contour, nm.
    y, x, into_y, into_x : numpy.ndarray
        Of each window's middle on the contour, nm, and its direction into the particle.
    step : float
        Distance of windows along the contour, nm.
    """

    depth: np.ndarray
    at: np.ndarray
    seen: np.ndarray
    position: np.ndarray
    y: np.ndarray
    x: np.ndarray
    into_y: np.ndarray
    into_x: np.ndarray
    step: float


def lay_windows(
    contour: Contour,
    shape: tuple[int, int],
    pixel: tuple[float, float],
    settings: TemSettings,
    source: str,
) -> Windows:
    """Windows along the contour whose profiles lie in the image.

    Parameters
    ----------
    contour : Contour
    shape : (int, int)
        Of the image.
    pixel : (float, float)
        In nm.
    settings : TemSettings
    source : str
        Name of the image in messages.

    Returns
    -------
    Windows

    Raises
    ------
    MeasurementError
        If fewer than six windows lie in the image.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.arange(0, 20, 0.1)
    >>> edge = Contour(y=y, x=0 * y + 10, into_y=0 * y, into_x=0 * y + 1, step=0.1, closed=False)
    >>> lay_windows(edge, (200, 200), (0.1, 0.1), TemSettings(), "it").y.size
    19
    """
    each = max(1, round(settings.window / contour.step))
    number = contour.y.size // each
    # Counted from the middle, so that it does not matter from which end the line was walked.
    first = (contour.y.size - number * each) // 2
    fine = max(pixel[0], pixel[1], 0.06)
    depth = np.arange(-settings.outside, settings.inside + fine / 2, fine)

    def parts(values: np.ndarray) -> np.ndarray:
        return values[first : first + number * each].reshape(number, each)

    at = np.empty((2, number, each, depth.size))
    for axis, (start, into) in enumerate(
        ((contour.y, contour.into_y), (contour.x, contour.into_x))
    ):
        at[axis] = parts(start)[..., None] + parts(into)[..., None] * depth
        at[axis] = at[axis] / pixel[axis] - 0.5
    limits = np.array(shape)[:, None, None, None]
    within: np.ndarray = (at >= 0) & (at <= limits - 1)
    seen = np.logical_and.reduce(within, axis=(0, 2))
    needed = (depth > -settings.margin) & (depth < settings.margin + 1)
    whole = np.logical_and.reduce(seen[:, needed], axis=1)
    if whole.sum() < FEWEST:
        raise MeasurementError(
            f"{source}: {whole.sum()} windows of {settings.window:g} nm along the particle's edge "
            f"lie {settings.margin:g} nm from the image's border, {FEWEST} are needed"
        )
    y, x, into_y, into_x = (
        parts(a).mean(axis=1)[whole] for a in (contour.y, contour.x, contour.into_y, contour.into_x)
    )
    length = each * contour.step
    position = (np.arange(number) + 0.5)[whole] * length
    position = position - position[0]
    return Windows(
        depth=depth,
        at=at[:, whole],
        seen=seen[whole],
        position=position,
        y=y,
        x=x,
        into_y=into_y,
        into_x=into_x,
        step=length,
    )


def straighten(values: np.ndarray, windows: Windows) -> np.ndarray:
    """The image at the windows' places, shape (windows, points along the contour, depth).

    Parameters
    ----------
    values : numpy.ndarray
        Dims (y, x).
    windows : Windows

    Examples
    --------
    >>> y = np.arange(0, 20, 0.1)
    >>> edge = Contour(y=y, x=0 * y + 10, into_y=0 * y, into_x=0 * y + 1, step=0.1, closed=False)
    >>> place = lay_windows(edge, (200, 200), (0.1, 0.1), TemSettings(), "it")
    >>> straighten(np.ones((200, 200)), place).shape[:2]
    (19, 10)
    """
    seen: np.ndarray = ndimage.map_coordinates(values, windows.at, order=1, mode="nearest")
    return seen
