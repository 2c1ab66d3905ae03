"""Which reflections does a pattern show?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from scipy import signal
from scipy.ndimage import gaussian_filter1d

from coatcore.errors import MeasurementError
from xrd.labels.angles import d_spacing
from xrd.labels.labels import require_pattern

# Peaks are looked for after smoothing by a Gaussian of this standard deviation, degree.
_SMOOTHING = 0.03
_COLUMNS = ("two_theta / degree", "d / angstrom", "height", "fwhm / degree", "significance")


def find_peaks(pattern: xr.DataArray, *, significance: float = 6.0) -> pd.DataFrame:
    """Peaks that stand out of the noise, strongest first.

    Parameters
    ----------
    pattern : xarray.DataArray
        Dim two_theta.
    significance : float
        Least height over its surroundings, in standard deviations of the noise.

    Returns
    -------
    pandas.DataFrame
        Columns two_theta / degree, d / angstrom (NaN without a wavelength), height (unit of the
        pattern), fwhm / degree, significance.

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> float(find_peaks(simulate_pattern(1)[0])["two_theta / degree"].iloc[0].round(1))
    30.0
    """
    pattern = require_pattern(pattern)
    x, y = pattern["two_theta"].values, pattern.values
    step = float(np.median(np.diff(x)))
    calm = gaussian_filter1d(y, max(0.5, _SMOOTHING / step))
    noise = np.sqrt(np.maximum(noise_gain(pattern) * np.maximum(calm, 0), 1e-12))
    found, facts = signal.find_peaks(calm, prominence=0, width=1)
    z = facts["prominences"] / noise[found]
    keep = np.flatnonzero(z > significance)
    keep = keep[np.argsort(-facts["prominences"][keep])]
    place = x[found[keep]]
    wavelength = pattern.attrs.get("wavelength_angstrom")
    columns = (
        place,
        np.full(place.size, np.nan) if wavelength is None else d_spacing(place, float(wavelength)),
        facts["prominences"][keep],
        facts["widths"][keep] * step,
        z[keep],
    )
    return pd.DataFrame(dict(zip(_COLUMNS, columns, strict=True)))


def noise_gain(pattern: xr.DataArray) -> float:
    """Variance of a point over its value: 1 for counts, 1/time for rates, else estimated.

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> noise_gain(simulate_pattern(1)[0])
    1.0
    """
    if pattern.name == "counts":
        return 1.0
    time = pattern.attrs.get("counting_time_s")
    if pattern.name == "count_rate" and time:
        return 1.0 / float(time)
    y = pattern.values
    # Second differences take off any line; their variance is six times that of the noise.
    rough = (y[2:] - 2 * y[1:-1] + y[:-2]) ** 2 / 6
    level = np.maximum((y[2:] + y[1:-1] + y[:-2]) / 3, 1e-12)
    gain = float(np.median(rough / level) / 0.4549)
    if gain <= 0:
        raise MeasurementError("the pattern shows no noise: it was smoothed or calculated")
    return gain


def typical_width(pattern: xr.DataArray) -> float:
    """Median full width at half maximum of the ten strongest peaks, degree.

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> 0.05 < typical_width(simulate_pattern(1)[0]) < 0.3
    True
    """
    found = find_peaks(pattern)
    step = float(np.median(np.diff(pattern["two_theta"].values)))
    if found.empty:
        return max(0.1, 3 * step)
    # Peaks are looked for in a smoothed pattern, which widens them.
    seen = float(found["fwhm / degree"].head(10).median())
    own = np.sqrt(max(seen**2 - 8 * np.log(2) * max(_SMOOTHING, 0.5 * step) ** 2, 0.0))
    return float(np.clip(own, 2 * step, 1.0))
