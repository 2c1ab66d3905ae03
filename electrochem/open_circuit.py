"""How much charge does the NCM hold at an open-circuit voltage, and is the cell at rest?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from scipy.interpolate import PchipInterpolator
from scipy.special import expit, ndtr

from coatqc.core.display import shown
from coatqc.core.errors import MeasurementError
from coatqc.core.estimate import Estimate

# Steps of a nickel-rich oxide: charge / mAh g-1, place / V vs In/LiIn, width / V. Assumed, with
# the H1-M step near 3 V and the H2-H3 step near 3.55 V as in Shi et al. (2025), figure 3.
_STEPS = ((70.0, 3.00, 0.045), (120.0, 3.25, 0.11), (45.0, 3.55, 0.025), (35.0, 3.68, 0.07))


@shown(hide=("covariance",))
@dataclass(frozen=True, eq=False)
class OcvCurve:
    """Specific charge as a rising function of the open-circuit voltage.

    Parameters
    ----------
    voltage : numpy.ndarray
        Shape (n,), V, strictly rising.
    charge : numpy.ndarray
        Shape (n,), mAh g-1 taken out of the oxide, rising.
    covariance : numpy.ndarray
        Shape (n, n), (mAh g-1)2, of the charge at these voltages: noise of the points, error that
        neighbouring points share, and mass of the reference electrode.
    reference_electrode : str
        What the voltage is against.
    simulated : bool
        Whether the points were simulated.

    Examples
    --------
    >>> curve, _ = simulate_ocv(1)
    >>> bool(curve.charge_at(3.6) > curve.charge_at(3.0))
    True
    """

    voltage: np.ndarray
    charge: np.ndarray
    covariance: np.ndarray
    reference_electrode: str = "In/LiIn"
    simulated: bool = False

    def charge_at(self, voltage: ArrayLike) -> np.ndarray:
        """Specific charge / mAh g-1; NaN outside the curve.

        Parameters
        ----------
        voltage : array_like
            V, any shape.

        Examples
        --------
        >>> bool(np.isnan(simulate_ocv(1)[0].charge_at(9.0)))
        True
        """
        curve = PchipInterpolator(self.voltage, self.charge, extrapolate=False)
        return np.asarray(curve(np.asarray(voltage, float)))

    def slope_at(self, voltage: ArrayLike) -> np.ndarray:
        """Slope of the curve, mAh g-1 V-1, smoothed over three points; NaN outside.

        Parameters
        ----------
        voltage : array_like
            V, any shape.

        Examples
        --------
        >>> bool(simulate_ocv(1)[0].slope_at(3.0) > 100)
        True
        """
        slope = _slope(self.voltage, self.charge)
        return np.interp(np.asarray(voltage, float), self.voltage, slope, np.nan, np.nan)

    def covariance_at(self, voltage: ArrayLike) -> np.ndarray:
        """Covariance of the charge at several voltages, (mAh g-1)2, shape (m, m).

        Parameters
        ----------
        voltage : array_like
            Shape (m,), V, within the curve.

        Examples
        --------
        >>> simulate_ocv(1)[0].covariance_at([3.0, 3.6]).shape
        (2, 2)
        """
        weights = self._weights(np.atleast_1d(np.asarray(voltage, float)))
        return weights @ self.covariance @ weights.T

    def uncertainty_at(self, voltage: ArrayLike) -> np.ndarray:
        """Standard uncertainty of the charge, mAh g-1, from the reference measurement.

        Parameters
        ----------
        voltage : array_like
            Shape (m,), V, within the curve.

        Examples
        --------
        >>> bool((simulate_ocv(1)[0].uncertainty_at([3.0, 3.6]) > 0).all())
        True
        """
        weights = self._weights(np.atleast_1d(np.asarray(voltage, float)))
        return np.sqrt(np.einsum("ij,jk,ik->i", weights, self.covariance, weights))

    def _weights(self, at: np.ndarray) -> np.ndarray:
        """Weights of the points in the charge at these voltages, shape (m, n)."""
        x = np.clip(np.nan_to_num(at, nan=self.voltage[0]), self.voltage[0], self.voltage[-1])
        right = np.clip(np.searchsorted(self.voltage, x), 1, self.voltage.size - 1)
        part = (x - self.voltage[right - 1]) / (self.voltage[right] - self.voltage[right - 1])
        weights = np.zeros((x.size, self.voltage.size))
        rows = np.arange(x.size)
        # A cubic through four neighbours, which is what the curve nearly is: a straight line
        # between two would average their noise too well.
        u = part
        cubic = (
            -0.5 * u + u**2 - 0.5 * u**3,
            1 - 2.5 * u**2 + 1.5 * u**3,
            0.5 * u + 2 * u**2 - 1.5 * u**3,
            -0.5 * u**2 + 0.5 * u**3,
        )
        for offset, weight in zip((-2, -1, 0, 1), cubic, strict=True):
            np.add.at(weights, (rows, np.clip(right + offset, 0, self.voltage.size - 1)), weight)
        return weights


def fit_ocv(
    voltage: ArrayLike,
    charge: ArrayLike,
    u_voltage: float = 1e-3,
    *,
    u_shared: float = 0.0,
    shared_over: float = 0.1,
    u_mass: float = 0.0,
    reference_electrode: str = "In/LiIn",
    simulated: bool = False,
) -> OcvCurve:
    """Curve of charge over open-circuit voltage from the rests of a titration (GITT).

    The voltages are made monotonic (isotonic regression; points that pool into one voltage are
    averaged) and joined by a monotonic cubic (PCHIP).

    Parameters
    ----------
    voltage : array_like
        Shape (n,), V after each rest, about 80 of them; either order.
    charge : array_like
        Shape (n,), mAh g-1 taken out of the oxide.
    u_voltage : float
        Standard uncertainty of one voltage, V, independent from rest to rest.
    u_shared : float
        Standard uncertainty, V, that neighbouring rests share (relaxation, reference electrode).
    shared_over : float
        Over how many volts (standard deviation of a Gaussian correlation).
    u_mass : float
        Relative standard uncertainty of the mass of the reference electrode; cancels in a ratio.
    reference_electrode : str
        What the voltage is against.
    simulated : bool
        Whether the points were simulated.

    Returns
    -------
    OcvCurve

    Raises
    ------
    MeasurementError
        If there are fewer than 8 points, or they do not rise together.

    Examples
    --------
    >>> q = np.linspace(0, 200, 80)
    >>> float(fit_ocv(3 + q / 400, q).charge_at(3.25).round(3))
    100.0
    """
    from scipy.optimize import isotonic_regression

    v, q = np.asarray(voltage, float), np.asarray(charge, float)
    if v.ndim != 1 or v.shape != q.shape or v.size < 8:
        raise MeasurementError(
            f"open-circuit curve: voltage {v.shape} and charge {q.shape}; expected one length, "
            "at least 8 rests"
        )
    if not (np.isfinite(v).all() and np.isfinite(q).all()):
        raise MeasurementError("open-circuit curve: values that are not finite numbers")
    if min(u_voltage, u_shared, u_mass) < 0 or shared_over <= 0:
        raise MeasurementError("open-circuit curve: uncertainties must not be negative")
    order = np.argsort(q)
    v, q = v[order], q[order]
    if np.corrcoef(v, q)[0, 1] < 0.5 if np.ptp(v) > 0 and np.ptp(q) > 0 else True:
        raise MeasurementError(
            "open-circuit curve: charge does not rise with voltage; give the charge taken OUT of "
            "the oxide (capacity less discharge)"
        )
    block = isotonic_regression(v)
    starts = block.blocks[:-1]
    size = np.diff(block.blocks)
    v, q = block.x[starts], np.add.reduceat(q, starts) / size
    if v.size < 8:
        raise MeasurementError(
            f"open-circuit curve: only {v.size} distinct voltages; check voltage and charge"
        )
    slope = _slope(v, q)
    apart = (v[:, None] - v) / shared_over
    covariance = (
        np.diag((slope * u_voltage) ** 2 / size)
        + slope[:, None] * slope * u_shared**2 * np.exp(-(apart**2) / 2)
        + u_mass**2 * q[:, None] * q
    )
    return OcvCurve(v, q, covariance, reference_electrode, simulated)


def _slope(v: np.ndarray, q: np.ndarray) -> np.ndarray:
    """dq/dV by a straight line q -> V through three neighbours."""
    index = np.clip(np.arange(v.size), 1, v.size - 2)[:, None] + np.arange(-1, 2)
    x, y = v[index], q[index]
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    # The charge is exact, the voltage is not: it is the voltage that is regressed.
    return (y * y).sum(axis=1) / np.maximum((x * y).sum(axis=1), 1e-12)


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
        simulated=True,
    )
    return curve, {"mass_factor": float(factor), "voltage_error": error}


# -- relaxation ---------------------------------------------------------------------------


def relaxed_voltage(
    rest: xr.Dataset | tuple[ArrayLike, ArrayLike], *, level: float = 0.95
) -> Estimate:
    """Open-circuit voltage that a rest would have reached after infinite time.

    Parameters
    ----------
    rest : xarray.Dataset or (array_like, array_like)
        Kind ``cell_record`` of the rest alone, or time / s and voltage / V; at least 20 points.
    level : float
        Coverage probability.

    Returns
    -------
    Estimate
        V. The interval holds the drift that remains at the end of the rest: all pairs of
        exponentials and all stretched exponentials that explain the data have a say.

    Raises
    ------
    MeasurementError
        If there are fewer than 20 points, or current flows.

    Notes
    -----
    Time constants of 1/50 to 1.5 of the duration of the rest (log-uniform) and exponents of 0.4
    to 1 are weighed by their likelihood; both parts of a pair go the same way. Slower processes
    are not seen by any rest. The noise is taken as independent from point to point.

    Examples
    --------
    >>> rest, truth = simulate_rest(1)
    >>> e = relaxed_voltage(rest)
    >>> e.lower < truth["voltage"] < e.upper
    True
    """
    return _relax(rest, level)[0]


def remaining_drift(
    rest: xr.Dataset | tuple[ArrayLike, ArrayLike], *, level: float = 0.95
) -> Estimate:
    """How far the voltage had still to go when the rest ended.

    Parameters
    ----------
    rest, level
        As for `relaxed_voltage`.

    Returns
    -------
    Estimate
        V, negative after a charge: relaxed voltage less fitted voltage at the end.

    Examples
    --------
    >>> rest, truth = simulate_rest(1)
    >>> e = remaining_drift(rest)
    >>> e.lower < truth["drift"] < e.upper
    True
    """
    return _relax(rest, level)[1]


def _relax(rest: xr.Dataset | tuple[ArrayLike, ArrayLike], level: float) -> list[Estimate]:
    if isinstance(rest, xr.Dataset):
        if missing := {"time", "voltage"} - set(rest.data_vars):
            raise MeasurementError(f"rest: {sorted(missing)} missing; expected a cell_record")
        t, v = rest["time"].values.astype(float), rest["voltage"].values.astype(float)
        if "current" in rest and (flow := float(np.abs(rest["current"]).max())) > 1e-6:
            raise MeasurementError(
                f"rest: current of up to {flow:.3g} A flows; cut the record to the rest"
            )
    else:
        t, v = (np.asarray(part, float) for part in rest)
    if t.ndim != 1 or t.shape != v.shape or t.size < 20:
        raise MeasurementError(f"rest: {t.size} points; at least 20 of time and voltage are needed")
    if not (np.isfinite(t).all() and np.isfinite(v).all() and (np.diff(t) > 0).all()):
        raise MeasurementError("rest: time must rise and all values be finite numbers")
    x = (t - t[0]) / (t[-1] - t[0])
    # A long rest is averaged into 150 bins: nothing is lost and the fits stay fast.
    if x.size > 300:
        edge = np.unique(np.linspace(0, x.size, 151).astype(int))[:-1]
        count = np.diff(np.append(edge, x.size))
        x, v = np.add.reduceat(x, edge) / count, np.add.reduceat(v, edge) / count
    middle = float(v.mean())
    y = v - middle
    tau = np.geomspace(0.02, 1.5, 40)
    coarse = _pairs(x, y, tau, tau)
    weight = np.exp(-(coarse[3] - coarse[3].min()) / (2 * _sigma2(coarse[3], x.size)))
    # Once more, finely, where the data allow it; a weight stands for its share of all pairs.
    whole, boxes = np.log(tau[-1] / tau[0]), []
    for part in coarse[4:]:
        likely = part[weight > 1e-5]
        step = (tau[1] / tau[0]) ** 2
        boxes.append((max(likely.min() / step, tau[0]), min(likely.max() * step, tau[-1])))
    fine = _pairs(x, y, *(np.geomspace(*box, 45) for box in boxes))
    share = 2 * np.prod([np.log(high / low) / whole for low, high in boxes]) / 45**2
    single = _stretched(x, y)
    values, inverse, last, left = (np.concatenate([fine[k], single[k]]) for k in range(4))
    prior = np.r_[np.full(len(fine[3]), share), np.full(len(single[3]), 1 / len(single[3]))]
    best = float(left.min())
    sigma2 = _sigma2(left, x.size)
    same_way = values[:, 1] * values[:, 2] >= 0
    if not same_way.any():
        same_way[:] = True
    weight = prior * np.exp(-(left - best) / (2 * sigma2)) * same_way
    if not weight.sum() > 0:
        weight = prior * np.exp(-(left - best) / (2 * sigma2))
    weight = weight / weight.sum()
    ends = np.concatenate([np.ones((last.shape[0], 1)), 0 * last], axis=1)
    results = []
    for direction, shift, name in (
        (ends, middle, "relaxed voltage"),
        (-np.concatenate([np.zeros((last.shape[0], 1)), last], axis=1), 0.0, "remaining drift"),
    ):
        mean = (direction * values).sum(axis=1)
        spread = np.sqrt(sigma2 * np.einsum("gi,gij,gj->g", direction, inverse, direction))
        spread = np.maximum(spread, 1e-12)
        value = float(weight @ mean)
        u = float(np.sqrt(weight @ (spread**2 + (mean - value) ** 2)))
        low, high = (_quantile(p, weight, mean, spread) for p in (0.5 - level / 2, 0.5 + level / 2))
        low, high = min(low, value), max(high, value)
        results.append(
            Estimate.from_interval(
                value + shift,
                low + shift,
                high + shift,
                standard_uncertainty=u,
                unit="V",
                level=level,
                method=f"{name}, average over pairs of exponentials and stretched exponentials",
            )
        )
    return results


def _sigma2(left: np.ndarray, n: int) -> float:
    """Variance of a point, from the smallest sum of squares."""
    return max(float(left.min()), 1e-24) / max(n - 5, 1)


def _pairs(x: np.ndarray, y: np.ndarray, fast: np.ndarray, slow: np.ndarray) -> list[np.ndarray]:
    """All pairs of exponentials, see `_solve`, and their time constants."""
    i, j = np.nonzero(slow > 1.15 * fast[:, None])
    a, b = np.exp(-x / fast[:, None]), np.exp(-x / slow[:, None])
    normal = np.empty((i.size, 3, 3))
    normal[:, 0, 0] = x.size
    normal[:, 0, 1] = normal[:, 1, 0] = a.sum(1)[i]
    normal[:, 0, 2] = normal[:, 2, 0] = b.sum(1)[j]
    normal[:, 1, 1], normal[:, 2, 2] = (a * a).sum(1)[i], (b * b).sum(1)[j]
    normal[:, 1, 2] = normal[:, 2, 1] = (a @ b.T)[i, j]
    moment = np.stack([np.full(i.size, y.sum()), (a @ y)[i], (b @ y)[j]], axis=1)
    last = np.stack([a[i, -1], b[j, -1]], axis=1)
    return [*_solve(normal, moment, last, float(y @ y)), fast[i], slow[j]]


def _stretched(x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """All stretched exponentials, see `_solve`."""
    fall = _stretched_shapes(x.tobytes())
    normal = np.zeros((len(fall), 3, 3))
    normal[:, 0, 0], normal[:, 2, 2] = x.size, 1.0
    normal[:, 0, 1] = normal[:, 1, 0] = fall.sum(1)
    normal[:, 1, 1] = (fall * fall).sum(1)
    moment = np.stack([np.full(len(fall), y.sum()), fall @ y, np.zeros(len(fall))], axis=1)
    last = np.stack([fall[:, -1], np.zeros(len(fall))], axis=1)
    return _solve(normal, moment, last, float(y @ y))


@lru_cache(maxsize=8)
def _stretched_shapes(times: bytes) -> np.ndarray:
    x, scale = np.frombuffer(times), np.geomspace(0.005, 1.5, 60)[:, None, None]
    shape = np.exp(-((x / scale) ** np.linspace(0.4, 1.0, 25)[:, None]))
    return np.ascontiguousarray(shape.reshape(-1, x.size))


def _solve(
    normal: np.ndarray, moment: np.ndarray, last: np.ndarray, total: float
) -> list[np.ndarray]:
    """Values (g, 3), inverse normal matrices, ends of the falls (g, 2) and sums of squares."""
    inverse = np.linalg.inv(normal)
    values = np.einsum("gij,gj->gi", inverse, moment)
    return [values, inverse, last, total - (values * moment).sum(axis=1)]


def _quantile(p: float, weight: np.ndarray, mean: np.ndarray, spread: np.ndarray) -> float:
    """Quantile of a mixture of normal distributions."""
    used = weight > 1e-9
    weight, mean, spread = weight[used] / weight[used].sum(), mean[used], spread[used]
    low, high = float((mean - 8 * spread).min()), float((mean + 8 * spread).max())
    for _ in range(50):
        middle = (low + high) / 2
        if weight @ ndtr((middle - mean) / spread) < p:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def simulate_rest(
    seed: int, *, after: str = "charge", noise: float = 2e-4, duration: float = 7200.0
) -> tuple[xr.Dataset, dict[str, float]]:
    """Simulate the rest after a charge or discharge.

    Assumes two exponentials with time constants that are log-uniform, 1/40 to 1/5 and 1/5 to 1.2
    of the duration, amplitudes of 10 to 60 and 5 to 40 mV, a point each minute, and independent
    normal noise.

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
    from electrochem.labels import label_record

    if after not in ("charge", "discharge"):
        raise MeasurementError(f"after is {after!r}; expected 'charge' or 'discharge'")
    rng = np.random.default_rng(seed)
    sign, start = (1.0, 3.62) if after == "charge" else (-1.0, 2.98)
    t = np.linspace(0, duration, 121)
    tau = duration * np.exp(
        [rng.uniform(np.log(1 / 40), np.log(1 / 5)), rng.uniform(np.log(1 / 5), np.log(1.2))]
    )
    size = sign * np.array([rng.uniform(0.01, 0.06), rng.uniform(0.005, 0.04)])
    v = start + (size * np.exp(-t[:, None] / tau)).sum(axis=1)
    drift = start - float(v[-1])
    noisy = v + noise * rng.normal(size=t.size)
    rest = label_record({"time": t, "voltage": noisy, "current": 0 * t}, simulated="yes")
    return rest, {"voltage": start, "drift": drift}
