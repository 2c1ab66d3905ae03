"""Which part of the image? Regions of interest and what they hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from tofsims.images.mass_images import require_cube


def polygon(image: xr.DataArray, corners: Sequence[tuple[float, float]]) -> xr.DataArray:
    """Mask of the pixels whose centres lie in a polygon.

    Parameters
    ----------
    image : xarray.DataArray
        Anything with the coordinates y and x.
    corners : sequence of (float, float)
        (y, x) in the units of the coordinates, at least three; two are the opposite corners of a
        rectangle.

    Returns
    -------
    xarray.DataArray
        bool, dims (y, x).

    Raises
    ------
    MeasurementError
        With fewer than two corners, or where no pixel lies inside.

    Examples
    --------
    >>> from tofsims.simulating import simulate_cube
    >>> cube, _ = simulate_cube(1, shape=(8, 8), scans=5)
    >>> int(polygon(cube, [(0, 0), (300, 200)]).sum())
    12
    """
    require_cube(image, "y", "x")
    try:
        points = np.asarray(corners, dtype=float)
    except (TypeError, ValueError):
        points = np.empty(0)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 2:
        raise MeasurementError(f"a region needs at least two corners (y, x), found {corners!r}")
    if len(points) == 2:
        (a, b), (c, d) = points
        points = np.array([[a, b], [a, d], [c, d], [c, b]])
    y, x = np.meshgrid(image["y"].values, image["x"].values, indexing="ij")
    inside = np.zeros(y.shape, bool)
    # Even-odd rule: how many edges does a ray along x cross?
    for (y1, x1), (y2, x2) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if y1 == y2:
            continue
        crosses = (y1 > y) != (y2 > y)
        inside ^= crosses & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    if not inside.any():
        raise MeasurementError("no pixel lies in the region: are its corners in nm?")
    coords = {"y": image["y"], "x": image["x"]}
    about = {"units": "1", "long_name": "region of interest"}
    return xr.DataArray(inside, coords, ("y", "x"), name="region", attrs=about)


def region_counts(cube: xr.DataArray, mask: xr.DataArray) -> xr.DataArray:
    """Counts of a cube summed over a region.

    Parameters
    ----------
    cube : xarray.DataArray
        Dims y, x and any others; a coordinate total over y and x is summed as well. Lazy arrays
        stay lazy.
    mask : xarray.DataArray
        bool, dims (y, x), of the same pixels: from `polygon`, or a condition on an ion image.

    Returns
    -------
    xarray.DataArray
        Without y and x; attribute ``pixels``, how many were summed.

    Raises
    ------
    MeasurementError
        If the mask is of another shape or empty.

    Examples
    --------
    >>> from tofsims.simulating import simulate_cube
    >>> cube, _ = simulate_cube(1, shape=(8, 8), scans=5)
    >>> region_counts(cube, cube.sel(fragment="SO-").sum("scan") >= 0).dims
    ('scan', 'fragment')
    """
    require_cube(cube, "y", "x")
    if set(mask.dims) != {"y", "x"} or any(mask.sizes[d] != cube.sizes[d] for d in "yx"):
        raise MeasurementError(
            f"the region has {dict(mask.sizes)}, the cube {cube.sizes['y']} x {cube.sizes['x']} "
            "pixels: both must have the same"
        )
    inside = mask.transpose("y", "x").astype(bool)
    if not bool(inside.any()):
        raise MeasurementError("the region is empty")
    plain = cube.reset_coords(drop=True).drop_vars(["y", "x"], errors="ignore")
    bare = xr.DataArray(inside.values, dims=("y", "x"))
    out = plain.where(bare, 0).sum(("y", "x"), keep_attrs=True)
    for name, coord in cube.coords.items():
        if not {"y", "x"} & set(coord.dims):
            out = out.assign_coords({name: coord})
        elif name == "total":
            total = coord.reset_coords(drop=True).drop_vars(["y", "x"], errors="ignore")
            out = out.assign_coords(total=total.where(bare, 0).sum(("y", "x"), keep_attrs=True))
    out.attrs["pixels"] = int(inside.sum())
    return add_history(out, "region_counts", pixels=int(inside.sum()))
