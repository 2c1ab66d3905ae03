"""What a comparison of two diffraction patterns tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pandas as pd
import xarray as xr

from coatcore.display import shown
from coatcore.estimate import Estimate
from xrd.comparing.differences import Differences
from xrd.comparing.figures import plot_comparison
from xrd.comparing.suspects import Suspects

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@shown(
    units={"detection_limit": "1"},
    hide=("residual", "expected", "sample", "suspects"),
    table="changes",
)
@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Sample against reference.

    Parameters
    ----------
    verdict : {"same", "different", "undecided"}
        Undecided where nothing differs, but a new peak of 5 % could hide in the noise.
    p_value : float
        Probability of a difference as large as this between two scans of one material.
    summary : str
        In words, what changed and what it looks like.
    changes : pandas.DataFrame
        A row a change: kind (new, missing, stronger, weaker, shifted, shape), place, d, size, its
        standard uncertainty and unit, z, and p for all places looked at.
    tests : dict of str to float
        p of each test that the p-value combines.
    descriptors : pandas.Series
        Rwp, Pearson, cosine, de Gelder: as the literature gives them. They depend on counts and
        background and are no measure of sameness.
    nuisance : dict of str to Estimate
        What was fitted and not judged: scale (unit 1), displacement (shift of 2theta as cos
        theta goes to 1, degree), zero_shift (degree), line_width (change of the full width at
        half maximum of a typical line, degree).
    lattice_change : Estimate
        Relative change of all lattice spacings, unit 1; judged.
    cell_change : dict of str to Estimate
        Change of each free cell length of the main phase, angstrom; empty without a main phase.
    suspects : Suspects or None
        Weight fractions of suspected phases, if any were named.
    largest_new_peak : Estimate
        Height of the largest new peak relative to the reference's strongest (unit 1).
    detection_limit : float
        Relative height that a new peak needs to be found with probability 0.95, unit 1.
    dispersion : float
        Variance between neighbouring points over that of counting, at least 1.
    residual : xarray.DataArray
        Over two_theta, in standard deviations.
    expected, sample : xarray.DataArray
        Aligned reference and sample on the common grid.
    differences : Differences
        What a peak's shape finds at every place.

    Examples
    --------
    >>> from xrd import compare_patterns, simulate_pattern
    >>> a, b = (simulate_pattern(seed)[0] for seed in (1, 2))
    >>> compare_patterns(a, b).verdict
    'same'
    """

    verdict: Literal["same", "different", "undecided"]
    p_value: float
    summary: str
    changes: pd.DataFrame
    tests: dict[str, float]
    descriptors: pd.Series
    nuisance: dict[str, Estimate]
    lattice_change: Estimate
    cell_change: dict[str, Estimate]
    suspects: Suspects | None
    largest_new_peak: Estimate
    detection_limit: float
    dispersion: float
    residual: xr.DataArray
    expected: xr.DataArray
    sample: xr.DataArray
    differences: Differences = field(repr=False)

    @property
    def new_peaks(self) -> pd.DataFrame:
        """Rows of `changes` that are new peaks."""
        return self.changes[self.changes["kind"] == "new"].reset_index(drop=True)

    @property
    def missing_peaks(self) -> pd.DataFrame:
        """Rows of `changes` that are missing peaks."""
        return self.changes[self.changes["kind"] == "missing"].reset_index(drop=True)

    @property
    def rwp(self) -> float:
        """Weighted profile R factor of the sample against the aligned reference."""
        return float(self.descriptors["Rwp"])

    @property
    def scale(self) -> Estimate:
        """Intensity of the sample over that of the reference, unit 1."""
        return self.nuisance["scale"]

    @property
    def displacement(self) -> Estimate:
        """Shift of 2theta as cos theta goes to 1, degree."""
        return self.nuisance["displacement"]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Both patterns, their difference in standard deviations below, and what changed.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on.
        """
        return plot_comparison(
            self.sample,
            self.expected,
            self.residual,
            self.changes,
            title=f"{self.verdict}, p = {self.p_value:.2g}, Rwp = {self.rwp:.3f}",
            ax=ax,
        )
