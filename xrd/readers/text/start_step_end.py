"""Text with start, step and end of 2theta on one line, then intensities (DBWS, RIET7, ILL)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.registry import BY_TABLE, NO, FileStart, Reader
from xrd.readers.scans import Facts, Scan, even_axis, together

_MAX_BYTES = 50 * 2**20
_LINES = 6
_NUMBER = r"[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?"
_THREE = re.compile(rf"^\s*({_NUMBER})\s+({_NUMBER})\s+({_NUMBER})\s*$")
_WAVELENGTH = re.compile(r"\b(\d\.\d{3,6})\s*(?:A|Å|angstrom)\b")


def _header(text: str) -> tuple[int, float, float, int] | None:
    """Line after which numbers begin, start, step, how many points; None if it is no such text."""
    for i, line in enumerate(text.splitlines()[:_LINES]):
        three = _THREE.match(line)
        if three and i > 0:
            start, step, end = map(float, three.groups())
            if 1e-4 < step < 2 and -20 <= start < end <= 180:
                points = round((end - start) / step) + 1
                return i + 1, start, step, points
    return None


def _recognises(start: FileStart) -> int:
    if start.text is None or start.suffix in (".csv", ".xy"):
        return NO
    found = _header(start.text)
    if found is None:
        return NO
    after = start.text.splitlines()[found[0] : found[0] + 1]
    return BY_TABLE if after and len(after[0].split()) >= 4 else NO


def _read(path: Path) -> xr.DataArray:
    if path.stat().st_size > _MAX_BYTES:
        raise ReadError(path, "larger than 50 MiB", "no powder pattern is")
    text = path.read_bytes().decode("latin-1")
    found = _header(text)
    if found is None:
        raise ReadError(path, "has no line of start, step and end of 2theta among its first six")
    first, start, step, points = found
    numbers: list[float] = []
    for i, line in enumerate(text.splitlines()[first:], first + 1):
        for word in line.split():
            try:
                numbers.append(float(word))
            except ValueError:
                if len(numbers) >= points:
                    break
                raise ReadError(path, f"line {i}: {word[:20]!r} is no number") from None
        if len(numbers) >= points:
            break
    if len(numbers) < points:
        raise ReadError(
            path,
            f"has {len(numbers)} intensities where start, step and end call for {points}",
            "cut short?",
        )
    values = np.array(numbers[:points])
    facts: Facts = {}
    wavelength = _WAVELENGTH.search("\n".join(text.splitlines()[:first]))
    if wavelength:
        facts["wavelength_angstrom"] = float(wavelength.group(1))
    whole = bool(np.isfinite(values).all() and np.all(values == np.rint(values)))
    name = "counts" if whole else "intensity"
    if whole:
        facts["assumptions"] = "whole numbers are taken as counts"
    return together(path, [Scan(even_axis(start, step, points), values, name)], facts)


reader = Reader("start_step_end", ("xrd_pattern",), _recognises, _read)
