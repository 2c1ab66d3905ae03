"""Scribner ZPlot .z: a header of keys, "End Comments", then tab-delimited rows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.delimited import read_text
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader
from electrochem.readers.analysers.sweep import sweeps

_FACTS = {
    "Experiment Type": "technique",
    "Date": "date",
    "Time": "time_of_day",
}
# Freq, A, bias, time, Z', Z'', then marks.
_FREQUENCY, _REAL, _IMAGINARY = 0, 4, 5
_DEFAULT_AREA = 1.0


def _recognises(start: FileStart) -> int:
    return BY_CONTENT if start.head.startswith(b"ZPLOT2 ASCII") else NO


def _read(path: Path) -> xr.DataArray:
    lines = read_text(path).splitlines()
    at = next((i for i, line in enumerate(lines) if line.strip() == "End Comments"), None)
    if at is None:
        raise ReadError(path, "has no line End Comments after its header", "cut short?")
    f, z, notes = [], [], []
    for i, line in enumerate(lines[at + 1 :], at + 2):
        if not line.strip():
            continue
        cells = re.split(r"\t|,\s*", line.strip())
        try:
            f.append(float(cells[_FREQUENCY]))
            z.append(complex(float(cells[_REAL]), float(cells[_IMAGINARY])))
        except (ValueError, IndexError):
            if i == len(lines):
                notes.append("the last line is cut short and left out")
                break
            raise ReadError(path, f"line {i}: {line[:60]!r} is no row of a sweep") from None
    size = min(len(f), len(z))
    return sweeps(path, f[:size], z[:size], _facts(lines[:at]), warnings=notes)


def _facts(header: list[str]) -> dict[str, Any]:
    facts: dict[str, Any] = {"instrument": "Scribner ZPlot"}
    for line in header:
        key, _, value = line.strip().partition(":")
        if key in _FACTS and value.strip():
            facts[_FACTS[key]] = value.strip()[:200]
        if key == "Surface Area":
            try:
                area = float(value)
            except ValueError:
                continue
            if area > 0 and area != _DEFAULT_AREA:
                facts["area_cm2"] = area
    return facts


reader = Reader("scribner_zplot", ("impedance_spectrum",), _recognises, _read)
