"""How well is each parameter told, and in which unit?"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from coatcore.coverage import coverage_factor
from coatcore.errors import MeasurementError
from electrochem.impedance.joint_fit import JointFit, shared_interval
from electrochem.impedance.problem import Problem
from electrochem.impedance.profiles import profile_intervals

# Wider than a factor of e each way is no measurement of a positive number.
_TOO_WIDE = 1.0
_NOWHERE = float(np.log(1e3))
_PROFILED = 20
_PLAIN = {"L": "H", "C": "F", "R": "ohm"}
_PER_AREA = {"L": "H cm2", "C": "F cm-2", "R": "ohm cm2"}


def table_of(
    problem: Problem,
    fit: JointFit,
    profile: bool | Collection[str] | None,
    unit: str,
    others: np.ndarray | None = None,
) -> pd.DataFrame:
    """A row a spectrum and parameter, with interval and what the data tell of it.

    Parameters
    ----------
    problem : Problem
        What was fitted; its sigma are standard deviations, not only up to a factor.
    fit : JointFit
        The fit.
    profile : bool, collection of str or None
        As for `fit_circuit`.
    unit : str
        Of the impedance.
    others : numpy.ndarray, optional
        Minima beside the fit, as of `best_fit`.

    Returns
    -------
    pandas.DataFrame
        Columns as of `CircuitFit.table`.

    Raises
    ------
    MeasurementError
        If a profile is asked of something that is not in the fit.

    Examples
    --------
    >>> from electrochem.impedance.models.circuit import parse_circuit
    >>> from electrochem.impedance.joint_fit import refine
    >>> z = np.array([[2.01, 1.99, 2.0, 2.02, 1.98]]) + 0j
    >>> problem = Problem(parse_circuit("R0"), np.ones(5), z, 0 * z.real + 0.02)
    >>> table = table_of(problem, refine(problem, np.log([[2.0]])), True, "ohm")
    >>> table.loc[0, "parameter"], table.loc[0, "told"]
    ('R0', 'yes')
    """
    m = fit.theta.shape[0]
    names = (*problem.free, *problem.derived)
    if profile is None:
        profile = m <= _PROFILED
    chosen = tuple(names if profile else ()) if isinstance(profile, bool) else tuple(profile)
    if unknown := set(chosen) - set(names):
        raise MeasurementError(f"profile: {sorted(unknown)} are none of {', '.join(names)}")
    every = np.arange(m)
    x = np.stack([problem.quantity(n, fit.theta, every) for n in names], axis=1)
    slope = np.stack([_slope(problem, n, fit.theta) for n in names], axis=1)
    u = np.sqrt(np.einsum("mqp,mpr,mqr->mq", slope, fit.covariance, slope))
    k = coverage_factor(np.asarray(fit.dof, dtype=float))
    common = coverage_factor(float(fit.dof.sum()))
    factor = np.where([n in problem.shared for n in names], common, k[:, None])
    low, high = x - factor * u, x + factor * u
    # What several spectra share is moved in all of them; the rest in one, the others giving way.
    own = [n for n in chosen if n not in problem.shared and problem.can_be_held(n)]
    if own:
        at = [names.index(n) for n in own]
        alone = fit.anchored(problem)
        for block in np.array_split(every, -(-m // alone.block)):
            some = alone.of(block)
            r = some.residuals(fit.theta[block], np.arange(block.size))
            ends = profile_intervals(
                some,
                fit.theta[block],
                np.einsum("kr,kr->k", r, r),
                k[block],
                tuple(own),
                slope[block][:, at],
                fit.covariance[block],
                k[block, None] * u[block][:, at],
                None if others is None else others[block],
            )
            low[block[:, None], at], high[block[:, None], at] = ends
    for name in [n for n in chosen if n in problem.shared]:
        j = names.index(name)
        low[:, j], high[:, j] = shared_interval(problem, fit, name, common, float(u[0, j]))
    return _frame(problem, names, x, u, low, high, unit)


def _frame(
    problem: Problem,
    names: tuple[str, ...],
    x: np.ndarray,
    u: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    unit: str,
) -> pd.DataFrame:
    m, q = x.shape
    columns: dict[str, np.ndarray] = {k: np.empty((m, q)) for k in ("value", "u", "lower", "upper")}
    for j, name in enumerate(names):
        columns["value"][:, j] = problem.unscaled(name, x[:, j])
        columns["lower"][:, j] = problem.unscaled(name, low[:, j])
        columns["upper"][:, j] = problem.unscaled(name, high[:, j])
        bounded = problem.dimension(name) in ("n", "spread")
        columns["u"][:, j] = u[:, j] if bounded else columns["value"][:, j] * u[:, j]
    told = _told(x - low, high - x)
    return pd.DataFrame(
        {
            "scan": np.repeat(np.arange(m), q),
            "parameter": np.tile(np.array(names, dtype=object), m),
            "value": columns["value"].ravel(),
            "standard uncertainty": columns["u"].ravel(),
            "lower": columns["lower"].ravel(),
            "upper": columns["upper"].ravel(),
            "unit": [_unit(problem.dimension(n), unit) for n in names] * m,
            "told": told.ravel(),
        }
    )


def _slope(problem: Problem, name: str, theta: np.ndarray) -> np.ndarray:
    """Change of a scaled quantity with theta, shape (m, p)."""
    m, p = theta.shape
    if name in problem.free:
        return np.tile(np.eye(p)[problem.free.index(name)], (m, 1))
    h = 1e-5
    moved = (theta[:, None, :] + h * np.eye(p)).reshape(-1, p)
    which = np.repeat(np.arange(m), p)
    ahead = problem.quantity(name, moved, which).reshape(m, p)
    return (ahead - problem.quantity(name, theta, np.arange(m))[:, None]) / h


def _told(below: np.ndarray, above: np.ndarray) -> np.ndarray:
    # A logarithm that far off, by the covariance, is no bound.
    has_lower, has_upper = below < _NOWHERE, above < _NOWHERE
    with np.errstate(invalid="ignore"):
        near = np.maximum(below, above) < _TOO_WIDE
    out = np.where(near, "yes", "roughly").astype(object)
    out[has_upper & ~has_lower] = "upper bound"
    out[has_lower & ~has_upper] = "lower bound"
    out[~has_lower & ~has_upper] = "no"
    return out


def _unit(dimension: str, unit: str) -> str:
    per_area = unit == "ohm cm2"
    if dimension in _PLAIN:
        return (_PER_AREA if per_area else _PLAIN)[dimension]
    z = "ohm cm2" if per_area else "ohm"
    inverse = "ohm-1 cm-2" if per_area else "ohm-1"
    if dimension == "Q":
        return f"{inverse} s^n"
    return {"A": f"{z} s-0.5", "s": "s"}.get(dimension, "1")
