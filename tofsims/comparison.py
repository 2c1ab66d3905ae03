"""Do two groups of replicates differ, and by how much?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import stdtr, stdtrit

from coatqc.core.errors import MeasurementError
from coatqc.core.estimate import Estimate
from coatqc.core.plotting import new_axes
from tofsims.figures import plot_boxes
from tofsims.shift import cliffs_delta, hodges_lehmann, holm, mann_whitney
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
        Mann-Whitney U test, two-sided, exact (also where values are equal, up to 200,000 ways to
        share them out).
    shift : Estimate
        Hodges-Lehmann: median of all differences b - a, with its exact interval; its level is
        below 0.95 where groups of fewer than 4 allow no better.
    effect_size : Estimate
        Cliff's delta: 1 where all of b lie above all of a, -1 below, 0 for no tendency.
    welch_p_value : float
        Of a ratio of 1, from the same logarithm as `ratio`.
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
    shift: Estimate
    effect_size: Estimate
    welch_p_value: float
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
    """Ratio of the means of two groups, their shift, and whether they differ at all.

    The ratio's interval is Welch's on its logarithm, which keeps it positive and suits
    intensities, whose scatter grows with their size. The shift and the test stand on ranks and
    hold for any distribution.

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
    Welch, Biometrika 1947, 34, 28; Mann & Whitney, Ann. Math. Stat. 1947, 18, 50; Hodges &
    Lehmann, Ann. Math. Stat. 1963, 34, 598.

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
    n = min(x.size, y.size)
    estimate = Estimate.from_interval(
        ratio,
        ratio / spread,
        ratio * spread,
        standard_uncertainty=ratio * u,
        n=n,
        method="ratio of means, Welch's interval on its logarithm",
    )
    moved, low, high, level = hodges_lehmann(x, y)
    shift = Estimate.from_interval(
        moved,
        low,
        high,
        unit=str(a.attrs.get("units", "1")),
        level=min(level, 0.95),
        n=n,
        method=f"Hodges-Lehmann shift, exact level {100 * level:.1f} %",
    )
    delta = Estimate.from_interval(*cliffs_delta(x, y), n=n, method="Cliff's delta, Newcombe")
    welch = 2 * float(stdtr(dof, -abs(np.log(ratio)) / u))
    return GroupComparison(estimate, mann_whitney(x, y), shift, delta, welch, a, b)


@dataclass(frozen=True)
class FragmentComparison:
    """Two groups against each other, fragment by fragment.

    Parameters
    ----------
    table : pandas.DataFrame
        A row a fragment: ratio and shift with their 95 % intervals, Mann-Whitney p, the same
        adjusted by Holm over the fragments, Welch's p, effect size.
    a, b : xarray.DataArray
        Dims (replicate, fragment).

    Examples
    --------
    >>> FragmentComparison.__name__
    'FragmentComparison'
    """

    table: pd.DataFrame
    a: xr.DataArray
    b: xr.DataArray

    def changed(self, alpha: float = 0.05) -> list[str]:
        """Fragments that differ, at a family error rate of `alpha` (Holm).

        Parameters
        ----------
        alpha : float, default 0.05
            Chance that any of the fragments is named although none has changed.
        """
        return list(self.table.loc[self.table["p (Holm)"] < alpha, "fragment"])

    def plot(
        self, ax: Axes | None = None, *, labels: tuple[str, str] = ("reference", "sample")
    ) -> Axes:
        """Box plots of all fragments with all points; stars mark what changed (Holm).

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on.
        labels : (str, str)
            Names of a and b.
        """
        p_values = {
            (str(f), *labels): float(p)
            for f, p in zip(self.table["fragment"], self.table["p (Holm)"], strict=True)
        }
        groups = dict(zip(labels, (self.a, self.b), strict=True))
        return plot_boxes(groups, ax=ax, p_values=p_values)


def compare_fragments(a: xr.DataArray, b: xr.DataArray) -> FragmentComparison:
    """Compare two groups in every fragment that both hold, as one family of tests.

    Parameters
    ----------
    a, b : xarray.DataArray
        Normalised intensities, dims (replicate, fragment); a is the reference.

    Returns
    -------
    FragmentComparison

    Raises
    ------
    MeasurementError
        If they share no fragment, or a group has fewer than two replicates.

    References
    ----------
    Holm, Scand. J. Stat. 1979, 6, 65.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> rng = np.random.default_rng(1)
    >>> a = xr.DataArray(rng.lognormal(0, 0.1, (8, 2)), {"fragment": ["PO2-", "Cl-"]},
    ...     ("replicate", "fragment"))
    >>> b = a.copy(data=rng.lognormal(0, 0.1, (8, 2)) * [0.5, 1.0])
    >>> compare_fragments(a, b).changed()
    ['PO2-']
    """
    for group in (a, b):
        if set(group.dims) != {"replicate", "fragment"}:
            raise MeasurementError(f"expected dims (replicate, fragment), found {group.dims}")
    shared = [str(f) for f in a["fragment"].values if f in b["fragment"].values]
    if not shared:
        raise MeasurementError("the groups share no fragment")
    rows = []
    for name in shared:
        one = compare_groups(a.sel(fragment=name, drop=True), b.sel(fragment=name, drop=True))
        rows.append(
            {
                "fragment": name,
                "n": f"{a.sizes['replicate']}, {b.sizes['replicate']}",
                "ratio": one.ratio.value,
                "ratio lower": one.ratio.lower,
                "ratio upper": one.ratio.upper,
                "shift": one.shift.value,
                "shift lower": one.shift.lower,
                "shift upper": one.shift.upper,
                "level of the shift's interval": one.shift.level,
                "p (Mann-Whitney)": one.p_value,
                "p (Welch)": one.welch_p_value,
                "Cliff's delta": one.effect_size.value,
                "delta lower": one.effect_size.lower,
                "delta upper": one.effect_size.upper,
            }
        )
    table = pd.DataFrame(rows)
    place = list(table.columns).index("p (Mann-Whitney)") + 1
    table.insert(place, "p (Holm)", holm(table["p (Mann-Whitney)"].to_numpy()))
    return FragmentComparison(table, a.sel(fragment=shared), b.sel(fragment=shared))
