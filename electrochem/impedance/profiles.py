"""Between which values of a quantity does the fit stay as good as chance allows?"""

from __future__ import annotations

import numpy as np

from electrochem.impedance.batched_fit import fit_many
from electrochem.impedance.problem import Problem

# How far, in the logarithm, an end of the interval is sought: beyond it there is none.
_REACH = np.log(1e3)
_ROUNDS = 7


def profile_intervals(
    problem: Problem,
    theta: np.ndarray,
    cost: np.ndarray,
    threshold: np.ndarray,
    names: tuple[str, ...],
    slope: np.ndarray,
    covariance: np.ndarray,
    first: np.ndarray,
    others: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the profile-likelihood interval of each quantity, on its scale.

    Each quantity is held at a value, all parameters are fitted anew, and the value is moved until
    the sum of squares has grown by the square of `threshold`.

    Parameters
    ----------
    problem : Problem
        What was fitted.
    theta, cost : numpy.ndarray
        The fit, shapes (m, p) and (m,).
    threshold : numpy.ndarray
        Shape (m,): noise factor times Student's t.
    names : tuple of str
        Quantities, q of them.
    slope, covariance : numpy.ndarray
        Change of each quantity with theta (m, q, p), and covariance of theta (m, p, p).
    first : numpy.ndarray
        Half width (m, q) at which to look first.
    others : numpy.ndarray, optional
        Minima beside the fit, shape (m, a, p), nan where there are fewer: the sum of squares may
        stay small through them.

    Returns
    -------
    lower, upper : numpy.ndarray
        Shape (m, q); infinite where the fit stays good as far as was looked: a factor of 1000, or
        what seven ever larger steps reach.

    References
    ----------
    Raue et al., Bioinformatics 25 (2009) 1923.

    Examples
    --------
    >>> from electrochem.impedance.models.circuit import parse_circuit
    >>> w = np.logspace(0, 1, 8)
    >>> problem = Problem(parse_circuit("R0"), w, np.full((1, 8), 2.0 + 0j), np.full((1, 8), 0.1))
    >>> one = np.ones((1, 1, 1))
    >>> lower, upper = profile_intervals(problem, np.log([[2.0]]), np.zeros(1), np.full(1, 2.0),
    ...     ("R0",), one, one * 0.01**2, one[0] * 0.02)
    >>> round(float(np.exp(upper[0, 0])), 2)
    2.07
    """
    m, q = first.shape
    centre = np.stack([problem.quantity(n, theta, np.arange(m)) for n in names], axis=1)
    # One task a spectrum, quantity and side.
    spectrum, number, side = (
        a.ravel() for a in np.meshgrid(np.arange(m), np.arange(q), [-1.0, 1.0], indexing="ij")
    )
    limit = np.array([1.2 if problem.dimension(n) in ("n", "spread") else _REACH for n in names])
    reach = limit[number]
    direction = _towards(slope, covariance)[spectrum, number]
    near, far = np.zeros(spectrum.size), np.full(spectrum.size, np.nan)
    h_near, h_far = -threshold[spectrum], np.full(spectrum.size, np.nan)
    at = np.clip(np.nan_to_num(first[spectrum, number], posinf=9e9), 1e-9, reach)
    warm = theta[spectrum]
    open_ended = np.zeros(spectrum.size, dtype=bool)
    done = np.zeros(spectrum.size, dtype=bool)
    for _ in range(_ROUNDS):
        todo = np.flatnonzero(~done & ~open_ended)
        if not todo.size:
            break
        guess = warm[todo] + direction[todo] * (side[todo] * at[todo])[:, None]
        h, found = _held_fit(
            problem, guess, spectrum[todo], number[todo], names,
            centre[spectrum[todo], number[todo]] + side[todo] * at[todo], cost, threshold, others,
        )  # fmt: skip
        below = h < 0
        inside, outside = todo[below], todo[~below]
        near[inside], h_near[inside] = at[inside], h[below]
        far[outside], h_far[outside] = at[outside], h[~below]
        # From the point inside, so that a far excursion does not spoil the next start.
        keep = found[below] - direction[inside] * (side[inside] * at[inside])[:, None]
        warm[inside] = keep
        open_ended[inside] = at[inside] >= reach[inside]
        bracketed = np.isfinite(far)
        share = np.clip(-h_near / (h_far - h_near), 0.05, 0.95)
        between = near + share * (far - near)
        ahead = np.minimum(
            near * np.clip(threshold[spectrum] / (threshold[spectrum] + h_near + 1e-300), 1.5, 4.0),
            reach,
        )
        at = np.where(bracketed, between, np.maximum(ahead, 1e-9))
        close = bracketed & (
            (np.abs(h_far) < 0.02 * threshold[spectrum]) | (far - near < 1e-3 * far)
        )
        done |= close
    ends = np.where(open_ended, np.inf, np.where(np.isfinite(far), at, np.inf))
    ends = (centre[spectrum, number] + side * ends).reshape(m, q, 2)
    return ends[..., 0], ends[..., 1]


def _towards(slope: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """How theta moves with a quantity while the rest is fitted anew, (m, q, p)."""
    move = np.einsum("mpr,mqr->mqp", covariance, slope)
    variance = np.einsum("mqp,mqp->mq", slope, move)
    # Where the data tell nothing the covariance is no guide.
    return np.clip(np.nan_to_num(move / np.maximum(variance, 1e-300)[..., None]), -3.0, 3.0)


def _held_fit(
    problem: Problem,
    guess: np.ndarray,
    spectrum: np.ndarray,
    number: np.ndarray,
    names: tuple[str, ...],
    target: np.ndarray,
    cost: np.ndarray,
    threshold: np.ndarray,
    others: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Signed distance from the threshold, and theta, with each quantity held at its target."""
    groups = [(names[j], np.flatnonzero(number == j)) for j in np.unique(number)]

    def bound(theta: np.ndarray, which: np.ndarray) -> np.ndarray:
        out = theta.copy()
        for name, mine in groups:
            rows = np.flatnonzero(np.isin(which, mine, assume_unique=False))
            if rows.size:
                out[rows] = problem.held_at(
                    name, theta[rows], target[which[rows]], spectrum[which[rows]]
                )
        return out

    def residuals(theta: np.ndarray, which: np.ndarray) -> np.ndarray:
        return problem.residuals(bound(theta, which), spectrum[which])

    low, high = problem.bounds
    best, found = np.full(spectrum.size, np.inf), guess.copy()
    for begin in _begins(problem, guess):
        theta, total, _ = fit_many(
            residuals, np.clip(begin, low, high), most=40, tolerance=1e-6, bounds=(low, high)
        )
        better = total < best
        best = np.where(better, total, best)
        found = np.where(better[:, None], theta, found)
    for elsewhere in () if others is None else others[spectrum].swapaxes(0, 1):
        rows = np.flatnonzero(np.isfinite(elsewhere[:, 0]))
        if not rows.size:
            continue

        def some(theta: np.ndarray, which: np.ndarray, rows: np.ndarray = rows) -> np.ndarray:
            return residuals(theta, rows[which])

        theta, total, _ = fit_many(
            some, elsewhere[rows], most=40, tolerance=1e-6, bounds=(low, high)
        )
        taken = total < best[rows]
        best[rows[taken]], found[rows[taken]] = total[taken], theta[taken]
    growth = np.sqrt(np.maximum(best - cost[spectrum], 0.0))
    return growth - threshold[spectrum], bound(found, np.arange(spectrum.size))


def _begins(problem: Problem, guess: np.ndarray) -> list[np.ndarray]:
    """The guess, and others along the valley of a transmission line, which is long and bent.

    Within Gerischer's limit only R_ct R_ion and Q_int / R_ion are told.
    """
    begins = [guess]
    for line in {n.removesuffix("_R_ct") for n in problem.free if n.endswith("_R_ct")}:
        for factor in (np.log(4.0), -np.log(4.0)):
            moved = guess.copy()
            for part, sign in (("R_ct", -1), ("R_ion", 1), ("Q_int", 1)):
                if f"{line}_{part}" in problem.free:
                    moved[:, problem.free.index(f"{line}_{part}")] += sign * factor
            begins.append(moved)
    return begins
