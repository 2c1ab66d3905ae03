"""Voltammograms of a cell with one oxidation, with their truth."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.statistics.autoregressive_noise import remembering_noise
from electrochem.labels.labels import label_record


def simulate_voltammogram(
    seed: int,
    charge: float = 6.0,
    *,
    cell_spread: float = 0.0,
    noise: float = 1e-6,
    correlation: float = 0.0,
    resistance: float = 50.0,
    position: float = 3.0,
    width: float = 0.12,
    interval: float = 1.0,
    rate: float = 1e-3,
) -> tuple[xr.Dataset, dict[str, float]]:
    """Simulate a cycle from 2 to 4 V and back.

    Assumes a capacitance of 10 mF that grows in a straight line with voltage, one Gaussian
    oxidation in the rising scan over the voltage less i R, and normal noise of the
    current. The recorded voltage is that applied.

    Parameters
    ----------
    seed : int
        Of noise and cell.
    charge : float
        Of the oxidation, mC.
    cell_spread : float
        Relative standard deviation of the charge from cell to cell.
    noise, correlation : float
        Standard deviation, A, and correlation of neighbouring points (AR(1)).
    resistance : float
        ohm.
    position, width : float
        Of the peak without resistance, V.
    interval : float
        Between two points, s.
    rate : float
        Scan rate, V s-1.

    Returns
    -------
    record : xarray.Dataset
        Kind ``cell_record``, marked as simulated.
    truth : dict of str to float
        ``charge`` / mC of this cell, ``position`` / V and ``current`` / A of the peak as recorded.

    Examples
    --------
    >>> simulate_voltammogram(1)[0].sizes["record"]
    4001
    """
    if not (rate > 0 and interval > 0 and noise >= 0 and 0 <= correlation < 1):
        raise MeasurementError(
            f"rate {rate}, interval {interval}, noise {noise}, correlation {correlation}: expected "
            "more than 0, more than 0, at least 0, and 0 to below 1"
        )
    rng = np.random.default_rng(seed)
    half = 2 / rate
    t = np.linspace(0, 2 * half, 2 * round(half / interval) + 1)
    v = 4 - np.abs(half - t) * rate
    way = np.where(t <= half, 1.0, -1.0)
    capacitive = 1e-2 * rate * (1 + 0.1 * (v - 3))
    mine = charge * (1 + cell_spread * rng.normal())

    def peak(at: np.ndarray) -> np.ndarray:
        shape = np.exp(-0.5 * ((at - position) / width) ** 2) / (width * math.sqrt(2 * math.pi))
        return mine * 1e-3 * rate * shape

    faradaic = peak(v)
    for _ in range(8):
        faradaic = peak(v - resistance * (capacitive + faradaic))
    faradaic = np.where(way > 0, faradaic, 0)
    top = int(faradaic.argmax())
    current = way * capacitive + faradaic + noise * remembering_noise(rng, t.size, correlation)
    record = label_record(
        {"time": t, "voltage": v, "current": current},
        technique="cyclic voltammetry",
        simulated="yes",
    )
    return record, {
        "charge": float(np.trapezoid(faradaic[t <= half], t[t <= half]) * 1e3),
        "position": float(v[top]),
        "current": float(faradaic[top]),
    }
