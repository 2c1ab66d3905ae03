"""How many counts does each of a group of neighbouring peaks hold, and is it told apart?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from tofsims.peaks.likelihood import Problem, Solution, covariance_at, fit, interval, profiles
from tofsims.peaks.shape import GROWTH, full_width, share_before
from tofsims.peaks.shape_learning import PeakShape, window_of

# Peaks that nobody listed: so many a group at most, this many standard deviations high, and
# higher than this share of what the shape of a listed one may miss there.
_MOST_UNLISTED, _SIGNIFICANCE, _SHAPE_ERROR = 4, 5.0, 0.03
# A peak nearer than this to another, in full widths, is none of its own.
_NOT_YET = 0.4
# A maximum belongs to an ion when it is nearer than this, in full widths.
_OWN = 0.4


@dataclass(frozen=True, kw_only=True)
class GroupFit:
    """Areas of the listed peaks of a group.

    Parameters
    ----------
    area, standard_uncertainty, lower, upper : numpy.ndarray, shape (ions,)
        Counts; 95 % interval.
    background, detection_limit : numpy.ndarray, shape (ions,)
        Counts below each peak, and the smallest area that would be seen.
    resolved : numpy.ndarray of bool, shape (ions,)
        Whether each ion shows as a maximum of its own.
    place, fwhm : numpy.ndarray, shape (ions,)
        On the flight-time axis.
    misfit, misfit_limit : float
        Mean squared residual over its expectation, and above what it tells of a wrong shape.
    unlisted : numpy.ndarray
        Flight times of further peaks that were needed.
    window : slice
        Bins that were fitted.
    expected : numpy.ndarray, shape (bins,)
        Counts that the fit expects there.
    parts : numpy.ndarray, shape (ions + further peaks, bins)
        What each peak brings of them.

    Examples
    --------
    >>> GroupFit.__name__
    'GroupFit'
    """

    area: np.ndarray
    standard_uncertainty: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    background: np.ndarray
    detection_limit: np.ndarray
    resolved: np.ndarray
    place: np.ndarray
    fwhm: np.ndarray
    misfit: float
    misfit_limit: float
    unlisted: np.ndarray
    window: slice
    expected: np.ndarray
    parts: np.ndarray


def group_peaks(places: np.ndarray, fwhm: float) -> list[np.ndarray]:
    """Indices of peaks that stand so near each other that they must be fitted together.

    Examples
    --------
    >>> [g.tolist() for g in group_peaks(np.array([100.0, 5.0, 9.0]), 2.0)]
    [[1, 2], [0]]
    """
    order = np.argsort(places)
    gaps = np.flatnonzero(np.diff(places[order]) > 12 * fwhm) + 1
    return np.split(order, gaps)


def fit_group(
    time: np.ndarray,
    edges: np.ndarray,
    counts: np.ndarray,
    ratio: np.ndarray,
    places: np.ndarray,
    shape: PeakShape,
) -> GroupFit:
    """Fit one group of ions, and whatever else stands beside them.

    Parameters
    ----------
    time, counts, ratio : numpy.ndarray, shape (n,)
        Spectrum on its flight-time axis; variance over counts.
    edges : numpy.ndarray, shape (n + 1,)
        Borders of its bins.
    places : numpy.ndarray, shape (ions,)
        Expected flight time of each ion of the group.
    shape : PeakShape
        Of the spectrum's peaks.
    """
    cut = _uncut(time, counts, places, shape.fwhm)
    window = (edges[cut.start : cut.stop + 1], counts[cut], ratio[cut])
    extra: list[float] = []
    found = fit(_problem(window, places, np.array([]), shape), _start(window, places, shape))
    while len(extra) < _MOST_UNLISTED:
        place = _unlisted(found, shape)
        if place is None:
            break
        tried = np.array([*extra, place])
        problem = _problem(window, places, tried, shape)
        start = _start(window, np.concatenate([places, tried]), shape, tried.size)
        more = fit(problem, start)
        at = problem.place + more.values[5 : problem.first_area][problem.shift]
        # One that has moved onto a listed peak says that this peak's shape is wrong.
        apart = np.abs(at[places.size :, None] - at[: places.size]) > _NOT_YET * shape.fwhm
        if not apart.all():
            break
        found, extra = more, [*extra, place]
    n = places.size
    factor = max(1.0, found.misfit) if found.misfit > _too_large(found) else 1.0
    first = found.problem.first_area
    spread = np.sqrt(factor * np.diag(found.covariance)[first : first + n])
    ends = np.array([interval(found, k, factor) for k in range(n)])
    # At no counts the likelihood has no curvature; what could have been missed is its interval's.
    missed = (ends[:, 1] - found.areas[:n]) / 1.96
    spread = np.maximum(spread, np.where(ends[:, 0] > 0, 0.0, missed))
    shift = found.values[5:first][found.problem.shift]
    widths = np.array([_width_at(p, shape, found) for p in places])
    step = float(np.median(np.diff(window[0])))
    fwhm = np.array([full_width(found.values[:5], w, step) for w in widths])
    limits = np.array([_detection_limit(found, k, factor) for k in range(n)])
    return GroupFit(
        area=found.areas[:n],
        standard_uncertainty=spread,
        lower=ends[:, 0],
        upper=ends[:, 1],
        background=found.values[-1] * 5 * fwhm / step,
        detection_limit=limits,
        resolved=np.array([_shows(found, k, limits[k], step) for k in range(n)]),
        place=places + shift[:n],
        fwhm=fwhm,
        misfit=found.misfit,
        misfit_limit=_too_large(found),
        unlisted=np.array(extra) + shift[n:],
        window=cut,
        expected=found.expected,
        parts=found.areas[:, None] * np.array(profiles(found.problem, found.values)),
    )


def _uncut(time: np.ndarray, counts: np.ndarray, places: np.ndarray, fwhm: float) -> slice:
    """Window that ends where little is counted, so that it cuts no other peak in two."""
    first, last = float(places.min()), float(places.max())
    cut = window_of(time, first, last, fwhm)
    size = max(1, round(fwhm / float(np.median(np.diff(time[cut])))))
    summed = ndimage.uniform_filter1d(counts[cut].astype(float), size) * size
    inner = np.searchsorted(time[cut], [first - 1.5 * fwhm, last + 2.5 * fwhm])
    start, stop = 0, summed.size
    if inner[0] > 1:
        start = int(np.flatnonzero(_low(summed[: inner[0]]))[0])
    if summed.size - inner[1] > 1:
        stop = int(inner[1] + np.flatnonzero(_low(summed[inner[1] :]))[-1] + 1)
    if stop - start < 4:
        return cut
    return slice(cut.start + start, cut.start + stop)


def _low(summed: np.ndarray) -> np.ndarray:
    lowest = float(summed.min())
    return summed <= lowest + 3 * np.sqrt(lowest + 1)


def _problem(
    window: tuple[np.ndarray, np.ndarray, np.ndarray],
    places: np.ndarray,
    extra: np.ndarray,
    shape: PeakShape,
) -> Problem:
    """Listed ions move together with the mass scale; the others each by itself."""
    edges, counts, ratio = window
    n, more = places.size, extra.size
    shifts = np.concatenate([[shape.offset], np.zeros(more)])
    sure = np.concatenate([[shape.spread], np.full(more, 0.3 * shape.fwhm)])
    areas = np.zeros(n + more)
    mean = np.concatenate([shape.values, shifts, areas, [0.0]])
    precision = np.zeros((mean.size, mean.size))
    precision[:5, :5] = np.linalg.inv(shape.covariance + 1e-8 * np.eye(5))
    at = np.arange(5, 6 + more)
    precision[at, at] = 1 / sure**2
    return Problem(
        edges=[edges],
        counts=[counts],
        ratio=[ratio],
        window=np.zeros(n + more, dtype=int),
        shift=np.concatenate([np.zeros(n, dtype=int), 1 + np.arange(more)]),
        place=np.concatenate([places, extra]),
        reference=shape.reference,
        mean=mean,
        precision=precision,
    )


def _start(
    window: tuple[np.ndarray, np.ndarray, np.ndarray],
    places: np.ndarray,
    shape: PeakShape,
    more: int = 0,
) -> np.ndarray:
    edges, counts, _ = window
    middle = (edges[1:] + edges[:-1]) / 2
    floor = max(float(np.percentile(counts, 20)), float(counts.mean()) / 100, 1e-3)
    nearest = np.abs(middle[:, None] - places).argmin(axis=1)
    above = np.maximum(counts - floor, 0)
    areas = np.bincount(nearest, above, places.size) + 1.0
    return np.concatenate([shape.values, [shape.offset], np.zeros(more), areas, [floor]])


def _width_at(place: float, shape: PeakShape, found: Solution) -> float:
    return float((place / shape.reference) ** found.values[GROWTH])


def _too_large(found: Solution) -> float:
    """Above this a mean squared residual says that the model does not fit (three sigma)."""
    n = int((found.expected > 2).sum())
    return 1 + 3 * np.sqrt(2 / max(n, 1))


def _unlisted(found: Solution, shape: PeakShape) -> float | None:
    """Flight time of the most significant peak that the fit lacks, or None."""
    problem = found.problem
    edges, counts, ratio = problem.edges[0], problem.counts[0], problem.ratio[0]
    step = float(np.median(np.diff(edges)))
    mu = np.maximum(found.expected, 1e-3)
    listed = mu - found.values[-1]
    # What a shape slightly wrong leaves beside a strong peak is no peak.
    size = max(1, round(shape.fwhm / step))
    spread = ndimage.maximum_filter1d(listed, 2 * size + 1)
    # With the variance of what was counted, the flank of a missing peak does not outdo its top.
    seen = np.maximum(mu, ndimage.uniform_filter1d(counts.astype(float), size))
    variance = ratio * seen + (_SHAPE_ERROR * spread) ** 2
    half = max(1, round(1.5 * shape.fwhm / step))
    offsets = np.arange(-half, half + 1) * step
    kernel = _in_bin(offsets, step, 1.0, found.values[:5])
    score = np.correlate((counts - mu) / variance, kernel, mode="same")
    z = score / np.sqrt(np.correlate(1 / variance, kernel**2, mode="same"))
    first = problem.first_area
    taken = problem.place + found.values[5:first][problem.shift]
    middle = (edges[1:] + edges[:-1]) / 2
    # Not on a peak that is there already, nor cut by the end of the window.
    z[(np.abs(middle[:, None] - taken) < _NOT_YET * shape.fwhm).any(axis=1)] = 0
    z[: half // 2 + 1] = z[len(z) - half // 2 - 1 :] = 0
    best = int(np.argmax(z))
    several = ndimage.uniform_filter1d(counts, 2 * size + 1)[best] * (2 * size + 1) >= 8
    return float(middle[best]) if z[best] > _SIGNIFICANCE and several else None


def _detection_limit(found: Solution, peak: int, factor: float) -> float:
    """Area that is seen with 95 % probability at 5 % false alarms (Currie; ISO 11929)."""
    at = found.problem.first_area + peak
    without = found.values.copy()
    without[at] = 0.0
    variance = factor * covariance_at(found.problem, without)[at, at]
    return float(2.71 + 3.29 * np.sqrt(variance))


def _shows(found: Solution, peak: int, limit: float, step: float) -> bool:
    """Whether the ion makes a maximum of its own, at its area or at its detection limit."""
    problem = found.problem
    if problem.n_peaks == 1:
        return True
    first = problem.first_area
    shifts = found.values[5:first][problem.shift]
    centre = problem.place + shifts
    shape = found.values[:5]
    width = (problem.place / problem.reference) ** shape[GROWTH]
    fwhm = full_width(shape, float(width[peak]), step)
    grid = centre[peak] + np.linspace(-1.5, 1.5, 241) * fwhm
    area = found.areas.copy()
    area[peak] = max(area[peak], limit)
    curve = np.zeros(grid.size)
    for a, c, w in zip(area, centre, width, strict=True):
        curve += a * _in_bin(grid - c, step, w, shape)
    tops = np.flatnonzero((curve[1:-1] > curve[:-2]) & (curve[1:-1] >= curve[2:])) + 1
    # The top of a tailing peak stands before its mean, by the same for all.
    alone = _in_bin(grid - centre[peak], step, width[peak], shape)
    lead = centre[peak] - grid[int(np.argmax(alone))]
    near = np.abs(grid[tops][:, None] + lead - centre) < _OWN * fwhm
    # A maximum that could be another ion's as well is nobody's own.
    return bool((near[:, peak] & (near.sum(axis=1) == 1)).any())


def _in_bin(time: np.ndarray, step: float, width: float, shape: np.ndarray) -> np.ndarray:
    """Share of a peak's counts in bins around the times."""
    half = step / 2
    return share_before(time + half, width, shape) - share_before(time - half, width, shape)
