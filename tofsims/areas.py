"""How many counts does each ion's peak hold?"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import xarray as xr

from coatqc.core.errors import MeasurementError
from coatqc.core.provenance import add_history
from tofsims.ions import ion
from tofsims.labels import flight_time, require_spectrum
from tofsims.peaks import typical_width

# Peaks have a tail towards late times: the window reaches further there. In widths.
BEFORE, AFTER = 2.0, 3.0
# Counts below this m/z are no ions of the sample.
MIN_MASS = 0.5
# Half the way to the next whole mass, nearly.
_HALF_MASS = 0.45


def peak_areas(spectra: xr.DataArray | Sequence[xr.DataArray], ions: Sequence[str]) -> xr.Dataset:
    """Counts in the peaks of ions, with Poisson uncertainty.

    All peaks of a spectrum have about the same width in flight time, which is taken from its
    strongest ones; the window of each reaches 2 widths before and 3 behind, and ends halfway to
    a neighbour in `ions`: list overlapping neighbours (PS- beside PO2-) so that they part. The
    background is taken from both sides of the window, or from the emptier one where the other
    holds a peak.

    Parameters
    ----------
    spectra : xarray.DataArray or sequence of it
        Calibrated spectra, a replicate each.
    ions : sequence of str
        Fragments to integrate.

    Returns
    -------
    xarray.Dataset
        ``area`` and ``standard_uncertainty`` (replicate, fragment) in counts, ``total``
        (replicate), the counts above 0.5 u; coordinate ``exact_mass`` (fragment) in u.

    Raises
    ------
    MeasurementError
        If an ion lies outside a spectrum.

    Warns
    -----
    UserWarning
        If a spectrum was not put through `calibrate`.

    Examples
    --------
    >>> from tofsims import calibrate, simulate_spectra
    >>> spectra, _ = simulate_spectra(1, n=2)
    >>> areas = peak_areas([calibrate(s) for s in spectra], ["PO2-", "PS-"])
    >>> dict(areas["area"].sizes)
    {'replicate': 2, 'fragment': 2}
    """
    several = [spectra] if isinstance(spectra, xr.DataArray) else list(spectra)
    names = list(dict.fromkeys(ions))
    if not several or not names:
        raise MeasurementError("peak areas need at least one spectrum and one ion")
    if loose := [s for s in several if "calibration_ions" not in s.attrs]:
        warnings.warn(
            f"the mass scale of {len(loose)} of {len(several)} spectra is as stored: a window may "
            "miss its peak; call tofsims.calibrate first",
            UserWarning,
            stacklevel=2,
        )
    rows = [_areas_of(require_spectrum(s), names) for s in several]
    area, spread = (np.array([r[i] for r in rows]) for i in (0, 1))
    total = [float(s.values[s["mz"].values > MIN_MASS].sum()) for s in several]
    dims = ("replicate", "fragment")
    counts = {"units": "counts"}
    out = xr.Dataset(
        {
            "area": (dims, area, {**counts, "long_name": "peak area"}),
            "standard_uncertainty": (
                dims,
                spread,
                {**counts, "long_name": "standard uncertainty of the peak area"},
            ),
            "total": ("replicate", total, {**counts, "long_name": "total counts"}),
        },
        coords={
            "replicate": (
                "replicate",
                np.arange(len(several)),
                {"units": "1", "long_name": "replicate"},
            ),
            "fragment": ("fragment", names, {"units": "1", "long_name": "fragment"}),
            "exact_mass": (
                "fragment",
                [ion(n).mz for n in names],
                {"units": "u", "long_name": "exact m/z"},
            ),
        },
    )
    if any(s.attrs.get("simulated") == "yes" for s in several):
        out.attrs["simulated"] = "yes"
    return add_history(out, "peak_areas", ions=names)


def _areas_of(spectrum: xr.DataArray, names: list[str]) -> tuple[list[float], list[float]]:
    time, counts = flight_time(spectrum), spectrum.values
    mz = spectrum["mz"].values
    masses = np.array([ion(n).mz for n in names])
    if outside := [n for n, m in zip(names, masses, strict=True) if not mz[2] < m < mz[-3]]:
        raise MeasurementError(
            f"{', '.join(outside)} lies outside {spectrum.attrs.get('source', 'the spectrum')}, "
            f"which ends at {mz[-1]:.2f} u"
        )
    root = np.sqrt(np.clip(mz, 0, None))
    centers = np.interp(np.sqrt(masses), root, time)
    width = typical_width(spectrum)
    areas, spreads = [], []
    # Between whole masses there are no ions: the background is taken from there.
    between = [np.interp(np.sqrt(masses + d), root, time) for d in (-_HALF_MASS, _HALF_MASS)]
    for center, *gap in zip(centers, *between, strict=True):
        low, high = center - BEFORE * width, center + AFTER * width
        for other in centers:
            if low < (center + other) / 2 < center:
                low = (center + other) / 2
            elif center < (center + other) / 2 < high:
                high = (center + other) / 2
        area, spread = _window(time, counts, (low, high), (BEFORE + AFTER) * width, gap)
        areas.append(area)
        spreads.append(spread)
    return areas, spreads


def _window(
    time: np.ndarray,
    counts: np.ndarray,
    window: tuple[float, float],
    side: float,
    gap: list[float],
) -> tuple[float, float]:
    """Counts of a window above its background, and their standard uncertainty."""
    low, high = window
    a, b = np.searchsorted(time, [low, high])
    b = max(b, a + 1)
    inside = float(counts[a:b].sum())
    sides = []
    for start, stop in ((low - side, low - side / 3), (high + side / 3, high + side)):
        i, j = np.searchsorted(time, [max(start, gap[0]), min(stop, gap[1])])
        if j > i:
            sides.append((float(counts[i:j].mean()), j - i))
    level, n = _background(sides)
    background = level * (b - a)
    variance = inside + (b - a) ** 2 * level / n
    return inside - background, float(np.sqrt(max(variance, 1.0)))


def _background(sides: list[tuple[float, int]]) -> tuple[float, int]:
    """Mean count of a background channel, and over how many channels it was taken.

    The emptier of two sides is too low on average, so both count unless one holds a peak.
    """
    if not sides:
        return 0.0, 1
    if len(sides) == 2:
        (a, n), (b, m) = sides
        pooled = (a * n + b * m) / (n + m)
        if abs(a - b) <= 3 * np.sqrt(max(pooled, 1 / (n + m)) * (1 / n + 1 / m)):
            return pooled, n + m
    return min(sides)
