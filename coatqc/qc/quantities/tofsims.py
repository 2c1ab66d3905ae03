"""Quantities of ToF-SIMS spectra."""

from __future__ import annotations

import xarray as xr
from pydantic import Field, ValidationInfo, field_validator

import tofsims
from coatqc.core.errors import MeasurementError
from coatqc.qc.measurement import Inputs, Measurement, Quantity
from coatqc.qc.quantities.parameters import Parameters


class FragmentParameters(Parameters):
    """Which fragment, normalised by what, on a mass scale calibrated on which ions.

    Examples
    --------
    >>> FragmentParameters(fragment="PO2-").by
    'total'
    """

    fragment: str = Field(min_length=1)
    by: str | list[str] = "total"
    calibrants: list[str] = Field(default=list(tofsims.DEFAULT_CALIBRANTS), min_length=2)
    # Listed beside the fragment so that overlapping neighbours and box plots know of them.
    also: list[str] = Field(default=[])

    @field_validator("fragment", "by", "calibrants", "also")
    @classmethod
    def _known_ions(cls, value: str | list[str], info: ValidationInfo) -> str | list[str]:
        for name in [value] if isinstance(value, str) else value:
            if name != "total" or info.field_name != "by":
                try:
                    tofsims.ion(name)
                except MeasurementError as error:
                    raise ValueError(str(error)) from None
        return value


def _normalised(spectra: list[xr.DataArray], p: FragmentParameters) -> xr.Dataset:
    calibrated = [tofsims.calibrate(s, p.calibrants) for s in spectra]
    named = [] if p.by == "total" else [p.by] if isinstance(p.by, str) else list(p.by)
    fragments = list(dict.fromkeys([p.fragment, *p.also, *named]))
    areas = tofsims.peak_areas(calibrated, fragments)
    return tofsims.normalize(areas, by=p.by)


def _intensity(inputs: Inputs) -> Measurement:
    p = inputs.parameters
    values = _normalised(inputs.sample, p)
    wanted = values["normalized"].sel(fragment=p.fragment)
    return Measurement(
        tofsims.mean_intensity(wanted, values["standard_uncertainty"].sel(fragment=p.fragment)),
        result=values,
        table=tofsims.box_statistics(values["normalized"]),
        data={"normalized_intensity": values},
    )


def _ratio(inputs: Inputs) -> Measurement:
    p = inputs.parameters
    sample, reference = (_normalised(s, p) for s in (inputs.sample, inputs.reference))
    a, b = (v["normalized"].sel(fragment=p.fragment) for v in (reference, sample))
    compared = tofsims.compare_groups(a, b)
    notes = (f"exact Mann-Whitney p = {compared.p_value:.2g}",)
    return Measurement(
        compared.ratio,
        result=compared,
        data={"sample": sample, "reference": reference},
        notes=notes,
    )


QUANTITIES = (
    Quantity(
        "tofsims.normalized_intensity",
        "normalised {fragment} intensity",
        "tofsims",
        "1",
        False,
        FragmentParameters,
        _intensity,
    ),
    Quantity(
        "tofsims.intensity_ratio",
        "ratio of normalised {fragment} intensities",
        "tofsims",
        "1",
        True,
        FragmentParameters,
        _ratio,
    ),
)
