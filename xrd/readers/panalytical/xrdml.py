"""PANalytical / Malvern XRDML, schema 1.x and 2.x."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.provenance import SIMULATED_MARK
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader
from xrd.readers.safe_xml import parse_xml
from xrd.readers.scans import Facts, Scan, together

_MAX_BYTES = 200 * 2**20


def _recognises(start: FileStart) -> int:
    if start.text is None or not start.text.lstrip().startswith("<"):
        return NO
    return BY_CONTENT if "<xrdMeasurements" in start.text else NO


def _read(path: Path) -> xr.DataArray:
    if path.stat().st_size > _MAX_BYTES:
        raise ReadError(path, "larger than 200 MiB", "split the measurement")
    root = parse_xml(path, path.read_bytes())
    elements = [s for m in root.findall("xrdMeasurement") for s in m.findall("scan")]
    if not elements:
        raise ReadError(path, "holds no <scan>", "export a finished measurement")
    scans = [_scan(path, element) for element in elements]
    facts = _facts(root)
    unfinished = [e.get("status") for e in elements if e.get("status", "Completed") != "Completed"]
    if unfinished:
        facts["assumptions"] = f"a scan's status is {unfinished[0]}, not Completed"
    return together(path, scans, facts)


def _numbers(path: Path, text: str | None, what: str) -> np.ndarray:
    try:
        return np.array((text or "").split(), dtype=float)
    except ValueError as error:
        raise ReadError(path, f"<{what}> holds something else than numbers ({error})") from error


def _scan(path: Path, scan: Any) -> Scan:
    points = scan.find("dataPoints")
    if points is None:
        raise ReadError(path, "a <scan> has no <dataPoints>", "export a finished measurement")
    counts, intensities = points.find("counts"), points.find("intensities")
    if counts is None and intensities is None:
        raise ReadError(path, "a scan has neither <counts> nor <intensities>")
    factors = points.find("beamAttenuationFactors")
    name = "counts"
    if counts is not None:
        values = _numbers(path, counts.text, "counts")
        if factors is not None:
            # <counts> are as detected; <intensities> already hold the attenuation.
            attenuation = _numbers(path, factors.text, "beamAttenuationFactors")
            if attenuation.size not in (1, values.size):
                raise ReadError(path, "has another number of attenuation factors than of counts")
            if np.any(attenuation != 1):
                values, name = values * attenuation, "intensity"
    else:
        values = _numbers(path, intensities.text, "intensities")
        # Whole numbers in unit counts are counts; with a factor in them they are not.
        whole = intensities.get("unit", "counts") == "counts" and bool(
            np.all(values == np.rint(values))
        )
        name = "counts" if whole and factors is None else "intensity"
        if intensities.get("unit") == "cps":
            name = "count_rate"
    facts: Facts = {}
    for key, attribute in (("scan_axis", "scanAxis"), ("scan_mode", "mode")):
        if scan.get(attribute):
            facts[key] = str(scan.get(attribute))[:50]
    times = points.find("countingTimes")
    if times is not None:
        each = _numbers(path, times.text, "countingTimes")
        if each.size not in (1, values.size) or np.any(~(each > 0)):
            raise ReadError(path, f"has {each.size} counting times for {values.size} points")
        if np.ptp(each) > 1e-6 * each.max():
            # Counts of unequal times have no common scale.
            values, name = values / each, "count_rate"
        else:
            facts["counting_time_s"] = float(each[0])
    return Scan(_two_theta(path, points, values.size), values, name, facts)


def _two_theta(path: Path, points: Any, n: int) -> np.ndarray:
    positions = [p for p in points.findall("positions") if p.get("axis") == "2Theta"]
    if not positions:
        raise ReadError(path, "has no 2Theta positions", "only scans over 2theta are compared")
    where = positions[0]
    if where.get("unit", "deg") != "deg":
        raise ReadError(path, f"2Theta is in {where.get('unit')!r}, expected deg")
    listed = where.find("listPositions")
    if listed is not None:
        axis = _numbers(path, listed.text, "listPositions")
    else:
        ends = [_numbers(path, where.findtext(t), t) for t in ("startPosition", "endPosition")]
        if any(e.size != 1 for e in ends):
            raise ReadError(path, "2Theta has no start and end", "only scans over 2theta are read")
        axis = np.linspace(ends[0][0], ends[1][0], n)
    if axis.size != n:
        raise ReadError(path, f"{axis.size} positions for {n} intensities: damaged")
    return axis


def _facts(root: Any) -> Facts:
    facts: Facts = {"instrument": "PANalytical"}
    for name, tag in (
        ("wavelength_angstrom", "kAlpha1"),
        ("wavelength_kalpha2_angstrom", "kAlpha2"),
        ("kalpha2_ratio", "ratioKAlpha2KAlpha1"),
        ("counting_time_s", "commonCountingTime"),
        ("goniometer_radius_mm", "radius"),
        ("tube_voltage_kV", "tension"),
    ):
        text = next((e.text for e in root.iter(tag)), None)
        if text and re.fullmatch(r"\s*\d+(\.\d+)?\s*", text):
            facts[name] = float(text)
    for name, tag in (("anode", "anodeMaterial"), ("acquired", "startTimeStamp")):
        text = next((e.text for e in root.iter(tag)), None)
        if text:
            facts[name] = text.strip()[:100]
    if any(SIMULATED_MARK in (e.text or "") for e in root.iter("entry")):
        facts["simulated"] = "yes"
    return facts


reader = Reader("panalytical_xrdml", ("xrd_pattern",), _recognises, _read)
