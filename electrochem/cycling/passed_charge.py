"""How much charge passed between the rows of a record, and where can nobody know?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coatcore.statistics.noise_from_differences import scatter_of

AS_PER_MAH = 3.6
# So many times longer than 95 % of the intervals of its half cycle is one a gap.
_GAP = 10.0


class PassedCharge(NamedTuple):
    """Charge row by row, each value for the interval that ends at the row.

    Parameters
    ----------
    charge : numpy.ndarray
        Shape (record,), mAh, positive.
    variance : numpy.ndarray
        Shape (record,), mAh2, from current noise and from when the current was switched.
    span : numpy.ndarray
        Shape (record,), s that current flowed.
    gap : numpy.ndarray
        Shape (record,), s without rows while current may have flowed; 0 where there is no gap.
    back : numpy.ndarray
        Shape (record,), whether time goes back to this row, so that its charge is not known.
    lost : int
        Steps without a row soon after they began, whose first interval is not counted.

    Examples
    --------
    >>> none = np.zeros(1)
    >>> PassedCharge(none, none, none, none, none > 0, 0).lost
    0
    """

    charge: np.ndarray
    variance: np.ndarray
    span: np.ndarray
    gap: np.ndarray
    back: np.ndarray
    lost: int


def passed_charge(
    time: np.ndarray,
    current: np.ndarray,
    sign: np.ndarray,
    step: np.ndarray | None = None,
    step_time: np.ndarray | None = None,
) -> PassedCharge:
    """Charge by the trapezoidal rule within a step, and not across switches, gaps and clocks.

    Parameters
    ----------
    time, current : numpy.ndarray
        Shape (record,), s and A.
    sign : numpy.ndarray
        Shape (record,): 1 charge, -1 discharge, 0 rest.
    step, step_time : numpy.ndarray, optional
        Shape (record,): the program's step and s since it began; with them a switch of current is
        placed in time.

    Returns
    -------
    PassedCharge
        An interval within a half cycle that is 10 times longer than 95 % of the intervals of its
        stretch of current is a gap: nothing is counted there.

    Examples
    --------
    >>> t = np.array([0, 10, 20, 30, 3000, 3010.0])
    >>> passed = passed_charge(t, np.full(6, 3.6e-3), np.ones(6, int))
    >>> round(float(passed.charge.sum()), 6), float(passed.gap.max())
    (0.04, 2970.0)
    """
    dt = np.diff(time, prepend=time[:1])
    back = dt < 0
    dt = np.where(back, 0.0, dt)
    before = np.concatenate([[0], sign[:-1]])
    new = before != sign
    if step is not None:
        new[1:] |= step[1:] != step[:-1]
    # Across a switch of steps the new current flowed for as long as the step lasted.
    switched = dt.copy()
    if step_time is not None:
        since = np.asarray(step_time, float)
        switched = np.where(np.isfinite(since) & (since >= 0), np.minimum(dt, since), dt)
    flowing = (sign != 0) & ~new & (dt > 0)
    typical = float(np.median(dt[flowing])) if flowing.any() else 0.0
    gap = _gaps(dt, switched, sign, before, new, flowing)
    lost = new & (switched > 3 * typical) & (sign != 0) & (gap == 0)
    switched = np.where(lost, 0.0, switched)
    previous = np.concatenate([current[:1], current[:-1]])
    mean = np.where(new, current, (current + previous) / 2)
    span = np.where(new, switched, dt)
    span = np.where((sign != 0) & (gap == 0), span, 0.0)
    charge = np.abs(mean) * span / AS_PER_MAH
    own = np.where(new, span, 0.5 * span)
    weight = own + np.append(np.where(new, 0.0, 0.5 * span)[1:], 0.0)
    inside = (sign[2:] != 0) & ~new[2:] & ~new[1:-1]
    # Twice differenced, as a tapering current bends.
    noise = scatter_of(current, order=2, within=inside)
    variance = np.where(sign != 0, (weight * noise) ** 2, 0.0)
    # When within the interval the switch happened is not known: a rectangle.
    variance += np.where(new & (sign != 0), (np.abs(current) * span) ** 2 / 12, 0.0)
    # Nor when a current that changed between two rows did so.
    change = np.where(new, 0.0, np.abs(current - previous))
    variance += np.where((change > 5 * noise) & (sign != 0), (change * span) ** 2 / 12, 0.0)
    return PassedCharge(charge, variance / AS_PER_MAH**2, span, gap, back, int(lost[1:].sum()))


def _gaps(
    dt: np.ndarray,
    switched: np.ndarray,
    sign: np.ndarray,
    before: np.ndarray,
    new: np.ndarray,
    flowing: np.ndarray,
) -> np.ndarray:
    """Length of each gap, 0 elsewhere."""
    gap = np.zeros(dt.size)
    if not flowing.any():
        return gap
    whole = float(np.quantile(dt[flowing], 0.95, method="lower"))
    edges = np.flatnonzero(np.diff(sign)) + 1
    for rows in np.split(np.arange(dt.size), edges):
        if sign[rows[0]] == 0:
            continue
        own = dt[rows][flowing[rows]]
        usual = float(np.quantile(own, 0.95, method="lower")) if own.size >= 20 else whole
        length = np.where(new[rows], switched[rows], dt[rows])
        holes = (sign[rows] == before[rows]) & (length > _GAP * usual)
        gap[rows] = np.where(holes, length, 0.0)
    return gap
