"""Where is the oxidation peak of a voltammogram, and how high?"""

from __future__ import annotations

import math

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.statistics.autoregressive_noise import noise_of
from electrochem.voltammetry.charge import cut_of
from electrochem.voltammetry.scans import baseline_of, window_of


def oxidation_peak(
    record: xr.Dataset, between: tuple[float, float], *, scan: int = 0
) -> tuple[Estimate, Estimate]:
    """Place and height of the oxidation peak above the baseline.

    Parameters
    ----------
    record, between, scan
        As for `side_reaction_charge`.

    Returns
    -------
    position, current : Estimate
        V and A; from a quartic through the part above 60 % of the height. Where the peak is cut by
        the window the current is a lower bound, and the interval of the position holds the slope
        of the baseline.

    Raises
    ------
    MeasurementError
        If no peak stands out of the noise within the window.

    Examples
    --------
    >>> from electrochem.simulating import simulate_voltammogram
    >>> record, truth = simulate_voltammogram(1)
    >>> position, current = oxidation_peak(record, (2.3, 3.7))
    >>> abs(position.value - truth["position"]) < 0.01, current.unit
    (True, 'A')
    """
    window = window_of(record, between, scan)
    v, i, noise = window.voltage, window.current, noise_of(window.current)
    base, solver, edge = baseline_of(v, between)
    y = i - base @ (solver @ i[edge])
    width = max(3, v.size // 30) | 1
    smooth = np.convolve(np.pad(y, width // 2, mode="edge"), np.ones(width) / width, "valid")
    top = int(smooth.argmax())
    if (
        smooth[top] < 5 * noise.of_sum(np.full(width, 1 / width))
        or not width < top < v.size - width
    ):
        raise MeasurementError(
            f"voltammogram: no peak between {between[0]:g} and {between[1]:g} V; widen the window"
        )
    low = smooth < 0.6 * smooth[top]
    a = top - int(np.argmax(low[top::-1]))
    b = top + int(np.argmax(low[top:])) if low[top:].any() else v.size
    scale = (v[b - 1] - v[a]) / 2
    x, part = (v[a:b] - v[top]) / scale, y[a:b]
    if x.size < 10:
        raise MeasurementError(f"voltammogram: {x.size} points on the peak; at least 10 are needed")
    design = x[:, None] ** np.arange(5)
    solving = np.linalg.pinv(design)
    c = solving @ part
    grid = np.linspace(x[0], x[-1], 4001)
    place = float(grid[np.argmax(np.polynomial.polynomial.polyval(grid, c))])
    g0 = place ** np.arange(5)
    g1 = np.arange(5) * place ** np.maximum(np.arange(5) - 1, 0)
    bend = float(2 * c[2] + 6 * c[3] * place + 12 * c[4] * place**2)
    if bend >= 0:
        raise MeasurementError("voltammogram: no maximum of current in the window; widen it")
    # What a point of the scan, and of the edges, does to the height and to the place.
    rows = np.zeros((2, v.size))
    rows[:, a:b] = np.stack([g0, g1]) @ solving
    rows[:, edge] -= rows[:, a:b] @ base[a:b] @ solver
    u_height, u_slope = (noise.of_sum(row) for row in rows)
    u_place, k = u_slope / abs(bend) * scale, noise.coverage
    method = "quartic through the top of the peak above a straight baseline"
    height, place = float(g0 @ c), float(v[top] + place * scale)
    if cut := cut_of(window, noise, between):
        # The line through both edges is then aslant by the tail; twice that, for safety.
        tilt = abs(float(solver[1] @ i[edge]))
        shift = 2 * tilt / abs(bend / scale**2)
        half = math.hypot(k * u_place, shift)
        return (
            Estimate.from_interval(
                place, place - half, place + half, unit="V", method=f"{method}; {cut}"
            ),
            Estimate.from_interval(
                height,
                height - k * u_height,
                math.inf,
                standard_uncertainty=math.inf,
                unit="A",
                method=f"{method}; {cut}: a lower bound",
            ),
        )
    return (
        Estimate.from_standard_uncertainty(place, u_place, unit="V", dof=noise.dof, method=method),
        Estimate.from_standard_uncertainty(
            height, u_height, unit="A", dof=noise.dof, method=method
        ),
    )
