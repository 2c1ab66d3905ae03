"""Which areas, places and shape make the counted peaks most likely?

Poisson likelihood of sums of peaks in windows of a spectrum, by Fisher scoring. Everything that
is not known exactly (shape, shift of the mass scale, background) is a parameter with a normal
prior, so that its uncertainty is in that of the areas.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tofsims.peaks.shape import GROWTH, share_before

_SHAPE = 5
_ROUNDS = 60
# Of numerical derivatives.
_STEP = 1e-4
# Counts a bin that a background is never below: no logarithm of zero.
_FLOOR = 1e-7
# How far shape and shifts may go from what is expected of them, in standard deviations.
_REACH = 4.0


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Windows of a spectrum and the peaks in them.

    Parameters
    ----------
    edges : list of numpy.ndarray
        Times at the borders of each window's bins, n + 1 each.
    counts, ratio : list of numpy.ndarray
        Counts of each window's bins, and their variance over their mean.
    window, shift : numpy.ndarray of int, shape (peaks,)
        Window of each peak, and which shift parameter moves it.
    place : numpy.ndarray, shape (peaks,)
        Expected time of each peak.
    reference : float
        Time at which the shape's width holds.
    mean, precision : numpy.ndarray, shapes (n,) and (n, n)
        Prior of all parameters: shape, shifts, areas, backgrounds (a window each).

    Examples
    --------
    >>> counts = np.array([0.0, 3.0, 9.0, 3.0, 0.0])
    >>> one = np.zeros(1, dtype=int)
    >>> mean = np.concatenate([[0.0, -1.0, 2.0, -9.0, 0.0], [0.0, 10.0, 0.1]])
    >>> sure = np.diag([1e4] * 5 + [1.0, 0.0, 0.0])
    >>> edges = np.arange(6.0)
    >>> p = Problem(edges=[edges], counts=[counts], ratio=[np.ones(5)], window=one, shift=one,
    ...     place=np.array([2.5]), reference=2.5, mean=mean, precision=sure)
    >>> bool(13 < fit(p, mean).areas[0] < 16)
    True
    """

    edges: list[np.ndarray]
    counts: list[np.ndarray]
    ratio: list[np.ndarray]
    window: np.ndarray
    shift: np.ndarray
    place: np.ndarray
    reference: float
    mean: np.ndarray
    precision: np.ndarray

    @property
    def n_peaks(self) -> int:
        """How many peaks there are."""
        return self.place.size

    @property
    def first_area(self) -> int:
        """Index of the first area among the parameters."""
        return self.mean.size - self.n_peaks - len(self.edges)

    @cached_property
    def layout(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """All peaks' windows one after another.

        Edges, peak of each edge, which differences of edges are bins, and the peak and the row
        among all data of each of these bins.
        """
        mine = [self.edges[w] for w in self.window]
        peak = np.repeat(np.arange(self.n_peaks), [e.size for e in mine])
        starts = np.concatenate([[0], np.cumsum([c.size for c in self.counts])])
        rows = [np.arange(starts[w], starts[w + 1]) for w in self.window]
        bins = np.repeat(np.arange(self.n_peaks), [r.size for r in rows])
        return np.concatenate(mine), peak, peak[1:] == peak[:-1], bins, np.concatenate(rows)

    @cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Counts, variance ratios and window of all bins."""
        window = np.repeat(np.arange(len(self.counts)), [c.size for c in self.counts])
        return np.concatenate(self.counts), np.concatenate(self.ratio), window


@dataclass(frozen=True, kw_only=True)
class Solution:
    """Most likely parameters.

    Parameters
    ----------
    values : numpy.ndarray, shape (n,)
        Shape, shifts, areas, backgrounds.
    covariance : numpy.ndarray, shape (n, n)
        Of `values`, where the likelihood is normal.
    objective : float
        Deviance and prior's penalty.
    expected : numpy.ndarray
        Expected counts of all windows, one after another.
    problem : Problem
        What was solved.

    Examples
    --------
    >>> Solution.__name__
    'Solution'
    """

    values: np.ndarray
    covariance: np.ndarray
    objective: float
    expected: np.ndarray
    problem: Problem

    @property
    def areas(self) -> np.ndarray:
        """Counts of each peak."""
        first = self.problem.first_area
        return self.values[first : first + self.problem.n_peaks]

    @property
    def misfit(self) -> float:
        """Mean squared residual over its expectation, of bins with counts enough to tell."""
        n, ratio, _ = self.problem.data
        enough = self.expected > 2
        if enough.sum() < 3:
            return 1.0
        chi2 = (n - self.expected)[enough] ** 2 / (ratio * self.expected)[enough]
        return float(chi2.sum() / max(1, enough.sum() - self.problem.n_peaks))


def profiles(problem: Problem, values: np.ndarray) -> list[np.ndarray]:
    """Share of each peak's counts in each bin of its window."""
    bins = problem.layout[3]
    return np.split(_shares(problem, values), np.flatnonzero(np.diff(bins)) + 1)


def _shares(problem: Problem, values: np.ndarray) -> np.ndarray:
    edges, peak, inside, *_ = problem.layout
    shape, shifts = values[:_SHAPE], values[_SHAPE : problem.first_area]
    place = problem.place + shifts[problem.shift]
    width = (problem.place / problem.reference) ** shape[GROWTH]
    return np.diff(share_before(edges - place[peak], width[peak], shape))[inside]


def _design(problem: Problem, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Expected counts of all bins, and their derivatives with respect to all parameters."""
    *_, bins, rows = problem.layout
    window = problem.data[2]
    first, n = problem.first_area, window.size
    area = values[first : first + problem.n_peaks]
    jacobian = np.zeros((n, values.size))
    base = _shares(problem, values)
    jacobian[rows, first + bins] = base
    jacobian[np.arange(n), first + problem.n_peaks + window] = 1.0
    expected = jacobian[:, first:] @ values[first:]
    for j in range(_SHAPE):
        moved = values.copy()
        moved[j] += _STEP
        change = area[bins] * (_shares(problem, moved) - base) / _STEP
        jacobian[:, j] = np.bincount(rows, change, n)
    # One evaluation moves all shifts: each peak depends on its own alone.
    step = _STEP * float(np.exp(values[0]))
    moved = values.copy()
    moved[_SHAPE:first] += step
    change = area[bins] * (_shares(problem, moved) - base) / step
    for shift in range(first - _SHAPE):
        mine = problem.shift[bins] == shift
        jacobian[:, _SHAPE + shift] = np.bincount(rows[mine], change[mine], n)
    return expected, jacobian


def _objective(problem: Problem, values: np.ndarray, expected: np.ndarray) -> float:
    n, ratio, _ = problem.data
    mu = np.maximum(expected, _FLOOR)
    logs = np.where(n > 0, n * np.log(np.maximum(n, 1e-300) / mu), 0)
    off = values - problem.mean
    return float(2 * np.sum((mu - n + logs) / ratio) + off @ problem.precision @ off)


def fit(problem: Problem, start: np.ndarray, fixed: int | None = None) -> Solution:
    """Maximise the likelihood; areas and backgrounds stay at zero or above.

    Parameters
    ----------
    problem : Problem
        Data, peaks and prior.
    start : numpy.ndarray, shape (n,)
        Where to begin.
    fixed : int, optional
        Parameter that keeps its start value, for profile likelihoods.
    """
    n, ratio, _ = problem.data
    values = start.astype(float)
    lowest = np.full(values.size, -np.inf)
    lowest[problem.first_area :] = 0.0
    lowest[problem.first_area + problem.n_peaks :] = _FLOOR
    values = np.maximum(values, lowest)
    # No shape, and no place of an ion, but one that is likely beforehand: a neighbour would be
    # taken for the ion.
    nonlinear = slice(0, problem.first_area)
    known = np.linalg.inv(problem.precision[nonlinear, nonlinear])
    reach = _REACH * np.sqrt(np.diag(known))
    nearest, farthest = problem.mean[nonlinear] - reach, problem.mean[nonlinear] + reach
    values[nonlinear] = np.clip(values[nonlinear], nearest, farthest)
    expected, jacobian = _design(problem, values)
    objective = _objective(problem, values, expected)
    damping = 1e-3
    for _ in range(_ROUNDS):
        mu = np.maximum(expected, _FLOOR)
        weighted = jacobian / (ratio * mu)[:, None]
        gradient = weighted.T @ (n - mu) - problem.precision @ (values - problem.mean)
        normal = weighted.T @ jacobian + problem.precision
        free = (values > lowest) | (gradient > 0)
        if fixed is not None:
            free[fixed] = False
        at = np.flatnonzero(free)
        scale = np.sqrt(np.maximum(np.diag(normal)[at], 1e-30))
        scaled = normal[np.ix_(at, at)] / scale[:, None] / scale
        right = gradient[at] / scale
        while damping < 1e8:
            step = np.linalg.solve(scaled + damping * np.eye(at.size), right) / scale
            tried = values.copy()
            tried[at] = np.maximum(values[at] + step, lowest[at])
            # A shape never moves further than its likelihood can be trusted.
            tried[:_SHAPE] = values[:_SHAPE] + np.clip(tried[:_SHAPE] - values[:_SHAPE], -0.5, 0.5)
            tried[nonlinear] = np.clip(tried[nonlinear], nearest, farthest)
            new, derivatives = _design(problem, tried)
            reached = _objective(problem, tried, new)
            if reached <= objective + 1e-10 * abs(objective):
                break
            damping *= 10
        else:
            break
        gain = objective - reached
        values, expected, jacobian, objective = tried, new, derivatives, reached
        damping = max(damping / 10, 1e-9)
        if gain < 1e-4:
            break
    return Solution(
        values=values,
        covariance=_inverse(problem, expected, jacobian),
        objective=objective,
        expected=expected,
        problem=problem,
    )


def covariance_at(problem: Problem, values: np.ndarray) -> np.ndarray:
    """Covariance of all parameters, were `values` the truth (inverse Fisher information).

    Examples
    --------
    >>> covariance_at.__name__
    'covariance_at'
    """
    return _inverse(problem, *_design(problem, values))


def _inverse(problem: Problem, expected: np.ndarray, jacobian: np.ndarray) -> np.ndarray:
    variance = problem.data[1] * np.maximum(expected, _FLOOR)
    normal = (jacobian / variance[:, None]).T @ jacobian + problem.precision
    scale = np.sqrt(np.maximum(np.diag(normal), 1e-30))
    inverse = np.linalg.inv(normal / scale[:, None] / scale + 1e-12 * np.eye(scale.size))
    return inverse / scale[:, None] / scale


def interval(solution: Solution, peak: int, factor: float = 1.0) -> tuple[float, float]:
    """95 % interval of a peak's area from the profile of its likelihood.

    Parameters
    ----------
    solution : Solution
        From `fit`.
    peak : int
        Which.
    factor : float, default 1
        By which variances exceed those of the likelihood, where the model does not fit.

    Notes
    -----
    The signed root of the deviance is followed by the secant rule to 1.96; at the boundary of
    zero the lower end is zero.
    """
    at = solution.problem.first_area + peak
    best = float(solution.values[at])
    u = float(np.sqrt(factor * solution.covariance[at, at]))
    if best > 20 * u:
        return best - 1.96 * u, best + 1.96 * u
    wanted = 1.96**2 * factor

    def risen(area: float, start: np.ndarray) -> tuple[float, np.ndarray]:
        start = start.copy()
        start[at] = area
        found = fit(solution.problem, start, fixed=at)
        return max(0.0, found.objective - solution.objective), found.values

    ends = []
    for sign in (-1, 1):
        if sign < 0:
            rise, _ = risen(0.0, solution.values)
            if best == 0 or rise <= wanted:
                ends.append(0.0)
                continue
        # The deviance is nearly a parabola in the root of the area.
        root, place, held = np.sqrt(best), max(best + sign * 1.96 * u, 0.05 * best), solution.values
        low, high = (0.0, best) if sign < 0 else (best, np.inf)
        for _ in range(12):
            rise, held = risen(place, held)
            low, high = (place, high) if (rise < wanted) == (sign > 0) else (low, place)
            if abs(rise / wanted - 1) < 0.01:
                break
            slope = np.sqrt(max(rise, 1e-12)) / (np.sqrt(place) - root)
            aim = (root + np.sqrt(wanted) * sign / abs(slope)) ** 2
            inside = low < aim < high
            place = aim if inside else (0.5 * (low + high) if np.isfinite(high) else 2 * low)
        ends.append(float(place))
    return ends[0], ends[1]
