"""Bring one pattern onto another: common grid, scale, displacement, background."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.polynomial import chebyshev
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d, minimum_filter1d

from coatqc.core.errors import MeasurementError
from xrd.peaks import noise_gain

# The background may differ by what is as broad as an amorphous halo: a term for so many degrees.
_DEGREES_PER_TERM = 4.0
_ROUNDS = 8
# Points farther off than this many standard deviations do not steer the alignment.
_CLIP = 4.0
# Change of a line's variance that two scans of one instrument may show, degree squared.
_BROADENING = 3e-4
# Farther than this, degree, no sample sits out of its plane.
_LARGEST_SHIFT, _SHIFT_SLACK = 0.3, 0.03


@dataclass(frozen=True)
class Alignment:
    """Sample, and what the reference says it should be, on one grid.

    Parameters
    ----------
    two_theta, sample, expected : numpy.ndarray, shape (n,)
        Grid in degree; sample; reference after scale, displacement and background.
    variance : numpy.ndarray, shape (n,)
        Of sample minus expected, from counting alone.
    profile : numpy.ndarray, shape (n,)
        Scaled reference without what lies between its peaks.
    scale, scale_u, displacement, displacement_u : float
        Nuisance parameters and their standard uncertainties.
    parameters : int
        Number of parameters fitted.

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> a, b = (simulate_pattern(seed)[0] for seed in (1, 2))
    >>> bool(abs(align(a, b).scale - 1) < 0.02)
    True
    """

    two_theta: np.ndarray
    sample: np.ndarray
    expected: np.ndarray
    variance: np.ndarray
    profile: np.ndarray
    scale: float
    scale_u: float
    displacement: float
    displacement_u: float
    parameters: int


def common_grid(
    reference: xr.DataArray, sample: xr.DataArray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Grid of the coarser pattern over the common range, and both patterns summed onto it.

    Counts are kept: what lies in a bin of the grid is added up.

    Raises
    ------
    MeasurementError
        If fewer than 50 bins are common.

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> a, b = simulate_pattern(1)[0], simulate_pattern(2, step=0.013)[0]
    >>> x, _, y = common_grid(a, b)
    >>> x.size <= a.size
    True
    """
    x, z = reference["two_theta"].values, sample["two_theta"].values
    coarse = x if np.median(np.diff(x)) >= np.median(np.diff(z)) else z
    ends = [_edges(axis)[[0, -1]] for axis in (x, z)]
    low, high = max(e[0] for e in ends), min(e[1] for e in ends)
    # A bin that one pattern covers only in part would look as if counts were missing.
    edges = _edges(coarse)
    grid = coarse[(edges[:-1] >= low - 1e-9) & (edges[1:] <= high + 1e-9)]
    if grid.size < 50:
        raise MeasurementError(
            f"the patterns share {max(0.0, high - low):.3g} degree and {grid.size} points; "
            "50 are needed"
        )
    return grid, _binned(reference, grid), _binned(sample, grid)


def _binned(pattern: xr.DataArray, grid: np.ndarray) -> np.ndarray:
    x, y = pattern["two_theta"].values, pattern.values
    if x.size >= grid.size and np.array_equal(x[np.searchsorted(x, grid[0]) :][: grid.size], grid):
        start = int(np.searchsorted(x, grid[0]))
        return y[start : start + grid.size].astype(float)
    edges = _edges(x)
    total = np.concatenate([[0.0], np.cumsum(y)])
    return np.diff(np.interp(_edges(grid), edges, total))


def _edges(x: np.ndarray) -> np.ndarray:
    middle = (x[1:] + x[:-1]) / 2
    return np.concatenate([[2 * x[0] - middle[0]], middle, [2 * x[-1] - middle[-1]]])


def align(reference: xr.DataArray, sample: xr.DataArray) -> Alignment:
    """Least-squares alignment with scale, displacement, broadening and background as nuisance.

    Parameters
    ----------
    reference, sample : xarray.DataArray
        Dim two_theta, ascending.

    Returns
    -------
    Alignment

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> a, b = simulate_pattern(1)[0], simulate_pattern(2, displacement=0.03)[0]
    >>> bool(abs(align(a, b).displacement - 0.03) < 0.005)
    True
    """
    x, a, b = common_grid(reference, sample)
    gain_a, gain_b = noise_gain(reference), noise_gain(sample)
    step = float(np.median(np.diff(x)))
    # Slopes of few counts are mostly noise and must be calmed over the whole of a line.
    sigma = max(0.6, (0.02 if min(a.max() / gain_a, b.max() / gain_b) > 1000 else 0.04) / step)
    spline = CubicSpline(x, a)
    smooth = CubicSpline(x, gaussian_filter1d(a, sigma))
    cosine = np.cos(np.radians(x) / 2)
    terms = int(np.clip((x[-1] - x[0]) / _DEGREES_PER_TERM, 4, 30))
    basis = chebyshev.chebvander(2 * (x - x[0]) / (x[-1] - x[0]) - 1, terms)
    start = float(b.sum() / a.sum())
    first = _first_shift(x, a, b, cosine)
    shift, scale = first, start
    expected = scale * a
    weight = np.ones(x.size)
    for _ in range(_ROUNDS):
        at = np.clip(x - shift * cosine, x[0], x[-1])
        moved, slope, curve = spline(at), smooth(at, 1), smooth(at, 2)
        # Variance from the mean of both patterns, weighted so that its noise is independent of
        # that of their difference: weights that follow either one's noise bias the fit.
        shares = np.array([1 / gain_b, 1 / (scale * gain_a)])
        between = expected - scale * moved
        pooled = (shares[0] * b + shares[1] * (scale * moved + between)) / shares.sum()
        level = _calm_level(pooled, gain_b)
        variance = (gain_b + scale * gain_a) * level
        design = np.column_stack([moved, -scale * slope * cosine, curve, basis])
        # Least squares with a noisy reference would find too small a scale. Columns of the
        # pooled profile as instruments have no noise in common with the difference.
        profile = (pooled - between) / scale
        calm = CubicSpline(x, gaussian_filter1d(profile, sigma))
        instrument = np.column_stack([profile, -scale * calm(x, 1) * cosine, calm(x, 2), basis])
        turned = instrument.T * (weight / variance)
        normal = turned @ design
        # Curvature of a noisy pattern is mostly noise: broadening is held near none unless the
        # data speak for it.
        normal[2, 2] += 1 / (scale * _BROADENING) ** 2
        inverse = np.linalg.pinv(normal)
        solved = inverse @ (turned @ b)
        # The second column is the change of displacement from where it stands.
        shift = float(np.clip(shift + solved[1], first - _SHIFT_SLACK, first + _SHIFT_SLACK))
        # Patterns of other phases have no scale in common; a small one leaves all of it over.
        solved[0] = max(solved[0], 0.05 * start)
        scale = float(solved[0])
        expected = design @ solved
        z = (b - expected) / np.sqrt(variance)
        weight = np.minimum(1.0, (_CLIP / np.maximum(np.abs(z), 1e-9)) ** 2)
    # How far the alignment answers to each parameter: columns of the reference against columns of
    # the sample. Their noises are independent, so few counts do not feign sharp peaks. It steers
    # by smoothed slopes, but where it comes to rest is decided by the true ones.
    theirs = CubicSpline(x, b - expected + scale * moved)
    calm_b = CubicSpline(x, gaussian_filter1d(b, sigma))
    answer = np.column_stack([theirs(x) / scale, -theirs(x, 1) * cosine, calm_b(x, 2) / scale])
    steer = np.column_stack([moved, -scale * slope * cosine, curve, basis])
    normal = (steer.T * (weight / variance)) @ np.column_stack([answer, basis])
    normal[2, 2] += 1 / (scale * _BROADENING) ** 2
    inverse = np.linalg.pinv(normal)
    covariance = inverse @ (turned @ instrument) @ inverse.T
    excess = max(1.0, float(np.sqrt(np.sum(weight * z**2) / (x.size - design.shape[1]))))
    floor = gaussian_filter1d(_lower_envelope(moved, step), 1.0)
    return Alignment(
        x,
        b,
        expected,
        variance,
        scale * np.maximum(moved - floor, 0.0),
        scale,
        excess * float(np.sqrt(covariance[0, 0])),
        shift,
        excess * float(np.sqrt(covariance[1, 1])),
        design.shape[1],
    )


def _first_shift(x: np.ndarray, a: np.ndarray, b: np.ndarray, cosine: np.ndarray) -> float:
    """Displacement at which both patterns, smoothed, look most alike: near enough to start from."""
    step = float(np.median(np.diff(x)))
    calm = [gaussian_filter1d(np.sqrt(np.maximum(y, 0)), max(1.0, 0.05 / step)) for y in (a, b)]
    # Without what varies slowly: backgrounds have no place to align.
    fine_a, fine_b = (y - gaussian_filter1d(y, 1.0 / step) for y in calm)
    tried = np.linspace(-_LARGEST_SHIFT, _LARGEST_SHIFT, 61)
    spline = CubicSpline(x, fine_a)
    alike = [float(spline(np.clip(x - t * cosine, x[0], x[-1])) @ fine_b) for t in tried]
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
