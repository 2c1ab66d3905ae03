"""Do two groups of replicates differ, and by how much?"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import stdtr

from coatcore.coverage import coverage_factor, effective_dof
from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.plotting import new_axes
from coatcore.statistics.ranks import cliffs_delta, hodges_lehmann, mann_whitney
from coatcore.statistics.several_tests import holm
from tofsims.comparing.figures import plot_boxes
from tofsims.comparing.statistics import require_replicates

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@shown()
@dataclass(frozen=True, kw_only=True)
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
        Hodges-Lehmann: median of all differences b - a, with its exact interval for groups that
        scatter alike; its level is below 0.95 where groups of fewer than 4 allow no better.
    median_ratio : Estimate or None
        The same of the logarithms: factor between the groups, for intensities whose scatter
        grows with their size. None where a value is not positive.
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
    median_ratio: Estimate | None
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
    intensities, whose scatter grows with their size. Test, shift and median ratio stand on ranks
    and take no form of distribution for granted; the intervals of shift and median ratio take
    both groups to be distributed alike, but for the shift or the factor.

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
    units = [str(v.attrs.get("units", "1")) for v in (a, b)]
    if units[0] != units[1]:
        raise MeasurementError(f"the groups have units {units[0]} and {units[1]}")
    if x.mean() <= 0 or y.mean() <= 0:
        raise MeasurementError(f"a ratio needs positive means, found {x.mean():g} and {y.mean():g}")
    relative = [v.var(ddof=1) / v.size / v.mean() ** 2 for v in (x, y)]
    if sum(relative) == 0:
        raise MeasurementError("neither group scatters: these are not independent replicates")
    u = float(np.sqrt(sum(relative)))
    dof = effective_dof(relative, [v.size - 1 for v in (x, y)])
    ratio = float(y.mean() / x.mean())
    spread = float(np.exp(coverage_factor(dof) * u))
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
    factor = None
    if min(x.min(), y.min()) > 0:
        moved, low, high, level = (*np.exp(hodges_lehmann(np.log(x), np.log(y))[:3]), level)
        factor = Estimate.from_interval(
            moved,
            low,
            high,
            level=min(level, 0.95),
            n=n,
            method=f"Hodges-Lehmann shift of logarithms, exact level {100 * level:.1f} %",
        )
    delta = Estimate.from_interval(*cliffs_delta(x, y), n=n, method="Cliff's delta, Newcombe")
    welch = 2 * float(stdtr(dof, -abs(np.log(ratio)) / u))
    return GroupComparison(
        ratio=estimate,
        p_value=mann_whitney(x, y),
        shift=shift,
        median_ratio=factor,
        effect_size=delta,
        welch_p_value=welch,
        a=a,
        b=b,
    )


@shown(table="table")
@dataclass(frozen=True, kw_only=True)
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
    rows = [_row(name, a, b) for name in shared]
    table = pd.DataFrame(rows)
    place = list(table.columns).index("p (Mann-Whitney)") + 1
    table.insert(place, "p (Holm)", holm(table["p (Mann-Whitney)"].to_numpy()))
    n, m = a.sizes["replicate"], b.sizes["replicate"]
    least = 2 / comb(n + m, n) * len(shared)
    if least >= 0.05:
        warnings.warn(
            f"groups of {n} and {m} cannot show a change in any of {len(shared)} fragments by "
            f"ranks: the smallest adjusted p is {min(least, 1):.2g}; compare fewer fragments, "
            "measure more replicates, or see p (Welch)",
            UserWarning,
            stacklevel=2,
        )
    return FragmentComparison(table=table, a=a.sel(fragment=shared), b=b.sel(fragment=shared))


def _row(name: str, a: xr.DataArray, b: xr.DataArray) -> dict[str, object]:
    """Comparison of one fragment; of one that a group does not show at all, what there is."""
    x, y = (v.sel(fragment=name, drop=True) for v in (a, b))
    unit = str(a.attrs.get("units", "1"))
    shift = "shift" if unit == "1" else f"shift ({unit})"
    nan = float("nan")
    row: dict[str, object] = {
        "fragment": name,
        "n": f"{a.sizes['replicate']}, {b.sizes['replicate']}",
    }
    try:
        values = require_replicates(x), require_replicates(y)
    except MeasurementError as error:
        raise MeasurementError(f"{name}: {error}") from None
    moved, low, high, level = hodges_lehmann(*values)
    delta = cliffs_delta(*values)
    ratio = welch = None
    if min(v.mean() for v in values) > 0 and max(v.std() for v in values) > 0:
        one = compare_groups(x, y)
        ratio, welch = one.ratio, one.welch_p_value
    return {
        **row,
        "ratio": ratio.value if ratio else nan,
        "ratio lower": ratio.lower if ratio else nan,
        "ratio upper": ratio.upper if ratio else nan,
        shift: moved,
        f"{shift} lower": low,
        f"{shift} upper": high,
        "level of the shift's interval": min(level, 0.95),
        "p (Mann-Whitney)": mann_whitney(*values),
        "p (Welch)": nan if welch is None else welch,
        "Cliff's delta": delta[0],
        "delta lower": delta[1],
        "delta upper": delta[2],
    }
