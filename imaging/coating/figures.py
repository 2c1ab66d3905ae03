"""Figures of a coating's thickness: along the particle's edge, and how it is distributed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from coatcore.plotting import OKABE_ITO, mark_simulated, new_axes, show_image

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from imaging.coating.thickness import CoatingThickness

# Where two windows are this much further apart than usual, the line between them is left out.
_GAP = 2.5


def plot_coating(found: CoatingThickness, ax: Axes | None = None) -> Axes:
    """Image with the crystal's edge coloured by the thickness of the layer on it.

    Parameters
    ----------
    found : CoatingThickness
        From `imaging.coating.thickness`.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from imaging.coating.thickness import coating_thickness
    >>> from imaging.simulating.tem import simulate_tem
    >>> image, _ = simulate_tem(2, thickness=0.0, shape=(200, 200), pixel=0.08)
    >>> plot_coating(coating_thickness(image)).get_title(loc="left").split(":")[0]
    'uncoated'
    """
    from matplotlib.collections import LineCollection
    from matplotlib.colors import Normalize

    ax = new_axes(ax, figsize=(5.6, 4.6))
    show_image(ax, found.image)
    table = found.profile
    points = table[["x / nm", "y / nm"]].to_numpy(float)
    thick, covered = table["thickness / nm"].to_numpy(), table["covered"].to_numpy(bool)
    # A segment a window, half way to either neighbour.
    before, after = (
        points - np.gradient(points, axis=0) / 2,
        points + np.gradient(points, axis=0) / 2,
    )
    step = np.hypot(*np.diff(points, axis=0).T)
    far = np.flatnonzero(step > _GAP * np.median(step))
    after[far], before[far + 1] = points[far], points[far + 1]
    parts = np.stack([before, points, after], axis=1)
    ax.add_collection(LineCollection(list(parts), colors="black", linewidths=5.5))
    bare = LineCollection(list(parts[~covered]), colors="white", linewidths=3.5)
    ax.add_collection(bare)
    if covered.any():
        top = max(1.0, float(np.ceil(10 * thick[covered].max()) / 10))
        lines = LineCollection(
            list(parts[covered]), cmap="plasma", norm=Normalize(0, top), linewidths=3.5
        )
        lines.set_array(thick[covered])
        ax.add_collection(lines)
        figure = ax.get_figure()
        assert figure is not None
        figure.colorbar(lines, ax=ax, label="thickness / nm", shrink=0.8)
    if not covered.all():
        bare.set_label("no layer")
        box = ax.legend(loc="upper right", frameon=True, facecolor="0.35", labelcolor="white")
        box.get_frame().set_edgecolor("none")
    ax.set_title(_wrapped(found.sentence), fontsize=9, loc="left")
    mark_simulated(ax, found.image)
    return ax


def plot_distribution(found: CoatingThickness, ax: Axes | None = None) -> Axes:
    """Histogram of the thickness along the contour, with the median and its interval.

    Parameters
    ----------
    found : CoatingThickness
        From `imaging.coating.thickness`.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from imaging.coating.thickness import coating_thickness
    >>> from imaging.simulating.tem import simulate_tem
    >>> image, _ = simulate_tem(2, shape=(200, 200), pixel=0.08)
    >>> plot_distribution(coating_thickness(image)).get_xlabel()
    'thickness / nm'
    """
    ax = new_axes(ax, figsize=(4.6, 3.2))
    table = found.profile
    thick, covered = table["thickness / nm"].to_numpy(), table["covered"].to_numpy(bool)
    width = max(0.1, round(0.5 * found.median.value / 10, 1))
    top = max(float(thick.max()), found.median.upper, found.detection_limit) + width
    bins = np.arange(0, top + width, width)
    length = found.length / len(table)
    for chosen, colour, label in (
        (covered, OKABE_ITO["sky"], "layer"),
        (~covered, "0.7", "no layer"),
    ):
        if chosen.any():
            weights = np.full(int(chosen.sum()), length)
            ax.hist(
                thick[chosen], bins.tolist(), weights=weights, color=colour, label=label, ec="white"
            )
    median = found.median
    ax.axvspan(
        median.lower, median.upper, color=OKABE_ITO["vermillion"], alpha=0.25, lw=0, zorder=0
    )
    if found.coated:
        ax.axvline(median.value, color=OKABE_ITO["vermillion"], label="median, 95 % interval")
    else:
        ax.axvline(
            found.detection_limit, color=OKABE_ITO["vermillion"], ls="--", label="detection limit"
        )
    ax.set_xlim(0, top)
    ax.set_xlabel("thickness / nm")
    ax.set_ylabel("contour / nm")
    ax.set_title(_wrapped(found.sentence), fontsize=9, loc="left")
    ax.legend()
    mark_simulated(ax, found.image)
    return ax


def _wrapped(text: str) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, 62))
