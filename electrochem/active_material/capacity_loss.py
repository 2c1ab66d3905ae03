"""How much active mass is left at a cycle, and to what did the capacity go?"""

from __future__ import annotations

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate


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
    >>> from electrochem.active_material.active_fraction import active_mass
    >>> from electrochem.simulating.active_mass import simulate_active_mass
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
    >>> from electrochem.active_material.active_fraction import active_mass
    >>> from electrochem.simulating.active_mass import simulate_active_mass
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
            f"there is no cycle {cycle!r}; the table holds {number.size} from {number[0]} to "
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
