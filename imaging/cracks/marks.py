"""Which pixels of a particle are crack?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.morphology import skeletonize

from imaging.cracks.dark_lines import line_darkness
from imaging.cracks.missing_brightness import background, missing_share
from imaging.cracks.skeletons import line_lengths, without_spurs
from imaging.particles.close_ups import CloseUp
from imaging.particles.cross_section import CrossSection
from imaging.particles.parameters import CrackParameters

# Share of the contrast by which a place may be darker and still tell the particle's own grey.
_OWN_GREY = 0.25
# A faint line this wide, pixels, is as wide as the blur makes it.
_NEAR = 3
# Share of its deepest darkness nearby that is the outline of a crack.
_HALF = 0.5
# Share of a crack's line that must be clearly dark.
_CLEAR = 0.5
# Share of it that must lie deeper than the rim and this, nm.
_DEEP, _CORNER = 0.5, 100.0
# Extent over greatest width below which a mark is a pore or a corner, however branched.
_STOUT = 2.5
# Straight along rows or columns within this many pixels and this share of its length is what
# scanning or milling draws, from a length, pixels, at which a crack would not be so straight.
_RULED, _RULED_FROM = (0.4, 0.015), 30.0
_EIGHT = np.ones((3, 3))


@dataclass(frozen=True, kw_only=True)
class Marks:
    """Cracks of one particle on its close-up.

    Parameters
    ----------
    labels : numpy.ndarray of int32
        Cracks, numbered from 1; 0 where there is none.
    lines : numpy.ndarray of bool
        Their skeletons.
    missing : numpy.ndarray of float32
        Missing brightness as a share of the contrast to the void, noise left in.
    inside : numpy.ndarray of bool
        Where cracks were looked for.
    lengths : numpy.ndarray
        Of each crack, pixels, from crack 1 on.
    reaching : numpy.ndarray of bool or None
        Where cracks that a person has drawn reach the particle's outline.

    Examples
    --------
    >>> a = np.zeros((2, 2))
    >>> Marks(
    ...     labels=a.astype("i4"), lines=a > 0, missing=a, inside=a > 0, lengths=np.zeros(0)
    ... ).lengths.size
    0
    """

    labels: np.ndarray
    lines: np.ndarray
    missing: np.ndarray
    inside: np.ndarray
    lengths: np.ndarray
    reaching: np.ndarray | None = None


def mark_cracks(view: CloseUp, section: CrossSection) -> Marks:
    """Long dark lines inside a particle.

    Parameters
    ----------
    view : CloseUp
        The particle.
    section : CrossSection
        Size of a pixel, greys and parameters.

    Returns
    -------
    Marks

    Examples
    --------
    >>> from imaging.particles.cross_section import see_cross_section
    >>> from imaging.particles.parameters import CrackParameters
    >>> from imaging.simulating.sem import simulate_sem
    >>> section = see_cross_section(simulate_sem(1)[0], CrackParameters())
    >>> grey = np.full((60, 60), section.levels.bright, np.float32)
    >>> x = np.arange(10, 50)
    >>> grey[20 + abs(x - 30) // 2, x] = section.void
    >>> all_of_it = np.ones(grey.shape, bool)
    >>> view = CloseUp(
    ...     number=1,
    ...     rows=slice(0, 60),
    ...     columns=slice(0, 60),
    ...     even=grey,
    ...     own=all_of_it,
    ...     others=~all_of_it,
    ... )
    >>> length = mark_cracks(view, section).lengths[0]
    >>> bool(abs(length - 44) < 3)
    True
    """
    parameters, pixel = section.parameters, section.pixel
    bright, void = section.levels.bright, section.void
    inside = _without_rim(view.own, max(1, round(parameters.rim / pixel)))
    calm = ndimage.gaussian_filter(view.even, 0.8, truncate=3)
    contrast = bright - void
    usual = float(np.median(view.even[inside])) if inside.any() else bright
    least = 0.5 * contrast
    own_grey = inside & (calm > usual - _OWN_GREY * contrast)
    whole = background(view.even, own_grey, usual)
    missing = missing_share(view.even, whole, inside, void, least)
    levels = 1 + max(0, int(np.ceil(np.log2(parameters.max_width / pixel / 4))))
    response = line_darkness(missing, levels)
    response[~inside] = 0
    gate = response > parameters.faint
    dark, _ = ndimage.label(gate, structure=_EIGHT)
    strong = np.unique(dark[response > parameters.clear])
    gate = np.isin(dark, strong[strong > 0])
    if not gate.any():
        return _no_marks(missing, inside)
    # The background once more, without what is now known to be dark.
    own_grey &= ~ndimage.maximum_filter(gate, 5)
    whole = background(view.even, own_grey, usual)
    missing = missing_share(view.even, whole, inside, void, least)
    darkness = missing_share(calm, whole, inside, void, least)
    # A crack's outline is where half of its darkness is reached; blurred lines are less dark.
    deepest = ndimage.maximum_filter(np.where(gate, darkness, 0), 2 * _NEAR + 1)
    mask = (darkness > np.maximum(parameters.faint, _HALF * deepest)) & inside
    mask &= ndimage.maximum_filter(gate, 3)
    mask = ndimage.binary_closing(mask, _EIGHT) & inside
    # Where two particles touch, the corner between them is dark and long, but at the outline.
    deep = _without_rim(view.own, max(2, round((parameters.rim + _CORNER) / pixel)))
    return _long_ones(mask, missing, darkness, (inside, deep), pixel, parameters)


def given_cracks(view: CloseUp, drawn: np.ndarray, section: CrossSection) -> Marks:
    """Cracks as a person has drawn them, whatever their length and darkness.

    Parameters
    ----------
    view : CloseUp
        The particle.
    drawn : numpy.ndarray of bool
        True in cracks, on the same pixels.
    section : CrossSection
        Size of a pixel, greys and parameters.

    Returns
    -------
    Marks

    Examples
    --------
    >>> from imaging.particles.cross_section import see_cross_section
    >>> from imaging.particles.parameters import CrackParameters
    >>> from imaging.simulating.sem import simulate_sem
    >>> section = see_cross_section(simulate_sem(1)[0], CrackParameters())
    >>> grey = np.full((60, 60), section.levels.bright, np.float32)
    >>> grey[30, 10:50] = section.void
    >>> own = np.ones(grey.shape, bool)
    >>> view = CloseUp(
    ...     number=1, rows=slice(0, 60), columns=slice(0, 60), even=grey, own=own, others=~own
    ... )
    >>> given_cracks(view, grey < section.levels.dark, section).lengths.round()
    array([38.])
    """
    parameters, pixel = section.parameters, section.pixel
    bright, void = section.levels.bright, section.void
    mask = drawn & view.own
    inside = _without_rim(view.own, max(1, round(parameters.rim / pixel))) | mask
    usual = float(np.median(view.even[inside])) if inside.any() else bright
    calm = ndimage.gaussian_filter(view.even, 0.8, truncate=3)
    own_grey = inside & (calm > usual - _OWN_GREY * (bright - void))
    own_grey &= ~ndimage.maximum_filter(mask, 5)
    whole = background(view.even, own_grey, usual)
    missing = missing_share(view.even, whole, inside, void, 0.5 * (bright - void))
    labels, n = ndimage.label(mask, structure=_EIGHT)
    if n == 0:
        return _no_marks(missing, inside)
    lines, lengths, _, _ = _lines(mask, labels, n)
    reaching = mask & ndimage.maximum_filter(~view.own, 3, mode="nearest")
    lengths = np.maximum(lengths[1:], 1.0)
    return Marks(
        labels=labels.astype(np.int32),
        lines=lines,
        missing=missing,
        inside=inside,
        lengths=lengths,
        reaching=reaching,
    )


def _lines(
    mask: np.ndarray, labels: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Skeletons of labelled marks; length, mean and greatest width of each in pixels."""
    # Only where there are marks: most of a particle is sound.
    near = tuple(slice(a.min(), a.max() + 1) for a in np.nonzero(mask))
    part = np.pad(mask[near], 1)
    depth = ndimage.distance_transform_edt(part)
    thin = without_spurs(skeletonize(part), depth)
    lines = np.zeros_like(mask)
    lines[near] = thin[1:-1, 1:-1]
    greatest = np.zeros(n + 1)
    np.maximum.at(greatest, labels[near].ravel(), 2 * depth[1:-1, 1:-1].ravel() - 1)
    lengths = line_lengths(lines[near], labels[near], n)
    width = np.bincount(labels[mask], minlength=n + 1) / np.maximum(lengths, 1)
    # Thinning stops half a width short of the ends.
    return lines, np.where(lengths > 0, lengths + 0.7 * width, 0), width, greatest


def _ruled(lines: np.ndarray, labels: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Marks as straight as if ruled along rows or columns: streaks of the scan or of milling."""
    y, x = np.nonzero(lines)
    of = labels[y, x]
    n = lengths.size
    count = np.maximum(np.bincount(of, minlength=n), 1)
    ruled = np.zeros(n, bool)
    for at in (y, x):
        mean = np.bincount(of, at, minlength=n) / count
        spread = np.sqrt(np.bincount(of, (at - mean[of]) ** 2, minlength=n) / count)
        ruled |= spread < _RULED[0] + _RULED[1] * lengths
    return ruled & (lengths > _RULED_FROM)


def _extent(labels: np.ndarray, n: int) -> np.ndarray:
    """Greatest extent of each mark over all directions, pixels."""
    y, x = np.nonzero(labels)
    of = labels[y, x]
    extent = np.zeros(n + 1)
    for angle in np.arange(8) * np.pi / 8:
        along = y * np.sin(angle) + x * np.cos(angle)
        ends = np.full((2, n + 1), -np.inf)
        np.maximum.at(ends[0], of, along)
        np.maximum.at(ends[1], of, -along)
        extent = np.maximum(extent, ends.sum(axis=0) + 1)
    return extent


def _no_marks(missing: np.ndarray, inside: np.ndarray) -> Marks:
    none = np.zeros(inside.shape, bool)
    return Marks(
        labels=none.astype(np.int32),
        lines=none,
        missing=missing,
        inside=inside,
        lengths=np.zeros(0),
    )


def _without_rim(own: np.ndarray, width: int) -> np.ndarray:
    """Particle without its blurred rim; the image's edge is no rim."""
    inner = np.pad(own, width, mode="edge")
    inner = ndimage.minimum_filter(inner, 2 * width + 1, mode="nearest")
    return inner[width:-width, width:-width]


def _long_ones(
    mask: np.ndarray,
    missing: np.ndarray,
    darkness: np.ndarray,
    where: tuple[np.ndarray, np.ndarray],
    pixel: float,
    parameters: CrackParameters,
) -> Marks:
    """Marks that are long and not round, with their skeletons."""
    inside, deep = where
    labels, n = ndimage.label(mask, structure=_EIGHT)
    if n == 0:
        return _no_marks(missing, inside)
    sizes = np.bincount(labels.ravel(), minlength=n + 1)
    # What has fewer pixels than the shortest line cannot be one.
    possible = sizes * pixel >= 0.7 * parameters.min_length
    possible[0] = False
    mask = possible[labels]
    if not mask.any():
        return _no_marks(missing, inside)
    lines, lengths, width, greatest = _lines(mask, labels, n)
    keep = possible & (lengths * pixel >= parameters.min_length)
    keep &= lengths >= parameters.min_elongation * width
    # The skeleton of something stout is long if it has many branches.
    keep &= _extent(labels, n) >= _STOUT * greatest
    # Faint tails of something dark are no cracks: a good part of the line must be clear.
    clear = lines & (darkness >= parameters.clear)
    on_line = np.bincount(labels[lines], minlength=n + 1)
    keep &= np.bincount(labels[clear], minlength=n + 1) >= _CLEAR * np.maximum(on_line, 1)
    keep &= ~_ruled(lines, labels, lengths)
    keep &= np.bincount(labels[lines & deep], minlength=n + 1) >= _DEEP * on_line
    keep[0] = False
    new = np.zeros(n + 1, np.int32)
    new[keep] = np.arange(1, keep.sum() + 1)
    labels = new[labels]
    return Marks(
        labels=labels,
        lines=lines & (labels > 0),
        missing=missing,
        inside=inside,
        lengths=lengths[keep],
    )
