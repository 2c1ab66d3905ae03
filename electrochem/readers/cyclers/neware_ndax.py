"""Neware .ndax: a ZIP of binary .ndc files, through NewareNDA (BSD-3, an extra)."""

from __future__ import annotations

import importlib
import re
import shutil
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader
from electrochem.readers.columns import record

_MAGIC = b"PK\x03\x04"
_MEMBERS = {b"VersionInfo.xml", b"data.ndc"}
_MAX_UNPACKED = 512 * 2**20
_MAX_MEMBERS = 1000
_COLUMNS = {
    "voltage": ("Voltage", 1.0),
    "current": ("Current(mA)", 1e-3),
    "step": ("Step_Index", 1.0),
    "cycle": ("Cycle", 1.0),
    "step_time": ("Time", 1.0),
    "charge_capacity": ("Charge_Capacity(mAh)", 1.0),
    "discharge_capacity": ("Discharge_Capacity(mAh)", 1.0),
}


def _recognises(start: FileStart) -> int:
    if not start.head.startswith(_MAGIC):
        return NO
    # Names stand before their packed content, in the head at least the first of them.
    return BY_CONTENT if _names(start.head) & _MEMBERS else NO


def _names(head: bytes) -> set[bytes]:
    """Names of the members whose local headers lie in `head`."""
    names = set()
    at = head.find(_MAGIC)
    while 0 <= at <= len(head) - 30:
        (length,) = struct.unpack_from("<H", head, at + 26)
        names.add(head[at + 30 : at + 30 + length])
        at = head.find(_MAGIC, at + 4)
    return names


def _read(path: Path) -> xr.Dataset:
    try:
        library = importlib.import_module("NewareNDA.NewareNDAx")
    except ImportError:
        raise ReadError(
            path,
            "is a Neware .ndax file; NewareNDA is not installed",
            "pip install 'coatqc[neware]'",
        ) from None
    info = _checked(path)
    with tempfile.TemporaryDirectory() as folder:
        # Only what was checked is passed on: a file may be written anew in the meantime.
        copy = Path(folder) / "checked.ndax"
        shutil.copyfile(path, copy)
        _checked(copy)
        try:
            table = library.read_ndax(str(copy))
        except Exception as error:  # a damaged file can break it in any way
            what = f"NewareNDA cannot read it ({type(error).__name__}: {error})"
            remedy = "export it as csv in BTSDA, or copy it again"
            raise ReadError(path, what.splitlines()[0][:200], remedy) from error
    return _record(path, table, info)


def _checked(path: Path) -> str:
    """TestInfo.xml of an archive that may be unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > _MAX_MEMBERS:
                raise ReadError(path, f"holds {len(members)} files, which no .ndax does")
            for member in members:
                place = PurePosixPath(member.filename.replace("\\", "/"))
                if place.is_absolute() or ".." in place.parts or ":" in place.parts[0]:
                    what = f"holds a file that would be written elsewhere ({member.filename[:60]})"
                    raise ReadError(path, what, "do not trust this file")
            if (total := sum(m.file_size for m in members)) > _MAX_UNPACKED:
                what = f"would unpack to {total / 2**20:.0f} MiB, more than 512"
                raise ReadError(path, what, "export a part as csv in BTSDA")
            names = {m.filename for m in members}
            if "data.ndc" not in names:
                raise ReadError(path, "holds no data.ndc", "export it again from BTSDA")
            if len(names) < len(members):
                raise ReadError(path, "holds a file twice: damaged", "copy it again")
            texts = {n: archive.read(n) for n in names if n.lower().endswith(".xml")}
            # Entities can grow without end where they are expanded; no .ndax has any.
            if any(b"<!ENTITY" in text.upper() for text in texts.values()):
                raise ReadError(path, "holds XML with entities", "do not trust this file")
            return texts.get("TestInfo.xml", b"").decode("gb18030", errors="replace")
    except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, ValueError, zlib.error) as error:
        what = f"is a damaged ZIP archive ({error})"
        raise ReadError(path, what, "copy or export it again") from error


def _record(path: Path, table: Any, info: str) -> xr.Dataset:
    if not len(table):
        raise ReadError(path, "holds no row of data", "export it again from BTSDA")
    columns = {
        name: factor * table[head].to_numpy(dtype=float)
        for name, (head, factor) in _COLUMNS.items()
    }
    notes = []
    clock = (table["Timestamp"] - table["Timestamp"].iloc[0]).dt.total_seconds().to_numpy()
    columns["time"], said = _test_time(columns["step_time"], table["Step"].to_numpy(), clock)
    notes += said
    if np.ptp(columns["cycle"]) == 0:
        first = columns["cycle"][0]
        notes.append(f"the cycle number is {first:g} throughout: find cycles from steps")
    facts: dict[str, Any] = {"technique": "cycling", "instrument": "Neware"}
    for name, key in (("test_name", "StepName"), ("acquired", "StartTime")):
        if value := re.search(rf'\b{key}="([^"]*)"', info):
            facts[name] = value.group(1)[:200]
    return record(path, columns, facts, notes)


def _test_time(
    step_time: np.ndarray, step: np.ndarray, clock: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    """Time since the test began: within a step its own time, between steps the clock.

    Examples
    --------
    >>> t = _test_time(np.array([0, 5.25, 0, 5]), np.array([1, 1, 2, 2]), np.array([0, 5, 6, 11]))
    >>> t[0].tolist()
    [0.0, 5.25, 6.0, 11.0]
    """
    new = np.r_[True, np.diff(step) != 0]
    first = np.flatnonzero(new)[np.cumsum(new) - 1]
    time = clock[first] + step_time - step_time[first]
    apart = np.nan_to_num(np.abs(time - clock))
    if apart.max() <= 60:
        return time, []
    said = (
        f"step time and clock part by up to {apart.max():.0f} s; time within a step is the "
        "cycler's own"
    )
    return time, [said]


reader = Reader("neware_ndax", ("cell_record",), _recognises, _read)
