"""Cycling of a cell like the paper's, with its truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from electrochem.labels.labels import label_cycles, label_record

# Shi et al. (2025), section 2.4: first discharge capacity / mAh g-1, its retention at 100 and
# at 152, retention of active mass at 152; section 2.3: first Coulomb efficiency.
PAPER = {
    "coated": (186.0, 0.783, 0.716, 0.837, 0.80),
    "uncoated": (181.0, 0.69, 0.596, 0.788, 0.77),
}
# 10.6 mg NCM a cm2 on 10 mm, g; 1C is 200 mAh g-1.
MASS = 8.317e-3
ONE_C = 200.0
# Steps of the open-circuit voltage: V vs In/LiIn, width / V, share of the capacity. H1/M near
# 3.0, then 3.5, H2/H3 near 3.6 V, and a broad solid solution.
STEPS = ((3.0, 0.035, 0.22), (3.2, 0.14, 0.42), (3.5, 0.03, 0.12), (3.6, 0.018, 0.24))
_LAST = 152


def mean_retention(cell: str, cycle: np.ndarray | int, first: int = 1) -> np.ndarray:
    """Capacity retention of the mean cell of a kind in ``simulate_cycles``.

    Parameters
    ----------
    cell : {"coated", "uncoated"}
        Kind of cell.
    cycle : int or numpy.ndarray
        Which cycles.
    first : int, default 1
        Cycle that counts as 1.

    Returns
    -------
    numpy.ndarray
        Shape of `cycle`.

    Examples
    --------
    >>> [round(float(mean_retention("uncoated", n)), 3) for n in (100, 152)]
    [0.69, 0.596]
    """
    mass, diffusion = _fade(cell, np.asarray(cycle))
    m1, d1 = _fade(cell, np.asarray(first))
    return np.asarray((1 - mass - diffusion) / (1 - m1 - d1))


def simulate_cycles(
    seed: int,
    cell: str = "coated",
    *,
    cycles: int = 152,
    spread_capacity: float = 2.0,
    spread_retention: float = 0.01,
    noise: float = 0.2,
    correlation: float = 0.0,
) -> tuple[xr.Dataset, xr.Dataset]:
    """Simulate the table of one cell's cycles at 0.1C.

    Assumed: two independent states fade, active mass and what diffusion lets through in time,
    each with a power of the cycle number; their mean cell has the paper's first capacity,
    retention at 100 and 152, and active mass at 152. Cells of a kind differ in first capacity
    and in the speed of either fade, normally. The noise of the cycles is normal, of the first
    autoregressive order and independent for charge and discharge.

    Parameters
    ----------
    seed : int
        Of the cell and its noise.
    cell : {"coated", "uncoated"}
        Whose values of the paper.
    cycles : int
        How many.
    spread_capacity : float
        Standard deviation of first capacity between cells, mAh g-1.
    spread_retention : float
        Standard deviation of retention at cycle 152 between cells.
    noise : float
        Standard deviation from cycle to cycle, mAh g-1.
    correlation : float
        Of the noise of neighbouring cycles, below 1; 0 is white noise.

    Returns
    -------
    table : xarray.Dataset
        Kind ``cycle_table``, dim cycle.
    truth : xarray.Dataset
        Of this cell without noise: discharge_capacity and diffusion_loss / mAh g-1,
        capacity_retention, active_mass_ratio.

    Raises
    ------
    MeasurementError
        If the kind of cell is unknown or a number cannot be.

    Examples
    --------
    >>> table, truth = simulate_cycles(1, spread_capacity=0, spread_retention=0)
    >>> [round(float(truth["capacity_retention"].sel(cycle=n)), 3) for n in (100, 152)]
    [0.783, 0.716]
    >>> round(float(truth["active_mass_ratio"].sel(cycle=152)), 3)
    0.837
    """
    if not 0 <= correlation < 1:
        raise MeasurementError(
            f"correlation is {correlation}; a number from 0 to below 1 was expected"
        )
    if cycles < 1 or min(spread_capacity, spread_retention, noise) < 0:
        raise MeasurementError(
            f"cycles {cycles}, spreads {spread_capacity}, {spread_retention}, noise {noise}: at "
            "least 1 cycle and no negative spread were expected"
        )
    rng = np.random.default_rng(seed)
    n = np.arange(1, cycles + 1)
    mass, diffusion = _fade(cell, n)
    at_end = [float(part) for part in _fade(cell, np.asarray(_LAST))]
    first = PAPER[cell][0] + spread_capacity * rng.standard_normal()
    draw = rng.standard_normal(2) * spread_retention / np.sqrt(2)
    mass = mass * (1 + draw[0] / at_end[0])
    diffusion = diffusion * (1 + draw[1] / at_end[1])
    capacity = first * (1 - mass - diffusion)
    settled = 0.9985
    efficiency = settled - (settled - PAPER[cell][4]) * np.exp(-(n - 1) / 1.2)
    discharge = capacity + noise * _coloured(rng.standard_normal(cycles), correlation)
    charge = capacity / efficiency + noise * _coloured(rng.standard_normal(cycles), correlation)
    table = label_cycles(
        n,
        {
            "charge_capacity": charge,
            "discharge_capacity": discharge,
            "coulomb_efficiency": discharge / charge,
            "rate": np.full(cycles, 0.1 * ONE_C * MASS * 1e-3),
        },
        simulated="yes",
        cell=cell,
        mass_g=MASS,
    )
    truth = label_cycles(n, {"discharge_capacity": capacity}, simulated="yes", cell=cell)
    for name, values, unit in (
        ("capacity_retention", capacity / first, "1"),
        ("active_mass_ratio", 1 - mass, "1"),
        ("diffusion_loss", first * diffusion, "mAh g-1"),
    ):
        truth[name] = ("cycle", values, {"units": unit, "long_name": name.replace("_", " ")})
    return table, truth


def simulate_record(
    seed: int,
    cell: str = "coated",
    *,
    cycles: int = 2,
    c_rate: float = 0.1,
    interval: float = 60.0,
    window: tuple[float, float] = (2.0, 3.7),
    polarisation: float | Sequence[float] = 0.02,
    active_mass_ratio: float | Sequence[float] = 1.0,
    relaxation: float = 0.0,
    relaxation_time: float = 1800.0,
    current_noise: float = 5e-4,
    voltage_noise: float = 2e-4,
    resolution: float = 1e-4,
    hold: float = 0.0,
    rest: float = 600.0,
) -> tuple[xr.Dataset, dict[str, Any]]:
    """Simulate the record of a few cycles at constant current, with its truth.

    Assumed: the equilibrium charge is a sum of logistic steps of the voltage; the cell's voltage
    is off by a constant polarisation, up in charge and down in discharge; a constant share of
    the first charge (of later ones 0.2 %) is lost to side reactions. Independent normal noise
    on current, proportional, and on voltage, which is then rounded.

    Parameters
    ----------
    seed : int
        Of the noise.
    cell : {"coated", "uncoated"}
        Whose first capacity and efficiency of the paper.
    cycles : int
        How many.
    c_rate : float
        Of 200 mAh g-1.
    interval : float
        Between rows, s.
    window : (float, float)
        V vs In/LiIn.
    polarisation : float or sequence of float
        V, of all cycles or of each.
    active_mass_ratio : float or sequence of float
        Part of the first active mass that takes part, of all cycles or of each.
    relaxation : float
        How far the voltage still is from equilibrium where a rest begins, V, after polarisation
        is gone; above after charge and below after discharge.
    relaxation_time : float
        Time constant of that, s; a third of it goes ten times as fast.
    current_noise : float
        Standard deviation, relative.
    voltage_noise, resolution : float
        Standard deviation and rounding, V.
    hold : float
        Length of a hold at the upper voltage after each charge, s; its current decays with a
        third of that time.
    rest : float
        After each half cycle, s.

    Returns
    -------
    record : xarray.Dataset
        Kind ``cell_record``.
    truth : dict
        mass_g; charge_capacity and discharge_capacity, shape (cycles,), mAh g-1; dqde(voltage,
        direction, cycle=1), a function giving the true mAh g-1 V-1, and charge(voltage,
        direction, cycle=1), mAh g-1 from the lower voltage of the window; rested_voltage, shape
        (cycles, 2), V after charge and after discharge, and equilibrium(voltage), mAh g-1, the
        open-circuit curve; active_mass_ratio, shape (cycles,).

    Raises
    ------
    MeasurementError
        If the kind of cell is unknown or a number cannot be.

    Examples
    --------
    >>> record, truth = simulate_record(1)
    >>> [round(float(q), 1) for q in truth["charge_capacity"]]
    [232.5, 186.4]
    >>> round(float(truth["dqde"](3.62, "charge", cycle=2)) / 100)
    7
    """
    _fade(cell, np.asarray(1))
    low, high = window
    over, ratio = _each(polarisation, cycles), _each(active_mass_ratio, cycles)
    if over.shape != (cycles,) or ratio.shape != (cycles,) or ratio.min() <= 0:
        raise MeasurementError(
            f"polarisation {over.shape}, active_mass_ratio {ratio.shape}: a number or one for each "
            f"of {cycles} cycles was expected, the ratio positive"
        )
    if cycles < 1 or c_rate <= 0 or interval <= 0 or low + 4 * over.max() >= high:
        raise MeasurementError(
            f"cycles {cycles}, c_rate {c_rate}, interval {interval} s, window {window} V: positive "
            "numbers and a window wider than the polarisation were expected"
        )
    rng = np.random.default_rng(seed)
    first, _, _, _, efficiency = PAPER[cell]
    at = np.linspace(low - 0.2, high + 0.2, 20001)
    inner = np.stack([low + over, high - over], axis=1)
    held_charge = np.diff(_equilibrium(inner), axis=1)[:, 0]
    size = first / float(held_charge[0]) / float(ratio[0])
    full = size * ratio * held_charge
    stored = [
        size * r * (_equilibrium(at) - _equilibrium(e))
        for r, e in zip(ratio, inner[:, :1], strict=True)
    ]
    yields = [efficiency] + [0.998] * (cycles - 1)
    specific = c_rate * ONE_C
    columns: dict[str, list[np.ndarray]] = {k: [] for k in ("time", "voltage", "current", "step")}
    now, step = 0.0, 0
    held = specific * hold / 3 / 3600 * (1 - np.exp(-3)) if hold else 0.0

    def add(seconds: np.ndarray, volt: np.ndarray, amount: np.ndarray) -> None:
        nonlocal now, step
        step += 1
        columns["time"].append(now + seconds)
        columns["voltage"].append(volt)
        columns["current"].append(amount * MASS * 1e-3)
        columns["step"].append(np.full(seconds.size, step))
        now += float(seconds[-1])

    def ticks(length: float) -> np.ndarray:
        return np.append(np.arange(0.0, length - 1e-6 * interval, interval), length)

    # What a hold adds the discharge gives back below the charge's end: the cell is taken as if
    # the surplus was lost, so that each half cycle starts where the last one should have ended.
    def rested(t: np.ndarray, volt: float, sign: int) -> np.ndarray:
        fall = 2 * np.exp(-t / relaxation_time) + np.exp(-10 * t / relaxation_time)
        return volt + sign * relaxation / 3 * fall

    for share, p, q, curve, (bottom, top) in zip(yields, over, full, stored, inner, strict=True):
        t = ticks(q / share / specific * 3600)
        e = np.interp(specific * t / 3600 * share, curve, at)
        add(t, e + p, np.full(t.size, specific))
        if hold:
            t = ticks(hold)
            add(t, np.full(t.size, high), specific * np.exp(-3 * t / hold))
        if rest:
            t = ticks(rest)
            add(t, rested(t, top, 1), 0 * t)
        t = ticks(q / specific * 3600)
        e = np.interp(q - specific * t / 3600, curve, at)
        add(t, e - p, np.full(t.size, -specific))
        if rest:
            t = ticks(rest)
            add(t, rested(t, bottom, -1), 0 * t)
    data = {k: np.concatenate(v) for k, v in columns.items()}
    data["current"] = data["current"] * (1 + current_noise * rng.standard_normal(data["time"].size))
    data["voltage"] = data["voltage"] + voltage_noise * rng.standard_normal(data["time"].size)
    if resolution:
        data["voltage"] = np.round(data["voltage"] / resolution) * resolution

    def dqde(voltage: np.ndarray | float, direction: str, cycle: int = 1) -> np.ndarray:
        sign = 1 if direction == "charge" else -1
        part = yields[cycle - 1] if sign == 1 else 1.0
        e = np.asarray(voltage, float) - sign * over[cycle - 1]
        return np.asarray(sign * size * ratio[cycle - 1] * _slope(e) / part)

    def charge(voltage: np.ndarray | float, direction: str, cycle: int = 1) -> np.ndarray:
        sign = 1 if direction == "charge" else -1
        part = yields[cycle - 1] if sign == 1 else 1.0
        e = np.asarray(voltage, float) - sign * over[cycle - 1]
        return np.interp(e, at, stored[cycle - 1]) / part

    truth: dict[str, Any] = {
        "mass_g": MASS,
        "charge_capacity": full / np.array(yields) + held,
        "discharge_capacity": full,
        "active_mass_ratio": ratio / ratio[0],
        "rested_voltage": inner[:, ::-1],
        "equilibrium": lambda voltage: size * _equilibrium(np.asarray(voltage, float)),
        "dqde": dqde,
        "charge": charge,
    }
    return label_record(
        data,
        simulated="yes",
        technique="cycling",
        cell=cell,
        reference_electrode="In/LiIn",
        mass_g=MASS,
    ), truth


def _each(value: float | Sequence[float], cycles: int) -> np.ndarray:
    """A number for each cycle."""
    array = np.asarray(value, float)
    return np.full(max(cycles, 1), float(array)) if array.ndim == 0 else array


def _coloured(white: np.ndarray, correlation: float) -> np.ndarray:
    """Noise of the same variance in which neighbours are alike."""
    if not correlation:
        return white
    noise = white.copy()
    for k in range(1, noise.size):
        noise[k] = correlation * noise[k - 1] + np.sqrt(1 - correlation**2) * white[k]
    return noise


def _fade(cell: str, cycle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Parts of the first capacity lost to active mass and to diffusion."""
    if cell not in PAPER:
        raise MeasurementError(f"cell is {cell!r}; expected one of {', '.join(PAPER)}")
    _, at_100, at_152, mass_152, _ = PAPER[cell]
    power = np.log((1 - at_100) / (1 - at_152)) / np.log(99 / 151)
    x = (np.asarray(cycle, float) - 1) / (_LAST - 1)
    # Contact is lost a little later than transport: so neither part is ever negative.
    mass = (1 - mass_152) * x ** (power + 0.1)
    return mass, (1 - at_152) * x**power - mass


def _equilibrium(voltage: np.ndarray) -> np.ndarray:
    """Charge over the capacity of all steps, at equilibrium."""
    return np.asarray(
        sum(s / (1 + np.exp(-np.clip((voltage - e) / w, -60, 60))) for e, w, s in STEPS)
    )


def _slope(voltage: np.ndarray) -> np.ndarray:
    total = np.zeros_like(voltage)
    for e, w, s in STEPS:
        y = 1 / (1 + np.exp(-np.clip((voltage - e) / w, -60, 60)))
        total = total + s / w * y * (1 - y)
    return total
