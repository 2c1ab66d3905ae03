"""Quantities of impedance spectra: one file is one cell."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import pandas as pd

from coatcore.estimate import Estimate
from coatcore.plotting import pretty_unit
from coatcore.quality.quantity import Inputs, Measurement, Quantity
from coatcore.statistics.geometric_means import Cells, ratio_of_cells
from electrochem.quality.fitted_cells import (
    FittedCell,
    length_of,
    measured_cells,
    name_of,
    one_sweep,
    resistance_of,
    suspect_range,
    tested,
)
from electrochem.quality.impedance_parameters import (
    FitParameters,
    LengthGrowthParameters,
    LengthParameters,
    ResistanceGrowthParameters,
    SpectrumParameters,
)


def _kramers_kronig(inputs: Inputs) -> Measurement:
    p = inputs.parameters
    names = [name_of(z) for z in inputs.sample]
    tests = [tested(one_sweep(z, p), p) for z in inputs.sample]
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


def _absolute(inputs: Inputs, *, of: Callable[..., FittedCell]) -> Measurement:
    p = inputs.parameters
    side = measured_cells(inputs.sample, p, of, p.known, getattr(p, "capacity", None))
    return Measurement(
        estimate=side.fitted.mean,
        result={"sample": side.fitted},
        table=side.table,
        data=dict(side.data),
        notes=(_counted(side.cells), *side.notes, *_bounded(side.fitted.mean)),
        replicates=tuple(e.value for e in side.fitted.own),
    )


def _growth(inputs: Inputs, *, of: Callable[..., FittedCell]) -> Measurement:
    p = inputs.parameters
    sample = measured_cells(inputs.sample, p, of, p.known, getattr(p, "capacity", None))
    known, capacity, alone = p.known, getattr(p, "capacity", None), []
    if p.reference_known is not None:
        known, alone = p.reference_known, ["known"]
    if getattr(p, "reference_capacity", None) is not None:
        capacity, alone = p.reference_capacity, [*alone, "capacity"]
    reference = measured_cells(inputs.reference, p, of, known, capacity, alone)
    ratio = ratio_of_cells(sample.cells, reference.cells)
    sides = {"sample": sample, "reference": reference}
    for name, side in sides.items():
        side.table.insert(0, "side", name)
    unit = pretty_unit(sample.fitted.mean.unit)
    count = {
        k: f"{s.cells.count} cell{'' if s.cells.count == 1 else 's'}" for k, s in sides.items()
    }
    notes = [
        f"{sample.fitted.mean.concise} {unit} ({count['sample']}) against "
        f"{reference.fitted.mean.concise} {unit} ({count['reference']})"
    ]
    if min(s.cells.count for s in sides.values()) == 1:
        notes.append("a side with one cell: how cells scatter is not in the interval")
    return Measurement(
        estimate=ratio,
        result={name: side.fitted for name, side in sides.items()},
        table=pd.concat([s.table for s in sides.values()], ignore_index=True),
        data={f"{name}_{k}": v for name, s in sides.items() for k, v in s.data.items()},
        notes=(*dict.fromkeys([*notes, *sample.notes, *reference.notes]), *_bounded(ratio)),
        replicates=tuple(e.value / reference.fitted.mean.value for e in sample.fitted.own),
    )


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
        measure=partial(_absolute, of=resistance_of),
    ),
    Quantity(
        name="impedance.r_cathode_growth",
        title="growth of the cathode resistance",
        role="impedance",
        unit="1",
        needs_reference=True,
        parameters=ResistanceGrowthParameters,
        measure=partial(_growth, of=resistance_of),
    ),
    Quantity(
        name="impedance.diffusion_length",
        title="diffusion length",
        role="impedance",
        unit="um",
        parameters=LengthParameters,
        measure=partial(_absolute, of=length_of),
    ),
    Quantity(
        name="impedance.diffusion_length_growth",
        title="growth of the diffusion length",
        role="impedance",
        unit="1",
        needs_reference=True,
        parameters=LengthGrowthParameters,
        measure=partial(_growth, of=length_of),
    ),
)
