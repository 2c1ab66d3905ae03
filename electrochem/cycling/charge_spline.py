"""Which smooth curve of charge over voltage do noisy rows tell?

A cubic B-spline, penalised by its third derivative (Eilers and Marx, Stat. Sci. 11 (1996) 89), as
stiff as is most likely (Wood, J. R. Stat. Soc. B 73 (2011) 3).
"""

from __future__ import annotations

import numpy as np

# Distance of the spline's knots, V, unless the window is so wide that there would be too many.
_KNOTS, _MOST_KNOTS = 0.008, 300
_DEGREE, _PENALTY = 3, 3


def knots_of(voltage: np.ndarray) -> np.ndarray:
    """Equidistant knots over the voltages, V.

    Examples
    --------
    >>> knots_of(np.linspace(3.0, 4.0, 50)).size
    132
    """
    low, high = float(voltage.min()), float(voltage.max())
    count = int(np.clip(round((high - low) / _KNOTS), 8, _MOST_KNOTS))
    step = (high - low) / count
    return low + step * np.arange(-_DEGREE, count + _DEGREE + 1)


def basis_at(at: np.ndarray, knots: np.ndarray, derivative: int = 0) -> np.ndarray:
    """B-splines (or their derivatives) at `at`, shape (n, term)."""
    from scipy.interpolate import BSpline

    step = knots[1] - knots[0]
    inside = np.clip(at, knots[_DEGREE], knots[-_DEGREE - 1])
    if not derivative:
        return np.asarray(BSpline.design_matrix(inside, knots, _DEGREE).toarray())
    lower = BSpline.design_matrix(inside, knots[1:-1], _DEGREE - 1).toarray()
    padded = np.pad(lower, ((0, 0), (1, 1)))
    return np.asarray((padded[:, :-1] - padded[:, 1:]) / step)


def with_uncertainty(
    matrix: np.ndarray, coefficient: np.ndarray, covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Values of `matrix` times the coefficients, and their standard uncertainties."""
    variance = ((matrix @ covariance) * matrix).sum(axis=1)
    return matrix @ coefficient, np.sqrt(np.maximum(variance, 0.0))


def fit_spline(
    voltage: np.ndarray, stored: np.ndarray, knots: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Coefficients, their covariance, and the noise of the voltage / V."""
    from scipy.linalg import eigh

    basis, slopes = basis_at(voltage, knots), basis_at(voltage, knots, 1)
    terms = basis.shape[1]
    penalty = np.diff(np.eye(terms), _PENALTY, axis=0)
    penalty = penalty.T @ penalty
    middle = float(np.ptp(stored) / np.ptp(voltage))
    weight = np.ones_like(voltage)
    for _ in range(3):
        weighted = basis * weight[:, None]
        gram = weighted.T @ basis
        # Knots that no row supports lean on the penalty alone; a touch of ridge for the algebra.
        gram_safe = gram + 1e-9 * np.trace(gram) / terms * (np.eye(terms) + penalty)
        target = weighted.T @ stored
        values, vectors = eigh(penalty, gram_safe)
        values = np.maximum(values, 0.0)
        values[:_PENALTY] = 0.0
        turned = vectors.T @ target
        total = float((weight * stored**2).sum())
        log_lambda = _most_likely(values, turned, total, voltage.size)
        shrunk = 1 / (1 + np.exp(log_lambda) * values)
        coefficient = vectors @ (shrunk * turned)
        explained = float((shrunk * turned**2).sum())
        variance = max(total - explained, 1e-12 * total) / (voltage.size - _PENALTY)
        slope = np.maximum(slopes @ coefficient, 0.05 * middle)
        # In units of the square of the voltage's noise.
        weight = 1 / slope**2
    # Scatter of the fit over repeated noise. The posterior covariance, which adds what smoothing
    # might hide anywhere, holds the position of narrow peaks in nearly all runs.
    covariance = variance * (vectors * shrunk**2) @ vectors.T
    return coefficient, covariance, float(np.sqrt(variance))


def _most_likely(values: np.ndarray, turned: np.ndarray, total: float, rows: int) -> float:
    """Logarithm of the penalty's weight that maximises the restricted likelihood."""
    free = values[_PENALTY:]
    scale = np.log(1 / np.median(free))
    grid = scale + np.linspace(-25, 25, 101)

    def cost(g: np.ndarray) -> np.ndarray:
        grown = 1 + np.exp(g)[:, None] * values
        left = np.maximum(total - (turned**2 / grown).sum(axis=1), 1e-12 * total)
        logs = np.log(grown[:, _PENALTY:]).sum(axis=1) - free.size * g
        return np.asarray((rows - _PENALTY) * np.log(left) + logs)

    best = grid[int(np.argmin(cost(grid)))]
    fine = best + np.linspace(-0.5, 0.5, 41)
    return float(fine[int(np.argmin(cost(fine)))])
