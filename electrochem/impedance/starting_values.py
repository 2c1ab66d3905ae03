"""From where does the fit of a circuit begin?

Each parameter has a range that the spectrum itself suggests: resistances up to its size,
capacitances so that their time constants lie within its frequencies. Many points of that box
are tried without fitting, and the best few are fitted.
"""

from __future__ import annotations

import numpy as np

from electrochem.impedance.problem import Problem

_TRIED, _KEPT = 600, 16
_KICKED = 0.4
_BLOCK = 100_000


def starts(
    problem: Problem,
    given: dict[str, np.ndarray],
    seed: int = 1,
    around: np.ndarray | None = None,
) -> np.ndarray:
    """Best of random starts for each spectrum.

    Parameters
    ----------
    problem : Problem
        What is to be fitted.
    given : dict of str to numpy.ndarray
        Starts that the caller knows, each of shape (m,).
    seed : int
        Of the random points; the same for every spectrum.
    around : numpy.ndarray, optional
        theta of shape (m, p): a best so far, of which each random point keeps about half.

    Returns
    -------
    numpy.ndarray
        theta, shape (m, kept, p).

    Examples
    --------
    >>> from electrochem.impedance.models.circuit import parse_circuit
    >>> z = 2 + 0j * np.ones((1, 5))
    >>> starts(Problem(parse_circuit("R0"), np.ones(5), z, np.abs(z)), {}).shape
    (1, 16, 1)
    """
    m, n = problem.data.shape
    rng = np.random.default_rng(seed)
    p = len(problem.free)
    unit = rng.random((_TRIED, p))
    kicked = rng.random((_TRIED, p)) < _KICKED
    kept = np.empty((m, _KEPT, p))
    suggested = [name not in given for name in problem.free]
    block = max(1, _BLOCK // (_TRIED * n))
    for first in range(0, m, block):
        which = np.arange(first, min(m, first + block))
        theta = np.stack(
            [
                _values(problem, name, unit[:, j], which, given)
                for j, name in enumerate(problem.free)
            ],
            axis=-1,
        )
        for j, k in _constant_phase(problem):
            # Q is 1 / (R w^n): what was suggested is for n = 1.
            rate = np.log(problem.w.min()) + unit[:, j] * np.log(problem.w.max() / problem.w.min())
            theta[:, :, j] += np.where(suggested[j], (1 - theta[:, :, k]) * rate, 0.0)
        if around is not None:
            theta = np.where(kicked, theta, around[which, None, :])
        flat = theta.reshape(-1, p)
        r = problem.residuals(flat, np.repeat(which, _TRIED))
        # Far from the data a single corner would decide: compare logarithms of the distance.
        cost = np.log1p(r**2 * 1e2).sum(axis=1).reshape(which.size, _TRIED)
        cost = np.where(np.isfinite(cost), cost, np.inf)
        best = np.argsort(cost, axis=1)[:, :_KEPT]
        kept[which] = np.take_along_axis(theta, best[..., None], axis=1)
    return kept


def _constant_phase(problem: Problem) -> list[tuple[int, int]]:
    """Columns of Q and n of each constant phase element that is fitted."""
    found = []
    for j, name in enumerate(problem.free):
        exponent = name.replace("_Q", "_n")
        if problem.dimension(name) == "Q" and exponent in problem.free:
            found.append((j, problem.free.index(exponent)))
    return found


def _values(
    problem: Problem, name: str, u: np.ndarray, which: np.ndarray, given: dict[str, np.ndarray]
) -> np.ndarray:
    """Scaled values of one parameter, shape (k, tried)."""
    if name in given:
        found = given[name][which, None] * np.exp(0.5 * (u - 0.5))
    else:
        w, z = problem.w, problem.data[which]
        found = _suggested(problem.dimension(name), w, z, u, tail=name.endswith(("C_diff", "tau")))
    found = np.broadcast_to(np.maximum(found, 1e-30), (which.size, u.size))
    return problem.scaled(name, found)


def _suggested(
    dimension: str, w: np.ndarray, z: np.ndarray, u: np.ndarray, *, tail: bool
) -> np.ndarray:
    """Natural values that the spectra suggest at places u of the range; (k or 1, tried)."""
    size = np.abs(z)
    low, high = w.argmin(), w.argmax()
    reactance = np.maximum(np.abs(z.imag), 1e-3 * size)
    rate = (w.min() * (w.max() / w.min()) ** u)[None, :]
    if dimension == "R":
        span = size.max(axis=1) - 0.9 * size.min(axis=1)
        # A series resistance may be far below a blocking tail.
        least = np.minimum(0.03, 0.3 * size.min(axis=1) / span)
        return least[:, None] ** (1 - u) * span[:, None]
    if dimension == "L":
        return 0.03 ** (1 - u) * reactance[:, [high]] / w.max()
    if dimension == "A":
        return reactance[:, [low]] * np.sqrt(w[low]) * (0.2 + u)
    if dimension == "n":
        return 0.7 + 0.28 * u[None, :]
    if dimension == "spread":
        return 0.1 + 0.5 * u[None, :]
    if tail:
        # A diffusion tail ends near the lowest frequency.
        late = np.exp(3 * (u - 0.5))[None, :] / w.min()
        return late if dimension == "s" else (0.3 + 4 * u) / (w[low] * reactance[:, [low]])
    if dimension == "s":
        return 1 / rate
    middle = np.exp(np.median(np.log(size), axis=1))
    return 1 / (rate * middle[:, None])
