"""Do two groups of replicates differ, and by what factor?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from scipy.special import stdtrit
from scipy.stats import mannwhitneyu

from coatqc.core.errors import MeasurementError
from coatqc.core.estimate import Estimate
from coatqc.core.plotting import new_axes
from tofsims.figures import plot_boxes
from tofsims.statistics import require_replicates

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class GroupComparison:
    """Two groups against each other.

    Parameters
    ----------
    ratio : Estimate
        Mean of b over mean of a.
    p_value : float
        Mann-Whitney U test, two-sided; exact where no two values are equal.
    a, b : xarray.DataArray
        What was compared, dim replicate.

    Examples
    --------
    >>> import xarray as xr
    >>> a = xr.DataArray([1.0, 1.1, 1.2], dims="replicate")
    >>> round(compare_groups(a, 2 * a).p_value, 1)
    0.1
    """

    ratio: Estimate
    p_value: float
    a: xr.DataArray
    b: xr.DataArray

    def plot(
        self, ax: Axes | None = None, *, labels: tuple[str, str] = ("reference", "sample")
    ) -> Axes:
        """Box plots of both groups.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on.
        labels : (str, str)
            Names of a and b.
        """
        ax = new_axes(ax, figsize=(4.4, 3.4))
        ax = plot_boxes(dict(zip(labels, (self.a, self.b), strict=True)), ax=ax)
        low, high = self.ratio.lower, self.ratio.upper
        ax.set_title(f"ratio {self.ratio.concise}, 95 % interval [{low:.3g}, {high:.3g}]")
        return ax


def compare_groups(a: xr.DataArray, b: xr.DataArray) -> GroupComparison:
    """Ratio of the means of two groups, and whether they differ at all.

    The interval is Welch's on the logarithm of the ratio, which keeps it positive and suits
    intensities, whose scatter grows with their size.

    Parameters
    ----------
    a, b : xarray.DataArray
        Positive values, dim replicate, at least two each; a is the reference.

    Returns
    -------
    GroupComparison

    Raises
    ------
    MeasurementError
        If a mean is not positive, or neither group scatters at all.

    References
    ----------
    Welch, Biometrika 1947, 34, 28; Mann & Whitney, Ann. Math. Stat. 1947, 18, 50.

    Examples
    --------
    >>> import xarray as xr
    >>> a = xr.DataArray([1.0, 1.1, 1.2, 0.9], dims="replicate")
    >>> round(compare_groups(a, 0.5 * a).ratio.value, 3)
    0.5
    """
    x, y = require_replicates(a), require_replicates(b)
    if x.mean() <= 0 or y.mean() <= 0:
        raise MeasurementError(f"a ratio needs positive means, found {x.mean():g} and {y.mean():g}")
    relative = [v.var(ddof=1) / v.size / v.mean() ** 2 for v in (x, y)]
    if sum(relative) == 0:
        raise MeasurementError("neither group scatters: these are not independent replicates")
    u = float(np.sqrt(sum(relative)))
    dof = u**4 / sum(r**2 / (v.size - 1) for r, v in zip(relative, (x, y), strict=True))
    ratio = float(y.mean() / x.mean())
    spread = float(np.exp(stdtrit(dof, 0.975) * u))
    estimate = Estimate.from_interval(
        ratio,
        ratio / spread,
        ratio * spread,
        standard_uncertainty=ratio * u,
        n=min(x.size, y.size),
        method="ratio of means, Welch's interval on its logarithm",
    )
    ties = np.unique(np.concatenate([x, y])).size < x.size + y.size
    test = mannwhitneyu(x, y, method="asymptotic" if ties else "exact")
    return GroupComparison(estimate, float(test.pvalue), a, b)
