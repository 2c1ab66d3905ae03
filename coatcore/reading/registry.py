"""Read any known instrument file: one registry, content first, name second.

A reader is one small function with what it recognises. Readers are found through the
entry-point group ``coatqc.readers``, so this module imports no technique and a lab can add
its own format from its own package.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import xarray as xr

from coatcore.conventions import validate
from coatcore.errors import ReadError
from coatcore.provenance import add_history, sha256_of
from coatcore.quality.registry import kinds as known_kinds
from coatcore.reading.delimited import Table, parse_table

ENTRY_POINTS = "coatqc.readers"
HEAD_BYTES = 65536
# The file that a Zarr store of format 3 or 2 has in its folder.
ZARR_MARKS = ("zarr.json", ".zgroup")

# Of readers of what coatqc writes itself: the file says which kind it holds.
ANY_KIND = "any"

# How sure a reader is that a file is its own: by its ending, by columns of numbers that mean
# something to it, by what only its own files say.
NO, BY_NAME, BY_TABLE, BY_CONTENT = 0, 1, 2, 3


@dataclass(frozen=True)
class FileStart:
    """What a reader may look at to recognise a file: its path, size and first bytes.

    Examples
    --------
    >>> from pathlib import Path
    >>> FileStart(Path("a.SPA"), 4, b"Spec").suffix
    '.spa'
    """

    path: Path
    size: int
    head: bytes

    @property
    def suffix(self) -> str:
        """File-name ending in lower case, with its dot."""
        return self.path.suffix.lower()

    @functools.cached_property
    def text(self) -> str | None:
        """The first bytes as text, or None where they are binary."""
        if self.head.startswith((b"\xff\xfe", b"\xfe\xff")):
            return self.head.decode("utf-16", errors="replace")
        if b"\x00" in self.head:
            return None
        try:
            return self.head.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            # The head may end inside a character; anything else is an 8-bit code page.
            if error.start >= len(self.head) - 3:
                return self.head[: error.start].decode("utf-8-sig")
            return self.head.decode("latin-1")

    @functools.cached_property
    def table(self) -> Table | None:
        """Numbers in the first bytes (the last, perhaps cut, line left out), or None."""
        if self.text is None:
            return None
        whole = self.text if self.size <= len(self.head) else self.text.rpartition("\n")[0]
        try:
            return parse_table(whole, self.path)
        except ReadError:
            return None


@dataclass(frozen=True)
class Reader:
    """One file format.

    Parameters
    ----------
    name : str
        Vendor and format, e.g. ``"thermo_omnic"``; stored in ``attrs["reader"]``.
    kinds : tuple of str
        The kinds of object that it returns; `ANY_KIND` where the file says which.
    recognises : callable
        `FileStart` -> NO, BY_NAME, BY_TABLE or BY_CONTENT. Must not raise and must be cheap.
    read : callable
        `Path` -> labelled object with ``attrs["kind"]``. Raises `ReadError`; heavy imports
        belong inside it.

    Examples
    --------
    >>> Reader("mine", ("image",), lambda start: NO, lambda path: None).name
    'mine'
    """

    name: str
    kinds: tuple[str, ...]
    recognises: Callable[[FileStart], int]
    read: Callable[[Path], xr.DataArray | xr.Dataset]


@functools.cache
def readers() -> tuple[Reader, ...]:
    """Every installed reader, in order of name.

    Raises
    ------
    ReadError
        If a plug-in cannot be loaded or is not a `Reader`.

    Examples
    --------
    >>> any("image" in reader.kinds for reader in readers())
    True
    """
    found = []
    for point in metadata.entry_points(group=ENTRY_POINTS):
        try:
            reader = point.load()
        except Exception as error:
            raise ReadError(
                f"reader plug-in {point.name}",
                f"cannot be loaded from {point.value} ({error})",
                "reinstall or remove the package that brings it",
            ) from error
        if not isinstance(reader, Reader):
            raise ReadError(
                f"reader plug-in {point.name}",
                f"{point.value} is a {type(reader).__name__}, not a coatcore.Reader",
            )
        found.append(reader)
    return tuple(sorted(found, key=lambda r: r.name))


_ARCHIVES = {
    b"PK\x03\x04": "a ZIP archive",
    b"PK\x05\x06": "an empty ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
}


def read(
    path: str | Path, *, kind: str | tuple[str, ...] | None = None
) -> xr.DataArray | xr.Dataset:
    """Read an instrument file into a labelled object.

    Parameters
    ----------
    path : path-like
        The file, or the folder of a Zarr store. What it holds decides which reader takes it;
        its name only breaks ties.
    kind : str or tuple of str, optional
        What the file must be: one (or one of several) of the kinds that the installed techniques
        know; those of coatqc are ``ir_spectrum``, ``ir_cube``, ``image``, ``mass_spectrum``,
        ``mass_image``, ``mass_events``, ``xrd_pattern``, ``impedance_spectrum``,
        ``cell_record``, ``cycle_table``. Needed only where a file (two unlabelled columns, say)
        could be several things, or holds several.

    Returns
    -------
    xarray.DataArray or xarray.Dataset
        With units on every coordinate; attrs hold kind, source, sha256, reader and history.

    Raises
    ------
    ReadError
        If the file is missing, unknown, damaged, ambiguous, or not of the wanted kind.

    Examples
    --------
    >>> read("nowhere.spa")
    Traceback (most recent call last):
        ...
    coatcore.errors.ReadError: nowhere.spa: no such file; check the path
    """
    path = Path(path)
    kinds = (kind,) if isinstance(kind, str) else kind or ()
    if unknown := [k for k in kinds if k not in known_kinds()]:
        what = f"kind {unknown[0]!r} was asked for"
        raise ReadError(path, what, f"use one of {', '.join(known_kinds())}")
    start = _start_of(path)
    reader = _choose(start, kinds)
    try:
        obj = reader.read(path)
    except ReadError:
        raise
    except Exception as error:  # a damaged file can break any parser in any way
        what = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise ReadError(
            path,
            f"damaged, or not what it looks like to the {reader.name} reader ({what})",
            "export the file again or check the transfer",
        ) from error
    if not isinstance(obj, (xr.DataArray, xr.Dataset)):
        raise ReadError(path, f"the {reader.name} reader found no data in it")
    if problems := validate(obj):
        raise ReadError(path, "; ".join(problems[:5]), "the file may be damaged")
    got = obj.attrs.get("kind")
    if kinds and got not in kinds:
        raise ReadError(path, f"holds {got}, but {' or '.join(kinds)} was expected")
    # A name may hold bytes that are no text; NetCDF and JSON hold text.
    name = path.name.encode("utf-8", "replace").decode()
    attrs = {"source": name, "sha256": sha256_of(path), "reader": reader.name}
    facts = {"source": name, "reader": reader.name}
    if isinstance(obj, xr.Dataset):
        return add_history(obj.assign_attrs(attrs), "read", **facts)
    return add_history(obj.assign_attrs(attrs), "read", **facts)


def _start_of(path: Path) -> FileStart:
    try:
        if path.is_dir():
            return _start_of_folder(path)
        if path.exists() and not path.is_file():
            raise ReadError(path, "is a device or pipe", "name a file")
        size = path.stat().st_size
        with path.open("rb") as f:
            head = f.read(HEAD_BYTES)
    except FileNotFoundError:
        raise ReadError(path, "no such file", "check the path") from None
    except (OSError, ValueError) as error:
        raise ReadError(path, f"cannot be opened ({error})") from error
    if not head:
        raise ReadError(path, "the file is empty (0 bytes)", "export or copy it again")
    return FileStart(path, size, head)


def _start_of_folder(path: Path) -> FileStart:
    """A folder is data only as a Zarr store, which says so in one of its files."""
    for name in ZARR_MARKS:
        if (path / name).is_file():
            with (path / name).open("rb") as f:
                return FileStart(path, (path / name).stat().st_size, f.read(HEAD_BYTES))
    raise ReadError(path, "is a folder", "name one file in it")


def _looks_like(start: FileStart) -> str:
    """What can be said of a file that no reader takes."""
    if start.text is None:
        return f"it begins with {start.head[:16]!r}"
    try:
        table = start.table or parse_table(start.text, start.path)
    except ReadError as error:
        if "no columns" in error.found:
            return f"it begins with {start.text.strip()[:24]!r}"
        return f"a table of numbers in which {error.found}"
    rows, columns = table.values.shape
    low, high = table.values[:, 0].min(), table.values[:, 0].max()
    return f"a table of {rows} rows and {columns} columns, the first from {low:.7g} to {high:.7g}"


def _choose(start: FileStart, kinds: tuple[str, ...]) -> Reader:
    able = [r for r in readers() if not kinds or ANY_KIND in r.kinds or set(kinds) & set(r.kinds)]
    scores = [(r.recognises(start), r) for r in able]
    best = max((score for score, _ in scores), default=NO)
    chosen = [r for score, r in scores if score == best]
    if best == NO:
        for magic, what in _ARCHIVES.items():
            if start.head.startswith(magic):
                raise ReadError(start.path, f"is {what}", "unpack it and name the file inside")
        wanted = f" {' or '.join(kinds)}" if kinds else ""
        raise ReadError(
            start.path,
            f"no reader knows this{wanted} format ({_looks_like(start)})",
            "`coatqc inspect --help` lists the formats; a text or JCAMP-DX export often helps",
        )
    if len(chosen) > 1:
        known = sorted({k for r in chosen for k in r.kinds})
        raise ReadError(
            start.path,
            f"could be read by {' or '.join(r.name for r in chosen)}",
            f"say which with kind=, one of {', '.join(known)}",
        )
    return chosen[0]
