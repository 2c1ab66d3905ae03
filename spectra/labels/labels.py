"""How an infrared spectrum is labelled, whichever file it came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

# Quantity -> (unit, name for people).
QUANTITIES = {
    "absorbance": ("1", "absorbance"),
    "transmittance": ("1", "transmittance"),
    "reflectance": ("1", "reflectance"),
    "single_channel": ("1", "single-channel intensity"),
    "intensity": ("1", "nano-IR intensity"),
}


NO_PIXEL_SIZE = "the file does not say how large a pixel is"


def _wavenumbers(wavenumber: np.ndarray) -> tuple[str, np.ndarray, dict[str, str]]:
    labels = {"units": "cm-1", "long_name": "wavenumber"}
    return "wavenumber", np.asarray(wavenumber, dtype=float), labels


def _floats(values: np.ndarray) -> np.ndarray:
    # Values that are no number are kept; what they mean is for those who use them.
    with np.errstate(invalid="ignore"):
        return np.asarray(values, dtype=float)


def labelled_spectrum(
    wavenumber: np.ndarray,
    values: np.ndarray,
    quantity: str,
    attrs: Mapping[str, str | int | float] | None = None,
    *,
    series: str = "replicate",
    along: Mapping[str, tuple[Any, str, str]] | None = None,
) -> xr.DataArray:
    """Infrared spectrum, or a series of them, in the conventions of coatqc.

    Parameters
    ----------
    wavenumber : array_like, shape (n,)
        In cm-1.
    values : array_like, shape (n,) or (spectra, n)
        Ordinate.
    quantity : str
        ``absorbance``, ``transmittance``, ``reflectance``, ``single_channel`` or ``intensity``.
    attrs : mapping, optional
        Facts of the measurement; ``units`` among them replaces the unit of the quantity.
    series : str
        Dimension of several spectra: ``"replicate"``, or ``"position"`` where they were taken at
        different places and so are no repeats of each other.
    along : mapping of str to (values, unit, long_name), optional
        What the file states of each spectrum of a series: titles, times, stage positions.

    Returns
    -------
    xarray.DataArray
        Dims (wavenumber,) or (`series`, wavenumber).

    Examples
    --------
    >>> labelled_spectrum([1700.0, 1698.0], [0.1, 0.2], "absorbance").dims
    ('wavenumber',)
    >>> two = labelled_spectrum([1700.0, 1698.0], [[0.1, 0.2], [0.2, 0.3]], "absorbance",
    ...     series="position", along={"stage_x": ([0.0, 500.0], "nm", "stage x")})
    >>> two["stage_x"].values
    array([  0., 500.])
    """
    unit, long_name = QUANTITIES[quantity]
    values = _floats(values)
    coords: dict[str, tuple[str, np.ndarray, dict[str, str]]] = {
        "wavenumber": _wavenumbers(wavenumber)
    }
    dims: tuple[str, ...] = ("wavenumber",)
    if values.ndim == 2:
        dims = (series, "wavenumber")
        numbers = np.arange(values.shape[0])
        coords[series] = (series, numbers, {"units": "1", "long_name": series})
        for name, (each, its_unit, its_name) in (along or {}).items():
            labels = {"units": its_unit, "long_name": its_name}
            coords[name] = (series, np.asarray(each), labels)
    kind = {"kind": "ir_spectrum", "units": unit, "long_name": long_name}
    return xr.DataArray(values, coords, dims, name=quantity, attrs={**kind, **(attrs or {})})


def labelled_cube(
    wavenumber: np.ndarray,
    values: np.ndarray,
    quantity: str,
    y: np.ndarray | None,
    x: np.ndarray | None,
    attrs: Mapping[str, str | int | float] | None = None,
) -> xr.DataArray:
    """Map of infrared spectra in the conventions of coatqc.

    Parameters
    ----------
    wavenumber : array_like, shape (n,)
        In cm-1.
    values : array_like, shape (ny, nx, n)
        Ordinate.
    quantity : str
        As for `labelled_spectrum`.
    y, x : array_like, shape (ny,) and (nx,), or None
        Centres of the pixels on the stage in nm; None where the file does not state them, which
        counts pixels and says so in ``attrs["assumptions"]``.
    attrs : mapping, optional
        Facts of the measurement; ``units`` among them replaces the unit of the quantity.

    Returns
    -------
    xarray.DataArray
        Dims (y, x, wavenumber).

    Examples
    --------
    >>> import numpy as np
    >>> cube = labelled_cube([1700.0, 1698.0], np.ones((2, 3, 2)), "absorbance",
    ...     [0.0, 50.0], [0.0, 50.0, 100.0])
    >>> cube.dims, cube["x"].attrs["units"]
    (('y', 'x', 'wavenumber'), 'nm')
    """
    unit, long_name = QUANTITIES[quantity]
    values = _floats(values)
    facts = dict(attrs or {})
    if y is None or x is None:
        old = facts.get("assumptions", "")
        facts["assumptions"] = f"{old}; {NO_PIXEL_SIZE}" if old else NO_PIXEL_SIZE
    coords: dict[str, tuple[str, np.ndarray, dict[str, str]]] = {
        "wavenumber": _wavenumbers(wavenumber)
    }
    for axis, places, n in (("y", y, values.shape[0]), ("x", x, values.shape[1])):
        known = y is not None and x is not None
        centres = np.asarray(places, dtype=float) if known else np.arange(n) + 0.5
        labels = {"units": "nm" if known else "pixel", "long_name": axis}
        coords[axis] = (axis, centres, labels)
    kind = {"kind": "ir_cube", "units": unit, "long_name": long_name}
    dims = ("y", "x", "wavenumber")
    return xr.DataArray(values, coords, dims, name=quantity, attrs={**kind, **facts})
