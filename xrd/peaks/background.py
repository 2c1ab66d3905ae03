"""What lies under the peaks."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from xrd.labels.labels import require_pattern
from xrd.peaks.find import noise_gain


def estimate_background(
    pattern: xr.DataArray, *, method: Literal["snip", "arpls"] = "snip", width: float = 2.0
) -> xr.DataArray:
    """Background of a pattern, by pybaselines.

    Parameters
    ----------
    pattern : xarray.DataArray
        Dim two_theta.
    method : {"snip", "arpls"}
        Statistics-sensitive peak clipping (Ryan et al., Nucl. Instrum. Methods B 34, 1988, 396),
        or asymmetrically reweighted least squares (Baek et al., Analyst 140, 2015, 250).
    width : float, default 2.0
        What is narrower, degree, belongs to peaks.

    Returns
    -------
    xarray.DataArray

    Raises
    ------
    MeasurementError
        If the method is not known, or the width does not fit the pattern.

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> pattern = simulate_pattern(1)[0]
    >>> bool(estimate_background(pattern).max() < 0.2 * pattern.max())
    True
    """
    from pybaselines import Baseline

    pattern = require_pattern(pattern)
    x, y = pattern["two_theta"].values, pattern.values.astype(float)
    step = float(np.median(np.diff(x)))
    if not 3 * step < width < np.ptp(x):
        raise MeasurementError(
            f"width is {width:g} degree; it must lie between three steps ({3 * step:.3g}) and the "
            f"pattern's range ({np.ptp(x):.3g})"
        )
    fitter = Baseline(x)
    if method == "snip":
        points = max(2, round(width / 2 / step))
        base, _ = fitter.snip(y, max_half_window=points, decreasing=True, smooth_half_window=2)
    elif method == "arpls":
        base, _ = fitter.arpls(y, lam=1e2 * (width / step) ** 2)
    else:
        raise MeasurementError(f"method is {method!r}; allowed are snip and arpls")
    out = pattern.copy(data=base)
    out.name = "background"
    out.attrs = {**pattern.attrs, "long_name": "background"}
    return add_history(out, "estimate_background", method=method, width=width)


def subtract_background(
    pattern: xr.DataArray, *, method: Literal["snip", "arpls"] = "snip", width: float = 2.0
) -> xr.DataArray:
    """Pattern without its background; the counting uncertainty of each point goes with it.

    For looking and for reflection lists: `compare_patterns` and `fit_peaks` take patterns as
    measured and treat the background themselves.

    Parameters
    ----------
    pattern, method, width
        As for `estimate_background`.

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> bool(abs(subtract_background(simulate_pattern(1)[0]).median()) < 100)
    True
    """
    pattern = require_pattern(pattern)
    base = estimate_background(pattern, method=method, width=width)
    gain = noise_gain(pattern)
    u = np.sqrt(gain * np.maximum(pattern.values, gain))
    out = pattern.copy(data=pattern.values - base.values)
    out.name = "intensity"
    unit = {"units": pattern.attrs["units"], "long_name": "standard uncertainty"}
    out = out.assign_coords(standard_uncertainty=("two_theta", u, unit))
    return add_history(out, "subtract_background", method=method, width=width)
