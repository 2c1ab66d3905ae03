"""Which voltage would a rest have reached, and how far was it from there?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from scipy.special import fdtri

from coatcore.coverage import coverage_factor
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate

# Time constants in durations of the rest.
_FASTEST, _SLOWEST = 0.02, 10.0
_SCALES, _EXPONENTS = np.geomspace(0.005, 1.5, 60), np.linspace(0.4, 1.0, 13)
_NODES, _FINER, _FEWEST = 24, 8, 20
# Parts of a rest that are left out where its whole is no sum of two exponentials.
_LATER = (0.02, 0.1, 0.25, 0.5)
# V: no voltmeter is better.
_MICROVOLT = 1e-6


class _Fits(NamedTuple):
    """Fits along one parameter: the parameter, voltage and drift with their spread, misfit."""

    at: np.ndarray
    end: np.ndarray
    end_u: np.ndarray
    drift: np.ndarray
    drift_u: np.ndarray
    left: np.ndarray
    residual: np.ndarray


def relaxed_voltage(
    rest: xr.Dataset | tuple[ArrayLike, ArrayLike], *, level: float = 0.95
) -> Estimate:
    """Open-circuit voltage that a rest would have reached after infinite time.

    Parameters
    ----------
    rest : xarray.Dataset or (array_like, array_like)
        Kind ``cell_record`` of the rest alone, or time / s and voltage / V; at least 20 points.
    level : float
        Coverage probability.

    Returns
    -------
    Estimate
        V, of the best fit; the interval is that of the profile likelihood over all pairs of
        exponentials and all stretched exponentials, so that it is wide, and not symmetric, where
        a process may be slower than the rest. `Estimate.method` says where processes of even
        ten times the rest are not excluded: then the interval is a bound on those only.

    Raises
    ------
    MeasurementError
        If there are fewer than 20 points, or current flows.

    Notes
    -----
    Time constants from 1/50 to 10 durations of the rest and exponents of 0.4 to 1 are tried; both
    parts of a pair go the same way. The noise is taken as independent from point to point. Where
    the residuals of the best fit are alike in neighbours (correlation r above two standard
    errors), the variance is widened by (1 + r) / (1 - r), and the interval holds also those of
    the rest without its first 2, 10, 25 and 50 %: real rests are slower at the end than any two
    exponentials, and what is still to come is then known less well.

    Examples
    --------
    >>> from electrochem.simulating.open_circuit import simulate_rest
    >>> rest, truth = simulate_rest(1)
    >>> e = relaxed_voltage(rest)
    >>> e.lower < truth["voltage"] < e.upper
    True
    """
    return relax(rest, level)[0]


def remaining_drift(
    rest: xr.Dataset | tuple[ArrayLike, ArrayLike], *, level: float = 0.95
) -> Estimate:
    """How far the voltage had still to go when the rest ended.

    Parameters
    ----------
    rest, level
        As for `relaxed_voltage`.

    Returns
    -------
    Estimate
        V, negative after a charge: relaxed voltage less fitted voltage at the end.

    Examples
    --------
    >>> from electrochem.simulating.open_circuit import simulate_rest
    >>> rest, truth = simulate_rest(1)
    >>> e = remaining_drift(rest)
    >>> e.lower < truth["drift"] < e.upper
    True
    """
    return relax(rest, level)[1]


def relax(
    rest: xr.Dataset | tuple[ArrayLike, ArrayLike], level: float = 0.95
) -> tuple[Estimate, Estimate]:
    """Relaxed voltage and remaining drift of one fit.

    Parameters
    ----------
    rest, level
        As for `relaxed_voltage`.

    Returns
    -------
    voltage, drift : Estimate
        V.

    Examples
    --------
    >>> from electrochem.simulating.open_circuit import simulate_rest
    >>> voltage, drift = relax(simulate_rest(1)[0])
    >>> voltage.unit, drift.unit
    ('V', 'V')
    """
    t, v = _checked(rest)
    if not 0 < level < 1:
        raise MeasurementError(f"rest: level is {level}; a number between 0 and 1 was expected")
    voltage, drift, alike = _profile(t, v, level)
    if alike <= 1:
        return voltage, drift
    # No sum of two exponentials: then what came late tells another end than the whole does.
    parts = [(voltage, drift)]
    for share in _LATER:
        late = t >= t[0] + share * (t[-1] - t[0])
        if late.sum() >= _FEWEST:
            parts.append(_profile(t[late], v[late], level)[:2])
    return _widest([p[0] for p in parts], level), _widest([p[1] for p in parts], level)


def _widest(parts: list[Estimate], level: float) -> Estimate:
    """Middle estimate, with an interval that holds those of all."""
    low, high = min(p.lower for p in parts), max(p.upper for p in parts)
    return Estimate.from_interval(
        float(np.median([p.value for p in parts])),
        low,
        high,
        standard_uncertainty=(high - low) / (2 * coverage_factor(level=level)),
        unit="V",
        level=level,
        n=parts[0].n,
        method=parts[0].method + "; no model fits, interval of the whole rest and of later parts",
    )


def _profile(t: np.ndarray, v: np.ndarray, level: float) -> tuple[Estimate, Estimate, float]:
    """Voltage, drift, and by how much correlated residuals have widened them."""
    x, middle = (t - t[0]) / (t[-1] - t[0]), float(v.mean())
    y = v - middle
    families = [f for f in (_pairs(x, y), _stretched(x, y)) if f.at.size > 1]
    best = min((f for f in families), key=lambda f: float(f.left.min()))
    row = int(np.argmin(best.left))
    freedom = x.size - 5
    alike = _alike(best.residual[row])
    sigma2 = max(float(best.left[row]) / freedom, _MICROVOLT**2) * alike
    fine = [_finer(f) for f in families]
    left = np.concatenate([f.left for f in fine])
    lowest = float(left.min())
    room = lowest + sigma2 * float(fdtri(1, freedom, level)) - left
    inside = room >= 0
    # The slowest pairs are not excluded: what is slower still is not seen at all.
    pairs = fine[0]
    slow = pairs.at[-1] > np.log(0.98 * _SLOWEST) and bool(room[pairs.at.size - 1] >= 0)
    doubt = f"; processes slower than {_SLOWEST:g} rests are not excluded" if slow else ""
    k = coverage_factor(level=level)
    found = []
    for name, shift, words in (
        ("end", middle, "relaxed voltage"),
        ("drift", 0.0, "remaining drift"),
    ):
        mean = np.concatenate([getattr(f, name) for f in fine])
        spread = np.concatenate([getattr(f, f"{name}_u") for f in fine])
        half = np.sqrt(np.maximum(room, 0)) * spread
        low, high = float((mean - half)[inside].min()), float((mean + half)[inside].max())
        found.append(
            Estimate.from_interval(
                float(mean[int(np.argmin(left))]) + shift,
                low + shift,
                high + shift,
                standard_uncertainty=(high - low) / (2 * k),
                unit="V",
                level=level,
                n=int(x.size),
                method=f"{words}, profile likelihood over pairs of exponentials and stretched ones"
                + doubt,
            )
        )
    return found[0], found[1], alike


def both_sides(estimate: Estimate) -> float:
    """Standard uncertainty about the value where the interval is not symmetric.

    Parameters
    ----------
    estimate : Estimate
        Of `relaxed_voltage`; two halves of normal distributions stand for its interval.

    Examples
    --------
    >>> round(both_sides(Estimate.from_interval(0.0, -1.96, 1.96)), 3)
    1.0
    """
    sides = np.array([estimate.upper - estimate.value, estimate.value - estimate.lower])
    return float(np.sqrt((sides**2).mean()) / coverage_factor(level=estimate.level))


def _checked(rest: xr.Dataset | tuple[ArrayLike, ArrayLike]) -> tuple[np.ndarray, np.ndarray]:
    """Time and voltage, long rests averaged."""
    if isinstance(rest, xr.Dataset):
        if missing := {"time", "voltage"} - set(rest.data_vars):
            raise MeasurementError(f"rest: {sorted(missing)} missing; expected a cell_record")
        t, v = rest["time"].values.astype(float), rest["voltage"].values.astype(float)
        if "current" in rest and (flow := float(np.abs(rest["current"]).max())) > 1e-6:
            raise MeasurementError(
                f"rest: current of up to {flow:.3g} A flows; cut the record to the rest"
            )
    else:
        t, v = (np.asarray(part, float) for part in rest)
    if t.ndim != 1 or t.shape != v.shape or t.size < _FEWEST:
        raise MeasurementError(
            f"rest: {t.size} points; at least {_FEWEST} of time and voltage are needed"
        )
    if not (np.isfinite(t).all() and np.isfinite(v).all() and (np.diff(t) > 0).all()):
        raise MeasurementError("rest: time must rise and all values be finite numbers")
    # A long rest is averaged into 150 bins: nothing is lost and the fits stay fast.
    if t.size > 300:
        edge = np.unique(np.linspace(0, t.size, 151).astype(int))[:-1]
        count = np.diff(np.append(edge, t.size))
        t, v = np.add.reduceat(t, edge) / count, np.add.reduceat(v, edge) / count
    return t, v


def _alike(residual: np.ndarray) -> float:
    """By how much the variance of a slow parameter grows as neighbours err alike."""
    total = float(residual @ residual)
    r = float(residual[1:] @ residual[:-1]) / total if total > 0 else 0.0
    # Below two standard errors it is chance.
    return (1 + r) / (1 - r) if 2 / np.sqrt(residual.size) < r < 1 else 1.0


def _centred(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = columns.mean(axis=-1, keepdims=True)
    return columns - mean, mean[..., 0]


def _both(fast: np.ndarray, slow: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """Amplitudes of two centred columns, shape (..., n), and the sum of squares left."""
    ff, ss, fs = (fast * fast).sum(-1), (slow * slow).sum(-1), (fast * slow).sum(-1)
    fy, sy = fast @ y, slow @ y
    scale = np.maximum(ff * ss - fs**2, 1e-14 * ff * ss)
    a, b = (fy * ss - sy * fs) / scale, (sy * ff - fy * fs) / scale
    return a, b, np.maximum(float(y @ y) - a * fy - b * sy, 0.0)


def _pairs(x: np.ndarray, y: np.ndarray) -> _Fits:
    """Pairs of exponentials: the best fast one for each slow one, closer where it matters."""
    low, high = np.log(1.3 * _FASTEST), np.log(_SLOWEST)
    for _ in range(5):
        at = np.linspace(low, high, _NODES)
        fast, a, b, left = _best_fast(x, y, at)
        kept = np.flatnonzero(np.isfinite(left) & (a * b >= 0))
        if kept.size < 2:
            break
        near = kept[left[kept] <= left[kept].min() * (1 + 12 / (x.size - 5))]
        if near.size >= 8:
            break
        step = (high - low) / (_NODES - 1)
        low, high = max(at[near[0]] - step, low), min(at[near[-1]] + step, high)
    at, fast, a, b = at[kept], fast[kept], a[kept], b[kept]
    tau = np.exp(fast)[:, None]
    shapes = np.stack([np.exp(-x / tau), np.exp(-x / np.exp(at)[:, None])], axis=1)
    bend = a[:, None] * shapes[:, 0] * x / tau
    amplitudes = np.stack([a, b], axis=1)
    return _fits(at, np.concatenate([shapes, bend[:, None]], axis=1), amplitudes, y)


def _best_fast(x: np.ndarray, y: np.ndarray, slow: np.ndarray) -> tuple[np.ndarray, ...]:
    """Logarithm of the fast time constant that fits best beside each slow one, and the fit."""
    tail, _ = _centred(np.exp(-x / np.exp(slow)[:, None]))
    grid = np.linspace(np.log(_FASTEST), np.log(_SLOWEST), 60)
    heads, _ = _centred(np.exp(-x / np.exp(grid)[:, None]))
    ff, ss, fs = (heads**2).sum(1)[:, None], (tail**2).sum(1), heads @ tail.T
    fy, sy = (heads @ y)[:, None], tail @ y
    scale = np.maximum(ff * ss - fs**2, 1e-14 * ff * ss)
    a, b = (fy * ss - sy * fs) / scale, (sy * ff - fy * fs) / scale
    left = float(y @ y) - a * fy - b * sy
    left = np.where((grid[:, None] < slow - 0.15) & (a * b >= 0), left, np.inf)
    fast = grid[np.argmin(left, axis=0)]
    known = np.isfinite(left.min(axis=0))
    top = np.maximum(slow - 0.14, grid[0])
    width = grid[1] - grid[0]
    # The sum of squares is nearly a parabola in the logarithm: twice to its lowest point.
    for _ in range(3):
        three = np.clip(fast + width * np.array([-1.0, 0.0, 1.0])[:, None], grid[0], top)
        shapes, _ = _centred(np.exp(-x / np.exp(three)[..., None]))
        q = _both(shapes, tail, y)[2]
        bend = q[0] - 2 * q[1] + q[2]
        move = np.where(bend > 0, 0.5 * (q[0] - q[2]) / np.where(bend > 0, bend, 1.0), 0.0)
        fast = np.clip(three[1] + width * np.clip(move, -1, 1), grid[0], top)
        width /= 8
    head, _ = _centred(np.exp(-x / np.exp(fast)[:, None]))
    a, b, left = _both(head, tail, y)
    return fast, a, b, np.where(known, left, np.inf)


def _stretched(x: np.ndarray, y: np.ndarray) -> _Fits:
    """Stretched exponentials: the best scale for each exponent."""
    power = _EXPONENTS[:, None]
    grid = np.log(_SCALES)
    shape, _ = _centred(np.exp(-((x / _SCALES[:, None, None]) ** power)))
    along = shape @ y
    left = -(along**2) / (shape**2).sum(-1)
    scale = grid[np.argmin(left, axis=0)]
    width = grid[1] - grid[0]
    for _ in range(3):
        three = np.clip(scale + width * np.array([-1.0, 0.0, 1.0])[:, None], grid[0], grid[-1])
        shape, _ = _centred(np.exp(-((x / np.exp(three)[..., None]) ** power)))
        q = -((shape @ y) ** 2) / (shape**2).sum(-1)
        bend = q[0] - 2 * q[1] + q[2]
        move = np.where(bend > 0, 0.5 * (q[0] - q[2]) / np.where(bend > 0, bend, 1.0), 0.0)
        scale = np.clip(three[1] + width * np.clip(move, -1, 1), grid[0], grid[-1])
        width /= 8
    u = (x / np.exp(scale)[:, None]) ** power
    fall = np.exp(-u)
    centred, _ = _centred(fall)
    amplitude = (centred @ y) / (centred**2).sum(-1)
    bend = amplitude[:, None] * fall * u * power
    return _fits(_EXPONENTS, np.stack([fall, bend], axis=1), amplitude[:, None], y)


def _fits(at: np.ndarray, columns: np.ndarray, amplitudes: np.ndarray, y: np.ndarray) -> _Fits:
    """Voltages and drifts of fits; the last column is the derivative by the time constant."""
    centred, mean = _centred(columns)
    normal = centred @ centred.transpose(0, 2, 1)
    trace = np.trace(normal, axis1=1, axis2=2)[:, None, None]
    inverse = np.linalg.inv(normal + (1e-12 * trace + 1e-300) * np.eye(normal.shape[1]))
    parts = amplitudes.shape[1]
    last = columns[:, :, -1]
    residual = y - np.einsum("gp,gpn->gn", amplitudes, centred[:, :parts])
    end_u = np.sqrt(1 / y.size + np.einsum("gi,gij,gj->g", mean, inverse, mean))
    drift_u = np.sqrt(np.einsum("gi,gij,gj->g", last, inverse, last))
    return _Fits(
        at,
        -(amplitudes * mean[:, :parts]).sum(axis=1),
        end_u,
        -(amplitudes * last[:, :parts]).sum(axis=1),
        drift_u,
        (residual**2).sum(axis=1),
        residual,
    )


def _finer(fits: _Fits) -> _Fits:
    """The same between the nodes, by straight lines."""
    old = np.arange(fits.at.size)
    new = np.arange((fits.at.size - 1) * _FINER + 1) / _FINER
    at, end, end_u, drift, drift_u, left = (np.interp(new, old, part) for part in fits[:6])
    return _Fits(at, end, end_u, drift, drift_u, left, fits.residual)
