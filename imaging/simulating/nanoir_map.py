"""Simulated nano-IR maps with known truth."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr
from scipy import ndimage
from scipy.special import ndtri

from imaging.labels.labels import labelled_image


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
