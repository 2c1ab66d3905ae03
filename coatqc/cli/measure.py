"""Commands that measure: report, run, demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from coatqc.cli.printing import made_folder, make_report, status
from coatqc.cli.root import EXIT_CODES, UNUSABLE, app
from coatqc.core.errors import MeasurementError


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

    make_report(load_batch(batch), output, store)


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

    folder = made_folder(output / "batch")
    with status("simulating the demo batch"):
        try:
            make_demo(folder)
        except OSError as error:
            raise MeasurementError(f"{folder}: cannot write the demo batch ({error})") from error
    make_report(load_batch(folder / "batch.toml"), output)
