"""How thick is the layer in every window, by grey and by lattice?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imaging.coating.layer_fit import (
    BLUR,
    EDGE,
    INNER,
    OUTER,
    RAMP,
    ROUND,
    ROUNDER,
    SHARE,
    SIZE,
    THICK,
    Fit,
    Limits,
    first_guess,
    refine,
)
from imaging.coating.profiles import Windows
from imaging.coating.settings import TemSettings

# What is expected of a profile before any was seen, and how far it may be off.
_USUAL = {RAMP: (0.01, 0.03), SHARE: (0.45, 0.3), BLUR: (np.log(0.12), 0.4)}
_USUAL |= {OUTER: (0.02, 0.04), INNER: (0.02, 0.04), ROUND: (0.0, 0.15), ROUNDER: (0.0, 0.15)}
# Share of a bare crystal's step that may come slowly, as a round particle's does. It has to be
# allowed for: else the slow part would be taken for a layer.
_ROUNDED = 0.5
# How far a window's layer may differ from the others' in grey, blur and Fresnel fringes.
_ALIKE = {SHARE: 0.06, BLUR: 0.2, OUTER: 0.03, INNER: 0.03, ROUND: 0.05, ROUNDER: 0.05}
# Fall of the cost from one edge to two by which a window shows a layer.
SHOWN = 11.0
# The same, once the layer's grey is known from other windows.
_BEARS = 6.0
# A layer's grey differs from vacuum's and crystal's by this share of their difference at least.
_APART = 0.12
# What comes at once of a crystal's step, as a share of all that comes.
_SHARP = 0.2
# Thickness in nm at which a window can show a layer by itself.
SHOWN_FROM = 0.4


class GreyLayer(NamedTuple):
    """What the grey says, window by window.

    Parameters
    ----------
    fit : Fit
        With the layer's grey, blur and fringes held near those of the other windows.
    bare : Fit
        With one edge.
    shows : numpy.ndarray
        Whether the window shows two edges by itself.
    share : float
        Grey of the layer between vacuum (0) and crystal (1); NaN where no layer shows.
    bears : numpy.ndarray
        Whether two edges fit the window better than one, given what the windows share.
    noise : numpy.ndarray
        Variance of the profiles' noise with its correlation, a number a window.
    """

    fit: Fit
    bare: Fit
    shows: np.ndarray
    share: float
    bears: np.ndarray
    noise: np.ndarray


def _priors(number: int) -> tuple[np.ndarray, np.ndarray]:
    mean, strength = np.zeros((number, SIZE)), np.zeros((number, SIZE))
    for index, (value, off) in _USUAL.items():
        mean[:, index], strength[:, index] = value, 1 / off**2
    return mean, strength


def _noise(residuals: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Variance a window, times the sum of correlations along the depth."""
    inside = residuals * seen
    number = np.maximum(seen.sum(axis=1), 12)
    variance = (inside**2).sum(axis=1) / (number - 9)
    total = (inside**2).sum()
    sums = [float((inside[:, k:] * inside[:, :-k]).sum() / total) for k in range(1, 9)]
    spread = 1 + 2 * sum(max(0.0, s) for s in sums)
    # Windows share the camera and the dose: what one window's residuals say is little.
    return spread * (0.5 * variance + 0.5 * np.median(variance))


def grey_layer(
    seen: np.ndarray, windows: Windows, settings: TemSettings, *, rough: bool = False
) -> GreyLayer:
    """Fit of all windows, first each by itself, then with what they share.

    Parameters
    ----------
    seen : numpy.ndarray
        Profiles, shape (windows, depth).
    windows : Windows
    settings : TemSettings
    rough : bool
        Leave it at each by itself: good enough to see where the edges are.

    Returns
    -------
    GreyLayer
    """
    depth, number = windows.depth, len(seen)
    thickest = settings.thickest
    mean, strength = _priors(number)
    single = strength.copy()
    single[:, [THICK, SHARE, INNER]] = np.inf
    single[:, [ROUND, ROUNDER]] = 1 / _ROUNDED**2
    layered, one = first_guess(_filled(seen, windows.seen), depth, thickest)
    noise = np.full(number, np.median((np.diff(seen[:, :12], axis=1) ** 2).mean(axis=1)))
    for rounds in (8,) if rough else (5, 10):
        weights = windows.seen / np.maximum(noise, 1e-30)[:, None]
        limits = Limits(thickest, rounds)
        two = refine(seen, weights, depth, layered, mean, strength, limits)
        bare = refine(seen, weights, depth, one, mean, single, limits)
        layered, one = two.values, bare.values
        better = np.where((two.cost < bare.cost)[:, None], two.residuals, bare.residuals)
        noise = _noise(better, windows.seen)
    share = two.values[:, SHARE]
    shows = (bare.cost - two.cost > SHOWN) & (two.values[:, THICK] > SHOWN_FROM)
    # The crystal's own step has to be sharp, too.
    sharp = 1 - share - two.values[:, ROUND] - two.values[:, ROUNDER]
    shows &= (share > _APART) & (sharp > _SHARP)
    none = GreyLayer(fit=two, bare=bare, shows=shows, share=float("nan"), bears=shows, noise=noise)
    enough = max(3, 0.08 * number)
    if shows.sum() < enough:
        return none
    if rough:
        return none._replace(share=float(np.median(share[shows])))
    for index, off in _ALIKE.items():
        mean[:, index] = np.median(two.values[shows, index])
        strength[:, index] = 1 / off**2
    weights = windows.seen / noise[:, None]
    limits = Limits(thickest)
    thin = one.copy()
    thin[:, THICK], thin[:, SHARE] = 0.3, mean[:, SHARE]
    thin[:, EDGE] -= 0.3 * (1 - mean[:, SHARE])
    best = _better(
        refine(seen, weights, depth, layered, mean, strength, limits),
        refine(seen, weights, depth, thin, mean, strength, limits),
    )
    gain = bare.cost - best.cost
    shows = shows & (gain > SHOWN) & (best.values[:, THICK] > SHOWN_FROM)
    if shows.sum() < enough:
        return none
    # A bare window's crystal is as rounded as that under the layer.
    for index in (ROUND, ROUNDER):
        mean[:, index] /= 1 - mean[:, SHARE]
        single[:, index] = 1 / (2 * _ALIKE[index]) ** 2
    mean[:, OUTER] = _USUAL[OUTER][0]
    single[:, BLUR] = strength[:, BLUR]
    alone = refine(seen, weights, depth, one, mean, single, limits)
    bears = alone.cost - best.cost > _BEARS
    return GreyLayer(
        fit=best, bare=bare, shows=shows, share=float(mean[0, SHARE]), bears=bears, noise=noise
    )


def _better(first: Fit, second: Fit) -> Fit:
    """Of two fits the better, profile by profile."""
    swap = second.cost < first.cost

    def chosen(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.where(swap.reshape(-1, *[1] * (a.ndim - 1)), b, a)

    return Fit(*(chosen(a, b) for a, b in zip(first, second, strict=True)))


def _filled(seen: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Profiles with what lies outside the image replaced by the last value within."""
    if inside.all():
        return seen
    middle = seen.shape[1] // 3
    index = np.arange(seen.shape[1])
    last = np.where(inside, index, -1)
    last[:, :middle] = middle
    first = np.where(inside, index, seen.shape[1])
    first[:, middle:] = middle
    low = np.maximum.accumulate(last[:, middle:], axis=1)
    high = np.minimum.accumulate(first[:, : middle + 1][:, ::-1], axis=1)[:, ::-1]
    take = np.concatenate([high[:, :middle], low], axis=1)
    return np.take_along_axis(seen, np.clip(take, 0, seen.shape[1] - 1), axis=1)


def one_edge_cost(
    profile: np.ndarray, depth: np.ndarray, start: np.ndarray, noise: float, thickest: float
) -> np.ndarray:
    """How badly one edge alone would fit given profiles, as `GreyLayer.bare` counts it.

    Parameters
    ----------
    profile : numpy.ndarray
        Without noise, shape (profiles, depth).
    depth : numpy.ndarray
        In nm.
    start : numpy.ndarray
        Parameters of the profiles, shape (profiles, 11).
    noise : float
        Variance.
    thickest : float
        In nm.
    """
    mean, strength = _priors(len(profile))
    strength[:, [THICK, SHARE, INNER]] = np.inf
    strength[:, [ROUND, ROUNDER]] = 1 / _ROUNDED**2
    one = start.copy()
    one[:, EDGE] += (1 - start[:, SHARE]) * start[:, THICK]
    one[:, [THICK, INNER]] = 0.0
    weights = np.full(profile.shape, 1 / noise)
    return refine(profile, weights, depth, one, mean, strength, Limits(thickest)).cost
