"""Bruker / Siemens .raw, generations 1 to 4 of DIFFRAC.

Written from the layouts that xylib's and GSAS-II's documentation describe. Generations 3 and 4
were tried on real files; of 1 and 2 there was none, they were tried on files written by the same
layout.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader
from xrd.readers.scans import Facts, Scan, even_axis, together

_MAX_BYTES = 512 * 2**20
_GENERATIONS = {b"RAW ": 1, b"RAW2": 2, b"RAW1.01": 3, b"RAW4.00": 4}
_DAMAGED = "the file is damaged or cut short; copy it from the instrument again"
_SUPPLEMENT, _HARDWARE, _VARIABLE = 8, 30, 10


class _Bytes:
    """The file's bytes, read by place, with an error for people where they end."""

    def __init__(self, raw: bytes, path: Path) -> None:
        self.raw, self.path = raw, path

    def take(self, form: str, at: int) -> tuple:
        if at < 0 or at + struct.calcsize("<" + form) > len(self.raw):
            raise ReadError(self.path, f"ends before byte {at} of its header", _DAMAGED)
        return struct.unpack_from("<" + form, self.raw, at)

    def number(self, form: str, at: int) -> float:
        return float(self.take(form, at)[0])

    def count(self, form: str, at: int) -> int:
        return int(self.take(form, at)[0])

    def text(self, at: int, size: int) -> str:
        return self.raw[at : at + size].split(b"\0")[0].decode("latin-1").strip()

    def floats(self, at: int, n: int) -> np.ndarray:
        if n < 2 or at + 4 * n > len(self.raw):
            raise ReadError(
                self.path,
                f"says that a scan has {n} points; the file has no room for them",
                _DAMAGED,
            )
        with np.errstate(invalid="ignore"):
            return np.frombuffer(self.raw, "<f4", n, at).astype(float)


def _recognises(start: FileStart) -> int:
    return BY_CONTENT if any(start.head.startswith(m) for m in _GENERATIONS) else NO


def _read(path: Path) -> xr.DataArray:
    if path.stat().st_size > _MAX_BYTES:
        raise ReadError(path, "larger than 512 MiB", "split the measurement")
    raw = path.read_bytes()
    generation = next((g for mark, g in _GENERATIONS.items() if raw.startswith(mark)), None)
    if generation is None:
        raise ReadError(path, "does not begin as a Bruker .raw does (RAW, RAW2, RAW1.01, RAW4.00)")
    read = {1: _first, 2: _second, 3: _third, 4: _fourth}[generation]
    scans, facts = read(_Bytes(raw, path))
    facts = {"instrument": "Bruker / Siemens", "format_generation": generation, **facts}
    return together(path, scans, facts)


def _scan(data: _Bytes, at: int, n: int, start: float, step: float, time: float) -> Scan:
    values = data.floats(at, n)
    if not (np.isfinite([start, step]).all() and 1e-5 < abs(step) < 10):
        raise ReadError(data.path, f"has a scan from {start:g} by {step:g} degree", _DAMAGED)
    facts: Facts = {"counting_time_s": time} if np.isfinite(time) and 0 < time < 1e7 else {}
    # Counts are stored as floats; with parts in them they were divided by something.
    whole = bool(np.isfinite(values).all() and np.all(values == np.rint(values)))
    return Scan(even_axis(start, step, n), values, "counts" if whole else "intensity", facts)


def _wavelengths(both: tuple, ratio: float, anode: str = "") -> Facts:
    facts: Facts = {}
    first, second = map(float, both)
    if 0.1 < first < 10:
        facts["wavelength_angstrom"] = round(first, 7)
        if 0.1 < second < 10 and 0 < ratio <= 1:
            facts["wavelength_kalpha2_angstrom"] = round(second, 7)
            facts["kalpha2_ratio"] = round(ratio, 4)
    if anode.isalpha():
        facts["anode"] = anode
    return facts


def _first(data: _Bytes) -> tuple[list[Scan], Facts]:
    scans, facts, at, following = [], Facts(), 4, 1
    while following > 0:
        # Later programs repeat the mark before each range.
        if data.raw[at : at + 4] == b"RAW ":
            at += 4
        n, time, step = data.take("Iff", at)
        start = data.number("f", at + 20)
        facts |= _wavelengths(data.take("ff", at + 68), 0.5)
        name = data.text(at + 36, 32)
        if name:
            facts["sample"] = name
        following = data.count("I", at + 148)
        scans.append(_scan(data, at + 152, n, start, step, time))
        at += 152 + 4 * n
    return scans, facts


def _second(data: _Bytes) -> tuple[list[Scan], Facts]:
    ranges = data.count("H", 4)
    facts: Facts = {"acquired": data.text(168, 20)}
    facts |= _wavelengths(data.take("ff", 190), data.number("f", 198), data.text(188, 2))
    scans, at = [], 256
    for _ in range(ranges):
        header, n = data.take("HH", at)
        time, step, start = data.take("fff", at + 8)
        if header < 48:
            raise ReadError(data.path, f"has a range header of {header} bytes", _DAMAGED)
        scans.append(_scan(data, at + header, n, start, step, time))
        at += header + 4 * n
    return scans, facts


def _third(data: _Bytes) -> tuple[list[Scan], Facts]:
    ranges = data.count("I", 12)
    facts: Facts = {"acquired": f"{data.text(16, 10)} {data.text(26, 10)}".strip()}
    _, first, second, _, ratio = data.take("ddddd", 616)
    facts |= _wavelengths((first, second), ratio, data.text(608, 4))
    if data.text(326, 60):
        facts["sample"] = data.text(326, 60)
    radius = data.number("f", 564)
    if 20 < radius < 2000:
        facts["goniometer_radius_mm"] = round(radius, 3)
    scans, at = [], 712
    for _ in range(ranges):
        header, n = data.take("II", at)
        start, step = data.number("d", at + 16), data.number("d", at + 176)
        time, more = data.number("f", at + 192), data.count("I", at + 256)
        if header < 260:
            raise ReadError(data.path, f"has a range header of {header} bytes", _DAMAGED)
        scans.append(_scan(data, at + header + more, n, start, step, time))
        at += header + more + 4 * n
    return scans, facts


def _fourth(data: _Bytes) -> tuple[list[Scan], Facts]:
    ranges = data.count("I", 40)
    facts: Facts = {"acquired": f"{data.text(12, 10)} {data.text(24, 10)}".strip()}
    at = 61
    while True:
        kind, size = data.take("II", at)
        if kind not in (_VARIABLE, _HARDWARE) and not 0 < kind < 1000:
            break
        size = max(size, _SUPPLEMENT)
        if kind == _HARDWARE and size >= 120:
            _, first, second, _, ratio = data.take("ddddd", at + 72)
            facts |= _wavelengths((first, second), ratio, data.text(at + 116, 4))
        if kind == _VARIABLE and data.text(at + 12, 24) == "SAMPLEID":
            facts["sample"] = data.raw[at + 36 : at + size].decode("latin-1").strip("\0 ")[:200]
        at += size
    scans = []
    for _ in range(ranges):
        mode = data.text(at + 32, 24)
        start, step = data.take("dd", at + 72)
        n, time = data.count("I", at + 88), data.number("f", at + 92)
        each, more = data.count("I", at + 136), data.count("I", at + 140)
        if each != 4:
            raise ReadError(
                data.path,
                f"has {each} bytes a point",
                "ranges with more than counts are not read; export as .xy",
            )
        scan = _scan(data, at + 160 + more, n, start, step, time)
        scan.facts["scan_axis"] = mode
        scans.append(scan)
        at += 160 + more + 4 * n
    return scans, facts


reader = Reader("bruker_raw", ("xrd_pattern",), _recognises, _read)
