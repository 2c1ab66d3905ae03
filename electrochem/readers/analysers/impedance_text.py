"""Delimited text of impedance: CH Instruments, Parstat, Autolab, PowerSuite, and plain csv.

Heads say which columns are frequency, Z' and Z'' (or -Z''), and their units. Three columns
without heads are taken as f / Hz, Z' / ohm, Z'' / ohm where the frequencies are evenly spread on
a logarithmic scale, as sweeps are.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.provenance import SIMULATED_MARK
from coatcore.reading.delimited import parse_table, read_text
from coatcore.reading.registry import BY_NAME, BY_TABLE, NO, FileStart, Reader
from electrochem.readers.analysers.sweep import impedance_columns, per_area, sweeps

_HEADER_LINES = 60
_OTHERS = ("EC-Lab ASCII", "EXPLAIN", "ZPLOT2", "<Application>")
_DELIMITERS = ("\t", ";", ",")


def _heads(lines: list[str]) -> tuple[int, str, dict[str, tuple[int, float]]] | None:
    """Line of the heads, delimiter, and columns."""
    for i, line in enumerate(lines[:_HEADER_LINES]):
        if "freq" not in line.lower() and not line.lower().lstrip("\"'# ").startswith("f"):
            continue
        for delimiter in _DELIMITERS:
            if delimiter in line:
                heads = line.strip().lstrip("#").rstrip(delimiter).split(delimiter)
                columns = impedance_columns(heads)
                if columns is not None:
                    return i, delimiter, columns
    return None


def _is_sweep(values: np.ndarray) -> bool:
    """Whether three columns without heads can be a sweep over frequencies."""
    if values.shape[1] != 3 or values.shape[0] < 10:
        return False
    f = values[:, 0]
    if (f <= 0).any() or max(f) / min(f) < 10:
        return False
    step = np.diff(np.log(f))
    return bool(np.abs(step - step.mean()).max() < 0.25 * abs(step.mean()))


def _recognises(start: FileStart) -> int:
    if start.text is None or start.text.startswith(_OTHERS):
        return NO
    # A .mpt without its header has Re(Z) among a few dozen columns of its own.
    if start.suffix == ".mpt":
        return NO
    if _heads(start.text.splitlines()) is not None:
        return BY_TABLE
    table = start.table
    if table is None or table.header:
        return NO
    return BY_NAME if _is_sweep(table.values) else NO


def _read(path: Path) -> xr.DataArray:
    text = read_text(path)
    lines = text.splitlines()
    found = _heads(lines)
    if found is None:
        return _bare(path, text)
    at, delimiter, columns = found
    (jf, a), (jr, b), (ji, c) = (columns[k] for k in ("frequency", "real", "imaginary"))
    comma = delimiter != "," and not any("." in line for line in lines[at + 1 : at + 20])
    f: list[float] = []
    z: list[complex] = []
    notes: list[str] = []
    skipped = 0
    last = max(i for i, line in enumerate(lines) if line.strip()) if lines else 0
    for i, line in enumerate(lines[at + 1 :], at + 1):
        if not line.strip():
            continue
        cells = (line.replace(",", ".") if comma else line).split(delimiter)
        try:
            point = float(cells[jf]), float(cells[jr]), float(cells[ji])
        except (ValueError, IndexError):
            # Units may have a line of their own below the heads.
            if not f and i == at + 1:
                continue
            if i == last:
                notes.append("the last line is cut short and left out")
                break
            raise ReadError(path, f"line {i + 1}: {line.strip()[:60]!r} is no row") from None
        if point[0] == 0:
            skipped += 1
            continue
        f.append(a * point[0])
        z.append(complex(b * point[1], c * point[2]))
    if skipped:
        notes.append(f"{skipped} rows at frequency 0 (no sweep) are left out")
    unit = "ohm cm2" if per_area(lines[at].split(delimiter)) else "ohm"
    return sweeps(path, f, z, _facts(lines[:at]), warnings=notes, unit=unit)


def _bare(path: Path, text: str) -> xr.DataArray:
    table = parse_table(text, path)
    values = table.values
    if table.header or not _is_sweep(values):
        raise ReadError(
            path,
            "has no heads that name frequency / Hz, Z' / ohm and Z'' / ohm",
            "name its columns",
        )
    if (values[:, 2] > 0).mean() > 0.5:
        raise ReadError(
            path,
            "its third column, without a head, is mostly positive: Z'' or -Z''?",
            "name the columns, as in: f/Hz, Z'/ohm, -Z''/ohm",
        )
    facts = {"assumptions": "no heads: columns are taken as f / Hz, Z' / ohm, Z'' / ohm"}
    return sweeps(path, values[:, 0], values[:, 1] + 1j * values[:, 2], facts)


def _facts(header: list[str]) -> dict[str, Any]:
    facts: dict[str, Any] = {"technique": "EIS"}
    if any(SIMULATED_MARK in line for line in header):
        facts["simulated"] = "yes"
    for line in header:
        key, _, value = line.partition(":")
        if key.strip() == "Instrument Model" and value.strip():
            facts["instrument"] = value.strip()[:200]
        amplitude = re.match(r"Amplitude \(V\)\s*=\s*([\d.eE+-]+)", line)
        if amplitude:
            facts["amplitude_mV"] = 1000 * float(amplitude.group(1))
    return facts


reader = Reader("impedance_text", ("impedance_spectrum",), _recognises, _read)
