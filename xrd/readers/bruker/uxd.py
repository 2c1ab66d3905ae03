"""Bruker / Siemens .uxd: text of keys (`_KEY=value`) and numbers, one block a range."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader
from xrd.readers.scans import Facts, Scan, even_axis, together

_MAX_BYTES = 200 * 2**20
# What the numbers after each of these are: whether angles stand beside them, and the ordinate.
_DATA = {
    "_COUNTS": (False, "counts"),
    "_CPS": (False, "count_rate"),
    "_2THETACOUNTS": (True, "counts"),
    "_2THETACOUNTSTIME": (True, "counts"),
    "_2THETACPS": (True, "count_rate"),
}
_KEY = re.compile(r"^(_[A-Z0-9_+]+)\s*=?\s*(.*)$", re.IGNORECASE)


def _recognises(start: FileStart) -> int:
    if start.text is None:
        return NO
    keys = re.findall(r"^\s*(_[A-Z0-9]+)", start.text, re.MULTILINE)
    return BY_CONTENT if "_FILEVERSION" in keys or set(keys) & set(_DATA) else NO


def _read(path: Path) -> xr.DataArray:
    if path.stat().st_size > _MAX_BYTES:
        raise ReadError(path, "larger than 200 MiB", "split the measurement")
    keys: dict[str, str] = {}
    scans: list[Scan] = []
    kind: str | None = None
    numbers: list[float] = []
    for i, line in enumerate(path.read_bytes().decode("latin-1").splitlines(), 1):
        line = line.partition(";")[0].strip()
        if not line:
            continue
        key = _KEY.match(line)
        if key is None:
            if kind is None:
                raise ReadError(path, f"line {i}: {line[:40]!r} stands before any _COUNTS or _CPS")
            try:
                numbers += [float(v) for v in line.replace(",", " ").split()]
            except ValueError:
                raise ReadError(path, f"line {i}: {line[:40]!r} is no list of numbers") from None
            continue
        if kind is not None:
            scans.append(_scan(path, kind, numbers, keys))
            kind, numbers = None, []
        name = key.group(1).upper()
        if name in _DATA:
            kind = name
        else:
            keys[name] = key.group(2).strip().strip("'\"")
    if kind is not None:
        scans.append(_scan(path, kind, numbers, keys))
    return together(path, scans, _facts(keys))


def _number(keys: dict[str, str], name: str) -> float | None:
    try:
        return float(keys[name])
    except (KeyError, ValueError):
        return None


def _scan(path: Path, kind: str, numbers: list[float], keys: dict[str, str]) -> Scan:
    paired, name = _DATA[kind]
    time = _number(keys, "_STEPTIME")
    facts: Facts = {"counting_time_s": time} if time and time > 0 else {}
    values = np.array(numbers, dtype=float)
    if paired:
        width = 3 if kind.endswith("TIME") else 2
        if values.size % width:
            raise ReadError(path, f"{kind} has {values.size} numbers, no whole rows of {width}")
        columns = values.reshape(-1, width)
        return Scan(columns[:, 0], columns[:, 1], name, facts)
    start = _number(keys, "_START") if "_START" in keys else _number(keys, "_2THETA")
    step = _number(keys, "_STEPSIZE")
    if start is None or step is None:
        raise ReadError(path, f"{kind} has no _START and _STEPSIZE before it")
    stated = _number(keys, "_STEPCOUNT")
    if stated is not None and stated != values.size:
        raise ReadError(path, f"says _STEPCOUNT {stated:g}, has {values.size} values: cut short?")
    return Scan(even_axis(start, step, values.size), values, name, facts)


def _facts(keys: dict[str, str]) -> Facts:
    facts: Facts = {"instrument": "Bruker / Siemens"}
    for name, key in (
        ("wavelength_angstrom", "_WL1"),
        ("wavelength_kalpha2_angstrom", "_WL2"),
        ("kalpha2_ratio", "_WLRATIO"),
        ("goniometer_radius_mm", "_GONIOMETER_RADIUS"),
    ):
        value = _number(keys, key)
        if value is not None and value > 0:
            facts[name] = value
    for name, key in (("anode", "_ANODE"), ("sample", "_SAMPLE"), ("acquired", "_DATEMEASURED")):
        if keys.get(key):
            facts[name] = keys[key][:200]
    return facts


reader = Reader("bruker_uxd", ("xrd_pattern",), _recognises, _read)
