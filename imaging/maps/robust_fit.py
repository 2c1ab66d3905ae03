"""Least squares that leaves out what lies far off, as holes and particle edges do.

Both fits use Tukey's biweight: a pixel further than 3.5 robust standard deviations from the
fit has no weight at all, so a hole moves the fit of its surroundings by nothing.
"""

from __future__ import annotations

import numpy as np

from coatcore.statistics.robust_scale import robust_scale

# Narrower than the customary 4.685: less efficient on normal data, less drawn by edges of holes.
_TUKEY = 3.5
_ROUNDS = 200
# Pixels that a surface is fitted to at most; a smooth surface needs no more.
_ENOUGH = 2**17


def fit_rows(rows: np.ndarray, order: int) -> np.ndarray:
    """Polynomials of x fitted to each of many rows.

    Every row starts at its median; the scale is shared by all rows, so that a row half of which
    crosses the edge of a hole keeps the narrow scale of the others.

    Parameters
    ----------
    rows : numpy.ndarray, shape (n, nx)
        NaN where there is no value; every row has some.
    order : int
        Of the polynomial; 0 for a constant.

    Returns
    -------
    numpy.ndarray, shape (n, order + 1)
        Coefficients of Legendre polynomials over x from -1 to 1.

    References
    ----------
    Beaton & Tukey, Technometrics 1974, 16, 147.

    Examples
    --------
    >>> fit_rows(np.array([[1.0, 1.0, 1.0, 9.0], [2.0, 2.0, 2.0, 2.0]]), 0).ravel()
    array([1., 2.])
    """
    basis = np.polynomial.legendre.legvander(np.linspace(-1, 1, rows.shape[1]), order)
    known = np.isfinite(rows)
    filled = np.where(known, rows, 0.0)
    coefficients = np.zeros((rows.shape[0], order + 1))
    coefficients[:, 0] = np.nanmedian(rows, axis=1)
    for _ in range(_ROUNDS):
        residuals = filled - coefficients @ basis.T
        scale = float(robust_scale(residuals[known]))
        weights = np.where(known, _biweight(residuals, scale), 0.0)
        normal = np.einsum("nj,jk,jl->nkl", weights, basis, basis, optimize=True)
        right = (weights * residuals) @ basis
        # A row without weight near its median keeps its start.
        normal += 1e-12 * np.eye(order + 1)
        step = np.linalg.solve(normal, right[..., None])[..., 0]
        coefficients += step
        if np.abs(step).max() <= max(1e-8 * scale, 1e-15 * np.abs(coefficients).max()):
            break
    return coefficients


def fit_surface(
    values: np.ndarray, powers: list[tuple[int, int]], yx: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Smooth surface through the bulk of a map.

    Parameters
    ----------
    values : numpy.ndarray, shape (ny, nx)
        NaN where there is no value.
    powers : list of (int, int)
        Degrees in y and x of the Legendre terms.
    yx : (numpy.ndarray, numpy.ndarray)
        Coordinates along both axes.

    Returns
    -------
    numpy.ndarray, shape (ny, nx)
        The surface at every pixel.

    Examples
    --------
    >>> tilted = np.add.outer(np.zeros(16), np.arange(16.0))
    >>> tilted[3:6, 3:6] = -50
    >>> surface = fit_surface(tilted, [(0, 0), (1, 0), (0, 1)], (np.arange(16), np.arange(16)))
    >>> bool(np.allclose(surface[0], np.arange(16)))
    True
    """
    top = max(max(p) for p in powers)
    # A polynomial is as well known from every stride-th row and column of a large map.
    stride = max(1, int(np.ceil(np.sqrt(values.size / _ENOUGH))))
    ly, lx = (
        np.polynomial.legendre.legvander(2 * (c - c.min()) / np.ptp(c) - 1, top).T for c in yx
    )
    part = values[::stride, ::stride]
    known = np.isfinite(part)
    data = part[known]
    design = np.stack([np.outer(ly[i][::stride], lx[j][::stride])[known] for i, j in powers], 1)
    coefficients = np.linalg.lstsq(design, data, rcond=None)[0]
    # Huber's weights first: they lead from least squares to where the biweight may start.
    for weigh in (_huber, _biweight):
        for _ in range(_ROUNDS):
            residuals = data - design @ coefficients
            scale = float(robust_scale(residuals))
            root = np.sqrt(weigh(residuals, scale))
            new = np.linalg.lstsq(design * root[:, None], data * root, rcond=None)[0]
            change, coefficients = np.abs(new - coefficients).max(), new
            if change <= 1e-6 * max(scale, 1e-9 * np.abs(new).max()):
                break
    return sum(c * np.outer(ly[i], lx[j]) for c, (i, j) in zip(coefficients, powers, strict=True))


def _biweight(residuals: np.ndarray, scale: float) -> np.ndarray:
    u = residuals / (_TUKEY * max(scale, np.finfo(float).tiny))
    return np.where(np.abs(u) < 1, (1 - np.clip(u, -1, 1) ** 2) ** 2, 0.0)


def _huber(residuals: np.ndarray, scale: float) -> np.ndarray:
    limit = 1.345 * max(scale, np.finfo(float).tiny)
    return limit / np.maximum(np.abs(residuals), limit)
