"""Where every result of every batch is kept, so that batches can be compared over years.

One file of SQLite, or a PostgreSQL server by its URL. Records are only ever added: triggers refuse
to change or delete one.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from coatcore.errors import StoreError
from coatqc.store.store_access import clean, opened, short

if TYPE_CHECKING:
    from coatqc.judging.run import BatchResult, Outcome


def record(result: BatchResult, where: str | Path) -> bool:
    """Add a batch's result to a store; what is there already is not added again.

    The same batch file, recipe, input files and version of coatqc make the same record, so that
    a run that was interrupted can be repeated.

    Parameters
    ----------
    result : BatchResult
        From `coatqc.judging.run_batch`.
    where : path-like or str
        File of SQLite, made if it is absent, or a URL of SQLAlchemy such as
        ``postgresql+pg8000://user@host/coatqc``.

    Returns
    -------
    bool
        Whether it was added.

    Raises
    ------
    StoreError
        If the store cannot be reached, is locked for long, or is none of coatqc.

    Examples
    --------
    >>> import tempfile
    >>> from coatqc.judging import run_batch
    >>> from coatqc.recipes import Batch
    >>> result = run_batch(Batch(schema_version=1, name="A7", samples={"A7": {}}))
    >>> store = Path(tempfile.mkdtemp()) / "results.sqlite"
    >>> record(result, store), record(result, store)
    (True, False)
    """
    import sqlalchemy as sa

    from coatqc.store.report_facts import to_dict
    from coatqc.store.store_tables import INPUTS, RESULTS, RUNS

    report = to_dict(result)
    batch = result.batch
    key = _key(report)
    with opened(where, write=True) as connection:
        known = connection.execute(sa.select(RUNS.c.id).where(RUNS.c.key == key)).first()
        if known is not None:
            return False
        added = connection.execute(
            RUNS.insert().values(
                key=key,
                batch=short(batch.name),
                batch_sha256=batch.sha256,
                recipe=short(batch.recipe_name),
                recipe_version=short(batch.recipe_version),
                recipe_sha256=batch.recipe_sha256,
                verdict=result.verdict,
                simulated=result.simulated,
                started=result.started,
                recorded=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
                versions=json.dumps(result.versions, sort_keys=True),
                report=clean(json.dumps(report, allow_nan=False)),
            )
        )
        (run,) = added.inserted_primary_key or (None,)
        judged = [(o, True) for o in result.criteria] + [(o, False) for o in result.observations]
        rows = [_row(outcome, is_judged) for outcome, is_judged in judged]
        if rows:
            connection.execute(RESULTS.insert(), [{**row, "run": run} for row in rows])
        files = [
            {
                "run": run,
                "sample": short(file["sample"]),
                "role": file["role"],
                "path": short(file["path"]),
                "sha256": file["sha256"] or "",
                "reader": file["reader"] or "",
                "error": short(file["error"]),
            }
            for file in report["files"]
        ]
        if files:
            connection.execute(INPUTS.insert(), files)
    return True


def last_run(where: str | Path) -> int:
    """Number of the newest record; 0 where there is none.

    Raises
    ------
    StoreError
        As `record`.

    Examples
    --------
    >>> import tempfile
    >>> from coatqc.store.store_access import open_store
    >>> last_run(open_store(Path(tempfile.mkdtemp()) / "results.sqlite"))
    0
    """
    import sqlalchemy as sa

    from coatqc.store.store_tables import RUNS

    with opened(where, write=False) as connection:
        return int(connection.execute(sa.select(sa.func.max(RUNS.c.id))).scalar() or 0)


def newest_report(
    where: str | Path,
    *,
    recipe: str | None = None,
    batch: str | None = None,
    other_than: str | None = None,
    until: int | None = None,
) -> dict[str, Any] | None:
    """What report.json held of the newest record, of those that are asked for.

    Parameters
    ----------
    where : path-like or str
        As for `record`.
    recipe, batch : str, optional
        Only of this recipe, of this batch.
    other_than : str, optional
        Not of this batch.
    until : int, optional
        Not beyond this record.

    Returns
    -------
    dict or None

    Raises
    ------
    StoreError
        As `record`.

    Examples
    --------
    >>> import tempfile
    >>> from coatqc.store.store_access import open_store
    >>> newest_report(open_store(Path(tempfile.mkdtemp()) / "results.sqlite")) is None
    True
    """
    import sqlalchemy as sa

    from coatqc.store.store_tables import RUNS

    query = sa.select(RUNS.c.report).order_by(RUNS.c.id.desc()).limit(1)
    if recipe is not None:
        query = query.where(RUNS.c.recipe == short(recipe))
    if batch is not None:
        query = query.where(RUNS.c.batch == short(batch))
    if other_than is not None:
        query = query.where(RUNS.c.batch != short(other_than))
    if until is not None:
        query = query.where(RUNS.c.id <= until)
    with opened(where, write=False) as connection:
        kept = connection.execute(query).scalar()
    return None if kept is None else dict(json.loads(kept))


def history(
    where: str | Path,
    *,
    batch: str | None = None,
    quantity: str | None = None,
    sample: str | None = None,
    replicates: bool = False,
) -> pd.DataFrame:
    """Results in a store, in the order they were recorded.

    Parameters
    ----------
    where : path-like or str
        As for `record`.
    batch, quantity, sample : str, optional
        Only these.
    replicates : bool
        Whether to add what each replicate gave (column replicates), and whether the sample is a
        reference (of_reference); of records that do not hold these, none and False.

    Returns
    -------
    pandas.DataFrame
        A row a result: when, batch, recipe and version, whether simulated, quantity with sample,
        reference and parameters, value with standard uncertainty and interval, unit, category,
        limits, verdict, error.

    Raises
    ------
    StoreError
        As `record`, or if there is no store.

    Examples
    --------
    >>> import tempfile
    >>> from coatqc.judging import run_batch
    >>> from coatqc.recipes import Batch
    >>> store = Path(tempfile.mkdtemp()) / "results.sqlite"
    >>> result = run_batch(Batch(schema_version=1, name="A7", samples={"A7": {}}))
    >>> record(result, store), len(history(store))
    (True, 0)
    """
    import sqlalchemy as sa

    from coatqc.store.store_tables import RESULTS, RUNS

    if "://" not in str(where) and not Path(where).is_file():
        raise StoreError(f"{where}: no such store; `coatqc report --store` makes one")
    columns = [
        RUNS.c.started,
        RUNS.c.batch,
        RUNS.c.recipe,
        RUNS.c.recipe_version,
        RUNS.c.simulated,
        *(c for c in RESULTS.c if c.name not in ("id", "run")),
    ]
    more = [RESULTS.c.run, RUNS.c.report] if replicates else []
    query = sa.select(*columns, *more).join(RUNS, RESULTS.c.run == RUNS.c.id)
    query = query.order_by(RESULTS.c.id)
    for column, value in (
        (RUNS.c.batch, batch),
        (RESULTS.c.quantity, quantity),
        (RESULTS.c.sample, sample),
    ):
        if value is not None:
            query = query.where(column == value)
    with opened(where, write=False) as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    table = pd.DataFrame(rows, columns=[c.name for c in columns])
    if replicates:
        kept = _kept_in({row["run"]: row["report"] for row in rows})
        found = [kept.get((row["run"], _same(row)), ((), False)) for row in rows]
        table["replicates"] = [each for each, _ in found]
        table["of_reference"] = [reference for _, reference in found]
    numbers = ["value", "standard_uncertainty", "lower", "upper", "minimum", "maximum"]
    return table.astype(dict.fromkeys(numbers, float))


def _same(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[k] or "") for k in ("quantity", "sample", "reference", "parameters"))


def _kept_in(reports: dict[int, str]) -> dict[tuple[int, tuple[str, ...]], tuple[Any, bool]]:
    """Replicates of each result, and whether it is of a reference, from the reports kept."""
    found: dict[tuple[int, tuple[str, ...]], tuple[Any, bool]] = {}
    for run, text in reports.items():
        report = json.loads(text)
        references = set(report.get("references", ()))
        for outcome in (*report.get("criteria", ()), *report.get("observations", ())):
            parameters = clean(json.dumps(outcome.get("parameters"), sort_keys=True))
            key = _same({**outcome, "parameters": parameters, "sample": outcome.get("sample")})
            values = tuple(x for x in outcome.get("replicates", ()) if x is not None)
            found[run, key] = (values, outcome.get("sample") in references)
    return found


def _key(report: dict[str, Any]) -> str:
    """What makes a record the same as another: what went in, and what it went through."""
    parts = [
        report["batch"],
        report["batch_sha256"],
        report["recipe"]["sha256"],
        report["versions"].get("coatqc", ""),
        sorted(
            [f["sample"], f["role"], f["path"], f["sha256"] or f["error"]] for f in report["files"]
        ),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _row(outcome: Outcome, judged: bool) -> dict[str, Any]:
    item, got = outcome.item, outcome.measurement
    estimate = got.estimate if got is not None else None
    parameters = outcome.parameters.model_dump(mode="json")
    return {
        "judged": judged,
        "quantity": item.quantity,
        "title": short(outcome.title),
        "sample": short(item.sample),
        "reference": short(item.reference or ""),
        "parameters": clean(json.dumps(parameters, sort_keys=True)),
        "unit": estimate.unit if estimate else "",
        "n": estimate.n if estimate else None,
        "category": got.category or "" if got is not None else "",
        "minimum": getattr(item, "min", None),
        "maximum": getattr(item, "max", None),
        "equals": getattr(item, "equals", None) or "",
        "verdict": outcome.verdict or "",
        "error": short(outcome.error),
        **{
            name: float(getattr(estimate, name)) if estimate else None
            for name in ("value", "standard_uncertainty", "lower", "upper")
        },
    }
