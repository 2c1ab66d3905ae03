"""What an SEM's text says of its image: JEOL, Hitachi and TESCAN write one beside it.

JEOL and Hitachi write ``<image>.txt``, TESCAN ``<image>.hdr`` or ``<image>-tif.hdr``; TESCAN may
write the same text into a tag of the image.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

Pixel = tuple[float, float] | None
Facts = dict[str, str | int | float]
_MAX_BYTES = 2**18
# Pixels that a JEOL scale bar spans at least; a shorter one does not tell the pixel well.
_SHORTEST_BAR = 10


def beside(path: Path) -> tuple[Pixel, Facts]:
    r"""Pixel size in nm and facts, as the text beside an image states them.

    Parameters
    ----------
    path : pathlib.Path
        The image.

    Returns
    -------
    (tuple or None, dict)
        Height and width of a pixel in nm, None where no text beside it says it.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> text = "[SemImageFile]\nPixelSize=24.8\n"
    >>> _ = (folder / "a.txt").write_text(text)
    >>> beside(folder / "a.tif")[0]
    (24.8, 24.8)
    """
    for text_file in (
        path.with_suffix(".txt"),
        path.with_suffix(".TXT"),
        path.with_suffix(".hdr"),
        path.with_name(f"{path.stem}-{path.suffix.lstrip('.')}.hdr"),
    ):
        if not text_file.is_file() or text_file.stat().st_size > _MAX_BYTES:
            continue
        raw = text_file.read_bytes()
        wide = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
        text = raw.decode("utf-16" if wide else "utf-8", errors="replace")
        for look in (_jeol, _hitachi, tescan):
            found = look(text)
            if found is not None:
                pixel, facts = found
                return pixel, {**facts, "sidecar": text_file.name}
    return None, {}


def _number(text: str | None) -> float | None:
    # German and French systems write a comma; a number with a thousands' comma is none of these.
    found = re.match(r"\s*([+-]?\d+(?:[.,]\d*)?(?:[eE][+-]?\d+)?)(?![\d.,])", text or "")
    if found is None:
        return None
    number = float(found.group(1).replace(",", "."))
    return number if math.isfinite(number) and number > 0 else None


def _square(side: float | None) -> Pixel:
    return (side, side) if side else None


def _jeol(text: str) -> tuple[Pixel, Facts] | None:
    """``$CM_...`` lines: a scale bar of so many pixels and its length."""
    if "$CM_" not in text:
        return None
    entries = dict(re.findall(r"^(\$\$?\w+)[ \t]+(.*?)\s*$", text, re.MULTILINE))
    facts: Facts = {"instrument": "JEOL SEM"}
    if voltage := _number(entries.get("$CM_ACCEL_VOLT")):
        facts["acceleration_voltage_kV"] = voltage
    if signal := entries.get("$CM_SIGNAL_NAME", entries.get("$CM_SIGNAL", "")):
        facts["detector"] = signal[:100]
    if magnification := _number(entries.get("$CM_MAG")):
        facts["magnification"] = magnification
    bar = _number(entries.get("$$SM_MICRON_BAR"))
    marker = re.match(r"\s*([\d.]+)\s*(nm|um|µm|mm)", entries.get("$$SM_MICRON_MARKER", ""))
    if bar is None or marker is None or bar < _SHORTEST_BAR:
        return None, facts
    length = _number(marker.group(1))
    factor = {"nm": 1.0, "um": 1e3, "µm": 1e3, "mm": 1e6}[marker.group(2)]
    return _square(length * factor / bar if length else None), facts


def _hitachi(text: str) -> tuple[Pixel, Facts] | None:
    """``[SemImageFile]``: the size of a pixel in nm."""
    if "[SemImageFile]" not in text:
        return None
    entries = dict(re.findall(r"^(\w+)=(.*?)\s*$", text, re.MULTILINE))
    facts: Facts = {"instrument": "Hitachi SEM"}
    if voltage := _number(entries.get("AcceleratingVoltage")):
        facts["acceleration_voltage_kV"] = voltage / 1000
    if signal := entries.get("SignalName", ""):
        facts["detector"] = signal[:100]
    if magnification := _number(entries.get("Magnification")):
        facts["magnification"] = magnification
    return _square(_number(entries.get("PixelSize"))), facts


def tescan(text: str) -> tuple[Pixel, Facts] | None:
    """``[MAIN]`` and ``[SEM]``: sides of a pixel in m, voltage in V.

    Examples
    --------
    >>> tescan("PixelSizeX=2e-9;PixelSizeY=2e-9".replace(";", chr(10)))[0]
    (2.0, 2.0)
    """
    if "PixelSizeX" not in text:
        return None
    entries = dict(re.findall(r"^(\w+)=(.*?)\s*$", text, re.MULTILINE))
    facts: Facts = {"instrument": "TESCAN SEM"}
    if voltage := _number(entries.get("HV")):
        facts["acceleration_voltage_kV"] = voltage / 1000
    if detector := entries.get("Detector", entries.get("Detector0", "")):
        facts["detector"] = detector[:100]
    if magnification := _number(entries.get("Magnification")):
        facts["magnification"] = magnification
    x, y = _number(entries.get("PixelSizeX")), _number(entries.get("PixelSizeY"))
    return ((y or x) * 1e9, x * 1e9) if x else None, facts
