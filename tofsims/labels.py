"""How a mass spectrum is labelled, whichever file it came from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from coatqc.core.errors import MeasurementError


def labelled_spectrum(
    mz: np.ndarray,
    channel: np.ndarray,
    counts: np.ndarray,
    attrs: Mapping[str, str | int | float] | None = None,
) -> xr.DataArray:
    """Mass spectrum in the conventions of coatqc.

    Parameters
    ----------
    mz, channel, counts : array_like, shape (n,)
        Mass-to-charge ratio in u, flight-time channel, ion counts.
    attrs : mapping, optional
        Facts of the measurement.

    Examples
    --------
    >>> labelled_spectrum([1.0, 4.0], [10, 20], [0, 5]).sizes["mz"]
    2
    """
    coords = {
        "mz": ("mz", np.asarray(mz, dtype=float), {"units": "u", "long_name": "m/z"}),
        "channel": (
            "mz",
            np.asarray(channel, dtype=float),
            {"units": "1", "long_name": "flight-time channel"},
        ),
    }
    label = {"kind": "mass_spectrum", "units": "counts", "long_name": "intensity"}
    values = np.asarray(counts, dtype=float)
    return xr.DataArray(values, coords, ("mz",), name="counts", attrs={**label, **(attrs or {})})


def require_spectrum(spectrum: xr.DataArray) -> xr.DataArray:
    """The spectrum, if it is one.

    Raises
    ------
    MeasurementError
        If it has other dims than mz, or holds negative or missing counts.

    Examples
    --------
    >>> require_spectrum(labelled_spectrum([1.0, 4.0], [10, 20], [0, 5])).name
    'counts'
    """
    if spectrum.dims != ("mz",):
        raise MeasurementError(f"a mass spectrum has dim mz, found {spectrum.dims}")
    values = spectrum.values
    if not np.isfinite(values).all() or values.min() < 0 or values.sum() <= 0:
        source = spectrum.attrs.get("source", "the spectrum")
        raise MeasurementError(f"{source} holds negative, missing or no counts")
    return spectrum


def flight_time(spectrum: xr.DataArray) -> np.ndarray:
    """Axis that is linear in flight time: the channel, or the root of the stored m/z.

    Examples
    --------
    >>> flight_time(labelled_spectrum([1.0, 4.0], [10, 20], [0, 5]))
    array([10., 20.])
    """
    if "channel" in spectrum.coords:
        return spectrum["channel"].values.astype(float)
    return np.sqrt(np.clip(spectrum["mz"].values, 0, None))
