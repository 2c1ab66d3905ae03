"""Commands that measure: report, run, watch, demo."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from coatcore.errors import MeasurementError
from coatqc.cli.printing import made_folder, make_report, status
from coatqc.cli.root import EXIT_CODES, UNUSABLE, app


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
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Print on A4 too, by a browser that is here.")
    ] = False,
) -> None:
    """Measure and judge a batch, and write report.html, report.json and results.nc to OUT.

    Exit code: 0 pass, 1 fail, 2 wrong usage, 3 inconclusive, 4 input that can't be used.
    """
    from coatqc.recipes.batch import load_batch

    make_report(load_batch(batch), output, store, pdf=pdf)


@app.command(epilog="Example:  [bold]coatqc run batches/*/batch.toml -o reports --jobs 2[/]")
def run(
    batches: Annotated[list[Path], typer.Argument(help="Batch files.", metavar="BATCH.toml...")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder of the reports.", metavar="OUT")
    ],
    jobs: Annotated[int, typer.Option(help="Processes at once.")] = 1,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Use the workers of this dask scheduler.", metavar="tcp://HOST:8786"),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(help="Record the results too: file of SQLite, or URL.", metavar="STORE"),
    ] = None,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Print on A4 too, by a browser that is here.")
    ] = False,
) -> None:
    """Measure many batches, each with a report of its own; run again to go on where it stopped.

    Exit code: 0 all pass, 1 one fails, 3 one is inconclusive, 4 one can't be measured.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from coatqc.report.overview_page import write_overview
    from coatqc.report.write import write_report
    from coatqc.running.many_batches import overview, run_batches

    _browser_if(pdf)
    words = TextColumn("{task.description}", markup=False)
    columns = (BarColumn(), MofNCompleteColumn(), words)
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=len(batches))

        def tell(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        found = run_batches(
            batches,
            output,
            write=partial(write_report, pdf=pdf),
            store=store,
            jobs=jobs,
            scheduler=scheduler,
            progress=tell,
        )
    typer.echo(overview(found))
    typer.echo(str(write_overview(found, output / "overview.html")))
    codes = {UNUSABLE if each.reason else EXIT_CODES[each.verdict] for each in found}
    raise typer.Exit(next((code for code in (UNUSABLE, 1, 3) if code in codes), 0))


@app.command(epilog="Example:  [bold]coatqc watch /lab/inbox -o reports --store results.sqlite[/]")
def watch(
    folder: Annotated[Path, typer.Argument(help="Where batches arrive.", metavar="FOLDER")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder of the reports.", metavar="OUT")
    ],
    store: Annotated[
        str | None,
        typer.Option(help="Record the results too: file of SQLite, or URL.", metavar="STORE"),
    ] = None,
    jobs: Annotated[int, typer.Option(help="Processes at once.")] = 1,
    settle: Annotated[
        float, typer.Option(help="Seconds without change until a batch counts as whole.")
    ] = 10.0,
    interval: Annotated[float, typer.Option(help="Seconds between two looks.")] = 2.0,
    overdue: Annotated[
        float, typer.Option(help="Hours until a batch with missing files is quarantined.")
    ] = 24.0,
    webhook: Annotated[
        str, typer.Option(help="Post each verdict there, as JSON.", metavar="URL")
    ] = "",
    on_verdict: Annotated[
        str,
        typer.Option(help="Run this on each verdict, JSON on its input.", metavar="COMMAND"),
    ] = "",
    log: Annotated[
        Path | None, typer.Option(help="Add a JSON object a line.", metavar="FILE.jsonl")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End when all there is done.")] = False,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Print on A4 too, by a browser that is here.")
    ] = False,
) -> None:
    """Measure each batch that arrives in FOLDER, once; a bad one goes to OUT/quarantine.

    Files that are still being written are left alone. Ctrl-C or SIGTERM ends it after the batch
    in hand; begun again, it goes on. Exit code: 0, or 4 where something did not work at the end.
    """
    import signal

    from coatqc.report.write import write_report
    from coatqc.running.log import open_log
    from coatqc.running.notify import Hooks
    from coatqc.running.watch import Pace
    from coatqc.running.watch import watch as watch_folder

    _browser_if(pdf)
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: asked.append(number))
    well = watch_folder(
        folder,
        output,
        write=partial(write_report, pdf=pdf),
        log=open_log(log),
        store=store,
        jobs=jobs,
        pace=Pace(settle, interval, overdue * 3600),
        hooks=Hooks(webhook, on_verdict),
        once=once,
        stopped=lambda: bool(asked),
        after=lambda: _overview(output),
    )
    if not well:
        raise typer.Exit(UNUSABLE)


def _browser_if(pdf: bool) -> None:
    """Before hours of measuring, not after."""
    if pdf:
        from coatqc.report.pdf import find_browser

        find_browser()


def _overview(output: Path) -> None:
    from coatqc.judging.summary import finished
    from coatqc.report.overview_page import write_overview
    from coatqc.running.quarantine import without_report

    # A full disk is told of by the watch itself.
    with suppress(OSError):
        write_overview([*finished(output), *without_report(output)], output / "overview.html")


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
    from coatqc.recipes.batch import load_batch
    from coatqc.twin.demo import make_demo

    folder = made_folder(output / "batch")
    with status("simulating the demo batch"):
        try:
            make_demo(folder)
        except OSError as error:
            raise MeasurementError(f"{folder}: cannot write the demo batch ({error})") from error
    make_report(load_batch(folder / "batch.toml"), output)
