"""How well does the polymer conduct ions, and what does a coating of it cost?"""

from __future__ import annotations

import math

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate

BOLTZMANN = 8.617333262e-5  # eV/K
KELVIN = 273.15
# S/cm at 25 degC, of Shi et al. (2025), section 2.5.
OF_PAPER = 3.4e-8


def ionic_conductivity(resistance: Estimate, thickness: Estimate, area: Estimate) -> Estimate:
    """Conductivity of a sheet between two electrodes: thickness / (resistance area).

    Parameters
    ----------
    resistance : Estimate
        ohm, of the sheet alone.
    thickness : Estimate
        cm.
    area : Estimate
        cm2.

    Returns
    -------
    Estimate
        S cm-1; the interval is that of a product of independent positive quantities
        (log-normal), so that it is not symmetric.

    Raises
    ------
    MeasurementError
        If a unit is another, or a value is not positive.

    Examples
    --------
    >>> of = Estimate.from_standard_uncertainty
    >>> print(ionic_conductivity(of(374000.0, 4000.0, unit="ohm"),
    ...     of(0.01, 0.0005, unit="cm"), of(0.785, 0.008, unit="cm2")))
    3.41(18)e-08 S cm-1
    """
    parts = {"resistance": resistance, "thickness": thickness, "area": area}
    for (name, part), unit in zip(parts.items(), ("ohm", "cm", "cm2"), strict=True):
        _check(name, part, unit)
    return _product(
        thickness.value / (resistance.value * area.value),
        [(resistance, -1), (thickness, 1), (area, -1)],
        "S cm-1",
        "thickness over resistance and area",
    )


def _check(name: str, part: Estimate, unit: str) -> None:
    if not isinstance(part, Estimate):
        raise MeasurementError(f"{name}: expected an Estimate in {unit}, got {part!r}")
    if part.unit != unit:
        raise MeasurementError(f"{name} is in {part.unit}; expected {unit}")
    if not (part.value > 0 and math.isfinite(part.value)):
        raise MeasurementError(f"{name} is {part.value:g} {unit}; expected more than zero")


def _product(value: float, parts: list[tuple[Estimate, int]], unit: str, method: str) -> Estimate:
    """Log-normal interval of a product of powers of independent estimates."""
    levels = {p.level for p, _ in parts}
    if len(levels) != 1:
        raise MeasurementError(f"levels of the intervals differ: {sorted(levels)}")
    down = up = u2 = 0.0
    for part, power in parts:
        # A relative half width each side, which becomes one of the logarithm.
        below = (part.value - part.lower) / part.value
        above = (part.upper - part.value) / part.value
        minus, plus = (below, above) if power > 0 else (above, below)
        down, up = math.hypot(down, power * minus), math.hypot(up, power * plus)
        u2 += (power * part.standard_uncertainty / part.value) ** 2
    return Estimate.from_interval(
        value,
        value * math.exp(-down),
        value * math.exp(up),
        standard_uncertainty=value * math.sqrt(u2),
        unit=unit,
        level=levels.pop(),
        n=min(p.n for p, _ in parts),
        method=method,
    )


def coating_resistance(
    sigma: Estimate | float,
    thickness_nm: Estimate | float,
    interface_per_cell_area: Estimate | float | None = None,
) -> Estimate:
    """Resistance of ions through a coating.

    Parameters
    ----------
    sigma : Estimate or float
        Conductivity, S cm-1.
    thickness_nm : Estimate or float
        nm.
    interface_per_cell_area : Estimate or float, optional
        cm2 of coated interface a cm2 of cell (up to 95 for the paper's cells), unit 1; the
        uncertainty of an Estimate goes into the result. Without it the result is per area of
        INTERFACE and must not be set against a resistance per area of cell.

    Returns
    -------
    Estimate
        ohm cm2, of interface or of cell; `method` says which.

    Raises
    ------
    MeasurementError
        If a value is not positive or a unit another.

    Examples
    --------
    >>> [round(coating_resistance(3.4e-8, t).value, 1) for t in (1.0, 3.0)]
    [2.9, 8.8]
    >>> round(coating_resistance(3.4e-8, 2.0, 95).value, 2)
    0.06
    """
    given = [("sigma", sigma, "S cm-1", -1), ("thickness", thickness_nm, "nm", 1)]
    which = "interface"
    if interface_per_cell_area is not None:
        given.append(("interface_per_cell_area", interface_per_cell_area, "1", -1))
        which = "cell"
    level = next((e.level for _, e, _, _ in given if isinstance(e, Estimate)), 0.95)
    parts, value = [], 1e-7
    for name, part, unit, power in given:
        if not isinstance(part, Estimate):
            part = Estimate.from_standard_uncertainty(float(part), 0.0, unit=unit, level=level)
        _check(name, part, unit)
        parts.append((part, power))
        value *= part.value**power
    return _product(value, parts, "ohm cm2", f"thickness over conductivity, per area of {which}")


def conductivities(data: xr.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Temperature / K, conductivity and its own uncertainty / S cm-1 from resistances.

    Parameters
    ----------
    data : xarray.Dataset
        temperature / degC or K, resistance / ohm and u_resistance / ohm, dim record, each with
        its units; attributes thickness_cm and area_cm2, whose error is common to all.

    Returns
    -------
    temperature, conductivity, uncertainty : numpy.ndarray

    Raises
    ------
    MeasurementError
        If a variable or attribute is missing, or a unit is none of these.

    Examples
    --------
    >>> [len(part) for part in conductivities(simulate_conductivity(1)[0])]
    [8, 8, 8]
    """
    if missing := {"temperature", "resistance", "u_resistance"} - set(data.variables):
        raise MeasurementError(f"conductivity: {sorted(missing)} missing")
    if missing := {"thickness_cm", "area_cm2"} - set(data.attrs):
        raise MeasurementError(f"conductivity: attributes {sorted(missing)} missing")
    for name in ("resistance", "u_resistance"):
        if (unit := data[name].attrs.get("units")) != "ohm":
            raise MeasurementError(f"conductivity: {name} is in {unit!r}; expected 'ohm'")
    unit = data["temperature"].attrs.get("units")
    if unit not in ("degC", "K"):
        raise MeasurementError(f"conductivity: temperature is in {unit!r}; expected 'degC' or 'K'")
    sizes = {k: float(data.attrs[k]) for k in ("thickness_cm", "area_cm2")}
    for name, size in sizes.items():
        if not (size > 0 and math.isfinite(size)):
            raise MeasurementError(f"conductivity: {name} is {size:g}; expected more than zero")
    r = data["resistance"].values
    if not (r > 0).all():
        raise MeasurementError("conductivity: resistances must be more than zero")
    kelvin = data["temperature"].values + (KELVIN if unit == "degC" else 0.0)
    sigma = sizes["thickness_cm"] / (r * sizes["area_cm2"])
    return kelvin, sigma, sigma * data["u_resistance"].values / r


def simulate_conductivity(
    seed: int,
    law: str = "arrhenius",
    *,
    noise: float = 0.02,
    thickness_error: float = 0.05,
    celsius: ArrayLike | None = None,
) -> tuple[xr.Dataset, dict[str, float]]:
    """Simulate resistances of a polymer sheet over temperature.

    Assumes 3.4e-8 S/cm at 25 degC, Ea 0.75 eV (Arrhenius) or B 0.12 eV and T0 200 K (VTF), a sheet
    of 100 um and 0.785 cm2, independent log-normal noise of each resistance, and a thickness that
    is off for all temperatures alike. Only the conductivity is the paper's.

    Parameters
    ----------
    seed : int
        Of all errors.
    law : {"arrhenius", "vtf"}
        Which.
    noise : float
        Relative, of one resistance.
    thickness_error : float
        Relative standard deviation.
    celsius : array_like, optional
        degC; 10 to 80 in steps of 10 without.

    Returns
    -------
    data : xarray.Dataset
        For `conductivities`, marked as simulated.
    truth : dict of str to float
        sigma_25 / S cm-1, and Ea / eV, or B / eV and T0 / K.

    Examples
    --------
    >>> simulate_conductivity(1)[1]["sigma_25"]
    3.4e-08
    """
    if law not in ("arrhenius", "vtf"):
        raise MeasurementError(f"law is {law!r}; expected 'arrhenius' or 'vtf'")
    rng = np.random.default_rng(seed)
    degree = np.arange(10.0, 81, 10) if celsius is None else np.asarray(celsius, float)
    t, room = degree + KELVIN, 25 + KELVIN
    truth = {"sigma_25": OF_PAPER}
    if law == "arrhenius":
        truth["Ea"] = 0.75
        log = np.log(room / t) - 0.75 / BOLTZMANN * (1 / t - 1 / room)
    else:
        truth |= {"B": 0.12, "T0": 200.0}
        log = 0.5 * np.log(room / t) - 0.12 / BOLTZMANN * (1 / (t - 200) - 1 / (room - 200))
    thickness, area = 0.01, 0.785
    r = thickness / (OF_PAPER * np.exp(log) * area) * np.exp(noise * rng.normal(size=t.size))
    measured = thickness * math.exp(thickness_error * rng.normal())
    columns = {
        "temperature": (degree, "degC", "temperature"),
        "resistance": (r, "ohm", "resistance of the sheet"),
        "u_resistance": (noise * r, "ohm", "standard uncertainty of the resistance"),
    }
    data = xr.Dataset(
        {k: ("record", v, {"units": u, "long_name": m}) for k, (v, u, m) in columns.items()},
        attrs={"simulated": "yes", "thickness_cm": measured, "area_cm2": area},
    )
    return data, truth
