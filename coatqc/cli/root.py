"""The command itself; each group of commands has a module of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from coatcore import __version__
from coatcore.shadowing import shadowed_packages

EXIT_CODES = {"pass": 0, "fail": 1, "inconclusive": 3, "not measured": 3}
UNUSABLE = 4

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Raw surface-analysis files of a coated powder in, a coating-quality report out.",
    epilog=(
        "Examples:  [bold]coatqc demo -o demo[/]  ·  [bold]coatqc report batch.toml -o out[/]"
        "  ·  [bold]coatqc inspect scan.xrdml --plot scan.png[/]"
    ),
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"coatqc {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    for line in shadowed_packages():
        typer.echo(f"warning: {line}", err=True)
