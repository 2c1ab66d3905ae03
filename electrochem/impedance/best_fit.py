"""Which parameters describe a spectrum best, from wherever the search begins?"""

from __future__ import annotations

import numpy as np

from coatcore.errors import MeasurementError
from electrochem.impedance.batched_fit import fit_many
from electrochem.impedance.problem import Problem
from electrochem.impedance.starting_values import starts

# Iterations from every start; how many starts are then followed to the end.
_ROUGH, _FOLLOWED = 15, 4
# Rounds of random starts, until this many in a row bring no smaller sum of squares.
_TRIES, _SAME, _CONFIRMED = 12, 1e-4, 2
# Other minima that are kept: within this many times the noise's square of the best (Student's t at
# 95 % is about 2), and this far from it in a parameter.
_OTHERS, _CHANCE, _ELSEWHERE = 3, 6.0, 0.1


def best_fit(
    problem: Problem, given: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fit from random starts, until further ones bring nothing better.

    Parameters
    ----------
    problem : Problem
        What is fitted.
    given : dict of str to numpy.ndarray
        Where to begin, of parameters of which something is known, each of shape (m,). Where all
        are given there are no other starts.

    Returns
    -------
    theta : numpy.ndarray
        Shape (m, p).
    cost : numpy.ndarray
        Sums of squares, shape (m,).
    others : numpy.ndarray
        Other minima that chance does not tell from the best, shape (m, a, p); nan where there are
        fewer.

    Raises
    ------
    MeasurementError
        If no start leads anywhere.

    Examples
    --------
    >>> from electrochem.impedance.models.circuit import parse_circuit
    >>> z = 2 + 0j * np.ones((1, 5))
    >>> theta, _, _ = best_fit(Problem(parse_circuit("R0"), np.ones(5), z, np.abs(z)), {})
    >>> round(float(np.exp(theta[0, 0])), 6)
    2.0
    """
    m = problem.data.shape[0]
    found = [
        _best_of(problem.of(block), {n: v[block] for n, v in given.items()})
        for block in np.array_split(np.arange(m), -(-m // problem.block))
    ]
    theta, cost, others = (np.concatenate(parts) for parts in zip(*found, strict=True))
    if not np.isfinite(cost).all():
        zeros = ", ".join(n for n, v in problem.fixed.items() if not v.all())
        raise MeasurementError(
            f"{problem.circuit.text} could not be fitted from any start"
            + (f"; fixed at 0 are {zeros}" if zeros else "")
        )
    return theta, cost, others


def _best_of(
    problem: Problem, given: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    m, p = problem.data.shape[0], len(problem.free)
    if set(given) >= set(problem.free):
        begin = problem.theta(given)
        theta, cost, _ = fit_many(problem.residuals, begin, most=200, bounds=problem.bounds)
        return theta, cost, np.full((m, _OTHERS, p), np.nan)
    theta, cost = np.zeros((m, p)), np.full(m, np.inf)
    seen, costs = np.empty((m, 0, p)), np.empty((m, 0))
    known = np.zeros(m, dtype=int)
    todo = np.arange(m)
    for seed in range(_TRIES):
        part = problem.of(todo)
        at_hand = {n: v[todo] for n, v in given.items()}
        begin = starts(part, at_hand, seed, theta[todo] if seed % 2 else None)
        if seed and m > 1:
            begin = np.concatenate([begin, _neighbours(part, theta)], axis=1)
        ends, sums = _from_starts(part, begin)
        seen, costs = (_beside(a, b, todo) for a, b in ((seen, ends), (costs, sums)))
        first, rows = np.argmin(sums, axis=1), np.arange(todo.size)
        found, total = ends[rows, first], sums[rows, first]
        known[todo] = np.where(total < (1 - _SAME) * cost[todo], 0, known[todo] + 1)
        better = total < cost[todo]
        theta[todo[better]], cost[todo[better]] = found[better], total[better]
        todo = todo[known[todo] < _CONFIRMED]
        if not todo.size:
            break
    return theta, cost, _other_minima(problem, theta, cost, seen, costs)


def _beside(seen: np.ndarray, new: np.ndarray, todo: np.ndarray) -> np.ndarray:
    """Further columns, which only some of the spectra have."""
    wide = np.full((seen.shape[0], new.shape[1], *seen.shape[2:]), np.nan)
    wide[todo] = new
    return np.concatenate([seen, wide], axis=1)


def _other_minima(
    problem: Problem, theta: np.ndarray, cost: np.ndarray, seen: np.ndarray, costs: np.ndarray
) -> np.ndarray:
    """Of the ends that were seen those that are as good as chance allows, and elsewhere."""
    m, p = theta.shape
    dof = max(2 * problem.w.size + len(problem.prior) - p, 1)
    good = np.nan_to_num(costs, nan=np.inf) < (cost * (1 + _CHANCE / dof))[:, None]
    kept = np.concatenate([theta[:, None], np.full((m, _OTHERS, p), np.nan)], axis=1)
    count = np.ones(m, dtype=int)
    rows = np.arange(m)
    for column in range(seen.shape[1]):
        end = seen[:, column]
        away = np.abs(kept - end[:, None]).max(axis=2)
        apart = np.nan_to_num(away, nan=np.inf).min(axis=1) > _ELSEWHERE
        take = good[:, column] & apart & (count <= _OTHERS)
        kept[rows[take], count[take]] = end[take]
        count[take] += 1
    return kept[:, 1:]


def _neighbours(problem: Problem, theta: np.ndarray) -> np.ndarray:
    """What was found for other spectra and describes this one best, shape (m, 2, p)."""
    some = np.unique(np.linspace(0, theta.shape[0] - 1, 40).astype(int))
    m = problem.data.shape[0]
    tried = np.tile(theta[some], (m, 1))
    r = problem.residuals(tried, np.repeat(np.arange(m), some.size))
    cost = np.einsum("kr,kr->k", r, r).reshape(m, some.size)
    best = np.argsort(np.where(np.isfinite(cost), cost, np.inf), axis=1)[:, :2]
    return theta[some][best]


def _from_starts(problem: Problem, begin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit from every start a little, and from the best of them to the end.

    Ends, shape (m, followed, p), and their sums of squares, shape (m, followed).
    """
    m, kept, p = begin.shape
    spectrum = np.repeat(np.arange(m), kept)

    def many(theta: np.ndarray, which: np.ndarray) -> np.ndarray:
        return problem.residuals(theta, spectrum[which])

    theta, cost, _ = fit_many(many, begin.reshape(-1, p), most=_ROUGH, bounds=problem.bounds)
    order = np.argsort(cost.reshape(m, kept), axis=1)[:, :_FOLLOWED]
    theta = np.take_along_axis(theta.reshape(m, kept, p), order[..., None], axis=1)
    followed = theta.shape[1]
    spectrum = np.repeat(np.arange(m), followed)
    theta, cost, _ = fit_many(many, theta.reshape(-1, p), most=100, bounds=problem.bounds)
    cost = np.where(np.isfinite(cost), cost, np.inf).reshape(m, followed)
    return theta.reshape(m, followed, p), cost
