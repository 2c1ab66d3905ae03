"""What share of a surface is covered, judged from one map of it?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from coatcore.estimate import Estimate
from imaging.holes.integral_range import integral_range

_METHOD = "signal deficit of holes; gamma interval, variance from the integral range of the holes"


@dataclass(frozen=True, kw_only=True)
class BareShare:
    """Bare share of a map and how it would scatter from map to map.

    Parameters
    ----------
    share : float
        Bare share of this map.
    variance : float
        Of that share over maps of the same surface, each as large as this one.
    next_hole : float
        Share of the map that one hole more would take.
    largest : float
        Share that the largest hole takes; 0 where there is none.
    holes : int
        Holes seen.

    Examples
    --------
    >>> bare = BareShare(share=0.0, variance=0.0, next_hole=0.001, largest=0.0, holes=0)
    >>> round(bare.upper(0.95), 6)
    0.002996
    """

    share: float
    variance: float
    next_hole: float
    largest: float
    holes: int

    def lower(self, level: float) -> float:
        """One-sided lower bound of the surface's bare share."""
        if self.share <= 0:
            return 0.0
        return _gamma(1 - level, self.share, self.variance)

    def upper(self, level: float, more: float | None = None) -> float:
        """One-sided upper bound, where one hole more would take the share `more`."""
        more = self.next_hole if more is None else more
        return min(1.0, _gamma(level, self.share + more, self.variance + more**2))


def bare_share(
    areas: np.ndarray, missing: np.ndarray, *, total: float, unseen: float, error: float = 0.0
) -> BareShare:
    """Bare share of a map with its variance from map to map.

    Holes come in clusters of unknown shape and may overlap, so their number says little; what
    counts is the area over which the map varies together. With `m` holes' worth of independent
    area the variance itself is known only to a share sqrt(2 / m), which widens it by 1 + 2 / m.
    The hole that might have been met next is like those that were, large ones weighing more, or
    like the one to allow for.

    Parameters
    ----------
    areas : numpy.ndarray
        Area of each hole, in any unit.
    missing : numpy.ndarray, shape (ny, nx)
        Missing share of the coating at each pixel: 1 in a hole, 0 in the coating.
    total : float
        Area of the map, in the unit of `areas`.
    unseen : float
        Area of the largest hole to allow for where few were met.
    error : float, default 0.0
        Standard uncertainty of the sum of `areas`.

    Returns
    -------
    BareShare

    References
    ----------
    Fay & Feuer, Stat. Med. 1997, 16, 791, and Tiwari et al., Stat. Methods Med. Res. 2006, 15,
    547 (gamma interval; one more event on the upper side); Lantuejoul, Geostatistical Simulation
    (2002), chapter 4 (variance of an areal mean).

    Examples
    --------
    >>> map = np.zeros((64, 64))
    >>> map[10:14, 10:14] = map[40:44, 20:24] = 1.0
    >>> bare_share(np.array([16.0, 16.0]), map, total=4096.0, unseen=16.0).share
    0.0078125
    """
    weights = areas / total
    allowed = float(np.append(weights, unseen / total).mean())
    if not weights.size:
        return BareShare(share=0.0, variance=0.0, next_hole=allowed, largest=0.0, holes=0)
    share = float(weights.sum())
    squares = float((weights**2).sum())
    variance = float(missing.var()) * integral_range(missing) / missing.size
    # A map with one or two holes has no autocovariance to speak of.
    variance = max(variance, 0.1 * squares)
    variance *= 1 + 2 * variance / share**2
    next_hole = max(allowed, squares / share)
    variance += (error / total) ** 2
    return BareShare(
        share=share,
        variance=variance,
        next_hole=next_hole,
        largest=float(weights.max()),
        holes=weights.size,
    )


def coverage_estimate(bare: BareShare, level: float = 0.95) -> Estimate:
    """Coverage of the surface that the map samples.

    Parameters
    ----------
    bare : BareShare
        From `bare_share`.
    level : float, default 0.95
        Coverage probability of the interval.

    Returns
    -------
    Estimate
        Unit 1.

    Examples
    --------
    >>> bare = BareShare(share=0.0, variance=0.0, next_hole=0.001, largest=0.0, holes=0)
    >>> e = coverage_estimate(bare)
    >>> e.value, round(e.lower, 4), e.upper
    (1.0, 0.9963, 1.0)
    """
    side = (1 + level) / 2
    share = min(1.0, bare.share)
    low, high = min(share, bare.lower(side)), max(share, bare.upper(side))
    return Estimate.from_interval(
        1 - share,
        1 - high,
        1 - low,
        standard_uncertainty=float(np.sqrt(bare.variance)) if bare.holes else bare.next_hole,
        level=level,
        n=max(1, bare.holes),
        method=_METHOD,
    )


def _gamma(probability: float, mean: float, variance: float) -> float:
    """Quantile of the gamma distribution with this mean and variance."""
    return variance / (2 * mean) * float(chi2.ppf(probability, 2 * mean**2 / variance))
