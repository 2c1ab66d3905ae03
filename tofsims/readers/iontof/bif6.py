"""IONTOF images exported as BIF6 (.bif6): one image of counts a mass interval.

Little-endian: two zero bytes, ``BIF6``, then the number of images, pixels in x and pixels in y as
16-bit numbers. Each image is a 32-bit number of the interval, three 32-bit floats (centre, lower
and upper m/z; the three are sorted here, since programs disagree on their order) and a 32-bit
count for each pixel, x running fastest. The file says neither how large a pixel is nor which
ion an interval was assigned to. Number 0, with NaN in place of m/z, is the whole spectrum.

The layout is known from independent programs that read such files, not from the maker; none is
at hand to test against.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader

MAGIC = b"\x00\x00BIF6"
HEADER = struct.Struct("<6s3H")
INTERVAL = struct.Struct("<I3f")
_MAX_BYTES = 512 * 2**20


def _recognises(start: FileStart) -> int:
    return BY_CONTENT if start.head.startswith(MAGIC) else NO


def _read(path: Path) -> xr.DataArray:
    from tofsims.labels.labels import Facts, fragment_name, labelled_cube

    if path.stat().st_size > _MAX_BYTES:
        raise ReadError(path, "larger than 512 MiB", "export fewer mass intervals")
    raw = path.read_bytes()
    if len(raw) < HEADER.size:
        raise ReadError(path, f"ends after {len(raw)} bytes, in its header", "export it again")
    _, n, nx, ny = HEADER.unpack_from(raw)
    if min(n, nx, ny) == 0:
        raise ReadError(path, f"its header says {n} images of {nx} x {ny} pixels")
    one = np.dtype([("id", "<u4"), ("mz", "<f4", 3), ("counts", "<u4", (ny, nx))])
    found = len(raw) - HEADER.size
    if found != n * one.itemsize:
        raise ReadError(
            path,
            f"{n} images of {nx} x {ny} pixels need {n * one.itemsize} bytes, found {found}",
            "the file is cut or damaged; export it again",
        )
    images = np.frombuffer(raw, one, n, HEADER.size)
    with np.errstate(invalid="ignore"):  # some bytes are numbers that only C knows
        mz = np.sort(images["mz"].astype(float), axis=1)  # NaN goes last
    whole = np.isnan(mz).all(axis=1)
    if not (np.isfinite(mz).all(axis=1) | whole).all() or np.nanmin(mz, initial=0.0) < 0:
        raise ReadError(path, "an interval goes over m/z that are no positive numbers")
    if whole.sum() > 1 or whole.all():
        raise ReadError(path, f"{whole.sum()} of its {n} images have no m/z", "export it again")
    masses, counts = mz[~whole], images["counts"][~whole]
    facts: Facts = {"instrument": "IONTOF ToF-SIMS"}
    return labelled_cube(
        np.moveaxis(counts, 0, -1).astype(float),
        None,
        fragments=[fragment_name("", m) for m in masses[:, 1]],
        windows=masses[:, ::2],
        total=images["counts"][whole][0] if whole.any() else None,
        attrs=facts,
    )


reader = Reader("iontof_bif6", ("mass_image",), _recognises, _read)
