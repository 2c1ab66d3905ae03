"""From single ions to spectra and images: where and when did each one arrive?"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from tofsims.ions.ions import ion
from tofsims.labels.labels import labelled_cube, labelled_spectrum

# Events that are worked on at once: few enough for the processor's cache, and many enough that
# adding an image for each piece costs little.
_CHUNK = 2**20
_FIELDS = ("channel", "x", "y", "scan")
# Cells of a cube of scans, at most: 4 GiB of counts.
_MOST_CELLS = 2**30


def labelled_events(
    channel: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    scan: np.ndarray,
    *,
    shape: tuple[int, int],
    mass_scale: tuple[float, float],
    pixel: tuple[float, float] | None = None,
    attrs: Mapping[str, str | int | float] | None = None,
) -> xr.Dataset:
    """Event list in the conventions of coatqc. Memory maps stay on disk.

    Parameters
    ----------
    channel, x, y, scan : array_like, shape (n,)
        Flight-time channel, pixel and scan of each ion; unsigned integers.
    shape : (int, int)
        Pixels along y and x.
    mass_scale : (float, float)
        Offset a and slope b of channel = a + b sqrt(m/z), m/z in u.
    pixel : (float, float), optional
        Height and width of a pixel in nm.
    attrs : mapping, optional
        Facts of the measurement.

    Examples
    --------
    >>> one = np.zeros(1, dtype=np.uint16)
    >>> labelled_events(one, one, one, one, shape=(1, 1), mass_scale=(0, 100.0)).sizes["event"]
    1
    """
    names = {
        "channel": "flight-time channel",
        "x": "pixel along x",
        "y": "pixel along y",
        "scan": "scan",
    }
    data = dict(zip(_FIELDS, (channel, x, y, scan), strict=True))
    facts = {
        "kind": "mass_events",
        "pixels_y": int(shape[0]),
        "pixels_x": int(shape[1]),
        "calibration_offset": float(mass_scale[0]),
        "calibration_slope": float(mass_scale[1]),
        **({"pixel_y_nm": pixel[0], "pixel_x_nm": pixel[1]} if pixel else {}),
        **(attrs or {}),
    }
    return xr.Dataset(
        {
            name: xr.Variable(
                "event", values, {"units": "1", "long_name": names[name]}, fastpath=True
            )
            for name, values in data.items()
        },
        attrs=facts,
    )


def bin_spectrum(events: xr.Dataset, binning: int = 1) -> xr.DataArray:
    """Mass spectrum of all events.

    Parameters
    ----------
    events : xarray.Dataset
        Dim event, see `labelled_events`.
    binning : int, default 1
        Channels a bin.

    Returns
    -------
    xarray.DataArray
        Dim mz, counts.

    Raises
    ------
    MeasurementError
        If it is no event list.

    Examples
    --------
    >>> from tofsims.simulating import simulate_events
    >>> spectrum = bin_spectrum(simulate_events(1, 1000))
    >>> int(spectrum.sum())
    1000
    """
    _require_events(events)
    if binning < 1:
        raise MeasurementError(f"binning is {binning}, expected at least 1 channel")
    counts = np.zeros(0, dtype=np.int64)
    for (channel,) in _chunks(events, ["channel"]):
        found = np.bincount(channel // binning if binning > 1 else channel)
        if found.size > counts.size:
            counts = np.pad(counts, (0, found.size - counts.size))
        counts[: found.size] += found
    middle = (np.arange(counts.size) + 0.5) * binning - 0.5
    offset, slope = _scale(events)
    root = (middle - offset) / slope
    good = root > 0
    spectrum = labelled_spectrum(root[good] ** 2, middle[good], counts[good], _facts(events))
    return add_history(spectrum, "bin_spectrum", binning=binning)


def bin_images(
    events: xr.Dataset,
    ions: Sequence[str] | Mapping[str, tuple[float, float]],
    *,
    resolving_power: float = 5000.0,
    by_scan: bool = False,
) -> xr.DataArray:
    """Images of several mass windows, in one pass through the events.

    Parameters
    ----------
    events : xarray.Dataset
        Dim event, see `labelled_events`; arrays in memory, memory maps and dask arrays alike are
        read piece by piece.
    ions : sequence of str, or mapping of str to (float, float)
        Ions, or names with their windows in u. Windows must not overlap.
    resolving_power : float
        Width of an ion's window: two of its full widths to each side, or halfway to the next.
    by_scan : bool, default False
        A cube with every scan by itself, in place of their sum.

    Returns
    -------
    xarray.DataArray
        Dims (y, x, fragment) or (scan, y, x, fragment), counts, uint32.

    Raises
    ------
    MeasurementError
        If windows overlap or lie outside, or pixels lie outside the image.

    Examples
    --------
    >>> from tofsims.simulating import simulate_events
    >>> bin_images(simulate_events(1, 1000), ["PO2-", "Cl-"]).dims
    ('y', 'x', 'fragment')
    """
    _require_events(events)
    windows = _windows(ions, resolving_power)
    ny, nx = int(events.attrs["pixels_y"]), int(events.attrs["pixels_x"])
    lookup = _lookup(events, windows)
    n = len(windows)
    scans = 1
    if by_scan:
        scans = 1 + max((int(s.max()) for (s,) in _chunks(events, ["scan"]) if s.size), default=0)
        if scans * ny * nx * n > _MOST_CELLS:
            raise MeasurementError(
                f"a cube of {scans} scans, {ny} x {nx} pixels and {n} fragments is too large; take "
                "fewer fragments, or images without by_scan"
            )
    # Fragment 0 takes all that lies in no window: it costs less than choosing.
    layer = ny * nx * (n + 1)
    counts = np.zeros(scans * layer, dtype=np.uint32)
    fields = ["channel", "y", "x", *(["scan"] if by_scan else [])]
    for channel, y, x, *scan in _chunks(events, fields):
        if y.max(initial=0) >= ny or x.max(initial=0) >= nx:
            raise MeasurementError(
                f"an event lies at pixel ({int(y.max())}, {int(x.max())}), outside {ny} x {nx}"
            )
        flat = lookup.take(channel, mode="clip")
        flat *= ny * nx
        pixel_index = y.astype(np.int64)
        pixel_index *= nx
        pixel_index += x
        flat += pixel_index
        if not scan:
            counts += np.bincount(flat, minlength=layer).astype(np.uint32)
            continue
        first, last = int(scan[0].min()), int(scan[0].max())
        part = counts[first * layer : (last + 1) * layer]
        flat += (scan[0].astype(np.int64) - first) * layer
        # Events that come scan by scan touch few layers at once.
        if part.size < 16 * _CHUNK:
            part += np.bincount(flat, minlength=part.size).astype(np.uint32)
        else:
            np.add.at(part, flat, 1)
    cube = np.moveaxis(counts.reshape(*([scans] if by_scan else []), n + 1, ny, nx), -3, -1)
    cube = cube[..., 1:]
    pixel = None
    if "pixel_y_nm" in events.attrs:
        pixel = (float(events.attrs["pixel_y_nm"]), float(events.attrs["pixel_x_nm"]))
    out = labelled_cube(
        cube,
        pixel,
        fragments=list(windows),
        windows=np.array(list(windows.values())),
        attrs=_facts(events),
    )
    return add_history(out, "bin_images", fragments=list(windows))


def _require_events(events: xr.Dataset) -> None:
    if not isinstance(events, xr.Dataset) or any(f not in events for f in _FIELDS):
        raise MeasurementError(
            f"an event list has the variables {', '.join(_FIELDS)} over dim event"
        )
    missing = [
        a
        for a in ("pixels_y", "pixels_x", "calibration_offset", "calibration_slope")
        if a not in events.attrs
    ]
    if missing:
        raise MeasurementError(f"the event list lacks the attributes {', '.join(missing)}")
    for field in _FIELDS:
        if not np.issubdtype(events[field].dtype, np.unsignedinteger):
            raise MeasurementError(
                f"{field} of the events is {events[field].dtype}, expected unsigned integers"
            )


def _chunks(events: xr.Dataset, fields: list[str]):  # type: ignore[no-untyped-def]
    arrays = [events[f].variable.data for f in fields]
    # Pieces of a lazy array are computed once each; those in memory are cut to fit the cache.
    piece = _CHUNK if all(isinstance(a, np.ndarray) for a in arrays) else 4 * _CHUNK
    for start in range(0, events.sizes["event"], piece):
        yield [np.asarray(a[start : start + piece]) for a in arrays]


def _windows(
    ions: Sequence[str] | Mapping[str, tuple[float, float]], resolving_power: float
) -> dict[str, tuple[float, float]]:
    if isinstance(ions, Mapping):
        windows = {str(k): (float(v[0]), float(v[1])) for k, v in ions.items()}
    else:
        names = [ions] if isinstance(ions, str) else list(dict.fromkeys(ions))
        if not resolving_power > 0:
            raise MeasurementError(f"resolving_power is {resolving_power}, expected above zero")
        windows = _around(names, resolving_power)
    if not windows:
        raise MeasurementError("images need at least one ion")
    order = sorted(windows, key=lambda n: windows[n])
    for name in order:
        low, high = windows[name]
        if not 0 <= low < high:
            raise MeasurementError(f"the window of {name}, {low:g} to {high:g} u, is empty")
    for one, other in itertools.pairwise(order):
        if windows[one][1] > windows[other][0]:
            raise MeasurementError(
                f"the windows of {one} and {other} overlap at {windows[other][0]:.4f} u"
            )
    return windows


def _around(names: list[str], resolving_power: float) -> dict[str, tuple[float, float]]:
    """Windows around ions, which meet halfway between neighbours."""
    names = sorted(names, key=lambda n: ion(n).mz)
    mz = np.array([ion(n).mz for n in names])
    low, high = mz * (1 - 2 / resolving_power), mz * (1 + 2 / resolving_power)
    gap, width = np.diff(mz), mz[1:] / resolving_power
    if (gap < width).any():
        k = int(np.argmax(gap < width))
        raise MeasurementError(
            f"{names[k]} and {names[k + 1]} stand {1e3 * gap[k]:.1f} mu apart, less than a peak's "
            f"width at a resolving power of {resolving_power:g}; images cannot tell them apart"
        )
    middle = (mz[1:] + mz[:-1]) / 2
    low[1:], high[:-1] = np.maximum(low[1:], middle), np.minimum(high[:-1], middle)
    return {n: (float(a), float(b)) for n, a, b in zip(names, low, high, strict=True)}


def _lookup(events: xr.Dataset, windows: dict[str, tuple[float, float]]) -> np.ndarray:
    """Number of each channel's window, 0 for none; the last entry stands for all beyond."""
    offset, slope = _scale(events)
    edges = {n: offset + slope * np.sqrt(np.array(w)) for n, w in windows.items()}
    top = int(max(e[1] for e in edges.values())) + 2
    if top > 2**28:
        raise MeasurementError(f"a window ends at channel {top}: check the mass scale")
    lookup = np.zeros(max(top, 2), dtype=np.int64)
    for k, (name, (low, high)) in enumerate(edges.items(), start=1):
        first, last = max(int(np.ceil(low)), 0), int(np.floor(high))
        if last < first:
            raise MeasurementError(f"the window of {name} holds no channel")
        lookup[first : last + 1] = k
    lookup[-1] = 0
    return lookup


def _scale(events: xr.Dataset) -> tuple[float, float]:
    offset = float(events.attrs["calibration_offset"])
    slope = float(events.attrs["calibration_slope"])
    if not slope > 0:
        raise MeasurementError(f"the mass scale has a slope of {slope:g}, expected above zero")
    return offset, slope


def _facts(events: xr.Dataset) -> dict[str, str | int | float]:
    keep = ("simulated", "source", "sha256", "reader", "instrument", "polarity", "history")
    return {k: events.attrs[k] for k in keep if k in events.attrs}
