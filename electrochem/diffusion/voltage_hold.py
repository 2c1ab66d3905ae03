"""How long does the current take to fade while the voltage is held?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import xarray as xr

from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from electrochem.diffusion.hold_end import Decay, decay_with_end, decay_without

# Points on each side of the crossing that the curve of ln I is laid through.
_LEAST_POINTS = 4
_UNITS = ("A", "A cm-2")


@shown()
@dataclass(frozen=True)
class HoldTime:
    """Time to a share of the charging current.

    Parameters
    ----------
    time : Estimate
        Seconds since the hold began; without an upper end where the hold was ended before.
    fraction : float
        Share of the charging current.
    reached : bool
        Whether the current fell to it.
    end_current : Estimate or None
        Constant current that was taken off, of a side reaction or of the meter's zero; None where
        nothing was.

    Examples
    --------
    >>> HoldTime(Estimate.from_standard_uncertainty(10.0, 1.0, unit="s"), 0.02, True).reached
    True
    """

    time: Estimate
    fraction: float
    reached: bool
    end_current: Estimate | None = None


def hold_time(
    hold: xr.DataArray | xr.Dataset,
    *,
    charging_current: float,
    fraction: float = 0.02,
    end_current: Estimate | None = None,
) -> HoldTime:
    """When does the current of a voltage hold fall to a share of the charging current?

    Parameters
    ----------
    hold : xarray.DataArray or xarray.Dataset
        Current, A or A cm-2, charge positive, with a coordinate ``time`` in s since the hold
        began; or the ``cell_record`` of the hold alone.
    charging_current : float
        Of the charge before, in the unit of the current.
    fraction : float, default 0.02
        Share that is asked for.
    end_current : Estimate, optional
        Constant current that flows besides, in the unit of the current, where it is known (none:
        an Estimate of 0). It is taken off, and its interval goes into the time. Without it the
        end of the hold tells it, if the hold lasts long enough beyond the crossing.

    Returns
    -------
    HoldTime
        `end_current` and ``time.method`` say what was taken off.

    Raises
    ------
    MeasurementError
        If time does not begin with the hold or does not ascend, a unit is another, or the current
        is not of the size of the charging current at first.

    Notes
    -----
    An end current of 0.2 % of the charging current shifts the time to 2 % by a tenth of the time
    constant. It is fitted together with exponentials of log-normal rates, as particles of spread
    sizes give, from 0.85 of the crossing's time to the end. Where it is given, or the hold ends
    too early to tell it (it is then taken as none, which ``time.method`` says), the current around
    the crossing (within a quarter of its time, or less where the curve is of another kind) is
    fitted as the exponential of a quadratic. The noise gives the uncertainty, as far as
    neighbouring values are alike (AR(1), from the record itself; of fewer than 60 values as if
    they were independent). With 120 values of noise of correlation 0.8 around and beyond the
    crossing intervals held the truth in 89 % of 1,000 simulated holds, with 250 in 93 %. A hold
    that ends before is a lower bound.

    Examples
    --------
    >>> from electrochem.diffusion import simulate_hold
    >>> record, truth = simulate_hold(1, 1.3, leakage=4e-7)
    >>> found = hold_time(record, charging_current=truth["charging_current"])
    >>> found.time.lower < truth["time"] < found.time.upper
    True
    >>> found.end_current.lower < 4e-7 < found.end_current.upper
    True
    """
    t, i, unit = _current(hold)
    if not (charging_current > 0 and math.isfinite(charging_current)):
        raise MeasurementError(f"charging_current is {charging_current}; expected {unit} above 0")
    share = i / charging_current
    first = float(np.median(share[:3]))
    if not 0.05 < first < 20:
        raise MeasurementError(
            f"the hold begins at {first:.3g} of the charging current; are both in {unit}?"
        )
    if not 0 < fraction < min(first, 1.0):
        raise MeasurementError(
            f"fraction is {fraction}; expected above 0 and below {min(first, 1.0):.3g}, where the "
            "hold begins"
        )
    given, taken = _given(end_current, charging_current, unit), "taken as none"
    decay: Decay | float | None = None
    if end_current is None:
        decay = decay_with_end(t, share, fraction)
        taken = "fitted and taken off"
        if decay is None:
            taken = "not told by a hold that ends so soon: taken as none"
    elif end_current.value or end_current.standard_uncertainty:
        taken = "given and taken off"
    if decay is None:
        decay = decay_without(t, share - given[0], fraction, _LEAST_POINTS)
    if isinstance(decay, float):
        _check_start(t, t[-1])
        bound = Estimate.from_interval(
            t[-1],
            decay,
            math.inf,
            standard_uncertainty=math.inf,
            unit="s",
            n=t.size,
            method=f"hold ended before {fraction:g} of the charging current was passed for long; "
            f"end current {taken}",
        )
        return HoldTime(bound, fraction, False, end_current)
    _check_start(t, decay.time)
    slope = abs(decay.slope)
    # Each side by itself: an end current may have an interval that is not symmetric.
    down, up = (math.hypot(decay.k * decay.u, side / slope) for side in given[1:])
    u_end = end_current.standard_uncertainty / charging_current if end_current is not None else 0.0
    time = Estimate.from_interval(
        decay.time,
        decay.time - down,
        decay.time + up,
        standard_uncertainty=math.hypot(decay.u, u_end / slope),
        unit="s",
        n=decay.n,
        method=f"crossing of {fraction:g} of the charging current; end current {taken}",
    )
    if decay.end is not None:
        end_current = Estimate.from_standard_uncertainty(
            decay.end * charging_current,
            decay.u_end * charging_current,
            unit=unit,
            n=decay.n,
            method="constant beside exponentials of log-normal rates",
        )
    return HoldTime(time, fraction, True, end_current)


def _current(hold: xr.DataArray | xr.Dataset) -> tuple[np.ndarray, np.ndarray, str]:
    """Time, current and its unit, all checked."""
    if isinstance(hold, xr.Dataset):
        if missing := {"time", "current"} - set(hold.variables):
            raise MeasurementError(f"hold: {sorted(missing)} missing; expected a cell_record")
        hold = hold.set_coords("time")["current"]
    if not isinstance(hold, xr.DataArray) or "time" not in hold.coords:
        raise MeasurementError(
            "hold: expected the current as a DataArray with a coordinate time, or a cell_record"
        )
    t, i = hold["time"].values, hold.values
    if t.shape != i.shape or t.ndim != 1 or t.size < 2 * _LEAST_POINTS:
        raise MeasurementError(
            f"hold: time and current have shapes {t.shape} and {i.shape}; expected one length of "
            f"at least {2 * _LEAST_POINTS}"
        )
    if (said := hold["time"].attrs.get("units")) != "s":
        raise MeasurementError(f"hold: time is in {said!r}; expected 's' since the hold began")
    unit = hold.attrs.get("units")
    if unit not in _UNITS:
        raise MeasurementError(f"hold: current is in {unit!r}; expected 'A' or 'A cm-2'")
    t, i = t.astype(float), i.astype(float)
    if not (np.isfinite(t).all() and np.isfinite(i).all()):
        raise MeasurementError("hold: time or current holds values that are not finite numbers")
    if (np.diff(t) <= 0).any():
        raise MeasurementError("hold: time does not ascend; give the seconds since the hold began")
    if t[0] < 0:
        raise MeasurementError(
            f"hold: time begins at {t[0]:g} s, before the hold; cut the record to the hold"
        )
    # The value at the moment of switching itself is the charging current or double layers.
    later = t > 0
    return t[later], i[later], unit


def _check_start(t: np.ndarray, crossed: float) -> None:
    """A time since the test began, not since the hold did, would give too long a time."""
    usual = float(np.median(np.diff(t[:6])))
    if t[0] > max(1.5 * usual, 0.01 * crossed):
        raise MeasurementError(
            f"hold: time begins at {t[0]:g} s though values stand {usual:g} s apart; expected "
            "seconds since the hold began: take off the time at which it did"
        )


def _given(end: Estimate | None, charging: float, unit: str) -> tuple[float, float, float]:
    """Value of a known end current, and its deviations that shorten and lengthen the time."""
    if end is None:
        return 0.0, 0.0, 0.0
    if not isinstance(end, Estimate) or end.unit != unit:
        raise MeasurementError(f"end_current is {end!r}; expected an Estimate in {unit}")
    if not (math.isfinite(end.lower) and math.isfinite(end.upper)):
        raise MeasurementError(f"end_current is {end!r}; expected both ends of its interval")
    # The more flows besides, the sooner the rest has faded.
    return (
        end.value / charging,
        (end.upper - end.value) / charging,
        (end.value - end.lower) / charging,
    )
