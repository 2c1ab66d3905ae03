"""One HTML page with the control charts of all quantities in a store."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from coatcore.errors import StoreError
from coatcore.plotting import OKABE_ITO, house_style, new_axes
from coatcore.words import pretty_unit
from coatqc.report.template import render
from coatqc.report.uris import figure_uri
from coatqc.trends.trend import Trend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Batches whose names still fit below a chart.
_NAMED = 24
# Batches whose boxes can be told apart.
_BOXES = 60


def plot_trend(trend: Trend, ax: Axes | None = None) -> Axes:
    """Chart of single values with their intervals, moving average, limits and alarms.

    Parameters
    ----------
    trend : Trend
        From `coatqc.trends.trend.trends`.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Examples
    --------
    >>> import pandas as pd
    >>> from coatqc.trends.trend import trends
    >>> one = {"started": "2026", "batch": "a", "title": "thickness", "recipe": "r",
    ...     "quantity": "q", "sample": "s", "reference": "", "parameters": "{}", "unit": "nm",
    ...     "value": 2.0, "lower": 1.9, "upper": 2.1, "verdict": "pass", "minimum": 1.0,
    ...     "maximum": None}
    >>> plot_trend(trends(pd.DataFrame([one] * 9))[0]).get_ylabel()
    'nm'
    """
    table = trend.table
    ax = new_axes(ax, figsize=(7.6, 3.2))
    at = np.arange(len(table))
    value = table["value"].to_numpy(float)
    reach = np.abs(table[["lower", "upper"]].to_numpy(float).T - value)
    # An open end has no length to draw.
    reach[~np.isfinite(reach)] = np.nan
    ax.errorbar(
        at, value, yerr=reach, fmt="o", ms=4, lw=0.9, color=OKABE_ITO["blue"], label="batch, 95 %"
    )
    if trend.limits is not None:
        center, sigma = trend.limits.center, trend.limits.sigma
        ax.axhline(center, color="0.4", lw=0.9)
        for side in (-3, 3):
            ax.axhline(
                center + side * sigma,
                color="0.4",
                lw=0.9,
                ls=(0, (4, 3)),
                label="process, 3 standard deviations" if side > 0 else None,
            )
        ax.plot(
            at, table["average"], color=OKABE_ITO["green"], lw=1.2, label="moving average", zorder=1
        )
        alarm = (table["alarm"] != "").to_numpy()
        if alarm.any():
            ax.plot(
                at[alarm],
                value[alarm],
                "o",
                ms=10,
                mfc="none",
                mec=OKABE_ITO["vermillion"],
                mew=1.6,
                label="alarm",
            )
    low, high = trend.tolerance
    for k, limit in enumerate(x for x in (low, high) if x is not None):
        ax.axhline(
            limit, color=OKABE_ITO["vermillion"], lw=1.2, label=None if k else "tolerance limit"
        )
    _name_batches(ax, trend)
    ax.set_ylabel(pretty_unit(trend.unit) if trend.unit not in ("", "1") else "value")
    ax.set_title(trend.title)
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return ax


def plot_boxes(trend: Trend, ax: Axes | None = None) -> Axes:
    """Box chart: what the replicates of each batch give.

    Boxes reach from the first to the third quartile (inclusive definition), whiskers to the last
    value within 1.5 interquartile ranges, as in `tofsims.comparing.box_statistics`. Of more than
    60 batches the newest are drawn.

    Parameters
    ----------
    trend : Trend
        With replicates.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Examples
    --------
    >>> import pandas as pd
    >>> from coatqc.trends.trend import Trend
    >>> table = pd.DataFrame({"batch": ["a", "b"], "alarm": ["", ""]})
    >>> trend = Trend(title="t", unit="nm", table=table, limits=None, tolerance=(None, None),
    ...     capability=None, note="", replicates=((1.0, 2.0, 3.0), (2.0, 3.0, 4.0)))
    >>> plot_boxes(trend).get_ylabel()
    'nm'
    """
    ax = new_axes(ax, figsize=(7.6, 2.6))
    first = max(0, len(trend.replicates) - _BOXES)
    shown = [(i, each) for i, each in enumerate(trend.replicates) if i >= first and each]
    ax.boxplot(
        [each for _, each in shown],
        positions=[i for i, _ in shown],
        widths=0.6,
        manage_ticks=False,
        medianprops={"color": OKABE_ITO["vermillion"]},
        flierprops={"marker": "x", "markersize": 4, "markeredgecolor": "0.3"},
    )
    _name_batches(ax, trend, first)
    ax.set_ylabel(pretty_unit(trend.unit) if trend.unit not in ("", "1") else "value")
    ax.set_title("replicates within batches")
    return ax


def _name_batches(ax: Axes, trend: Trend, first: int = 0) -> None:
    names = [str(name)[:18] for name in trend.table["batch"]]
    if len(names) - first <= _NAMED:
        at = range(first, len(names))
        ax.set_xticks(list(at), names[first:], rotation=45, ha="right", rotation_mode="anchor")
    else:
        ax.set_xlabel("batch, oldest first")


def _number(value: float, trend: Trend) -> str:
    """A value with the digits that the scatter of the batches leaves it."""
    sigma = trend.limits.sigma if trend.limits is not None else 0.0
    if not sigma or not 1e-4 < abs(value) < 1e6:
        return f"{value:.4g}"
    return f"{value:.{max(0, 1 - math.floor(math.log10(sigma)))}f}"


def _figure(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure


def write_trend(found: list[Trend], path: str | Path, *, store: str = "") -> Path:
    """Write the page.

    Parameters
    ----------
    found : list of Trend
        From `coatqc.trends.trend.trends`.
    path : path-like
        HTML file; it appears whole or not at all.
    store : str
        Named in the page's head.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    StoreError
        If there is nothing to draw, or the file cannot be written.

    Examples
    --------
    >>> write_trend([], "trend.html")
    Traceback (most recent call last):
        ...
    coatcore.errors.StoreError: no number is recorded yet: there is no trend to draw
    """
    if not found:
        raise StoreError("no number is recorded yet: there is no trend to draw")
    path = Path(path)
    with house_style():
        charts = [
            (
                trend,
                figure_uri(_figure(plot_trend(trend))),
                figure_uri(_figure(plot_boxes(trend)))
                if any(len(each) > 2 for each in trend.replicates)
                else "",
            )
            for trend in sorted(found, key=lambda t: not t.of_reference)
        ]
    page = render(
        "trend.html.j2",
        title=f"Trends of {store}" if store else "Trends",
        charts=charts,
        number=_number,
        store=store,
        references=sum(t.of_reference for t in found),
    )
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_bytes(page.encode("utf-8", "replace"))
        partial.replace(path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror})") from error
    return path
