"""How are shared parameters and those of each spectrum fitted at once?

The normal equations of m spectra have an arrow's shape: each spectrum's own parameters touch
only the shared ones. Eliminating them (Schur's complement) leaves a system of the shared ones.
"""

from __future__ import annotations

import numpy as np

from electrochem.impedance.batched_fit import jacobian_of
from electrochem.impedance.problem import Problem

_LEAST, _MOST = 1e-10, 1e10


def split_columns(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Columns of theta that are shared, and that are each spectrum's own.

    Examples
    --------
    >>> from electrochem.impedance.models.circuit import parse_circuit
    >>> z = np.ones((2, 5)) + 0j
    >>> problem = Problem(parse_circuit("R0-C1"), np.ones(5), z, np.abs(z), shared=("C1",))
    >>> [columns.tolist() for columns in split_columns(problem)]
    [[1], [0]]
    """
    shared = np.array([n in problem.shared for n in problem.free])
    return np.flatnonzero(shared), np.flatnonzero(~shared)


def descend(
    problem: Problem, theta: np.ndarray, held: int | None = None
) -> tuple[np.ndarray, float]:
    """Least squares of all spectra, by Levenberg and Marquardt's method with one damping.

    Parameters
    ----------
    problem : Problem
        With shared parameters.
    theta : numpy.ndarray
        Where to begin, shape (m, p), shared columns equal.
    held : int, optional
        A shared column that is not moved.

    Returns
    -------
    theta : numpy.ndarray
        Shape (m, p).
    cost : float
        Sum of squares of all.

    Examples
    --------
    >>> from electrochem.impedance.models.circuit import parse_circuit
    >>> z = np.array([[2.0] * 5, [2.2] * 5]) + 0j
    >>> problem = Problem(parse_circuit("R0"), np.ones(5), z, 0 * z.real + 0.1, shared=("R0",))
    >>> descend(problem, np.log([[2.0], [2.0]]))[0].round(4).ravel().tolist()
    [0.7419, 0.7419]
    """
    s, own = split_columns(problem)
    s = s[s != held]
    low, high = problem.bounds
    which = np.arange(theta.shape[0])
    theta = theta.copy()
    r = problem.residuals(theta, which)
    cost = float(np.einsum("kr,kr->", r, r))
    damping, stale, quiet = 1e-3, True, 0
    normal = gradient = np.empty(0)
    for _ in range(200):
        if stale:
            jacobian = jacobian_of(problem.residuals, theta, which, r)
            normal = np.einsum("krp,krq->kpq", jacobian, jacobian)
            gradient = np.einsum("krp,kr->kp", jacobian, r)
            stale = False
        step = _arrow_step(normal, gradient, damping, theta, (low, high), s, own)
        trial = np.clip(theta + step, low, high)
        r_trial = problem.residuals(trial, which)
        total = float(np.einsum("kr,kr->", r_trial, r_trial))
        if np.isfinite(total) and total < cost:
            quiet = quiet + 1 if cost - total <= 1e-9 * cost else 0
            moved = float(np.abs(trial - theta).max())
            theta, r, cost, stale = trial, r_trial, total, True
            damping = max(damping / 5, _LEAST)
            if quiet and (moved < 1e-3 or quiet > 3):
                break
        else:
            damping *= 4
            if damping > _MOST:
                break
    return theta, cost


def _arrow_step(
    normal: np.ndarray,
    gradient: np.ndarray,
    damping: float,
    theta: np.ndarray,
    bounds: tuple[np.ndarray, np.ndarray],
    s: np.ndarray,
    own: np.ndarray,
) -> np.ndarray:
    eye = np.eye(theta.shape[1])
    stuck = ((theta <= bounds[0]) & (gradient > 0)) | ((theta >= bounds[1]) & (gradient < 0))
    total = gradient[:, s].sum(axis=0)
    at = theta[0, s]
    stuck[:, s] = ((at <= bounds[0][s]) & (total > 0)) | ((at >= bounds[1][s]) & (total < 0))
    normal = np.where(stuck[:, :, None] | stuck[:, None, :], 0.0, normal)
    gradient = np.where(stuck, 0.0, gradient)
    diagonal = np.einsum("kpp->kp", normal)
    lift = damping * np.maximum(diagonal, 1e-12 * diagonal.max(axis=1, initial=0.0)[:, None])
    lift = lift + np.where(diagonal > 0, 1e-30, 1.0)
    lifted = normal + lift[:, :, None] * eye
    schur, pull = eliminated(lifted, gradient, s, own)
    step = np.zeros_like(theta)
    if s.size:
        step[:, s] = -np.linalg.solve(schur.sum(axis=0), pull.sum(axis=0))
    if own.size:
        towards = gradient[:, own] + np.einsum("mos,ms->mo", lifted[:, own][:, :, s], step[:, s])
        step[:, own] = -np.linalg.solve(lifted[:, own][:, :, own], towards[..., None])[..., 0]
    return np.clip(step, -3.0, 3.0)


def eliminated(
    normal: np.ndarray, gradient: np.ndarray, s: np.ndarray, own: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What each spectrum says of the shared once its own parameters are fitted.

    Parameters
    ----------
    normal, gradient : numpy.ndarray
        J^T J and J^T r, shapes (m, p, p) and (m, p).
    s, own : numpy.ndarray
        Columns, as of `split_columns`.

    Returns
    -------
    schur : numpy.ndarray
        Schur's complement of each spectrum, shape (m, s, s).
    pull : numpy.ndarray
        Its gradient, shape (m, s).

    Examples
    --------
    >>> normal, gradient = np.array([[[2.0, 1.0], [1.0, 2.0]]]), np.array([[0.0, 1.0]])
    >>> schur, pull = eliminated(normal, gradient, np.array([0]), np.array([1]))
    >>> round(float(schur[0, 0, 0]), 6), round(float(pull[0, 0]), 6)
    (1.5, -0.5)
    """
    across = normal[:, s][:, :, own]
    inverse = regular_inverse(normal[:, own][:, :, own])
    weighted = np.einsum("mso,mop->msp", across, inverse)
    schur = normal[:, s][:, :, s] - np.einsum("msp,mtp->mst", weighted, across)
    return schur, gradient[:, s] - np.einsum("msp,mp->ms", weighted, gradient[:, own])


def arrow_covariance(problem: Problem, normal: np.ndarray) -> np.ndarray:
    """Covariance of each spectrum's parameters, shared ones included, shape (m, p, p).

    Examples
    --------
    >>> from electrochem.impedance.models.circuit import parse_circuit
    >>> z = np.ones((2, 5)) + 0j
    >>> problem = Problem(parse_circuit("R0"), np.ones(5), z, np.abs(z), shared=("R0",))
    >>> arrow_covariance(problem, np.ones((2, 1, 1))).round(6).ravel().tolist()
    [0.5, 0.5]
    """
    if not problem.shared:
        return regular_inverse(normal)
    s, own = split_columns(problem)
    schur, _ = eliminated(normal, np.zeros(normal.shape[:2]), s, own)
    common = regular_inverse(schur.sum(axis=0)[None])[0]
    inverse = regular_inverse(normal[:, own][:, :, own])
    lever = np.einsum("mop,mps->mos", inverse, normal[:, own][:, :, s])
    covariance = np.empty_like(normal)
    m = normal.shape[0]
    rows = np.arange(m)[:, None, None]
    covariance[rows, s[:, None], s] = common
    cross = -np.einsum("mos,st->mot", lever, common)
    covariance[rows, own[:, None], s] = cross
    covariance[rows, s[:, None], own] = cross.transpose(0, 2, 1)
    covariance[rows, own[:, None], own] = inverse - np.einsum("mos,mps->mop", cross, lever)
    return covariance


def regular_inverse(normal: np.ndarray) -> np.ndarray:
    """Inverse of J^T J; a direction that the data do not tell gets a very large variance.

    Examples
    --------
    >>> regular_inverse(np.array([[[4.0]]])).tolist()
    [[[0.25]]]
    """
    size = np.sqrt(np.maximum(np.einsum("kpp->kp", normal), 1e-30))
    values, vectors = np.linalg.eigh(normal / size[:, :, None] / size[:, None, :])
    scaled = vectors / np.maximum(values, 1e-13)[:, None, :] @ vectors.transpose(0, 2, 1)
    return scaled / size[:, :, None] / size[:, None, :]
