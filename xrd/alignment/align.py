"""Bring one pattern onto another: scale, displacement, broadening, background."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d

from coatcore.errors import MeasurementError
from xrd.alignment.repeatability import Repeatability
from xrd.alignment.rounds import (
    State,
    Task,
    derivatives,
    inverse_of,
    lower_envelope,
    next_round,
    start_of,
    task_of,
)

NUISANCES = ("scale", "background", "displacement", "zero_shift", "broadening")
_ROUNDS = 12


@dataclass(frozen=True, kw_only=True)
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
    task = task_of(reference, sample, nuisance, known_shift)
    state = start_of(task)
    for turn in range(_ROUNDS):
        before = state.place, state.scale
        state = next_round(task, state, turn)
        steady = np.all(np.abs(state.place - before[0]) < 1e-5)
        if turn > 2 and steady and abs(state.scale - before[1]) < 1e-5 * state.scale:
            break
    values = _values(task, state, repeatability or Repeatability())
    floor = gaussian_filter1d(lower_envelope(state.moved, task.step), 1.0)
    scale = state.scale
    return Alignment(
        two_theta=task.x,
        sample=task.b,
        expected=state.expected,
        variance=state.variance,
        broad_variance=(task.gain_b + scale * task.gain_a) * state.level,
        rough_variance=(task.gain_b + scale * task.gain_a * state.kept_rough) * state.level,
        profile=scale * np.maximum(state.moved - floor, 0.0),
        slope=scale * state.slope,
        pooled=state.peaks,
        pooled_slope=scale * state.calm,
        came_to=(state.at, task.x),
        values=values,
        parameters=state.solved.size,
    )


def _values(task: Task, state: State, floor: Repeatability) -> dict[str, tuple[float, float]]:
    """What was fitted, with standard uncertainties from counting and from how peaks repeat.

    How far the alignment answers to each parameter: columns of the reference against columns of
    the sample. Their noises are independent, so few counts do not feign sharp peaks. It steers by
    smoothed slopes, but where it comes to rest is decided by the true ones.
    """
    x, b, scale = task.x, task.b, state.scale
    instrument = task.columns(scale, state.peaks / scale, state.calm, state.bent)
    turned = instrument.T * (state.weight / state.variance)
    theirs = CubicSpline(x, (b - state.expected + scale * state.moved) / scale)
    answer = task.columns(scale, theirs(x), theirs(x, 1), derivatives(x, b / scale, task.sigma)[1])
    steer = task.columns(scale, state.moved, state.slope, state.curve)
    normal = (steer.T * (state.weight / state.variance)) @ answer
    inverse = inverse_of(task.held(normal, scale, task.likely))
    spread = instrument.T * (state.weight / np.sqrt(state.variance))
    middle = spread @ spread.T + _not_repeated(
        turned,
        state.peaks,
        scale * state.calm,
        scale * state.bent * task.step**2,
        task.width / task.step,
        floor,
    )
    covariance = inverse @ middle @ inverse.T
    dof = max(1, x.size - steer.shape[1])
    excess = max(1.0, float(np.sqrt(np.sum(state.weight * state.z**2) / dof)))
    deviation = excess * np.sqrt(np.diag(covariance))
    values = {"scale": (scale, float(deviation[0]) if task.free_scale else 0.0)}
    for i, name in enumerate(task.moves):
        values[name] = (float(state.place[i]), float(deviation[task.free_scale + i]))
    if task.broadens:
        # The column is the reference's own curvature: its factor holds the scale.
        at = task.at_broadening
        change = 2 * float(state.solved[at]) / scale
        values["broadening"] = (change, 2 * float(deviation[at]) / scale)
    return values


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
