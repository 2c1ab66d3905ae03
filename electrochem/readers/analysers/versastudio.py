"""Princeton VersaStudio .par: sections in angle brackets; segments of comma-delimited rows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.delimited import read_text
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader
from electrochem.readers.analysers.sweep import sweeps

_COLUMNS = ("Frequency(Hz)", "Z Real", "Z Imag")
_DEFAULT_AREA = 1.0


def _recognises(start: FileStart) -> int:
    if start.text is None:
        return NO
    head = start.text[:300]
    return BY_CONTENT if "<Application>" in head and "Name=VersaStudio" in head else NO


def _read(path: Path) -> xr.DataArray:
    lines = read_text(path).splitlines()
    f, z, notes = [], [], []
    columns: dict[str, int] | None = None
    inside = False
    for i, line in enumerate(lines, 1):
        if re.match(r"<Segment\d+>", line):
            inside, columns = True, None
        elif line.startswith("</Segment"):
            inside = False
        elif inside and line.startswith("Definition="):
            heads = [h.strip() for h in line.partition("=")[2].split(",")]
            columns = {h: heads.index(h) for h in _COLUMNS if h in heads}
        elif inside and columns and len(columns) == len(_COLUMNS) and line[:1].isdigit():
            cells = line.split(",")
            try:
                point = [float(cells[columns[h]]) for h in _COLUMNS]
            except (ValueError, IndexError):
                if i == len(lines):
                    notes.append("the last line is cut short and left out")
                    break
                raise ReadError(path, f"line {i}: {line[:60]!r} is no row of a segment") from None
            # Rows of a hold between sweeps have no frequency.
            if point[0] > 0:
                f.append(point[0])
                z.append(complex(point[1], point[2]))
    if inside:
        notes.append("the last segment has no end: the file is cut short")
    if not f:
        raise ReadError(path, "has no segment with Frequency(Hz), Z Real and Z Imag")
    return sweeps(path, f, z, _facts(lines), warnings=notes)


def _facts(lines: list[str]) -> dict[str, Any]:
    facts: dict[str, Any] = {"technique": "EIS", "instrument": "Princeton VersaStudio"}
    for line in lines[:200]:
        key, _, value = line.partition("=")
        if key == "Working Electrode Area (cm2)":
            try:
                area = float(value)
            except ValueError:
                continue
            if area > 0 and area != _DEFAULT_AREA:
                facts["area_cm2"] = area
    return facts


reader = Reader("versastudio", ("impedance_spectrum",), _recognises, _read)
