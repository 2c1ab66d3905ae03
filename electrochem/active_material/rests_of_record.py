"""At which voltages did the cell come to rest after each charge and discharge?"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from electrochem.active_material.relaxation import both_sides, relax
from electrochem.cycling.capacity import capacity_per_cycle
from electrochem.cycling.current_flow import rest_rows
from electrochem.cycling.half_cycle import cycles_of, half_cycles
from electrochem.labels.plausible import NCM, number

# At the very beginning of a rest ohmic and double-layer voltages go, faster than rows are read.
_SETTLED = 0.02
_FEWEST = 20
_WORDS = ("charge", "discharge")


def rests_of(
    record: xr.Dataset,
    *,
    mass_g: float,
    longer_than: float = 3600.0,
    rest_current: float | None = None,
    plausible: tuple[float, float] = NCM,
) -> xr.Dataset:
    """Rested voltages of each cycle beside its capacities, as `active_mass` takes them.

    Parameters
    ----------
    record : xarray.Dataset
        Kind ``cell_record``.
    mass_g : float
        Mass of active material, g.
    longer_than : float
        s; shorter rests are not used.
    rest_current, plausible
        As for `capacity_per_cycle`. A cycle begins with its charge, so that the discharge lies
        between the two rests.

    Returns
    -------
    xarray.Dataset
        Kind ``cycle_table`` of `capacity_per_cycle`, and by cycle and for both ``charge_`` and
        ``discharge_`` (after which the rest came): ``..._end_voltage`` / V, relaxed to infinite
        time, ``..._end_voltage_u``, its standard uncertainty, ``..._last_voltage`` / V, as read
        where the rest ended, ``..._drift`` / V, what was still to go there, and
        ``..._rest_time`` / s. NaN where there is no such rest; why is in ``attrs["warnings"]``.

    Raises
    ------
    MeasurementError
        As `capacity_per_cycle` does, or if no rest of the record is long enough.

    Notes
    -----
    The longest stretch without current between a half cycle and the next one is its rest. The
    first 2 % of it are left out, where ohmic drop goes faster than is read. An interval of
    `relaxed_voltage` that is not symmetric enters as two halves of normal distributions.

    Examples
    --------
    >>> from electrochem.simulating.cycling import simulate_record
    >>> record, truth = simulate_record(1, rest=7200.0, relaxation=0.02)
    >>> table = rests_of(record, mass_g=truth["mass_g"])
    >>> [round(float(v), 2) for v in table["charge_end_voltage"]]
    [3.68, 3.68]
    """
    longer_than = number(longer_than, "longer_than", "s")
    table = capacity_per_cycle(
        record,
        mass_g=mass_g,
        rest_current=rest_current,
        plausible=plausible,
    )
    halves, _ = half_cycles(record, rest_current=rest_current)
    resting = rest_rows(record, rest_current=rest_current)
    begins = [int(half.rows[0]) for half in halves] + [record.sizes["record"]]
    after = {id(half): begin for half, begin in zip(halves, begins[1:], strict=True)}
    found = np.full((5, table.sizes["cycle"], 2), np.nan)
    warnings = []
    cycles = cycles_of(halves, "charge", [])[: table.sizes["cycle"]]
    for k, pair in enumerate(cycles):
        for side, half in enumerate(pair):
            assert half is not None
            values, why = _rest(record, resting, int(half.rows[-1]), after[id(half)], longer_than)
            found[:, k, side] = values
            if why:
                warnings.append(f"rest after {_WORDS[side]} of cycle {k + 1}: {why}")
    if not np.isfinite(found[0]).any():
        raise MeasurementError(
            f"record: no rest of {longer_than:g} s or more with at least {_FEWEST} rows after a "
            "charge or discharge; give a smaller longer_than"
        )
    columns = ("end_voltage", "end_voltage_u", "last_voltage", "drift", "rest_time")
    meanings = (
        "open-circuit voltage after {}",
        "standard uncertainty of the open-circuit voltage after {}",
        "voltage at the end of the rest after {}",
        "drift that remained at the end of the rest after {}",
        "length of the rest after {}",
    )
    for k, (column, meaning) in enumerate(zip(columns, meanings, strict=True)):
        for side, word in enumerate(_WORDS):
            facts = {
                "units": "s" if column == "rest_time" else "V",
                "long_name": meaning.format(word),
            }
            table[f"{word}_{column}"] = ("cycle", found[k, :, side], facts)
    said = [str(table.attrs["warnings"])] if table.attrs["warnings"] else []
    table.attrs["warnings"] = "; ".join(said + warnings)
    return table


def _rest(
    record: xr.Dataset, resting: np.ndarray, last: int, end: int, longer_than: float
) -> tuple[list[float], str]:
    """Voltage, uncertainty, last voltage, drift, length of a rest, or why there are none."""
    nothing = [float("nan")] * 5
    rows = np.arange(last + 1, end)[resting[last + 1 : end]]
    if not rows.size:
        return nothing, "there is none"
    time = record["time"].values.astype(float)
    parts = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    rows = max(parts, key=lambda part: time[part[-1]] - time[part[0]])
    t, v = time[rows], record["voltage"].values[rows].astype(float)
    length = float(t[-1] - t[0])
    if length < longer_than:
        return nothing, f"{length:.4g} s long, {longer_than:g} were asked for"
    if any(b < a for a, b in pairwise(t)):
        return nothing, "time goes back in it"
    settled = (t - t[0] >= _SETTLED * length) & (np.diff(t, prepend=-np.inf) > 0)
    t, v = t[settled], v[settled]
    if t.size < _FEWEST:
        return nothing, f"{t.size} rows; at least {_FEWEST} are needed"
    voltage, drift = relax((t, v))
    return [voltage.value, both_sides(voltage), float(v[-1]), drift.value, length], ""
