"""What the tags of a microscope's TIFF say of it: Zeiss, FEI/Thermo, TVIPS and TESCAN."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from coatcore.errors import ReadError
from imaging.readers.tiff.sem_text import Facts, Pixel, tescan

_ZEISS, _FEI, _TVIPS, _TESCAN = 34118, (34682, 34680), 37706, 50431
_MAX_TEXT = 2**18
# Compressions that lose nothing: none, LZW, deflate, packed bits.
_PACKED = {1, 5, 8, 32946, 32773}
_LOSSY = {6: "JPEG", 7: "JPEG", 34712: "JPEG 2000", 50001: "WebP", 34892: "lossy JPEG"}
_MAX_BLOCK = 64 * 2**20


def _length(value: object) -> float | None:
    """A pixel's size that can be one, else None."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _zeiss(tag: dict[str, Any], facts: Facts) -> Pixel:
    from imaging.labels.labels import nm_per

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
    elif beam.get("HV"):
        facts["assumptions"] = f"its voltage is {str(beam['HV'])[:40]!r}, which is no number"
    scan = tag.get("Scan") or tag.get(str(beam.get("Scan", ""))) or {}
    height, width = _length(scan.get("PixelHeight")), _length(scan.get("PixelWidth"))
    return (height * 1e9, width * 1e9) if height and width else None


def _tvips(tag: dict[str, Any], facts: Facts) -> Pixel:
    facts["instrument"] = "TVIPS camera"
    height, width = _length(tag.get("PixelSizeY")), _length(tag.get("PixelSizeX"))
    return (height, width) if height and width else None


def _tescan(tag: bytes, facts: Facts) -> Pixel:
    found = tescan(tag[:_MAX_TEXT].decode("latin-1"))
    if found is None:
        return None
    facts.update(found[1])
    return found[0]


def require_plain(page: Any, path: Path) -> None:
    """Refuse a page whose pixels are packed in a way that is not read, or in huge blocks.

    Parameters
    ----------
    page : tifffile.TiffPage
    path : pathlib.Path
        Named in the error.

    Raises
    ------
    ReadError

    Examples
    --------
    >>> from types import SimpleNamespace as Page
    >>> page = Page(compression=7, chunks=(8, 8), shape=(8, 8), dtype=None)
    >>> require_plain(page, Path("a.tif"))
    Traceback (most recent call last):
        ...
    coatcore.errors.ReadError: a.tif: is compressed as JPEG, which is not read; save it \
uncompressed or with LZW or deflate
    """
    packed = int(page.compression)
    if packed not in _PACKED:
        name = _LOSSY.get(packed, f"method {packed}")
        raise ReadError(
            path,
            f"is compressed as {name}, which is not read",
            "save it uncompressed or with LZW or deflate",
        )
    each = page.dtype.itemsize if page.dtype is not None else 1
    block = each * math.prod(page.chunks)
    # A strip may be the whole image; a tile may not be far larger than that.
    if block > max(_MAX_BLOCK, 2 * each * math.prod(page.shape)):
        raise ReadError(path, f"claims a block of {page.chunks} pixels, more than 64 MiB")


def pixel_and_facts(page: Any) -> tuple[Pixel, Facts]:
    """Height and width of a pixel in nm, and what else the tags say.

    Parameters
    ----------
    page : tifffile.TiffPage

    Returns
    -------
    (tuple or None, dict)
        None where no tag says the size.

    Examples
    --------
    >>> from types import SimpleNamespace as Page
    >>> tags = {37706: Page(value={"PixelSizeX": 1.5, "PixelSizeY": 1.5})}
    >>> pixel_and_facts(Page(tags=tags))
    ((1.5, 1.5), {'instrument': 'TVIPS camera'})
    """
    facts: Facts = {}
    for code, look in ((_ZEISS, _zeiss), (_FEI[0], _fei), (_FEI[1], _fei), (_TVIPS, _tvips)):
        tag = page.tags.get(code)
        if tag is not None and isinstance(tag.value, dict):
            return look(tag.value, facts), facts
    tag = page.tags.get(_TESCAN)
    if tag is not None and isinstance(tag.value, bytes):
        return _tescan(tag.value, facts), facts
    description = page.tags.get("ImageDescription")
    text = str(description.value)[:_MAX_TEXT] if description is not None else ""
    if text.startswith("ImageJ="):
        return _imagej(page, text), facts
    return (_ome(text) if "<OME" in text else None), facts


def _imagej(page: Any, text: str) -> Pixel:
    """ImageJ writes pixels a unit as the resolution, and the unit as text."""
    from imaging.labels.labels import nm_per

    unit = re.search(r"^unit=(.*)$", text, re.MULTILINE)
    name = unit.group(1).strip().replace("\\u00B5", "µ").replace("micron", "um") if unit else ""
    factor = nm_per(name)
    sides = []
    for tag in ("YResolution", "XResolution"):
        value = getattr(page.tags.get(tag), "value", None)
        if not factor or not isinstance(value, tuple) or len(value) != 2 or 0 in value:
            return None
        sides.append(factor * value[1] / value[0])
    return sides[0], sides[1]


def _ome(text: str) -> Pixel:
    """OME-TIFF: sides of a pixel as attributes of its XML."""
    from imaging.labels.labels import nm_per

    sides = []
    for axis in "YX":
        size = re.search(rf'PhysicalSize{axis}="([^"]*)"', text)
        unit = re.search(rf'PhysicalSize{axis}Unit="([^"]*)"', text)
        number = _length(size.group(1)) if size else None
        # Micrometres where no unit is named (OME schema).
        factor = nm_per(unit.group(1) if unit else "um")
        if not number or not factor:
            return None
        sides.append(number * factor)
    return sides[0], sides[1]
