"""Do the replicates stand on one mass scale?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from scipy import signal
from scipy.stats import siegelslopes

from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from coatcore.statistics.robust_scale import robust_scale
from tofsims.calibration.calibration import calibrate
from tofsims.calibration.lone_peak import find_peak, search_range, typical_width
from tofsims.calibration.mass_scale import DEFAULT_CALIBRANTS
from tofsims.ions.ions import ion
from tofsims.labels.labels import flight_time, require_spectrum

# Peaks that spectra are compared by, at most and at least.
_MOST, _FEWEST = 60, 4
# Calibrants with which a spectrum can stand by itself.
_SURE = 4


def align_spectra(
    spectra: Sequence[xr.DataArray], ions: Sequence[str] = DEFAULT_CALIBRANTS
) -> list[xr.DataArray]:
    """Replicates on one mass scale, by all strong peaks that they share.

    The spectrum with the most calibrants is calibrated; each other one is put onto its scale by
    the peaks that both show, whatever their ions; then the scale of all is put right by the mean
    places of the calibrants in all spectra. A spectrum that shows no calibrant at all can so be
    calibrated. Counts are not touched: every spectrum keeps its own bins (see `rebin`).

    Parameters
    ----------
    spectra : sequence of xarray.DataArray
        At least two, of one kind of bins.
    ions : sequence of str
        Calibration ions.

    Returns
    -------
    list of xarray.DataArray
        In the order given; attrs as from `calibrate`, and ``alignment_peaks``, how many peaks
        each shares with the first calibrated one.

    Raises
    ------
    MeasurementError
        If their bins differ, no spectrum shows two calibrants, or a spectrum shares fewer than
        four peaks with the others.

    Examples
    --------
    >>> from tofsims import simulate_spectra
    >>> spectra, _ = simulate_spectra(1, n=3)
    >>> [s.attrs["alignment_peaks"] > 4 for s in align_spectra(spectra)]
    [True, True, True]
    """
    several = [require_spectrum(s) for s in spectra]
    if len(several) < 2:
        raise MeasurementError(f"alignment needs at least two spectra, found {len(several)}")
    steps = [float(np.median(np.diff(flight_time(s)))) for s in several]
    if max(steps) > 1.01 * min(steps):
        raise MeasurementError(
            f"the spectra have bins of {min(steps):g} to {max(steps):g} channels: export all with "
            "the same binning"
        )
    fixed: list[xr.DataArray | None] = []
    problems = []
    for spectrum in several:
        try:
            alone = calibrate(spectrum, ions)
            # Three ions that are all wrong may still lie on a line.
            sure = len(alone.attrs["calibration_ions"].split(", ")) >= min(_SURE, len(set(ions)))
            fixed.append(alone if sure else None)
            problems.append("too few calibration ions")
        except MeasurementError as error:
            fixed.append(None)
            problems.append(str(error))
    known = [k for k, s in enumerate(fixed) if s is not None]
    if not known:
        raise MeasurementError(f"no spectrum can be calibrated: {problems[0]}")

    def standing(k: int) -> tuple[int, float]:
        mine = fixed[k]
        assert mine is not None
        return len(mine.attrs["calibration_ions"].split(", ")), float(mine.values.sum())

    best = max(known, key=standing)
    reference = fixed[best]
    assert reference is not None
    marks = _marks(reference)
    moved = []
    for k, spectrum in enumerate(several):
        own = fixed[k]
        out, shared = _onto(spectrum if own is None else own, marks, reference)
        out.attrs.update({key: reference.attrs[key] for key in _SCALE if key in reference.attrs})
        out.attrs["alignment_peaks"] = shared
        moved.append(out)
    return _pooled(moved, reference.attrs["calibration_ions"].split(", "))


_SCALE = ("calibration_ions", "calibration_rms_ppm", "calibration_scale")


def _marks(reference: xr.DataArray) -> np.ndarray:
    """Roots of m/z of a spectrum's strongest peaks."""
    time, counts = flight_time(reference), reference.values.astype(float)
    width = typical_width(reference)
    step = float(np.median(np.diff(time)))
    bins = max(1, round(width / step))
    tops, facts = signal.find_peaks(counts, prominence=50.0, distance=2 * bins)
    strongest = tops[np.argsort(-facts["prominences"])][:_MOST]
    root = np.sqrt(np.clip(reference["mz"].values, 0, None))
    found = [find_peak(time, counts, time[t] - width, time[t] + width + step) for t in strongest]
    return np.sort([np.interp(p.time, time, root) for p in found if p is not None])


def _onto(
    spectrum: xr.DataArray, marks: np.ndarray, reference: xr.DataArray
) -> tuple[xr.DataArray, int]:
    """A spectrum on the scale of the reference, and how many peaks they share."""
    time, counts = flight_time(spectrum), spectrum.values.astype(float)
    width = typical_width(spectrum)
    here, there = [], []
    for mark in marks:
        peak = find_peak(time, counts, *search_range(spectrum, mark**2))
        if peak is not None and peak.fwhm < 2.5 * width:
            here.append(peak.time)
            there.append(mark)
    if len(here) < _FEWEST:
        raise MeasurementError(
            f"{spectrum.attrs.get('source', 'a spectrum')} shares {len(here)} peaks with "
            f"{reference.attrs.get('source', 'the others')}, {_FEWEST} are needed to align it"
        )
    x, y = np.array(here), np.array(there)
    # Wrong neighbours may be among them: a line that half of them do not move.
    start = siegelslopes(y, x)
    off = np.abs(y - start.intercept - start.slope * x)
    keep = off <= max(3.5 * float(robust_scale(off, about_zero=True)), 0.1 * width * start.slope)
    for _ in range(20):
        slope, offset = np.polyfit(x[keep], y[keep], 1)
        off = np.abs(y - offset - slope * x)
        limit = max(3.5 * float(robust_scale(off[keep], about_zero=True)), 0.02 * width * slope)
        new = off <= limit
        if (new == keep).all() or new.sum() < _FEWEST:
            break
        keep = new
    scaled = offset + slope * time
    good = scaled > 0
    out = spectrum.isel(mz=np.flatnonzero(good))
    out = out.assign_coords(mz=("mz", scaled[good] ** 2, spectrum["mz"].attrs))
    return add_history(out, "align_spectra", peaks=int(keep.sum())), int(keep.sum())


def _pooled(spectra: list[xr.DataArray], ions: list[str]) -> list[xr.DataArray]:
    """All spectra moved alike, so that the calibrants' mean places are right."""
    exact, places, weights = [], [], []
    for name in ions:
        found = []
        for spectrum in spectra:
            time = flight_time(spectrum)
            root = np.sqrt(spectrum["mz"].values)
            peak = find_peak(
                time, spectrum.values.astype(float), *search_range(spectrum, ion(name).mz)
            )
            if peak is not None:
                found.append(float(np.interp(peak.time, time, root)))
        if found:
            exact.append(float(np.sqrt(ion(name).mz)))
            places.append(float(np.median(found)))
            weights.append(len(found))
    slope, offset = np.polyfit(places, exact, 1, w=np.sqrt(weights))
    out = []
    for spectrum in spectra:
        root = np.clip(offset + slope * np.sqrt(spectrum["mz"].values), 0, None)
        good = root > 0
        part = spectrum.isel(mz=np.flatnonzero(good))
        out.append(part.assign_coords(mz=("mz", root[good] ** 2, spectrum["mz"].attrs)))
    return out


def rebin(spectrum: xr.DataArray, mz: np.ndarray) -> xr.DataArray:
    """A spectrum in other bins; each count goes where its part of a bin lies.

    Neighbouring bins then share counts and are no longer independent: measure areas and their
    uncertainty before, on the spectrum's own bins. For pictures, sums and multivariate analysis.

    Parameters
    ----------
    spectrum : xarray.DataArray
        Dim mz.
    mz : numpy.ndarray
        Middles of the new bins in u, rising.

    Returns
    -------
    xarray.DataArray
        On `mz`, without the coordinate channel. Counts outside it are lost, others kept.

    Raises
    ------
    MeasurementError
        If `mz` does not rise, or lies outside the spectrum.

    Examples
    --------
    >>> from tofsims.labels.labels import labelled_spectrum
    >>> made = labelled_spectrum([1.0, 4.0, 9.0, 16.0], [1, 2, 3, 4], [0, 8, 0, 0])
    >>> rebin(made, np.array([2.25, 6.25])).values
    array([4., 4.])
    """
    new = np.asarray(mz, dtype=float)
    if new.ndim != 1 or new.size < 2 or not (np.diff(new) > 0).all() or new[0] < 0:
        raise MeasurementError("the new m/z must rise from bin to bin, two bins at least")
    old = np.sqrt(require_spectrum(spectrum)["mz"].values)
    if new[-1] < old[0] ** 2 or new[0] > old[-1] ** 2:
        raise MeasurementError(
            f"the new bins ({new[0]:g} to {new[-1]:g} u) lie outside the spectrum "
            f"({old[0] ** 2:g} to {old[-1] ** 2:g} u)"
        )

    def borders(middles: np.ndarray) -> np.ndarray:
        inner = (middles[1:] + middles[:-1]) / 2
        return np.concatenate([[2 * middles[0] - inner[0]], inner, [2 * middles[-1] - inner[-1]]])

    summed = np.concatenate([[0.0], np.cumsum(spectrum.values, dtype=float)])
    values = np.diff(np.interp(borders(np.sqrt(new)), borders(old), summed))
    out = xr.DataArray(
        values,
        {"mz": ("mz", new, spectrum["mz"].attrs)},
        ("mz",),
        name=spectrum.name,
        attrs=spectrum.attrs,
    )
    return add_history(out, "rebin", bins=new.size)
