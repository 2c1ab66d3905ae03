"""What do the peaks of a spectrum look like on the flight-time axis?"""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr, ndtr

# Logarithms of sigma [time], tail / sigma, slow tail / tail - 1, the slow tail's share (logit), and
# the exponent with which widths grow with flight time.
SIGMA, TAIL, SLOW, SHARE, GROWTH = range(5)
# What is held likely before any peak was seen: tails are short, slow tails hold some 0.2 %.
USUAL = np.array([0.0, np.log(0.5), np.log(11.0), -6.2, 0.0])
SPREAD = np.array([1.0, 0.8, 0.4, 1.5, 0.2])


def share_before(time: np.ndarray, width: np.ndarray | float, shape: np.ndarray) -> np.ndarray:
    """Share of a peak's counts that arrive before each time.

    A Gaussian followed by an exponential tail (late ions), a small part of which is slow (ions
    from metastable decay and scattering). Time zero is the mean of the fast part.

    Parameters
    ----------
    time : numpy.ndarray
        Since the peak.
    width : numpy.ndarray or float
        By how much the peak is wider than `shape` says; broadcasts with `time`.
    shape : numpy.ndarray, shape (5,)
        See `SIGMA` and the names after it.

    Returns
    -------
    numpy.ndarray
        From 0 to 1, of the shape of `time`.

    References
    ----------
    Grushka, Anal. Chem. 1972, 44, 1733 (exponentially modified Gaussian).

    Examples
    --------
    >>> share_before(np.array([-50.0, 0.0, 500.0]), 1.0, USUAL).round(2)
    array([0.  , 0.51, 1.  ])
    """
    sigma = np.exp(shape[SIGMA])
    tail = np.exp(shape[TAIL])
    # Slower than the fast one by so much that neither takes the other's place.
    slow = tail * (1 + np.exp(shape[SLOW]))
    share = 1.0 / (1.0 + np.exp(-shape[SHARE]))
    # In units of sigma, from the Gaussian's centre.
    x = time / (sigma * width) + tail
    gaussian = ndtr(x)
    out = gaussian - (1 - share) * _late(x, tail)
    if share > 1e-12:
        out -= share * _late(x, slow)
    return out


def _late(x: np.ndarray, tail: float) -> np.ndarray:
    """What an exponential tail takes from the Gaussian's cumulative distribution."""
    return np.exp(np.minimum(-x / tail + 0.5 / tail**2 + log_ndtr(x - 1 / tail), 0.0))


def full_width(shape: np.ndarray, width: float = 1.0, bin_width: float = 0.0) -> float:
    """Full width at half maximum of a peak, as counted in bins.

    Examples
    --------
    >>> round(full_width(np.array([0.0, -9.0, 0.0, -30.0, 0.0])), 3)
    2.355
    """
    sigma = float(np.exp(shape[SIGMA])) * width
    tail = sigma * float(np.exp(shape[TAIL]))
    reach = 5 * sigma + 3 * tail + bin_width
    step = (sigma + bin_width / 8) / 200
    time = np.arange(-reach - 2 * tail, reach + 4 * tail, step)
    half = max(bin_width, step) / 2
    density = share_before(time + half, width, shape) - share_before(time - half, width, shape)
    above = np.flatnonzero(density >= density.max() / 2)
    return float(time[above[-1]] - time[above[0]] + step)
