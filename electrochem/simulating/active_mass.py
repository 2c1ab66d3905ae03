"""Tables of cycles whose active mass is known, with the paper's capacities."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from coatcore.errors import MeasurementError
from electrochem.active_material.open_circuit import OcvCurve
from electrochem.labels.labels import label_cycles
from electrochem.simulating.open_circuit import simulate_ocv, true_charge, true_voltage

# Shi et al. (2025), section 2.4: first capacity / mAh g-1, retention at cycle 100 and at 152,
# retention of active mass at 152.
OF_PAPER = {"coated": (186.0, 0.783, 0.716, 0.837), "uncoated": (181.0, 0.69, 0.596, 0.788)}
_FIRST_MASS = 0.97
_FULL = 217.0
# Part of the charge that is lost to slow diffusion at the end of the discharge.
_AT_DISCHARGE = 0.8


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
        reference_electrode="In/LiIn",
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
