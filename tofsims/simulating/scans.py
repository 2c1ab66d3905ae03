"""Simulated scans of a coated particle with known truth: the beam takes the coating off."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from scipy import ndimage

from tofsims.ions.ions import ion
from tofsims.labels.labels import labelled_cube
from tofsims.simulating.spectra import COATED_NCM

# Ions of the coating and of the particle below, counts a pixel and scan at zero dose on coating
# and at infinite dose. The paper's fragments, section 2.1 and figure S6; rates are plausible.
COATING_RATES = {"SO-": 0.05, "C2SO-": 0.03, "C3H6NO-": 0.04}
SUBSTRATE_RATES = {"58NiO2-": 0.06, "CoO2-": 0.02}
# The paper's imaging mode: 0.1 pA over 20 um x 20 um; one scan of about 1.3 s.
PIXEL = 20_000.0 / 256
DOSE_A_SCAN = 2.0e11


def simulate_cube(
    seed: int,
    *,
    shape: tuple[int, int] = (32, 32),
    scans: int = 40,
    cross_section: float = 2.0e-13,
    coverage: float = 1.0,
    background: float = 0.002,
    drift: float = 0.0,
) -> tuple[xr.DataArray, dict[str, float]]:
    """Scans of an area under the primary beam, as in the paper's dose series.

    Assumes that a fragment of the coating falls as exp(-sigma F) to a background, and that one
    of the particle rises as 1 - exp(-sigma F) with the same cross section; that bare places show
    the particle from the start; Poisson counts. Bare places are a smooth random field cut at a
    level. Leaves out topography, redeposition, and cross sections that differ between
    fragments.

    Parameters
    ----------
    seed : int
        Same seed, same cube.
    shape : (int, int)
        Pixels along y and x, of 78 nm.
    scans : int
        Of 2e11 ions/cm2 each.
    cross_section : float
        Disappearance cross section in cm2.
    coverage : float
        Share of the pixels that are coated.
    background : float
        Counts a pixel and scan that no coating or particle causes.
    drift : float
        Relative change of the primary current from the first to the last scan.

    Returns
    -------
    (xarray.DataArray, dict)
        Counts over (scan, y, x, fragment) with the coordinates dose (scan), the mean fluence of
        each scan in cm-2, and total (scan, y, x), all counts of a pixel; truth:
        ``cross_section`` in cm2 and the realised ``coverage``.

    Examples
    --------
    >>> cube, truth = simulate_cube(1, shape=(8, 8), scans=5)
    >>> cube.dims, truth["coverage"]
    (('scan', 'y', 'x', 'fragment'), 1.0)
    """
    rng = np.random.default_rng(seed)
    dose = (np.arange(scans) + 0.5) * DOSE_A_SCAN
    current = 1 + drift * np.linspace(0, 1, scans)
    coated = _coated(rng, shape, coverage)
    left = np.exp(-cross_section * dose)
    on = current[:, None, None] * np.where(coated, left[:, None, None], 0.0)
    names = [*COATING_RATES, *SUBSTRATE_RATES]
    rates = [COATING_RATES[n] * on for n in COATING_RATES]
    rates += [SUBSTRATE_RATES[n] * (current[:, None, None] - on) for n in SUBSTRATE_RATES]
    counts = rng.poisson(np.stack(rates, axis=-1) + background).astype(np.uint32)
    # Most counts are of ions that say nothing of the coating.
    other = rng.poisson(2.0 * current[:, None, None] * np.ones((scans, *shape)))
    cube = labelled_cube(
        counts,
        (PIXEL, PIXEL),
        fragments=names,
        attrs={"simulated": "yes", "instrument": "simulated ToF-SIMS", "polarity": "negative"},
    )
    cube = cube.assign_coords(
        dose=("scan", dose, {"units": "cm-2", "long_name": "primary ion dose"}),
        total=(
            ("scan", "y", "x"),
            counts.sum(axis=-1) + other,
            {"units": "counts", "long_name": "total counts"},
        ),
        exact_mass=(
            "fragment",
            [ion(n).mz for n in names],
            {"units": "u", "long_name": "exact m/z"},
        ),
    )
    truth = {"cross_section": cross_section, "coverage": float(coated.mean())}
    return cube, truth


def _coated(rng: np.random.Generator, shape: tuple[int, int], coverage: float) -> np.ndarray:
    if coverage >= 1:
        return np.ones(shape, bool)
    field = ndimage.gaussian_filter(rng.normal(size=shape), 1.5, mode="wrap")
    return field >= np.quantile(field, 1 - coverage)


def simulate_events(
    seed: int,
    n: int,
    *,
    shape: tuple[int, int] = (256, 256),
    scans: int = 200,
    intensities: Mapping[str, float] = COATED_NCM,
) -> xr.Dataset:
    """Event list: single ions with channel, pixel and scan.

    Assumes ions independent of each other and of place; peaks are Gaussian, 3 channels wide; the
    rest of the counts is spread over all channels. Events come scan by scan.

    Parameters
    ----------
    seed : int
        Same seed, same events.
    n : int
        Events.
    shape : (int, int)
        Pixels along y and x.
    scans : int
        Scans.
    intensities : mapping of str to float
        Share of the events of each ion.

    Returns
    -------
    xarray.Dataset
        See `tofsims.images.events.labelled_events`.

    Examples
    --------
    >>> simulate_events(1, 100).sizes["event"]
    100
    """
    from tofsims.images.events import labelled_events

    rng = np.random.default_rng(seed)
    slope = 12_000.0
    names = list(intensities)
    shares = np.array([intensities[k] for k in names])
    top = int(10.0 * slope)
    which = np.searchsorted(np.cumsum(shares), rng.random(n))
    centres = np.array([slope * np.sqrt(ion(k).mz) for k in names] + [0.0])
    channel = centres[which] + 1.3 * rng.normal(size=n)
    rest = which == len(names)
    channel[rest] = rng.integers(0, top, int(rest.sum()))
    y, x = (rng.integers(0, size, n, dtype=np.uint16) for size in shape)
    return labelled_events(
        np.clip(np.rint(channel), 0, top).astype(np.uint32),
        x,
        y,
        np.sort(rng.integers(0, scans, n, dtype=np.uint32)),
        shape=shape,
        mass_scale=(0.0, slope),
        pixel=(PIXEL, PIXEL),
        attrs={"simulated": "yes", "instrument": "simulated ToF-SIMS", "polarity": "negative"},
    )
