"""Neware csv of BTSDA: one row a record, units in the heads, times as hh:mm:ss."""

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

_HEADER_LINES = 10
# Pattern of the head, units, and the unit where it has none.
_COLUMNS: dict[str, tuple[str, Any, str]] = {
    "time": (r"(total|cumulative) time", SECONDS, "s"),
    "step_time": (r"time|step time|relative time", SECONDS, "s"),
    "voltage": (r"voltage", VOLTS, ""),
    "current": (r"current", AMPERES, ""),
    "cycle": (r"cycle( index| id)?", None, ""),
    "step": (r"step( index| id|)|step number", None, ""),
    "capacity": (r"capacity|cap\.?", MILLIAMPERE_HOURS, ""),
    "charge_capacity": (r"chg\. ?cap\.|charge capacity", MILLIAMPERE_HOURS, ""),
    "discharge_capacity": (r"dchg\. ?cap\.|discharge capacity", MILLIAMPERE_HOURS, ""),
    "temperature": (r"t1|temperature|aux\. ?t1", None, ""),
    "type": (r"step type|status|step name", None, ""),
    "date": (r"date|realtime|absolute time", None, ""),
}
_RECORD = re.compile(r'^[\ufeff"]*(datapoint|data ?point|record ?(id|number|index)|record)\b', re.I)


def _heads(lines: Sequence[str]) -> tuple[int, str, dict[str, tuple[int, str]]] | None:
    """Line of the heads, delimiter, and place and unit of each column."""
    for i, line in enumerate(lines[:_HEADER_LINES]):
        if not _RECORD.match(line.strip()):
            continue
        delimiter = next((d for d in "\t;," if d in line), ",")
        found: dict[str, tuple[int, str]] = {}
        for place, head in enumerate(line.split(delimiter)):
            said = re.fullmatch(r"(.*?)\s*(?:\((.*)\))?", head.strip().strip('"').lower())
            if said is None:
                continue
            for name, (pattern, _, _) in _COLUMNS.items():
                if name not in found and re.fullmatch(pattern, said.group(1)):
                    found[name] = (place, (said.group(2) or "").strip())
        if {"voltage", "current"} <= set(found) and {"type", "step", "cycle"} & set(found):
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
        raise ReadError(path, "has no line of heads with DataPoint, Current and Voltage")
    at, delimiter, found = heads
    if "time" not in found:
        what = "has no column Total Time or Cumulative Time"
        raise ReadError(path, what, "export it as well: Time begins anew with each step")
    cells = cells_below(path, lines, at, delimiter, {k: p for k, (p, _) in found.items()})
    columns: dict[str, np.ndarray] = {}
    for name in found:
        _, units, default = _COLUMNS[name]
        if name in ("type", "date"):
            continue
        factor = 1.0
        if units is not None:
            unit = found[name][1] or default
            if unit not in units:
                what = f"the head of {name} says the unit {unit!r}; known are {', '.join(units)}"
                raise ReadError(path, what, "export it with units in the heads")
            factor = units[unit]
        columns[name] = (
            seconds(cells, name, factor)
            if units is SECONDS
            else factor * numbers(cells, name, needed=name in ("voltage", "current"))
        )
    notes = cells.notes
    if "temperature" in columns:
        values, said = celsius(path, "temperature", columns["temperature"], found["temperature"][1])
        columns["temperature"] = values
        notes += said
    if "type" in cells.frame:
        kind = cells.frame["type"].str.lower()
        out = kind.str.contains("dchg|discharge", regex=True).to_numpy()
        into = kind.str.contains("chg|charge", regex=True).to_numpy() & ~out
        columns["current"], said = signed(columns["current"], into, out, "the step type")
        notes += said
    facts: dict[str, Any] = {"technique": "cycling", "instrument": "Neware"}
    if "date" in cells.frame:
        facts["acquired"] = str(cells.frame["date"].iloc[0])[:200]
    return record(path, columns, facts, notes)


reader = Reader("neware_csv", ("cell_record",), _recognises, _read)
