"""Which signal does a whole coating fall below by chance only once in so many maps?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

_QUARTILE = float(ndtri(0.75))
_TAIL = float(ndtri(0.95))


@dataclass(frozen=True)
class CoatingLevel:
    """Signal of the coating in a smoothed map, and the extremes that it reaches by chance.

    Parameters
    ----------
    value, scatter : float
        Centre and standard deviation, in the unit of the map.
    lowest : float
        Signal below which a map without holes falls anywhere with the chosen chance.

    Examples
    --------
    >>> CoatingLevel(1.0, 0.1, 0.55).lowest
    0.55
    """

    value: float
    scatter: float
    lowest: float


def coating_level(smoothed: np.ndarray, coated: np.ndarray, false_alarm: float) -> CoatingLevel:
    """Centre, scatter and chance minimum of the coating's signal.

    The chance that a normal random field exceeds a level anywhere is the expected Euler
    characteristic of its excursion set, or the sum over pixels where that is less. The scatter is
    the largest of those that the lower quarter, the lower twentieth and the upper quarter tell.
    That it comes from the same map does no harm: a map that by chance varies little in its bulk
    also falls less low (tested down to seven independent patches a map).

    Parameters
    ----------
    smoothed : numpy.ndarray, shape (ny, nx)
        The map after `imaging.maps.tip_footprint.smooth`.
    coated : numpy.ndarray of bool, shape (ny, nx)
        Pixels that are clear of holes.
    false_alarm : float
        Chance that a map without holes falls below `lowest` anywhere.

    Returns
    -------
    CoatingLevel

    References
    ----------
    Adler & Taylor, Random Fields and Geometry (2007), chapter 11; Worsley et al., Hum. Brain
    Mapp. 1996, 4, 58 (expected Euler characteristic, with the terms of the border).

    Examples
    --------
    >>> values = np.random.default_rng(1).normal(1.0, 0.1, (64, 64))
    >>> round(coating_level(values, np.ones((64, 64), bool), 0.05).lowest, 1)
    0.6
    """
    known = smoothed[coated]
    low, q1, center, q3 = np.percentile(known, [5, 25, 50, 75])
    scatter = float(
        max((center - q1) / _QUARTILE, (q3 - center) / _QUARTILE, (center - low) / _TAIL)
    )
    slope = _slopes(smoothed, coated, float(known.var()))
    height, width = coated.shape
    share = known.size / coated.size

    def chance(u: float) -> float:
        bell = np.exp(-(u**2) / 2)
        plane = share * height * width * slope[0] * slope[1] * u * bell / (2 * np.pi) ** 1.5
        border = share * (height * slope[0] + width * slope[1]) * bell / (2 * np.pi)
        tail = float(ndtr(-u))
        return float(min(plane + border + tail, known.size * tail))

    u = float(brentq(lambda x: chance(x) - false_alarm, 0.0, 12.0, xtol=1e-4))
    return CoatingLevel(float(center), scatter, float(center) - u * scatter)


def _slopes(smoothed: np.ndarray, coated: np.ndarray, variance: float) -> tuple[float, float]:
    """Standard deviation of the slope along y and x, in standard deviations a pixel."""
    found = []
    for axis in (0, 1):
        step = np.diff(smoothed, axis=axis)
        both = np.logical_and(np.delete(coated, 0, axis=axis), np.delete(coated, -1, axis=axis))
        found.append(float(np.sqrt(np.mean(step[both] ** 2) / variance)) if variance > 0 else 1.0)
    return found[0], found[1]
