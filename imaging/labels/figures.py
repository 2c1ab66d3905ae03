"""Figures of plain images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

from coatcore.plotting import mark_simulated, new_axes, show_image

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_image(image: xr.DataArray, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Image with a scale bar; of several pages, the first.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x) or (page, y, x).
    title : str, optional
        Over the image.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from imaging import simulate_sem
    >>> plot_image(simulate_sem(1, shape=(96, 96))[0], title="uncoated").get_title(loc="left")
    'uncoated'
    """
    ax = new_axes(ax, figsize=(5.0, 4.0))
    show_image(ax, image.isel(page=0) if "page" in image.dims else image)
    ax.set_title(title, loc="left")
    mark_simulated(ax, image)
    return ax
