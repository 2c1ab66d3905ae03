"""Galactic / Thermo GRAMS spectra (.spc), of the new format and of LabCalc's old one.

A header is followed by wavenumbers if they are uneven, then by one sub-file a spectrum: a header
of 32 bytes, wavenumbers if each spectrum has its own, and ordinates as floats or as integers that
share an exponent of 2. Written from SPC.H of Galactic Industries (1997).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.registry import BY_CONTENT, BY_NAME, NO, FileStart, Reader
from spectra.readers.galactic.spc_header import (
    AXES,
    FLOAT,
    MULTI,
    NEW_BYTES,
    OLD_BYTES,
    ORDERED_Z,
    OWN_X,
    RANDOM_Z,
    SHORT,
    UNEVEN,
    UNITS,
    Header,
    check_axis,
    header_of,
    ordinate_of,
)

_MAX_BYTES = 512 * 2**20
_SUB_HEAD, _SUB_BYTES, _ENTRY_BYTES = "BbHfffII", 32, 12
_RESERVED = slice(325, NEW_BYTES)
_DAMAGED = "the file is damaged or cut short; copy it from the instrument again"
# Transmittance and reflectance above this are in percent.
_LARGEST_RATIO = 2.0


@dataclass(frozen=True, kw_only=True)
class _Sub:
    """One spectrum, where it lies along the third axis, and where its bytes end."""

    x: np.ndarray | None
    y: np.ndarray
    z: float
    z_next: float
    end: int


def _recognises(start: FileStart) -> int:
    head = header_of(start.head)
    named = BY_NAME if start.suffix == ".spc" else NO
    if head is None:
        return named
    if head.old:
        width = 2 if head.flags & SHORT else 4
        sure = head.points > 1 and OLD_BYTES + width * head.points <= start.size
    else:
        sure = not any(start.head[_RESERVED]) and 0 < head.subs <= start.size // _SUB_BYTES
    return BY_CONTENT if sure else named


def _numbers(raw: bytes, at: int, count: int, kind: str, path: Path) -> np.ndarray:
    """Numbers of the file as floats."""
    if at + np.dtype(kind).itemsize * count > len(raw):
        raise ReadError(path, f"ends before the last of {count} points", _DAMAGED)
    with np.errstate(invalid="ignore"):
        return np.frombuffer(raw, kind, count, at).astype(float)


def _sub(raw: bytes, at: int, head: Header, path: Path) -> _Sub:
    """Spectrum whose sub-header begins at a byte."""
    if at + _SUB_BYTES > len(raw):
        raise ReadError(path, "ends before the last of its spectra", _DAMAGED)
    _, exponent, _, z, z_next, _, own, _ = struct.unpack_from(head.order + _SUB_HEAD, raw, at)
    at += _SUB_BYTES
    points = own if head.flags & OWN_X else head.points
    if points < 2:
        raise ReadError(path, f"holds a spectrum of {points} points", _DAMAGED)
    x = None
    if head.flags & OWN_X:
        x = _numbers(raw, at, points, head.order + "f4", path)
        at += 4 * points
    exponent = exponent if head.flags & MULTI else head.exponent
    if not -128 <= exponent <= 127:
        raise ReadError(path, f"its ordinates are scaled by 2^{exponent}", _DAMAGED)
    if exponent == FLOAT:
        y = _numbers(raw, at, points, head.order + "f4", path)
        return _Sub(x=x, y=y, z=z, z_next=z_next, end=at + 4 * points)
    if head.flags & SHORT:
        y = _numbers(raw, at, points, head.order + "i2", path) * 2.0 ** (exponent - 16)
        return _Sub(x=x, y=y, z=z, z_next=z_next, end=at + 2 * points)
    if head.old:
        # The old format stores the upper half of each integer first.
        upper, lower = _numbers(raw, at, 2 * points, "<u2", path).reshape(points, 2).T
        whole = np.where(upper < 2**15, upper, upper - 2**16) * 2.0**16 + lower
    else:
        whole = _numbers(raw, at, points, head.order + "i4", path)
    y = whole * 2.0 ** (exponent - 32)
    return _Sub(x=x, y=y, z=z, z_next=z_next, end=at + 4 * points)


def _listed(raw: bytes, head: Header, path: Path) -> list[_Sub]:
    """Spectra that a directory points to; it stands where the count of points would say."""
    end = head.points + _ENTRY_BYTES * head.subs
    if end > len(raw):
        raise ReadError(path, "the directory of its spectra lies outside the file", _DAMAGED)
    subs, read = [], 0
    for place, _, _ in struct.iter_unpack(head.order + "IIf", raw[head.points : end]):
        subs.append(_sub(raw, place, head, path))
        read += subs[-1].end - place
        if read > len(raw):
            raise ReadError(path, "several of its spectra lie at one place", _DAMAGED)
    return subs


def _spectra(raw: bytes, head: Header, path: Path) -> tuple[np.ndarray | None, list[_Sub]]:
    """Wavenumbers, if all spectra share stored ones, and the spectra."""
    if head.flags & OWN_X and head.points:
        return None, _listed(raw, head, path)
    # The header of the first spectrum is the end of the old format's header.
    at, shared = OLD_BYTES - _SUB_BYTES if head.old else NEW_BYTES, None
    if head.flags & UNEVEN and not head.flags & OWN_X:
        shared = _numbers(raw, at, head.points, head.order + "f4", path)
        at += 4 * head.points
    subs = [_sub(raw, at, head, path)]
    if head.flags & MULTI and head.old:
        # It does not count its spectra: they go on to the end of the file or to its padding.
        while any(raw[subs[-1].end : subs[-1].end + OLD_BYTES]):
            subs.append(_sub(raw, subs[-1].end, head, path))
    elif head.flags & MULTI:
        for _ in range(1, head.subs):
            subs.append(_sub(raw, subs[-1].end, head, path))
    return shared, subs


def _axis(head: Header, shared: np.ndarray | None, subs: list[_Sub], path: Path) -> np.ndarray:
    """Wavenumbers of all spectra."""
    if shared is not None:
        return shared
    own = [s.x for s in subs if s.x is not None]
    if not own:
        return np.linspace(head.first, head.last, head.points)
    if any(not np.array_equal(x, own[0]) for x in own):
        axes = sorted({f"{x.size} points {x[0]:g}-{x[-1]:g}" for x in own})
        raise ReadError(
            path,
            f"its {len(subs)} spectra have different axes ({'; '.join(axes[:4])})",
            "split the multi-file in GRAMS",
        )
    return own[0]


def _third_axis(head: Header, subs: list[_Sub]) -> tuple[np.ndarray, str, str]:
    """Where along time, mostly, each spectrum lies, with unit and name."""
    z = np.array([s.z for s in subs], dtype=float)
    if not head.flags & (RANDOM_Z | ORDERED_Z | OWN_X):
        # Evenly spaced: only the first spectrum has to say where it and the next one lie.
        z = z[0] + (subs[0].z_next - z[0]) * np.arange(z.size)
    name, _, unit = (AXES[head.z_code] if head.z_code < len(AXES) else AXES[0]).partition(" in ")
    return z, unit or "1", name


def _read(path: Path) -> xr.DataArray:
    from spectra.labels.labels import labelled_spectrum
    from spectra.readers.saturation import saturation

    if path.stat().st_size > _MAX_BYTES:
        raise ReadError(path, "larger than 512 MiB", "split the multi-file in GRAMS")
    raw = path.read_bytes()
    head = header_of(raw)
    if head is None:
        raise ReadError(
            path,
            f"is no Galactic SPC file (second byte 0x{raw[1:2].hex() or '00'}); others use the "
            "same ending",
            "export it as Galactic or GRAMS .spc, JCAMP-DX or text",
        )
    check_axis(head, path)
    quantity, divisor, note = ordinate_of(head, path)
    shared, subs = _spectra(raw, head, path)
    wavenumber = _axis(head, shared, subs, path)
    values = np.stack([s.y for s in subs])
    notes = [note] if note else []
    if quantity in ("transmittance", "reflectance") and divisor == 1:
        largest = float(np.nanmax(values, initial=0.0))
        divisor = 100.0 if largest > _LARGEST_RATIO else 1.0
        scale = "percent" if divisor > 1 else "a fraction"
        notes.append(f"{quantity} up to {largest:.4g} is taken as {scale}: the file does not say")
    if head.old and head.exponent == FLOAT:
        notes.append("floats of the old format are taken in the byte order of the new one")
    facts: dict[str, str | int | float] = {"instrument": "Galactic SPC"}
    if not head.labels[1] and head.y_code in UNITS:
        facts["units"] = UNITS[head.y_code]
    texts = {"acquired": head.acquired, "title": head.memo, "assumptions": "; ".join(notes)}
    facts |= {key: text for key, text in texts.items() if text}
    facts |= saturation(values, quantity)
    if len(subs) == 1:
        return labelled_spectrum(wavenumber, values[0] / divisor, quantity, facts)
    along = {"z": _third_axis(head, subs)}
    return labelled_spectrum(wavenumber, values / divisor, quantity, facts, along=along)


reader = Reader("galactic_spc", ("ir_spectrum",), _recognises, _read)
