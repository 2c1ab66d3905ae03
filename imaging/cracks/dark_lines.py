"""Where does a thin dark line run, and how much darker is it than both its sides?"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

# Half-length of the line that is averaged over, and distance of its flanks, pixels.
_HALF, _FLANK = 4, 3
_DIRECTIONS = 8
_MARGIN = _HALF + _FLANK + 1


def _offsets(direction: int) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    """Pixels of a line through the origin, and the step to its flank."""
    angle = np.pi * direction / _DIRECTIONS
    way = np.array([np.sin(angle), np.cos(angle)])
    steps = np.rint(np.arange(-_HALF, _HALF + 1)[:, None] * way).astype(int).tolist()
    line = [(dy, dx) for dy, dx in steps]
    across = np.rint(_FLANK * np.array([way[1], -way[0]])).astype(int)
    return line, (int(across[0]), int(across[1]))


_LINES = [_offsets(k) for k in range(_DIRECTIONS)]


def line_darkness(darkness: np.ndarray, levels: int) -> np.ndarray:
    """How much darker a line through each pixel is than the darker of its two flanks.

    The mean along nine pixels in eight directions is compared with the means alongside, and
    the direction of the greatest difference counts. As both flanks must be brighter, the edge
    between a bright and a dark grain gives nothing. Wider lines are seen in images of half,
    quarter, ... the resolution.

    Parameters
    ----------
    darkness : numpy.ndarray of float32, shape (ny, nx)
        Missing brightness as a share of the contrast, 0 outside the particle.
    levels : int
        Number of resolutions, 1 for lines of up to some 4 pixels, 2 for 8 and so on.

    Returns
    -------
    numpy.ndarray of float32, shape (ny, nx)

    References
    ----------
    Sun & Vallotton, J. Microsc. 2009, 233, 426 (multiple directions); flanks judged
    one by one as in Steger, IEEE PAMI 1998, 20, 113 (lines against edges).

    Examples
    --------
    >>> image = np.zeros((40, 40), np.float32)
    >>> image[20, 5:35] = 1
    >>> response = line_darkness(image, 1)
    >>> bool(response[20, 20] > 0.3), bool(response[26, 20] < 0.05)
    (True, True)
    """
    best = _one_level(ndimage.gaussian_filter(darkness, 0.8, truncate=3))
    part = darkness
    for level in range(1, levels):
        part = _halved(part)
        if min(part.shape) < 3:
            break
        response = _one_level(ndimage.gaussian_filter(part, 0.6, truncate=3))
        step = 2**level
        whole = np.repeat(np.repeat(response, step, 0), step, 1)
        np.maximum(best, whole[: best.shape[0], : best.shape[1]], out=best)
    return best


def _one_level(calm: np.ndarray) -> np.ndarray:
    ny, nx = calm.shape
    m = _MARGIN
    # What lies beyond the image goes on as at its edge: the edge is no flank.
    wide = np.pad(calm, m, mode="edge")
    best = np.zeros((ny, nx), np.float32)
    # Means along a line are wanted on its flanks too: on the image and three pixels around.
    f = _FLANK
    mean = np.empty((ny + 2 * f, nx + 2 * f), np.float32)
    for line, (ay, ax) in _LINES:
        mean[:] = 0
        for dy, dx in line:
            y, x = m - f + dy, m - f + dx
            mean += wide[y : y + ny + 2 * f, x : x + nx + 2 * f]
        left = mean[f + ay : f + ay + ny, f + ax : f + ax + nx]
        right = mean[f - ay : f - ay + ny, f - ax : f - ax + nx]
        difference = mean[f : f + ny, f : f + nx] - np.maximum(left, right)
        np.maximum(best, difference, out=best)
    return best / np.float32(2 * _HALF + 1)


def _halved(values: np.ndarray) -> np.ndarray:
    ny, nx = values.shape
    even = np.pad(values, ((0, ny % 2), (0, nx % 2)))
    return 0.25 * (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2])
