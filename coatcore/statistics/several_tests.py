"""Are all of several tests right together?"""

from __future__ import annotations

import numpy as np


def holm(p_values: np.ndarray) -> np.ndarray:
    """P-values of a family of tests, adjusted so that all are right together.

    Parameters
    ----------
    p_values : numpy.ndarray, shape (..., tests)
        NaN stays NaN and is no test.

    Returns
    -------
    numpy.ndarray
        Of the same shape: below alpha where the family's error rate is at most alpha.

    References
    ----------
    Holm, Scand. J. Stat. 1979, 6, 65.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03]))
    array([0.03, 0.06, 0.06])
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, axis=-1)
    ranked = np.take_along_axis(p, order, axis=-1)
    left = np.isfinite(p).sum(axis=-1, keepdims=True) - np.arange(p.shape[-1])
    raised = np.maximum.accumulate(np.minimum(ranked * np.maximum(left, 1), 1.0), axis=-1)
    out = np.empty_like(p)
    np.put_along_axis(out, order, raised, axis=-1)
    return np.where(np.isfinite(p), out, np.nan)
