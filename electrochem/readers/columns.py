"""What the columns of EC-Lab mean, in text (.mpt) and binary (.mpr) alike.

Also what every reader of a cell's record does last: sign the current, say what is odd, label.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from electrochem.labels.labels import label_record
from electrochem.readers.analysers.sweep import sweeps

NEEDED = ("time", "voltage", "current")
# Units as heads spell them, in lower case, with the factor to s, V, A and mAh.
SECONDS = {"ms": 1e-3, "s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "min": 60.0}
SECONDS |= {"h": 3600.0, "hr": 3600.0, "hour": 3600.0, "hours": 3600.0, "d": 86400.0}
VOLTS = {"v": 1.0, "mv": 1e-3}
AMPERES = {"a": 1.0, "ma": 1e-3, "ua": 1e-6, "µa": 1e-6, "μa": 1e-6, "na": 1e-9}
MILLIAMPERE_HOURS = {"mah": 1.0, "ma.h": 1.0, "ah": 1e3, "a.h": 1e3, "uah": 1e-3, "µah": 1e-3}
MILLIAMPERE_HOURS |= {"c": 1 / 3.6, "mc": 1 / 3600}

# Heads in order of preference, with the factor to s, V, A, mAh.
_TIME = {"time/s": 1.0}
_VOLTAGE = {"Ewe/V": 1.0, "<Ewe>/V": 1.0, "Ecell/V": 1.0, "<Ecell>/V": 1.0}
_CURRENT = {"I/mA": 1e-3, "<I>/mA": 1e-3, "I/A": 1.0, "<I>/A": 1.0}
_CHARGE_STEP = {"dq/mA.h": 1.0, "dQ/mA.h": 1.0, "dq/C": 1 / 3.6, "dQ/C": 1 / 3.6}
_CHARGE_SUM = {"(Q-Qo)/mA.h": 1.0, "(Q-Qo)/C": 1 / 3.6}
_HALF_CYCLE_CHARGE = {"Q charge/discharge/mA.h": 1.0}
_FREQUENCY, _REAL, _IMAGINARY = "freq/Hz", "Re(Z)/Ohm", "-Im(Z)/Ohm"
_OTHER_ELECTRODES = ("Ece/V", "<Ece>/V")
_OPTIONAL = {
    "step": {"Ns": 1.0},
    "cycle": {"cycle number": 1.0},
    "step_time": {"step time/s": 1.0},
    "charge_capacity": {"Q charge/mA.h": 1.0},
    "discharge_capacity": {"Q discharge/mA.h": 1.0},
    "temperature": {"Temperature/°C": 1.0},
}
USED = {
    *_TIME, *_VOLTAGE, *_CURRENT, *_CHARGE_STEP, *_CHARGE_SUM, *_HALF_CYCLE_CHARGE,
    *_OTHER_ELECTRODES, *(head for heads in _OPTIONAL.values() for head in heads),
    "half cycle", _FREQUENCY, _REAL, _IMAGINARY,
}  # fmt: skip


def labelled(
    path: Path,
    columns: Mapping[str, np.ndarray],
    facts: Mapping[str, Any],
    notes: Sequence[str] = (),
) -> xr.DataArray | xr.Dataset:
    """Impedance where most rows have a frequency, else the cell's record.

    Parameters
    ----------
    path : pathlib.Path
        For errors.
    columns : mapping of str to numpy.ndarray
        By EC-Lab's heads, of `USED`.
    facts : mapping
        Attributes to keep.
    notes : sequence of str
        What is odd about the file.

    Raises
    ------
    ReadError
        If a needed column is missing, or sweeps do not go together.

    Examples
    --------
    >>> columns = {"time/s": np.arange(3.0), "Ewe/V": np.full(3, 3.0), "I/mA": np.ones(3)}
    >>> labelled(Path("a.mpt"), columns, {})["current"].values.tolist()
    [0.001, 0.001, 0.001]
    """
    said = list(notes)
    if _FREQUENCY in columns:
        on = columns[_FREQUENCY] > 0
        if on.mean() > 0.5:
            return _impedance(path, columns, on, facts, said)
        if on.any():
            said.append(f"{int(on.sum())} of {on.size} rows are of impedance (frequency above 0)")
    return _record(path, columns, facts, said)


def _impedance(
    path: Path, columns: Mapping[str, np.ndarray], on: np.ndarray, facts: Any, said: list[str]
) -> xr.DataArray:
    missing = [head for head in (_REAL, _IMAGINARY) if head not in columns]
    if missing:
        what = f"is of impedance, but has no {' and no '.join(missing)}"
        raise ReadError(path, what, "export these columns as well")
    if not on.all():
        said.append(f"{int((~on).sum())} rows at frequency 0 (no sweep) are left out")
    z = columns[_REAL][on] - 1j * columns[_IMAGINARY][on]
    return sweeps(path, columns[_FREQUENCY][on], z, {"technique": "EIS"} | facts, warnings=said)


def _first(columns: Mapping[str, np.ndarray], heads: Mapping[str, float]) -> np.ndarray | None:
    for head, factor in heads.items():
        if head in columns:
            return factor * np.asarray(columns[head], dtype=float)
    return None


def _record(
    path: Path, columns: Mapping[str, np.ndarray], facts: Any, said: list[str]
) -> xr.Dataset:
    found: dict[str, np.ndarray] = {}
    for name, heads in (("time", _TIME), ("voltage", _VOLTAGE)):
        values = _first(columns, heads)
        if values is None:
            raise ReadError(path, f"has no column {' or '.join(heads)}", "export it as well")
        found[name] = values
    current = _first(columns, _CURRENT)
    found["current"] = (
        _current_of_charge(path, columns, found["time"], said) if current is None else current
    )
    for name, heads in _OPTIONAL.items():
        values = _first(columns, heads)
        if values is not None:
            found[name] = values
    if "cycle" not in found and "half cycle" in columns:
        # So EC-Lab counts where its cycle is the alternance of charge and discharge.
        found["cycle"] = np.asarray(columns["half cycle"]) // 2
    capacity = _first(columns, _HALF_CYCLE_CHARGE)
    if capacity is None and (capacity := _first(columns, _CHARGE_SUM)) is not None:
        said.append("capacity is counted from the start of the test (Q-Qo), not of the step")
    if capacity is not None:
        found["capacity"] = np.abs(capacity)
    if any(head in columns for head in _OTHER_ELECTRODES):
        said.append("voltage is Ewe, against the reference electrode; Ece was recorded too")
    # A sweep of potential moves the voltage whatever the current.
    return record(path, found, facts, said, check_sign=False)


def _current_of_charge(
    path: Path, columns: Mapping[str, np.ndarray], time: np.ndarray, said: list[str]
) -> np.ndarray:
    """EC-Lab's own way to <I>: the charge since the row before over the time since."""
    charge = _first(columns, _CHARGE_STEP)
    if charge is None:
        total = _first(columns, _CHARGE_SUM)
        if total is None:
            raise ReadError(path, "has no column of current or charge", "export <I>/mA as well")
        charge = np.diff(total, prepend=total[:1])
    step = np.diff(time, prepend=np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        current = 3.6 * charge / step
    unknown = ~(step > 0)
    current[unknown & (charge == 0)] = 0.0
    unknown &= charge != 0
    if unknown.any():
        # The charge of such a row says nothing of its current; the next is of the same step.
        known = np.flatnonzero(~unknown)
        if not known.size:
            raise ReadError(path, "time does not advance, so charge gives no current")
        place = np.minimum(np.searchsorted(known, np.flatnonzero(unknown)), known.size - 1)
        current[unknown] = current[known[place]]
        said.append(f"{int(unknown.sum())} rows have no time step: current is that of the next row")
    said.append("no column of current: it is the charge between rows over the time between them")
    return current


def signed(
    current: np.ndarray, charging: np.ndarray, discharging: np.ndarray, where: str
) -> tuple[np.ndarray, list[str]]:
    """Current with its sign, where the cycler wrote a magnitude and the direction in `where`.

    Most rows of discharge decide, for a rest may read a little below zero. Where they are
    positive and most of charge negative, all is turned.

    Examples
    --------
    >>> signed(np.array([0.0, 2.0]), np.array([0, 0]) > 0, np.array([0, 1]) > 0, "State")
    (array([ 0., -2.]), ['current is a magnitude; its sign is taken from State'])
    """
    out, into = _mostly(current[discharging]), _mostly(current[charging])
    notes = []
    if out > 0 and into < 0:
        current = -current
        notes.append(f"current is positive in discharge by {where}; its sign is turned")
    elif out > 0:
        current = np.where(discharging, -np.abs(current), current)
        notes.append(f"current is a magnitude; its sign is taken from {where}")
        if unsure := int(((current > 0) & ~charging & ~discharging).sum()):
            notes.append(f"{unsure} rows with current are neither charge nor discharge in {where}")
    if against := int(((current < 0) & charging).sum() + ((current > 0) & discharging).sum()):
        notes.append(f"current and {where} contradict each other in {against} rows")
    return current, notes


def _mostly(current: np.ndarray) -> int:
    """Sign of most rows with current; 0 where there are none."""
    flows = np.sign(current[current != 0])
    return int(np.sign(flows.sum()))


def never_negative(current: np.ndarray) -> bool:
    """Whether no current to speak of is negative: a rest may read a little below zero.

    Examples
    --------
    >>> never_negative(np.array([1.0, -1e-4])), never_negative(np.array([1.0, -0.5]))
    (True, False)
    """
    size = np.abs(current)
    return not (current[size > 0.01 * size.max()] < 0).any()


def celsius(path: Path, head: str, values: np.ndarray, unit: str) -> tuple[np.ndarray, list[str]]:
    """Temperature in degrees Celsius, by the unit that its head says; without one as it is.

    Raises
    ------
    ReadError
        If the unit is none of temperature.

    Examples
    --------
    >>> celsius(Path("a.txt"), "T1", np.array([298.15]), "K")
    (array([25.]), [])
    """
    name = re.sub(r"[^a-z]", "", unit.lower().replace("℃", "c").replace("℉", "f"))
    name = re.sub(r"^deg(rees?)?", "", name)
    if name in ("c", "celsius"):
        return values, []
    if name in ("k", "kelvin"):
        return values - 273.15, []
    if name in ("f", "fahrenheit"):
        return (values - 32) / 1.8, []
    if unit.strip():
        what = f"the head of {head} says the unit {unit!r}; known are °C, K, °F"
        raise ReadError(path, what, "export it with one of these in the head")
    known = values[np.isfinite(values)]
    if known.size and float(np.median(known)) > 200:
        return values, [f"{head} has no unit and is {np.median(known):.4g}: it may be in K"]
    return values, []


def record(
    path: Path, columns: Mapping[str, np.ndarray], facts: Mapping[str, Any],
    notes: Sequence[str], *, check_sign: bool = True,
) -> xr.Dataset:  # fmt: skip
    """Labelled record; what is odd about its rows goes to attribute ``warnings``."""
    for name in NEEDED:
        values = columns[name]
        if not len(values):
            raise ReadError(path, "holds no row of data", "export it again")
        if not np.isfinite(values).all():
            row = int(np.flatnonzero(~np.isfinite(values))[0]) + 1
            raise ReadError(path, f"row {row}: {name} is not a finite number", "export it again")
    odd = [*notes, *_row_oddities(columns), *(_sign_doubts(columns) if check_sign else [])]
    attrs = {k: v for k, v in facts.items() if v not in (None, "")}
    return label_record(columns, **attrs, **({"warnings": "; ".join(odd)} if odd else {}))


def _row_oddities(columns: Mapping[str, np.ndarray]) -> list[str]:
    step = np.diff(columns["time"])
    odd = []
    if back := int((step < 0).sum()):
        row = int(np.flatnonzero(step < 0)[0]) + 2
        odd.append(f"time goes back {back} times, first at row {row}; the rows are kept as written")
    same = [np.diff(columns[n]) == 0 for n in (*NEEDED, "step", "cycle") if n in columns]
    if double := int(np.logical_and.reduce(same).sum()):
        odd.append(f"{double} rows repeat the one before; they are kept")
    return odd


def _sign_doubts(columns: Mapping[str, np.ndarray]) -> list[str]:
    """Positive current raises a cell's voltage: does it here?"""
    current, rise = columns["current"], np.diff(columns["voltage"])
    on = (current[1:] != 0) & (np.sign(current[1:]) == np.sign(current[:-1]))
    way = np.abs(rise[on]).sum()
    along = (np.sign(current[1:]) * rise)[on].sum()
    if way < 0.1 or along > -0.3 * way:
        return []
    if never_negative(current):
        return ["voltage falls while current is positive: current may be a magnitude without sign"]
    return ["voltage falls under positive current: its sign may be opposite (charge is positive)"]


def meaning(head: str) -> tuple[str, str]:
    """Name and unit of a head, both in lower case.

    Examples
    --------
    >>> meaning("Charge capacity / mAh g-1"), meaning("I (mA)"), meaning("E[V]")
    (('charge capacity', 'mah/g'), ('i', 'ma'), ('e', 'v'))
    """
    text = head.strip().strip('"').lower().replace("_", " ")
    cut = re.match(r"^(.*?)\s*(?:/|\(|\[)\s*(.*?)\s*[)\]]?$", text)
    name, unit = (cut.group(1), cut.group(2)) if cut else (text, "")
    unit = re.sub(r"[\s·]+", " ", unit.replace("⁻¹", "-1").replace("^", ""))
    unit = re.sub(r"[ ]?(k?g)-1$", r"/\1", unit)
    return name.strip(), unit
