"""Quantities of nano-IR maps."""

from __future__ import annotations

from pydantic import Field

import imaging
from coatqc.core.errors import MeasurementError
from coatqc.qc.measurement import Inputs, Measurement, Quantity
from coatqc.qc.quantities.parameters import Parameters


class MapParameters(Parameters):
    """What the map shows where there is no coating, and which holes to allow for.

    Examples
    --------
    >>> MapParameters().unseen
    80.0
    """

    bare: float = Field(default=0.0, allow_inf_nan=False, description="unit of the map")
    unseen: float = Field(default=80.0, gt=0, allow_inf_nan=False, description="nm")


def _coverage(inputs: Inputs) -> Measurement:
    if len(inputs.sample) != 1:
        raise MeasurementError(
            f"areal coverage is measured on one map, found {len(inputs.sample)}; "
            "make each map a sample of its own"
        )
    p = inputs.parameters
    found = imaging.find_pinholes(inputs.sample[0], bare=p.bare, unseen=p.unseen)
    notes = (f"bare surface is taken to give a signal of {p.bare:g}",)
    return Measurement(
        found.coverage, result=found, table=found.table, data={"pinholes": found.mask}, notes=notes
    )


QUANTITIES = (
    Quantity(
        "nanoir_map.coverage", "areal coverage", "nanoir_map", "1", False, MapParameters, _coverage
    ),
)
