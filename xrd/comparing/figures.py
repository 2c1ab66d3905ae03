"""Figures of two patterns and of phases asked after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from coatcore.plotting import (
    CYCLE,
    OKABE_ITO,
    axis_label,
    mark_simulated,
    new_axes,
    panel_of_residual,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKS = {
    "new": ("v", "vermillion"),
    "missing": ("^", "purple"),
    "stronger": ("+", "orange"),
    "weaker": ("_", "orange"),
    "shifted": ("|", "sky"),
    "shape": ("x", "black"),
}


def plot_comparison(
    sample: xr.DataArray,
    expected: xr.DataArray,
    residual: xr.DataArray,
    changes: pd.DataFrame,
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Sample over aligned reference, changes marked, the difference in sigma below.

    Parameters
    ----------
    sample, expected : xarray.DataArray
        Over the same two_theta, in counts: the sample, and the reference aligned to it.
    residual : xarray.DataArray
        Their difference in standard deviations.
    changes : pandas.DataFrame
        A row a change, with its kind and place, as `xrd.comparing.Comparison` has them.
    title : str, optional
        Above the axes.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; the difference gets the lower quarter of them.

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> a, b = (simulate_pattern(seed)[0] for seed in (1, 2))
    >>> none = pd.DataFrame(columns=["kind", "two_theta / degree"])
    >>> plot_comparison(b, a, (b - a) / a**0.5, none).get_ylabel()
    'counts'
    """
    ax = new_axes(ax, figsize=(7.2, 4.4))
    x, y, e = sample["two_theta"].values, sample.values, expected.values
    top = float(max(y.max(), e.max()))
    ax.plot(x, y, ".", ms=1.5, color="0.45", label="sample")
    ax.plot(x, e, lw=0.8, color=CYCLE[0], label="reference, aligned")
    for kind, (marker, colour) in _MARKS.items():
        rows = changes[changes["kind"] == kind]
        if len(rows):
            place = rows["two_theta / degree"].to_numpy()
            height = np.interp(place, x, np.maximum(y, e)) + 0.04 * top
            ax.plot(place, height, marker, ms=5, color=OKABE_ITO[colour], label=kind, ls="none")
    ax.set_title(title)
    ax.set_ylabel(axis_label(sample))
    ax.set_ylim(min(0.0, float(y.min())) - 0.02 * top, 1.12 * top)
    ax.legend(loc="upper right", ncols=2)
    panel_of_residual(ax, residual, "difference / σ")
    mark_simulated(ax, sample)
    return ax


def plot_weights(table: pd.DataFrame, *, simulated: bool = False, ax: Axes | None = None) -> Axes:
    """Weight fractions of phases with their intervals; those that were found in another colour.

    Parameters
    ----------
    table : pandas.DataFrame
        A row a phase: weight fraction and ends of its 95 % interval in per cent, found.
    simulated : bool
        Whether the pattern was.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Examples
    --------
    >>> heads = ["weight fraction / %", "lower 95 % / %", "upper 95 % / %", "found"]
    >>> table = pd.DataFrame([[0.5, 0.1, 0.9, True]], index=["Li2S"], columns=heads)
    >>> plot_weights(table).get_title()
    'found: Li2S'
    """
    rows = table[::-1]
    ax = new_axes(ax, figsize=(5.6, 0.9 + 0.32 * len(rows)))
    for i, (_, row) in enumerate(rows.iterrows()):
        colour = OKABE_ITO["vermillion" if row["found"] else "blue"]
        ends = [row["lower 95 % / %"], row["upper 95 % / %"]]
        ax.plot(ends, [i, i], color=colour, lw=2)
        ax.plot(row["weight fraction / %"], i, "o", color=colour, ms=5)
    ax.axvline(0, color="0.6", lw=0.8)
    ax.set_yticks(range(len(rows)), rows.index)
    ax.set_xlabel("weight fraction / %, with 95 % interval")
    found = [str(name) for name in table.index[table["found"].astype(bool)]]
    ax.set_title("found: " + (", ".join(found) or "none"))
    if simulated:
        mark_simulated(ax, xr.DataArray(0, attrs={"simulated": "yes"}))
    return ax
