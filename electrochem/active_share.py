"""How much of the NCM still takes part, and what else cost capacity?"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from scipy.special import ndtri

from coatqc.core.errors import MeasurementError
from coatqc.core.estimate import Estimate
from electrochem.labels import label_cycles
from electrochem.open_circuit import OcvCurve, simulate_ocv, true_charge, true_voltage

# Shi et al. (2025), section 2.4: first capacity / mAh g-1, retention at cycle 100 and at 152,
# retention of active mass at 152.
OF_PAPER = {"coated": (186.0, 0.783, 0.716, 0.837), "uncoated": (181.0, 0.69, 0.596, 0.788)}
_FIRST_MASS = 0.97
_FULL = 217.0
# Part of the charge that is lost to slow diffusion at the end of the discharge.
_AT_DISCHARGE = 0.8
_MOST = 1.05
_COLUMNS = ("discharge_capacity", "charge_end_voltage", "discharge_end_voltage")


def active_mass(
    table: xr.Dataset,
    ocv: OcvCurve,
    *,
    u_voltage: ArrayLike = 1e-3,
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
        of `ocv`). Its first row is what all others are compared with.
    ocv : OcvCurve
        Reference curve.
    u_voltage : array_like
        Standard uncertainty of a rest voltage, V, independent from rest to rest; a number, or
        of shape (cycle, 2) for charge and discharge, as `relaxed_voltage` gives it.
    u_capacity : float
        Relative standard uncertainty of a capacity, independent from cycle to cycle.
    remaining_drift : array_like
        What the rests had still to go, V, to be added to the voltages; a number or of shape
        (cycle, 2), negative after charge, as the function of that name in
        `electrochem.open_circuit` gives it. Zero where the voltages are extrapolated already.
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
        the ratio if the drift were left out; flag, text, empty where nothing is wrong.

    Raises
    ------
    MeasurementError
        If a column is missing, or the first cycle has no valid active mass.

    Notes
    -----
    Linear propagation on the logarithm of the ratio. Errors of the reference curve are common to
    all cycles, so that they cancel in part (the mass of the reference electrode wholly).

    References
    ----------
    Shi et al., J. Mater. Chem. A 13 (2025) 2600, equations 1 and 2.

    Examples
    --------
    >>> table, ocv, truth = simulate_active_mass(1)
    >>> result = active_mass(table, ocv)
    >>> abs(float(result["active_mass_ratio"].sel(cycle=152)) - 0.837) < 0.02
    True
    """
    if missing := [c for c in _COLUMNS if c not in table]:
        raise MeasurementError(
            f"active mass: {', '.join(missing)} missing from the table of cycles; needed are "
            f"{', '.join(_COLUMNS)}"
        )
    n = table.sizes["cycle"]
    if n < 1:
        raise MeasurementError("active mass: the table of cycles is empty")
    try:
        u_v = np.broadcast_to(np.asarray(u_voltage, float), (n, 2))
        drift = np.broadcast_to(np.asarray(remaining_drift, float), (n, 2))
        u_d = np.broadcast_to(0.3 * np.abs(drift) if u_drift is None else u_drift, (n, 2))
    except ValueError:
        raise MeasurementError(
            f"active mass: u_voltage {np.shape(u_voltage)} or remaining_drift "
            f"{np.shape(remaining_drift)}; expected a number or shape ({n}, 2)"
        ) from None
    if (u_v < 0).any() or u_capacity < 0 or (u_d < 0).any() or not 0 < level < 1:
        raise MeasurementError("active mass: uncertainties must not be negative, level within 0-1")
    capacity = table["discharge_capacity"].values.astype(float)
    rested = np.stack([table[c].values.astype(float) for c in _COLUMNS[1:]], axis=1)
    q, q_raw = ocv.charge_at(rested + drift), ocv.charge_at(rested)
    q_soc = q[:, 0] - q[:, 1]
    outside, no_charge = ~np.isfinite(q).all(axis=1), ~(np.isfinite(capacity) & (capacity > 0))
    bad = outside | no_charge | ~(np.nan_to_num(q_soc) > 0)
    if bad[0]:
        raise MeasurementError(
            f"active mass: first cycle: voltages {rested[0, 0]:.4g} and {rested[0, 1]:.4g} V, "
            f"discharge {capacity[0]:.4g}; expected voltages within the reference curve "
            f"({ocv.voltage[0]:.4g} to {ocv.voltage[-1]:.4g} V vs {ocv.reference_electrode}), the "
            "higher one after charge, and a positive capacity; check the reference electrode"
        )
    safe = np.where(bad, q_soc[0], q_soc)
    voltage = np.where(bad[:, None], rested[0] + drift[0], rested + drift)
    var_charge = _variance(ocv, voltage, safe, u_v, u_d)

    def clean(values: np.ndarray) -> np.ndarray:
        return np.where(bad, np.nan, values)

    log_u = np.sqrt(var_charge)
    ratio = capacity / capacity[0] * safe[0] / safe
    first = np.arange(n) == 0
    u_ratio = np.sqrt(var_charge + np.where(first, 0, 2 * u_capacity**2))
    q_act = ratio * capacity[0]
    u_act = np.sqrt(var_charge + u_capacity**2)
    loss = capacity[0] - q_act
    u_loss = np.where(first, 0, np.hypot(q_act * u_act, capacity[0] * u_capacity))
    slow = q_act - capacity
    u_slow = np.hypot(q_act * log_u, slow * u_capacity)
    k = float(ndtri((1 + level) / 2))
    unit = str(table["discharge_capacity"].attrs.get("units", "mAh g-1"))
    data: dict[str, Any] = {
        "q_meas": ("cycle", capacity, {"units": unit, "long_name": "discharge capacity"}),
        "q_soc": (
            "cycle",
            clean(q_soc),
            {"units": "mAh g-1", "long_name": "charge between the rested states"},
        ),
    }
    for name, value, u, low, high, units, words in (
        (
            "active_mass_ratio",
            ratio,
            ratio * u_ratio,
            ratio * np.exp(-k * u_ratio),
            ratio * np.exp(k * u_ratio),
            "1",
            "active mass relative to first cycle",
        ),
        (
            "q_act",
            q_act,
            q_act * u_act,
            q_act * np.exp(-k * u_act),
            q_act * np.exp(k * u_act),
            unit,
            "capacity of the active mass",
        ),
        (
            "loss_active_mass",
            loss,
            u_loss,
            loss - k * u_loss,
            loss + k * u_loss,
            unit,
            "capacity lost to active mass",
        ),
        (
            "loss_diffusion",
            slow,
            u_slow,
            slow - k * u_slow,
            slow + k * u_slow,
            unit,
            "capacity lost to longer diffusion",
        ),
    ):
        for suffix, part, meaning in (
            ("", value, words),
            ("_u", u, f"standard uncertainty of {words}"),
            ("_lower", low, f"{words}, lower end of interval"),
            ("_upper", high, f"{words}, upper end of interval"),
        ):
            data[name + suffix] = ("cycle", clean(part), {"units": units, "long_name": meaning})
    raw = q_raw[:, 0] - q_raw[:, 1]
    raw = np.where(np.nan_to_num(raw) > 0, raw, np.nan)
    biased = capacity / capacity[0] * raw[0] / raw
    data["relaxation_bias"] = (
        "cycle",
        clean(biased - ratio),
        {"units": "1", "long_name": "error of the ratio if incomplete relaxation were ignored"},
    )
    flag = np.full(n, "", dtype=object)
    flag[ratio > _MOST] = f"active mass grew beyond {_MOST:g} of the first"
    flag[np.nan_to_num(q_soc) <= 0] = "no charge between the rested voltages"
    flag[no_charge] = "no discharge capacity"
    flag[outside] = "rested voltage outside the reference curve"
    data["flag"] = ("cycle", flag.astype(str), {"units": "1", "long_name": "what is wrong"})
    facts = {k: table.attrs[k] for k in ("source", "simulated") if k in table.attrs}
    if ocv.simulated:
        facts["simulated"] = "yes"
    return xr.Dataset(
        data,
        coords={"cycle": table["cycle"]},
        attrs={"level": level, "kind": "cycle_table"} | facts,
    )


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
    weights = (ocv._weights(voltage[:, 0]) - ocv._weights(voltage[:, 1])) / q_soc[:, None]
    weights = weights - weights[0]
    shared = np.einsum("ij,jk,ik->i", weights, ocv.covariance, weights)
    return np.asarray(own + np.maximum(shared, 0) + (step - step[0]) ** 2)


def active_mass_retention(result: xr.Dataset, cycle: int) -> Estimate:
    """Active mass of a cycle over that of the first.

    Parameters
    ----------
    result : xarray.Dataset
        Of `active_mass`.
    cycle : int
        Which.

    Raises
    ------
    MeasurementError
        If there is no such cycle, or its active mass is not valid.

    Examples
    --------
    >>> table, ocv, truth = simulate_active_mass(1, "uncoated")
    >>> e = active_mass_retention(active_mass(table, ocv), 152)
    >>> bool(e.lower < truth["active_mass_ratio"][-1] < e.upper)
    True
    """
    return _estimate(result, cycle, "active_mass_ratio")


def capacity_split(result: xr.Dataset, cycle: int) -> tuple[Estimate, Estimate]:
    """Capacity lost to active mass, and lost to longer diffusion.

    Parameters
    ----------
    result : xarray.Dataset
        Of `active_mass`.
    cycle : int
        Which.

    Returns
    -------
    active_mass, diffusion : Estimate
        In the unit of the capacity. Their sum, first capacity less this one, is known far better
        than either: their errors are opposite.

    Raises
    ------
    MeasurementError
        If there is no such cycle, or its active mass is not valid.

    Examples
    --------
    >>> table, ocv, _ = simulate_active_mass(1, "uncoated")
    >>> mass, diffusion = capacity_split(active_mass(table, ocv), 152)
    >>> mass.value > diffusion.value, mass.unit
    (True, 'mAh g-1')
    """
    return (
        _estimate(result, cycle, "loss_active_mass"),
        _estimate(result, cycle, "loss_diffusion"),
    )


def _estimate(result: xr.Dataset, cycle: int, name: str) -> Estimate:
    if name not in result:
        raise MeasurementError(f"{name} missing; expected what active_mass returns")
    number = result["cycle"].values
    at = np.flatnonzero(number == cycle)
    if not at.size:
        raise MeasurementError(
            f"there is no cycle {cycle}; the table holds {number.size} from {number[0]} to "
            f"{number[-1]}"
        )
    i = int(at[0])
    value, u, low, high = (
        float(result[name + s].values[i]) for s in ("", "_u", "_lower", "_upper")
    )
    if not np.isfinite(value):
        raise MeasurementError(f"cycle {cycle}: {result['flag'].values[i]}")
    return Estimate.from_interval(
        value,
        low,
        high,
        standard_uncertainty=u,
        unit=str(result[name].attrs["units"]),
        level=float(result.attrs["level"]),
        method="charge over the charge between rested open-circuit voltages",
    )


def simulate_active_mass(
    seed: int,
    cell: str = "coated",
    *,
    cycles: ArrayLike | None = None,
    noise: float = 1e-3,
    noise_capacity: float = 5e-4,
    incomplete: float = 0.0,
    shared: float = 1.5e-3,
) -> tuple[xr.Dataset, OcvCurve, dict[str, Any]]:
    """Simulate a table of cycles and its reference curve that hit the paper's capacities.

    Assumes two states: an active mass that falls by contact loss, and diffusion that grows long,
    so that discharge ends at a higher and charge at a lower open-circuit voltage. Both follow
    stretched exponentials of the cycle; 97 % of the mass is active at first. The paper gives no
    open-circuit voltages: where on the curve the rests lie is assumed.

    Parameters
    ----------
    seed : int
        Of all errors.
    cell : {"coated", "uncoated"}
        Whose capacities.
    cycles : array_like, optional
        Which; 1 to 152 without.
    noise : float
        Of a rest voltage, V.
    noise_capacity : float
        Of a capacity, relative.
    incomplete : float
        What a rest has still to go in the first cycle, V; twice (coated) or four times
        (uncoated) as much at 152, as diffusion grows long.
    shared : float
        Error of the reference curve that neighbouring voltages share, V.

    Returns
    -------
    table : xarray.Dataset
        Kind ``cycle_table``, marked as simulated.
    ocv : OcvCurve
        The reference.
    truth : dict
        ``active_mass_ratio``, ``q_meas``, ``q_act``, ``loss_active_mass``, ``loss_diffusion`` by
        cycle, and ``remaining_drift`` of shape (cycle, 2), V.

    Examples
    --------
    >>> _, _, truth = simulate_active_mass(1, "uncoated")
    >>> [round(float(truth[k][-1]), 1) for k in ("q_act", "loss_active_mass", "loss_diffusion")]
    [142.6, 38.4, 34.8]
    """
    if cell not in OF_PAPER:
        raise MeasurementError(f"cell is {cell!r}; expected one of {tuple(OF_PAPER)}")
    first, at_100, at_152, mass_152 = OF_PAPER[cell]
    number = np.arange(1, 153) if cycles is None else np.asarray(cycles, int)
    power = np.log(np.log(at_100) / np.log(at_152)) / np.log(99 / 151)
    x = ((number - 1) / 151) ** power
    ratio, capacity = mass_152**x, first * at_152**x
    q_soc = capacity / (_FIRST_MASS * ratio)
    lost = first / _FIRST_MASS - q_soc
    # The first charge ends at _FULL of the true curve.
    low = _FULL - first / _FIRST_MASS + _AT_DISCHARGE * lost
    rested = np.stack([true_voltage(low + q_soc), true_voltage(low)], axis=1)
    growth = 1 + ({"coated": 2.0, "uncoated": 4.0}[cell] - 1) * x
    drift = incomplete * growth[:, None] * np.array([-1.0, 1.0])
    rng = np.random.default_rng([seed, 1])
    seen = rested - drift + noise * rng.normal(size=rested.shape)
    table = label_cycles(
        number,
        {
            "discharge_capacity": capacity * (1 + noise_capacity * rng.normal(size=number.size)),
            "charge_end_voltage": seen[:, 0],
            "discharge_end_voltage": seen[:, 1],
        },
        simulated="yes",
    )
    ocv, _ = simulate_ocv(seed, shared=shared)
    truth = {
        "active_mass_ratio": ratio,
        "q_meas": capacity,
        "q_soc": true_charge(rested[:, 0]) - true_charge(rested[:, 1]),
        "q_act": ratio * first,
        "loss_active_mass": first * (1 - ratio),
        "loss_diffusion": ratio * first - capacity,
        "remaining_drift": drift,
    }
    return table, ocv, truth
