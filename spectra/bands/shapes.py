"""What shape has a band? Band profiles of height 1, their slopes and their areas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Shape = Literal["gaussian", "lorentzian", "pseudo_voigt", "asymmetric"]

# Which of fwhm, eta and asymmetry are free, and where the fixed ones stand.
_LN2 = np.log(2.0)


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A family of band profiles.

    Parameters
    ----------
    free : tuple of str
        Parameters that the fit moves, besides center and height.
    eta : float
        Lorentzian share to start from, or to keep.

    Examples
    --------
    >>> PROFILES["gaussian"].free
    ('fwhm',)
    """

    free: tuple[str, ...]
    eta: float


PROFILES: dict[str, Profile] = {
    "gaussian": Profile(free=("fwhm",), eta=0.0),
    "lorentzian": Profile(free=("fwhm",), eta=1.0),
    "pseudo_voigt": Profile(free=("fwhm", "eta"), eta=0.5),
    "asymmetric": Profile(free=("fwhm", "eta", "asymmetry"), eta=0.5),
}


def pseudo_voigt(
    x: np.ndarray, center: float, fwhm: float, eta: float, asymmetry: float = 0.0
) -> np.ndarray:
    """Pseudo-Voigt band of height 1: eta Lorentz + (1 - eta) Gauss of one width.

    With an asymmetry `a` the width runs through the band as 2 fwhm / (1 + exp(a (x - center)));
    the top stays at `center`.

    Parameters
    ----------
    x : array_like
        Wavenumber.
    center, fwhm, eta : float or array_like
        Position, full width at half maximum, Lorentzian share.
    asymmetry : float or array_like, default 0.0
        Per unit of x.

    References
    ----------
    Stancik & Brauns, Vib. Spectrosc. 2008, 47, 66 (asymmetry).

    Examples
    --------
    >>> pseudo_voigt(np.array([0.0, 5.0]), 0.0, 10.0, 0.3)
    array([1. , 0.5])
    """
    u = (x - center) / _width(x - center, fwhm, asymmetry)
    return eta / (1 + 4 * u**2) + (1 - eta) * np.exp(-4 * _LN2 * u**2)


def _width(t: np.ndarray, fwhm: float | np.ndarray, asymmetry: float | np.ndarray) -> np.ndarray:
    return 2 * fwhm / (1 + np.exp(np.clip(asymmetry * t, -50, 50)))


def band_and_slopes(
    x: np.ndarray,
    center: np.ndarray,
    fwhm: np.ndarray,
    eta: np.ndarray,
    asymmetry: np.ndarray,
    free: tuple[str, ...],
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Bands of height 1 and their derivatives by center and by each free parameter.

    Parameters
    ----------
    x : numpy.ndarray, shape (n, m)
        Wavenumbers.
    center, fwhm, eta, asymmetry : numpy.ndarray, shape (n, 1)
        Parameters.
    free : tuple of str
        As in `Profile`.

    Returns
    -------
    (numpy.ndarray, list of numpy.ndarray)
        Shape (n, m) each.

    Examples
    --------
    >>> x, one = np.array([[0.0, 5.0]]), np.ones((1, 1))
    >>> band, slopes = band_and_slopes(x, 0 * one, 10 * one, 0 * one, 0 * one, ("fwhm",))
    >>> band, len(slopes)
    (array([[1. , 0.5]]), 2)
    """
    t = x - center
    u = t / fwhm
    if "asymmetry" in free:
        e = np.exp(np.clip(asymmetry * t, -50, 50))
        u *= (1 + e) / 2
    square = u * u
    lorentz = 1 / (1 + 4 * square)
    square *= -4 * _LN2
    gauss = np.exp(square, out=square)
    shape = gauss + eta * (lorentz - gauss)
    # d shape / d u, divided by fwhm, which both derivatives below hold.
    slope = (-8 * eta / fwhm) * lorentz * lorentz
    slope -= (8 * _LN2 * (1 - eta) / fwhm) * gauss
    slope *= u
    by_center = slope * (-(1 + e) / 2 - asymmetry * t * e / 2) if "asymmetry" in free else -slope
    slopes = [by_center]
    if "fwhm" in free:
        slopes.append(-slope * u)
    if "eta" in free:
        slopes.append(lorentz - gauss)
    if "asymmetry" in free:
        slopes.append(slope * t * t * e / 2)
    return shape, slopes


def area_and_width(
    height: np.ndarray, fwhm: np.ndarray, eta: np.ndarray, asymmetry: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Area under a band, and its full width at half maximum, which asymmetry changes.

    Parameters
    ----------
    height, fwhm, eta, asymmetry : numpy.ndarray
        Of one shape.

    Returns
    -------
    (numpy.ndarray, numpy.ndarray)
        Area in units of height times x; width in units of x.

    Examples
    --------
    >>> area, width = area_and_width(*np.array([[2.0], [10.0], [0.0], [0.0]]))
    >>> area.round(4), width
    (array([21.2893]), array([10.]))
    """
    symmetric = eta * np.pi / 2 + (1 - eta) * np.sqrt(np.pi / _LN2) / 2
    area, width = height * fwhm * symmetric, np.asarray(fwhm, float) * 1.0
    bent = np.asarray(asymmetry) != 0
    if not bent.any():
        return area, width
    # Substitute t = fwhm tan(a), which reaches the tails of a Lorentzian.
    a = np.linspace(-np.pi / 2, np.pi / 2, 4003)[1:-1]
    for i in zip(*np.nonzero(bent), strict=True):
        w, k = float(fwhm[i]), float(asymmetry[i])
        t = w * np.tan(a)
        y = pseudo_voigt(t, 0.0, w, float(eta[i]), k)
        area[i] = height[i] * np.trapezoid(y * w / np.cos(a) ** 2, a)
        right, left = w / 2, w / 2
        for _ in range(60):
            right = w / (1 + np.exp(k * right)) / 2 + right / 2
            left = w / (1 + np.exp(-k * left)) / 2 + left / 2
        width[i] = right + left
    return area, width
