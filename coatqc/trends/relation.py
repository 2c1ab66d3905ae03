"""Do batches with less of one thing have more of another? Surfaces set against cells."""

from __future__ import annotations

import json
import math
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from coatcore.coverage import coverage_factor
from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.quality.registry import quantities
from coatcore.words import pretty_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Fewer batches give any rank correlation; below the second number it is flagged.
_FEWEST, _FEW = 6, 12
# More names than this hide the points.
_NAMED = 16
# Of the variance between batches: above, it is mostly the measurement's own.
_OWN = 0.5
_NO_CAUSE = "A correlation over batches tells no cause: a third thing may move both."
_Z = coverage_factor()


@shown(table="table", hide=("x", "y", "simulated"))
@dataclass(frozen=True, kw_only=True)
class Relation:
    """Two quantities over the batches of a store.

    Parameters
    ----------
    correlation : Estimate
        Spearman's rank correlation of what was measured, with its 95 % interval.
    x, y : str
        What was set against what, with units.
    table : pandas.DataFrame
        A row a batch: batch, x, y, each with lower and upper end.
    notes : tuple of str
        What a reader of the number has to know.
    simulated : bool
        Whether a batch says that it is.

    Examples
    --------
    >>> e = Estimate.from_interval(0.6, 0.1, 0.9, n=12)
    >>> found = Relation(correlation=e, x="cracks", y="retention", table=pd.DataFrame(),
    ...     notes=(), simulated=False)
    >>> print(found.sentence)
    cracks and retention over 12 batches: rank correlation 0.60 [0.10, 0.90]
    """

    correlation: Estimate
    x: str
    y: str
    table: pd.DataFrame
    notes: tuple[str, ...]
    simulated: bool

    @property
    def sentence(self) -> str:
        """The result in words."""
        e = self.correlation
        return (
            f"{self.x} and {self.y} over {e.n} batches: rank correlation {e.value:.2f} "
            f"[{e.lower:.2f}, {e.upper:.2f}]"
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """A point a batch, with the 95 % intervals of both quantities.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on.

        Examples
        --------
        >>> table = pd.DataFrame({"batch": ["a", "b"], "x": [1.0, 2.0], "y": [2.0, 1.0],
        ...     "x lower": [0.9, 1.9], "x upper": [1.1, 2.1], "y lower": [1.9, 0.9],
        ...     "y upper": [2.1, 1.1]})
        >>> e = Estimate.from_interval(-0.9, -1.0, 0.2, n=2)
        >>> Relation(correlation=e, x="cracks", y="retention", table=table, notes=(),
        ...     simulated=True).plot().get_xlabel()
        'cracks'
        """
        from coatcore.plotting import OKABE_ITO, new_axes

        ax = new_axes(ax, figsize=(5.6, 4.4))
        table = self.table
        reach = {
            name: [table[name] - table[f"{name} lower"], table[f"{name} upper"] - table[name]]
            for name in ("x", "y")
        }
        ax.errorbar(
            table["x"],
            table["y"],
            xerr=np.maximum(reach["x"], 0),
            yerr=np.maximum(reach["y"], 0),
            fmt="o",
            ms=4.5,
            lw=0.8,
            color=OKABE_ITO["blue"],
            ecolor="0.6",
        )
        if len(table) <= _NAMED:
            for row in table.itertuples():
                ax.annotate(
                    str(row.batch)[:18],
                    (row.x, row.y),
                    xytext=(4, 4),
                    textcoords="offset points",
                    fontsize=6.5,
                    color="0.35",
                )
        e = self.correlation
        ax.set_title(f"rank correlation {e.value:.2f} [{e.lower:.2f}, {e.upper:.2f}], n = {e.n}")
        below = textwrap.fill(f"A point a batch, bars 95 % intervals. {_NO_CAUSE}", 88)
        ax.set_xlabel(textwrap.fill(self.x, 70))
        ax.set_ylabel(textwrap.fill(self.y, 52))
        ax.annotate(
            below + ("\nSimulated data." if self.simulated else ""),
            (0.0, 0.0),
            xycoords="axes fraction",
            xytext=(0, -40 if len(self.x) <= 70 else -52),
            textcoords="offset points",
            va="top",
            fontsize=7,
            style="italic",
            color="0.35",
        )
        return ax


def relate(history: pd.DataFrame, x: str, y: str) -> Relation:
    """Set one quantity against another over the batches of a store.

    Batches are told by their names: a surface and a cell may have been recorded at different
    times, by different recipes. Of a batch that was recorded more than once the newest counts.

    Parameters
    ----------
    history : pandas.DataFrame
        As `coatqc.store.store.history` gives it.
    x, y : str
        ``QUANTITY``, and where that leaves a choice ``QUANTITY@SAMPLE`` or
        ``QUANTITY@SAMPLE:PARAMETER=VALUE`` (several with commas), as in
        ``tofsims.intensity_ratio:fragment=PO2-``.

    Returns
    -------
    Relation

    Raises
    ------
    MeasurementError
        If a quantity is not recorded, more than one is meant, or fewer than 6 batches have both.

    Notes
    -----
    Spearman's rank correlation with Bonett and Wright's interval on Fisher's scale,
    z +- 1.96 sqrt((1 + r^2 / 2) / (n - 3)). It is that of what was measured: what a batch's own
    uncertainties take from the correlation is not given back.

    References
    ----------
    Bonett and Wright, Psychometrika 65 (2000) 23.

    Examples
    --------
    >>> rows = [{"batch": f"b{i}", "quantity": q, "sample": "a", "reference": "",
    ...     "parameters": "{}", "unit": "1", "title": q, "value": v, "lower": v, "upper": v,
    ...     "standard_uncertainty": 0.0} for i in range(8)
    ...     for q, v in (("sem.crack_area_fraction", float(i)), ("cycling.retention", 9.0 - i))]
    >>> found = relate(pd.DataFrame(rows), "sem.crack_area_fraction", "cycling.retention")
    >>> found.correlation.value, found.correlation.upper < 0
    (-1.0, True)
    """
    sides = {"x": _chosen(history, x), "y": _chosen(history, y)}
    words = {name: _words(rows.iloc[-1]) for name, rows in sides.items()}
    if _same(sides["x"].iloc[-1]) == _same(sides["y"].iloc[-1]):
        raise MeasurementError(f"{x} and {y} are the same quantity of the same sample")
    notes = []
    parts = []
    for name, rows in sides.items():
        newest = rows.drop_duplicates("batch", keep="last").set_index("batch")
        ends = newest[["value", "lower", "upper"]].to_numpy(float)
        bound = newest.index[np.isfinite(ends[:, 0]) & ~np.isfinite(ends).all(axis=1)]
        if len(bound):
            notes.append(
                f"{len(bound)} batches left out, as {words[name]} has only a bound there: "
                + ", ".join(map(str, bound[:5]))
            )
        newest = newest[np.isfinite(ends).all(axis=1)]
        kept = newest[["value", "lower", "upper", "standard_uncertainty"]]
        parts.append(
            kept.rename(columns={"value": name, "lower": f"{name} lower", "upper": f"{name} upper",
                                 "standard_uncertainty": f"{name} u"})
        )  # fmt: skip
    table = parts[0].join(parts[1], how="inner").reset_index()
    n = len(table)
    if n < _FEWEST:
        raise MeasurementError(
            f"{n} batches have both {words['x']} and {words['y']}; at least {_FEWEST} are needed, "
            "as fewer fall into any order by chance"
        )
    found = rank_correlation(table["x"].to_numpy(float), table["y"].to_numpy(float))
    if n < _FEW:
        notes.append(f"{n} batches are few: the interval is wide, and one batch can turn it")
    if found.lower <= 0 <= found.upper:
        notes.append("the interval holds 0: no relation is shown, and none is excluded")
    for name in ("x", "y"):
        own = float(np.mean(table[f"{name} u"].to_numpy(float) ** 2))
        spread = float(np.var(table[name].to_numpy(float), ddof=1))
        share = own / spread if spread > 0 else math.inf
        if share > _OWN:
            notes.append(
                f"{min(share, 1.0):.0%} of the variance of {words[name]} between batches is the "
                "measurement's own: a relation of the true values would be weakened by it"
            )
    notes.append(_NO_CAUSE)
    simulated = any(
        bool(rows.get("simulated", pd.Series(dtype=bool)).any()) for rows in sides.values()
    )
    return Relation(
        correlation=found,
        x=words["x"],
        y=words["y"],
        table=table.drop(columns=["x u", "y u"]),
        notes=tuple(notes),
        simulated=simulated,
    )


def rank_correlation(x: np.ndarray, y: np.ndarray) -> Estimate:
    """Spearman's rank correlation with Bonett and Wright's 95 % interval.

    Parameters
    ----------
    x, y : numpy.ndarray
        Shape (n,), n at least 4.

    Returns
    -------
    Estimate

    Raises
    ------
    MeasurementError
        If there are fewer than 4, or all values of one are the same.

    Notes
    -----
    Where the orders agree (or oppose each other) wholly, Fisher's scale ends: the interval is then
    that of a correlation between this one and the next that n allows. On 6,000 simulated sets of
    6 to 40 pairs of normal variables, at true correlations from 0 to 0.95, 93.7 to 98.3 % of the
    intervals held the truth (the highest with 6 pairs).

    Examples
    --------
    >>> e = rank_correlation(np.arange(10.0), np.array([1, 0, 2, 4, 3, 5, 7, 6, 8, 9.0]))
    >>> round(e.value, 2), round(e.lower, 2), round(e.upper, 2)
    (0.96, 0.8, 0.99)
    """
    from scipy.stats import rankdata

    n = int(np.size(x))
    if n < 4 or np.size(y) != n:
        raise MeasurementError(f"{n} and {np.size(y)} values; at least 4 pairs are needed")
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        raise MeasurementError("all batches have the same value: there is no order to compare")
    r = float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])
    r = float(np.clip(r, -1.0, 1.0))
    most = 1 - 6 / (n * (n**2 - 1))
    inner = float(np.clip(r, -most, most))
    se = math.sqrt((1 + inner**2 / 2) / (n - 3))
    z = math.atanh(inner)
    lower, upper = math.tanh(z - _Z * se), math.tanh(z + _Z * se)
    return Estimate.from_interval(
        r,
        min(lower, r),
        max(upper, r),
        standard_uncertainty=(1 - inner**2) * se,
        n=n,
        method="Spearman's rank correlation, Bonett and Wright's interval",
    )


def _same(row: Any) -> tuple[str, ...]:
    return tuple(str(row[k]) for k in ("quantity", "sample", "reference", "parameters"))


def _chosen(history: pd.DataFrame, said: str) -> pd.DataFrame:
    """Rows of the one quantity that is meant."""
    from coatcore.words import nearest

    head, _, wanted = said.partition(":")
    quantity, _, sample = head.partition("@")
    rows = history[history["value"].notna()]
    if quantity not in set(rows["quantity"]):
        known = sorted(set(rows["quantity"])) or ["none: the store holds no numbers"]
        raise MeasurementError(f"{said}: is not recorded; {nearest(quantity, known)}")
    rows = rows[rows["quantity"] == quantity]
    if sample:
        if sample not in set(rows["sample"]):
            raise MeasurementError(
                f"{said}: no sample {sample!r}; {nearest(sample, sorted(set(rows['sample'])))}"
            )
        rows = rows[rows["sample"] == sample]
    for each in filter(None, wanted.split(",")):
        name, equals, value = each.partition("=")
        if not equals:
            raise MeasurementError(f"{said}: {each!r} is no PARAMETER=VALUE")
        matches = [_text(json.loads(p).get(name)) == value for p in rows["parameters"]]
        if not any(matches):
            there = sorted({_text(json.loads(p).get(name)) for p in rows["parameters"]})
            raise MeasurementError(f"{said}: {name} is nowhere {value!r}; {nearest(value, there)}")
        rows = rows[matches]
    keys = ["quantity", "sample", "reference", "parameters", "unit"]
    groups = rows.drop_duplicates(keys)
    if len(groups) > 1:
        raise MeasurementError(
            f"{said}: {len(groups)} are recorded; say which, as in "
            + " or ".join(dict.fromkeys(_spelt(row, groups) for row in groups.to_dict("records")))
        )
    return rows


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _spelt(row: dict[Any, Any], groups: pd.DataFrame) -> str:
    """How one of several is named, by what tells it from the others."""
    said = f"{row['quantity']}@{row['sample']}"
    every = [json.loads(p) for p in groups["parameters"]]
    mine = json.loads(row["parameters"])
    apart = [k for k in mine if len({_text(p.get(k)) for p in every}) > 1]
    return said + (":" if apart else "") + ",".join(f"{k}={_text(mine[k])}" for k in apart)


def _words(row: Any) -> str:
    """What a row measures, with its unit."""
    known = quantities().get(str(row["quantity"]))
    title = str(row["title"])
    if known is not None:
        parameters = json.loads(row["parameters"])
        try:
            title = known.title.format(**parameters)
        except (KeyError, IndexError):
            title = known.title
        against = f" against {row['reference']}" if row["reference"] else ""
        title = f"{title} of {row['sample']}{against}"
    unit = pretty_unit(str(row["unit"]))
    return f"{title} / {unit}" if unit else title
