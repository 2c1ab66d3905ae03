"""Commands that simulate: plan, paper."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coatcore.errors import MeasurementError
from coatqc.cli.printing import made_folder
from coatqc.cli.root import app

if TYPE_CHECKING:
    from coatqc.planning import Plan


@app.command(
    epilog=(
        "Examples:  [bold]coatqc plan ftir.carbonyl_shift --effect 2[/]  ·  [bold]coatqc plan"
        " tofsims.intensity_ratio --effect 0.8 --from area_1.txt --from area_2.txt"
        " --from area_3.txt[/]  ·  [bold]coatqc plan list[/]"
    )
)
def plan(
    quantity: Annotated[
        str, typer.Argument(help="As in a recipe; list for all there are.", metavar="QUANTITY")
    ],
    effect: Annotated[
        float | None, typer.Option(help="To be seen, in the quantity's unit.")
    ] = None,
    power: Annotated[float, typer.Option(help="Share of experiments that must see it.")] = 0.95,
    alpha: Annotated[float, typer.Option(help="Share that may see what is not there.")] = 0.05,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of the simulation, as in noise=0.01."),
    ] = None,
    pilot: Annotated[
        list[Path] | None,
        typer.Option("--from", help="Pilot measurement to take settings from.", metavar="FILE"),
    ] = None,
    runs: Annotated[int, typer.Option(help="Simulated experiments a size.")] = 200,
    seed: Annotated[int, typer.Option(help="The same one gives the same plan.")] = 1,
    jobs: Annotated[int, typer.Option(help="Processes at once.")] = 1,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw power over size.", metavar="FILE.png")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """How many spectra, how large a map, how long a scan to see an effect, by simulation.

    Exit code: 0, or 3 where no size sees it often enough.
    """
    from rich.console import Console
    from rich.table import Table

    from coatcore.display import cell
    from coatcore.quality.registry import designs
    from coatqc.planning import plan as planned

    console = Console(highlight=False)
    if quantity == "list":
        listed = Table(box=None, pad_edge=False)
        for head in ("quantity", "effect", "what is chosen", "settings"):
            listed.add_column(head, overflow="fold")
        for name, design in designs().items():
            defaults = design.settings()
            values = ", ".join(f"{k}={v}" for k, v in defaults.model_dump().items())
            words = design.variable.format(**defaults.model_dump())
            listed.add_row(name, design.effect, words, values)
        console.print(listed)
        return
    if effect is None:
        raise typer.BadParameter("is missing: say what is to be seen", param_hint="--effect")
    given = {}
    for each in setting or []:
        name, equals, value = each.partition("=")
        if not equals:
            raise MeasurementError(f"--set {each}: expected a name and a value, as in noise=0.01")
        given[name] = value
    found = _planned(planned, quantity, effect, power, alpha, runs, seed, given, pilot or [], jobs)
    if plot is not None:
        figure = found.plot().get_figure(root=True)
        assert figure is not None
        try:
            figure.savefig(plot)
        except (OSError, ValueError) as error:
            raise MeasurementError(f"{plot}: cannot be drawn ({error})") from error
    if as_json:
        facts = {
            "quantity": found.quantity,
            "effect": found.effect,
            "size": found.size,
            "answer": found.answer,
            "false_alarms": None if found.size is None else found.false_alarms,
            "sizes": json.loads(found.table.to_json(orient="records")),
            "notes": list(found.notes),
        }
        sys.stdout.write(json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
    else:
        sizes = Table(box=None, pad_edge=False)
        for head in found.table.columns:
            sizes.add_column(str(head), overflow="fold")
        for row in found.table.itertuples(index=False, name=None):
            sizes.add_row(*(cell(value) for value in row))
        console.print(sizes)
        console.print(found.answer, markup=False)
        for note in found.notes:
            console.print(f"  {note}", style="dim", markup=False)
    if found.size is None:
        raise typer.Exit(3)


def _planned(
    planned: Callable[..., Plan],
    quantity: str,
    effect: float,
    power: float,
    alpha: float,
    runs: int,
    seed: int,
    given: dict[str, str],
    pilot: list[Path],
    jobs: int,
) -> Plan:
    """Read the pilots and plan, with progress."""
    import xarray as xr
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    from coatcore.reading.registry import read

    pilots = []
    for path in pilot:
        data = read(path)
        if not isinstance(data, xr.DataArray):
            raise MeasurementError(f"{path}: holds several arrays, expected one")
        pilots.append(data)
    words = TextColumn("{task.description}", markup=False)
    with Progress(BarColumn(), words, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1)

        def tell(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        return planned(
            quantity,
            effect,
            power=power,
            alpha=alpha,
            runs=runs,
            seed=seed,
            settings=given,
            pilots=pilots,
            jobs=jobs,
            progress=tell,
        )


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

    from coatqc.twin.paper_study import SOURCE, repeat_study

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
