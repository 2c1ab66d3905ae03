"""What do particles and cracks look like, and how long and wide are they?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from scipy import ndimage

from coatcore.errors import MeasurementError
from coatcore.plotting import OKABE_ITO, mark_simulated, new_axes, show_image
from imaging.cracks.kinds import INTERGRANULAR, PRIMARY, UNDECIDED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {
    INTERGRANULAR: OKABE_ITO["vermillion"],
    PRIMARY: OKABE_ITO["yellow"],
    UNDECIDED: OKABE_ITO["purple"],
}
NAMES = {
    INTERGRANULAR: "intergranular",
    PRIMARY: "primary particle",
    UNDECIDED: "undecided",
}
OUTLINE = OKABE_ITO["sky"]
# Pixels a side that a figure shows at most; more are not seen and take long to draw.
_SHOWN = 2000


def plot_cracks(
    image: xr.DataArray,
    labels: xr.DataArray,
    crack_labels: xr.DataArray,
    cracks: pd.DataFrame,
    *,
    particles: int,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Image with particles outlined and cracks coloured by their kind.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x).
    labels, crack_labels : xarray.DataArray
        Dims (y, x): numbers of particles and of cracks, 0 where there is none.
    cracks : pandas.DataFrame
        A row a crack, in the order of their numbers, with its kind.
    particles : int
        How many particles there are.
    title : str, optional
        Above the image.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Examples
    --------
    >>> from imaging import find_cracks, simulate_sem
    >>> found = find_cracks(simulate_sem(2)[0])
    >>> ax = plot_cracks(found.image, found.labels, found.crack_labels, found.cracks,
    ...     particles=len(found.particles))
    >>> ax.get_legend() is not None
    True
    """
    from matplotlib.colors import to_rgba
    from matplotlib.patches import Patch

    ax = new_axes(ax, figsize=(6.4, 4.9))
    step = max(1, max(image.shape) // _SHOWN)
    shown = image[::step, ::step].compute()
    drawn = show_image(ax, shown)
    extent = drawn.get_extent()
    layer = np.zeros((*shown.shape, 4))
    number = _coarse_max(labels, step)
    edges = ndimage.maximum_filter(number, 3) != ndimage.minimum_filter(number, 3)
    layer[edges] = to_rgba(OUTLINE, 0.9)
    crack = _coarse_max(crack_labels, step)
    kinds = cracks["kind"].to_numpy()
    # A thin line of a large image is drawn at least as wide as one sees.
    wide = ndimage.maximum_filter(crack, 3) if max(shown.shape) > 900 else crack
    for kind, colour in COLOURS.items():
        of_kind = np.concatenate([[False], kinds == kind])
        layer[of_kind[wide]] = to_rgba(colour, 0.9)
    ax.imshow(layer, extent=extent, origin=drawn.origin, interpolation="nearest")
    handles = [Patch(color=OUTLINE, label=f"particle ({particles})")]
    for kind, colour in COLOURS.items():
        handles.append(Patch(color=colour, label=f"{NAMES[kind]} ({int((kinds == kind).sum())})"))
    ax.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.01),
        ncols=2,
        fontsize=8,
        handlelength=1.0,
        columnspacing=1.2,
    )
    ax.set_title(title, fontsize=9)
    mark_simulated(ax, image)
    return ax


def _coarse_max(labels: xr.DataArray, step: int) -> np.ndarray:
    """Labels on every `step`-th pixel, thin lines kept."""
    values = labels.values
    if step == 1:
        return values
    return ndimage.maximum_filter(values, step)[::step, ::step]


def plot_crack_sizes(cracks: pd.DataFrame, *, what: str = "length", ax: Axes | None = None) -> Axes:
    """Histogram of the cracks' lengths or widths, stacked by kind.

    Parameters
    ----------
    cracks : pandas.DataFrame
        A row a crack, with its kind, length and width.
    what : {"length", "mean width"}
        Of each crack.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Raises
    ------
    MeasurementError
        If `what` is something else.

    Examples
    --------
    >>> from imaging import find_cracks, simulate_sem
    >>> ax = plot_crack_sizes(find_cracks(simulate_sem(2)[0]).cracks, what="mean width")
    >>> ax.get_xlabel()
    'mean width of crack / nm'
    """
    if what not in ("length", "mean width"):
        raise MeasurementError(f"what is {what!r}, expected 'length' or 'mean width'")
    ax = new_axes(ax)
    unit = "nm" if f"{what} / nm" in cracks else "pixel"
    values = cracks[f"{what} / {unit}"].to_numpy(float)
    kinds = cracks["kind"].to_numpy()
    if values.size:
        bins = np.histogram_bin_edges(values, bins="auto" if values.size > 20 else 8)
        ax.hist(
            [values[kinds == kind] for kind in COLOURS],
            bins=bins.tolist(),
            stacked=True,
            color=list(COLOURS.values()),
            edgecolor="white",
            linewidth=0.5,
            label=[f"{NAMES[k]} ({int((kinds == k).sum())})" for k in COLOURS],
        )
        ax.axvline(np.median(values), color="black", ls="--", lw=1)
        ax.text(
            np.median(values),
            1.0,
            f" median {np.median(values):.0f} {unit}",
            transform=ax.get_xaxis_transform(),
            va="top",
            fontsize=8,
        )
        ax.legend()
    else:
        ax.text(0.5, 0.5, "no crack found", transform=ax.transAxes, ha="center")
    ax.set_xlabel(f"{what} of crack / {unit}")
    ax.set_ylabel("number of cracks")
    return ax
