"""How far do values scatter, when a few of them lie far off?"""

from __future__ import annotations

from typing import Any

import numpy as np


def _zero(values: np.ndarray, axis: int | None = None) -> Any:
    return np.zeros(()) if axis is None else np.zeros_like(np.take(values, 0, axis=axis))


def robust_scale(values: np.ndarray, axis: int | None = None, *, about_zero: bool = False) -> Any:
    """Standard deviation by the median absolute deviation, of which outliers move little.

    SciPy's `scipy.stats.median_abs_deviation`, scaled to be the standard deviation where values
    are normal.

    Parameters
    ----------
    values : numpy.ndarray
        Finite.
    axis : int, optional
        By default over all values.
    about_zero : bool
        Deviations from zero, as of residuals, and not from the median.

    Returns
    -------
    float or numpy.ndarray
        In the unit of the values, without that axis.

    References
    ----------
    Hampel, J. Am. Stat. Assoc. 1974, 69, 383.

    Examples
    --------
    >>> x = np.random.default_rng(1).normal(5.0, 2.0, 100_001)
    >>> round(float(robust_scale(x)), 1), round(float(robust_scale(x - 5, about_zero=True)), 1)
    (2.0, 2.0)
    """
    from scipy.stats import median_abs_deviation

    if about_zero:
        return median_abs_deviation(values, axis=axis, center=_zero, scale="normal")
    return median_abs_deviation(values, axis=axis, scale="normal")
