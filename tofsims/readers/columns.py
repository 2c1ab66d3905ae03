"""Which numbers stand under a known head, whatever cuts the columns and marks the decimals?"""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np

from coatcore.errors import ReadError

_LONGEST_NUMBER = 100
_AGAIN = "copy or export the file again"


def numbers_below(body: str, columns: int | None, path: Path) -> np.ndarray:
    r"""The table of numbers in `body`.

    Parameters
    ----------
    body : str
        What follows the head; columns are cut by tabs, blanks, semicolons or commas, decimals
        are marked by a point or, where nothing else is cut by it, by a comma.
    columns : int or None
        How many there must be; None takes the count of the first line.
    path : pathlib.Path
        For the error.

    Returns
    -------
    numpy.ndarray
        Shape (lines, columns).

    Raises
    ------
    ReadError
        If a line is cut, holds words, or has another count of columns.

    Examples
    --------
    >>> numbers_below("1\t0,5\t7\n2\t0,6\t8\n", 3, Path("a.txt")).tolist()
    [[1.0, 0.5, 7.0], [2.0, 0.6, 8.0]]
    """
    import pandas as pd

    # Whole numbers do not show the decimal mark.
    lines = (line for line in body[:65536].splitlines() if line.strip())
    telling = [line for _, line in zip(range(50), lines, strict=False)]
    first = telling[0] if telling else ""
    if not first or max(map(len, re.split(r"[\s;,]+", first))) > _LONGEST_NUMBER:
        raise ReadError(path, "holds no numbers under its head", _AGAIN)
    commas = any(re.search(r"\d,\d", line) for line in telling)
    points = any("." in line for line in telling)
    decimal = "," if commas and not points else "."
    cut = ";" if ";" in first else "," if decimal == "." and "," in first else r"\s+"
    apart = len(first.split())
    if decimal == "," and cut == r"\s+" and (apart != columns if columns else apart < 2):
        raise ReadError(
            path,
            f"its commas cut columns and mark decimals alike: {first[:60]!r}",
            "export with a decimal point, or with tabs between the columns",
        )
    try:
        frame = pd.read_csv(
            io.StringIO(body), sep=cut, header=None, dtype=float, decimal=decimal,
            skipinitialspace=True,
        )  # fmt: skip
    except ValueError as error:  # pandas names the line and the text in it
        words = str(error).splitlines()[0][:160]
        raise ReadError(path, f"its columns are not numbers ({words})", _AGAIN) from error
    if cut == ";" and frame.shape[1] > 1 and frame.iloc[:, -1].isna().all():
        frame = frame.iloc[:, :-1]  # each line ends with the mark
    table = frame.to_numpy()
    if table.shape[0] < 2 or table.shape[1] != (columns or table.shape[1]):
        raise ReadError(path, f"has a table of shape {table.shape}, expected {columns} columns")
    gaps = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if gaps.size == 1 and gaps[0] == len(table) - 1:
        raise ReadError(path, f"its last line, {gaps[0] + 1}, is cut", _AGAIN)
    if gaps.size:
        raise ReadError(path, f"line {gaps[0] + 1} under the head lacks a number", _AGAIN)
    return table
