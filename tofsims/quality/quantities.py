"""Quantities of ToF-SIMS spectra."""

from __future__ import annotations

import warnings
from typing import Literal

import numpy as np
import xarray as xr
from pydantic import Field, ValidationInfo, field_validator

from coatcore.errors import MeasurementError
from coatcore.quality.memory import Memory
from coatcore.quality.parameters import Parameters
from coatcore.quality.quantity import Inputs, Measurement, Quantity
from tofsims.calibration.calibration import calibrate
from tofsims.calibration.mass_scale import DEFAULT_CALIBRANTS
from tofsims.comparing.comparison import compare_groups
from tofsims.comparing.normalization import normalize
from tofsims.comparing.presence import PAPER_REFERENCES, confirm_coating
from tofsims.comparing.statistics import box_statistics, mean_intensity
from tofsims.ions.ions import ion
from tofsims.peaks.areas import peak_areas
from tofsims.peaks.fit import fit_peaks, require_resolved


class FragmentParameters(Parameters):
    """Which fragment, normalised by what, on a mass scale calibrated on which ions.

    Examples
    --------
    >>> FragmentParameters(fragment="PO2-").by
    'total'
    """

    fragment: str = Field(min_length=1)
    by: str | list[str] = "total"
    calibrants: list[str] = Field(default=list(DEFAULT_CALIBRANTS), min_length=2)
    # Listed beside the fragment so that overlapping neighbours and box plots know of them.
    also: list[str] = Field(default=[])
    # By fit, overlapping peaks part or are told to be inseparable; by integration they do not.
    areas: Literal["fit", "integration"] = "fit"

    @field_validator("fragment", "by", "calibrants", "also")
    @classmethod
    def _known_ions(cls, value: str | list[str], info: ValidationInfo) -> str | list[str]:
        for name in [value] if isinstance(value, str) else value:
            if name != "total" or info.field_name != "by":
                try:
                    ion(name)
                except MeasurementError as error:
                    raise ValueError(str(error)) from None
        return value


class PresenceParameters(Parameters):
    """Which fragments tell that the coating is there, and on what mass scale.

    Examples
    --------
    >>> PresenceParameters().fragments
    ['SO-', 'C2SO-', 'C3H6NO-']
    """

    fragments: list[str] = Field(
        default=[
            *PAPER_REFERENCES["sPPSLi"],
            *PAPER_REFERENCES["PVP"],
        ],
        min_length=1,
    )
    calibrants: list[str] = Field(default=list(DEFAULT_CALIBRANTS), min_length=2)

    @field_validator("fragments", "calibrants")
    @classmethod
    def _known_ions(cls, value: list[str]) -> list[str]:
        for name in value:
            try:
                ion(name)
            except MeasurementError as error:
                raise ValueError(str(error)) from None
        return value


def _presence(inputs: Inputs) -> Measurement:
    p = inputs.parameters
    calibrated = [inputs.memory.once(calibrate, s, p.calibrants) for s in inputs.sample]
    with warnings.catch_warnings():
        # What is unresolved is said in the outcome.
        warnings.filterwarnings("ignore", message=".*is not told from its neighbours")
        found = confirm_coating(calibrated, {"coating": p.fragments})
    return Measurement(
        category=found.components["coating"],
        result=found,
        table=found.table,
        data={"peaks": found.sample},
        notes=(found.summary(),),
    )


def _normalised(
    memory: Memory, spectra: list[xr.DataArray], p: FragmentParameters
) -> tuple[xr.Dataset, str]:
    """Normalised intensities, and a line on mass scale and resolution."""
    calibrated = [memory.once(calibrate, s, p.calibrants) for s in spectra]
    named = [] if p.by == "total" else [p.by] if isinstance(p.by, str) else list(p.by)
    fragments = list(dict.fromkeys([p.fragment, *p.also, *named]))
    rms = np.median([s.attrs["calibration_rms_ppm"] for s in calibrated])
    note = f"mass scale: median rms {rms:.3g} ppm on its calibration ions"
    if p.areas == "integration":
        return normalize(peak_areas(calibrated, fragments), by=p.by), note
    with warnings.catch_warnings():
        # What is unresolved is an error where it is needed, and left out where it is not.
        warnings.filterwarnings("ignore", message=".*is not told from its neighbours")
        table = memory.once(fit_peaks, calibrated, fragments)
    needed = list(dict.fromkeys([p.fragment, *named]))
    require_resolved(table.sel(fragment=needed))
    resolved = ~(table["flag"] == "unresolved").any("replicate")
    power = float(table["resolving_power"].sel(fragment=p.fragment).median())
    note += f"; resolving power {power:.0f} at {p.fragment}"
    return normalize(table.isel(fragment=resolved.values), by=p.by), note


def _intensity(inputs: Inputs) -> Measurement:
    p = inputs.parameters
    values, note = _normalised(inputs.memory, inputs.sample, p)
    wanted = values["normalized"].sel(fragment=p.fragment)
    return Measurement(
        estimate=mean_intensity(wanted, values["standard_uncertainty"].sel(fragment=p.fragment)),
        result=values,
        table=box_statistics(values["normalized"]),
        data={"normalized_intensity": values},
        notes=(note,),
        replicates=tuple(np.atleast_1d(wanted.values).tolist()),
    )


def _ratio(inputs: Inputs) -> Measurement:
    p = inputs.parameters
    (sample, note), (reference, _) = (
        _normalised(inputs.memory, s, p) for s in (inputs.sample, inputs.reference)
    )
    a, b = (v["normalized"].sel(fragment=p.fragment) for v in (reference, sample))
    compared = compare_groups(a, b)
    return Measurement(
        estimate=compared.ratio,
        result=compared,
        data={"sample": sample, "reference": reference},
        replicates=tuple(np.atleast_1d((b / a.mean()).values).tolist()),
        notes=(f"exact Mann-Whitney p = {compared.p_value:.2g}", note),
    )


QUANTITIES = (
    Quantity(
        name="tofsims.coating",
        title="fragments of the coating",
        role="tofsims",
        unit="",
        parameters=PresenceParameters,
        measure=_presence,
        categories=("present", "not seen", "partly", "cannot tell"),
    ),
    Quantity(
        name="tofsims.normalized_intensity",
        title="normalised {fragment} intensity",
        role="tofsims",
        unit="1",
        parameters=FragmentParameters,
        measure=_intensity,
    ),
    Quantity(
        name="tofsims.intensity_ratio",
        title="ratio of normalised {fragment} intensities",
        role="tofsims",
        unit="1",
        needs_reference=True,
        parameters=FragmentParameters,
        measure=_ratio,
    ),
)
