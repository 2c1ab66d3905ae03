"""Quantities of nano-IR maps."""

from __future__ import annotations

import functools
from collections.abc import Callable

from pydantic import Field

from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.quality.parameters import Parameters
from coatcore.quality.quantity import Inputs, Measurement, Quantity
from imaging.holes.pinholes import Pinholes, find_pinholes


class MapParameters(Parameters):
    """What the map shows where there is no coating, and which holes to allow for.

    Examples
    --------
    >>> MapParameters().unseen
    80.0
    """

    bare: float = Field(default=0.0, allow_inf_nan=False, description="unit of the map")
    unseen: float = Field(default=80.0, gt=0, le=1e5, allow_inf_nan=False, description="nm")
    tip_radius: float = Field(default=20.0, gt=0, le=1e3, allow_inf_nan=False, description="nm")
    false_alarm: float = Field(default=0.05, gt=0, lt=0.5, description="chance a map")


def _measure(inputs: Inputs, *, of: Callable[[Pinholes], Estimate]) -> Measurement:
    if len(inputs.sample) != 1:
        raise MeasurementError(
            f"pinholes are measured on one map, found {len(inputs.sample)}; "
            "make each map a sample of its own"
        )
    p = inputs.parameters
    found = inputs.memory.once(
        find_pinholes,
        inputs.sample[0],
        bare=p.bare,
        unseen=p.unseen,
        tip_radius=p.tip_radius,
        false_alarm=p.false_alarm,
    )
    limit = found.upper_limit
    notes = (
        f"bare surface is taken to give a signal of {p.bare:g}",
        f"holes narrower than {limit.smallest.value:.0f} nm may have been missed",
        f"at most {limit.density.upper:.2g} wider ones a µm², {limit.coverage_loss.upper:.2g} of "
        "the area (95 %)",
    )
    return Measurement(
        estimate=of(found),
        result=found,
        table=found.table,
        data={"pinholes": found.mask},
        notes=notes,
    )


def _quantity(what: str, title: str, unit: str, of: Callable[[Pinholes], Estimate]) -> Quantity:
    measure = functools.partial(_measure, of=of)
    name = f"nanoir_map.{what}"
    return Quantity(
        name=name,
        title=title,
        role="nanoir_map",
        unit=unit,
        parameters=MapParameters,
        measure=measure,
    )


QUANTITIES = (
    _quantity("coverage", "areal coverage", "1", lambda f: f.coverage),
    _quantity(
        "coverage_loss_limit",
        "upper limit of coverage loss",
        "1",
        lambda f: f.upper_limit.coverage_loss,
    ),
    _quantity(
        "pinhole_density_limit",
        "upper limit of pinholes per area",
        "um-2",
        lambda f: f.upper_limit.density,
    ),
    _quantity(
        "smallest_detectable",
        "smallest detectable pinhole",
        "nm",
        lambda f: f.smallest_detectable,
    ),
)
