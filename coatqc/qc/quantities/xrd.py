"""Quantities of X-ray diffraction patterns."""

from __future__ import annotations

import functools

import xarray as xr
from pydantic import Field

from coatqc.core.errors import MeasurementError
from coatqc.qc.measurement import Inputs, Measurement, Quantity
from coatqc.qc.quantities.parameters import Parameters
from xrd import Comparison, compare_patterns


class CompareParameters(Parameters):
    """Error rate of the comparison.

    Examples
    --------
    >>> CompareParameters().alpha
    0.05
    """

    alpha: float = Field(default=0.05, gt=0, lt=0.5)


def _one(arrays: list[xr.DataArray]) -> xr.DataArray:
    if len(arrays) != 1:
        raise MeasurementError(f"a comparison takes one pattern a side, found {len(arrays)}")
    return arrays[0]


def _comparison(inputs: Inputs) -> Comparison:
    return compare_patterns(
        _one(inputs.reference), _one(inputs.sample), alpha=inputs.parameters.alpha
    )


def _measure(inputs: Inputs, *, what: str) -> Measurement:
    found = _comparison(inputs)
    notes = (
        f"p = {found.p_value:.2g} after allowing for how well real scans repeat, "
        f"Rwp = {found.rwp:.3f}",
        f"a new peak of {found.detection_limit:.1%} of the strongest would have been found",
        f"compared from {float(found.sample['two_theta'][0]):.2f} to "
        f"{float(found.sample['two_theta'][-1]):.2f} degree",
    )
    number = None if what == "verdict" else getattr(found, what)
    return Measurement(
        number,
        category=found.verdict if number is None else None,
        result=found,
        table=found.new_peaks,
        data={"residual": found.residual},
        notes=notes,
    )


def _quantity(what: str, title: str, unit: str, categories: tuple[str, ...] = ()) -> Quantity:
    measure = functools.partial(_measure, what=what)
    return Quantity(f"xrd.{what}", title, "xrd", unit, True, CompareParameters, measure, categories)


QUANTITIES = (
    _quantity("verdict", "diffraction pattern", "", ("same", "different", "undecided")),
    _quantity("largest_new_peak", "largest new peak", "1"),
    _quantity("displacement", "peak displacement", "degree"),
)
