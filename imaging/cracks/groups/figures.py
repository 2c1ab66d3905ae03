"""How do groups of images compare, particle by particle?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from coatcore.estimate import Estimate
from coatcore.plotting import CYCLE, new_axes
from coatcore.words import pretty_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Half-width of a group's cloud of points.
_WIDTH = 0.32


def plot_groups(
    groups: Mapping[str, Estimate],
    particles: pd.DataFrame,
    *,
    quantity: str,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """All particles as points, side by side by image; images' means; groups with intervals.

    Parameters
    ----------
    groups : mapping of str to Estimate
        Value of each group.
    particles : pandas.DataFrame
        A row a particle: group, image, value, weight.
    quantity : str
        What is drawn.
    title : str, optional
        Above the axes.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Examples
    --------
    >>> value = Estimate.from_standard_uncertainty(2.0, 0.2)
    >>> particles = pd.DataFrame({"group": ["a", "b"], "image": [0, 1], "value": [2.0, 2.1],
    ...     "weight": [1.0, 1.0]})
    >>> ax = plot_groups({"a": value, "b": value}, particles, quantity="cracks a particle")
    >>> [t.get_text() for t in ax.get_xticklabels()]
    ['a', 'b']
    """
    names = list(groups)
    ax = new_axes(ax, figsize=(1.6 + 1.5 * len(names), 3.9))
    rng = np.random.default_rng(0)
    percent = groups[names[0]].unit == "1" and "particle" not in quantity
    percent = percent or quantity.startswith("share")
    scale = 100.0 if percent else 1.0
    for k, name in enumerate(names):
        of = particles[particles["group"] == name]
        colour = CYCLE[k % len(CYCLE)]
        images = of["image"].unique()
        step = 2 * _WIDTH / images.size
        for i, image in enumerate(images):
            here = of[of["image"] == image]
            middle = k - _WIDTH + step * (i + 0.5)
            at = middle + rng.uniform(-0.35, 0.35, len(here)) * step
            size = 4 + 26 * here["weight"] / particles["weight"].max()
            ax.scatter(at, scale * here["value"], s=size, color=colour, alpha=0.45, lw=0)
            mean = np.average(here["value"], weights=here["weight"])
            ax.plot(
                [middle - 0.4 * step, middle + 0.4 * step],
                [scale * mean] * 2,
                color=colour,
                lw=2,
            )
        estimate = groups[name]
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
    ax.set_xticks(range(len(names)), names)
    ax.set_xlim(-0.5, len(names) - 0.35)
    ax.set_ylim(bottom=0)
    unit = "%" if percent else pretty_unit(groups[names[0]].unit)
    ax.set_ylabel(f"{quantity} / {unit}" if unit else quantity)
    key = "points: particles, bars: images, black: group, 95 % interval"
    ax.set_title(f"{title}\n{key}" if title else key, fontsize=8)
    return ax
