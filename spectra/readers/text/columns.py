"""Columns of text: wavenumber and one or several ordinates (.dpt of OPUS, .csv of OMNIC)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.provenance import SIMULATED_MARK
from coatcore.reading.delimited import Table, parse_table, read_text
from coatcore.reading.registry import BY_NAME, BY_TABLE, NO, FileStart, Reader
from spectra.readers.axis import check_wavenumbers, counts_points, in_infrared, mostly_one_way

_OTHER_AXIS = re.compile(r"\b(nm|um|µm|micron|wavelength|2\s*theta|m/z|raman)\b", re.IGNORECASE)
# These may stand in any header; right over the columns they name another measurement.
_OTHER_HEAD = re.compile(r"\b(time|voltage|potential|current|temperature)\b", re.IGNORECASE)
_WAVENUMBER = re.compile(r"cm\s*(\^|⁻)?-?\s*(1|¹)|1/cm|wavenumber", re.IGNORECASE)
_QUANTITIES = {
    "absorbance": re.compile(r"absorban[cz]|extin[ck]tion|\babs\b", re.IGNORECASE),
    "transmittance": re.compile(r"transmi(ttance|ssion)|%\s*T\b", re.IGNORECASE),
    "reflectance": re.compile(r"reflect|%\s*R\b", re.IGNORECASE),
    "single_channel": re.compile(r"single[\s_-]*(channel|beam)", re.IGNORECASE),
}
_NO_ORDINATE = re.compile(r"\b(std|sd|sigma|error|err|uncertainty|deviation)\b", re.IGNORECASE)


def _recognises(start: FileStart) -> int:
    table = start.table
    # JCAMP-DX has a reader of its own.
    if table is None or (start.text or "").lstrip().startswith("##"):
        return NO
    x = table.values[:, 0]
    head = "\n".join(table.header)
    if not in_infrared(x) or not mostly_one_way(x) or _OTHER_AXIS.search(head):
        return NO
    if counts_points(x) and start.suffix != ".dpt":
        return NO
    named = _WAVENUMBER.search(head) is not None
    if not named and table.header and _OTHER_HEAD.search(table.header[-1]):
        return NO
    step = np.diff(x)
    if table.values.shape[1] > 2 and not named:
        # Several columns over anything that rises: a spectrum only if nobody knows better.
        even = bool(np.all(np.abs(step - np.median(step)) <= 0.05 * abs(np.median(step))))
        silent = not re.search(r"[A-Za-z]", head)
        return BY_NAME if _quantities(head) or (even and silent) else NO
    # An axis that repeats a value is taken only to say which.
    strict = bool(np.all(step > 0) or np.all(step < 0))
    return BY_TABLE if strict or named else BY_NAME


def _quantities(words: str) -> list[str]:
    return [name for name, pattern in _QUANTITIES.items() if pattern.search(words)]


def _heads(table: Table) -> list[str]:
    """Heads of the columns, where the last line above the numbers has as many fields."""
    if not table.header:
        return []
    line = table.header[-1].lstrip("#;!%* ")
    for delimiter in (";", "\t", ",", None):
        fields = [f.strip(" \"'") for f in line.split(delimiter)]
        while len(fields) > 2 and not fields[-1]:
            fields.pop()
        if len(fields) == table.values.shape[1]:
            return [f[:200] for f in fields]
    return []


def _quantity(path: Path, table: Table, heads: list[str]) -> tuple[str, str]:
    """Quantity of the ordinates, and in words what was assumed."""
    named = [_quantities(head) for head in heads[1:]]
    for number, (head, found) in enumerate(zip(heads[1:], named, strict=True), start=2):
        if _NO_ORDINATE.search(head) or (found and found != named[0]):
            raise ReadError(
                path,
                f"column 2 is {heads[1]!r} and column {number} is {head!r}: "
                "not several spectra of one quantity",
                "export one quantity a file",
            )
    found = named[0] if named and len(named[0]) == 1 else _quantities(" ".join(table.header))
    if len(found) == 1:
        return found[0], ""
    if found:
        return "intensity", f"the file speaks of {' and '.join(found)}: the ordinate is not named"
    return "intensity", "the ordinate is not named in the file"


def _read(path: Path) -> xr.DataArray:
    from spectra.labels.labels import labelled_spectrum

    table = parse_table(read_text(path), path)
    x = table.values[:, 0]
    if counts_points(x):
        raise ReadError(
            path,
            f"its first column counts points from {x[0]:g} to {x[-1]:g}: an interferogram, or a "
            "spectrum without its wavenumbers",
            "export the spectrum over wavenumber",
        )
    check_wavenumbers(path, x, where="first column, wavenumbers")
    if not in_infrared(x):
        raise ReadError(
            path,
            f"{table.values.shape[1]} columns, the first from {x[0]:g} to {x[-1]:g}",
            "the first column of a spectrum holds wavenumbers, in one direction",
        )
    head = " ".join(table.header)
    heads = _heads(table)
    quantity, unnamed = _quantity(path, table, heads)
    assumptions = [unnamed] if unnamed else []
    if not _WAVENUMBER.search(head):
        assumptions.insert(0, "x is taken as wavenumber in cm-1: the file states no unit")
    facts: dict[str, str | int | float] = {"assumptions": "; ".join(assumptions)}
    if SIMULATED_MARK in head:
        facts["simulated"] = "yes"
    factor = 0.01 if "%" in head and quantity in ("transmittance", "reflectance") else 1.0
    values = table.values[:, 1:].T * factor
    if values.shape[0] == 1:
        return labelled_spectrum(x, values[0], quantity, facts)
    spectra = labelled_spectrum(x, values, quantity, facts)
    if not heads:
        return spectra
    return spectra.assign_coords(
        label=("replicate", heads[1:], {"units": "1", "long_name": "head of the column"})
    )


reader = Reader("delimited_ir", ("ir_spectrum",), _recognises, _read)
