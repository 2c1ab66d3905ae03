"""Cells of a delimited table, as text, with the line that each row stands in."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from coatcore.errors import ReadError
from electrochem.readers.columns import NEEDED

if TYPE_CHECKING:
    import pandas as pd

_CLOCK = r"^\s*(?:(\d{1,6})\s*d\s*|(\d{1,6})-)?(\d{1,7}):(\d{1,2}):(\d{1,2}(?:\.\d*)?)\s*$"
_NO_NUMBER = ("", "N/A", "n/a", "NA", "nan", "NaN", "-", "--", "null")


@dataclass(frozen=True)
class Cells:
    """Cells as text with the line (from 1) of each row; `comma`: it is the decimal mark."""

    path: Path
    frame: pd.DataFrame
    lines: np.ndarray
    comma: bool
    notes: list[str]


def cells_below(
    path: Path,
    lines: Sequence[str],
    at: int,
    delimiter: str,
    wanted: Mapping[str, int],
    needed: Sequence[str] = NEEDED,
) -> Cells:
    """Text of the `wanted` columns (name to place) below the heads in line `at` (from 0).

    A last row with fewer cells than the one before, or in which one of `needed` is no number, was
    cut in writing: it is left out, with a note.

    Raises
    ------
    ReadError
        If there is no row, or a row has more cells than heads.
    """
    import pandas as pd

    kept = [i for i in range(at + 1, len(lines)) if lines[i].strip()]
    if not kept:
        raise ReadError(path, "has heads, but no row of data below them", "export it again")
    quoted = delimiter != "\t" and any('"' in lines[i] for i in kept)
    notes: list[str] = []
    if not quoted:
        counts = np.array([lines[i].rstrip(" \r\n" + delimiter).count(delimiter) for i in kept])
        heads = lines[at].count(delimiter)
        if (counts > heads).any():
            i = int(np.flatnonzero(counts > heads)[0])
            what = f"line {kept[i] + 1} has {counts[i] + 1} cells under {heads + 1} heads"
            raise ReadError(path, what, "is a decimal comma also the delimiter? export it again")
        raw = [lines[i].count(delimiter) for i in kept[-2:]]
        if len(raw) == 2 and raw[1] < raw[0]:
            kept.pop()
            notes.append("the last line is cut short and left out")
    try:
        frame = pd.read_csv(
            io.StringIO("\n".join(lines[i] for i in kept) + "\n"),
            sep=delimiter, header=None, names=list(range(max(wanted.values()) + 1)),
            usecols=sorted(set(wanted.values())), dtype=str, na_filter=False,
            index_col=False, quoting=0 if quoted else 3, engine="c",
        )  # fmt: skip
    except (pd.errors.ParserError, ValueError) as error:
        raise ReadError(path, f"rows cannot be told apart ({error})", "export it again") from error
    if len(frame) != len(kept):
        raise ReadError(path, "a quoted cell runs over several lines: damaged", "export it again")
    frame = pd.DataFrame({name: frame[place].str.strip() for name, place in wanted.items()})
    sample = " ".join(frame.iloc[:200].astype(str).to_numpy().ravel())
    comma = delimiter != "," and bool(re.search(r"\d,\d", sample)) and "." not in sample
    last = [frame[name].iloc[-1] for name in needed if name in frame]
    if not notes and len(frame) > 1 and not all(map(_is_number, last)):
        frame, kept = frame.iloc[:-1], kept[:-1]
        notes.append("the last line is cut short and left out")
    return Cells(path, frame, np.array(kept) + 1, comma, notes)


def _is_number(cell: str) -> bool:
    if re.match(_CLOCK, cell):
        return True
    try:
        float(cell.replace(",", ""))
    except ValueError:
        return False
    return True


def numbers(cells: Cells, name: str, *, needed: bool = False) -> np.ndarray:
    """Column `name` as numbers; NaN where an optional cell is blank or N/A.

    Raises
    ------
    ReadError
        With the line where a cell is no finite number.
    """
    import pandas as pd

    text = cells.frame[name]
    if text.str.contains(",", regex=False).any():
        # Beside a decimal point a comma can only part thousands.
        text = (
            text.str.replace(",", ".", regex=False)
            if cells.comma
            else text.str.replace(r"(?<=\d),(?=\d{3}(?:\D|$))", "", regex=True)
        )
    values = pd.to_numeric(text, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    bad = ~np.isfinite(values)
    if not needed:
        bad &= ~text.isin(_NO_NUMBER).to_numpy()
    _refuse(cells, name, bad)
    return values


def seconds(cells: Cells, name: str, factor: float = 1.0) -> np.ndarray:
    """Column `name` in s: numbers times `factor`, or times such as 1d 02:03:04.5 or 26:03:04.

    Raises
    ------
    ReadError
        With the line where a cell is neither.
    """
    if not cells.frame[name].str.contains(":", regex=False).any():
        return numbers(cells, name, needed=True) * factor
    text = cells.frame[name].str.replace(",", ".", regex=False)
    parts = text.str.extract(_CLOCK)
    _refuse(cells, name, parts[2].isna().to_numpy())
    day, other, hour, minute, second = (
        parts[i].fillna("0").astype(float).to_numpy() for i in range(5)
    )
    return (day + other) * 86400 + hour * 3600 + minute * 60 + second


def _refuse(cells: Cells, name: str, bad: np.ndarray) -> None:
    if bad.any():
        i = int(np.flatnonzero(bad)[0])
        raise ReadError(
            cells.path,
            f"line {cells.lines[i]}: {name} is {str(cells.frame[name].iloc[i])[:40]!r}, no number",
            "the file is damaged: export or copy it again",
        )
