"""Which part of a spectrum speaks of diffusion into particles, and through which circuit?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import xarray as xr

from coatcore.errors import MeasurementError
from electrochem.impedance.circuit_fit import CircuitFit
from electrochem.impedance.models.circuit import parse_circuit
from electrochem.labels.labels import angular_frequency

_GEOMETRY = {"P": "planar", "C": "cylinder", "S": "sphere"}
# Of the circuit that is used by default: arcs of anode and interface are over.
_BELOW = 0.03
_LETTER = {name: letter for letter, name in _GEOMETRY.items()}


@dataclass(frozen=True)
class LowEnd:
    """Low-frequency part of a spectrum and how it is described.

    Parameters
    ----------
    impedance : xarray.DataArray
        What is left of it, dims (frequency,).
    circuit : str
        With one element of particles.
    element : str
        Its name.
    geometry : str
        Of the particles.
    fixed : dict of str to float
        Parameters that are not fitted.

    Examples
    --------
    >>> from electrochem import simulate_impedance
    >>> z, _ = simulate_impedance(1, "coated", 152, geometry="planar")
    >>> low_end(z, None, "planar", None).circuit
    'R0-TLP1'
    """

    impedance: xr.DataArray
    circuit: str
    element: str
    geometry: str
    fixed: dict[str, float]


def low_end(
    impedance: xr.DataArray, circuit: str | None, geometry: str | None, below: float | None
) -> LowEnd:
    """Part of a spectrum that speaks of diffusion; arguments as of `diffusion_length`.

    Raises
    ------
    MeasurementError
        If the circuit has no or several elements of particles, or too few frequencies are left.

    Examples
    --------
    >>> from electrochem import simulate_impedance
    >>> low_end(simulate_impedance(1)[0], None, "planar", None)
    Traceback (most recent call last):
        ...
    coatcore.errors.MeasurementError: impedance: 0 frequencies at or below 0.03 Hz; at least 5 \
of one spectrum are needed to see diffusion
    """
    angular_frequency(impedance)
    if below is not None and not (isinstance(below, int | float) and below > 0):
        raise MeasurementError(f"below is {below!r}; expected a frequency in Hz")
    fixed = {}
    if circuit is None:
        geometry = "planar" if geometry is None else geometry
        if geometry not in _LETTER:
            raise MeasurementError(
                f"geometry is {geometry!r}; expected one of {', '.join(_LETTER)}"
            )
        line = f"TL{_LETTER[geometry]}1"
        circuit = f"R0-{line}"
        # The charge of the interface is nothing beside that of the particles.
        fixed = {f"{line}_Q_int": 0.0, f"{line}_n_int": 1.0}
        below = _BELOW if below is None else below
    names = [n for n in parse_circuit(circuit).names if n.endswith("_tau") and "Wo" not in n]
    if len(names) != 1:
        raise MeasurementError(
            f"circuit {circuit!r} has {len(names)} elements of particles; one of FSP, FSC, FSS, "
            "TLP, TLC, TLS is expected"
        )
    element = names[0].removesuffix("_tau")
    part = impedance
    if below is not None:
        # A hair above, for frequencies that were written with few digits.
        part = impedance.isel(frequency=impedance["frequency"].values <= below * (1 + 1e-6))
    if part.sizes["frequency"] < 5 or part.ndim != 1:
        raise MeasurementError(
            f"impedance: {part.sizes['frequency']} frequencies"
            + (f" at or below {below:g} Hz" if below is not None else "")
            + (" of several spectra" if part.ndim != 1 else "")
            + "; at least 5 of one spectrum are needed to see diffusion"
        )
    shape = _GEOMETRY[element.rstrip("0123456789")[-1]]
    if geometry not in (None, shape):
        raise MeasurementError(
            f"geometry is {geometry!r}, but {element} of the circuit is {shape}; leave one out"
        )
    return LowEnd(part, circuit, element, shape, fixed)


def check_numbers(
    coefficient: float,
    relative: float,
    capacity: tuple[float, float] | None,
    spread: float | None,
) -> None:
    """Refuse numbers that no particle has; arguments as of `diffusion_length`.

    Raises
    ------
    MeasurementError

    Examples
    --------
    >>> check_numbers(1e-11, 0.1, (14.9, 0.05), None)
    """
    if not (
        isinstance(coefficient, int | float) and math.isfinite(coefficient) and coefficient > 0
    ):
        raise MeasurementError(
            f"diffusion_coefficient is {coefficient!r}; expected cm2 s-1 above 0, as 1e-11"
        )
    if not 0 <= relative < 1:
        raise MeasurementError(
            f"relative_uncertainty is {relative}; expected a share of the diffusion coefficient, "
            "from 0 to below 1"
        )
    pair = isinstance(capacity, tuple | list) and len(capacity) == 2
    if capacity is not None and not (pair and min(capacity) > 0):
        raise MeasurementError(
            f"capacity is {capacity}; expected F (or F cm-2) and its relative standard "
            "uncertainty, both above 0"
        )
    if spread is not None and not 0 <= spread <= 1.2:
        raise MeasurementError(f"spread is {spread}; expected that of ln L, from 0 to 1.2")


def misfit(fit: CircuitFit) -> str:
    """Words for a circuit that does not describe the spectrum; empty where it does.

    Examples
    --------
    >>> from electrochem import fit_circuit, simulate_impedance
    >>> misfit(fit_circuit(simulate_impedance(1)[0], "L0-R0-p(R1,CPE1)-TL1", profile=False))
    ''
    """
    if fit.describes:
        return ""
    if not math.isfinite(float(fit.misfit.max())):
        return "; too few frequencies to tell whether the circuit describes the spectrum"
    return (
        f"; {fit.circuit} does not describe the spectrum (residuals {float(fit.misfit.max()):.1f} "
        "times the scatter of neighbours): the length may mean nothing"
    )
