"""Do these stage positions fill a grid, so that their spectra make a map?"""

from __future__ import annotations

import numpy as np

# How far two positions of one row may lie apart, in steps of the grid: stages jitter.
_JITTER = (0.001, 0.01, 0.1)


def _ranks(places: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Number of each place among those that differ by more than `tolerance`, and their means."""
    order = np.argsort(places, kind="stable")
    ranks = np.empty(places.size, dtype=int)
    ranks[order] = np.cumsum(np.diff(places[order], prepend=places[order[0]]) > tolerance)
    return ranks, np.bincount(ranks, weights=places) / np.bincount(ranks)


def grid(y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Rows, columns and order of positions that fill a grid, each place once.

    Parameters
    ----------
    y, x : numpy.ndarray, shape (n,)
        Stage positions in any one unit, in the order of measurement.

    Returns
    -------
    (numpy.ndarray, numpy.ndarray, numpy.ndarray) or None
        Coordinates of the ny rows and the nx columns, both rising, and the order, shape
        (ny, nx), of the measurements on them. None where the positions are no grid.

    Examples
    --------
    >>> rows, columns, order = grid(np.array([5.0, 5.0, 0.0, 0.0]), np.array([0.0, 9.0, 9.0, 0.0]))
    >>> rows, columns, order
    (array([0., 5.]), array([0., 9.]), array([[3, 2], [0, 1]]))
    >>> grid(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 2.0])) is None
    True
    """
    if y.size == 0 or not (np.isfinite(y).all() and np.isfinite(x).all()):
        return None
    step = max(float(np.diff(np.sort(places), prepend=places.min()).max()) for places in (y, x))
    if step == 0:
        return None
    for jitter in _JITTER:
        (iy, rows), (ix, columns) = (_ranks(places, jitter * step) for places in (y, x))
        cells = iy * columns.size + ix
        if cells.size == rows.size * columns.size and np.unique(cells).size == cells.size:
            return rows, columns, np.argsort(cells).reshape(rows.size, columns.size)
    return None
