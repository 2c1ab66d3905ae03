"""Images of Gatan DigitalMicrograph, .dm3 and .dm4."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader
from imaging.readers.gatan.dm_tags import Stored, read_tags

# Code of the image's values: NumPy's type. 23 is a colour picture, as the thumbnail is.
_TYPES = {1: "i2", 2: "f4", 6: "u1", 7: "i4", 9: "i1", 10: "u2", 11: "u4", 12: "f8", 14: "u1"}
_OTHER = {3: "complex numbers", 13: "complex numbers", 23: "a colour picture", 5: "packed complex"}
_MAX_BYTES = 256 * 2**20
_MAX_PAGES = 64


def _recognises(start: FileStart) -> int:
    head = start.head
    dm3 = head[:4] == b"\0\0\0\3" and head[8:12] in (b"\0\0\0\0", b"\0\0\0\1")
    dm4 = head[:4] == b"\0\0\0\4" and head[12:16] in (b"\0\0\0\0", b"\0\0\0\1")
    return BY_CONTENT if dm3 or dm4 else NO


def _group(tags: Any, *names: str) -> dict[str, Any]:
    """A group within groups, empty where it is not there."""
    for name in names:
        tags = tags.get(name) if isinstance(tags, dict) else None
    return tags if isinstance(tags, dict) else {}


def _image(tags: dict[str, Any], path: Path) -> dict[str, Any]:
    """The image that is no thumbnail: the largest whose values are numbers."""
    images = [g for g in _group(tags, "ImageList").values() if isinstance(g, dict)]
    best, most = None, -1
    seen = set()
    for each in images:
        data = _group(each, "ImageData")
        kind = data.get("DataType")
        seen.add(kind)
        sizes = [s for s in _group(data, "Dimensions").values() if isinstance(s, int)]
        if kind in _TYPES and "Data" in data and math.prod(sizes) > most:
            best, most = each, math.prod(sizes)
    if best is None:
        other = [_OTHER.get(k, f"values of type {k}") for k in seen if isinstance(k, int)]
        raise ReadError(path, f"holds no grey image ({', '.join(other) or 'nothing'})")
    return best


def _values(data: dict[str, Any], path: Path) -> np.ndarray:
    from imaging.labels.labels import nm_per

    kind = np.dtype(_TYPES[data["DataType"]])
    sizes = list(_group(data, "Dimensions").values())
    if not all(isinstance(s, int) and s > 0 for s in sizes) or not 2 <= len(sizes) <= 3:
        raise ReadError(
            path,
            f"holds {len(sizes)} dimensions {sizes}, expected columns, rows and perhaps pages; a "
            "spectrum or spectrum image is not read",
        )
    third = [_unit_of(axis) for axis in _axes(data)[2:3]]
    if third and third[0] and not nm_per(third[0]):
        raise ReadError(
            path, f"its third axis is in {third[0]}: a spectrum image, which is not read"
        )
    stored = data["Data"]
    pages = sizes[2] if len(sizes) == 3 else 1
    if pages > _MAX_PAGES or math.prod(sizes) * kind.itemsize > _MAX_BYTES:
        raise ReadError(path, f"claims {sizes} values, more than 256 MiB or 64 pages")
    if isinstance(stored, tuple):
        flat = np.array(stored, kind)
    elif isinstance(stored, Stored):
        # Some versions store unsigned numbers under the code of signed ones, never others.
        like = np.dtype(stored.code) if stored.code else None
        if (
            like is None
            or like.itemsize != kind.itemsize
            or (like.kind == "f") != (kind.kind == "f")
        ):
            raise ReadError(path, "stores its values otherwise than it says")
        order: Literal["<", ">"] = "<" if stored.order == "<" else ">"
        flat = np.fromfile(path, kind.newbyteorder(order), stored.count, offset=stored.offset)
    else:
        raise ReadError(path, "holds no values of its image")
    if flat.size != math.prod(sizes):
        raise ReadError(path, f"holds {flat.size} values, expected {sizes}")
    return flat.astype(kind).reshape(sizes[::-1])


def _axes(data: dict[str, Any]) -> list[dict[str, Any]]:
    found = _group(data, "Calibrations", "Dimension").values()
    return [axis if isinstance(axis, dict) else {} for axis in found]


def _unit_of(axis: dict[str, Any]) -> str:
    return _text(axis.get("Units")).strip()


def _pixel(data: dict[str, Any]) -> tuple[tuple[float, float] | None, str]:
    """Height and width of a pixel in nm, and what is wrong where they are not known."""
    from imaging.labels.labels import nm_per

    sides = []
    for axis in _axes(data)[:2]:
        scale, unit = axis.get("Scale"), _unit_of(axis)
        factor = nm_per(unit)
        if not isinstance(scale, float) or not math.isfinite(scale) or scale <= 0 or not factor:
            return None, f"its scale is {scale} {unit or 'without a unit'}, which is no length"
        sides.append(scale * factor)
    return ((sides[1], sides[0]), "") if len(sides) == 2 else (None, "")


def _text(value: Any) -> str:
    """Text that is stored as a short array of UTF-16 codes."""
    if isinstance(value, tuple) and all(isinstance(v, int) and 0 < v < 0xD800 for v in value):
        return "".join(chr(v) for v in value)
    return value if isinstance(value, str) else ""


def _facts(image: dict[str, Any]) -> dict[str, str | int | float]:
    facts: dict[str, str | int | float] = {"instrument": "Gatan DigitalMicrograph"}
    microscope = _group(image, "ImageTags", "Microscope Info")
    voltage = microscope.get("Voltage")
    if isinstance(voltage, float) and 100 < voltage < 1e7:
        facts["acceleration_voltage_kV"] = voltage / 1000
    magnification = microscope.get("Indicated Magnification")
    if isinstance(magnification, float) and math.isfinite(magnification) and magnification > 0:
        facts["magnification"] = magnification
    for name, tag in (("microscope", "Microscope"), ("signal", "Signal Name")):
        if text := _text(microscope.get(tag)):
            facts[name] = text[:100]
    device = _text(_group(image, "ImageTags", "Acquisition", "Device").get("Name"))
    if device:
        facts["detector"] = device[:100]
    return facts


def _read(path: Path) -> xr.DataArray:
    from imaging.labels.labels import labelled_image

    image = _image(read_tags(path), path)
    data = _group(image, "ImageData")
    values = _values(data, path)
    if min(values.shape[-2:]) < 2:
        raise ReadError(path, f"holds {values.shape} values: no image")
    pixel, wrong = _pixel(data)
    facts = _facts(image)
    if wrong:
        facts["assumptions"] = wrong
    if values.ndim == 3 and values.shape[0] == 1:
        values = values[0]
    return labelled_image(values, pixel, attrs=facts)


reader = Reader("gatan_dm", ("image",), _recognises, _read)
