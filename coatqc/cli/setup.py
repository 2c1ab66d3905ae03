"""Commands around recipes: init, check, learn, schema."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from coatqc.cli.root import app


@app.command(epilog="Example:  [bold]coatqc init my_product[/]")
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to make.", metavar="FOLDER")],
) -> None:
    """Write a commented recipe.toml and batch.toml to begin with."""
    from coatqc.recipes.starter import make_starter

    for path in make_starter(folder):
        typer.echo(str(path))


@app.command(epilog="Example:  [bold]coatqc check recipe.toml[/]")
def check(
    file: Annotated[Path, typer.Argument(help="Recipe or batch file (TOML).", metavar="FILE.toml")],
) -> None:
    """Check a recipe, or a batch file with its recipe, without measuring anything.

    Exit code: 0 no mistake, 4 mistakes, each with its place and a remedy.
    """
    from coatqc.recipes.batch import load_batch
    from coatqc.recipes.recipe import load_recipe, wanted_files
    from coatqc.recipes.toml_file import read_toml

    raw = read_toml(file)
    if "samples" in raw or "recipe" in raw:
        batch = load_batch(file)
        by = f" by recipe {batch.recipe_name} {batch.recipe_version}" if batch.recipe_name else ""
        typer.echo(f"{file}: batch {batch.name}{by}: {len(batch.criteria)} criteria, no mistake")
        return
    recipe = load_recipe(file)
    count = len(recipe.criteria)
    typer.echo(f"{file}: recipe {recipe.name} {recipe.version}: {count} criteria, no mistake")
    for name, roles in wanted_files(recipe).items():
        typer.echo(f"a batch must name files of samples.{name}: {', '.join(roles)}")


@app.command(
    epilog=(
        "Examples:  [bold]coatqc learn xrd.repeatability a_1.xrdml a_2.xrdml b_1.xrdml b_2.xrdml"
        " c_1.xrdml c_2.xrdml[/]  ·  [bold]coatqc learn list[/]"
    )
)
def learn(
    what: Annotated[
        str, typer.Argument(help="What is learnt; list for all there is.", metavar="WHAT")
    ],
    files: Annotated[
        list[Path] | None, typer.Argument(help="Repeated measurements.", metavar="FILE...")
    ] = None,
) -> None:
    """Print parameters for a recipe that repeats of your own measurements tell."""
    from coatcore.quality.registry import learnables
    from coatqc.recipes.learning import as_parameters
    from coatqc.recipes.learning import learn as learnt

    if what == "list":
        for each in learnables().values():
            typer.echo(f"{each.name}: {each.title}; from {each.files}")
        return
    found = as_parameters(learnt(what, files or []))
    wanted = learnables()[what]
    typer.echo(f"# {wanted.title}; learnt from {', '.join(path.name for path in files or [])}")
    typer.echo(f"# under a criterion of {', '.join(wanted.quantities)}")
    typer.echo(found)


@app.command(epilog="Example:  [bold]coatqc schema recipe > recipe.schema.json[/]")
def schema(
    what: Annotated[str, typer.Argument(help="recipe, batch or report.", metavar="WHAT")],
) -> None:
    """Print the JSON Schema of a recipe, a batch file or report.json, for editors and programs."""
    import json

    from coatqc.recipes.schemas import json_schema

    sys.stdout.write(json.dumps(json_schema(what), indent=2, ensure_ascii=False) + "\n")
