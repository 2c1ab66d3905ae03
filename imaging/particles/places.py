"""Where are the particles, roughly, and what must be evened out before a closer look?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy import ndimage

from coatcore.errors import MeasurementError
from imaging.labels.labels import pixel_size
from imaging.particles.curtains import Curtains, find_curtains
from imaging.particles.enclosed_pockets import without_pockets
from imaging.particles.grey_levels import GreyLevels, calm_down, fit_levels, values_of
from imaging.particles.parameters import CrackParameters
from imaging.particles.splitting import split_touching

# Particles are found on pixels of about this size, nm; cracks are looked for on the image's own.
COARSE = 60.0
# Coarsest pixel, nm, in which a crack is still a line.
MAX_PIXEL = 100.0
# Share of the bright phase at the top of the grey scale from which an image is saturated.
_SATURATED = 0.5
# Rows read at once from an image that is larger than memory.
_BAND = 4096


@dataclass(frozen=True, kw_only=True)
class Places:
    """Particles on coarse pixels, and what makes greys comparable over the image.

    Parameters
    ----------
    pixel : float
        Side of a pixel of the image, nm.
    factor : int
        Pixels of the image to a coarse pixel, along each side.
    solid, territory : numpy.ndarray of int32
        On coarse pixels: number of the particle there, and of the nearest one.
    levels : GreyLevels
        Greys of both phases and the illumination.
    curtains : Curtains or None
        Stripes of ion milling.

    Examples
    --------
    >>> from imaging.simulating.sem import simulate_sem
    >>> places = locate_particles(simulate_sem(1)[0], CrackParameters())
    >>> places.factor
    3
    """

    pixel: float
    factor: int
    solid: np.ndarray
    territory: np.ndarray
    levels: GreyLevels
    curtains: Curtains | None


def locate_particles(image: xr.DataArray, parameters: CrackParameters) -> Places:
    """Particles of an image, as far as pixels of 60 nm tell them.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x) in nm; lazy arrays are read band by band.
    parameters : CrackParameters
        Sizes.

    Returns
    -------
    Places

    Raises
    ------
    MeasurementError
        As `find_particles`.

    Examples
    --------
    >>> from imaging.simulating.sem import simulate_sem
    >>> int(locate_particles(simulate_sem(1)[0], CrackParameters()).solid.max()) > 3
    True
    """
    pixel = square_pixel(image)
    factor = max(1, int(COARSE / pixel))
    coarse = coarsened(image, factor)
    source = image.attrs.get("source", "the image")
    if not np.isfinite(coarse).all():
        raise MeasurementError(f"{source} holds missing pixels")
    if np.ptp(coarse) == 0:
        raise MeasurementError(f"{source} has one grey value only")
    _refuse_saturated(image, source)
    calm = ndimage.gaussian_filter(calm_down(coarse), 0.6)
    levels = fit_levels(calm)
    from imaging.particles.grey_levels import illumination

    ny, nx = calm.shape
    even = calm / illumination(levels, np.linspace(-1, 1, ny), np.linspace(-1, 1, nx))
    bright = even > levels.threshold
    side = pixel * factor
    bridged = _closed(bright, parameters.max_width / 2 / side)
    filled = ndimage.binary_fill_holes(bridged)
    smallest = parameters.min_diameter / 2 / side
    parts = _split(filled, smallest)
    parts = without_pockets(parts, filled, bridged, lambda mask: _split(mask, smallest))
    solid = _own_shapes(parts, bright, parameters.max_width / 2 / side, np.pi * smallest**2)
    if not solid.any():
        raise MeasurementError(
            f"{source} holds no bright particle of at least {parameters.min_diameter:g} nm"
        )
    nearest = ndimage.distance_transform_edt(
        solid == 0, return_distances=False, return_indices=True
    )
    territory = solid[tuple(nearest)]
    curtains = None
    if parameters.curtains != "none":
        curtains = find_curtains(image, factor, solid, bright, levels, parameters.curtains)
    return Places(
        pixel=pixel,
        factor=factor,
        solid=solid,
        territory=territory,
        levels=levels,
        curtains=curtains,
    )


def _split(mask: np.ndarray, smallest: float) -> np.ndarray:
    return split_touching(_opened(mask, smallest / 3), smallest)


def square_pixel(image: xr.DataArray) -> float:
    """Side of a pixel in nm.

    Raises
    ------
    MeasurementError
        If pixels are not square, or coarser than 100 nm.

    Examples
    --------
    >>> from imaging.labels import labelled_image
    >>> square_pixel(labelled_image(np.zeros((4, 4)), (20.0, 20.0)))
    20.0
    """
    dy, dx = pixel_size(image)
    source = image.attrs.get("source", "the image")
    if abs(dy - dx) > 0.02 * max(dy, dx):
        raise MeasurementError(
            f"pixels of {source} are {dy:.4g} by {dx:.4g} nm; square ones are expected: "
            "resample the image (for a tilted sample, correct the tilt first)"
        )
    pixel = float(np.sqrt(dy * dx))
    if pixel > MAX_PIXEL:
        raise MeasurementError(
            f"a pixel of {source} is {pixel:.4g} nm wide; cracks show in images with at most "
            f"{MAX_PIXEL:g} nm a pixel"
        )
    return pixel


def coarsened(image: xr.DataArray, factor: int) -> np.ndarray:
    """Mean of blocks of `factor` x `factor` pixels; the last block may be smaller.

    Examples
    --------
    >>> from imaging.labels import labelled_image
    >>> coarsened(labelled_image(np.arange(16.0).reshape(4, 4), (1.0, 1.0)), 2)[0]
    array([2.5, 4.5], dtype=float32)
    """
    ny = image.sizes["y"]
    step = max(factor, _BAND // factor * factor)
    bands = [
        _block_mean(values_of(image[start : start + step]), factor) for start in range(0, ny, step)
    ]
    return np.concatenate(bands)


def _block_mean(values: np.ndarray, factor: int) -> np.ndarray:
    if factor == 1:
        return values
    ny, nx = values.shape
    whole = np.pad(values, ((0, -ny % factor), (0, -nx % factor)), mode="edge")
    blocks = whole.reshape(whole.shape[0] // factor, factor, whole.shape[1] // factor, factor)
    return blocks.mean(axis=(1, 3), dtype=np.float32)


def _refuse_saturated(image: xr.DataArray, source: Any) -> None:
    """Stop where particles are so bright that nothing can be told in them.

    Whole numbers come from a detector and have a top; other numbers have been worked on.
    """
    if image.dtype.kind == "f":
        return
    step = max(1, image.sizes["y"] * image.sizes["x"] // 4_000_000)
    part = np.asarray(image.data[::step])
    top, middle = part.max(), 0.5 * (float(part.max()) + float(part.min()))
    share = float((part == top).sum()) / max(1, int((part > middle).sum()))
    if share > _SATURATED:
        raise MeasurementError(
            f"{100 * share:.0f} % of the bright pixels of {source} have the highest grey value: "
            "it is saturated; record it with less contrast or brightness"
        )


def _closed(mask: np.ndarray, radius: float) -> np.ndarray:
    """Closing by a disc; beyond the image its edge goes on."""
    pad = int(2 * radius) + 2
    wide = np.pad(mask, pad, mode="edge")
    grown = ndimage.distance_transform_edt(~wide) <= radius
    back = ndimage.distance_transform_edt(grown) > radius
    return (back | wide)[pad:-pad, pad:-pad]


def _opened(mask: np.ndarray, radius: float) -> np.ndarray:
    pad = int(radius) + 2
    wide = np.pad(mask, pad, mode="edge")
    kept = ndimage.distance_transform_edt(wide) > radius
    if not kept.any():
        return np.zeros_like(mask)
    return (ndimage.distance_transform_edt(~kept) <= radius)[pad:-pad, pad:-pad]


def _own_shapes(
    parts: np.ndarray, bright: np.ndarray, radius: float, smallest: float
) -> np.ndarray:
    """Each particle with its own cracks and pores filled, not the bridges to its neighbours."""
    solid = np.zeros(parts.shape, np.int32)
    pad = int(2 * radius) + 2
    count = 0
    for label, near in enumerate(ndimage.find_objects(parts), start=1):
        if near is None:
            continue
        wide = tuple(
            slice(max(0, n.start - pad), min(size, n.stop + pad))
            for n, size in zip(near, parts.shape, strict=True)
        )
        mine = parts[wide] == label
        own = ndimage.binary_fill_holes(_closed(bright[wide] & mine, radius)) & mine
        own = _opened(own, min(2.0, radius))
        pieces, n = ndimage.label(own)
        if n == 0:
            continue
        sizes = np.bincount(pieces.ravel())[1:]
        # The edge of the image may cut a particle; what is left of it must still be a particle.
        if sizes.max() < smallest:
            continue
        count += 1
        solid[wide][pieces == 1 + int(sizes.argmax())] = count
    return solid
