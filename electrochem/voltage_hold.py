"""How long does the current take to fade while the voltage is held, and how far must lithium go?

A cell is charged at a constant current I0 until lithium moves through its particles as it will
go on to move, and is then held at its voltage. With Z(s) = R + Z_diff(s) the current is, in
Laplace's domain,

    I(s) / I0 = 1 / s - 1 / (C s^2 Z(s)).

Without R the time to a given share of I0 is proportional to L^2 / D; a resistance in series adds
to it, and the more the shorter L is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import xarray as xr

from coatqc.core.display import shown
from coatqc.core.errors import MeasurementError
from coatqc.core.estimate import Estimate
from electrochem.finite_space import GEOMETRIES, kernel, lognormal_nodes

_TALBOT = 24
_ROUNDS = 60
# Points on each side of the crossing that a straight line of ln I is laid through.
_LEAST_POINTS = 4


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
    t = np.asarray(time, dtype=float)
    if geometry not in GEOMETRIES:
        raise MeasurementError(f"geometry is {geometry!r}; expected one of {', '.join(GEOMETRIES)}")
    if not (np.isfinite(t).all() and (t > 0).all()):
        raise MeasurementError("time: expected seconds above 0 since the hold began")
    if not (diffusion_time > 0 and resistance_capacity >= 0 and spread >= 0):
        raise MeasurementError("diffusion_time must be above 0, the others at least 0")
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


def expected_time(
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

    Examples
    --------
    >>> round(expected_time(1000.0)), round(expected_time(1000.0, geometry="sphere"))
    (1500, 346)
    """
    if not 0 < fraction < 1:
        raise MeasurementError(f"fraction is {fraction}; expected between 0 and 1")
    if not (diffusion_time > 0 and resistance_capacity >= 0 and spread >= 0):
        raise MeasurementError("diffusion_time must be above 0, the others at least 0")
    scale = diffusion_time + resistance_capacity
    low, high = math.log(1e-4 * scale), math.log(1e3 * scale * math.exp(4 * spread))
    for _ in range(_ROUNDS):
        middle = (low + high) / 2
        left = hold_current(
            np.array([math.exp(middle)]),
            diffusion_time,
            resistance_capacity=resistance_capacity,
            spread=spread,
            geometry=geometry,
        )[0]
        low, high = (middle, high) if left > fraction else (low, middle)
        if high - low < 1e-9:
            break
    return math.exp(low)


@shown()
@dataclass(frozen=True)
class HoldTime:
    """Time to a share of the charging current.

    Parameters
    ----------
    time : Estimate
        Seconds since the hold began; without an upper end where the hold was ended before.
    fraction : float
        Share of the charging current.
    reached : bool
        Whether the current fell to it.

    Examples
    --------
    >>> HoldTime(Estimate.from_standard_uncertainty(10.0, 1.0, unit="s"), 0.02, True).reached
    True
    """

    time: Estimate
    fraction: float
    reached: bool


def time_to_fraction(
    time: np.ndarray, current: np.ndarray, *, charging_current: float, fraction: float = 0.02
) -> HoldTime:
    """When does the current of a voltage hold fall to a share of the charging current?

    Parameters
    ----------
    time : numpy.ndarray
        Since the hold began, s, ascending; shape (n,).
    current : numpy.ndarray
        A, charge positive; shape (n,).
    charging_current : float
        Of the charge before, A.
    fraction : float, default 0.02
        Share that is asked for.

    Returns
    -------
    HoldTime

    Raises
    ------
    MeasurementError
        If the current is not of the size of the charging current at first (A against mA), or
        time does not ascend.

    Notes
    -----
    The current within a quarter of the crossing's time is fitted as the exponential of a quadratic;
    its scatter gives the uncertainty. A hold that ends before is a lower bound.

    Examples
    --------
    >>> t = np.arange(60.0, 6000.0, 60.0)
    >>> rng = np.random.default_rng(1)
    >>> i = 1e-3 * hold_current(t, 1000.0) + 2e-7 * rng.normal(size=t.size)
    >>> found = time_to_fraction(t, i, charging_current=1e-3)
    >>> found.time.lower < 1500 < found.time.upper
    True
    """
    t, i = np.asarray(time, dtype=float), np.asarray(current, dtype=float)
    if t.shape != i.shape or t.ndim != 1 or t.size < 2 * _LEAST_POINTS:
        raise MeasurementError(
            f"time and current have shapes {t.shape} and {i.shape}; expected one length of at "
            f"least {2 * _LEAST_POINTS}"
        )
    if not (np.isfinite(t).all() and np.isfinite(i).all()):
        raise MeasurementError("time or current holds values that are not finite numbers")
    if (np.diff(t) <= 0).any():
        raise MeasurementError("time does not ascend; give the seconds since the hold began")
    if not charging_current > 0:
        raise MeasurementError(f"charging_current is {charging_current}; expected A above 0")
    share = i / charging_current
    first = float(np.median(share[:3]))
    if not 0.05 < first < 20:
        raise MeasurementError(
            f"the hold begins at {first:.3g} of the charging current; are both in A?"
        )
    if not 0 < fraction < first:
        raise MeasurementError(f"fraction is {fraction}, the hold begins at {first:.3g}")
    below = np.flatnonzero(share <= fraction)
    # Chosen by time alone: a choice by the noisy current would bend the curve.
    near = np.zeros(t.size, dtype=bool)
    if below.size:
        crossed = float(np.median(t[below[:_LEAST_POINTS]]))
        near = (t > 0.75 * crossed) & (t < 1.25 * crossed) & (share > 0)
    if not below.size or np.count_nonzero(near & (share <= fraction)) < _LEAST_POINTS:
        bound = Estimate.from_interval(
            t[-1],
            t[-1] if not below.size else t[below[0] - 1],
            math.inf,
            standard_uncertainty=math.inf,
            unit="s",
            n=t.size,
            method=f"hold ended before {fraction:g} of the charging current was passed for long",
        )
        return HoldTime(bound, fraction, reached=False)
    x, y = t[near], share[near]
    centre, width = x.mean(), max(float(np.ptp(x)), 1e-12)
    design = np.vander((x - centre) / width, 3)
    values = np.linalg.lstsq(design, np.log(y / fraction), rcond=None)[0]
    # The noise is of the current, not of its logarithm.
    for _ in range(_ROUNDS):
        model = fraction * np.exp(np.clip(design @ values, -5, 5))
        left = y - model
        slopes = design * model[:, None]
        step = np.linalg.lstsq(slopes, left, rcond=None)[0]
        values = values + step
        if np.abs(step).max() < 1e-10:
            break
    dof = x.size - 3
    covariance = np.linalg.inv(slopes.T @ slopes) * float(left @ left) / max(dof, 1)
    roots = np.roots(values)
    real = roots[np.abs(roots.imag) < 1e-9].real
    if not real.size:
        raise MeasurementError("the current scatters too much around the crossing to tell its time")
    root = float(real[np.argmin(np.abs(real - (t[below[0]] - centre) / width))])
    slope = 2 * values[0] * root + values[1]
    place = np.array([root**2, root, 1.0])
    u = width * math.sqrt(float(place @ covariance @ place)) / abs(slope)
    crossing = Estimate.from_standard_uncertainty(
        centre + width * root,
        u,
        unit="s",
        dof=max(dof, 1),
        n=int(x.size),
        method=f"crossing of {fraction:g} of the charging current",
    )
    return HoldTime(crossing, fraction, reached=True)


def length_from_hold(
    hold: HoldTime,
    *,
    diffusion_coefficient: float,
    resistance_capacity: tuple[float, float] = (0.0, 0.0),
    spread: float = 0.0,
    geometry: str = "planar",
) -> Estimate:
    """Diffusion length, um, from the time that a voltage hold took.

    Parameters
    ----------
    hold : HoldTime
        From `time_to_fraction`.
    diffusion_coefficient : float
        cm2 s-1.
    resistance_capacity : (float, float)
        Resistance in series times differential capacity, s, and its standard uncertainty.
    spread : float
        Standard deviation of ln L by volume.
    geometry : {"planar", "cylinder", "sphere"}
        Of the particles.

    Raises
    ------
    MeasurementError
        If the resistance alone would take longer than was measured.

    Examples
    --------
    >>> time = Estimate.from_standard_uncertainty(2535.0, 30.0, unit="s")
    >>> str(length_from_hold(HoldTime(time, 0.02, True), diffusion_coefficient=1e-11))
    '1.300(8) um'
    """
    if not diffusion_coefficient > 0:
        raise MeasurementError(
            f"diffusion_coefficient is {diffusion_coefficient}; expected cm2 s-1"
        )
    rc, u_rc = resistance_capacity

    def length(time: float, product: float) -> float:
        return 1e4 * math.sqrt(
            diffusion_coefficient
            * _diffusion_time(time, max(product, 0.0), hold.fraction, spread, geometry)
        )

    value = length(hold.time.value, rc)
    from_time = (
        value - length(hold.time.lower, rc),
        length(hold.time.upper, rc) - value if hold.reached else math.inf,
    )
    from_rc = (
        value - length(hold.time.value, rc + 1.96 * u_rc),
        length(hold.time.value, rc - 1.96 * u_rc) - value,
    )
    down, up = (math.hypot(a, b) for a, b in zip(from_time, from_rc, strict=True))
    return Estimate.from_interval(
        value,
        max(value - down, 0.0),
        value + up,
        standard_uncertainty=(down + up) / 2 / 1.96 if hold.reached else math.inf,
        unit="um",
        n=hold.time.n,
        method=f"{geometry} particles, time to {hold.fraction:g} of the charging current",
    )


def _diffusion_time(
    time: float, product: float, fraction: float, spread: float, geometry: str
) -> float:
    """Time constant tau with which the hold takes this time; it grows with tau."""
    if product * math.log(1 / fraction) > time:
        raise MeasurementError(
            f"a resistance times capacity of {product:.4g} s alone takes "
            f"{product * math.log(1 / fraction):.4g} s, the hold {time:.4g} s"
        )
    low, high = math.log(1e-6 * time), math.log(1e3 * time)
    for _ in range(_ROUNDS):
        middle = (low + high) / 2
        needs = expected_time(
            math.exp(middle),
            fraction=fraction,
            resistance_capacity=product,
            spread=spread,
            geometry=geometry,
        )
        low, high = (middle, high) if needs < time else (low, middle)
        if high - low < 1e-7:
            break
    return math.exp((low + high) / 2)


def simulate_hold(
    seed: int,
    l_diff: float = 1.3,
    *,
    resistance: float = 40.0,
    capacity: float = 14.94,
    charging_current: float = 0.212e-3,
    duration: float = 100_000.0,
    noise: float = 2e-7,
    geometry: str = "planar",
    spread: float = 0.0,
    diffusion_coefficient: float = 1e-11,
) -> tuple[xr.Dataset, dict[str, float]]:
    """Simulate the current of a cell that is held after a charge.

    Assumed: a linear cell (constant differential capacity), a charge before that was long beside
    tau, one value a minute, and white noise of the current.

    Parameters
    ----------
    seed : int
        Of the noise.
    l_diff : float
        Median diffusion length, um.
    resistance, capacity : float
        In series, ohm cm2, and differential, F cm-2.
    charging_current : float
        A cm-2; 0.1C of the paper's cell is 0.212 mA cm-2.
    duration : float
        s.
    noise : float
        A cm-2.
    geometry, spread, diffusion_coefficient
        Of the particles; cm2 s-1.

    Returns
    -------
    record : xarray.Dataset
        Kind ``cell_record``; current per cm2.
    truth : dict of str to float
        time (s, to 2 %), L_diff (um), charging_current (A).

    Examples
    --------
    >>> record, truth = simulate_hold(1, 5.2)
    >>> round(truth["time"] / 60)
    710
    """
    from electrochem.labels import label_record

    tau = (l_diff * 1e-4) ** 2 / diffusion_coefficient
    settings = {
        "resistance_capacity": resistance * capacity,
        "spread": spread,
        "geometry": geometry,
    }
    t = np.arange(60.0, duration, 60.0)
    share = hold_current(t, tau, **settings)  # type: ignore[arg-type]
    current = charging_current * share + noise * np.random.default_rng(seed).normal(size=t.size)
    record = label_record(
        {"time": t, "voltage": np.full(t.size, 3.15), "current": current},
        technique="chronoamperometry",
        reference_electrode="In/LiIn",
        simulated="yes",
    )
    time = expected_time(tau, **settings)  # type: ignore[arg-type]
    return record, {"time": time, "L_diff": l_diff, "charging_current": charging_current}
