"""Where is an ion's peak on the flight-time axis, and how wide are peaks there?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import signal

from coatcore.errors import MeasurementError
from tofsims.ions.ions import ion
from tofsims.labels.labels import flight_time, require_spectrum

# How far a stored mass scale is allowed to be off, in u and in channels as they are stored.
_SLACK_MASS, _SLACK_BINS = 0.05, 2.5
_CALIBRATED_MASS, _CALIBRATED_BINS = 0.008, 1.5
# A peak stands out of its neighbourhood by this many standard deviations of its counts.
_SIGNIFICANCE = 6.0
# Counts in the highest channel of the weakest peak.
_FEWEST = 8.0
# Peaks that tell how wide a peak is.
_STRONGEST = 10


@dataclass(frozen=True, kw_only=True)
class Peak:
    """A peak on the flight-time axis.

    Parameters
    ----------
    time : float
        Centroid of its upper half, channels.
    fwhm : float
        Full width at half maximum, channels.
    height : float
        Counts in the highest channel.

    Examples
    --------
    >>> Peak(time=10.0, fwhm=2.0, height=100.0).time
    10.0
    """

    time: float
    fwhm: float
    height: float


def find_peak(time: np.ndarray, counts: np.ndarray, low: float, high: float) -> Peak | None:
    """Highest peak of a spectrum between two flight times, or None where nothing stands out.

    Parameters
    ----------
    time, counts : numpy.ndarray, shape (n,)
        Spectrum.
    low, high : float
        Channels.

    Examples
    --------
    >>> time = np.arange(100.0)
    >>> counts = np.round(1000 * np.exp(-0.5 * ((time - 50.3) / 2) ** 2))
    >>> bool(abs(find_peak(time, counts, 40.0, 60.0).time - 50.3) < 0.1)
    True
    """
    first, last = np.searchsorted(time, [low, high])
    first, last = max(first, 1), min(last, time.size - 1)
    if last - first < 2:
        return None
    part = counts[first:last]
    top = int(np.argmax(np.convolve(part, [0.25, 0.5, 0.25], mode="same"))) + first
    top = max(range(max(0, top - 1), min(time.size, top + 2)), key=lambda i: counts[i])
    height = float(counts[top])
    # A narrow range may hold little beside the peak: the floor is looked for around it, too.
    around = counts[max(0, 2 * first - last) : 2 * last - first]
    floor = float(min(np.median(part), np.median(around)))
    if height < _FEWEST or height - floor < _SIGNIFICANCE * np.sqrt(floor + 1):
        return None
    half = floor + (height - floor) / 2
    left = top
    while left > 0 and counts[left - 1] > half:
        left -= 1
    right = top
    while right < time.size - 1 and counts[right + 1] > half:
        right += 1
    span = slice(max(0, left - 1), right + 2)
    weight = np.clip(counts[span] - floor, 0, None)
    step = float(time[min(top + 1, time.size - 1)] - time[top])
    return Peak(
        time=float((weight * time[span]).sum() / weight.sum()),
        fwhm=_width(counts, half, left, right) * step,
        height=height,
    )


def _width(counts: np.ndarray, half: float, left: int, right: int) -> float:
    """Width at half height, channels, by linear interpolation on both flanks."""
    width = float(right - left)
    for inner, outer in ((left, left - 1), (right, right + 1)):
        if 0 <= outer < counts.size:
            fall = counts[inner] - counts[outer]
            width += min(1.0, (counts[inner] - half) / fall) if fall > 0 else 0.5
    return max(width, 1.0)


def typical_width(spectrum: xr.DataArray) -> float:
    """Full width at half maximum of a spectrum's strongest peaks, in flight time.

    Parameters
    ----------
    spectrum : xarray.DataArray
        Dim mz.

    Returns
    -------
    float
        Median over the ten peaks that stand out most above 10 u (hydrogen is wider), in the unit
        of the flight-time axis; one channel at least.

    Examples
    --------
    >>> from tofsims import simulate_spectra
    >>> (spectrum,), _ = simulate_spectra(1, n=1)
    >>> 2.5 < typical_width(spectrum) < 5
    True
    """
    time, counts = flight_time(spectrum), spectrum.values
    heavy = int(np.searchsorted(spectrum["mz"].values, 10.0))
    heavy = heavy if counts.size - heavy > 10 else 0
    part = counts[heavy:]
    step = float(np.median(np.diff(time)))
    places, facts = signal.find_peaks(part, prominence=max(25.0, 0.003 * float(part.max())))
    order = np.argsort(-facts["prominences"])
    # One a whole mass: on a strong peak's flanks noise stands out too.
    whole = np.rint(spectrum["mz"].values[heavy:][places[order]])
    strongest = order[np.sort(np.unique(whole, return_index=True)[1])][:_STRONGEST]
    if strongest.size == 0:
        return step
    widths = signal.peak_widths(part, places[strongest], rel_height=0.5)[0]
    return step * max(1.0, float(np.median(widths)))


def search_range(spectrum: xr.DataArray, mz: float) -> tuple[float, float]:
    """Flight times between which an ion's peak is looked for, given the stored mass scale.

    Examples
    --------
    >>> from tofsims import simulate_spectra
    >>> (spectrum,), _ = simulate_spectra(1, n=1)
    >>> low, high = search_range(spectrum, 62.964)
    >>> low < high
    True
    """
    time, stored = flight_time(spectrum), spectrum["mz"].values
    slack, bins_off = _SLACK_MASS, _SLACK_BINS
    if "calibration_ions" in spectrum.attrs:
        slack, bins_off = _CALIBRATED_MASS, _CALIBRATED_BINS
    low, middle, high = np.interp([mz - slack, mz, mz + slack], stored, time)
    at = min(int(np.searchsorted(time, middle)), time.size - 1)
    bins = bins_off * abs(time[at] - time[at - 1])
    return float(min(low, middle - bins)), float(max(high, middle + bins))


def peak_position(spectrum: xr.DataArray, name: str) -> float:
    """Mass-to-charge ratio at which an ion's peak stands in a spectrum.

    Parameters
    ----------
    spectrum : xarray.DataArray
        Dim mz.
    name : str
        Ion, e.g. ``"OH-"``.

    Returns
    -------
    float
        In u, on the spectrum's own mass scale.

    Raises
    ------
    MeasurementError
        If no peak stands out there.

    Examples
    --------
    >>> from tofsims import calibrate, simulate_spectra
    >>> (spectrum,), _ = simulate_spectra(1, n=1)
    >>> round(peak_position(calibrate(spectrum), "PO2-"), 2)
    62.96
    """
    require_spectrum(spectrum)
    time = flight_time(spectrum)
    peak = find_peak(time, spectrum.values, *search_range(spectrum, ion(name).mz))
    if peak is None:
        raise MeasurementError(f"no peak stands out near {name} at {ion(name).mz:.4f} u")
    root = np.sqrt(np.clip(spectrum["mz"].values, 0, None))
    return float(np.interp(peak.time, time, root) ** 2)
