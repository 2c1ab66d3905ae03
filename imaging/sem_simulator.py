"""Simulated SEM cross-sections of cracked particles with known truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from scipy import ndimage
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import Voronoi, cKDTree

from imaging.labels import labelled_image

# Grey of particle, electrolyte and void (pores, cracks, gaps).
_BRIGHT, _DARK, _VOID = 170.0, 75.0, 20.0


@dataclass(frozen=True)
class SemTruth:
    """What a simulated cross-section really holds.

    Parameters
    ----------
    crack_area_fraction : float
        Crack area over particle area (crack included), of all particles in the image.
    particles, cracks : numpy.ndarray
        Labels, shape (ny, nx), 0 where there is none; a particle keeps its cracks.
    crack_share : numpy.ndarray
        Share of each pixel that is crack, shape (ny, nx).
    lines : numpy.ndarray
        Labels of crack centre lines, one pixel wide, shape (ny, nx).
    table : pandas.DataFrame
        A row a crack: crack, particle, kind, length / nm, width / nm, area / nm2.
    lost_contact : float
        Share of the particles' perimeter in the image that borders on a gap of at least 40 nm.

    Examples
    --------
    >>> simulate_sem(1, crack_area_fraction=0.0)[1].crack_area_fraction
    0.0
    """

    crack_area_fraction: float
    particles: np.ndarray
    cracks: np.ndarray
    crack_share: np.ndarray
    lines: np.ndarray
    table: pd.DataFrame
    lost_contact: float


class _Particle(NamedTuple):
    center: np.ndarray
    radius: float
    waves: tuple[tuple[int, float, float], ...]


def simulate_sem(
    seed: int,
    *,
    crack_area_fraction: float = 0.02,
    shape: tuple[int, int] = (512, 640),
    pixel: float = 20.0,
    electrons: float = 450.0,
    touching: float = 0.4,
    gaps: float = 0.3,
    artefacts: bool = True,
) -> tuple[xr.DataArray, SemTruth]:
    """Back-scattered electron cross-section of NCM particles in Li6PS5Cl at 3 kV.

    Assumes round-ish secondary particles of 2-6 um diameter made of primary grains (Voronoi
    cells of about 450 nm, each of its own grey); cracks that follow grain boundaries, 30 to
    200 nm wide, either from rim to rim or inside the particle; pores of 100-300 nm at grain
    corners; gaps (void) along part of the rim; void darker than the electrolyte whatever its
    width; blur of 1.2 pixels and Poisson noise; and, as `artefacts`, shading by up to 12 %,
    vertical curtains of 2 %, bright charged rims and bright or dark streaks along the scan.
    Leaves out depth (a narrow crack is as dark as a wide one), drift and grains' own edges.

    Parameters
    ----------
    seed : int
        Same seed, same image.
    crack_area_fraction : float
        Of the material, about which particles scatter; 0 for pristine particles.
    shape : (int, int)
        Pixels.
    pixel : float
        In nm.
    electrons : float
        Counted a pixel of a particle: 1800 is a calm image, 450 a common one, 150 a noisy one.
    touching : float
        Share of particles that are laid against another.
    gaps : float
        Mean share of a particle's rim that has lost contact.
    artefacts : bool
        Shading, curtains, charging.

    Returns
    -------
    (xarray.DataArray, SemTruth)
        Image over (y, x) with grey values 0 to 255, and what it holds.

    Examples
    --------
    >>> image, truth = simulate_sem(1, shape=(256, 256))
    >>> image.shape, sorted(set(truth.table["kind"]) - {"intergranular", "primary_particle"})
    ((256, 256), [])
    """
    rng = np.random.default_rng(seed)
    placed = _pack(rng, shape, pixel, touching)
    number = _draw(placed, shape)
    seeds = _grain_seeds(rng, shape, 450.0 / pixel)
    _, grain = cKDTree(seeds).query(np.indices(shape).reshape(2, -1).T)
    grain = grain.reshape(shape)
    shade = rng.normal(0, 5.0, len(seeds))
    share, lines, table, corners = _crack_all(
        rng, placed, number, seeds, crack_area_fraction, pixel
    )
    pores = _pores(rng, placed, number, corners, share, pixel)
    gap, lost = _gaps(rng, placed, number, gaps, pixel)
    texture = ndimage.gaussian_filter(rng.normal(size=shape), 4.0) * 40.0
    values = np.where(number > 0, _BRIGHT + shade[grain], _DARK + texture)
    void = np.maximum(np.maximum(share, pores), gap)
    values = values - void * (values - _VOID)
    if artefacts:
        values = _charging(rng, values, number)
    values = ndimage.gaussian_filter(values, 1.2)
    if artefacts:
        values = values * _shading(rng, shape) * _curtains(rng, shape)
    gain = electrons / _BRIGHT
    values = rng.poisson(np.maximum(values, 0.5) * gain) / gain
    area = np.bincount(number.ravel())[1:].sum()
    cracks = np.where(share > 0.3, _nearest_label(lines), 0)
    truth = SemTruth(float(share.sum() / max(1, area)), number, cracks, share, lines, table, lost)
    image = labelled_image(
        np.clip(np.rint(values), 0, 255).astype(np.uint8),
        (pixel, pixel),
        long_name="grey value",
        attrs={"simulated": "yes", "acceleration_voltage_kV": 3.0, "detector": "BSD"},
    )
    return image, truth


def _pack(
    rng: np.random.Generator, shape: tuple[int, int], pixel: float, touching: float
) -> list[_Particle]:
    """Particles that keep apart, save those laid against a neighbour."""
    ny, nx = shape
    placed: list[_Particle] = []
    margin = 1500 / pixel
    # Enough tries to fill the image, whatever its size.
    for _ in range(max(60, 250 * ny * nx // (512 * 640))):
        radius = rng.uniform(1000, 3000) / pixel
        center = rng.uniform([-margin, -margin], [ny + margin, nx + margin])
        partner = -1
        if placed and rng.random() < touching:
            partner = int(rng.integers(len(placed)))
            angle = rng.uniform(0, 2 * np.pi)
            way = np.array([np.sin(angle), np.cos(angle)])
            center = placed[partner].center + 0.97 * (radius + placed[partner].radius) * way
        if not (-margin < center[0] < ny + margin and -margin < center[1] < nx + margin):
            continue
        if placed:
            free = np.hypot(*(np.array([p.center for p in placed]) - center).T) > 6 + 1.08 * (
                radius + np.array([p.radius for p in placed])
            )
            if not np.delete(free, partner if partner >= 0 else []).all():
                continue
        waves = tuple(
            (k, 0.04 / np.sqrt(k) * rng.normal(), rng.uniform(0, 2 * np.pi)) for k in (2, 3, 5, 8)
        )
        placed.append(_Particle(center, radius, waves))
    return placed


def _edge(particle: _Particle, angle: np.ndarray) -> np.ndarray:
    edge = np.full(np.shape(angle), particle.radius)
    for k, size, phase in particle.waves:
        edge = edge + particle.radius * size * np.cos(k * angle + phase)
    return edge


def _window(
    particle: _Particle, shape: tuple[int, int], reach: float
) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray]:
    """Part of the image near a particle; distance from its centre and angle there."""
    near = tuple(
        slice(max(0, int(c - reach)), max(0, min(n, int(c + reach) + 2)))
        for c, n in zip(particle.center, shape, strict=True)
    )
    y, x = np.ogrid[near]
    dy, dx = y - particle.center[0], x - particle.center[1]
    return (near[0], near[1]), np.hypot(dy, dx), np.arctan2(dy, dx)


def _draw(placed: list[_Particle], shape: tuple[int, int]) -> np.ndarray:
    """Labels; where two particles overlap each keeps its side."""
    number = np.zeros(shape, int)
    depth = np.zeros(shape)
    for i, particle in enumerate(placed, start=1):
        near, distance, angle = _window(particle, shape, 1.3 * particle.radius)
        here = _edge(particle, angle) - distance
        mine = here > depth[near]
        number[near][mine] = i
        depth[near][mine] = here[mine]
    return number


def _grain_seeds(rng: np.random.Generator, shape: tuple[int, int], size: float) -> np.ndarray:
    """Middles of primary grains: a jittered lattice, so that none is tiny, beyond the edges."""
    ny, nx = (int(np.ceil(n / size)) + 14 for n in shape)
    lattice = np.indices((ny, nx)).reshape(2, -1).T - 7.0
    return (lattice + rng.uniform(-0.45, 0.45, lattice.shape)) * size


def _crack_all(
    rng: np.random.Generator,
    placed: list[_Particle],
    number: np.ndarray,
    seeds: np.ndarray,
    fraction: float,
    pixel: float,
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame, np.ndarray]:
    """Share of crack a pixel, labelled centre lines, table, and the corners of grains."""
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
    particle: _Particle,
    corners: np.ndarray,
    ridges: np.ndarray,
    *,
    across: bool,
) -> np.ndarray | None:
    """A way along grain boundaries: from rim to rim, or between two places inside."""
    offset = corners - particle.center
    depth = np.hypot(*offset.T) / _edge(particle, np.arctan2(offset[:, 0], offset[:, 1]))
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


def _pores(
    rng: np.random.Generator,
    placed: list[_Particle],
    number: np.ndarray,
    corners: np.ndarray,
    share: np.ndarray,
    pixel: float,
) -> np.ndarray:
    """Round voids at corners of grains, clear of cracks."""
    pores = np.zeros(number.shape)
    near_crack = ndimage.maximum_filter(share > 0, 17)
    at = np.rint(corners).astype(int)
    seen = ((at >= 0) & (at < number.shape)).all(axis=1)
    at, corners = at[seen], corners[seen]
    owner = np.where(near_crack[tuple(at.T)], 0, number[tuple(at.T)])
    for i in range(1, len(placed) + 1):
        mine = np.flatnonzero(owner == i)
        count = min(mine.size, rng.poisson(3.0))
        for j in rng.choice(mine, count, replace=False) if count else ():
            long, flat = rng.uniform(50, 150) / pixel, rng.uniform(0.6, 1.0)
            angle = rng.uniform(0, np.pi)
            y0, x0 = (max(0, int(c - long - 3)) for c in corners[j])
            y, x = np.ogrid[y0 : y0 + int(2 * long) + 7, x0 : x0 + int(2 * long) + 7]
            dy, dx = y - corners[j][0], x - corners[j][1]
            u = dx * np.cos(angle) + dy * np.sin(angle)
            v = (dy * np.cos(angle) - dx * np.sin(angle)) / flat
            cover = np.clip(long - np.hypot(u, v) + 0.5, 0, 1)
            part = pores[y0 : y0 + cover.shape[0], x0 : x0 + cover.shape[1]]
            np.maximum(part, cover[: part.shape[0], : part.shape[1]], out=part)
    pores[number == 0] = 0
    return pores


def _gaps(
    rng: np.random.Generator,
    placed: list[_Particle],
    number: np.ndarray,
    mean_share: float,
    pixel: float,
) -> tuple[np.ndarray, float]:
    """Void between particles and electrolyte, and the share of the rim that borders on it."""
    gap = np.zeros(number.shape)
    lost = whole = 0.0
    for particle in placed:
        extent = 2 * np.pi * min(0.9, rng.exponential(mean_share)) if mean_share > 0 else 0.0
        middle, width = rng.uniform(0, 2 * np.pi), rng.uniform(60, 200) / pixel
        near, distance, angle = _window(particle, number.shape, 1.3 * particle.radius + width)
        edge = _edge(particle, angle)
        off = np.abs((angle - middle + np.pi) % (2 * np.pi) - np.pi)
        height = width * np.clip(2 * (1 - off / max(extent / 2, 1e-9)), 0, 1)
        outside = number[near] == 0
        part = np.clip(edge + height - distance + 0.5, 0, 1) * (height > 0.5) * outside
        gap[near] = np.maximum(gap[near], part)
        rim = outside & (distance - edge >= 0) & (distance - edge < 1)
        whole += float(rim.sum())
        lost += float((rim & (height * pixel >= 40)).sum())
    return gap, lost / max(1.0, whole)


def _charging(rng: np.random.Generator, values: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Bright rims and streaks that run along the scan."""
    rim = np.exp(-ndimage.distance_transform_edt(number > 0) / 2.5) * (number > 0)
    coarse = rng.normal(size=(values.shape[0] // 50 + 2, values.shape[1] // 50 + 2))
    patches = ndimage.zoom(coarse, 50, order=1)[: values.shape[0], : values.shape[1]]
    charged = values + 30.0 * rim * np.clip(patches / patches.std(), 0, 1.5)
    ny, nx = values.shape
    for _ in range(rng.poisson(ny / 100)):
        row, start = int(rng.integers(ny)), int(rng.integers(nx))
        length, thick = int(rng.integers(60, 220)), int(rng.integers(1, 4))
        fade = np.exp(-np.arange(length) / (0.5 * length))
        part = charged[row : row + thick, start : start + length]
        part += (rng.choice([-1, 1]) * rng.uniform(5, 14) * fade)[: part.shape[1]]
    return charged


def _shading(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    a, b, c = rng.uniform(-0.06, 0.06, 3)
    return 1 + a * x + b * y + c * (x**2 + y**2 - 1)


def _curtains(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Vertical stripes that change slowly on their way down."""
    ny, nx = shape
    knots = np.linspace(0, ny // 100 + 2, ny)
    low = knots.astype(int)
    share = (knots - low)[:, None]
    stripes = np.ones(shape)
    for size, width in ((0.012, 1.2), (0.016, 6.0)):
        wild = ndimage.gaussian_filter1d(rng.normal(size=(ny // 100 + 4, nx)), width, axis=1)
        wild *= size / wild.std()
        stripes += (1 - share) * wild[low] + share * wild[low + 1]
    return stripes


def _nearest_label(lines: np.ndarray) -> np.ndarray:
    """Label of the nearest centre line."""
    if not lines.any():
        return lines
    nearest = ndimage.distance_transform_edt(
        lines == 0, return_distances=False, return_indices=True
    )
    return lines[tuple(nearest)]
