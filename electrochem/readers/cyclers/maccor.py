"""Maccor text: some lines about the test, then columns Rec, Cyc, Step, ... by tab or comma."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.delimited import read_text
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader
from electrochem.readers.cells_of_text import Cells, cells_below, numbers, seconds
from electrochem.readers.columns import (
    AMPERES,
    MILLIAMPERE_HOURS,
    SECONDS,
    celsius,
    never_negative,
    record,
    signed,
)

_HEADER_LINES = 60
_UNIT = r"\s*(?:[(\[]\s*([a-zµ.]+)\s*[)\]])?"
_COLUMNS = {
    "cycle": r"cyc(?:le)?(?: ?[#c])?",
    "step": r"step",
    "time": r"test ?(?:time)?" + _UNIT,
    "step_time": r"step ?(?:time" + _UNIT + r"|\s*[(\[]\s*([a-z]+)\s*[)\]])",
    "capacity": r"(?:amp-hr|ahr|cap(?:acity|\.)?)" + _UNIT,
    "current": r"(?:amps|current)" + _UNIT,
    "voltage": r"(?:volts|voltage)(?:\s*[(\[]v[)\]])?",
    "state": r"state|md",
    "clock": r"dpt time",
    "temperature": r"temp 1\s*[(\[/,]?\s*([^)\]\d]*?)\s*[)\]]?",
}
_CLOCKS = ("%m/%d/%Y %H:%M:%S", "%d-%b-%y %I:%M:%S %p", "%m/%d/%Y %I:%M:%S %p")
# Clock and test time part by a record interval; a change of the clock is half an hour or more.
_CLOCK_CHANGE_S = 900
_LOWEST_CELSIUS = -273.15
# A voltage that moves less than this in a step says nothing of charge or discharge.
_CLEAR_V = 2e-3


def _heads(lines: Sequence[str]) -> tuple[int, str, dict[str, tuple[int, str]]] | None:
    """Line of the heads, delimiter, and place and unit of each column."""
    for i, line in enumerate(lines[:_HEADER_LINES]):
        if not re.match(r'"?rec#?"?\s*[\t,;]', line, re.IGNORECASE):
            continue
        delimiter = next(d for d in "\t;," if d in line)
        found: dict[str, tuple[int, str]] = {}
        for place, head in enumerate(line.split(delimiter)):
            text = head.strip().strip('"').lower()
            for name, pattern in _COLUMNS.items():
                said = re.fullmatch(pattern, text)
                if said and name not in found:
                    found[name] = (place, next((g for g in said.groups() if g), ""))
        if {"step", "time", "voltage", "current"} <= set(found):
            return i, delimiter, found
    return None


def _recognises(start: FileStart) -> int:
    if start.text is None:
        return NO
    return BY_CONTENT if _heads(start.text.splitlines()[:_HEADER_LINES]) else NO


def _read(path: Path) -> xr.Dataset:
    lines = read_text(path).splitlines()
    heads = _heads(lines)
    if heads is None:
        what = "has no line of heads with Rec, Step, test time, Amps and Volts"
        raise ReadError(path, what, "export it again with these columns")
    at, delimiter, found = heads
    cells = cells_below(path, lines, at, delimiter, {k: p for k, (p, _) in found.items()})
    notes = cells.notes
    columns = {
        "time": seconds(cells, "time", _factor(path, found, "time", SECONDS, "s")),
        "voltage": numbers(cells, "voltage", needed=True),
        "step": numbers(cells, "step"),
    }
    ampere = _factor(path, found, "current", AMPERES, "a")
    columns["current"] = ampere * numbers(cells, "current", needed=True)
    if not found["current"][1] and "amps" not in lines[at].lower():
        notes.append("the head of current has no unit: it is taken as A, and capacity as Ah")
    if "cycle" in found:
        columns["cycle"] = numbers(cells, "cycle")
    if "step_time" in found:
        factor = _factor(path, found, "step_time", SECONDS, "s")
        columns["step_time"] = seconds(cells, "step_time", factor)
    if "capacity" in found:
        unit = "ah" if ampere == 1 else "mah"
        factor = _factor(path, found, "capacity", MILLIAMPERE_HOURS, unit)
        columns["capacity"] = np.abs(factor * numbers(cells, "capacity"))
    if "temperature" in found:
        values, said = celsius(
            path, "Temp 1", numbers(cells, "temperature"), found["temperature"][1]
        )
        notes += said
        if (values > _LOWEST_CELSIUS).all():
            columns["temperature"] = values
    columns["current"] = _with_sign(cells, columns, notes)
    if "cycle" in columns and np.ptp(columns["cycle"]) == 0:
        notes.append(
            f"the cycle number is {columns['cycle'][0]:g} throughout: find cycles from steps"
        )
    notes += _clock_changes(cells, columns["time"])
    return record(path, columns, _facts(lines[:at]), notes)


def _factor(
    path: Path, found: Mapping[str, tuple[int, str]], name: str, units: Any, default: str
) -> float:
    unit = found[name][1] or default
    if unit not in units:
        raise ReadError(path, f"the head of {name} says the unit {unit!r}, which is not known")
    return float(units[unit])


def _with_sign(cells: Cells, columns: Mapping[str, np.ndarray], notes: list[str]) -> np.ndarray:
    current = columns["current"]
    if "state" in cells.frame:
        state = cells.frame["state"].str.upper()
        current, said = signed(
            current, (state == "C").to_numpy(), (state == "D").to_numpy(), "State"
        )
        notes += said
        return current
    if not never_negative(current) or not (current > 0).any():
        return current
    return _sign_of_voltage(columns, notes)


def _sign_of_voltage(columns: Mapping[str, np.ndarray], notes: list[str]) -> np.ndarray:
    """Without State only the voltage can say: a cell's falls in a step of discharge."""
    current, voltage = columns["current"].copy(), columns["voltage"]
    edges = np.flatnonzero(np.diff(columns["step"])) + 1
    falling = 0
    for part in np.split(np.arange(current.size), edges):
        on = part[current[part] > 0]
        if on.size > 2 and voltage[on[-1]] - voltage[on[0]] < -_CLEAR_V:
            current[on] *= -1
            falling += 1
    if falling:
        notes.append(
            "current is a magnitude and the file has no State: its sign is taken from the voltage, "
            f"which falls in {falling} steps"
        )
    else:
        notes.append(
            "current is never negative and the file has no State: it is taken as it is, as charge"
        )
    return current


def _clock_changes(cells: Cells, time: np.ndarray) -> list[str]:
    """Where the computer's clock and the tester's counting part, as at a change to winter time."""
    if "clock" not in cells.frame:
        return []
    import pandas as pd

    for form in _CLOCKS:
        clock = pd.to_datetime(cells.frame["clock"], format=form, errors="coerce")
        if clock.notna().all():
            gone = clock.diff().dt.total_seconds().to_numpy()[1:] - np.diff(time)
            jumps = np.flatnonzero(np.abs(gone) > _CLOCK_CHANGE_S)
            return [
                f"the clock jumps by {gone[i] / 3600:+.2f} h against test time at line "
                f"{cells.lines[i + 1]}; time is the tester's own"
                for i in jumps[:3]
            ]
    return []


def _facts(header: Sequence[str]) -> dict[str, Any]:
    facts: dict[str, Any] = {"technique": "cycling", "instrument": "Maccor"}
    text = "\n".join(header)
    if name := re.search(r"Filename:[\t ,]*(.*?)\s*(?:[\t\n]|Procedure:|$)", text):
        facts["test_name"] = re.split(r"[\\/]", name.group(1))[-1][:200]
    if date := re.search(r"Date of Test:[\t ,]*([^\t\n]*)", text):
        facts["acquired"] = date.group(1).strip().strip('"')[:200]
    return facts


reader = Reader("maccor", ("cell_record",), _recognises, _read)
