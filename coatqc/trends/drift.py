"""Does a reference material that is measured again and again give what it gave?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from coatcore.coverage import coverage_factor
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate

_FEWEST = 6
_METHOD = "Theil-Sen slope, interval after Sen"


def drift(values: ArrayLike, started: Sequence[str] | None = None, *, unit: str = "1") -> Estimate:
    """Slope of a quantity over time, or from batch to batch.

    The median of the slopes between all pairs, which some strays do not move, with the interval
    that Kendall's test gives. The scatter about the line is taken to be independent from batch to
    batch.

    Parameters
    ----------
    values : sequence of float, shape (n,)
        In the order they were measured.
    started : sequence of str, optional
        When each was measured (ISO 8601); the slope is then per day. Without, or where the times
        do not rise with the order, as after a clock was set, it is per batch.
    unit : str
        Of the values.

    Returns
    -------
    Estimate
        In `unit`/d, or in `unit` per batch (the unit then stays as it is).

    Raises
    ------
    MeasurementError
        With fewer than six values, or missing ones.

    References
    ----------
    Sen, J. Am. Stat. Assoc. 1968, 63, 1379.

    Examples
    --------
    >>> slope = drift([1.0, 1.11, 1.19, 1.31, 1.4, 1.5, 1.6], unit="nm")
    >>> slope.lower < 0.1 < slope.upper
    True
    """
    y = np.asarray(values, float)
    if y.size < _FEWEST:
        raise MeasurementError(f"{y.size} values, {_FEWEST} are needed to see a drift")
    if not np.isfinite(y).all():
        raise MeasurementError("a value is missing; leave that batch out")
    days = _days(started) if started is not None else None
    x = np.arange(y.size, dtype=float) if days is None else days
    i, j = np.triu_indices(y.size, 1)
    apart = x[j] > x[i]
    slopes = np.sort((y[j] - y[i])[apart] / (x[j] - x[i])[apart])
    # Rank of the interval's ends: the spread of Kendall's sum, ties in x left out.
    _, ties = np.unique(x, return_counts=True)
    n = y.size
    variance = (n * (n - 1) * (2 * n + 5) - (ties * (ties - 1) * (2 * ties + 5)).sum()) / 18
    reach = coverage_factor() * np.sqrt(variance)
    low = int(max(0, np.floor((slopes.size - reach) / 2)))
    high = int(min(slopes.size - 1, np.ceil((slopes.size + reach) / 2)))
    return Estimate.from_interval(
        float(np.median(slopes)),
        float(slopes[low]),
        float(slopes[high]),
        unit=unit if days is None else ("d-1" if unit in ("", "1") else f"{unit} d-1"),
        n=n,
        method=f"{_METHOD}, per {'batch' if days is None else 'day'}",
    )


def _days(started: Sequence[str]) -> np.ndarray | None:
    """Days since the first; None where the clock cannot be trusted for it."""
    try:
        times = [dt.datetime.fromisoformat(each).timestamp() for each in started]
    except ValueError:
        return None
    days = (np.array(times) - times[0]) / 86400
    # Half a day at least, or a slope per day says nothing.
    return days if (np.diff(days) >= 0).all() and days[-1] >= 0.5 else None
