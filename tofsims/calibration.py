"""Put a mass scale right: flight time is linear in the root of m/z."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import xarray as xr

from coatqc.core.errors import MeasurementError
from coatqc.core.provenance import add_history
from tofsims.ions import ion
from tofsims.labels import flight_time, require_spectrum
from tofsims.peaks import find_peak, search_range

# The paper's calibrants, section 4.7.
DEFAULT_CALIBRANTS = ("C-", "C2-", "C3-", "C4-", "PO-", "PO2-", "PO3-")


def calibrate(spectrum: xr.DataArray, ions: Sequence[str] = DEFAULT_CALIBRANTS) -> xr.DataArray:
    """Recalibrate the mass scale on known ions.

    Each ion's peak is looked for near its place on the stored scale, its centroid taken between
    channels, and t = a + b sqrt(m/z) fitted; a peak that does not lie on the line of the others
    (a neighbour taken for the ion) is left out.

    Parameters
    ----------
    spectrum : xarray.DataArray
        Dim mz, best with coordinate channel.
    ions : sequence of str
        At least two. By default the paper's.

    Returns
    -------
    xarray.DataArray
        Same counts on a new m/z axis. attrs ``calibration_ions`` and ``calibration_rms_ppm``
        say what it stands on.

    Raises
    ------
    MeasurementError
        If fewer than two of the ions are found.

    References
    ----------
    Green, Gilmore & Seah, J. Am. Soc. Mass Spectrom. 2006, 17, 514.

    Examples
    --------
    >>> from tofsims import ion, peak_position, simulate_spectra
    >>> (spectrum,), _ = simulate_spectra(1, n=1)
    >>> before, after = (abs(peak_position(s, "SO-") - ion("SO-").mz)
    ...     for s in (spectrum, calibrate(spectrum)))
    >>> after < before
    True
    """
    require_spectrum(spectrum)
    time, counts = flight_time(spectrum), spectrum.values
    inside = [n for n in dict.fromkeys(ions) if ion(n).mz < float(spectrum["mz"].max())]
    seen = {n: find_peak(time, counts, *search_range(spectrum, ion(n).mz)) for n in inside}
    found = {n: p for n, p in seen.items() if p is not None}
    if len(found) < 2:
        raise MeasurementError(
            f"{spectrum.attrs.get('source', 'the spectrum')} shows {len(found)} of the "
            f"calibration ions {', '.join(ions)} ({', '.join(found) or 'none'}); 2 are needed"
        )
    t = np.array([p.time for p in found.values()])
    root = np.sqrt([ion(n).mz for n in found])
    width = float(np.median([p.fwhm for p in found.values()]))
    slope, offset, kept = _line(t, root, width)
    new_root = offset + slope * time
    good = new_root > 0
    out = spectrum.isel(mz=np.flatnonzero(good))
    attrs = out["mz"].attrs
    out = out.assign_coords(mz=("mz", new_root[good] ** 2, attrs))
    residual = ((offset + slope * t[kept]) ** 2 / root[kept] ** 2 - 1) * 1e6
    used = [n for n, keep in zip(found, kept, strict=True) if keep]
    out.attrs["calibration_ions"] = ", ".join(used)
    out.attrs["calibration_rms_ppm"] = float(np.sqrt(np.mean(residual**2)))
    return add_history(out, "calibrate", ions=used)


def _line(t: np.ndarray, root: np.ndarray, width: float) -> tuple[float, float, np.ndarray]:
    """Slope and offset of root against t, and which points it stands on."""
    best = np.ones(t.size, bool)
    if t.size > 2:
        # The line through two peaks that leaves the rest nearest to it, in channels.
        lines = []
        for i, j in combinations(range(t.size), 2):
            slope = (root[j] - root[i]) / (t[j] - t[i])
            off = np.abs((root - root[i]) / slope + t[i] - t)
            lines.append((np.sort(off)[(t.size + 1) // 2], off))
        median, off = min(lines, key=lambda line: line[0])
        best = off <= max(3 * median, width)
    slope, offset = np.polyfit(t[best], root[best], 1)
    return float(slope), float(offset), best
