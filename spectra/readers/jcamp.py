"""JCAMP-DX infrared spectra (IUPAC 4.24 / 5.01, uncompressed ordinates), through SpectroChemPy."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import xarray as xr

from coatqc.core.delimited import read_text
from coatqc.core.errors import ReadError
from coatqc.core.provenance import SIMULATED_MARK
from coatqc.core.reading import BY_CONTENT, NO, FileStart, Reader

_LABEL = re.compile(r"^##([^=\r\n]{1,80})=[ \t]*(.*)$", re.MULTILINE)


def _recognises(start: FileStart) -> int:
    text = start.text
    if text is None or not re.match(r"\s*##\s*TITLE\s*=", text, re.IGNORECASE):
        return NO
    return BY_CONTENT


def _records(text: str) -> dict[str, list[str]]:
    """Labelled data records; labels as JCAMP compares them (case, blanks, - / _ ignored)."""
    found: dict[str, list[str]] = {}
    for label, value in _LABEL.findall(text):
        key = re.sub(r"[\s\-/_]", "", label).upper()
        found.setdefault(key, []).append(value.split("$$")[0].strip())
    return found


def _quantity(path: Path, records: dict[str, list[str]]) -> tuple[str, float]:
    """Quantity of the ordinate and the factor that makes it a number."""
    unit = (records.get("YUNITS") or [""])[0].upper()
    for word, quantity in (
        ("ABSORBANCE", "absorbance"),
        ("TRANSMITTANCE", "transmittance"),
        ("REFLECTANCE", "reflectance"),
        ("SINGLE BEAM", "single_channel"),
        ("ARBITRARY", "intensity"),
    ):
        if word in unit:
            return quantity, 0.01 if "%" in unit or "PERCENT" in unit else 1.0
    raise ReadError(path, f"YUNITS is {unit!r}, expected ABSORBANCE, TRANSMITTANCE or REFLECTANCE")


def _read(path: Path) -> xr.DataArray:
    from spectra.labels import labelled_spectrum
    from spectra.readers.quiet import quietly

    text = read_text(path)
    records = _records(text)
    if len(records.get("TITLE", [])) != 1 or len(records.get("XYDATA", [])) != 1:
        raise ReadError(
            path,
            f"holds {len(records.get('XYDATA', []))} XYDATA tables in "
            f"{len(records.get('TITLE', []))} blocks, expected one",
            "export each spectrum to a file of its own, as (X++(Y..Y))",
        )
    unit = (records.get("XUNITS") or [""])[0].upper()
    if unit not in ("1/CM", "CM-1", "CM^-1"):
        raise ReadError(path, f"XUNITS is {unit!r}, expected 1/CM: not an infrared spectrum")
    quantity, factor = _quantity(path, records)
    body = text[re.search(r"##XYDATA=[^\n]*\n", text, re.IGNORECASE).end() :]  # type: ignore[union-attr]
    if re.search(r"[@A-DF-Za-df-z%]", body.split("##")[0]):
        raise ReadError(
            path,
            "its ordinates are compressed (ASDF)",
            "export JCAMP-DX without compression (AFFN, fixed)",
        )
    with quietly():
        import spectrochempy as scp

        data = scp.read_jcamp({"content.jdx": text.encode()})
    if data is None or isinstance(data, list):
        raise ReadError(
            path,
            "its table does not hold the values that its header promises "
            f"(NPOINTS is {(records.get('NPOINTS') or ['missing'])[0]})",
            "export it again as (X++(Y..Y))",
        )
    x = np.asarray(data.coord("x").data, dtype=float)
    y = np.asarray(data.data, dtype=float).reshape(-1)
    _check(path, records, x, y)
    # SpectroChemPy rounds the axis to 0.001 cm-1; the header fixes it exactly.
    x = np.linspace(float(records["FIRSTX"][0]), float(records["LASTX"][0]), x.size)
    facts: dict[str, str | int | float] = {"title": records["TITLE"][0]}
    if records.get("SPECTROMETERDATASYSTEM"):
        facts["instrument"] = records["SPECTROMETERDATASYSTEM"][0]
    if SIMULATED_MARK in text:
        facts["simulated"] = "yes"
    return labelled_spectrum(x, y * factor, quantity, facts)


def _check(path: Path, records: dict[str, list[str]], x: np.ndarray, y: np.ndarray) -> None:
    """Hold what was read against what the header promises: truncation is common."""
    for label, got in (("NPOINTS", y.size), ("FIRSTX", x[0]), ("LASTX", x[-1])):
        said = float((records.get(label) or ["nan"])[0])
        # A rounded X or two in the header is common; a lost line is many points.
        slack = 0.0 if label == "NPOINTS" else abs(x[-1] - x[0]) / max(1, x.size - 1)
        if not abs(said - got) <= slack:
            raise ReadError(path, f"{label} says {said:g}, but {got:g} was found: damaged")
    if x.size != y.size or not np.isfinite(y).all():
        raise ReadError(path, f"{x.size} wavenumbers, {np.isfinite(y).sum()} values: damaged")


reader = Reader("jcamp_dx", ("ir_spectrum",), _recognises, _read)
