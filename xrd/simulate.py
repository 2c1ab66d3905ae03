"""Simulated diffraction patterns with known truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from xrd.alignment.repeatability import Repeatability
from xrd.labels.labels import CU_KALPHA1, CU_KALPHA2, labelled_pattern

# Li6PS5Cl, Cu K-alpha1: 2theta in degree from its published structure, relative intensity about as
# it gives them (`reflections` calculates them).
LI6PS5CL: tuple[tuple[float, float], ...] = (
    (15.55, 44.0),
    (17.98, 19.0),
    (25.53, 83.0),
    (30.03, 100.0),
    (31.40, 82.0),
    (39.82, 8.0),
    (45.00, 39.0),
    (47.90, 39.0),
    (52.45, 45.0),
    (55.06, 11.0),
    (59.22, 10.0),
    (61.63, 7.0),
    (62.42, 14.0),
    (71.55, 10.0),
    (73.75, 12.0),
    (83.04, 7.0),
)


def simulate_pattern(
    seed: int,
    *,
    reflections: Sequence[tuple[float, float]] = LI6PS5CL,
    extra: Sequence[tuple[float, float]] = (),
    peak_counts: float = 1.0e4,
    background: float = 0.06,
    halo: float = 0.0,
    displacement: float = 0.0,
    lattice_change: float = 0.0,
    broadening: float = 0.0,
    repeatability: Repeatability | None = None,
    step: float = 0.026,
) -> tuple[xr.DataArray, dict[str, float]]:
    """Powder pattern as in the paper: Cu K-alpha, 10-85 degree, step 0.026 degree.

    Assumes a K-alpha1/K-alpha2 doublet of pseudo-Voigt lines whose width follows Caglioti, a
    background falling with angle plus the broad hump of an airtight holder's film, a sample
    displacement that shifts 2theta by `displacement` cos theta, and Poisson counts. With
    `repeatability`, each line's area, place and width scatter as between two scans of one powder
    (independent Gaussian factors; half the variance a scan). Leaves out axial asymmetry, and
    grains so few that single ones show.

    Parameters
    ----------
    seed : int
        Same seed, same pattern.
    reflections, extra : sequence of (float, float)
        2theta in degree and intensity (area) relative to 100; `extra` are those of another phase.
    peak_counts : float
        Expected counts at the top of a line of intensity 100, without background.
    background, halo : float
        At 10 degree, and of a polymer's broad hump at 20 degree, as shares of `peak_counts`.
    displacement, broadening, step : float
        In degree; broadening is a Gaussian width added in squares to each line's.
    lattice_change : float
        Relative change of all lattice spacings of `reflections`, unit 1.
    repeatability : Repeatability, optional
        How well scans repeat; without it, but for counting they do.

    Returns
    -------
    (xarray.DataArray, dict)
        Counts; truth: ``displacement`` (degree), ``lattice_change`` (unit 1),
        ``largest_new_peak`` (unit 1, relative to the strongest reflection).

    Examples
    --------
    >>> pattern, truth = simulate_pattern(1, extra=((27.03, 5.0),))
    >>> truth["largest_new_peak"]
    0.05
    """
    rng = np.random.default_rng(seed)
    x = 10.0 + step * np.arange(int(75.0 / step) + 1)
    expected = background * np.exp(-(x - 10.0) / 30.0) + 0.4 * background * np.exp(
        -(((x - 21.0) / 5.0) ** 2)
    )
    expected = expected + 0.2 * background + halo * np.exp(-(((x - 20.0) / 4.0) ** 2))
    strongest = max(i for _, i in reflections)
    lines = [(t, i, lattice_change) for t, i in reflections] + [(t, i, 0.0) for t, i in extra]
    scatter = np.zeros((3, len(lines)))
    if repeatability is not None:
        sizes = [repeatability.intensity, repeatability.position, repeatability.shape]
        scatter = rng.normal(size=scatter.shape) * np.sqrt(0.5) * np.array(sizes)[:, None]
        apparent = rng.normal() * np.sqrt(0.5) * repeatability.lattice
        lines = [(t, i, change + apparent) for t, i, change in lines]
    for (place, intensity, change), (brighter, moved, wider) in zip(lines, scatter.T, strict=True):
        theta = np.arcsin(np.sin(np.radians(place) / 2) / (1 + change))
        fwhm = np.sqrt(0.004 * np.tan(theta) ** 2 - 0.001 * np.tan(theta) + 0.0075)
        spread = np.hypot(fwhm, broadening) * (1 + wider)
        # Areas are kept: what is wider is lower.
        height = intensity / strongest * (1 + brighter) * fwhm / spread
        shift = displacement * np.cos(theta) + moved
        for wavelength, share in ((CU_KALPHA1, 1.0), (CU_KALPHA2, 0.5)):
            line = 2 * np.degrees(np.arcsin(np.sin(theta) * wavelength / CU_KALPHA1))
            u = (x - line - shift) / spread
            near = np.abs(u) < 60
            shape = 0.5 / (1 + 4 * u[near] ** 2) + 0.5 * np.exp(-4 * np.log(2) * u[near] ** 2)
            expected[near] += share * height * shape
    counts = rng.poisson(peak_counts * expected)
    attrs: dict[str, str | int | float] = {
        "simulated": "yes",
        "instrument": "simulated diffractometer",
        "anode": "Cu",
        "wavelength_angstrom": CU_KALPHA1,
        "wavelength_kalpha2_angstrom": CU_KALPHA2,
    }
    largest = max((i for _, i in extra), default=0.0) / strongest
    truth = {
        "displacement": float(displacement),
        "lattice_change": float(lattice_change),
        "largest_new_peak": float(largest),
    }
    return labelled_pattern(x, counts, "counts", attrs), truth
