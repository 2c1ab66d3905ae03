"""Which law does conductivity follow over temperature, and does it follow it at all?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from coatcore.coverage import coverage_factor
from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from electrochem.conductivity.conductivity import BOLTZMANN, KELVIN

# A law that would be off by chance as far as this is not believed.
_BELIEVED = 0.01
# Points beyond what AICc counts, below which its correction alone would choose the law.
_SPARE = 2
_DRAWS, _SEED = 4000, 20


@shown(hide=("covariance",))
@dataclass(frozen=True, eq=False)
class ConductivityFit:
    """A law of conductivity over temperature.

    Parameters
    ----------
    law : {"arrhenius", "vtf"}
        ln(sigma T) = ln_sigma0 - Ea / kT, or ln(sigma sqrt(T)) = ln_sigma0 - B / k(T - T0).
    parameters : dict of str to Estimate
        Ea / eV, or B / eV and T0 / K; ln_sigma0 of S cm-1 K or S cm-1 K^1/2.
    covariance : numpy.ndarray
        Of ln_sigma0, Ea or ln_sigma0, B, T0; scatter of the points only.
    u_common : float
        Relative standard uncertainty common to all conductivities.
    chi2 : float
        Sum of squared residuals over their variances (of ln sigma where no uncertainties were
        given).
    p_value : float
        Chance of a worse misfit if the law held: of chi-square, or, where no uncertainties were
        given, of residuals that follow each other as smoothly over temperature (von Neumann's
        ratio).
    aicc : float
        Information criterion, corrected for the number of points; smaller is better.
    dof : float
        Degrees of freedom of the scatter; infinite where the uncertainties were given.
    n : int
        Points.

    Examples
    --------
    >>> from electrochem import fit_arrhenius
    >>> t = np.array([290.0, 310.0, 330.0, 350.0])
    >>> fit = fit_arrhenius(t, 10 / t * np.exp(-0.5 / (BOLTZMANN * t)), 1e-12)
    >>> round(fit.parameters["Ea"].value, 6)
    0.5
    """

    law: str
    parameters: Mapping[str, Estimate]
    covariance: np.ndarray
    u_common: float
    chi2: float
    p_value: float
    aicc: float
    dof: float
    n: int

    @property
    def describes(self) -> bool:
        """Whether the law describes the points: p_value of at least 0.01.

        Examples
        --------
        >>> from electrochem import fit_arrhenius
        >>> from electrochem.conductivity import conductivities, simulate_conductivity
        >>> points = conductivities(simulate_conductivity(1, "vtf", noise=0.005)[0])
        >>> fit_arrhenius(*points).describes
        False
        """
        return self.p_value >= _BELIEVED

    def at(self, celsius: float = 25.0) -> Estimate:
        """Conductivity at a temperature, S cm-1, with a log-normal interval.

        Parameters
        ----------
        celsius : float
            degC.

        Raises
        ------
        MeasurementError
            If it lies at or below T0, or below absolute zero.

        Examples
        --------
        >>> from electrochem import fit_arrhenius
        >>> from electrochem.conductivity import conductivities, simulate_conductivity
        >>> data, truth = simulate_conductivity(1)
        >>> fit = fit_arrhenius(*conductivities(data), u_common=0.05)
        >>> e = fit.at(25)
        >>> e.lower < truth["sigma_25"] < e.upper
        True
        """
        t = celsius + KELVIN
        a, b = self.parameters["ln_sigma0"].value, self._second.value
        zero = self.parameters["T0"].value if self.law == "vtf" else 0.0
        if t <= max(zero, 0):
            raise MeasurementError(
                f"{celsius:g} degC lies at or below T0 = {zero - KELVIN:.4g} degC"
            )
        power = 0.5 if self.law == "vtf" else 1.0
        log = a - b / (BOLTZMANN * (t - zero)) - power * math.log(t)
        slope = [1.0, -1 / (BOLTZMANN * (t - zero)), -b / (BOLTZMANN * (t - zero) ** 2)]
        g = np.array(slope[: len(self.covariance)])
        scatter = math.sqrt(max(float(g @ self.covariance @ g), 0.0))
        k, level = coverage_factor(self.dof), self._second.level
        half = math.hypot(k * scatter, coverage_factor() * self.u_common)
        value = math.exp(log)
        return Estimate.from_interval(
            value,
            value * math.exp(-half),
            value * math.exp(half),
            standard_uncertainty=value * math.hypot(scatter, self.u_common),
            unit="S cm-1",
            level=level,
            n=self.n,
            method=f"{self.law} law at {celsius:g} degC{misfit_said(self.p_value)}",
        )

    @property
    def _second(self) -> Estimate:
        return self.parameters["B" if self.law == "vtf" else "Ea"]


def checked_points(
    temperature: ArrayLike, conductivity: ArrayLike, u: ArrayLike | None, u_common: float, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Temperatures, conductivities and relative uncertainties (1 where none), checked.

    Raises
    ------
    MeasurementError
        If there are too few, or one cannot be.

    Examples
    --------
    >>> t = np.array([290.0, 310.0, 330.0, 350.0])
    >>> checked_points(t, 1e-8 * t, None, 0.0, 2)[2]
    array([1., 1., 1., 1.])
    """
    t, s = np.asarray(temperature, float), np.asarray(conductivity, float)
    if t.ndim != 1 or t.shape != s.shape or t.size < k + 2:
        raise MeasurementError(
            f"conductivity: {t.shape} temperatures and {s.shape} values; expected one length, at "
            f"least {k + 2}"
        )
    if not (np.isfinite(t).all() and np.isfinite(s).all() and (t > 0).all() and (s > 0).all()):
        raise MeasurementError("conductivity: temperatures / K and values must be positive numbers")
    if np.unique(t).size < k + 1 or np.ptp(t) < 5:
        raise MeasurementError("conductivity: temperatures too few or within 5 K; measure more")
    if t.max() < 150:
        raise MeasurementError(f"temperature up to {t.max():g}: expected K, add 273.15 to degC")
    try:
        relative = np.broadcast_to(np.asarray(np.nan if u is None else u, float), t.shape) / s
    except ValueError:
        raise MeasurementError(f"conductivity: u does not have shape {t.shape}") from None
    if (u is not None and not (relative > 0).all()) or u_common < 0:
        raise MeasurementError("conductivity: uncertainties must be positive")
    return t, s, np.ones_like(t) if u is None else relative


def weighted_line(
    x: np.ndarray, y: np.ndarray, u: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weighted straight line: (intercept, slope), covariance, residuals over uncertainty.

    Examples
    --------
    >>> x = np.array([0.0, 1.0, 2.0])
    >>> weighted_line(x, 1 + 2 * x, np.ones(3))[0].round(9)
    array([1., 2.])
    """
    design = np.stack([np.ones_like(x), x], axis=1) / u[:, None]
    middle = float(np.average(x, weights=u**-2))
    centred = design - np.outer(design[:, 0], [0, middle])
    inverse = np.linalg.inv(centred.T @ centred)
    values = inverse @ (centred.T @ (y / u))
    left = y / u - centred @ values
    back = np.array([[1, -middle], [0, 1.0]])
    return back @ values, back @ inverse @ back.T, left


def criterion(left: float, n: int, k: int, known: bool) -> float:
    """AICc of a sum of squares; infinite where there are too few points.

    Examples
    --------
    >>> criterion(4.0, 8, 2, True), criterion(4.0, 5, 3, False)
    (10.4, inf)
    """
    k = k if known else k + 1
    if n - k - 1 <= 0:
        return math.inf
    core = left if known else n * math.log(max(left, 1e-300) / n)
    return core + 2 * k + 2 * k * (k + 1) / (n - k - 1)


def parameter_of(n: int, dof: float, method: str) -> Callable[[float, float, str], Estimate]:
    """Maker of estimates of parameters from value, uncertainty and unit.

    Examples
    --------
    >>> print(parameter_of(8, 6.0, "line")(0.75, 0.01, "eV"))
    0.750(10) eV
    """

    def make(value: float, uncertainty: float, unit: str) -> Estimate:
        return Estimate.from_standard_uncertainty(
            value, uncertainty, unit=unit, dof=dof, n=n, method=method
        )

    return make


def chance_of_misfit(residual: np.ndarray, slopes: np.ndarray, t: np.ndarray, known: bool) -> float:
    """Chance of a worse misfit if the law held.

    Parameters
    ----------
    residual : numpy.ndarray
        Over the standard uncertainty, shape (n,).
    slopes : numpy.ndarray
        Change of the model with its parameters, over the standard uncertainty, shape (n, k).
    t : numpy.ndarray
        Temperatures, shape (n,).
    known : bool
        Whether the uncertainties are known, or only equal.

    Examples
    --------
    >>> x = np.arange(8.0)
    >>> chance_of_misfit(0.1 * (x - 3.5) ** 2 - 0.525, x[:, None] ** [0, 1], x, False) < 0.01
    True
    """
    from scipy.special import gammaincc

    n, k = slopes.shape
    if known:
        return float(gammaincc((n - k) / 2, float(residual @ residual) / 2))
    order = np.argsort(t, kind="stable")
    residual, slopes = residual[order], slopes[order]
    if not residual @ residual > 1e-24:
        return 1.0
    base = np.linalg.qr(slopes / np.linalg.norm(slopes, axis=0))[0]
    drawn = np.random.default_rng(_SEED).normal(size=(_DRAWS, n))
    drawn -= (drawn @ base) @ base.T

    def ratio(r: np.ndarray) -> np.ndarray:
        return (np.diff(r, axis=-1) ** 2).sum(-1) / (r**2).sum(-1)

    return float((1 + np.count_nonzero(ratio(drawn) <= ratio(residual))) / (1 + _DRAWS))


def misfit_said(p_value: float) -> str:
    """Words for `method` where the law does not describe the points.

    Examples
    --------
    >>> misfit_said(0.4), misfit_said(1e-5)
    ('', '; the law does not describe the points (p = 1e-05)')
    """
    if p_value >= _BELIEVED:
        return ""
    return f"; the law does not describe the points (p = {p_value:.1g})"


def better_law(first: ConductivityFit, second: ConductivityFit) -> tuple[str, float]:
    """Which of two laws describes the conductivity better?

    Parameters
    ----------
    first, second : ConductivityFit
        Of the same points.

    Returns
    -------
    law : str
        That with the smaller AICc, or ``undecided`` where they are less than 2 apart or the points
        too few to tell.
    difference : float
        AICc of the second less that of the first; not a number where one has none.

    Raises
    ------
    MeasurementError
        If the numbers of points or the kinds of uncertainty differ.

    Examples
    --------
    >>> from electrochem import fit_arrhenius
    >>> from electrochem.conductivity import conductivities, fit_vtf, simulate_conductivity
    >>> points = conductivities(simulate_conductivity(1, "vtf")[0])
    >>> better_law(fit_arrhenius(*points), fit_vtf(*points))[0]
    'vtf'
    """
    if first.n != second.n or math.isinf(first.dof) != math.isinf(second.dof):
        raise MeasurementError("laws: fit both to the same points with the same uncertainties")
    if not (math.isfinite(first.aicc) and math.isfinite(second.aicc)):
        return "undecided", math.nan
    difference = second.aicc - first.aicc
    # Three parameters of VTF, and the scatter where it is not known.
    spare = first.n - (3 if math.isinf(first.dof) else 4) - 1
    if spare < _SPARE or abs(difference) < 2:
        return "undecided", difference
    return (first if difference > 0 else second).law, difference
