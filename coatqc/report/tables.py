"""How a table stands on a page, and how it is stored."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from coatcore.words import pretty_unit

_ROWS = 40
_HEAD = re.compile(r"(?P<name>.+?) / (?P<unit>\S.*)")


def table_rows(table: pd.DataFrame) -> dict[str, Any]:
    """Heads and cells of a table as text, cut to what a page can hold.

    Parameters
    ----------
    table : pandas.DataFrame
        Column heads carry units: ``area / nm2``.

    Examples
    --------
    >>> import pandas as pd
    >>> table_rows(pd.DataFrame({"area / nm2": [1.23456]}))
    {'heads': ['area / nm²'], 'rows': [['1.235']], 'left_out': 0}
    """
    shown = table.head(_ROWS)
    return {
        "heads": [_pretty_head(str(c)) for c in shown.columns],
        "rows": [[_cell(v) for v in row] for row in shown.itertuples(index=False, name=None)],
        "left_out": len(table) - len(shown),
    }


def _pretty_head(head: str) -> str:
    matched = _HEAD.fullmatch(head)
    return f"{matched['name']} / {pretty_unit(matched['unit'])}" if matched else head


def _cell(value: object) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (float, np.floating)):
        number = float(value)
        # Four digits, without an exponent where a person can read the number.
        return (
            "–"
            if np.isnan(number)
            else f"{number:.0f}"
            if 1000 <= abs(number) < 1e6
            else f"{number:.4g}"
        )
    return str(value)


def table_dataset(table: pd.DataFrame) -> xr.Dataset:
    """A table as a dataset over dim row: the unit in a head becomes an attribute.

    Parameters
    ----------
    table : pandas.DataFrame
        Column heads carry units.

    Examples
    --------
    >>> import pandas as pd
    >>> ds = table_dataset(pd.DataFrame({"crack area / nm2": [1.0], "image": ["a.tif"]}))
    >>> list(ds), ds["crack_area"].attrs["units"]
    (['crack_area', 'image'], 'nm2')
    """
    out = {}
    for head in table.columns:
        matched = _HEAD.fullmatch(str(head))
        long_name, unit = (matched["name"], matched["unit"]) if matched else (str(head), "1")
        values = table[head].to_numpy()
        if values.dtype.kind not in "fiu":
            values = (
                values.astype(np.int8)
                if values.dtype.kind == "b"
                else np.array([str(v) for v in values], dtype=object)
            )
        name = re.sub(r"\W+", "_", long_name).strip("_")
        out[name] = ("row", values, {"units": unit, "long_name": long_name})
    rows = ("row", np.arange(len(table)), {"units": "1", "long_name": "row"})
    return xr.Dataset(out, coords={"row": rows})
