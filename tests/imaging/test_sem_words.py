"""What a report says of cracks are the parameters that they were looked for with."""

from __future__ import annotations

from coatcore.quality import Finding, Measurement, Section
from coatcore.quality.registry import quantities
from imaging import find_cracks, simulate_sem
from imaging.particles import CrackParameters
from imaging.quality.views import cross_sections


def test_the_caption_names_the_parameters_used():
    found = find_cracks(simulate_sem(1)[0], CrackParameters(min_length=450.0, min_elongation=5.5))
    quantity = quantities()["sem.crack_area_fraction"]
    finding = Finding(
        quantity=quantity,
        title="",
        sample="a",
        reference=None,
        parameters=quantity.parameters(),
        measurement=Measurement(result=[found]),
    )
    (figure,) = cross_sections(Section(role="sem", findings=[finding]))
    assert "shorter than 450 nm, rounder than 5.5 to one or within 60 nm" in figure.caption
