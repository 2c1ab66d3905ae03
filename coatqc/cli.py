"""The ``coatqc`` command line. Heavy imports happen inside the commands."""

from __future__ import annotations

import io
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coatqc import __version__
from coatqc.core.errors import CoatqcError, MeasurementError, printable
from coatqc.core.shadowing import shadowed_packages

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import pandas as pd

    from coatqc.qc.batch import Batch
    from coatqc.qc.run import BatchResult

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


@app.command(epilog="Example:  [bold]coatqc report batch.toml -o out[/]")
def report(
    batch: Annotated[Path, typer.Argument(help="Batch file (TOML).", metavar="BATCH.toml")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder for the report.", metavar="OUT")
    ],
    store: Annotated[
        str | None,
        typer.Option(help="Record the results too: file of SQLite, or URL.", metavar="STORE"),
    ] = None,
) -> None:
    """Measure and judge a batch, and write report.html, report.json and results.nc to OUT.

    Exit code: 0 pass, 1 fail, 2 wrong usage, 3 inconclusive, 4 input that can't be used.
    """
    from coatqc.qc.batch import load_batch

    _make_report(load_batch(batch), output, store)


@app.command(epilog="Example:  [bold]coatqc run batches/*/batch.toml -o reports --jobs 2[/]")
def run(
    batches: Annotated[list[Path], typer.Argument(help="Batch files.", metavar="BATCH.toml...")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder of the reports.", metavar="OUT")
    ],
    jobs: Annotated[int, typer.Option(help="Processes at once.")] = 1,
    store: Annotated[
        str | None,
        typer.Option(help="Record the results too: file of SQLite, or URL.", metavar="STORE"),
    ] = None,
) -> None:
    """Measure many batches, each with a report of its own; run again to go on where it stopped.

    Exit code: 0 all pass, 1 one fails, 3 one is inconclusive, 4 one can't be measured.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from coatqc.qc.many import overview, run_batches
    from coatqc.report.write import write_report

    words = TextColumn("{task.description}", markup=False)
    columns = (BarColumn(), MofNCompleteColumn(), words)
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=len(batches))

        def tell(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        found = run_batches(
            batches, output, write=write_report, store=store, jobs=jobs, progress=tell
        )
    typer.echo(overview(found))
    codes = {UNUSABLE if each.reason else EXIT_CODES[each.verdict] for each in found}
    raise typer.Exit(next((code for code in (UNUSABLE, 1, 3) if code in codes), 0))


@app.command(
    epilog=(
        "Examples:  [bold]coatqc history results.sqlite[/]  ·  [bold]coatqc history"
        " results.sqlite --quantity sem.crack_area_fraction --csv > cracks.csv[/]"
    )
)
def history(
    store: Annotated[str, typer.Argument(help="File of SQLite, or URL.", metavar="STORE")],
    quantity: Annotated[str | None, typer.Option(help="This quantity only.")] = None,
    sample: Annotated[str | None, typer.Option(help="This sample only.")] = None,
    batch: Annotated[str | None, typer.Option(help="This batch only.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="All columns, as CSV.")] = False,
) -> None:
    """List the recorded results, oldest first."""
    from coatqc.qc.store import history as recorded

    table = recorded(store, batch=batch, quantity=quantity, sample=sample)
    if as_csv:
        table.to_csv(sys.stdout, index=False)
        return
    _print_history(table)


@app.command(epilog="Example:  [bold]coatqc init my_product[/]")
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to make.", metavar="FOLDER")],
) -> None:
    """Write a commented recipe.toml and batch.toml to begin with."""
    from coatqc.qc.starter import make_starter

    for path in make_starter(folder):
        typer.echo(str(path))


@app.command(epilog="Example:  [bold]coatqc check recipe.toml[/]")
def check(
    file: Annotated[Path, typer.Argument(help="Recipe or batch file (TOML).", metavar="FILE.toml")],
) -> None:
    """Check a recipe, or a batch file with its recipe, without measuring anything.

    Exit code: 0 no mistake, 4 mistakes, each with its place and a remedy.
    """
    from coatqc.qc.batch import load_batch, read_toml
    from coatqc.qc.recipe import load_recipe, wanted_files

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


@app.command(epilog="Example:  [bold]coatqc schema recipe > recipe.schema.json[/]")
def schema(
    what: Annotated[str, typer.Argument(help="recipe, batch or report.", metavar="WHAT")],
) -> None:
    """Print the JSON Schema of a recipe, a batch file or report.json, for editors and programs."""
    import json

    from coatqc.qc.schemas import json_schema

    sys.stdout.write(json.dumps(json_schema(what), indent=2, ensure_ascii=False) + "\n")


@app.command(epilog="Example:  [bold]coatqc demo -o demo[/]")
def demo(
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder to make.", metavar="OUT")
    ] = Path("coatqc-demo"),
) -> None:
    """Simulate the demo batch into OUT/batch and report on it in OUT.

    The batch tells the story of Shi et al., J. Mater. Chem. A 2025, 13, 2600, with data that are
    simulated at the paper's instrument settings; OUT/batch/truth.toml holds the truth.
    """
    from coatqc.qc.batch import load_batch
    from coatqc.qc.demo import make_demo

    folder = _made_folder(output / "batch")
    with _status("simulating the demo batch"):
        try:
            make_demo(folder)
        except OSError as error:
            raise MeasurementError(f"{folder}: cannot write the demo batch ({error})") from error
    _make_report(load_batch(folder / "batch.toml"), output)


@app.command(
    epilog=(
        "Reads OMNIC .spa/.spg/.map, Bruker OPUS, PerkinElmer .sp/.fsm, Photothermal .ptir,"
        " Galactic .spc, JCAMP-DX, neaSPEC text, Orange tables, .dpt; TIFF of Zeiss, FEI/Thermo,"
        " TVIPS, TESCAN, JEOL, Hitachi, ImageJ and OME, .dm3/.dm4, .emd, .mrc, .gsf;"
        " IONTOF text, .bif6 and images as text, imzML, TOFWERK/TESCAN .h5;"
        " PANalytical .xrdml, .xy; delimited text; NetCDF and Zarr that coatqc wrote."
        "  As extras: R .rda of tofsims (coatqc\\[r]), .ita/.itm (coatqc\\[iontof])."
        "  Example:  [bold]coatqc inspect scan.xrdml --json[/]"
    )
)
def inspect(
    file: Annotated[Path, typer.Argument(help="Instrument file.", metavar="FILE")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw it too.", metavar="FILE.png")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="What the file is, where that cannot be told from it."),
    ] = None,
) -> None:
    """Say what FILE is: kind, reader, axes with units and ranges, values, assumptions."""
    from coatqc.core.reading import read
    from coatqc.report.inspection import describe, draw, to_text

    if plot is not None and (not plot.suffix or plot.resolve() == file.resolve()):
        raise MeasurementError(f"{plot}: name another file with an ending, as in scan.png")
    obj = read(file, kind=kind)
    facts = describe(obj, file)
    if plot is not None:
        draw(obj, plot)
    if as_json:
        import json

        # Plain stdout: rich would wrap and colour it.
        sys.stdout.write(json.dumps(facts, indent=2, allow_nan=False) + "\n")
    else:
        from rich.console import Console

        Console(highlight=False).print(to_text(facts, obj))


@app.command(epilog="Example:  [bold]coatqc trend results.sqlite -o trend.html[/]")
def trend(
    store: Annotated[str, typer.Argument(help="File of SQLite, or URL.", metavar="STORE")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Page to write.", metavar="FILE.html")
    ],
    quantity: Annotated[str | None, typer.Option(help="This quantity only.")] = None,
    sample: Annotated[str | None, typer.Option(help="This sample only.")] = None,
    baseline: Annotated[
        int | None, typer.Option(help="First batches that tell the limits; by default all.")
    ] = None,
) -> None:
    """Draw control charts of the recorded quantities, with alarms and capability.

    Exit code: 0 no alarm at the newest batch, 1 an alarm there, 4 a store that can't be used.
    """
    from coatqc.qc.store import history as recorded
    from coatqc.qc.trend import trends
    from coatqc.report.trend_page import write_trend

    found = trends(recorded(store, quantity=quantity, sample=sample), baseline=baseline)
    page = write_trend(found, output, store=_shown(store))
    for each in found:
        last = str(each.table["alarm"].iloc[-1])
        words = f"alarm: {last}" if last else "no alarm"
        typer.echo(printable(f"{each.title}: {len(each.table)} batches, newest {words}"))
    typer.echo(str(page))
    if any(each.table["alarm"].iloc[-1] for each in found):
        raise typer.Exit(1)


def _made_folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MeasurementError(f"{folder}: cannot be made a folder ({error.strerror})") from error
    return folder


def _status(what: str) -> AbstractContextManager[object]:
    from rich.console import Console

    return Console(stderr=True).status(what)


def _make_report(batch: Batch, output: Path, store: str | None = None) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    from coatqc.qc.run import run_batch
    from coatqc.report.write import write_report

    _made_folder(output)
    count = TextColumn("{task.completed:.0f}/{task.total:.0f}")
    words = TextColumn("{task.description}", markup=False)
    with Progress(BarColumn(), count, words, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1)

        def tell(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        result = run_batch(batch, progress=tell)
        tell("writing the report", 0, 1)
        try:
            paths = write_report(result, output)
        except OSError as error:
            raise MeasurementError(f"{output}: cannot write the report ({error})") from error
    _print_verdict(result, paths[0])
    if store is not None:
        from coatqc.qc.store import record

        added = record(result, store)
        typer.echo(f"recorded in {_shown(store)}" if added else "recorded before, not again")
    raise typer.Exit(_exit_code(result))


def _shown(store: str) -> str:
    """A store without the password that its URL may hold."""
    return store.split("@")[-1]


def _print_history(table: pd.DataFrame) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from coatqc.core.estimate import Estimate
    from coatqc.core.plotting import pretty_unit

    shown = Table(box=None, pad_edge=False)
    for head in ("started", "batch", "criterion", "measured", "verdict"):
        shown.add_column(head, overflow="fold")
    for row in table.to_dict("records"):
        measured = str(row["category"] or row["error"])
        value, lower, upper, u = (
            float(row[name]) for name in ("value", "lower", "upper", "standard_uncertainty")
        )
        if math.isfinite(value):
            unit = str(row["unit"])
            estimate = Estimate.from_interval(
                value, lower, upper, standard_uncertainty=u, unit=unit
            )
            measured = f"{estimate.concise} {pretty_unit(unit)}".rstrip()
        words = (row["started"], row["batch"], row["title"], measured, row["verdict"])
        shown.add_row(*(Text(printable(str(word))) for word in words))
    Console(highlight=False).print(shown)


def _exit_code(result: BatchResult) -> int:
    if result.files and all(f.data is None for f in result.files):
        return UNUSABLE
    return EXIT_CODES[result.verdict]


def _print_verdict(result: BatchResult, page: Path) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    colours = {"pass": "green", "fail": "red", "inconclusive": "yellow", "not measured": "red"}
    table = Table(box=None, pad_edge=False)
    for head in ("verdict", "criterion", "measured", "limit"):
        table.add_column(head, overflow="fold")
    for outcome in result.criteria:
        verdict = outcome.verdict or ""
        measured = outcome.measured or outcome.error
        table.add_row(
            Text(verdict, style=colours[verdict]),
            Text(outcome.title),
            Text(measured),
            Text(outcome.limit),
        )
    console = Console(highlight=False)
    if result.simulated:
        console.print("simulated data, not measured", style="italic")
    console.print(table)
    for file in result.files:
        if file.error:
            console.print(Text(f"not read: {file.error}", style="red"))
    console.print(Text(f"batch {result.batch.name}: "), end="")
    console.print(Text(result.verdict, style=f"bold {colours[result.verdict]}"))
    console.print(Text(f"report: {page}"), soft_wrap=True)


def main() -> None:
    """Run the command line; every error is one line and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot print a minus sign or a superscript prints a question mark.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app()
    except CoatqcError as error:
        lines = str(error).splitlines()
    except Exception as error:  # never a traceback, and never the exit code of a failed batch
        lines = [f"unexpected {type(error).__name__}: {error}"[:500].replace("\n", " ")]
    else:
        return
    for line in lines:
        sys.stderr.write(f"error: {printable(line)}\n")
    sys.exit(UNUSABLE)


if __name__ == "__main__":
    main()
