"""Measure many batches, one after the other or at once, and go on where a run was interrupted."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
import shutil
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from functools import partial
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING

from coatqc.core.errors import CoatqcError, MeasurementError, printable
from coatqc.core.provenance import versions
from coatqc.qc.batch import ROLES, Batch, load_batch
from coatqc.qc.run import run_batch
from coatqc.qc.verdict import Verdict

if TYPE_CHECKING:
    from coatqc.qc.run import BatchResult

Progress = Callable[[str, int, int], None]
Writer = Callable[["BatchResult", Path], object]
# What a report's folder holds beside the report: what went in.
_DONE = "inputs.json"
_PART, _OLD = ".part-", ".old-"


@dataclass(frozen=True)
class Summary:
    """What came of one batch.

    Parameters
    ----------
    file : str
        Batch file.
    batch : str
        Its name; empty where the file could not be read.
    folder : str
        Of the report, within the folder of all; empty where there is none.
    verdict : {"pass", "fail", "inconclusive", "not measured"}
    reason : str
        Why there is no report; empty where there is one.
    reused : bool
        Whether an earlier report of the same inputs stands.

    Examples
    --------
    >>> Summary("a.toml", "", "", "not measured", "a.toml: no such file", False).verdict
    'not measured'
    """

    file: str
    batch: str
    folder: str
    verdict: Verdict
    reason: str
    reused: bool


def run_batches(
    files: Iterable[str | Path],
    output: str | Path,
    *,
    write: Writer,
    store: str | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[Summary]:
    """Measure batches and write the report of each into a folder of its own.

    A report's folder appears whole or not at all, so that a run that was killed at any moment can
    be repeated: what is done is not done again, unless its files, recipe or coatqc have changed.

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
    progress : callable, optional
        Called as ``progress(what, done, total)`` after each batch.

    Returns
    -------
    list of Summary
        In the order of `files`.

    Raises
    ------
    MeasurementError
        If `output` cannot be written, `jobs` is below 1, or processes cannot be started.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> [s.reason for s in run_batches([folder / "a.toml"], folder / "out", write=print)]
    ['...a.toml: no such file; check the path']
    """
    if jobs < 1:
        raise MeasurementError(f"jobs is {jobs}, expected 1 or more")
    output = Path(output)
    try:
        output.mkdir(parents=True, exist_ok=True)
        for left in output.glob(".*"):
            if left.name.startswith((_PART, _OLD)):
                shutil.rmtree(left)
    except OSError as error:
        raise MeasurementError(f"{output}: cannot be written ({error.strerror})") from error
    unique = list(dict.fromkeys(Path(f).resolve() for f in files))
    one = partial(_run_one, output=output, write=write, store=store)
    tell = progress or (lambda what, done, total: None)
    found = []
    for summary in _mapped(one, unique, min(jobs, len(unique))):
        found.append(summary)
        tell(summary.batch or summary.file, len(found), len(unique))
    return found


def _mapped(one: Callable[[Path], Summary], files: list[Path], jobs: int) -> Iterator[Summary]:
    if jobs <= 1:
        yield from map(one, files)
        return
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(jobs, mp_context=context) as pool:
            yield from pool.map(one, files)
    except BrokenProcessPool as error:
        raise MeasurementError(
            "a process ended before its work was done (too little memory?); what is done is "
            "kept: run again, with fewer jobs"
        ) from error


def _run_one(path: Path, *, output: Path, write: Writer, store: str | None) -> Summary:
    name = ""
    try:
        batch = load_batch(path)
        name = batch.name
        folder = output / _folder_name(path, name)
        inputs = _inputs(batch)
        earlier = _earlier(folder)
        if earlier.get("inputs") == inputs:
            reused = _whole(earlier, path, folder)
            if reused is not None and (store is None or earlier.get("store") == store):
                return reused
        result = run_batch(batch)
        summary = Summary(str(path), name, folder.name, result.verdict, "", reused=False)
        part = output / f"{_PART}{uuid.uuid4().hex}"
        write(result, part)
        if store is not None:
            from coatqc.qc.store import record

            record(result, store)
        # Last, for it says that all the rest is there.
        done = {"inputs": inputs, "store": store, "summary": asdict(summary)}
        (part / _DONE).write_text(json.dumps(done, indent=2), encoding="utf-8")
        _swap(part, folder)
    except CoatqcError as error:
        return Summary(str(path), name, "", "not measured", str(error), reused=False)
    except OSError as error:
        reason = f"{error.filename or path}: {error.strerror or error}"
        return Summary(str(path), name, "", "not measured", reason, reused=False)
    return summary


def _folder_name(path: Path, name: str) -> str:
    """Words of a batch's name that no file system minds, and what tells two of one name apart."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:60] or "batch"
    return f"{words}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}"


def _inputs(batch: Batch) -> list[list[str | int]]:
    """What a result depends on; files by name, size and time of change."""
    found: list[list[str | int]] = [
        [batch.sha256, batch.recipe_sha256, *(f"{k} {v}" for k, v in sorted(versions().items()))]
    ]
    for sample in (*batch.samples.values(), *batch.references.values()):
        for role in ROLES:
            for pattern in getattr(sample, role):
                path = batch.folder / pattern
                named = (
                    [path]
                    if path.exists()
                    else sorted(
                        batch.folder / n
                        for n in glob(pattern, root_dir=batch.folder, recursive=True)  # noqa: PTH207
                    )
                )
                for file in named or [path]:
                    stat = file.stat() if file.exists() else None
                    size, time = (stat.st_size, stat.st_mtime_ns) if stat else (-1, -1)
                    found.append([role, str(file), size, time])
    return found


def _earlier(folder: Path) -> dict[str, object]:
    try:
        facts = json.loads((folder / _DONE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _whole(earlier: dict[str, object], path: Path, folder: Path) -> Summary | None:
    summary = earlier.get("summary")
    if not isinstance(summary, dict):
        return None
    verdict: Verdict = summary["verdict"]
    return Summary(str(path), str(summary["batch"]), folder.name, verdict, "", reused=True)


def _swap(part: Path, folder: Path) -> None:
    """Put a finished folder in its place; an earlier one goes only then."""
    old = folder.with_name(f"{_OLD}{uuid.uuid4().hex}")
    if folder.exists():
        folder.rename(old)
    part.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


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
