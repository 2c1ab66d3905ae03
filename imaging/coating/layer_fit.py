"""Where do layer and crystal begin, judged by the grey of profiles across the edge?"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

# Parameters of a profile, in this order. Greys are counted down from the vacuum and over the
# whole step to the crystal, so that `share` is the layer's and 1 the crystal's.
VACUUM, STEP, RAMP, SHARE, EDGE, THICK, BLUR, OUTER, INNER, ROUND, ROUNDER = range(11)
# How many these are.
SIZE = 11
# Depths in nm over which a rounded crystal darkens: together they are much like a circle's chord.
_ROUND = ((ROUND, 0.6), (ROUNDER, 2.5))
# Width in nm of the Fresnel fringe at an edge, beside the blur.
_FRINGE = 0.2
# Blur with which places of the edges are tried, nm.
_TRIED_BLUR = 0.2
_SHARES = (0.08, 0.92)
# Fall of the cost in a round from which a profile is fitted.
_SETTLED = 0.02


class Fit(NamedTuple):
    """Fitted profiles.

    Parameters
    ----------
    values : numpy.ndarray
        Shape (profiles, 11).
    uncertainties : numpy.ndarray
        Of `values`, as if the noise had no correlation but that of the residuals.
    cost : numpy.ndarray
        Sum of squared residuals over the noise, with what the priors cost.
    residuals : numpy.ndarray
        Shape (profiles, depth).
    """

    values: np.ndarray
    uncertainties: np.ndarray
    cost: np.ndarray
    residuals: np.ndarray


class Limits(NamedTuple):
    """Where a fit stops.

    Parameters
    ----------
    thickest : float
        Thickest layer, nm.
    rounds : int
        Steps at most.
    """

    thickest: float
    rounds: int = 12


def model(values: np.ndarray, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Profiles and their derivatives.

    Two blurred steps, the crystal's with a rounded part, a steady fall inside the crystal, and a
    Fresnel fringe at either step (bright on the side of the lesser phase, dark on the other).

    Parameters
    ----------
    values : numpy.ndarray
        Shape (profiles, 11).
    depth : numpy.ndarray
        In nm.

    Returns
    -------
    (numpy.ndarray, numpy.ndarray)
        Shapes (profiles, depth) and (profiles, depth, 11).

    Examples
    --------
    >>> sharp = np.array([[1.0, 0.4, 0.0, 0.5, 0.0, 2.0, np.log(0.05), 0, 0, 0, 0]])
    >>> model(sharp, np.array([-1.0, 1.0, 3.0]))[0].round(3)
    array([[1. , 0.8, 0.6]])
    """
    vacuum, step, ramp, share, edge, thick, blur, outer, inner = values.T[:9, :, None]
    sigma = np.exp(blur)
    z1, z2 = (depth - edge) / sigma, (depth - edge - thick) / sigma
    s1, s2 = ndtr(z1), ndtr(z2)
    g1, g2 = (np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) for z in (z1, z2))
    rise = sigma * (g2 + z2 * s2)
    width = np.sqrt(sigma**2 + _FRINGE**2)
    f1, f2 = (depth - edge) / width, (depth - edge - thick) / width
    e1, e2 = np.exp(0.5 - 0.5 * f1**2), np.exp(0.5 - 0.5 * f2**2)
    fall = share * s1 + (1 - share) * s2 + ramp * rise + outer * f1 * e1 + inner * f2 * e2
    # A plane a parameter: written at one go.
    slopes = np.empty((SIZE, *fall.shape))
    slopes[VACUUM] = 1.0
    slopes[RAMP] = -step * rise
    slopes[SHARE] = -step * (s1 - s2)
    from1 = share * g1 / sigma + outer * (1 - f1**2) * e1 / width
    from2 = (1 - share) * g2 / sigma + ramp * s2 + inner * (1 - f2**2) * e2 / width
    blurring = 0.0
    for index, length in _ROUND:
        amount = values[:, index, None]
        away = np.clip(0.5 * (sigma / length) ** 2 - (depth - edge - thick) / length, -700, 30)
        tail = np.exp(away) * ndtr(z2 - sigma / length)
        # A step of which the rest comes over a length: 1 - exp(-depth / length), blurred.
        fall = fall - amount * tail
        slopes[index] = step * tail
        from2 = from2 + amount * (tail / length - g2 / sigma)
        blurring = blurring + amount * (g2 * (z2 + sigma / length) - tail * (sigma / length) ** 2)
    slopes[STEP] = -fall
    slopes[EDGE] = step * (from1 + from2)
    slopes[THICK] = step * from2
    slopes[BLUR] = -step * blurring
    slopes[BLUR] += step * (share * g1 * z1 + (1 - share) * g2 * z2 - ramp * sigma * g2)
    turn = step * (sigma / width) ** 2
    slopes[BLUR] += turn * (outer * f1 * (1 - f1**2) * e1 + inner * f2 * (1 - f2**2) * e2)
    slopes[OUTER] = -step * f1 * e1
    slopes[INNER] = -step * f2 * e2
    return vacuum - step * fall, np.moveaxis(slopes, 0, -1)


def refine(
    seen: np.ndarray,
    weights: np.ndarray,
    depth: np.ndarray,
    start: np.ndarray,
    prior: np.ndarray,
    strength: np.ndarray,
    limits: Limits,
) -> Fit:
    """Levenberg-Marquardt of all profiles at once, with normal priors.

    Parameters
    ----------
    seen : numpy.ndarray
        Profiles, shape (profiles, depth).
    weights : numpy.ndarray
        One over the noise's variance, 0 where the profile is not seen; same shape.
    depth : numpy.ndarray
        In nm.
    start, prior, strength : numpy.ndarray
        Shape (profiles, 11): where to start, the priors' means, one over their variances. An
        infinite strength holds a parameter at its start.
    limits : Limits
        Of the thickness and of the steps.

    Returns
    -------
    Fit

    References
    ----------
    Transtrum & Sethna, arXiv:1201.5885 (damping).
    """
    held = np.isinf(strength)
    pull = np.where(held, 0.0, strength)
    values = start.copy()
    damping = np.full(len(values), 1e-2)
    fitted, slopes = model(values, depth)
    cost = _cost(seen - fitted, weights, values - prior, pull)
    diagonal = np.arange(SIZE)
    # Profiles that still change; the others are left alone, which saves most of the time.
    live = np.arange(len(values))
    for _ in range(limits.rounds):
        part = slopes[live]
        weighted = part * weights[live][..., None]
        normal = np.swapaxes(weighted, 1, 2) @ part
        normal[:, diagonal, diagonal] += pull[live]
        gradient = (np.swapaxes(weighted, 1, 2) @ (seen - fitted)[live][..., None])[..., 0]
        gradient -= pull[live] * (values - prior)[live]
        normal[:, diagonal, diagonal] *= 1 + damping[live][:, None]
        normal[:, diagonal, diagonal] += 1e-9
        _hold(normal, gradient, held[live])
        tried = values[live] + np.linalg.solve(normal, gradient[..., None])[..., 0]
        tried = np.where(held[live], values[live], _within(tried, depth, limits.thickest))
        new_fitted, new_slopes = model(tried, depth)
        off = seen[live] - new_fitted
        new_cost = _cost(off, weights[live], tried - prior[live], pull[live])
        better = new_cost <= cost[live]
        settled = better & (cost[live] - new_cost < _SETTLED)
        moved = live[better]
        values[moved], cost[moved] = tried[better], new_cost[better]
        fitted[moved], slopes[moved] = new_fitted[better], new_slopes[better]
        damping[live] = np.where(better, damping[live] / 6, np.minimum(damping[live] * 8, 1e6))
        live = live[~settled]
        if not live.size:
            break
    normal = np.swapaxes(slopes * weights[..., None], 1, 2) @ slopes
    normal[:, diagonal, diagonal] += pull + 1e-9
    _hold(normal, np.zeros_like(values), held)
    variance = np.linalg.inv(normal)[:, diagonal, diagonal]
    return Fit(values, np.sqrt(np.maximum(variance, 0.0)), cost, seen - fitted)


def _within(values: np.ndarray, depth: np.ndarray, thickest: float) -> np.ndarray:
    """Parameters brought back to where they mean something."""
    values[:, THICK] = np.clip(values[:, THICK], 0.0, thickest)
    values[:, SHARE] = np.clip(values[:, SHARE], *_SHARES)
    values[:, BLUR] = np.clip(values[:, BLUR], np.log(0.03), np.log(0.8))
    values[:, EDGE] = np.clip(values[:, EDGE], depth[0] + 0.5, depth[-1] - 2)
    values[:, RAMP] = np.clip(values[:, RAMP], -0.15, 0.15)
    values[:, ROUND:] = np.clip(values[:, ROUND:], 0.0, 0.8)
    return values


def _hold(normal: np.ndarray, gradient: np.ndarray, held: np.ndarray) -> None:
    """Take parameters out of the equations."""
    if held.any():
        normal *= ~(held[:, :, None] | held[:, None, :])
        index = np.arange(SIZE)
        normal[:, index, index] += held
        gradient *= ~held


def _cost(
    off: np.ndarray, weights: np.ndarray, from_prior: np.ndarray, pull: np.ndarray
) -> np.ndarray:
    total: np.ndarray = (weights * off**2).sum(axis=1) + (pull * from_prior**2).sum(axis=1)
    return total


def first_guess(seen: np.ndarray, depth: np.ndarray, thickest: float) -> tuple[np.ndarray, ...]:
    """The best of many places of the two edges, with a layer and without one.

    Parameters
    ----------
    seen : numpy.ndarray
        Profiles, shape (profiles, depth).
    depth : numpy.ndarray
        In nm.
    thickest : float
        In nm.

    Returns
    -------
    (numpy.ndarray, numpy.ndarray)
        Parameters of the best layered and of the best bare profile, shape (profiles, 11) each.

    Examples
    --------
    >>> depth = np.arange(-5, 7, 0.1)
    >>> truth = np.array([[1.0, 0.4, 0.0, 0.5, -1.0, 1.8, np.log(0.2), 0, 0, 0, 0]])
    >>> first_guess(model(truth, depth)[0], depth, 5.0)[0][0, [EDGE, THICK]].round(1)
    array([-1. ,  1.8])
    """
    places, bases, inverse = _tried(depth.tobytes(), thickest)
    inner = np.swapaxes(bases, 1, 2).reshape(-1, depth.size) @ seen.T
    inner = np.swapaxes(inner.reshape(len(places), 4, -1), 1, 2)
    left = (seen**2).sum(axis=1) - (inner**2).sum(axis=2)
    levels = inner @ np.swapaxes(inverse, 1, 2)
    step = -(levels[..., 1] + levels[..., 2])
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(step > 0, -levels[..., 1] / step, np.nan)
        ramp = np.where(step > 0, -levels[..., 3] / step, np.nan)
    bare = places[:, 1] == 0
    allowed = (step > 0) & (np.abs(ramp) < 0.15)
    allowed &= bare[:, None] | ((share > _SHARES[0]) & (share < _SHARES[1]))
    out = []
    for kind in (~bare, bare):
        cost = np.where(allowed & kind[:, None], left, np.inf)
        best = np.argmin(cost, axis=0)
        run = np.arange(len(seen))
        fit = np.zeros((len(seen), SIZE))
        fit[:, VACUUM] = levels[best, run, 0]
        fit[:, STEP] = np.maximum(step[best, run], 1e-6)
        fit[:, RAMP] = np.clip(np.nan_to_num(ramp[best, run]), -0.15, 0.15)
        fit[:, SHARE] = np.clip(np.nan_to_num(share[best, run], nan=0.45), *_SHARES)
        fit[:, [EDGE, THICK]] = places[best]
        fit[:, BLUR] = np.log(_TRIED_BLUR)
        out.append(fit)
    out[1][:, SHARE] = 0.45
    return tuple(out)


@lru_cache(maxsize=8)
def _tried(depths: bytes, thickest: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places of the two edges with an orthonormal basis of the profiles they allow."""
    depth = np.frombuffer(depths)
    edges = np.arange(depth[0] + 0.8, 2.61, 0.2)
    thick = np.r_[0.0, np.arange(0.6, thickest + 0.01, 0.4)]
    places = np.array([(e, t) for e in edges for t in thick if e + t < depth[-1] - 1.0])
    z1 = (depth - places[:, :1]) / _TRIED_BLUR
    z2 = z1 - places[:, 1:] / _TRIED_BLUR
    s2 = ndtr(z2)
    rise = _TRIED_BLUR * (np.exp(-0.5 * z2**2) / np.sqrt(2 * np.pi) + z2 * s2)
    first = np.where(places[:, 1:] > 0, ndtr(z1), 0.0)
    # A column of nothing would make the basis arbitrary where there is no layer.
    columns = np.stack([np.ones_like(s2), first, s2, rise], axis=2)
    bases, triangles = np.linalg.qr(columns)
    none = places[:, 1] == 0
    bases[none, :, 1] = 0.0
    triangles[none, 1, 1] = 1.0
    return places, bases, np.linalg.inv(triangles)
