"""How a results store is reached: SQLite or PostgreSQL, by one writer at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coatcore.errors import StoreError

if TYPE_CHECKING:
    import sqlalchemy as sa

# Seconds to wait for another program that is writing.
_PATIENCE = 30
# What a text in a record may be long; report.json holds the whole.
_LONGEST = 4000
# Any number that other programs on the server do not lock.
_LOCK = 0x636F617471


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
    with opened(where, write=True):
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


def short(words: str) -> str:
    """Text as `clean`, cut to what a record holds of it.

    Examples
    --------
    >>> len(short("a" * 10_000))
    4000
    """
    return clean(words)[:_LONGEST]


def clean(words: str) -> str:
    r"""Text that every database takes: no NUL, no half of a surrogate pair.

    Examples
    --------
    >>> clean("a\x00\ud800")
    'a\ufffd?'
    """
    return words.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


@contextmanager
def opened(where: str | Path, *, write: bool) -> Iterator[sa.Connection]:
    """A transaction on the store's tables, which writing makes if there are none.

    Parameters
    ----------
    where : path-like or str
        File of SQLite, or URL of SQLAlchemy.
    write : bool
        Whether something is to be added: one writer at a time.

    Raises
    ------
    StoreError
        If the store cannot be reached, is locked for long, or is none of coatqc.

    Examples
    --------
    >>> import tempfile
    >>> with opened(Path(tempfile.mkdtemp()) / "results.sqlite", write=True) as connection:
    ...     connection.dialect.name
    'sqlite'
    """
    import sqlalchemy as sa
    from sqlalchemy import exc

    from coatqc.store.store_tables import METADATA, RUNS

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
