"""Did all peaks move together: the sample, the instrument, or the lattice?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from xrd.comparing.changes import PeakChanges

# Peaks farther off than this many standard deviations follow a law of their own.
_OWN_LAW = 4.0
_ROUNDS = 6


@dataclass(frozen=True, kw_only=True)
class CommonChange:
    """What moved all peaks, and what is left of each peak's change.

    Parameters
    ----------
    values : dict of str to (float, float)
        Of each law its size and standard uncertainty.
    shift, shift_u : numpy.ndarray, shape (n,)
        Left over of each peak's shift, degree, and its standard uncertainty.
    intensity, intensity_u : numpy.ndarray, shape (n,)
        Left over of each peak's relative change of area, and its standard uncertainty.

    Examples
    --------
    >>> one = np.zeros(1)
    >>> CommonChange(values={}, shift=one, shift_u=one, intensity=one, intensity_u=one).shift.size
    1
    """

    values: dict[str, tuple[float, float]]
    shift: np.ndarray
    shift_u: np.ndarray
    intensity: np.ndarray
    intensity_u: np.ndarray


def isotropic_shift(two_theta: np.ndarray) -> np.ndarray:
    """How far a relative change of all lattice spacings moves a line, degree.

    Parameters
    ----------
    two_theta : numpy.ndarray
        In degree.

    Notes
    -----
    Bragg's law differentiated: d(2 theta) = -2 tan(theta) dd/d.

    Examples
    --------
    >>> round(float(isotropic_shift(np.array(60.0))) * 2e-4, 4)
    -0.0132
    """
    return -np.degrees(2 * np.tan(np.radians(two_theta) / 2))


def common_change(changes: PeakChanges, laws: Mapping[str, np.ndarray]) -> CommonChange:
    """Least squares of the peaks' shifts by laws that hold for all of them.

    Peaks weigh by counting and by how well places repeat; a peak that stands far off is left out
    and told of by what is left of it.

    Parameters
    ----------
    changes : PeakChanges
        Of one alignment.
    laws : mapping of str to numpy.ndarray, shape (n,)
        How far a unit of each moves each peak, degree.

    Returns
    -------
    CommonChange

    Examples
    --------
    >>> place = np.array([20.0, 40.0, 60.0, 80.0])
    >>> flat, small = np.zeros(4), np.full(4, 0.001)
    >>> moved = PeakChanges(two_theta=place, height=flat, intensity=flat, intensity_u=small,
    ...     shift=0.01 * np.cos(np.radians(place) / 2), shift_u=small)
    >>> found = common_change(moved, {"displacement": np.cos(np.radians(place) / 2)})
    >>> round(found.values["displacement"][0], 4)
    0.01
    """
    design = np.column_stack([*laws.values()]) if laws else np.empty((changes.shift.size, 0))
    design = design.reshape(changes.shift.size, len(laws))
    solved, covariance, left, left_u = _fit(design, changes.shift, changes.shift_u)
    values = {
        name: (float(solved[i]), float(np.sqrt(covariance[i, i]))) for i, name in enumerate(laws)
    }
    ones = np.ones((changes.shift.size, 1))
    *_, brighter, brighter_u = _fit(ones, changes.intensity, changes.intensity_u)
    return CommonChange(
        values=values, shift=left, shift_u=left_u, intensity=brighter, intensity_u=brighter_u
    )


def _fit(
    design: np.ndarray, y: np.ndarray, u: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    keep = np.ones(y.size, bool)
    if y.size <= design.shape[1]:
        # Too few peaks to tell a law from a peak's own way.
        nothing = np.full((design.shape[1], design.shape[1]), np.inf)
        return np.zeros(design.shape[1]), nothing, y, u
    for _ in range(_ROUNDS):
        weight = np.where(keep, 1 / u**2, 0.0)
        covariance = np.linalg.pinv((design.T * weight) @ design)
        solved = covariance @ (design.T @ (weight * y))
        left = y - design @ solved
        taken = np.einsum("ki,ij,kj->k", design, covariance, design)
        left_u = np.sqrt(np.maximum(u**2 + np.where(keep, -taken, taken), 0.01 * u**2))
        # Two thirds of the peaks always stay: a law is what most of them follow.
        off = np.abs(left) / left_u
        now = off < max(_OWN_LAW, float(np.quantile(off, 2 / 3)))
        if np.array_equal(now, keep):
            break
        keep = now
    return solved, covariance, left, left_u
