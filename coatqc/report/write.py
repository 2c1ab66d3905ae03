"""Write a batch's report: report.html, report.json and results.nc in one folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import xarray as xr

from coatqc.judging.run import BatchResult
from coatqc.report.crate import CRATE, crate_metadata
from coatqc.report.page import render_page
from coatqc.report.tables import table_dataset
from coatqc.store.deltas import Earlier, with_changes
from coatqc.store.report_facts import to_dict


def write_report(
    result: BatchResult,
    folder: str | Path,
    earlier: Earlier | None = None,
    *,
    pdf: bool = False,
) -> tuple[Path, ...]:
    """Write report.html, report.json, results.nc and ro-crate-metadata.json.

    Each file appears whole or not at all: it is written beside its place and then moved there.

    Parameters
    ----------
    result : BatchResult
        From `coatqc.judging.run_batch`.
    folder : path-like
        Made if it is absent; files of an earlier report in it are replaced.
    earlier : Earlier, optional
        Batches that it is compared with, from `coatqc.store.deltas`.
    pdf : bool
        Whether to print report.html as report.pdf too, by a browser on this machine.

    Returns
    -------
    tuple of pathlib.Path
        The files, but for the crate's.

    Raises
    ------
    OSError
        If the folder cannot be written.
    MeasurementError
        If `pdf` is asked for and there is no browser.

    Examples
    --------
    >>> import tempfile
    >>> from coatqc.judging import run_batch
    >>> from coatqc.recipes import Batch
    >>> result = run_batch(Batch(schema_version=1, name="A7", samples={"A7": {}}))
    >>> [path.name for path in write_report(result, tempfile.mkdtemp())]
    ['report.html', 'report.json', 'results.nc']
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    page, facts, arrays = (folder / n for n in ("report.html", "report.json", "results.nc"))
    content = with_changes(to_dict(result), result, earlier)
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    _replace(facts, text.encode("utf-8", "replace") + b"\n")
    _replace(page, render_page(result, earlier).encode("utf-8", "replace"))
    # In memory first: HDF5 that writes onto a full disk ends the whole process.
    _replace(arrays, bytes(to_datatree(result).to_netcdf(engine="h5netcdf")))
    made: tuple[Path, ...] = (page, facts, arrays)
    if pdf:
        from coatqc.report.pdf import write_pdf

        made = (*made, write_pdf(page, folder / "report.pdf"))
    files = {p.name: p.read_bytes() for p in made}
    crate = json.dumps(crate_metadata(result, files), indent=2, ensure_ascii=False)
    _replace(folder / CRATE, crate.encode("utf-8", "replace") + b"\n")
    return made


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(content)
    partial.replace(path)


def to_datatree(result: BatchResult) -> xr.DataTree:
    """Content of results.nc: estimates in ``measurements``, arrays and tables in ``result_N``.

    Examples
    --------
    >>> from coatqc.judging import run_batch
    >>> from coatqc.recipes import Batch
    >>> to_datatree(run_batch(Batch(schema_version=1, name="A7", samples={"A7": {}}))).groups
    ('/', '/measurements')
    """
    with_number = [o for o in result.outcomes if o.measurement and o.measurement.estimate]
    estimates = [o.measurement.estimate for o in with_number if o.measurement]
    words = {
        "quantity": [o.item.quantity for o in with_number],
        "sample": [o.item.sample for o in with_number],
        "reference": [o.item.reference or "" for o in with_number],
        "unit": [e.unit for e in estimates if e],
    }
    numbers = ("value", "standard_uncertainty", "lower", "upper")
    table = xr.Dataset(
        {k: ("measurement", np.array(v, dtype=object)) for k, v in words.items()}
        | {k: ("measurement", np.array([getattr(e, k) for e in estimates], float)) for k in numbers}
    )
    root = xr.Dataset(
        attrs={
            "batch": result.batch.name,
            "simulated": "yes" if result.simulated else "no",
            "verdict": result.verdict,
            "started": result.started,
            "versions": ", ".join(f"{k} {v}" for k, v in result.versions.items()),
        }
    )
    groups: dict[str, xr.Dataset] = {"/": root, "/measurements": table}
    for index, outcome in enumerate(result.outcomes):
        got = outcome.measurement
        arrays: dict[str, xr.DataArray | xr.Dataset] = dict(got.data) if got else {}
        if got is not None and got.table is not None and len(got.table):
            arrays["table"] = table_dataset(got.table)
        for name, data in arrays.items():
            dataset = data if isinstance(data, xr.Dataset) else data.to_dataset(name=name)
            about = {"quantity": outcome.item.quantity, "title": outcome.title}
            groups[f"/result_{index}/{name}"] = dataset.assign_attrs(about)
    return xr.DataTree.from_dict(groups)
