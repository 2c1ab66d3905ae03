"""Commands that ask a results store: history, trend, relate."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coatcore.errors import MeasurementError, printable
from coatqc.cli.root import app

if TYPE_CHECKING:
    import pandas as pd


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
    from coatqc.store.store import history as recorded

    table = recorded(store, batch=batch, quantity=quantity, sample=sample)
    if as_csv:
        table.to_csv(sys.stdout, index=False)
        return
    _print_history(table)


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

    Exit code: 0 no alarm at the newest batch, 1 an alarm there or a drift, 4 a store that can't
    be used.
    """
    from coatqc.report.trend_page import write_trend
    from coatqc.store.store import history as recorded
    from coatqc.store.store_access import shown_store
    from coatqc.trends.trend import trends

    kept = recorded(store, quantity=quantity, sample=sample, replicates=True)
    found = trends(kept, baseline=baseline)
    page = write_trend(found, output, store=shown_store(store))
    for each in found:
        last = str(each.table["alarm"].iloc[-1])
        words = f"alarm: {last}" if last else "no alarm"
        number = f"{len(each.table)} batch{'' if len(each.table) == 1 else 'es'}"
        if each.drifts and each.drift is not None:
            words += f"; a reference that drifts, {each.drift}: is it the instrument?"
        typer.echo(printable(f"{each.title}: {number}, newest {words}"))
    typer.echo(str(page))
    if any(each.table["alarm"].iloc[-1] or each.drifts for each in found):
        raise typer.Exit(1)


@app.command(
    epilog=(
        "Examples:  [bold]coatqc relate results.sqlite sem.crack_area_fraction cycling.retention"
        " -o cracks.png[/]  ·  [bold]coatqc relate results.sqlite"
        " tofsims.intensity_ratio:fragment=PO2- cycling.retention_gain -o po2.png[/]"
    )
)
def relate(
    store: Annotated[str, typer.Argument(help="File of SQLite, or URL.", metavar="STORE")],
    x: Annotated[str, typer.Argument(help="QUANTITY, QUANTITY@SAMPLE, or with :PARAMETER=VALUE.")],
    y: Annotated[str, typer.Argument(help="The same, to set it against.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Figure to write.", metavar="FILE.png")
    ],
    as_csv: Annotated[bool, typer.Option("--csv", help="The batches' values, as CSV.")] = False,
) -> None:
    """Set one quantity against another over batches: rank correlation with its interval.

    It tells no cause. Exit code: 0, or 4 where fewer than 6 batches have both.
    """
    from coatcore.plotting import house_style
    from coatqc.store.store import history as recorded
    from coatqc.trends.relation import relate as related

    found = related(recorded(store), x, y)
    with house_style():
        figure = found.plot().get_figure(root=True)
        assert figure is not None
        try:
            figure.savefig(output)
        except (OSError, ValueError) as error:
            raise MeasurementError(f"{output}: cannot be drawn ({error})") from error
    if as_csv:
        found.table.to_csv(sys.stdout, index=False)
        return
    typer.echo(printable(found.sentence))
    for note in found.notes:
        typer.echo(printable(f"  {note}"))
    typer.echo(str(output))


def _print_history(table: pd.DataFrame) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from coatcore.estimate import Estimate
    from coatcore.words import pretty_unit

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
