"""How does a result show itself, printed and in a notebook?

One decorator gives a result class both faces: a few lines of text, and a table in Jupyter. Both
are made of the fields as they stand; nothing is measured anew for them but what `also` names.
"""

from __future__ import annotations

import dataclasses
import html
import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from coatcore.errors import CoatqcError
from coatcore.estimate import Estimate, estimate_row
from coatcore.words import pretty_unit

T = TypeVar("T")

# One screen: rows of a table, signs of a cell and of a note, signs of a line of text.
_ROWS, _CELL, _TEXT_CELL, _NOTE, _NOTES, _LINE = 12, 120, 52, 300, 5, 120
_SIMULATED = "simulated data, not measured"
# Colours that black text can be read on.
_COLOURS = {"pass": "#d6efd8", "fail": "#f8d3cd", "inconclusive": "#fbeac0"}
_CELL_STYLE = "text-align:left;padding:2px 10px 2px 0;vertical-align:top;white-space:pre-wrap"


class Sheet(NamedTuple):
    """What a result shows of itself.

    Parameters
    ----------
    title : str
        One line.
    heads : tuple of str
        Of the columns.
    rows : list of tuple of str
        Cells.
    notes : tuple of str
        Below the table.

    Examples
    --------
    >>> print(as_text(Sheet("Cracks", ("quantity", "value"), [("length", "12(1) nm")], ())))
    Cracks
      quantity  value
      length    12(1) nm
    """

    title: str
    heads: tuple[str, ...]
    rows: list[tuple[str, ...]]
    notes: tuple[str, ...]


def shown(
    *,
    units: Mapping[str, str] | None = None,
    also: tuple[str, ...] = (),
    hide: tuple[str, ...] = (),
    table: str = "",
    sheet: Callable[[Any], Sheet] | None = None,
) -> Callable[[type[T]], type[T]]:
    """Decorator that gives a dataclass or named tuple a short `repr` and one for notebooks.

    Parameters
    ----------
    units : mapping of str to str, optional
        Units of fields that are plain numbers.
    also : tuple of str
        Properties to show after the fields.
    hide : tuple of str
        Fields not to show.
    table : str, optional
        Field that is a table worth reading: its first rows are shown in a notebook.
    sheet : callable, optional
        Takes the object and says what to show, where its fields do not tell.

    Examples
    --------
    >>> @shown(units={"limit": "nm"})
    ... @dataclasses.dataclass
    ... class Found:
    ...     size: Estimate
    ...     limit: float
    >>> Found(Estimate.from_standard_uncertainty(12.0, 0.5, unit="nm", n=3), 2.5)
    Found
      quantity  value         interval             n
      size      12.0(5) nm    95 % [11.02, 12.98]  3
      limit     2.5 nm
    """

    def of(thing: Any) -> Sheet:
        return sheet(thing) if sheet else _sheet_of_fields(thing, units or {}, also, (*hide, table))

    def worth_reading(thing: Any) -> Any:
        return getattr(thing, table) if table else None

    def as_html(self: Any) -> str:
        return sheet_html(of(self), worth_reading(self))

    def as_lines(self: Any) -> str:
        return as_text(of(self), worth_reading(self))

    def decorate(cls: type[T]) -> type[T]:
        names = dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()
        known = {f.name for f in names} | set(getattr(cls, "_fields", ())) | set(dir(cls))
        if unknown := {*(units or {}), *also, *hide, *([table] if table else [])} - known:
            raise TypeError(f"{cls.__name__} has no {', '.join(sorted(unknown))} to show")
        cls.__repr__ = as_lines  # type: ignore[method-assign]
        cls._repr_html_ = as_html  # type: ignore[attr-defined]
        return cls

    return decorate


# -- what there is to show ----------------------------------------------------------------


def _sheet_of_fields(
    thing: Any, units: Mapping[str, str], also: tuple[str, ...], hide: tuple[str, ...]
) -> Sheet:
    names = (
        [f.name for f in dataclasses.fields(thing) if f.repr]
        if dataclasses.is_dataclass(thing)
        else list(thing._fields)
    )
    rows: list[tuple[str, ...]] = []
    notes: list[str] = []
    simulated = False
    if isinstance(thing, Estimate):
        rows.append(estimate_row(type(thing).__name__.lower(), thing))
        names = [n for n in names if n not in {f.name for f in dataclasses.fields(Estimate)}]
    for name in [*names, *also]:
        try:
            value = getattr(thing, name)
        except CoatqcError as error:
            notes.append(f"{_words(name)}: {error}")
            continue
        attributes = getattr(value, "attrs", {})
        if name == "simulated" or attributes.get("simulated") == "yes":
            simulated = simulated or name != "simulated" or bool(value)
        if callable(value):
            value = value()
        if name in hide or name == "simulated" or value is None or name.startswith("_"):
            continue
        if name in ("notes", "note", "warnings", "summary"):
            notes += value.splitlines() if isinstance(value, str) else [str(v) for v in value]
            continue
        rows += _rows_of(_words(name), value, units.get(name, ""))
    if simulated:
        notes.append(_SIMULATED)
    heads = ("quantity", "value", "interval", "n")
    return Sheet(type(thing).__name__, heads, rows, tuple(n for n in notes if n))


def _words(name: str) -> str:
    """``p_value`` as it is read."""
    return name.replace("p_value", "p").replace("_", " ")


def _rows_of(name: str, value: Any, unit: str) -> list[tuple[str, ...]]:
    if isinstance(value, Estimate):
        return [estimate_row(name, value)]
    if isinstance(value, Mapping) and any(isinstance(v, Estimate) for v in value.values()):
        return [
            estimate_row(f"{name}: {key}", v)
            if isinstance(v, Estimate)
            else (f"{name}: {key}", cell(v), "", "")
            for key, v in value.items()
        ]
    unit = "" if unit == "1" else pretty_unit(unit)
    return [(name, f"{cell(value)} {unit}".rstrip(), "", "")]


def cell(value: object) -> str:
    """Any value as one short line.

    Parameters
    ----------
    value : object
        Number, text, array, table, mapping, sequence.

    Examples
    --------
    >>> cell(0.000012345), cell(True), cell({"a": 1.5}), cell(float("nan"))
    ('1.234e-05', 'yes', 'a: 1.5', '–')
    """
    import numpy as np

    if value is None:
        return "–"
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (int, np.integer)):
        return str(value)
    if isinstance(value, (float, np.floating)):
        # Four digits, and six of numbers from 1 on: a peak's place needs them.
        number = float(value)
        return "–" if math.isnan(number) else f"{number:.{6 if 1 <= abs(number) < 1e5 else 4}g}"
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, Estimate):
        return str(value)
    if hasattr(value, "iloc"):  # pandas, which need not be loaded to know
        if getattr(value, "ndim", 0) == 2:
            rows, columns = value.shape  # type: ignore[attr-defined]
            return f"table, {rows} × {columns}"
        return cell(value.to_dict())  # type: ignore[attr-defined]
    if hasattr(value, "sizes"):  # xarray
        sizes = ", ".join(f"{d} {n}" for d, n in value.sizes.items())
        return f"{type(value).__name__} ({sizes})"
    if isinstance(value, np.ndarray):
        return f"array {' × '.join(map(str, value.shape))}"
    if isinstance(value, Mapping):
        return plain(", ".join(f"{k}: {cell(v)}" for k, v in value.items())) or "none"
    if isinstance(value, (tuple, list)):
        if hasattr(value, "_fields"):
            return cell(dict(zip(value._fields, value, strict=True)))
        return plain(", ".join(cell(v) for v in value)) or "none"
    if dataclasses.is_dataclass(value):
        return plain(str(getattr(value, "name", type(value).__name__)))
    return plain(str(value))


def plain(text: str, most: int = _CELL) -> str:
    r"""Text of one line and no control characters, cut to `most` signs.

    Parameters
    ----------
    text : str
        Perhaps from a file.
    most : int
        Signs.

    Examples
    --------
    >>> plain("a\x1b[31mb\nc")
    'a�[31mb c'
    """
    joined = " ".join(text.split())
    # Control, format (among them those that turn the direction of writing) and lone surrogates.
    safe = "".join("�" if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in joined)
    return safe if len(safe) <= most else safe[: most - 1] + "…"


# -- showing it ---------------------------------------------------------------------------


def as_text(sheet: Sheet, table: Any = None) -> str:
    """A sheet as lines of text.

    Parameters
    ----------
    sheet : Sheet
        What to show.
    table : pandas.DataFrame, optional
        To show below it.
    """
    lines = [plain(sheet.title), *_lines_of(sheet.heads, sheet.rows)]
    if table is not None and len(table):
        lines += _lines_of(*_heads_and_rows(table), total=len(table))
    lines += [f"  note: {plain(note, _NOTE)}" for note in sheet.notes[:_NOTES]]
    return "\n".join(lines)


def _lines_of(heads: tuple[str, ...], rows: list[tuple[str, ...]], total: int = 0) -> list[str]:
    if not rows:
        return []
    cells = [[plain(c, _TEXT_CELL) for c in row] for row in (heads, *rows[:_ROWS])]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    used = [i for i in range(len(widths)) if any(row[i] for row in cells[1:])]
    fit = [i for k, i in enumerate(used) if sum(widths[j] + 2 for j in used[: k + 1]) <= _LINE]
    lines = [("  " + "  ".join(row[i].ljust(widths[i]) for i in fit)).rstrip() for row in cells]
    more = []
    if (left := max(len(rows), total) - _ROWS) > 0:
        more.append(f"{left} more rows")
    if cut := [cells[0][i] for i in used if i not in fit]:
        more.append(f"columns {', '.join(cut)}")
    return lines + (["  " + plain(f"… {' and '.join(more)}", _LINE)] if more else [])


def sheet_html(sheet: Sheet, table: Any = None) -> str:
    """A sheet as a table for a notebook, every text of it escaped.

    Parameters
    ----------
    sheet : Sheet
        What to show.
    table : pandas.DataFrame, optional
        To show below it.
    """
    used = [i for i in range(len(sheet.heads)) if any(row[i] for row in sheet.rows)]
    picked = [[row[i] for i in used] for row in (sheet.heads, *sheet.rows[:_ROWS])]
    body = "".join(_line("td" if k else "th", row) for k, row in enumerate(picked) if sheet.rows)
    left = len(sheet.rows) - _ROWS
    parts = [f"<strong>{html.escape(plain(sheet.title))}</strong>"]
    parts += [f"<table>{body}</table>"] if body else []
    parts += [f"<div>… {left} more rows</div>"] if left > 0 else []
    parts += [table_html(table)] if table is not None and len(table) else []
    parts += [
        f"<div><small>note: {html.escape(plain(note, _NOTE))}</small></div>"
        for note in sheet.notes[:_NOTES]
    ]
    return f'<div class="coatqc">{"".join(parts)}</div>'


def table_html(table: Any) -> str:
    """First rows of a pandas table as HTML, numbers cut to four digits, every text escaped.

    Parameters
    ----------
    table : pandas.DataFrame
        To show.

    Examples
    --------
    >>> import pandas as pd
    >>> "&lt;b&gt;" in table_html(pd.DataFrame({"name": ["<b>"]}))
    True
    """
    heads, rows = _heads_and_rows(table)
    body = _line("th", heads) + "".join(_line("td", row) for row in rows)
    left = len(table) - _ROWS
    more = f"<div>… {left} more rows</div>" if left > 0 else ""
    return f'<div style="overflow-x:auto"><table>{body}</table>{more}</div>'


def _heads_and_rows(table: Any) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    import numpy as np

    if table.index.name is not None or not isinstance(table.index[0], (int, np.integer)):
        table = table.reset_index(names=str(table.index.name or ""))
    rows = table.head(_ROWS).itertuples(index=False, name=None)
    return tuple(str(c) for c in table.columns), [tuple(cell(v) for v in row) for row in rows]


def _line(tag: str, cells: Sequence[str]) -> str:
    made = []
    for text in cells:
        colour = _COLOURS.get(text, "")
        mark = f";background:{colour};color:#000" if colour else ""
        made.append(f'<{tag} style="{_CELL_STYLE}{mark}">{html.escape(plain(text))}</{tag}>')
    return f"<tr>{''.join(made)}</tr>"
