"""Images of ions exported as text, as from SurfaceLab.

Either a line for each pixel under a head ``x y counts`` (with ``scan`` or ``z`` between, and
perhaps a column for each of several ions), or the pixels as a matrix, a line of text a row of
pixels, under lines that name the ion or its mass interval. The lines above may give the pixel
count, the field of view, polarity and dose, each as "name: value". Written after descriptions
and scripts of users: no file of a known SurfaceLab version is at hand.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.delimited import read_text
from coatcore.reading.registry import BY_TABLE, NO, FileStart, Reader
from tofsims.labels.labels import Facts, fragment_name, labelled_cube
from tofsims.readers.iontof.header import header_lines, known, numbers_in, spectrum_facts

_UNIT = r"[ \t]*(?:[(\[][^)\]\n]{0,12}[)\]])?"
_CUT = r"\"?[ \t;,]+\"?"
_HEAD = re.compile(
    rf"^[#%]?[ \t]*\"?x({_UNIT}){_CUT}y({_UNIT}){_CUT}(?:(scan|z|frame){_UNIT}{_CUT})?"
    rf"\"?((?:intensity|counts?){_UNIT}|[\w^()]+[+-](?:{_CUT}[\w^()]+[+-])*)\"?[ \t;]*\r?$",
    re.IGNORECASE | re.MULTILINE,
)
_MATRIX = re.compile(r"^[#%][^\n]*\b(?:m/z|mass (?:interval|range|window))\b", re.I | re.M)
_NM = {"nm": 1.0, "um": 1e3, "µm": 1e3, "μm": 1e3, "mm": 1e6}
_COUNTS = re.compile(r"(?:intensity|counts?)(?![\w+-])", re.IGNORECASE)
# Lines may leave out empty pixels, but not nearly all of a huge image.
_MOST, _SMALL, _SPARSEST = 2**26, 2**22, 200


def _recognises(start: FileStart) -> int:
    if start.text is None:
        return NO
    head = start.text[:8192]
    if _HEAD.search(head):
        return BY_TABLE
    table = start.table if _MATRIX.search(head) else None
    if table is None or min(table.values.shape) < 4:
        return NO
    return BY_TABLE if all(line[0] in "#%" for line in table.header) else NO


def _read(path: Path) -> xr.DataArray:
    from tofsims.readers.columns import numbers_below

    text = read_text(path)
    head = _HEAD.search(text)
    end = head.start() if head else _end_of_comments(text)
    notes = text[:end]
    facts, _ = spectrum_facts(notes, path)
    told = known(header_lines(notes))
    stated = [int(n) for n in numbers_in(told.get("pixels", "")) if n > 0][:2]
    size = (stated[-1], stated[0]) if stated else None  # pixels are said as x by y
    if size and size[0] * size[1] > _MOST:
        raise ReadError(path, f"its header says {size[1]} x {size[0]} pixels")
    names, window = _named(told)
    if head is None:
        counts = numbers_below(text[end:], None, path)
        if size and counts.shape != size:
            raise ReadError(
                path,
                f"{len(counts)} rows of {counts.shape[1]} pixels, its header says "
                f"{size[1]} x {size[0]}",
                "the file is cut, or holds several images: export one a file",
            )
        counts, steps = counts[..., None], None
    else:
        if not _COUNTS.match(head[4]):
            names, window = re.split(_CUT, head[4]), None
        table = numbers_below(text[head.end() :], 2 + bool(head[3]) + len(names), path)
        units = (head[2].strip(" \t()[]"), head[1].strip(" \t()[]"))
        counts, steps = _pixels(table, bool(head[3]), units, size, facts, path)
    if not np.isfinite(counts).all() or counts.min() < 0:
        raise ReadError(path, f"holds {counts.min():g} counts", "counts cannot be negative")
    if steps is None:
        steps = _steps(told.get("analysis_area", ""), counts.shape[-3:-1])
    return labelled_cube(
        counts,
        steps,
        fragments=names,
        windows=None if window is None else np.array([window]),
        attrs=facts,
    )


def _end_of_comments(text: str) -> int:
    at = 0
    for line in text.splitlines(keepends=True):
        if line.strip() and line.lstrip()[0] not in "#%":
            break
        at += len(line)
    return at


def _named(told: dict[str, str]) -> tuple[list[str], tuple[float, float] | None]:
    """What the image is called, and the m/z between which it was counted."""
    span = numbers_in(told.get("mass_interval", ""))
    window = (span[0], span[1]) if len(span) > 1 and 0 <= span[0] < span[1] else None
    name = told.get("ion", "")
    if not name and not span:
        return ["counts"], None
    centre = sum(window) / 2 if window else span[0] if span else float("nan")
    return [fragment_name(name, centre)], window


def _steps(area: str, shape: tuple[int, ...]) -> tuple[float, float] | None:
    """Height and width of a pixel in nm, from the field of view."""
    sides = [n for n in numbers_in(re.sub(r"(?<=m)\^?2", "", area)) if n > 0][:2]
    unit = re.search(r"(nm|um|µm|μm|mm)", area)
    if not sides or unit is None:
        return None
    width, height = sides[0], sides[-1]
    return height * _NM[unit[1]] / shape[0], width * _NM[unit[1]] / shape[1]


def _index(
    values: np.ndarray, n: int | None, unit: str, axis: str, path: Path
) -> tuple[np.ndarray, int, float | None]:
    """Number of the pixel along one axis, how many there are, and its size in nm."""
    if unit.lower() in _NM:
        places = np.unique(values)
        step = float(np.diff(places).min()) if places.size > 1 else 0.0
        index = np.rint((values - places[0]) / step) if step > 0 else np.zeros(len(values))
        if step <= 0 or not np.allclose(places[0] + index * step, values, atol=0.05 * step):
            raise ReadError(path, f"its {axis} do not lie on an even grid")
        size = step * _NM[unit.lower()]
    else:
        if not np.array_equal(values, np.rint(values)) or values.min() < 0:
            raise ReadError(path, f"its {axis} are no pixel numbers: {values.min():g}")
        from_one = values.min() >= 1 and (n is None or values.max() == n)
        index, size = values - from_one, None
    found = int(index.max()) + 1
    if n is not None and found > n:
        raise ReadError(path, f"{axis} goes to pixel {found}, its header says {n} pixels")
    return index.astype(np.int64), n or found, size


def _pixels(
    table: np.ndarray,
    scans: bool,
    units: tuple[str, str],
    size: tuple[int, int] | None,
    facts: Facts,
    path: Path,
) -> tuple[np.ndarray, tuple[float, float] | None]:
    """Counts of a line a pixel, in the order (scan, y, x, fragment), and the size of a pixel."""
    y, ny, dy = _index(table[:, 1], size and size[0], units[0], "y", path)
    x, nx, dx = _index(table[:, 0], size and size[1], units[1], "x", path)
    z, nz = np.zeros(len(table), np.int64), 1
    if scans:
        z, nz, _ = _index(table[:, 2], None, "", "scan", path)
    counts = table[:, 2 + scans :]
    cells = nz * ny * nx
    if cells * counts.shape[1] > min(_MOST, max(_SMALL, _SPARSEST * counts.size)):
        raise ReadError(path, f"its {len(table)} lines span {nz} x {ny} x {nx} pixels")
    flat = (z * ny + y) * nx + x
    times = np.bincount(flat, minlength=cells)
    if times.max() > 1:
        at = int(np.argmax(times))
        raise ReadError(
            path,
            f"pixel x {at % nx}, y {at // nx % ny} occurs {times[at]} times",
            "one image a file",
        )
    missing = int((times == 0).sum())
    if missing and (counts == 0).all(axis=1).any():
        raise ReadError(
            path,
            f"{missing} of {cells} pixels are missing, though empty pixels are listed",
            "the file is cut; export it again",
        )
    if missing:
        facts["assumptions"] = f"{missing} pixels that are not listed are taken as without counts"
    out = np.zeros((cells, counts.shape[1]))
    out[flat] = counts
    shape = (nz, ny, nx, -1) if scans else (ny, nx, -1)
    steps = (dy, dx) if dy is not None and dx is not None else None
    return out.reshape(shape), steps


reader = Reader("sims_image_text", ("mass_image",), _recognises, _read)
