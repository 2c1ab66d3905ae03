"""Where every result of every batch is kept, so that batches can be compared over years.

One file of SQLite, or a PostgreSQL server by its URL. Records are only ever added: triggers refuse
to change or delete one.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from coatqc.core.errors import StoreError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from coatqc.qc.run import BatchResult, Outcome

# Seconds to wait for another program that is writing.
_PATIENCE = 30
# What a text in a record may be long; report.json holds the whole.
_LONGEST = 4000
# Any number that other programs on the server do not lock.
_LOCK = 0x636F617471


def record(result: BatchResult, where: str | Path) -> bool:
    """Add a batch's result to a store; what is there already is not added again.

    The same batch file, recipe, input files and version of coatqc make the same record, so that
    a run that was interrupted can be repeated.

    Parameters
    ----------
    result : BatchResult
        From `coatqc.qc.run_batch`.
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
    >>> from coatqc.qc import Batch, run_batch
    >>> result = run_batch(Batch(schema_version=1, name="A7", samples={"A7": {}}))
    >>> store = Path(tempfile.mkdtemp()) / "results.sqlite"
    >>> record(result, store), record(result, store)
    (True, False)
    """
    import sqlalchemy as sa

    from coatqc.qc.facts import to_dict
    from coatqc.qc.store_tables import INPUTS, RESULTS, RUNS

    report = to_dict(result)
    batch = result.batch
    key = _key(report)
    with _opened(where, write=True) as connection:
        known = connection.execute(sa.select(RUNS.c.id).where(RUNS.c.key == key)).first()
        if known is not None:
            return False
        added = connection.execute(
            RUNS.insert().values(
                key=key,
                batch=_text(batch.name),
                batch_sha256=batch.sha256,
                recipe=_text(batch.recipe_name),
                recipe_version=_text(batch.recipe_version),
                recipe_sha256=batch.recipe_sha256,
                verdict=result.verdict,
                simulated=result.simulated,
                started=result.started,
                recorded=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
                versions=json.dumps(result.versions, sort_keys=True),
                report=_clean(json.dumps(report, allow_nan=False)),
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
                "sample": _text(file["sample"]),
                "role": file["role"],
                "path": _text(file["path"]),
                "sha256": file["sha256"] or "",
                "reader": file["reader"] or "",
                "error": _text(file["error"]),
            }
            for file in report["files"]
        ]
        if files:
            connection.execute(INPUTS.insert(), files)
    return True


def open_store(where: str | Path) -> str:
    """Make a store's tables if there are none, and say where it is from any working folder.

    Parameters
    ----------
    where : path-like or str
        As for `record`.

    Returns
    -------
    str
        Absolute path, or the URL.

    Raises
    ------
    StoreError
        As `record`.

    Examples
    --------
    >>> import tempfile
    >>> open_store(Path(tempfile.mkdtemp()) / "results.sqlite")
    '/...results.sqlite'
    """
    with _opened(where, write=True):
        pass
    words = str(where)
    return words if "://" in words else str(Path(words).resolve())


def shown_store(where: str | Path) -> str:
    """A store as it may be shown: without the password that its URL may hold.

    Examples
    --------
    >>> shown_store("postgresql+pg8000://me:secret@lab/coatqc")
    'lab/coatqc'
    """
    return str(where).split("@")[-1]


def last_run(where: str | Path) -> int:
    """Number of the newest record; 0 where there is none.

    Raises
    ------
    StoreError
        As `record`.

    Examples
    --------
    >>> import tempfile
    >>> last_run(open_store(Path(tempfile.mkdtemp()) / "results.sqlite"))
    0
    """
    import sqlalchemy as sa

    from coatqc.qc.store_tables import RUNS

    with _opened(where, write=False) as connection:
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
    >>> newest_report(open_store(Path(tempfile.mkdtemp()) / "results.sqlite")) is None
    True
    """
    import sqlalchemy as sa

    from coatqc.qc.store_tables import RUNS

    query = sa.select(RUNS.c.report).order_by(RUNS.c.id.desc()).limit(1)
    if recipe is not None:
        query = query.where(RUNS.c.recipe == _text(recipe))
    if batch is not None:
        query = query.where(RUNS.c.batch == _text(batch))
    if other_than is not None:
        query = query.where(RUNS.c.batch != _text(other_than))
    if until is not None:
        query = query.where(RUNS.c.id <= until)
    with _opened(where, write=False) as connection:
        kept = connection.execute(query).scalar()
    return None if kept is None else dict(json.loads(kept))


def history(
    where: str | Path,
    *,
    batch: str | None = None,
    quantity: str | None = None,
    sample: str | None = None,
) -> pd.DataFrame:
    """Results in a store, in the order they were recorded.

    Parameters
    ----------
    where : path-like or str
        As for `record`.
    batch, quantity, sample : str, optional
        Only these.

    Returns
    -------
    pandas.DataFrame
        A row a result: when, batch, recipe and version, quantity with sample, reference and
        parameters, value with standard uncertainty and interval, unit, category, limits, verdict,
        error.

    Raises
    ------
    StoreError
        As `record`, or if there is no store.

    Examples
    --------
    >>> import tempfile
    >>> from coatqc.qc import Batch, run_batch
    >>> store = Path(tempfile.mkdtemp()) / "results.sqlite"
    >>> result = run_batch(Batch(schema_version=1, name="A7", samples={"A7": {}}))
    >>> record(result, store), len(history(store))
    (True, 0)
    """
    import sqlalchemy as sa

    from coatqc.qc.store_tables import RESULTS, RUNS

    if "://" not in str(where) and not Path(where).is_file():
        raise StoreError(f"{where}: no such store; `coatqc report --store` makes one")
    columns = [
        RUNS.c.started,
        RUNS.c.batch,
        RUNS.c.recipe,
        RUNS.c.recipe_version,
        *(c for c in RESULTS.c if c.name not in ("id", "run")),
    ]
    query = sa.select(*columns).join(RUNS, RESULTS.c.run == RUNS.c.id).order_by(RESULTS.c.id)
    for column, value in (
        (RUNS.c.batch, batch),
        (RESULTS.c.quantity, quantity),
        (RESULTS.c.sample, sample),
    ):
        if value is not None:
            query = query.where(column == value)
    with _opened(where, write=False) as connection:
        rows = connection.execute(query).mappings().all()
    table = pd.DataFrame([dict(row) for row in rows], columns=[c.name for c in columns])
    numbers = ["value", "standard_uncertainty", "lower", "upper", "minimum", "maximum"]
    return table.astype(dict.fromkeys(numbers, float))


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
        "title": _text(outcome.title),
        "sample": _text(item.sample),
        "reference": _text(item.reference or ""),
        "parameters": _clean(json.dumps(parameters, sort_keys=True)),
        "unit": estimate.unit if estimate else "",
        "n": estimate.n if estimate else None,
        "category": got.category or "" if got is not None else "",
        "minimum": getattr(item, "min", None),
        "maximum": getattr(item, "max", None),
        "equals": getattr(item, "equals", None) or "",
        "verdict": outcome.verdict or "",
        "error": _text(outcome.error),
        **{
            name: float(getattr(estimate, name)) if estimate else None
            for name in ("value", "standard_uncertainty", "lower", "upper")
        },
    }


def _text(words: str) -> str:
    return _clean(words)[:_LONGEST]


def _clean(words: str) -> str:
    """Text that every database takes: no NUL, no half of a surrogate pair."""
    return words.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


@contextmanager
def _opened(where: str | Path, *, write: bool) -> Iterator[sa.Connection]:
    """A transaction on the store's tables, which writing makes if there are none."""
    import sqlalchemy as sa
    from sqlalchemy import exc

    from coatqc.qc.store_tables import METADATA, RUNS

    words = str(where)
    url = words if "://" in words else sa.URL.create("sqlite", database=words)
    shown = shown_store(where)
    try:
        lite = sa.make_url(url).get_backend_name() == "sqlite"
        options: dict[str, Any] = {"connect_args": {"timeout": _PATIENCE}} if lite else {}
        engine = sa.create_engine(url, poolclass=sa.pool.NullPool, **options)
        if lite and write:
            _lock_when_beginning(engine)
        with engine.begin() as connection:
            if write and connection.dialect.name == "postgresql":
                # One writer at a time, from the look whether a run is known to its record.
                connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            if not sa.inspect(connection).has_table(RUNS.name):
                if not write:
                    raise StoreError(f"{shown}: holds no results of coatqc")
                METADATA.create_all(connection)
            yield connection
    except exc.NoSuchModuleError as error:
        raise StoreError(f"{shown}: no such kind of store ({error})") from error
    except ImportError as error:
        raise StoreError(
            f"{shown}: its driver is not installed ({error}); pip install 'coatqc[postgresql]'"
        ) from error
    except exc.ArgumentError as error:
        raise StoreError(f"{shown}: is no path and no URL of a store") from error
    except exc.SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0][:300]
        raise StoreError(
            f"{shown}: {reason}; nothing was lost or half written: mend it and run again"
        ) from error


def _lock_when_beginning(engine: sa.Engine) -> None:
    """SQLite takes the lock for writing at once: two programs wait instead of failing."""
    from sqlalchemy import event

    @event.listens_for(engine, "connect")
    def _(connection: Any, _record: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
