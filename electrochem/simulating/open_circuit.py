"""An oxide whose open-circuit curve and relaxation are known."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from scipy.special import expit

from coatcore.errors import MeasurementError
from electrochem.active_material.open_circuit import OcvCurve, fit_ocv

# Steps of a nickel-rich oxide: charge / mAh g-1, place / V vs In/LiIn, width / V. Assumed, with
# the H1-M step near 3 V and the H2-H3 step near 3.55 V as in Shi et al. (2025), figure 3.
_STEPS = ((70.0, 3.00, 0.045), (120.0, 3.25, 0.11), (45.0, 3.55, 0.025), (35.0, 3.68, 0.07))


def true_charge(voltage: ArrayLike) -> np.ndarray:
    """Charge / mAh g-1 of the simulated oxide at a voltage / V vs In/LiIn.

    Parameters
    ----------
    voltage : array_like
        V.

    Examples
    --------
    >>> float(true_charge(9.0))
    270.0
    """
    v = np.asarray(voltage, float)
    return np.asarray(sum(a * expit((v - place) / width) for a, place, width in _STEPS))


@lru_cache(maxsize=1)
def _table() -> tuple[np.ndarray, np.ndarray]:
    v = np.linspace(2.0, 4.5, 20001)
    return true_charge(v), v


def true_voltage(charge: ArrayLike) -> np.ndarray:
    """Open-circuit voltage / V vs In/LiIn of the simulated oxide; inverse of `true_charge`.

    Parameters
    ----------
    charge : array_like
        mAh g-1.

    Examples
    --------
    >>> float(true_voltage(true_charge(3.3)).round(6))
    3.3
    """
    q, v = _table()
    return np.interp(np.asarray(charge, float), q, v)


def simulate_ocv(
    seed: int,
    *,
    noise: float = 1e-3,
    shared: float = 1.5e-3,
    shared_over: float = 0.1,
    u_mass: float = 0.01,
    pulses: int = 80,
) -> tuple[OcvCurve, dict[str, Any]]:
    """Simulate the reference curve from a titration of a cell with liquid electrolyte.

    Assumes an oxide whose charge is a sum of four logistic steps, pulses of equal charge from
    2 to 265 mAh g-1, independent normal noise of each voltage, a smooth error that neighbouring
    pulses share, and a mass of the reference electrode that is off.

    Parameters
    ----------
    seed : int
        Of all errors.
    noise : float
        Of one voltage, V.
    shared, shared_over : float
        Size and range of the shared error, both V.
    u_mass : float
        Relative standard deviation of the mass of the reference electrode.
    pulses : int
        How many.

    Returns
    -------
    curve : OcvCurve
        As fitted, marked as simulated.
    truth : dict
        ``mass_factor`` by which all charges are off, ``voltage_error`` / V of each pulse.

    Examples
    --------
    >>> curve, truth = simulate_ocv(1)
    >>> curve.simulated, len(truth["voltage_error"])
    (True, 80)
    """
    rng = np.random.default_rng(seed)
    q = np.linspace(2.0, 265.0, pulses)
    v = true_voltage(q)
    # A few waves of random phase make a smooth Gaussian error with a Gaussian correlation.
    waves = 60
    k = rng.normal(size=waves) / shared_over
    error = np.sqrt(2 / waves) * np.cos(v[:, None] * k + rng.uniform(0, 2 * np.pi, waves)).sum(1)
    error = shared * error + noise * rng.normal(size=pulses)
    factor = 1 + u_mass * rng.normal()
    curve = fit_ocv(
        v + error,
        q * factor,
        noise,
        u_shared=shared,
        shared_over=shared_over,
        u_mass=u_mass,
        reference_electrode="In/LiIn",
        simulated=True,
    )
    return curve, {"mass_factor": float(factor), "voltage_error": error}


def simulate_rest(
    seed: int,
    *,
    after: str = "charge",
    noise: float = 2e-4,
    duration: float = 7200.0,
    slowest: tuple[float, float] = (0.2, 1.2),
) -> tuple[xr.Dataset, dict[str, float]]:
    """Simulate the rest after a charge or discharge.

    Assumes two exponentials with time constants that are log-uniform, 1/40 to 1/5 of the
    duration and within `slowest`, amplitudes of 10 to 60 and 5 to 40 mV, 121 points, and
    independent normal noise.

    Parameters
    ----------
    seed : int
        Of everything.
    after : {"charge", "discharge"}
        From where the voltage comes.
    noise : float
        Of one point, V.
    duration : float
        s.
    slowest : (float, float)
        Bounds of the larger time constant, in durations of the rest.

    Returns
    -------
    rest : xarray.Dataset
        Kind ``cell_record``, marked as simulated.
    truth : dict of str to float
        ``voltage`` / V after infinite time and ``drift`` / V that remains at the end.

    Examples
    --------
    >>> rest, truth = simulate_rest(1)
    >>> rest.sizes["record"], truth["drift"] < 0
    (121, True)
    """
    from electrochem.labels.labels import label_record

    if not 0 < slowest[0] <= slowest[1]:
        raise MeasurementError(
            f"slowest is {slowest}; two ascending positive numbers were expected"
        )
    if after not in ("charge", "discharge"):
        raise MeasurementError(f"after is {after!r}; expected 'charge' or 'discharge'")
    rng = np.random.default_rng(seed)
    sign, start = (1.0, 3.62) if after == "charge" else (-1.0, 2.98)
    t = np.linspace(0, duration, 121)
    tau = duration * np.exp([rng.uniform(*np.log([1 / 40, 1 / 5])), rng.uniform(*np.log(slowest))])
    size = sign * np.array([rng.uniform(0.01, 0.06), rng.uniform(0.005, 0.04)])
    v = start + (size * np.exp(-t[:, None] / tau)).sum(axis=1)
    drift = start - float(v[-1])
    noisy = v + noise * rng.normal(size=t.size)
    rest = label_record({"time": t, "voltage": noisy, "current": 0 * t}, simulated="yes")
    return rest, {"voltage": start, "drift": drift}
