"""A second simulator of cracked particles, for final figures only: nothing was tuned on it.

Written apart from `imaging.simulate_sem` and unlike it in each step, so that what is scored here is
not what the methods were made for. Everything is drawn in black and white on pixels three times
finer and averaged, instead of by covered shares; particles are blended convex polygons laid down
largest first; cracks are wandering paths (a random bridge) with a width that varies by chance
along them, free of the grains; grains are where one of several smooth random fields is highest;
pores are smooth blobs; greys, contrast and blur (a core and a wide tail) differ; noise is Poisson,
amplifier and scan-line noise; light varies by cosines; curtains are sums of waves; charging is
dark halos beside particles.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from scipy import ndimage
from scipy.spatial import ConvexHull
from skimage.draw import polygon

from imaging.labels.labels import labelled_image
from imaging.simulating import SemTruth

_FINE = 3
_BRIGHT, _DARK, _VOID = 150.0, 88.0, 34.0


def simulate_other_sem(
    seed: int,
    *,
    electrons: float = 450.0,
    cracks: bool = True,
    shape: tuple[int, int] = (512, 640),
    pixel: float = 20.0,
) -> tuple[xr.DataArray, SemTruth]:
    """Image and truth as `imaging.simulate_sem` gives them, by other means."""
    rng = np.random.default_rng([seed, 7919])
    fine = pixel / _FINE
    big = (shape[0] * _FINE, shape[1] * _FINE)
    number = _particles(rng, big, fine)
    grains = _partition(rng, big, 420.0 / fine)
    crack, line, rows = _cracks(rng, number, fine) if cracks else _none(big)
    pores = _blobs(rng, big, 110.0 / fine) & (number > 0)
    pores &= ndimage.distance_transform_edt(crack == 0) > 200.0 / fine
    gap, lost = _gaps(rng, number, fine)
    values = np.where(number > 0, _BRIGHT + grains, _DARK + _smooth(rng, big, 25) * 2.5)
    values[(crack > 0) | pores | gap] = _VOID
    values = _mean(values)
    values = 0.85 * ndimage.gaussian_filter(values, 0.9) + 0.15 * ndimage.gaussian_filter(values, 3)
    values = _spoil(rng, values, _mean((number > 0).astype(float)), electrons)
    middle = slice(_FINE // 2, None, _FINE)
    share = _mean((crack > 0).astype(float))
    # Centre lines on pixels: any fine point of the line within one marks it.
    lines = line.reshape(shape[0], _FINE, shape[1], _FINE).max(axis=(1, 3))
    table = pd.DataFrame(rows, columns=["crack", "particle", "kind", "length / nm", "area / nm2"])
    table["width / nm"] = table["area / nm2"] / table["length / nm"]
    truth = SemTruth(
        crack_area_fraction=float((crack > 0).sum() / max(1, (number > 0).sum())),
        particles=number[middle, middle],
        cracks=crack[middle, middle],
        crack_share=share,
        lines=lines,
        table=table,
        lost_contact=lost,
    )
    image = labelled_image(
        np.clip(np.rint(values), 0, 255).astype(np.uint8),
        (pixel, pixel),
        attrs={"simulated": "yes"},
    )
    return image, truth


def _mean(values: np.ndarray) -> np.ndarray:
    ny, nx = (n // _FINE for n in values.shape)
    return values.reshape(ny, _FINE, nx, _FINE).mean(axis=(1, 3))


def _smooth(rng: np.random.Generator, shape: tuple[int, int], size: float) -> np.ndarray:
    """Random field of unit variance that changes over `size` pixels; drawn coarse, enlarged."""
    step = max(1, int(size / 4))
    coarse = rng.normal(size=[n // step + 8 for n in shape])
    coarse = ndimage.gaussian_filter(coarse, size / step / 2)
    field = ndimage.zoom(coarse, step, order=1)[2 * step :, 2 * step :][: shape[0], : shape[1]]
    return field / field.std()


def _particles(rng: np.random.Generator, shape: tuple[int, int], fine: float) -> np.ndarray:
    """Blended convex polygons, the largest first; some pushed against one that is there."""
    number = np.zeros(shape, int)
    count = 0
    for diameter in np.sort(rng.uniform(2000, 6000, 60))[::-1]:
        radius = diameter / 2 / fine
        center = rng.uniform(-0.3 * radius, np.array(shape) + 0.3 * radius)
        cloud = rng.normal(size=(40, 2))
        cloud = cloud / np.hypot(*cloud.T)[:, None] * rng.uniform(0.88, 1.08, (40, 1)) * radius
        mask, near = _blended(cloud[ConvexHull(cloud).vertices] + center, radius, shape)
        if mask.sum() < 0.3 * np.pi * radius**2:
            continue
        taken = number[near] > 0
        overlap = (mask & taken).sum() / mask.sum()
        touching = overlap > 0
        if overlap > 0.04 or (touching and rng.random() < 0.3):
            continue
        if not touching and (mask & ndimage.binary_dilation(taken, iterations=9)).any():
            continue
        count += 1
        number[near][mask & ~taken] = count
    return number


def _blended(
    hull: np.ndarray, radius: float, shape: tuple[int, int]
) -> tuple[np.ndarray, tuple[slice, slice]]:
    """A polygon with its corners rounded, and where in the image: drawn coarse, enlarged."""
    step = 6
    low = (hull.min(axis=0) // step).astype(int) - 4
    coarse = np.zeros((np.ceil(hull.max(axis=0) / step).astype(int) + 4) - low, np.float32)
    coarse[polygon(*(hull / step - low).T, coarse.shape)] = 1
    soft = ndimage.gaussian_filter(coarse, 0.12 * radius / step)
    whole = ndimage.zoom(soft, step, order=1) > 0.5
    start = low * step
    first = np.maximum(-start, 0)
    near = tuple(
        slice(max(0, s), max(0, min(n, s + w)))
        for s, n, w in zip(start, shape, whole.shape, strict=True)
    )
    size = tuple(n.stop - n.start for n in near)
    part = whole[first[0] : first[0] + size[0], first[1] : first[1] + size[1]]
    return part, (near[0], near[1])


def _partition(rng: np.random.Generator, shape: tuple[int, int], size: float) -> np.ndarray:
    """Greys of grains: where one of several random fields is highest."""
    fields = np.stack([_smooth(rng, shape, size).astype(np.float32) for _ in range(6)])
    return rng.normal(0, 5.0, 6)[fields.argmax(axis=0)]


def _none(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, list[dict[str, object]]]:
    return np.zeros(shape, int), np.zeros(shape, int), []


def _bridge(rng: np.random.Generator, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Wandering path between two points, a point each half pixel."""
    n = max(8, int(2 * np.hypot(*(stop - start))))
    t = np.linspace(0, 1, n)
    walk = sum(
        rng.normal() / k**1.2 * np.sin(np.pi * k * t) for k in range(1, 9)
    )  # a bridge: nought at both ends
    along = stop - start
    across = np.array([-along[1], along[0]])
    return start + t[:, None] * along + 0.09 * np.asarray(walk)[:, None] * across


def _cracks(
    rng: np.random.Generator, number: np.ndarray, fine: float
) -> tuple[np.ndarray, np.ndarray, list[dict[str, object]]]:
    crack, line, rows = _none(number.shape)
    for particle, near in enumerate(ndimage.find_objects(number), start=1):
        mine = number[near] == particle
        if mine.sum() < 1500.0**2 / fine**2 or rng.random() < 0.25:
            continue
        depth = ndimage.distance_transform_edt(np.pad(mine, 1))[1:-1, 1:-1]
        middle = np.array(np.unravel_index(depth.argmax(), depth.shape), float)
        radius = np.sqrt(mine.sum() / np.pi)
        taken = np.zeros(mine.shape, bool)
        for _ in range(int(rng.integers(1, 4))):
            turn = rng.uniform(0, np.pi)
            way = np.array([np.sin(turn), np.cos(turn)])
            if rng.random() < 0.4:
                shift = rng.uniform(-0.35, 0.35) * radius * np.array([-way[1], way[0]])
                ends = middle + shift - 1.6 * radius * way, middle + shift + 1.6 * radius * way
            else:
                start = middle + rng.uniform(-0.45, 0.45, 2) * radius
                ends = start, start + rng.uniform(0.45, 0.9) * radius * way
            path = _bridge(rng, *ends)
            wide = rng.uniform(35, 170) / fine
            wide = wide * np.exp(0.2 * _smooth(rng, (1, len(path)), 60)[0])
            drawn, core = _drawn(path, wide, mine.shape)
            drawn &= mine
            inside = core & mine
            # Cracks of one particle keep apart, so that each has its own truth.
            if inside.sum() < 600 / fine or (drawn & taken).any():
                continue
            if not _connected(drawn):
                continue
            rest, pieces = ndimage.label(mine & ~drawn)
            sizes = np.sort(np.bincount(rest.ravel())[1:])[::-1]
            apart = pieces > 1 and sizes[1] > 0.02 * mine.sum()
            if not apart and depth[drawn].min() < 250 / fine:
                continue
            taken |= ndimage.binary_dilation(drawn, iterations=int(350 / fine))
            steps = np.hypot(*np.diff(path, axis=0).T)
            at = np.rint(path[1:]).astype(int)
            seen = ((at >= 0) & (at < mine.shape)).all(axis=1)
            length = steps[seen][mine[tuple(at[seen].T)]].sum() * fine
            rows.append(
                {
                    "crack": len(rows) + 1,
                    "particle": particle,
                    "kind": "intergranular" if apart else "primary_particle",
                    "length / nm": float(length),
                    "area / nm2": float(drawn.sum()) * fine**2,
                }
            )
            crack[near][drawn] = len(rows)
            line[near][inside] = len(rows)
    return crack, line, rows


def _connected(mask: np.ndarray) -> bool:
    return ndimage.label(mask, structure=np.ones((3, 3)))[1] == 1


def _drawn(
    path: np.ndarray, wide: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Discs along a path, and its own pixels."""
    drawn, core = np.zeros(shape, bool), np.zeros(shape, bool)
    for (y, x), w in zip(path, wide, strict=True):
        r = w / 2
        y0, x0 = max(0, int(y - r)), max(0, int(x - r))
        rows, columns = np.ogrid[
            y0 : min(shape[0], int(y + r) + 2), x0 : min(shape[1], int(x + r) + 2)
        ]
        if rows.size and columns.size:
            part = drawn[y0 : y0 + rows.shape[0], x0 : x0 + columns.shape[1]]
            part |= (rows - y) ** 2 + (columns - x) ** 2 <= r**2
        iy, ix = round(y), round(x)
        if 0 <= iy < shape[0] and 0 <= ix < shape[1]:
            core[iy, ix] = True
    return drawn, core


def _blobs(rng: np.random.Generator, shape: tuple[int, int], radius: float) -> np.ndarray:
    """Smooth rare holes."""
    field = _smooth(rng, shape, 2 * radius)
    return field > 3.1


def _gaps(rng: np.random.Generator, number: np.ndarray, fine: float) -> tuple[np.ndarray, float]:
    """Void beside particles where a slow random field says so."""
    outside = number == 0
    distance = ndimage.distance_transform_edt(outside)
    width = np.clip(_smooth(rng, number.shape, 900 / fine) - 0.5, 0, 1.5) * 130 / fine
    gap = outside & (distance <= width) & (width > 40 / fine)
    rim = outside & (distance <= 1.0)
    return gap, float((gap & rim).sum() / max(1, rim.sum()))


def _spoil(
    rng: np.random.Generator, values: np.ndarray, solid: np.ndarray, electrons: float
) -> np.ndarray:
    ny, nx = values.shape
    y, x = np.mgrid[0 : 1 : ny * 1j, 0 : 1 : nx * 1j]
    a, b = rng.uniform(-0.07, 0.07, 2)
    light = 1 + a * np.cos(np.pi * x + rng.uniform(0, 3)) + b * np.cos(np.pi * y)
    stripes = sum(
        rng.normal(0, 0.004) * np.cos(2 * np.pi * (f * x + rng.uniform(-2, 2) * y) + p)
        for f, p in zip(rng.uniform(20, 160, 14), rng.uniform(0, 6, 14), strict=True)
    )
    halo = ndimage.gaussian_filter(solid, 12)
    values = values - 9.0 * halo * (1 - solid) * (rng.random() < 0.7)
    values = values * light * (1 + stripes)
    gain = electrons / _BRIGHT
    values = rng.poisson(np.maximum(values, 0.5) * gain) / gain
    return values + rng.normal(0, 1.0, values.shape) + rng.normal(0, 0.8, (ny, 1))
