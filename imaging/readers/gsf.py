"""Gwyddion simple field (.gsf), the exchange format of scanning-probe maps.

http://gwyddion.net/documentation/user-guide-en/gsf.html
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import xarray as xr

from coatqc.core.errors import ReadError
from coatqc.core.provenance import SIMULATED_MARK
from coatqc.core.reading import BY_CONTENT, NO, FileStart, Reader

_MAGIC = b"Gwyddion Simple Field 1.0\n"
_MAX_HEADER, _MAX_BYTES = 65536, 2**30


def _recognises(start: FileStart) -> int:
    return BY_CONTENT if start.head.startswith(_MAGIC) else NO


def _number(path: Path, header: dict[str, str], key: str) -> float | None:
    if key not in header:
        return None
    try:
        value = float(header[key])
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value <= 0:
        raise ReadError(path, f"{key} is {header[key]!r}, expected a positive number")
    return value


def _read(path: Path) -> xr.DataArray:
    from imaging.labels import labelled_image, nm_per

    if path.stat().st_size > _MAX_BYTES:
        raise ReadError(path, "larger than 1 GiB", "crop the map in Gwyddion")
    raw = path.read_bytes()
    end = raw.find(b"\x00", 0, _MAX_HEADER)
    if end < 0:
        raise ReadError(path, "its header does not end", "export the map again")
    lines = raw[len(_MAGIC) : end].decode("utf-8", errors="replace").splitlines()
    header = {k.strip(): v.strip() for k, _, v in (line.partition("=") for line in lines)}
    sizes = [_number(path, header, key) for key in ("YRes", "XRes")]
    if sizes[0] is None or sizes[1] is None or not all(s and s.is_integer() for s in sizes):
        raise ReadError(path, f"XRes and YRes are {header.get('XRes')} and {header.get('YRes')}")
    ny, nx = int(sizes[0]), int(sizes[1])
    start = (end // 4 + 1) * 4
    if len(raw) - start != 4 * nx * ny or min(nx, ny) < 2:
        raise ReadError(
            path,
            f"{nx} x {ny} points need {4 * nx * ny} bytes of data, found {len(raw) - start}",
            "the file is cut or damaged; export the map again",
        )
    values = np.frombuffer(raw, "<f4", nx * ny, start).reshape(ny, nx).astype(float)
    height, width = _number(path, header, "YReal"), _number(path, header, "XReal")
    factor = nm_per(header.get("XYUnits", ""))
    pixel = None
    if height and width and factor:
        pixel = (height / ny * factor, width / nx * factor)
    facts: dict[str, str | int | float] = {}
    for key in ("Title", "Comment"):
        if header.get(key):
            facts[key.lower()] = header[key]
    if SIMULATED_MARK in header.get("Comment", ""):
        facts["simulated"] = "yes"
    unit = header.get("ZUnits") or "1"
    long_name = header.get("Title") or "signal"
    return labelled_image(values, pixel, unit=unit, long_name=long_name, attrs=facts)


reader = Reader("gwyddion_gsf", ("image",), _recognises, _read)
