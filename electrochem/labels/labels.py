"""What is an impedance spectrum, a cell's record, a table of cycles?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError

# Signs: current into the cell, which charges the NCM, is positive (IUPAC: oxidation at the
# working electrode).
RECORD_UNITS = {
    "time": ("s", "time since the test began"),
    "voltage": ("V", "cell voltage"),
    "current": ("A", "current, charge positive"),
    "step": ("1", "step of the program"),
    "cycle": ("1", "cycle number as the instrument counts"),
    "step_time": ("s", "time since the step began"),
    "capacity": ("mAh", "charge passed in the step"),
    "charge_capacity": ("mAh", "charge passed in charging"),
    "discharge_capacity": ("mAh", "charge passed in discharging"),
    "temperature": ("degC", "temperature"),
}
TABLE_UNITS = {
    "charge_capacity": ("mAh g-1", "specific charge capacity"),
    "discharge_capacity": ("mAh g-1", "specific discharge capacity"),
    "coulomb_efficiency": ("1", "Coulomb efficiency"),
    "rate": ("A", "mean discharge current"),
    "charge_end_voltage": ("V", "open-circuit voltage after charge"),
    "discharge_end_voltage": ("V", "open-circuit voltage after discharge"),
}


def label_impedance(
    frequency: np.ndarray,
    impedance: np.ndarray,
    *,
    unit: str = "ohm",
    coords: Mapping[str, Any] | None = None,
    **attrs: Any,
) -> xr.DataArray:
    """Label complex impedance as coatqc expects it.

    Parameters
    ----------
    frequency : numpy.ndarray
        Shape (n,), Hz; all positive, ascending or descending.
    impedance : numpy.ndarray
        Complex, shape (n,) or (scan, n); imaginary part negative for a capacitor.
    unit : str, default "ohm"
        ``ohm``, or ``ohm cm2`` where it is multiplied by the area.
    coords : mapping, optional
        Further coordinates, as xarray takes them.
    **attrs
        Facts to keep.

    Returns
    -------
    xarray.DataArray
        Named impedance, dims (frequency,) or (scan, frequency), kind ``impedance_spectrum``.

    Examples
    --------
    >>> z = label_impedance(np.array([1.0, 10.0]), np.array([2 - 1j, 1 - 0.1j]))
    >>> z.dims, z.attrs["units"]
    (('frequency',), 'ohm')
    """
    values = np.asarray(impedance, dtype=complex)
    axis = np.asarray(frequency, dtype=float)
    dims = ("frequency",) if values.ndim == 1 else ("scan", "frequency")
    places: dict[str, Any] = {
        "frequency": ("frequency", axis, {"units": "Hz", "long_name": "frequency"})
    }
    if values.ndim == 2:
        number = np.arange(values.shape[0])
        places["scan"] = ("scan", number, {"units": "1", "long_name": "sweep"})
    facts = {"units": unit, "long_name": "impedance", "kind": "impedance_spectrum"} | attrs
    return xr.DataArray(
        values, dims=dims, coords=places | dict(coords or {}), name="impedance", attrs=facts
    )


def label_record(columns: Mapping[str, np.ndarray], **attrs: Any) -> xr.Dataset:
    """Label what a cycler or potentiostat wrote in the course of time.

    Parameters
    ----------
    columns : mapping of str to numpy.ndarray
        At least time / s, voltage / V and current / A (charge positive), each of shape
        (record,); further names are those of ``RECORD_UNITS``.
    **attrs
        Facts to keep: ``reference_electrode`` ("In/LiIn", "Li+/Li"), ``technique``.

    Returns
    -------
    xarray.Dataset
        Dim record, kind ``cell_record``.

    Raises
    ------
    MeasurementError
        If a column is missing, unknown, of another length or not finite.

    Examples
    --------
    >>> t = np.arange(3.0)
    >>> record = label_record({"time": t, "voltage": 3 + t / 10, "current": 1e-3 + 0 * t})
    >>> record["current"].attrs["units"], record.sizes["record"]
    ('A', 3)
    """
    missing = {"time", "voltage", "current"} - set(columns)
    if missing or (unknown := set(columns) - set(RECORD_UNITS)):
        wrong = f"{sorted(missing)} missing" if missing else f"{sorted(unknown)} unknown"
        raise MeasurementError(f"record: columns {wrong}; known are {', '.join(RECORD_UNITS)}")
    length = len(columns["time"])
    data = {}
    for name, values in columns.items():
        unit, meaning = RECORD_UNITS[name]
        array = np.asarray(values)
        if array.shape != (length,):
            raise MeasurementError(f"record: {name} has shape {array.shape}, time has {length}")
        if name in ("time", "voltage", "current") and not np.isfinite(array).all():
            raise MeasurementError(f"record: {name} holds values that are not finite numbers")
        data[name] = ("record", array, {"units": unit, "long_name": meaning})
    return xr.Dataset(data, attrs={"kind": "cell_record"} | attrs)


def label_cycles(cycle: np.ndarray, columns: Mapping[str, np.ndarray], **attrs: Any) -> xr.Dataset:
    """Label capacities and the like by cycle.

    Parameters
    ----------
    cycle : numpy.ndarray
        Whole numbers, ascending, shape (cycle,).
    columns : mapping of str to numpy.ndarray
        Names of ``TABLE_UNITS``, each of shape (cycle,).
    **attrs
        Facts to keep.

    Returns
    -------
    xarray.Dataset
        Dim cycle, kind ``cycle_table``.

    Raises
    ------
    MeasurementError
        If cycles do not ascend, or a column is unknown or of another length.

    Examples
    --------
    >>> table = label_cycles(np.array([1, 2]), {"discharge_capacity": np.array([186.0, 185.5])})
    >>> table["discharge_capacity"].attrs["units"]
    'mAh g-1'
    """
    number = np.asarray(cycle)
    if number.ndim != 1 or (np.diff(number) <= 0).any():
        raise MeasurementError(
            "cycles: their numbers do not ascend; give each cycle once, in order"
        )
    if unknown := set(columns) - set(TABLE_UNITS):
        raise MeasurementError(
            f"cycles: columns {sorted(unknown)} unknown; known are {', '.join(TABLE_UNITS)}"
        )
    data = {}
    for name, values in columns.items():
        unit, meaning = TABLE_UNITS[name]
        if np.shape(values) != number.shape:
            raise MeasurementError(
                f"cycles: {name} has shape {np.shape(values)}, cycle has {number.shape}"
            )
        data[name] = ("cycle", np.asarray(values, float), {"units": unit, "long_name": meaning})
    place = ("cycle", np.asarray(cycle), {"units": "1", "long_name": "cycle number"})
    return xr.Dataset(data, coords={"cycle": place}, attrs={"kind": "cycle_table"} | attrs)


def expect(thing: object, kind: str) -> None:
    """Refuse what is not of a kind.

    Parameters
    ----------
    thing : object
        What was given.
    kind : str
        ``cell_record``, ``cycle_table`` or ``impedance_spectrum``.

    Raises
    ------
    MeasurementError

    Examples
    --------
    >>> expect("a.csv", "cell_record")
    Traceback (most recent call last):
        ...
    coatcore.errors.MeasurementError: expected a cell_record, found str; read gives one
    """
    wanted = xr.DataArray if kind == "impedance_spectrum" else xr.Dataset
    found = getattr(thing, "attrs", {}).get("kind", kind)
    if not isinstance(thing, wanted):
        found = getattr(thing, "attrs", {}).get("kind") or type(thing).__name__
    elif found == kind:
        return
    raise MeasurementError(f"expected a {kind}, found {found}; read gives one")


def angular_frequency(impedance: xr.DataArray) -> np.ndarray:
    """Angular frequency, rad/s, of a checked spectrum.

    Parameters
    ----------
    impedance : xarray.DataArray
        Kind ``impedance_spectrum``.

    Raises
    ------
    MeasurementError
        If it is no complex impedance over positive frequencies, or has fewer than 5.

    Examples
    --------
    >>> z = label_impedance(np.logspace(0, 4, 5) / (2 * np.pi), np.ones(5))
    >>> [round(float(w), 6) for w in angular_frequency(z)]
    [1.0, 10.0, 100.0, 1000.0, 10000.0]
    """
    if not isinstance(impedance, xr.DataArray) or "frequency" not in impedance.dims:
        raise MeasurementError("impedance: expected a DataArray with dimension frequency")
    if not np.iscomplexobj(impedance.values):
        raise MeasurementError("impedance: holds real numbers; Z' + iZ'' was expected")
    if (kind := impedance.attrs.get("kind", "impedance_spectrum")) != "impedance_spectrum":
        raise MeasurementError(f"impedance: its kind is {kind!r}; expected 'impedance_spectrum'")
    if (hertz := impedance["frequency"].attrs.get("units", "Hz")) != "Hz":
        raise MeasurementError(f"impedance: frequency is in {hertz!r}; expected 'Hz'")
    if (unit := impedance.attrs.get("units")) not in ("ohm", "ohm cm2"):
        raise MeasurementError(f"impedance: its units are {unit!r}; expected 'ohm' or 'ohm cm2'")
    if (impedance.values == 0).any():
        raise MeasurementError("impedance: holds a zero; the modulus is its weight")
    if not np.isfinite(impedance.values).all():
        raise MeasurementError("impedance: holds values that are not finite numbers")
    frequency = np.asarray(impedance["frequency"].values, dtype=float)
    if frequency.size < 5:
        raise MeasurementError(f"impedance: {frequency.size} frequencies; at least 5 are needed")
    if not (np.isfinite(frequency).all() and (frequency > 0).all()):
        raise MeasurementError("impedance: frequencies must be positive numbers, in Hz")
    if np.unique(frequency).size < frequency.size:
        raise MeasurementError("impedance: a frequency stands in it twice; keep one of both")
    return 2 * np.pi * frequency
