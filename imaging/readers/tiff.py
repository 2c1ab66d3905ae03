"""SEM and TEM images in TIFF, with pixel size from Zeiss, FEI/Thermo or TVIPS tags."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from coatqc.core.errors import ReadError
from coatqc.core.provenance import SIMULATED_MARK
from coatqc.core.reading import BY_CONTENT, NO, FileStart, Reader

_MAGICS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_ZEISS, _FEI, _TVIPS = 34118, (34682, 34680), 37706
# An honest image of a microscope; a header that claims more is refused before it is decoded.
_MAX_BYTES = 256 * 2**20
_MAX_PAGES = 64

Pixel = tuple[float, float] | None
Facts = dict[str, str | int | float]


def _recognises(start: FileStart) -> int:
    return BY_CONTENT if start.head.startswith(_MAGICS) else NO


def _length(value: object) -> float | None:
    """A pixel's size that can be one, else None."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _zeiss(tag: dict[str, Any], facts: Facts) -> Pixel:
    from imaging.labels import nm_per

    facts["instrument"] = "Zeiss SEM"
    for key in ("ap_image_pixel_size", "ap_pixel_size"):
        entry = tag.get(key)
        if not entry or len(entry) != 3:
            continue
        size, factor = _length(entry[1]), nm_per(str(entry[2]))
        if size and factor:
            if key == "ap_pixel_size":
                facts["assumptions"] = (
                    "pixel size from AP_PIXEL_SIZE: the file has no AP_IMAGE_PIXEL_SIZE"
                )
            voltage = tag.get("ap_actualkv")
            if voltage and len(voltage) == 3 and _length(voltage[1]):
                facts["acceleration_voltage_kV"] = float(voltage[1])
            if detector := tag.get("dp_detector_type"):
                facts["detector"] = str(detector[-1])
            return size * factor, size * factor
    return None


def _fei(tag: dict[str, Any], facts: Facts) -> Pixel:
    facts["instrument"] = "FEI/Thermo"
    beam = tag.get("Beam") or {}
    if voltage := _length(beam.get("HV")):
        facts["acceleration_voltage_kV"] = voltage / 1000
    scan = tag.get("Scan") or tag.get(str(beam.get("Scan", ""))) or {}
    height, width = _length(scan.get("PixelHeight")), _length(scan.get("PixelWidth"))
    return (height * 1e9, width * 1e9) if height and width else None


def _tvips(tag: dict[str, Any], facts: Facts) -> Pixel:
    facts["instrument"] = "TVIPS camera"
    height, width = _length(tag.get("PixelSizeY")), _length(tag.get("PixelSizeX"))
    return (height, width) if height and width else None


def _pixel(page: Any, facts: Facts) -> Pixel:
    for code, look in ((_ZEISS, _zeiss), (_FEI[0], _fei), (_FEI[1], _fei), (_TVIPS, _tvips)):
        tag = page.tags.get(code)
        if tag is not None and isinstance(tag.value, dict):
            return look(tag.value, facts)
    return None


def _grey(values: np.ndarray, path: Path) -> np.ndarray:
    if values.ndim == 2:
        return values
    if values.ndim == 3 and values.shape[-1] in (3, 4):
        red, green, blue = (values[..., i] for i in range(3))
        if np.array_equal(red, green) and np.array_equal(red, blue):
            return red
        raise ReadError(path, "is a colour image", "save the grey image of the detector")
    raise ReadError(path, f"has {values.ndim} dimensions, expected rows and columns")


def _read(path: Path) -> xr.DataArray:
    import tifffile

    from imaging.labels import labelled_image

    facts: Facts = {}
    with tifffile.TiffFile(path) as file:
        first = file.pages[0]
        if not first.shape or min(first.shape[:2]) < 2:
            raise ReadError(path, f"first page has shape {first.shape}: no image")
        if first.dtype is None or first.dtype.kind not in "uif":
            raise ReadError(path, f"pixels of type {first.dtype}, expected numbers")
        n = len(file.pages)
        claimed = 0
        for page in file.pages if n <= _MAX_PAGES else ():
            claimed += math.prod(page.shape) * (page.dtype.itemsize if page.dtype else 1)
        if n > _MAX_PAGES or claimed > _MAX_BYTES:
            raise ReadError(
                path,
                f"claims {n} pages of {first.shape}, more than 256 MiB or 64 pages",
                "save fewer pages, or the file is damaged",
            )
        pixel = _pixel(first, facts)
        pages = [_grey(page.asarray(), path) for page in file.pages]
        description = first.tags.get("ImageDescription")  # type: ignore[union-attr]
        if description is not None and SIMULATED_MARK in str(description.value):
            facts["simulated"] = "yes"
    if len({p.shape for p in pages}) > 1:
        raise ReadError(path, "its pages have different sizes", "save each to a file of its own")
    values = pages[0] if n == 1 else np.stack(pages)
    return labelled_image(values, pixel, attrs=facts)


reader = Reader("microscope_tiff", ("image",), _recognises, _read)
