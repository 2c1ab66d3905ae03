"""Counts of two patterns on one grid, without interpolating their noise away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError


def on_common_grid(patterns: Sequence[xr.DataArray]) -> tuple[np.ndarray, np.ndarray]:
    """Several patterns summed onto the grid of the coarsest, over the range common to all.

    Returns
    -------
    (numpy.ndarray, numpy.ndarray)
        2theta, shape (n,), and values, shape (patterns, n).

    Raises
    ------
    MeasurementError
        If fewer than 50 bins are common.

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> x, y = on_common_grid([simulate_pattern(s, step=0.02 + 0.01 * s)[0] for s in (1, 2, 3)])
    >>> y.shape == (3, x.size)
    True
    """
    axes = [p["two_theta"].values for p in patterns]
    coarsest = max(axes, key=lambda x: float(np.median(np.diff(x))))
    ends = [_edges(axis)[[0, -1]] for axis in axes]
    low, high = max(e[0] for e in ends), min(e[1] for e in ends)
    # A bin that one pattern covers only in part would look as if counts were missing.
    edges = _edges(coarsest)
    grid = coarsest[(edges[:-1] >= low - 1e-9) & (edges[1:] <= high + 1e-9)]
    if grid.size < 50:
        raise MeasurementError(
            f"the patterns share {max(0.0, high - low):.3g} degree and {grid.size} points; "
            "50 are needed"
        )
    return grid, np.stack([_binned(pattern, grid) for pattern in patterns])


def _binned(pattern: xr.DataArray, grid: np.ndarray) -> np.ndarray:
    x, y = pattern["two_theta"].values, pattern.values
    if x.size >= grid.size and np.array_equal(x[np.searchsorted(x, grid[0]) :][: grid.size], grid):
        start = int(np.searchsorted(x, grid[0]))
        return y[start : start + grid.size].astype(float)
    edges = _edges(x)
    total = np.concatenate([[0.0], np.cumsum(y)])
    return np.diff(np.interp(_edges(grid), edges, total))


def _edges(x: np.ndarray) -> np.ndarray:
    middle = (x[1:] + x[:-1]) / 2
    return np.concatenate([[2 * x[0] - middle[0]], middle, [2 * x[-1] - middle[-1]]])
