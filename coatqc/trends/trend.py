"""How does a quantity go from batch to batch, and is the process behind it as it was?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatqc.trends.control_charts import (
    RULES,
    Limits,
    capability,
    ewma,
    individuals_limits,
    moving_ranges,
    nelson_rules,
)
from coatqc.trends.drift import drift
from coatqc.trends.within_batches import Scatter, scatter_of

T = TypeVar("T")

# What makes two results comparable: the same quantity, measured in the same way.
_SAME = ["recipe", "quantity", "sample", "reference", "parameters", "unit"]
# Rules that are judged by default; the others alarm too often to be all on at once.
_WILD = "replicates scatter beyond their limits"
USUAL_RULES = (1, 2, 3, 5)


@shown(also=("alarms", "drifts"), hide=("replicates", "scatter"), table="table")
@dataclass(frozen=True, kw_only=True)
class Trend:
    """One quantity over the batches.

    Parameters
    ----------
    title, unit : str
        Of the quantity.
    table : pandas.DataFrame
        A row a batch, oldest first: started, batch, value, lower, upper, verdict; moving average
        with its limits, and alarm (words, empty where there is none).
    limits : Limits or None
        Of the process; None with fewer than eight batches.
    tolerance : (float or None, float or None)
        Minimum and maximum of the newest criterion.
    capability : Estimate or None
        Cpk against the tolerance.
    note : str
        Why something is missing.
    scatter : Scatter or None
        Of the replicates within batches; None where too few are recorded.
    replicates : tuple of tuple of float
        Of each batch.
    drift : Estimate or None
        Slope, of a reference.
    of_reference : bool
        Whether it is measured on a reference: then it tells of the instrument.

    Examples
    --------
    >>> Trend(title="a", unit="nm", table=pd.DataFrame({"alarm": ["", "low"]}), limits=None,
    ...     tolerance=(None, None), capability=None, note="").alarms
    1
    """

    title: str
    unit: str
    table: pd.DataFrame
    limits: Limits | None
    tolerance: tuple[float | None, float | None]
    capability: Estimate | None
    note: str
    scatter: Scatter | None = None
    replicates: tuple[tuple[float, ...], ...] = ()
    drift: Estimate | None = None
    of_reference: bool = False

    @property
    def drifts(self) -> bool:
        """Whether the interval of the drift holds no zero."""
        return self.drift is not None and not self.drift.lower <= 0 <= self.drift.upper

    @property
    def alarms(self) -> int:
        """Number of batches that raise an alarm."""
        return int((self.table["alarm"] != "").sum())


def trends(
    history: pd.DataFrame, *, baseline: int | None = None, rules: tuple[int, ...] = USUAL_RULES
) -> list[Trend]:
    """Control charts of every quantity that is a number.

    Parameters
    ----------
    history : pandas.DataFrame
        As `coatqc.store.store.history` gives it; with ``replicates=True`` their scatter is charted
        too, and the drift of references.
    baseline : int, optional
        How many of the first batches tell the limits of the process; by default all.
    rules : tuple of int
        Of Nelson's rules, those that raise an alarm.

    Returns
    -------
    list of Trend
        In the order in which the quantities were first recorded.

    Raises
    ------
    MeasurementError
        If a rule is none of Nelson's, or `baseline` is below eight.

    Examples
    --------
    >>> trends(pd.DataFrame(columns=[*_SAME, "value"]))
    []
    """
    unknown = [rule for rule in rules if rule not in RULES]
    if unknown:
        raise MeasurementError(f"rule {unknown[0]} is none of Nelson's rules 1 to 8")
    measured = history[history["value"].notna()]
    groups = measured.groupby(_SAME, sort=False, dropna=False)
    return [_trend(table.reset_index(drop=True), baseline, rules) for _, table in groups]


def _trend(table: pd.DataFrame, baseline: int | None, rules: tuple[int, ...]) -> Trend:
    last = table.iloc[-1]
    values = table["value"].to_numpy(float)
    minimum, maximum = (
        None if pd.isna(last[name]) else float(last[name]) for name in ("minimum", "maximum")
    )
    unit = str(last["unit"])
    replicates = tuple(table["replicates"]) if "replicates" in table else ()
    of_reference = bool(last.get("of_reference", False))
    notes: list[str] = []
    able = scatter = slope = None
    limits = _or_noted(notes, individuals_limits, values[:baseline])
    charted = _charted(table, limits, rules)
    if minimum is not None or maximum is not None:
        able = _or_noted(notes, capability, values, minimum, maximum)
    if sum(len(each) > 1 for each in replicates) > 1:
        scatter = _or_noted(notes, scatter_of, replicates, baseline=baseline)
    if scatter is not None:
        wild = scatter.chart["alarm"].to_numpy(bool)
        charted["alarm"] = [
            "; ".join([words] * bool(words) + [_WILD] * bool(now))
            for words, now in zip(charted["alarm"], wild, strict=True)
        ]
    if of_reference:
        slope = _or_noted(notes, drift, values, list(table["started"].astype(str)), unit=unit)
    return Trend(
        title=str(last["title"]),
        unit=unit,
        table=charted,
        limits=limits,
        tolerance=(minimum, maximum),
        capability=able,
        note="; ".join(dict.fromkeys(notes)),
        scatter=scatter,
        replicates=replicates,
        drift=slope,
        of_reference=of_reference,
    )


def _or_noted(notes: list[str], measure: Callable[..., T], *args: Any, **kwargs: Any) -> T | None:
    """What is measured; where the batches do not allow it, None and a note why."""
    try:
        return measure(*args, **kwargs)
    except MeasurementError as error:
        notes.append(str(error))
        return None


def _charted(table: pd.DataFrame, limits: Limits | None, rules: tuple[int, ...]) -> pd.DataFrame:
    """The batches with their moving average and alarms; without limits there are none."""
    charted = table[["started", "batch", "value", "lower", "upper", "verdict"]].copy()
    for name in ("average", "average lower", "average upper"):
        charted[name] = np.nan
    charted["alarm"] = ""
    if limits is None:
        return charted
    values = table["value"].to_numpy(float)
    average = ewma(values, limits)
    charted["average"] = average["average"]
    charted["average lower"], charted["average upper"] = average["lower"], average["upper"]
    broken = nelson_rules(values, limits)
    restless = moving_ranges(values, limits)["alarm"].to_numpy(bool)
    charted["alarm"] = [
        "; ".join(
            [RULES[rule] for rule in rules if broken[rule].iloc[i]]
            + ["moving average beyond its limits"] * bool(average["alarm"].iloc[i])
            + ["far from the batch before"] * bool(restless[i])
        )
        for i in range(values.size)
    ]
    return charted
