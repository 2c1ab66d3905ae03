"""Where are the particles of a simulated cross-section, their pores and gaps?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage


class Particle(NamedTuple):
    """A round shape whose outline waves; sizes in pixels.

    Parameters
    ----------
    center : numpy.ndarray
        Row and column.
    radius : float
        Without the waves.
    waves : tuple of (int, float, float)
        Waves around the outline, size as a share of the radius, phase.

    Examples
    --------
    >>> Particle(np.array([5.0, 5.0]), 3.0, ()).radius
    3.0
    """

    center: np.ndarray
    radius: float
    waves: tuple[tuple[int, float, float], ...]


def pack(
    rng: np.random.Generator, shape: tuple[int, int], pixel: float, touching: float
) -> list[Particle]:
    """Particles that keep apart, save those laid against a neighbour.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> len(pack(rng, (300, 300), 20.0, 0.4)) > 1
    True
    """
    ny, nx = shape
    placed: list[Particle] = []
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
        placed.append(Particle(center, radius, waves))
    return placed


def outline(particle: Particle, angle: np.ndarray) -> np.ndarray:
    """Distance of the outline from the centre at some angles.

    Examples
    --------
    >>> outline(Particle(np.zeros(2), 3.0, ()), np.zeros(2))
    array([3., 3.])
    """
    edge = np.full(np.shape(angle), particle.radius)
    for k, size, phase in particle.waves:
        edge = edge + particle.radius * size * np.cos(k * angle + phase)
    return edge


def window_of(
    particle: Particle, shape: tuple[int, int], reach: float
) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray]:
    """Part of the image near a particle; distance from its centre and angle there.

    Examples
    --------
    >>> window_of(Particle(np.array([5.0, 5.0]), 3.0, ()), (20, 20), 4.0)[1].shape
    (10, 10)
    """
    near = tuple(
        slice(max(0, int(c - reach)), max(0, min(n, int(c + reach) + 2)))
        for c, n in zip(particle.center, shape, strict=True)
    )
    y, x = np.ogrid[near]
    dy, dx = y - particle.center[0], x - particle.center[1]
    return (near[0], near[1]), np.hypot(dy, dx), np.arctan2(dy, dx)


def draw_particles(placed: list[Particle], shape: tuple[int, int]) -> np.ndarray:
    """Labels; where two particles overlap each keeps its side.

    Examples
    --------
    >>> int(draw_particles([Particle(np.array([5.0, 5.0]), 2.0, ())], (11, 11)).sum())
    9
    """
    number = np.zeros(shape, int)
    depth = np.zeros(shape)
    for i, particle in enumerate(placed, start=1):
        near, distance, angle = window_of(particle, shape, 1.3 * particle.radius)
        here = outline(particle, angle) - distance
        mine = here > depth[near]
        number[near][mine] = i
        depth[near][mine] = here[mine]
    return number


def draw_pores(
    rng: np.random.Generator,
    placed: list[Particle],
    number: np.ndarray,
    corners: np.ndarray,
    share: np.ndarray,
    pixel: float,
) -> np.ndarray:
    """Round voids at corners of grains, clear of cracks.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> number = np.ones((60, 60), int)
    >>> placed = pack(rng, (60, 60), 20.0, 0.0)[:1]
    >>> draw_pores(rng, placed, number, np.array([[30.0, 30.0]]), 0.0 * number, 20.0).shape
    (60, 60)
    """
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


def draw_gaps(
    rng: np.random.Generator,
    placed: list[Particle],
    number: np.ndarray,
    mean_share: float,
    pixel: float,
) -> tuple[np.ndarray, float]:
    """Void between particles and electrolyte, and the share of the rim that borders on it.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> placed = pack(rng, (90, 90), 20.0, 0.0)
    >>> draw_gaps(rng, placed, draw_particles(placed, (90, 90)), 0.0, 20.0)[1]
    0.0
    """
    gap = np.zeros(number.shape)
    lost = whole = 0.0
    for particle in placed:
        extent = 2 * np.pi * min(0.9, rng.exponential(mean_share)) if mean_share > 0 else 0.0
        middle, width = rng.uniform(0, 2 * np.pi), rng.uniform(60, 200) / pixel
        near, distance, angle = window_of(particle, number.shape, 1.3 * particle.radius + width)
        edge = outline(particle, angle)
        off = np.abs((angle - middle + np.pi) % (2 * np.pi) - np.pi)
        height = width * np.clip(2 * (1 - off / max(extent / 2, 1e-9)), 0, 1)
        outside = number[near] == 0
        part = np.clip(edge + height - distance + 0.5, 0, 1) * (height > 0.5) * outside
        gap[near] = np.maximum(gap[near], part)
        rim = outside & (distance - edge >= 0) & (distance - edge < 1)
        whole += float(rim.sum())
        lost += float((rim & (height * pixel >= 40)).sum())
    return gap, lost / max(1.0, whole)
