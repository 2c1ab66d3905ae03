"""How a diffraction pattern is labelled, whichever file it came from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError

CU_KALPHA1 = 1.5405980
CU_KALPHA2 = 1.5444260
_UNITS = {"counts": "counts", "count_rate": "counts/s", "intensity": "1"}


def labelled_pattern(
    two_theta: np.ndarray,
    values: np.ndarray,
    name: str = "counts",
    attrs: Mapping[str, str | int | float] | None = None,
) -> xr.DataArray:
    """Diffraction pattern, or several scans of it, in the conventions of coatqc.

    Parameters
    ----------
    two_theta : array_like, shape (n,)
        In degree.
    values : array_like, shape (n,) or (scans, n)
        Ordinate.
    name : {"counts", "count_rate", "intensity"}
        Counts of a detector, counts per second, or a number whose scale is not known.
    attrs : mapping, optional
        Facts of the measurement.

    Examples
    --------
    >>> labelled_pattern([10.0, 10.1], [5, 7]).attrs["units"]
    'counts'
    """
    values = np.asarray(values, dtype=float)
    coords: dict[str, tuple[str, np.ndarray, dict[str, str]]] = {
        "two_theta": (
            "two_theta",
            np.asarray(two_theta, dtype=float),
            {"units": "degree", "long_name": "2θ"},
        )
    }
    dims: tuple[str, ...] = ("two_theta",)
    if values.ndim == 2:
        dims = ("scan", "two_theta")
        coords["scan"] = (
            "scan",
            np.arange(values.shape[0]),
            {"units": "1", "long_name": "scan"},
        )
    label = {
        "kind": "xrd_pattern",
        "units": _UNITS[name],
        "long_name": name.replace("_", " "),
    }
    return xr.DataArray(values, coords, dims, name=name, attrs={**label, **(attrs or {})})


def require_pattern(pattern: xr.DataArray) -> xr.DataArray:
    """The pattern, ascending, if it is one.

    Raises
    ------
    MeasurementError
        If it has other dims than two_theta, fewer than 50 points, or missing values.

    Examples
    --------
    >>> import numpy as np
    >>> require_pattern(labelled_pattern(np.arange(60.0), np.arange(60.0))).size
    60
    """
    if not isinstance(pattern, xr.DataArray):
        raise MeasurementError(
            f"a {type(pattern).__name__} is no pattern; read a file, or label numbers with "
            "xrd.labels.labelled_pattern"
        )
    source = pattern.attrs.get("source", "the pattern")
    if pattern.dims != ("two_theta",):
        raise MeasurementError(f"{source} has dims {pattern.dims}, expected two_theta; pick a scan")
    missing = int(np.count_nonzero(~np.isfinite(pattern.values)))
    if missing:
        raise MeasurementError(
            f"{source} has {missing} missing values (NaN or infinite); cut or fill them"
        )
    if pattern.size < 50:
        raise MeasurementError(f"{source} has {pattern.size} points; 50 are needed")
    if pattern.values.min() < 0:
        raise MeasurementError(
            f"{source} has negative intensities, down to {pattern.values.min():g}; take patterns "
            "as measured, without a background taken off"
        )
    if np.ptp(pattern.values) == 0:
        raise MeasurementError(f"{source} is flat: it shows no diffraction")
    wavelength = pattern.attrs.get("wavelength_angstrom")
    if wavelength is not None and not isinstance(wavelength, int | float | np.number):
        raise MeasurementError(
            f"{source} has wavelength_angstrom {wavelength!r}; a number was expected, as 1.540598"
        )
    pattern = pattern.sortby("two_theta")
    if np.any(np.diff(pattern["two_theta"].values) <= 0):
        raise MeasurementError(f"{source} has angles that occur twice; take one scan")
    return pattern
