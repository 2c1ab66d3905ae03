"""Which blocks does an OMNIC file hold, and what does the header of a spectrum say?

Spectra (.spa), groups (.spg) and maps (.map) share one container: a signature, the count of
blocks at byte 294, and from byte 304 a directory of key, offset, size and number of each block.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from coatcore.errors import ReadError

# Signature -> one entry of the directory: key, offset, size, number. The second is of large files.
_ENTRIES = {b"Spectral Data File": "<HIIIH", b"Spectral Exte File": "<HQIII"}
SIGNATURES = tuple(_ENTRIES)
MAX_BYTES = 512 * 2**20
_TYPE, _COUNT, _TIME, _DIRECTORY = 288, 294, 296, 304
# Keys of blocks.
HEADER, DATA, POINTS, TITLE, SPECTRUM_HEAD, SERIES = 2, 3, 6, 107, 148, 301
_HEADER_BYTES = 140
# Code of the ordinate -> quantity, and whether it is stored in percent.
_QUANTITIES = {
    11: ("reflectance", True),
    15: ("single_channel", False),
    16: ("transmittance", True),
    17: ("absorbance", False),
    21: ("reflectance", False),
}
_OTHER_ORDINATES = {
    12: "log(1/R)",
    20: "Kubelka-Munk",
    22: "detector signal",
    26: "photoacoustic signal",
    31: "Raman intensity",
}
_OTHER_AXES = {2: "optical path difference", 3: "nm", 4: "µm", 32: "Raman shift"}
_EPOCH = datetime(1899, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Block:
    """One entry of the directory."""

    key: int
    offset: int
    size: int
    number: int


@dataclass(frozen=True, kw_only=True)
class SpectrumHeader:
    """What a file says of the axis and the ordinate of its spectra."""

    points: int
    high: float
    low: float
    quantity: str
    percent: bool
    scans: int

    @property
    def wavenumber(self) -> np.ndarray:
        """Axis in cm-1 from `high` to `low`, shape (points,)."""
        return np.linspace(self.high, self.low, self.points)

    def ordinate(self, stored: np.ndarray) -> np.ndarray:
        """Values in the unit of the quantity."""
        with np.errstate(invalid="ignore"):
            return stored.astype(float) / (100.0 if self.percent else 1.0)


def file_type(head: bytes) -> int:
    """Code of what an OMNIC file is: 1 spectrum, 10 group, 11 map; 0 where it is none.

    Examples
    --------
    >>> file_type(b"Spectral Data File".ljust(288, b" ") + bytes([10, 0]))
    10
    """
    return int.from_bytes(head[_TYPE : _TYPE + 2], "little") if head.startswith(SIGNATURES) else 0


def blocks_of(raw: bytes, path: Path) -> list[Block]:
    """Blocks that the directory names.

    Parameters
    ----------
    raw : bytes
        The whole file.
    path : pathlib.Path
        For the error.

    Raises
    ------
    ReadError
        If an entry leads outside the file.

    Examples
    --------
    >>> raw = b"Spectral Data File".ljust(294, b"-") + bytes([1]) + bytes(9)
    >>> blocks_of(raw + struct.pack("<HIIIH", DATA, 320, 4, 0, 0) + bytes(4), Path("a.spa"))
    [Block(key=3, offset=320, size=4, number=0)]
    """
    entry = struct.Struct(_ENTRIES[next(s for s in SIGNATURES if raw.startswith(s))])
    count = int.from_bytes(raw[_COUNT : _COUNT + 2], "little")
    if _DIRECTORY + count * entry.size > len(raw):
        raise _outside(path, f"the {count} blocks of its directory do not fit into the file")
    blocks = []
    for i in range(count):
        key, offset, size, number, _ = entry.unpack_from(raw, _DIRECTORY + i * entry.size)
        if offset + size > len(raw):
            raise _outside(path, f"block {i + 1} of {count} of its directory lies outside the file")
        blocks.append(Block(key=key, offset=offset, size=size, number=number))
    return blocks


def _outside(path: Path, found: str) -> ReadError:
    return ReadError(
        path, found, "the file is damaged or cut short; copy it from the instrument again"
    )


def header_at(raw: bytes, offset: int, path: Path) -> SpectrumHeader:
    """Header of a spectrum.

    Parameters
    ----------
    raw : bytes
        The whole file.
    offset : int
        Where the header begins.
    path : pathlib.Path
        For the error.

    Raises
    ------
    ReadError
        If it is cut, or of something that is no infrared spectrum over wavenumber.

    Examples
    --------
    >>> raw = struct.pack("<4I2f", 3, 3, 1, 17, 4000.0, 400.0).ljust(140, b"-")
    >>> header_at(raw, 0, Path("a.spa")).wavenumber.tolist()
    [4000.0, 2200.0, 400.0]
    """
    if offset + _HEADER_BYTES > len(raw):
        raise _outside(path, "the header of its spectrum is cut")
    points, x_code, y_code = struct.unpack_from("<III", raw, offset + 4)
    high, low = (float(v) for v in struct.unpack_from("<ff", raw, offset + 16))
    (scans,) = struct.unpack_from("<I", raw, offset + 36)
    if x_code != 1 or y_code not in _QUANTITIES:
        over = "wavenumber" if x_code == 1 else _OTHER_AXES.get(x_code, f"an axis of code {x_code}")
        of = _QUANTITIES.get(y_code, (_OTHER_ORDINATES.get(y_code, f"ordinate of code {y_code}"),))
        raise ReadError(
            path,
            f"holds {of[0]} over {over}: not a spectrum in absorbance, transmittance, reflectance "
            "or of a single channel over wavenumber",
            "transform or convert it in OMNIC and save the spectrum",
        )
    if not (np.isfinite([high, low]).all() and high != low and 2 <= points <= len(raw) // 4):
        raise ReadError(path, f"its header promises {points} points from {high:g} to {low:g}")
    quantity, percent = _QUANTITIES[y_code]
    return SpectrumHeader(
        points=points, high=high, low=low, quantity=quantity, percent=percent, scans=scans
    )


def moment(seconds: int) -> str:
    """Time that OMNIC counts in seconds from 1899-12-31, as ISO 8601 in UTC.

    Examples
    --------
    >>> moment(0)
    '1899-12-31T00:00:00+00:00'
    """
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()


def saved_at(raw: bytes) -> str:
    """When the file was saved, ISO 8601.

    Examples
    --------
    >>> saved_at(bytes(300))
    '1899-12-31T00:00:00+00:00'
    """
    return moment(int.from_bytes(raw[_TIME : _TIME + 4], "little"))


def text_at(raw: bytes, offset: int, longest: int) -> str:
    r"""Text that ends at a zero byte.

    Examples
    --------
    >>> text_at(b"..pvp 1\x00..", 2, 9)
    'pvp 1'
    """
    return raw[offset : offset + longest].split(b"\x00", 1)[0].decode("latin-1").strip()
