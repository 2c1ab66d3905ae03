"""Simulated ToF-SIMS spectra with known truth."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from scipy.stats import exponnorm

from tofsims.ions import ion
from tofsims.labels import labelled_spectrum

# Mean share of the total counts. Which ions occur is the paper's; shares are of a plausible size.
_COMMON = {
    "C-": 0.030,
    "CH-": 0.060,
    "O-": 0.150,
    "OH-": 0.080,
    "F-": 0.020,
    "C2-": 0.030,
    "CN-": 0.020,
    "S-": 0.080,
    "Cl-": 0.100,
    "C3-": 0.012,
    "CNO-": 0.008,
    "C4-": 0.010,
    "PO-": 0.004,
    "PS-": 0.006,
    "PO2-": 0.012,
    "SO2-": 0.010,
    "PSO-": 0.003,
    "PO3-": 0.014,
    "SO3-": 0.008,
}
UNCOATED_NCM: dict[str, float] = {
    **_COMMON,
    "58NiO2-": 0.010,
    "60NiO2-": 0.004,
    "CoO2-": 0.003,
    "MnO2-": 0.003,
}
COATED_NCM: dict[str, float] = {
    **_COMMON,
    "SO-": 0.006,
    "C2SO-": 0.004,
    "C3H6NO-": 0.005,
    "58NiO2-": 0.004,
    "60NiO2-": 0.0016,
    "CoO2-": 0.0012,
    "MnO2-": 0.0012,
}

MIN_MASS, MAX_MASS = 0.5, 95.0
RESOLVING_POWER = 16000.0  # at PO2-, the paper's section 4.7
_CHANNELS_PER_WIDTH = 3.0


def simulate_spectra(
    seed: int,
    *,
    n: int = 8,
    intensities: Mapping[str, float] = COATED_NCM,
    scatter: float = 0.12,
    total: float = 4.0e5,
) -> tuple[list[xr.DataArray], dict[str, float]]:
    """Negative-ion spectra of several spots, as in the paper: Bi3+, m/dm 16000 at PO2-.

    Assumes t = a + b sqrt(m/z); peaks that are Gaussian with an exponential tail and equally
    wide in flight time; a flat background; Poisson counts; shares that scatter log-normally
    from spot to spot, each ion by itself; and a stored mass scale that is wrong by some
    mu, differently for each spot. Leaves out dead time, charging and ions not listed.

    Parameters
    ----------
    seed : int
        Same seed, same spectra.
    n : int
        Spots.
    intensities : mapping of str to float
        Mean share of the total counts of each ion.
    scatter : float
        Standard deviation of the logarithm of a share, from spot to spot.
    total : float
        Counts a spectrum.

    Returns
    -------
    (list of xarray.DataArray, dict)
        Spectra; truth: the mean normalised intensity of each ion.

    Examples
    --------
    >>> spectra, truth = simulate_spectra(1, n=2)
    >>> len(spectra), truth["PO2-"]
    (2, 0.012)
    """
    rng = np.random.default_rng(seed)
    reference = np.sqrt(ion("PO2-").mz)
    # Width at PO2-: dm/m = 2 dt/t, so t = 2 * resolving power * width.
    b = 2 * RESOLVING_POWER * _CHANNELS_PER_WIDTH / reference
    channel = np.arange(np.ceil(b * np.sqrt(MIN_MASS)), np.floor(b * np.sqrt(MAX_MASS)))
    sigma = _CHANNELS_PER_WIDTH / 2.3548
    background = 0.002 * total / channel.size
    names = list(intensities)
    mean = np.array([intensities[k] for k in names])
    spectra = []
    for _ in range(n):
        shares = mean * np.exp(rng.normal(0, scatter, mean.size) - scatter**2 / 2)
        expected = np.full(channel.size, background)
        for name, share in zip(names, shares, strict=True):
            center = b * np.sqrt(ion(name).mz)
            first = int(center) - 20
            edges = np.arange(first, first + 60) + 0.5
            inside = np.diff(exponnorm.cdf(edges, 0.6, loc=center - 0.6 * sigma, scale=sigma))
            at = first + 1 - int(channel[0])
            expected[at : at + 59] += share * total * inside
        # What no listed ion accounts for goes into hydrogen.
        hydrogen = int(b - channel[0])
        rest = total - expected.sum()
        expected[hydrogen - 2 : hydrogen + 3] += max(0.0, rest) / 5
        counts = rng.poisson(expected)
        slope = b * (1 + rng.normal(0, 2.5e-5))
        stored = ((channel - rng.normal(0, 2.0) + 8.0) / slope) ** 2
        attrs = {"simulated": "yes", "instrument": "simulated ToF-SIMS", "polarity": "negative"}
        spectra.append(labelled_spectrum(stored, channel, counts, attrs))
    return spectra, {k: float(v) for k, v in intensities.items()}
