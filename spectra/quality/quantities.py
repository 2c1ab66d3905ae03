"""Quantities of FTIR and nano-IR spectra."""

from __future__ import annotations

import xarray as xr
from pydantic import Field, field_validator

from coatcore.quality.parameters import Parameters
from coatcore.quality.quantity import Inputs, Measurement, Quantity
from coatcore.reading.replicates import as_replicates
from spectra.bands.position import positions
from spectra.bands.shift import carbonyl_shift
from spectra.bands.suspicion import band_warnings
from spectra.comparing.equivalence import same_spectrum
from spectra.comparing.result import SpectrumComparison


class BandParameters(Parameters):
    """Which band, and how far its fit reaches.

    Examples
    --------
    >>> BandParameters().near
    1669.0
    """

    near: float = Field(default=1669.0, gt=0, lt=20000, description="cm-1")
    half_window: float | None = Field(default=None, gt=0, lt=2000, description="cm-1")


class ShiftParameters(BandParameters):
    """Which band, and what shift would matter.

    Examples
    --------
    >>> ShiftParameters().paired
    False
    """

    paired: bool = False
    smallest_relevant: float | None = Field(default=None, gt=0, lt=1000, description="cm-1")


class SameParameters(Parameters):
    """What is compared, and what difference would matter.

    Examples
    --------
    >>> SameParameters().smallest_relevant
    0.05
    """

    span: tuple[float, float] | None = Field(default=None, description="cm-1")
    skip: list[tuple[float, float]] = Field(default=[], description="cm-1")
    smallest_relevant: float = Field(default=0.05, gt=0, lt=1)
    alpha: float = Field(default=0.05, ge=0.01, lt=0.5)
    instrument: float = Field(default=0.0, ge=0, lt=100, description="cm-1")

    @field_validator("span")
    @classmethod
    def _rising(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not 0 <= min(value) < max(value) < 20000:
            raise ValueError("expected two different wavenumbers in cm-1")
        return value


def _shift(inputs: Inputs) -> Measurement:
    p = inputs.parameters
    reference = as_replicates(inputs.reference)
    sample = as_replicates(inputs.sample)
    shift = carbonyl_shift(
        reference,
        sample,
        near=p.near,
        paired=p.paired,
        smallest_relevant=p.smallest_relevant,
        half_window=p.half_window,
    )
    notes = [f"p = {shift.p_value:.2g} against no shift"]
    if shift.equivalence_p is not None:
        notes.append(
            f"{shift.verdict} by {p.smallest_relevant:g} cm-1 (equivalence p = "
            f"{shift.equivalence_p:.2g})"
        )
    data: dict[str, xr.DataArray | xr.Dataset] = {"reference": reference, "sample": sample}
    assert shift.reference_positions is not None
    assert shift.sample_positions is not None
    moved = shift.sample_positions.values - shift.reference_positions.values.mean()
    return Measurement(
        estimate=shift,
        result=shift,
        data=data,
        notes=(*notes, *shift.warnings),
        replicates=tuple(moved.tolist()),
    )


def _position(inputs: Inputs) -> Measurement:
    p = inputs.parameters
    sample = as_replicates(inputs.sample)
    found = positions(sample, p.near, p.half_window)
    notes = band_warnings(sample, p.near, p.half_window)
    return Measurement(
        estimate=found.mean,
        data={"sample": sample},
        notes=notes,
        replicates=tuple(found.values.tolist()),
    )


def _compared(inputs: Inputs) -> SpectrumComparison:
    p = inputs.parameters
    return same_spectrum(
        as_replicates(inputs.reference),
        as_replicates(inputs.sample),
        span=p.span,
        skip=p.skip,
        smallest_relevant=p.smallest_relevant,
        alpha=p.alpha,
        instrument=p.instrument,
    )


def _verdict(inputs: Inputs) -> Measurement:
    found = _compared(inputs)
    return Measurement(
        category=found.verdict, result=found, data={"residual": found.residual}, notes=_told(found)
    )


def _hidden(inputs: Inputs) -> Measurement:
    found = _compared(inputs)
    return Measurement(
        estimate=found.hidden, result=found, data={"residual": found.residual}, notes=_told(found)
    )


def _told(found: SpectrumComparison) -> tuple[str, ...]:
    x = found.sample["wavenumber"]
    return (
        f"p = {found.p_value:.2g}; largest difference against its noise at "
        f"{found.largest_at:.0f} cm-1",
        f"a band of {found.hidden.upper:.2g} of the largest, {found.hidden_fwhm:g} cm-1 wide, "
        f"could hide at {found.hidden_at:.0f} cm-1",
        f"compared from {float(x.min()):.0f} to {float(x.max()):.0f} cm-1",
    )


QUANTITIES = tuple(
    Quantity(
        name=f"{role}.{what}",
        title=title,
        role=role,
        unit=unit,
        needs_reference=reference,
        parameters=parameters,
        measure=measure,
        categories=categories,
    )
    for role in ("ftir", "nanoir_spectrum")
    for what, title, unit, reference, parameters, measure, categories in (
        ("carbonyl_shift", "carbonyl shift", "cm-1", True, ShiftParameters, _shift, ()),
        ("carbonyl_position", "carbonyl position", "cm-1", False, BandParameters, _position, ()),
        (
            "same_spectrum",
            "infrared spectrum",
            "",
            True,
            SameParameters,
            _verdict,
            ("same", "different", "undecided"),
        ),
        (
            "largest_difference",
            "largest difference of the spectra",
            "1",
            True,
            SameParameters,
            _hidden,
            (),
        ),
    )
)
