"""Recipes, batches that name one, and what a first user gets."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib

import jsonschema
import pytest

from coatcore import RecipeError
from coatcore.quality.registry import quantities
from coatqc.judging import run_batch
from coatqc.recipes import load_batch
from coatqc.recipes.recipe import load_recipe, wanted_files
from coatqc.recipes.schemas import WHAT, json_schema
from coatqc.recipes.starter import make_starter
from coatqc.report import write_report
from spectra import simulate_ftir
from spectra.write import write_jcamp

RECIPE = """schema_version = 1
name = "product"
version = "3"
[decision]
false_acceptance = 0.01
[references.pvp]
ftir = "refs/pvp_*.jdx"
[[criteria]]
quantity = "ftir.carbonyl_shift"
sample = "coated"
reference = "pvp"
max = -8
"""
BATCH = 'schema_version = 1\nname = "A7"\nrecipe = "lab [1]/recipe.toml"\n[samples.coated]\n'


@pytest.fixture
def lab(tmp_path):
    """A recipe with its references in a folder of its own, and a batch elsewhere."""
    refs = tmp_path / "lab [1]" / "refs"
    refs.mkdir(parents=True)
    (tmp_path / "lab [1]" / "recipe.toml").write_text(RECIPE)
    for i in range(3):
        write_jcamp(simulate_ftir(i)[0], refs / f"pvp_{i}.jdx")
        write_jcamp(
            simulate_ftir(10 + i, carbonyl_position=1655.5)[0], tmp_path / f"coated_{i}.jdx"
        )
    (tmp_path / "batch.toml").write_text(BATCH + 'ftir = "coated_*.jdx"\n')
    return tmp_path


def test_a_batch_is_judged_by_its_recipe(lab):
    batch = load_batch(lab / "batch.toml")
    assert (batch.recipe_name, batch.recipe_version) == ("product", "3")
    assert batch.decision.false_acceptance == 0.01
    result = run_batch(batch)
    assert result.verdict == "pass"
    _, facts, _ = write_report(result, lab / "out")
    report = json.loads(facts.read_text())
    assert report["recipe"]["version"] == "3"
    assert len(report["recipe"]["sha256"]) == 64
    jsonschema.validate(report, json_schema("report"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("\nversion = ", "\nvresion = ", "vresion: unknown key.*did you mean 'version'"),
        ("carbonyl_shift", "carbonyl_shit", "did you mean 'ftir.carbonyl_shift'"),
        ("0.01", "0.9", r"decision\.false_acceptance: found 0\.9"),
        ("0.01", '"low"', r"decision\.false_acceptance"),
        ('"pvp"\nmax', '"pvpp"\nmax', r"pvp.*has no ftir|allowed|max"),
        ("max = -8", "", "and max are both missing"),
        ("[references.pvp]\nftir", "[references.pvp]\nsem", "has no ftir files"),
        ("[decision]", "[samples.a]\n[decision]", "samples: unknown key"),
    ],
)
def test_mistakes_in_a_recipe_are_told_without_data(tmp_path, old, new, words):
    path = tmp_path / "recipe.toml"
    assert old in RECIPE
    path.write_text(RECIPE.replace(old, new, 1))
    if new == '"pvpp"\nmax':
        # Who is no reference is a sample, for which a batch must name files.
        assert wanted_files(load_recipe(path)) == {"coated": ["ftir"], "pvpp": ["ftir"]}
        return
    with pytest.raises(RecipeError, match=words):
        load_recipe(path)


def test_a_batch_that_does_not_fit_its_recipe(lab):
    path = lab / "batch.toml"
    for text, words in (
        (BATCH + 'sem = "a.tif"\n', "'coated' has no ftir files; add samples.coated.ftir"),
        (BATCH.replace("coated", "other") + 'ftir = "a"\n', "found 'coated'; allowed: other"),
        (BATCH + 'ftir = "a"\n[[criteria]]\nquantity = "a"\n', "keep it there"),
        (BATCH.replace('"lab [1]/recipe.toml"', "3") + 'ftir = "a"\n', "expected a path"),
        (BATCH.replace("lab ", "lib ") + 'ftir = "a"\n', "no such file"),
        (BATCH.replace("lab [1]/recipe", "batch") + 'ftir = "a"\n', "version: is missing"),
        ('simulated = "yes"\n' + BATCH + 'ftir = "a"\n', "simulated: found 'yes'"),
        ('recipe_version = "9"\n' + BATCH + 'ftir = "a"\n', "no key of such a file"),
    ):
        path.write_text(text)
        with pytest.raises(RecipeError, match=words):
            load_batch(path)


def test_the_starter_is_whole_and_every_offer_is_toml(tmp_path):
    recipe, batch = make_starter(tmp_path / "new")
    assert load_recipe(recipe).version == "1"
    assert load_batch(batch).recipe_name == "my coated powder"
    text = recipe.read_text()
    offers = text.split("# [[criteria]]\n")[1:]
    assert len(offers) == len(quantities())
    for offer in offers:
        lines = [line.removeprefix("# ") for line in offer.splitlines() if line.startswith("# ")]
        # Limits and open values are for a person to fill in.
        given = [line for line in lines if "..." not in line and not line.startswith("equals")]
        assert tomllib.loads("\n".join(given))["quantity"] in quantities()
    with pytest.raises(RecipeError, match="there already"):
        make_starter(tmp_path / "new")
    (tmp_path / "file").write_text("")
    with pytest.raises(RecipeError, match="cannot be written"):
        make_starter(tmp_path / "file")


def test_schemas_say_what_the_readers_take(lab):
    for what in WHAT:
        jsonschema.Draft202012Validator.check_schema(json_schema(what))
    recipe = tomllib.loads(RECIPE)
    jsonschema.validate(recipe, json_schema("recipe"))
    jsonschema.validate(tomllib.loads((lab / "batch.toml").read_text()), json_schema("batch"))
    for wrong in ({**recipe, "vresion": 1}, {**recipe, "criteria": [{"quantity": "sem.x"}]}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, json_schema("recipe"))
    with pytest.raises(RecipeError, match="expected one of"):
        json_schema("recipes")


def test_command_line(lab):
    def run(*words):
        return subprocess.run(
            [sys.executable, "-m", "coatqc.cli", *words],
            capture_output=True,
            text=True,
            check=False,
        )

    made = run("init", str(lab / "new"))
    assert made.returncode == 0
    assert "recipe.toml" in made.stdout
    assert run("init", str(lab / "new")).returncode == 4
    good = run("check", str(lab / "lab [1]" / "recipe.toml"))
    assert good.returncode == 0
    assert "samples.coated: ftir" in good.stdout
    assert "by recipe product 3" in run("check", str(lab / "batch.toml")).stdout
    bad = lab / "bad.toml"
    bad.write_text(RECIPE.replace("max", "mxa"))
    told = run("check", str(bad))
    assert told.returncode == 4
    assert "criteria[0].mxa: unknown key" in told.stderr
    assert "Traceback" not in told.stderr
    assert json.loads(run("schema", "batch").stdout)["title"] == "coatqc batch"
    assert run("schema", "x").returncode == 4
