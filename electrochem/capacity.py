"""How much charge does the cell take and give in each cycle?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from coatqc.core.errors import MeasurementError
from coatqc.core.estimate import Estimate
from electrochem.labels import label_cycles

# Below these parts of the usual current a row is a rest; of the largest half cycle, a pulse.
_REST, _PULSE = 1e-3, 0.01
# mAh g-1: outside, the units of mass or current are wrong rather than the cell remarkable.
_PLAUSIBLE = (1.0, 400.0)
# V: how far short of the usual end voltage a last half cycle may stop.
_SHORT = 0.03
_AS_PER_MAH = 3.6


class HalfCycle(NamedTuple):
    """One charge or discharge in a record, rests and tiny pulses within left out.

    Parameters
    ----------
    sign : int
        1 charge, -1 discharge.
    rows : numpy.ndarray
        Indices of the rows with current, ascending.
    charge : float
        Passed, mAh, positive.
    uncertainty : float
        Standard uncertainty of the charge from current noise and switching, mAh.
    cut : bool
        Whether the record ends before the half cycle did.

    Examples
    --------
    >>> HalfCycle(1, np.arange(3), 1.5, 0.001, False).charge
    1.5
    """

    sign: int
    rows: np.ndarray
    charge: float
    uncertainty: float
    cut: bool


def capacity_per_cycle(
    record: xr.Dataset,
    *,
    mass: float,
    mass_uncertainty: float = 0.0,
    current_uncertainty: float = 0.0,
    nominal_capacity: float | None = None,
    starts_with: str = "charge",
    rest_current: float | None = None,
) -> xr.Dataset:
    """Specific capacities and Coulomb efficiency of each cycle of a record.

    Half cycles follow from the sign of the current, and their charge from the current by the
    trapezoidal rule: neither the instrument's cycle number nor its counters of charge are used,
    for some never count and some never reset.

    Parameters
    ----------
    record : xarray.Dataset
        Kind ``cell_record``, dim record: time / s, voltage / V, current / A (charge positive).
    mass : float
        Of active material, g.
    mass_uncertainty, current_uncertainty : float
        Relative standard uncertainties of the mass and of the current's calibration: a scale
        common to all cycles of the table.
    nominal_capacity : float, optional
        mAh g-1 that is 1C (the paper: 200); with it the table has ``c_rate``.
    starts_with : {"charge", "discharge"}
        What a cycle begins with: charge for a cathode against lithium, discharge for an anode.
    rest_current : float, optional
        A; below it a row is a rest. By default 0.1 % of the usual largest current.

    Returns
    -------
    xarray.Dataset
        Kind ``cycle_table``: charge_capacity and discharge_capacity / mAh g-1,
        coulomb_efficiency (what came back over what went in: discharge over charge where a
        cycle starts with charge), rate / A, their standard uncertainties ``..._u`` from current
        noise alone, independent from cycle to cycle, and ``complete``. The relative uncertainty
        of the common scale is in ``attrs["scale_uncertainty"]``, what is odd in
        ``attrs["warnings"]``.

    Raises
    ------
    MeasurementError
        If the mass cannot be, or the record has no charge with its discharge.

    Examples
    --------
    >>> from electrochem.simulate_cycling import simulate_record
    >>> record, truth = simulate_record(1, cycles=2)
    >>> table = capacity_per_cycle(record, mass=truth["mass"], nominal_capacity=200)
    >>> [round(float(q), 1) for q in table["discharge_capacity"]]
    [186.0, 186.0]
    >>> round(float(table["coulomb_efficiency"][0]), 2)
    0.8
    """
    _check_mass(mass)
    for name, value in (("mass", mass_uncertainty), ("current", current_uncertainty)):
        if not 0 <= value < 1:
            raise MeasurementError(
                f"{name}_uncertainty is {value}; a relative number from 0 to below 1 was expected"
            )
    if nominal_capacity is not None and not (
        np.isfinite(nominal_capacity) and nominal_capacity > 0
    ):
        raise MeasurementError(
            f"nominal_capacity is {nominal_capacity} mAh/g; a positive number was expected"
        )
    if starts_with not in ("charge", "discharge"):
        raise MeasurementError(f"starts_with is {starts_with!r}; charge or discharge was expected")
    halves, warnings = half_cycles(record, rest_current=rest_current)
    lead = 1 if starts_with == "charge" else -1
    pairs = _pair(halves, lead, warnings)
    if not pairs:
        raise MeasurementError(
            f"record: {len(halves)} half cycles, none a {starts_with} with its partner; "
            "is the record that of one cell, with signed current?"
        )
    charge, discharge = (
        np.array([[h.charge, h.uncertainty] for p in pairs for h in p if h.sign == s]).T / mass
        for s in (1, -1)
    )
    went, back = (charge, discharge) if lead == 1 else (discharge, charge)
    efficiency = back[0] / went[0]
    efficiency_u = efficiency * np.hypot(back[1] / back[0], went[1] / went[0])
    current = np.abs(record["current"].values)
    rate = np.array([np.mean(current[h.rows]) for p in pairs for h in p if h.sign == -1])
    complete = np.array([not any(h.cut for h in p) for p in pairs])
    _check_plausible(np.concatenate([charge[0], discharge[0]]), warnings)
    _check_copies(charge[0], discharge[0], warnings)
    kept = {k: record.attrs[k] for k in ("simulated", "source", "test_name") if k in record.attrs}
    earlier = str(record.attrs.get("warnings", ""))
    table = label_cycles(
        np.arange(1, len(pairs) + 1),
        {
            "charge_capacity": charge[0],
            "discharge_capacity": discharge[0],
            "coulomb_efficiency": efficiency,
            "rate": rate,
        },
        mass_g=float(mass),
        scale_uncertainty=float(np.hypot(mass_uncertainty, current_uncertainty)),
        starts_with=starts_with,
        warnings="; ".join(([earlier] if earlier else []) + warnings),
        **kept,
    )
    for name, value, unit in (
        ("charge_capacity_u", charge[1], "mAh g-1"),
        ("discharge_capacity_u", discharge[1], "mAh g-1"),
        ("coulomb_efficiency_u", efficiency_u, "1"),
    ):
        what = name[:-2].replace("_", " ")
        meaning = f"standard uncertainty of the {what} from current noise"
        table[name] = ("cycle", value, {"units": unit, "long_name": meaning})
    table["complete"] = ("cycle", complete, {"units": "1", "long_name": "not cut off"})
    if nominal_capacity is not None:
        c_rate = rate * 1e3 / (nominal_capacity * mass)
        table["c_rate"] = ("cycle", c_rate, {"units": "h-1", "long_name": "discharge C-rate"})
    return table


def specific_capacity(table: xr.Dataset, cycle: int, direction: str = "discharge") -> Estimate:
    """Capacity of one cycle with all of its uncertainty: noise, mass, calibration of current.

    Parameters
    ----------
    table : xarray.Dataset
        As ``capacity_per_cycle`` gives it.
    cycle : int
        Which one.
    direction : {"discharge", "charge"}
        Which half of it.

    Returns
    -------
    Estimate
        mAh g-1. Estimates of two cycles share their scale, which this does not carry: for
        ratios use ``capacity_retention``.

    Raises
    ------
    MeasurementError
        If there is no such cycle or direction, or the table has no uncertainties.

    Examples
    --------
    >>> from electrochem.simulate_cycling import simulate_record
    >>> record, truth = simulate_record(1, cycles=1)
    >>> table = capacity_per_cycle(record, mass=truth["mass"], mass_uncertainty=0.01)
    >>> print(specific_capacity(table, 1))
    186.0(1.9) mAh g-1
    """
    if direction not in ("charge", "discharge"):
        raise MeasurementError(f"direction is {direction!r}; charge or discharge was expected")
    name = f"{direction}_capacity"
    if name not in table or f"{name}_u" not in table:
        raise MeasurementError(f"table: no {name} with {name}_u; make it with capacity_per_cycle")
    if cycle not in table["cycle"].values:
        raise MeasurementError(f"table: no cycle {cycle} among its {table.sizes['cycle']}")
    row = table.sel(cycle=cycle)
    value = float(row[name])
    scale = value * float(table.attrs.get("scale_uncertainty", 0.0))
    u = float(np.hypot(float(row[f"{name}_u"]), scale))
    return Estimate.from_standard_uncertainty(
        value, u, unit="mAh g-1", method="charge by integrated current over mass"
    )


def half_cycles(
    record: xr.Dataset, *, rest_current: float | None = None
) -> tuple[list[HalfCycle], list[str]]:
    """Charges and discharges of a record, in order, and what is odd about it.

    Parameters
    ----------
    record : xarray.Dataset
        Kind ``cell_record``.
    rest_current : float, optional
        A; below it a row is a rest.

    Returns
    -------
    halves : list of HalfCycle
        Of alternating sign.
    warnings : list of str
        For people.

    Raises
    ------
    MeasurementError
        If the record lacks a column, has fewer than 3 rows, or no current flows.

    Examples
    --------
    >>> from electrochem.simulate_cycling import simulate_record
    >>> halves, warnings = half_cycles(simulate_record(1, cycles=2)[0])
    >>> [half.sign for half in halves], warnings
    ([1, -1, 1, -1], [])
    """
    missing = {"time", "voltage", "current"} - set(record.data_vars)
    if missing:
        raise MeasurementError(f"record: no {', '.join(sorted(missing))}; a cell_record needs it")
    warnings: list[str] = []
    rows = _rows_once(record, warnings)
    t, i, v = (record[k].values.astype(float)[rows] for k in ("time", "current", "voltage"))
    size = np.abs(i)
    if not (np.isfinite(t).all() and np.isfinite(i).all() and np.isfinite(v).all()):
        raise MeasurementError("record: time, voltage or current is not finite in some rows")
    if rows.size < 3 or not size.any():
        raise MeasurementError(f"record: {rows.size} rows, no current flows; nothing to integrate")
    # A quantile, so that one spike does not make rests of all the others.
    usual = float(np.quantile(size[size > 0], 0.95))
    limit = _REST * usual if rest_current is None else float(rest_current)
    sign = np.where(size > limit, np.sign(i), 0).astype(int)
    part, squared = _charge_of_rows(record, rows, t, i, sign, warnings)
    active = np.flatnonzero(sign)
    if not active.size:
        raise MeasurementError(f"record: no current above {limit:g} A; give a smaller rest_current")
    blocks = _merge(np.split(active, np.flatnonzero(np.diff(sign[active])) + 1), sign)
    charge = np.array([part[b].sum() for b in blocks])
    small = charge < _PULSE * charge.max()
    # The very last block may be small because the record was cut there.
    ignored = int(small[:-1].sum())
    if ignored:
        warnings.append(f"{ignored} pulses below 1 % of the largest half cycle are left out")
    kept = [b for b, s in zip(blocks, small, strict=True) if not s]
    blocks = _merge(kept, sign)
    ends = np.array([v[b[-1]] for b in blocks])
    halves = []
    for k, b in enumerate(blocks):
        last = k == len(blocks) - 1 and bool(sign[-1]) and b[-1] == rows.size - 1
        cut = last and _stopped_short(ends, k, sign[b[0]], blocks, sign)
        u = float(np.sqrt(squared[b].sum()))
        halves.append(HalfCycle(int(sign[b[0]]), rows[b], float(part[b].sum()), u, cut))
    if halves[-1].cut:
        warnings.append("the record ends within the last half cycle: it is incomplete")
    elif small[-1] and len(blocks) > 0 and sign[-1]:
        warnings.append("the record ends just after the last half cycle began; that is left out")
    return halves, warnings


def _check_mass(mass: float) -> None:
    if not np.isfinite(mass) or mass <= 0:
        raise MeasurementError(
            f"mass is {mass} g; the mass of active material was expected, a positive number"
        )
    if mass > 10:
        raise MeasurementError(
            f"mass is {mass} g of active material; that is probably mg: give {mass / 1e3:g}"
        )


def _rows_once(record: xr.Dataset, warnings: list[str]) -> np.ndarray:
    """Rows that are no copies of earlier ones; says so of copies and of time going back."""
    import pandas as pd

    columns = {k: record[k].values for k in ("time", "voltage", "current")}
    copy = pd.DataFrame(columns).duplicated().to_numpy()
    # A copy of a rest row or a first row of a step carries no charge and is no news.
    if int((copy & (columns["current"] != 0)).sum()) > max(2, 1e-3 * copy.size):
        warnings.append(f"{int(copy.sum())} rows occur twice; the copies are left out")
    rows = np.flatnonzero(~copy)
    back = int((np.diff(columns["time"][rows]) < 0).sum())
    if back:
        warnings.append(f"time goes backward {back} times; no charge is counted across these")
    return rows


def _charge_of_rows(
    record: xr.Dataset,
    rows: np.ndarray,
    t: np.ndarray,
    i: np.ndarray,
    sign: np.ndarray,
    warnings: list[str],
) -> tuple[np.ndarray, np.ndarray]:
    """Charge / mAh that flowed up to each row from the one before, and its variance."""
    dt = np.diff(t, prepend=t[:1])
    back = dt < 0
    dt = np.where(back, 0.0, dt)
    before = np.concatenate([[0], sign[:-1]])
    new = before != sign
    if "step" in record:
        step = record["step"].values[rows]
        new[1:] |= step[1:] != step[:-1]
    flowing = dt[(sign != 0) & ~new & (dt > 0)]
    typical = float(np.median(flowing)) if flowing.size else 0.0
    # Across a switch of steps the new current flowed for as long as the step lasted.
    switched = dt.copy()
    if "step_time" in record:
        since = np.asarray(record["step_time"].values[rows], float)
        switched = np.where(np.isfinite(since) & (since >= 0), np.minimum(dt, since), dt)
    lost = new & (switched > 3 * typical) & (sign != 0)
    if lost[1:].any():
        warnings.append(
            f"{int(lost[1:].sum())} steps have no row soon after they began; their first interval "
            "is not counted"
        )
    switched = np.where(lost, 0.0, switched)
    previous = np.concatenate([i[:1], i[:-1]])
    mean = np.where(new, i, (i + previous) / 2)
    span = np.where(new, switched, dt)
    charge = np.where(sign != 0, np.abs(mean) * span, 0.0) / _AS_PER_MAH
    own = np.where(new, span, 0.5 * span)
    weight = own + np.append(np.where(new, 0.0, 0.5 * span)[1:], 0.0)
    noise = _current_noise(i, sign, new)
    variance = np.where(sign != 0, (weight * noise) ** 2, 0.0)
    # When within the interval the switch happened is not known: a rectangle.
    variance += np.where(new & (sign != 0), (np.abs(i) * span) ** 2 / 12, 0.0)
    # Nor when a current that changed between two rows did so.
    change = np.where(new, 0.0, np.abs(i - previous))
    variance += np.where((change > 5 * noise) & (sign != 0), (change * span) ** 2 / 12, 0.0)
    return charge, variance / _AS_PER_MAH**2


def _current_noise(i: np.ndarray, sign: np.ndarray, new: np.ndarray) -> float:
    """Standard deviation of the current within steps, A, robust against tapers and pulses."""
    third = i[2:] - 2 * i[1:-1] + i[:-2]
    inside = (sign[2:] != 0) & ~new[2:] & ~new[1:-1]
    if inside.sum() < 5:
        return 0.0
    scatter = np.abs(third[inside]) / np.sqrt(6)
    # Quantised currents have a median of zero: then the mean square of the lower nine tenths.
    median = float(np.median(scatter)) / 0.6745
    return median or float(np.sqrt(np.mean(np.sort(scatter)[: int(0.9 * scatter.size)] ** 2)))


def _merge(blocks: list[np.ndarray], sign: np.ndarray) -> list[np.ndarray]:
    """Neighbours of one sign made one."""
    merged: list[np.ndarray] = []
    for block in blocks:
        if merged and sign[merged[-1][0]] == sign[block[0]]:
            merged[-1] = np.concatenate([merged[-1], block])
        else:
            merged.append(block)
    return merged


def _stopped_short(
    ends: np.ndarray, k: int, sign: int, blocks: list[np.ndarray], sign_of_row: np.ndarray
) -> bool:
    """Whether the last half cycle ends before the voltage where others of its kind do."""
    others = [ends[j] for j in range(k) if sign_of_row[blocks[j][0]] == sign]
    # Nothing to compare with: a record that ends with current on is taken as cut.
    return not others or sign * (float(np.median(others)) - ends[k]) > _SHORT


def _pair(
    halves: list[HalfCycle], lead: int, warnings: list[str]
) -> list[tuple[HalfCycle, HalfCycle]]:
    words = {1: "charge", -1: "discharge"}
    if halves and halves[0].sign != lead:
        warnings.append(
            f"a {words[-lead]} of {halves[0].charge:.4g} mAh before the first {words[lead]} has no "
            "partner; it is left out"
        )
        halves = halves[1:]
    if len(halves) % 2:
        warnings.append(
            f"the last {words[lead]}, {halves[-1].charge:.4g} mAh, has no partner; it is left out"
        )
    return list(zip(halves[0::2], halves[1::2], strict=False))


def _check_plausible(capacity: np.ndarray, warnings: list[str]) -> None:
    low, high = _PLAUSIBLE
    middle = float(np.median(capacity))
    if capacity.max() > high:
        warnings.append(
            f"capacity of {capacity.max():.4g} mAh/g is above {high:g}: are the units of mass "
            "(g, not mg) and current (A, not mA) right?"
        )
    if middle < low:
        warnings.append(
            f"capacity of {middle:.3g} mAh/g is below {low:g}: are the units of mass (g, not mg) "
            "and current (A, not mA) right?"
        )


def _check_copies(charge: np.ndarray, discharge: np.ndarray, warnings: list[str]) -> None:
    both = np.stack([charge, discharge], axis=1)
    same = np.isclose(both[:, None], both[None], rtol=1e-9, atol=0).all(axis=2)
    copies = np.argwhere(np.triu(same, 1))
    if copies.size:
        first, second = copies[0] + 1
        warnings.append(
            f"{np.unique(copies[:, 1]).size} cycles are copies of earlier ones (cycle {second} of "
            f"cycle {first}): was a file read twice?"
        )
