"""How far must lithium go within a particle?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import xarray as xr

from coatqc.core.display import shown
from coatqc.core.errors import MeasurementError
from coatqc.core.estimate import Estimate
from electrochem.circuit import parse_circuit
from electrochem.circuit_fit import CircuitFit, fit_circuit

_GEOMETRY = {"P": "planar", "C": "cylinder", "S": "sphere"}
_UM_PER_CM = 1e4


@shown()
@dataclass(frozen=True)
class DiffusionLength:
    """Diffusion length of the particles, and what it stands on.

    Parameters
    ----------
    length : Estimate
        Median L by volume, um: half thickness of a plate, radius of a cylinder or sphere. Without
        an upper end where the spectrum does not tell one.
    geometry : str
        Of the particles, as assumed.
    conditions : str
        On what the number depends.
    periods : float
        w tau at the lowest frequency: where it is far above 1 the spectrum ends before the far
        end of a particle is felt.
    fit : CircuitFit
        What it was taken from.

    Examples
    --------
    >>> from electrochem import simulate_impedance
    >>> z, truth = simulate_impedance(1, "coated", 152, geometry="planar")
    >>> found = diffusion_length(z, "R0-FSP1", diffusion_coefficient=1e-11)
    >>> found.geometry
    'planar'
    """

    length: Estimate
    geometry: str
    conditions: str
    periods: float
    fit: CircuitFit


def diffusion_length(
    impedance: xr.DataArray,
    circuit: str = "R0-FSP1",
    *,
    diffusion_coefficient: float,
    relative_uncertainty: float = 0.0,
    capacity: tuple[float, float] | None = None,
    spread: float | None = None,
    known: Mapping[str, tuple[object, float]] | None = None,
    below: float | None = 0.01,
) -> DiffusionLength:
    """Diffusion length from the low-frequency end of impedance (EIS-PSD).

    Parameters
    ----------
    impedance : xarray.DataArray
        Kind ``impedance_spectrum``, dims (frequency,).
    circuit : str, default "R0-FSP1"
        With one element of particles: FSP, FSC, FSS (where the charge transfer is large beside the
        rails, below a hundredth of a hertz) or TLP, TLC, TLS (the whole cathode; then
        ``below=None``). Its last letter is the geometry: plates, cylinders, spheres.
    diffusion_coefficient : float
        Of lithium in the particles, cm2 s-1; L goes with its root.
    relative_uncertainty : float, default 0
        Relative standard uncertainty of `diffusion_coefficient`.
    capacity : (float, float), optional
        Differential capacity dq/dE of all active particles, F (or F cm-2, as the impedance), and
        its relative standard uncertainty. It falls with the active mass. Without it L is told only
        where the spectrum bends towards a capacitor.
    spread : float, optional
        Standard deviation of ln L by volume, where it is known; fitted by default.
    known : mapping, optional
        Further parameters known from elsewhere, as for `fit_circuit`.
    below : float or None, default 0.01
        Frequencies above this, Hz, are left out.

    Returns
    -------
    DiffusionLength

    Raises
    ------
    MeasurementError
        If the circuit has no or several elements of particles, or too few frequencies are left.

    Notes
    -----
    Where w tau >> 1 at the lowest frequency the impedance is L / (C sqrt(D)) times a function of
    frequency alone: without `capacity` the interval then has no upper end, and with it L is
    conditional on it.

    References
    ----------
    Song and Bazant, J. Electrochem. Soc. 160 (2013) A15; Shi et al., J. Mater. Chem. A 13 (2025)
    2600, equations 4 and 5.

    Examples
    --------
    >>> from electrochem import simulate_impedance
    >>> from electrochem.simulate_impedance import CAPACITY
    >>> z, truth = simulate_impedance(2, "coated", 152, geometry="planar")
    >>> found = diffusion_length(z, diffusion_coefficient=1e-11, capacity=(CAPACITY, 0.02))
    >>> found.length.lower < truth["L_diff"] < found.length.upper
    True
    """
    if not diffusion_coefficient > 0:
        raise MeasurementError(
            f"diffusion_coefficient is {diffusion_coefficient}; expected cm2 s-1 above 0, as 1e-11"
        )
    names = [n for n in parse_circuit(circuit).names if n.endswith("_tau") and "Wo" not in n]
    if len(names) != 1:
        raise MeasurementError(
            f"circuit {circuit!r} has {len(names)} elements of particles; one of FSP, FSC, FSS, "
            "TLP, TLC, TLS is expected"
        )
    element = names[0].removesuffix("_tau")
    part = impedance
    if below is not None:
        part = impedance.isel(frequency=impedance["frequency"].values <= below)
    if part.sizes.get("frequency", 0) < 5 or part.ndim != 1:
        raise MeasurementError(
            f"impedance: {part.sizes.get('frequency', 0)} frequencies at or below {below} Hz of "
            "one spectrum; at least 5 are needed to see diffusion"
        )
    prior = dict(known or {})
    if capacity is not None:
        prior[f"{element}_C_diff"] = capacity
    fit = fit_circuit(
        part,
        circuit,
        known=prior,
        fixed=None if spread is None else {f"{element}_spread": spread},
        free=(f"{element}_spread",) if spread is None else (),
        profile=(names[0],),
    )
    tau = fit.estimate(names[0])
    lowest = float(part["frequency"].min())
    geometry = _GEOMETRY[element.rstrip("0123456789")[-1]]
    return DiffusionLength(
        _length(tau, diffusion_coefficient, relative_uncertainty),
        geometry,
        _conditions(geometry, diffusion_coefficient, capacity, tau, spread) + _misfit(fit),
        2 * math.pi * lowest * tau.value,
        fit,
    )


def _misfit(fit: CircuitFit) -> str:
    if fit.describes:
        return ""
    return (
        f"; {fit.circuit} does not describe the spectrum (residuals {float(fit.misfit.max()):.1f} "
        "times the scatter of neighbours): the length may mean nothing"
    )


def _length(tau: Estimate, coefficient: float, relative: float) -> Estimate:
    """Square root of D tau, um; the uncertainty of D is added in logarithms."""
    value = _UM_PER_CM * math.sqrt(coefficient * tau.value)
    own = 0.98 * relative
    down = math.hypot(0.5 * math.log(tau.value / tau.lower), own) if tau.lower > 0 else math.inf
    up = (
        math.hypot(0.5 * math.log(tau.upper / tau.value), own)
        if math.isfinite(tau.upper)
        else math.inf
    )
    u = 0.5 * min(tau.standard_uncertainty / tau.value, 1e3)
    return Estimate.from_interval(
        value,
        value * math.exp(-down),
        value * math.exp(up) if math.isfinite(up) else math.inf,
        standard_uncertainty=value * math.hypot(u, 0.5 * relative),
        unit="um",
        n=tau.n,
        method="root of D tau, " + tau.method,
    )


def _conditions(
    geometry: str,
    coefficient: float,
    capacity: tuple[float, float] | None,
    tau: Estimate,
    spread: float | None,
) -> str:
    said = [f"{geometry} particles", f"D = {coefficient:g} cm2 s-1"]
    if capacity is not None:
        said.append(f"C_diff = {capacity[0]:.4g} known to {capacity[1]:.2g}")
    elif math.isinf(tau.upper):
        said.append("C_diff unknown and no bend seen: a lower bound, only L / (C sqrt(D)) is told")
    else:
        said.append("C_diff fitted")
    if spread is not None:
        said.append(f"spread of ln L {spread:g}")
    return "; ".join(said)
