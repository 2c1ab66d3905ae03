"""Nano-FTIR spectra exported as text by neaSPEC (attocube) microscopes.

A header of ``# name:<tab>[unit]<tab>values`` lines, then a table with the columns Row, Column,
Omega, Wavenumber and, for each harmonic n of the tapping frequency, OnA (amplitude) and OnP
(phase). Raw interferograms come in the same dress, over the mirror position M. They are told, not
transformed: apodisation, phase and reference are choices of the person who measures.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.provenance import SIMULATED_MARK
from coatcore.reading.delimited import read_text
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader
from spectra.readers.axis import check_wavenumbers

_SIGN = re.compile(r"#\s*www\.neaspec\.com", re.IGNORECASE)
_HEAD = re.compile(r"^Row\tColumn\t", re.MULTILINE)
_CHANNEL = re.compile(r"([OM])(\d)([AP])")
_KINDS = {"O": "optical", "M": "mechanical"}
_PLACES = ("Row", "Column", "Run", "Omega", "Depth", "Index", "Wavenumber")
_LARGEST_INDEX = 1e6


def _recognises(start: FileStart) -> int:
    text = start.text
    if text is None:
        return NO
    return BY_CONTENT if _SIGN.match(text) or _HEAD.match(text) else NO


def _header(text: str) -> dict[str, list[str]]:
    """Values of each header line; the unit, which stands in brackets, is left out."""
    found: dict[str, list[str]] = {}
    for line in re.findall(r"^# ([^\r\n]{1,400})", text[:65536], re.MULTILINE):
        name, *fields = (f.strip() for f in line.split("\t"))
        values = [f for f in fields if f and not f.startswith("[")]
        found.setdefault(name.rstrip(":").partition(" (")[0], values)
    return found


def _numbers(header: dict[str, list[str]], name: str, count: int) -> list[float]:
    """First `count` numbers of a header line (thousands set off by commas), or none at all."""
    texts = [v.replace(",", "") for v in header.get(name, [])]
    good = [float(t) for t in texts if re.fullmatch(r"[+-]?\d{1,12}(\.\d{0,12})?", t)]
    return good[:count] if len(good) >= count else []


def _no_spectrum(path: Path, names: list[str], text: str) -> ReadError:
    """Say what a file without a column of wavenumbers holds."""
    scan = " ".join(_header(text).get("Scan", [])) or "scan without name"
    if not names:
        return ReadError(
            path,
            f"holds the facts of a measurement ({scan}) and no table",
            "name the .gsf image or the text of the spectrum beside it",
        )
    if "M" not in names and "Channel" not in names:
        return ReadError(
            path,
            f"has no column Wavenumber ({scan}; columns {', '.join(names[:12])})",
            "export the spectrum itself as text",
        )
    # Over the mirror position M, a row a channel in .nea, a column a channel in .txt.
    channels = {m[2] for m in _CHANNEL.finditer(text) if m[1] == "O"}
    mirror = re.search(r"\tM\t([^\r\n]{1,2000})", text) if "Channel" in names else None
    points = f", {len(mirror[1].split())} mirror positions a run" if mirror else ""
    return ReadError(
        path,
        f"holds the raw channels of {len(channels)} harmonics over the mirror position of an "
        f"interferometer ({scan}{points}): interferograms, not spectra",
        "transform them in the microscope's software and export the spectra as text",
    )


def _table(path: Path, text: str) -> dict[str, np.ndarray]:
    """Columns of the table, by name."""
    import pandas as pd

    head = _HEAD.search(text)
    line, _, body = text[head.start() if head else len(text) :].partition("\n")
    names = [n.strip() for n in line.rstrip().split("\t")]
    if "Wavenumber" not in names:
        raise _no_spectrum(path, names if head else [], text)
    if len(set(names)) != len(names) or not 4 <= len(names) <= 200:
        raise ReadError(path, f"the heads of its columns are damaged: {line[:80]!r}")
    try:
        table = pd.read_csv(
            io.StringIO(body),
            sep="\t",
            header=None,
            usecols=range(len(names)),
            dtype=float,
        ).to_numpy()
    except ValueError as error:
        raise ReadError(path, f"its table is damaged ({error})") from error
    if table.shape[0] < 2 or not np.isfinite(table).all():
        raise ReadError(
            path, f"{table.shape[0]} rows, not all of them full: cut or damaged", "export it again"
        )
    return dict(zip(names, table.T, strict=True))


def _places(path: Path, table: dict[str, np.ndarray]) -> tuple[np.ndarray, int, int]:
    """Order of the lines by pixel, and how many rows and columns of pixels there are."""
    if "Run" in table and np.unique(table["Run"]).size > 1:
        raise ReadError(path, "holds several runs over wavenumber", "export their average")
    for name in ("Row", "Column"):
        index = table[name]
        if index.min() < 0 or index.max() > _LARGEST_INDEX or np.any(index != np.rint(index)):
            raise ReadError(path, f"{name} runs from {index.min():g} to {index.max():g}: damaged")
    rows, iy = np.unique(table["Row"], return_inverse=True)
    columns, ix = np.unique(table["Column"], return_inverse=True)
    place = iy * columns.size + ix
    found, counts = np.unique(place, return_counts=True)
    if found.size != rows.size * columns.size or np.unique(counts).size != 1:
        raise ReadError(
            path,
            f"{rows.size} rows and {columns.size} columns of pixels, not all with one count of "
            "points",
            "the file is cut or damaged; export it again",
        )
    return np.argsort(place, kind="stable"), rows.size, columns.size


def _axes(header: dict[str, list[str]], ny: int, nx: int) -> dict[str, tuple]:
    """Coordinates of the pixels: none for a point, position along a line, y and x of a map."""
    area = _numbers(header, "Scan Area", 2)
    pitch = [1e3 * a / n for a, n in zip(area, (nx, ny), strict=False)]
    names = [(axis, n, i) for axis, n, i in (("y", ny, 1), ("x", nx, 0)) if n > 1]
    if len(names) == 1:
        names = [("position", names[0][1], names[0][2])]
    axes = {}
    for axis, n, i in names:
        known = bool(pitch) and pitch[i] > 0
        step, unit = (pitch[i], "nm") if known else (1.0, "pixel")
        axes[axis] = (axis, (np.arange(n) + 0.5) * step, {"units": unit, "long_name": axis})
    return axes


def _facts(header: dict[str, list[str]]) -> dict[str, str | int | float]:
    facts: dict[str, str | int | float] = {"instrument": "neaSPEC"}
    for key, name in (
        ("title", "Description"),
        ("acquired", "Date"),
        ("scan", "Scan"),
        ("reference", "Reference"),
    ):
        if text := " ".join(header.get(name, [])):
            facts[key] = text
    for key, name in (
        ("scans", "Averaging"),
        ("wavenumber_scaling", "Wavenumber Scaling"),
        ("tapping_amplitude_nm", "Tapping Amplitude"),
        ("scan_rotation_degree", "Rotation"),
    ):
        if number := _numbers(header, name, 1):
            facts[key] = int(number[0]) if key == "scans" else number[0]
    return facts


def _read(path: Path) -> xr.Dataset:
    text = read_text(path)
    header = _header(text)
    table = _table(path, text)
    channels = [name for name in table if _CHANNEL.fullmatch(name)]
    if not channels:
        raise ReadError(path, f"has no channel like O2A or O2P, only {', '.join(table)}"[:300])
    order, ny, nx = _places(path, table)
    promised = _numbers(header, "Pixel Area", 2)
    if promised and promised != [nx, ny]:
        raise ReadError(
            path,
            f"its header promises {promised[0]:g} x {promised[1]:g} pixels, found {nx} x {ny}",
            "the file is cut or damaged; export it again",
        )
    wavenumber = table["Wavenumber"][order].reshape(ny * nx, -1)
    check_wavenumbers(path, wavenumber[0])
    if not np.allclose(wavenumber, wavenumber[0], rtol=1e-9, atol=1e-9):
        raise ReadError(path, "its pixels have different wavenumbers", "export them on one axis")
    axes = _axes(header, ny, nx)
    shape = (*(a[1].size for a in axes.values()), wavenumber.shape[1])
    units = {"units": "cm-1", "long_name": "wavenumber"}
    variables = {}
    for name in channels:
        what, harmonic, part = _CHANNEL.fullmatch(name).groups()  # type: ignore[union-attr]
        label = f"{_KINDS[what]} {'amplitude' if part == 'A' else 'phase'}, harmonic {harmonic}"
        attrs = {"units": "1" if part == "A" else "rad", "long_name": label}
        variables[name] = ((*axes, "wavenumber"), table[name][order].reshape(shape), attrs)
    facts = _facts(header)
    notes = ["phases are taken in rad and amplitudes in arbitrary units: the file states none"]
    if "reference" not in facts:
        notes.append("no reference is named, so nothing was divided by one")
    if left := [name for name in table if name not in channels and name not in _PLACES]:
        notes.append(f"left out: {', '.join(left[:20])}")
    facts["assumptions"] = "; ".join(notes)
    if SIMULATED_MARK in text:
        facts["simulated"] = "yes"
    kind = "ir_cube" if "y" in axes else "ir_spectrum"
    return xr.Dataset(
        variables,
        {**axes, "wavenumber": ("wavenumber", wavenumber[0], units)},
        {"kind": kind, **facts},
    )


reader = Reader("neaspec_text", ("ir_spectrum", "ir_cube"), _recognises, _read)
