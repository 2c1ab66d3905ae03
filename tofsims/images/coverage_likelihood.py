"""How likely are the counts of an image's pixels, for each share of coated pixels?"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, expit, gammaln, logit

from coatcore.coverage import coverage_factor, deviance_limit

# Rise of the deviance at the ends of a 95 % interval, and its root.
DEVIANCE, _Z = deviance_limit(), coverage_factor()
# Below this variance of the rates, counts are Poisson's.
LEAST_SPREAD = 1e-5
_MOST_SPREAD = 30.0
# Steps of the damped scoring from one place to the next.
_STEPS = 40


@dataclass(frozen=True, kw_only=True)
class PixelTable:
    """How often each pair of counts occurs: in the image, and in references of one kind.

    Parameters
    ----------
    coating, other : numpy.ndarray, shape (cells,)
        Counts of a pixel; `other` is empty where only fragments of the coating are known.
    image, coated, bare : numpy.ndarray, shape (cells,)
        Pixels of the image, of a fully coated and of a bare reference.
    """

    coating: np.ndarray
    other: np.ndarray
    image: np.ndarray
    coated: np.ndarray
    bare: np.ndarray

    @property
    def ways(self) -> np.ndarray:
        """Logarithm of the factorials of the counts."""
        ways = gammaln(self.coating + 1)
        return ways + gammaln(self.other + 1) if self.other.size else ways


@dataclass(frozen=True, kw_only=True)
class CoverageFit:
    """Maximum of the likelihood and the interval of the share of coated pixels.

    Parameters
    ----------
    share, lower, upper : float
        Of the pixels of the image.
    coated, bare : numpy.ndarray, shape (1,) or (2,)
        Mean counts a pixel, of the coating's and of the other fragments.
    spread : float
        Relative variance of the rates within coated, and within bare pixels.
    probability : numpy.ndarray, shape (cells,)
        Of being coated.
    expected : numpy.ndarray, shape (cells,)
        Probability of each cell in the image.
    """

    share: float
    lower: float
    upper: float
    coated: np.ndarray
    bare: np.ndarray
    spread: float
    probability: np.ndarray
    expected: np.ndarray


def tabulated(
    image: np.ndarray, coated: np.ndarray | None = None, bare: np.ndarray | None = None
) -> PixelTable:
    """Count equal pixels.

    Parameters
    ----------
    image, coated, bare : numpy.ndarray, shape (pixels, 1 or 2)
        Counts of the coating's fragments and, where known, of the others.

    Examples
    --------
    >>> tabulated(np.array([[1], [0], [1]])).image
    array([1., 2.])
    """
    parts = [image, *(p if p is not None else image[:0] for p in (coated, bare))]
    cells, which = np.unique(np.concatenate(parts), axis=0, return_inverse=True)
    ends = np.cumsum([0, *(len(p) for p in parts)])
    of_image, of_coated, of_bare = (
        np.bincount(which.ravel()[a:b], minlength=len(cells)).astype(float)
        for a, b in itertools.pairwise(ends)
    )
    other = cells[:, 1] if cells.shape[1] == 2 else cells[:0, 0]
    return PixelTable(
        coating=cells[:, 0].astype(float),
        other=other.astype(float),
        image=of_image,
        coated=of_coated,
        bare=of_bare,
    )


def fit_coverage(table: PixelTable, *, uneven: bool = True) -> CoverageFit:
    """Share of coated pixels with its interval, along the profile of the likelihood.

    Parameters
    ----------
    table : PixelTable
        Counts.
    uneven : bool
        Whether the rates may vary from pixel to pixel.

    Returns
    -------
    CoverageFit

    Examples
    --------
    >>> counts = np.random.default_rng(1).poisson(np.repeat([9.0, 0.5], [600, 400]))
    >>> fit = fit_coverage(tabulated(counts[:, None]))
    >>> bool(fit.lower < 0.6 < fit.upper)
    True
    """
    shares = np.concatenate([[0.0, 0.02], np.linspace(0.05, 0.95, 13), [0.98, 1.0]])
    theta = _starts(table, shares)
    values, theta = _climb(table, shares, theta, uneven)
    for _ in range(2):
        fine = _finer(shares, values)
        nearest = np.abs(fine[:, None] - shares).argmin(axis=1)
        values, theta = _climb(table, fine, theta[nearest], uneven)
        shares = fine
    best = int(values.argmin())
    share, n = float(shares[best]), float(table.image.sum())
    lower, upper = (_end(shares[::step], values[::step]) for step in (-1, 1))
    at = _Levels(table, theta[best : best + 1])
    joint = at.mixed(shares[best : best + 1])[0]
    with np.errstate(divide="ignore"):
        probability = np.exp(np.log(share) + at.log_coated[0] - joint)
    # Which pixel is coated is uncertain even where both levels are known.
    doubt = float((table.image * probability * (1 - probability)).sum())
    least = (_Z * np.sqrt(doubt) + 0.5) / n
    return CoverageFit(
        share=share,
        lower=0.0 if lower == 0 else max(0.0, share - _without_sampling(share, lower, n, least)),
        upper=1.0 if upper == 1 else min(1.0, share + _without_sampling(share, upper, n, least)),
        coated=at.means(coated=True)[0],
        bare=at.means(coated=False)[0],
        spread=float(np.exp(theta[best, -1])) if uneven else 0.0,
        probability=probability,
        expected=np.exp(joint),
    )


def _without_sampling(share: float, end: float, n: float, least: float) -> float:
    """Half-width of the interval for the pixels of this very image.

    The likelihood takes every pixel for a draw, coated with the probability that is sought; what
    part of the drawn pixels is coated then scatters as well, and that scatter is taken off; not
    below `least`.
    """
    scatter = (share * (1 - share) + end * (1 - end)) / 2 / n
    return max(float(np.sqrt(max((share - end) ** 2 - _Z**2 * scatter, 0.0))), least)


def _finer(shares: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Places around the maximum and the ends of the interval."""
    best = int(values.argmin())
    inside = np.flatnonzero(values <= values[best] + DEVIANCE)
    last = shares.size - 1
    pairs = (
        (max(inside[0] - 1, 0), inside[0], 5),
        (max(best - 1, 0), min(best + 1, last), 7),
        (inside[-1], min(inside[-1] + 1, last), 5),
    )
    return np.unique(np.concatenate([np.linspace(shares[a], shares[b], k) for a, b, k in pairs]))


def _end(shares: np.ndarray, values: np.ndarray) -> float:
    """Outermost place, in the order given, where the deviance is still within the limit."""
    lowest = float(values.min())
    k = int(np.flatnonzero(values <= lowest + DEVIANCE)[-1])
    if k == shares.size - 1:
        return float(shares[k])
    root = np.sqrt(np.maximum(values[k : k + 2] - lowest, 0.0))
    # The root of the deviance is nearly a line.
    way = (np.sqrt(DEVIANCE) - root[0]) / max(root[1] - root[0], 1e-12)
    return float(shares[k] + np.clip(way, 0, 1) * (shares[k + 1] - shares[k]))


class _Levels:
    """Probabilities of all cells in coated and in bare pixels, for several sets of parameters.

    Parameters are the logarithms of the mean counts of a coated and of a bare pixel; where other
    fragments are known, the log-odds of the coating's among a coated pixel's counts; the
    logarithm of the gap down to the bare level, which keeps their order; that of the spread.
    """

    def __init__(self, table: PixelTable, theta: np.ndarray) -> None:
        self.table, self.two = table, table.other.size > 0
        self.total = table.coating + (table.other if self.two else 0.0)
        self.gap = np.exp(theta[:, -2])
        self.spread = np.exp(theta[:, -1])[:, None]
        if self.two:
            self.odds = theta[:, 2], theta[:, 2] - self.gap
            self.mean = np.exp(theta[:, 0]), np.exp(theta[:, 1])
        else:
            self.odds = np.zeros_like(self.gap), np.zeros_like(self.gap)
            self.mean = np.exp(theta[:, 0]), np.exp(theta[:, 0] - self.gap)
        # Few totals are different: the costly functions are called for those only.
        self.totals, self.which = np.unique(self.total, return_inverse=True)
        shape = 1 / self.spread
        self.rising = gammaln(self.totals + shape) - gammaln(shape)
        self.log_coated, self.log_bare = (self._logs(k) for k in (0, 1))

    def _logs(self, k: int) -> np.ndarray:
        mean, shape = self.mean[k][:, None], 1 / self.spread
        of_total = self.rising - (self.totals + shape) * np.log1p(mean / shape)
        out = (of_total + self.totals * np.log(mean / shape))[:, self.which]
        if self.two:
            odds = self.odds[k][:, None]
            out -= self.table.coating * np.logaddexp(0, -odds)
            out -= self.table.other * np.logaddexp(0, odds)
        return out - self.table.ways

    def means(self, *, coated: bool) -> np.ndarray:
        """Counts of a pixel (sets, 1 or 2)."""
        k = 0 if coated else 1
        if not self.two:
            return self.mean[k][:, None]
        share = expit(self.odds[k])
        return self.mean[k][:, None] * np.stack([share, 1 - share], axis=1)

    def mixed(self, shares: np.ndarray) -> np.ndarray:
        """Logarithm of each cell's probability in the image (sets, cells)."""
        with np.errstate(divide="ignore"):
            return np.logaddexp(
                np.log(shares)[:, None] + self.log_coated,
                np.log1p(-shares)[:, None] + self.log_bare,
            )

    def deviance(self, shares: np.ndarray) -> np.ndarray:
        """Twice the negative logarithm of the likelihood (sets,)."""
        t = self.table
        value = self.mixed(shares) @ t.image + self.log_coated @ t.coated + self.log_bare @ t.bare
        return -2 * value

    def scores(self, k: int) -> np.ndarray:
        """Derivatives of the logarithms by each parameter (sets, cells, parameters)."""
        mean, a = self.mean[k][:, None], self.spread
        by_mean = (self.total - mean) / (1 + a * mean)
        shape = 1 / a
        by_spread = -shape * (
            digamma(self.totals + shape)
            - digamma(shape)
            - np.log1p(mean / shape)
            + (mean - self.totals) / (shape + mean)
        )
        by_spread = by_spread[:, self.which]
        zero = np.zeros_like(by_mean)
        if not self.two:
            by_gap = zero if k == 0 else -by_mean * self.gap[:, None]
            return np.stack([by_mean, by_gap, by_spread], axis=-1)
        by_odds = self.table.coating - self.total * expit(self.odds[k])[:, None]
        by_gap = zero if k == 0 else -by_odds * self.gap[:, None]
        first = (by_mean, zero) if k == 0 else (zero, by_mean)
        return np.stack([*first, by_odds, by_gap, by_spread], axis=-1)


def _starts(table: PixelTable, shares: np.ndarray) -> np.ndarray:
    """For each share, levels of the pixels that look most and least coated, drawn together."""
    two = table.other.size > 0
    counts = np.stack([table.coating, table.other] if two else [table.coating], axis=1)
    look = (
        table.coating - table.other * table.coating.sum() / max(table.other.sum(), 1)
        if two
        else table.coating
    )
    order = np.argsort(-look, kind="stable")
    weight, ranked = table.image[order], counts[order]
    above = np.cumsum(weight)
    whole = (weight[:, None] * ranked).sum(axis=0) / above[-1]
    out = []
    for share in np.clip(shares, 0.03, 0.97):
        part = np.clip(share * above[-1] - (above - weight), 0, weight)
        top = (part[:, None] * ranked).sum(axis=0) / part.sum()
        rest = ((weight - part)[:, None] * ranked).sum(axis=0) / (weight - part).sum()
        one, zero = (np.maximum(0.6 * m + 0.4 * whole, 1e-3) for m in (top, rest))
        if table.coated.any():
            one = np.maximum(
                (table.coated[:, None] * counts).sum(axis=0) / table.coated.sum(), 1e-3
            )
        if table.bare.any():
            zero = np.maximum((table.bare[:, None] * counts).sum(axis=0) / table.bare.sum(), 1e-3)
        if two:
            odds = logit(one[0] / one.sum()), logit(zero[0] / zero.sum())
            gap = max(odds[0] - odds[1], 0.1)
            row = [np.log(one.sum()), np.log(zero.sum()), odds[0], np.log(gap), np.log(0.02)]
        else:
            gap = max(float(np.log(one[0] / zero[0])), 0.1)
            row = [np.log(one[0]), np.log(gap), np.log(0.02)]
        out.append(row)
    return np.array(out, dtype=float)


def _climb(
    table: PixelTable, shares: np.ndarray, theta: np.ndarray, uneven: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Most likely levels at every share, by damped scoring; deviances and parameters."""
    theta = theta.copy()
    low = np.full(theta.shape[1], -12.0)
    high = np.full(theta.shape[1], 12.0)
    low[-2], high[-2] = -7.0, 3.0
    low[-1], high[-1] = np.log(LEAST_SPREAD), np.log(_MOST_SPREAD)
    if not uneven:
        high[-1] = low[-1]
    theta = np.clip(theta, low, high)
    damping = np.full(shares.size, 1e-2)
    levels = _Levels(table, theta)
    values = levels.deviance(shares)
    diagonal = np.arange(theta.shape[1])
    for _ in range(_STEPS):
        joint = levels.mixed(shares)
        with np.errstate(divide="ignore"):
            chance = np.exp(np.log(shares)[:, None] + levels.log_coated - joint)[..., None]
        one, zero = levels.scores(0), levels.scores(1)
        mixed = chance * one + (1 - chance) * zero
        gradient = np.einsum("u,gup->gp", table.image, mixed)
        information = np.einsum("u,gup,guq->gpq", table.image, mixed, mixed, optimize=True)
        for weight, part in ((table.coated, one), (table.bare, zero)):
            if weight.any():
                gradient += np.einsum("u,gup->gp", weight, part)
                information += np.einsum("u,gup,guq->gpq", weight, part, part, optimize=True)
        # A parameter at its border that is drawn beyond it stays there.
        held = ((theta <= low) & (gradient < 0)) | ((theta >= high) & (gradient > 0))
        gradient = np.where(held, 0.0, gradient)
        free = ~held
        information = information * free[:, :, None] * free[:, None, :]
        information[:, diagonal, diagonal] = (
            information[:, diagonal, diagonal] * (1 + damping[:, None]) + 1e-6 + held
        )
        step = np.linalg.solve(information, gradient[..., None])[..., 0]
        tried = np.clip(theta + np.clip(step, -2, 2), low, high)
        after = _Levels(table, tried)
        found = after.deviance(shares)
        better = found <= values
        gained = np.where(better, values - found, np.inf)
        theta = np.where(better[:, None], tried, theta)
        values = np.where(better, found, values)
        damping = np.clip(np.where(better, damping / 5, damping * 8), 1e-6, 1e6)
        if (gained < 1e-3).all() or (damping >= 1e6).all():
            break
        levels = after if better.all() else _Levels(table, theta)
    return values, theta
