"""How well do marked particles and cracks agree with known ones?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage


class Panoptic(NamedTuple):
    """Sum of intersection over union of matches, matches, false and missed ones.

    Examples
    --------
    >>> Panoptic(1.8, 2, 0, 0).quality
    0.9
    """

    overlap: float
    matched: int
    false: int
    missed: int

    @property
    def quality(self) -> float:
        """Panoptic quality: 1 for perfect agreement."""
        total = self.matched + 0.5 * self.false + 0.5 * self.missed
        return self.overlap / total if total else 1.0


def panoptic(truth: np.ndarray, found: np.ndarray, smallest: int = 1) -> Panoptic:
    """Match labelled regions that overlap by more than half of their union.

    Parameters
    ----------
    truth, found : numpy.ndarray of int, shape (ny, nx)
        Labels, 0 outside.
    smallest : int
        True regions of fewer pixels are neither missed nor, if found, false.

    Returns
    -------
    Panoptic

    References
    ----------
    Kirillov et al., Proc. IEEE CVPR 2019, 9404 (panoptic quality).

    Examples
    --------
    >>> a = np.array([[1, 1, 0, 2, 2]])
    >>> panoptic(a, a).quality
    1.0
    """
    sizes, sizes_found = np.bincount(truth.ravel()), np.bincount(found.ravel())
    pairs, counts = np.unique(
        truth.ravel().astype(np.int64) * sizes_found.size + found.ravel(), return_counts=True
    )
    t, f = np.divmod(pairs, sizes_found.size)
    both = (t > 0) & (f > 0)
    t, f, counts = t[both], f[both], counts[both]
    overlap = counts / (sizes[t] + sizes_found[f] - counts)
    match = overlap > 0.5
    large = sizes[t] >= smallest
    excused = np.unique(f[match | (~large & (counts > 0.5 * sizes_found[f]))])
    n_true = int((sizes[1:] >= smallest).sum())
    n_found = int((sizes_found[1:] > 0).sum())
    matched = int((match & large).sum())
    return Panoptic(
        float(overlap[match & large].sum()), matched, n_found - excused.size, n_true - matched
    )


class Lines(NamedTuple):
    """Pixels of lines that agree, and all of them, found and true.

    Examples
    --------
    >>> Lines(9, 10, 9, 10).f1
    0.9
    """

    found_right: float
    found: float
    true_found: float
    true: float

    @property
    def f1(self) -> float:
        """Harmonic mean of the shares found right and of the truth found."""
        if self.found == 0 or self.true == 0:
            return float(self.found == self.true)
        precision, recall = self.found_right / self.found, self.true_found / self.true
        total = precision + recall
        return 2 * precision * recall / total if total else 0.0


def lines_within(truth: np.ndarray, found: np.ndarray, tolerance: float = 2.0) -> Lines:
    """Agreement of centre lines within some pixels.

    Parameters
    ----------
    truth, found : numpy.ndarray of bool, shape (ny, nx)
        Lines, one pixel wide.
    tolerance : float
        Pixels.

    Examples
    --------
    >>> a = np.eye(9, dtype=bool)
    >>> lines_within(a, a[::-1].T[::-1]).f1
    1.0
    """
    right = found & (_distance(truth) <= tolerance)
    seen = truth & (_distance(found) <= tolerance)
    return Lines(float(right.sum()), float(found.sum()), float(seen.sum()), float(truth.sum()))


def centre_line_dice(
    truth: np.ndarray, truth_lines: np.ndarray, found: np.ndarray, found_lines: np.ndarray
) -> Lines:
    """Share of each one's centre lines that lie within the other's area; its F1 is clDice.

    Parameters
    ----------
    truth, truth_lines, found, found_lines : numpy.ndarray of bool, shape (ny, nx)
        Areas and their skeletons.

    References
    ----------
    Shit et al., Proc. IEEE CVPR 2021, 16560 (clDice).

    Examples
    --------
    >>> a = np.eye(9, dtype=bool)
    >>> centre_line_dice(a, a, a, a).f1
    1.0
    """
    return Lines(
        float((found_lines & truth).sum()),
        float(found_lines.sum()),
        float((truth_lines & found).sum()),
        float(truth_lines.sum()),
    )


def _distance(lines: np.ndarray) -> np.ndarray:
    if not lines.any():
        return np.full(lines.shape, np.inf)
    return ndimage.distance_transform_edt(~lines)
