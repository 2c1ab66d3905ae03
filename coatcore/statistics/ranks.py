"""By how much do two groups differ? Rank statistics that hold for any distribution."""

from __future__ import annotations

import functools
from itertools import combinations
from math import comb

import numpy as np

from coatcore.coverage import coverage_factor

# Ways to share out the values to the groups that are looked through one by one.
_MOST_WAYS = 200_000
# Values of a group up to which the distribution of U is counted out.
_LARGE = 60


@functools.lru_cache(maxsize=64)
def rank_sum_counts(n: int, m: int) -> np.ndarray:
    """In how many ways n of n + m ranks have each Mann-Whitney U, from 0 to n m.

    References
    ----------
    Mann & Whitney, Ann. Math. Stat. 1947, 18, 50.

    Examples
    --------
    >>> rank_sum_counts(2, 2)
    array([1., 1., 2., 1., 1.])
    """
    # Polynomial product of (1 - x^(m + i)) / (1 - x^i).
    counts = np.zeros(n * m + 1)
    counts[0] = 1.0
    for i in range(1, n + 1):
        for u in range(n * m, m + i - 1, -1):
            counts[u] -= counts[u - m - i]
        for u in range(i, n * m + 1):
            counts[u] += counts[u - i]
    return counts


def mann_whitney(a: np.ndarray, b: np.ndarray) -> float:
    """Two-sided p-value of the Mann-Whitney test, exact also where values are equal.

    Parameters
    ----------
    a, b : numpy.ndarray, shapes (n,) and (m,)
        Values of both groups.

    Returns
    -------
    float
        Without ties from the distribution of U; with ties from all ways to share out the values
        to the groups. For groups above 60, or with ties and more than 200,000 ways, from the
        normal approximation.

    Examples
    --------
    >>> mann_whitney(np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0]))
    0.1
    """
    n, m = a.size, b.size
    both = np.concatenate([a, b])
    if np.unique(both).size == both.size and max(n, m) <= _LARGE:
        u = int((b[:, None] < a).sum())
        counts = rank_sum_counts(n, m)
        tail = counts[: min(u, n * m - u) + 1].sum() / counts.sum()
        return float(min(1.0, 2 * tail))
    from scipy.stats import mannwhitneyu, rankdata

    if comb(n + m, n) > _MOST_WAYS:
        return float(mannwhitneyu(a, b, method="asymptotic").pvalue)
    ranks = rankdata(both)
    sums = ranks[_ways(n + m, n)].sum(axis=1)
    middle = n * (n + m + 1) / 2
    off = abs(float(ranks[:n].sum()) - middle)
    return float(np.mean(np.abs(sums - middle) >= off - 1e-9))


@functools.lru_cache(maxsize=8)
def _ways(total: int, n: int) -> np.ndarray:
    return np.array(list(combinations(range(total), n)))


def hodges_lehmann(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float, float]:
    """Shift from a to b: median of all differences, with its exact interval.

    Parameters
    ----------
    a, b : numpy.ndarray, shapes (n,) and (m,)
        Values of both groups.

    Returns
    -------
    (float, float, float, float)
        Shift, ends of the interval, and its level: the least that reaches 95 %, or the widest
        there is, where groups are too small for 95 % (3 against 3, for example). The level is
        exact where b is distributed as a is, only shifted; where the scatter grows with the size,
        compare logarithms. Above 60 values a group it follows the normal approximation.

    References
    ----------
    Hodges & Lehmann, Ann. Math. Stat. 1963, 34, 598; Hollander, Wolfe & Chicken, Nonparametric
    Statistical Methods, 2014, section 4.3.

    Examples
    --------
    >>> hodges_lehmann(np.arange(8.0), np.arange(8.0) + 10)[:3]
    (10.0, 7.0, 13.0)
    """
    differences = np.sort((b[:, None] - a).ravel())
    if max(a.size, b.size) > _LARGE:
        below = _normal_distribution_of_u(a.size, b.size)
    else:
        counts = rank_sum_counts(a.size, b.size)
        below = np.cumsum(counts) / counts.sum()
    # k differences may be left out at each end when P(U < k) <= 2.5 %.
    k = int(np.searchsorted(below, 0.025, side="right"))
    level = 1 - 2 * (float(below[k - 1]) if k else 0.0)
    if k == 0:
        level = 1 - 2 * float(below[0])
        k = 1
    return (
        float(np.median(differences)),
        float(differences[k - 1]),
        float(differences[-k]),
        level,
    )


def _normal_distribution_of_u(n: int, m: int) -> np.ndarray:
    from scipy.special import ndtr

    u = np.arange(n * m + 1)
    return ndtr((u + 0.5 - n * m / 2) / np.sqrt(n * m * (n + m + 1) / 12))


def cliffs_delta(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """How often a value of b exceeds one of a, less how often it falls below: -1 to 1.

    Parameters
    ----------
    a, b : numpy.ndarray, shapes (n,) and (m,)
        Values of both groups.

    Returns
    -------
    (float, float, float)
        Cliff's delta with its 95 % interval (Newcombe's score method on the probability that a
        value of b exceeds one of a).

    References
    ----------
    Cliff, Psychol. Bull. 1993, 114, 494; Newcombe, Stat. Med. 2006, 25, 559 (method 5).

    Examples
    --------
    >>> delta, low, high = cliffs_delta(np.arange(8.0), np.arange(8.0) + 10)
    >>> delta, bool(0.5 < low < 1), high
    (1.0, True, 1.0)
    """
    n, m = a.size, b.size
    theta = float(np.mean((b[:, None] > a) + 0.5 * (b[:, None] == a)))

    def variance(t: np.ndarray) -> np.ndarray:
        half = (n + m) / 2 - 1
        return t * (1 - t) * (1 + half * ((1 - t) / (2 - t) + t / (1 + t))) / (n * m)

    grid = np.linspace(0, 1, 20_001)
    inside = np.abs(grid - theta) <= coverage_factor() * np.sqrt(variance(grid))
    ends = grid[inside] if inside.any() else np.array([theta])
    return 2 * theta - 1, 2 * float(min(ends[0], theta)) - 1, 2 * float(max(ends[-1], theta)) - 1


def median_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Interval of the median between two order statistics, and its exact level.

    Parameters
    ----------
    values : numpy.ndarray, shape (n,)
        Independent; of any distribution.

    Returns
    -------
    (float, float, float)
        Ends, and the probability with which they hold the median: the least that reaches 95 %.
        NaN where none does, below six values.

    References
    ----------
    Conover, Practical Nonparametric Statistics, 1999, section 3.2.

    Examples
    --------
    >>> median_interval(np.arange(1.0, 9.0))
    (1.0, 8.0, 0.9921875)
    >>> median_interval(np.arange(5.0))
    (nan, nan, nan)
    """
    from scipy.stats import binom

    x = np.sort(np.asarray(values, dtype=float))
    k = np.arange(1, x.size // 2 + 1)
    level = 1 - 2 * binom.cdf(k - 1, x.size, 0.5)
    wide = np.flatnonzero(level >= 0.95)
    if not wide.size:
        return float("nan"), float("nan"), float("nan")
    best = int(k[wide[-1]])
    return float(x[best - 1]), float(x[-best]), float(level[wide[-1]])
