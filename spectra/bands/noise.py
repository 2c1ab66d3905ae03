"""How large is the noise of a spectrum, and how far does it reach from point to point?

Noise is taken to be white noise that went through a Gaussian filter of unknown width
(apodisation, zero filling), then through the known smoothing. What is known of it is what a fit
left over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from coatcore.coverage import coverage_factor

# Widths (standard deviations, points) of the filter that the noise may have been through.
_WIDTHS = np.array([0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0])

# From so many degrees of freedom on Student's t is nearly normal whatever they are.
_MANY = 40.0
_DRAWS = 2000


@dataclass(frozen=True, kw_only=True)
class NoiseModel:
    """Correlation of noise, and what a fit leaves of it.

    Parameters
    ----------
    correlation : numpy.ndarray, shape (m, m)
        Of the noise between points.
    width : float
        Standard deviation of the Gaussian filter, points; 0 for white noise.
    trace : float
        Expected sum of squared residuals over the variance of the noise.
    dof : float
        Effective degrees of freedom of the variance.

    Examples
    --------
    >>> NoiseModel(correlation=np.eye(5), width=0.0, trace=3.0, dof=3.0).dof
    3.0
    """

    correlation: np.ndarray
    width: float
    trace: float
    dof: float


def noise_model(residual: np.ndarray, jacobian: np.ndarray, weights: np.ndarray) -> NoiseModel:
    """Noise model of residuals that a least-squares fit left.

    The width is one property of how the spectra were taken, so it is estimated once for all of
    them: from the lag-1 product of the residuals against what each width would leave in them.

    Parameters
    ----------
    residual : numpy.ndarray, shape (n, m)
        Of n spectra.
    jacobian : numpy.ndarray, shape (p, m)
        Of one spectrum, to stand for all.
    weights : numpy.ndarray
        Of the smoothing; one weight of 1 for none.

    References
    ----------
    Satterthwaite, Biometrics Bull. 1946, 2, 110 (effective degrees of freedom).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> line = np.vstack([np.ones(200), np.linspace(-1, 1, 200)])
    >>> model = noise_model(rng.normal(size=(40, 200)), line, np.ones(1))
    >>> model.width < 0.4, round(model.dof)
    (True, 198)
    """
    m = residual.shape[1]
    q = _followed(jacobian)
    ratios, traces, dofs = [], [], []
    for width in _WIDTHS:
        r = correlation(width, weights, m)
        rq = r @ q
        # (1 - q q') r (1 - q q'), without a product of two large matrices.
        inner = q.T @ rq
        rest = r - rq @ q.T - q @ rq.T + q @ inner @ q.T
        traces.append(np.trace(rest))
        ratios.append(np.trace(rest, offset=1) / traces[-1])
        dofs.append(traces[-1] ** 2 / np.sum(rest**2))
    power = (residual**2).sum(axis=1)
    each = (residual[:, 1:] * residual[:, :-1]).sum(axis=1) / np.where(power > 0, power, 1.0)
    # Every spectrum counts alike, and among many a few odd ones do not count at all.
    observed = float(np.median(each) if each.size >= 8 else each.mean())
    rising = np.maximum.accumulate(np.array(ratios)) + 1e-9 * np.arange(len(ratios))
    width = float(np.interp(observed, rising, _WIDTHS))
    return NoiseModel(
        correlation=correlation(width, weights, m),
        width=width,
        trace=float(np.interp(width, _WIDTHS, traces)),
        dof=float(np.interp(width, _WIDTHS, dofs)),
    )


def dof_of_ratio(by_data: np.ndarray, jacobian: np.ndarray, noise: NoiseModel) -> float:
    """Degrees of freedom with which Student's t gives the 95 % interval of a fitted parameter.

    With white noise the parameter's error and the residuals are independent, and it is the
    effective degrees of freedom of the variance. Correlated noise moves both together, which
    makes large ratios rarer; their distribution is then simulated.

    Parameters
    ----------
    by_data : numpy.ndarray, shape (m,)
        Derivative of the parameter by the data.
    jacobian : numpy.ndarray, shape (p, m)
        Of the fit.
    noise : NoiseModel
        Of its residuals.

    Examples
    --------
    >>> line = np.vstack([np.ones(30), np.linspace(-1, 1, 30)])
    >>> white = NoiseModel(correlation=np.eye(30), width=0.0, trace=28.0, dof=28.0)
    >>> dof_of_ratio(line[1] / (line[1] @ line[1]), line, white)
    28.0
    """
    m = by_data.size
    if noise.dof > _MANY or np.array_equal(noise.correlation, np.eye(m)):
        return noise.dof
    root = np.linalg.cholesky(noise.correlation + 1e-9 * np.eye(m))
    errors = root @ np.random.default_rng(1).normal(size=(m, _DRAWS))
    q = _followed(jacobian)
    rest = errors - q @ (q.T @ errors)
    spread = np.sqrt(by_data @ noise.correlation @ by_data * (rest**2).sum(axis=0) / noise.trace)
    factor = float(np.quantile(np.abs(by_data @ errors) / spread, 0.95))
    dofs = np.geomspace(200.0, 1.5, 100)
    return float(np.interp(factor, coverage_factor(dofs), dofs))


def _followed(jacobian: np.ndarray) -> np.ndarray:
    """Orthonormal basis of what a fit can follow: residuals are noise without it."""
    used = jacobian[np.any(jacobian != 0, axis=1)]
    left, size, _ = np.linalg.svd(used.T, full_matrices=False)
    return left[:, size > 1e-10 * size.max(initial=0.0)]


def correlation(width: float, weights: np.ndarray, m: int) -> np.ndarray:
    """Correlation matrix of white noise after a Gaussian filter and the smoothing weights.

    Parameters
    ----------
    width : float
        Standard deviation of the filter, points.
    weights : numpy.ndarray
        Of the smoothing.
    m : int
        Points.

    Examples
    --------
    >>> correlation(0.0, np.full(2, 0.5), 3)
    array([[1. , 0.5, 0. ],
           [0.5, 1. , 0.5],
           [0. , 0.5, 1. ]])
    """
    kernel = np.convolve(gaussian_kernel(width), weights)
    auto = np.correlate(kernel, kernel, mode="full")
    auto = np.concatenate([auto[auto.size // 2 :] / auto.max(), np.zeros(m)])
    return auto[np.abs(np.arange(m)[:, None] - np.arange(m))]


def of_second_difference(width: float, weights: np.ndarray) -> float:
    """Variance of second differences of noise of variance 1 after a filter and smoothing.

    Parameters
    ----------
    width : float
        Standard deviation of the filter, points.
    weights : numpy.ndarray
        Of the smoothing.

    Examples
    --------
    >>> float(of_second_difference(0.0, np.ones(1)))
    6.0
    """
    r = correlation(width, weights, 3)[0]
    return 6 * r[0] - 8 * r[1] + 2 * r[2]


def gaussian_kernel(width: float) -> np.ndarray:
    """Weights of the filter that the noise may have been through; not normalised.

    Parameters
    ----------
    width : float
        Standard deviation, points.

    Examples
    --------
    >>> float(gaussian_kernel(0.0).sum())
    1.0
    """
    reach = 4 * int(_WIDTHS[-1]) + 2
    lag = np.arange(-reach, reach + 1)
    return np.exp(-0.5 * (lag / width) ** 2) if width > 0 else (lag == 0).astype(float)
