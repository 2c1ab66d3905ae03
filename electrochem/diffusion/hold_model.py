"""What current flows while the voltage is held, by the model of diffusion and a resistance?

A cell is charged at a constant current I0 until lithium moves through its particles as it will
go on to move, and is then held at its voltage. With Z(s) = R + Z_diff(s) the current is, in
Laplace's domain,

    I(s) / I0 = 1 / s - 1 / (C s^2 Z(s)).

Without R the time to a given share of I0 is proportional to L^2 / D; a resistance in series adds
to it, and the more the shorter L is.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.statistics.autoregressive_noise import remembering_noise
from electrochem.impedance.models.finite_space import GEOMETRIES, kernel, lognormal_nodes

_TALBOT = 24
_ROUNDS = 60


def check_hold_model(
    fraction: float,
    diffusion_time: float,
    resistance_capacity: float,
    spread: float,
    geometry: str,
) -> None:
    """Say in words which argument of the model cannot be.

    Raises
    ------
    MeasurementError
        If one cannot be.

    Examples
    --------
    >>> check_hold_model(0.02, 1000.0, 0.0, 0.3, "planar")
    """
    if geometry not in GEOMETRIES:
        raise MeasurementError(f"geometry is {geometry!r}; expected one of {', '.join(GEOMETRIES)}")
    if not 0 < fraction < 1:
        raise MeasurementError(f"fraction is {fraction}; expected between 0 and 1")
    if not (diffusion_time > 0 and math.isfinite(diffusion_time)):
        raise MeasurementError(f"diffusion_time is {diffusion_time}; expected s, above 0")
    for name, value in (("resistance_capacity", resistance_capacity), ("spread", spread)):
        if not (value >= 0 and math.isfinite(value)):
            raise MeasurementError(f"{name} is {value}; expected at least 0")


def hold_current(
    time: np.ndarray,
    diffusion_time: float,
    *,
    resistance_capacity: float = 0.0,
    spread: float = 0.0,
    geometry: str = "planar",
) -> np.ndarray:
    """Share of the charging current that flows while the voltage is held.

    Parameters
    ----------
    time : numpy.ndarray
        Since the hold began, s, above 0; shape (n,).
    diffusion_time : float
        tau = L^2 / D of the median L by volume, s.
    resistance_capacity : float, default 0
        Resistance in series times differential capacity, s.
    spread : float, default 0
        Standard deviation of ln L by volume.
    geometry : {"planar", "cylinder", "sphere"}
        Of the particles.

    Returns
    -------
    numpy.ndarray
        I / I0, shape (n,); 1 at first.

    Notes
    -----
    The charge before is taken to be long beside tau. Laplace's transform is inverted on Talbot's
    contour (Abate and Valko, Int. J. Numer. Meth. Engng 60 (2004) 979).

    Examples
    --------
    Pure diffusion into plates falls to 2 % after 1.5 tau:

    >>> round(float(hold_current(np.array([1500.0]), 1000.0)[0]), 4)
    0.02
    """
    t = np.atleast_1d(np.asarray(time, dtype=float))
    check_hold_model(0.5, diffusion_time, resistance_capacity, spread, geometry)
    if not (np.isfinite(t).all() and (t > 0).all()):
        raise MeasurementError("time: expected seconds above 0 since the hold began")
    angle = np.arange(1, _TALBOT) * np.pi / _TALBOT
    cotangent = 1 / np.tan(angle)
    turn = angle + (angle * cotangent - 1) * cotangent
    r = 2 * _TALBOT / (5 * t[:, None])
    s = np.concatenate([r + 0j, r * angle * (cotangent + 1j)], axis=1)
    nodes, weights = lognormal_nodes()
    times = diffusion_time * np.exp(2 * spread * nodes)
    admittance = (weights / times * kernel(np.sqrt(s[..., None] * times), geometry)).sum(axis=-1)
    # C Z = R C + 1 / admittance, per capacity.
    transform = 1 / s - 1 / (s**2 * (resistance_capacity + 1 / admittance))
    weight = np.exp(t[:, None] * s) * np.concatenate([[0.5 + 0j], 1 + 1j * turn])
    return (r[:, 0] / _TALBOT) * (weight * transform).real.sum(axis=1)


def expected_hold_time(
    diffusion_time: float,
    *,
    fraction: float = 0.02,
    resistance_capacity: float = 0.0,
    spread: float = 0.0,
    geometry: str = "planar",
) -> float:
    """Time, s, after which a share of the charging current is left.

    Parameters
    ----------
    diffusion_time, resistance_capacity, spread, geometry
        As for `hold_current`.
    fraction : float, default 0.02
        Share of the charging current.

    Returns
    -------
    float

    Raises
    ------
    MeasurementError
        If an argument cannot be.

    Examples
    --------
    >>> round(expected_hold_time(1000.0)), round(expected_hold_time(1000.0, geometry="sphere"))
    (1500, 346)
    """
    check_hold_model(fraction, diffusion_time, resistance_capacity, spread, geometry)
    scale = diffusion_time + resistance_capacity

    def left(log_time: float) -> float:
        return _share(math.exp(log_time), diffusion_time, resistance_capacity, spread, geometry)

    return _solved(
        lambda x: fraction - left(x),
        math.log(1e-4 * scale),
        math.log(1e3 * scale * math.exp(4 * spread)),
    )


def diffusion_time_of_hold(
    time: float, fraction: float, resistance_capacity: float, spread: float, geometry: str
) -> float:
    """Time constant tau, s, with which a hold takes this time; 0 where R C alone takes longer.

    Examples
    --------
    >>> round(diffusion_time_of_hold(1500.0, 0.02, 0.0, 0.0, "planar"))
    1000
    >>> diffusion_time_of_hold(1500.0, 0.02, 1000.0, 0.0, "planar")
    0.0
    """
    if resistance_capacity * math.log(1 / fraction) >= time:
        return 0.0
    # At a given time the more current is left the longer tau is.
    return _solved(
        lambda x: _share(time, math.exp(x), resistance_capacity, spread, geometry) - fraction,
        math.log(1e-6 * time),
        math.log(1e3 * time),
    )


def _share(time: float, tau: float, product: float, spread: float, geometry: str) -> float:
    return float(
        hold_current(
            np.array([time]), tau, resistance_capacity=product, spread=spread, geometry=geometry
        )[0]
    )


def _solved(rising: Callable[[float], float], low: float, high: float) -> float:
    """Exponential of the root of a rising function of a logarithm."""
    from scipy.optimize import brentq

    if rising(low) > 0:
        return math.exp(low)
    return math.exp(brentq(rising, low, high, xtol=1e-9, maxiter=_ROUNDS))


def simulate_hold(
    seed: int,
    l_diff: float = 1.3,
    *,
    resistance: float = 40.0,
    capacity: float = 14.94,
    charging_current: float = 0.166e-3,
    leakage: float = 0.0,
    duration: float = 100_000.0,
    noise: float = 1.6e-7,
    correlation: float = 0.0,
    geometry: str = "planar",
    spread: float = 0.0,
    diffusion_coefficient: float = 1e-11,
) -> tuple[xr.Dataset, dict[str, float]]:
    """Simulate the current of a cell that is held after a charge.

    Assumed: a linear cell (constant differential capacity), a charge before that was long beside
    tau, one value a minute, a side reaction of constant current, and normal noise.

    Parameters
    ----------
    seed : int
        Of the noise.
    l_diff : float
        Median diffusion length, um.
    resistance, capacity : float
        In series, ohm cm2, and differential, F cm-2.
    charging_current : float
        A; 0.1C of the paper's cell of 0.785 cm2 is 0.166 mA.
    leakage : float
        Current that flows however long the hold lasts, A.
    duration : float
        s.
    noise, correlation : float
        Standard deviation, A, and correlation of neighbouring values (AR(1)).
    geometry, spread, diffusion_coefficient
        Of the particles; cm2 s-1.

    Returns
    -------
    record : xarray.Dataset
        Kind ``cell_record``, time since the hold began.
    truth : dict of str to float
        time (s, to 2 % without leakage), L_diff (um), charging_current (A), leakage (A).

    Raises
    ------
    MeasurementError
        If an argument cannot be.

    Examples
    --------
    >>> record, truth = simulate_hold(1, 5.2)
    >>> round(truth["time"] / 60), record["current"].attrs["units"]
    (710, 'A')
    """
    from electrochem.labels.labels import label_record

    for name, value, least in (
        ("l_diff", l_diff, 0.0),
        ("capacity", capacity, 0.0),
        ("charging_current", charging_current, 0.0),
        ("diffusion_coefficient", diffusion_coefficient, 0.0),
        ("duration", duration, 600.0),
    ):
        if not (value > least and math.isfinite(value)):
            raise MeasurementError(f"{name} is {value}; expected more than {least:g}")
    if not noise >= 0:
        raise MeasurementError(f"noise is {noise}; expected A, at least 0")
    if not 0 <= correlation < 1:
        raise MeasurementError(f"correlation is {correlation}; expected from 0 to below 1")
    tau = (l_diff * 1e-4) ** 2 / diffusion_coefficient
    t, share, time = _noise_free(tau, resistance * capacity, spread, geometry, duration)
    scatter = noise * remembering_noise(np.random.default_rng(seed), t.size, correlation)
    record = label_record(
        {
            "time": t.copy(),
            "voltage": np.full(t.size, 3.15),
            "current": charging_current * share + leakage + scatter,
        },
        technique="chronoamperometry",
        reference_electrode="In/LiIn",
        simulated="yes",
    )
    record["time"].attrs["long_name"] = "time since the hold began"
    return record, {
        "time": time,
        "L_diff": l_diff,
        "charging_current": charging_current,
        "leakage": leakage,
    }


@functools.lru_cache(maxsize=16)
def _noise_free(
    tau: float, product: float, spread: float, geometry: str, duration: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """Times, shares and the time to 2 %: the same for every seed."""
    t = np.arange(60.0, duration, 60.0)
    settings: dict[str, Any] = {
        "resistance_capacity": product,
        "spread": spread,
        "geometry": geometry,
    }
    return t, hold_current(t, tau, **settings), expected_hold_time(tau, **settings)
