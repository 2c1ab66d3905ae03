"""Does a crack separate its particle into parts?"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

INTERGRANULAR, PRIMARY, UNDECIDED = "intergranular", "primary_particle", "undecided"
KINDS = (INTERGRANULAR, PRIMARY, UNDECIDED)
# Least share of the particle that a part must have to be one.
_PART = 0.02


def missing_to_split(
    crack: np.ndarray, particle: np.ndarray, reach: float, *, step: float = 1.0
) -> float:
    """How far a crack must grow to both sides until its particle falls apart, pixels.

    Parameters
    ----------
    crack, particle : numpy.ndarray of bool, shape (ny, nx)
        Crack, and particle without its blurred rim.
    reach : float
        Farthest growth that is tried.
    step : float
        Fineness of the answer.

    Returns
    -------
    float
        0 where it separates the particle as it is; infinity where `reach` does not do.

    Examples
    --------
    >>> particle = np.ones((40, 40), bool)
    >>> crack = np.zeros_like(particle)
    >>> crack[20, 3:37] = True
    >>> missing_to_split(crack, particle, 10.0)
    3.0
    >>> crack[20, 10:] = False
    >>> missing_to_split(crack, particle, 10.0)
    inf
    """
    distance = ndimage.distance_transform_edt(~crack)
    # Far from the outline, and from the edge of the image, nothing can fall apart.
    sides = (distance[0], distance[-1], distance[:, 0], distance[:, -1])
    outside = distance[~particle].min(initial=np.inf)
    if min(outside, *(side.min() for side in sides)) > reach + 1:
        return float("inf")
    # A neck narrower than the rim may have parted it already: only what holds the crack counts.
    pieces, _ = ndimage.label(particle | crack)
    particle = particle & np.isin(pieces, np.unique(pieces[crack]))
    least = _PART * particle.sum()

    def apart(growth: float) -> bool:
        labels, n = ndimage.label(particle & (distance > growth))
        if n < 2:
            return False
        sizes = np.sort(np.bincount(labels.ravel())[1:])
        return bool(sizes[-2] >= least)

    # Growth can only be judged rung by rung: too much of it eats a small part up.
    for growth in np.arange(0.0, reach + step / 2, step):
        if apart(float(growth)):
            return float(growth)
    return float("inf")


def score(missing: float, split_within: float, whole_beyond: float) -> float:
    """How much speaks for a crack that separates, from 0 to 1.

    Parameters
    ----------
    missing : float
        What is missing between crack and outline, nm.
    split_within, whole_beyond : float
        As in `CrackParameters`.

    Examples
    --------
    >>> score(0.0, 60.0, 160.0), score(110.0, 60.0, 160.0), score(float("inf"), 60.0, 160.0)
    (1.0, 0.5, 0.0)
    """
    if missing <= split_within:
        return 1.0
    if missing >= whole_beyond:
        return 0.0
    return float((whole_beyond - missing) / (whole_beyond - split_within))


def kind(value: float) -> str:
    """Class of a crack by its score.

    Examples
    --------
    >>> kind(1.0), kind(0.5), kind(0.1)
    ('intergranular', 'undecided', 'primary_particle')
    """
    if value >= 0.75:
        return INTERGRANULAR
    return PRIMARY if value <= 0.25 else UNDECIDED
