"""PerkinElmer spectra (.sp) and Spotlight images (.fsm).

Both are a signature, a description and blocks of identifier (2 bytes), size (4 bytes) and body; a
body holds a value behind a tag that ends in "u", or further blocks. The meaning of the blocks is
that of specio (BSD-3-Clause).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader

_MAGIC, _FIRST_BLOCK = b"PEPE", 44
_MAX_BYTES = 512 * 2**20
# Of .sp files, inside the block of a spectrum.
_SPECTRUM = 120
_RANGE, _STEP, _POINTS, _X_LABEL, _Y_LABEL, _DATA, _NAME, _HISTORY = (
    35698, 35700, 35701, 35703, 35704, 35708, 35713, 35711,
)  # fmt: skip
# Of .fsm files.
_IMAGE, _IMAGE_HISTORY, _PIXEL = 5100, 5104, 5105
# Inside the history of both: parent and identifier.
_ACQUIRED, _INSTRUMENT, _SCANS, _MODE = (121, 35700), (123, 35837), (124, 35840), (124, 35846)
_IMAGE_HEAD = "<10d3i"
_DEEPEST, _MOST_BLOCKS = 8, 200_000
# Label of the ordinate -> quantity, and whether it is in percent.
_QUANTITIES = {
    "a": ("absorbance", False),
    "abs": ("absorbance", False),
    "%t": ("transmittance", True),
    "t": ("transmittance", False),
    "%r": ("reflectance", True),
    "r": ("reflectance", False),
    "egy": ("single_channel", False),
}
_NM_PER_UM, _MICRONS = 1000.0, ("micrometers", "microns", "µm", "um")
_DAMAGED = "the file is damaged or cut short; copy it from the instrument again"

Value = str | float | tuple[float, float] | bytes


def _recognises(start: FileStart) -> int:
    return BY_CONTENT if start.head.startswith(_MAGIC) else NO


def _blocks(body: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Identifier and body of each block; ends before one that does not fit."""
    at = 0
    for _ in range(_MOST_BLOCKS):
        if at + 6 > len(body):
            return
        key, size = struct.unpack_from("<Hi", body, at)
        if size < 0 or at + 6 + size > len(body):
            return
        yield key, body[at + 6 : at + 6 + size]
        at += 6 + size


def _value(body: memoryview) -> Value | None:
    """What the tag in front of a body says it is, or None where there is no tag."""
    tag, rest = bytes(body[:2]), body[2:]
    try:
        if tag == b"#u":
            (size,) = struct.unpack_from("<H", rest)
            return bytes(rest[2 : 2 + size]).decode("latin-1").strip(" \x00")
        if tag == b"\x16u":
            (size,) = struct.unpack_from("<I", rest)
            return bytes(rest[4 : 4 + size]) if size <= len(rest) - 4 else None
        if tag == b"\x1du":
            low, high = struct.unpack_from("<dd", rest)
            return low, high
        formats = {b"\x1bu": "<d", b"\x1cu": "<d", b"+u": "<I", b",u": "<H", b"\x15u": "<H"}
        return float(struct.unpack_from(formats[tag], rest)[0]) if tag in formats else None
    except struct.error:
        return None


def _history(body: memoryview, parent: int = 0, depth: int = 0) -> dict[tuple[int, int], Value]:
    """Values anywhere in a history, by the block they stand in and their identifier."""
    found: dict[tuple[int, int], Value] = {}
    for key, inner in _blocks(body):
        value = _value(inner)
        if value is not None:
            found[parent, key] = value
        elif depth < _DEEPEST:
            found.update(_history(inner, key, depth + 1))
    return found


def _quantity(path: Path, label: str) -> tuple[str, bool]:
    if label.lower() not in _QUANTITIES:
        raise ReadError(
            path,
            f"its ordinate is {label!r}, none of A, T, %T, R, %R and EGY (single beam)",
            "convert it in Spectrum or SpectrumIMAGE and save it again",
        )
    return _QUANTITIES[label.lower()]


def _need_wavenumbers(path: Path, label: str) -> None:
    if label.lower() not in ("cm-1", "cm^-1", "cm⁻¹"):
        raise ReadError(
            path, f"its abscissa is in {label!r}, not in cm-1", "save it over wavenumber"
        )


def _facts(
    history: dict[tuple[int, int], Value], label: str
) -> tuple[dict[str, str | int | float], list[str]]:
    """What the history says of the measurement, and where it contradicts the ordinate."""
    facts: dict[str, str | int | float] = {"instrument": "PerkinElmer"}
    instrument, when = history.get(_INSTRUMENT), history.get(_ACQUIRED)
    if isinstance(instrument, str) and instrument:
        facts["instrument"] = f"PerkinElmer {instrument}"
    if isinstance(when, str) and when:
        facts["acquired"] = when
    scans, mode = history.get(_SCANS), history.get(_MODE)
    if isinstance(scans, float) and scans > 0:
        facts["scans"] = int(scans)
    notes = []
    if isinstance(mode, str) and mode:
        facts["mode"] = mode
        other = {"%t": "%r", "%r": "%t"}.get(label.lower())
        if other and other in mode.lower():
            notes.append(f"the ordinate is {label} as its label says, the scan was {mode}")
    return facts, notes


def _read_spectrum(path: Path, body: memoryview) -> xr.DataArray:
    from spectra.labels.labels import labelled_spectrum

    held = {key: inner for key, inner in _blocks(body) if key >= _RANGE}
    values = {key: _value(inner) for key, inner in held.items() if key != _HISTORY}
    span, points, raw = values.get(_RANGE), values.get(_POINTS), values.get(_DATA)
    x_label, label = values.get(_X_LABEL), values.get(_Y_LABEL)
    if not (isinstance(span, tuple) and isinstance(points, float) and isinstance(raw, bytes)):
        raise ReadError(path, "holds no whole spectrum (range, count and ordinates)", _DAMAGED)
    if not (isinstance(x_label, str) and isinstance(label, str)):
        raise ReadError(path, "does not name its abscissa and ordinate", _DAMAGED)
    _need_wavenumbers(path, x_label)
    quantity, percent = _quantity(path, label)
    if points < 2 or len(raw) != 8 * points:
        raise ReadError(path, f"{points:g} points but {len(raw) / 8:g} values", _DAMAGED)
    _check_step(path, span, values.get(_STEP), int(points))
    facts, notes = _facts(_history(held.get(_HISTORY, memoryview(b""))), label)
    if notes:
        facts["assumptions"] = "; ".join(notes)
    if isinstance(name := values.get(_NAME), str) and name:
        facts["title"] = name
    with np.errstate(invalid="ignore", over="ignore"):
        ordinate = np.frombuffer(raw, "<f8") * (0.01 if percent else 1.0)
    return labelled_spectrum(np.linspace(*span, int(points)), ordinate, quantity, facts)


def _check_step(path: Path, span: tuple[float, float], step: object, points: int) -> None:
    """Refuse an axis whose ends, step and count do not agree."""
    if not (isinstance(step, float) and np.isfinite([*span, step]).all() and step != 0):
        raise ReadError(path, "the ends or the step of its axis are damaged", _DAMAGED)
    if abs(abs(span[1] - span[0]) - abs(step) * (points - 1)) > 0.01 * abs(step):
        raise ReadError(
            path,
            f"{points} points in steps of {abs(step):g} do not reach from {span[0]:g} to "
            f"{span[1]:g}",
            _DAMAGED,
        )


def _texts(body: memoryview, at: int, count: int) -> list[str]:
    """Texts behind their lengths."""
    texts = []
    for _ in range(count):
        (size,) = struct.unpack_from("<H", body, at)
        texts.append(bytes(body[at + 2 : at + 2 + size]).decode("latin-1").strip(" \x00"))
        at += 2 + size
    return texts


def _read_image(path: Path, body: memoryview) -> xr.DataArray:
    from spectra.labels.labels import labelled_cube

    blocks = list(_blocks(body))
    head = next(inner for key, inner in blocks if key == _IMAGE)
    try:
        (size,) = struct.unpack_from("<H", head)
        numbers = struct.unpack_from(_IMAGE_HEAD, head, 2 + size)
        texts = _texts(head, 2 + size + struct.calcsize(_IMAGE_HEAD), 4)
    except struct.error:
        raise ReadError(path, "the header of its image is cut", _DAMAGED) from None
    dx, dy, step, first, last = numbers[:5]
    x0, y0, _, nx, ny, points = numbers[7:]
    *stage_units, x_label, label = texts
    _need_wavenumbers(path, x_label)
    quantity, percent = _quantity(path, label)
    pixels = [inner for key, inner in blocks if key == _PIXEL]
    if min(nx, ny) < 1 or points < 2 or len(pixels) != nx * ny:
        raise ReadError(path, f"{nx} x {ny} pixels but {len(pixels)} spectra", _DAMAGED)
    if any(len(p) != 4 * points for p in pixels):
        raise ReadError(path, f"not all of its spectra have {points} points", _DAMAGED)
    _check_step(path, (first, last), step, points)
    history = next((inner for key, inner in blocks if key == _IMAGE_HISTORY), memoryview(b""))
    facts, notes = _facts(_history(history), label)
    notes.append("the first stage axis is taken as x, as specio takes it")
    facts["assumptions"] = "; ".join(notes)
    known = all(u.lower().endswith(_MICRONS) for u in stage_units)
    known = known and bool(np.isfinite([x0, y0, dx, dy]).all()) and min(abs(dx), abs(dy)) > 0
    x = (x0 + dx * np.arange(nx)) * _NM_PER_UM if known else None
    y = (y0 + dy * np.arange(ny)) * _NM_PER_UM if known else None
    values = np.frombuffer(b"".join(pixels), "<f4").reshape(ny, nx, points)
    with np.errstate(invalid="ignore", over="ignore"):
        ordinate = values.astype(float) * (0.01 if percent else 1.0)
    return labelled_cube(np.linspace(first, last, points), ordinate, quantity, y, x, facts)


def _read(path: Path) -> xr.DataArray:
    if path.stat().st_size > _MAX_BYTES:
        raise ReadError(path, "larger than 512 MiB", "split the image")
    body = memoryview(path.read_bytes())[_FIRST_BLOCK:]
    for key, inner in _blocks(body):
        if key == _SPECTRUM:
            return _read_spectrum(path, inner)
        if key == _IMAGE:
            return _read_image(path, body)
    raise ReadError(
        path,
        "PerkinElmer file without a whole spectrum or image in it",
        "only .sp spectra and .fsm images are known; export the data as .sp or text",
    )


reader = Reader("perkinelmer", ("ir_spectrum", "ir_cube"), _recognises, _read)
