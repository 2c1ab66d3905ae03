"""Simulated ToF-SIMS spectra with known truth."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from scipy.stats import exponnorm

from tofsims.ions.ions import ion
from tofsims.labels.labels import labelled_spectrum

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
    resolving_power: float = RESOLVING_POWER,
    pulses: int | None = None,
    dead_time: int = 40,
) -> tuple[list[xr.DataArray], dict[str, float]]:
    """Negative-ion spectra of several spots, as in the paper: Bi3+, m/dm 16000 at PO2-.

    Assumes t = a + b sqrt(m/z); peaks that are Gaussian with an exponential tail and equally
    wide in flight time; a flat background; Poisson counts; shares that scatter log-normally
    from spot to spot, each ion by itself; and a stored mass scale that is wrong by some
    mu, differently for each spot. With `pulses`, the detector counts one ion a pulse and dead
    time. Leaves out charging, slow tails and ions not listed.

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
        Ions a spectrum.
    resolving_power : float
        m/dm at PO2-, from the full width at half maximum of the Gaussian.
    pulses : int, optional
        Primary-ion pulses; by default no ion is lost to dead time.
    dead_time : int
        Channels for which the detector is blind after an ion.

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
    sigma = _CHANNELS_PER_WIDTH / 2.3548 * RESOLVING_POWER / resolving_power
    before, behind = int(7 * sigma) + 12, int(18 * sigma) + 16
    background = 0.002 * total / channel.size
    names = list(intensities)
    mean = np.array([intensities[k] for k in names])
    spectra = []
    for _ in range(n):
        shares = mean * np.exp(rng.normal(0, scatter, mean.size) - scatter**2 / 2)
        expected = np.full(channel.size, background)
        for name, share in zip(names, shares, strict=True):
            center = b * np.sqrt(ion(name).mz)
            first = int(center) - before
            edges = np.arange(first, first + before + behind + 1) + 0.5
            inside = np.diff(exponnorm.cdf(edges, 0.6, loc=center - 0.6 * sigma, scale=sigma))
            at = first + 1 - int(channel[0])
            expected[at : at + before + behind] += share * total * inside
        # What no listed ion accounts for goes into hydrogen.
        hydrogen = int(b - channel[0])
        rest = total - expected.sum()
        expected[hydrogen - 2 : hydrogen + 3] += max(0.0, rest) / 5
        if pulses is None:
            counts = rng.poisson(expected)
        else:
            counts = _counted(expected, pulses, dead_time, rng)
        slope = b * (1 + rng.normal(0, 2.5e-5))
        stored = ((channel - rng.normal(0, 2.0) + 8.0) / slope) ** 2
        attrs = {"simulated": "yes", "instrument": "simulated ToF-SIMS", "polarity": "negative"}
        if pulses is not None:
            attrs["dead_time_corrected"] = "no"
        spectra.append(labelled_spectrum(stored, channel, counts, attrs))
    return spectra, {k: float(v) for k, v in intensities.items()}


def _counted(
    expected: np.ndarray, pulses: int, dead_time: int, rng: np.random.Generator
) -> np.ndarray:
    """Counts of a detector that is blind for a while after each ion."""
    chance = -np.expm1(-expected / pulses)
    counts = np.zeros(expected.size, dtype=np.int64)
    # Where one ion in a million pulses is lost, nothing is; the rest goes channel by channel.
    rate = np.convolve(expected, np.ones(dead_time + 1))[: expected.size] / pulses
    busy = rate > 1e-6
    counts[~busy] = rng.poisson(expected[~busy])
    for i in np.flatnonzero(busy):
        ready = max(0, pulses - int(counts[max(0, i - dead_time) : i].sum()))
        counts[i] = rng.binomial(ready, chance[i])
    return counts
