"""Figures of pinholes: the map, the histogram with its threshold, the coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from coatcore.estimate import Estimate
from coatcore.plotting import OKABE_ITO, axis_label, mark_simulated, new_axes, show_image
from imaging.holes.limits import UpperLimit
from imaging.holes.mask import SeenHoles

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_holes(image: xr.DataArray, mask: xr.DataArray, *, n: int, ax: Axes | None = None) -> Axes:
    """Map with the holes outlined.

    Parameters
    ----------
    image, mask : xarray.DataArray
        Dims (y, x): the map, and True in holes.
    n : int
        How many holes there are.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Examples
    --------
    >>> from imaging import simulate_nanoir_map
    >>> image = simulate_nanoir_map(1, shape=(64, 64))[0]
    >>> plot_holes(image, image < 0.1, n=0).get_title()
    'no pinholes'
    """
    ax = new_axes(ax, figsize=(5.0, 4.0))
    drawn = show_image(ax, image, cmap="cividis", vmin=min(0.0, float(image.min())))
    x, y = image["x"].values, image["y"].values
    if mask.values.any():
        ax.contour(x, y, mask.values, [0.5], colors=OKABE_ITO["vermillion"], linewidths=1)
    ax.set_title(f"{n or 'no'} pinhole{'' if n == 1 else 's'}", fontsize=9)
    figure = ax.get_figure()
    assert figure is not None
    figure.colorbar(drawn, ax=ax, label=axis_label(image), shrink=0.85)
    mark_simulated(ax, image)
    return ax


def plot_histogram(
    seen: SeenHoles, threshold: float, *, label: str, ax: Axes | None = None
) -> Axes:
    """Histogram of the smoothed signal with bare substrate's range, threshold and edge.

    Parameters
    ----------
    seen : SeenHoles
        Smoothed map, holes and levels.
    threshold : float
        Signal that a hole has to fall below somewhere, in the unit of the map.
    label : str
        Of the signal, with its unit.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Examples
    --------
    >>> from imaging import find_pinholes, simulate_nanoir_map
    >>> found = find_pinholes(simulate_nanoir_map(1)[0])
    >>> plot_histogram(found.seen, found.threshold, label="amplitude / mV").get_yscale()
    'log'
    """
    ax = new_axes(ax, figsize=(4.0, 3.0))
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
    ax.axvline(threshold, color="black", lw=1.2, label=f"threshold {threshold:.3g}")
    if threshold < seen.edge:
        ax.axvline(seen.edge, color="black", lw=1, ls=":", label=f"edge {seen.edge:.3g}")
    ax.set_yscale("log")
    ax.set_ylim(bottom=0.6)
    ax.set_xlabel(label)
    ax.set_ylabel("pixels")
    ax.legend(fontsize=7, loc="lower left", bbox_to_anchor=(-0.1, 1.0), ncols=2)
    return ax


def plot_coverage(coverage: Estimate, limit: UpperLimit, *, ax: Axes | None = None) -> Axes:
    """Coverage with its interval, and in words what the map could not have shown.

    Parameters
    ----------
    coverage : Estimate
        Areal coverage, unit 1.
    limit : UpperLimit
        On holes of at least the smallest detectable size.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Examples
    --------
    >>> from imaging import find_pinholes, simulate_nanoir_map
    >>> found = find_pinholes(simulate_nanoir_map(1)[0])
    >>> plot_coverage(found.coverage, found.upper_limit).get_xlabel()
    'areal coverage / %'
    """
    ax = new_axes(ax, figsize=(4.0, 1.8))
    middle, low, high = (100 * v for v in (coverage.value, coverage.lower, coverage.upper))
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
