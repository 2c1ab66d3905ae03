"""What the figures of all techniques share: colours, a scale bar, the mark of simulation."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import xarray as xr

from coatcore.words import pretty_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe & Ito's palette (jfly.uni-koeln.de/color, 2008): told apart with any colour vision.
OKABE_ITO = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
    "black": "#000000",
}
CYCLE = [OKABE_ITO[c] for c in ("blue", "vermillion", "green", "purple", "orange", "sky", "black")]

STYLE: dict[str, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "font.size": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "lines.linewidth": 1.2,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "svg.hashsalt": "coatqc",
}


def new_axes(ax: Axes | None = None, *, figsize: tuple[float, float] = (6.0, 3.6)) -> Axes:
    """Return `ax`, or a new one in the house style.

    Uses a plain `matplotlib.figure.Figure`, not pyplot: nothing is kept alive between calls,
    so thousands of figures can be made in one process. In a notebook pyplot makes it, so that it
    is shown.

    Parameters
    ----------
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.
    figsize : (float, float)
        Width and height in inches, where a new figure is made.

    Examples
    --------
    >>> float(new_axes().figure.get_figwidth())
    6.0
    """
    if ax is not None:
        return ax
    from matplotlib.figure import Figure

    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        import matplotlib.pyplot as plt

        # A notebook shows what pyplot knows of.
        with house_style():
            return plt.figure(figsize=figsize, layout="constrained").add_subplot()
    with house_style():
        return Figure(figsize=figsize, layout="constrained").add_subplot()


@contextmanager
def house_style() -> Iterator[None]:
    """Context in which matplotlib draws in the style of coatqc's figures.

    Examples
    --------
    >>> with house_style():
    ...     ax = new_axes()
    """
    import matplotlib as mpl
    from cycler import cycler

    style: dict[Any, Any] = STYLE | {"axes.prop_cycle": cycler(color=CYCLE)}
    interactive = mpl.is_interactive()
    try:
        with mpl.rc_context(style):
            yield
            interactive = mpl.is_interactive()
    finally:
        # The first figure of a notebook makes matplotlib interactive: that is to stay.
        mpl.interactive(interactive)


def axis_label(coord: xr.DataArray) -> str:
    """Axis label from `long_name` and `units`, e.g. ``wavenumber / cm⁻¹``.

    Examples
    --------
    >>> import xarray as xr
    >>> axis_label(xr.DataArray(0, attrs={"long_name": "wavenumber", "units": "cm-1"}))
    'wavenumber / cm⁻¹'
    """
    name = coord.attrs.get("long_name", str(coord.name or ""))
    unit = pretty_unit(coord.attrs.get("units", "1"))
    return f"{name} / {unit}" if unit and unit != name else name


def mark_simulated(ax: Axes, *objects: xr.DataArray | xr.Dataset) -> None:
    """Write "simulated data" on `ax` where any object says that it is.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Axes to mark.
    *objects : xarray.DataArray or xarray.Dataset
        What is drawn on it.

    Examples
    --------
    >>> import xarray as xr
    >>> ax = new_axes()
    >>> mark_simulated(ax, xr.DataArray(0, attrs={"simulated": "yes"}))
    >>> ax.texts[0].get_text()
    'simulated data'
    """
    if any(str(obj.attrs.get("simulated", "")) == "yes" for obj in objects):
        # Beside the axes, but not on the labels of a second axis there.
        place = ax.get_position().bounds
        twin = any(o is not ax and o.get_position().bounds == place for o in ax.figure.axes)
        ax.text(
            0.997 if twin else 1.003,
            0.985 if twin else 1.0,
            "simulated data",
            transform=ax.transAxes,
            rotation=270,
            ha="right" if twin else "left",
            va="top",
            fontsize=7,
            style="italic",
            color="0.4",
        )


def show_image(ax: Axes, image: xr.DataArray, *, cmap: str = "gray", **kwargs: Any) -> Any:
    """Draw an image in its physical frame with a scale bar instead of axes.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Axes to draw on.
    image : xarray.DataArray
        Dims (y, x), both coordinates in nm (or pixel).
    cmap : str
        Colour map.
    **kwargs
        Passed to `matplotlib.axes.Axes.imshow`.

    Returns
    -------
    matplotlib.image.AxesImage

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> nm = {"units": "nm", "long_name": "x"}
    >>> image = xr.DataArray(np.eye(8), dims=("y", "x"),
    ...     coords={"y": ("y", np.arange(8.0), nm), "x": ("x", np.arange(8.0), nm)})
    >>> _ = show_image(new_axes(), image)
    """
    import numpy as np

    x, y = image["x"].values.astype(float), image["y"].values.astype(float)
    dx = abs(x[1] - x[0]) if x.size > 1 else 1.0
    dy = abs(y[1] - y[0]) if y.size > 1 else 1.0
    extent = (x.min() - dx / 2, x.max() + dx / 2, y.max() + dy / 2, y.min() - dy / 2)
    drawn = ax.imshow(image.values, extent=extent, cmap=cmap, interpolation="nearest", **kwargs)
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)
    width = extent[1] - extent[0]
    power = 10 ** np.floor(np.log10(width / 4))
    length = power * max(m for m in (1, 2, 5) if m * power <= width / 4)
    unit = str(image["x"].attrs.get("units", "pixel"))
    label = f"{length:g} {unit}"
    if unit == "nm" and length >= 1000:
        label = f"{length / 1000:g} µm"
    left, base = extent[0] + 0.04 * width, extent[2] - 0.05 * (extent[2] - extent[3])
    outline = {"facecolor": "black", "alpha": 0.55, "edgecolor": "none", "pad": 2}
    ax.plot([left, left + length], [base, base], color="white", lw=3, solid_capstyle="butt")
    ax.text(
        left + length / 2,
        base - 0.02 * width,
        label,
        color="white",
        ha="center",
        va="bottom",
        fontsize=8,
        bbox=outline,
    )
    return drawn


def panel_of_residual(ax: Axes, residual: xr.DataArray, name: str) -> None:
    """A panel below the axes that shows what is left over in standard deviations.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        With the residual's axis on its abscissa; gives its lower quarter to the panel.
    residual : xarray.DataArray
        Over one dimension with a coordinate, in standard deviations; those within 3 lie on grey.
    name : str
        Label of its ordinate.

    Examples
    --------
    >>> import xarray as xr
    >>> deg = {"units": "degree", "long_name": "2θ"}
    >>> axis = {"two_theta": ("two_theta", [10.0, 11.0], deg)}
    >>> z = xr.DataArray([0.5, -1.0], axis, ("two_theta",))
    >>> ax = new_axes()
    >>> panel_of_residual(ax, z, "difference / σ")
    >>> [panel.get_xlabel() for panel in ax.figure.axes]
    ['', '2θ / °']
    """
    import numpy as np

    spec = ax.get_subplotspec()
    if spec is None:
        # Axes that stand free have no room of their own to divide.
        return
    rows = spec.subgridspec(2, 1, height_ratios=(3, 1), hspace=0.06)
    ax.set_subplotspec(rows[0])
    below = ax.figure.add_subplot(rows[1], sharex=ax)
    axis = residual[str(residual.dims[0])]
    z = residual.values
    below.axhspan(-3, 3, color="0.9", lw=0)
    below.plot(axis.values, z, lw=0.5, color=OKABE_ITO["green"])
    limit = max(5.0, 1.05 * float(np.nanmax(np.abs(z))))
    below.set_ylim(-limit, limit)
    below.set_ylabel(name)
    below.set_xlabel(axis_label(axis))
    below.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelbottom=False)


# More lines than these tell apart nothing.
_FEW_LINES = 12


def plot_lines(array: xr.DataArray, axis: str, *, ax: Axes | None = None) -> Axes:
    """An array as lines over one of its axes, the first twelve where it has more.

    Parameters
    ----------
    array : xarray.DataArray
        With that dimension, and any others.
    axis : str
        The dimension.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Examples
    --------
    >>> import xarray as xr
    >>> deg = {"units": "degree", "long_name": "2θ"}
    >>> axis = {"two_theta": ("two_theta", [10.0, 11.0], deg)}
    >>> plot_lines(xr.DataArray([1.0, 2.0], axis, ("two_theta",)), "two_theta").get_xlabel()
    '2θ / °'
    """
    ax = new_axes(ax, figsize=(7, 4))
    rest = [d for d in array.dims if d != axis]
    lines = array.stack(line=rest) if rest else array.expand_dims("line")
    lines = lines.transpose("line", axis)
    for line in lines[:_FEW_LINES].values:
        ax.plot(array[axis].values, line, lw=0.8)
    if lines.sizes["line"] > _FEW_LINES:
        ax.set_title(f"first {_FEW_LINES} of {lines.sizes['line']}")
    ax.set_xlabel(axis_label(array[axis]))
    ax.set_ylabel(axis_label(array))
    mark_simulated(ax, array)
    return ax


def plot_mean_image(array: xr.DataArray, *, ax: Axes | None = None) -> Axes:
    """An image with its colour scale; of a cube, the mean over its other axes; the first page.

    Parameters
    ----------
    array : xarray.DataArray
        With dims y and x, and any others.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> nm = {"units": "nm", "long_name": "x"}
    >>> image = xr.DataArray(np.eye(8), dims=("y", "x"),
    ...     coords={"y": ("y", np.arange(8.0), nm), "x": ("x", np.arange(8.0), nm)})
    >>> len(plot_mean_image(image).figure.axes)
    2
    """
    ax = new_axes(ax, figsize=(7, 4))
    flat = array.isel(page=0, drop=True) if "page" in array.dims else array
    flat = flat.mean([d for d in flat.dims if d not in ("y", "x")])
    drawn = show_image(ax, flat.transpose("y", "x"))
    figure = ax.get_figure()
    assert figure is not None
    figure.colorbar(drawn, ax=ax, label=axis_label(array), shrink=0.8)
    mark_simulated(ax, array)
    return ax
