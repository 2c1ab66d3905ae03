"""What commands share: folders, progress, and a batch measured and told on the screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from coatcore.errors import MeasurementError
from coatqc.cli.root import EXIT_CODES, UNUSABLE

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from coatqc.judging.run import BatchResult
    from coatqc.recipes.models import Batch


def made_folder(folder: Path) -> Path:
    """Folder, made if it is absent."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MeasurementError(f"{folder}: cannot be made a folder ({error.strerror})") from error
    return folder


def status(what: str) -> AbstractContextManager[object]:
    """Words beside a spinner while something lasts."""
    from rich.console import Console

    return Console(stderr=True).status(what)


def make_report(batch: Batch, output: Path, store: str | None = None, *, pdf: bool = False) -> None:
    """Measure a batch with progress, write its report, record it, and exit by its verdict."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    from coatqc.judging.run import run_batch
    from coatqc.report.write import write_report

    if pdf:
        from coatqc.report.pdf import find_browser

        find_browser()
    made_folder(output)
    count = TextColumn("{task.completed:.0f}/{task.total:.0f}")
    words = TextColumn("{task.description}", markup=False)
    with Progress(BarColumn(), count, words, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1)

        def tell(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        result = run_batch(batch, progress=tell)
        tell("writing the report", 0, 1)
        earlier = None
        if store is not None:
            from coatqc.store.deltas import find_earlier
            from coatqc.store.store_access import open_store

            earlier = find_earlier(open_store(store), batch)
        try:
            paths = write_report(result, output, earlier, pdf=pdf)
        except OSError as error:
            raise MeasurementError(f"{output}: cannot write the report ({error})") from error
    print_verdict(result, paths[0])
    for path in paths[3:]:
        typer.echo(str(path))
    if store is not None:
        from coatqc.store.store import record
        from coatqc.store.store_access import shown_store

        added = record(result, store)
        typer.echo(f"recorded in {shown_store(store)}" if added else "recorded before, not again")
    raise typer.Exit(exit_code(result))


def exit_code(result: BatchResult) -> int:
    """Exit code that tells the verdict."""
    if result.files and all(f.data is None for f in result.files):
        return UNUSABLE
    return EXIT_CODES[result.verdict]


def print_verdict(result: BatchResult, page: Path) -> None:
    """Criteria as a table, files that could not be read, and the verdict."""
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
