"""Tables with wavenumbers in the header row and a spectrum a row, as Orange and CytoSpec write.

Orange says types and roles of its columns in two more rows, or in prefixes such as ``mS#``.
https://orange-data-mining-library.readthedocs.io/en/latest/reference/data.io.html
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.provenance import SIMULATED_MARK
from coatcore.reading.delimited import read_text
from coatcore.reading.registry import BY_TABLE, NO, FileStart, Reader
from spectra.readers.axis import check_wavenumbers, counts_points, in_infrared, mostly_one_way

_MOST_COLUMNS, _LONGEST_LABEL, _MOST_TEXT = 100_000, 1000, 50_000_000
# numpy makes every field as long as the longest: one long number would fill the memory.
_LONGEST_NUMBER = 100
_FEWEST_WAVENUMBERS, _FEWEST_UNNAMED = 4, 10
_PREFIX = re.compile(r"([mciw]?)[CDST]?#(.*)", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_TYPE = re.compile(r"c|d|s|t|continuous|discrete|string|time|(?=.* )[^\t;]+", re.IGNORECASE)
_ROLES = {"class": "c", "c": "c", "meta": "m", "m": "m", "i": "i", "ignore": "i", "w": "w"}
_OPTION = re.compile(r"(-?\w+=\S+\s*)+")
_MISSING = ("", "?", "~", ".", "nan", "na", "*")
_MAP = ("map_x", "map_y")
_TAKEN = ("wavenumber", "replicate", "x", "y")


@dataclass(frozen=True, kw_only=True)
class _Header:
    """Names of the columns, which are wavenumbers, and how many lines say so."""

    names: list[str]
    spectral: np.ndarray
    wavenumbers: np.ndarray
    lines: int
    delimiter: str
    decimal_comma: bool


def _rows(text: str, delimiter: str, comma: bool) -> Iterator[list[str]]:
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
        fields = [f.strip() for f in row]
        yield [re.sub(r"(?<=\d),(?=\d)", ".", f) for f in fields] if comma else fields


def _header(text: str) -> _Header | None:
    """Header of a table of spectra, or None where `text` does not begin with one."""
    first = text.split("\n", 1)[0]
    delimiter = max("\t;,", key=first.count)
    if not _FEWEST_WAVENUMBERS - 1 <= first.count(delimiter) <= _MOST_COLUMNS:
        return None
    start = "\n".join(text.split("\n", 5)[:5])
    comma = (
        delimiter != "," and bool(re.search(r"\d,\d", start)) and not re.search(r"\d\.\d", start)
    )
    head = [row for row, _ in zip(_rows(start, delimiter, comma), range(3), strict=False)]
    found = [(_PREFIX.fullmatch(field), field) for field in head[0]]
    names = [(match[2] if match else field).strip() for match, field in found]
    roles = [match[1] if match else "" for match, _ in found]
    while names and not names[-1]:
        names.pop()
    n, lines = len(names), 1
    if len(head) > 2 and len(head[1]) >= n and all(_TYPE.fullmatch(t) for t in head[1][:n]):
        flags = (head[2] + [""] * n)[:n]
        if all(f.lower() in _ROLES or _OPTION.fullmatch(f) for f in flags if f):
            roles, lines = [_ROLES.get(f.lower(), "") for f in flags], 3
    # CytoSpec's text maps leave the heads of the two positions empty.
    if n > 2 and names[:2] == ["", ""]:
        names[:2] = _MAP
    spectral = np.array(
        [not role and _NUMBER.fullmatch(name) for name, role in zip(names, roles, strict=False)],
        dtype=bool,
    )
    count = np.count_nonzero(spectral)
    if count < (_FEWEST_UNNAMED if count == n else _FEWEST_WAVENUMBERS):
        return None
    x = np.array([float(name) for name, is_x in zip(names, spectral, strict=True) if is_x])
    return _Header(
        names=names,
        spectral=spectral,
        wavenumbers=x,
        lines=lines,
        delimiter=delimiter,
        decimal_comma=comma,
    )


def _recognises(start: FileStart) -> int:
    text = start.text
    if text is None or text.startswith(("#", "##")):
        return NO
    if "\n" not in text:
        # The header row is longer than what is looked at; its last field may be cut.
        text = re.sub(r"[\t;,][^\t;,]*$", "", text)
    try:
        header = _header(text)
    except csv.Error:
        return NO
    if header is None:
        return NO
    x = header.wavenumbers
    # An axis that repeats a value is taken only to say which.
    return BY_TABLE if in_infrared(x) and mostly_one_way(x) and not counts_points(x) else NO


def _ordinates(path: Path, row: list[str], line: int, spectral: np.ndarray) -> np.ndarray:
    fields = [f for f, is_x in zip(row, spectral, strict=False) if is_x]
    if (longest := max(map(len, fields))) > _LONGEST_NUMBER:
        raise ReadError(path, f"line {line} holds an ordinate of {longest} characters: damaged")
    try:
        with np.errstate(over="ignore"):
            return np.array(fields, dtype=str).astype(float)
    except ValueError:
        bad = [f for f in fields if f.lower() not in _MISSING and not _NUMBER.fullmatch(f)]
    if bad:
        raise ReadError(path, f"line {line} holds {bad[0][:40]!r} among its ordinates: no number")
    return np.array([np.nan if f.lower() in _MISSING else float(f) for f in fields])


def _column(path: Path, name: str, fields: list[str]) -> np.ndarray:
    """Values of a column that is no wavenumber: numbers where all are, else text."""
    if all(f.lower() in _MISSING or _NUMBER.fullmatch(f) for f in fields):
        return np.array([np.nan if f.lower() in _MISSING else float(f) for f in fields])
    longest = max(map(len, fields))
    if longest > _LONGEST_LABEL or longest * len(fields) > _MOST_TEXT:
        raise ReadError(
            path,
            f"column {name[:40]!r} holds texts of up to {longest} characters",
            "take the column out",
        )
    return np.array(fields, dtype=str)


def _grid(columns: dict[str, np.ndarray]) -> tuple[np.ndarray, int, int] | None:
    """Order of the rows on a complete grid of map_y, map_x and its size, or None."""
    positions = [columns[name] for name in _MAP if name in columns]
    if len(positions) < 2 or any(
        p.dtype.kind != "f" or not np.isfinite(p).all() for p in positions
    ):
        return None
    (xs, ix), (ys, iy) = (np.unique(p, return_inverse=True) for p in positions)
    place = iy * xs.size + ix
    if place.size != xs.size * ys.size or np.unique(place).size != place.size or place.size < 4:
        return None
    return np.argsort(place), ys.size, xs.size


def _named(columns: dict[str, np.ndarray]) -> dict[str, tuple[np.ndarray, dict[str, str]]]:
    """Columns under names that clash with no axis and that NetCDF takes."""
    named: dict[str, tuple[np.ndarray, dict[str, str]]] = {}
    for number, (name, values) in enumerate(columns.items()):
        key = re.sub(r"\W+", "_", name)[:100].strip("_")
        if key in _TAKEN or not key or key in named:
            key = f"meta_{number}_{key}".rstrip("_")
        named[key] = values, {"units": "1", "long_name": name[:200] or key}
    return named


def _read(path: Path) -> xr.DataArray:
    from spectra.labels.labels import labelled_spectrum

    text = read_text(path)
    header = _header(text)
    if header is None:
        raise ReadError(path, "its first row does not hold wavenumbers")
    x = header.wavenumbers
    check_wavenumbers(path, x, where="header row, wavenumbers")
    values, columns = _rows_and_columns(path, text, header)
    grid = _grid(columns)
    facts: dict[str, str | int | float] = {
        "long_name": "intensity",
        "assumptions": "; ".join(_notes(values, columns, grid is not None)),
    }
    if SIMULATED_MARK in text:
        facts["simulated"] = "yes"
    if grid is not None:
        cube = labelled_spectrum(x, values, "intensity", {**facts, "kind": "ir_cube"})
        return _on_grid(cube, columns, grid)
    series = labelled_spectrum(x, values, "intensity", facts)
    return series.assign_coords(
        {k: ("replicate", v, attrs) for k, (v, attrs) in _named(columns).items()}
    )


def _rows_and_columns(
    path: Path, text: str, header: _Header
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Ordinates (spectra, wavenumbers), and the columns that are no wavenumber."""
    n = len(header.names)
    spectra: list[np.ndarray] = []
    texts: list[list[str]] = []
    rows = _rows(text, header.delimiter, header.decimal_comma)
    for line, row in enumerate(rows, start=1):
        if line <= header.lines or not any(row):
            continue
        if len(row) < n or any(row[n:]):
            raise ReadError(
                path,
                f"line {line} has {len(row)} fields, the header {n}",
                "the file is damaged; export it again",
            )
        spectra.append(_ordinates(path, row, line, header.spectral))
        texts.append([f for f, is_x in zip(row, header.spectral, strict=False) if not is_x])
    if not spectra:
        raise ReadError(path, "holds no spectrum under its header")
    values = np.stack(spectra)
    if np.isinf(values).any():
        raise ReadError(path, "holds numbers too large to be numbers: damaged")
    others = [name for name, is_x in zip(header.names, header.spectral, strict=True) if not is_x]
    columns: dict[str, np.ndarray] = {}
    for i, name in enumerate(others):
        key = name if name not in columns else f"{name}_{i}"
        columns[key] = _column(path, name, [row[i] for row in texts])
    return values, columns


def _notes(values: np.ndarray, columns: dict[str, np.ndarray], on_grid: bool) -> list[str]:
    """What is taken for granted."""
    notes = [
        "the names of the columns are taken as wavenumbers in cm-1: the file states no unit",
        "the ordinate is not named in the file",
    ]
    if missing := int(np.isnan(values).sum()):
        notes.append(f"{missing} missing ordinates are NaN")
    if on_grid:
        notes.append("map_x and map_y state no unit, so x and y count pixels; map_y rises with y")
    elif all(name in columns for name in _MAP):
        notes.append("map_x and map_y form no complete grid, so the spectra are a series")
    return notes


def _on_grid(
    cube: xr.DataArray, columns: dict[str, np.ndarray], grid: tuple[np.ndarray, int, int]
) -> xr.DataArray:
    """Rows of a table as a map."""
    order, ny, nx = grid
    axes = {
        axis: (axis, np.arange(size) + 0.5, {"units": "pixel", "long_name": axis})
        for axis, size in (("y", ny), ("x", nx))
    }
    others = {
        name: (("y", "x"), v[order].reshape(ny, nx), attrs)
        for name, (v, attrs) in _named(columns).items()
    }
    return xr.DataArray(
        cube.values[order].reshape(ny, nx, -1),
        {**axes, "wavenumber": cube["wavenumber"], **others},
        ("y", "x", "wavenumber"),
        name=cube.name,
        attrs=cube.attrs,
    )


reader = Reader("orange_table", ("ir_spectrum", "ir_cube"), _recognises, _read)
