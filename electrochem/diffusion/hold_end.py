"""When does a fading current cross a level, and how much of it never fades?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from coatcore.coverage import coverage_factor
from coatcore.errors import MeasurementError
from coatcore.statistics.autoregressive_noise import Noise, noise_of
from electrochem.impedance.models.finite_space import lognormal_nodes

_ROUNDS = 60
# Where the fit begins, in times of the crossing. What fades faster than the exponentials that
# are left disturbs the fit of the end.
_FROM, _FROM_LATE = 0.75, 0.85
# Half widths of the part around the crossing, from which the widest is taken that agrees with the
# narrower ones within so many standard uncertainties.
_HALVES, _APART = (0.03, 0.06, 0.12, 0.25), 3.5
# Width of bins, in times of the crossing.
_BIN = 0.03
# The end current must be known to this part of the level, and the rest have faded to this part of
# it, or the hold is too short to tell both.
_KNOWN, _FADED = 0.25, 0.1
_LEAST_BEYOND = 12
# Points that tell the noise; with fewer the residuals do, as if neighbours were independent.
_NOISE_AT_LEAST, _NOISE_PIECES = 60, 10
# Relative standard uncertainty of the time for the shape, times the spread of ln rate: simulated
# cells of spreads of 0.3 and 0.5 with 40 to 150 ohm cm2 are off by 0.02 to 0.4 %.
_SHAPE = 2.8e-3


@dataclass(frozen=True)
class Decay:
    """Crossing of a level.

    Parameters
    ----------
    time, u : float
        Crossing and its standard uncertainty, s.
    k : float
        Coverage factor of the interval.
    slope : float
        Change of the share with time there, s-1.
    n : int
        Points.
    end, u_end : float or None
        Share that never fades, and its standard uncertainty.

    Examples
    --------
    >>> Decay(10.0, 1.0, 1.96, -0.1, 20).end is None
    True
    """

    time: float
    u: float
    k: float
    slope: float
    n: int
    end: float | None = None
    u_end: float = 0.0


def decay_with_end(t: np.ndarray, share: np.ndarray, fraction: float) -> Decay | None:
    """Crossing of `fraction` above an end that is fitted with it; None where it is not told.

    Parameters
    ----------
    t, share : numpy.ndarray
        Seconds and share of the charging current, shape (n,).
    fraction : float
        Level above the end.

    Examples
    --------
    >>> t = np.arange(1.0, 1000.0)
    >>> found = decay_with_end(t, np.exp(-t / 100) + 0.01, 0.02)
    >>> round(found.time), round(found.end, 5)
    (391, 0.01)
    """
    from scipy.optimize import least_squares

    end = float(share[-max(t.size // 10, 4) :].mean())
    begin = None
    for _ in range(2):
        below = np.flatnonzero(share - end <= fraction)
        if not below.size:
            return None
        crossed = float(np.median(t[below[:4]]))
        part = t > _FROM_LATE * crossed
        if np.count_nonzero(t > crossed) < _LEAST_BEYOND:
            return None
        x, y, weight = _binned(t[part] / crossed, share[part])

        def residual(
            p: np.ndarray, x: np.ndarray = x, y: np.ndarray = y, weight: np.ndarray = weight
        ) -> np.ndarray:
            return weight * (_faded(p, x, fraction) - y)

        if begin is None:
            begin = np.array([0.0, math.log(4.0), 0.05, end])
        scale = np.array([0.1, 0.3, 0.1, fraction])
        bounds = ([-0.5, math.log(0.3), -0.5, -0.5], [1.0, math.log(50.0), 2.0, 0.9])
        found = least_squares(
            residual, np.clip(begin, *bounds), x_scale=scale, bounds=bounds, method="trf"
        )
        begin, end = found.x, float(found.x[3])
    dof = x.size - 4
    if dof < _LEAST_BEYOND / 2:
        return None
    rows = np.linalg.pinv(found.jac)
    rest = share[part] - _faded(found.x, t[part] / crossed, fraction)
    if rest.size < _NOISE_AT_LEAST:
        u = np.linalg.norm(rows, axis=1) * math.sqrt(2 * found.cost / dof)
        k = coverage_factor(dof)
    else:
        # What each point does to each parameter: a bin is the mean of its points.
        # The four parameters have taken as much as one piece of a spline would.
        count, noise = np.round(weight**2).astype(int), noise_of(rest, 1)
        u = np.array([noise.of_sum(np.repeat(row / weight, count)) for row in rows])
        k = noise.coverage
    time = crossed * math.exp(found.x[0])
    faded = _faded(found.x, x[-1:], fraction)[0] - end
    if k * u[3] > _KNOWN * fraction or faded > _FADED * fraction or time > t[-1]:
        return None
    place = math.exp(found.x[0])
    step = np.array([0.999, 1.001]) * place
    slope = float(np.diff(_faded(found.x, step, fraction))[0]) / (0.002 * time)
    # Sizes that are spread and a resistance together give no log-normal rates exactly.
    shape = _SHAPE * time * math.sqrt(max(float(found.x[2] - 2 * u[2]), 0.0))
    u_time = math.hypot(time * float(u[0]), shape)
    u_end = math.hypot(float(u[3]), slope * shape)
    return Decay(time, u_time, k, slope, int(np.count_nonzero(part)), end, u_end)


def _binned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means within narrow bins, and roots of the numbers of points in them."""
    # Wider where little is left that changes.
    place = np.where(x < 3, x / _BIN, 3 / _BIN + (x - 3) / (10 * _BIN)).astype(int)
    place = np.unique(place, return_inverse=True)[1]
    count = np.bincount(place)
    return np.bincount(place, x) / count, np.bincount(place, y) / count, np.sqrt(count)


def _faded(p: np.ndarray, x: np.ndarray, fraction: float) -> np.ndarray:
    """Exponentials of log-normal rates, together `fraction` above their end at ln x = p[0]."""
    place = math.exp(p[0])
    rate, square = math.exp(p[1]), p[2]
    nodes, weights = lognormal_nodes()
    rates = rate * np.exp(math.sqrt(abs(square)) * nodes)
    parts = weights * np.exp(-np.clip(rates * (x[:, None] - place), -50, 500))
    # Relative to the place, so that each part has there the weight that it had at first.
    share = weights * np.exp(-np.clip(rates * place, 0, 500))
    many = (parts / weights * share).sum(axis=1) / share.sum()
    if square < 0:
        # Mirrored, so that the data may scatter about a single exponential both ways.
        many = 2 * np.exp(-np.clip(rate * (x - place), -50, 500)) - many
    return fraction * many + p[3]


def decay_without(t: np.ndarray, share: np.ndarray, fraction: float, least: int) -> Decay | float:
    """Crossing of `fraction`; where it was not passed for long, the time until which it was not.

    Parameters
    ----------
    t, share : numpy.ndarray
        Seconds and share of the charging current, shape (n,).
    fraction : float
        Level.
    least : int
        Points that must lie below it.

    Raises
    ------
    MeasurementError
        If the current scatters too much around the crossing.

    Examples
    --------
    >>> t = np.arange(1.0, 1000.0)
    >>> round(decay_without(t, np.exp(-t / 100), 0.02, 4).time, 3)
    391.202
    """
    below = np.flatnonzero(share <= fraction)
    if not below.size:
        return float(t[-1])
    # Chosen by time alone: a choice by the noisy current would bend the curve.
    crossed = float(np.median(t[below[:least]]))
    noise = _noise(t, share, crossed)
    chosen: Decay | None = None
    narrower: list[Decay] = []
    for half in _HALVES:
        near = (np.abs(t / crossed - 1) < half) & (share > 0)
        if np.count_nonzero(near & (share <= fraction)) < least or near.sum() < 2 * least + 1:
            continue
        found = _local(t[near], share[near], fraction, t[below[0]], noise)
        if any(abs(found.time - one.time) > _APART * one.u for one in narrower):
            # The curve is no such one over so wide a part.
            break
        chosen = found
        narrower.append(found)
    return float(t[max(below[0] - 1, 0)]) if chosen is None else chosen


def _local(
    x: np.ndarray, y: np.ndarray, fraction: float, first: float, noise: Noise | None
) -> Decay:
    """Crossing of the exponential of a quadratic through points around it."""
    centre, width = float(x.mean()), max(float(np.ptp(x)), 1e-12)
    design = np.vander((x - centre) / width, 3)
    values = np.linalg.lstsq(design, np.log(y / fraction), rcond=None)[0]
    # The noise is of the current, not of its logarithm.
    for _ in range(_ROUNDS):
        model = fraction * np.exp(np.clip(design @ values, -5, 5))
        left = y - model
        slopes = design * model[:, None]
        step = np.linalg.lstsq(slopes, left, rcond=None)[0]
        values = values + step
        if np.abs(step).max() < 1e-10:
            break
    roots = np.roots(values)
    real = roots[np.abs(roots.imag) < 1e-9].real
    if not real.size:
        raise MeasurementError("the current scatters too much around the crossing to tell its time")
    root = float(real[np.argmin(np.abs(real - (first - centre) / width))])
    slope = 2 * values[0] * root + values[1]
    row = np.array([root**2, root, 1.0]) @ np.linalg.pinv(slopes)
    if noise is None:
        dof = max(x.size - 3, 1)
        u = float(np.linalg.norm(row)) * math.sqrt(float(left @ left) / dof)
        k = coverage_factor(dof)
    else:
        u, k = noise.of_sum(row), noise.coverage
    return Decay(
        centre + width * root,
        width * u / abs(slope),
        k,
        float(fraction * slope / width),
        int(x.size),
    )


def _noise(t: np.ndarray, share: np.ndarray, crossed: float) -> Noise | None:
    """Of the points around and beyond the crossing; None where they are too few."""
    part = (t > _FROM * crossed) & (t < 3 * crossed)
    enough = np.count_nonzero(part) >= _NOISE_AT_LEAST
    return noise_of(share[part], _NOISE_PIECES) if enough else None
