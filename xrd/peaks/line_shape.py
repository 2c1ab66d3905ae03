"""The shape of a powder line: pseudo-Voigt, single or as a K-alpha doublet."""

from __future__ import annotations

import numpy as np
import xarray as xr

_GAUSS = 2 * np.sqrt(np.log(2) / np.pi)
_LN = 4 * np.log(2)
DEFAULT_RATIO = 0.5


def doublet_of(pattern: xr.DataArray) -> list[tuple[float, float]]:
    """Wavelengths of a pattern relative to the first, and the share of each in a line's area.

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> [round(share, 3) for _, share in doublet_of(simulate_pattern(1)[0])]
    [0.667, 0.333]
    """
    first = pattern.attrs.get("wavelength_angstrom")
    second = pattern.attrs.get("wavelength_kalpha2_angstrom")
    if first is None or second is None or abs(float(second) - float(first)) < 1e-5:
        return [(1.0, 1.0)]
    ratio = float(pattern.attrs.get("kalpha2_ratio", DEFAULT_RATIO))
    return [(1.0, 1 / (1 + ratio)), (float(second) / float(first), ratio / (1 + ratio))]


def unit_profile(u: np.ndarray, mixing: float) -> np.ndarray:
    """Pseudo-Voigt of unit area and unit width.

    Parameters
    ----------
    u : numpy.ndarray
        Distance from its place, in full widths at half maximum.
    mixing : float
        Share of the Lorentzian in the area, 0 to 1.

    Examples
    --------
    >>> y = unit_profile(np.array([0.0, 0.5]), 0.3)
    >>> round(float(y[1] / y[0]), 3)
    0.5
    """
    return mixing * 2 / np.pi / (1 + 4 * u**2) + (1 - mixing) * _GAUSS * np.exp(-_LN * u**2)


def pseudo_voigt(
    x: np.ndarray, place: float, fwhm: float, mixing: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pseudo-Voigt of unit area and its derivatives by place, fwhm and mixing.

    Parameters
    ----------
    x : numpy.ndarray, shape (n,)
        2theta, degree.
    place, fwhm : float
        In degree.
    mixing : float
        Share of the Lorentzian in the area, 0 to 1.

    Examples
    --------
    >>> x = np.linspace(-40, 40, 16001)
    >>> round(float(np.trapezoid(pseudo_voigt(x, 0.0, 0.1, 0.5)[0], x)), 3)
    1.0
    """
    u = (x - place) / fwhm
    gauss = _GAUSS * np.exp(-_LN * u**2)
    lorentz = 2 / np.pi / (1 + 4 * u**2)
    shape = (mixing * lorentz + (1 - mixing) * gauss) / fwhm
    # By u, before the chain rule.
    slope = mixing * -lorentz * 8 * u / (1 + 4 * u**2) + (1 - mixing) * -2 * _LN * u * gauss
    by_place = -slope / fwhm**2
    by_fwhm = -(shape + slope * u / fwhm) / fwhm
    return shape, by_place, by_fwhm, (lorentz - gauss) / fwhm


def line(
    x: np.ndarray, place: float, fwhm: float, mixing: float, parts: list[tuple[float, float]]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A line of unit area with all its wavelengths, and its derivatives; place is of the first.

    Examples
    --------
    >>> x = np.linspace(10, 60, 20001)
    >>> shape = line(x, 40.0, 0.1, 0.0, [(1.0, 0.6), (1.0025, 0.4)])[0]
    >>> round(float(np.trapezoid(shape, x)), 3)
    1.0
    """
    total = [np.zeros(x.size) for _ in range(4)]
    sine = np.sin(np.radians(place) / 2)
    for relative, share in parts:
        s = min(sine * relative, 1.0 - 1e-9)
        own = 2 * np.degrees(np.arcsin(s))
        # How far this one moves as the first moves.
        along = relative * np.cos(np.radians(place) / 2) / np.sqrt(1 - s**2)
        shape, by_place, by_fwhm, by_mixing = pseudo_voigt(x, own, fwhm, mixing)
        for i, part in enumerate((shape, by_place * along, by_fwhm, by_mixing)):
            total[i] += share * part
    return total[0], total[1], total[2], total[3]
