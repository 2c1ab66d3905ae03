"""Where does the voltage of a voltammogram turn, and what lies below a peak?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError

# Part of the window at each edge that shows the baseline.
EDGE = 0.12
_LEAST = 30


def split_scans(record: xr.Dataset) -> list[tuple[slice, int]]:
    """Parts of a voltammogram in which the voltage goes one way.

    Parameters
    ----------
    record : xarray.Dataset
        Kind ``cell_record``.

    Returns
    -------
    list of (slice, int)
        Rows, and 1 where the voltage rises or -1 where it falls. A turn is believed where the
        voltage has come back by 2 % of its range, so that noise makes none.

    Raises
    ------
    MeasurementError
        If time, voltage or current is missing, or the voltage does not move.

    Examples
    --------
    >>> from electrochem.simulating import simulate_voltammogram
    >>> record, _ = simulate_voltammogram(1)
    >>> [way for _, way in split_scans(record)]
    [1, -1]
    """
    if missing := {"time", "voltage", "current"} - set(record.data_vars):
        raise MeasurementError(f"voltammogram: {sorted(missing)} missing; expected a cell_record")
    for name in ("time", "voltage", "current"):
        if not np.isfinite(record[name].values).all():
            raise MeasurementError(f"voltammogram: {name} holds values that are not finite numbers")
    if (np.diff(record["time"].values) <= 0).any():
        raise MeasurementError("voltammogram: time does not ascend; give each row once, in order")
    v = record["voltage"].values.astype(float)
    span = float(np.ptp(v)) if v.size else 0.0
    if v.size < 20 or not span > 0.01:
        raise MeasurementError(
            f"voltammogram: {v.size} rows over {span:.3g} V; a scan of more than 10 mV is needed"
        )
    turns, top, bottom, way = [0], 0, 0, 0
    # Only where the voltage turns, if for a moment, can it have turned for good.
    moves = np.flatnonzero(np.diff(v))
    rises = np.diff(v)[moves] > 0
    for i in [0, *(moves[:-1][rises[:-1] != rises[1:]] + 1).tolist(), v.size - 1]:
        value = float(v[i])
        if value > v[top]:
            top = i
        if value < v[bottom]:
            bottom = i
        if way >= 0 and v[top] - value > 0.02 * span:
            if way > 0 or top > 0:
                turns.append(top)
            way, bottom, top = -1, i, i
        elif way <= 0 and value - v[bottom] > 0.02 * span:
            if way < 0 or bottom > 0:
                turns.append(bottom)
            way, bottom, top = 1, i, i
    turns = sorted({*turns, v.size - 1})
    return [(slice(a, b + 1), 1 if v[b] > v[a] else -1) for a, b in pairwise(turns) if b - a >= 2]


@dataclass(frozen=True)
class Window:
    """Part of a rising scan.

    Parameters
    ----------
    time, voltage, current : numpy.ndarray
        s, V and A, shape (n,).
    rate : float
        Scan rate, V s-1.

    Examples
    --------
    >>> from electrochem.simulating import simulate_voltammogram
    >>> round(window_of(simulate_voltammogram(1)[0], (2.3, 3.7), 0).rate, 6)
    0.001
    """

    time: np.ndarray
    voltage: np.ndarray
    current: np.ndarray
    rate: float


def window_of(
    record: xr.Dataset, between: tuple[float, float], scan: int, what: str = "voltammogram"
) -> Window:
    """Part of a rising scan between two voltages.

    Parameters
    ----------
    record : xarray.Dataset
        Kind ``cell_record``.
    between : (float, float)
        V.
    scan : int
        Which of the rising scans that cross the window.
    what : str
        Of whom errors speak.

    Raises
    ------
    MeasurementError
        If there is no such scan, or it has fewer than 30 points there.

    Examples
    --------
    >>> from electrochem.simulating import simulate_voltammogram
    >>> window_of(simulate_voltammogram(1)[0], (2.3, 3.7), 0).current.size
    1401
    """
    low, high = (float(b) for b in between)
    if not low < high:
        raise MeasurementError(f"window is {low:g} to {high:g} V; expected lower, higher")
    rising = [part for part, way in split_scans(record) if way > 0]
    voltage = record["voltage"].values
    slack = 0.02 * (high - low)
    crossing = [
        s for s in rising if voltage[s].min() <= low + slack and voltage[s].max() >= high - slack
    ]
    if not 0 <= scan < len(crossing):
        raise MeasurementError(
            f"{what}: rising scan {scan} across {low:g} to {high:g} V was asked for; there "
            f"are {len(crossing)} such, the voltage goes from {voltage.min():.3g} to "
            f"{voltage.max():.3g} V"
        )
    part = crossing[scan]
    t, v, i = (record[c].values[part].astype(float) for c in ("time", "voltage", "current"))
    inside = (v >= low) & (v <= high)
    if inside.sum() < _LEAST:
        raise MeasurementError(f"{what}: {inside.sum()} points in the window; need {_LEAST}")
    t, v, i = t[inside], v[inside], i[inside]
    return Window(t, v, i, float(np.polyfit(t - t[0], v, 1)[0]))


def baseline_of(
    v: np.ndarray, between: tuple[float, float], kind: str = "edges"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a baseline is made of, how, and where.

    Parameters
    ----------
    v : numpy.ndarray
        Voltages within the window, V, shape (n,).
    between : (float, float)
        The window, V.
    kind : {"edges", "below"}
        Line through both edges, or level of the lower one.

    Returns
    -------
    design, solving, edge : numpy.ndarray
        The baseline is ``design @ (solving @ current[edge])``.

    Raises
    ------
    MeasurementError
        If an edge has fewer than 3 points.

    Examples
    --------
    >>> design, solving, edge = baseline_of(np.linspace(2, 3, 101), (2, 3))
    >>> design.shape, solving.shape, edge.size
    ((101, 2), (2, 24), 24)
    """
    lower, upper = edges_of(v, between)
    if kind == "below":
        if lower.size < 3:
            raise MeasurementError("voltammogram: fewer than 3 points at the lower edge")
        return np.ones((v.size, 1)), np.full((1, lower.size), 1 / lower.size), lower
    if kind != "edges":
        raise MeasurementError(f"baseline is {kind!r}; expected 'edges' or 'below'")
    if min(lower.size, upper.size) < 3:
        raise MeasurementError("voltammogram: fewer than 3 points at an edge of the window")
    edge = np.sort(np.concatenate([lower, upper]))
    design = np.stack([np.ones_like(v), v - v.mean()], axis=1)
    return design, np.linalg.pinv(design[edge]), edge


def edges_of(v: np.ndarray, between: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Points of the lower and of the upper edge of a window.

    Examples
    --------
    >>> [part.size for part in edges_of(np.linspace(2, 3, 101), (2, 3))]
    [12, 12]
    """
    low, high = between
    width = EDGE * (high - low)
    return np.flatnonzero(v < low + width), np.flatnonzero(v > high - width)
