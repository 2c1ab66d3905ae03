"""Quantities of X-ray diffraction patterns."""

from __future__ import annotations

import functools

import pandas as pd
import xarray as xr
from pydantic import Field

from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.quality.parameters import Parameters
from coatcore.quality.quantity import Inputs, Measurement, Quantity
from xrd.alignment.repeatability import Repeatability
from xrd.comparing.compare import compare_patterns
from xrd.comparing.result import Comparison
from xrd.comparing.suspects import DECOMPOSITION_PRODUCTS, Suspects


class RepeatabilityParameters(Parameters):
    """What two scans of one powder differ by beyond counting, as `xrd.alignment.Repeatability`.

    Examples
    --------
    >>> RepeatabilityParameters().intensity == Repeatability().intensity
    True
    """

    intensity: float = Field(default=Repeatability().intensity, ge=0, allow_inf_nan=False)
    position: float = Field(
        default=Repeatability().position, ge=0, allow_inf_nan=False, description="degree"
    )
    shape: float = Field(default=Repeatability().shape, ge=0, allow_inf_nan=False)
    lattice: float = Field(default=Repeatability().lattice, ge=0, allow_inf_nan=False)


class CompareParameters(Parameters):
    """Error rate of the comparison, and the phases it may know.

    Parameters
    ----------
    alpha : float
        How often two scans of one material may be called different.
    main : str, optional
        Main phase of the reference (`xrd.crystals.reference_phases()`).
    suspects : tuple of str
        Phases to look for by all their lines; needs `main`.
    repeatability : RepeatabilityParameters, optional
        Of one's own instrument and way of mounting; by default that of
        `xrd.alignment.Repeatability`.

    Examples
    --------
    >>> CompareParameters().alpha
    0.05
    """

    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    main: str | None = None
    suspects: tuple[str, ...] = ()
    repeatability: RepeatabilityParameters | None = Field(
        default=None, description="from coatqc learn xrd.repeatability"
    )


class SuspectParameters(CompareParameters):
    """The same for weights of phases, which are told by the main phase's lines.

    Examples
    --------
    >>> "Li2S" in SuspectParameters(main="Li6PS5Cl").suspects
    True
    """

    main: str
    suspects: tuple[str, ...] = Field(default=DECOMPOSITION_PRODUCTS, min_length=1)


def _one(arrays: list[xr.DataArray]) -> xr.DataArray:
    if len(arrays) != 1:
        raise MeasurementError(f"a comparison takes one pattern a side, found {len(arrays)}")
    return arrays[0]


def _comparison(inputs: Inputs[CompareParameters]) -> Comparison:
    p = inputs.parameters
    # Every quantity of two patterns stands on one comparison of them.
    return inputs.memory.once(
        compare_patterns,
        _one(inputs.reference),
        _one(inputs.sample),
        alpha=p.alpha,
        main=p.main,
        suspects=p.suspects,
        repeatability=Repeatability(**p.repeatability.model_dump()) if p.repeatability else None,
    )


def _notes(found: Comparison) -> tuple[str, ...]:
    # Where nothing is found, the summary says what would have been.
    limit = f"a new peak of {found.detection_limit:.1%} of the strongest would have been found"
    return (
        found.summary,
        *((limit,) if limit not in found.summary else ()),
        f"p = {found.p_value:.2g} after allowing for how well real scans repeat, "
        f"Rwp = {found.rwp:.3f}",
        f"compared from {float(found.sample['two_theta'][0]):.2f} to "
        f"{float(found.sample['two_theta'][-1]):.2f} degree",
    )


def _measurement(
    found: Comparison, estimate: Estimate | None, table: pd.DataFrame, more: tuple[str, ...] = ()
) -> Measurement:
    return Measurement(
        estimate=estimate,
        category=found.verdict if estimate is None else None,
        result=found,
        table=table,
        data={"residual": found.residual},
        notes=(*more, *_notes(found)),
    )


def _measure(inputs: Inputs, *, what: str) -> Measurement:
    found = _comparison(inputs)
    return _measurement(found, None if what == "verdict" else getattr(found, what), found.changes)


def _largest_suspect(inputs: Inputs) -> Measurement:
    """The suspected phase of which most could be there."""
    found = _comparison(inputs)
    weighed: Suspects | None = found.suspects
    if weighed is None:
        raise MeasurementError("no phase is asked after; name some in suspects")
    worst = str(weighed.table["upper 95 % / %"].astype(float).idxmax())
    value, u = (
        float(weighed.table[head].astype(float)[worst])
        for head in ("weight fraction / %", "standard uncertainty / %")
    )
    estimate = Estimate.from_standard_uncertainty(
        value, u, unit="%", method="all lines of a phase, weighed by the main phase's"
    )
    told = (
        f"of {len(weighed.table)} phases most of {worst} could be there",
        "found: " + (", ".join(weighed.found) or "none"),
    )
    return _measurement(found, estimate, weighed.table.reset_index(), told)


def _quantity(what: str, title: str, unit: str, categories: tuple[str, ...] = ()) -> Quantity:
    measure = functools.partial(_measure, what=what)
    return Quantity(
        name=f"xrd.{what}",
        title=title,
        role="xrd",
        unit=unit,
        needs_reference=True,
        parameters=CompareParameters,
        measure=measure,
        categories=categories,
    )


QUANTITIES = (
    _quantity("verdict", "diffraction pattern", "", ("same", "different", "undecided")),
    _quantity("largest_new_peak", "largest new peak", "1"),
    _quantity("displacement", "peak displacement", "degree"),
    _quantity("lattice_change", "relative change of the lattice", "1"),
    Quantity(
        name="xrd.suspected_phase",
        title="suspected phase, weight fraction",
        role="xrd",
        unit="%",
        needs_reference=True,
        parameters=SuspectParameters,
        measure=_largest_suspect,
    ),
)
