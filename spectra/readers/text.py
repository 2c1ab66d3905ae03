"""Two columns of text: wavenumber and ordinate (.dpt of OPUS, .csv of OMNIC and others)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import xarray as xr

from coatqc.core.delimited import Table, parse_table, read_text
from coatqc.core.errors import ReadError
from coatqc.core.provenance import SIMULATED_MARK
from coatqc.core.reading import BY_CONTENT, NO, FileStart, Reader

_WAVELENGTH = re.compile(r"\b(nm|um|µm|micron|wavelength|2\s*theta|m/z)\b", re.IGNORECASE)


def _looks_infrared(table: Table) -> bool:
    x = table.values[:, 0]
    step = np.diff(x)
    one_way = x.size > 3 and (bool(np.all(step > 0)) or bool(np.all(step < 0)))
    return bool(table.values.shape[1] == 2 and one_way and x.min() >= 0 and 200 < x.max() < 20000)


def _counts_points(table: Table) -> bool:
    """Whether the first column is 0, 1, 2 …: no wavenumbers, but the points of an interferogram."""
    x = table.values[:, 0]
    return bool(x[0] in (0.0, 1.0) and np.all(np.diff(x) == 1.0))


def _recognises(start: FileStart) -> int:
    table = start.table
    if table is None or not _looks_infrared(table):
        return NO
    if _counts_points(table) and start.suffix != ".dpt":
        return NO
    if any(_WAVELENGTH.search(line) for line in table.header):
        return NO
    return BY_CONTENT


def _read(path: Path) -> xr.DataArray:
    from spectra.labels import labelled_spectrum

    table = parse_table(read_text(path), path)
    if not _looks_infrared(table):
        raise ReadError(
            path,
            f"{table.values.shape[1]} columns, the first from {table.values[0, 0]:g} to "
            f"{table.values[-1, 0]:g}",
            "a spectrum has two columns, the first of them wavenumbers in one direction",
        )
    if _counts_points(table):
        raise ReadError(
            path,
            f"its first column counts points from {table.values[0, 0]:g} to "
            f"{table.values[-1, 0]:g}: an interferogram, or a spectrum without its wavenumbers",
            "export the spectrum over wavenumber",
        )
    head = " ".join(table.header)
    assumptions = []
    if not re.search(r"cm\s*(\^|⁻)?-?\s*(1|¹)|1/cm|wavenumber", head, re.IGNORECASE):
        assumptions.append("x is taken as wavenumber in cm-1: the file states no unit")
    quantity = "intensity"
    for word in ("absorbance", "transmittance", "reflectance"):
        if word in head.lower():
            quantity = word
    if quantity == "intensity":
        assumptions.append("the ordinate is not named in the file")
    facts: dict[str, str | int | float] = {"assumptions": "; ".join(assumptions)}
    if SIMULATED_MARK in head:
        facts["simulated"] = "yes"
    values = table.values[:, 1]
    factor = 0.01 if "%" in head and quantity in ("transmittance", "reflectance") else 1.0
    return labelled_spectrum(table.values[:, 0], values * factor, quantity, facts)


reader = Reader("delimited_ir", ("ir_spectrum",), _recognises, _read)
