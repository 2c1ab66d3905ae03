"""Quantities of FTIR and nano-IR spectra."""

from __future__ import annotations

from pydantic import Field

import spectra
from coatqc.core.replicates import as_replicates
from coatqc.qc.measurement import Inputs, Measurement, Quantity
from coatqc.qc.quantities.parameters import Parameters


class BandParameters(Parameters):
    """Which band.

    Examples
    --------
    >>> BandParameters().near
    1669.0
    """

    near: float = Field(default=1669.0, gt=0, lt=20000, description="cm-1")


def _shift(inputs: Inputs) -> Measurement:
    reference = as_replicates(inputs.reference)
    sample = as_replicates(inputs.sample)
    shift = spectra.carbonyl_shift(reference, sample, near=inputs.parameters.near)
    return Measurement(shift, data={"reference": reference, "sample": sample})


def _position(inputs: Inputs) -> Measurement:
    sample = as_replicates(inputs.sample)
    position = spectra.mean_band_position(sample, near=inputs.parameters.near)
    return Measurement(position, data={"sample": sample})


QUANTITIES = tuple(
    Quantity(f"{role}.{what}", title, role, "cm-1", needs_reference, BandParameters, measure)
    for role in ("ftir", "nanoir_spectrum")
    for what, title, needs_reference, measure in (
        ("carbonyl_shift", "carbonyl shift", True, _shift),
        ("carbonyl_position", "carbonyl position", False, _position),
    )
)
