"""How well does the polymer conduct ions, and what does a coating of it cost?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from coatqc.core.display import shown
from coatqc.core.errors import MeasurementError
from coatqc.core.estimate import Estimate

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
    interface_per_cell_area: float | None = None,
) -> Estimate:
    """Resistance of ions through a coating.

    Parameters
    ----------
    sigma : Estimate or float
        Conductivity, S cm-1.
    thickness_nm : Estimate or float
        nm.
    interface_per_cell_area : float, optional
        cm2 of coated interface a cm2 of cell (up to 95 for the paper's cells). Without it the
        result is per area of INTERFACE and must not be set against a resistance per area of
        cell.

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
    level = next((e.level for e in (sigma, thickness_nm) if isinstance(e, Estimate)), 0.95)
    parts = []
    for name, part, unit, power in (
        ("sigma", sigma, "S cm-1", -1),
        ("thickness", thickness_nm, "nm", 1),
    ):
        if not isinstance(part, Estimate):
            part = Estimate.from_standard_uncertainty(float(part), 0.0, unit=unit, level=level)
        _check(name, part, unit)
        parts.append((part, power))
    ratio = 1.0 if interface_per_cell_area is None else float(interface_per_cell_area)
    if not (ratio > 0 and math.isfinite(ratio)):
        raise MeasurementError(f"interface_per_cell_area is {ratio:g}; expected more than zero")
    which = "interface" if interface_per_cell_area is None else "cell"
    value = parts[1][0].value * 1e-7 / parts[0][0].value / ratio
    return _product(value, parts, "ohm cm2", f"thickness over conductivity, per area of {which}")


# -- temperature --------------------------------------------------------------------------


@shown(hide=("covariance",))
@dataclass(frozen=True, eq=False)
class ConductivityFit:
    """A law of conductivity over temperature.

    Parameters
    ----------
    law : {"arrhenius", "vtf"}
        ln(sigma T) = ln_sigma0 - Ea / kT, or ln(sigma sqrt(T)) = ln_sigma0 - B / k(T - T0).
    parameters : dict of str to Estimate
        Ea / eV, or B / eV and T0 / K; ln_sigma0 of S cm-1 K or S cm-1 K^1/2.
    covariance : numpy.ndarray
        Of ln_sigma0, Ea or ln_sigma0, B, T0; scatter of the points only.
    u_common : float
        Relative standard uncertainty common to all conductivities.
    chi2 : float
        Sum of squared residuals over their variances.
    aicc : float
        Information criterion, corrected for the number of points; smaller is better.
    dof : float
        Degrees of freedom of the scatter; infinite where the uncertainties were given.
    n : int
        Points.

    Examples
    --------
    >>> t = np.array([290.0, 310.0, 330.0, 350.0])
    >>> fit = arrhenius(t, 10 / t * np.exp(-0.5 / (BOLTZMANN * t)), 1e-12)
    >>> round(fit.parameters["Ea"].value, 6)
    0.5
    """

    law: str
    parameters: Mapping[str, Estimate]
    covariance: np.ndarray
    u_common: float
    chi2: float
    aicc: float
    dof: float
    n: int

    def at(self, celsius: float = 25.0) -> Estimate:
        """Conductivity at a temperature, S cm-1, with a log-normal interval.

        Parameters
        ----------
        celsius : float
            degC.

        Raises
        ------
        MeasurementError
            If it lies at or below T0, or below absolute zero.

        Examples
        --------
        >>> data, truth = simulate_conductivity(1)
        >>> fit = arrhenius(*conductivities(data), u_common=0.05)
        >>> e = fit.at(25)
        >>> e.lower < truth["sigma_25"] < e.upper
        True
        """
        t = celsius + KELVIN
        a, b = self.parameters["ln_sigma0"].value, self._second.value
        zero = self.parameters["T0"].value if self.law == "vtf" else 0.0
        if t <= max(zero, 0):
            raise MeasurementError(
                f"{celsius:g} degC lies at or below T0 = {zero - KELVIN:.4g} degC"
            )
        power = 0.5 if self.law == "vtf" else 1.0
        log = a - b / (BOLTZMANN * (t - zero)) - power * math.log(t)
        slope = [1.0, -1 / (BOLTZMANN * (t - zero)), -b / (BOLTZMANN * (t - zero) ** 2)]
        g = np.array(slope[: len(self.covariance)])
        scatter = math.sqrt(max(float(g @ self.covariance @ g), 0.0))
        k, level = _factor(self.dof), self._second.level
        half = math.hypot(k * scatter, float(ndtri(0.975)) * self.u_common)
        value = math.exp(log)
        return Estimate.from_interval(
            value,
            value * math.exp(-half),
            value * math.exp(half),
            standard_uncertainty=value * math.hypot(scatter, self.u_common),
            unit="S cm-1",
            level=level,
            n=self.n,
            method=f"{self.law} law at {celsius:g} degC",
        )

    @property
    def _second(self) -> Estimate:
        return self.parameters["B" if self.law == "vtf" else "Ea"]


def _factor(dof: float) -> float:
    return float(ndtri(0.975) if math.isinf(dof) else stdtrit(dof, 0.975))


def _prepare(
    temperature: ArrayLike, conductivity: ArrayLike, u: ArrayLike | None, u_common: float, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    t, s = np.asarray(temperature, float), np.asarray(conductivity, float)
    if t.ndim != 1 or t.shape != s.shape or t.size < k + 2:
        raise MeasurementError(
            f"conductivity: {t.shape} temperatures and {s.shape} values; expected one length, at "
            f"least {k + 2}"
        )
    if not (np.isfinite(t).all() and np.isfinite(s).all() and (t > 0).all() and (s > 0).all()):
        raise MeasurementError("conductivity: temperatures / K and values must be positive numbers")
    if np.unique(t).size < k + 1 or np.ptp(t) < 5:
        raise MeasurementError("conductivity: temperatures too few or within 5 K; measure more")
    if t.max() < 150:
        raise MeasurementError(f"temperature up to {t.max():g}: expected K, add 273.15 to degC")
    try:
        relative = np.broadcast_to(np.asarray(np.nan if u is None else u, float), t.shape) / s
    except ValueError:
        raise MeasurementError(f"conductivity: u does not have shape {t.shape}") from None
    if (u is not None and not (relative > 0).all()) or u_common < 0:
        raise MeasurementError("conductivity: uncertainties must be positive")
    return t, s, np.ones_like(t) if u is None else relative


def _line(x: np.ndarray, y: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Weighted straight line: (intercept, slope), covariance, sum of squares."""
    design = np.stack([np.ones_like(x), x], axis=1) / u[:, None]
    middle = float(np.average(x, weights=u**-2))
    centred = design - np.outer(design[:, 0], [0, middle])
    inverse = np.linalg.inv(centred.T @ centred)
    values = inverse @ (centred.T @ (y / u))
    left = float((((y / u) - centred @ values) ** 2).sum())
    back = np.array([[1, -middle], [0, 1.0]])
    return back @ values, back @ inverse @ back.T, left


def _criterion(left: float, n: int, k: int, known: bool) -> float:
    k = k if known else k + 1
    if n - k - 1 <= 0:
        return math.inf
    core = left if known else n * math.log(max(left, 1e-300) / n)
    return core + 2 * k + 2 * k * (k + 1) / (n - k - 1)


def arrhenius(
    temperature: ArrayLike,
    conductivity: ArrayLike,
    u: ArrayLike | None = None,
    *,
    u_common: float = 0.0,
) -> ConductivityFit:
    """Activation energy from a straight line of ln(sigma T) over 1 / kT.

    Parameters
    ----------
    temperature : array_like
        Shape (n,), K.
    conductivity : array_like
        Shape (n,), S cm-1.
    u : array_like, optional
        Standard uncertainty of each, S cm-1, independent between temperatures. Without it the
        scatter about the line counts.
    u_common : float
        Relative standard uncertainty common to all (thickness, area): not in Ea.

    Returns
    -------
    ConductivityFit

    Raises
    ------
    MeasurementError
        If there are fewer than 4 points, or values that are not positive.

    Examples
    --------
    >>> data, truth = simulate_conductivity(2)
    >>> e = arrhenius(*conductivities(data), u_common=0.05).parameters["Ea"]
    >>> e.lower < truth["Ea"] < e.upper, e.unit
    (True, 'eV')
    """
    t, s, relative = _prepare(temperature, conductivity, u, u_common, 2)
    values, covariance, left = _line(-1 / (BOLTZMANN * t), np.log(s * t), relative)
    dof = math.inf if u is not None else float(t.size - 2)
    if u is None:
        covariance = covariance * left / (t.size - 2)
    made = _parameter(t.size, dof, "line of ln(sigma T) over 1/kT")
    parameters = {
        "Ea": made(values[1], math.sqrt(covariance[1, 1]), "eV"),
        "ln_sigma0": made(values[0], math.hypot(math.sqrt(covariance[0, 0]), u_common), "1"),
    }
    aicc = _criterion(left, t.size, 2, u is not None)
    return ConductivityFit("arrhenius", parameters, covariance, u_common, left, aicc, dof, t.size)


def _parameter(n: int, dof: float, method: str) -> Callable[[float, float, str], Estimate]:
    def make(value: float, uncertainty: float, unit: str) -> Estimate:
        return Estimate.from_standard_uncertainty(
            value, uncertainty, unit=unit, dof=dof, n=n, method=method
        )

    return make


def vtf(
    temperature: ArrayLike,
    conductivity: ArrayLike,
    u: ArrayLike | None = None,
    *,
    u_common: float = 0.0,
) -> ConductivityFit:
    """Law of Vogel, Tammann and Fulcher: ln(sigma sqrt(T)) over 1 / k(T - T0).

    Parameters
    ----------
    temperature, conductivity, u, u_common
        As for `arrhenius`; at least 5 points.

    Returns
    -------
    ConductivityFit
        Intervals of B and T0 are those of the profile likelihood; T0 is sought from 0 K to 5 K
        below the coldest point, and an interval may end there.

    Raises
    ------
    MeasurementError
        If there are fewer than 5 points, or values that are not positive.

    Examples
    --------
    >>> data, truth = simulate_conductivity(1, "vtf")
    >>> e = vtf(*conductivities(data), u_common=0.05).parameters["T0"]
    >>> e.lower < truth["T0"] < e.upper
    True
    """
    t, s, relative = _prepare(temperature, conductivity, u, u_common, 3)
    y = np.log(s * np.sqrt(t))
    grid = np.linspace(0, t.min() - 5, 250)
    _, left, _ = _profile(t, y, relative, grid)
    # Once more, finely, where the data allow it.
    scale = 1.0 if u is not None else float(left.min()) / (t.size - 3)
    likely = np.flatnonzero(left - left.min() < 30 * max(scale, 1e-300))
    ends = grid[max(likely[0] - 1, 0)], grid[min(likely[-1] + 1, grid.size - 1)]
    grid = np.linspace(*ends, 500)
    slope, left, sxx = _profile(t, y, relative, grid)
    best = int(left.argmin())
    zero = float(grid[best])
    if 0 < best < grid.size - 1:
        a, b, c = left[best - 1 : best + 2]
        zero += 0.5 * (grid[1] - grid[0]) * float((a - c) / max(a - 2 * b + c, 1e-300))
    values, _, least = _line(-1 / (BOLTZMANN * (t - zero)), y, relative)
    least = min(least, float(left.min()))
    dof = math.inf if u is not None else float(t.size - 3)
    scale = 1.0 if u is not None else least / (t.size - 3)
    g = (
        np.stack(
            [
                np.ones_like(t),
                -1 / (BOLTZMANN * (t - zero)),
                -values[1] / (BOLTZMANN * (t - zero) ** 2),
            ],
            axis=1,
        )
        / relative[:, None]
    )
    size = np.linalg.norm(g, axis=0)
    covariance = np.linalg.pinv((g / size).T @ (g / size)) / np.outer(size, size) * scale
    within = (_factor(dof) ** 2) * scale - (left - least)
    inside = np.flatnonzero(within >= 0)
    b_low = b_high = float(values[1])
    t_low = t_high = zero
    if inside.size:
        half = np.sqrt(within[inside] / sxx[inside])
        b_low = min(b_low, float((slope[inside] - half).min()))
        b_high = max(b_high, float((slope[inside] + half).max()))
        # The ends between two points of the grid.
        t_low = min(zero, _crossing(grid, within, int(inside[0]), -1))
        t_high = max(zero, _crossing(grid, within, int(inside[-1]), 1))
    u0, ub, ut = np.sqrt(np.diag(covariance))
    method = "VTF law, profile likelihood"
    parameters = {
        "B": Estimate.from_interval(
            values[1], b_low, b_high, standard_uncertainty=ub, unit="eV", n=t.size, method=method
        ),
        "T0": Estimate.from_interval(
            zero, t_low, t_high, standard_uncertainty=ut, unit="K", n=t.size, method=method
        ),
        "ln_sigma0": _parameter(t.size, dof, "VTF law, linear")(
            values[0], math.hypot(u0, u_common), "1"
        ),
    }
    aicc = _criterion(least, t.size, 3, u is not None)
    return ConductivityFit("vtf", parameters, covariance, u_common, least, aicc, dof, t.size)


def _profile(
    t: np.ndarray, y: np.ndarray, u: np.ndarray, grid: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slope, sum of squares and weight of the slope of the best line for each T0."""
    x, w = -1 / (BOLTZMANN * (t - grid[:, None])), u**-2
    mean_x, mean_y = (x * w).sum(1, keepdims=True) / w.sum(), (y * w).sum() / w.sum()
    sxx = (w * (x - mean_x) ** 2).sum(1)
    slope = (w * (x - mean_x) * (y - mean_y)).sum(1) / sxx
    left = (w * (y - mean_y - slope[:, None] * (x - mean_x)) ** 2).sum(1)
    return slope, left, sxx


def _crossing(grid: np.ndarray, within: np.ndarray, i: int, way: int) -> float:
    j = i + way
    if not 0 <= j < grid.size:
        return float(grid[i])
    part = within[i] / (within[i] - within[j])
    return float(grid[i] + part * (grid[j] - grid[i]))


def better_law(first: ConductivityFit, second: ConductivityFit) -> tuple[str, float]:
    """Which of two laws describes the conductivity better?

    Parameters
    ----------
    first, second : ConductivityFit
        Of the same points.

    Returns
    -------
    law : str
        That with the smaller AICc, or ``undecided`` where they are less than 2 apart.
    difference : float
        AICc of the second less that of the first.

    Raises
    ------
    MeasurementError
        If the numbers of points or the kinds of uncertainty differ.

    Examples
    --------
    >>> points = conductivities(simulate_conductivity(1, "vtf")[0])
    >>> better_law(arrhenius(*points), vtf(*points))[0]
    'vtf'
    """
    if first.n != second.n or math.isinf(first.dof) != math.isinf(second.dof):
        raise MeasurementError("laws: fit both to the same points with the same uncertainties")
    difference = second.aicc - first.aicc
    if not abs(difference) >= 2:
        return "undecided", difference
    return (first if difference > 0 else second).law, difference


def conductivities(data: xr.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Temperature / K, conductivity and its own uncertainty / S cm-1 from resistances.

    Parameters
    ----------
    data : xarray.Dataset
        temperature / degC, resistance / ohm and u_resistance / ohm, dim record; attributes
        thickness_cm and area_cm2, whose error is common to all.

    Examples
    --------
    >>> [len(part) for part in conductivities(simulate_conductivity(1)[0])]
    [8, 8, 8]
    """
    if missing := {"temperature", "resistance", "u_resistance"} - set(data.data_vars):
        raise MeasurementError(f"conductivity: {sorted(missing)} missing")
    if missing := {"thickness_cm", "area_cm2"} - set(data.attrs):
        raise MeasurementError(f"conductivity: attributes {sorted(missing)} missing")
    r = data["resistance"].values
    sigma = float(data.attrs["thickness_cm"]) / (r * float(data.attrs["area_cm2"]))
    return data["temperature"].values + KELVIN, sigma, sigma * data["u_resistance"].values / r


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
