"""One batch, its report in a folder of its own: whole or not at all, and by one program at once."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coatcore.errors import CoatqcError, MeasurementError, printable
from coatqc.judging.run import run_batch
from coatqc.judging.summary import DONE, Summary, facts_in, summarize, summary_in
from coatqc.recipes.batch import load_batch
from coatqc.recipes.inputs import fingerprint
from coatqc.recipes.models import Batch

if TYPE_CHECKING:
    from coatqc.judging.run import BatchResult
    from coatqc.store.deltas import Earlier

Writer = Callable[["BatchResult", Path, "Earlier | None"], object]
# In a report's folder: what is still to be told.
UNTOLD = "untold.json"
# Seconds between collections, each of a tenth of a second: left to itself, memory grows.
_EVERY = 10.0
_collected = time.monotonic()
_PART, _OLD, _LOCKS = ".part-", ".old-", ".locks"


def measure_whole(
    path: Path,
    *,
    output: Path,
    write: Writer,
    store: str | None = None,
    until: int | None = None,
    tell: bool = False,
    wait: bool = True,
) -> Summary | None:
    """Measure a batch and write its report into a folder of its own, unless that is there.

    The folder appears when all of it is written and the result is recorded. Whatever goes wrong
    stands in the summary.

    Parameters
    ----------
    path : pathlib.Path
        Batch file.
    output : pathlib.Path
        Folder of the reports' folders.
    write : callable
        Writes a result's report into a folder, as `coatqc.report.write_report` does.
    store : str, optional
        Results store in which the result is recorded.
    until : int, optional
        Only records up to this number are compared with, as for `coatqc.store.deltas.find_earlier`.
    tell : bool
        Whether to leave a message in the folder, for `coatqc.running.notify`.
    wait : bool
        Whether to wait where another program has this batch in hand.

    Returns
    -------
    Summary or None
        None where another program has the batch in hand and `wait` is False.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> measure_whole(folder / "a.toml", output=folder, write=print).blame
    'batch'
    """
    try:
        batch = load_batch(path)
    except CoatqcError as error:
        return _failed(path, "", str(error), "batch")
    try:
        with in_hand(output, folder_name(path, batch.name), wait=wait) as mine:
            if not mine:
                return None
            summary = _measure(path, batch, output, write, store, until, tell)
            _collect_now_and_then()
            return summary
    except MeasurementError as error:
        return _failed(path, batch.name, str(error), "place")


def _measure(
    path: Path,
    batch: Batch,
    output: Path,
    write: Writer,
    store: str | None,
    until: int | None,
    tell: bool,
) -> Summary:
    folder = output / folder_name(path, batch.name)
    part = output / f"{_PART}{folder.name}"
    try:
        _finish_or_clear(output, folder.name)
        inputs = fingerprint(batch)
        earlier = facts_in(folder)
        kept = _shown(store)
        if earlier.get("inputs") == inputs and kept in (None, earlier.get("store")):
            reused = summary_in(folder)
            # A file that could not be read may be readable now.
            if reused is not None and not reused.unread:
                return reused
    except OSError as error:
        return _failed(path, batch.name, _place(error, folder), "place")
    try:
        result = run_batch(batch)
    except Exception as error:  # one batch must not lose the others
        return _failed(path, batch.name, _unexpected(error), "batch")
    summary = summarize(path, folder.name, result)
    try:
        if store is None:
            write(result, part, None)
        else:
            from coatqc.store.deltas import find_earlier
            from coatqc.store.store import record

            write(result, part, find_earlier(store, batch, until=until))
            record(result, store)
        if tell:
            (part / UNTOLD).write_text(json.dumps({"id": uuid.uuid4().hex}), encoding="utf-8")
        # Last, for it says that all the rest is there.
        done = {"inputs": inputs, "store": kept, "summary": asdict(summary)}
        (part / DONE).write_text(json.dumps(done, indent=2), encoding="utf-8")
        _swap(part, folder)
    except CoatqcError as error:
        # The store, or the browser that prints.
        reason, blame = str(error), "place"
    except OSError as error:
        reason, blame = _place(error, folder), "place"
    except Exception as error:
        full = _behind(error)
        reason = _place(full, folder) if full else _unexpected(error)
        blame = "place" if full else "batch"
    else:
        return summary
    # What is half written only takes the room that may be wanting.
    shutil.rmtree(part, ignore_errors=True)
    return _failed(path, batch.name, reason, blame)


def _collect_now_and_then() -> None:
    """Let go of figures, which refer to themselves and each other, and hold images."""
    global _collected
    if time.monotonic() - _collected > _EVERY:
        gc.collect()
        _collected = time.monotonic()


def _shown(store: str | None) -> str | None:
    if store is None:
        return None
    from coatqc.store.store_access import shown_store

    return shown_store(store)


def _behind(error: BaseException) -> OSError | None:
    """The OSError from which another error came, as a library may wrap a full disk."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError):
            return seen
        seen = seen.__cause__ or seen.__context__
    # HDF5 says so in words.
    words = str(error).lower()
    return OSError(None, str(error)) if "errno = " in words or "write failed" in words else None


def _failed(path: Path, name: str, reason: str, blame: Any) -> Summary:
    return Summary(str(path), name, "", "not measured", reason, reused=False, blame=blame)


def _unexpected(error: BaseException) -> str:
    return printable(f"unexpected {type(error).__name__}: {error}"[:500])


def _place(error: OSError, folder: Path) -> str:
    """Words for what kept a report from being written."""
    what = error.strerror or str(error)
    return f"{error.filename or folder}: cannot be written ({what}); mend it and run again"


@contextmanager
def in_hand(output: Path, folder: str, *, wait: bool) -> Iterator[bool]:
    """Hold one batch's folder against other programs; whether it is held.

    The system lets go of the lock when a program ends, however it ends.

    Raises
    ------
    MeasurementError
        If the file system of `output` has no locks, or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with in_hand(folder, "A7", wait=False) as mine, in_hand(folder, "A7", wait=False) as too:
    ...     mine, too
    (True, False)
    """
    from filelock import FileLock, Timeout

    try:
        (output / _LOCKS).mkdir(parents=True, exist_ok=True)
        # A soft lock would outlive a program that was killed.
        lock = FileLock(output / _LOCKS / folder, fallback_to_soft=False)
        lock.acquire(timeout=-1 if wait else 0)
    except Timeout:
        yield False
        return
    except OSError as error:
        raise MeasurementError(_place(error, output)) from error
    try:
        yield True
    finally:
        lock.release()


def clear_leftovers(output: Path) -> None:
    """Finish or clear what programs that were killed have left half done.

    Raises
    ------
    OSError
        If `output` cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / ".part-A7").mkdir()
    >>> clear_leftovers(folder)
    >>> (folder / ".part-A7").exists()
    False
    """
    left = {
        p.name.removeprefix(prefix) for prefix in (_PART, _OLD) for p in output.glob(f"{prefix}*")
    }
    for name in sorted(left):
        with in_hand(output, name, wait=False) as mine:
            if mine:
                _finish_or_clear(output, name)


def _finish_or_clear(output: Path, name: str) -> None:
    folder, part, old = output / name, output / f"{_PART}{name}", output / f"{_OLD}{name}"
    if (part / DONE).exists() and not folder.exists():
        part.rename(folder)
    elif old.exists() and not folder.exists():
        old.rename(folder)
    for left in (part, old):
        if left.exists():
            shutil.rmtree(left)


def _swap(part: Path, folder: Path) -> None:
    """Put a finished folder in its place; an earlier one goes only then."""
    old = folder.with_name(f"{_OLD}{folder.name}")
    if folder.exists():
        folder.rename(old)
    part.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def folder_name(path: Path, name: str) -> str:
    """Words of a batch's name that no file system minds, and what tells two of one name apart.

    Examples
    --------
    >>> folder_name(Path("/lab/a.toml"), "../A 7<b>")
    'A-7-b-ff4871b1'
    """
    words = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:60] or "batch"
    return f"{words}-{mark(path)}"


def mark(path: Path) -> str:
    """Eight digits that tell a batch file's folders from others.

    Examples
    --------
    >>> mark(Path("/lab/a.toml"))
    'ff4871b1'
    """
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:8]
