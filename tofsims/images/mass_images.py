"""Where on the surface does each ion come from?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.plotting import mark_simulated
from coatcore.provenance import add_history
from tofsims.ions.figures import pretty_ion

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Lengths of scale bars in nm.
_BARS = [m * 10**k for k in range(8) for m in (1, 2, 5)]


def ion_images(
    cube: xr.DataArray, ions: Sequence[str] | None = None, *, scans: slice | None = None
) -> xr.DataArray:
    """Images of ions, summed over scans.

    Parameters
    ----------
    cube : xarray.DataArray
        Dims (y, x, fragment), and scan or not; counts. Lazy arrays stay lazy. For event lists
        see `bin_images`.
    ions : sequence of str, optional
        Fragments; by default all.
    scans : slice, optional
        Which scans by their number, e.g. ``slice(0, 10)``; by default all.

    Returns
    -------
    xarray.DataArray
        Dims (fragment, y, x).

    Raises
    ------
    MeasurementError
        If the cube lacks a dim or a fragment, or holds negative counts.

    Examples
    --------
    >>> from tofsims.simulating import simulate_cube
    >>> cube, _ = simulate_cube(1, shape=(8, 8), scans=5)
    >>> ion_images(cube, ["SO-", "58NiO2-"]).dims
    ('fragment', 'y', 'x')
    """
    require_cube(cube, "y", "x", "fragment")
    known = [str(n) for n in cube["fragment"].values]
    wanted = known if ions is None else [ions] if isinstance(ions, str) else list(ions)
    if missing := [n for n in wanted if n not in known] or ([] if wanted else ["nothing"]):
        raise MeasurementError(
            f"no image of {', '.join(missing)}: the fragments are {', '.join(known)}"
        )
    out = cube.sel(fragment=wanted)
    if "scan" in out.dims:
        out = out.isel(scan=scans if scans is not None else slice(None))
        if not out.sizes["scan"]:
            raise MeasurementError(f"the cube has no scan in {scans}")
        out = out.sum("scan", keep_attrs=True)
    elif scans is not None:
        raise MeasurementError("the cube has no scans to choose from")
    return add_history(out.transpose("fragment", "y", "x"), "ion_images", fragments=wanted)


def require_cube(cube: xr.DataArray, *dims: str) -> xr.DataArray:
    """The cube, if it has these dims and holds counts.

    Raises
    ------
    MeasurementError
        Otherwise. Values of lazy arrays are not looked at.

    Examples
    --------
    >>> from tofsims.simulating import simulate_cube
    >>> require_cube(simulate_cube(1, shape=(8, 8), scans=5)[0], "scan").sizes["scan"]
    5
    """
    if not isinstance(cube, xr.DataArray):
        raise MeasurementError(
            f"expected a cube of mass images as coatqc.read gives it, found {type(cube).__name__}"
        )
    if missing := [d for d in dims if d not in cube.dims]:
        raise MeasurementError(
            f"{cube.attrs.get('source', 'the cube')} has no dim {', '.join(missing)}: its dims are "
            f"{', '.join(map(str, cube.dims))}"
        )
    if isinstance(cube.variable.data, np.ndarray):
        values = cube.values
        if values.size == 0:
            raise MeasurementError("the cube is empty")
        if not np.isfinite(values).all() or values.min() < 0:
            raise MeasurementError(
                f"{cube.attrs.get('source', 'the cube')} holds negative or missing counts"
            )
    return cube


def plot_ion_images(images: xr.DataArray, *, overlay: Sequence[str] | None = None) -> Figure:
    """Small multiples of ion images with a scale bar, each on its own colour scale.

    Parameters
    ----------
    images : xarray.DataArray
        Dims (fragment, y, x).
    overlay : sequence of str, optional
        Two ions that are shown over each other as well: the first in blue, the second in orange,
        which colour-blind people tell apart; white is both.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    MeasurementError
        If `overlay` does not name two of the fragments.

    Examples
    --------
    >>> from tofsims.simulating import simulate_cube
    >>> cube, _ = simulate_cube(1, shape=(8, 8), scans=5)
    >>> len(plot_ion_images(ion_images(cube, ["SO-"])).axes)
    2
    """
    import matplotlib.pyplot as plt

    require_cube(images, "fragment", "y", "x")
    names = [str(n) for n in images["fragment"].values]
    if overlay is not None and (len(overlay) != 2 or any(n not in names for n in overlay)):
        raise MeasurementError(
            f"an overlay takes two of {', '.join(names)}, found {', '.join(overlay)}"
        )
    n = len(names) + (overlay is not None)
    columns = min(n, 3)
    rows = -(-n // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(3.1 * columns, 2.8 * rows), squeeze=False, layout="constrained"
    )
    panels = list(grid.ravel())
    for panel in panels:
        panel.set_axis_off()
    for panel, name in zip(panels, names, strict=False):
        values = np.asarray(images.sel(fragment=name).transpose("y", "x"))
        shown = panel.imshow(values, cmap="viridis", vmin=0, interpolation="nearest")
        bar = figure.colorbar(shown, ax=panel, shrink=0.8)
        bar.set_label(f"{images.attrs.get('units', 'counts')} a pixel")
        panel.set_title(pretty_ion(name))
        scale_bar(panel, images)
    if overlay is not None:
        panel = panels[len(names)]
        panel.imshow(_two_colours(images, overlay), interpolation="nearest")
        panel.set_title(f"{pretty_ion(overlay[0])} (blue), {pretty_ion(overlay[1])} (orange)")
        scale_bar(panel, images)
    mark_simulated(panels[0], images)
    return figure


def _two_colours(images: xr.DataArray, overlay: Sequence[str]) -> np.ndarray:
    blue, orange = np.array([0.0, 0.45, 0.70]), np.array([1.0, 0.55, 0.30])
    out = np.zeros((*images.sel(fragment=overlay[0]).transpose("y", "x").shape, 3))
    for name, colour in zip(overlay, (blue, orange), strict=True):
        values = np.asarray(images.sel(fragment=name).transpose("y", "x"), dtype=float)
        top = float(np.percentile(values, 99.5)) or 1.0
        out += np.clip(values / top, 0, 1)[..., None] * colour
    return np.clip(out, 0, 1)


def scale_bar(panel: Axes, images: xr.DataArray) -> None:
    """A bar of a round length in a picture of pixels, where their size is known."""
    x = images["x"].values
    if images["x"].attrs.get("units") != "nm" or x.size < 2:
        return
    step = abs(float(x[1] - x[0]))
    length = max((b for b in _BARS if b <= 0.35 * step * x.size), default=None)
    if length is None:
        return
    text = f"{length:g} nm" if length < 1000 else f"{length / 1000:g} µm"
    bottom = images.sizes["y"] - 1
    left = 0.05 * x.size
    panel.plot(
        [left, left + length / step],
        [0.95 * bottom] * 2,
        color="white",
        lw=3,
        solid_capstyle="butt",
    )
    panel.text(
        left + length / step / 2,
        0.92 * bottom,
        text,
        color="white",
        ha="center",
        va="bottom",
        fontsize="small",
    )
