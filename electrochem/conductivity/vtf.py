"""Which B and T0 has the conductivity by the law of Vogel, Tammann and Fulcher?"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from coatcore.coverage import coverage_factor
from coatcore.estimate import Estimate
from electrochem.conductivity.conductivity import BOLTZMANN
from electrochem.conductivity.laws import (
    ConductivityFit,
    chance_of_misfit,
    checked_points,
    criterion,
    misfit_said,
    parameter_of,
    weighted_line,
)


def fit_vtf(
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
        As for `fit_arrhenius`; at least 5 points.

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
    >>> from electrochem.conductivity import conductivities, simulate_conductivity
    >>> data, truth = simulate_conductivity(1, "vtf")
    >>> e = fit_vtf(*conductivities(data), u_common=0.05).parameters["T0"]
    >>> e.lower < truth["T0"] < e.upper
    True
    """
    t, s, relative = checked_points(temperature, conductivity, u, u_common, 3)
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
    values, _, residual = weighted_line(-1 / (BOLTZMANN * (t - zero)), y, relative)
    least = min(float(residual @ residual), float(left.min()))
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
    within = (coverage_factor(dof) ** 2) * scale - (left - least)
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
    chance = chance_of_misfit(residual, g, t, u is not None)
    method = f"VTF law, profile likelihood{misfit_said(chance)}"
    parameters = {
        "B": Estimate.from_interval(
            values[1], b_low, b_high, standard_uncertainty=ub, unit="eV", n=t.size, method=method
        ),
        "T0": Estimate.from_interval(
            zero, t_low, t_high, standard_uncertainty=ut, unit="K", n=t.size, method=method
        ),
        "ln_sigma0": parameter_of(t.size, dof, f"VTF law, linear{misfit_said(chance)}")(
            values[0], math.hypot(u0, u_common), "1"
        ),
    }
    return ConductivityFit(
        "vtf",
        parameters,
        covariance,
        u_common,
        least,
        chance,
        criterion(least, t.size, 3, u is not None),
        dof,
        t.size,
    )


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
