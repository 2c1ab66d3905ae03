"""Take the second line of a K-alpha doublet off a pattern."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.interpolate import CubicSpline

from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from xrd.labels.labels import require_pattern
from xrd.peaks.find import noise_gain
from xrd.peaks.line_shape import DEFAULT_RATIO

_FINER = 4


def strip_kalpha2(pattern: xr.DataArray, *, ratio: float | None = None) -> xr.DataArray:
    """Pattern with K-alpha1 alone, by Rachinger's correction.

    From low to high angle, the part of each intensity that the K-alpha2 line of what lies lower
    explains is taken off. Noise is taken over with it: each point's standard uncertainty is
    given, but neighbours a doublet apart share theirs. To measure peaks, fit the doublet
    (`fit_peaks`); strip for looking and for comparing with monochromatic patterns.

    Parameters
    ----------
    pattern : xarray.DataArray
        With the attributes wavelength_angstrom and wavelength_kalpha2_angstrom.
    ratio : float, optional
        Of K-alpha2 to K-alpha1; by default that of the file, or 0.5.

    Returns
    -------
    xarray.DataArray
        Intensities (unit kept, no longer counts), coordinate standard_uncertainty.

    Raises
    ------
    MeasurementError
        If the pattern has no second wavelength.

    References
    ----------
    Rachinger, J. Sci. Instrum. 25 (1948) 254.

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> pattern = simulate_pattern(1)[0]
    >>> round(float(strip_kalpha2(pattern).sum() / pattern.sum()), 2)
    0.67
    """
    pattern = require_pattern(pattern)
    first = pattern.attrs.get("wavelength_angstrom")
    second = pattern.attrs.get("wavelength_kalpha2_angstrom")
    if first is None or second is None:
        raise MeasurementError(
            "the pattern names no wavelength_kalpha2_angstrom: it is monochromatic, or its file "
            "does not say; set both wavelengths as attributes"
        )
    share = float(pattern.attrs.get("kalpha2_ratio", DEFAULT_RATIO)) if ratio is None else ratio
    if not 0 < share < 1:
        raise MeasurementError(f"ratio is {share:g}; it must lie between 0 and 1, commonly 0.5")
    x, y = pattern["two_theta"].values, pattern.values.astype(float)
    gain = noise_gain(pattern)
    # Between points a sharp line is no straight line: four times as many, by splines.
    fine = np.interp(np.arange(_FINER * (x.size - 1) + 1) / _FINER, np.arange(x.size), x)
    # The spacing that K-alpha2 shows at x shows at `source` with K-alpha1.
    source = 2 * np.degrees(np.arcsin(np.sin(np.radians(fine) / 2) * float(first) / float(second)))
    noisy = np.interp(fine, x, gain * np.maximum(y, gain))
    stripped, variance = _stripped(fine, CubicSpline(x, y)(fine), noisy, source, share)
    stripped, variance = stripped[::_FINER], variance[::_FINER]
    out = pattern.copy(data=stripped)
    out.name = "intensity"
    out.attrs = {k: v for k, v in pattern.attrs.items() if "kalpha2" not in k}
    unit = {"units": pattern.attrs["units"], "long_name": "standard uncertainty"}
    out = out.assign_coords(standard_uncertainty=("two_theta", np.sqrt(variance), unit))
    return add_history(out, "strip_kalpha2", ratio=share)


def _stripped(
    x: np.ndarray, y: np.ndarray, noise: np.ndarray, source: np.ndarray, share: float
) -> tuple[np.ndarray, np.ndarray]:
    """K-alpha1 intensity and its variance, from low to high angle."""
    at = np.searchsorted(x, source)
    stripped, variance = np.empty(x.size), np.empty(x.size)
    # Below the first angle, the pattern is taken to go on as its first point.
    stripped[0], variance[0] = y[0] / (1 + share), noise[0]
    begun = 1
    # Each point needs those that lie a doublet lower: runs as long as the doublet go at once.
    while begun < x.size:
        end = max(begun + 1, int(np.searchsorted(at, begun - 1, side="right")))
        run = slice(begun, min(end, x.size))
        if at[begun] >= begun:
            # A doublet narrower than a step: the point is part of its own source.
            part = (source[begun] - x[begun - 1]) / (x[begun] - x[begun - 1])
            part = float(np.clip(part, 0.0, 1.0))
            before = share * (1 - part)
            stripped[begun] = (y[begun] - before * stripped[begun - 1]) / (1 + share * part)
            variance[begun] = noise[begun] + before**2 * variance[begun - 1]
        else:
            known = x[:begun]
            stripped[run] = y[run] - share * np.interp(source[run], known, stripped[:begun])
            taken = np.interp(source[run], known, variance[:begun])
            variance[run] = noise[run] + share**2 * taken
        begun = run.stop
    return stripped, variance
