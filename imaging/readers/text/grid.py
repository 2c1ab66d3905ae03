"""A map as a plain grid of numbers, a row of text a row of pixels (Gwyddion, SPM vendors)."""

from __future__ import annotations

import re
from pathlib import Path

import xarray as xr

from coatcore.errors import ReadError
from coatcore.provenance import SIMULATED_MARK
from coatcore.reading.delimited import Table, parse_table, read_text
from coatcore.reading.registry import BY_TABLE, NO, FileStart, Reader

_SIZE = re.compile(r"(width|height)\s*[:=]\s*([0-9.eE+-]+)\s*(\S+)", re.IGNORECASE)
# Images of ions, and places with values, have a reader of their own.
_OTHER = re.compile(r"\bm/z\b|\bmass (interval|range|window)\b|^#\s*x\s+y\s", re.IGNORECASE)
_UNIT = re.compile(r"value units?\s*[:=]\s*(\S+)", re.IGNORECASE)


def _looks_like_grid(table: Table) -> bool:
    rows, columns = table.values.shape
    # Words over the columns mean a table of different things, not one map.
    comments_only = all(line.startswith("#") for line in table.header)
    if any(_OTHER.search(line) for line in table.header):
        return False
    return rows >= 4 and columns >= 4 and comments_only


def _recognises(start: FileStart) -> int:
    table = start.table
    return BY_TABLE if table is not None and _looks_like_grid(table) else NO


def _read(path: Path) -> xr.DataArray:
    from imaging.labels.labels import labelled_image, nm_per

    table = parse_table(read_text(path), path)
    if not _looks_like_grid(table):
        raise ReadError(path, "is not a grid of at least 4 rows and 4 columns of numbers")
    head = "\n".join(table.header)
    ny, nx = table.values.shape
    sizes = {}
    for what, number, unit in _SIZE.findall(head):
        factor = nm_per(unit)
        if factor:
            try:
                sizes[what.lower()] = float(number) * factor
            except ValueError:
                raise ReadError(path, f"{what} is {number!r}, expected a number") from None
    pixel = None
    if sizes.get("width", 0) > 0 and sizes.get("height", 0) > 0:
        pixel = (sizes["height"] / ny, sizes["width"] / nx)
    unit = _UNIT.search(head)
    facts: dict[str, str | int | float] = {}
    if SIMULATED_MARK in head:
        facts["simulated"] = "yes"
    return labelled_image(
        table.values, pixel, unit=unit.group(1) if unit else "1", long_name="signal", attrs=facts
    )


reader = Reader("delimited_grid", ("image",), _recognises, _read)
