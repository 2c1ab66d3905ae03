"""How much charge does the cell take and give in each cycle?"""

from __future__ import annotations

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from electrochem.cycling.half_cycle import cycles_of, half_cycles
from electrochem.labels.labels import label_cycles
from electrochem.labels.plausible import NCM, USUAL, check_capacity, check_counters, number

# Facts of a record that its table keeps.
_KEPT = ("simulated", "source", "test_name", "cell", "reference_electrode")


def capacity_per_cycle(
    record: xr.Dataset,
    *,
    mass_g: float,
    mass_uncertainty: float = 0.0,
    current_uncertainty: float = 0.0,
    nominal_capacity: float | None = None,
    starts_with: str = "charge",
    rest_current: float | None = None,
    plausible: tuple[float, float] = NCM,
) -> xr.Dataset:
    """Specific capacities and Coulomb efficiency of each cycle of a record.

    Half cycles follow from the sign of the current, and their charge from the current by the
    trapezoidal rule: neither the instrument's cycle number nor its counters of charge are used,
    for some never count and some never reset.

    Parameters
    ----------
    record : xarray.Dataset
        Kind ``cell_record``, dim record: time / s, voltage / V, current / A (charge positive).
    mass_g : float
        Mass of active material, g.
    mass_uncertainty, current_uncertainty : float
        Relative standard uncertainties of the mass and of the current's calibration: a scale
        common to all cycles of the table.
    nominal_capacity : float, optional
        mAh g-1 that is 1C (the paper: 200); with it the table has ``c_rate``.
    starts_with : {"charge", "discharge"}
        What a cycle begins with: charge for a cathode against lithium, discharge for an anode.
    rest_current : float, optional
        A; below it a row is a rest. By default 0.1 % of the usual current, or 2 % where
        it is the offset of the ammeter: see `half_cycles`.
    plausible : (float, float)
        mAh g-1; a typical capacity outside is refused, for a unit is wrong. The default is for
        NCM; widen it for other materials.

    Returns
    -------
    xarray.Dataset
        Kind ``cycle_table``: charge_capacity and discharge_capacity / mAh g-1,
        coulomb_efficiency (what came back over what went in: discharge over charge where a
        cycle starts with charge), rate / A (of the discharge, mean in time), their standard
        uncertainties ``..._u`` from current noise alone, independent from cycle to cycle, and
        ``complete``: whether charge and discharge both begin and end in the record, without gaps,
        as `half_cycles` says. The relative uncertainty of the common scale is in
        ``attrs["scale_uncertainty"]``, what is odd in ``attrs["warnings"]``.

    Raises
    ------
    MeasurementError
        If the mass cannot be, the record has no charge with its discharge, the current's sign is
        opposite, or the capacities cannot be: then the likely mistake is named.

    Examples
    --------
    >>> from electrochem.simulating.cycling import simulate_record
    >>> record, truth = simulate_record(1, cycles=2)
    >>> table = capacity_per_cycle(record, mass_g=truth["mass_g"], nominal_capacity=200)
    >>> [round(float(q), 1) for q in table["discharge_capacity"]]
    [186.0, 186.0]
    >>> round(float(table["coulomb_efficiency"][0]), 2)
    0.8
    """
    mass_g = number(mass_g, "mass_g", "g")
    for name, value in (("mass", mass_uncertainty), ("current", current_uncertainty)):
        if not 0 <= value < 1:
            raise MeasurementError(
                f"{name}_uncertainty is {value}; a relative number from 0 to below 1 was expected"
            )
    if nominal_capacity is not None:
        nominal_capacity = number(nominal_capacity, "nominal_capacity", "mAh/g")
    if starts_with not in ("charge", "discharge"):
        raise MeasurementError(f"starts_with is {starts_with!r}; charge or discharge was expected")
    halves, warnings = half_cycles(record, rest_current=rest_current)
    cycles = cycles_of(halves, starts_with, warnings)
    pairs = [(up, down) for up, down in cycles if up is not None and down is not None]
    if len(pairs) < len(cycles):
        warnings.append(
            f"the last {starts_with}, {halves[-1].charge:.4g} mAh, has no partner; it is left out"
        )
    if not pairs:
        raise MeasurementError(
            f"record: {len(halves)} half cycles, none a {starts_with} with its partner; "
            "is the record that of one cell, with signed current?"
        )
    used = [half for pair in pairs for half in pair]
    warnings += check_capacity(
        float(np.median([half.charge for half in used])) / mass_g,
        mass_g,
        float(np.median([half.duration for half in used])) / 3600,
        nominal=nominal_capacity or USUAL,
        plausible=plausible,
    )
    warnings += check_counters(record, [half.rows for half in used], [h.charge for h in used])
    charge, discharge = (
        np.array([[pair[k].charge, pair[k].uncertainty] for pair in pairs]).T / mass_g
        for k in (0, 1)
    )
    went, back = (charge, discharge) if starts_with == "charge" else (discharge, charge)
    efficiency = back[0] / went[0]
    efficiency_u = efficiency * np.hypot(back[1] / back[0], went[1] / went[0])
    rate = np.array([discharged.rate for _, discharged in pairs])
    complete = np.array([up.complete and down.complete for up, down in pairs])
    if (most := max(charge[0].max(), discharge[0].max())) > plausible[1]:
        warnings.append(
            f"capacity of {most:.4g} mAh/g in some cycle is above {plausible[1]:g}: does a short "
            "circuit or a side reaction carry current?"
        )
    _check_copies(charge[0], discharge[0], warnings)
    kept = {k: record.attrs[k] for k in _KEPT if k in record.attrs}
    earlier = str(record.attrs.get("warnings", ""))
    table = label_cycles(
        np.arange(1, len(pairs) + 1),
        {
            "charge_capacity": charge[0],
            "discharge_capacity": discharge[0],
            "coulomb_efficiency": efficiency,
            "rate": rate,
        },
        mass_g=mass_g,
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
    table["complete"] = (
        "cycle",
        complete,
        {"units": "1", "long_name": "begins and ends in the record, without gaps"},
    )
    if nominal_capacity is not None:
        c_rate = rate * 1e3 / (nominal_capacity * mass_g)
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
    >>> from electrochem.simulating.cycling import simulate_record
    >>> record, truth = simulate_record(1, cycles=1)
    >>> table = capacity_per_cycle(record, mass_g=truth["mass_g"], mass_uncertainty=0.01)
    >>> print(specific_capacity(table, 1))
    186.0(1.9) mAh g-1
    """
    if direction not in ("charge", "discharge"):
        raise MeasurementError(f"direction is {direction!r}; charge or discharge was expected")
    name = f"{direction}_capacity"
    if name not in table or f"{name}_u" not in table:
        raise MeasurementError(f"table: no {name} with {name}_u; make it with capacity_per_cycle")
    if cycle not in table["cycle"].values:
        raise MeasurementError(f"table: no cycle {cycle!r} among its {table.sizes['cycle']}")
    row = table.sel(cycle=cycle)
    value = float(row[name])
    scale = value * float(table.attrs.get("scale_uncertainty", 0.0))
    u = float(np.hypot(float(row[f"{name}_u"]), scale))
    return Estimate.from_standard_uncertainty(
        value, u, unit="mAh g-1", method="charge by integrated current over mass"
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
