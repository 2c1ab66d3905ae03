"""Simulated SEM cross-sections of cracked particles with known truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy import ndimage
from scipy.spatial import cKDTree

from coatcore.display import shown
from coatcore.errors import MeasurementError
from imaging.labels.labels import labelled_image
from imaging.simulating.sem_artefacts import charging, curtains, shading
from imaging.simulating.sem_cracks import crack_all, grain_seeds
from imaging.simulating.sem_particles import draw_gaps, draw_particles, draw_pores, pack

# Grey of particle, electrolyte and void (pores, cracks, gaps).
_BRIGHT, _DARK, _VOID = 170.0, 75.0, 20.0


@shown()
@dataclass(frozen=True, kw_only=True)
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

    Raises
    ------
    MeasurementError
        If a number makes no sense.

    Examples
    --------
    >>> image, truth = simulate_sem(1, shape=(256, 256))
    >>> image.shape, sorted(set(truth.table["kind"]) - {"intergranular", "primary_particle"})
    ((256, 256), [])
    """
    for name, value, low, high in (
        ("crack_area_fraction", crack_area_fraction, 0.0, 0.3),
        ("pixel", pixel, 1.0, 100.0),
        ("electrons", electrons, 1.0, 1e9),
        ("touching", touching, 0.0, 1.0),
        ("gaps", gaps, 0.0, 1.0),
    ):
        if not low <= value <= high:
            raise MeasurementError(f"{name} is {value}, expected {low:g} to {high:g}")
    rng = np.random.default_rng(seed)
    placed = pack(rng, shape, pixel, touching)
    number = draw_particles(placed, shape)
    seeds = grain_seeds(rng, shape, 450.0 / pixel)
    _, grain = cKDTree(seeds).query(np.indices(shape).reshape(2, -1).T)
    grain = grain.reshape(shape)
    shade = rng.normal(0, 5.0, len(seeds))
    share, lines, table, corners = crack_all(rng, placed, number, seeds, crack_area_fraction, pixel)
    pores = draw_pores(rng, placed, number, corners, share, pixel)
    gap, lost = draw_gaps(rng, placed, number, gaps, pixel)
    texture = ndimage.gaussian_filter(rng.normal(size=shape), 4.0) * 40.0
    values = np.where(number > 0, _BRIGHT + shade[grain], _DARK + texture)
    void = np.maximum(np.maximum(share, pores), gap)
    values = values - void * (values - _VOID)
    if artefacts:
        values = charging(rng, values, number)
    values = ndimage.gaussian_filter(values, 1.2)
    if artefacts:
        values = values * shading(rng, shape) * curtains(rng, shape)
    gain = electrons / _BRIGHT
    values = rng.poisson(np.maximum(values, 0.5) * gain) / gain
    area = np.bincount(number.ravel())[1:].sum()
    cracks = np.where(share > 0.3, _nearest_label(lines), 0)
    truth = SemTruth(
        crack_area_fraction=float(share.sum() / max(1, area)),
        particles=number,
        cracks=cracks,
        crack_share=share,
        lines=lines,
        table=table,
        lost_contact=lost,
    )
    image = labelled_image(
        np.clip(np.rint(values), 0, 255).astype(np.uint8),
        (pixel, pixel),
        long_name="grey value",
        attrs={"simulated": "yes", "acceleration_voltage_kV": 3.0, "detector": "BSD"},
    )
    return image, truth


def _nearest_label(lines: np.ndarray) -> np.ndarray:
    """Label of the nearest centre line."""
    if not lines.any():
        return lines
    nearest = ndimage.distance_transform_edt(
        lines == 0, return_distances=False, return_indices=True
    )
    return lines[tuple(nearest)]
