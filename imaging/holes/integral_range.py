"""Over what area does a map vary together?"""

from __future__ import annotations

import numpy as np
from scipy import fft

# Lags beyond this many radii of the integral range add noise and no correlation.
_WINDOW = 4.0


def integral_range(values: np.ndarray) -> float:
    """Area over which `values` vary together, in pixels: the sum of their autocorrelation.

    The mean of N pixels scatters like that of N / integral range independent ones. The sum runs
    over lags up to four radii of the disc that it fills, found by widening until both agree.
    The map's own mean takes the place of the true one, which pulls each autocovariance down by
    the variance of the mean; that is put back.

    Parameters
    ----------
    values : numpy.ndarray, shape (ny, nx)
        Finite; set what is missing to the mean.

    Returns
    -------
    float
        At least 1; 1 for values that do not vary.

    References
    ----------
    Lantuejoul, Geostatistical Simulation (2002), chapter 4 (integral range); Sokal, in Functional
    Integration (1997), p. 131 (window from the range itself).

    Examples
    --------
    >>> white = np.random.default_rng(1).normal(size=(128, 128))
    >>> 0.8 < integral_range(white) < 1.3
    True
    """
    ny, nx = values.shape
    off = values - values.mean()
    shape = (2 * ny, 2 * nx)
    spectrum = fft.rfft2(off, s=shape)
    covariance = fft.irfft2(np.abs(spectrum) ** 2, s=shape) / values.size
    if covariance[0, 0] <= 1e-12 * float(np.mean(values**2)) or covariance[0, 0] == 0:
        return 1.0
    reach = min(ny, nx) // 2
    lags = np.arange(-reach + 1, reach)
    near = covariance[np.ix_(lags, lags)] / covariance[0, 0]
    ring = np.hypot(lags[:, None], lags[None, :]).astype(int)
    inside = ring < reach
    sums = np.cumsum(np.bincount(ring[inside], weights=near[inside], minlength=reach))
    counts = np.cumsum(np.bincount(ring[inside], minlength=reach))
    radius = np.sqrt(np.maximum(sums, 1.0) / np.pi)
    wide = np.flatnonzero(np.arange(reach) >= _WINDOW * radius)
    at = int(wide[0]) if wide.size else reach - 1
    share = min(0.6, counts[at] / values.size)
    return max(1.0, float(sums[at]) / (1 - share))
