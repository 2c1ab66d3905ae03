"""How many counts lie between the borders of each ion's peak?"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from tofsims.calibration.lone_peak import typical_width
from tofsims.ions.ions import ion
from tofsims.labels.labels import flight_time, require_spectrum
from tofsims.peaks.poisson_counts import detection_limit, signal_interval
from tofsims.peaks.table import peak_table

# Peaks have a tail towards late times: the window reaches further there. In widths.
BEFORE, AFTER = 2.0, 3.0
# Half the way to the next whole mass, nearly.
_HALF_MASS = 0.45
# A dead time that multiplies the variance by this leaves too few pulses to count with.
_BLIND = 4.0
# A listed neighbour nearer than this, in widths, shares its counts with the window.
_APART = 2.0


def peak_areas(spectra: xr.DataArray | Sequence[xr.DataArray], ions: Sequence[str]) -> xr.Dataset:
    """Counts between the borders of ions' peaks, with Poisson uncertainty.

    All peaks of a spectrum have about the same width in flight time, which is taken from its
    strongest ones; the window of each reaches 2 widths before and 3 behind, and ends halfway to
    a neighbour in `ions`. The background is taken from both sides of the window, or from the
    emptier one where the other holds a peak. Where peaks overlap, or for the counts of a whole
    peak, use `fit_peaks`.

    Parameters
    ----------
    spectra : xarray.DataArray or sequence of it
        Calibrated spectra, a replicate each.
    ions : sequence of str
        Fragments to integrate.

    Returns
    -------
    xarray.Dataset
        Over (replicate, fragment): ``area`` and ``standard_uncertainty``; ``area_lower`` and
        ``area_upper``, the 95 % interval of a peak that is never negative; ``height``, the
        counts of the highest bin above the background; ``background`` in the window and
        ``detection_limit``, all in counts; ``lower_border`` and
        ``upper_border`` in u; ``flag``: ok, unresolved (a listed neighbour stands within 2
        widths), saturated. ``total`` (replicate), the counts above 0.5 u; coordinate
        ``exact_mass`` (fragment) in u.

    Raises
    ------
    MeasurementError
        If an ion lies outside a spectrum.

    Warns
    -----
    UserWarning
        If a spectrum was not put through `calibrate`, or is not corrected for dead time.

    Examples
    --------
    >>> from tofsims import calibrate, simulate_spectra
    >>> spectra, _ = simulate_spectra(1, n=2)
    >>> areas = peak_areas([calibrate(s) for s in spectra], ["PO2-", "PS-"])
    >>> dict(areas["area"].sizes)
    {'replicate': 2, 'fragment': 2}
    """
    several, names = require_areas(spectra, ions)
    rows = [_areas_of(s, names) for s in several]
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    return add_history(peak_table(several, names, columns), "peak_areas", ions=names)


def require_areas(
    spectra: xr.DataArray | Sequence[xr.DataArray], ions: Sequence[str]
) -> tuple[list[xr.DataArray], list[str]]:
    """Spectra and ions whose peaks can be measured; what looks wrong is warned of.

    Raises
    ------
    MeasurementError
        If there is no spectrum or ion, or an ion lies outside a spectrum.

    Examples
    --------
    >>> require_areas([], ["PO2-"])
    Traceback (most recent call last):
        ...
    coatcore.errors.MeasurementError: peak areas need at least one spectrum and one ion
    """
    if spectra is None or isinstance(spectra, xr.Dataset | str):
        raise MeasurementError(
            f"expected calibrated mass spectra, found {type(spectra).__name__}; read and calibrate "
            "them first"
        )
    several = [spectra] if isinstance(spectra, xr.DataArray) else list(spectra)
    names = list(dict.fromkeys([ions] if isinstance(ions, str) else ions))
    if not several or not names:
        raise MeasurementError("peak areas need at least one spectrum and one ion")
    for spectrum in several:
        mz = require_spectrum(spectrum)["mz"].values
        outside = [n for n in names if mz.size < 8 or not mz[2] < ion(n).mz < mz[-3]]
        if outside:
            raise MeasurementError(
                f"{', '.join(outside)} lies outside "
                f"{spectrum.attrs.get('source', 'the spectrum')}, which ends at {mz[-1]:.2f} u"
            )
    if loose := [s for s in several if "calibration_ions" not in s.attrs]:
        warnings.warn(
            f"the mass scale of {len(loose)} of {len(several)} spectra is as stored: a window may "
            "miss its peak; call tofsims.calibrate first",
            UserWarning,
            stacklevel=3,
        )
    if late := [s for s in several if s.attrs.get("dead_time_corrected") == "no"]:
        warnings.warn(
            f"{len(late)} of {len(several)} spectra are not corrected for dead time: strong peaks "
            "come out too small; call tofsims.calibration.correct_dead_time first",
            UserWarning,
            stacklevel=3,
        )
    return several, names


def saturated(spectrum: xr.DataArray, place: float, width: float) -> bool:
    """Whether dead time left too few pulses to count with at a peak.

    Examples
    --------
    >>> from tofsims import simulate_spectra
    >>> (spectrum,), _ = simulate_spectra(1, n=1)
    >>> saturated(spectrum, 50_000.0, 3.0)
    False
    """
    if "variance_ratio" not in spectrum.coords:
        return False
    a, b = np.searchsorted(flight_time(spectrum), [place - width, place + width])
    return bool((spectrum["variance_ratio"].values[a : b + 1] > _BLIND).any())


def _areas_of(spectrum: xr.DataArray, names: list[str]) -> dict[str, np.ndarray]:
    time, counts = flight_time(spectrum), spectrum.values.astype(float)
    masses = np.array([ion(n).mz for n in names])
    root = np.sqrt(np.clip(spectrum["mz"].values, 0, None))
    centers = np.interp(np.sqrt(masses), root, time)
    width = typical_width(spectrum)
    # Between whole masses there are no ions: the background is taken from there.
    between = [np.interp(np.sqrt(masses + d), root, time) for d in (-_HALF_MASS, _HALF_MASS)]
    window = np.array([_borders(c, centers, width) for c in centers])
    a, b = np.searchsorted(time, window.T)
    b = np.maximum(b, a + 1)
    summed = np.concatenate([[0.0], np.cumsum(counts)])
    inside = summed[b] - summed[a]
    sides = [
        _background(time, summed, low, high, (BEFORE + AFTER) * width, gap)
        for (low, high), *gap in zip(window, *between, strict=True)
    ]
    beside, bins = np.array(sides).T
    ratio = np.where(bins > 0, bins / (b - a), np.inf)
    background = np.where(bins > 0, beside / np.maximum(bins, 1) * (b - a), 0.0)
    tops = np.array([counts[i:j].max() for i, j in zip(a, b, strict=True)])
    # Counts corrected for dead time scatter more than Poisson's.
    excess = np.ones(len(names))
    if "variance_ratio" in spectrum.coords:
        more = np.concatenate([[0.0], np.cumsum(counts * spectrum["variance_ratio"].values)])
        excess = np.where(inside > 0, (more[b] - more[a]) / np.maximum(inside, 1e-9), 1.0)
    variance = excess * (inside + background / ratio)
    ends = signal_interval(inside / excess, beside / excess, ratio)
    gaps = np.abs(centers[:, None] - centers) + np.where(np.eye(len(names)), np.inf, 0)
    flag = np.where(gaps.min(axis=1) < _APART * width, "unresolved", "ok").astype("<U10")
    flag[[saturated(spectrum, c, width) for c in centers]] = "saturated"
    edges = [np.interp(window[:, i], time, root) ** 2 for i in (0, 1)]
    return {
        "area": inside - background,
        "height": tops - background / (b - a),
        "standard_uncertainty": np.sqrt(np.maximum(variance, 1.0)),
        "area_lower": excess * ends[0],
        "area_upper": excess * ends[1],
        "background": background,
        "detection_limit": detection_limit(excess * background, ratio),
        "lower_border": edges[0],
        "upper_border": edges[1],
        "flag": flag,
    }


def _borders(center: float, all_centers: np.ndarray, width: float) -> tuple[float, float]:
    """Window of a peak: up to halfway to its listed neighbours."""
    low, high = center - BEFORE * width, center + AFTER * width
    halfway = (center + all_centers) / 2
    low = max([low, *halfway[halfway < center]])
    return low, min([high, *halfway[halfway > center]])


def _background(
    time: np.ndarray, summed: np.ndarray, low: float, high: float, side: float, gap: list[float]
) -> tuple[float, int]:
    """Counts beside a window, and in how many channels they were counted.

    The emptier of two sides is too low on average, so both count unless one holds a peak.
    """
    sides = []
    for start, stop in ((low - side, low - side / 3), (high + side / 3, high + side)):
        i, j = np.searchsorted(time, [max(start, gap[0]), min(stop, gap[1])])
        if j > i:
            sides.append((float(summed[j] - summed[i]), int(j - i)))
    if len(sides) == 2:
        (a, n), (b, m) = sides
        pooled = (a + b) / (n + m)
        if abs(a / n - b / m) <= 3 * np.sqrt(max(pooled, 1 / (n + m)) * (1 / n + 1 / m)):
            return a + b, n + m
    return min(sides, key=lambda s: s[0] / s[1]) if sides else (0.0, 0)
