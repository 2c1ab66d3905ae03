"""BioLogic EC-Lab / BT-Lab text (.mpt): a block of settings, then tab-delimited columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.delimited import read_text
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader
from electrochem.readers.cells_of_text import cells_below, numbers
from electrochem.readers.columns import USED, labelled

_MARKS = ("EC-Lab ASCII FILE", "BT-Lab ASCII FILE")
_HEADER = re.compile(r"Nb header lines\s*:\s*(\d+)")
# EC-Lab writes these where nobody filled them in.
_DEFAULTS = (0.0, 0.001)
_UNSPECIFIED = ("", "unspecified", "(unspecified)", "none", "<none>")


def _recognises(start: FileStart) -> int:
    text = start.text
    if text is None:
        return NO
    if text.startswith(_MARKS):
        return BY_CONTENT
    heads = set(text.partition("\n")[0].rstrip("\r").split("\t"))
    if {"mode", "ox/red", "time/s"} <= heads and (start.suffix == ".mpt" or "freq/Hz" not in heads):
        return BY_CONTENT
    # Bare columns of impedance are for the reader of text, unless the name says whose they are.
    return BY_CONTENT if start.suffix == ".mpt" and {"freq/Hz", "Re(Z)/Ohm"} <= heads else NO


def _read(path: Path) -> xr.DataArray | xr.Dataset:
    lines = read_text(path).splitlines()
    at = _heads_line(path, lines)
    heads = lines[at].split("\t")
    wanted = {head: heads.index(head) for head in _known(heads)}
    if not wanted:
        what = f"line {at + 1} names no column of EC-Lab: {lines[at][:60]!r}"
        raise ReadError(path, what, "export it again with its heads")
    cells = cells_below(path, lines, at, "\t", wanted, needed=list(wanted))
    columns: dict[str, np.ndarray] = {_plain(h): numbers(cells, h) for h in wanted}
    return labelled(path, columns, _facts(lines[:at]), cells.notes)


def _plain(head: str) -> str:
    """The degree sign arrives as whatever code page the export went through."""
    return "Temperature/°C" if re.fullmatch(r"Temperature/.{1,3}C", head) else head


def _known(heads: Sequence[str]) -> list[str]:
    return [head for head in heads if _plain(head) in USED]


def _heads_line(path: Path, lines: Sequence[str]) -> int:
    if not lines or not lines[0].startswith(_MARKS):
        return 0
    said = _HEADER.search("\n".join(lines[:5]))
    if said is None:
        raise ReadError(path, "does not say its number of header lines", "export it again")
    at = int(said.group(1)) - 1
    if not 0 < at < len(lines):
        what = f"says {at + 1} header lines, but has {len(lines)} lines in all"
        raise ReadError(path, what, "the file is cut short: export or copy it again")
    return at


def _facts(block: Sequence[str]) -> dict[str, Any]:
    facts: dict[str, Any] = {"instrument": "BioLogic"}
    if len(block) < 4:
        return facts
    if technique := next((line.strip() for line in block[2:6] if line.strip()), ""):
        facts["technique"] = technique[:200]
    for line in block:
        key, _, value = line.strip().partition(":")
        key, value = key.strip(), value.strip()
        if key == "Device" and value:
            facts["instrument"] = f"BioLogic {value}"[:200]
        elif key == "File" and value.strip("*.mpr") and "test_name" not in facts:
            facts["test_name"] = re.split(r"[\\/]", value)[-1][:200]
        elif key == "Acquisition started on" and value:
            facts["acquired"] = value[:200]
        elif key == "Reference electrode" and value.lower() not in _UNSPECIFIED:
            facts["reference_electrode"] = value[:200]
        elif key == "Electrode surface area":
            facts |= _amount("area_cm2", value, {"cm²": 1.0, "cm2": 1.0, "mm²": 0.01, "m²": 1e4})
        elif key == "Characteristic mass":
            facts |= _amount("mass_g", value, {"g": 1.0, "mg": 1e-3, "µg": 1e-6, "kg": 1e3})
    return facts


def _amount(name: str, text: str, units: dict[str, float]) -> dict[str, float]:
    number, _, unit = text.replace(",", ".").partition(" ")
    try:
        value = float(number)
    except ValueError:
        return {}
    if value <= 0 or value in _DEFAULTS or unit.strip() not in units:
        return {}
    return {name: value * units[unit.strip()]}


reader = Reader("biologic_text", ("cell_record", "impedance_spectrum"), _recognises, _read)
