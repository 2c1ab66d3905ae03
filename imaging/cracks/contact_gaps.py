"""Where has a particle lost contact with the electrolyte around it?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from imaging.particles.close_ups import CloseUp
from imaging.particles.cross_section import CrossSection

# How far from the outline a gap is followed, and length of outline that is judged at once, nm.
REACH, PIECE = 400.0, 150.0
# Narrowest gap that counts as lost contact, nm.
MIN_GAP = 40.0
# Pixels next to the outline that its blur makes bright; what a gap loses by it in width.
_BLUR = 1.5
# Share of a void's darkness, on average over a ring, that a gap reaches near the outline, and
# down to which it is followed; a gap of two blurred pixels reaches the first.
_REACHED, _FOLLOWED, _FIRST = 0.35, 0.1, 4


class Gaps(NamedTuple):
    """Contact of one particle's outline; lengths in nm.

    Examples
    --------
    >>> Gaps(1000.0, 250.0, 80.0).lost
    250.0
    """

    judged: float
    lost: float
    mean_width: float


def find_gaps(view: CloseUp, section: CrossSection) -> Gaps:
    """Part of a particle's outline along which void lies between it and the electrolyte.

    The outline is judged in pieces of about 150 nm. Rings around it are averaged over each
    piece; a gap is as wide as the rings from the outline outwards are void. Pieces at the edge
    of the image or against another particle are not judged.

    Parameters
    ----------
    view : CloseUp
        The particle.
    section : CrossSection
        Size of a pixel, greys and parameters.

    Returns
    -------
    Gaps
        Length of outline judged, of it without contact, and mean width of the gap there.

    Examples
    --------
    >>> from imaging.particles.cross_section import see_cross_section
    >>> from imaging.particles.parameters import CrackParameters
    >>> from imaging.simulating.sem import simulate_sem
    >>> section = see_cross_section(simulate_sem(1)[0], CrackParameters())
    >>> levels, void = section.levels, section.void
    >>> grey = np.full((100, 100), levels.dark, np.float32)
    >>> y, x = np.ogrid[:100, :100]
    >>> far = np.hypot(y - 50, x - 50)
    >>> grey[far < 36] = void
    >>> grey[far < 30] = levels.bright
    >>> grey = ndimage.gaussian_filter(grey, 1.2)
    >>> view = CloseUp(
    ...     number=1,
    ...     rows=slice(0, 100),
    ...     columns=slice(0, 100),
    ...     even=grey,
    ...     own=far < 30,
    ...     others=far < 0,
    ... )
    >>> gaps = find_gaps(view, section)
    >>> gaps.lost == gaps.judged, round(gaps.mean_width / section.pixel)
    (True, 6)
    """
    pixel, levels, void = section.pixel, section.levels, section.void
    depth = levels.dark - void
    inner = ndimage.binary_erosion(view.own, border_value=1)
    outline = view.own & ~inner
    # The image's edge is no outline.
    if not outline.any() or depth < 0.1 * (levels.bright - levels.dark):
        return Gaps(0.0, 0.0, float("nan"))
    distance, piece, n = _pieces(view.own, outline, pixel)
    rings = int(np.ceil(REACH / pixel))
    ring = np.ceil(distance - _BLUR).astype(int)
    near = ~view.own & (ring >= 1) & (ring <= rings)
    free = near & ~view.others
    key = piece[free] * (rings + 1) + ring[free]
    size = n * (rings + 1)
    count = np.bincount(key, minlength=size).reshape(n, rings + 1)[:, 1:]
    share = np.clip((levels.dark - view.even[free]) / depth, -1.0, 1.5)
    dark = np.bincount(key, share, minlength=size).reshape(n, rings + 1)[:, 1:]
    mean = dark / np.maximum(count, 1)
    touching = np.bincount(piece[near & view.others & (ring <= 3)], minlength=n) > 0
    length = np.bincount(piece[outline], minlength=n) * pixel * 1.12
    judged = (length > 0) & ~touching & (count[:, :3].min(axis=1) > 0)
    void_here = (mean > _FOLLOWED) & (count > 0)
    # From the first ring or two, which blur may hide, outwards as long as it is dark.
    void_here[:, :2] |= void_here[:, 2:3]
    from_outline = np.cumprod(void_here, axis=1)
    width = (from_outline * np.clip(mean, 0, 1)).sum(axis=1) + _BLUR
    dark_near = (from_outline * mean)[:, :_FIRST].max(axis=1) > _REACHED
    width = np.where(dark_near, width, 0.0) * pixel
    lost = judged & (width >= MIN_GAP)
    total, without = float(length[judged].sum()), float(length[lost].sum())
    gap = float((width * length)[lost].sum() / without) if without else float("nan")
    return Gaps(total, without, gap)


def _pieces(
    own: np.ndarray, outline: np.ndarray, pixel: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """Distance from the outline at each pixel, and which piece of the outline is nearest.

    Pieces are sectors seen from the particle's middle.
    """
    y, x = np.nonzero(outline)
    middle = np.array([y.mean(), x.mean()])
    n = max(8, round(y.size * pixel / PIECE))
    rows, columns = (np.arange(size) for size in own.shape)
    angle = np.arctan2(rows[:, None] - middle[0], columns[None, :] - middle[1])
    piece = np.minimum(((angle + np.pi) / (2 * np.pi) * n).astype(int), n - 1)
    distance = ndimage.distance_transform_edt(~own)
    return distance, piece, n
