"""What is a ratio of sums over particles that are nested in images, and how do two differ?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

# Resamples of a bootstrap; a p-value of 0.05 then has a standard error of 0.005.
RESAMPLES = 2000

Image = tuple[np.ndarray, np.ndarray]


class GroupRatio(NamedTuple):
    """Ratio of a group of images and what resampling tells of it.

    Examples
    --------
    >>> GroupRatio(0.1, 0.01, 0.08, 0.13, 4, np.zeros(0), np.zeros(0)).ratio
    0.1
    """

    ratio: float
    standard_uncertainty: float
    lower: float
    upper: float
    images: int
    resampled: np.ndarray
    resampled_relative: np.ndarray
    # Ends with equal shares of resamples beyond, for a difference of two groups; the interval
    # above is even about the logarithm, which holds the truth better where images are few.
    tails: tuple[float, float] | None = None


def group_ratio(images: list[Image], rng: np.random.Generator) -> GroupRatio:
    """Ratio of sums of a group with an interval that knows that particles lie in images.

    Hierarchical bootstrap: images are drawn, then particles within each. What is compared is
    studentised, the deviation of the logarithm over its standard uncertainty from the scatter
    between images, which few images tell as badly in each resample as in the data.

    Parameters
    ----------
    images : list of (numpy.ndarray, numpy.ndarray)
        Of each image the numerators and denominators of its particles; two images or more.
    rng : numpy.random.Generator
        Of the resamples.

    Returns
    -------
    GroupRatio
        Where nothing was found in any image the interval is (0, 0): give it a limit.

    References
    ----------
    Davison & Hinkley, Bootstrap Methods and their Application, Cambridge 1997, 3.8 (nested
    data) and 5.2 (studentised); Cochran, Sampling Techniques, 3rd ed., Wiley 1977, 6.4.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> images = [(rng.uniform(1, 2, 8), np.full(8, 10.0)) for _ in range(5)]
    >>> found = group_ratio(images, rng)
    >>> found.lower < 0.15 < found.upper
    True
    """
    part = np.array([p.sum() for p, _ in images])
    whole = np.array([w.sum() for _, w in images])
    ratio, variance = (float(v) for v in _ratio(part, whole))
    drawn_part, drawn_whole = _resampled(images, rng)
    ratios, variances = _ratio(drawn_part, drawn_whole)
    if ratio <= 0:
        return GroupRatio(0.0, 0.0, 0.0, 0.0, len(images), ratios, np.zeros_like(ratios))
    relative = np.sqrt(variance) / ratio
    with np.errstate(divide="ignore", invalid="ignore"):
        deviation = np.log(ratios / ratio)
        own = np.sqrt(variances) / ratios
        t = deviation / np.maximum(own, 1e-12)
    t = t[np.isfinite(t)]
    if t.size < RESAMPLES // 2 or relative <= 0:
        # Hardly any image holds anything: Student's t on the logarithm is all there is.
        reach = float(stdtrit(len(images) - 1, 0.975))
        low, high = -reach, reach
    else:
        reach = float(np.quantile(np.abs(t), 0.95))
        low, high = (float(q) for q in np.quantile(t, [0.025, 0.975]))
    # The logarithm keeps the interval positive; a group of two may give a wild one.
    limit = 50 / max(relative, 1e-9)
    reach, low, high = min(reach, limit), max(low, -limit), min(high, limit)
    return GroupRatio(
        ratio,
        float(np.sqrt(variance)),
        float(ratio * np.exp(-reach * relative)),
        float(ratio * np.exp(reach * relative)),
        len(images),
        ratios,
        own,
        (
            float(ratio * np.exp(-max(high, 0.0) * relative)),
            float(ratio * np.exp(-min(low, 0.0) * relative)),
        ),
    )


def _ratio(part: np.ndarray, whole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ratio of sums over the last axis, and its variance from the scatter between images."""
    k = part.shape[-1]
    total = whole.sum(axis=-1)
    ratio = part.sum(axis=-1) / total
    off = part - ratio[..., None] * whole
    return ratio, k / (k - 1) * (off**2).sum(axis=-1) / total**2


def _resampled(images: list[Image], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Sums of each image of each resample: images drawn, then particles within them."""
    k = len(images)
    drawn = rng.integers(0, k, (RESAMPLES, k))
    part, whole = np.zeros((RESAMPLES, k)), np.zeros((RESAMPLES, k))
    for i, (p, w) in enumerate(images):
        here = drawn == i
        which = rng.integers(0, p.size, (int(here.sum()), p.size))
        part[here], whole[here] = p[which].sum(axis=-1), w[which].sum(axis=-1)
    return part, whole


def difference_interval(first: GroupRatio, second: GroupRatio) -> tuple[float, float, float]:
    """Standard uncertainty and interval of the second ratio minus the first.

    The interval is made of both groups' own (method of variance estimates recovery), so that
    it is as skewed as they are.

    Returns
    -------
    (float, float, float)
        Standard uncertainty, lower and upper end.

    References
    ----------
    Donner & Zou, Stat. Methods Med. Res. 2012, 21, 347.

    Examples
    --------
    >>> a = GroupRatio(0.1, 0.01, 0.08, 0.12, 4, np.zeros(0), np.zeros(0))
    >>> b = GroupRatio(0.2, 0.01, 0.18, 0.22, 4, np.zeros(0), np.zeros(0))
    >>> [round(v, 3) for v in difference_interval(a, b)]
    [0.014, 0.072, 0.128]
    """
    d = second.ratio - first.ratio
    (low1, high1), (low2, high2) = (g.tails or (g.lower, g.upper) for g in (first, second))
    lower = d - float(np.hypot(second.ratio - low2, high1 - first.ratio))
    upper = d + float(np.hypot(high2 - second.ratio, first.ratio - low1))
    u = float(np.hypot(first.standard_uncertainty, second.standard_uncertainty))
    return u, lower, upper


def p_difference(first: GroupRatio, second: GroupRatio) -> float:
    """Probability of a ratio of two groups as far from 1 as this, were there no difference.

    The statistic is the logarithm of the ratio over its standard uncertainty; how it scatters
    is taken from the hierarchical bootstrap. Where a group holds nothing at all, Welch's t of
    the difference stands in; where neither does, it is 1.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> groups = [
    ...     group_ratio([(rng.uniform(0, m, 9), np.full(9, 10.0)) for _ in range(6)], rng)
    ...     for m in (1.0, 4.0)
    ... ]
    >>> p_difference(*groups) < 0.01
    True
    """
    if first.ratio <= 0 and second.ratio <= 0:
        return 1.0
    if min(first.ratio, second.ratio) <= 0:
        some = max(first, second, key=lambda g: g.ratio)
        if some.standard_uncertainty <= 0:
            return 1.0
        return float(2 * stdtr(some.images - 1, -some.ratio / some.standard_uncertainty))
    relative = [g.standard_uncertainty / g.ratio for g in (first, second)]
    own = float(np.hypot(relative[0], relative[1]))
    observed = np.log(second.ratio / first.ratio)
    if own <= 0:
        return float(observed == 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        deviation = np.log(second.resampled / second.ratio) - np.log(first.resampled / first.ratio)
        spread = np.hypot(first.resampled_relative, second.resampled_relative)
        t = np.abs(deviation) / np.maximum(spread, 1e-12)
    # A resample that holds nothing is as far away as can be.
    t = np.where(np.isfinite(t), t, np.inf)
    return float((1 + (t >= abs(observed) / own).sum()) / (t.size + 1))


def images_needed(first: GroupRatio, second: GroupRatio, *, power: float = 0.8) -> float:
    """Images a group that would show the difference as seen, at 5 % and with `power`.

    Parameters
    ----------
    first, second : GroupRatio
        What is known by now.
    power : float
        Probability with which it should be shown.

    Returns
    -------
    float
        Infinity where the groups do not differ, or nothing was found in one of them.

    References
    ----------
    Chow, Shao & Wang, Sample Size Calculations in Clinical Research, 2nd ed., 2008, 3.2.

    Examples
    --------
    >>> a = GroupRatio(0.10, 0.01, 0.08, 0.12, 4, np.zeros(0), np.zeros(0))
    >>> b = GroupRatio(0.13, 0.01, 0.11, 0.15, 4, np.zeros(0), np.zeros(0))
    >>> images_needed(a, b)
    9.0
    """
    if min(first.ratio, second.ratio) <= 0 or first.ratio == second.ratio:
        return float("inf")
    # Variance a single image has, on the scale of the logarithm that is tested.
    one = sum(g.images * (g.standard_uncertainty / g.ratio) ** 2 for g in (first, second))
    effect = abs(np.log(second.ratio / first.ratio))
    n = 2.0
    while n < 1e5:
        dof = 2 * (n - 1)
        wanted = float(stdtrit(dof, 0.975) + stdtrit(dof, power))
        if effect >= wanted * np.sqrt(one / n):
            return n
        n = np.ceil(n * 1.05) if n > 40 else n + 1
    return float("inf")


def variance_shares(images: list[Image]) -> tuple[float, float]:
    """Standard deviations of the ratio between images, and between particles of an image.

    Particles count by their denominators (areas). The first is what is left of the scatter
    between images once what their particles' scatter brings about is taken off.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> images = [(rng.normal(1.0, 0.1, 30), np.ones(30)) for _ in range(20)]
    >>> between, within = variance_shares(images)
    >>> between < 0.02, round(within, 1)
    (True, 0.1)
    """
    part = np.array([p.sum() for p, _ in images])
    whole = np.array([w.sum() for _, w in images])
    means = part / whole
    squares = freedom = 0.0
    brought = []
    for (p, w), mean in zip(images, means, strict=True):
        if p.size < 2:
            continue
        squares += float((w * (p / w - mean) ** 2).sum() / w.mean())
        freedom += p.size - 1
        brought.append(float((w**2).sum() / w.sum() ** 2))
    within = squares / freedom if freedom else 0.0
    share = whole / whole.sum()
    off = means - (share * means).sum()
    total = float((share * off**2).sum() / max(1e-12, 1 - (share**2).sum()))
    between = max(0.0, total - within * (float(np.mean(brought)) if brought else 0.0))
    return float(np.sqrt(between)), float(np.sqrt(within))
