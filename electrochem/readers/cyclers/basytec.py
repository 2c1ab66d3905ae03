"""BaSyTec text: lines that begin with ~ about the test, the last of them the heads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.delimited import read_text
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader
from electrochem.readers.cells_of_text import cells_below, numbers, seconds
from electrochem.readers.columns import (
    AMPERES,
    MILLIAMPERE_HOURS,
    SECONDS,
    VOLTS,
    celsius,
    record,
    signed,
)

_HEADER_LINES = 100
# Heads without a unit of their own share that of the total charge, Ah[Ah].
_COLUMNS: dict[str, tuple[str, Any]] = {
    "time": ("Time", SECONDS),
    "step_time": ("t-Step", SECONDS),
    "voltage": ("U", VOLTS),
    "current": ("I", AMPERES),
    "step": ("Line", None),
    "cycle": ("Cyc-Count", None),
    "capacity": ("Ah-Step", MILLIAMPERE_HOURS),
    "charge_capacity": ("Ah-Cyc-Charge", MILLIAMPERE_HOURS),
    "discharge_capacity": ("Ah-Cyc-Discharge", MILLIAMPERE_HOURS),
    "temperature": ("T1", None),
    "command": ("Command", None),
}
_KEYS = {
    "Name of Test": "test_name",
    "Start of Test": "acquired",
    "Battery": "sample",
}


def _heads(lines: Sequence[str]) -> tuple[int, dict[str, tuple[int, str]]] | None:
    for i, line in enumerate(lines[:_HEADER_LINES]):
        if not line.startswith("~") or "\t" not in line:
            continue
        found: dict[str, tuple[int, str]] = {}
        for place, head in enumerate(line.lstrip("~").split("\t")):
            name, _, unit = head.strip().rstrip("]").partition("[")
            found[name] = (place, unit.lower())
        if {"Time", "U", "I"} <= set(found):
            return i, found
    return None


def _recognises(start: FileStart) -> int:
    if start.text is None or not start.text.startswith("~"):
        return NO
    lines = start.text.splitlines()[:_HEADER_LINES]
    return BY_CONTENT if "Basytec" in lines[0] or _heads(lines) else NO


def _read(path: Path) -> xr.Dataset:
    lines = read_text(path).splitlines()
    heads = _heads(lines)
    if heads is None:
        what = 'has no line of heads: "~Time[s]", "U[V]", "I[A]" by tab'
        raise ReadError(path, what, "export it again with these columns")
    at, found = heads
    wanted = {name: found[head][0] for name, (head, _) in _COLUMNS.items() if head in found}
    cells = cells_below(path, lines, at, "\t", wanted)
    columns: dict[str, np.ndarray] = {}
    for name in wanted:
        head, units = _COLUMNS[name]
        if name == "command":
            continue
        factor = 1.0 if units is None else _factor(path, found, head, units)
        if units is SECONDS:
            columns[name] = seconds(cells, name, factor)
        else:
            columns[name] = factor * numbers(cells, name, needed=name in ("voltage", "current"))
    notes = cells.notes
    if "temperature" in columns:
        values, said = celsius(path, "T1", columns["temperature"], found["T1"][1])
        columns["temperature"] = values
        notes += said
    for name in ("capacity", "charge_capacity", "discharge_capacity"):
        if name in columns:
            columns[name] = np.abs(columns[name])
    if "command" in cells.frame:
        command = cells.frame["command"].str.lower()
        out = command.str.startswith("discharge").to_numpy()
        into = command.str.startswith("charge").to_numpy()
        columns["current"], said = signed(columns["current"], into, out, "Command")
        notes += said
    return record(path, columns, _facts(lines[:at]), notes)


def _factor(path: Path, found: dict[str, tuple[int, str]], head: str, units: Any) -> float:
    unit = found[head][1] or (found.get("Ah", (0, ""))[1] if units is MILLIAMPERE_HOURS else "")
    if unit not in units:
        what = f"the head of {head} says the unit {unit!r}; known are {', '.join(units)}"
        raise ReadError(path, what, "export it with units in the heads")
    return float(units[unit])


def _facts(header: Sequence[str]) -> dict[str, Any]:
    facts: dict[str, Any] = {"technique": "cycling", "instrument": "BaSyTec"}
    for line in header:
        said = re.match(r"~\s*([^:]+?)\s*:\s*(.+)", line)
        if said and said.group(1) in _KEYS:
            facts[_KEYS[said.group(1)]] = said.group(2).strip()[:200]
    return facts


reader = Reader("basytec", ("cell_record",), _recognises, _read)
