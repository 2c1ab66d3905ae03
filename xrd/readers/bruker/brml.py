"""Bruker DIFFRAC.SUITE .brml: a zip of XML files, RawData*.xml one a range.

Written from what public readers of the format describe; there was no real file to try it on.
A point (`Datum`) holds the measured time, the factor of the absorber, one number an axis as
`ScanAxisInfo` lists them, and last the counts.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.registry import BY_CONTENT, BY_NAME, NO, FileStart, Reader
from xrd.readers.safe_xml import parse_xml
from xrd.readers.scans import Facts, Scan, even_axis, together

_RAW_DATA = re.compile(r"(^|/)RawData\d+\.xml$")
_LARGEST, _MOST = 200 * 2**20, 2000
_AXES = ("twotheta", "2theta")


def _recognises(start: FileStart) -> int:
    if not start.head.startswith(b"PK\x03\x04"):
        return NO
    if b"RawData" in start.head and b".xml" in start.head:
        return BY_CONTENT
    return BY_NAME if start.suffix == ".brml" else NO


def _read(path: Path) -> xr.DataArray:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if _RAW_DATA.search(m.filename)]
            if not members:
                raise ReadError(
                    path, "holds no RawData*.xml", "a finished measurement was expected"
                )
            size = sum(m.file_size for m in members)
            if len(members) > _MOST or size > _LARGEST:
                raise ReadError(
                    path,
                    f"unpacks to {len(members)} ranges of {size / 2**20:.0f} MiB together",
                    "200 MiB at most are read; split the measurement",
                )
            texts = [_unpacked(path, archive, m) for m in sorted(members, key=_order)]
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        OSError,
        RuntimeError,
    ) as e:
        raise ReadError(path, f"is no zip archive that can be unpacked ({e})", "damaged?") from None
    scans, facts = [], Facts({"instrument": "Bruker"})
    for text in texts:
        root = parse_xml(path, text)
        facts |= _facts(root)
        routes = list(root.iter("DataRoute"))
        scans += [s for s in (_scan(path, route) for route in routes) if s is not None]
    return together(path, scans, facts)


def _order(member: zipfile.ZipInfo) -> int:
    return int(re.findall(r"\d+", member.filename)[-1])


def _unpacked(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    # A size that lies must not fill the memory.
    with archive.open(member) as file:
        text = file.read(member.file_size + 1)
    if len(text) != member.file_size:
        raise ReadError(path, f"{member.filename} is not as long as the archive says", "damaged?")
    return text


def _scan(path: Path, route: Any) -> Scan | None:
    data = [d.text or "" for d in route.iter("Datum")]
    if not data:
        return None
    try:
        rows = [[float(v) for v in text.split(",")] for text in data]
    except ValueError as error:
        raise ReadError(path, f"a Datum holds something else than numbers ({error})") from None
    if len({len(r) for r in rows}) != 1:
        raise ReadError(path, "points have different numbers of values", "damaged?")
    columns = np.array(rows, dtype=float)
    axes = list(route.iter("ScanAxisInfo"))
    names = [re.sub(r"[^a-z0-9]", "", (a.get("AxisId") or "").lower()) for a in axes]
    which = next((i for i, n in enumerate(names) if n in _AXES), None)
    if which is None:
        raise ReadError(path, f"scans {', '.join(names) or 'no axis'}", "2theta was expected")
    facts: Facts = {"scan_axis": (route.findtext(".//ScanMode") or "TwoTheta").strip()[:50]}
    if columns.shape[1] >= 3 + len(axes):
        two_theta = columns[:, 2 + which]
    elif columns.shape[1] == 3:
        # Axes that move evenly may be told by start and increment alone.
        start, step = (
            _value(axes[which].findtext(t) or axes[which].get(t)) for t in ("Start", "Increment")
        )
        if start is None or step is None:
            raise ReadError(path, "points have no 2theta, nor has the axis start and increment")
        two_theta = even_axis(start, step, len(rows))
    else:
        raise ReadError(
            path,
            f"points have {columns.shape[1]} values with {len(axes)} axes",
            "time, absorber, axes and counts were expected; export as .xy",
        )
    times = columns[:, 0]
    if times.min() > 0 and np.ptp(times) <= 1e-3 * times.max():
        facts["counting_time_s"] = float(times[0])
    values, name = columns[:, -1], "counts"
    if np.any(columns[:, 1] != 1):
        values, name = values * columns[:, 1], "intensity"
    return Scan(two_theta, values, name, facts)


def _value(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _facts(root: Any) -> Facts:
    facts: Facts = {}
    for name, tag in (
        ("wavelength_angstrom", "WaveLengthAlpha1"),
        ("wavelength_kalpha2_angstrom", "WaveLengthAlpha2"),
        ("kalpha2_ratio", "WaveLengthRatio"),
    ):
        element = next(root.iter(tag), None)
        value = None if element is None else _value(element.get("Value") or element.text)
        if value is not None and value > 0:
            facts[name] = value
    for name, tag in (("anode", "TubeMaterial"), ("acquired", "TimeStampStarted")):
        element = next(root.iter(tag), None)
        if element is not None and (element.get("Value") or element.text):
            facts[name] = str(element.get("Value") or element.text).strip()[:100]
    return facts


reader = Reader("bruker_brml", ("xrd_pattern",), _recognises, _read)
