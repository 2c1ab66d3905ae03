"""Where are the cracks of a simulated cross-section?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import ndimage
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import Voronoi, cKDTree

from imaging.simulating.sem_particles import Particle, outline


def grain_seeds(rng: np.random.Generator, shape: tuple[int, int], size: float) -> np.ndarray:
    """Middles of primary grains: a jittered lattice, so that none is tiny, beyond the edges.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> grain_seeds(rng, (100, 100), 20.0).shape
    (361, 2)
    """
    ny, nx = (int(np.ceil(n / size)) + 14 for n in shape)
    lattice = np.indices((ny, nx)).reshape(2, -1).T - 7.0
    return (lattice + rng.uniform(-0.45, 0.45, lattice.shape)) * size


def crack_all(
    rng: np.random.Generator,
    placed: list[Particle],
    number: np.ndarray,
    seeds: np.ndarray,
    fraction: float,
    pixel: float,
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame, np.ndarray]:
    """Share of crack a pixel, labelled centre lines, table, and the corners of grains.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> seeds = grain_seeds(rng, (90, 90), 20.0)
    >>> share, lines, table, corners = crack_all(rng, [], np.zeros((90, 90), int), seeds, 0.0, 20.0)
    >>> float(share.sum()), len(table)
    (0.0, 0)
    """
    voronoi = Voronoi(seeds)
    corners = voronoi.vertices
    ridges = np.array([r for r in voronoi.ridge_vertices if min(r) >= 0])
    share = np.zeros(number.shape)
    lines = np.zeros(number.shape, int)
    rows: list[dict[str, float | int | str]] = []
    for i, particle in enumerate(placed if fraction > 0 else (), start=1):
        mine = number == i
        if not mine.any():
            continue
        # Crack area wanted: the material's fraction, scattering log-normally about it.
        wanted = fraction * np.pi * particle.radius**2 * np.exp(rng.normal(0, 0.5) - 0.125)
        taken = np.zeros(number.shape, bool)
        for _ in range(30):
            if wanted <= 0:
                break
            across = rng.random() < 0.35
            path = _path(rng, particle, corners, ridges, across=across)
            if path is None:
                continue
            width = np.exp(rng.uniform(np.log(30), np.log(200))) / pixel
            length = float(_along(path)[-1])
            if wanted < width * length:
                width = max(30 / pixel, wanted / length)
            # The last crack comes as often as it is wanted, so that the mean is right.
            if rng.random() > wanted / (width * length):
                break
            part, line = _stroke(path, width, number.shape, taper=not across)
            part, line = part * mine, line & mine
            # Cracks keep apart, so that each is one crack in the truth.
            if not line.any() or (part > 0)[taken].any():
                continue
            near = ndimage.find_objects((part > 0).astype(np.int8))[0]
            wide = tuple(slice(max(0, n.start - 6), n.stop + 6) for n in near)
            # What lies beyond the image was wanted too.
            wanted -= width * length
            taken[wide] |= ndimage.maximum_filter(part[wide] > 0, 13)
            share = np.maximum(share, part)
            lines[line] = len(rows) + 1
            rows.append(
                {
                    "crack": len(rows) + 1,
                    "particle": i,
                    "kind": _kind(mine, part),
                    "length / nm": _inside_length(path, mine) * pixel,
                    "area / nm2": float(part.sum()) * pixel**2,
                }
            )
    table = pd.DataFrame(rows, columns=["crack", "particle", "kind", "length / nm", "area / nm2"])
    table["width / nm"] = table["area / nm2"] / table["length / nm"]
    return share, lines, table, corners


def _path(
    rng: np.random.Generator,
    particle: Particle,
    corners: np.ndarray,
    ridges: np.ndarray,
    *,
    across: bool,
) -> np.ndarray | None:
    """A way along grain boundaries: from rim to rim, or between two places inside."""
    offset = corners - particle.center
    depth = np.hypot(*offset.T) / outline(particle, np.arctan2(offset[:, 0], offset[:, 1]))
    limit = 0.97 if across else 0.85
    inside = depth < limit
    edges = ridges[inside[ridges].all(axis=1)]
    if len(edges) < 8:
        return None
    cost = np.hypot(*(corners[edges[:, 0]] - corners[edges[:, 1]]).T)
    cost = cost * rng.uniform(0.4, 1.6, cost.size)
    n = len(corners)
    graph = csr_matrix((cost, (edges[:, 0], edges[:, 1])), shape=(n, n))
    angle = rng.uniform(0, 2 * np.pi)
    first = particle.radius * (0.95 if across else 0.8 * np.sqrt(rng.random()))
    turn = np.pi + rng.normal(0, 0.45)
    second = first if across else particle.radius * 0.8 * np.sqrt(rng.random())
    ends = [
        particle.center + r * np.array([np.sin(a), np.cos(a)])
        for r, a in ((first, angle), (second, angle + turn))
    ]
    used = np.unique(edges)
    start, stop = (used[np.argmin(np.hypot(*(corners[used] - e).T))] for e in ends)
    if start == stop:
        return None
    _, before = dijkstra(graph, directed=False, indices=start, return_predecessors=True)
    way = [stop]
    while way[-1] != start:
        if before[way[-1]] < 0:
            return None
        way.append(before[way[-1]])
    path = corners[way[::-1]]
    if across:
        away = [path[k] - particle.center for k in (0, -1)]
        out = [particle.center + 1.3 * particle.radius * a / np.hypot(*a) for a in away]
        path = np.vstack([out[0], path, out[1]])
    return path


def _along(path: np.ndarray) -> np.ndarray:
    """Length of the way from its start to each of its points."""
    return np.concatenate([[0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])


def _stroke(
    path: np.ndarray, width: float, shape: tuple[int, int], *, taper: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Share of pixels covered by a line `width` pixels wide along `path`, and its middle."""
    along = _along(path)
    at = np.linspace(0, along[-1], max(2, int(along[-1] * 4)))
    points = np.stack([np.interp(at, along, path[:, k]) for k in (0, 1)], axis=1)
    # Cracks are narrower towards their tips.
    wide = np.full(at.size, width)
    if taper:
        wide = width * (0.55 + 0.6 * np.sin(np.pi * at / along[-1]))
    low = np.maximum(np.floor(points.min(axis=0) - width - 3), 0).astype(int)
    high = np.minimum(np.ceil(points.max(axis=0) + width + 3), shape).astype(int)
    share, line = np.zeros(shape), np.zeros(shape, bool)
    if (high <= low).any():
        return share, line
    grid = np.mgrid[low[0] : high[0], low[1] : high[1]].reshape(2, -1).T
    distance, nearest = cKDTree(points).query(grid, distance_upper_bound=width + 2)
    half = wide[np.minimum(nearest, at.size - 1)] / 2
    cover = np.minimum(distance + 0.5, half) - np.maximum(distance - 0.5, -half)
    near = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    share[near] = np.clip(np.where(np.isfinite(distance), cover, 0), 0, 1).reshape(high - low)
    inside = (points > -0.5).all(axis=1) & (points < np.array(shape) - 0.5).all(axis=1)
    rows, columns = np.rint(points[inside]).astype(int).T
    line[rows, columns] = True
    return share, line


def _inside_length(path: np.ndarray, mine: np.ndarray) -> float:
    along = _along(path)
    at = np.arange(0.05, along[-1], 0.1)
    rows, columns = (np.rint(np.interp(at, along, path[:, k])).astype(int) for k in (0, 1))
    ny, nx = mine.shape
    seen = (rows >= 0) & (rows < ny) & (columns >= 0) & (columns < nx)
    return 0.1 * float(mine[rows[seen], columns[seen]].sum())


def _kind(mine: np.ndarray, part: np.ndarray) -> str:
    """What a crack does to the particle, as far as it is seen."""
    near = ndimage.find_objects(mine.astype(int))[0]
    rest = mine[near] & (part[near] < 0.25)
    labels, n = ndimage.label(rest)
    pieces = np.sort(np.bincount(labels.ravel())[1:])[::-1] if n else np.zeros(1)
    apart = n > 1 and pieces[1] > 0.02 * mine.sum()
    return "intergranular" if apart else "primary_particle"
