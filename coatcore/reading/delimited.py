"""Read a table of numbers from delimited text, whoever wrote it.

Decimal point or comma, any common delimiter, with or without header and comment lines. What
the columns mean is for the technique's reader to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coatcore.errors import ReadError

MAX_BYTES = 200 * 2**20
_COMMENT = "#;!%*'\""
_NUMBER = r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eEdD][+-]?\d+)?"
_NUMBER_RE = re.compile(_NUMBER)
# numpy makes every field as long as the longest: one long number would fill the memory.
_LONGEST_NUMBER = 100


@dataclass(frozen=True)
class Table:
    """Numbers with the text that stood above them.

    Parameters
    ----------
    values : numpy.ndarray
        Shape (rows, columns).
    header : tuple of str
        Lines before the first row of numbers, without line ends.

    Examples
    --------
    >>> import numpy as np
    >>> Table(np.ones((3, 2)), ("a b",)).values.shape
    (3, 2)
    """

    values: np.ndarray
    header: tuple[str, ...]


def parse_table(text: str, source: object) -> Table:
    r"""Find the one block of numbers in `text`.

    Parameters
    ----------
    text : str
        Whole file, or its beginning.
    source : object
        Named in errors.

    Returns
    -------
    Table

    Raises
    ------
    ReadError
        If there is no block of at least one row and two columns, or rows differ in length, or
        text stands between numbers.

    Examples
    --------
    >>> parse_table("2theta;I\n10,5;100\n10,6;110\n", "a.csv").values.tolist()
    [[10.5, 100.0], [10.6, 110.0]]
    """
    lines = text.splitlines()
    header: list[str] = []
    split = None
    rows: list[list[str]] = []
    for number, line in enumerate(lines, start=1):
        stripped = line.strip()
        if not stripped:
            continue
        if split is None:
            split = _splitter(stripped)
            if split is None:
                header.append(stripped)
                if len(header) > 500:
                    break
                continue
        elif stripped[0] in _COMMENT:
            header.append(stripped)
            continue
        row = split(stripped)
        if row is None:
            raise ReadError(source, f"line {number} is not numbers: {stripped[:60]!r}")
        if len(stripped) > _LONGEST_NUMBER and max(map(len, row)) > _LONGEST_NUMBER:
            raise ReadError(source, f"line {number} holds a number of {max(map(len, row))} digits")
        if rows and len(row) != len(rows[0]):
            raise ReadError(
                source, f"line {number} has {len(row)} columns, those above have {len(rows[0])}"
            )
        rows.append(row)
    if not rows or len(rows[0]) < 2:
        raise ReadError(source, "no columns of numbers were found")
    texts = np.array([[v.replace("D", "E").replace("d", "e") for v in r] for r in rows])
    with np.errstate(over="ignore"):
        values = texts.astype(float)
    if not np.isfinite(values).all():
        raise ReadError(source, "holds a number that is too large to be one: damaged")
    return Table(values, tuple(header))


def _splitter(line: str) -> Callable[[str], list[str] | None] | None:
    """How to cut `line` into numbers, or None if it holds anything but numbers."""
    for delimiter in (";", "\t", ",", None):
        if delimiter is not None and delimiter not in line:
            continue
        cut = _cutter(delimiter)
        fields = cut(line)
        if fields is not None and len(fields) > 1:
            return cut
    return None


def _cutter(delimiter: str | None) -> Callable[[str], list[str] | None]:
    """Cut rows at `delimiter`; the first row that has a decimal mark says which it is."""
    comma = False if delimiter == "," else None

    def cut(row: str) -> list[str] | None:
        nonlocal comma
        fields = [f.strip() for f in row.split(delimiter)]
        while len(fields) > 2 and not fields[-1]:
            fields.pop()
        if not all(_NUMBER_RE.fullmatch(f) for f in fields):
            return None
        if comma is None and ("," in row or "." in row):
            comma = "." not in row
        fields = [f.replace(",", ".") for f in fields] if comma else fields
        return None if any("," in f for f in fields) else fields

    return cut


def read_text(path: Path) -> str:
    """Text of a file: UTF-8, UTF-16 with mark, or else Latin-1.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Raises
    ------
    ReadError
        If it is larger than 200 MiB or holds zero bytes, so is not text.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> f = pathlib.Path(tempfile.mkdtemp()) / "a.txt"
    >>> _ = f.write_bytes("1 2 µ".encode("latin-1"))
    >>> read_text(f)
    '1 2 µ'
    """
    if path.stat().st_size > MAX_BYTES:
        raise ReadError(path, "text file larger than 200 MiB", "export a smaller range")
    raw = path.read_bytes()
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = raw.decode("utf-16", errors="replace")
        if "\x00" in text:
            raise ReadError(path, "holds zero characters, so it is not text")
        return text
    if b"\x00" in raw:
        raise ReadError(path, "holds zero bytes, so it is not text")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
