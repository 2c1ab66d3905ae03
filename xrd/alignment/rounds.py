"""The rounds by which one pattern comes onto another."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.polynomial import chebyshev
from scipy.ndimage import (
    gaussian_filter1d,
    map_coordinates,
    minimum_filter1d,
    percentile_filter,
    spline_filter1d,
)

from xrd.alignment.grid import on_common_grid
from xrd.alignment.noise_after_moving import noise_left
from xrd.peaks.find import noise_gain, typical_width

# The background may differ by what is as broad as an amorphous halo: a term for so many degrees.
_DEGREES_PER_TERM = 2.5
# Points farther off than this many standard deviations do not steer the alignment.
_CLIP = 4.0
# Change of a line's variance that two scans may show, relative to that variance.
_BROADENING, _MOST_BROADENING = 0.2, 5.0
# Farther than this, degree, no sample sits out of its plane; nor do the rounds go on from there.
_LARGEST_SHIFT, _SHIFT_SLACK = 0.3, 0.06
# How sure it is, degree, before the counts are asked, that a sample sits where it was first seen.
_LIKELY_MOVE = 0.03


@dataclass(frozen=True, kw_only=True)
class Task:
    """Both patterns on one grid, and what may change between them."""

    x: np.ndarray
    a: np.ndarray
    b: np.ndarray
    gain_a: float
    gain_b: float
    step: float
    # Standard deviation, in points, over which slopes and curvatures are taken.
    sigma: float
    width: float
    # Half the change of a line's variance that is likely, degree squared.
    likely: float
    moves: tuple[str, ...]
    # How far a unit of each move shifts a line at x; what is known to shift them.
    bends: np.ndarray
    known: np.ndarray
    first: np.ndarray
    start: float
    free_scale: bool
    broadens: bool
    basis: np.ndarray
    coefficients: np.ndarray
    slope: np.ndarray
    curve: np.ndarray

    @property
    def at_moves(self) -> np.ndarray:
        """Columns of the moves."""
        return np.arange(self.free_scale, self.free_scale + len(self.moves))

    @property
    def at_broadening(self) -> int:
        """Column of the curvature, after scale and moves."""
        return len(self.moves) + self.free_scale

    def columns(
        self, scale: float, moved: np.ndarray, slope: np.ndarray, curve: np.ndarray
    ) -> np.ndarray:
        """Scale, moves, curvature and background, as far as they are free."""
        parts = [
            *([moved[:, None]] if self.free_scale else []),
            -scale * slope[:, None] * self.bends,
            *([curve[:, None]] if self.broadens else []),
            self.basis,
        ]
        return np.hstack(parts)

    def held(self, normal: np.ndarray, scale: float, likely: float) -> np.ndarray:
        """Normal matrix with what is known beforehand.

        Curvature of a noisy pattern is mostly noise: broadening is held near none, and the sample
        where it was first seen, unless the data speak for more.
        """
        if self.broadens:
            normal[self.at_broadening, self.at_broadening] += 1 / (scale * likely) ** 2
        normal[self.at_moves, self.at_moves] += 1 / _LIKELY_MOVE**2
        return normal


@dataclass(frozen=True, kw_only=True)
class State:
    """Where the alignment stands after a round."""

    place: np.ndarray
    scale: float
    bend: float
    expected: np.ndarray
    between: np.ndarray
    weight: np.ndarray
    z: np.ndarray
    solved: np.ndarray
    at: np.ndarray
    moved: np.ndarray
    slope: np.ndarray
    curve: np.ndarray
    level: np.ndarray
    variance: np.ndarray
    kept_rough: np.ndarray
    envelope: np.ndarray | None
    peaks: np.ndarray
    calm: np.ndarray
    bent: np.ndarray


def task_of(
    reference: xr.DataArray,
    sample: xr.DataArray,
    nuisance: Collection[str],
    known_shift: tuple[np.ndarray, np.ndarray] | None,
) -> Task:
    """Both patterns on one grid, and the columns of what may change.

    Parameters
    ----------
    reference, sample, nuisance, known_shift
        As `xrd.alignment.align.align` takes them.

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> pair = simulate_pattern(1)[0], simulate_pattern(2)[0]
    >>> task_of(*pair, ("scale", "displacement"), None).moves
    ('displacement',)
    """
    x, (a, b) = on_common_grid([reference, sample])
    gain_a, gain_b = noise_gain(reference), noise_gain(sample)
    step, width = float(np.median(np.diff(x))), typical_width(reference)
    # Slopes of few counts are mostly noise and must be calmed over the whole of a line.
    sigma = max(0.6, (0.02 if min(a.max() / gain_a, b.max() / gain_b) > 1000 else 0.04) / step)
    moves = _moves(np.cos(np.radians(x) / 2), nuisance)
    bends = np.array([*moves.values()]).reshape(len(moves), x.size).T
    known = np.interp(x, *known_shift) if known_shift else np.zeros(x.size)
    first = np.zeros(len(moves))
    if moves:
        first[0] = _first_shift(x, a, b, bends[:, 0], known)
    free_scale = "scale" in nuisance
    slope, curve = derivatives(x, a, sigma)
    return Task(
        x=x,
        a=a,
        b=b,
        gain_a=gain_a,
        gain_b=gain_b,
        step=step,
        sigma=sigma,
        width=width,
        likely=_BROADENING * width**2 / (8 * np.log(2)) / 2,
        moves=tuple(moves),
        bends=bends,
        known=known,
        first=first,
        start=float(b.sum() / a.sum()) if free_scale else _time_ratio(reference, sample),
        free_scale=free_scale,
        broadens="broadening" in nuisance,
        basis=_background_terms(x, "background" in nuisance),
        coefficients=spline_filter1d(a, order=5, mode="mirror"),
        slope=slope,
        curve=curve,
    )


def start_of(task: Task) -> State:
    """Where the rounds begin: the reference scaled, at the place that looks most alike.

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> pair = simulate_pattern(1)[0], simulate_pattern(2, displacement=0.1)[0]
    >>> bool(abs(start_of(task_of(*pair, ("scale", "displacement"), None)).place[0] - 0.1) < 0.03)
    True
    """
    nothing = np.zeros(task.x.size)
    return State(
        place=task.first.copy(),
        scale=task.start,
        bend=0.0,
        expected=task.start * task.a,
        between=nothing,
        weight=np.ones(task.x.size),
        z=nothing,
        solved=np.empty(0),
        at=task.x,
        moved=task.a,
        slope=task.slope,
        curve=task.curve,
        level=task.a,
        variance=task.a,
        kept_rough=nothing,
        envelope=None,
        peaks=nothing,
        calm=nothing,
        bent=nothing,
    )


def next_round(task: Task, state: State, turn: int) -> State:
    """One round of reweighted least squares, from where the alignment stands.

    Parameters
    ----------
    task, state
        What is aligned, and where it stands.
    turn : int
        Which round, from 0; broadening is fitted from the third on.

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> pair = simulate_pattern(1)[0], simulate_pattern(2, peak_counts=5e3)[0]
    >>> task = task_of(*pair, ("scale", "background", "displacement"), None)
    >>> bool(abs(next_round(task, start_of(task), 0).scale - 0.5) < 0.05)
    True
    """
    x, b, scale = task.x, task.b, state.scale
    at = np.clip(x - task.known - task.bends @ state.place, x[0], x[-1])
    where = np.interp(at, x, np.arange(float(x.size)))
    moved = map_coordinates(task.coefficients, [where], order=5, mode="mirror", prefilter=False)
    slope, curve = np.interp(at, x, task.slope), np.interp(at, x, task.curve)
    pooled, level, variance, kept_rough = _noise(task, state, where)
    profile = (pooled - state.between) / scale
    calm, bent = derivatives(x, profile, task.sigma)
    envelope = lower_envelope(moved, task.step) if state.envelope is None else state.envelope
    peaks = scale * np.maximum(profile - envelope, 0.0)
    design = task.columns(scale, moved, slope, curve)
    # The background's own ups and downs must not tell the scale: peaks alone do.
    instrument = task.columns(scale, peaks / scale, calm, bent)
    turned = instrument.T * (state.weight / variance)
    # At first the moves alone: far from its place a pattern asks for any shape.
    likely = task.likely if turn > 1 else 1e-3 * task.likely
    normal = task.held(turned @ design, scale, likely)
    pull = np.zeros(design.shape[1])
    pull[task.at_moves] = (task.first - state.place) / _LIKELY_MOVE**2
    target = b if task.free_scale else b - scale * moved
    solved = inverse_of(normal) @ (turned @ target + pull)
    # These columns are the changes of the moves from where they stand.
    reach = task.first - _SHIFT_SLACK, task.first + _SHIFT_SLACK
    place = np.clip(state.place + solved[task.at_moves], *reach)
    bend = state.bend
    if task.broadens:
        most = _MOST_BROADENING * task.likely * scale
        solved[task.at_broadening] = np.clip(solved[task.at_broadening], -most, most)
    expected = design @ solved
    if task.free_scale:
        # Patterns of other phases have no scale in common; a small one leaves all of it over.
        scale = float(max(solved[0], 0.05 * task.start))
        expected = expected + (scale - solved[0]) * moved
    else:
        expected = expected + scale * moved
    if task.broadens:
        bend = float(np.clip(solved[task.at_broadening] / scale / task.step**2, -0.4, 0.4))
    z = (b - expected) / np.sqrt(variance)
    return State(
        place=place,
        scale=scale,
        bend=bend,
        expected=expected,
        between=task.basis @ solved[solved.size - task.basis.shape[1] :],
        weight=np.minimum(1.0, (_CLIP / np.maximum(np.abs(z), 1e-9)) ** 2),
        z=z,
        solved=solved,
        at=at,
        moved=moved,
        slope=slope,
        curve=curve,
        level=level,
        variance=variance,
        kept_rough=kept_rough,
        envelope=envelope,
        peaks=peaks,
        calm=calm,
        bent=bent,
    )


def _noise(
    task: Task, state: State, where: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mean of both patterns, its calm level, variance of their difference, roughness kept.

    The mean is weighted so that its noise is independent of that of the difference: weights that
    follow either one's noise bias the fit.
    """
    kept, kept_rough = noise_left(where % 1.0, state.bend, task.sigma)
    left = state.scale * task.gain_a * kept
    pooled = (task.b / task.gain_b + state.expected / left) / (1 / task.gain_b + 1 / left)
    level = _calm_level(pooled, task.gain_b)
    return pooled, level, (task.gain_b + left) * level, kept_rough


def inverse_of(normal: np.ndarray) -> np.ndarray:
    """Inverse of a matrix whose rows are of very different size: curvatures beside constants.

    Examples
    --------
    >>> (inverse_of(np.diag([1e30, 1.0])) @ np.diag([1e30, 1.0])).round(6).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
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


def derivatives(x: np.ndarray, y: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """First and second derivative by x, smoothed over sigma points.

    Examples
    --------
    >>> x = np.linspace(0, 1, 101)
    >>> float(derivatives(x, x**2, 1.0)[0][50].round(3))
    1.0
    """
    step = np.gradient(x)
    first, second = (gaussian_filter1d(y, sigma, order=order) for order in (1, 2))
    return first / step, second / step**2


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


def lower_envelope(y: np.ndarray, step: float) -> np.ndarray:
    """Background between peaks: a running low percentile over 3 degree.

    Examples
    --------
    >>> float(lower_envelope(np.r_[np.ones(50), 9.0, np.ones(50)], 0.1).max())
    1.0
    """
    return percentile_filter(y, 20, size=max(5, round(3.0 / step)))
