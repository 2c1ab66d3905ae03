"""What is a ratio of sums over particles that are nested in images, and how do two differ?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

from coatcore.coverage import coverage_factor

# Resamples of a bootstrap; a p-value of 0.05 then has a standard error of 0.005.
RESAMPLES = 2000

Image = tuple[np.ndarray, np.ndarray]
_NONE = np.zeros(0)
# Tails that give the difference of two groups its 95 %: recovered from each group's own ends, it
# would be held a little too often, and two equal groups called different in less than 4 %.
_TAILS = (0.028, 0.972)
# Studentised resampling asks for this many times the images that Student's t does, as simulated.
_MORE = 1.2
# Logarithm beyond which an end says no more than that nothing is known.
_WILD = 50.0
# Relative standard uncertainty at which all particles are alike but for rounding.
_ALIKE = 1e-9


class GroupRatio(NamedTuple):
    """Ratio of a group of images and what resampling tells of it.

    Parameters
    ----------
    ratio, standard_uncertainty, lower, upper : float
        The interval is even about the logarithm.
    images : int
        Number of them.
    deviations : numpy.ndarray
        Studentised deviations of the logarithm in the resamples; empty where these tell
        nothing, and the interval above stands for every level.
    top : float
        What the ratio cannot exceed.

    Examples
    --------
    >>> GroupRatio(0.1, 0.01, 0.08, 0.13, 4).ratio
    0.1
    """

    ratio: float
    standard_uncertainty: float
    lower: float
    upper: float
    images: int
    deviations: np.ndarray = _NONE
    top: float = np.inf

    @property
    def ends(self) -> tuple[float, float]:
        """Ends with equal shares of resamples beyond: for a difference of two groups.

        The interval above, even about the logarithm, holds the truth better where images are
        few; for a difference it matters to which side a group is uncertain.
        """
        if self.deviations.size == 0:
            return self.lower, self.upper
        relative = self.standard_uncertainty / self.ratio
        low, high = np.quantile(self.deviations, _TAILS)
        down, up = (min(max(d, 0.0), _WILD / relative) * relative for d in (high, -low))
        return self.ratio * float(np.exp(-down)), min(self.top, self.ratio * float(np.exp(up)))


def group_ratio(
    images: list[Image], rng: np.random.Generator, *, top: float = np.inf
) -> GroupRatio:
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
    top : float
        What the ratio cannot exceed: 1 for a share.

    Returns
    -------
    GroupRatio
        Where nothing was found in any image the interval is (0, 0): give it a limit. Where all
        particles are alike, it allows for one in 3.7 of them that is not (97.5 %).

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
    k = len(images)
    ratio, variance = (float(v) for v in _ratio(np.stack([_sums(*i) for i in images], axis=-1)))
    if ratio <= 0:
        return GroupRatio(0.0, 0.0, 0.0, 0.0, k, top=top)
    u = float(np.sqrt(variance))
    relative = u / ratio
    if relative < _ALIKE:
        other = min(1.0, 3.7 / sum(p.size for p, _ in images))
        upper = min(top, ratio * (1 + other))
        return GroupRatio(ratio, ratio * other / 2, ratio * (1 - other), upper, k, top=top)
    ratios, variances = _ratio(_resampled(images, rng))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.log(ratios / ratio) * ratios / np.sqrt(variances)
    t = t[np.isfinite(t)]
    if t.size < RESAMPLES // 2:
        # Hardly any image holds anything: Student's t on the logarithm is all there is.
        t, reach = _NONE, coverage_factor(k - 1)
    else:
        reach = float(np.quantile(np.abs(t), 0.95))
    # The logarithm keeps the interval positive; a group of two may give a wild one.
    spread = float(np.exp(min(reach * relative, _WILD)))
    return GroupRatio(ratio, u, ratio / spread, min(top, ratio * spread), k, t, top)


def _sums(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Over the particles (last axis): part, whole, their squares and product, and number."""
    return np.stack(
        [
            part.sum(-1),
            whole.sum(-1),
            (part**2).sum(-1),
            (whole**2).sum(-1),
            (part * whole).sum(-1),
            np.full(part.shape[:-1], part.shape[-1]),
        ]
    )


def _ratio(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ratio of sums over images (last axis), and its variance.

    The variance is that of the scatter between images, and no less than what the scatter of
    particles, were they independent, brings about: a few images may agree by chance.
    """
    part, whole, part2, whole2, product, number = sums
    k = part.shape[-1]
    total = whole.sum(axis=-1)
    ratio = part.sum(axis=-1) / total
    off = part - ratio[..., None] * whole
    between = k / (k - 1) * (off**2).sum(axis=-1)
    n = number.sum(axis=-1)
    squares = part2.sum(-1) - 2 * ratio * product.sum(-1) + ratio**2 * whole2.sum(-1)
    particles = n / np.maximum(n - 1, 1) * np.maximum(squares, 0)
    return ratio, np.maximum(between, particles) / total**2


def _resampled(images: list[Image], rng: np.random.Generator) -> np.ndarray:
    """Sums of each image of each resample: images drawn, then particles within them."""
    k = len(images)
    drawn = rng.integers(0, k, (RESAMPLES, k))
    sums = np.zeros((6, RESAMPLES, k))
    for i, (p, w) in enumerate(images):
        here = drawn == i
        which = rng.integers(0, p.size, (int(here.sum()), p.size))
        sums[:, here] = _sums(p[which], w[which])
    return sums


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
    >>> a = GroupRatio(0.1, 0.01, 0.08, 0.12, 4)
    >>> b = GroupRatio(0.2, 0.01, 0.18, 0.22, 4)
    >>> [round(v, 3) for v in difference_interval(a, b)]
    [0.014, 0.072, 0.128]
    """
    d = second.ratio - first.ratio
    (low1, high1), (low2, high2) = first.ends, second.ends
    lower = d - float(np.hypot(second.ratio - low2, high1 - first.ratio))
    upper = d + float(np.hypot(high2 - second.ratio, first.ratio - low1))
    u = float(np.hypot(first.standard_uncertainty, second.standard_uncertainty))
    return u, lower, upper


def p_difference(first: GroupRatio, second: GroupRatio) -> float:
    """Probability of a difference of two groups as large as this, were there none.

    Below 0.05 exactly where the 95 % interval of the difference leaves 0 out: the part of the
    interval towards 0 is taken as that of Student's t with as many degrees of freedom as images
    over two.

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
    d = second.ratio - first.ratio
    _, lower, upper = difference_interval(first, second)
    side = d - lower if d > 0 else upper - d
    if d == 0 or side <= 0:
        return 1.0
    dof = first.images + second.images - 2
    return float(2 * stdtr(dof, -coverage_factor(dof) * abs(d) / side))


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
    >>> a = GroupRatio(0.10, 0.01, 0.08, 0.12, 4)
    >>> b = GroupRatio(0.13, 0.01, 0.11, 0.15, 4)
    >>> images_needed(a, b)
    11.0
    """
    if min(first.ratio, second.ratio) <= 0 or first.ratio == second.ratio:
        return float("inf")
    # Variance a single image has, on the scale of the logarithm that is tested.
    one = sum(g.images * (g.standard_uncertainty / g.ratio) ** 2 for g in (first, second))
    effect = abs(np.log(second.ratio / first.ratio))
    n = 2.0
    while n < 1e5:
        dof = 2 * (n - 1)
        wanted = coverage_factor(dof) + float(stdtrit(dof, power))
        if effect >= wanted * np.sqrt(one / n):
            return float(np.ceil(_MORE * n))
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
