"""How long is a line of pixels, and which way does it run?"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

# Weights of steps along rows or columns and along diagonals that give the length of lines of
# any direction without bias: Kulpa, Comput. Graph. Image Process. 1977, 6, 434.
_STRAIGHT, _DIAGONAL = 0.948, 1.340
_EIGHT = np.ones((3, 3))


def line_lengths(lines: np.ndarray, labels: np.ndarray, n: int) -> np.ndarray:
    """Length of each labelled skeleton in pixels, diagonal steps reckoned as such.

    Parameters
    ----------
    lines : numpy.ndarray of bool, shape (ny, nx)
        Skeletons, one pixel wide.
    labels : numpy.ndarray of int, shape (ny, nx)
        Which line each pixel is of.
    n : int
        Highest label.

    Returns
    -------
    numpy.ndarray, shape (n + 1,)
        Of label 0 to n.

    References
    ----------
    Kulpa, Comput. Graph. Image Process. 1977, 6, 434.

    Examples
    --------
    >>> line = np.eye(101, dtype=bool)
    >>> round(float(line_lengths(line, line.astype(int), 1)[1]))
    134
    """
    number = np.where(lines, labels, 0)
    total = np.zeros(n + 1)
    across, down = number[:, :-1], number[:-1, :]
    for a, b in ((across, number[:, 1:]), (down, number[1:, :])):
        total += _STRAIGHT * np.bincount(a[(a > 0) & (a == b)], minlength=n + 1)
    # A diagonal step counts only where no corner pixel leads the same way.
    for a, b, c, d in (
        (number[:-1, :-1], number[1:, 1:], number[:-1, 1:], number[1:, :-1]),
        (number[:-1, 1:], number[1:, :-1], number[:-1, :-1], number[1:, 1:]),
    ):
        step = (a > 0) & (a == b) & (c != a) & (d != a)
        total += _DIAGONAL * np.bincount(a[step], minlength=n + 1)
    return total


def without_spurs(lines: np.ndarray, half_width: np.ndarray) -> np.ndarray:
    """Skeleton without the short side branches that a rough outline gives it.

    A branch that ends free and is no longer than half the line's width and two pixels goes; the
    pixel by which it hung may stay.

    Parameters
    ----------
    lines : numpy.ndarray of bool, shape (ny, nx)
        Skeleton.
    half_width : numpy.ndarray, shape (ny, nx)
        Distance to the outline, pixels.

    Examples
    --------
    >>> line = np.zeros((9, 30), bool)
    >>> line[4, 2:28] = True
    >>> line[0:4, 15] = True
    >>> rows, _ = np.nonzero(without_spurs(line, np.ones(line.shape)))
    >>> int(rows.min())
    2
    """
    near = ndimage.convolve(lines.astype(np.int8), _EIGHT.astype(np.int8), mode="constant")
    neighbours = np.where(lines, near - 1, 0)
    joints = lines & (neighbours > 2)
    if not joints.any():
        return lines
    wide_joint = ndimage.maximum_filter(joints, 3)
    branches, n = ndimage.label(lines & ~wide_joint, structure=_EIGHT)
    if n == 0:
        return lines
    sizes = np.bincount(branches.ravel(), minlength=n + 1)
    free = np.bincount(branches[lines & (neighbours == 1)], minlength=n + 1)
    beside = ndimage.maximum_filter(wide_joint & lines, 3)
    joined = np.bincount(branches[beside & lines], minlength=n + 1)
    width = np.zeros(n + 1)
    on_branch = branches > 0
    np.maximum.at(width, branches[on_branch], half_width[on_branch])
    short = (free > 0) & (joined > 0) & (sizes <= width + 2)
    short[0] = False
    return lines & ~short[branches]


def directions(rows: np.ndarray, columns: np.ndarray) -> float:
    """Direction of a line's pixels in degrees, 0 along rows, 90 along columns, in [0, 180).

    Rows run down, so that 45 degrees climbs to the upper right as one sees it.

    Examples
    --------
    >>> directions(np.array([3, 2, 1]), np.array([1, 2, 3]))
    45.0
    """
    y, x = -(rows - rows.mean()), columns - columns.mean()
    angle = 0.5 * np.arctan2(2 * (x * y).sum(), (x**2).sum() - (y**2).sum())
    return float(np.round(np.degrees(angle) % 180, 6) % 180)
