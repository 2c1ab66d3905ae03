"""Parameters of the quantities of impedance spectra."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, field_validator

from coatcore.errors import MeasurementError
from coatcore.quality.parameters import Parameters
from electrochem.impedance.models.circuit import parse_circuit

Known = dict[str, tuple[float, float]]
_KNOWN = "parameters known from elsewhere: value and relative standard uncertainty"


class SpectrumParameters(Parameters):
    """Which sweep of a file, and how the Kramers-Kronig test judges it.

    Examples
    --------
    >>> SpectrumParameters().tolerance
    0.005
    """

    tolerance: float = Field(
        default=0.005, gt=0, lt=1, description="residual of the Kramers-Kronig test let pass"
    )
    sweep: int | None = Field(
        default=None, description="of files with several: 1 is the first, -1 the last"
    )

    @field_validator("sweep")
    @classmethod
    def _counted(cls, value: int | None) -> int | None:
        if value == 0:
            raise ValueError("sweeps count from 1, or from -1 backwards")
        return value


class FitParameters(SpectrumParameters):
    """What is fitted to a spectrum, and what is known beforehand.

    Examples
    --------
    >>> FitParameters(known={"R1": [3.0, 0.1]}).known
    {'R1': (3.0, 0.1)}
    """

    circuit: str = Field(
        default="L0-R0-p(R1,CPE1)-TL1", description="with one transmission line, TL, TLP, TLC, TLS"
    )
    area: float | None = Field(
        default=None, gt=0, description="of the cell, cm2, where files do not say it"
    )
    known: Known = Field(default={}, description=_KNOWN)
    doubtful: Literal["refuse", "flag"] = Field(
        default="refuse",
        description="a spectrum that breaks Kramers-Kronig or that the circuit does not describe",
    )

    @field_validator("circuit")
    @classmethod
    def _is_one(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parse_circuit(value)
        except MeasurementError as error:
            raise ValueError(str(error)) from None
        return value

    @field_validator("known", check_fields=False)
    @classmethod
    def _positive(cls, value: Known) -> Known:
        for name, (number, relative) in value.items():
            if not (0 < number < math.inf and 0 < relative < math.inf):
                raise ValueError(f"{name} is {number:g} with {relative:g}; both are above 0")
        return value


class ResistanceGrowthParameters(FitParameters):
    """The same, with what is known of the reference alone.

    Examples
    --------
    >>> ResistanceGrowthParameters(reference_known={"TL1_R_ion": [100, 0.2]}).known
    {}
    """

    reference_known: Known | None = Field(
        default=None, description="known of the reference, in place of known"
    )


class LengthParameters(FitParameters):
    """What the diffusion length depends on.

    Examples
    --------
    >>> LengthParameters(diffusion_coefficient=1e-11, geometry="sphere").geometry
    'sphere'
    """

    circuit: str | None = Field(  # type: ignore[assignment]
        default=None,
        description="with one element of particles: FSP, FSC, FSS, TLP, TLC, TLS; by default what "
        "is left of a composite cathode below 0.03 Hz",
    )
    geometry: Literal["planar", "cylinder", "sphere"] | None = Field(
        default=None, description="of the particles, where no circuit is given; planar by default"
    )
    diffusion_coefficient: float = Field(gt=0, description="in the particles, cm2 s-1")
    relative_uncertainty: float = Field(
        default=0.0, ge=0, lt=1, description="of the diffusion coefficient"
    )
    capacity: tuple[float, float] | None = Field(
        default=None,
        description="differential capacity of the active particles, F cm-2, and its relative "
        "standard uncertainty",
    )
    spread: float | None = Field(
        default=None, gt=0, description="standard deviation of ln L by volume, where it is known"
    )
    below: float | None = Field(
        default=None, gt=0, description="Hz; by default 0.03 where no circuit is given, else all"
    )


class LengthGrowthParameters(LengthParameters):
    """The same, with what is known of the reference alone.

    Examples
    --------
    >>> LengthGrowthParameters(diffusion_coefficient=1e-11).reference_capacity is None
    True
    """

    reference_known: Known | None = Field(
        default=None, description="known of the reference, in place of known"
    )
    reference_capacity: tuple[float, float] | None = Field(
        default=None, description="of the reference, in place of capacity"
    )
