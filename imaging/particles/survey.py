"""What does each particle of an image look like, looked at one by one?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import xarray as xr

from imaging.particles.close_ups import CloseUp, close_up, frames
from imaging.particles.grey_levels import values_of
from imaging.particles.places import Places

Result = TypeVar("Result")
# Pixels a side that are read at once from a lazy image.
_TILE = 4096


def look_at_each(
    image: xr.DataArray,
    places: Places,
    measure: Callable[[CloseUp], Result],
    *,
    only: set[int] | None = None,
) -> list[Result]:
    """Measure the close-up of every particle.

    An image that is lazy is read tile by tile; what is measured of a particle depends on its
    close-up alone, so that the result is the same. The steps on one particle are too short for
    threads to gain anything; `find_cracks_in_files` takes a process an image instead.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x).
    places : Places
        Of its particles.
    measure : callable
        Takes a `CloseUp`.
    only : set of int, optional
        Numbers of the particles to look at.

    Returns
    -------
    list
        Of what `measure` gives, in order of the particles' numbers.

    Examples
    --------
    >>> from imaging.particles.parameters import CrackParameters
    >>> from imaging.particles.places import locate_particles
    >>> from imaging.simulating.sem import simulate_sem
    >>> image = simulate_sem(1)[0]
    >>> places = locate_particles(image, CrackParameters())
    >>> look_at_each(image, places, lambda view: view.number)[:3]
    [1, 2, 3]
    """
    shape = (image.sizes["y"], image.sizes["x"])
    where = frames(places, shape)
    wanted = sorted(only) if only is not None else list(range(1, len(where) + 1))
    found: dict[int, Result] = {}
    for corner, values, numbers in _tiles(image, where, wanted):
        for number in numbers:
            frame = where[number - 1]
            part = tuple(slice(f.start - c, f.stop - c) for f, c in zip(frame, corner, strict=True))
            grey = values[part].astype(np.float32)
            found[number] = measure(close_up(grey, places, number, frame, shape))
    return [found[number] for number in wanted]


def _tiles(
    image: xr.DataArray, where: list[tuple[slice, slice]], wanted: list[int]
) -> Iterator[tuple[tuple[int, int], np.ndarray, list[int]]]:
    """Corner, values and particles' numbers of parts of an image that fit into memory."""
    if isinstance(image.data, np.ndarray):
        yield (0, 0), image.values, wanted
        return
    groups: dict[tuple[int, int], list[int]] = {}
    for number in wanted:
        frame = where[number - 1]
        tile = (frame[0].start // _TILE, frame[1].start // _TILE)
        groups.setdefault(tile, []).append(number)
    for tile in sorted(groups):
        numbers = groups[tile]
        part = tuple(
            slice(
                min(where[n - 1][k].start for n in numbers),
                max(where[n - 1][k].stop for n in numbers),
            )
            for k in (0, 1)
        )
        yield (part[0].start, part[1].start), values_of(image[part]), numbers
