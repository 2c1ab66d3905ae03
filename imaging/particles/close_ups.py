"""What does one particle look like, close up?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from imaging.particles.grey_levels import illumination
from imaging.particles.places import Places

# How far around a particle a close-up reaches, nm.
MARGIN = 500.0
# Pixels around a particle that are looked at with what is inside it.
_AROUND = 8


@dataclass(frozen=True, kw_only=True)
class CloseUp:
    """One particle on the image's own pixels, under even light.

    Parameters
    ----------
    number : int
        Of the particle.
    rows, columns : slice
        Where in the image.
    even : numpy.ndarray of float32
        Grey under even light and without stripes.
    own : numpy.ndarray of bool
        The particle, its cracks and pores included.
    others : numpy.ndarray of bool
        Other particles.

    Examples
    --------
    >>> a = np.zeros((2, 2))
    >>> CloseUp(
    ...     number=1, rows=slice(0, 2), columns=slice(0, 2), even=a, own=a > 0, others=a > 0
    ... ).number
    1
    """

    number: int
    rows: slice
    columns: slice
    even: np.ndarray
    own: np.ndarray
    others: np.ndarray


def frames(places: Places, shape: tuple[int, int]) -> list[tuple[slice, slice]]:
    """Part of the image around each particle, in order of its number.

    Examples
    --------
    >>> from imaging.particles.parameters import CrackParameters
    >>> from imaging.particles.places import locate_particles
    >>> from imaging.simulating.sem import simulate_sem
    >>> image = simulate_sem(1)[0]
    >>> places = locate_particles(image, CrackParameters())
    >>> len(frames(places, image.shape)) == int(places.solid.max())
    True
    """
    margin = int(np.ceil(MARGIN / (places.pixel * places.factor)))
    found = []
    for near in ndimage.find_objects(places.solid):
        rows, columns = (
            slice(
                max(0, (n.start - margin) * places.factor),
                min(size, (n.stop + margin) * places.factor),
            )
            for n, size in zip(near, shape, strict=True)
        )
        found.append((rows, columns))
    return found


def close_up(
    values: np.ndarray,
    places: Places,
    number: int,
    frame: tuple[slice, slice],
    shape: tuple[int, int],
) -> CloseUp:
    """One particle, its outline drawn half-way between the greys of the phases.

    Parameters
    ----------
    values : numpy.ndarray of float32
        Image within `frame`.
    places : Places
        As `locate_particles` gives.
    number : int
        Of the particle.
    frame : (slice, slice)
        Rows and columns.
    shape : (int, int)
        Of the whole image.

    Returns
    -------
    CloseUp

    Examples
    --------
    >>> from imaging.particles.parameters import CrackParameters
    >>> from imaging.particles.places import locate_particles
    >>> from imaging.simulating.sem import simulate_sem
    >>> image = simulate_sem(1)[0]
    >>> places = locate_particles(image, CrackParameters())
    >>> frame = frames(places, image.shape)[0]
    >>> view = close_up(image[frame].values.astype("f4"), places, 1, frame, image.shape)
    >>> bool(view.own.any())
    True
    """
    rows, columns = frame
    ny, nx = shape
    y = np.linspace(-1, 1, ny)[rows]
    x = np.linspace(-1, 1, nx)[columns]
    even = values / illumination(places.levels, y, x)
    if places.curtains is not None:
        even = even / places.curtains.over(rows, columns)
    f = places.factor
    coarse = tuple(slice(s.start // f, -(-s.stop // f)) for s in frame)
    solid = places.solid[coarse]
    mine = solid == number
    # Surely inside, and where the outline may be: a coarse pixel to both sides.
    edge = np.pad(mine, 1, mode="edge")
    core = ndimage.binary_erosion(edge, np.ones((3, 3)), border_value=1)[1:-1, 1:-1]
    reach = ndimage.binary_dilation(mine, np.ones((3, 3)))
    reach &= places.territory[coarse] == number
    calm = ndimage.gaussian_filter(even, 0.8, truncate=3)
    own = (calm > places.levels.threshold) & _fine(reach, frame, f)
    own |= _fine(core, frame, f)
    others = _fine((solid > 0) & ~mine, frame, f)
    return CloseUp(number=number, rows=rows, columns=columns, even=even, own=own, others=others)


def without_surroundings(view: CloseUp) -> tuple[CloseUp, tuple[slice, slice]]:
    """Close-up cut to the particle and a few pixels around, and the part of it that this is.

    Examples
    --------
    >>> own = np.zeros((90, 90), bool)
    >>> own[40:50, 30:60] = True
    >>> view = CloseUp(
    ...     number=1,
    ...     rows=slice(100, 190),
    ...     columns=slice(0, 90),
    ...     even=own + 1.0,
    ...     own=own,
    ...     others=~own,
    ... )
    >>> without_surroundings(view)[0].rows
    slice(132, 158, None)
    """
    near = ndimage.find_objects(view.own.view(np.int8))
    if not near:
        return view, (slice(None), slice(None))
    rows, columns = (
        slice(max(0, n.start - _AROUND), min(size, n.stop + _AROUND))
        for n, size in zip(near[0], view.own.shape, strict=True)
    )
    part = (rows, columns)
    cut = CloseUp(
        number=view.number,
        rows=slice(view.rows.start + rows.start, view.rows.start + rows.stop),
        columns=slice(view.columns.start + columns.start, view.columns.start + columns.stop),
        even=view.even[part],
        own=view.own[part],
        others=view.others[part],
    )
    return cut, part


def _fine(mask: np.ndarray, frame: tuple[slice, slice], factor: int) -> np.ndarray:
    """Mask of coarse pixels on fine ones."""
    rows, columns = frame
    y = np.arange(rows.start, rows.stop) // factor - rows.start // factor
    x = np.arange(columns.start, columns.stop) // factor - columns.start // factor
    return mask[y[:, None], x[None, :]]
