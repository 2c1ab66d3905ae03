"""How long, wide and dark is each crack, and what does it do to its particle?"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from imaging.cracks.kinds import kind, missing_to_split, score
from imaging.cracks.marks import Marks
from imaging.cracks.skeletons import directions
from imaging.particles.close_ups import CloseUp
from imaging.particles.cross_section import CrossSection
from imaging.particles.parameters import CrackParameters

Row = dict[str, float | int | str | bool]
COLUMNS = (
    "crack",
    "particle",
    "kind",
    "separation score",
    "length / nm",
    "area / nm2",
    "mean width / nm",
    "width, 10 % / nm",
    "width, 90 % / nm",
    "orientation / degree",
    "contrast",
    "y / nm",
    "x / nm",
)
# Pixels around a crack over which blur spreads what is missing, and over which its width is
# averaged along it.
_FLANK, _ALONG = 3, 3.0


def crack_rows(view: CloseUp, marks: Marks, section: CrossSection) -> list[Row]:
    """A row a crack of one particle.

    The area is the missing brightness summed over the crack and its blurred flanks, as a share
    of what a void would miss: blur widens a crack but keeps that sum. The mean width is that
    area over the length. What runs into the particle's rim, which was left out, is added to
    length and area.

    Parameters
    ----------
    view : CloseUp
        The particle.
    marks : Marks
        Its cracks.
    section : CrossSection
        Size of a pixel, greys and parameters.

    Returns
    -------
    list of dict
        With the columns of `Cracks.cracks`, ``crack`` counted from 1 within the particle.

    Examples
    --------
    >>> from imaging.particles.cross_section import see_cross_section
    >>> from imaging.simulating.sem import simulate_sem
    >>> section = see_cross_section(simulate_sem(1)[0], CrackParameters())
    >>> a = np.zeros((8, 8), np.float32)
    >>> view = CloseUp(
    ...     number=1, rows=slice(0, 8), columns=slice(0, 8), even=a, own=a == 0, others=a > 0
    ... )
    >>> none = Marks(
    ...     labels=a.astype("i4"), lines=a > 0, missing=a, inside=a == 0, lengths=np.zeros(0)
    ... )
    >>> crack_rows(view, none, section)
    []
    """
    n = marks.lengths.size
    if n == 0:
        return []
    pixel, parameters = section.pixel, section.parameters
    near = ndimage.find_objects((marks.labels > 0).astype(np.int8))[0]
    part = tuple(
        slice(max(0, s.start - 3 * _FLANK), min(size, s.stop + 3 * _FLANK))
        for s, size in zip(near, marks.labels.shape, strict=True)
    )
    labels, lines = marks.labels[part], marks.lines[part]
    missing, inside = marks.missing[part], marks.inside[part]
    zone = ndimage.maximum_filter(labels, 2 * _FLANK + 1)
    zone[~inside] = 0
    area = np.bincount(zone.ravel(), missing.ravel(), minlength=n + 1)[1:]
    on_line = np.bincount(labels[lines], minlength=n + 1)[1:]
    local = _local_width(labels, lines, zone, missing, marks.lengths / np.maximum(on_line, 1))
    depth = ndimage.gaussian_filter(missing, 0.8, truncate=3)
    ends = _ends_at_rim(labels, lines, inside)
    if marks.reaching is not None:
        # What was found ends where looking ended; what was drawn may cross the rim itself.
        ends = np.maximum(ends - _pieces_of(labels, marks.reaching[part]), 0)
    split = _splits(marks, parameters, pixel)
    rows: list[Row] = []
    for i in range(1, n + 1):
        mine = lines & (labels == i)
        y, x = np.nonzero(mine)
        length = float(marks.lengths[i - 1])
        width = max(0.0, float(area[i - 1])) / length
        length += ends[i] * parameters.rim / pixel
        value = score(split[i - 1] * pixel, parameters.split_within, parameters.whole_beyond)
        low, high = np.quantile(local[mine], [0.1, 0.9]) if y.size else (0.0, 0.0)
        rows.append(
            {
                "crack": i,
                "particle": view.number,
                "kind": kind(value),
                "separation score": value,
                "length / nm": length * pixel,
                "area / nm2": length * width * pixel**2,
                "mean width / nm": width * pixel,
                "width, 10 % / nm": float(max(low, 0)) * pixel,
                "width, 90 % / nm": float(max(high, 0)) * pixel,
                "orientation / degree": directions(y, x),
                "contrast": float(np.mean(depth[mine])),
                "y / nm": (view.rows.start + part[0].start + float(y.mean()) + 0.5) * pixel,
                "x / nm": (view.columns.start + part[1].start + float(x.mean()) + 0.5) * pixel,
            }
        )
    return rows


def _local_width(
    labels: np.ndarray,
    lines: np.ndarray,
    zone: np.ndarray,
    missing: np.ndarray,
    step: np.ndarray,
) -> np.ndarray:
    """Width at each pixel of a line, pixels: what is missing nearby over the length nearby."""
    nearest = ndimage.distance_transform_edt(~lines, return_distances=False, return_indices=True)
    here = zone > 0
    flat = np.ravel_multi_index(tuple(nearest[:, here]), lines.shape)
    held = np.bincount(flat, missing[here], minlength=lines.size).reshape(lines.shape)
    long = np.where(lines, np.concatenate([[0.0], step])[labels], 0.0)
    held = ndimage.gaussian_filter(held, _ALONG)
    return held / np.maximum(ndimage.gaussian_filter(long, _ALONG), 1e-6)


def _ends_at_rim(labels: np.ndarray, lines: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """How many ends of each crack's line run into the rim that was left out."""
    rim = ndimage.maximum_filter(~inside, 2 * _FLANK + 1, mode="constant", cval=0)
    reach, n = ndimage.label(lines & rim, structure=np.ones((3, 3)))
    ends = np.zeros(int(labels.max()) + 1)
    for i in range(1, n + 1):
        # A line that runs along the rim is long there, one that runs into it is short.
        here = reach == i
        if here.sum() <= 3 * _FLANK:
            ends[labels[here][0]] += 1
    return np.minimum(ends, 4)


def _pieces_of(labels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """In how many places each crack has pixels in a mask."""
    pieces, n = ndimage.label(mask & (labels > 0), structure=np.ones((3, 3)))
    owner = ndimage.maximum(labels, pieces, np.arange(1, n + 1)) if n else []
    return np.bincount(np.asarray(owner, int), minlength=int(labels.max()) + 1)


def _splits(marks: Marks, parameters: CrackParameters, pixel: float) -> list[float]:
    """For each crack what is missing until it separates the particle, pixels."""
    reach = parameters.whole_beyond / pixel
    step = max(1.0, reach / 8)
    return [
        missing_to_split(marks.labels == i, marks.inside, reach, step=step)
        for i in range(1, marks.lengths.size + 1)
    ]
