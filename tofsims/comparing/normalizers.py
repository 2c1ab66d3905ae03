"""Does the conclusion depend on what the intensities are divided by?"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.plotting import CYCLE, new_axes
from coatcore.statistics.several_tests import holm
from tofsims.comparing.comparison import compare_groups
from tofsims.comparing.normalization import normalize
from tofsims.ions.figures import pretty_ion

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ALPHA = 0.05


@shown(also=("summary",), table="table")
@dataclass(frozen=True, kw_only=True)
class NormalizerComparison:
    """One comparison of two groups under several normalisers.

    Parameters
    ----------
    fragment : str
        What was compared.
    table : pandas.DataFrame
        A row a normaliser: ratio of the groups with its 95 % interval, Mann-Whitney p, what the
        conclusion is, and whether the normaliser's own share of the total differs between the
        groups (ratio and p).
    agree : bool
        Whether all normalisers that do not themselves change give the same conclusion, and
        those are the most. Where most ions change against the total, it may as well be the
        total that changed (its parts sum to one), and no conclusion is safe.

    Examples
    --------
    >>> NormalizerComparison.__name__
    'NormalizerComparison'
    """

    fragment: str
    table: pd.DataFrame
    agree: bool

    def summary(self) -> str:
        """The outcome in a sentence or two."""
        steady = self.table[~self.table["normaliser changes"]]
        moving = list(self.table.loc[self.table["normaliser changes"], "normaliser"])
        base = steady if len(steady) else self.table
        if self.agree and self.table["conclusion"].nunique() == 1:
            text = f"{self.fragment} is {base['conclusion'].iloc[0]} whatever it is divided by"
        elif self.agree:
            text = (
                f"{self.fragment} is {base['conclusion'].iloc[0]} by every normaliser that does "
                "not itself change"
            )
        else:
            base = self.table
            text = f"the conclusion on {self.fragment} depends on the normaliser: " + ", ".join(
                f"{row['conclusion']} by {row['normaliser']}" for _, row in base.iterrows()
            )
        if moving:
            text += f"; normalisers that differ between the groups themselves: {', '.join(moving)}"
        return text

    def plot(self, ax: Axes | None = None) -> Axes:
        """Forest plot: ratio of the groups with its interval under each normaliser.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on.
        """
        from matplotlib.ticker import NullLocator

        rows = self.table.iloc[::-1]
        ax = new_axes(ax, figsize=(5.4, 0.9 + 0.36 * len(rows)))
        for place, (_, row) in enumerate(rows.iterrows()):
            changes = bool(row["normaliser changes"])
            ax.errorbar(
                row["ratio"],
                place,
                xerr=[[row["ratio"] - row["ratio lower"]], [row["ratio upper"] - row["ratio"]]],
                fmt="s" if changes else "o",
                color=CYCLE[1] if changes else CYCLE[0],
                mfc="white" if changes else CYCLE[0],
                capsize=3,
                label="differs between the groups itself" if changes else "does not",
            )
        ax.axvline(1, color="0.5", lw=0.8)
        ax.set_xscale("log")
        low, high = float(rows["ratio lower"].min()) / 1.1, float(rows["ratio upper"].max()) * 1.1
        ax.set_xlim(low, high)
        decades = [m * 10.0**k for k in range(-6, 7) for m in (1, 2, 5)]
        inside = [tick for tick in (*decades, 0.7, 1.5) if low < tick < high]
        ax.set_xticks(inside, [f"{tick:g}" for tick in inside])
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set_yticks(range(len(rows)), [pretty_ion(n) for n in rows["normaliser"]])
        ax.set_ylim(-0.6, len(rows) - 0.4)
        ax.set_ylabel("normaliser")
        ax.set_xlabel(f"ratio of {pretty_ion(self.fragment)} intensities, 95 % interval")
        handles = dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))
        ax.legend(
            handles.values(),
            handles.keys(),
            title="the normaliser",
            fontsize="small",
            loc="lower center",
            bbox_to_anchor=(0.5, 1.0),
            ncols=2,
        )
        return ax


def compare_normalizers(
    a: xr.Dataset,
    b: xr.Dataset,
    fragment: str,
    normalizers: Sequence[str | Sequence[str]] | None = None,
) -> NormalizerComparison:
    """Repeat the comparison of two groups of one fragment under several normalisers.

    A normaliser that itself changes makes everything else seem to change the other way: after
    cycling less Cl- makes PO2-/Cl- grow. Its share of the total is therefore compared as well.
    (That the total itself differs, by dose or topography, is no change of composition.)

    Parameters
    ----------
    a, b : xarray.Dataset
        Peak tables of both groups, with the same fragments; a is the reference.
    fragment : str
        What is compared.
    normalizers : sequence, optional
        As ``by`` of `normalize`: ``"total"``, ions, sums of ions, ``"clr"``. By default the
        total, each other ion, the sum of the other ions, and the centred log-ratio.

    Returns
    -------
    NormalizerComparison

    Raises
    ------
    MeasurementError
        If a fragment is missing.

    Warns
    -----
    UserWarning
        Where a normaliser's share of the total differs between the groups (p < 0.05).

    Examples
    --------
    >>> from tofsims import calibrate, peak_areas, simulate_spectra
    >>> groups = [peak_areas([calibrate(s) for s in simulate_spectra(i, n=5)[0]],
    ...     ["PO2-", "O-", "Cl-"]) for i in (1, 2)]
    >>> len(compare_normalizers(*groups, "PO2-").table)
    5
    """
    names = [str(f) for f in a["fragment"].values]
    for group in (a, b):
        if fragment not in group["fragment"].values:
            raise MeasurementError(f"{fragment} is not among the fragments of both groups")
    if normalizers is None:
        others = [n for n in names if n != fragment]
        normalizers = ["total", *others]
        if len(others) > 1:
            normalizers += [others]
        if others:
            normalizers += ["clr"]
    least = 2 / comb(a.sizes["replicate"] + b.sizes["replicate"], a.sizes["replicate"])
    if least >= _ALPHA:
        raise MeasurementError(
            f"groups of {a.sizes['replicate']} and {b.sizes['replicate']} cannot be told apart by "
            f"ranks: the smallest possible p is {least:.2g}; measure at least 4 replicates each"
        )
    if not len(normalizers):
        raise MeasurementError("name at least one normaliser")
    rows = []
    for by in normalizers:
        label = by if isinstance(by, str) else " + ".join(by)
        try:
            own = _own(a, b, by, fragment)
            rows.append({"normaliser": label, **_compared(a, b, fragment, by), **own})
        except MeasurementError as error:
            # One ion without counts in one spectrum does not spoil the others.
            if len(normalizers) == 1:
                raise
            warnings.warn(f"{label} is left out: {error}", UserWarning, stacklevel=2)
    if not rows:
        raise MeasurementError(f"none of the normalisers can be used for {fragment}")
    table = pd.DataFrame(rows)
    table["own p (Holm)"] = holm(table["own p"].to_numpy(float))
    table["normaliser changes"] = table["own p (Holm)"] < _ALPHA
    for _, row in table[table["normaliser changes"]].iterrows():
        warnings.warn(
            f"{row['normaliser']} itself differs between the groups, by a factor of "
            f"{row['own ratio']:.2g} (p = {row['own p']:.2g}): what is divided by it changes the "
            "other way",
            UserWarning,
            stacklevel=2,
        )
    steady = table[~table["normaliser changes"]]
    same = steady["conclusion"].nunique() == 1 and 2 * len(steady) > len(table)
    return NormalizerComparison(
        fragment=fragment, table=table, agree=same or table["conclusion"].nunique() == 1
    )


def _compared(
    a: xr.Dataset, b: xr.Dataset, fragment: str, by: str | Sequence[str]
) -> Mapping[str, object]:
    values = [normalize(t, by)["normalized"].sel(fragment=fragment) for t in (a, b)]
    if by == "clr":
        # Differences of logarithms are ratios.
        values = [xr.apply_ufunc(np.exp, v) for v in values]
    one = compare_groups(*values)
    if one.p_value >= _ALPHA:
        conclusion = "not shown to differ"
    else:
        conclusion = "higher" if one.shift.value > 0 else "lower"
    return {
        "ratio": one.ratio.value,
        "ratio lower": one.ratio.lower,
        "ratio upper": one.ratio.upper,
        "p (Mann-Whitney)": one.p_value,
        "conclusion": conclusion,
    }


def _own(
    a: xr.Dataset, b: xr.Dataset, by: str | Sequence[str], fragment: str
) -> Mapping[str, object]:
    """Whether the normaliser's share of the total differs between the groups."""
    if by == "total":
        return {"own ratio": np.nan, "own p": np.nan}
    if by == "clr":
        # Its divisor is the geometric mean of the listed ions; that the compared one is among
        # them is no change of the others.
        a, b = (t.sel(fragment=t["fragment"] != fragment) for t in (a, b))
        logs = [xr.apply_ufunc(np.log, (t["area"].clip(min=0) + 0.5) / t["total"]) for t in (a, b)]
        shares = [xr.apply_ufunc(np.exp, v.mean("fragment")) for v in logs]
    else:
        ions = [by] if isinstance(by, str) else list(by)
        shares = [normalize(t)["normalized"].sel(fragment=ions).sum("fragment") for t in (a, b)]
    one = compare_groups(*shares)
    return {
        "own ratio": one.ratio.value,
        "own p": one.p_value,
    }
