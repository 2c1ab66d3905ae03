"""Where does an SEM image end and its data bar begin?"""

from __future__ import annotations

import numpy as np
import xarray as xr

from coatcore.provenance import add_history

# A data bar is at most this share of an image's rows, and at least this many rows.
_MOST, _FEWEST = 0.25, 8
# Share of a bar's pixels that have one exact grey, its ground, and least share of text in it.
_GROUND, _LEAST_TEXT = 0.6, 0.002
# Rows that text may fill, and share of one grey that makes a row a line.
_TEXT, _RULED = 4, 0.95


def find_data_bar(image: xr.DataArray) -> slice | None:
    """Rows of the data bar at the foot or head of an image, or None where there is none.

    A data bar is a band of full-width rows with a ground of one exact grey and text of another,
    whose border to the scene runs straight across the whole image.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x).

    Returns
    -------
    slice or None
        Rows of the bar, from the border to the edge of the image.

    Examples
    --------
    >>> from imaging.labels import labelled_image
    >>> scene = np.random.default_rng(0).integers(60, 200, (100, 80))
    >>> scene[88:] = 0
    >>> scene[92:96, 10:30] = 255
    >>> find_data_bar(labelled_image(scene, (5.0, 5.0)))
    slice(88, 100, None)
    """
    frame = image.transpose("y", "x")
    ny = frame.sizes["y"]
    most = int(_MOST * ny)
    foot = _bar_height(np.asarray(frame[ny - most - 1 :].data)[::-1])
    if foot:
        return slice(ny - foot, ny)
    head = _bar_height(np.asarray(frame[: most + 1].data))
    return slice(0, head) if head else None


def cut_data_bar(image: xr.DataArray) -> xr.DataArray:
    """Image without its data bar.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x).

    Returns
    -------
    xarray.DataArray
        The same where there is no bar; else without its rows, and attrs ``data_bar_rows`` says
        how many were cut.

    Examples
    --------
    >>> from imaging.labels import labelled_image
    >>> scene = np.random.default_rng(0).integers(60, 200, (100, 80))
    >>> scene[88:] = 0
    >>> scene[92:96, 10:30] = 255
    >>> cut_data_bar(labelled_image(scene, (5.0, 5.0))).sizes["y"]
    88
    """
    bar = find_data_bar(image)
    if bar is None:
        return image
    rows = beside(bar, image.sizes["y"])
    cut = add_history(image.isel(y=rows), "cut_data_bar", rows=bar.stop - bar.start)
    cut.attrs["data_bar_rows"] = bar.stop - bar.start
    return cut


def beside(bar: slice, ny: int) -> slice:
    """Rows of an image of `ny` rows that are not its bar's.

    Examples
    --------
    >>> beside(slice(88, 100), 100)
    slice(0, 88, None)
    """
    return slice(0, bar.start) if bar.stop == ny else slice(bar.stop, ny)


def _bar_height(rows: np.ndarray) -> int:
    """Height of a bar that begins at the first of some rows, 0 where there is none."""
    if rows.shape[0] < _FEWEST + 1 or not np.isfinite(rows).all():
        return 0
    edge = rows[:_FEWEST]
    greys, counts = np.unique(edge, return_counts=True)
    ground = greys[counts.argmax()]
    if counts.max() < _GROUND * edge.size:
        return 0
    # Every row of a bar has a good part of ground; text and frames take the rest.
    share = (rows == ground).mean(axis=1)
    frame = _ruled_rows(rows, ground)
    last, gap, framed = 0, 0, False
    for i in range(rows.shape[0]):
        if frame[i] and i >= _FEWEST:
            # A line across the whole image closes the bar.
            last, framed = i + 1, True
            break
        if share[i] > 0.3:
            last, gap = i + 1, 0
        else:
            # Lines of text fill some rows; a scene never comes back to the ground.
            gap += 1
            if gap > _TEXT:
                break
    while framed and last < rows.shape[0] and frame[last]:
        last += 1
    if not _FEWEST <= last < rows.shape[0]:
        return 0
    part, beyond = rows[:last], rows[last : last + 4]
    # Without a frame a flat scene, as a blank image, looks like a bar: it has no border.
    if not framed and (beyond == ground).mean() > 0.3:
        return 0
    ground_share = float((part == ground).mean())
    return last if _GROUND <= ground_share < 1 - _LEAST_TEXT else 0


def _ruled_rows(rows: np.ndarray, ground: float) -> np.ndarray:
    """Rows that are a line of one grey, not the ground's, across the image."""
    middle = np.median(rows, axis=1)
    return ((rows == middle[:, None]).mean(axis=1) > _RULED) & (middle != ground)
