"""Figures of several patterns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
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

    from xrd.comparing.result import Comparison

_MARKS = {
    "new": ("v", "vermillion"),
    "missing": ("^", "purple"),
    "stronger": ("+", "orange"),
    "weaker": ("_", "orange"),
    "shifted": ("|", "sky"),
    "shape": ("x", "black"),
}


def plot_patterns(patterns: Mapping[str, xr.DataArray], *, ax: Axes | None = None) -> Axes:
    """Patterns above each other, each scaled to its own maximum.

    Parameters
    ----------
    patterns : mapping of str to xarray.DataArray
        Name -> pattern.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> plot_patterns({"pristine": simulate_pattern(1)[0]}).get_xlabel()
    '2θ / °'
    """
    if not patterns:
        raise MeasurementError("no pattern to draw")
    ax = new_axes(ax, figsize=(7.0, 3.6))
    for i, (name, pattern) in enumerate(patterns.items()):
        y = pattern.values / pattern.values.max()
        offset = 1.1 * (len(patterns) - 1 - i)
        colour = CYCLE[i % len(CYCLE)]
        ax.plot(pattern["two_theta"].values, y + offset, lw=0.7, color=colour)
        ax.text(float(pattern["two_theta"].max()), offset + 0.3, name, color=colour, ha="right")
    ax.set_xlabel(axis_label(next(iter(patterns.values()))["two_theta"]))
    ax.set_ylabel("scaled to maximum, offset")
    ax.set_yticks([])
    mark_simulated(ax, *patterns.values())
    return ax


def plot_comparison(found: Comparison, ax: Axes | None = None) -> Axes:
    """Sample over aligned reference, changes marked, the difference in sigma below.

    Parameters
    ----------
    found : Comparison
        As `compare_patterns` gives it.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on; the difference gets the lower quarter of them.

    Examples
    --------
    >>> from xrd import compare_patterns, simulate_pattern
    >>> plot_comparison(compare_patterns(*(simulate_pattern(s)[0] for s in (1, 2)))).get_ylabel()
    'counts'
    """
    ax = new_axes(ax, figsize=(7.2, 4.4))
    x, y, e = found.sample["two_theta"].values, found.sample.values, found.expected.values
    top = float(max(y.max(), e.max()))
    ax.plot(x, y, ".", ms=1.5, color="0.45", label="sample")
    ax.plot(x, e, lw=0.8, color=CYCLE[0], label="reference, aligned")
    for kind, (marker, colour) in _MARKS.items():
        rows = found.changes[found.changes["kind"] == kind]
        if len(rows):
            place = rows["two_theta / degree"].to_numpy()
            height = np.interp(place, x, np.maximum(y, e)) + 0.04 * top
            ax.plot(place, height, marker, ms=5, color=OKABE_ITO[colour], label=kind, ls="none")
    ax.set_title(f"{found.verdict}, p = {found.p_value:.2g}, Rwp = {found.rwp:.3f}")
    ax.set_ylabel(axis_label(found.sample))
    ax.set_ylim(min(0.0, float(y.min())) - 0.02 * top, 1.12 * top)
    ax.legend(loc="upper right", ncols=2)
    panel_of_residual(ax, found.residual, "difference / σ")
    mark_simulated(ax, found.sample)
    return ax
