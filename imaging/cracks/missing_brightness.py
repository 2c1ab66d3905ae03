"""How much brightness is missing at each place in a particle?"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

# Blocks of the background, pixels, and the spread of its weights, blocks.
_BLOCK, _SPREAD = 4, 1.6


def background(even: np.ndarray, used: np.ndarray, fallback: float) -> np.ndarray:
    """Grey of the particle as it would be without what is dark in it.

    A mean over places nearby that are `used`, with normal weights (normalised convolution),
    made on blocks of 4 x 4 pixels and interpolated.

    Parameters
    ----------
    even : numpy.ndarray of float32, shape (ny, nx)
        Grey under even light.
    used : numpy.ndarray of bool, shape (ny, nx)
        Where the particle shows its own grey.
    fallback : float
        Grey where nothing nearby is used.

    Returns
    -------
    numpy.ndarray of float32, shape (ny, nx)

    References
    ----------
    Knutsson & Westin, Proc. IEEE CVPR 1993, 515 (normalised convolution).

    Examples
    --------
    >>> grey = np.full((16, 16), 5.0, np.float32)
    >>> grey[8] = 0
    >>> round(float(background(grey, grey > 1, 5.0)[8, 8]), 3)
    5.0
    """
    ny, nx = even.shape
    pad = ((0, -ny % _BLOCK), (0, -nx % _BLOCK))
    weight = np.pad(used, pad).astype(np.float32)
    value = np.pad(even, pad) * weight
    blocks = (weight.shape[0] // _BLOCK, _BLOCK, weight.shape[1] // _BLOCK, _BLOCK)
    w = weight.reshape(blocks).sum(axis=(1, 3))
    v = value.reshape(blocks).sum(axis=(1, 3))
    # A little of the fallback everywhere, which tells only where there is nothing else.
    w = _spread(w) + np.float32(1e-3)
    v = _spread(v) + np.float32(1e-3 * fallback)
    return _interpolation(ny, w.shape[0]) @ (v / w) @ _interpolation(nx, w.shape[1]).T


def _spread(blocks: np.ndarray) -> np.ndarray:
    return ndimage.gaussian_filter(blocks, _SPREAD, mode="constant", truncate=3)


def _interpolation(n: int, blocks: int) -> np.ndarray:
    """Weights that carry values at the middles of blocks to pixels."""
    at = np.clip((np.arange(n) + 0.5) / _BLOCK - 0.5, 0, blocks - 1)
    low = np.minimum(at.astype(int), max(0, blocks - 2))
    share = (at - low).astype(np.float32)
    matrix = np.zeros((n, blocks), np.float32)
    matrix[np.arange(n), low] = 1 - share
    matrix[np.arange(n), np.minimum(low + 1, blocks - 1)] += share
    return matrix


def missing_share(
    even: np.ndarray, whole: np.ndarray, inside: np.ndarray, void: float, least: float
) -> np.ndarray:
    """Missing brightness as a share of what a void would miss, 0 where not `inside`.

    Parameters
    ----------
    even, whole : numpy.ndarray of float32, shape (ny, nx)
        Grey under even light, and as it would be without cracks.
    inside : numpy.ndarray of bool, shape (ny, nx)
        Where it is asked.
    void : float
        Grey of a void.
    least : float
        Least contrast to the void that is believed.

    Examples
    --------
    >>> one = np.ones((1, 1), np.float32)
    >>> float(missing_share(20 * one, 100 * one, one > 0, 20.0, 5.0)[0, 0])
    1.0
    """
    return np.where(inside, (whole - even) / np.maximum(whole - void, least), np.float32(0))
