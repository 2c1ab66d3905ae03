"""Bring one pattern onto another: scale, displacement, broadening, background."""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.polynomial import chebyshev
from scipy.interpolate import CubicSpline
from scipy.ndimage import (
    gaussian_filter1d,
    map_coordinates,
    minimum_filter1d,
    spline_filter1d,
)

from coatqc.core.errors import MeasurementError
from xrd.grid import common_grid
from xrd.peaks import noise_gain, typical_width
from xrd.repeatability import Repeatability

NUISANCES = ("scale", "background", "displacement", "zero_shift", "broadening")
# The background may differ by what is as broad as an amorphous halo: a term for so many degrees.
_DEGREES_PER_TERM = 2.5
_ROUNDS = 12
# Points farther off than this many standard deviations do not steer the alignment.
_CLIP = 4.0
# Change of a line's variance that two scans may show, relative to that variance.
_BROADENING, _MOST_BROADENING = 0.2, 5.0
# Farther than this, degree, no sample sits out of its plane; nor do the rounds go on from there.
_LARGEST_SHIFT, _SHIFT_SLACK = 0.3, 0.06
# How sure it is, degree, before the counts are asked, that a sample sits where it was first seen.
_LIKELY_MOVE = 0.03


@dataclass(frozen=True)
class Alignment:
    """Sample, and what the reference says it should be, on one grid.

    Parameters
    ----------
    two_theta, sample, expected : numpy.ndarray, shape (n,)
        Grid in degree; sample; reference after scale, moves, broadening and background.
    variance, broad_variance, rough_variance : numpy.ndarray, shape (n,)
        Of sample minus expected, from counting alone: of each point; as it counts in a sum over
        several points; and of second differences over two points, relative to those of
        independent noise. Moving and broadening the reference ties its neighbours.
    profile, slope : numpy.ndarray, shape (n,)
        Scaled reference without what lies between its peaks, and its derivative by 2theta.
    pooled, pooled_slope : numpy.ndarray, shape (n,)
        The same of both patterns together: their noise is independent of the difference's.
    came_to : (numpy.ndarray, numpy.ndarray)
        2theta in the reference, and where that is found in the sample, degree.
    values : dict of str to (float, float)
        What was fitted, and its standard uncertainty: scale (unit 1), broadening (change of a
        line's variance, degree squared), displacement, zero_shift (degree), as far as they were
        asked for.
    parameters : int
        Number of parameters fitted.

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> a, b = (simulate_pattern(seed)[0] for seed in (1, 2))
    >>> bool(abs(align(a, b).values["scale"][0] - 1) < 0.02)
    True
    """

    two_theta: np.ndarray
    sample: np.ndarray
    expected: np.ndarray
    variance: np.ndarray
    broad_variance: np.ndarray
    rough_variance: np.ndarray
    profile: np.ndarray
    slope: np.ndarray
    pooled: np.ndarray
    pooled_slope: np.ndarray
    came_to: tuple[np.ndarray, np.ndarray]
    values: dict[str, tuple[float, float]]
    parameters: int


def align(
    reference: xr.DataArray,
    sample: xr.DataArray,
    *,
    nuisance: Collection[str] = ("scale", "background", "displacement", "broadening"),
    known_shift: tuple[np.ndarray, np.ndarray] | None = None,
    repeatability: Repeatability | None = None,
) -> Alignment:
    """Least squares of both patterns' difference over what an instrument may change.

    Parameters
    ----------
    reference, sample : xarray.DataArray
        Dim two_theta, ascending.
    nuisance : collection of str
        Any of scale, background, displacement, zero_shift, broadening. Without scale, it is that
        of the counting times, or 1.
    known_shift : (numpy.ndarray, numpy.ndarray), optional
        2theta and by how much the sample's lines lie higher there, degree, for another reason.
    repeatability : Repeatability, optional
        Of two scans of one material; by default that of the package.

    Returns
    -------
    Alignment

    Notes
    -----
    Both patterns are noisy. Least squares with a noisy reference finds too small a scale and too
    small moves; columns of the pooled pattern, whose noise is independent of the difference,
    stand as instruments (Fuller, Measurement Error Models, 1987). Uncertainties come from
    counting and from how well peaks repeat (sandwich estimate).

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> a, b = simulate_pattern(1)[0], simulate_pattern(2, displacement=0.03)[0]
    >>> bool(abs(align(a, b).values["displacement"][0] - 0.03) < 0.005)
    True
    """
    unknown = [n for n in nuisance if n not in NUISANCES]
    if unknown:
        raise MeasurementError(f"nuisance names {unknown[0]!r}; allowed are {', '.join(NUISANCES)}")
    floor = repeatability or Repeatability()
    x, a, b = common_grid(reference, sample)
    gain_a, gain_b = noise_gain(reference), noise_gain(sample)
    step = float(np.median(np.diff(x)))
    # Slopes of few counts are mostly noise and must be calmed over the whole of a line.
    sigma = max(0.6, (0.02 if min(a.max() / gain_a, b.max() / gain_b) > 1000 else 0.04) / step)
    cosine = np.cos(np.radians(x) / 2)
    moves = _moves(cosine, nuisance)
    known = np.interp(x, *known_shift) if known_shift else np.zeros(x.size)
    free_scale, broadens = "scale" in nuisance, "broadening" in nuisance
    basis = _background_terms(x, "background" in nuisance)
    n_moves = len(moves)
    bends = np.array([*moves.values()]).reshape(n_moves, x.size).T
    start = float(b.sum() / a.sum()) if free_scale else _time_ratio(reference, sample)
    first = np.zeros(n_moves)
    if n_moves:
        first[0] = _first_shift(x, a, b, bends[:, 0], known)
    columns = slice(0 if free_scale else 1, None if broadens else 1 + n_moves)
    # Curvature of a noisy pattern is mostly noise: broadening is held near none unless the data
    # speak for it.
    at_broadening = n_moves + free_scale
    at_moves = np.arange(free_scale, free_scale + n_moves)
    bend = 0.0
    width = typical_width(reference)
    likely = _BROADENING * width**2 / (8 * np.log(2)) / 2
    coefficients = spline_filter1d(a, order=5, mode="mirror")
    slope_a, curve_a = _derivatives(x, a, sigma)
    place: np.ndarray = first.copy()
    scale = start
    expected, between, weight = scale * a, np.zeros(x.size), np.ones(x.size)
    index = np.arange(float(x.size))

    def shaped(moved: np.ndarray, slope: np.ndarray, curve: np.ndarray) -> np.ndarray:
        moving = [moved[:, None], -scale * slope[:, None] * bends, curve[:, None]]
        return np.hstack([np.hstack(moving)[:, columns], basis])

    for turn in range(_ROUNDS):
        at = np.clip(x - known - bends @ place, x[0], x[-1])
        where = np.interp(at, x, index)
        moved = map_coordinates(coefficients, [where], order=5, mode="mirror", prefilter=False)
        slope, curve = np.interp(at, x, slope_a), np.interp(at, x, curve_a)
        # Variance from the mean of both patterns, weighted so that its noise is independent of
        # that of their difference: weights that follow either one's noise bias the fit.
        kept, kept_rough = _noise_left(where % 1.0, bend, sigma)
        left = scale * gain_a * kept
        pooled = (b / gain_b + expected / left) / (1 / gain_b + 1 / left)
        level = _calm_level(pooled, gain_b)
        variance = (gain_b + left) * level
        profile = (pooled - between) / scale
        calm, bent = _derivatives(x, profile, sigma)
        if turn == 0:
            envelope = _lower_envelope(moved, step)
        peaks = scale * np.maximum(profile - envelope, 0.0)
        design = shaped(moved, slope, curve)
        # The background's own ups and downs must not tell the scale: peaks alone do.
        instrument = shaped(peaks / scale, calm, bent)
        turned = instrument.T * (weight / variance)
        normal = turned @ design
        if broadens:
            # At first the moves alone: far from its place a pattern asks for any shape.
            held = likely if turn > 1 else 1e-3 * likely
            normal[at_broadening, at_broadening] += 1 / (scale * held) ** 2
        # What few counts cannot tell stays where it was first seen.
        normal[at_moves, at_moves] += 1 / _LIKELY_MOVE**2
        pull = np.zeros(design.shape[1])
        pull[at_moves] = (first - place) / _LIKELY_MOVE**2
        target = b if free_scale else b - scale * moved
        solved = _inverse(normal) @ (turned @ target + pull)
        # These columns are the changes of the moves from where they stand.
        before = place.copy(), scale
        moving = solved[at_moves]
        place = np.clip(place + moving, first - _SHIFT_SLACK, first + _SHIFT_SLACK)
        if broadens:
            most = _MOST_BROADENING * likely * scale
            solved[at_broadening] = np.clip(solved[at_broadening], -most, most)
        fitted = design @ solved
        if free_scale:
            # Patterns of other phases have no scale in common; a small one leaves all of it over.
            scale = float(max(solved[0], 0.05 * start))
            fitted = fitted + (scale - solved[0]) * moved
        else:
            fitted = fitted + scale * moved
        expected, between = fitted, basis @ solved[solved.size - basis.shape[1] :]
        if broadens:
            bend = float(np.clip(solved[at_broadening] / scale / step**2, -0.4, 0.4))
        z = (b - expected) / np.sqrt(variance)
        weight = np.minimum(1.0, (_CLIP / np.maximum(np.abs(z), 1e-9)) ** 2)
        steady = np.all(np.abs(place - before[0]) < 1e-5)
        if turn > 2 and steady and abs(scale - before[1]) < 1e-5 * scale:
            break
    # How far the alignment answers to each parameter: columns of the reference against columns of
    # the sample. Their noises are independent, so few counts do not feign sharp peaks. It steers
    # by smoothed slopes, but where it comes to rest is decided by the true ones.
    theirs = CubicSpline(x, (b - expected + scale * moved) / scale)
    answer = shaped(theirs(x), theirs(x, 1), _derivatives(x, b / scale, sigma)[1])
    normal = (shaped(moved, slope, curve).T * (weight / variance)) @ answer
    if broadens:
        normal[at_broadening, at_broadening] += 1 / (scale * likely) ** 2
    normal[at_moves, at_moves] += 1 / _LIKELY_MOVE**2
    inverse = _inverse(normal)
    spread = instrument.T * (weight / np.sqrt(variance))
    middle = spread @ spread.T + _not_repeated(
        turned, peaks, scale * calm, scale * bent * step**2, width / step, floor
    )
    covariance = inverse @ middle @ inverse.T
    dof = max(1, x.size - design.shape[1])
    excess = max(1.0, float(np.sqrt(np.sum(weight * z**2) / dof)))
    deviation = excess * np.sqrt(np.diag(covariance))
    values = {"scale": (scale, float(deviation[0]) if free_scale else 0.0)}
    for i, name in enumerate(moves):
        values[name] = (float(place[i]), float(deviation[free_scale + i]))
    if broadens:
        # The column is the reference's own curvature: its factor holds the scale.
        change = 2 * float(solved[at_broadening]) / scale
        values["broadening"] = (change, 2 * float(deviation[at_broadening]) / scale)
    calm_floor = gaussian_filter1d(_lower_envelope(moved, step), 1.0)
    return Alignment(
        x,
        b,
        expected,
        variance,
        (gain_b + scale * gain_a) * level,
        (gain_b + scale * gain_a * kept_rough) * level,
        scale * np.maximum(moved - calm_floor, 0.0),
        scale * slope,
        peaks,
        scale * calm,
        (at, x),
        values,
        design.shape[1],
    )


def _inverse(normal: np.ndarray) -> np.ndarray:
    """Inverse of a matrix whose rows are of very different size: curvatures beside constants."""
    size = np.sqrt(np.abs(np.diag(normal)))
    size = np.where(size > 0, size, 1.0)
    return np.linalg.pinv(normal / np.outer(size, size)) / np.outer(size, size)


def _moves(cosine: np.ndarray, nuisance: Collection[str]) -> dict[str, np.ndarray]:
    """How far, in degree, a unit of each move shifts a line."""
    moves = {}
    if "displacement" in nuisance:
        moves["displacement"] = cosine
    if "zero_shift" in nuisance:
        moves["zero_shift"] = np.ones(cosine.size)
    return moves


def _time_ratio(reference: xr.DataArray, sample: xr.DataArray) -> float:
    times = [p.attrs.get("counting_time_s") for p in (reference, sample)]
    if reference.name == sample.name == "counts" and all(times):
        return float(times[1]) / float(times[0])  # type: ignore[arg-type]
    return 1.0


def _background_terms(x: np.ndarray, wanted: bool) -> np.ndarray:
    if not wanted:
        return np.empty((x.size, 0))
    terms = int(np.clip((x[-1] - x[0]) / _DEGREES_PER_TERM, 4, 40))
    return chebyshev.chebvander(2 * (x - x[0]) / (x[-1] - x[0]) - 1, terms)


@functools.cache
def _interpolated_impulse() -> tuple[np.ndarray, np.ndarray]:
    """What interpolation by quintic splines makes of one point, by how far off it is looked at."""
    off = np.linspace(0, 1, 11)
    impulse = np.zeros(61)
    impulse[30] = 1.0
    places = 30 + off[:, None] + np.arange(-20, 21)
    response = map_coordinates(
        spline_filter1d(impulse, order=5), [places], order=5, prefilter=False
    )
    return off, response


def _noise_left(parts: np.ndarray, bend: float, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Variance that moving and broadening leave of the reference's independent noise.

    Of each point, and of second differences over two points (by which scatter is judged), both
    relative to those of independent noise. `bend` is the factor of the second derivative.
    """
    off, response = _interpolated_impulse()
    bent = response + bend * gaussian_filter1d(response, sigma, order=2, axis=1)
    rough = bent[:, 4:] - 2 * bent[:, 2:-2] + bent[:, :-4]
    left, left_rough = np.sum(bent**2, axis=1), np.sum(rough**2, axis=1) / 6
    return np.interp(parts, off, left), np.interp(parts, off, left_rough)


def _derivatives(x: np.ndarray, y: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """First and second derivative by x, smoothed over sigma points."""
    step = np.gradient(x)
    first, second = (gaussian_filter1d(y, sigma, order=order) for order in (1, 2))
    return first / step, second / step**2


def _not_repeated(
    turned: np.ndarray,
    peaks: np.ndarray,
    slope: np.ndarray,
    curve: np.ndarray,
    points: float,
    floor: Repeatability,
) -> np.ndarray:
    """Covariance of the normal equations' right side from peaks that do not repeat.

    The pattern is cut where it is lowest between its peaks; what happens to a peak happens to all
    points of its stretch alike. A line wider by a share has a curvature's residual.
    """
    calm = gaussian_filter1d(peaks, points)
    starts = np.r_[0, 1 + np.flatnonzero((calm[1:-1] < calm[:-2]) & (calm[1:-1] <= calm[2:]))]
    line_variance = points**2 / (8 * np.log(2))
    covariance = np.zeros((turned.shape[0], turned.shape[0]))
    for values, size in (
        (peaks, floor.intensity),
        (slope, floor.position),
        (curve * line_variance, floor.shape),
    ):
        share = np.add.reduceat(turned * values, starts, axis=1)
        covariance += size**2 * share @ share.T
    return covariance


def _first_shift(
    x: np.ndarray, a: np.ndarray, b: np.ndarray, bend: np.ndarray, known: np.ndarray
) -> float:
    """Displacement at which both patterns, smoothed, look most alike: near enough to start from."""
    step = float(np.median(np.diff(x)))
    calm = [gaussian_filter1d(np.sqrt(np.maximum(y, 0)), max(1.0, 0.05 / step)) for y in (a, b)]
    # Without what varies slowly: backgrounds have no place to align.
    fine_a, fine_b = (y - gaussian_filter1d(y, 1.0 / step) for y in calm)
    tried = np.linspace(-_LARGEST_SHIFT, _LARGEST_SHIFT, 31)
    alike = [np.interp(x - known - t * bend, x, fine_a) @ fine_b for t in tried]
    return float(tried[int(np.argmax(alike))])


def _calm_level(pooled: np.ndarray, gain: float) -> np.ndarray:
    """Expected value of each point: over its neighbours, over many where these do not differ.

    A variance that follows the noise is too small where the noise is low, and chi-squared then
    too large.
    """
    positive = np.maximum(pooled, 0)
    near, wide = (gaussian_filter1d(positive, width) for width in (1.0, 10.0))
    # Averages over 3.5 points of two patterns, differing by less than 4 standard deviations.
    flat = np.abs(near - wide) < 4 * np.sqrt(gain * np.maximum(wide, gain) / 7)
    flat = minimum_filter1d(flat.astype(np.uint8), 5).astype(bool)
    return np.maximum(np.where(flat, wide, near), gain)


def _lower_envelope(y: np.ndarray, step: float) -> np.ndarray:
    """Background between peaks: a running low percentile over 3 degree."""
    from scipy.ndimage import percentile_filter

    return percentile_filter(y, 20, size=max(5, round(3.0 / step)))
