"""Figures of several patterns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.plotting import CYCLE, axis_label, mark_simulated, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
