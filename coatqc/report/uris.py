"""Figures and tables in the form that a page takes."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TABLE_ROWS = 40


def figure_uri(figure: Figure) -> str:
    """Figure as a data URI: SVG, or PNG where it holds an image.

    Examples
    --------
    >>> from coatqc.core.plotting import new_axes
    >>> figure_uri(new_axes().figure)[:18]
    'data:image/svg+xml'
    """
    import matplotlib as mpl

    buffer = io.BytesIO()
    if any(ax.images for ax in figure.axes):
        figure.savefig(buffer, format="png", dpi=170)
        kind = "png"
    else:
        with mpl.rc_context({"svg.hashsalt": "coatqc", "svg.fonttype": "path"}):
            figure.savefig(buffer, format="svg", metadata={"Date": None})
        kind = "svg+xml"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def table_rows(table: pd.DataFrame) -> dict[str, Any]:
    """Heads and cells of a table as text, cut to what a page can hold.

    Examples
    --------
    >>> import pandas as pd
    >>> table_rows(pd.DataFrame({"area / nm2": [1.23456]}))["rows"]
    [['1.235']]
    """
    shown = table.head(_TABLE_ROWS)

    def cell(value: object) -> str:
        if isinstance(value, (float, np.floating)):
            return "–" if np.isnan(value) else f"{value:.4g}"
        if isinstance(value, (list, tuple, np.ndarray)):
            return ", ".join(cell(v) for v in value)
        return str(value)

    return {
        "heads": [str(c) for c in shown.columns],
        "rows": [[cell(v) for v in row] for row in shown.itertuples(index=False, name=None)],
        "left_out": len(table) - len(shown),
    }
