"""Measure many batches, one after the other or at once, and go on where a run was interrupted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from coatcore.errors import MeasurementError, printable
from coatcore.processes import spread
from coatqc.judging.summary import Summary
from coatqc.running.one_batch import Writer, clear_leftovers, measure_whole

Progress = Callable[[str, int, int], None]


def run_batches(
    files: Iterable[str | Path],
    output: str | Path,
    *,
    write: Writer,
    store: str | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> list[Summary]:
    """Measure batches and write the report of each into a folder of its own.

    A report's folder appears whole or not at all, so that a run that was killed at any moment can
    be repeated: what is done is not done again, unless its files, recipe or coatqc have changed.
    Numbers do not depend on `jobs` or `scheduler`.

    Parameters
    ----------
    files : iterable of path-like
        Batch files; the same one twice counts once.
    output : path-like
        Folder of the reports; made if it is absent. Nothing is written elsewhere.
    write : callable
        Writes a result's report into a folder, as `coatqc.report.write_report` does.
    store : str, optional
        Results store in which each result is recorded.
    jobs : int
        Processes; 1 stays in this one.
    scheduler : str, optional
        Address of a dask.distributed scheduler (``tcp://host:8786``) whose workers see the same
        files by the same paths. A worker does one batch at once; give it one thread.
    progress : callable, optional
        Called as ``progress(what, done, total)`` after each batch.

    Returns
    -------
    list of Summary
        In the order of `files`.

    Raises
    ------
    MeasurementError
        If `output` cannot be written, `jobs` is below 1, or the cluster cannot be used.
    StoreError
        If the store cannot be used.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> [s.reason for s in run_batches([folder / "a.toml"], folder / "out", write=print)]
    ['...a.toml: no such file; check the path']
    """
    if jobs < 1:
        raise MeasurementError(f"jobs is {jobs}, expected 1 or more")
    output = Path(output).resolve()
    try:
        output.mkdir(parents=True, exist_ok=True)
        clear_leftovers(output)
    except OSError as error:
        raise MeasurementError(f"{output}: cannot be written ({error.strerror})") from error
    until = None
    if store is not None:
        from coatqc.store.store import last_run
        from coatqc.store.store_access import open_store

        # Before hours of measuring, not after.
        store = open_store(store)
        until = last_run(store)
    unique = list(dict.fromkeys(Path(f).resolve() for f in files))
    one = partial(measure_whole, output=output, write=write, store=store, until=until)
    tell = progress or (lambda what, done, total: None)
    found: dict[int, Summary] = {}
    answers = spread(one, unique, jobs=0 if jobs == 1 else jobs, scheduler=scheduler, lost=lost)
    for number, summary in answers:
        assert summary is not None  # it has waited
        found[number] = summary
        tell(summary.batch or summary.file, len(found), len(unique))
    return [found[number] for number in range(len(unique))]


def lost(path: Path, why: str) -> Summary:
    """Summary of a batch whose process ended.

    Examples
    --------
    >>> lost(Path("a.toml"), "its process ended").reason
    'a.toml: its process ended'
    """
    reason = f"{path}: {why}"
    return Summary(str(path), "", "", "not measured", reason, reused=False, blame="batch")


def overview(found: list[Summary]) -> str:
    """A line a batch, and how many came to which verdict.

    Examples
    --------
    >>> print(overview([Summary("a.toml", "A7", "A7-0", "pass", "", reused=True)]))
    pass          A7  A7-0 (as before)
    1 batch: 1 pass
    """
    lines = []
    for each in found:
        where = each.reason or each.folder + (" (as before)" if each.reused else "")
        lines.append(printable(f"{each.verdict:13} {each.batch or each.file}  {where}"))
    counts = Counter(each.verdict for each in found)
    total = ", ".join(f"{n} {verdict}" for verdict, n in counts.items())
    lines.append(f"{len(found)} batch{'' if len(found) == 1 else 'es'}: {total}")
    return "\n".join(lines)
