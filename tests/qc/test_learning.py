"""What repeats teach goes into a recipe as it is printed."""

from __future__ import annotations

import dataclasses
import tomllib

import pytest
from typer.testing import CliRunner

from coatcore import MeasurementError
from coatcore.quality.registry import learnables, quantities
from coatqc.cli.root import app
from coatqc.recipes.learning import learn
from coatqc.recipes.recipe import load_recipe
from xrd import simulate_pattern
from xrd.alignment import Repeatability
from xrd.write import write_xrdml

POOR = Repeatability(0.1, 0.01, 0.0, 0.0)


@pytest.fixture
def scans(tmp_path):
    """Three powders, each scanned twice, on an instrument that repeats poorly."""
    paths = [tmp_path / f"{powder}_{scan}.xrdml" for powder in "abc" for scan in (1, 2)]
    for seed, path in enumerate(paths):
        write_xrdml(simulate_pattern(seed, repeatability=POOR)[0], path)
    return paths


def test_every_learnable_names_quantities_that_take_it():
    for learnable in learnables().values():
        for name in learnable.quantities:
            assert quantities()[name].role == learnable.role


def test_what_is_printed_is_a_criterions_parameters(scans, tmp_path):
    called = CliRunner().invoke(app, ["learn", "xrd.repeatability", *map(str, scans)])
    assert called.exit_code == 0, called.output
    assert called.output.startswith("# how well two scans of one powder agree, beyond counting")
    learnt = tomllib.loads(called.output)["parameters"]["repeatability"]
    assert set(learnt) == {field.name for field in dataclasses.fields(Repeatability)}
    assert 0.05 < learnt["intensity"] < 0.2
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        'schema_version = 1\nname = "a"\nversion = "1"\nreferences.b.xrd = "b.xrdml"\n'
        '[[criteria]]\nquantity = "xrd.verdict"\nsample = "c"\nreference = "b"\nequals = "same"\n'
        + called.output
    )
    (criterion,) = load_recipe(recipe).criteria
    assert criterion.parameters["repeatability"] == learnt


def test_what_can_be_learnt_is_listed():
    called = CliRunner().invoke(app, ["learn", "list"])
    assert called.output.startswith("xrd.repeatability: ")


def test_what_cannot_be_learnt_is_told(scans):
    with pytest.raises(MeasurementError, match="did you mean 'xrd"):
        learn("xrd.repeatabilty", scans)
    with pytest.raises(MeasurementError, match="no file is named"):
        learn("xrd.repeatability", [])
    with pytest.raises(MeasurementError, match="5 patterns are no pairs"):
        learn("xrd.repeatability", scans[:5])
    with pytest.raises(MeasurementError, match="2 pairs"):
        learn("xrd.repeatability", scans[:4])
