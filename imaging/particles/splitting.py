"""Where does one particle end and the next begin, where they touch?"""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.morphology import convex_hull_image
from skimage.segmentation import watershed

# Two parts of a shape may be one particle if their neck is this share of the smaller's
# half-width, and they are if the notches beside it reach in no deeper than this share of it.
_NECK, _NOTCH = 0.6, 0.25


def split_touching(solid: np.ndarray, smallest: float) -> np.ndarray:
    """Labels of the particles in a mask, cut apart at their necks.

    The distance to the outline is a landscape whose hills are particles (watershed). Two hills
    are one particle if their saddle is nearly as high as the lower of them and the outline of
    both together has no deep notch; the second is what tells particles that the edge of the
    image cuts, whose necks are cut with them.

    Parameters
    ----------
    solid : numpy.ndarray of bool, shape (ny, nx)
        Particles without holes.
    smallest : float
        Half-width of the smallest particle, pixels.

    Returns
    -------
    numpy.ndarray of int32, shape (ny, nx)
        0 outside, else 1 to n in order of their first pixel.

    Examples
    --------
    >>> y, x = np.ogrid[:40, :90]
    >>> two = ((y - 20) ** 2 + (x - 22) ** 2 < 400) | ((y - 20) ** 2 + (x - 60) ** 2 < 400)
    >>> int(split_touching(two, 5.0).max())
    2
    """
    # What lies beyond the image is taken as more of the same, else a particle that the edge
    # cuts would have its hill away from the edge, and a neck along it.
    pad = max(2, round(smallest))
    depth = ndimage.distance_transform_edt(np.pad(solid, pad, mode="edge"))
    depth = depth[pad:-pad, pad:-pad].astype(np.float32)
    smooth = ndimage.gaussian_filter(depth, max(1.0, smallest / 8))
    reach = 2 * max(1, round(smallest / 2)) + 1
    peaks = (ndimage.maximum_filter(smooth, reach) == smooth) & (depth > 0.35 * smallest) & solid
    seeds, n = ndimage.label(peaks, structure=np.ones((3, 3)))
    if n == 0:
        return np.zeros(solid.shape, np.int32)
    parts = watershed(-smooth, seeds.astype(np.int32), mask=solid)
    height = np.zeros(n + 1)
    np.maximum.at(height, parts.ravel(), depth.ravel())
    root = _merged(parts, depth, height, n)
    merged = root[parts]
    return in_order(merged)


def in_order(parts: np.ndarray) -> np.ndarray:
    """Labels renumbered from 1 on in order of their first pixel; 0 stays.

    Examples
    --------
    >>> in_order(np.array([[0, 7], [3, 3]]))
    array([[0, 1],
           [2, 2]], dtype=int32)
    """
    first = np.full(int(parts.max()) + 1, parts.size)
    # Where an index comes several times, the last value stays: the first pixel's.
    first[parts.ravel()[::-1]] = np.arange(parts.size)[::-1]
    first[0] = parts.size
    order = np.argsort(first)[: np.count_nonzero(first < parts.size)]
    new = np.zeros(first.size, np.int32)
    new[order] = np.arange(1, order.size + 1)
    return new[parts]


def _merged(parts: np.ndarray, depth: np.ndarray, height: np.ndarray, n: int) -> np.ndarray:
    """For each part the number of the particle it belongs to."""
    pairs, saddles = [], []
    for axis in (0, 1):
        a, b = (np.moveaxis(parts, axis, 0)[s].ravel() for s in (slice(None, -1), slice(1, None)))
        da, db = (np.moveaxis(depth, axis, 0)[s].ravel() for s in (slice(None, -1), slice(1, None)))
        touch = (a != b) & (a > 0) & (b > 0)
        low, high = np.minimum(a[touch], b[touch]), np.maximum(a[touch], b[touch])
        pairs.append(low.astype(np.int64) * (n + 1) + high)
        saddles.append(np.minimum(da[touch], db[touch]))
    key, inverse = np.unique(np.concatenate(pairs), return_inverse=True)
    saddle = np.zeros(key.size, np.float32)
    np.maximum.at(saddle, inverse, np.concatenate(saddles))
    root = np.arange(n + 1)
    members = [[i] for i in range(n + 1)]
    places = ndimage.find_objects(parts)

    def find(i: int) -> int:
        while root[i] != i:
            i = int(root[i])
        return i

    # Highest saddles first: what is surely one grows before doubtful necks are judged.
    for k in np.argsort(-saddle, kind="stable"):
        i, j = (find(int(v)) for v in divmod(int(key[k]), n + 1))
        lower = min(height[i], height[j])
        if i == j or saddle[k] <= _NECK * lower:
            continue
        both = members[i] + members[j]
        if _notch(parts, [places[m - 1] for m in both], both) < _NOTCH * lower:
            root[max(i, j)] = min(i, j)
            height[min(i, j)] = max(height[i], height[j])
            members[min(i, j)] = both
    return np.array([find(i) for i in range(n + 1)])


def _notch(parts: np.ndarray, places: list[tuple[slice, slice]], which: list[int]) -> float:
    """How far some parts together fall short of being convex, pixels."""
    near = tuple(
        slice(min(p[k].start for p in places), max(p[k].stop for p in places)) for k in (0, 1)
    )
    union = np.isin(parts[near], which)
    hull = convex_hull_image(union)
    inside = [(int(near[k].start > 0), int(near[k].stop < parts.shape[k])) for k in (0, 1)]
    # No way out of the hull where the image ends.
    depth = ndimage.distance_transform_edt(np.pad(hull, inside))
    depth = depth[tuple(slice(a, depth.shape[k] - b) for k, (a, b) in enumerate(inside))]
    return float(depth[hull & ~union].max(initial=0.0))
