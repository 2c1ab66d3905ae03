"""Arbin .res: an Access database, read with mdbtools where they are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.delimited import read_text
from coatcore.reading.registry import BY_CONTENT, BY_NAME, NO, FileStart, Reader
from electrochem.readers.cells_of_text import cells_below, numbers
from electrochem.readers.columns import record

_MAGIC = (b"\x00\x01\x00\x00Standard Jet DB", b"\x00\x01\x00\x00Standard ACE DB")
_TABLE = "Channel_Normal_Table"
_TIMEOUT_S = 120
# Arbin counts charge and discharge capacity up over the test, in Ah.
_COLUMNS = {
    "time": ("Test_Time", 1.0),
    "voltage": ("Voltage", 1.0),
    "current": ("Current", 1.0),
    "step": ("Step_Index", 1.0),
    "cycle": ("Cycle_Index", 1.0),
    "step_time": ("Step_Time", 1.0),
    "charge_capacity": ("Charge_Capacity", 1e3),
    "discharge_capacity": ("Discharge_Capacity", 1e3),
}
_FURTHER = ("Test_ID", "Data_Point", "DateTime")
# Days are counted from here in Access.
_DAY_ZERO = datetime(1899, 12, 30)


def _recognises(start: FileStart) -> int:
    if not start.head.startswith(_MAGIC):
        return NO
    return BY_CONTENT if start.suffix == ".res" else BY_NAME


def _read(path: Path) -> xr.Dataset:
    tool = shutil.which("mdb-export")
    if tool is None:
        raise ReadError(
            path,
            "is an Arbin .res file (Access database); mdb-export of mdbtools is not installed",
            "install mdbtools, or export the channel as csv in Arbin's software",
        )
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table.csv"
        _export(tool, path, table)
        # Errors name the file that the person gave.
        try:
            lines = read_text(table).splitlines()
        except ReadError as error:
            raise ReadError(path, f"its table {_TABLE}: {error.found}", error.remedy) from None
    return _record(path, lines)


def _export(tool: str, path: Path, table: Path) -> None:
    # A name that begins with a dash would be an option.
    command = [tool, str(path.resolve()), _TABLE]
    try:
        with table.open("wb") as out:
            done = subprocess.run(
                command,
                stdout=out,
                stderr=subprocess.PIPE,
                stdin=subprocess.DEVNULL,
                timeout=_TIMEOUT_S,
                check=False,
                env={**os.environ, "LC_ALL": "C"},
            )
    except subprocess.TimeoutExpired:
        what = f"mdb-export did not end within {_TIMEOUT_S} s"
        raise ReadError(path, what, "export it as csv in Arbin's software") from None
    except OSError as error:
        raise ReadError(path, f"mdb-export cannot be run ({error})", "reinstall mdbtools") from None
    if done.returncode or not table.stat().st_size:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        why = f" ({said[0][:120]})" if said else ""
        what = f"mdb-export finds no table {_TABLE} in it{why}"
        raise ReadError(path, what, "is it a database of Arbin? Copy or export it again")


def _record(path: Path, lines: list[str]) -> xr.Dataset:
    heads = [head.strip().strip('"') for head in lines[0].split(",")]
    missing = [head for head, _ in _COLUMNS.values() if head not in heads]
    if missing:
        raise ReadError(path, f"table {_TABLE} has no {', '.join(missing)}", "export it as csv")
    places = {name: heads.index(head) for name, (head, _) in _COLUMNS.items()}
    places |= {head: heads.index(head) for head in _FURTHER if head in heads}
    cells = cells_below(path, lines, 0, ",", places)
    columns: dict[str, np.ndarray] = {
        name: factor * numbers(cells, name) for name, (_, factor) in _COLUMNS.items()
    }
    if "Test_ID" in places:
        tests = np.unique(numbers(cells, "Test_ID"))
        if tests.size > 1:
            what = f"holds {tests.size} tests"
            raise ReadError(path, what, "export each to a file of its own")
    if "Data_Point" in places:
        # A table has no order of its own.
        order = np.argsort(numbers(cells, "Data_Point"), kind="stable")
        columns = {name: values[order] for name, values in columns.items()}
    facts: dict[str, Any] = {"technique": "cycling", "instrument": "Arbin"}
    if "DateTime" in places:
        day = float(numbers(cells, "DateTime")[0])
        if 30000 < day < 80000:
            facts["acquired"] = (_DAY_ZERO + timedelta(days=day)).isoformat(timespec="seconds")
    return record(path, columns, facts, cells.notes)


reader = Reader("arbin_res", ("cell_record",), _recognises, _read)
