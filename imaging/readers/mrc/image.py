"""Images and stacks in MRC, the exchange format of electron microscopy, read by mrcfile."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Literal

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.provenance import SIMULATED_MARK
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader

_HEADER, _MARK, _AT = 1024, b"MAP", 208
_MAX_BYTES, _MAX_PAGES = 256 * 2**20, 64
# Bytes a value, by the header's mode.
_MODES = {0: 1, 1: 2, 2: 4, 6: 2, 12: 2}
# Stamp of IMOD, whose flags tell whether bytes have a sign.
_IMOD = 1146047817
# An ångström in nm.
_ANGSTROM = 0.1


def _recognises(start: FileStart) -> int:
    return BY_CONTENT if start.head[_AT : _AT + 3] == _MARK and start.size >= _HEADER else NO


def _checked(path: Path) -> None:
    """Refuse what claims more than it holds before any memory is taken."""
    with path.open("rb") as file:
        head = file.read(_HEADER)
    order = ">" if head[212:214] == b"\x11\x11" else "<"
    nx, ny, nz, mode = (int(v) for v in np.frombuffer(head[:16], f"{order}i4"))
    extended = int(np.frombuffer(head[92:96], f"{order}i4")[0])
    if mode not in _MODES:
        raise ReadError(path, f"has values of mode {mode}, expected one of {sorted(_MODES)}")
    claimed = nx * ny * nz * _MODES[mode]
    if min(nx, ny) < 2 or not 1 <= nz <= _MAX_PAGES or claimed > _MAX_BYTES:
        raise ReadError(path, f"claims {nx} x {ny} x {nz} values, more than 256 MiB or 64 pages")
    held = path.stat().st_size - _HEADER - max(0, extended)
    if claimed > held:
        raise ReadError(path, f"claims {claimed} bytes of values and holds {held}: it is cut short")


def _bytes_are_unsigned(path: Path) -> bool:
    """Whether IMOD wrote the file and does not say that its bytes have a sign."""
    with path.open("rb") as file:
        head = file.read(_HEADER)
    order: Literal["<", ">"] = ">" if head[212:214] == b"\x11\x11" else "<"
    stamp, flags = np.frombuffer(head[152:160], np.dtype("i4").newbyteorder(order))
    return bool(stamp == _IMOD and not flags & 1)


def _read(path: Path) -> xr.DataArray:
    import mrcfile

    from imaging.labels.labels import labelled_image

    _checked(path)
    try:
        with warnings.catch_warnings():
            # What it warns of, a damaged header or wrong size, is checked above.
            warnings.simplefilter("ignore")
            with mrcfile.open(path, permissive=True) as file:
                values = None if file.data is None else np.array(file.data)
                size = file.voxel_size
                sides = [float(size.y), float(size.x)]
                labels = " ".join(str(label) for label in file.get_labels())
    except (ValueError, OSError, OverflowError, ZeroDivisionError) as error:
        raise ReadError(path, f"cannot be read as MRC: {error}") from error
    if values is None or values.ndim not in (2, 3) or values.dtype.kind not in "uif":
        raise ReadError(path, "holds no image of rows and columns")
    if values.dtype == np.int8 and _bytes_are_unsigned(path):
        values = values.view(np.uint8)
    known = all(math.isfinite(s) and 0 < s < 1e7 for s in sides)
    pixel = (sides[0] * _ANGSTROM, sides[1] * _ANGSTROM) if known else None
    if values.ndim == 3 and values.shape[0] == 1:
        values = values[0]
    facts = {"simulated": "yes"} if SIMULATED_MARK in labels else {}
    return labelled_image(values, pixel, attrs=facts)


reader = Reader("mrc", ("image",), _recognises, _read)
