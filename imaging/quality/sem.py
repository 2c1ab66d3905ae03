"""Quantities of SEM cross-sections."""

from __future__ import annotations

import pandas as pd
import xarray as xr

from coatcore.estimate import Estimate
from coatcore.quality.memory import Memory
from coatcore.quality.parameters import Parameters
from coatcore.quality.quantity import Inputs, Measurement, Quantity
from imaging.cracks.find import find_cracks
from imaging.cracks.fraction import crack_area_fraction, lost_contact
from imaging.cracks.groups.compare import compare_cracks
from imaging.cracks.result import Cracks


def _cracks(
    memory: Memory, images: list[xr.DataArray]
) -> tuple[Estimate, list[Cracks], pd.DataFrame]:
    """Crack area fraction of all particles of all images, with each image's cracks."""
    found = [memory.once(find_cracks, image) for image in images]
    tables = [
        each.particles.assign(image=image.attrs.get("source", ""))
        for each, image in zip(found, images, strict=True)
    ]
    particles = pd.concat(tables, ignore_index=True)
    return crack_area_fraction(particles), found, particles


def _fraction(inputs: Inputs) -> Measurement:
    fraction, found, particles = _cracks(inputs.memory, inputs.sample)
    labels: dict[str, xr.DataArray | xr.Dataset] = {
        f"crack_labels_{i}": each.labels for i, each in enumerate(found)
    }
    notes = tuple(dict.fromkeys(note for each in found for note in each.notes))
    return Measurement(
        estimate=fraction,
        result=found,
        table=particles,
        data=labels,
        notes=notes,
        replicates=tuple(each.crack_area_fraction.value for each in found),
    )


def _lost_contact(inputs: Inputs) -> Measurement:
    _, found, particles = _cracks(inputs.memory, inputs.sample)
    return Measurement(estimate=lost_contact(particles), result=found, table=particles)


def _difference(inputs: Inputs) -> Measurement:
    sample, found, _ = _cracks(inputs.memory, inputs.sample)
    reference, found_reference, _ = _cracks(inputs.memory, inputs.reference)
    difference = sample - reference
    table = pd.DataFrame(
        [_image_row("reference", c) for c in found_reference]
        + [_image_row("sample", c) for c in found]
    )
    notes = [f"{sample.concise} against {reference.concise} of the particle area is crack"]
    if min(len(found), len(found_reference)) < 2:
        notes.append(
            "one side has one image only: how images scatter is not in the interval; record at "
            "least two of each"
        )
        result = [*found_reference, *found]
        return Measurement(estimate=difference, result=result, table=table, notes=tuple(notes))
    compared = compare_cracks({"reference": found_reference, "sample": found})
    notes.append(compared.summary)
    return Measurement(
        estimate=compared.effect,
        result=[compared, *found_reference, *found],
        table=table,
        notes=tuple(notes),
    )


def _image_row(side: str, found: Cracks) -> dict[str, str | int | float]:
    fraction = found.crack_area_fraction
    return {
        "side": side,
        "image": str(found.image.attrs.get("source", "")),
        "particles": len(found.particles),
        "cracks": len(found.cracks),
        "crack length / nm": float(found.particles["crack length / nm"].sum()),
        "crack area fraction": fraction.value,
        "lower (95 %)": fraction.lower,
        "upper (95 %)": fraction.upper,
    }


QUANTITIES = (
    Quantity(
        name="sem.crack_area_fraction",
        title="crack area fraction",
        role="sem",
        unit="1",
        parameters=Parameters,
        measure=_fraction,
    ),
    Quantity(
        name="sem.lost_contact",
        title="particle outline without contact",
        role="sem",
        unit="1",
        parameters=Parameters,
        measure=_lost_contact,
    ),
    Quantity(
        name="sem.crack_area_fraction_difference",
        title="difference of crack area fraction",
        role="sem",
        unit="1",
        needs_reference=True,
        parameters=Parameters,
        measure=_difference,
    ),
)
