"""Which shape do the strong, lonely peaks of a spectrum share?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from scipy import signal

from tofsims.calibration.calibration import mass_accuracy
from tofsims.calibration.lone_peak import typical_width
from tofsims.ions.ions import ion
from tofsims.labels.labels import flight_time
from tofsims.peaks.likelihood import Problem, fit
from tofsims.peaks.shape import SHARE, SIGMA, SLOW, SPREAD, USUAL, full_width

# How far a window reaches before and behind its peaks, in full widths, and in bins at least.
BEFORE, BEHIND = 4.0, 8.0
_LEAST_BEFORE, _LEAST_BEHIND = 4, 6
_MOST, _FEWEST_COUNTS = 8, 300.0
_LIGHTEST = 10.0
# Uncertainty of a known ion's place within its peak, in full widths, where nothing tells better.
_UNKNOWN_PLACE, _BEST_PLACE = 0.5, 0.03


@dataclass(frozen=True, kw_only=True)
class PeakShape:
    """The shape of a spectrum's peaks, and where they stand on its mass scale.

    Parameters
    ----------
    values, covariance : numpy.ndarray, shapes (5,) and (5, 5)
        Parameters of `tofsims.peaks.shape.share_before`.
    reference : float
        Flight time at which the width holds.
    fwhm : float
        Full width at half maximum there, as counted, in the unit of the flight-time axis.
    offset, spread : float
        Mean and standard deviation of what lies between the place of a peak and that of its ion
        on the mass scale.
    peaks : int
        How many peaks taught it.

    Examples
    --------
    >>> PeakShape.__name__
    'PeakShape'
    """

    values: np.ndarray
    covariance: np.ndarray
    reference: float
    fwhm: float
    offset: float
    spread: float
    peaks: int


def bin_edges(time: np.ndarray) -> np.ndarray:
    """Borders halfway between the bins.

    Examples
    --------
    >>> bin_edges(np.array([1.0, 2.0, 3.0]))
    array([0.5, 1.5, 2.5, 3.5])
    """
    middle = (time[1:] + time[:-1]) / 2
    return np.concatenate([[2 * time[0] - middle[0]], middle, [2 * time[-1] - middle[-1]]])


def variance_ratio(spectrum: xr.DataArray) -> np.ndarray:
    """Variance of each channel over its counts: 1, or what the dead time made of it."""
    if "variance_ratio" in spectrum.coords:
        return np.maximum(spectrum["variance_ratio"].values.astype(float), 1.0)
    return np.ones(spectrum.size)


def window_of(time: np.ndarray, first: float, last: float, width: float) -> slice:
    """Bins around peaks from the first to the last."""
    a = int(np.searchsorted(time, first - BEFORE * width))
    b = int(np.searchsorted(time, last + BEHIND * width))
    at, to = np.searchsorted(time, [first, last])
    return slice(max(0, min(a, at - _LEAST_BEFORE)), min(time.size, max(b, to + _LEAST_BEHIND)))


def learn_shape(spectrum: xr.DataArray, ions: list[str]) -> PeakShape:
    """Shape shared by up to eight strong peaks with nothing beside them.

    Parameters
    ----------
    spectrum : xarray.DataArray
        Calibrated, dim mz.
    ions : list of str
        Ions that the spectrum may show; with those of its calibration, they tell where in its
        peak an ion's mass stands.

    Examples
    --------
    >>> from tofsims import calibrate, simulate_spectra
    >>> (spectrum,), _ = simulate_spectra(1, n=1)
    >>> shape = learn_shape(calibrate(spectrum), ["Cl-"])
    >>> bool(2.9 < shape.fwhm < 4.2)
    True
    """
    time, counts = flight_time(spectrum), spectrum.values
    width = typical_width(spectrum)
    step = float(np.median(np.diff(time)))
    places = _lonely(spectrum, width)
    reference = float(np.median(time[places])) if places.size else float(time[time.size // 2])
    usual = USUAL.copy()
    usual[SIGMA] = np.log(np.sqrt(max(width**2 - step**2, (0.4 * step) ** 2)) / 2.3548)
    prior = np.diag(1 / SPREAD**2)
    if not places.size:
        fwhm = full_width(usual, 1.0, step)
        return PeakShape(
            values=usual,
            covariance=np.diag(SPREAD**2),
            reference=reference,
            fwhm=fwhm,
            offset=0.0,
            spread=_UNKNOWN_PLACE * fwhm,
            peaks=0,
        )
    edges, ratio = bin_edges(time), variance_ratio(spectrum)
    cuts = [window_of(time, time[p], time[p], width) for p in places]
    n = places.size
    total = np.array([counts[c].sum() for c in cuts])
    floor = np.array([max(float(np.percentile(counts[c], 10)), 1e-3) for c in cuts])
    mean = np.concatenate([usual, np.zeros(n), total, floor])
    precision = np.zeros((mean.size, mean.size))
    precision[:5, :5] = prior
    precision[range(5, 5 + n), range(5, 5 + n)] = 1 / (2 * width) ** 2
    # First without slow tails, which could take the place of the fast one.
    fast = precision.copy()
    fast[[SLOW, SHARE], [SLOW, SHARE]] = 1e6
    problem = Problem(
        edges=[edges[c.start : c.stop + 1] for c in cuts],
        counts=[counts[c] for c in cuts],
        ratio=[ratio[c] for c in cuts],
        window=np.arange(n),
        shift=np.arange(n),
        place=time[places],
        reference=reference,
        mean=mean,
        precision=fast,
    )
    found = fit(replace(problem, precision=precision), fit(problem, mean).values)
    # Where real peaks are not of this form, or not all of one, the shape is known less well.
    covariance = max(1.0, found.misfit) * found.covariance[:5, :5]
    shape = found.values[:5]
    fwhm = full_width(shape, 1.0, step)
    offset, spread = _standing(spectrum, ions, time[places] + found.values[5 : 5 + n], fwhm)
    return PeakShape(
        values=shape,
        covariance=covariance,
        reference=reference,
        fwhm=fwhm,
        offset=offset,
        spread=spread,
        peaks=n,
    )


def standing_at(shape: PeakShape, spectrum: xr.DataArray, place: float) -> PeakShape:
    """The shape, with how well the mass scale is known at a place.

    Parameters
    ----------
    shape : PeakShape
        From `learn_shape`.
    spectrum : xarray.DataArray
        The same spectrum.
    place : float
        Flight time.

    Examples
    --------
    >>> from tofsims import calibrate, simulate_spectra
    >>> (spectrum,), _ = simulate_spectra(1, n=1)
    >>> fixed = calibrate(spectrum)
    >>> shape = learn_shape(fixed, ["Cl-"])
    >>> standing_at(shape, fixed, 50_000.0).spread >= shape.spread
    True
    """
    if "calibration_scale" not in spectrum.attrs:
        return shape
    time = flight_time(spectrum)
    root = np.sqrt(np.clip(spectrum["mz"].values, 0, None))
    here = float(np.interp(place, time, root))
    at = min(max(int(np.searchsorted(time, place)), 1), time.size - 1)
    slope = (root[at] - root[at - 1]) / (time[at] - time[at - 1])
    known = here * mass_accuracy(spectrum, here**2) * 1e-6 / 2 / slope
    return replace(shape, spread=float(np.hypot(shape.spread, known)))


def _lonely(spectrum: xr.DataArray, width: float) -> np.ndarray:
    """Highest bins of the strongest peaks that have no other peak beside them."""
    time, counts = flight_time(spectrum), spectrum.values
    mz = spectrum["mz"].values
    step = float(np.median(np.diff(time)))
    bins = max(1, round(width / step))
    smooth = np.convolve(counts, np.ones(bins), mode="same") if bins > 1 else counts
    tops, facts = signal.find_peaks(smooth, prominence=25.0)
    prominence = facts["prominences"]
    chosen: list[int] = []
    for i in np.argsort(-prominence):
        top = int(tops[i])
        if len(chosen) == _MOST or smooth[top] < _FEWEST_COUNTS:
            break
        cut = window_of(time, time[top], time[top], width)
        if (mz[top] < _LIGHTEST and mz[-1] > 2 * _LIGHTEST) or cut.stop - cut.start < 8:
            continue
        beside = (tops >= cut.start) & (tops < cut.stop) & (tops != top)
        noise = 4 * np.sqrt(smooth[tops[beside]])
        if (prominence[beside] > np.maximum(0.003 * smooth[top], noise)).any():
            continue
        # A taller neighbour just outside brings its tail.
        if smooth[cut].max() > smooth[top] or cut.start == 0 or cut.stop == time.size:
            continue
        near = slice(max(0, top - bins), top + bins + 1)
        chosen.append(near.start + int(np.argmax(counts[near])))
    return np.unique(chosen).astype(int)


def _standing(
    spectrum: xr.DataArray, ions: list[str], places: np.ndarray, fwhm: float
) -> tuple[float, float]:
    """Where an ion's mass stands in its peak: mean and scatter over known ions."""
    time = flight_time(spectrum)
    root = np.sqrt(np.clip(spectrum["mz"].values, 0, None))
    names = {n for n in str(spectrum.attrs.get("calibration_ions", "")).split(", ") if n}
    known = np.array([ion(n).mz for n in sorted(names | set(ions))])
    if not known.size:
        return 0.0, _UNKNOWN_PLACE * fwhm
    expected = np.interp(np.sqrt(known), root, time)
    off = places[:, None] - expected
    nearest = off[np.arange(places.size), np.abs(off).argmin(axis=1)]
    near = nearest[np.abs(nearest) < max(fwhm, 1.5 * float(np.median(np.diff(time))))]
    if near.size < 3:
        calibrated = "calibration_scale" in spectrum.attrs
        return 0.0, (5 * _BEST_PLACE if calibrated else _UNKNOWN_PLACE) * fwhm
    middle = float(np.median(near))
    scatter = 1.4826 * float(np.median(np.abs(near - middle)))
    return middle, max(2 * scatter, _BEST_PLACE * fwhm)
