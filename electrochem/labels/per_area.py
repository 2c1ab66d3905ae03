"""From ohm and mAh per gram to what a cell has per area, and in farad."""

from __future__ import annotations

import math

import xarray as xr

from coatcore.errors import MeasurementError
from electrochem.labels.labels import angular_frequency


def impedance_per_area(impedance: xr.DataArray, area_cm2: float) -> xr.DataArray:
    """Impedance times the cell's area, so that cells can be compared.

    Parameters
    ----------
    impedance : xarray.DataArray
        Kind ``impedance_spectrum``, in ohm.
    area_cm2 : float
        Of the cell, cm2.

    Returns
    -------
    xarray.DataArray
        The same in ohm cm2, with the area in its attributes.

    Raises
    ------
    MeasurementError
        If it is per area already, or the area is none.

    Examples
    --------
    >>> import numpy as np
    >>> from electrochem.labels import label_impedance
    >>> z = label_impedance(np.logspace(0, 4, 9), np.full(9, 20 - 1j))
    >>> made = impedance_per_area(z, 0.785)
    >>> made.attrs["units"], complex(made[0].round(6))
    ('ohm cm2', (15.7-0.785j))
    """
    angular_frequency(impedance)
    if impedance.attrs["units"] != "ohm":
        raise MeasurementError("impedance: is in ohm cm2 already; an area would enter twice")
    area = _positive(area_cm2, "area_cm2", "the cell's area in cm2, as 0.785")
    return (impedance * area).assign_attrs(impedance.attrs | {"units": "ohm cm2", "area_cm2": area})


def capacity_in_farad(specific: float, mass_g: float) -> float:
    """Differential capacity of particles, as `diffusion_length` takes it.

    Parameters
    ----------
    specific : float
        dq/dE, mAh V-1 g-1.
    mass_g : float
        Active material, g; or g per cm2 of cell, where the impedance is per area.

    Returns
    -------
    float
        F, or F cm-2.

    Raises
    ------
    MeasurementError
        If a number is not positive.

    Examples
    --------
    >>> round(capacity_in_farad(392, 10.59e-3), 2)
    14.94
    """
    return (
        3.6
        * _positive(specific, "specific", "mAh V-1 g-1, as 392")
        * _positive(mass_g, "mass_g", "grams (or g cm-2) of active material")
    )


def _positive(value: float, name: str, expected: str) -> float:
    if not (isinstance(value, int | float) and math.isfinite(value) and value > 0):
        raise MeasurementError(f"{name} is {value!r}; expected {expected}")
    return float(value)
