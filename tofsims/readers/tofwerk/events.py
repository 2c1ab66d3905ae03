"""Which ion arrived when, and in which pixel? The event list of a TofDaq file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.hdf5_guard import attribute
from tofsims.labels.labels import Facts

_MOST_EVENTS, _MOST_PIXELS = 500_000_000, 2**28


def read_events(parts: dict[str, Any], facts: Facts, path: Path) -> xr.Dataset:
    """Event list of a file, an event for each ion.

    Parameters
    ----------
    parts : dict
        Groups and datasets of the open file, by their path.
    facts : dict
        Facts of the measurement.
    path : pathlib.Path
        For the error.

    Returns
    -------
    xarray.Dataset
        Dim event: channel (clock period), x, y, scan; attrs ``calibration_offset`` a and
        ``calibration_slope`` b of channel = a + b sqrt(m/z), where the file states them.

    Raises
    ------
    ReadError
        If the list has another shape, or is larger than the file.

    Examples
    --------
    >>> read_events({"FullSpectra/EventList": None}, {}, Path("a.h5"))
    Traceback (most recent call last):
        ...
    coatcore.errors.ReadError: a.h5: its EventList is no list of events for each pixel
    """
    import h5py

    events = parts["FullSpectra/EventList"]
    kind = h5py.check_vlen_dtype(events.dtype) if isinstance(events, h5py.Dataset) else None
    if kind is None or np.dtype(kind).kind != "u" or len(events.shape) != 3:
        raise ReadError(path, "its EventList is no list of events for each pixel")
    # Events are stored as they are: no file holds more of them than its bytes.
    most = min(_MOST_EVENTS, path.stat().st_size // np.dtype(kind).itemsize)
    scans, ny, nx = events.shape
    pixels = float(scans) * ny * nx
    if (
        events.is_virtual
        or events.external
        or 16 * pixels > 100 * max(2**20, events.id.get_storage_size())
    ):
        raise ReadError(path, f"its EventList has shape {events.shape}, more than the file holds")
    if max(nx, ny) > 65535 or pixels > _MOST_PIXELS:
        raise ReadError(path, f"its EventList has shape {events.shape}")
    channels, lengths, total = [], [], 0
    for scan in range(scans):
        for row in range(ny):
            lists = events[scan, row]
            counts = np.fromiter(map(len, lists), np.int64, nx)
            lengths.append(counts)
            total += int(counts.sum())
            if total > most:
                raise ReadError(path, f"its EventList holds more than {most} events")
            if counts.any():
                channels.append(np.concatenate(lists).astype(np.uint32))
    if total == 0:
        raise ReadError(path, "its EventList holds no event")
    pixel = np.repeat(np.arange(scans * ny * nx), np.concatenate(lengths))
    columns = {
        "channel": (np.concatenate(channels), "flight time in clock periods"),
        "x": ((pixel % nx).astype(np.uint16), "pixel in x"),
        "y": ((pixel // nx % ny).astype(np.uint16), "pixel in y"),
        "scan": ((pixel // (nx * ny)).astype(np.uint32), "scan"),
    }
    variables = {
        name: ("event", values, {"units": "1", "long_name": long_name})
        for name, (values, long_name) in columns.items()
    }
    sizes = {"scans": scans, "pixels_y": ny, "pixels_x": nx}
    attrs = {"kind": "mass_events", **facts, **sizes, **_scale(parts.get("FullSpectra"))}
    return xr.Dataset(variables, attrs=attrs)


def _scale(group: Any) -> dict[str, float]:
    """Mass scale over the clock, where the file states the common one (mode 0)."""
    names = ("MassCalibMode", "MassCalibration p1", "MassCalibration p2")
    told = [attribute(group, n) for n in (*names, "SampleInterval", "ClockPeriod")]
    mode, slope, offset, sample, clock = told
    if mode != 0.0 or not isinstance(slope, float) or not isinstance(offset, float):
        return {}
    ratio = 1.0
    if isinstance(sample, float) and isinstance(clock, float) and clock > 0:
        ratio = max(1.0, np.rint(sample / clock))
    scale = {"calibration_offset": float(offset * ratio), "calibration_slope": float(slope * ratio)}
    return scale if all(np.isfinite(v) for v in scale.values()) else {}
