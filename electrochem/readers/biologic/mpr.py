"""BioLogic .mpr: binary of EC-Lab, through galvani (GPL, so an extra that is not shipped)."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader
from electrochem.readers.columns import USED, labelled

_MAGIC = b"BIO-LOGIC MODULAR FILE"
_MAX_BYTES = 2 * 2**30
# First byte of the settings, as found in files whose text says the technique.
_TECHNIQUES = {
    0x04: "Galvanostatic Cycling with Potential Limitation",
    0x06: "Cyclic Voltammetry",
    0x18: "Chronoamperometry / Chronocoulometry",
    0x19: "Chronopotentiometry",
    0x1D: "Potentio Electrochemical Impedance Spectroscopy",
    0x1E: "Galvano Electrochemical Impedance Spectroscopy",
    0x7F: "Modulo Bat",
}


def _recognises(start: FileStart) -> int:
    return BY_CONTENT if start.head.startswith(_MAGIC) else NO


def _galvani(path: Path) -> Any:
    try:
        return importlib.import_module("galvani.BioLogic")
    except ImportError:
        raise ReadError(
            path,
            "is a BioLogic .mpr file; galvani is not installed",
            "pip install 'coatqc[biologic]' or export it as text (.mpt)",
        ) from None


def _read(path: Path) -> xr.DataArray | xr.Dataset:
    galvani = _galvani(path)
    if path.stat().st_size > _MAX_BYTES:
        raise ReadError(path, "larger than 2 GiB", "export a part as text (.mpt)")
    try:
        with path.open("rb") as file:
            content = galvani.MPRfile(file)
    except NotImplementedError as error:
        what = f"has a column that galvani does not know ({error})"
        raise ReadError(path, what, "export it as text (.mpt) in EC-Lab") from error
    except Exception as error:  # a damaged file can break it in any way
        what = f"galvani cannot read it ({type(error).__name__}: {error})".splitlines()[0][:200]
        raise ReadError(path, what, "export it as text (.mpt), or copy it again") from error
    table = content.data
    if not len(table):
        raise ReadError(path, "holds no row of data", "the run was stopped before its first point")
    columns: dict[str, np.ndarray] = {
        name: table[name].astype(float) for name in table.dtype.names if name in USED
    }
    return labelled(path, columns, _facts(content))


def _facts(content: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {"instrument": "BioLogic"}
    settings = next(m["data"] for m in content.modules if m["shortname"] == b"VMP Set   ")
    if settings and (technique := _TECHNIQUES.get(settings[0])):
        facts["technique"] = technique
    acquired = getattr(content, "timestamp", None) or content.startdate
    facts["acquired"] = acquired.isoformat()
    # The log names the instrument's file only as text among others.
    log = next((m["data"] for m in content.modules if m["shortname"] == b"VMP LOG   "), b"")
    if name := re.search(rb"[\w #().+=,-]{1,150}\.mpr", log):
        facts["test_name"] = name.group().decode("ascii", "replace").strip()
    return facts


reader = Reader("biologic_mpr", ("cell_record", "impedance_spectrum"), _recognises, _read)
