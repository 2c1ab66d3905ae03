"""Thermo OMNIC single spectra (.spa) and groups (.spg), through SpectroChemPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from coatqc.core.errors import ReadError
from coatqc.core.reading import BY_CONTENT, NO, FileStart, Reader

_SINGLE, _GROUP = b"Spectral Data File", b"Spectral Exte File"
_MAX_BYTES = 512 * 2**20
# The header's text begins at this offset.
_TEXT_OFFSET, _LONGEST_TEXT = 208, 2**16


def _recognises(start: FileStart) -> int:
    return BY_CONTENT if start.head.startswith((_SINGLE, _GROUP)) else NO


def _check_directory(raw: bytes, path: Path) -> None:
    """Refuse a directory that points outside the file.

    SpectroChemPy seeks where the directory says and reads a text up to a zero byte, two bytes a
    step; where none follows it never comes back.
    """
    lines = int.from_bytes(raw[294:296], "little")
    for line in range(lines):
        entry = raw[304 + 16 * line :][:16]
        start, size = (int.from_bytes(entry[i : i + 4], "little") for i in (2, 6))
        if entry[:1] == b"\x02":
            text = start + _TEXT_OFFSET
            inside = b"\x00" in raw[text : text + _LONGEST_TEXT : 2]
        elif entry[:1] == b"\x03":
            inside = start + size <= len(raw)
        else:
            inside = start <= len(raw)
        if len(entry) < 16 or not inside:
            raise ReadError(
                path,
                f"entry {line + 1} of {lines} of its directory leads outside the file",
                "the file is damaged or cut short; copy it from the instrument again",
            )


def _read(path: Path) -> xr.DataArray:
    from spectra.labels import labelled_spectrum
    from spectra.readers.quiet import quietly

    if path.stat().st_size > _MAX_BYTES:
        raise ReadError(path, "larger than 512 MiB", "split the group in OMNIC")
    raw = path.read_bytes()
    if raw.startswith(_SINGLE):
        _check_directory(raw, path)
    with quietly():
        import spectrochempy as scp

        # Content decides, not the name: a group holds its own name and .spg at byte 30.
        if raw.startswith(_GROUP) or b".spg" in raw[30:285].lower():
            data = scp.read_spg({"content.spg": raw})
        else:
            data = scp.read_spa({"content.spa": raw})
    if data is None or isinstance(data, list):
        raise ReadError(path, "SpectroChemPy found no single block of spectra in it")
    axis = data.coord("x")
    unit = str(axis.units)
    if "1 / centimeter" not in unit and unit != "cm⁻¹":
        raise ReadError(
            path,
            f"holds {data.title} over {axis.title} in {unit}: not a spectrum",
            "transform the interferogram in OMNIC and save the spectrum",
        )
    title = str(data.title).lower()
    quantity = next((q for q in ("absorbance", "transmittance", "reflectance") if q in title), None)
    if quantity is None:
        raise ReadError(
            path, f"holds {data.title!r}: neither absorbance, transmittance nor reflectance"
        )
    values = np.asarray(data.data, dtype=float)
    if quantity != "absorbance" and str(data.units) in ("%", "percent"):
        values = values / 100
    facts: dict[str, str | int | float] = {"instrument": "Thermo OMNIC"}
    scans = data.meta.get("sample_scans")
    if isinstance(scans, (int, np.integer)):
        facts["scans"] = int(scans)
    if data.acquisition_date is not None:
        facts["acquired"] = str(data.acquisition_date)
    values = values[0] if values.shape[0] == 1 else values
    return labelled_spectrum(axis.data, values, quantity, facts)


reader = Reader("thermo_omnic", ("ir_spectrum",), _recognises, _read)
