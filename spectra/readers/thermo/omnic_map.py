"""Thermo OMNIC maps (.map): one spectrum a place of the mapping stage.

The layout is that of PyMca's OmnicMap and of ftir-OMNIC-map-reader (both MIT), which agree on it.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader
from spectra.readers.thermo.omnic_blocks import (
    DATA,
    HEADER,
    MAX_BYTES,
    POINTS,
    SERIES,
    SPECTRUM_HEAD,
    Block,
    SpectrumHeader,
    blocks_of,
    file_type,
    header_at,
    saved_at,
    text_at,
)

_MAP = 11
# A series: header and acquisition block, then for each spectrum a head, four bytes, ordinates.
_SERIES_PREFIX, _HEAD_BYTES, _PAD = 140 + 56, 96, 4
_TITLE_AT, _LONGEST_TITLE = 16, 64
_PAIRS = 2
_NM_PER_UM = 1000.0
_ORDER = "ordinates are taken from the lowest wavenumber up, as PyMca takes them"


def _recognises(start: FileStart) -> int:
    return BY_CONTENT if file_type(start.head) == _MAP else NO


def _from_series(
    raw: bytes, series: Block, path: Path
) -> tuple[SpectrumHeader, np.ndarray, list[str]]:
    """Spectra of the layout for large files: all of them in one block."""
    head = header_at(raw, series.offset, path)
    record = _HEAD_BYTES + _PAD + 4 * head.points
    count, rest = divmod(series.size - _SERIES_PREFIX, record)
    if count < 1 or rest:
        raise ReadError(
            path,
            f"its {series.size} bytes of spectra are no whole number of spectra of {head.points} "
            "points",
            "the file is damaged or cut short; copy it from the instrument again",
        )
    begin = series.offset + _SERIES_PREFIX
    table = np.frombuffer(raw, np.uint8, count * record, begin).reshape(count, record)
    stored = np.ascontiguousarray(table[:, _HEAD_BYTES + _PAD :]).view("<f4")
    starts = range(begin, begin + count * record, record)
    return head, stored, [text_at(raw, s + _TITLE_AT, _LONGEST_TITLE) for s in starts]


def _from_blocks(
    raw: bytes, blocks: list[Block], path: Path
) -> tuple[SpectrumHeader, np.ndarray, list[str]]:
    """Spectra of the layout for small files: a block each, numbered from 1."""
    headers = [b for b in blocks if b.key == HEADER]
    data = sorted((b for b in blocks if b.key == DATA and b.number), key=lambda b: b.number)
    if not headers or not data:
        raise ReadError(
            path, "holds no spectra, only what describes a map", "save the map with its spectra"
        )
    numbered = [b for b in headers if b.number] or headers
    head = header_at(raw, numbered[0].offset, path)
    if wrong := [b.number for b in data if b.size != 4 * head.points]:
        raise ReadError(path, f"spectrum {wrong[0]} does not have {head.points} points: damaged")
    heads = {b.number: b.offset for b in blocks if b.key == SPECTRUM_HEAD}
    titles = [
        text_at(raw, heads[b.number] + _TITLE_AT, _LONGEST_TITLE) if b.number in heads else ""
        for b in data
    ]
    return head, np.stack([np.frombuffer(raw, "<f4", head.points, b.offset) for b in data]), titles


def _places(raw: bytes, blocks: list[Block], count: int, path: Path) -> np.ndarray:
    """Stage positions of the spectra in nm, shape (count, 2): x and y."""
    for block in (b for b in blocks if b.key == POINTS and b.size >= 6):
        points, per_point = struct.unpack_from("<HH", raw, block.offset)
        fits = 6 + 4 * points * per_point <= block.size
        if block.number == 1 and per_point == _PAIRS and points == count and fits:
            pairs = np.frombuffer(raw, "<f4", 2 * count, block.offset + 6)
            return pairs.reshape(count, 2).astype(float) * _NM_PER_UM
    raise ReadError(
        path,
        f"does not say at which places of the stage its {count} spectra were taken",
        "export the spectra one by one from OMNIC",
    )


def _read(path: Path) -> xr.DataArray:
    from spectra.labels.labels import labelled_cube, labelled_spectrum
    from spectra.readers.saturation import saturation
    from spectra.readers.stage import grid

    if path.stat().st_size > MAX_BYTES:
        raise ReadError(path, "larger than 512 MiB", "split the map in OMNIC")
    raw = path.read_bytes()
    blocks = blocks_of(raw, path)
    series = next((b for b in blocks if b.key == SERIES), None)
    if series:
        head, stored, titles = _from_series(raw, series, path)
    else:
        head, stored, titles = _from_blocks(raw, blocks, path)
    places = _places(raw, blocks, len(stored), path)
    wavenumber, values = head.wavenumber[::-1], head.ordinate(stored)
    facts: dict[str, str | int | float] = {
        "instrument": "Thermo OMNIC",
        "saved": saved_at(raw),
        "assumptions": _ORDER,
        **saturation(stored, head.quantity),
    }
    if 0 < head.scans < 2**31:
        facts["scans"] = head.scans
    if found := grid(places[:, 1], places[:, 0]):
        rows, columns, order = found
        return labelled_cube(wavenumber, values[order], head.quantity, rows, columns, facts)
    along = {
        "title": (titles, "1", "title of the spectrum"),
        "stage_x": (places[:, 0], "nm", "stage x"),
        "stage_y": (places[:, 1], "nm", "stage y"),
    }
    return labelled_spectrum(
        wavenumber, values, head.quantity, facts, series="position", along=along
    )


reader = Reader("thermo_omnic_map", ("ir_spectrum", "ir_cube"), _recognises, _read)
