"""Can these be the numbers of a cell, or was a unit mistaken?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError

# mAh g-1: outside, a unit is wrong rather than the cell remarkable.
NCM = (1.0, 400.0)
USUAL = 200.0
# What the true capacity is in terms of the one found, and the mistake that makes it so.
_MISTAKES = (
    (1e3, "current in A taken as mA"),
    (60.0, "time in minutes taken as s"),
    (3600.0, "time in h taken as s"),
    (1e-3, "current in mA taken as A"),
    (1e-3, "time in ms taken as s"),
    (1 / 60, "time in s taken as minutes"),
    (1 / 3600, "time in s taken as h"),
)
# A counter may leave out the first row of a step; a unit is off by 60 or more.
_COUNTER = 5.0


def number(value: Any, name: str, unit: str) -> float:
    """A positive number, or an error in words.

    Parameters
    ----------
    value : object
        What was given.
    name, unit : str
        Of the argument.

    Raises
    ------
    MeasurementError
        If it is none.

    Examples
    --------
    >>> number(8.3e-3, "mass_g", "g")
    0.0083
    """
    if isinstance(value, str | bytes | bool) or not np.isscalar(value):
        raise MeasurementError(f"{name} is {value!r}; a positive number in {unit} was expected")
    found = float(value)  # type: ignore[arg-type]
    if not (np.isfinite(found) and found > 0):
        raise MeasurementError(f"{name} is {found:g}; a positive number in {unit} was expected")
    return found


def check_capacity(
    capacity: float,
    mass_g: float,
    hours: float,
    *,
    nominal: float = USUAL,
    plausible: tuple[float, float] = NCM,
) -> list[str]:
    """Refuse a specific capacity that cannot be, and say where another unit would fit better.

    Parameters
    ----------
    capacity : float
        Typical of the record, mAh g-1.
    mass_g : float
        g, with which it was found.
    hours : float
        Typical length of a half cycle, h.
    nominal : float
        mAh g-1 that would be expected.
    plausible : (float, float)
        mAh g-1; outside it is refused.

    Returns
    -------
    list of str
        What is doubtful.

    Raises
    ------
    MeasurementError
        If the capacity lies outside `plausible`, naming mistakes that would explain it.

    Examples
    --------
    >>> check_capacity(186.0, 8.3e-3, 9.3)
    []
    >>> "minutes" in check_capacity(3.1, 8.3e-3, 0.155)[0]
    True
    """
    low, high = plausible
    causes = [words for factor, words in _MISTAKES if 0.5 <= capacity * factor / nominal <= 1.6]
    if capacity < low and mass_g >= 0.1:
        # The larger mistake by far: a few grams of active material are no test cell.
        causes = [f"mass in mg given as g (then mass_g is {mass_g / 1e3:g})", *causes]
    if capacity > high and mass_g < 1e-3:
        causes = [f"mass in g divided by 1000 (then mass_g is {mass_g * 1e3:g})", *causes]
    likely = f"likely {' or '.join(causes)}" if causes else "check mass, current and time"
    if not low <= capacity <= high:
        side = f"above {high:g}" if capacity > high else f"below {low:g}"
        raise MeasurementError(
            f"capacity of {capacity:.3g} mAh/g is {side} mAh/g: {likely}; for another material "
            "give its bounds as `plausible`"
        )
    # Current over nominal capacity is one rate, the time that it took another.
    if causes and not 0.25 <= capacity / nominal <= 2 and hours > 0:
        rate = capacity / hours / nominal
        return [
            f"capacity of {capacity:.3g} mAh/g where about {nominal:g} was expected: the current "
            f"is {rate:.3g}C, but a half cycle takes {hours:.3g} h, which is {1 / hours:.3g}C; "
            f"{likely}"
        ]
    return []


def check_counters(
    record: xr.Dataset, rows: Sequence[np.ndarray], charge: Sequence[float]
) -> list[str]:
    """Compare integrated charge with what the instrument itself counted.

    Parameters
    ----------
    record : xarray.Dataset
        Kind ``cell_record``; its capacity, charge_capacity and discharge_capacity are looked at.
    rows : sequence of numpy.ndarray
        Of each half cycle.
    charge : sequence of float
        Integrated, mAh.

    Returns
    -------
    list of str
        What is doubtful.

    Examples
    --------
    >>> check_counters(xr.Dataset(), [], [])
    []
    """
    names = [n for n in ("capacity", "charge_capacity", "discharge_capacity") if n in record]
    ratios = []
    for at, passed in zip(rows, charge, strict=True):
        counted = [np.diff(record[n].values[at].astype(float)) for n in names]
        # Counters begin anew with a step: only what they rise by counts.
        most = max((float(np.nansum(np.maximum(c, 0.0))) for c in counted), default=0.0)
        if most > 0 and passed > 0:
            ratios.append(most / passed)
    if not ratios:
        return []
    middle = float(np.median(ratios))
    if 1 / _COUNTER < middle < _COUNTER:
        return []
    near = [w for f, w in _MISTAKES if 0.7 <= middle / f <= 1.4]
    return [
        f"the instrument counted {middle:.3g} times the charge that current and time give"
        + (f": likely {' or '.join(near)}" if near else ": check the units of both")
    ]
