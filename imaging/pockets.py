"""Which hole is electrolyte that touching particles enclose, and which lies in a particle?"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

# Share of a hole's rim that a second particle must hold for the hole to lie between particles.
_SECOND = 0.15


def pockets(whole: np.ndarray, open_: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """Holes that lie between particles.

    With its hole left open, a hollow particle may fall into pieces, but all of them were one
    particle with the hole filled. What lies around a pocket was several particles both ways.

    Parameters
    ----------
    whole, open_ : numpy.ndarray of int, shape (ny, nx)
        Labels of particles, split with holes filled and with holes left open.
    holes : numpy.ndarray of bool, shape (ny, nx)
        Enclosed by particles.

    Returns
    -------
    numpy.ndarray of bool, shape (ny, nx)

    Examples
    --------
    >>> particle = np.ones((9, 9), int)
    >>> hole = np.zeros((9, 9), bool)
    >>> hole[3:6, 3:6] = True
    >>> halves = particle.copy()
    >>> halves[:, 4:] = 2
    >>> bool(pockets(particle, halves, hole).any()), bool(pockets(halves, halves, hole).any())
    (False, True)
    """
    between = np.zeros(holes.shape, bool)
    numbers, _ = ndimage.label(holes)
    first = _most_common(whole, open_)
    for number, near in enumerate(ndimage.find_objects(numbers), start=1):
        wide = tuple(slice(max(0, n.start - 3), n.stop + 3) for n in near)
        hole = numbers[wide] == number
        rim = ndimage.binary_dilation(hole, iterations=3) & ~holes[wide]
        owners = np.bincount(first[open_[wide][rim]])[1:]
        if owners.size > 1 and np.sort(owners)[-2] > _SECOND * owners.sum():
            between[wide] |= hole
    return between


def _most_common(whole: np.ndarray, pieces: np.ndarray) -> np.ndarray:
    """For each piece the label of `whole` that most of it lies in."""
    width = int(whole.max()) + 1
    pairs = pieces.ravel().astype(np.int64) * width + whole.ravel()
    counts = np.bincount(pairs, minlength=(int(pieces.max()) + 1) * width)
    most = counts.reshape(-1, width).argmax(axis=1)
    most[0] = 0
    return most
