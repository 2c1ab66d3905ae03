"""Figures of diffusion lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from coatcore.estimate import Estimate
from coatcore.plotting import CYCLE, axis_label, mark_simulated, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_lengths(
    data: xr.Dataset, median: Estimate, *, title: str = "", ax: Axes | None = None
) -> Axes:
    """Density of diffusion lengths, and on the right the cumulative volume fraction.

    Parameters
    ----------
    data : xarray.Dataset
        Over length: density and cumulative, each with ``_lower`` and ``_upper``.
    median : Estimate
        Length at which the cumulative fraction is one half, in the unit of `data`.
    title : str, optional
        Above the axes.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Examples
    --------
    >>> from electrochem import length_distribution, simulate_impedance
    >>> z, _ = simulate_impedance(2, "coated", 152, geometry="planar")
    >>> found = length_distribution(z, diffusion_coefficient=1e-11, capacity=(14.94, 0.02),
    ...     steps=100)
    >>> plot_lengths(found.data, found.median).get_ylabel()
    'volume fraction per unit of ln L'
    """
    from scipy.interpolate import PchipInterpolator

    ax = new_axes(ax, figsize=(5.2, 3.4))
    right = ax.twinx()
    x = np.log(data["length"].values)
    fine = np.linspace(x[0], x[-1], 400)
    handles = []
    for axes, name, color, style in (
        (ax, "density", CYCLE[0], "-"),
        (right, "cumulative", CYCLE[1], "--"),
    ):
        # Monotone between the lengths that were looked at, which are denser than features.
        middle, low, high = (
            PchipInterpolator(x, data[name + end].values)(fine) for end in ("", "_lower", "_upper")
        )
        axes.fill_between(np.exp(fine), low, high, color=color, alpha=0.25, lw=0)
        handles += axes.plot(np.exp(fine), middle, style, color=color, label=name)
    ax.set_xscale("log")
    ax.set_xlabel(axis_label(data["length"]))
    ax.set_ylabel("volume fraction per unit of ln L", color=CYCLE[0])
    right.set_ylabel("cumulative volume fraction", color=CYCLE[1])
    ax.set_ylim(bottom=0)
    right.set_ylim(0, 1.02)
    right.spines["right"].set_visible(True)
    ax.axvline(median.value, color="0.4", lw=0.8, ls=":")
    ax.set_title(title)
    ax.legend(handles=handles, loc="upper left")
    mark_simulated(ax, data)
    return ax
