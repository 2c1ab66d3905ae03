"""Blocks and labelled records of a JCAMP-DX file, before any table is read."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from coatcore.errors import ReadError

_LABEL = re.compile(r"[ \t]*##([^=]{0,80})=?[ \t]*(.*)")
NUMBER = re.compile(r"[+-]?(?:\d+\.?(\d*)|\.(\d+))(?:[Ee]([+-]?\d{1,4}))?")
_TABLES = ("XYDATA", "XYPOINTS")


@dataclass(kw_only=True)
class Block:
    """One spectrum: what stands between TITLE and END.

    Parameters
    ----------
    records : dict
        Text behind each label; labels in upper case, without blanks, ``-``, ``/`` and ``_``.
    rows : list of (int, str)
        Line number and text of the lines of the data table, without comments.

    Examples
    --------
    >>> Block(records={"TITLE": "a"}).text("TITLE")
    'a'
    """

    records: dict[str, str] = field(default_factory=dict)
    rows: list[tuple[int, str]] = field(default_factory=list)

    def text(self, label: str) -> str:
        """Text behind a label, empty where there is none."""
        return self.records.get(label, "")

    @property
    def table(self) -> str:
        """Label of the data table, empty where there is none."""
        return next((name for name in _TABLES if name in self.records), "")


def blocks_of(source: object, text: str) -> list[Block]:
    r"""Blocks in order of their titles; those of LINK blocks too, which hold no table.

    Parameters
    ----------
    source : object
        File, named in errors.
    text : str
        Its content.

    Raises
    ------
    ReadError
        If a block begins inside another one that is no LINK, or holds two tables.

    Examples
    --------
    >>> found = blocks_of("a.jdx", "##TITLE=a $$ b\n##XYDATA=(X++(Y..Y))\n400 1 2\n##END=")
    >>> found[0].text("TITLE"), found[0].rows
    ('a', [(3, '400 1 2')])
    """
    found: list[Block] = []
    open_: list[Block] = []
    in_table = False
    for number, whole in enumerate(text.splitlines(), start=1):
        line = whole.split("$$", 1)[0]
        label = _LABEL.match(line)
        if label is None:
            if in_table and open_ and line.strip():
                open_[-1].rows.append((number, line))
            continue
        # Labels are compared without case, blanks, - / and _.
        key, value = re.sub(r"[\s\-/_]", "", label[1]).upper(), label[2].strip()
        if key == "TITLE":
            if open_ and "LINK" not in open_[-1].text("DATATYPE").upper():
                raise ReadError(
                    source,
                    f"line {number} begins a block inside another one: {len(found)} blocks, "
                    "not all of them closed by ##END=",
                    "the file is damaged, or several were joined; export it again",
                )
            open_.append(Block())
            found.append(open_[-1])
        if not open_:
            continue
        in_table = key in _TABLES
        if in_table and open_[-1].table:
            raise ReadError(
                source,
                f"line {number} begins a second table in one block",
                "export each spectrum to a block or file of its own",
            )
        open_[-1].records.setdefault(key, value)
        if key == "END":
            open_.pop()
    return found


def number_in(source: object, block: Block, label: str) -> tuple[float, float] | None:
    """Number of a record and the size of its last digit; None where there is no such record.

    Parameters
    ----------
    source : object
        File, named in errors.
    block : Block
        Where to look.
    label : str
        Label as in `Block.records`.

    Raises
    ------
    ReadError
        If the record is no number.

    Examples
    --------
    >>> number_in("a.jdx", Block(records={"FIRSTX": "400.25"}), "FIRSTX")
    (400.25, 0.01)
    """
    text = block.text(label).replace(",", ".")
    if not text:
        return None
    match = NUMBER.match(text)
    value = float(match[0]) if match and not text[match.end() :][:1].strip() else math.nan
    if match is None or not math.isfinite(value):
        raise ReadError(source, f"{label} is {text[:40]!r}, expected a number")
    digits = len(match[1] or match[2] or "")
    return value, 10.0 ** min(int(match[3] or 0) - digits, 300)


def required_in(source: object, block: Block, label: str) -> float:
    """Number of a record that must be there.

    Parameters
    ----------
    source : object
        File, named in errors.
    block : Block
        Where to look.
    label : str
        Label as in `Block.records`.

    Raises
    ------
    ReadError
        If there is no such record, or it is no number.

    Examples
    --------
    >>> required_in("a.jdx", Block(), "NPOINTS")
    Traceback (most recent call last):
        ...
    coatcore.errors.ReadError: a.jdx: its header has no NPOINTS; export the spectrum again
    """
    found = number_in(source, block, label)
    if found is None:
        raise ReadError(source, f"its header has no {label}", "export the spectrum again")
    return found[0]
