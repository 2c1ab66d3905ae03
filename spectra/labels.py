"""How an infrared spectrum is labelled, whichever file it came from."""

from __future__ import annotations

from collections.abc import Mapping

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


def labelled_spectrum(
    wavenumber: np.ndarray,
    values: np.ndarray,
    quantity: str,
    attrs: Mapping[str, str | int | float] | None = None,
) -> xr.DataArray:
    """Infrared spectrum, or a series of them, in the conventions of coatqc.

    Parameters
    ----------
    wavenumber : array_like, shape (n,)
        In cm-1.
    values : array_like, shape (n,) or (replicates, n)
        Ordinate.
    quantity : str
        ``absorbance``, ``transmittance``, ``reflectance``, ``single_channel`` or ``intensity``.
    attrs : mapping, optional
        Facts of the measurement.

    Returns
    -------
    xarray.DataArray
        Dims (wavenumber,) or (replicate, wavenumber).

    Examples
    --------
    >>> labelled_spectrum([1700.0, 1698.0], [0.1, 0.2], "absorbance").dims
    ('wavenumber',)
    """
    unit, long_name = QUANTITIES[quantity]
    values = np.asarray(values, dtype=float)
    coords: dict[str, tuple[str, np.ndarray, dict[str, str]]] = {
        "wavenumber": (
            "wavenumber",
            np.asarray(wavenumber, dtype=float),
            {"units": "cm-1", "long_name": "wavenumber"},
        )
    }
    dims: tuple[str, ...] = ("wavenumber",)
    if values.ndim == 2:
        dims = ("replicate", "wavenumber")
        numbers = np.arange(values.shape[0])
        coords["replicate"] = ("replicate", numbers, {"units": "1", "long_name": "replicate"})
    kind = {"kind": "ir_spectrum", "units": unit, "long_name": long_name}
    return xr.DataArray(values, coords, dims, name=quantity, attrs={**kind, **(attrs or {})})
