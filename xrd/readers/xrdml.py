"""PANalytical / Malvern XRDML, schema 1.x and 2.x."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from coatqc.core.errors import ReadError
from coatqc.core.provenance import SIMULATED_MARK
from coatqc.core.reading import BY_CONTENT, NO, FileStart, Reader

_MAX_BYTES = 200 * 2**20


def _recognises(start: FileStart) -> int:
    if start.text is None or not start.text.lstrip().startswith("<"):
        return NO
    return BY_CONTENT if "<xrdMeasurements" in start.text else NO


def _read(path: Path) -> xr.DataArray:
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    from xrd.labels import labelled_pattern

    if path.stat().st_size > _MAX_BYTES:
        raise ReadError(path, "larger than 200 MiB", "split the measurement")
    try:
        root = fromstring(path.read_bytes(), forbid_dtd=True)
    except DefusedXmlException as error:
        raise ReadError(
            path, f"declares entities or a document type ({error})", "no instrument writes these"
        ) from error
    except ParseError as error:
        raise ReadError(path, f"is not well-formed XML ({error})", "export it again") from error
    for element in root.iter():
        # Schema versions differ in nothing but their namespace.
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    scans = [s for m in root.findall("xrdMeasurement") for s in m.findall("scan")]
    if not scans:
        raise ReadError(path, "holds no <scan>", "export a finished measurement")
    read = [_scan(path, scan) for scan in scans]
    axis, first, name = read[0]
    same = all(a.shape == axis.shape and np.allclose(a, axis) for a, _, _ in read)
    if not same or len({n for _, _, n in read}) > 1:
        raise ReadError(
            path,
            f"holds {len(read)} scans over different ranges",
            "export each scan to a file of its own",
        )
    facts = _facts(root)
    values = first if len(read) == 1 else np.stack([v for _, v, _ in read])
    return labelled_pattern(axis, values, name, facts)


def _numbers(path: Path, text: str | None, what: str) -> np.ndarray:
    try:
        return np.array((text or "").split(), dtype=float)
    except ValueError as error:
        raise ReadError(path, f"<{what}> holds something else than numbers ({error})") from error


def _scan(path: Path, scan: Any) -> tuple[np.ndarray, np.ndarray, str]:
    points = scan.find("dataPoints")
    if points is None:
        raise ReadError(path, "a <scan> has no <dataPoints>", "export a finished measurement")
    counts, intensities = points.find("counts"), points.find("intensities")
    name = "counts"
    if counts is not None:
        values = _numbers(path, counts.text, "counts")
        factors = points.find("beamAttenuationFactors")
        if factors is not None:
            # <counts> are as detected; <intensities> already hold the attenuation.
            attenuation = _numbers(path, factors.text, "beamAttenuationFactors")
            if attenuation.size != values.size:
                raise ReadError(path, "has another number of attenuation factors than of counts")
            if np.any(attenuation != 1):
                values, name = values * attenuation, "intensity"
    elif intensities is not None:
        values = _numbers(path, intensities.text, "intensities")
        # Whole numbers in unit counts are counts; with a factor in them they are not.
        whole = intensities.get("unit", "counts") == "counts" and bool(
            np.all(values == np.rint(values))
        )
        name = "counts" if whole and points.find("beamAttenuationFactors") is None else "intensity"
    else:
        raise ReadError(path, "a scan has neither <counts> nor <intensities>")
    if values.size < 2 or not np.isfinite(values).all() or values.min() < 0:
        raise ReadError(path, f"{values.size} intensities, some negative or missing: damaged")
    return _two_theta(path, points, values.size), values, name


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


def _facts(root: Any) -> dict[str, str | int | float]:
    facts: dict[str, str | int | float] = {"instrument": "PANalytical"}
    for name, tag in (
        ("wavelength_angstrom", "kAlpha1"),
        ("wavelength_kalpha2_angstrom", "kAlpha2"),
        ("counting_time_s", "commonCountingTime"),
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
