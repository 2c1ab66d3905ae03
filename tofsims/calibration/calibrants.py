"""Which peaks of a spectrum are the calibration ions?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
import xarray as xr
from scipy import signal

from tofsims.calibration.lone_peak import Peak, find_peak, search_range, typical_width
from tofsims.ions.ions import ion
from tofsims.labels.labels import flight_time

# Peaks near an ion's place that may be the ion.
_CANDIDATES = 4
# A line passes a peak at less than this share of its width.
_PASSED = 0.5
# A peak this much wider than usual is saturated, or two.
_TOO_WIDE = 1.7
_BLIND = 4.0


@dataclass(frozen=True)
class Calibrant:
    """A calibration ion and what became of it.

    Parameters
    ----------
    name : str
        The ion.
    mz : float
        Exact, in u.
    time, standard_uncertainty : float
        Centroid of its peak on the flight-time axis and its uncertainty from counting; NaN where
        it shows no peak.
    problem : str
        Why it is left out; empty where it is used.

    Examples
    --------
    >>> Calibrant("C-", 12.0005, 10.0, 0.1, "").problem
    ''
    """

    name: str
    mz: float
    time: float
    standard_uncertainty: float
    problem: str


def find_calibrants(
    spectrum: xr.DataArray, ions: Sequence[str], widen: float = 1.0
) -> list[Calibrant]:
    """Peaks of the ions that lie on one line of flight time against the root of m/z.

    Near the place of each ion up to four peaks are candidates. Of all lines through candidates
    of two ions, the one is taken that passes the most ions, and passes them the nearest: a
    neighbour taken for the ion, or a peak that dead time has moved, is off it.

    Parameters
    ----------
    spectrum : xarray.DataArray
        Dim mz.
    ions : sequence of str
        Calibration ions.
    widen : float, default 1
        By how much further than usual an ion is looked for.

    Returns
    -------
    list of Calibrant
        One an ion within the spectrum, by m/z; those with a `problem` do not belong to the line.

    Examples
    --------
    >>> from tofsims import simulate_spectra
    >>> (spectrum,), _ = simulate_spectra(1, n=1)
    >>> [c.name for c in find_calibrants(spectrum, ["C-", "Cl-", "PO2-", "He-"]) if not c.problem]
    ['C-', 'Cl-', 'PO2-']
    """
    time, counts = flight_time(spectrum), spectrum.values.astype(float)
    edge = float(spectrum["mz"].max())
    names = sorted((n for n in dict.fromkeys(ions) if ion(n).mz < edge), key=lambda n: ion(n).mz)
    width = typical_width(spectrum)
    found = {n: _candidates(spectrum, time, counts, n, widen, width) for n in names}
    seen = [n for n in names if found[n]]
    chosen, off = _best_line(seen, found, width)
    blind, step = _blind(spectrum), float(np.median(np.diff(time)))
    out = []
    limit = _tolerance([off[n] for n in seen], width)
    for name in names:
        mz = ion(name).mz
        if not found[name]:
            out.append(Calibrant(name, mz, np.nan, np.nan, "no peak"))
            continue
        peak = chosen[name]
        place, spread = centroid(time, counts, peak)
        problem = ""
        if blind is not None and blind[int(np.searchsorted(time, peak.time))] > _BLIND:
            problem = "saturated"
        elif peak.fwhm > max(_TOO_WIDE * width, 2.5 * step) and len(seen) > 2:
            problem = "too wide: saturated, or more than one peak"
        elif off[name] > max(limit, 3 * spread):
            problem = f"off the line of the others by {off[name] / width:.2g} peak widths"
        out.append(Calibrant(name, mz, place, spread, problem))
    return out


def centroid(time: np.ndarray, counts: np.ndarray, peak: Peak) -> tuple[float, float]:
    """Place of a peak and its standard uncertainty from counting, flight time.

    The mean of the counts with weights that fall off on both sides of it, so that neither the
    background nor a neighbour draws it; found by repeating.

    Parameters
    ----------
    time, counts : numpy.ndarray, shape (n,)
        Spectrum.
    peak : Peak
        From `find_peak`.

    Examples
    --------
    >>> time = np.arange(100.0)
    >>> counts = 1000 * np.exp(-0.5 * ((time - 50.3) / 2) ** 2)
    >>> place, u = centroid(time, counts, Peak(time=50.0, fwhm=4.7, height=1000.0))
    >>> round(place, 3), bool(0.02 < u < 0.04)
    (50.3, True)
    """
    a, b = np.searchsorted(time, [peak.time - 3 * peak.fwhm, peak.time + 3 * peak.fwhm])
    part = slice(max(a - 2, 0), b + 2)
    t, n = time[part], counts[part]
    step = float(np.median(np.diff(t))) if t.size > 1 else 1.0
    width = 1.5 * max(peak.fwhm / 2.3548, 0.5 * step)
    place = peak.time
    weights = n
    for _ in range(50):
        weights = n * np.exp(-0.5 * ((t - place) / width) ** 2)
        total = float(weights.sum())
        if not total > 0:
            return peak.time, peak.fwhm
        new = float((weights * t).sum()) / total
        moved, place = abs(new - place), new
        if moved < 1e-5 * width or abs(place - peak.time) > peak.fwhm + step:
            break
    away = t - place
    gain = float((weights * (1 - (away / width) ** 2)).sum())
    bell = np.exp(-0.5 * (away / width) ** 2)
    spread = float(np.sqrt((n * (away * bell) ** 2).sum() + step**2 / 12 * float(n.max())))
    return place, spread / max(gain, 1e-9)


def _candidates(
    spectrum: xr.DataArray,
    time: np.ndarray,
    counts: np.ndarray,
    name: str,
    widen: float,
    width: float,
) -> list[Peak]:
    low, high = search_range(spectrum, ion(name).mz)
    middle, half = (low + high) / 2, widen * (high - low) / 2
    highest = find_peak(time, counts, middle - half, middle + half)
    if highest is None:
        return []
    first, last = np.searchsorted(time, [middle - half, middle + half])
    part = counts[max(first, 1) : last]
    step = float(np.median(np.diff(time)))
    tops, facts = signal.find_peaks(
        part, prominence=max(5.0, 0.002 * highest.height), distance=max(1, int(width / step))
    )
    peaks = [highest]
    for top in tops[np.argsort(-facts["prominences"])][: 2 * _CANDIDATES]:
        at = time[max(first, 1) + top]
        peak = find_peak(time, counts, at - 0.7 * width - step, at + 0.7 * width + 2 * step)
        if peak is not None and all(abs(peak.time - p.time) > 0.5 * width for p in peaks):
            peaks.append(peak)
    return peaks[:_CANDIDATES]


def _best_line(
    names: list[str], found: dict[str, list[Peak]], width: float
) -> tuple[dict[str, Peak], dict[str, float]]:
    """Peak of each ion nearest to the best line, and how far off it is."""
    if len(names) < 2:
        return {n: found[n][0] for n in names}, dict.fromkeys(names, 0.0)
    root = {n: float(np.sqrt(ion(n).mz)) for n in names}
    best: tuple[float, ...] = (-1.0,)
    chosen: dict[str, Peak] = {}
    off: dict[str, float] = {}
    for i, j in combinations(names, 2):
        for p, q in product(found[i], found[j]):
            slope = (q.time - p.time) / (root[j] - root[i])
            if not slope > 0:
                continue
            place = {n: p.time + slope * (root[n] - root[i]) for n in names}
            near = {n: _nearest(found[n], place[n]) for n in names}
            far = {n: abs(near[n].time - place[n]) for n in names}
            values = np.sort(list(far.values()))
            passed = int((values < _PASSED * width).sum())
            # Of lines that pass as many, the one that passes them nearest.
            score = (float(passed), -float(values[: max(passed, 2)].sum()))
            if score > best:
                best, chosen, off = score, near, far
    return chosen, off


def _nearest(peaks: list[Peak], place: float) -> Peak:
    return min(peaks, key=lambda p: abs(p.time - place))


def _tolerance(off: list[float], width: float) -> float:
    """How far off the line a calibrant may be, given how far the nearer half of them is."""
    if len(off) < 3:
        return np.inf
    half = np.sort(off)[(len(off) + 1) // 2]
    return max(6 * float(half), 1.2 * _PASSED * width)


def _blind(spectrum: xr.DataArray) -> np.ndarray | None:
    if "variance_ratio" not in spectrum.coords:
        return None
    return spectrum["variance_ratio"].values
