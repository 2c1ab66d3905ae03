"""Figures in the form that a page takes."""

from __future__ import annotations

import base64
import io
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure_uri(figure: Figure) -> str:
    """Figure as a data URI: SVG, or PNG where it holds an image.

    Examples
    --------
    >>> from coatcore.plotting import new_axes
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
    # Its parts refer to one another: what is not taken apart stays for long.
    figure.clear()
    if "matplotlib.pyplot" in sys.modules:
        # A notebook would show it, empty.
        sys.modules["matplotlib.pyplot"].close(figure)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
