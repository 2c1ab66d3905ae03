"""How does a quantity go from batch to batch, and is the process behind it as it was?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from coatqc.core.display import shown
from coatqc.core.errors import MeasurementError
from coatqc.core.estimate import Estimate
from coatqc.qc.control_charts import (
    RULES,
    Limits,
    capability,
    ewma,
    individuals_limits,
    moving_ranges,
    nelson_rules,
)

# What makes two results comparable: the same quantity, measured in the same way.
_SAME = ["recipe", "quantity", "sample", "reference", "parameters", "unit"]
# Rules that are judged by default; the others alarm too often to be all on at once.
USUAL_RULES = (1, 2, 3, 5)


@shown(also=("alarms",), table="table")
@dataclass(frozen=True)
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

    Examples
    --------
    >>> Trend("a", "nm", pd.DataFrame({"alarm": ["", "low"]}), None, (None, None), None, "").alarms
    1
    """

    title: str
    unit: str
    table: pd.DataFrame
    limits: Limits | None
    tolerance: tuple[float | None, float | None]
    capability: Estimate | None
    note: str

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
        As `coatqc.qc.store.history` gives it.
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
    kept = table[["started", "batch", "value", "lower", "upper", "verdict"]].copy()
    for name in ("average", "average lower", "average upper"):
        kept[name] = np.nan
    kept["alarm"] = ""
    minimum, maximum = (
        None if pd.isna(last[name]) else float(last[name]) for name in ("minimum", "maximum")
    )
    limits, able, notes = None, None, []
    try:
        limits = individuals_limits(values[:baseline])
    except MeasurementError as error:
        notes.append(str(error))
    if limits is not None:
        average = ewma(values, limits)
        kept["average"] = average["average"]
        kept["average lower"], kept["average upper"] = average["lower"], average["upper"]
        broken = nelson_rules(values, limits)
        restless = moving_ranges(values, limits)["alarm"].to_numpy(bool)
        kept["alarm"] = [
            "; ".join(
                [RULES[rule] for rule in rules if broken[rule].iloc[i]]
                + ["moving average beyond its limits"] * bool(average["alarm"].iloc[i])
                + ["far from the batch before"] * bool(restless[i])
            )
            for i in range(values.size)
        ]
    if minimum is not None or maximum is not None:
        try:
            able = capability(values, minimum, maximum)
        except MeasurementError as error:
            notes.append(str(error))
    note = "; ".join(dict.fromkeys(notes))
    title, unit = str(last["title"]), str(last["unit"])
    return Trend(title, unit, kept, limits, (minimum, maximum), able, note)
