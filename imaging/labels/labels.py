"""How an image is labelled, whichever file it came from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

_NM_PER = {"m": 1e9, "mm": 1e6, "um": 1e3, "µm": 1e3, "μm": 1e3, "nm": 1.0, "pm": 1e-3, "å": 0.1}
NO_PIXEL_SIZE = "the file does not say how large a pixel is"


def nm_per(unit: str) -> float | None:
    """Nanometres in a unit of length, or None where it is none.

    Examples
    --------
    >>> nm_per("µm"), nm_per("V")
    (1000.0, None)
    """
    return _NM_PER.get(unit.strip().lower())


def labelled_image(
    values: np.ndarray,
    pixel: tuple[float, float] | None,
    *,
    name: str = "intensity",
    unit: str = "counts",
    long_name: str = "intensity",
    attrs: Mapping[str, str | int | float] | None = None,
) -> xr.DataArray:
    """Image in the conventions of coatqc; coordinates are pixel centres.

    Parameters
    ----------
    values : array_like, shape (ny, nx) or (pages, ny, nx)
        Rows run down.
    pixel : (float, float) or None
        Height and width of a pixel in nm; None where it is not known.
    name, unit, long_name : str
        Of the values.
    attrs : mapping, optional
        Facts of the measurement.

    Returns
    -------
    xarray.DataArray
        Dims (y, x) or (page, y, x).

    Examples
    --------
    >>> labelled_image([[1, 2], [3, 4]], (5.0, 5.0))["x"].values
    array([2.5, 7.5])
    """
    values = np.asarray(values)
    facts: dict[str, str | int | float] = dict(attrs or {})
    where = "nm" if pixel else "pixel"
    dy, dx = pixel or (1.0, 1.0)
    if pixel is None:
        old = facts.get("assumptions", "")
        facts["assumptions"] = f"{old}; {NO_PIXEL_SIZE}" if old else NO_PIXEL_SIZE
    coords = {
        axis: (axis, (np.arange(n) + 0.5) * d, {"units": where, "long_name": axis})
        for axis, n, d in (("y", values.shape[-2], dy), ("x", values.shape[-1], dx))
    }
    dims: tuple[str, ...] = ("y", "x")
    if values.ndim == 3:
        dims = ("page", "y", "x")
        pages = np.arange(values.shape[0]).astype(float)
        coords["page"] = ("page", pages, {"units": "1", "long_name": "page"})
    label = {"kind": "image", "units": unit, "long_name": long_name}
    return xr.DataArray(values, coords, dims, name=name, attrs={**label, **facts})


def pixel_size(image: xr.DataArray) -> tuple[float, float]:
    """Height and width of a pixel, in the unit of the coordinates.

    Examples
    --------
    >>> import numpy as np
    >>> pixel_size(labelled_image(np.zeros((3, 3)), (5.0, 2.0)))
    (5.0, 2.0)
    """
    dy, dx = (abs(float(image[a].values[1] - image[a].values[0])) for a in ("y", "x"))
    return dy, dx
