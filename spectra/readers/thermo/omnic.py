"""Thermo OMNIC single spectra (.spa) and groups (.spg)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader
from spectra.readers.thermo.omnic_blocks import (
    DATA,
    HEADER,
    MAX_BYTES,
    SIGNATURES,
    TITLE,
    SpectrumHeader,
    blocks_of,
    file_type,
    header_at,
    moment,
    saved_at,
    text_at,
)

_GROUP, _MAP = 10, 11
_NAME, _LONGEST_NAME, _TITLE_BYTES = 30, 255, 256


def _recognises(start: FileStart) -> int:
    known = start.head.startswith(SIGNATURES) and file_type(start.head) != _MAP
    return BY_CONTENT if known else NO


def _spectra(raw: bytes, path: Path) -> tuple[list[SpectrumHeader], list[np.ndarray], list[str]]:
    """Headers, stored ordinates, and titles with times of all spectra of a file."""
    blocks = blocks_of(raw, path)
    headers = [b for b in blocks if b.key == HEADER]
    data = [b for b in blocks if b.key == DATA]
    if not headers or len(headers) != len(data):
        raise ReadError(
            path,
            f"{len(headers)} headers and {len(data)} ordinates of spectra",
            "save single spectra from OMNIC",
        )
    if file_type(raw) != _GROUP:
        # A single spectrum may carry others, such as its background; the first is its own.
        headers, data = headers[:1], data[:1]
    heads = [header_at(raw, b.offset, path) for b in headers]
    for head, block in zip(heads, data, strict=True):
        if block.size != 4 * head.points:
            raise ReadError(
                path, f"{head.points} wavenumbers but {block.size / 4:g} values: damaged"
            )
    stored = [np.frombuffer(raw, "<f4", b.size // 4, b.offset) for b in data]
    titles = []
    for block in (b for b in blocks if b.key == TITLE and b.size >= _TITLE_BYTES + 4):
        seconds = int.from_bytes(raw[block.offset + _TITLE_BYTES :][:4], "little")
        titles += [text_at(raw, block.offset, _TITLE_BYTES), moment(seconds)]
    return heads, stored, titles


def _read(path: Path) -> xr.DataArray:
    from spectra.labels.labels import labelled_spectrum
    from spectra.readers.saturation import saturation

    if path.stat().st_size > MAX_BYTES:
        raise ReadError(path, "larger than 512 MiB", "split the group in OMNIC")
    raw = path.read_bytes()
    heads, stored, titles = _spectra(raw, path)
    first = heads[0]
    if any((h.points, h.high, h.low) != (first.points, first.high, first.low) for h in heads):
        axes = sorted({f"{h.points} points {h.high:g}-{h.low:g}" for h in heads})
        raise ReadError(
            path,
            f"its {len(heads)} spectra have different axes ({', '.join(axes[:4])})",
            "save them one by one from OMNIC",
        )
    if len({(h.quantity, h.percent) for h in heads}) > 1:
        kinds = sorted({h.quantity for h in heads})
        raise ReadError(path, f"mixes {' and '.join(kinds)}", "save them one by one from OMNIC")
    values = np.stack(stored)
    facts: dict[str, str | int | float] = {"instrument": "Thermo OMNIC"}
    if title := text_at(raw, _NAME, _LONGEST_NAME):
        facts["title"] = title
    if 0 < first.scans < 2**31:
        facts["scans"] = first.scans
    facts |= saturation(values, first.quantity)
    if len(heads) == 1:
        facts["acquired"] = saved_at(raw)
        return labelled_spectrum(first.wavenumber, first.ordinate(values[0]), first.quantity, facts)
    along = {}
    if len(titles) == 2 * len(heads):
        along = {
            "title": (titles[::2], "1", "title of the spectrum"),
            "acquired": (titles[1::2], "1", "time of the spectrum"),
        }
    return labelled_spectrum(
        first.wavenumber, first.ordinate(values), first.quantity, facts, along=along
    )


reader = Reader("thermo_omnic", ("ir_spectrum",), _recognises, _read)
