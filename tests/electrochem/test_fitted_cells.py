"""What a report says of several cells can be had in a notebook, in one call."""

from __future__ import annotations

import pytest

from coatcore import MeasurementError
from coatcore.quality import Inputs
from coatcore.quality.registry import quantities
from electrochem import length_of_cells, resistance_of_cells, simulate_impedance
from electrochem.cells import growth_of_cells

ANODE = {"R1": (3.0, 0.1)}


def cells(kind, cycle, **more):
    return [simulate_impedance(seed, kind, cycle, **more)[0] for seed in (1, 2, 3)]


@pytest.fixture(scope="module")
def aged():
    return cells("coated", 152)


def reported(name, sample, reference=(), **parameters):
    quantity = quantities()[name]
    return quantity.measure(
        Inputs(
            sample=list(sample),
            reference=list(reference),
            parameters=quantity.parameters(**parameters),
        )
    ).estimate


def test_r_cathode_is_that_of_the_report(aged):
    found = resistance_of_cells(aged, known=ANODE)
    assert found.mean.to_dict() == reported("impedance.r_cathode", aged, known=ANODE).to_dict()
    assert found.mean.n == len(found.own) == len(found.table) == 3
    assert found.plot().get_ylabel() == "cathode resistance / ohm cm²"


@pytest.mark.parametrize("other", [None, {"R1": (2.5, 0.2)}])
def test_growth_is_that_of_the_report(aged, other):
    new = cells("coated", 1)
    alone = () if other is None else ("known",)
    found = growth_of_cells(
        resistance_of_cells(aged, known=ANODE),
        resistance_of_cells(new, known=other or ANODE, alone=alone),
    )
    given = {} if other is None else {"reference_known": other}
    wanted = reported("impedance.r_cathode_growth", aged, new, known=ANODE, **given)
    assert found.to_dict() == wanted.to_dict()


def test_length_is_that_of_the_report():
    spectra = cells("coated", 152, geometry="planar")[:2]
    given = {"diffusion_coefficient": 1e-11, "spread": 0.3, "relative_uncertainty": 0.1}
    found = length_of_cells(spectra, **given)
    assert (
        found.mean.to_dict() == reported("impedance.diffusion_length", spectra, **given).to_dict()
    )
    # The diffusion coefficient is common to all cells.
    assert found.cells.shifts["diffusion_coefficient"] == pytest.approx(0.05)


def test_what_is_no_group_is_told(aged):
    with pytest.raises(MeasurementError, match="expected a list with one a cell"):
        resistance_of_cells(aged[0])
    with pytest.raises(MeasurementError, match="transmission lines"):
        resistance_of_cells(aged, "R0-p(R1,CPE1)")
