"""What does the header of a Galactic SPC file say, and is it of an infrared spectrum?

Written from SPC.H of Galactic Industries ("Galactic Universal Data Format Specification", 1997),
which describes the new format (512 bytes) and LabCalc's old one (256 bytes).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coatcore.errors import ReadError

_LITTLE, _BIG, _OLD = 0x4B, 0x4C, 0x4D
NEW_BYTES, OLD_BYTES = 512, 256
# Flags, exponents, counts, ends of the axis, sub-files, codes of the axes.
_NEW_HEAD, _OLD_HEAD = "BBBbIddIBBB", "<BBhfffBBHBBBB"
SHORT, MULTI, RANDOM_Z, ORDERED_Z, _LABELS, OWN_X, UNEVEN = 1, 4, 8, 16, 32, 64, 128
# Exponent that marks floats.
FLOAT = -128
_RAMAN, _TEXT = 11, 15
AXES = (
    "arbitrary", "wavenumber", "wavelength in µm", "wavelength in nm", "time in s", "time in min",
    "frequency in Hz", "frequency in kHz", "frequency in MHz", "m/z", "chemical shift in ppm",
    "time in days", "time in years", "Raman shift", "energy in eV", "text", "diode number",
    "channel", "degrees", "temperature in °F", "temperature in °C", "temperature in K",
    "data points", "time in ms", "time in µs", "time in ns", "frequency in GHz",
    "wavelength in cm", "wavelength in m", "wavelength in mm", "time in h",
)  # fmt: skip
# Code of the ordinate -> quantity, divisor, and what has to be assumed.
_ORDINATES = {
    0: ("intensity", 1.0, "the file does not name its ordinate"),
    2: ("absorbance", 1.0, ""),
    4: ("intensity", 1.0, ""),
    9: ("intensity", 1.0, ""),
    11: ("transmittance", 100.0, "the ordinate is 'percent', taken as that of transmittance"),
    12: ("intensity", 1.0, ""),
    13: ("intensity", 1.0, ""),
    14: ("single_channel", 1.0, ""),
    128: ("transmittance", 1.0, ""),
    129: ("reflectance", 1.0, ""),
    130: ("single_channel", 1.0, "the ordinate is 'arbitrary or single beam'"),
}
_PERCENT, _RATIOS = 11, ("transmittance", "reflectance")
# Word in the label of the ordinate -> quantity.
_WORDS = {
    "absorb": "absorbance",
    "transm": "transmittance",
    "%t": "transmittance",
    "reflect": "reflectance",
    "%r": "reflectance",
    "single": "single_channel",
}
UNITS = {4: "counts", 9: "mV"}
_OTHER_ORDINATES = {1: "interferogram", 3: "Kubelka-Munk", 10: "log(1/R)", 131: "emission"}


@dataclass(frozen=True, kw_only=True)
class Header:
    """What the header says, whichever format it has."""

    old: bool
    order: str
    flags: int
    exponent: int
    points: int
    first: float
    last: float
    subs: int
    x_code: int
    y_code: int
    z_code: int
    technique: int
    acquired: str
    memo: str
    labels: tuple[str, str]


def _text(raw: bytes) -> str:
    return raw.split(b"\x00", 1)[0].decode("latin-1").strip()


def header_of(raw: bytes) -> Header | None:
    """Header, or None where these bytes are none of an SPC file.

    Parameters
    ----------
    raw : bytes
        The file, or its first 512 bytes at least.

    Examples
    --------
    >>> raw = struct.pack("<BBBbIddIBBB", 0, 0x4B, 4, -128, 9, 4000.0, 400.0, 1, 1, 2, 0)
    >>> header_of(raw.ljust(512, bytes(1))).points
    9
    """
    version = raw[1] if len(raw) > 1 else 0
    if version in (_LITTLE, _BIG) and len(raw) >= NEW_BYTES:
        order = "<" if version == _LITTLE else ">"
        fields = struct.unpack_from(order + _NEW_HEAD, raw)
        flags, _, technique, exponent, points, first, last, subs, x_code, y_code, z_code = fields
        (date,) = struct.unpack_from(order + "I", raw, 32)
        when = (date >> 20, date >> 16 & 15, date >> 11 & 31, date >> 6 & 31, date & 63)
        memo, names, old = raw[88:218], raw[218:248], False
    elif version == _OLD and len(raw) >= OLD_BYTES:
        order, old, technique, subs = "<", True, 0, 0
        flags, _, exponent, count, first, last, x_code, y_code, year, *rest = struct.unpack_from(
            _OLD_HEAD, raw
        )
        if not (np.isfinite(count) and 0 <= count < 2**31 and count == int(count)):
            return None
        points, z_code, when = int(count), year >> 12, (year & 0xFFF, *rest)
        exponent = FLOAT if exponent in (FLOAT, 128) else exponent
        memo, names = raw[64:194], raw[194:224]
    else:
        return None
    # The span of an axis that is stored point by point may be left out.
    if not np.isfinite([first, last]).all() or (x_code >= len(AXES) and x_code != 255):
        return None
    acquired = "{:04}-{:02}-{:02} {:02}:{:02}".format(*when) if when[0] >= 1900 and when[1] else ""
    # The old format flags texts of the axes by the code of its third axis.
    labelled = flags & _LABELS or (old and z_code == _TEXT)
    x_label, y_label = [*names.split(b"\x00"), b"", b""][:2] if labelled else (b"", b"")
    labels = (_text(x_label), _text(y_label))
    return Header(
        old=old,
        order=order,
        flags=flags,
        exponent=exponent,
        points=points,
        first=float(first),
        last=float(last),
        subs=subs,
        x_code=x_code,
        y_code=y_code,
        z_code=z_code,
        technique=technique,
        acquired=acquired,
        memo=_text(memo),
        labels=labels,
    )


def check_axis(head: Header, path: Path) -> None:
    """Refuse what does not lie over wavenumber, and Raman spectra.

    Parameters
    ----------
    head : Header
        Of the file.
    path : pathlib.Path
        For the error.

    Raises
    ------
    ReadError
        Naming the axis that the file has.

    Examples
    --------
    >>> raw = struct.pack("<BBBbIddIBBB", 0, 0x4B, 4, -128, 9, 900.0, 400.0, 1, 3, 2, 0)
    >>> check_axis(header_of(raw.ljust(512, bytes(1))), Path("uv.spc"))
    Traceback (most recent call last):
        ...
    coatcore.errors.ReadError: uv.spc: is over wavelength in nm, not an infrared spectrum ...
    """
    named = head.labels[0].lower()
    if named:
        code = 1 if "wavenumber" in named or named.replace(" ", "") in ("cm-1", "1/cm") else -1
        code = -1 if "raman" in named or "shift" in named else code
        what = repr(head.labels[0])
    else:
        code, what = head.x_code, AXES[head.x_code] if head.x_code < len(AXES) else "interferogram"
    if code != 1 or head.technique == _RAMAN:
        kind = "a Raman spectrum over" if head.technique == _RAMAN else "over"
        raise ReadError(
            path,
            f"is {kind} {what}, not an infrared spectrum over wavenumber in cm-1",
            "convert the axis to cm-1 in GRAMS or in the instrument's software and save it again",
        )


def ordinate_of(head: Header, path: Path) -> tuple[str, float, str]:
    """Quantity, divisor and assumption; a label in the file speaks before its code.

    Parameters
    ----------
    head : Header
        Of the file.
    path : pathlib.Path
        For the error.

    Raises
    ------
    ReadError
        If the ordinate is none that coatqc knows.

    Examples
    --------
    >>> raw = struct.pack("<BBBbIddIBBB", 0, 0x4B, 4, -128, 9, 4000.0, 400.0, 1, 1, 2, 0)
    >>> ordinate_of(header_of(raw.ljust(512, bytes(1))), Path("a.spc"))
    ('absorbance', 1.0, '')
    """
    label = head.labels[1].lower()
    known = _ORDINATES.get(head.y_code)
    if "log" not in label:
        percent = "%" in label or "percent" in label or head.y_code == _PERCENT
        for word, quantity in _WORDS.items():
            if word in label:
                return quantity, 100.0 if percent and quantity in _RATIOS else 1.0, ""
        if known:
            return known
    what = head.labels[1] or _OTHER_ORDINATES.get(head.y_code, f"of code {head.y_code}")
    raise ReadError(
        path,
        f"its ordinate is {what}: neither absorbance, transmittance, reflectance, single beam nor "
        "intensity",
        "convert it in GRAMS and save it again",
    )
