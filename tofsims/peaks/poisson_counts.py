"""What do counts in a peak's window and beside it say of the peak?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

# Deviance at the ends of a 95 % interval.
_DEVIANCE = 3.841459
# Normal quantile of 95 %, one-sided.
_ONE_SIDED = 1.644854


def signal_interval(
    window: ArrayLike, beside: ArrayLike, ratio: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of the ions in a window, above a background counted beside it.

    The profile of the Poisson likelihood: the background is what makes the counts most likely.
    It is right from no count at all up to millions, and never below zero.

    Parameters
    ----------
    window, beside : array_like
        Counts in the window, and in the bins beside it.
    ratio : array_like
        Bins beside the window over bins in it; infinity where there is no background.

    Returns
    -------
    (numpy.ndarray, numpy.ndarray)
        Lower and upper ends, counts.

    References
    ----------
    Rolke, Lopez & Conrad, Nucl. Instrum. Methods A 2005, 551, 493.

    Examples
    --------
    >>> low, high = signal_interval(100.0, 40.0, 2.0)
    >>> print(low.round(), high.round())
    60.0 102.0
    """
    n, off, tau = np.broadcast_arrays(
        *(np.asarray(v, dtype=float) for v in (window, beside, ratio))
    )
    known = ~np.isfinite(tau)
    tau = np.where(known, 1.0, tau)
    best = np.maximum(n - np.where(known, 0.0, off / tau), 0.0)
    lowest = _deviance(best, n, off, tau, known)

    def crossing(inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
        for _ in range(60):
            middle = (inside + outside) / 2
            far = _deviance(middle, n, off, tau, known) - lowest > _DEVIANCE
            inside, outside = np.where(far, inside, middle), np.where(far, middle, outside)
        return (inside + outside) / 2

    top = best + 10 * np.sqrt(n + off / tau**2 + 4) + 10
    lower = crossing(best, np.zeros_like(best))
    at_zero = _deviance(np.zeros_like(best), n, off, tau, known) - lowest <= _DEVIANCE
    return np.where(at_zero, 0.0, lower), crossing(best, top)


def _deviance(
    signal: np.ndarray, n: np.ndarray, off: np.ndarray, tau: np.ndarray, known: np.ndarray
) -> np.ndarray:
    """Twice the negative logarithm of the likelihood, at the best background."""
    linear = (1 + tau) * signal - n - off
    root = np.sqrt(linear**2 + 4 * (1 + tau) * off * signal)
    background = np.where(known, 0.0, (root - linear) / (2 * (1 + tau)))
    # Without counts beside the peak, the quadratic's root suffers from cancellation.
    background = np.maximum(np.where(off == 0, np.maximum(-linear, 0) / (1 + tau), background), 0)
    background = np.where(known, 0.0, background)
    tiny = 1e-300
    inside, outside = signal + background, tau * background
    value = inside + outside
    value = value - np.where(n > 0, n * np.log(np.maximum(inside, tiny)), 0.0)
    return 2 * (value - np.where(off > 0, off * np.log(np.maximum(outside, tiny)), 0.0) * ~known)


def detection_limit(background: ArrayLike, ratio: ArrayLike) -> np.ndarray:
    """Smallest signal seen with 95 % probability, at 5 % false alarms.

    Parameters
    ----------
    background : array_like
        Expected background counts in the window.
    ratio : array_like
        Bins beside the window over bins in it; infinity where the background is known.

    References
    ----------
    Currie, Anal. Chem. 1968, 40, 586; ISO 11929-1.

    Examples
    --------
    >>> detection_limit(100.0, 1.0).round(1)
    np.float64(49.2)
    """
    spread = np.asarray(background, float) * (1 + 1 / np.asarray(ratio, float))
    return _ONE_SIDED**2 + 2 * _ONE_SIDED * np.sqrt(np.maximum(spread, 0))
