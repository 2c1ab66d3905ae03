"""What the spectrum of one cell gives, and how that moves with what was given."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from electrochem.diffusion.length import diffusion_length
from electrochem.diffusion.low_frequencies import low_end
from electrochem.impedance.circuit_fit import CircuitFit, fit_circuit
from electrochem.impedance.models.circuit import parse_circuit

Known = Mapping[str, tuple[float, float]]
Geometry = Literal["planar", "cylinder", "sphere"]


class FittedCell(NamedTuple):
    """What one spectrum gave.

    `target` is the fitted parameter that the value stems from; `steps` says of what is known how
    far the logarithm of the target goes from one standard uncertainty below it to one above.

    Examples
    --------
    >>> from electrochem.simulating.impedance import simulate_impedance
    >>> resistance_of(simulate_impedance(1)[0], "L0-R0-p(R1,CPE1)-TL1", {}).target
    'TL1_R_cathode'
    """

    value: Estimate
    fit: CircuitFit
    target: str
    steps: Callable[[Known], dict[str, float]]
    conditions: str


def resistance_of(z: xr.DataArray, circuit: str, known: Known) -> FittedCell:
    """R_cathode of one spectrum, ohm cm2.

    Parameters
    ----------
    z : xarray.DataArray
        In ohm cm2, dim frequency.
    circuit : str
        With one transmission line.
    known : mapping of str to (float, float)
        Parameters known from elsewhere: value and relative standard uncertainty.

    Raises
    ------
    MeasurementError
        If the circuit has not one transmission line.

    Examples
    --------
    >>> from electrochem.simulating.impedance import simulate_impedance
    >>> z, truth = simulate_impedance(1, "coated", 152)
    >>> found = resistance_of(z, "L0-R0-p(R1,CPE1)-TL1", {"R1": (3.0, 0.1)}).value
    >>> found.lower < truth["R_cathode"] < found.upper
    True
    """
    lines = [n for n in parse_circuit(circuit).names if n.endswith("_R_ct")]
    if len(lines) != 1:
        raise MeasurementError(
            f"circuit {circuit!r} has {len(lines)} transmission lines; one of TL, TLP, TLC, TLS "
            "is expected"
        )
    target = lines[0].removesuffix("_R_ct") + "_R_cathode"
    fit = fit_circuit(z, circuit, known=known, profile=[target])
    steps = partial(_steps, z, fit, target, {}, ())
    return FittedCell(fit.estimate(target), fit, target, steps, "")


def length_of(
    z: xr.DataArray,
    circuit: str | None,
    known: Known,
    *,
    diffusion_coefficient: float,
    geometry: Geometry | None = None,
    relative_uncertainty: float = 0.0,
    capacity: tuple[float, float] | None = None,
    spread: float | None = None,
    below: float | None = None,
) -> FittedCell:
    """Diffusion length of one spectrum, um.

    Parameters are those of `electrochem.diffusion_length`.

    Examples
    --------
    >>> from electrochem.simulating.impedance import simulate_impedance
    >>> z, truth = simulate_impedance(2, "coated", 152, geometry="planar")
    >>> found = length_of(z, None, {}, diffusion_coefficient=1e-11, spread=0.3).value
    >>> found.lower < truth["L_diff"] < found.upper
    True
    """
    found = diffusion_length(
        z,
        circuit,
        diffusion_coefficient=diffusion_coefficient,
        geometry=geometry,
        relative_uncertainty=relative_uncertainty,
        capacity=capacity,
        spread=spread,
        known=known,
        below=below,
    )
    end = low_end(z, circuit, geometry, below)
    target, width = f"{end.element}_tau", f"{end.element}_spread"
    fixed = dict(end.fixed) if spread is None else {**end.fixed, width: spread}
    free = (width,) if spread is None else ()
    steps = partial(_steps, end.impedance, found.fit, target, fixed, free)
    return FittedCell(found.length, found.fit, target, steps, found.conditions)


def _steps(
    z: xr.DataArray,
    fit: CircuitFit,
    target: str,
    fixed: Mapping[str, float],
    free: Sequence[str],
    known: Known,
) -> dict[str, float]:
    """Change of the target's logarithm with each known value, fitted from where the fit ended."""
    if not known:
        return {}
    count = 2 * len(known)
    values = {name: np.full(count, value) for name, (value, _) in known.items()}
    for k, (name, (value, relative)) in enumerate(known.items()):
        most = 1.0 if name.endswith("_n") else math.inf
        ends = value * np.exp(np.array([-1.0, 1.0]) * relative)
        values[name][2 * k : 2 * k + 2] = np.minimum(ends, most)
    table = fit.table.set_index("parameter")["value"]
    names = parse_circuit(fit.circuit).names
    moved = fit_circuit(
        z.expand_dims(scan=np.arange(count)),
        fit.circuit,
        known={name: (values[name], known[name][1]) for name in known},
        # Only what is known has moved, so that the same minimum is near.
        start={n: float(table[n]) for n in names if n in table.index and n not in fixed},
        fixed=fixed,
        free=free,
        profile=False,
    ).table
    found = np.log(moved.loc[moved["parameter"] == target, "value"].to_numpy(float))
    return {name: float(found[2 * k + 1] - found[2 * k]) for k, name in enumerate(known)}
