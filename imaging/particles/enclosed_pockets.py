"""Which hole is electrolyte that touching particles enclose, and which lies in a particle?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from imaging.particles.splitting import in_order

# Share of a hole's rim that a second particle must hold for the hole to lie between particles.
_SECOND = 0.15


def without_pockets(
    parts: np.ndarray,
    filled: np.ndarray,
    bridged: np.ndarray,
    split: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Labels of particles, split anew where they enclose something that is none of them.

    Without what they enclose, the necks between particles show better. Only clusters that have
    holes are looked at.

    Parameters
    ----------
    parts : numpy.ndarray of int, shape (ny, nx)
        `filled`, split.
    filled, bridged : numpy.ndarray of bool, shape (ny, nx)
        Particles with their holes, and without.
    split : callable
        Of a mask, its labels.

    Returns
    -------
    numpy.ndarray of int, shape (ny, nx)

    Examples
    --------
    >>> whole = np.ones((9, 9), bool)
    >>> int(without_pockets(whole.astype(int), whole, whole, lambda m: m.astype(int)).max())
    1
    """
    holes = filled & ~bridged
    if not holes.any():
        return parts
    clusters, _ = ndimage.label(filled)
    concerned = np.unique(clusters[holes])
    places = ndimage.find_objects(clusters)
    parts = parts.copy()
    changed = False
    for number in concerned:
        near = tuple(slice(max(0, n.start - 2), n.stop + 2) for n in places[number - 1])
        mine = clusters[near] == number
        here = np.where(mine, parts[near], 0)
        enclosed = pockets(here, split(bridged[near] & mine), holes[near] & mine)
        if enclosed.any():
            anew = split(mine & ~enclosed)
            parts[near][mine] = np.where(anew > 0, anew + parts.max(), 0)[mine]
            changed = True
    return in_order(parts) if changed else parts


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
