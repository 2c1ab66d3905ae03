"""Figures of a coating's thickness: along the particle's edge, and how it is distributed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from coatcore.estimate import Estimate
from coatcore.plotting import OKABE_ITO, mark_simulated, new_axes, show_image

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Where two windows are this much further apart than usual, the line between them is left out.
_GAP = 2.5


def plot_coating(
    image: xr.DataArray, profile: pd.DataFrame, *, title: str = "", ax: Axes | None = None
) -> Axes:
    """Image with the crystal's edge coloured by the thickness of the layer on it.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x), nm.
    profile : pandas.DataFrame
        A row a window along the contour: place, thickness, whether it is covered.
    title : str, optional
        Above the image.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from imaging.simulating.tem import simulate_tem
    >>> image, _ = simulate_tem(2, thickness=0.0, shape=(200, 200), pixel=0.08)
    >>> profile = pd.DataFrame({"x / nm": [2.0, 4.0, 6.0], "y / nm": 8.0, "thickness / nm": 1.5,
    ...     "covered": [True, True, False]})
    >>> plot_coating(image, profile, title="coated").get_title(loc="left")
    'coated'
    """
    from matplotlib.collections import LineCollection
    from matplotlib.colors import Normalize

    ax = new_axes(ax, figsize=(5.6, 4.6))
    show_image(ax, image)
    points = profile[["x / nm", "y / nm"]].to_numpy(float)
    thick, covered = profile["thickness / nm"].to_numpy(), profile["covered"].to_numpy(bool)
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
    ax.set_title(_wrapped(title), fontsize=9, loc="left")
    mark_simulated(ax, image)
    return ax


def plot_distribution(
    profile: pd.DataFrame,
    median: Estimate,
    *,
    length: float,
    detection_limit: float,
    coated: bool = True,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Histogram of the thickness along the contour, with the median and its interval.

    Parameters
    ----------
    profile : pandas.DataFrame
        A row a window along the contour: thickness, whether it is covered.
    median : Estimate
        Of the thickness, nm.
    length : float
        Of the contour, nm.
    detection_limit : float
        Thickness that is seen, nm; drawn in place of the median where there is no layer.
    coated : bool
        Whether there is a layer.
    title : str, optional
        Above the axes.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> profile = pd.DataFrame({"thickness / nm": [1.4, 1.6, 0.0], "covered": [True, True, False]})
    >>> median = Estimate.from_standard_uncertainty(1.5, 0.1, unit="nm")
    >>> plot_distribution(profile, median, length=30.0, detection_limit=0.4).get_xlabel()
    'thickness / nm'
    """
    ax = new_axes(ax, figsize=(4.6, 3.2))
    thick, covered = profile["thickness / nm"].to_numpy(), profile["covered"].to_numpy(bool)
    width = max(0.1, round(0.5 * median.value / 10, 1))
    top = max(float(thick.max()), median.upper, detection_limit) + width
    bins = np.arange(0, top + width, width)
    window = length / len(profile)
    for chosen, colour, label in (
        (covered, OKABE_ITO["sky"], "layer"),
        (~covered, "0.7", "no layer"),
    ):
        if chosen.any():
            weights = np.full(int(chosen.sum()), window)
            ax.hist(
                thick[chosen], bins.tolist(), weights=weights, color=colour, label=label, ec="white"
            )
    ax.axvspan(
        median.lower, median.upper, color=OKABE_ITO["vermillion"], alpha=0.25, lw=0, zorder=0
    )
    if coated:
        ax.axvline(median.value, color=OKABE_ITO["vermillion"], label="median, 95 % interval")
    else:
        ax.axvline(detection_limit, color=OKABE_ITO["vermillion"], ls="--", label="detection limit")
    ax.set_xlim(0, top)
    ax.set_xlabel("thickness / nm")
    ax.set_ylabel("contour / nm")
    ax.set_title(_wrapped(title), fontsize=9, loc="left")
    ax.legend()
    return ax


def _wrapped(text: str) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, 62))
