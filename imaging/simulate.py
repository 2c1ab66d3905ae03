"""Simulated nano-IR maps and SEM cross-sections with known truth."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr
from scipy import ndimage
from scipy.special import ndtri

from imaging.labels import labelled_image


def simulate_nanoir_map(
    seed: int,
    *,
    coverage: float = 0.98,
    shape: tuple[int, int] = (128, 128),
    pixel: float = 8.0,
    hole_diameter: float = 60.0,
    texture: float = 0.10,
    noise: float = 0.05,
    holes: Literal["discs", "field", "one"] = "discs",
    texture_length: float = 48.0,
    noise_length: float = 0.0,
    blur: float = 5.0,
) -> tuple[xr.DataArray, dict[str, float]]:
    """Nano-IR (PiFM) map at 1677 cm-1 (C=O) of a coating with holes.

    Assumes that holes are discs that fall independently of each other (Boolean model), with
    log-normal diameters, or that they are where a smooth random field is low (holes of every
    shape and size); that the coating's signal varies smoothly by `texture` and vanishes in
    holes; that the tip blurs; and normal noise. Leaves out steps between rows, drift, thin
    places that are not bare, and the particle's topography.

    Parameters
    ----------
    seed : int
        Same seed, same map.
    coverage : float
        Of the surface that the map is a sample of.
    shape : (int, int)
        Pixels.
    pixel, hole_diameter : float
        In nm; median of the diameters. For ``holes="field"`` the correlation length L of the
        field, whose correlation falls as exp(-r² / 2 L²): holes are about 1 to 2.5 L across.
    texture, noise : float
        Standard deviations as shares of the coating's signal.
    holes : {"discs", "field", "one"}
        ``"one"`` is a single disc of just `hole_diameter` somewhere within the map, whatever
        `coverage` says.
    texture_length, noise_length : float
        Standard deviation in nm of the smoothing that makes the texture and the noise; 0 for
        white.
    blur : float
        Standard deviation of the tip's footprint in nm.

    Returns
    -------
    (xarray.DataArray, dict)
        Map over (y, x); truth with ``coverage`` (of the surface) and ``map_coverage`` (of this
        piece of it).

    Examples
    --------
    >>> image, truth = simulate_nanoir_map(1, coverage=1.0)
    >>> truth
    {'coverage': 1.0, 'map_coverage': 1.0}
    """
    rng = np.random.default_rng(seed)
    ny, nx = shape
    fine = 3
    step = pixel / fine
    size = (ny * fine, nx * fine)
    if holes == "field":
        bare = _low_field(rng, size, hole_diameter / step, 1 - coverage)
    else:
        bare = _discs(rng, size, hole_diameter / step, 1 - coverage, one=holes == "one")
    layer = ndimage.gaussian_filter(1.0 - bare, blur / step)
    layer = layer.reshape(ny, fine, nx, fine).mean(axis=(1, 3))
    waves = ndimage.gaussian_filter(rng.normal(size=shape), texture_length / pixel, mode="wrap")
    waves = np.exp(texture * waves / waves.std())
    grain = rng.normal(size=shape)
    if noise_length:
        grain = ndimage.gaussian_filter(grain, noise_length / pixel, mode="wrap")
        grain /= grain.std()
    values = layer * waves + noise * grain
    image = labelled_image(
        values,
        (pixel, pixel),
        unit="1",
        long_name="nano-IR signal at 1677 cm-1",
        attrs={"simulated": "yes", "wavenumber_cm-1": 1677.0},
    )
    here = float(1 - bare.mean())
    return image, {"coverage": here if holes == "one" else float(coverage), "map_coverage": here}


def _discs(
    rng: np.random.Generator, size: tuple[int, int], diameter: float, share: float, *, one: bool
) -> np.ndarray:
    """Where discs of log-normal diameters fall, or one disc; lengths in pixels."""
    bare = np.zeros(size, bool)
    height, width = size
    if one:
        edge = min(diameter, 0.25 * height, 0.25 * width)
        cy, cx = rng.uniform(edge, height - edge), rng.uniform(edge, width - edge)
        _cut(bare, cy, cx, diameter / 2)
        return bare
    spread, margin = 0.35, 4 * diameter
    mean_area = np.pi / 4 * diameter**2 * np.exp(2 * spread**2)
    wide = (height + 2 * margin) * (width + 2 * margin)
    # Boolean model: share left uncovered by discs is exp(-density * mean area).
    for _ in range(rng.poisson(-np.log(1 - share) / mean_area * wide)):
        cy, cx = rng.uniform(-margin, height + margin), rng.uniform(-margin, width + margin)
        _cut(bare, cy, cx, diameter / 2 * np.exp(rng.normal(0, spread)))
    return bare


def _cut(bare: np.ndarray, cy: float, cx: float, radius: float) -> None:
    """Set a disc True, as far as it lies within `bare`."""
    rows = slice(max(0, int(cy - radius)), max(0, int(cy + radius) + 2))
    columns = slice(max(0, int(cx - radius)), max(0, int(cx + radius) + 2))
    part = bare[rows, columns]
    y, x = np.ogrid[rows, columns]
    inside = (y + 0.5 - cy) ** 2 + (x + 0.5 - cx) ** 2 < radius**2
    part |= inside[: part.shape[0], : part.shape[1]]


def _low_field(
    rng: np.random.Generator, size: tuple[int, int], length: float, share: float
) -> np.ndarray:
    """Where a normal field of correlation exp(-r² / 2 length²) is low: `share` of the plane."""
    sigma = length / np.sqrt(2)
    field = ndimage.gaussian_filter(rng.normal(size=size), sigma, mode="wrap")
    impulse = np.zeros(2 * int(5 * sigma) + 3)
    impulse[impulse.size // 2] = 1.0
    deviation = (ndimage.gaussian_filter1d(impulse, sigma) ** 2).sum()
    return field < deviation * ndtri(share)


def simulate_sem(
    seed: int,
    *,
    crack_area_fraction: float = 0.02,
    shape: tuple[int, int] = (512, 640),
    pixel: float = 25.0,
    noise: float = 5.0,
) -> tuple[xr.DataArray, dict[str, float]]:
    """Back-scattered electron cross-section of NCM particles in Li6PS5Cl at 3 kV.

    Assumes round-ish particles of 2-6 um diameter with grains of slightly different grey;
    cracks as wandering lines of 40-120 nm width, as dark as the electrolyte, their number
    random from particle to particle; blur of one pixel; white noise. Leaves out charging,
    curtaining, pores and gaps around particles.

    Parameters
    ----------
    seed : int
        Same seed, same image.
    crack_area_fraction : float
        Aimed at; what came of it is the truth. 0 for pristine particles.
    shape : (int, int)
        Pixels.
    pixel : float
        In nm.
    noise : float
        Standard deviation in grey values.

    Returns
    -------
    (xarray.DataArray, dict)
        Image over (y, x), grey values 0 to 255; truth with ``crack_area_fraction`` of the
        particles in this image.

    Examples
    --------
    >>> image, truth = simulate_sem(1, crack_area_fraction=0.0)
    >>> truth["crack_area_fraction"]
    0.0
    """
    rng = np.random.default_rng(seed)
    number, radii = _packed_particles(rng, shape, pixel)
    electrolyte, bright = 70.0, 180.0
    grains = _grains(rng, shape, 500.0 / pixel)
    values = np.where(number > 0, bright + grains, electrolyte + 0.4 * grains)
    crack = _cracks(rng, number, radii, crack_area_fraction, pixel)
    values = values - crack * (values - electrolyte)
    values = ndimage.gaussian_filter(values, 1.0) + noise * rng.normal(size=shape)
    inside = number > 0
    held = float(crack[inside].sum() / max(1, inside.sum()))
    image = labelled_image(
        np.clip(np.rint(values), 0, 255).astype(np.uint8),
        (pixel, pixel),
        long_name="grey value",
        attrs={
            "simulated": "yes",
            "acceleration_voltage_kV": 3.0,
            "detector": "BSD",
        },
    )
    return image, {"crack_area_fraction": held}


def _packed_particles(
    rng: np.random.Generator, shape: tuple[int, int], pixel: float
) -> tuple[np.ndarray, np.ndarray]:
    """Label image of particles that do not overlap, and their radii in pixels."""
    ny, nx = shape
    y, x = np.mgrid[:ny, :nx]
    placed: list[tuple[float, float, float]] = []
    number = np.zeros(shape, int)
    for _ in range(400):
        radius = rng.uniform(1000, 3000) / pixel
        cy, cx = rng.uniform(0, ny), rng.uniform(0, nx)
        if any(np.hypot(cy - a, cx - b) < 1.12 * (radius + r) + 8 for a, b, r in placed):
            continue
        placed.append((cy, cx, radius))
        near = (
            slice(max(0, int(cy - 1.5 * radius)), int(cy + 1.5 * radius) + 2),
            slice(max(0, int(cx - 1.5 * radius)), int(cx + 1.5 * radius) + 2),
        )
        dy, dx = y[near] - cy, x[near] - cx
        angle = np.arctan2(dy, dx)
        edge = np.full(angle.shape, radius)
        for k in (2, 3, 5):
            edge += radius * 0.03 * rng.normal() * np.cos(k * angle + rng.uniform(0, 2 * np.pi))
        number[near][np.hypot(dy, dx) < edge] = len(placed)
    return number, np.array([r for _, _, r in placed])


def _grains(rng: np.random.Generator, shape: tuple[int, int], size: float) -> np.ndarray:
    """Grey offsets of primary particles: Voronoi cells, each of its own shade."""
    from scipy.spatial import cKDTree

    n = max(4, int(shape[0] * shape[1] / size**2))
    seeds = rng.uniform(0, 1, (n, 2)) * shape
    points = np.indices(shape).reshape(2, -1).T
    _, cell = cKDTree(seeds).query(points)
    return rng.normal(0, 4.0, n)[cell].reshape(shape)


def _cracks(
    rng: np.random.Generator,
    number: np.ndarray,
    radii: np.ndarray,
    fraction: float,
    pixel: float,
) -> np.ndarray:
    """Share of each pixel that is crack, in all about `fraction` of the particles' area."""
    share = np.zeros(number.shape)
    if fraction <= 0:
        return share
    middles = ndimage.center_of_mass(number > 0, number, np.arange(1, radii.size + 1))
    for center, radius in zip(np.array(middles), radii, strict=True):
        # Crack area a particle: mean fraction * its area, scattering log-normally about it.
        wanted = fraction * np.pi * radius**2 * np.exp(rng.normal(0, 0.5) - 0.125)
        drawn = 0.0
        while drawn < wanted:
            width = rng.uniform(40, 120) / pixel
            length = min(1.2 * radius, max(16.0, (wanted - drawn) / width))
            drawn += length * width
            angle = rng.uniform(0, 2 * np.pi)
            start = radius * np.sqrt(rng.uniform(0, 1))
            at = center + start * np.array([np.sin(angle), np.cos(angle)])
            angle += np.pi + rng.normal(0, 0.7)
            path = [at]
            for _ in range(int(length * 4)):
                angle += rng.normal(0, 0.06)
                at = at + 0.25 * np.array([np.sin(angle), np.cos(angle)])
                path.append(at)
            share = np.maximum(share, _stroke(np.array(path), width, number.shape))
    share[number == 0] = 0
    return share


def _stroke(path: np.ndarray, width: float, shape: tuple[int, int]) -> np.ndarray:
    """Coverage of pixels by a line of `width` pixels along `path`."""
    fine = 4
    pad = int(width) + 4
    low = np.floor(path.min(axis=0)).astype(int) - pad
    size = np.ceil(path.max(axis=0)).astype(int) + pad - low
    line = np.ones(size * fine, bool)
    rows, columns = np.rint((path - low) * fine).astype(int).T
    line[rows, columns] = False
    thick = ndimage.distance_transform_edt(line) <= width * fine / 2
    part = thick.reshape(size[0], fine, size[1], fine).mean(axis=(1, 3))
    out = np.zeros(shape)
    y0, x0 = np.maximum(low, 0)
    y1, x1 = np.minimum(low + size, shape)
    if y1 > y0 and x1 > x0:
        out[y0:y1, x0:x1] = part[y0 - low[0] : y1 - low[0], x0 - low[1] : x1 - low[1]]
    return out
