"""Which part of a scanned map is the scanner's: rows, planes and drift, and a map without them."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from coatcore.statistics.robust_scale import robust_scale
from imaging.maps.channels import SMALLEST, Mode, like, map_values, require_mode
from imaging.maps.robust_fit import fit_rows, fit_surface

# A row whose upper quartile is below this share of the usual one shows no coating to compare.
_BARE_ROW = 0.2
_GAIN_ROUNDS = 20
# The edge of a hole is looked for over so many rows before and after a pair of rows.
_REACH = 2


def align_rows(
    image: xr.DataArray,
    method: Literal["median_difference", "median", "polynomial"] = "median_difference",
    *,
    mode: Mode = "additive",
    order: int = 1,
) -> xr.DataArray:
    """Map without the offset, or gain, of each scan row.

    ``median_difference`` compares each row with the row before, pixel by pixel: the differences
    over coating and over holes are both near the jump between the rows, and only pixels at the
    edge of a hole fall elsewhere; their weight is zero (biweight started at the median). Holes
    are therefore left alone as long as fewer than half of a row's pixels enter or leave one
    between two rows. ``polynomial`` does the same with an offset and a slope (`order` 1) or more
    for each row. ``median`` gives all rows the same median: it leaves no slow error behind, but
    rows with more holes come out too bright.

    Which part of the slow change from row to row is sample cannot be told: all of it is removed.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x), rows scanned along x. Gaps may be NaN.
    method : {"median_difference", "median", "polynomial"}
        See above.
    mode : {"additive", "multiplicative"}
        Offsets of the detector are additive, and holes share them. Gains (laser power, tip) are
        multiplicative: they are told from coated pixels only, and a signal of zero stays zero.
    order : int, default 1
        Of ``polynomial``.

    Returns
    -------
    xarray.DataArray
        Same labels; the median over rows of what was removed is zero offset, or unit gain, so
        the level of the map stays.

    Raises
    ------
    MeasurementError
        If it is no map, or neighbouring rows share too few pixels to be compared.

    References
    ----------
    Gwyddion user guide, "Scan Line Artefacts: Align Rows", methods median difference and median.

    Examples
    --------
    >>> from imaging import simulate_nanoir_map
    >>> from imaging.simulating import add_artefacts
    >>> clean, _ = simulate_nanoir_map(1)
    >>> rough, truth = add_artefacts(clean, 1, row_offset=0.2)
    >>> aligned = align_rows(rough)
    >>> bool((aligned - clean).std() < 0.3 * (rough - clean).std())
    True
    """
    require_mode(mode)
    if method not in ("median_difference", "median", "polynomial"):
        raise MeasurementError(
            f"method is {method!r}, expected 'median_difference', 'median' or 'polynomial'"
        )
    if method == "polynomial" and not 0 <= order <= 5:
        raise MeasurementError(f"order is {order}, expected 0 to 5")
    values = map_values(image)
    degree = order if method == "polynomial" else 0
    signal, usable = _comparable(values, mode)
    if method == "median":
        profile = np.nanmedian(signal[usable], axis=1)[:, None]
    else:
        jumps = _jumps(signal[usable], degree)
        shared = np.isfinite(jumps).sum(axis=1)
        if (shared < SMALLEST).any():
            row = int(np.flatnonzero(usable)[int(shared.argmin())])
            raise MeasurementError(
                f"row {row} shares {int(shared.min())} pixels with the next one, {SMALLEST} are "
                "needed to compare them; crop the map, or level its parts one by one"
            )
        profile = np.cumsum(fit_rows(jumps, degree), axis=0)
        profile = np.concatenate([np.zeros((1, degree + 1)), profile])
    profile = profile - np.median(profile, axis=0)
    # Rows that could not be compared take what lies between their neighbours'.
    at = np.arange(len(values))
    terms = [np.interp(at, at[usable], column) for column in profile.T]
    basis = np.polynomial.legendre.legvander(np.linspace(-1, 1, values.shape[1]), degree)
    removed = np.stack(terms, axis=1) @ basis.T
    out = values - removed if mode == "additive" else values / np.exp(removed)
    parameters = {"order": order} if method == "polynomial" else {}
    return add_history(like(image, out), "align_rows", method=method, mode=mode, **parameters)


def remove_plane(image: xr.DataArray, order: int = 1, *, mode: Mode = "additive") -> xr.DataArray:
    """Map without a plane, or a polynomial surface, through its coating.

    The surface is fitted to the bulk of the pixels (biweight), so that holes do not pull it. Its
    mean over the map is kept: the coating's level stays.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x). Gaps may be NaN.
    order : int, default 1
        Total degree: 1 a plane, 2 with bow.
    mode : {"additive", "multiplicative"}
        Additive subtracts; multiplicative divides by the surface over its mean, for
        illumination or tip gain that changes over the map; a signal of zero then stays zero.

    Returns
    -------
    xarray.DataArray
        Same labels.

    Raises
    ------
    MeasurementError
        If it is no map, or (multiplicative) the surface falls to zero.

    References
    ----------
    Gwyddion user guide, "Levelling and Background Subtraction".

    Examples
    --------
    >>> from imaging import simulate_nanoir_map
    >>> clean, _ = simulate_nanoir_map(1)
    >>> level = remove_plane(clean + 0.001 * clean["x"])
    >>> bool(abs(level.std() - clean.std()) < 0.02)
    True
    """
    powers = [(i, j) for i in range(order + 1) for j in range(order + 1 - i)]
    out = _without_surface(image, powers, order, mode)
    return add_history(out, "remove_plane", order=order, mode=mode)


def remove_drift(
    image: xr.DataArray, order: int = 3, *, mode: Mode = "multiplicative"
) -> xr.DataArray:
    """Map without the slow change of its signal from the first to the last row.

    As `remove_plane`, with a polynomial of y only: y is the slow scan axis, which is time.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x), rows scanned along x. Gaps may be NaN.
    order : int, default 3
        Degree of the polynomial.
    mode : {"additive", "multiplicative"}
        Laser power, focus and tip drift are multiplicative; the detector's zero is additive.

    Returns
    -------
    xarray.DataArray
        Same labels; the mean level stays.

    Raises
    ------
    MeasurementError
        If it is no map, or (multiplicative) the signal drifts to zero.

    Examples
    --------
    >>> from imaging import simulate_nanoir_map
    >>> from imaging.simulating import add_artefacts
    >>> clean, _ = simulate_nanoir_map(1)
    >>> drifting, _ = add_artefacts(clean, 1, drift=0.5)
    >>> steady = remove_drift(drifting)
    >>> bool((steady / steady.mean() - clean / clean.mean()).std() < 0.05)
    True
    """
    out = _without_surface(image, [(i, 0) for i in range(order + 1)], order, mode)
    return add_history(out, "remove_drift", order=order, mode=mode)


def _jumps(rows: np.ndarray, degree: int) -> np.ndarray:
    """Differences between neighbouring rows, NaN where a hole begins or ends nearby.

    The tip blurs the edge of a hole over a few rows, each with a step too small to stand out. Over
    2 * _REACH + 1 rows the steps add up.
    """
    jumps = np.diff(rows, axis=0)
    at = np.arange(len(jumps))
    wide = rows[np.minimum(at + 1 + _REACH, len(jumps))] - rows[np.maximum(at - _REACH, 0)]
    compared = np.isfinite(wide).sum(axis=1) >= SMALLEST
    basis = np.polynomial.legendre.legvander(np.linspace(-1, 1, rows.shape[1]), degree)
    wide[compared] -= fit_rows(wide[compared], degree) @ basis.T
    told = wide[compared]
    edge = np.abs(wide) > 3 * float(robust_scale(told[np.isfinite(told)]))
    edge &= compared[:, None]
    # Rows most of which change at once are left to the biweight.
    edge[np.isfinite(np.where(edge, np.nan, jumps)).sum(axis=1) < 0.25 * rows.shape[1]] = False
    return np.where(edge, np.nan, jumps)


def _comparable(values: np.ndarray, mode: Mode) -> tuple[np.ndarray, np.ndarray]:
    """Values whose differences are told between rows, and which rows have any."""
    usable = np.isfinite(values).sum(axis=1) >= SMALLEST
    if mode == "additive":
        return values, usable
    level = np.full(len(values), np.nan)
    level[usable] = np.nanpercentile(values[usable], 75, axis=1)
    usual = float(np.nanmedian(level))
    if not usual > 0:
        raise MeasurementError(
            f"rows have a level of {usual:g}: gains are told from a positive signal; remove the "
            "offset first"
        )
    usable &= np.nan_to_num(level) > _BARE_ROW * usual
    share = values / np.where(usable, level, np.inf)[:, None]
    # Coated pixels are chosen by the mean of three rows, so that noise of one row does not
    # choose its own bright pixels, and a row's jumps up and down are treated alike.
    padded = np.pad(share, ((1, 1), (0, 0)), mode="edge")
    stack = np.stack([padded[:-2], padded[1:-1], padded[2:]])
    seen = np.isfinite(stack)
    mean = np.where(seen, stack, 0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    coated = (mean > 0.5) & (values > 0)
    return np.log(np.where(coated, values, np.nan)), usable


def _without_surface(
    image: xr.DataArray, powers: list[tuple[int, int]], order: int, mode: Mode
) -> xr.DataArray:
    require_mode(mode)
    if not 1 <= order <= 5:
        raise MeasurementError(f"order is {order}, expected 1 to 5")
    values = map_values(image)
    y, x = (image[axis].values.astype(float) for axis in ("y", "x"))
    if mode == "additive":
        surface = fit_surface(values, powers, (y, x))
        return like(image, values - (surface - surface[np.isfinite(values)].mean()))
    # Where the gain is low, so is the scatter: the map is refitted after each correction, until
    # nothing is left to correct.
    gain = np.ones_like(values)
    for _ in range(_GAIN_ROUNDS):
        surface = fit_surface(values / gain, powers, (y, x))
        level = float(surface[np.isfinite(values)].mean())
        if not surface.min() > 0.05 * level > 0:
            raise MeasurementError(
                f"the fitted signal runs from {surface.min():g} to {surface.max():g}: a gain "
                "cannot fall to zero; use mode='additive', a lower order, or crop the map"
            )
        gain *= surface / level
        if np.abs(surface / level - 1).max() < 1e-3:
            break
    return like(image, values / gain)
