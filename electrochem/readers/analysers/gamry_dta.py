"""Gamry .DTA: text of keys and tables; the impedance stands in the table ZCURVE."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.delimited import read_text
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader
from electrochem.readers.analysers.sweep import impedance_columns, sweeps

_KEYS = {
    "TITLE": "title",
    "DATE": "date",
    "TIME": "time_of_day",
    "PSTAT": "instrument",
    "NOTES": "",
}
_DEFAULT_AREA = 1.0


def _recognises(start: FileStart) -> int:
    if start.text is None:
        return NO
    is_gamry = start.text.startswith("EXPLAIN") and "\nTAG\t" in start.text[:200].replace("\r", "")
    return BY_CONTENT if is_gamry else NO


def _read(path: Path) -> xr.DataArray:
    lines = read_text(path).splitlines()
    keys: dict[str, list[str]] = {}
    for line in lines:
        if line[:1].isalpha():
            name, *rest = line.rstrip().split("\t")
            keys.setdefault(name, rest)
    at = next((i for i, line in enumerate(lines) if line.startswith("ZCURVE")), None)
    if at is None:
        what = ", ".join(k for k, v in keys.items() if v[:1] == ["TABLE"]) or "no table"
        raise ReadError(path, f"holds {what}, but no ZCURVE", "it is no impedance measurement")
    heads = lines[at + 1].strip("\n").split("\t") if at + 1 < len(lines) else []
    columns = impedance_columns(heads)
    if columns is None:
        raise ReadError(path, f"line {at + 2}: ZCURVE has columns {heads}, no Freq, Zreal, Zimag")
    (jf, a), (jr, b), (ji, c) = (columns[k] for k in ("frequency", "real", "imaginary"))
    f, z, notes = [], [], []
    for i, line in enumerate(lines[at + 3 :], at + 4):
        cells = line.rstrip("\n").split("\t")
        if not line.startswith("\t"):
            break
        try:
            point = a * float(cells[jf]), complex(b * float(cells[jr]), c * float(cells[ji]))
        except (ValueError, IndexError):
            if i == len(lines):
                notes.append("the last line is cut short and left out")
                break
            raise ReadError(path, f"line {i}: {line.strip()[:60]!r} is no row of ZCURVE") from None
        f.append(point[0])
        z.append(point[1])
    facts = _facts(keys)
    wanted = _number(keys, "FREQFINAL")
    if keys.get("EXPERIMENTABORTED", [""])[:2] == ["TOGGLE", "T"]:
        facts["aborted"] = "yes"
        notes.append("the experiment was aborted")
    if wanted and f and f[-1] > 2 * wanted:
        notes.append(f"the sweep ends at {f[-1]:g} Hz, {wanted:g} Hz was asked for")
    return sweeps(path, f, z, facts, warnings=notes)


def _number(keys: dict[str, list[str]], name: str) -> float | None:
    try:
        return float(keys[name][1])
    except (KeyError, IndexError, ValueError):
        return None


def _facts(keys: dict[str, list[str]]) -> dict[str, Any]:
    facts: dict[str, Any] = {"technique": "EIS"}
    for key, name in _KEYS.items():
        value = keys.get(key, [])
        if name and len(value) > 1 and value[1].strip():
            facts[name] = value[1].strip()[:200]
    area, amplitude = _number(keys, "AREA"), _number(keys, "VAC")
    if area and area > 0 and area != _DEFAULT_AREA:
        facts["area_cm2"] = area
    if amplitude:
        facts["amplitude_mV_rms"] = amplitude
    return facts


reader = Reader("gamry_dta", ("impedance_spectrum",), _recognises, _read)
