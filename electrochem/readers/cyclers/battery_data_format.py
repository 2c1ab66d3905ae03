"""Battery Data Format (BDF) csv of the Battery Data Alliance: fixed names, fixed units.

Both the names for machines (``test_time_second``) and the labels (``Test Time / s``) are known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.delimited import read_text
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader
from electrochem.readers.cells_of_text import cells_below, numbers
from electrochem.readers.columns import record

_HEADER_LINES = 5
# Name and factor, best first. Names of the format's earlier drafts are among them.
_COLUMNS: dict[str, dict[str, float]] = {
    "time": {"test_time_second": 1.0, "test_time_millisecond": 1e-3},
    "voltage": {"voltage_volt": 1.0},
    "current": {"current_ampere": 1.0},
    "step": {"step_index": 1.0, "step_id": 1.0, "step_count": 1.0},
    "cycle": {"cycle_count": 1.0},
    "step_time": {"step_time_second": 1.0},
    "capacity": {"step_capacity_ampere_hour": 1e3, "step_capacity_ah": 1e3},
    "charge_capacity": {"charging_capacity_ampere_hour": 1e3, "charging_capacity_ah": 1e3},
    "discharge_capacity": {"discharging_capacity_ampere_hour": 1e3, "discharging_capacity_ah": 1e3},
    "temperature": {
        "temperature_t1_celsius": 1.0,
        "surface_temperature_t1_celsius": 1.0,
        "temperature_celsius": 1.0,
        "ambient_temperature_celsius": 1.0,
    },
}
_UNIT_NAMES = {"s": "second", "ms": "millisecond", "v": "volt", "a": "ampere", "ah": "ampere_hour"}
_UNIT_NAMES |= {"degc": "celsius", "°c": "celsius", "1": ""}
_HOUR, _YEAR = 3600.0, 365.25 * 86400


def _machine_name(head: str) -> str:
    """Name for machines of a head in either form.

    Examples
    --------
    >>> _machine_name("Test Time / s"), _machine_name("Cycle Count / 1")
    ('test_time_second', 'cycle_count')
    """
    text = head.strip().strip('"').lower()
    name, slash, unit = text.partition("/")
    if not slash:
        return text
    parts = [*re.split(r"\s+", name.strip()), _UNIT_NAMES.get(unit.strip(), unit.strip())]
    return "_".join(p for p in parts if p)


def _heads(lines: Sequence[str]) -> tuple[int, dict[str, tuple[int, float]]] | None:
    for i, line in enumerate(lines[:_HEADER_LINES]):
        names = [_machine_name(head) for head in line.split(",")]
        found: dict[str, tuple[int, float]] = {}
        for column, known in _COLUMNS.items():
            for name, factor in known.items():
                if name in names and column not in found:
                    found[column] = (names.index(name), factor)
        if {"time", "voltage", "current"} <= set(found):
            return i, found
    return None


def _recognises(start: FileStart) -> int:
    if start.text is None:
        return NO
    return BY_CONTENT if _heads(start.text.splitlines()[:_HEADER_LINES]) else NO


def _read(path: Path) -> xr.Dataset:
    lines = read_text(path).splitlines()
    heads = _heads(lines)
    if heads is None:
        what = "has no heads test_time_second, voltage_volt and current_ampere"
        raise ReadError(path, what, "these three columns are what the format demands")
    at, found = heads
    cells = cells_below(path, lines, at, ",", {name: place for name, (place, _) in found.items()})
    columns = {
        name: factor * numbers(cells, name, needed=name in ("time", "voltage", "current"))
        for name, (_, factor) in found.items()
    }
    notes = cells.notes
    notes += _time_doubts(columns["time"], columns["current"])
    facts = {"technique": "cycling", "format": "Battery Data Format"}
    return record(path, columns, facts, notes)


def _time_doubts(time: np.ndarray, current: np.ndarray) -> list[str]:
    """A record of years in steps of hours was written in hours and converted twice."""
    if time.size < 3:
        return []
    step, total = float(np.median(np.diff(time))), float(np.ptp(time))
    if step <= _HOUR or total <= _YEAR:
        return []
    charge = np.ptp(np.cumsum(current[1:] * np.diff(time))) / _HOUR
    return [
        f"time cannot be right: rows every {step / _HOUR:.3g} h for {total / _YEAR:.3g} years, in "
        f"which {charge:.3g} Ah would pass; it may be 3600 times too large (rows every "
        f"{step / _HOUR:.3g} s); it is kept as written"
    ]


reader = Reader("battery_data_format", ("cell_record",), _recognises, _read)
