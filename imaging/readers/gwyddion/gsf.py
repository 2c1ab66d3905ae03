"""Gwyddion simple field (.gsf), the exchange format of scanning-probe maps.

http://gwyddion.net/documentation/user-guide-en/gsf.html
neaSPEC microscopes write it too, with several values a pixel where they took interferograms.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.provenance import SIMULATED_MARK
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader

_MAGIC = b"Gwyddion Simple Field 1.0\n"
_MAX_HEADER, _MAX_BYTES = 65536, 2**29


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


def _refuse_stack(path: Path, depth: int, nx: int, ny: int) -> None:
    """Say what a file holds that has several values a pixel."""
    from imaging.readers.gwyddion.gsf_sidecar import numbers, partner, sidecar

    beside = sidecar(path)
    if beside is None:
        raise ReadError(
            path,
            f"holds {depth} values a pixel, and no sidecar (<scan>.html or <scan>.txt) says over "
            "what: not an image",
            "keep the files of a scan together",
        )
    found = beside[1]
    scan = " ".join(found.get("Scan", [])) or "scan without name"
    fourier = "fourier" in scan.lower()
    distance = numbers(found, "Interferometer Center/Distance")
    travel = f" over {distance[1]:g} µm of mirror travel" if fourier and len(distance) > 1 else ""
    runs = max([1.0, *numbers(found, "Averaging")[:1]])
    other = partner(path)
    raise ReadError(
        path,
        f"{beside[0].name} says {scan}: {nx * ny / depth / runs:g} pixel(s), {runs:g} run(s) of "
        f"{depth} values{travel}, partner "
        f"{other.name if other else 'missing'}: "
        f"{'interferograms, neither spectrum nor image' if fourier else 'not an image'}",
        "transform them in the microscope's software and export the spectra as text"
        if fourier
        else "export one value a pixel",
    )


def _read(path: Path) -> xr.DataArray:
    from imaging.labels.labels import labelled_image, nm_per
    from imaging.readers.gwyddion.gsf_sidecar import partner, scan_facts, sidecar

    if path.stat().st_size > _MAX_BYTES:
        raise ReadError(path, "larger than 512 MiB", "crop the map in Gwyddion")
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
    depths = [_number(path, header, key) or 1.0 for key in ("ZRes", "Neaspec_ZRes")]
    if max(depths) > 1:
        _refuse_stack(path, int(max(depths)), nx, ny)
    if min(nx, ny) < 2:
        raise ReadError(path, f"holds one line of {max(nx, ny)} values: not an image")
    if len(raw) - start != 4 * nx * ny:
        raise ReadError(
            path,
            f"{nx} x {ny} points need {4 * nx * ny} bytes of data, found {len(raw) - start}",
            "the file is cut or damaged; export the map again",
        )
    with np.errstate(invalid="ignore"):  # some bytes are numbers that only C knows
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
    if beside := sidecar(path):
        facts |= {"sidecar": beside[0].name, **scan_facts(beside[1])}
    if other := partner(path):
        facts["partner"] = other.name
    if SIMULATED_MARK in header.get("Comment", ""):
        facts["simulated"] = "yes"
    unit = header.get("ZUnits") or "1"
    long_name = header.get("Title") or "signal"
    return labelled_image(values, pixel, unit=unit, long_name=long_name, attrs=facts)


reader = Reader("gwyddion_gsf", ("image",), _recognises, _read)
