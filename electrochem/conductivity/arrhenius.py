"""Which activation energy has the conductivity?"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

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


def fit_arrhenius(
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
    >>> from electrochem.conductivity import conductivities, simulate_conductivity
    >>> data, truth = simulate_conductivity(2)
    >>> e = fit_arrhenius(*conductivities(data), u_common=0.05).parameters["Ea"]
    >>> e.lower < truth["Ea"] < e.upper, e.unit
    (True, 'eV')
    """
    t, s, relative = checked_points(temperature, conductivity, u, u_common, 2)
    x, n, known = -1 / (BOLTZMANN * t), t.size, u is not None
    values, covariance, residual = weighted_line(x, np.log(s * t), relative)
    left = float(residual @ residual)
    dof = math.inf if known else float(n - 2)
    if not known:
        covariance = covariance * left / (n - 2)
    slopes = np.stack([np.ones_like(x), x - x.mean()], axis=1) / relative[:, None]
    chance = chance_of_misfit(residual, slopes, t, known)
    made = parameter_of(n, dof, f"line of ln(sigma T) over 1/kT{misfit_said(chance)}")
    parameters = {
        "Ea": made(values[1], math.sqrt(covariance[1, 1]), "eV"),
        "ln_sigma0": made(values[0], math.hypot(math.sqrt(covariance[0, 0]), u_common), "1"),
    }
    return ConductivityFit(
        "arrhenius",
        parameters,
        covariance,
        u_common,
        left,
        chance,
        criterion(left, n, 2, known),
        dof,
        n,
    )
