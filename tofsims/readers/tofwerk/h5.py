"""TOFWERK and TESCAN HDF5 files (.h5) of TofDaq: ToF-SIMS in a focused ion beam microscope.

- ``PeakData/PeakData`` (writes, segments, x, peaks) with ``PeakData/PeakTable`` (label, mass,
  lower and upper integration limit) is read as a cube over (scan, y, x, fragment). What is large
  stays in the file as a dask array; each block opens the file, reads, and closes it.
- Files that were not integrated yet hold ``FullSpectra/EventList`` instead: read as an event
  list, whose channel is the count of the clock.
- ``kind="mass_spectrum"`` reads ``FullSpectra/SumSpectrum`` over ``FullSpectra/MassAxis``.

PeakData are counts for each extraction; they are multiplied by ``NbrWaveforms`` to be counts.
The layout is that which TofDaq documents and open readers describe. It was tested on files
written in that layout; no file of an instrument is at hand.

References
----------
TOFWERK, TofDaq API documentation; RosettaSciIO, "Tofwerk (fibTOF FIB-SIMS)".
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.hdf5_guard import attribute, members, numbers, require_plain
from coatcore.reading.registry import BY_CONTENT, BY_NAME, NO, FileStart, Reader
from tofsims.labels.labels import Facts, fragment_name, labelled_cube, labelled_spectrum
from tofsims.readers.iontof.header import polarity

_HDF5 = b"\x89HDF\r\n\x1a\n"
_NM_PER_MM = 1e6
# Cubes of few counts are mostly zeros, which gzip shrinks up to a thousand times.
_SHRUNK, _MOST_BYTES, _MOST_PEAKS = 1000, 2**40, 5000
_EAGER = 64 * 2**20
_SUM = 'the sum spectrum: read it with kind="mass_spectrum"'
_AGAIN = "open it in TOF-SIMS Explorer or TofDaq Viewer and save it again"


def _recognises(start: FileStart) -> int:
    if not start.head.startswith(_HDF5):
        return NO
    if b"TofDAQ" in start.head or b"FullSpectra" in start.head:
        return BY_CONTENT
    if start.suffix != ".h5":
        return NO
    import h5py

    try:
        with h5py.File(start.path, "r") as file:
            return BY_CONTENT if "FullSpectra" in file or "PeakData" in file else NO
    except Exception:  # a damaged file can break HDF5 in any way
        return NO


def _recognises_spectrum(start: FileStart) -> int:
    return BY_NAME if _recognises(start) else NO


def _parts(file: Any, path: Path) -> dict[str, Any]:
    """What the file holds, by its path in it."""
    import h5py

    found: dict[str, Any] = {}
    for name, group in members(file, path):
        if name in ("FullSpectra", "PeakData", "FIBParams") and isinstance(group, h5py.Group):
            found[name] = group
            found |= {f"{name}/{inner}": part for inner, part in members(group, path)}
    return found


def _number(obj: Any, name: str) -> float | None:
    value = attribute(obj, name) if obj is not None else None
    good = isinstance(value, float) and np.isfinite(value)
    return float(value) if good and value is not None else None


def _facts(file: Any, parts: dict[str, Any]) -> Facts:
    facts: Facts = {"instrument": "TOFWERK TofDaq"}
    if "PeakData/PeakData" in parts and "FullSpectra/SumSpectrum" in parts:
        facts["also_holds"] = _SUM
    fib = parts.get("FIBParams")
    texts = {
        "software_version": (file, "TofDAQ Version"),
        "detector": (file, "DAQ Hardware"),
        "polarity": (file, "IonMode"),
        "acquired": (file, "HDF5 File Creation Time"),
        "primary_beam": (fib, "FibHardware"),
    }
    for name, (obj, key) in texts.items():
        value = attribute(obj, key) if obj is not None else None
        if value not in (None, ""):
            facts[name] = (
                polarity(value) if name == "polarity" and isinstance(value, str) else value
            )
    for name, key in {
        "primary_ion_energy_ev": "Voltage",
        "primary_current_a": "Current",
        "field_of_view_mm": "ViewField",
    }.items():
        if value := _number(fib, key):
            facts[name] = value
    return facts


def _pixel(facts: Facts, nx: int) -> tuple[float, float] | None:
    field = float(facts.get("field_of_view_mm", 0.0))
    return (field * _NM_PER_MM / nx,) * 2 if 0 < field < 1e3 else None


def _peaks(parts: dict[str, Any], n: int, path: Path) -> tuple[list[str], np.ndarray]:
    """Names of the peaks, and the m/z between which each was integrated."""
    table = parts.get("PeakData/PeakTable")
    if table is None:
        raise ReadError(path, "has PeakData without a PeakTable", _AGAIN)
    require_plain(table, path, kinds="V")
    fields = {name.lower(): name for name in table.dtype.names or ()}
    low, high = (next((f for k, f in fields.items() if w in k), "") for w in ("lower", "upper"))
    if table.shape != (n,) or "mass" not in fields or not low or not high or n > _MOST_PEAKS:
        raise ReadError(
            path,
            f"its PeakTable has shape {table.shape} and columns {', '.join(fields) or 'none'}, "
            f"PeakData hold {n} peaks",
            _AGAIN,
        )
    rows = table[()]
    mass = rows[fields["mass"]].astype(float)
    windows = np.stack([rows[low], rows[high]], axis=-1).astype(float)
    if not np.isfinite(mass).all() or not (windows[:, 0] <= windows[:, 1]).all():
        raise ReadError(path, "its PeakTable holds masses or limits that are no numbers", _AGAIN)
    labels = rows[fields["label"]] if "label" in fields else np.full(n, b"")
    texts = [t.decode("utf-8", "replace") if isinstance(t, bytes) else str(t) for t in labels]
    # "nominal" names no ion; [CH3]+ is CH3+.
    names = ["" if t.lower().startswith("nominal") else t.strip("\x00 ") for t in texts]
    names = [re.sub(r"^\[(.+)\]([+-])$", r"\1\2", name) for name in names]
    return [fragment_name(t, m) for t, m in zip(names, mass, strict=True)], windows


def _read(path: Path) -> xr.DataArray | xr.Dataset:
    import h5py

    from tofsims.readers.tofwerk.blocks import StoredCounts, lazy
    from tofsims.readers.tofwerk.events import read_events

    with h5py.File(path, "r") as file:
        parts = _parts(file, path)
        facts = _facts(file, parts)
        data = parts.get("PeakData/PeakData")
        waveforms = _number(file, "NbrWaveforms")
        if data is None:
            if "FullSpectra/EventList" not in parts:
                raise ReadError(
                    path,
                    "holds neither PeakData nor an EventList",
                    'read(..., kind="mass_spectrum") gives its sum spectrum',
                )
            return read_events(parts, facts, path)
        require_plain(data, path, most=_MOST_BYTES, shrunk=_SHRUNK)
        if data.ndim != 4 or 0 in data.shape:
            raise ReadError(path, f"its PeakData have shape {data.shape}, expected four axes")
        if min(data.shape[1:3]) < 2:
            raise ReadError(
                path,
                f"its PeakData of shape {data.shape} are no image",
                'read(..., kind="mass_spectrum") gives its sum spectrum',
            )
        names, windows = _peaks(parts, data.shape[3], path)
        stored = StoredCounts.of(data, path, waveforms or 1.0)
        some = stored[:1, stored.shape[1] // 2]
    notes = []
    if waveforms is None:
        notes.append("the file does not say NbrWaveforms; values are taken as counts")
    else:
        facts["extractions"] = waveforms
    if not np.allclose(some, np.rint(some), atol=1e-3):
        notes.append("values are not whole counts: their uncertainty is not that of counting")
    if notes:
        facts["assumptions"] = "; ".join(notes)
    counts = stored[:].astype(float) if stored.nbytes <= _EAGER else lazy(stored)
    pixel = _pixel(facts, stored.shape[2])
    return labelled_cube(counts, pixel, fragments=names, windows=windows, attrs=facts)


def _read_spectrum(path: Path) -> xr.DataArray:
    import h5py

    with h5py.File(path, "r") as file:
        parts = _parts(file, path)
        facts = _facts(file, parts)
        facts.pop("also_holds", None)
        missing = [n for n in ("MassAxis", "SumSpectrum") if f"FullSpectra/{n}" not in parts]
        if missing:
            raise ReadError(path, f"has no FullSpectra/{missing[0]}", _AGAIN)
        mz, counts = (
            numbers(parts[f"FullSpectra/{n}"], path).astype(float).ravel()
            for n in ("MassAxis", "SumSpectrum")
        )
        single = _number(parts.get("FullSpectra"), "Single Ion Signal")
    if mz.size != counts.size or mz.size < 2:
        raise ReadError(path, f"{mz.size} masses, {counts.size} values of SumSpectrum", _AGAIN)
    # Samples before the time zero of the mass scale have no mass, or mirror later ones.
    start = int(np.argmin(np.where(np.isfinite(mz), mz, np.inf)))
    channel = np.arange(start, mz.size)
    mz, counts = mz[start:], counts[start:]
    if not (np.isfinite(mz).all() and np.isfinite(counts).all() and (np.diff(mz) > 0).all()):
        raise ReadError(path, "its MassAxis does not rise, or holds values that are no numbers")
    if counts.min() < 0:
        raise ReadError(path, f"SumSpectrum holds {counts.min():g}", "counts cannot be negative")
    if single not in (None, 0.0, 1.0):
        facts["single_ion_signal"] = float(single or 1.0)
        facts["assumptions"] = "values are as stored, not divided by the single ion signal"
    return labelled_spectrum(mz, channel, counts, facts)


reader = Reader("tofwerk_h5", ("mass_image", "mass_events"), _recognises, _read)
spectrum_reader = Reader(
    "tofwerk_h5_spectrum", ("mass_spectrum",), _recognises_spectrum, _read_spectrum
)
