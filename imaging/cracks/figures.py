"""What do particles and cracks look like, and how long and wide are they?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from scipy import ndimage

from coatcore.plotting import OKABE_ITO, mark_simulated, new_axes, show_image
from imaging.cracks.kinds import INTERGRANULAR, PRIMARY, UNDECIDED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from imaging.cracks.result import Cracks

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


def plot_cracks(found: Cracks, ax: Axes | None = None) -> Axes:
    """Image with particles outlined and cracks coloured by their kind.

    Examples
    --------
    >>> from imaging import find_cracks, simulate_sem
    >>> plot_cracks(find_cracks(simulate_sem(2)[0])).get_legend() is not None
    True
    """
    from matplotlib.colors import to_rgba
    from matplotlib.patches import Patch

    ax = new_axes(ax, figsize=(6.4, 4.9))
    step = max(1, max(found.image.shape) // _SHOWN)
    image = found.image[::step, ::step].compute()
    drawn = show_image(ax, image)
    extent = drawn.get_extent()
    layer = np.zeros((*image.shape, 4))
    number = _coarse_max(found.labels, step)
    edges = ndimage.maximum_filter(number, 3) != ndimage.minimum_filter(number, 3)
    layer[edges] = to_rgba(OUTLINE, 0.9)
    crack = _coarse_max(found.crack_labels, step)
    kinds = found.cracks["kind"].to_numpy()
    # A thin line of a large image is drawn at least as wide as one sees.
    wide = ndimage.maximum_filter(crack, 3) if max(image.shape) > 900 else crack
    for kind, colour in COLOURS.items():
        of_kind = np.concatenate([[False], kinds == kind])
        layer[of_kind[wide]] = to_rgba(colour, 0.9)
    ax.imshow(layer, extent=extent, origin=drawn.origin, interpolation="nearest")
    handles = [Patch(color=OUTLINE, label=f"particle ({len(found.particles)})")]
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
    fraction = found.crack_area_fraction
    ax.set_title(
        f"crack area {100 * fraction.value:.2f} %, 95 % interval [{100 * fraction.lower:.2f}, "
        f"{100 * fraction.upper:.2f}] %",
        fontsize=9,
    )
    mark_simulated(ax, found.image)
    return ax


def _coarse_max(labels: xr.DataArray, step: int) -> np.ndarray:
    """Labels on every `step`-th pixel, thin lines kept."""
    values = labels.values
    if step == 1:
        return values
    return ndimage.maximum_filter(values, step)[::step, ::step]


def plot_crack_sizes(found: Cracks, ax: Axes | None = None, *, what: str = "length") -> Axes:
    """Histogram of the cracks' lengths or widths, stacked by kind.

    Parameters
    ----------
    found : Cracks
        As `find_cracks` gives.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.
    what : {"length", "mean width"}
        Of each crack.

    Raises
    ------
    MeasurementError
        If `what` is something else.

    Examples
    --------
    >>> from imaging import find_cracks, simulate_sem
    >>> ax = plot_crack_sizes(find_cracks(simulate_sem(2)[0]), what="mean width")
    >>> ax.get_xlabel()
    'mean width of crack / nm'
    """
    from coatcore.errors import MeasurementError

    if what not in ("length", "mean width"):
        raise MeasurementError(f"what is {what!r}, expected 'length' or 'mean width'")
    ax = new_axes(ax)
    unit = "nm" if f"{what} / nm" in found.cracks else "pixel"
    values = found.cracks[f"{what} / {unit}"].to_numpy(float)
    kinds = found.cracks["kind"].to_numpy()
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
    mark_simulated(ax, found.image)
    return ax
