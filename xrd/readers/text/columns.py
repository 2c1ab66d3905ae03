"""Diffraction pattern as columns of text: 2theta, intensity and perhaps its uncertainty."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.provenance import SIMULATED_MARK
from coatcore.reading.delimited import Table, parse_table, read_text
from coatcore.reading.registry import BY_TABLE, NO, FileStart, Reader

_OTHER_AXIS = re.compile(
    r"\b(cm-1|cm\^-1|nm|wavenumber|wavelength(?!.*\d\.\d)|m/z|mass|time|q)\b", re.IGNORECASE
)
# "Wavelength: 1.5406", "lambda = 1.5406 A"; nothing is guessed from an anode alone.
_WAVELENGTH = re.compile(r"(?:wave\s*length|lambda|λ)[^0-9\n]{0,24}(\d\.\d{2,7})", re.IGNORECASE)


def _looks_like_pattern(table: Table) -> bool:
    x = table.values[:, 0]
    return bool(
        table.values.shape[1] in (2, 3)
        and x.size >= 3
        and np.all(np.diff(x) > 0)
        and x[0] >= -10
        and 3 < x[-1] <= 180
        and table.values[:, 1].min() >= 0
    )


def _recognises(start: FileStart) -> int:
    table = start.table
    if table is None or not _looks_like_pattern(table):
        return NO
    # Keyed formats hold such columns too; their own readers know what the keys say.
    keyed = any(line.lstrip().startswith(("*RAS", "_", "BANK ")) for line in table.header)
    other = any(_OTHER_AXIS.search(line) for line in table.header)
    return NO if keyed or other else BY_TABLE


def _read(path: Path) -> xr.DataArray:
    from xrd.labels.labels import labelled_pattern

    table = parse_table(read_text(path), path)
    if not _looks_like_pattern(table):
        raise ReadError(
            path,
            f"{table.values.shape[1]} columns, the first from {table.values[0, 0]:g} to "
            f"{table.values[-1, 0]:g}",
            "a pattern has 2 or 3 columns: rising 2theta up to 180 degree, intensity, uncertainty",
        )
    head = " ".join(table.header)
    assumptions = []
    if not re.search(r"2\s*-?_?(theta|θ|th)", head, re.IGNORECASE):
        assumptions.append("the first column is taken as 2theta in degree: the file does not say")
    values = table.values[:, 1]
    whole = bool(np.all(values == np.rint(values)))
    if whole and not re.search(r"\bcps\b", head, re.IGNORECASE):
        assumptions.append("whole numbers are taken as counts")
    facts: dict[str, str | int | float] = {"assumptions": "; ".join(assumptions)}
    wavelength = _WAVELENGTH.search(head)
    if wavelength:
        facts["wavelength_angstrom"] = float(wavelength.group(1))
    per_second = bool(re.search(r"\bcps\b|counts?\s*(/|per)\s*s", head, re.IGNORECASE))
    if SIMULATED_MARK in head:
        facts["simulated"] = "yes"
    name = "count_rate" if per_second else "counts" if whole else "intensity"
    pattern = labelled_pattern(table.values[:, 0], values, name, facts)
    if table.values.shape[1] == 3:
        unit = {"units": pattern.attrs["units"], "long_name": "standard uncertainty"}
        pattern = pattern.assign_coords(
            standard_uncertainty=("two_theta", table.values[:, 2], unit)
        )
    return pattern


reader = Reader("delimited_xrd", ("xrd_pattern",), _recognises, _read)
