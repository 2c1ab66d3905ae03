"""How do groups of images compare, particle by particle?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from coatcore.plotting import CYCLE, mark_simulated, new_axes, pretty_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from imaging.cracks.groups.compare import CrackComparison

# Half-width of a group's cloud of points.
_WIDTH = 0.32


def plot_comparison(comparison: CrackComparison, ax: Axes | None = None) -> Axes:
    """All particles as points, side by side by image; images' means; groups with intervals.

    Parameters
    ----------
    comparison : CrackComparison
        As `compare_cracks` gives.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Examples
    --------
    >>> import pandas as pd
    >>> from imaging import compare_cracks
    >>> table = pd.DataFrame({"area / nm2": [1e6, 2e6], "crack area / nm2": [1e4, 3e4]})
    >>> ax = plot_comparison(compare_cracks({"a": [table, table], "b": [table, table]}))
    >>> [t.get_text() for t in ax.get_xticklabels()]
    ['a', 'b']
    """
    groups = list(comparison.groups)
    ax = new_axes(ax, figsize=(1.6 + 1.5 * len(groups), 3.9))
    rng = np.random.default_rng(0)
    percent = comparison.groups[groups[0]].unit == "1" and "particle" not in comparison.quantity
    percent = percent or comparison.quantity.startswith("share")
    scale = 100.0 if percent else 1.0
    for k, name in enumerate(groups):
        of = comparison.particles[comparison.particles["group"] == name]
        colour = CYCLE[k % len(CYCLE)]
        images = of["image"].unique()
        step = 2 * _WIDTH / images.size
        for i, image in enumerate(images):
            here = of[of["image"] == image]
            middle = k - _WIDTH + step * (i + 0.5)
            at = middle + rng.uniform(-0.35, 0.35, len(here)) * step
            size = 4 + 26 * here["weight"] / comparison.particles["weight"].max()
            ax.scatter(at, scale * here["value"], s=size, color=colour, alpha=0.45, lw=0)
            mean = np.average(here["value"], weights=here["weight"])
            ax.plot(
                [middle - 0.4 * step, middle + 0.4 * step],
                [scale * mean] * 2,
                color=colour,
                lw=2,
            )
        estimate = comparison.groups[name]
        ax.errorbar(
            k + 0.42,
            scale * estimate.value,
            yerr=scale
            * np.array([[estimate.value - estimate.lower], [estimate.upper - estimate.value]]),
            fmt="o",
            color="black",
            ms=5,
            capsize=3,
            lw=1.4,
        )
    ax.set_xticks(range(len(groups)), groups)
    ax.set_xlim(-0.5, len(groups) - 0.35)
    ax.set_ylim(bottom=0)
    unit = "%" if percent else pretty_unit(comparison.groups[groups[0]].unit)
    ax.set_ylabel(f"{comparison.quantity} / {unit}" if unit else comparison.quantity)
    ax.set_title(
        f"{groups[1]} against {groups[0]}: p = {comparison.p:.2g}\n"
        "points: particles, bars: images, black: group, 95 % interval",
        fontsize=8,
    )
    if comparison.simulated:
        mark_simulated(ax, xr.DataArray(0, attrs={"simulated": "yes"}))
    return ax
