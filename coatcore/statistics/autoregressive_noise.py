"""How large is the noise of a current, how long does it remember, and what does it do to a sum?"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from coatcore.coverage import coverage_factor
from coatcore.statistics.robust_scale import robust_scale

# Most and least of the splines that stand for the signal, and points for each.
_MOST, _LEAST, _FOR_EACH = 40, 6, 14
_FAR = 12
_REMEMBERED, _GRID = 0.98, 20


@dataclass(frozen=True)
class Noise:
    """Noise of which neighbours are alike: autoregressive of first order, AR(1).

    Parameters
    ----------
    sigma : float
        Standard deviation of one point.
    correlation : float
        Of neighbours; that of points k apart is its k-th power.
    dof : float
        As many independent points as it was told from.

    Examples
    --------
    >>> round(Noise(1.0, 0.5).of_sum(np.ones(2)), 9) == round(math.sqrt(3), 9)
    True
    """

    sigma: float
    correlation: float
    dof: float = math.inf

    @property
    def coverage(self) -> float:
        """Coverage factor of a 95 % interval.

        Examples
        --------
        >>> round(Noise(1.0, 0.0).coverage, 2), round(Noise(1.0, 0.8, 30.0).coverage, 2)
        (1.96, 2.04)
        """
        return coverage_factor(self.dof)

    def of_sum(self, weights: np.ndarray) -> float:
        """Standard deviation of a weighted sum of successive points.

        Examples
        --------
        >>> Noise(2.0, 0.0).of_sum(np.ones(4))
        4.0
        """
        from scipy.signal import lfilter

        before = lfilter([1.0], [1.0, -self.correlation], weights)
        square = float(2 * weights @ before - weights @ weights)
        return self.sigma * math.sqrt(max(square, 0.0))


def noise_of(current: np.ndarray, pieces: int | None = None) -> Noise:
    """Noise about a smooth signal, by restricted maximum likelihood.

    Parameters
    ----------
    current : numpy.ndarray
        Evenly sampled, shape (n,), at least 30 points.
    pieces : int, optional
        Of the spline that stands for the signal; by default one for 14 points, 6 to 40.

    Returns
    -------
    Noise

    Notes
    -----
    The signal is a cubic spline. A peak narrower than its pieces counts as noise that remembers,
    which makes intervals wider. Single points far off are left out.

    Examples
    --------
    >>> x = np.arange(1000.0)
    >>> found = noise_of(np.exp(-((x - 500) / 100) ** 2) + 0.01 * np.random.default_rng(1).normal(
    ...     size=1000))
    >>> round(found.sigma, 3), found.correlation < 0.1
    (0.01, True)
    """
    current = np.where(outliers(current), _median_of_five(current), current)
    n = current.size
    basis = _splines(n, pieces or int(np.clip(n // _FOR_EACH, _LEAST, _MOST)))
    k = basis.shape[1]
    scale = float(np.ptp(current)) or 1.0
    both = np.column_stack([basis, (current - current.mean()) / scale])
    # A current without any noise has some of rounding.
    both[:, k] += 1e-13 * np.cos(np.arange(n) * math.pi)
    whole, inner = both.T @ both, both[1:-1].T @ both[1:-1]
    beside = both[1:].T @ both[:-1]
    beside = beside + beside.T

    def left(rho: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Squares left of the whitened signal, and logarithm of the splines' determinant."""
        at = rho[:, None, None]
        squares = whole + at**2 * inner - at * beside
        # The last row of the factor holds what the splines explain, and what they do not.
        diagonal = np.einsum("rkk->rk", np.linalg.cholesky(squares))
        return diagonal[:, k] ** 2, 2 * np.log(diagonal[:, :k]).sum(axis=1)

    def criterion(rho: np.ndarray) -> np.ndarray:
        rest, determinant = left(rho)
        return (n - k) * np.log(np.maximum(rest, 1e-300)) + determinant - np.log1p(-(rho**2))

    # Even steps of Fisher's z, of which the likelihood is nearly a parabola.
    grid = np.linspace(0, math.atanh(_REMEMBERED), _GRID)
    values = criterion(np.tanh(grid))
    best = int(np.clip(values.argmin(), 1, _GRID - 2))
    before, at, after = values[best - 1 : best + 2]
    shift = 0.5 * (before - after) / max(before - 2 * at + after, 1e-300)
    rho = math.tanh(np.clip(grid[best] + (grid[1] - grid[0]) * np.clip(shift, -1, 1), 0, grid[-1]))
    innovation = float(left(np.array([rho]))[0][0]) / (n - k)
    independent = max((n - k) * (1 - rho) / (1 + rho), 2.0)
    return Noise(scale * math.sqrt(innovation / (1 - rho**2)), rho, independent)


def remembering_noise(rng: np.random.Generator, n: int, correlation: float) -> np.ndarray:
    """Normal noise of standard deviation 1 whose neighbours are correlated (AR(1)).

    Examples
    --------
    >>> noise = remembering_noise(np.random.default_rng(1), 10_000, 0.8)
    >>> round(float(np.corrcoef(noise[1:], noise[:-1])[0, 1]), 1)
    0.8
    """
    from scipy.signal import lfilter

    new = rng.normal(size=n)
    new[1:] *= math.sqrt(1 - correlation**2)
    return np.asarray(lfilter([1.0], [1.0, -correlation], new))


def outliers(current: np.ndarray) -> np.ndarray:
    """Single points that lie far off their neighbours.

    Parameters
    ----------
    current : numpy.ndarray
        Shape (n,).

    Returns
    -------
    numpy.ndarray
        Of bool, shape (n,): 12 standard deviations or more from the median of 5 points.

    Examples
    --------
    >>> current = np.random.default_rng(1).normal(size=100)
    >>> current[40] += 50
    >>> np.flatnonzero(outliers(current))
    array([40])
    """
    off = np.abs(current - _median_of_five(current))
    if not (off > 0).any():
        return np.zeros(off.shape, dtype=bool)
    return off > _FAR * robust_scale(off[off > 0], about_zero=True)


def _median_of_five(values: np.ndarray) -> np.ndarray:
    padded = np.pad(values, 2, mode="reflect")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=-1)


@functools.lru_cache(maxsize=8)
def _splines(n: int, pieces: int) -> np.ndarray:
    """Cubic splines over n points, shape (n, pieces + 3)."""
    from scipy.interpolate import BSpline

    inner = np.linspace(0, 1, pieces + 1)
    knots = np.concatenate([[0.0] * 3, inner, [1.0] * 3])
    return BSpline.design_matrix(np.linspace(0, 1, n), knots, 3).toarray()
