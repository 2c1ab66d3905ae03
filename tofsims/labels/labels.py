"""How mass spectra and mass images are labelled, whichever file they came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError

NO_PIXEL_SIZE = "the file does not say how large a pixel is"
Facts = dict[str, str | int | float]


def labelled_spectrum(
    mz: np.ndarray,
    channel: np.ndarray | None,
    counts: np.ndarray,
    attrs: Mapping[str, str | int | float] | None = None,
) -> xr.DataArray:
    """Mass spectrum in the conventions of coatqc.

    Parameters
    ----------
    mz, channel, counts : array_like, shape (n,)
        Mass-to-charge ratio in u, flight-time channel (None where it is not known), ion counts.
    attrs : mapping, optional
        Facts of the measurement.

    Examples
    --------
    >>> labelled_spectrum([1.0, 4.0], [10, 20], [0, 5]).sizes["mz"]
    2
    """
    coords = {"mz": ("mz", np.asarray(mz, dtype=float), {"units": "u", "long_name": "m/z"})}
    if channel is not None:
        about = {"units": "1", "long_name": "flight-time channel"}
        coords["channel"] = ("mz", np.asarray(channel, dtype=float), about)
    label = {"kind": "mass_spectrum", "units": "counts", "long_name": "intensity"}
    values = np.asarray(counts, dtype=float)
    return xr.DataArray(values, coords, ("mz",), name="counts", attrs={**label, **(attrs or {})})


def labelled_cube(
    counts: Any,
    pixel: tuple[float, float] | None,
    *,
    fragments: Sequence[str] | None = None,
    mz: np.ndarray | None = None,
    windows: np.ndarray | None = None,
    total: np.ndarray | None = None,
    attrs: Mapping[str, str | int | float] | None = None,
) -> xr.DataArray:
    """Mass image in the conventions of coatqc; y and x are the centres of pixels.

    Parameters
    ----------
    counts : array_like or dask array
        Shape (ny, nx), with a leading axis of scans, a trailing one of fragments or m/z, or
        both. A dask array stays one.
    pixel : (float, float) or None
        Height and width of a pixel in nm; None where they are not known.
    fragments : sequence of str, optional
        What the trailing axis counts; names that repeat get a number.
    mz : array_like, optional
        m/z of the trailing axis in u, in place of `fragments`.
    windows : array_like, shape (n_fragments, 2), optional
        The m/z between which each fragment was counted, in u; NaN where it is not known.
    total : array_like, shape (ny, nx), optional
        Counts of the whole spectrum of each pixel.
    attrs : mapping, optional
        Facts of the measurement.

    Returns
    -------
    xarray.DataArray
        Dims of (scan, y, x, fragment) or (scan, y, x, mz), without those that do not occur.

    Examples
    --------
    >>> cube = labelled_cube(np.ones((2, 3, 1)), (500.0, 500.0), fragments=["PO3-"])
    >>> cube.dims, float(cube["x"][0])
    (('y', 'x', 'fragment'), 250.0)
    """
    last = "mz" if mz is not None else "fragment" if fragments is not None else None
    counts = counts if hasattr(counts, "chunks") else np.asarray(counts)
    dims: tuple[str, ...] = ("y", "x") if last is None else ("y", "x", last)
    if counts.ndim == len(dims) + 1:
        dims = ("scan", *dims)
    size = dict(zip(dims, counts.shape, strict=True))
    facts: Facts = dict(attrs or {})
    if pixel is None:
        old = facts.get("assumptions", "")
        facts["assumptions"] = f"{old}; {NO_PIXEL_SIZE}" if old else NO_PIXEL_SIZE
    where = "nm" if pixel else "pixel"
    coords: dict[str, Any] = {
        axis: (axis, (np.arange(size[axis]) + 0.5) * step, {"units": where, "long_name": axis})
        for axis, step in zip("yx", pixel or (1.0, 1.0), strict=True)
    }
    if "scan" in size:
        about = {"units": "1", "long_name": "scan"}
        coords["scan"] = ("scan", np.arange(size["scan"], dtype=float), about)
    if mz is not None:
        coords["mz"] = ("mz", np.asarray(mz, dtype=float), {"units": "u", "long_name": "m/z"})
    if fragments is not None:
        about = {"units": "1", "long_name": "fragment"}
        coords["fragment"] = ("fragment", _once(fragments), about)
    if windows is not None:
        for name, edge in zip(("mz_low", "mz_high"), np.asarray(windows, float).T, strict=True):
            about = {"units": "u", "long_name": f"{name[3:]}est m/z counted"}
            coords[name] = ("fragment", edge, about)
    if total is not None:
        about = {"units": "counts", "long_name": "total counts"}
        coords["total_counts"] = (("y", "x"), np.asarray(total, dtype=float), about)
    label = {"kind": "mass_image", "units": "counts", "long_name": "intensity"}
    return xr.DataArray(counts, coords, dims, name="counts", attrs={**label, **facts})


def _once(names: Sequence[str]) -> list[str]:
    """The names, each once: what repeats gets a number."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return out


def fragment_name(name: str, mz: float) -> str:
    """What to call a mass interval: as the file does, else after its m/z.

    Examples
    --------
    >>> fragment_name("", 62.9637), fragment_name("PO2-", 62.9637)
    ('m/z 62.96', 'PO2-')
    """
    return name.strip() or f"m/z {mz:.2f}"


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
    if not isinstance(spectrum, xr.DataArray):
        raise MeasurementError(
            f"expected a mass spectrum as coatqc.read gives it, found {type(spectrum).__name__}"
        )
    if spectrum.dims != ("mz",):
        raise MeasurementError(f"a mass spectrum has dim mz, found {spectrum.dims}")
    values = spectrum.values
    if not np.isfinite(values).all() or values.min() < 0 or values.sum() <= 0:
        source = spectrum.attrs.get("source", "the spectrum")
        raise MeasurementError(f"{source} holds negative, missing or no counts")
    if not (np.diff(spectrum["mz"].values) > 0).all():
        raise MeasurementError(
            f"the m/z of {spectrum.attrs.get('source', 'the spectrum')} do not rise from bin to "
            "bin; sort it with sortby('mz')"
        )
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
