"""GSAS powder data: a title, then a BANK line and records of 80 columns (STD, ESD, FXYE).

Angles are hundredths of a degree. STD records hold counts that were summed from so many
detectors; ESD and FXYE hold intensities with their standard uncertainty (Larson and Von Dreele,
GSAS manual, LAUR 86-748).
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader
from xrd.readers.scans import Scan, even_axis, together

_MAX_BYTES = 100 * 2**20
_BANK = re.compile(r"^BANK\s+(\d+)\s+(\d+)\s+(\d+)\s+(\w+)\s+(.*)$", re.MULTILINE)


def _recognises(start: FileStart) -> int:
    return BY_CONTENT if start.text is not None and _BANK.search(start.text) else NO


def _read(path: Path) -> xr.DataArray:
    if path.stat().st_size > _MAX_BYTES:
        raise ReadError(path, "larger than 100 MiB", "split the file into its banks")
    text = path.read_bytes().decode("latin-1")
    banks = list(_BANK.finditer(text))
    if not banks:
        raise ReadError(path, "has no BANK line", "GSAS data begin with one")
    scans, spreads = [], []
    for bank, after in zip(banks, [*banks[1:], None], strict=True):
        body = text[bank.end() : after.start() if after else None]
        lines = [line for line in body.splitlines() if line.strip() and line[0] not in "#"]
        scan, spread = _bank(path, bank, lines)
        scans.append(scan)
        spreads.append(spread)
    wavelength = re.search(r"(?:lambda|wavelength)\W+(\d\.\d+)", text[: banks[0].start()], re.I)
    facts = {"wavelength_angstrom": float(wavelength.group(1))} if wavelength else {}
    pattern = together(path, scans, facts)
    if len(scans) == 1 and spreads[0] is not None:
        unit = {"units": pattern.attrs["units"], "long_name": "standard uncertainty"}
        pattern = pattern.assign_coords(standard_uncertainty=("two_theta", spreads[0], unit))
    return pattern


def _bank(path: Path, bank: re.Match, lines: list[str]) -> tuple[Scan, np.ndarray | None]:
    number, n, binning = int(bank.group(1)), int(bank.group(2)), bank.group(4).upper()
    words = bank.group(5).split()
    kind = next((w.upper() for w in reversed(words) if w.isalpha()), "STD")
    if binning in ("TIME_MAP", "SLOG", "RALF", "LOG6", "LPSD", "TOF", "EDS"):
        raise ReadError(path, f"bank {number} is binned by {binning}", "2theta (CONST) is read")
    if kind == "FXYE" or kind == "FXY":
        columns = _free(path, lines, 3 if kind == "FXYE" else 2)
        axis, values = columns[:, 0] / 100, columns[:, 1]
        spread = columns[:, 2] if kind == "FXYE" else None
    elif kind in ("STD", "ESD"):
        try:
            start, step = float(words[0]) / 100, float(words[1]) / 100
        except (IndexError, ValueError):
            raise ReadError(path, f"bank {number} names no start and step") from None
        fields = _fixed(path, lines, n, kind)
        values, spread = fields if kind == "ESD" else (fields[0], None)
        axis = even_axis(start, step, values.size)
    else:
        raise ReadError(path, f"bank {number} is of type {kind}", "STD, ESD and FXYE are read")
    if values.size != n:
        raise ReadError(path, f"bank {number} says {n} points, has {values.size}: cut short?")
    whole = bool(np.all(values == np.rint(values)))
    poisson = spread is None or np.allclose(spread**2, np.maximum(values, 1), rtol=0.02)
    return Scan(axis, values, "counts" if whole and poisson else "intensity"), spread


def _free(path: Path, lines: list[str], width: int) -> np.ndarray:
    try:
        rows = [[float(v) for v in line.split()[:width]] for line in lines]
    except ValueError as error:
        raise ReadError(path, f"a row holds something else than numbers ({error})") from None
    if not rows or {len(r) for r in rows} != {width}:
        raise ReadError(path, f"rows of {width} numbers were expected")
    return np.array(rows, dtype=float)


def _fixed(path: Path, lines: list[str], n: int, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Fields of 8 columns, ten a record: detectors (2) and counts (6), or value and its esd."""
    fields = [line[i : i + 8] for line in lines for i in range(0, min(80, len(line.rstrip())), 8)]
    try:
        if kind == "STD":
            return np.array([float(f[2:] or 0) for f in fields[:n]], dtype=float), np.empty(0)
        numbers = [float(f) for f in fields[: 2 * n]]
    except ValueError as error:
        raise ReadError(path, f"a field of 8 columns holds no number ({error})") from None
    if len(numbers) % 2:
        raise ReadError(path, "a value has no standard uncertainty beside it: cut short?")
    pairs = np.array(numbers, dtype=float).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


reader = Reader("gsas", ("xrd_pattern",), _recognises, _read)
