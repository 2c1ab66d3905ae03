"""2theta, d and Q, for any wavelength."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError

Angles = TypeVar("Angles", float, np.ndarray, xr.DataArray)


def require_wavelength(pattern: xr.DataArray, wavelength: float | None = None) -> float:
    """Wavelength of a pattern, as its file names it or as it is given; never guessed.

    Parameters
    ----------
    pattern : xarray.DataArray
        Attribute wavelength_angstrom, if its file names one.
    wavelength : float, optional
        In angstrom.

    Raises
    ------
    MeasurementError
        If neither names one, or both do and differ.

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> require_wavelength(simulate_pattern(1)[0])
    1.540598
    """
    named = pattern.attrs.get("wavelength_angstrom")
    source = pattern.attrs.get("source", "the pattern")
    if wavelength is None and named is None:
        raise MeasurementError(
            f"{source} names no wavelength; give wavelength=1.540598 (Cu K-alpha1), 1.788996 (Co), "
            "0.709317 (Mo) or that of the beam, in angstrom"
        )
    if wavelength is not None and not 0.05 < wavelength < 10:
        raise MeasurementError(f"wavelength is {wavelength:g}; expected angstrom, as 1.540598")
    if wavelength is None:
        return float(named)  # type: ignore[arg-type]
    if named is not None and abs(float(named) - wavelength) > 1e-3:
        raise MeasurementError(
            f"{source} was measured at {float(named):g} angstrom, but wavelength={wavelength:g} is "
            "given; drop one of them"
        )
    return float(wavelength)


def d_spacing(two_theta: Angles, wavelength: float) -> Angles:
    """Lattice spacing by Bragg's law, angstrom.

    Parameters
    ----------
    two_theta : float, array or DataArray
        In degree, above 0 and up to 180.
    wavelength : float
        In angstrom; 1.540598 for Cu K-alpha1.

    Raises
    ------
    MeasurementError
        If an angle is out of range.

    Examples
    --------
    >>> round(float(d_spacing(30.03, 1.540598)), 3)
    2.973
    """
    _within(two_theta, 0.0, 180.0, "two_theta", "degree")
    return _labelled(
        wavelength / (2 * np.sin(np.radians(two_theta) / 2)), two_theta, "angstrom", "d"
    )


def two_theta_from_d(d: Angles, wavelength: float) -> Angles:
    """Angle at which a lattice spacing diffracts, degree.

    Raises
    ------
    MeasurementError
        If d is smaller than half the wavelength: no angle diffracts.

    Examples
    --------
    >>> round(float(two_theta_from_d(2.973, 1.540598)), 2)
    30.03
    """
    _within(d, wavelength / 2 * (1 - 1e-12), np.inf, "d", "angstrom")
    sine = np.minimum(wavelength / 2 / d, 1.0)
    return _labelled(2 * np.degrees(np.arcsin(sine)), d, "degree", "2θ")


def scattering_vector(two_theta: Angles, wavelength: float) -> Angles:
    """Q = 4 pi sin(theta) / lambda, 1/angstrom.

    Examples
    --------
    >>> round(float(scattering_vector(30.03, 1.540598)), 3)
    2.113
    """
    _within(two_theta, -1e-12, 180.0, "two_theta", "degree")
    q = 4 * np.pi * np.sin(np.radians(two_theta) / 2) / wavelength
    return _labelled(q, two_theta, "angstrom-1", "Q")


def two_theta_from_q(q: Angles, wavelength: float) -> Angles:
    """Angle of a scattering vector, degree.

    Raises
    ------
    MeasurementError
        If Q is beyond what the wavelength reaches.

    Examples
    --------
    >>> round(float(two_theta_from_q(2.113, 1.540598)), 2)
    30.03
    """
    _within(q, -1e-12, 4 * np.pi / wavelength * (1 + 1e-12), "Q", "1/angstrom")
    sine = np.minimum(q * wavelength / (4 * np.pi), 1.0)
    return _labelled(2 * np.degrees(np.arcsin(sine)), q, "degree", "2θ")


def to_wavelength(two_theta: Angles, wavelength: float, new_wavelength: float) -> Angles:
    """Angle at which the same spacing diffracts with another wavelength, degree.

    Examples
    --------
    >>> round(float(to_wavelength(30.03, 1.540598, 0.709317)), 2)
    13.7
    """
    return two_theta_from_d(d_spacing(two_theta, wavelength), new_wavelength)


def _within(values: Angles, low: float, high: float, name: str, unit: str) -> None:
    numbers = np.asarray(values, dtype=float)
    wrong = ~((numbers > low) & (numbers <= high))
    if wrong.any():
        raise MeasurementError(
            f"{name} holds {numbers[wrong].flat[0]:g} {unit}; expected above {max(low, 0):g} and "
            f"up to {high:g} {unit}"
        )


def _labelled(values: Any, like: Angles, unit: str, name: str) -> Angles:
    if isinstance(values, xr.DataArray) and isinstance(like, xr.DataArray):
        return values.assign_attrs({"units": unit, "long_name": name})
    return values
