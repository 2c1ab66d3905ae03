"""Simulated FTIR and nano-IR spectra with known truth."""

from __future__ import annotations

import numpy as np
import xarray as xr

from spectra.bands.shapes import band_and_slopes, pseudo_voigt
from spectra.bands.window import HALF_POINTS, HALF_WINDOW
from spectra.labels.labels import labelled_spectrum
from spectra.preparing.normalization import normalize

# Bands of PVP and sPPSLi/PVP besides the carbonyl: position, FWHM, Lorentzian share, height
# against the carbonyl. Positions after Borodko et al., J. Phys. Chem. B 2006, 110, 23052 and the
# usual sulfonate assignments; heights are of a plausible size, not measured.
_OTHER_BANDS = (
    (2955.0, 60.0, 0.3, 0.35),
    (2885.0, 50.0, 0.3, 0.18),
    (1494.0, 16.0, 0.4, 0.16),
    (1461.0, 18.0, 0.4, 0.24),
    (1424.0, 20.0, 0.4, 0.42),
    (1373.0, 18.0, 0.4, 0.14),
    (1288.0, 26.0, 0.4, 0.50),
    (1180.0, 40.0, 0.4, 0.30),
    (1040.0, 22.0, 0.4, 0.22),
)


def _bands(x: np.ndarray, carbonyl: float, fwhm: float) -> np.ndarray:
    y = pseudo_voigt(x, carbonyl, fwhm, 0.4)
    for center, width, eta, height in _OTHER_BANDS:
        y = y + height * pseudo_voigt(x, center, width, eta)
    return y


def simulate_ftir(
    seed: int,
    *,
    carbonyl_position: float = 1669.0,
    fwhm: float = 30.0,
    height: float = 0.25,
    noise: float = 1.0e-3,
) -> tuple[xr.DataArray, dict[str, float]]:
    """ATR-FTIR spectrum as in the paper: 550-4000 cm-1, resolution 4 cm-1, 96 scans.

    Assumes pseudo-Voigt bands, a baseline that rises smoothly towards low wavenumbers, and
    white noise that went through the twofold zero filling of the interferogram (points lie at
    half the resolution and neighbours are correlated). Leaves out: water vapour, dispersion of
    the ATR crystal, drift between scans.

    Parameters
    ----------
    seed : int
        Same seed, same spectrum.
    carbonyl_position, fwhm : float
        In cm-1.
    height : float
        Of the carbonyl band, absorbance.
    noise : float
        Standard deviation of the absorbance.

    Returns
    -------
    (xarray.DataArray, dict)
        Absorbance over wavenumber, descending; truth with ``carbonyl_position`` in cm-1.

    Examples
    --------
    >>> spectrum, truth = simulate_ftir(1)
    >>> truth["carbonyl_position"], spectrum.sizes["wavenumber"]
    (1669.0, 1790)
    """
    rng = np.random.default_rng(seed)
    step = 1.928497
    x = 4000.0 - step * np.arange(int((4000.0 - 550.0) / step) + 2)
    white = rng.normal(0, 1, x.size + 2)
    kernel = np.array([0.5, 1.0, 0.5]) / np.sqrt(1.5)
    base = 0.02 + 0.03 * np.exp(-(x - 550.0) / 900.0)
    y = height * _bands(x, carbonyl_position, fwhm) + base
    y = y + noise * np.convolve(white, kernel, mode="valid")
    attrs: dict[str, str | int | float] = {
        "simulated": "yes",
        "instrument": "simulated ATR-FTIR",
        "scans": 96,
        "resolution_cm-1": 4.0,
    }
    truth = {"carbonyl_position": float(carbonyl_position)}
    return labelled_spectrum(x, y, "absorbance", attrs), truth


def simulate_nanoir(
    seed: int,
    *,
    carbonyl_position: float = 1660.0,
    fwhm: float = 34.0,
    noise: float = 0.05,
    raw: bool = True,
) -> tuple[xr.DataArray, dict[str, float]]:
    """Nano-IR (PiFM) point spectrum of the coating: 760-1860 cm-1, a point each cm-1.

    Assumes pseudo-Voigt bands on a weak constant background, noise that grows with the signal
    (laser power) on top of a constant floor, no correlation between points.

    Parameters
    ----------
    seed : int
        Same seed, same spectrum.
    carbonyl_position, fwhm : float
        In cm-1.
    noise : float
        Standard deviation at the carbonyl's top, as a share of its height.
    raw : bool, default True
        Otherwise divided by its own maximum, as the paper shows it.

    Returns
    -------
    (xarray.DataArray, dict)
        Intensity over wavenumber, ascending; truth with ``carbonyl_position`` in cm-1.

    Examples
    --------
    >>> simulate_nanoir(1)[1]
    {'carbonyl_position': 1660.0}
    """
    rng = np.random.default_rng(seed)
    x = np.arange(760.0, 1861.0)
    clean = 0.05 + _bands(x, carbonyl_position, fwhm)
    y = clean + rng.normal(0, 1, x.size) * noise * np.sqrt(0.5 + 0.5 * np.clip(clean, 0, 1) ** 2)
    attrs = {"simulated": "yes", "instrument": "simulated PiFM"}
    spectrum = labelled_spectrum(x, 1e-3 * y, "intensity", attrs)
    truth = {"carbonyl_position": float(carbonyl_position)}
    return (spectrum if raw else normalize(spectrum)), truth


def simulate_band(
    seed: int,
    *,
    position: float = 1669.0,
    fwhm: float = 30.0,
    lorentzian_share: float = 0.4,
    snr: float = 100.0,
    spacing: float = 2.0,
    smoothing: int = 0,
) -> tuple[xr.DataArray, dict[str, float]]:
    """One band on a straight baseline at any sampling and noise: to plan a measurement with.

    Assumes a pseudo-Voigt band of height 1, sampled at points (not averaged over the spacing),
    and white noise of constant size.

    Parameters
    ----------
    seed : int
        Same seed, same spectrum.
    position, fwhm, spacing : float
        In cm-1; the grid does not know of the position.
    lorentzian_share : float
        0 to 1.
    snr : float
        Height of the band over the standard deviation of the noise, before smoothing.
    smoothing : int
        Points of a moving average that the spectrum then goes through; 0 for none.

    Returns
    -------
    (xarray.DataArray, dict)
        Absorbance over wavenumber, ascending; truth with ``position`` in cm-1 and
        ``cramer_rao``, the smallest standard deviation in cm-1 that any unbiased estimator of
        the position can have from the points within 60 cm-1, or 15 points, of it (white noise;
        height, width, share and straight baseline unknown).

    References
    ----------
    Cramér, Mathematical Methods of Statistics, 1946, section 32.3.

    Examples
    --------
    >>> spectrum, truth = simulate_band(1)
    >>> round(truth["cramer_rao"], 3)
    0.061
    """
    from spectra.preparing.smoothing import smooth

    rng = np.random.default_rng(seed)
    half = max(170.0, 55 * spacing)
    x = (
        position
        + rng.uniform(-0.5, 0.5) * spacing
        + spacing * np.arange(-half // spacing, half // spacing + 1)
    )
    y = pseudo_voigt(x, position, fwhm, lorentzian_share) + 0.1 + 2e-4 * (x - position)
    spectrum = labelled_spectrum(
        x, y + rng.normal(0, 1 / snr, x.size), "absorbance", {"simulated": "yes"}
    )
    if smoothing:
        spectrum = smooth(spectrum, smoothing)
    near = np.abs(x - position) <= max(HALF_WINDOW, HALF_POINTS * spacing)
    center, width, share = (
        np.full((1, 1), v) for v in (position, fwhm, np.clip(lorentzian_share, 1e-9, 1))
    )
    band, slopes = band_and_slopes(
        x[None, near], center, width, share, np.zeros((1, 1)), ("fwhm", "eta")
    )
    line = [np.ones((1, int(near.sum()))), x[None, near] - position]
    design = np.concatenate([*slopes, band, *line])
    bound = np.sqrt(np.linalg.inv(design @ design.T)[0, 0]) / snr
    return spectrum, {"position": float(position), "cramer_rao": float(bound)}
