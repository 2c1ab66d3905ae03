"""JCAMP-DX infrared spectra (IUPAC 4.24 / 5.01), one or several in a file."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.provenance import SIMULATED_MARK
from coatcore.reading.delimited import read_text
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader
from spectra.readers.jcamp.blocks import NUMBER, Block, blocks_of, number_in, required_in

_WAVENUMBER = re.compile(r"1\s*/\s*CM|CM\s*\^?\s*-\s*1|WAVENUMBER")
_MICROMETRE = re.compile(r"MICRO ?MET|MICRONS?\b|^UM$|^µM$|\(UM\)")
_OTHER_DATA = re.compile(r"RAMAN|INTERFEROGRAM|PEAK|NMR|MASS|FID|UV|VIS|NEUTRON|ASSIGNMENT")
# In all blocks together: a few letters of a duplicate form can ask for any number of points.
_MAX_POINTS = 5_000_000
# A transmittance above this is hardly a fraction.
_NO_FRACTION = 3.0


@dataclass(frozen=True, kw_only=True)
class _Spectrum:
    x: np.ndarray
    y: np.ndarray
    quantity: str
    block: Block
    assumptions: tuple[str, ...]


def _recognises(start: FileStart) -> int:
    text = start.text
    if text is None or not re.match(r"\s*##\s*TITLE\s*=", text, re.IGNORECASE):
        return NO
    # A signature is surer than the shape of a table, which two other readers go by.
    return BY_CONTENT + 1


def _quantity(path: Path, block: Block) -> tuple[str, float]:
    """Quantity of the ordinate and the factor that makes it a fraction."""
    unit = block.text("YUNITS").upper()
    percent = 0.01 if "%" in unit or "PERCENT" in unit else 1.0
    for word, quantity in (
        ("ABSORBANCE", "absorbance"),
        ("TRANSMITTANCE", "transmittance"),
        ("REFLECTANCE", "reflectance"),
        ("SINGLE BEAM", "single_channel"),
        ("ARBITRARY", "intensity"),
    ):
        if word in unit:
            return quantity, percent
    short = {"A": "absorbance", "ABS": "absorbance", "T": "transmittance", "R": "reflectance"}
    quantity = short.get(unit.strip(" %"), "")
    if quantity:
        return quantity, percent
    raise ReadError(
        path, f"YUNITS is {unit[:60]!r}, expected ABSORBANCE, TRANSMITTANCE or REFLECTANCE"
    )


def _even_axis(path: Path, block: Block, n: int) -> np.ndarray:
    """Abscissas of (X++(Y..Y)): the header fixes them, the lines only check them."""
    first, last = (required_in(path, block, label) for label in ("FIRSTX", "LASTX"))
    step = abs(last - first) / max(1, n - 1)
    said = number_in(path, block, "DELTAX")
    if said is not None and abs(abs(said[0]) - step) > 0.01 * step + said[1]:
        raise ReadError(
            path,
            f"DELTAX is {said[0]:g}, but {n} points from {first:g} to {last:g} are {step:g} apart",
            "the header contradicts itself; export the spectrum again",
        )
    return np.linspace(first, last, n)


def _check_lines(
    path: Path, block: Block, x: np.ndarray, line_x: np.ndarray, at: np.ndarray
) -> None:
    """Each line begins with its abscissa: a line lost or doubled shows here."""
    factor = (number_in(path, block, "XFACTOR") or (1.0, 0.0))[0]
    # Some programs write the abscissas as they are and a factor all the same.
    if abs(line_x[0] - x[0]) < abs(line_x[0] * factor - x[0]):
        factor = 1.0
    text = block.rows[0][1].split()[0]
    match = NUMBER.match(text)
    digit = 10.0 ** -len(match[1] or match[2] or "") if match else 0.0
    slack = 1.6 * abs(x[-1] - x[0]) / max(1, x.size - 1) + abs(factor) * digit + 1e-5 * x.max()
    off = np.abs(line_x * factor - x[np.minimum(at, x.size - 1)]) > slack
    if off.any():
        bad = int(np.argmax(off))
        raise ReadError(
            path,
            f"line {block.rows[bad][0]} begins with X = {line_x[bad] * factor:g}, expected "
            f"{x[min(at[bad], x.size - 1)]:g}: a line before it is damaged or missing",
            "export the spectrum again",
        )


def _check_ordinates(path: Path, block: Block, y: np.ndarray, factor: float) -> None:
    """Hold the ordinates against those that the header names."""
    known = y[np.isfinite(y)]
    if known.size == 0:
        raise ReadError(path, "holds no ordinate that is a number")
    low, high = float(known.min()), float(known.max())
    for label, got in (("FIRSTY", float(y[0])), ("MAXY", high), ("MINY", low)):
        said = number_in(path, block, label)
        if said is None or not math.isfinite(got):
            continue
        # Real headers are rounded, and MAXY and MINY of fractions are often in percent.
        slack = 2 * abs(factor) + 0.02 * (high - low)
        percent = label != "FIRSTY" and abs(said[0] - 100 * got) <= said[1] + 100 * slack
        if abs(said[0] - got) > said[1] + slack and not percent:
            raise ReadError(
                path,
                f"{label} says {said[0]:g}, but {got:g} was found: the table or its header is "
                "damaged",
                f"export the spectrum again, or take {label} out if the table is right",
            )


def _spectrum(path: Path, block: Block) -> _Spectrum:
    from spectra.readers.axis import check_wavenumbers

    unit = block.text("XUNITS").upper().strip()
    wavelength = _MICROMETRE.search(unit) is not None
    if "RAMAN" in unit or not (wavelength or _WAVENUMBER.search(unit)):
        raise ReadError(path, f"XUNITS is {unit[:60]!r}, expected 1/CM: not an infrared spectrum")
    quantity, percent = _quantity(path, block)
    said = required_in(path, block, "NPOINTS")
    if not (said.is_integer() and 2 <= said <= _MAX_POINTS):
        raise ReadError(path, f"NPOINTS is {said:g}, expected a count of 2 to {_MAX_POINTS}")
    x_factor, y_factor = (
        (number_in(path, block, label) or (1.0, 0.0))[0] for label in ("XFACTOR", "YFACTOR")
    )
    x, y = _as_stored(path, block, int(said), x_factor)
    with np.errstate(over="ignore"):
        y = y * y_factor
    if np.isinf(y).any():
        raise ReadError(path, "holds ordinates too large to be numbers: damaged")
    _check_ordinates(path, block, y, y_factor)
    notes = []
    if wavelength:
        if not x.min() > 0:
            raise ReadError(path, f"wavelengths from {x.min():g} micrometres, expected above 0")
        x = 1e4 / x
        notes.append("wavenumbers are 10000 / wavelength in micrometres, taken as in vacuum")
    check_wavenumbers(path, x)
    if missing := int(np.isnan(y).sum()):
        notes.append(f"{missing} ordinates that the file marks as missing (?) are NaN")
    y = y * percent
    if quantity in ("transmittance", "reflectance") and np.nanmax(y) > _NO_FRACTION:
        notes.append(
            f"{quantity} is taken as a fraction, as YUNITS says, but reaches {np.nanmax(y):.3g}: "
            "it may be in percent"
        )
    return _Spectrum(x=x, y=y, quantity=quantity, block=block, assumptions=tuple(notes))


def _as_stored(
    path: Path, block: Block, points: int, x_factor: float
) -> tuple[np.ndarray, np.ndarray]:
    """Abscissas, and ordinates before their factor, of either form of table."""
    if "," in block.text("FIRSTX"):
        block.rows = [(number, line.replace(",", ".")) for number, line in block.rows]
    form = re.sub(r"[\s()]", "", block.text(block.table)).upper()
    if form.startswith("X++Y..Y"):
        return _even_table(path, block, points)
    if form.startswith(("XY..XY", "XYXY")):
        return _pair_table(path, block, points, x_factor)
    raise ReadError(
        path,
        f"its table is {block.text(block.table)[:40]!r}, expected (X++(Y..Y)) or (XY..XY)",
        "export the spectrum as (X++(Y..Y))",
    )


def _even_table(path: Path, block: Block, points: int) -> tuple[np.ndarray, np.ndarray]:
    from spectra.readers.jcamp.table import decode

    table = decode(block.rows, points, path)
    if table.y.size != points:
        how = ", some of them compressed" if table.compressed else ""
        raise ReadError(
            path,
            f"NPOINTS is {points:g}, but {table.y.size} ordinates were found{how}: damaged",
            "export the spectrum again",
        )
    x = _even_axis(path, block, table.y.size)
    _check_lines(path, block, x, table.line_x, table.line_at)
    return x, table.y


def _pair_table(
    path: Path, block: Block, points: int, x_factor: float
) -> tuple[np.ndarray, np.ndarray]:
    from spectra.readers.jcamp.table import pairs

    x, y = pairs(block.rows, path)
    if y.size != points:
        raise ReadError(path, f"NPOINTS is {points:g}, but {y.size} pairs were found: damaged")
    x = x * x_factor
    for label, got in (("FIRSTX", x[0]), ("LASTX", x[-1])):
        end = number_in(path, block, label)
        if end is not None and abs(end[0] - got) > end[1] + 1e-5 * abs(got):
            raise ReadError(path, f"{label} is {end[0]:g}, but {got:g} was found: damaged")
    return x, y


def _described(number: int, block: Block) -> str:
    span = "..".join(block.text(label) for label in ("FIRSTX", "LASTX"))
    span += f", {block.text('NPOINTS')} points"
    what = f"{block.text('DATATYPE') or 'no DATA TYPE'}, {block.text('YUNITS') or 'no YUNITS'}"
    return f"{number} {block.text('TITLE')[:30]!r} ({what}, {block.text('XUNITS')} {span})"


def _infrared_blocks(path: Path, blocks: Sequence[Block]) -> tuple[list[Block], list[str]]:
    """Blocks that may be infrared spectra, and words on those that are left out."""
    kept, left_out = [], []
    for number, block in enumerate(blocks, start=1):
        kind = block.text("DATATYPE").upper()
        if not block.table and "LINK" in kind:
            continue
        other = _OTHER_DATA.search(kind.replace("INFRARED SPECTRUM", ""))
        if not block.table or other:
            left_out.append(_described(number, block))
        else:
            kept.append(block)
    if not kept:
        raise ReadError(
            path,
            "holds no infrared spectrum, but block " + "; ".join(left_out[:5] or ["none"]),
            "export the spectrum as JCAMP-DX with ##XYDATA=(X++(Y..Y))",
        )
    return kept, left_out


def _facts(block: Block) -> dict[str, str | int | float]:
    date = block.text("LONGDATE") or f"{block.text('DATE')} {block.text('TIME')}".strip()
    found = {
        "title": block.text("TITLE"),
        "instrument": block.text("SPECTROMETERDATASYSTEM"),
        "acquired": date,
        "resolution": block.text("RESOLUTION"),
    }
    return {name: value for name, value in found.items() if value or name == "title"}


def _read(path: Path) -> xr.DataArray:
    from spectra.labels.labels import labelled_spectrum

    text = read_text(path)
    blocks = blocks_of(path, text)
    kept, left_out = _infrared_blocks(path, blocks)
    if sum(required_in(path, block, "NPOINTS") for block in kept) > _MAX_POINTS:
        raise ReadError(path, f"promises more than {_MAX_POINTS} points", "split the file")
    spectra = [_spectrum(path, block) for block in kept]
    first = spectra[0]
    if any(
        s.quantity != first.quantity
        or s.x.size != first.x.size
        or not np.allclose(s.x, first.x, rtol=0, atol=1e-6 * first.x.max())
        for s in spectra
    ):
        listed = "; ".join(_described(i, b) for i, b in enumerate(blocks, start=1) if b.table)
        raise ReadError(
            path,
            f"its {len(spectra)} blocks have different axes or quantities: {listed}"[:2000],
            "export each spectrum to a file of its own",
        )
    facts = _facts(first.block)
    notes = list(dict.fromkeys(note for s in spectra for note in s.assumptions))
    if left_out:
        notes.append("left out: block " + "; ".join(left_out[:20]))
    if notes:
        facts["assumptions"] = "; ".join(notes)
    if SIMULATED_MARK in text:
        facts["simulated"] = "yes"
    if len(spectra) == 1:
        return labelled_spectrum(first.x, first.y, first.quantity, facts)
    facts["title"] = blocks[0].text("TITLE")
    array = labelled_spectrum(first.x, np.stack([s.y for s in spectra]), first.quantity, facts)
    titles = [s.block.text("TITLE") for s in spectra]
    return array.assign_coords(
        label=("replicate", titles, {"units": "1", "long_name": "title of the block"})
    )


reader = Reader("jcamp_dx", ("ir_spectrum",), _recognises, _read)
