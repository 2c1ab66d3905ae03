"""Put a mass scale right, and say what an ion's mass is on it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.provenance import add_history
from tofsims.calibration.calibrants import centroid
from tofsims.calibration.lone_peak import find_peak, search_range
from tofsims.calibration.mass_scale import DEFAULT_CALIBRANTS, MassScale, fit_mass_scale
from tofsims.ions.ions import ion
from tofsims.labels.labels import flight_time, require_spectrum

# Beyond this many times the heaviest calibrant's mass, a mass stands on extrapolation.
_EXTRAPOLATION = 1.5


def calibrate(spectrum: xr.DataArray, ions: Sequence[str] = DEFAULT_CALIBRANTS) -> xr.DataArray:
    """Recalibrate the mass scale on known ions.

    Parameters
    ----------
    spectrum : xarray.DataArray
        Dim mz, best with coordinate channel.
    ions : sequence of str
        At least two. By default the paper's.

    Returns
    -------
    xarray.DataArray
        Same counts on a new m/z axis. attrs ``calibration_ions`` (those used),
        ``calibration_left_out`` (with reasons), ``calibration_rms_ppm``, and
        ``calibration_scale``, from which `mass_accuracy` tells the uncertainty of any mass.

    Raises
    ------
    MeasurementError
        If fewer than two of the ions are found.

    References
    ----------
    ISO 13084:2018; Green, Gilmore & Seah, J. Am. Soc. Mass Spectrom. 2006, 17, 514.

    Examples
    --------
    >>> from tofsims import ion, simulate_spectra
    >>> from tofsims.calibration import peak_position
    >>> (spectrum,), _ = simulate_spectra(1, n=1)
    >>> before, after = (abs(peak_position(s, "SO-") - ion("SO-").mz)
    ...     for s in (spectrum, calibrate(spectrum)))
    >>> after < before
    True
    """
    return with_scale(spectrum, fit_mass_scale(spectrum, ions))


def with_scale(spectrum: xr.DataArray, scale: MassScale) -> xr.DataArray:
    """The spectrum on a fitted mass scale.

    Parameters
    ----------
    spectrum : xarray.DataArray
        Dim mz.
    scale : MassScale
        From `fit_mass_scale` of this spectrum.

    Examples
    --------
    >>> from tofsims import simulate_spectra
    >>> (spectrum,), _ = simulate_spectra(1, n=1)
    >>> "calibration_rms_ppm" in with_scale(spectrum, fit_mass_scale(spectrum)).attrs
    True
    """
    time = flight_time(spectrum)
    root = scale.offset + scale.slope * (time - scale.middle)
    good = root > 0
    out = spectrum.isel(mz=np.flatnonzero(good))
    out = out.assign_coords(mz=("mz", root[good] ** 2, out["mz"].attrs))
    used = [c.name for c in scale.used]
    out.attrs["calibration_ions"] = ", ".join(used)
    out.attrs["calibration_rms_ppm"] = scale.rms_ppm
    if left := [f"{c.name} ({c.problem})" for c in scale.calibrants if c.problem]:
        out.attrs["calibration_left_out"] = "; ".join(left)
    out.attrs["calibration_scale"] = [
        scale.offset,
        scale.offset_uncertainty,
        scale.slope_uncertainty / scale.slope,
        scale.excess,
        float(scale.dof),
        max(c.mz for c in scale.used),
    ]
    return add_history(out, "calibrate", ions=used)


def mass_accuracy(spectrum: xr.DataArray, mz: float) -> float:
    """Standard uncertainty of a calibrated mass scale at m/z.

    Parameters
    ----------
    spectrum : xarray.DataArray
        From `calibrate`.
    mz : float
        In u.

    Returns
    -------
    float
        In ppm: of the line, and of the calibrants' scatter about it. It grows outside them.

    Raises
    ------
    MeasurementError
        If the spectrum was not calibrated.

    Examples
    --------
    >>> from tofsims import simulate_spectra
    >>> (spectrum,), _ = simulate_spectra(1, n=1)
    >>> fixed = calibrate(spectrum)
    >>> 90 * mass_accuracy(fixed, 90.0) > 48 * mass_accuracy(fixed, 48.0)
    True
    """
    offset, u_offset, u_slope, excess, _, _ = _scale_of(spectrum)
    root = float(np.sqrt(mz))
    return 2e6 * float(np.hypot(np.hypot(u_offset, u_slope * (root - offset)), excess)) / root


def measured_mass(spectrum: xr.DataArray, name: str) -> Estimate:
    """Mass-to-charge ratio of the peak nearest to an ion, with the whole uncertainty.

    Parameters
    ----------
    spectrum : xarray.DataArray
        From `calibrate`, dim mz.
    name : str
        The ion that it is taken for. Compare with ``ion(name).mz``: where that lies outside the
        interval, the assignment is in doubt.

    Returns
    -------
    Estimate
        In u. Counting, the line's uncertainty and the calibrants' scatter, with Student's t of
        their degrees of freedom.

    Raises
    ------
    MeasurementError
        If no peak stands out there, or the spectrum was not calibrated.

    Warns
    -----
    UserWarning
        Where the mass is more than 1.5 times that of the heaviest calibrant: ISO 13084 advises
        calibrants near the masses of interest.

    Examples
    --------
    >>> from tofsims import simulate_spectra
    >>> (spectrum,), _ = simulate_spectra(1, n=1)
    >>> mass = measured_mass(calibrate(spectrum), "SO-")
    >>> bool(mass.lower < ion("SO-").mz < mass.upper)
    True
    """
    require_spectrum(spectrum)
    *_, dof, heaviest = _scale_of(spectrum)
    exact = ion(name).mz
    if exact > _EXTRAPOLATION * heaviest:
        warnings.warn(
            f"{name} at {exact:.3f} u is far above the heaviest calibrant ({heaviest:.3f} u): its "
            "mass stands on extrapolation; add a calibrant near it",
            UserWarning,
            stacklevel=2,
        )
    time, counts = flight_time(spectrum), spectrum.values.astype(float)
    peak = find_peak(time, counts, *search_range(spectrum, exact))
    if peak is None:
        raise MeasurementError(f"no peak stands out near {name} at {exact:.4f} u")
    root = np.sqrt(np.clip(spectrum["mz"].values, 0, None))
    middle, spread = centroid(time, counts, peak)
    place = float(np.interp(middle, time, root))
    at = min(max(int(np.searchsorted(time, middle)), 1), time.size - 1)
    slope = (root[at] - root[at - 1]) / (time[at] - time[at - 1])
    counting = 2 * place * slope * spread
    scale = place**2 * mass_accuracy(spectrum, place**2) * 1e-6
    total = float(np.hypot(counting, scale))
    # Welch and Satterthwaite: counting is known, the scale's scatter was estimated.
    return Estimate.from_standard_uncertainty(
        place**2,
        total,
        unit="u",
        dof=dof * (total / max(scale, 1e-300)) ** 4,
        method="centroid on a mass scale of " + str(spectrum.attrs["calibration_ions"]),
    )


def _scale_of(spectrum: xr.DataArray) -> list[float]:
    if "calibration_scale" not in spectrum.attrs:
        raise MeasurementError(
            f"{spectrum.attrs.get('source', 'the spectrum')} is on its stored mass scale, of "
            "unknown uncertainty; call tofsims.calibrate first"
        )
    return [float(v) for v in spectrum.attrs["calibration_scale"]]
