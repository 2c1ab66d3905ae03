"""STOE WinXPOW .raw (RAW_1.06Powdat).

The layout was found from one file: records of 512 bytes; how many points, records and where data
begin in the first, the range in the second, counts as whole numbers. Everything that a file says
twice must agree, and what does not is refused. Where the wavelength stands is not known.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader
from xrd.readers.scans import Facts, Scan, even_axis, together

_MARK, _RECORD = b"RAW_1.06Powdat", 512
_MAX_BYTES = 64 * 2**20


def _recognises(start: FileStart) -> int:
    return BY_CONTENT if start.head.startswith(_MARK) else NO


def _read(path: Path) -> xr.DataArray:
    if path.stat().st_size > _MAX_BYTES:
        raise ReadError(path, "larger than 64 MiB", "no powder pattern is")
    raw = path.read_bytes()
    if len(raw) < 3 * _RECORD or not raw.startswith(_MARK):
        raise ReadError(path, "is cut short, or no STOE .raw", "copy it from the instrument again")
    (points,) = struct.unpack_from("<H", raw, 0x1D2)
    (records,) = struct.unpack_from("<H", raw, 0x1DC)
    (first,) = struct.unpack_from("<H", raw, 0x1E0)
    (again,) = struct.unpack_from("<H", raw, 0x200)
    (start,) = struct.unpack_from("<f", raw, 0x210)
    (end,) = struct.unpack_from("<f", raw, 0x240)
    (step,) = struct.unpack_from("<f", raw, 0x156)
    agree = (
        points == again
        and points > 1
        and records * _RECORD <= len(raw)
        and first * _RECORD + 4 * points <= len(raw)
        and step > 0
        and abs(start + step * (points - 1) - end) < 0.5 * step
    )
    if not agree:
        raise ReadError(
            path,
            "is a STOE .raw of a layout that is not known here",
            "export the pattern from WinXPOW as .xy or .xye",
        )
    counts = np.frombuffer(raw, "<i4", points, first * _RECORD).astype(float)
    facts: Facts = {"instrument": "STOE", "acquired": raw[16:32].decode("latin-1").strip("\0 ")}
    return together(path, [Scan(even_axis(round(start, 5), round(step, 6), points), counts)], facts)


reader = Reader("stoe_raw", ("xrd_pattern",), _recognises, _read)
