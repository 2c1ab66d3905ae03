"""Which parameters describe a spectrum best, from wherever the search begins?"""

from __future__ import annotations

import numpy as np

from coatqc.core.errors import MeasurementError
from electrochem.batched_fit import fit_many
from electrochem.circuit_problem import Problem
from electrochem.starts import starts

# Iterations from every start; how many starts are then followed to the end.
_ROUGH, _FOLLOWED = 15, 4
# Rounds of random starts, until this many in a row bring no smaller sum of squares.
_TRIES, _SAME, _CONFIRMED = 12, 1e-4, 2
# Spectra at a time: more would not fit the processor's memory.
_BLOCK = 64


def best_fit(problem: Problem, given: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
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

    Raises
    ------
    MeasurementError
        If no start leads anywhere.

    Examples
    --------
    >>> from electrochem.circuit import parse_circuit
    >>> z = 2 + 0j * np.ones((1, 5))
    >>> theta, cost = best_fit(Problem(parse_circuit("R0"), np.ones(5), z, np.abs(z)), {})
    >>> round(float(np.exp(theta[0, 0])), 6)
    2.0
    """
    m = problem.data.shape[0]
    found = [
        _best_of(problem.of(block), {n: v[block] for n, v in given.items()})
        for block in np.array_split(np.arange(m), -(-m // _BLOCK))
    ]
    theta, cost = (np.concatenate(parts) for parts in zip(*found, strict=True))
    if not np.isfinite(cost).all():
        raise MeasurementError(f"{problem.circuit.text} could not be fitted from any start")
    return theta, cost


def _best_of(problem: Problem, given: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    m, p = problem.data.shape[0], len(problem.free)
    if set(given) >= set(problem.free):
        begin = problem.theta(given)
        theta, cost, _ = fit_many(problem.residuals, begin, most=200, bounds=problem.bounds)
        return theta, cost
    theta, cost = np.zeros((m, p)), np.full(m, np.inf)
    known = np.zeros(m, dtype=int)
    todo = np.arange(m)
    for seed in range(_TRIES):
        part = problem.of(todo)
        at_hand = {n: v[todo] for n, v in given.items()}
        begin = starts(part, at_hand, seed, theta[todo] if seed % 2 else None)
        if seed and m > 1:
            begin = np.concatenate([begin, _neighbours(part, theta)], axis=1)
        found, total = _from_starts(part, begin)
        known[todo] = np.where(total < (1 - _SAME) * cost[todo], 0, known[todo] + 1)
        better = total < cost[todo]
        theta[todo[better]], cost[todo[better]] = found[better], total[better]
        todo = todo[known[todo] < _CONFIRMED]
        if not todo.size:
            break
    return theta, cost


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
    """Fit from every start a little, and from the best of them to the end."""
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
    best, rows = np.argmin(cost, axis=1), np.arange(m)
    return theta.reshape(m, followed, p)[rows, best], cost[rows, best]
