"""Least-squares fit of one pseudo-Voigt band to many spectra at once.

Every spectrum has its own window, centred on its own top; windows have the same number of
points, so that the fits run as one batch of small matrix problems.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import correlate1d, uniform_filter1d

# Full widths at half maximum that a band in the condensed phase can have, cm-1.
MIN_FWHM, MAX_FWHM = 4.0, 90.0
_STEPS = 40
# A band is one whose height exceeds its own standard uncertainty this many times.
MIN_SIGNIFICANCE = 5.0
# Widths (standard deviations, points) of the filter that the noise may have been through.
_WIDTHS = np.array([0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0])


@dataclass(frozen=True)
class BandFit:
    """Positions of many bands; NaN where there is none.

    Parameters
    ----------
    center, standard_uncertainty : numpy.ndarray, shape (n,)
        In the unit of x.
    dof : numpy.ndarray, shape (n,)
        Effective degrees of freedom of the standard uncertainty.

    Examples
    --------
    >>> BandFit(np.ones(1), np.ones(1), np.ones(1)).center
    array([1.])
    """

    center: np.ndarray
    standard_uncertainty: np.ndarray
    dof: np.ndarray


def pseudo_voigt(x: np.ndarray, center: float, fwhm: float, eta: float) -> np.ndarray:
    """Pseudo-Voigt band of height 1: eta Lorentz + (1 - eta) Gauss of one width.

    Parameters
    ----------
    x : array_like
        Wavenumber.
    center, fwhm, eta : float or array_like
        Position, full width at half maximum, Lorentzian share.

    Examples
    --------
    >>> pseudo_voigt(np.array([0.0, 5.0]), 0.0, 10.0, 0.3)
    array([1. , 0.5])
    """
    u = (x - center) / fwhm
    return eta / (1 + 4 * u**2) + (1 - eta) * np.exp(-4 * np.log(2) * u**2)


def fit_bands(
    x: np.ndarray,
    y: np.ndarray,
    near: float,
    search: float,
    half_window: float,
    weights: np.ndarray | None = None,
) -> BandFit:
    """Fit a pseudo-Voigt band on a straight line to each row of `y`.

    Parameters
    ----------
    x : numpy.ndarray, shape (m,)
        Ascending, evenly spaced.
    y : numpy.ndarray, shape (n, m)
        Finite.
    near, search, half_window : float
        Where the top is looked for and how far the fit reaches, in the unit of x.
    weights : numpy.ndarray, optional
        Odd number of weights of the smoothing that `y` went through: the band is smoothed
        likewise before it is compared, and the noise is known to be correlated that far.

    Returns
    -------
    BandFit

    Examples
    --------
    >>> x = np.arange(1560.0, 1780.0, 2.0)
    >>> y = pseudo_voigt(x, 1669.0, 28.0, 0.5) + np.random.default_rng(1).normal(0, 0.01, x.size)
    >>> bool(abs(fit_bands(x, y[None], 1665.0, 30.0, 60.0).center[0] - 1669.0) < 0.5)
    True
    """
    n, step = y.shape[0], float(x[1] - x[0])
    weights = np.ones(1) if weights is None else np.asarray(weights, dtype=float)
    top = _top(x, y, near, search)
    points = min(x.size, int(2 * half_window / step) + 1)
    first = np.clip(np.rint((top - x[0]) / step).astype(int) - points // 2, 0, x.size - points)
    index = first[:, None] + np.arange(points)
    xs, ys = x[index], np.take_along_axis(y, index, axis=1)
    size = np.ptp(ys, axis=1)
    ys = ys / size[:, None]
    p, model, jacobian = _levenberg_marquardt(xs, ys, top, weights)
    residual = ys - model
    free = np.ones((n, 6), bool)
    free[:, 2] = (p[:, 2] > 1e-6) & (p[:, 2] < 1 - 1e-6)
    jacobian = np.where(free[:, None, :], jacobian, 0.0)
    normal = np.einsum("nij,nik->njk", jacobian, jacobian)
    normal[:, 2, 2] += ~free[:, 2]
    inverse = np.linalg.pinv(normal, hermitian=True)
    u_center, u_height, dof = _uncertainty(residual, jacobian, inverse, weights)
    found = (
        (p[:, 3] > MIN_SIGNIFICANCE * u_height)
        & (np.abs(p[:, 0] - near) <= search)
        & (p[:, 1] > MIN_FWHM)
        & (p[:, 1] < MAX_FWHM)
        & (dof >= 2)
        & np.isfinite(u_center)
        & (u_center < search)
    )
    return BandFit(
        np.where(found, p[:, 0], np.nan),
        np.where(found, u_center, np.nan),
        np.where(found, dof, np.nan),
    )


def _top(x: np.ndarray, y: np.ndarray, near: float, search: float) -> np.ndarray:
    """Rough place of the highest point above a line through the ends of the search range."""
    step = x[1] - x[0]
    calm = uniform_filter1d(y, max(3, int(10 / step)), axis=1, mode="nearest")
    inside = np.flatnonzero(np.abs(x - near) <= search)
    reach = np.flatnonzero(np.abs(x - near) <= search + 30)
    a, b = reach[0], reach[-1]
    slope = (calm[:, b] - calm[:, a]) / (x[b] - x[a])
    above = calm - calm[:, [a]] - slope[:, None] * (x - x[a])
    return x[inside[np.argmax(above[:, inside], axis=1)]]


def _model(xs: np.ndarray, p: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed model and its Jacobian; parameters center, fwhm, eta, height, offset, slope."""
    half = weights.size // 2
    if half:
        step, m = xs[0, 1] - xs[0, 0], xs.shape[1]
        wide = xs[:, [0]] + step * np.arange(-half, m + half)
        model, jacobian = _model(wide, p, np.ones(1))
        keep = slice(half, half + m)
        return (
            correlate1d(model, weights, axis=1)[:, keep],
            correlate1d(jacobian, weights, axis=1)[:, keep],
        )
    center, fwhm, eta, height, offset, slope = (p[:, [i]] for i in range(6))
    u = (xs - center) / fwhm
    lorentz = 1 / (1 + 4 * u**2)
    gauss = np.exp(-4 * np.log(2) * u**2)
    shape = eta * lorentz + (1 - eta) * gauss
    d_u = eta * (-8 * u * lorentz**2) + (1 - eta) * (-8 * np.log(2) * u * gauss)
    far = (xs - xs.mean(axis=1, keepdims=True)) / 50.0
    jacobian = np.stack(
        [
            height * d_u * (-1 / fwhm),
            height * d_u * (-u / fwhm),
            height * (lorentz - gauss),
            shape,
            np.ones_like(xs),
            far,
        ],
        axis=-1,
    )
    return height * shape + offset + slope * far, jacobian


def _levenberg_marquardt(
    xs: np.ndarray, ys: np.ndarray, top: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n = xs.shape[0]
    low = np.percentile(ys, 10, axis=1)
    p = np.column_stack(
        [top, np.full(n, 28.0), np.full(n, 0.5), ys.max(axis=1) - low, low, np.zeros(n)]
    )
    damping = np.full(n, 1e-2)
    model, jacobian = _model(xs, p, weights)
    cost = ((ys - model) ** 2).sum(axis=1)
    for _ in range(_STEPS):
        normal = np.einsum("nij,nik->njk", jacobian, jacobian)
        gradient = np.einsum("nij,ni->nj", jacobian, ys - model)
        diagonal = np.einsum("njj->nj", normal)
        normal += (damping[:, None] * diagonal + 1e-12)[:, :, None] * np.eye(6)
        step = np.linalg.solve(normal, gradient[:, :, None])[:, :, 0]
        trial = p + step
        trial[:, 0] = np.clip(trial[:, 0], xs[:, 0], xs[:, -1])
        trial[:, 1] = np.clip(trial[:, 1], MIN_FWHM, MAX_FWHM)
        trial[:, 2] = np.clip(trial[:, 2], 0.0, 1.0)
        trial_model, trial_jacobian = _model(xs, trial, weights)
        trial_cost = ((ys - trial_model) ** 2).sum(axis=1)
        better = trial_cost < cost
        moved = np.abs(trial[:, 0] - p[:, 0])[better].max(initial=0.0)
        p = np.where(better[:, None], trial, p)
        model = np.where(better[:, None], trial_model, model)
        jacobian = np.where(better[:, None, None], trial_jacobian, jacobian)
        cost = np.where(better, trial_cost, cost)
        damping = np.clip(np.where(better, damping / 5, damping * 5), 1e-10, 1e6)
        if moved < 1e-7 and damping.min() > 1e-9 and not better.any():
            break
    return p, model, jacobian


def _uncertainty(
    residual: np.ndarray, jacobian: np.ndarray, inverse: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Standard uncertainties of center and height, and effective degrees of freedom.

    The noise is white noise that went through a Gaussian filter of some width (apodisation,
    zero filling), then through the known smoothing. The width is one property of how the
    spectra were taken, so it is estimated once for all of them, from the lag-1 product of the
    residuals against what each width would leave in them.
    """
    n, m = residual.shape
    typical = _central(residual)
    j = jacobian[typical]
    projector = np.eye(m) - j @ inverse[typical] @ j.T
    # Expected lag-1 and lag-0 products of residuals M e, where e has correlation R.
    ratios, traces, dofs = [], [], []
    for width in _WIDTHS:
        left = projector @ _correlation(width, weights, m) @ projector
        ratios.append(np.trace(left, offset=1) / np.trace(left))
        traces.append(np.trace(left))
        dofs.append(np.trace(left) ** 2 / np.sum(left**2))
    power = (residual**2).sum()
    observed = (residual[:, 1:] * residual[:, :-1]).sum() / power if power > 0 else 0.0
    rising = np.maximum.accumulate(np.array(ratios)) + 1e-9 * np.arange(len(ratios))
    width = float(np.interp(observed, rising, _WIDTHS))
    variance = (residual**2).sum(axis=1) / float(np.interp(width, _WIDTHS, traces))
    correlation = _correlation(width, weights, m)
    middle = np.einsum("nij,ik,nkl->njl", jacobian, correlation, jacobian, optimize=True)
    covariance = inverse @ middle @ inverse * variance[:, None, None]
    spread = np.sqrt(np.clip(np.einsum("njj->nj", covariance), 0, None))
    dof = float(np.interp(width, _WIDTHS, dofs))
    return spread[:, 0], spread[:, 3], np.full(n, dof)


def _correlation(width: float, weights: np.ndarray, m: int) -> np.ndarray:
    """Correlation matrix of white noise after a Gaussian filter and the smoothing weights."""
    lag = np.arange(-(4 * int(_WIDTHS[-1]) + 2), 4 * int(_WIDTHS[-1]) + 3)
    gauss = np.exp(-0.5 * (lag / width) ** 2) if width > 0 else (lag == 0).astype(float)
    kernel = np.convolve(gauss, weights)
    auto = np.correlate(kernel, kernel, mode="full")
    auto = np.concatenate([auto[auto.size // 2 :] / auto.max(), np.zeros(m)])
    return auto[np.abs(np.arange(m)[:, None] - np.arange(m))]


def _central(residual: np.ndarray) -> int:
    """Index of a spectrum with a middling residual, to stand for all."""
    return int(np.argsort((residual**2).sum(axis=1))[residual.shape[0] // 2])
