"""How far must lithium go within a particle?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import xarray as xr

from coatcore.display import Sheet, shown
from coatcore.estimate import Estimate, estimate_row
from electrochem.diffusion.low_frequencies import check_numbers, low_end, misfit
from electrochem.impedance.circuit_fit import CircuitFit, fit_circuit

_UM_PER_CM = 1e4


def _length_sheet(found: DiffusionLength) -> Sheet:
    rows: list[tuple[str, ...]] = [
        estimate_row("length", found.length),
        ("w tau at the lowest frequency", f"{found.w_tau:.3g}", "", ""),
    ]
    heads = ("quantity", "value", "interval", "n")
    return Sheet("DiffusionLength", heads, rows, tuple(found.conditions.split("; ")))


@shown(sheet=_length_sheet)
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
    w_tau : float
        At the lowest frequency: where it is far above 1 the spectrum ends before the far
        end of a particle is felt.
    fit : CircuitFit
        What it was taken from.

    Examples
    --------
    >>> from electrochem import simulate_impedance
    >>> z, truth = simulate_impedance(1, "coated", 152, geometry="planar")
    >>> found = diffusion_length(z, diffusion_coefficient=1e-11)
    >>> found.geometry
    'planar'
    """

    length: Estimate
    geometry: str
    conditions: str
    w_tau: float
    fit: CircuitFit


def diffusion_length(
    impedance: xr.DataArray,
    circuit: str | None = None,
    *,
    diffusion_coefficient: float,
    geometry: str | None = None,
    relative_uncertainty: float = 0.0,
    capacity: tuple[float, float] | None = None,
    spread: float | None = None,
    known: Mapping[str, tuple[object, float]] | None = None,
    below: float | None = None,
) -> DiffusionLength:
    """Diffusion length from the low-frequency end of impedance (EIS-PSD).

    Parameters
    ----------
    impedance : xarray.DataArray
        Kind ``impedance_spectrum``, dims (frequency,).
    circuit : str, optional
        With one element of particles: FSP, FSC, FSS (where the charge transfer is large beside the
        rails) or TLP, TLC, TLS (in the whole cathode); its last letter is the geometry. By default
        what is left of a composite cathode below 0.03 Hz: a resistance in series with a
        transmission line of ions' rail, charge transfer and particles.
    diffusion_coefficient : float
        Of lithium in the particles, cm2 s-1; L goes with its root.
    geometry : {"planar", "cylinder", "sphere"}, optional
        Of the particles, where no circuit is given (planar by default).
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
    below : float, optional
        Frequencies above this, Hz, are left out; 0.03 where no circuit is given, else none.

    Returns
    -------
    DiffusionLength

    Raises
    ------
    MeasurementError
        If the circuit has no or several elements of particles, too few frequencies are left, or
        something that must be positive is not.

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
    >>> from electrochem.simulating.impedance import CAPACITY
    >>> z, truth = simulate_impedance(2, "coated", 152, geometry="planar")
    >>> found = diffusion_length(z, diffusion_coefficient=1e-11, capacity=(CAPACITY, 0.02))
    >>> found.length.lower < truth["L_diff"] < found.length.upper
    True
    """
    check_numbers(diffusion_coefficient, relative_uncertainty, capacity, spread)
    end = low_end(impedance, circuit, geometry, below)
    fixed, tau_name = dict(end.fixed), f"{end.element}_tau"
    prior = dict(known or {})
    if capacity is not None:
        prior[f"{end.element}_C_diff"] = capacity
    if spread is not None:
        fixed[f"{end.element}_spread"] = spread
    fit = fit_circuit(
        end.impedance,
        end.circuit,
        known=prior,
        fixed=fixed,
        free=(f"{end.element}_spread",) if spread is None else (),
        profile=(tau_name,),
    )
    tau = fit.estimate(tau_name)
    lowest = float(end.impedance["frequency"].min())
    return DiffusionLength(
        _length(tau, diffusion_coefficient, relative_uncertainty),
        end.geometry,
        _conditions(end.geometry, diffusion_coefficient, capacity, tau, spread) + misfit(fit),
        2 * math.pi * lowest * tau.value,
        fit,
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
