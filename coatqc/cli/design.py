"""The command that does the study again: paper."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from coatqc.cli.printing import made_folder
from coatqc.cli.root import app
from coatqc.core.errors import MeasurementError


@app.command(epilog="Example:  [bold]coatqc paper -o paper[/]")
def paper(
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Write table and figure there.", metavar="OUT"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Do the study of Shi et al. 2025 again on its simulated twin: paper, measured, truth.

    Exit code: 0 where no more intervals miss the truth than chance explains, 1 otherwise.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn
    from rich.table import Table
    from rich.text import Text

    from coatqc.qc.paper import SOURCE, repeat_study

    words = TextColumn("{task.description}", markup=False)
    with Progress(BarColumn(), words, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1)

        def tell(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        study = repeat_study(tell)
    rows = json.loads(study.table.to_json(orient="records"))
    facts = {
        "source": SOURCE,
        "simulated": True,
        "held": study.held,
        "asked": study.asked,
        "rows": rows,
    }
    if output is not None:
        made_folder(output)
        try:
            study.table.to_csv(output / "paper.csv", index=False)
            text = json.dumps(facts, indent=2, ensure_ascii=False)
            (output / "paper.json").write_text(text + "\n", encoding="utf-8")
            figure = study.plot().get_figure(root=True)
            assert figure is not None
            figure.savefig(output / "paper.png", dpi=160)
        except OSError as error:
            raise MeasurementError(f"{output}: cannot be written ({error})") from error
    if as_json:
        sys.stdout.write(json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
    else:
        console = Console(highlight=False)
        console.print(f"{SOURCE}; simulated data, not measured", style="italic")
        heads = list(study.table.columns[:8])
        shown = Table(box=None, pad_edge=False)
        for head in heads:
            shown.add_column(head, overflow="fold")
        for row in rows:
            cells = [("yes" if row[h] else "no") if h == "holds" else str(row[h]) for h in heads]
            shown.add_row(*map(Text, cells))
        console.print(shown)
        console.print(f"{study.held} of {study.asked} hold the truth")
    if not study.as_expected:
        raise typer.Exit(1)
