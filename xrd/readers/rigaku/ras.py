"""Rigaku SmartLab .ras: text of starred keys, then rows of 2theta, intensity, attenuation."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader
from xrd.readers.scans import Facts, Scan, together

_MAX_BYTES = 200 * 2**20
_KEY = re.compile(r'^\*([A-Z0-9_]+)\s*"?(.*?)"?\s*$')


def _recognises(start: FileStart) -> int:
    return BY_CONTENT if start.text is not None and "*RAS_DATA_START" in start.text[:200] else NO


def _read(path: Path) -> xr.DataArray:
    if path.stat().st_size > _MAX_BYTES:
        raise ReadError(path, "larger than 200 MiB", "split the measurement")
    keys: dict[str, str] = {}
    scans: list[Scan] = []
    rows: list[list[float]] | None = None
    for i, line in enumerate(path.read_bytes().decode("latin-1").splitlines(), 1):
        key = _KEY.match(line.strip())
        if key is None:
            if rows is not None and line.strip():
                try:
                    rows.append([float(v) for v in line.split()])
                except ValueError:
                    raise ReadError(path, f"line {i}: {line[:40]!r} is no row of numbers") from None
        elif key.group(1) == "RAS_INT_START":
            rows = []
        elif key.group(1) == "RAS_INT_END" and rows is not None:
            scans.append(_scan(path, rows, keys))
            rows = None
        else:
            keys[key.group(1)] = key.group(2)
    if rows is not None:
        raise ReadError(path, "ends within its intensities (*RAS_INT_END is missing): cut short")
    return together(path, scans, _facts(keys))


def _scan(path: Path, rows: list[list[float]], keys: dict[str, str]) -> Scan:
    if not rows or len({len(r) for r in rows}) != 1 or len(rows[0]) not in (2, 3):
        raise ReadError(path, "rows of 2theta, intensity and attenuation were expected")
    axis = keys.get("MEAS_SCAN_AXIS_X_INTERNAL", keys.get("MEAS_SCAN_AXIS_X", "TwoTheta"))
    if "theta" not in axis.lower():
        raise ReadError(path, f"scans {axis!r}", "only scans over 2theta are read")
    columns = np.array(rows, dtype=float)
    unit = keys.get("MEAS_SCAN_UNIT_Y", "").lower()
    name = {"counts": "counts", "cps": "count_rate"}.get(unit, "intensity")
    values = columns[:, 1]
    if columns.shape[1] == 3 and np.any(columns[:, 2] != 1):
        # As detected behind the attenuator; the third column is what it took away.
        values, name = values * columns[:, 2], "count_rate" if name == "count_rate" else "intensity"
    facts: Facts = {"scan_axis": axis}
    speed, step = (_number(keys, f"MEAS_SCAN_{k}") for k in ("SPEED", "STEP"))
    per_minute = "deg/min" in keys.get("MEAS_SCAN_SPEED_UNIT", "").lower()
    if speed and step and per_minute:
        facts["counting_time_s"] = 60.0 * step / speed
    if keys.get("MEAS_SCAN_MODE"):
        facts["scan_mode"] = keys["MEAS_SCAN_MODE"][:50]
    return Scan(columns[:, 0], values, name, facts)


def _number(keys: dict[str, str], name: str) -> float | None:
    try:
        value = float(keys[name])
    except (KeyError, ValueError):
        return None
    return value if np.isfinite(value) and value > 0 else None


def _facts(keys: dict[str, str]) -> Facts:
    facts: Facts = {"instrument": "Rigaku"}
    for name, key in (
        ("wavelength_angstrom", "HW_XG_WAVE_LENGTH_ALPHA1"),
        ("wavelength_kalpha2_angstrom", "HW_XG_WAVE_LENGTH_ALPHA2"),
        ("goniometer_radius_mm", "HW_GONIOMETER_RADIUS-0"),
    ):
        value = _number(keys, key)
        if value is not None:
            facts[name] = value
    for name, key in (
        ("anode", "HW_XG_TARGET_NAME"),
        ("sample", "FILE_SAMPLE"),
        ("acquired", "MEAS_SCAN_START_TIME"),
    ):
        if keys.get(key):
            facts[name] = keys[key][:200]
    return facts


reader = Reader("rigaku_ras", ("xrd_pattern",), _recognises, _read)
