"""How much of the NCM still takes part, and what else cost capacity?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from coatcore.coverage import coverage_factor
from coatcore.errors import MeasurementError
from electrochem.active_material.open_circuit import OcvCurve
from electrochem.labels.reference_electrode import same_reference

_MOST = 1.05
# Cycles whose current differs by more lose another amount to diffusion.
_SAME_RATE = 0.05
# V, of a rested voltage where nobody says.
_U_VOLTAGE = 1e-3
_COLUMNS = ("discharge_capacity", "charge_end_voltage", "discharge_end_voltage")


def active_mass(
    table: xr.Dataset,
    ocv: OcvCurve,
    *,
    u_voltage: ArrayLike | None = None,
    u_capacity: float = 5e-4,
    remaining_drift: ArrayLike = 0.0,
    u_drift: ArrayLike | None = None,
    level: float = 0.95,
) -> xr.Dataset:
    """Active mass of each cycle, relative to the first, and the capacity that its loss cost.

    The mass is m = Q / q_SOC: the charge that flowed, over the specific charge that the
    open-circuit voltages after the charge and after the discharge are apart on the reference
    curve.

    Parameters
    ----------
    table : xarray.Dataset
        Kind ``cycle_table`` with discharge_capacity (mAh g-1 of the nominal mass, or mAh),
        charge_end_voltage and discharge_end_voltage (V after the rest, against the reference
        of `ocv`), as `rests_of` makes it of a record. Its lowest cycle is what all others are
        compared with. A cycle that is not ``complete`` gets a flag and no result; one whose
        ``rate`` is another than that of the first gets a flag and no loss to diffusion.
    ocv : OcvCurve
        Reference curve.
    u_voltage : array_like, optional
        Standard uncertainty of a rest voltage, V, independent from rest to rest; a number, or
        of shape (cycle, 2) for charge and discharge. Without it that of the table's columns
        charge_end_voltage_u and discharge_end_voltage_u, or 1 mV where it has none.
    u_capacity : float
        Relative standard uncertainty of a capacity, independent from cycle to cycle.
    remaining_drift : array_like
        What the rests had still to go, V, to be added to the voltages; a number or of shape
        (cycle, 2), negative after charge, as the function of that name in
        `electrochem.active_material` gives it. Zero where the voltages are extrapolated already.
    u_drift : array_like, optional
        Standard uncertainty of that drift, V, a number or of shape (cycle, 2), common to all
        rests, which are off alike; 30 % of the drift if it is not given.
    level : float
        Coverage probability of all intervals.

    Returns
    -------
    xarray.Dataset
        Dim cycle: q_soc, active_mass_ratio, q_act, loss_active_mass, loss_diffusion, each but
        the first with ``_u``, ``_lower`` and ``_upper``; q_meas; relaxation_bias, the error of
        the ratio if the drift were left out; flag, text, empty where nothing is wrong. In the
        order of cycles; what is odd of the whole is in ``attrs["warnings"]``.

    Raises
    ------
    MeasurementError
        If a column is missing, cycles occur twice, the table's reference electrode is not that of
        the curve, an uncertainty is no number, or the first cycle has no valid active mass.

    Notes
    -----
    Linear propagation on the logarithm of the ratio. Errors of the reference curve are common to
    all cycles, so that they cancel in part (the mass of the reference electrode wholly).

    References
    ----------
    Shi et al., J. Mater. Chem. A 13 (2025) 2600, equations 1 and 2.

    Examples
    --------
    >>> from electrochem.simulating.active_mass import simulate_active_mass
    >>> table, ocv, truth = simulate_active_mass(1)
    >>> result = active_mass(table, ocv)
    >>> abs(float(result["active_mass_ratio"].sel(cycle=152)) - 0.837) < 0.02
    True
    """
    warnings = _check_table(table, ocv)
    if not (np.isfinite(u_capacity) and u_capacity >= 0) or not 0 < level < 1:
        raise MeasurementError(
            f"active mass: u_capacity is {u_capacity}, level {level}; a number not below 0 and one "
            "between 0 and 1 were expected"
        )
    rests = _rests(table, ocv, u_voltage, remaining_drift, u_drift)
    ratio, data = _propagated(rests, ocv, u_capacity, coverage_factor(level=level))
    data["flag"] = ("cycle", _flags(rests, ratio), {"units": "1", "long_name": "what is wrong"})
    kept = ("source", "simulated", "cell", "reference_electrode")
    facts = {k: table.attrs[k] for k in kept if k in table.attrs}
    if ocv.simulated:
        facts["simulated"] = "yes"
    return xr.Dataset(
        data,
        coords={"cycle": rests.table["cycle"]},
        attrs={"level": level, "kind": "cycle_table", "warnings": "; ".join(warnings)} | facts,
    )


@dataclass(frozen=True, kw_only=True)
class _Rests:
    """Cycles in ascending order, their rested voltages and what is wrong with them.

    Shapes (n,), and (n, 2) where there is a value after charge and one after discharge.
    """

    table: xr.Dataset
    capacity: np.ndarray
    rested: np.ndarray
    drift: np.ndarray
    u_voltage: np.ndarray
    u_drift: np.ndarray
    # Charge between the rested states, with the drift that is left and without.
    q_soc: np.ndarray
    q_raw: np.ndarray
    outside: np.ndarray
    no_rest: np.ndarray
    no_charge: np.ndarray
    cut: np.ndarray
    other_rate: np.ndarray

    @property
    def bad(self) -> np.ndarray:
        """Of which nothing can be told."""
        return self.outside | self.no_charge | self.cut | ~(np.nan_to_num(self.q_soc) > 0)


def _rests(
    table: xr.Dataset,
    ocv: OcvCurve,
    u_voltage: ArrayLike | None,
    remaining_drift: ArrayLike,
    u_drift: ArrayLike | None,
) -> _Rests:
    """What the table says, checked."""
    order = np.argsort(table["cycle"].values, kind="stable")
    n = order.size
    if u_voltage is None:
        u_voltage = _own_uncertainty(table)
    u_v = _by_rest("u_voltage", u_voltage, n)[order]
    drift = _by_rest("remaining_drift", remaining_drift, n)[order]
    u_d = 0.3 * np.abs(drift) if u_drift is None else _by_rest("u_drift", u_drift, n)[order]
    table = table.isel(cycle=order)
    capacity = table["discharge_capacity"].values.astype(float)
    rested = np.stack([table[c].values.astype(float) for c in _COLUMNS[1:]], axis=1)
    no_rest = ~np.isfinite(rested).all(axis=1)
    for name, values in (("u_voltage", u_v), ("remaining_drift", drift), ("u_drift", u_d)):
        if not np.isfinite(values[~no_rest]).all():
            raise MeasurementError(
                f"active mass: {name} holds values that are not finite numbers where there is a "
                "rested voltage"
            )
    if (u_v[~no_rest] < 0).any() or (u_d[~no_rest] < 0).any():
        raise MeasurementError("active mass: uncertainties must not be negative")
    q, q_raw = ocv.charge_at(rested + drift), ocv.charge_at(rested)
    rests = _Rests(
        table=table,
        capacity=capacity,
        rested=rested,
        drift=np.nan_to_num(drift),
        u_voltage=np.nan_to_num(u_v),
        u_drift=np.nan_to_num(u_d),
        q_soc=q[:, 0] - q[:, 1],
        q_raw=q_raw[:, 0] - q_raw[:, 1],
        outside=~np.isfinite(q).all(axis=1),
        no_rest=no_rest,
        no_charge=~(np.isfinite(capacity) & (capacity > 0)),
        cut=np.zeros(n, bool)
        if "complete" not in table
        else ~table["complete"].values.astype(bool),
        other_rate=_other_rate(table),
    )
    _require_first(rests, ocv)
    return rests


def _require_first(rests: _Rests, ocv: OcvCurve) -> None:
    """The cycle with which all are compared must tell."""
    rested, capacity = rests.rested, rests.capacity
    if rests.cut[0]:
        raise MeasurementError(
            f"active mass: cycle {rests.table['cycle'].values[0]}, with which all are compared, is "
            "not complete; leave it out, as by table.isel(cycle=slice(1, None))"
        )
    if rests.bad[0]:
        raise MeasurementError(
            f"active mass: first cycle: voltages {rested[0, 0]:.4g} and {rested[0, 1]:.4g} V, "
            f"discharge {capacity[0]:.4g}; expected voltages within the reference curve "
            f"({ocv.voltage[0]:.4g} to {ocv.voltage[-1]:.4g} V vs {ocv.reference_electrode}), the "
            "higher one after charge, and a positive capacity; check the reference electrode"
        )


def _propagated(
    rests: _Rests, ocv: OcvCurve, u_capacity: float, k: float
) -> tuple[np.ndarray, dict[str, Any]]:
    """Ratio of active mass, and variables with their standard uncertainties and intervals."""
    bad, capacity = rests.bad, rests.capacity
    safe = np.where(bad, rests.q_soc[0], rests.q_soc)
    corrected = rests.rested + rests.drift
    voltage = np.where(bad[:, None], rests.rested[0] + rests.drift[0], corrected)
    var_charge = _variance(ocv, voltage, safe, rests.u_voltage, rests.u_drift)
    log_u = np.sqrt(var_charge)
    ratio = capacity / capacity[0] * safe[0] / safe
    first = np.arange(capacity.size) == 0
    u_ratio = np.sqrt(var_charge + np.where(first, 0, 2 * u_capacity**2))
    q_act = ratio * capacity[0]
    u_act = np.sqrt(var_charge + u_capacity**2)
    loss, slow = capacity[0] - q_act, q_act - capacity
    u_loss = np.where(first, 0, np.hypot(q_act * u_act, capacity[0] * u_capacity))
    u_slow = np.hypot(q_act * log_u, slow * u_capacity)
    unit = str(rests.table["discharge_capacity"].attrs.get("units", "mAh g-1"))
    raw = np.where(np.nan_to_num(rests.q_raw) > 0, rests.q_raw, np.nan)
    bias = capacity / capacity[0] * raw[0] / raw - ratio
    ends = (np.exp(-k * u_ratio), np.exp(k * u_ratio)), (np.exp(-k * u_act), np.exp(k * u_act))
    mass = (ratio, ratio * u_ratio, ratio * ends[0][0], ratio * ends[0][1])
    active = (q_act, q_act * u_act, q_act * ends[1][0], q_act * ends[1][1])
    lost = (loss, u_loss, loss - k * u_loss, loss + k * u_loss)
    slower = (slow, u_slow, slow - k * u_slow, slow + k * u_slow)
    seen = ~rests.other_rate
    return ratio, {
        "q_meas": ("cycle", capacity, {"units": unit, "long_name": "discharge capacity"}),
        **_named("q_soc", (rests.q_soc,), "mAh g-1", "charge between the rested states", ~bad),
        **_named("active_mass_ratio", mass, "1", "active mass relative to first cycle", ~bad),
        **_named("q_act", active, unit, "capacity of the active mass", ~bad),
        **_named("loss_active_mass", lost, unit, "capacity lost to active mass", ~bad),
        **_named("loss_diffusion", slower, unit, "capacity lost to longer diffusion", ~bad & seen),
        **_named("relaxation_bias", (bias,), "1",
                 "error of the ratio if incomplete relaxation were ignored", ~bad),
    }  # fmt: skip


def _named(
    name: str, columns: Sequence[np.ndarray], units: str, words: str, told: np.ndarray
) -> dict[str, Any]:
    """Value, standard uncertainty and ends of the interval as variables; NaN where not told."""
    meanings = (
        ("", words),
        ("_u", f"standard uncertainty of {words}"),
        ("_lower", f"{words}, lower end of interval"),
        ("_upper", f"{words}, upper end of interval"),
    )
    return {
        name + suffix: (
            "cycle",
            np.where(told, column, np.nan),
            {"units": units, "long_name": meaning},
        )
        for (suffix, meaning), column in zip(meanings, columns, strict=False)
    }


def _flags(rests: _Rests, ratio: np.ndarray) -> np.ndarray:
    """What is wrong with each cycle, the worst last."""
    flag = np.full(ratio.size, "", dtype=object)
    flag[rests.other_rate] = (
        "at another rate than the first cycle: loss to diffusion is not comparable"
    )
    flag[ratio > _MOST] = f"active mass grew beyond {_MOST:g} of the first"
    flag[np.nan_to_num(rests.q_soc) <= 0] = "no charge between the rested voltages"
    flag[rests.no_charge] = "no discharge capacity"
    flag[rests.outside] = "rested voltage outside the reference curve"
    flag[rests.no_rest] = "no rested voltage"
    flag[rests.cut] = "charge or discharge is not complete"
    return flag.astype(str)


def _check_table(table: xr.Dataset, ocv: OcvCurve) -> list[str]:
    """Refuse what is no table of cycles against the electrode of the curve; what is odd."""
    if missing := [c for c in _COLUMNS if c not in table]:
        raise MeasurementError(
            f"active mass: {', '.join(missing)} missing from the table of cycles; needed are "
            f"{', '.join(_COLUMNS)}"
        )
    if "cycle" not in table.coords or any(table[c].dims != ("cycle",) for c in _COLUMNS):
        raise MeasurementError(
            "active mass: the table has no dimension cycle with numbers of cycles; make it with "
            "label_cycles or rests_of"
        )
    if not table.sizes["cycle"]:
        raise MeasurementError("active mass: the table of cycles is empty")
    if np.unique(table["cycle"].values).size < table.sizes["cycle"]:
        raise MeasurementError("active mass: a cycle occurs twice; were two files joined?")
    electrode = str(table.attrs.get("reference_electrode", ""))
    if not same_reference(electrode, ocv.reference_electrode):
        raise MeasurementError(
            f"active mass: voltages of the table are against {electrode}, the open-circuit curve "
            f"is against {ocv.reference_electrode}; convert one of them (In/LiIn lies 0.62 V above "
            "Li+/Li)"
        )
    warnings = [str(table.attrs["warnings"])] if table.attrs.get("warnings") else []
    if not electrode:
        warnings.append(
            "the table does not say its reference_electrode; that of the curve is taken "
            f"({ocv.reference_electrode})"
        )
    return warnings


def _own_uncertainty(table: xr.Dataset) -> np.ndarray | float:
    names = [f"{c}_u" for c in _COLUMNS[1:]]
    if not all(name in table for name in names):
        return _U_VOLTAGE
    return np.stack([table[name].values.astype(float) for name in names], axis=1)


def _by_rest(name: str, value: ArrayLike, n: int) -> np.ndarray:
    """An argument as shape (n, 2)."""
    try:
        return np.broadcast_to(np.asarray(value, float), (n, 2))
    except (TypeError, ValueError):
        raise MeasurementError(
            f"active mass: {name} has shape {np.shape(value)}; a number in V or shape ({n}, 2) was "
            "expected"
        ) from None


def _other_rate(table: xr.Dataset) -> np.ndarray:
    """Whether each cycle runs at another current than the first."""
    if "rate" not in table:
        return np.zeros(table.sizes["cycle"], bool)
    rate = np.abs(table["rate"].values.astype(float))
    known = np.isfinite(rate) & np.isfinite(rate[0]) & (rate[0] > 0)
    return known & (np.abs(rate - rate[0]) > _SAME_RATE * rate[0])


def _variance(
    ocv: OcvCurve, voltage: np.ndarray, q_soc: np.ndarray, u_v: np.ndarray, u_drift: np.ndarray
) -> np.ndarray:
    """Variance of ln(q_SOC(n) / q_SOC(1)) of each cycle."""

    def moved_by(shift: np.ndarray) -> np.ndarray:
        # Over the whole uncertainty, not the slope at one place: it may be large.
        ends = [np.clip(voltage + s * shift, ocv.voltage[0], ocv.voltage[-1]) for s in (1, -1)]
        return (ocv.charge_at(ends[0]) - ocv.charge_at(ends[1])) / 2

    own = (moved_by(u_v) ** 2).sum(axis=1) / q_soc**2
    own = np.where(np.arange(q_soc.size) == 0, 0, own + own[0])
    # The drift is down after charge and up after discharge.
    both = moved_by(u_drift * np.array([-1.0, 1.0]))
    step = (both[:, 0] - both[:, 1]) / q_soc
    weights = (ocv.weights(voltage[:, 0]) - ocv.weights(voltage[:, 1])) / q_soc[:, None]
    weights = weights - weights[0]
    shared = np.einsum("ij,jk,ik->i", weights, ocv.covariance, weights)
    return np.asarray(own + np.maximum(shared, 0) + (step - step[0]) ** 2)
