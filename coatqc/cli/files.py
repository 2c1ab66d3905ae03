"""The command that looks into one file: inspect."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from coatcore.errors import MeasurementError
from coatqc.cli.root import app


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
    from coatcore.reading.registry import read
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
