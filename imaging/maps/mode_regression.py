"""How strongly does one map follow others, when all of them are smooth and the noise is too?

Neighbouring pixels repeat each other, so counting pixels overstates what is known. In cosine
modes a stationary texture falls apart into nearly independent numbers: least squares weighted by
their spectrum is the best linear estimate, and the modes that carry it can be counted.
"""

from __future__ import annotations

import numpy as np
from scipy import fft, ndimage

from coatcore.errors import MeasurementError
from coatcore.statistics.robust_scale import robust_scale

# Huber's tuning constant: 95 % as efficient as least squares on normal data.
_HUBER = 1.345
# Spectrum of the residuals: smoothed over modes by a Gaussian of this standard deviation.
_SMOOTH = 2.0
_ROUNDS = 30


def regress(signal: np.ndarray, terms: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients of `terms` in `signal`, their standard uncertainties and degrees of freedom.

    Modes that are constant along rows or along columns are not used.

    Parameters
    ----------
    signal : numpy.ndarray, shape (ny, nx)
        NaN where there is none.
    terms : numpy.ndarray, shape (p, ny, nx)
        Finite.

    Returns
    -------
    coefficients, uncertainties, degrees of freedom : numpy.ndarray, shape (p,)

    Raises
    ------
    MeasurementError
        If a term does not vary, depends on the others, or too few modes carry its coefficient.

    References
    ----------
    Whittle, Biometrika 1954, 41, 434; Huber, Ann. Math. Stat. 1964, 35, 73; White, Econometrica
    1980, 48, 817 (variance from the residuals themselves); Satterthwaite, Biometrics 1946, 2, 110.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> h = rng.normal(size=(1, 32, 32))
    >>> value, u, dof = regress(3 * h[0] + 0.1 * rng.normal(size=(32, 32)), h)
    >>> bool(abs(value[0] - 3) < 4 * u[0]), bool(u[0] < 0.01)
    (True, True)
    """
    known = np.isfinite(signal)
    if np.ptp(signal[known]) == 0:
        raise MeasurementError("the map has one value only: nothing in it follows topography")
    filled = np.where(known, signal, 0.0)
    rounding = np.finfo(float).eps * float(np.abs(filled).max())
    modes = _modes(terms).reshape(len(terms), -1)
    size = np.sqrt((modes**2).sum(axis=1))
    if not (size > 1e-9 * np.sqrt((terms**2).sum(axis=(1, 2)))).all():
        raise MeasurementError("the topography is flat within rows: nothing follows it")
    modes = modes / size[:, None]
    if np.linalg.cond(modes @ modes.T) > 1e6:
        raise MeasurementError("height and slope follow each other: give slope=False")
    weights = np.ones(modes.shape[1])
    beta = np.zeros(len(terms))
    scaled = terms / size[:, None, None]
    for done in range(_ROUNDS):
        residuals = filled - np.tensordot(beta, scaled, 1)
        middle = np.median(residuals[known])
        scale = max(float(robust_scale(residuals[known])), rounding)
        u = np.where(known, (residuals - middle) / scale, 0.0)
        pulled = _modes(np.clip(u, -_HUBER, _HUBER) * scale)
        inside = float((known & (np.abs(u) < _HUBER)).mean())
        # The first rounds stay unweighted: the cross-talk itself would else count as texture.
        if done >= 2:
            weights = 1 / _spectrum(pulled**2, rounding**2).ravel()
        normal = (modes * weights) @ modes.T * inside
        step = np.linalg.solve(normal, (modes * weights) @ pulled.ravel())
        beta += step
        if done >= 4 and np.abs(step).max() <= 1e-6 * np.abs(beta).max():
            break
    influence = np.linalg.solve(normal, modes * weights)
    carried = influence**2 / weights
    effective = carried.sum(axis=1) ** 2 / (carried**2).sum(axis=1)
    dof = effective - len(terms)
    if dof.min() < 2:
        raise MeasurementError(
            f"the topography varies so slowly over the map that {effective.min():.1f} independent "
            "pieces tell its part in the signal; measure a larger map, or leave the step out"
        )
    variance = (influence**2 * pulled.ravel() ** 2).sum(axis=1) * effective / dof
    return beta / size, np.sqrt(variance) / size, dof


def _modes(maps: np.ndarray) -> np.ndarray:
    """Cosine modes of maps without those that are constant along an axis."""
    return fft.dctn(maps, norm="ortho", axes=(-2, -1))[..., 1:, 1:]


def _spectrum(power: np.ndarray, least: float) -> np.ndarray:
    """Power expected in each mode, from its neighbours but not from itself, `least` at least.

    Left in, a mode's own noise would lower its own weight and pull the coefficients to zero.
    """

    def blur(a: np.ndarray) -> np.ndarray:
        return ndimage.gaussian_filter(a, _SMOOTH, mode="constant", truncate=3)

    one = np.zeros((25, 25))
    one[12, 12] = 1
    own = blur(one)[12, 12]
    smooth = (blur(power) - own * power) / (blur(np.ones(power.shape)) - own)
    return np.maximum(smooth, max(1e-3 * float(np.median(smooth)), least))
