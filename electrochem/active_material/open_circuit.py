"""How much charge does the NCM hold at an open-circuit voltage?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import PchipInterpolator

from coatcore.display import shown
from coatcore.errors import MeasurementError


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
    >>> from electrochem.simulating.open_circuit import simulate_ocv
    >>> curve, _ = simulate_ocv(1)
    >>> bool(curve.charge_at(3.6) > curve.charge_at(3.0))
    True
    """

    voltage: np.ndarray
    charge: np.ndarray
    covariance: np.ndarray
    reference_electrode: str
    simulated: bool = False

    def charge_at(self, voltage: ArrayLike) -> np.ndarray:
        """Specific charge / mAh g-1; NaN outside the curve.

        Parameters
        ----------
        voltage : array_like
            V, any shape.

        Examples
        --------
        >>> from electrochem.simulating.open_circuit import simulate_ocv
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
        >>> from electrochem.simulating.open_circuit import simulate_ocv
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
        >>> from electrochem.simulating.open_circuit import simulate_ocv
        >>> simulate_ocv(1)[0].covariance_at([3.0, 3.6]).shape
        (2, 2)
        """
        weights = self.weights(np.atleast_1d(np.asarray(voltage, float)))
        return weights @ self.covariance @ weights.T

    def uncertainty_at(self, voltage: ArrayLike) -> np.ndarray:
        """Standard uncertainty of the charge, mAh g-1, from the reference measurement.

        Parameters
        ----------
        voltage : array_like
            Shape (m,), V, within the curve.

        Examples
        --------
        >>> from electrochem.simulating.open_circuit import simulate_ocv
        >>> bool((simulate_ocv(1)[0].uncertainty_at([3.0, 3.6]) > 0).all())
        True
        """
        weights = self.weights(np.atleast_1d(np.asarray(voltage, float)))
        return np.sqrt(np.einsum("ij,jk,ik->i", weights, self.covariance, weights))

    def weights(self, at: np.ndarray) -> np.ndarray:
        """Weights of the curve's points in the charge at these voltages.

        Parameters
        ----------
        at : numpy.ndarray, shape (m,)
            Voltages, V; beyond the curve its ends.

        Returns
        -------
        numpy.ndarray, shape (m, n)
            Of n points; a row sums to 1.
        """
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
    reference_electrode: str | None = None,
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
    reference_electrode : str, optional
        What the voltage is against ("In/LiIn", "Li+/Li"); needed unless `voltage` is a DataArray
        with an attribute of that name. `active_mass` compares it with that of the cell.
    simulated : bool
        Whether the points were simulated.

    Returns
    -------
    OcvCurve

    Raises
    ------
    MeasurementError
        If there are fewer than 8 points, they do not rise together, or the reference electrode
        is not known.

    Examples
    --------
    >>> q = np.linspace(0, 200, 80)
    >>> float(fit_ocv(3 + q / 400, q, reference_electrode="Li+/Li").charge_at(3.25).round(3))
    100.0
    """
    from scipy.optimize import isotonic_regression

    electrode = reference_electrode or str(
        getattr(voltage, "attrs", {}).get("reference_electrode", "")
    )
    if not electrode.strip():
        raise MeasurementError(
            "open-circuit curve: reference_electrode is not given; say what the voltage is "
            "against, such as 'In/LiIn' or 'Li+/Li'"
        )
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
    return OcvCurve(v, q, covariance, electrode, simulated)


def _slope(v: np.ndarray, q: np.ndarray) -> np.ndarray:
    """dq/dV by a straight line q -> V through three neighbours."""
    index = np.clip(np.arange(v.size), 1, v.size - 2)[:, None] + np.arange(-1, 2)
    x, y = v[index], q[index]
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    # The charge is exact, the voltage is not: it is the voltage that is regressed.
    return (y * y).sum(axis=1) / np.maximum((x * y).sum(axis=1), 1e-12)
