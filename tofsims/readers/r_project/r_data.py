"""Objects of the R package tofsims in .rda files: a MassImage and a MassSpectra.

A TRIFT spectrum of ULVAC-PHI lists only the channels that were hit, with a calibration
(intercept and slope of flight time over the root of m/z); the channels without counts are put
back. An image holds the peaks of unit mass. The package rdata parses R's format; it is an extra,
since few need it: ``pip install coatqc[r]``.
"""

from __future__ import annotations

import bz2
import lzma
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.registry import BY_CONTENT, BY_NAME, NO, FileStart, Reader
from tofsims.labels.labels import Facts, fragment_name, labelled_cube, labelled_spectrum

_PACKED = {b"BZh": "bzip2", b"\x1f\x8b": "gzip", b"\xfd7zXZ": "xz"}
_PLAIN = (b"RDX2\n", b"RDX3\n", b"RDA2\n", b"RDA3\n", b"RDB2\n", b"RDB3\n")
_MOST_BYTES, _MOST_CHANNELS = 512 * 2**20, 20_000_000
_SAVE = "save() a MassImage or MassSpectra of the R package tofsims"


def _recognises(start: FileStart) -> int:
    packed = start.head.startswith(tuple(_PACKED)) and start.suffix in (".rda", ".rdata")
    return BY_CONTENT if packed or start.head.startswith(_PLAIN) else NO


def _recognises_spectrum(start: FileStart) -> int:
    return BY_NAME if _recognises(start) else NO


def _unpacked(path: Path) -> bytes:
    """The bytes of the workspace, which a small file may blow up without end."""
    if path.stat().st_size > _MOST_BYTES:
        raise ReadError(path, "larger than 512 MiB", _SAVE)
    raw = path.read_bytes()
    packing = next((name for magic, name in _PACKED.items() if raw.startswith(magic)), "")
    if packing == "gzip":
        unpack: Any = zlib.decompressobj(wbits=31)
    elif packing:
        unpack = bz2.BZ2Decompressor() if packing == "bzip2" else lzma.LZMADecompressor()
    else:
        return raw
    try:
        data: bytes = unpack.decompress(raw, _MOST_BYTES)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise ReadError(
            path, f"its {packing} packing is damaged ({error})", "copy it again"
        ) from error
    if not unpack.eof:
        what = "unpacks to more than 512 MiB" if len(data) >= _MOST_BYTES else "is cut"
        raise ReadError(path, what, _SAVE)
    return data


def _objects(path: Path) -> dict[str, Any]:
    """Mass images and spectra of the workspace, by name."""
    try:
        import rdata
    except ImportError as error:
        raise ReadError(
            path, "is an R workspace; rdata is not installed", "pip install 'coatqc[r]'"
        ) from error
    data = _unpacked(path)
    if not data.startswith(_PLAIN):
        raise ReadError(path, f"is no R workspace: it begins with {data[:8]!r}", _SAVE)
    with warnings.catch_warnings():  # about classes that rdata does not know
        warnings.simplefilter("ignore")
        parsed = rdata.parser.parse_data(data, expand_altrep=False)
        held = rdata.conversion.convert(parsed)
    if not isinstance(held, dict):
        raise ReadError(path, "is no R workspace of named objects", _SAVE)
    return {str(name): value for name, value in held.items() if _class(value).startswith("Mass")}


def _class(value: Any) -> str:
    names = np.atleast_1d(getattr(value, "class", ""))
    return str(names[0]) if names.size else ""


def _one(path: Path, name: str) -> tuple[Any, Facts] | None:
    """The object of a class, its facts, or None where there is none."""
    held = _objects(path)
    found = {key: value for key, value in held.items() if _class(value) == name}
    if not held:
        raise ReadError(path, "holds no object of the R package tofsims", _SAVE)
    if len(found) > 1:
        raise ReadError(path, f"holds several {name}: {', '.join(found)}", "save() one of them")
    if not found:
        return None
    (key, value), *_ = found.items()
    facts: Facts = {"r_object": key}
    if others := [f"{n} ({_class(v)})" for n, v in held.items() if n != key]:
        facts["also_holds"] = ", ".join(others)[:200]
    for attr, slot in (("instrument", "instrument"), ("measurement", "analysisName")):
        text = np.atleast_1d(getattr(value, slot, ""))
        if text.size and isinstance(text[0], str):
            facts[attr] = text[0].replace("\\", "/").rpartition("/")[2][:200]
    return value, facts


def _slot(value: Any, name: str, path: Path) -> np.ndarray:
    numbers = np.asarray(getattr(value, name, None))
    if numbers.dtype.kind not in "iuf" or numbers.size == 0:
        raise ReadError(path, f"its slot {name} holds no numbers", _SAVE)
    if not np.isfinite(numbers).all() or numbers.min() < 0:
        raise ReadError(path, f"its slot {name} holds negative or missing numbers")
    return numbers.astype(float)


def _read(path: Path) -> xr.DataArray:
    found = _one(path, "MassImage")
    if found is None:
        return _read_spectrum(path)
    value, facts = found
    nz, mz, xy = (_slot(value, name, path) for name in ("nz", "mz", "xy"))
    nx, ny = (int(n) for n in xy.ravel()[:2]) if xy.size == 2 else (0, 0)
    if nz.ndim != 2 or nz.shape != (nx * ny, mz.size):
        raise ReadError(
            path, f"{mz.size} masses and {nx} x {ny} pixels, but counts of shape {nz.shape}", _SAVE
        )
    names = [fragment_name("", m) for m in mz.ravel()]
    # R fills a matrix of x by y with x running fastest.
    return labelled_cube(nz.reshape(ny, nx, mz.size), None, fragments=names, attrs=facts)


def _read_spectrum(path: Path) -> xr.DataArray:
    found = _one(path, "MassSpectra")
    if found is None:
        raise ReadError(path, "holds a MassImage, but no MassSpectra", _SAVE)
    value, facts = found
    counts, mz = (_slot(value, name, path).ravel() for name in ("nz", "mz"))
    if counts.size != mz.size or mz.size < 2:
        raise ReadError(path, f"{mz.size} masses, but {counts.size} counts", _SAVE)
    if not (np.diff(mz) > 0).all():
        raise ReadError(path, "m/z of its spectrum do not rise", _SAVE)
    scale = getattr(value, "calibration", None)
    numbers = np.asarray(scale, dtype=float).ravel() if scale is not None else np.zeros(0)
    if numbers.size != 2 or not np.isfinite(numbers).all() or numbers[1] <= 0:
        facts["assumptions"] = "no calibration is stored: channels without counts are left out"
        return labelled_spectrum(mz, None, counts, facts)
    intercept, slope = numbers
    channel = np.rint(intercept + slope * np.sqrt(mz))
    first, n = channel[0], channel[-1] - channel[0] + 1
    if not 2 <= n <= _MOST_CHANNELS:
        raise ReadError(path, f"its calibration spreads it over {n:.3g} channels", _SAVE)
    whole = first + np.arange(int(n))
    filled = np.bincount((channel - first).astype(np.int64), counts, int(n))
    # Before the time zero of the calibration there is no mass.
    keep = whole > intercept
    axis = ((whole[keep] - intercept) / slope) ** 2
    facts |= {"calibration_offset": float(intercept), "calibration_slope": float(slope)}
    return labelled_spectrum(axis, whole[keep], filled[keep], facts)


reader = Reader("r_tofsims", ("mass_image",), _recognises, _read)
spectrum_reader = Reader(
    "r_tofsims_spectrum", ("mass_spectrum",), _recognises_spectrum, _read_spectrum
)
