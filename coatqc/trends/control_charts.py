"""Is a process that is measured batch by batch as it was, and can it hold its limits?"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

# Mean range of two normal numbers over their standard deviation.
_D2 = 2 / np.sqrt(np.pi)
# Upper limit of a moving range of two over its mean.
_D4 = 3.267
# Fewest values from which a chart's limits are worth drawing.
_FEWEST = 8
RULES = {
    1: "beyond three standard deviations",
    2: "nine in a row on one side of the centre",
    3: "six in a row that rise or fall",
    4: "fourteen in a row that rise and fall in turn",
    5: "two of three beyond two standard deviations, on one side",
    6: "four of five beyond one standard deviation, on one side",
    7: "fifteen in a row within one standard deviation",
    8: "eight in a row beyond one standard deviation, on either side",
}


class Limits(NamedTuple):
    """Centre and standard deviation of a process, as its baseline tells them.

    Parameters
    ----------
    center, sigma : float
        In the unit of what is charted.
    n : int
        Values of the baseline.

    Examples
    --------
    >>> Limits(1.0, 0.1, 20).sigma
    0.1
    """

    center: float
    sigma: float
    n: int


def individuals_limits(values: ArrayLike) -> Limits:
    """Centre and standard deviation from single values in the order they were measured.

    The standard deviation is that of the moving range, which a slow drift does not widen.

    Parameters
    ----------
    values : sequence of float, shape (n,)
        Baseline: eight values or more of a process that was as it should be.

    Returns
    -------
    Limits

    Raises
    ------
    MeasurementError
        With fewer values, missing ones, or values that are all the same.

    References
    ----------
    ISO 7870-2:2013; Wheeler & Chambers, Understanding Statistical Process Control, 1992.

    Examples
    --------
    >>> individuals_limits([1, 2, 1, 2, 1, 2, 1, 2]).center
    1.5
    """
    x = _whole(values)
    if x.size < _FEWEST:
        raise MeasurementError(f"{x.size} values, {_FEWEST} are needed for the limits of a chart")
    sigma = float(np.abs(np.diff(x)).mean() / _D2)
    if sigma <= 0:
        raise MeasurementError(f"all {x.size} values are {x[0]:g}: a chart has no limits")
    return Limits(float(x.mean()), sigma, x.size)


def nelson_rules(values: ArrayLike, limits: Limits) -> pd.DataFrame:
    """Which of Nelson's eight rules each value breaks.

    Parameters
    ----------
    values : sequence of float, shape (n,)
        In the order they were measured.
    limits : Limits
        Of the process.

    Returns
    -------
    pandas.DataFrame, shape (n, 8)
        Columns 1 to 8: True where a value completes the pattern of that rule (`RULES`).

    References
    ----------
    Nelson, J. Qual. Technol. 1984, 16, 237.

    Examples
    --------
    >>> found = nelson_rules([0.1, -0.2, 4.0], Limits(0.0, 1.0, 20))
    >>> found[1].tolist()
    [False, False, True]
    """
    z = (_whole(values) - limits.center) / limits.sigma
    side = np.sign(z)
    step = np.sign(np.diff(z, prepend=np.nan))
    turn = np.append(False, step[1:] * step[:-1] < 0)[: z.size]
    out = {
        1: np.abs(z) > 3,
        2: _run(side > 0, 9) | _run(side < 0, 9),
        # Six values make five steps.
        3: _run(step > 0, 5) | _run(step < 0, 5),
        # Fourteen values make thirteen steps, twelve of which turn back.
        4: _run(turn, 12),
        5: _some(z > 2, 2, 3) | _some(z < -2, 2, 3),
        6: _some(z > 1, 4, 5) | _some(z < -1, 4, 5),
        7: _run(np.abs(z) < 1, 15),
        8: _run(np.abs(z) > 1, 8),
    }
    return pd.DataFrame(out)


def _run(which: np.ndarray, length: int) -> np.ndarray:
    """Whether a value completes a run of that length."""
    return _count(which, length) == length


def _some(which: np.ndarray, least: int, of: int) -> np.ndarray:
    """Whether a value is one of at least so many of the last ones."""
    return which & (_count(which, of) >= least)


def _count(which: np.ndarray, of: int) -> np.ndarray:
    sums = np.concatenate([[0], np.cumsum(which)])
    start = np.maximum(np.arange(1, sums.size) - of, 0)
    return sums[1:] - sums[start]


def ewma(
    values: ArrayLike, limits: Limits, *, weight: float = 0.2, width: float = 2.86
) -> pd.DataFrame:
    """Exponentially weighted moving average with its limits: shows small lasting shifts.

    Parameters
    ----------
    values : sequence of float, shape (n,)
        In the order they were measured.
    limits : Limits
        Of the process.
    weight : float
        Of the newest value.
    width : float
        Of the limits, standard deviations. With the defaults a process that is as it was raises
        an alarm once in some 370 values.

    Returns
    -------
    pandas.DataFrame
        Columns average, lower, upper, alarm.

    Raises
    ------
    MeasurementError
        If `weight` is not between 0 and 1, or `width` not above 0.

    References
    ----------
    Lucas & Saccucci, Technometrics 1990, 32, 1.

    Examples
    --------
    >>> bool(ewma([0.0] * 5 + [1.5] * 9, Limits(0.0, 1.0, 20))["alarm"].iloc[-1])
    True
    """
    if not 0 < weight <= 1 or not width > 0:
        raise MeasurementError(f"weight is {weight} and width {width}, expected 0-1 and above 0")
    x = _whole(values)
    average = np.empty(x.size)
    last = limits.center
    for i, value in enumerate(x):
        last += weight * (value - last)
        average[i] = last
    share = weight / (2 - weight) * (1 - (1 - weight) ** (2 * np.arange(1, x.size + 1)))
    reach = width * limits.sigma * np.sqrt(share)
    lower, upper = limits.center - reach, limits.center + reach
    alarm = (average < lower) | (average > upper)
    return pd.DataFrame({"average": average, "lower": lower, "upper": upper, "alarm": alarm})


def moving_ranges(values: ArrayLike, limits: Limits) -> pd.DataFrame:
    """Moving range of two with its upper limit: shows a process that has become restless.

    Returns
    -------
    pandas.DataFrame
        Columns range, upper, alarm; the first range is missing.

    Examples
    --------
    >>> moving_ranges([1.0, 1.5], Limits(1.0, 0.1, 20))["alarm"].tolist()
    [False, True]
    """
    x = _whole(values)
    upper = _D4 * _D2 * limits.sigma
    ranges = np.abs(np.diff(x, prepend=np.nan))
    return pd.DataFrame({"range": ranges, "upper": upper, "alarm": ranges > upper})


def capability(values: ArrayLike, minimum: float | None, maximum: float | None) -> Estimate:
    """Cpk: distance of the mean to the nearer limit over three standard deviations.

    Parameters
    ----------
    values : sequence of float, shape (n,)
        Of a process that is in control; eight or more.
    minimum, maximum : float or None
        Tolerance limits, one at least.

    Returns
    -------
    Estimate
        Unit 1. The standard deviation is that of all values, with n - 1 degrees of freedom, so
        that drift counts (often called Ppk).

    Raises
    ------
    MeasurementError
        With fewer values, no limit, or no scatter.

    References
    ----------
    Bissell, Appl. Stat. 1990, 39, 331 (interval); ISO 22514-2:2017.

    Examples
    --------
    >>> round(capability([9.9, 10.1, 10.0, 9.8, 10.2, 10.0, 9.9, 10.1], 9.0, None).value, 2)
    2.55
    """
    x = _whole(values)
    if minimum is None and maximum is None:
        raise MeasurementError("a capability needs a limit")
    if x.size < _FEWEST:
        raise MeasurementError(f"{x.size} values, {_FEWEST} are needed for a capability")
    mean, s = float(x.mean()), float(x.std(ddof=1))
    if s <= 0:
        raise MeasurementError(f"all {x.size} values are {x[0]:g}: a capability has no meaning")
    low = np.inf if minimum is None else mean - minimum
    high = np.inf if maximum is None else maximum - mean
    value = min(low, high) / (3 * s)
    u = float(np.sqrt(1 / (9 * x.size) + value**2 / (2 * (x.size - 1))))
    return Estimate.from_standard_uncertainty(
        value, u, unit="1", n=x.size, method="Cpk from all values, Bissell's interval"
    )


def _whole(values: ArrayLike) -> np.ndarray:
    x = np.asarray(values, dtype=float)
    if x.ndim != 1 or not np.isfinite(x).all():
        raise MeasurementError("a chart needs a row of numbers, none of them missing")
    return x
