"""Quantities of impedance spectra: one file is one cell."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import pandas as pd
import xarray as xr

from coatcore.estimate import Estimate
from coatcore.quality.quantity import Inputs, Measurement, Quantity
from coatcore.statistics.geometric_means import Cells
from coatcore.words import pretty_unit
from electrochem.cells.fitted_cells import (
    FittedCells,
    growth_of_cells,
    length_of_cells,
    resistance_of_cells,
)
from electrochem.cells.spectrum_checks import name_of, one_sweep, suspect_range, tested
from electrochem.impedance.circuit_fit import CircuitFit
from electrochem.quality.impedance_parameters import (
    FitParameters,
    Known,
    LengthGrowthParameters,
    LengthParameters,
    ResistanceGrowthParameters,
    SpectrumParameters,
)


def _kramers_kronig(inputs: Inputs) -> Measurement:
    p = inputs.parameters
    names = [name_of(z) for z in inputs.sample]
    tests = [tested(one_sweep(z, p.sweep), p.tolerance) for z in inputs.sample]
    table = pd.DataFrame(
        {
            "cell": names,
            "consistent": [t.consistent for t in tests],
            "largest residual / %": [100 * t.worst for t in tests],
            "noise / %": [100 * t.noise for t in tests],
            "suspect from / Hz": [suspect_range(t)[0] for t in tests],
            "suspect to / Hz": [suspect_range(t)[1] for t in tests],
        }
    )
    bad = [name for name, t in zip(names, tests, strict=True) if not t.consistent]
    notes = [f"{len(tests)} cell{'' if len(tests) == 1 else 's'}, {100 * p.tolerance:g} % let pass"]
    if bad:
        notes.append(f"inconsistent: {', '.join(bad)}")
    return Measurement(
        category="inconsistent" if bad else "consistent",
        result=dict(zip(names, tests, strict=True)),
        table=table,
        data={f"residuals_{i}": t.residuals.astype(float) for i, t in enumerate(tests)},
        notes=tuple(notes),
    )


def _counted(cells: Cells) -> str:
    if cells.count == 1:
        return "one cell: how cells scatter is not in the interval"
    return f"{cells.count} cells: geometric mean with the scatter between them"


def _resistance(
    spectra: Sequence[xr.DataArray], p: FitParameters, known: Known, alone: Collection[str]
) -> FittedCells:
    return resistance_of_cells(
        spectra,
        p.circuit,
        known=known,
        area=p.area,
        sweep=p.sweep,
        tolerance=p.tolerance,
        doubtful=p.doubtful,
        alone=alone,
    )


def _length(
    spectra: Sequence[xr.DataArray],
    p: LengthParameters,
    known: Known,
    alone: Collection[str],
    capacity: tuple[float, float] | None,
) -> FittedCells:
    return length_of_cells(
        spectra,
        p.circuit,
        diffusion_coefficient=p.diffusion_coefficient,
        geometry=p.geometry,
        relative_uncertainty=p.relative_uncertainty,
        capacity=capacity,
        spread=p.spread,
        below=p.below,
        known=known,
        area=p.area,
        sweep=p.sweep,
        tolerance=p.tolerance,
        doubtful=p.doubtful,
        alone=alone,
    )


def _of_sample(inputs: Inputs) -> FittedCells:
    p = inputs.parameters
    if isinstance(p, LengthParameters):
        return _length(inputs.sample, p, p.known, (), p.capacity)
    return _resistance(inputs.sample, p, p.known, ())


def _of_reference(inputs: Inputs) -> FittedCells:
    """The reference, where some of what is known may hold for it alone."""
    p, alone = inputs.parameters, []
    known = p.known
    if p.reference_known is not None:
        known, alone = p.reference_known, ["known"]
    if not isinstance(p, LengthGrowthParameters):
        return _resistance(inputs.reference, p, known, alone)
    capacity = p.capacity
    if p.reference_capacity is not None:
        capacity, alone = p.reference_capacity, [*alone, "capacity"]
    return _length(inputs.reference, p, known, alone, capacity)


def _absolute(inputs: Inputs) -> Measurement:
    found = _of_sample(inputs)
    return Measurement(
        estimate=found.mean,
        result={"sample": found},
        table=found.table,
        data=_fits(found),
        notes=(_counted(found.cells), *found.notes, *_bounded(found.mean)),
        replicates=tuple(e.value for e in found.own),
    )


def _growth(inputs: Inputs) -> Measurement:
    sample, reference = _of_sample(inputs), _of_reference(inputs)
    ratio = growth_of_cells(sample, reference)
    sides = {"sample": sample, "reference": reference}
    tables = []
    for name, side in sides.items():
        tables.append(side.table.copy())
        tables[-1].insert(0, "side", name)
    unit = pretty_unit(sample.mean.unit)
    count = {
        k: f"{s.cells.count} cell{'' if s.cells.count == 1 else 's'}" for k, s in sides.items()
    }
    notes = [
        f"{sample.mean.concise} {unit} ({count['sample']}) against "
        f"{reference.mean.concise} {unit} ({count['reference']})"
    ]
    if min(s.cells.count for s in sides.values()) == 1:
        notes.append("a side with one cell: how cells scatter is not in the interval")
    return Measurement(
        estimate=ratio,
        result=sides,
        table=pd.concat(tables, ignore_index=True),
        data={f"{name}_{k}": v for name, s in sides.items() for k, v in _fits(s).items()},
        notes=(*dict.fromkeys([*notes, *sample.notes, *reference.notes]), *_bounded(ratio)),
        replicates=tuple(e.value / reference.mean.value for e in sample.own),
    )


def _fits(found: FittedCells) -> dict[str, xr.DataArray | xr.Dataset]:
    return {f"fit_{i}": _arrays(fit) for i, fit in enumerate(found.fits)}


def _arrays(fit: CircuitFit) -> xr.Dataset:
    """Measured and fitted impedance in two parts: NetCDF knows no complex numbers."""
    data = fit.data.isel(scan=0, drop=True)
    parts = {
        f"{name}_{part}": (
            "frequency",
            getattr(data[name].values, part),
            data[name].attrs | {"long_name": f"{data[name].attrs['long_name']}, {word}"},
        )
        for name in ("measured", "fitted")
        for part, word in (("real", "real part"), ("imag", "imaginary part"))
    }
    return xr.Dataset(parts, coords={"frequency": data["frequency"]}, attrs=data.attrs)


def _bounded(estimate: Estimate) -> tuple[str, ...]:
    """What an open end means for a limit."""
    if math.isinf(estimate.upper):
        return ("a lower bound: it may fail a max or pass a min, but never pass a max",)
    if estimate.lower <= 0:
        return ("an upper bound: it may fail a min or pass a max, but never pass a min",)
    return ()


QUANTITIES = (
    Quantity(
        name="impedance.kramers_kronig",
        title="Kramers-Kronig test",
        role="impedance",
        unit="",
        parameters=SpectrumParameters,
        measure=_kramers_kronig,
        categories=("consistent", "inconsistent"),
    ),
    Quantity(
        name="impedance.r_cathode",
        title="cathode resistance",
        role="impedance",
        unit="ohm cm2",
        parameters=FitParameters,
        measure=_absolute,
    ),
    Quantity(
        name="impedance.r_cathode_growth",
        title="growth of the cathode resistance",
        role="impedance",
        unit="1",
        needs_reference=True,
        parameters=ResistanceGrowthParameters,
        measure=_growth,
    ),
    Quantity(
        name="impedance.diffusion_length",
        title="diffusion length",
        role="impedance",
        unit="um",
        parameters=LengthParameters,
        measure=_absolute,
    ),
    Quantity(
        name="impedance.diffusion_length_growth",
        title="growth of the diffusion length",
        role="impedance",
        unit="1",
        needs_reference=True,
        parameters=LengthGrowthParameters,
        measure=_growth,
    ),
)
