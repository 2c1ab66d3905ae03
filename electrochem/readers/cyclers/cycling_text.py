"""Delimited text of time, voltage and current, or of capacities by cycle, whoever wrote it.

The heads must say the units of time, current and capacity: A for mA is the classic fault.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.provenance import SIMULATED_MARK
from coatcore.reading.delimited import read_text
from coatcore.reading.registry import BY_TABLE, NO, FileStart, Reader
from electrochem.labels.labels import label_cycles
from electrochem.readers.cells_of_text import cells_below, numbers, seconds
from electrochem.readers.columns import (
    AMPERES,
    MILLIAMPERE_HOURS,
    NEEDED,
    SECONDS,
    VOLTS,
    meaning,
    record,
)

if TYPE_CHECKING:
    pass

HEADER_LINES = 200
_DELIMITERS = ("\t", ";", ",")
_SPECIFIC = {"mah/g": 1.0, "ah/kg": 1.0, "ah/g": 1e3}
_ONE = {"": 1.0, "1": 1.0, "#": 1.0}
_CELSIUS = {"degc": 1.0, "°c": 1.0, "℃": 1.0, "c": 1.0}

# Column, pattern of its name, units in a record (None: no column of a record or of a table).
_QUANTITIES: tuple[tuple[str, str, Any, Any], ...] = (
    ("time", r"t|(test |total |elapsed |cumulative )?time", SECONDS, None),
    ("voltage", r"[uve]|(cell )?voltage|(cell )?potential|e(we|cell)", VOLTS, None),
    ("current", r"i|(cell )?current", AMPERES, None),
    ("step", r"ns|step( index| number| no\.?)?", _ONE, None),
    ("cycle", r"cycle( index| number| no\.?)?|cyc|n", _ONE, _ONE),
    ("step_time", r"step time", SECONDS, None),
    ("capacity", r"q|capacity", MILLIAMPERE_HOURS, None),
    ("charge_capacity", r"q ?ch(arge)?|charg(e|ing) (specific )?capacity|specific charge capacity",
     MILLIAMPERE_HOURS, _SPECIFIC),
    ("discharge_capacity",
     r"q ?dis(charge)?|discharg(e|ing) (specific )?capacity|specific discharge capacity",
     MILLIAMPERE_HOURS, _SPECIFIC),
    ("temperature", r"temp(erature)?", _CELSIUS, None),
    ("coulomb_efficiency", r"ce|coulomb(ic)? efficiency", None, {"%": 0.01, **_ONE}),
    ("rate", r"rate|mean discharge current", None, AMPERES),
    ("charge_end_voltage", r"charge end voltage|open-circuit voltage after charge", None, VOLTS),
    ("discharge_end_voltage", r"discharge end voltage|open-circuit voltage after discharge",
     None, VOLTS),
)  # fmt: skip


def _columns(heads: Sequence[str]) -> dict[str, tuple[int, str, int]]:
    """Place, unit and index in _QUANTITIES of each quantity that the heads name."""
    found: dict[str, tuple[int, str, int]] = {}
    for place, head in enumerate(heads):
        name, unit = meaning(head)
        for k, (quantity, pattern, _, _) in enumerate(_QUANTITIES):
            # A lone letter E or U says nothing.
            if quantity == "voltage" and len(name) == 1 and not unit:
                continue
            if quantity not in found and re.fullmatch(pattern, name):
                found[quantity] = (place, unit, k)
    return found


def _heads(lines: Sequence[str]) -> tuple[int, str, dict[str, tuple[int, str, int]]] | None:
    for i, line in enumerate(lines[:HEADER_LINES]):
        # Rows of numbers are no heads; a head of frequency is of impedance.
        if not 3 < len(line) < 5000 or line[0] in "0123456789+-." or "freq" in line.lower():
            continue
        for delimiter in _DELIMITERS:
            if delimiter in line:
                found = _columns(line.lstrip("#% ").split(delimiter))
                if _is_record(found) or _is_table(found):
                    return i, delimiter, found
    return None


def _is_record(found: Mapping[str, tuple[int, str, int]]) -> bool:
    """Current and voltage by their units: E / eV and I are of spectra."""
    if not {"current", "voltage"} <= set(found):
        return False
    volt, ampere = found["voltage"][1], found["current"][1]
    return volt in ("", *VOLTS) and (not ampere or re.match(r"[mnuµμ]?a\b", ampere) is not None)


def _is_table(found: Mapping[str, Any]) -> bool:
    return "cycle" in found and bool({"charge_capacity", "discharge_capacity"} & set(found))


def _recognises(start: FileStart) -> int:
    if start.text is None or _heads(start.text.splitlines()[:HEADER_LINES]) is None:
        return NO
    # A cycler's own text, which names current and voltage too, is known by its content.
    return BY_TABLE


def _factor(path: Path, found: Mapping[str, Any], name: str, which: int) -> float:
    """Factor to the unit of coatqc; column 2 of _QUANTITIES is for records, 3 for tables."""
    _, unit, k = found[name]
    units = _QUANTITIES[k][which]
    if unit in units:
        return float(units[unit])
    known = ", ".join(u for u in units if u)
    what = f"the head of {name} says the unit {unit!r}" if unit else f"{name} has no unit"
    raise ReadError(path, f"{what}; known are {known}", f"write it in the head, as {name} / UNIT")


def _read(path: Path) -> xr.Dataset:
    lines = read_text(path).splitlines()
    heads = _heads(lines)
    if heads is None:
        raise ReadError(path, "no line names a current and a voltage, or a cycle and a capacity")
    at, delimiter, found = heads
    if not _is_record(found):
        return _table(path, lines, at, delimiter, found)
    if "time" not in found:
        raise ReadError(path, "names voltage and current, but no time", "export time / s as well")
    which = {k: p for k, (p, _, q) in found.items() if _QUANTITIES[q][2] is not None}
    cells = cells_below(path, lines, at, delimiter, which)
    columns = {}
    for name in which:
        clock = name.endswith("time") and cells.frame[name].str.contains(":", regex=False).any()
        factor = 1.0 if clock else _factor(path, found, name, 2)
        columns[name] = (
            seconds(cells, name, factor)
            if name.endswith("time")
            else factor * numbers(cells, name, needed=name in NEEDED)
        )
    return record(path, columns, _simulated(lines[:at]), cells.notes)


def _table(path: Path, lines: Sequence[str], at: int, delimiter: str, found: Any) -> xr.Dataset:
    which = {k: p for k, (p, _, q) in found.items() if _QUANTITIES[q][3] is not None}
    factors = {name: _factor(path, found, name, 3) for name in which}
    cells = cells_below(path, lines, at, delimiter, which)
    cycle = numbers(cells, "cycle", needed=True)
    if ((cycle != np.round(cycle)) | (cycle > 1e9)).any() or (np.diff(cycle) <= 0).any():
        raise ReadError(path, "cycle numbers are not whole and ascending", "one row a cycle")
    columns = {n: f * numbers(cells, n) for n, f in factors.items() if n != "cycle"}
    if "coulomb_efficiency" in columns and (columns["coulomb_efficiency"] > 2).any():
        raise ReadError(path, "Coulomb efficiency is above 2", "write % in its head")
    attrs = {"warnings": "; ".join(cells.notes)} if cells.notes else {}
    return label_cycles(cycle.astype(int), columns, **attrs, **_simulated(lines[:at]))


def _simulated(header: Sequence[str]) -> dict[str, Any]:
    return {"simulated": "yes"} if any(SIMULATED_MARK in line for line in header) else {}


reader = Reader("cycling_text", ("cell_record", "cycle_table"), _recognises, _read)
