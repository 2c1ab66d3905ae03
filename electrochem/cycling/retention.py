"""How much of its capacity does a cell, or a kind of cell, keep?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.statistics.two_means import difference_of_means
from electrochem.cycling.cycle_noise import noise_of_cycles

# Cycles whose current differs by more are not alike.
_SAME_RATE = 0.05
# Neighbours on each side in the local fit; fewest cycles from which noise is estimated.
_SIDE, _FEWEST = 5, 8


def capacity_retention(table: xr.Dataset, cycle: int, *, first: int = 1) -> Estimate:
    """Discharge capacity of one cell at a cycle over that at the first one.

    Both are values of a quadratic fit to as many neighbours on one side as on the other (up to
    5), so that the noise of single cycles averages; at the very first and last cycle it is the
    measured value itself, as a fit to one side would be biased by the fast early fade. Only
    cycles of one rate are used, and none that was cut off.

    Parameters
    ----------
    table : xarray.Dataset
        Kind ``cycle_table``, dim cycle, with discharge_capacity; without rate all cycles count
        as alike.
    cycle : int
        Which one.
    first : int, default 1
        Cycle that counts as 1: the first one after formation, of the same rate.

    Returns
    -------
    Estimate
        A ratio; mass and calibration cancel. The interval says how well this one cell is
        known, not what another cell of its kind will do: see ``retention_of_group``.

    Raises
    ------
    MeasurementError
        If a cycle is missing or cut off, the rates of the two differ by more than 5 %, or fewer
        than 8 cycles of that rate show the noise.

    Notes
    -----
    Assumed of the noise: it is what departs from a polynomial of low degree in the square root of
    the cycle number over all cycles of the rate, it is as large in all of them, and neighbours
    may err alike, as where a room warms up over days: their correlation (falling exponentially
    with the distance in cycles) is estimated along and enters the interval, a mixture of
    Student's over the correlations that may be. A drift over the whole test cannot be told
    from fade.

    Examples
    --------
    >>> from electrochem.simulating.cycling import simulate_cycles
    >>> table, truth = simulate_cycles(1)
    >>> print(capacity_retention(table, 152))
    0.7084(12)
    >>> round(float(truth["capacity_retention"].sel(cycle=152)), 4)
    0.7079
    """
    number, capacity = _alike(table, cycle, first)
    if cycle == first:
        return Estimate.from_standard_uncertainty(1.0, 0.0, method="the first cycle itself")
    ratio, weight, used = _ratio(number, capacity, cycle, first)
    noise = noise_of_cycles(number, capacity)
    u, half = noise.of_sum(weight)
    return Estimate.from_interval(
        ratio,
        ratio - half,
        ratio + half,
        standard_uncertainty=u,
        n=used,
        method="local quadratic over neighbouring cycles; noise about the fade, of which "
        f"neighbours share {noise.mean_correlation:.2f}",
    )


def retention_of_group(tables: Sequence[xr.Dataset], cycle: int, *, first: int = 1) -> Estimate:
    """Mean capacity retention of a kind of cell.

    Parameters
    ----------
    tables : sequence of xarray.Dataset
        One ``cycle_table`` for each cell, at least 2.
    cycle, first : int
        As for ``capacity_retention``.

    Returns
    -------
    Estimate
        A ratio, with Student's t over the cells: the spread between them holds the noise of
        each.

    Raises
    ------
    MeasurementError
        If there are fewer than 2 cells, or one of them does not give its retention.

    Examples
    --------
    >>> from electrochem.simulating.cycling import simulate_cycles
    >>> cells = [simulate_cycles(seed, "uncoated")[0] for seed in (1, 2, 3)]
    >>> group = retention_of_group(cells, 152)
    >>> group.n, group.lower < 0.596 < group.upper
    (3, True)
    """
    values = _of_cells(tables, cycle, first, "")
    u = float(np.std(values, ddof=1) / np.sqrt(values.size))
    return Estimate.from_standard_uncertainty(
        float(values.mean()),
        u,
        dof=values.size - 1,
        n=values.size,
        method="mean over cells, Student's t",
    )


def compare_retention(
    coated: Sequence[xr.Dataset],
    uncoated: Sequence[xr.Dataset],
    cycle: int,
    *,
    first: int = 1,
    names: tuple[str, str] = ("coated", "uncoated"),
) -> Estimate:
    """How much more capacity coated cells keep than uncoated ones.

    Parameters
    ----------
    coated, uncoated : sequence of xarray.Dataset
        One ``cycle_table`` for each cell, at least 2 of a kind.
    cycle, first : int
        As for ``capacity_retention``.
    names : (str, str)
        Of the two kinds, in messages.

    Returns
    -------
    Estimate
        Difference of mean retentions, coated less uncoated (0.1 is 10 percentage points), with
        Welch's interval. It lies above 0 where the coated cells keep more.

    Raises
    ------
    MeasurementError
        As ``retention_of_group`` does.

    References
    ----------
    Welch, Biometrika 34 (1947) 28.

    Examples
    --------
    >>> from electrochem.simulating.cycling import simulate_cycles
    >>> cells = {k: [simulate_cycles(seed, k)[0] for seed in s]
    ...          for k, s in (("coated", (1, 2, 3)), ("uncoated", (4, 5, 6)))}
    >>> gain = compare_retention(cells["coated"], cells["uncoated"], 152)
    >>> gain.lower > 0, gain.lower < 0.716 - 0.596 < gain.upper
    (True, True)
    """
    a = _of_cells(coated, cycle, first, f"{names[0]}: ")
    b = _of_cells(uncoated, cycle, first, f"{names[1]}: ")
    return difference_of_means(a, b, what=" over cells")


def _of_cells(tables: Sequence[xr.Dataset], cycle: int, first: int, who: str) -> np.ndarray:
    if isinstance(tables, xr.Dataset) or len(tables) < 2:
        raise MeasurementError(f"{who}one cell is no group; give at least 2 cells")
    values = []
    for k, table in enumerate(tables):
        try:
            values.append(_ratio(*_alike(table, cycle, first), cycle, first)[0])
        except MeasurementError as error:
            raise MeasurementError(f"{who}cell {k + 1} of {len(tables)}: {error}") from error
    for k, table in enumerate(tables):
        for other in range(k):
            if np.array_equal(
                table["discharge_capacity"].values, tables[other]["discharge_capacity"].values
            ):
                raise MeasurementError(
                    f"{who}cells {other + 1} and {k + 1} have the same capacities to the last "
                    "digit; one cell given twice is no group"
                )
    return np.array(values)


def _alike(table: xr.Dataset, cycle: int, first: int) -> tuple[np.ndarray, np.ndarray]:
    """Cycle numbers and capacities of the cycles like `first`."""
    for name, value in (("cycle", cycle), ("first", first)):
        if isinstance(value, str | bytes | bool) or not np.isscalar(value):
            raise MeasurementError(f"{name} is {value!r}; a number of a cycle was expected")
    if not isinstance(table, xr.Dataset):
        raise MeasurementError(
            f"table: {type(table).__name__} given; a cycle_table (Dataset) was expected"
        )
    if "discharge_capacity" not in table or "cycle" not in table.coords:
        raise MeasurementError("table: no discharge_capacity by cycle; a cycle_table was expected")
    number = table["cycle"].values
    if np.unique(number).size != number.size:
        raise MeasurementError("table: a cycle number occurs twice; were two files joined?")
    capacity = table["discharge_capacity"].values.astype(float)
    good = np.isfinite(capacity) & (capacity > 0)
    if "complete" in table:
        good &= table["complete"].values.astype(bool)
    for wanted in (cycle, first):
        if wanted not in number:
            raise MeasurementError(
                f"table: no cycle {wanted}; it holds {number.min()} to {number.max()}"
            )
        if not good[number == wanted][0]:
            raise MeasurementError(f"table: cycle {wanted} is cut off or has no capacity")
    if "rate" in table:
        rate = np.abs(table["rate"].values.astype(float))
        reference, there = (float(rate[number == n][0]) for n in (first, cycle))
        if not reference > 0 or not abs(there / reference - 1) <= _SAME_RATE:
            raise MeasurementError(
                f"table: cycle {cycle} runs at {there:.4g} A, cycle {first} at {reference:.4g} A; "
                "capacities of different rates do not give a retention: choose `first` after "
                "formation, at the same rate"
            )
        good &= np.abs(rate / reference - 1) <= _SAME_RATE
    order = np.argsort(number[good], kind="stable")
    number, capacity = number[good][order], capacity[good][order]
    if number.size < _FEWEST:
        raise MeasurementError(
            f"table: {number.size} whole cycles at the rate of cycle {first}; at least {_FEWEST} "
            "are needed to know the noise"
        )
    return number, capacity


def _ratio(
    number: np.ndarray, capacity: np.ndarray, cycle: int, first: int
) -> tuple[float, np.ndarray, int]:
    """Retention, the weight of each cycle's error in it, and of how many cycles it is made."""
    now, now_weight = _local(number, capacity, cycle)
    then, then_weight = _local(number, capacity, first)
    ratio = now / then
    # Neighbourhoods may overlap: one weight for each cycle.
    weight = (now_weight - ratio * then_weight) / then
    return ratio, weight, int(np.count_nonzero(now_weight))


def _local(number: np.ndarray, capacity: np.ndarray, at: int) -> tuple[float, np.ndarray]:
    """Smoothed capacity at a cycle and the weight of each cycle in it."""
    k = int(np.searchsorted(number, at))
    side = min(_SIDE, k, number.size - 1 - k)
    weight = np.zeros(number.size)
    chosen = slice(k - side, k + side + 1)
    x = (number[chosen] - at) / max(1, side)
    weight[chosen] = np.linalg.pinv(np.vander(x, min(3, x.size), increasing=True))[0]
    return float(weight @ capacity), weight
