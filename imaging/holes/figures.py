"""Figures of pinholes: the map, the histogram with its threshold, the coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from coatcore.plotting import (
    OKABE_ITO,
    axis_label,
    house_style,
    mark_simulated,
    new_axes,
    show_image,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from imaging.holes.pinholes import Pinholes


def plot_pinholes(found: Pinholes, ax: Axes | None = None) -> Axes:
    """Map with the holes outlined; beside it the histogram with threshold, and the coverage.

    Parameters
    ----------
    found : Pinholes
        From `imaging.find_pinholes`.
    ax : matplotlib.axes.Axes, optional
        Axes to draw the map alone on; by default a new figure with all three panels.

    Returns
    -------
    matplotlib.axes.Axes
        That of the map.

    Examples
    --------
    >>> from imaging import find_pinholes, simulate_nanoir_map
    >>> found = find_pinholes(simulate_nanoir_map(1, shape=(64, 64))[0])
    >>> len(plot_pinholes(found).figure.axes)  # the fourth is the colour bar
    4
    """
    alone = ax is not None
    ax = new_axes(ax, figsize=(8.4, 4.0))
    figure = ax.get_figure()
    assert figure is not None
    if not alone:
        grid = figure.add_gridspec(2, 2, width_ratios=(1.45, 1), height_ratios=(1.7, 1))
        ax.set_subplotspec(grid[:, 0])
        with house_style():
            plot_histogram(found, figure.add_subplot(grid[0, 1]))
            plot_coverage(found, figure.add_subplot(grid[1, 1]))
    drawn = show_image(ax, found.map, cmap="cividis", vmin=min(0.0, float(found.map.min())))
    x, y = found.map["x"].values, found.map["y"].values
    if found.mask.values.any():
        ax.contour(x, y, found.mask.values, [0.5], colors=OKABE_ITO["vermillion"], linewidths=1)
    n = len(found.table)
    ax.set_title(f"{n or 'no'} pinhole{'' if n == 1 else 's'}", fontsize=9)
    figure.colorbar(drawn, ax=ax, label=axis_label(found.map), shrink=0.85)
    mark_simulated(ax, found.map)
    return ax


def plot_histogram(found: Pinholes, ax: Axes | None = None) -> Axes:
    """Histogram of the smoothed signal with bare substrate's range, threshold and edge.

    Parameters
    ----------
    found : Pinholes
        From `imaging.find_pinholes`.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Examples
    --------
    >>> from imaging import find_pinholes, simulate_nanoir_map
    >>> plot_histogram(find_pinholes(simulate_nanoir_map(1)[0])).get_yscale()
    'log'
    """
    ax = new_axes(ax, figsize=(4.0, 3.0))
    seen = found.seen
    signal = seen.smoothed[np.isfinite(seen.smoothed)]
    bins = np.linspace(min(float(signal.min()), seen.bare.quantile(0.01)), float(signal.max()), 61)
    dark = seen.mask[np.isfinite(seen.smoothed)]
    colors = [OKABE_ITO["vermillion"], OKABE_ITO["blue"]]
    parts = [signal[dark], signal[~dark]]
    ax.hist(parts, bins.tolist(), stacked=True, color=colors, label=["in pinholes", "elsewhere"])
    ax.axvspan(
        seen.bare.quantile(0.025), seen.bare.quantile(0.975), color="0.85", lw=0, zorder=0,
        label="bare substrate, 95 %",
    )  # fmt: skip
    ax.axvline(found.threshold, color="black", lw=1.2, label=f"threshold {found.threshold:.3g}")
    if found.threshold < seen.edge:
        ax.axvline(seen.edge, color="black", lw=1, ls=":", label=f"edge {seen.edge:.3g}")
    ax.set_yscale("log")
    ax.set_ylim(bottom=0.6)
    ax.set_xlabel(axis_label(found.map))
    ax.set_ylabel("pixels")
    ax.legend(fontsize=7, loc="lower left", bbox_to_anchor=(-0.1, 1.0), ncols=2)
    return ax


def plot_coverage(found: Pinholes, ax: Axes | None = None) -> Axes:
    """Coverage with its interval, and in words what the map could not have shown.

    Parameters
    ----------
    found : Pinholes
        From `imaging.find_pinholes`.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Examples
    --------
    >>> from imaging import find_pinholes, simulate_nanoir_map
    >>> plot_coverage(find_pinholes(simulate_nanoir_map(1)[0])).get_xlabel()
    'areal coverage / %'
    """
    ax = new_axes(ax, figsize=(4.0, 1.8))
    e, limit = found.coverage, found.upper_limit
    middle, low, high = (100 * v for v in (e.value, e.lower, e.upper))
    ax.errorbar(
        [middle], [0], xerr=[[middle - low], [high - middle]], fmt="o", capsize=4,
        color=OKABE_ITO["blue"],
    )  # fmt: skip
    width = max(high - low, 0.01)
    ax.set_xlim(low - 0.15 * width, min(high + 0.15 * width, 100 + 0.03 * width))
    ax.locator_params(axis="x", nbins=5)
    ax.set_ylim(-1, 3.2)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("areal coverage / %")
    ax.text(
        0.0,
        1.0,
        f"{middle:.2f} % [{low:.2f}, {high:.2f}] (95 %)\n"
        f"of holes ≥ {limit.smallest.value:.0f} nm, at most (95 %):\n"
        f"{limit.density.upper:.2g} per µm², {100 * limit.coverage_loss.upper:.2g} % of the area",
        transform=ax.transAxes,
        va="top",
        fontsize=8,
    )
    return ax
