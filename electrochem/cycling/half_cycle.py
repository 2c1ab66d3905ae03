"""Which rows of a record are a charge or a discharge, and is each one whole?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from electrochem.cycling.current_flow import rows_once, signs_of_current
from electrochem.cycling.passed_charge import PassedCharge, passed_charge
from electrochem.cycling.whole_half_cycles import begins_within, end_within
from electrochem.labels.labels import expect
from electrochem.labels.plausible import number

# Below this part of the largest half cycle a stretch of current is a pulse.
_PULSE = 0.01
# V: half cycles that move the voltage less say nothing of the sign.
_CLEAR = 0.05
_WORDS = {1: "charge", -1: "discharge"}


class HalfCycle(NamedTuple):
    """One charge or discharge in a record, rests and tiny pulses within left out.

    Parameters
    ----------
    sign : int
        1 charge, -1 discharge.
    rows : numpy.ndarray
        Indices of the rows with current, ascending.
    passed : numpy.ndarray
        Charge up to each of these rows, mAh, positive.
    uncertainty : float
        Standard uncertainty of the whole charge from current noise and switching, mAh.
    duration : float
        Time in which it passed, s, without rests and gaps.
    gaps : int
        How many gaps in time it has, across which nothing is counted.
    complete : bool
        Whether it is whole, see `half_cycles`.

    Examples
    --------
    >>> half = HalfCycle(1, np.arange(3), np.array([0, 1.0, 1.5]), 0.001, 5400.0, 0, True)
    >>> half.charge, half.rate
    (1.5, 0.001)
    """

    sign: int
    rows: np.ndarray
    passed: np.ndarray
    uncertainty: float
    duration: float
    gaps: int
    complete: bool

    @property
    def charge(self) -> float:
        """All that passed, mAh."""
        return float(self.passed[-1])

    @property
    def rate(self) -> float:
        """Mean current in time, A."""
        return 3.6 * self.charge / self.duration if self.duration > 0 else 0.0


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
        If the record lacks a column, has fewer than 3 rows, no current flows, or the voltage
        falls in charges and rises in discharges, so that the current's sign is opposite.

    Notes
    -----
    Without `rest_current` a row is a rest where its current is below 0.1 % of the usual current
    of the record (three quarters of the charge pass at it or less), or below 2 % in a stretch
    that sets in at once (the current of a hold tapers) and carries less than 5 % of the largest
    half cycle: that is the offset of the ammeter, and said so.

    A half cycle is complete where all of this holds:

    - Within it no gap in time and no step back of the clock leaves charge uncounted. A gap is an
      interval 10 times longer than 95 % of the others.
    - Its beginning is in the record: a row without its current comes before, or the first row
      stands at the very start of its step (step_time), or, where step times are not known, at a
      voltage from which (within 30 mV) others of its kind start, or, if there are none, within a
      tenth of the record's voltages from where such a half cycle starts, or at time 0 and it
      holds no less charge than others of its kind (than what follows, if there are none), as the
      first charge of a fresh cell does.
    - Its end is in the record: a rest or the opposite half cycle follows, and another of its
      kind ends at the same voltage (within 30 mV) or short of it, if there is another. One with
      which the record ends must have others to compare with.

    Examples
    --------
    >>> from electrochem.simulating.cycling import simulate_record
    >>> halves, warnings = half_cycles(simulate_record(1, cycles=2)[0])
    >>> [half.sign for half in halves], warnings
    ([1, -1, 1, -1], [])
    """
    expect(record, "cell_record")
    missing = {"time", "voltage", "current"} - set(record.data_vars)
    if missing:
        raise MeasurementError(f"record: no {', '.join(sorted(missing))}; a cell_record needs it")
    if rest_current is not None:
        rest_current = number(rest_current, "rest_current", "A")
    warnings: list[str] = []
    rows = rows_once(record, warnings)
    t, i, v = (record[k].values.astype(float)[rows] for k in ("time", "current", "voltage"))
    size = np.abs(i)
    if not (np.isfinite(t).all() and np.isfinite(i).all() and np.isfinite(v).all()):
        raise MeasurementError("record: time, voltage or current is not finite in some rows")
    if rows.size < 3 or not size.any():
        raise MeasurementError(f"record: {rows.size} rows, no current flows; nothing to integrate")
    sign = signs_of_current(t, i, rest_current, warnings)
    active = np.flatnonzero(sign)
    if not active.size:
        raise MeasurementError(
            f"record: no current above {rest_current:g} A; give a smaller rest_current"
        )
    step, since = (record[k].values[rows] if k in record else None for k in ("step", "step_time"))
    flow = passed_charge(t, i, sign, step, since)
    if flow.lost:
        warnings.append(
            f"{flow.lost} steps have no row soon after they began; their first interval is not "
            "counted"
        )
    blocks = _merge(np.split(active, np.flatnonzero(np.diff(sign[active])) + 1), sign)
    charge = np.array([flow.charge[b].sum() for b in blocks])
    small = charge < _PULSE * charge.max()
    # The very last block may be small because the record was cut there.
    if ignored := int(small[:-1].sum()):
        warnings.append(f"{ignored} pulses below 1 % of the largest half cycle are left out")
    blocks = _merge([b for b, s in zip(blocks, small, strict=True) if not s], sign)
    _check_sign(blocks, sign, v, flow, warnings)
    begun = begins_within(blocks[0], blocks, sign, v, since, flow.span, t, flow.charge, warnings)
    ended = end_within(blocks, sign, v, warnings)
    halves = []
    for k, b in enumerate(blocks):
        gaps = int((flow.gap[b] > 0).sum() + flow.back[b[1:]].sum())
        if hours := flow.gap[b].sum() / 3600:
            name = f"{_WORDS[int(sign[b[0]])]} {1 + k // 2}"
            warnings.append(
                f"{name} has a gap of {hours:.3g} h in time; no charge is counted there, so that "
                "it is incomplete"
            )
        halves.append(
            HalfCycle(
                int(sign[b[0]]),
                rows[b],
                np.cumsum(flow.charge[b]),
                float(np.sqrt(flow.variance[b].sum())),
                float(flow.span[b].sum()),
                gaps,
                bool(ended[k] and (begun or k) and not gaps),
            )
        )
    if small[-1] and sign[-1] and blocks[-1][-1] < active[-1]:
        warnings.append("the record ends just after the last half cycle began; that is left out")
    return halves, warnings


def cycles_of(
    halves: Sequence[HalfCycle], starts_with: str, warnings: list[str]
) -> list[tuple[HalfCycle | None, HalfCycle | None]]:
    """Charge and discharge of each cycle, in order; the last may lack its second half.

    Parameters
    ----------
    halves : sequence of HalfCycle
        As `half_cycles` gives them.
    starts_with : {"charge", "discharge"}
        What a cycle begins with; a half before the first of these belongs to no cycle.
    warnings : list of str
        To which what is odd is added.

    Returns
    -------
    list of (HalfCycle or None, HalfCycle or None)
        Charge and discharge of cycle 1, 2, ...

    Raises
    ------
    MeasurementError
        If `starts_with` is neither.

    Examples
    --------
    >>> from electrochem.simulating.cycling import simulate_record
    >>> halves, _ = half_cycles(simulate_record(1, cycles=2)[0])
    >>> [charge.sign + discharge.sign for charge, discharge in cycles_of(halves, "charge", [])]
    [0, 0]
    """
    if starts_with not in ("charge", "discharge"):
        raise MeasurementError(f"starts_with is {starts_with!r}; charge or discharge was expected")
    lead = 1 if starts_with == "charge" else -1
    if halves and halves[0].sign != lead:
        warnings.append(
            f"a {_WORDS[-lead]} of {halves[0].charge:.4g} mAh before the first {_WORDS[lead]} has "
            "no partner; it is left out"
        )
        halves = halves[1:]
    pairs: list[tuple[HalfCycle | None, ...]] = [
        (halves[k], halves[k + 1] if k + 1 < len(halves) else None)
        for k in range(0, len(halves), 2)
    ]
    return [(a, b) if lead == 1 else (b, a) for a, b in pairs]


def _merge(blocks: list[np.ndarray], sign: np.ndarray) -> list[np.ndarray]:
    """Neighbours of one sign made one."""
    merged: list[np.ndarray] = []
    for block in blocks:
        if merged and sign[merged[-1][0]] == sign[block[0]]:
            merged[-1] = np.concatenate([merged[-1], block])
        else:
            merged.append(block)
    return merged


def _check_sign(
    blocks: list[np.ndarray],
    sign: np.ndarray,
    v: np.ndarray,
    flow: PassedCharge,
    warnings: list[str],
) -> None:
    """Current that charges raises the voltage of any cell."""
    rise = np.array([sign[b[0]] * (v[b[-1]] - v[b[0]]) for b in blocks])
    charge = np.array([flow.charge[b].sum() for b in blocks])
    clear = np.abs(rise) > _CLEAR
    against = clear & (rise < 0)
    if charge[against].sum() > 0.5 * charge[clear].sum():
        raise MeasurementError(
            f"record: voltage falls under positive current and rises under negative in "
            f"{int(against.sum())} of {int(clear.sum())} half cycles, so that its sign is "
            "opposite: charge is positive; give record.assign(current=-record['current'])"
        )
    if against.any():
        warnings.append(
            f"{int(against.sum())} half cycles move the voltage against their current: is the "
            "current a magnitude there?"
        )
