"""What do many spectra tell together, where some parameters are the same in all of them?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from coatcore.errors import MeasurementError
from electrochem.impedance.batched_fit import fit_many, jacobian_of
from electrochem.impedance.best_fit import best_fit
from electrochem.impedance.problem import Anchor, Problem
from electrochem.impedance.shared_parameters import (
    arrow_covariance,
    descend,
    eliminated,
    split_columns,
)

# Rounds in which the noise is told anew by the residuals, and when it is settled.
_ROUNDS, _SETTLED = 5, 0.03
_REACH = np.log(1e3)
# Spectra whose own values are tried for all.
_SINGLE = 4


@dataclass(frozen=True)
class JointFit:
    """Where the sum of squares of all spectra is least, and how sharply.

    Parameters
    ----------
    theta : numpy.ndarray
        Shape (m, p); shared columns are equal.
    covariance : numpy.ndarray
        Of each spectrum's theta, shared ones included, shape (m, p, p).
    dof : numpy.ndarray
        Numbers less what was fitted of them, shape (m,).
    normal, gradient : numpy.ndarray
        J^T J and J^T r of each spectrum, shapes (m, p, p) and (m, p).

    Examples
    --------
    >>> from electrochem.impedance.models.circuit import parse_circuit
    >>> z = np.full((1, 5), 2.0 + 0j)
    >>> problem = Problem(parse_circuit("R0"), np.ones(5), z, np.abs(z) * 0.01)
    >>> refine(problem, np.log([[2.1]])).theta.round(6).tolist()
    [[0.693147]]
    """

    theta: np.ndarray
    covariance: np.ndarray
    dof: np.ndarray
    normal: np.ndarray
    gradient: np.ndarray

    def scaled(self, factor: np.ndarray) -> JointFit:
        """The same with residuals that are smaller by a factor a spectrum, shape (m,).

        Examples
        --------
        >>> one = np.ones((1, 1))
        >>> JointFit(one, one[None], one[0], one[None], one).scaled(np.array([2.0])).covariance
        array([[[4.]]])
        """
        square = factor[:, None, None] ** 2
        return replace(
            self,
            covariance=self.covariance * square,
            normal=self.normal / square,
            gradient=self.gradient / factor[:, None] ** 2,
        )

    def anchored(self, problem: Problem) -> Problem:
        """Each spectrum by itself, with what the others say of the shared as observations.

        Examples
        --------
        >>> from electrochem.impedance.models.circuit import parse_circuit
        >>> z = np.full((1, 5), 2.0 + 0j)
        >>> problem = Problem(parse_circuit("R0"), np.ones(5), z, np.abs(z) * 0.01)
        >>> refine(problem, np.log([[2.1]])).anchored(problem) is problem
        True
        """
        if not problem.shared or self.theta.shape[0] == 1:
            return problem
        s, own = split_columns(problem)
        schur, pull = eliminated(self.normal, self.gradient, s, own)
        information = schur.sum(axis=0) - schur
        # All pulls sum to nothing at the minimum.
        gradient = pull.sum(axis=0) - pull
        values, vectors = np.linalg.eigh(information)
        clear = values > 1e-9 * np.maximum(values.max(axis=1, initial=0.0), 1e-300)[:, None]
        root = np.sqrt(np.where(clear, values, 0.0))
        towards = np.einsum("msk,ms->mk", vectors, gradient)
        offset = np.divide(towards, root, out=np.zeros_like(towards), where=root > 0)
        anchor = Anchor(s, self.theta[:, s], root[:, :, None] * vectors.transpose(0, 2, 1), offset)
        # What is known of a shared parameter stays once in all spectra together.
        prior = {
            n: (v, u * np.sqrt(len(v)) if n in problem.shared else u)
            for n, (v, u) in problem.prior.items()
        }
        return replace(problem, anchor=anchor, shared=(), prior=prior)


def refine(problem: Problem, theta: np.ndarray) -> JointFit:
    """Fit from `theta`, shared parameters as one.

    Parameters
    ----------
    problem : Problem
        What is fitted.
    theta : numpy.ndarray
        Where to begin, shape (m, p).

    Returns
    -------
    JointFit

    Examples
    --------
    >>> from electrochem.impedance.models.circuit import parse_circuit
    >>> z = np.array([[2.0] * 5, [2.2] * 5]) + 0j
    >>> problem = Problem(parse_circuit("R0"), np.ones(5), z, 0 * z.real + 0.1, shared=("R0",))
    >>> refine(problem, np.log([[2.0], [2.0]])).theta.round(4).ravel().tolist()
    [0.7419, 0.7419]
    """
    if problem.shared:
        theta, _ = descend(problem, theta)
    else:
        theta, _, _ = fit_many(problem.residuals, np.array(theta), most=200, bounds=problem.bounds)
    which = np.arange(theta.shape[0])
    r = problem.residuals(theta, which)
    jacobian = jacobian_of(problem.residuals, theta, which, r)
    normal = np.einsum("krp,krq->kpq", jacobian, jacobian)
    gradient = np.einsum("krp,kr->kp", jacobian, r)
    covariance = arrow_covariance(problem, normal)
    numbers = 2 * problem.w.size
    data = jacobian[:, :numbers]
    used = np.einsum("kpq,krp,krq->k", covariance, data, data)
    return JointFit(theta, covariance, np.maximum(numbers - used, 1.0), normal, gradient)


def with_noise(problem: Problem, theta: np.ndarray) -> tuple[Problem, JointFit, np.ndarray]:
    """Fit with the noise that the residuals of the data themselves tell.

    What is known from elsewhere keeps its uncertainty, however well or badly the circuit fits.

    Parameters
    ----------
    problem : Problem
        Its sigma are right up to one factor a spectrum.
    theta : numpy.ndarray
        Where to begin, shape (m, p).

    Returns
    -------
    problem : Problem
        With sigma that are standard deviations.
    fit : JointFit
        The fit.
    factor : numpy.ndarray
        By which sigma were too small, shape (m,).

    Examples
    --------
    >>> from electrochem.impedance.models.circuit import parse_circuit
    >>> z = 2 + 0.1 * np.random.default_rng(1).normal(size=(1, 400)) + 0j
    >>> z = z + 0.1j * np.random.default_rng(2).normal(size=(1, 400))
    >>> problem = Problem(parse_circuit("R0"), np.ones(400), z, 0 * z.real + 0.01)
    >>> 9 < float(with_noise(problem, np.log([[2.0]]))[2][0]) < 11
    True
    """
    total = np.ones(theta.shape[0])
    fit = refine(problem, theta)
    for _ in range(_ROUNDS):
        r = problem.residuals(fit.theta, np.arange(total.size))[:, : 2 * problem.w.size]
        factor = np.maximum(np.sqrt(np.einsum("kr,kr->k", r, r) / fit.dof), 1e-9)
        total = total * factor
        problem = replace(problem, sigma=problem.sigma * factor[:, None])
        if not problem.prior and not problem.shared:
            # The best fit of a spectrum by itself stays where it is.
            return problem, fit.scaled(factor), total
        fit = refine(problem, fit.theta)
        if np.abs(np.log(factor)).max() < _SETTLED:
            break
    return problem, fit, total


def best_joint_fit(problem: Problem, given: dict[str, np.ndarray]) -> np.ndarray:
    """Best theta with shared parameters, shape (m, p), from wherever the search begins.

    Parameters
    ----------
    problem : Problem
        With shared parameters.
    given : dict of str to numpy.ndarray
        As for `best_fit`.

    Raises
    ------
    MeasurementError
        If no common value fits.

    Examples
    --------
    >>> from electrochem.impedance.models.circuit import parse_circuit
    >>> z = np.array([[2.0] * 5, [2.2] * 5]) + 0j
    >>> problem = Problem(parse_circuit("R0"), np.ones(5), z, 0 * z.real + 0.1, shared=("R0",))
    >>> best_joint_fit(problem, {}).round(4).ravel().tolist()
    [0.7419, 0.7419]
    """
    s, own = split_columns(problem)
    alone = replace(problem, shared=())
    if set(given) >= set(problem.free):
        theta, _ = descend(problem, _with_shared(problem.theta(given), s))
        return theta
    theta, _, _ = best_fit(alone, given)
    sharp = np.einsum("mpp->mp", alone.curvature(theta))[:, s]
    median = [_weighted_median(theta[:, j], sharp[:, i]) for i, j in enumerate(s)]
    # A valley may be bent: whole sets of values from single spectra too.
    single = [theta[i, s] for i in np.argsort(-sharp.sum(axis=1))[:_SINGLE]]
    best, least = theta, np.inf
    for values in (np.array(median), *single):
        begin = theta.copy()
        begin[:, s] = values
        if own.size:
            part = _others(problem, s, values)
            begin[:, own], _, _ = fit_many(
                part.residuals, theta[:, own], most=60, bounds=part.bounds
            )
        found, cost = descend(problem, begin)
        if cost < least:
            best, least = found, cost
    if not np.isfinite(least):
        raise MeasurementError(
            f"{problem.circuit.text}: no common {', '.join(problem.shared)} fits all spectra"
        )
    if not own.size:
        return best
    # With what is shared at hand, each spectrum's own values may be better sought anew.
    part = _others(problem, s, best[0, s])
    again = best.copy()
    again[:, own], _, _ = best_fit(part, {n: v for n, v in given.items() if n in part.free})
    again, cost = descend(problem, again)
    return again if cost < least else best


def _with_shared(theta: np.ndarray, s: np.ndarray) -> np.ndarray:
    out = theta.copy()
    out[:, s] = np.median(theta[:, s], axis=0)
    return out


def _others(problem: Problem, s: np.ndarray, values: np.ndarray) -> Problem:
    """Each spectrum by itself, with what is shared at scaled values."""
    m = problem.data.shape[0]
    names = [problem.free[j] for j in s]
    fixed = {
        n: np.full(m, float(problem.unscaled(n, v))) for n, v in zip(names, values, strict=True)
    }
    prior = {n: v for n, v in problem.prior.items() if n not in names}
    return replace(problem, fixed={**problem.fixed, **fixed}, prior=prior, shared=())


def shared_interval(
    problem: Problem, fit: JointFit, name: str, k: float, u: float
) -> tuple[float, float]:
    """Profile-likelihood interval of a shared parameter, on its scale; infinite where open.

    Parameters
    ----------
    problem : Problem
        With standard deviations.
    fit : JointFit
        Its fit.
    name : str
        A shared parameter.
    k : float
        Student's t.
    u : float
        Standard uncertainty, for the first step.

    Examples
    --------
    >>> from electrochem.impedance.models.circuit import parse_circuit
    >>> z = np.array([[2.0] * 5, [2.2] * 5]) + 0j
    >>> problem = Problem(parse_circuit("R0"), np.ones(5), z, 0 * z.real + 0.1, shared=("R0",))
    >>> fit = refine(problem, np.log([[2.0], [2.0]]))
    >>> low, high = shared_interval(problem, fit, "R0", 2.0, 0.015)
    >>> round(float(np.exp(low)), 2), round(float(np.exp(high)), 2)
    (2.04, 2.16)
    """
    j = problem.free.index(name)
    centre = float(fit.theta[0, j])
    least = _cost(problem, fit.theta)
    within = problem.bounds[0][j] > -50
    reach = 1.2 if within else float(_REACH)
    ends = []
    for side in (-1.0, 1.0):
        near, h_near, far, h_far = 0.0, -k, np.inf, np.inf
        at, warm = float(np.clip(k * u, 1e-9, reach)), fit.theta
        for _ in range(10):
            begin = warm.copy()
            begin[:, j] = centre + side * at
            found, cost = descend(problem, begin, held=j)
            h = float(np.sqrt(max(cost - least, 0.0))) - k
            if h < 0:
                near, h_near, warm = at, h, found
                if at >= reach:
                    break
            else:
                far, h_far = at, h
            if np.isfinite(far):
                if abs(h_far) < 0.02 * k or far - near < 1e-3 * far:
                    break
                at = near + float(np.clip(-h_near / (h_far - h_near), 0.05, 0.95)) * (far - near)
            else:
                at = min(at * float(np.clip(k / (k + h_near + 1e-300), 1.5, 4.0)), reach)
        ends.append(centre + side * at if np.isfinite(far) else side * np.inf)
    return ends[0], ends[1]


def _cost(problem: Problem, theta: np.ndarray) -> float:
    r = problem.residuals(theta, np.arange(theta.shape[0]))
    total = float(np.einsum("kr,kr->", r, r))
    return total if np.isfinite(total) else np.inf


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, 0.5 * total[-1])])
