"""Do the two files of an imzML pair belong together, and is what they promise there?

pyimzML parses the XML; it trusts it. So before and after, this module refuses entities, lengths
that the .ibd does not hold, pixels far outside the raster, and a pair whose identifier or
checksum differs.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from coatcore.errors import ReadError
from coatcore.provenance import sha256_of
from tofsims.labels.labels import Facts

_HEAD, _MOST_XML = 65536, 2**30
_CELLS, _SMALL, _SPARSEST = 2**26, 2**20, 100
_NM_PER_UM = 1e3
_UUID, _SUMS = "IMS:1000080", {"IMS:1000091": "sha1", "IMS:1000090": "md5"}
_SIZES = {"f": 4, "d": 8, "i": 4, "l": 8}


@dataclass(frozen=True, kw_only=True)
class Run:
    """An open pair of files.

    Parameters
    ----------
    parser : pyimzml.ImzMLParser.ImzMLParser
        With the .ibd open.
    path : pathlib.Path
        The .imzML.
    places : numpy.ndarray
        Scan, row and column of each spectrum, shape (n, 3).
    shape : (int, int, int)
        Scans, rows and columns.
    pixel : (float, float) or None
        Height and width of a pixel in nm.
    facts : dict
        Facts of the measurement.
    """

    parser: Any
    path: Path
    places: np.ndarray
    shape: tuple[int, int, int]
    pixel: tuple[float, float] | None
    facts: Facts

    @property
    def shared(self) -> bool:
        """Whether all spectra have one m/z axis, stored once ("continuous")."""
        spans = set(zip(self.parser.mzOffsets, self.parser.mzLengths, strict=True))
        return len(spans) == 1

    def spectra(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """m/z and intensities of each spectrum, in the order of `places`."""
        for i in range(len(self.places)):
            mz, counts = (np.asarray(a, dtype=float) for a in self.parser.getspectrum(i))
            if not (np.isfinite(mz).all() and np.isfinite(counts).all()):
                raise ReadError(self.path, f"spectrum {i + 1} holds values that are no numbers")
            if counts.size and counts.min() < 0:
                raise ReadError(
                    self.path,
                    f"spectrum {i + 1} holds {counts.min():g} counts",
                    "counts cannot be negative",
                )
            if mz.size and (mz[0] < 0 or not (np.diff(mz) > 0).all()):
                raise ReadError(
                    self.path, f"m/z of spectrum {i + 1} do not rise", "export it again"
                )
            yield mz, counts


@contextmanager
def open_run(path: Path) -> Iterator[Run]:
    """Open and check an imzML file and the .ibd beside it.

    Parameters
    ----------
    path : pathlib.Path
        The .imzML.

    Raises
    ------
    ReadError
        If the pair is incomplete, does not belong together, or promises what it does not hold.

    Examples
    --------
    >>> with open_run(Path("nowhere.imzML")) as run:
    ...     pass
    Traceback (most recent call last):
        ...
    coatcore.errors.ReadError: nowhere.imzML: no .ibd of the same name beside it; ...
    """
    from pyimzml.ImzMLParser import ImzMLParser

    beside = _ibd(path)
    _refuse_entities(path)
    try:
        with warnings.catch_warnings():  # about names that differ from the vocabulary
            warnings.simplefilter("ignore")
            parser = ImzMLParser(str(path), parse_lib="ElementTree", ibd_file=None)
    except Exception as error:  # whatever a parser does with XML that lacks what it takes for sure
        what = f"{type(error).__name__}: {error}".splitlines()[0][:120]
        raise ReadError(path, f"is no imzML that pyimzML can read ({what})") from error
    with beside.open("rb") as data:
        parser.m = data
        content = parser.metadata.file_description
        _same_pair(path, beside, content)
        _lengths(path, beside, parser)
        places, shape = _raster(path, parser)
        facts = {**_facts(parser, places, shape), "ibd_sha256": sha256_of(beside)}
        yield Run(
            parser=parser, path=path, places=places, shape=shape, pixel=_pixel(parser), facts=facts
        )


def _ibd(path: Path) -> Path:
    stem = path.stem.lower()
    folder = path.parent if path.parent.is_dir() else Path()
    found = [p for p in folder.iterdir() if p.suffix.lower() == ".ibd" and p.stem.lower() == stem]
    exact = [p for p in found if p.stem == path.stem]
    if not found:
        raise ReadError(
            path, "no .ibd of the same name beside it", "the spectra are in it; keep both together"
        )
    return (exact or found)[0]


def _refuse_entities(path: Path) -> None:
    """A text of entities may unpack to any size; imzML has none."""
    if path.stat().st_size > _MOST_XML:
        raise ReadError(path, "larger than 1 GiB of XML", "export a smaller region")
    with path.open("rb") as file:
        head = file.read(_HEAD)
    start = head.split(b"<mzML", 1)
    if len(start) < 2 or b"\x00" in start[0]:
        raise ReadError(path, "has no <mzML> where it should begin")
    if b"<!DOCTYPE" in start[0] or b"<!ENTITY" in start[0]:
        raise ReadError(path, "defines entities, which no imzML needs", "do not trust this file")


def _term(content: Any, key: str) -> str:
    return str(content[key] or "").strip().lower() if key in content else ""


def _same_pair(path: Path, beside: Path, content: Any) -> None:
    said = _term(content, _UUID).strip("{} ").replace("-", "")
    with beside.open("rb") as data:
        stored = data.read(16).hex()
        if said and said != stored:
            raise ReadError(
                path,
                f"names the identifier {said}, {beside.name} has {stored}",
                "the two files do not belong together",
            )
        for key, method in _SUMS.items():
            if checksum := _term(content, key):
                data.seek(0)
                if (found := hashlib.file_digest(data, method).hexdigest()) != checksum:
                    raise ReadError(
                        path,
                        f"names the {method} {checksum[:12]}…, {beside.name} has {found[:12]}…",
                        "the .ibd is damaged, or was changed after the export",
                    )


def _lengths(path: Path, beside: Path, parser: Any) -> None:
    groups = parser.metadata.referenceable_param_groups.values()
    if any("zlib compression" in group for group in groups):
        raise ReadError(path, "holds compressed arrays", "export them without compression")
    size = beside.stat().st_size
    for what in ("mz", "intensity"):
        one = _SIZES.get(getattr(parser, f"{what}Precision") or "")
        if one is None:
            raise ReadError(path, f"does not say in which numbers its {what} are stored")
        offset, length = (np.array(getattr(parser, what + n)) for n in ("Offsets", "Lengths"))
        wrong = (offset < 0) | (length < 0) | (offset.astype(float) + one * length > size)
        if wrong.any():
            at = int(np.argmax(wrong))
            raise ReadError(
                path,
                f"{what} of spectrum {at + 1} are {length[at]} numbers at byte {offset[at]}, "
                f"{beside.name} has {size} bytes",
                "the .ibd is cut, or is of another measurement",
            )
    if parser.mzLengths != parser.intensityLengths:
        raise ReadError(path, "a spectrum has different counts of m/z and intensities")
    whole = 8.0 * sum(parser.mzLengths)
    if not len(set(parser.mzOffsets)) == 1 and whole > max(_SMALL, 8.0 * size):
        raise ReadError(path, "its spectra share their bytes", "the file is damaged")


def _raster(path: Path, parser: Any) -> tuple[np.ndarray, tuple[int, int, int]]:
    if not parser.coordinates:
        raise ReadError(path, "holds no spectrum")
    xyz = np.array(parser.coordinates)
    told = [parser.imzmldict.get(f"max count of pixels {a}") for a in "xy"]
    low = xyz.min(axis=0)
    # Pixels count from one; some programs store the place in a larger raster instead.
    fits = low.min() >= 1 and all(
        isinstance(n, int) and m <= n for n, m in zip(told, xyz.max(axis=0)[:2], strict=True)
    )
    xyz = xyz - ([1, 1, low[2]] if fits else low)
    size = [int(n) + 1 for n in xyz.max(axis=0)]
    if fits:
        size[:2] = [int(n) for n in told if n is not None]
    nx, ny, nz = size
    cells = float(nx) * ny * nz
    if cells > min(_CELLS, max(_SMALL, _SPARSEST * len(xyz))):
        raise ReadError(path, f"{len(xyz)} spectra span {nx} x {ny} pixels and {nz} scans")
    order = xyz[:, ::-1]
    if len(np.unique(np.ravel_multi_index(order.T, (nz, ny, nx)))) < len(xyz):
        raise ReadError(path, "a pixel has several spectra")
    return order, (nz, ny, nx)


def _pixel(parser: Any) -> tuple[float, float] | None:
    x = parser.imzmldict.get("pixel size x")
    y = parser.imzmldict.get("pixel size y", x)
    good = all(isinstance(v, (int, float)) and 0 < v < 1e6 for v in (x, y))
    return (float(y) * _NM_PER_UM, float(x) * _NM_PER_UM) if good else None


def _facts(parser: Any, places: np.ndarray, shape: tuple[int, int, int]) -> Facts:
    facts: Facts = {}
    if programs := ", ".join(str(name) for name in parser.metadata.softwares):
        facts["software"] = programs[:200]
    if parser.polarity:
        facts["polarity"] = parser.polarity
    if parser.spectrum_mode:
        facts["spectrum_mode"] = parser.spectrum_mode
    if missing := int(np.prod(shape)) - len(places):
        facts["assumptions"] = f"{missing} pixels without a spectrum are taken as without counts"
    return facts
