"""Quantities of nano-IR maps."""

from __future__ import annotations

import imaging
from coatqc.core.errors import MeasurementError
from coatqc.qc.measurement import Inputs, Measurement, Quantity
from coatqc.qc.quantities.parameters import Parameters


def _coverage(inputs: Inputs) -> Measurement:
    if len(inputs.sample) != 1:
        raise MeasurementError(
            f"areal coverage is measured on one map, found {len(inputs.sample)}; "
            "make each map a sample of its own"
        )
    found = imaging.find_pinholes(inputs.sample[0])
    return Measurement(
        found.coverage, result=found, table=found.table, data={"pinholes": found.mask}
    )


QUANTITIES = (
    Quantity(
        "nanoir_map.coverage", "areal coverage", "nanoir_map", "1", False, Parameters, _coverage
    ),
)
