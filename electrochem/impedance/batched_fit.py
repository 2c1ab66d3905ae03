"""Least squares of many small problems at once, by Levenberg and Marquardt's method."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_STEP = 1e-6
_LEAST, _MOST = 1e-12, 1e12


def fit_many(
    residuals: Callable[[np.ndarray, np.ndarray], np.ndarray],
    start: np.ndarray,
    *,
    most: int = 60,
    tolerance: float = 1e-8,
    bounds: tuple[np.ndarray, np.ndarray] | None = None,
    slope: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Minimise the sum of squares of each of m problems of the same shape.

    Parameters
    ----------
    residuals : callable
        ``residuals(theta, which)`` with theta of shape (k, p) and the k problems that it is asked
        for, as indices; returns (k, r). May return non-finite numbers: such steps are refused.
    start : numpy.ndarray
        Shape (m, p).
    most : int, default 60
        Iterations.
    tolerance : float, default 1e-8
        Relative fall of the sum of squares below which a problem is done.
    bounds : (numpy.ndarray, numpy.ndarray), optional
        Of theta, shape (p,): steps are cut to them.
    slope : callable, optional
        ``slope(theta, which)``: change of the residuals with theta, (k, r, p); by default from
        forward differences.

    Returns
    -------
    theta : numpy.ndarray
        Shape (m, p).
    cost : numpy.ndarray
        Sums of squares, shape (m,).
    normal : numpy.ndarray
        J^T J at the end, shape (m, p, p).

    Examples
    --------
    >>> x = np.arange(5.0)
    >>> data = np.exp(-0.5 * x)[None, :]
    >>> theta, cost, _ = fit_many(lambda t, i: np.exp(-t * x) - data[i], np.array([[1.0]]))
    >>> round(float(theta[0, 0]), 6)
    0.5
    """
    theta = np.array(start, dtype=float)
    m, p = theta.shape
    everything = np.arange(m)
    r = residuals(theta, everything)
    cost = _sum(r)
    damping = np.full(m, 1e-3)
    active = np.isfinite(cost)
    normal = np.zeros((m, p, p))
    gradient = np.zeros((m, p))
    stale = active.copy()
    for _ in range(most):
        which = everything[active]
        if not which.size:
            break
        again = which[stale[which]]
        if again.size:
            jacobian = (
                jacobian_of(residuals, theta[again], again, r[again])
                if slope is None
                else slope(theta[again], again)
            )
            normal[again] = np.einsum("krp,krq->kpq", jacobian, jacobian)
            gradient[again] = np.einsum("krp,kr->kp", jacobian, r[again])
            stale[again] = False
        trial = theta[which] + _step(
            normal[which], gradient[which], damping[which], theta[which], bounds
        )
        if bounds is not None:
            trial = np.clip(trial, *bounds)
        r_trial = residuals(trial, which)
        cost_trial = _sum(r_trial)
        better = cost_trial < cost[which]
        took = which[better]
        fall = cost[took] - cost_trial[better]
        moved = np.abs(trial[better] - theta[took]).max(axis=1, initial=0.0)
        done = (fall <= tolerance * cost[took]) & (moved < 1e-3)
        theta[took], r[took], cost[took] = trial[better], r_trial[better], cost_trial[better]
        stale[took] = True
        damping[took] = np.maximum(damping[took] / 5, _LEAST)
        damping[which[~better]] *= 4
        active[took[done]] = False
        active[which[~better]] &= damping[which[~better]] < _MOST
    return theta, cost, normal


def _step(
    normal: np.ndarray,
    gradient: np.ndarray,
    damping: np.ndarray,
    theta: np.ndarray,
    bounds: tuple[np.ndarray, np.ndarray] | None,
) -> np.ndarray:
    """Marquardt's step; what presses against a bound stays there."""
    if bounds is not None:
        stuck = ((theta <= bounds[0]) & (gradient > 0)) | ((theta >= bounds[1]) & (gradient < 0))
        normal = np.where(stuck[:, :, None] | stuck[:, None, :], 0.0, normal)
        gradient = np.where(stuck, 0.0, gradient)
    diagonal = np.einsum("kpp->kp", normal)
    least = 1e-12 * diagonal.max(axis=1, initial=0.0)[:, None] + 1e-30
    lifted = normal + _diagonal(damping[:, None] * np.maximum(diagonal, least) + 1e-30)
    lifted = lifted + _diagonal(np.where(diagonal > 0, 0.0, 1.0))
    return np.clip(-np.linalg.solve(lifted, gradient[..., None])[..., 0], -3.0, 3.0)


def _sum(r: np.ndarray) -> np.ndarray:
    total = np.einsum("kr,kr->k", r, r)
    return np.where(np.isfinite(total), total, np.inf)


def _diagonal(values: np.ndarray) -> np.ndarray:
    return values[:, :, None] * np.eye(values.shape[1])


def jacobian_of(
    residuals: Callable[[np.ndarray, np.ndarray], np.ndarray],
    theta: np.ndarray,
    which: np.ndarray,
    r: np.ndarray,
) -> np.ndarray:
    """Slope of residuals by forward differences, all of them in one call.

    Parameters
    ----------
    residuals : callable
        As for `fit_many`.
    theta : numpy.ndarray
        Shape (k, p).
    which : numpy.ndarray
        The k problems.
    r : numpy.ndarray
        Residuals at `theta`, shape (k, r).

    Returns
    -------
    numpy.ndarray
        Shape (k, r, p); 0 where a residual is not finite.

    Examples
    --------
    >>> x, one = np.arange(3.0), np.array([[2.0]])
    >>> line = lambda theta, which: theta * x
    >>> jacobian_of(line, one, np.array([0]), line(one, None)).round(6)[0, :, 0].tolist()
    [0.0, 1.0, 2.0]
    """
    k, p = theta.shape
    moved = np.repeat(theta, p, axis=0) + np.tile(_STEP * np.eye(p), (k, 1))
    ahead = residuals(moved, np.repeat(which, p)).reshape(k, p, -1)
    jacobian = (ahead - r[:, None, :]) / _STEP
    return np.where(np.isfinite(jacobian), jacobian, 0.0).transpose(0, 2, 1)
