"""Which part of a spectrum does a band fit look at, and can it be fitted at all?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.ndimage import uniform_filter1d

from coatcore.errors import MeasurementError
from spectra.preparing.smoothing import smoothing_weights

SEARCH = 30.0
HALF_WINDOW = 60.0
# Fewer points than this on each side of a band leave too little to tell the noise from.
HALF_POINTS = 15


@dataclass(frozen=True, kw_only=True)
class Window:
    """Part of a spectrum around bands.

    Parameters
    ----------
    data : xarray.DataArray
        Cut out, ascending.
    near, search : numpy.ndarray, shape (bands,)
        Where each band is looked for and how far from there it may lie, cm-1.
    points : int
        That each fit takes.
    weights : numpy.ndarray
        Of the smoothing that the data went through.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> take_window(simulate_ftir(1)[0], np.array([1669.0]), None, None).points
    63
    """

    data: xr.DataArray
    near: np.ndarray
    search: np.ndarray
    points: int
    weights: np.ndarray

    @property
    def x(self) -> np.ndarray:
        """Wavenumbers, ascending."""
        return self.data["wavenumber"].values.astype(float)

    @property
    def step(self) -> float:
        """Spacing of the points, cm-1."""
        return float(self.x[1] - self.x[0])

    @property
    def reach(self) -> float:
        """How far a center may move from its start, cm-1."""
        return 2 * float(self.search.max())

    def place(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First point of each spectrum's window, and each band's top.

        Parameters
        ----------
        y : numpy.ndarray, shape (n, m)
            Over the whole of `data`.

        Returns
        -------
        (numpy.ndarray, numpy.ndarray)
            Shapes (n,) and (n, bands).
        """
        x, step = self.x, self.step
        tops = np.column_stack(
            [_top(x, y, c, s) for c, s in zip(self.near, self.search, strict=True)]
        )
        # One band has a window of its own around its top; several share one.
        middle = tops[:, 0] if self.near.size == 1 else (self.near.min() + self.near.max()) / 2
        first = np.rint((middle - x[0]) / step).astype(int) - self.points // 2
        return np.clip(np.broadcast_to(first, y.shape[:1]), 0, x.size - self.points), tops


def take_window(
    da: xr.DataArray, near: np.ndarray, search: float | None, half_window: float | None
) -> Window:
    """Cut out what a fit of bands needs.

    Parameters
    ----------
    da : xarray.DataArray
        With dim wavenumber.
    near : numpy.ndarray, shape (bands,)
        In cm-1.
    search, half_window : float or None
        As for `fit_bands`.

    Raises
    ------
    MeasurementError
        If there is no such part, or its points are not evenly spaced.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> take_window(simulate_ftir(1)[0], np.array([9000.0]), None, None)
    Traceback (most recent call last):
        ...
    coatcore.errors.MeasurementError: the data run from 549.919 to 4000 cm-1; a band near
    9000 cm-1 needs 8970 to 9030 cm-1
    """
    if not isinstance(da, xr.DataArray):
        raise MeasurementError(
            f"expected an xarray.DataArray as coatqc.read gives it, found {type(da).__name__}"
        )
    if "wavenumber" not in da.dims:
        raise MeasurementError(f"a spectrum has dim wavenumber, found {da.dims}")
    if da.name in ("transmittance", "single_channel"):
        raise MeasurementError(f"bands are fitted in absorbance, found {da.name}; convert it first")
    for name, value in (("search", search), ("half_window", half_window)):
        if value is not None and not 0 < value < np.inf:
            raise MeasurementError(f"{name} is {value!r}, expected a positive number of cm-1")
    x = da["wavenumber"].values.astype(float)
    if x.size < 2 or not np.isfinite(x).all():
        raise MeasurementError(f"a band fit needs a spectrum, found {x.size} points")
    reach_of = _search_ranges(near, search)
    low, high = float((near - reach_of).min()), float((near + reach_of).max())
    if not x.min() <= low <= high <= x.max():
        worst = near[np.argmax(np.maximum(x.min() - near + reach_of, near + reach_of - x.max()))]
        at = reach_of[near == worst][0]
        raise MeasurementError(
            f"the data run from {x.min():g} to {x.max():g} cm-1; a band near {worst:g} cm-1 needs "
            f"{worst - at:g} to {worst + at:g} cm-1"
        )
    ordered = np.sort(x)
    if (np.diff(ordered) == 0).any():
        double = ordered[:-1][np.diff(ordered) == 0][0]
        raise MeasurementError(f"wavenumber {double:g} cm-1 occurs more than once; drop one")
    typical = float(np.median(np.diff(ordered)))
    half = max(HALF_WINDOW, HALF_POINTS * typical) if half_window is None else half_window
    first, last = np.searchsorted(ordered, [low - half, high + half])
    window = da.sortby("wavenumber").isel(wavenumber=slice(int(first), int(last) + 1))
    step = np.diff(window["wavenumber"].values)
    if step.size < 2 or not np.allclose(step, step.mean(), rtol=0.02):
        raise MeasurementError(
            f"a band fit needs evenly spaced points around {near[0]:g} cm-1, found "
            f"{step.size + 1} with steps from {step.min(initial=np.inf):g} to "
            f"{step.max(initial=0):g} cm-1; resample the spectrum first"
        )
    if window.chunks is not None:
        window = window.chunk(wavenumber=-1)
    weights = smoothing_weights(da)
    span = float(np.ptp(near)) + 2 * half
    points = min(step.size + 1, int(span / step.mean()) + 1)
    return Window(
        data=window.astype(float),
        near=near,
        search=reach_of,
        points=points,
        weights=np.ones(1) if weights is None else weights,
    )


def _search_ranges(near: np.ndarray, search: float | None) -> np.ndarray:
    if search is not None:
        return np.full(near.size, float(search))
    if near.size == 1:
        return np.full(1, SEARCH)
    gaps = np.abs(near[:, None] - near) + np.diag(np.full(near.size, np.inf))
    return np.minimum(SEARCH, gaps.min(axis=1) / 2)


def flags_of_input(y: np.ndarray) -> np.ndarray:
    """Which spectra cannot be fitted: 0 fine, 1 values missing, 2 constant, 3 saturated.

    A saturated band has a flat top: its largest value stands in a run of points, longer than the
    steps of its digits would make of a round top.

    Parameters
    ----------
    y : numpy.ndarray, shape (n, m)
        Spectra.

    Examples
    --------
    >>> top = np.minimum(np.hanning(40), 0.9)
    >>> flags_of_input(np.array([np.hanning(40), top, np.zeros(40), np.full(40, np.nan)]))
    array([0, 3, 2, 1])
    """
    missing = ~np.isfinite(y).all(axis=1)
    safe = np.where(missing[:, None], 0.0, y)
    largest = safe.max(axis=1, keepdims=True)
    flat = largest[:, 0] == safe.min(axis=1)
    at_top = (safe == largest).sum(axis=1)
    saturated = np.zeros(y.shape[0], bool)
    for i in np.flatnonzero((at_top >= 3) & ~flat & ~missing):
        saturated[i] = _is_clipped(safe[i])
    return np.select([missing, flat, saturated], [1, 2, 3], 0)


def _is_clipped(y: np.ndarray) -> bool:
    top = y == y.max()
    edges = np.flatnonzero(np.diff(np.concatenate([[0], top.astype(int), [0]])))
    run = int((edges[1::2] - edges[::2]).max())
    if run < 3:
        return False
    # Points on the two sides of the flat top, one digit step below it: a round top loses the
    # next few steps slowly, a clipped one at once.
    values = np.unique(y)
    quantum = np.diff(values).min()
    within = int((y >= y.max() - 3.5 * quantum).sum())
    return within < 1.5 * run


def _top(x: np.ndarray, y: np.ndarray, near: float, search: float) -> np.ndarray:
    """Rough place of the highest point above a line through the ends of the search range."""
    step = x[1] - x[0]
    inside = np.flatnonzero(np.abs(x - near) <= search)
    if inside.size == 0:
        return np.full(y.shape[0], near)
    reach = np.flatnonzero(np.abs(x - near) <= search + 30)
    a, b = reach[0], reach[-1]
    width = max(1, int(10 / step))
    part = y[:, max(0, a - width) : b + width + 1]
    calm = uniform_filter1d(part, width, axis=1, mode="nearest")[:, min(a, width) :][:, : b - a + 1]
    slope = (calm[:, -1] - calm[:, 0]) / (x[b] - x[a])
    above = calm - calm[:, [0]] - slope[:, None] * (x[a : b + 1] - x[a])
    return x[inside[np.argmax(above[:, inside - a], axis=1)]]
