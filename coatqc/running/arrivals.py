"""Which batches in a folder are new, and which of them have arrived as a whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coatcore.errors import CoatqcError, printable
from coatqc.recipes.batch import load_batch
from coatqc.recipes.inputs import input_files, size_and_time
from coatqc.recipes.toml_file import read_toml
from coatqc.running.quarantine import Fingerprint

Say = Callable[[Path, str], None]
# Of files that are not there, so many are named.
_NAMED = 3


@dataclass
class Memory:
    """What is known of each batch file, so that a look costs little.

    Parameters
    ----------
    finished : dict of str to set of str
        Checksums of each batch file with which it has a report.
    quarantined : dict of str to list
        State of its files when a batch could not be measured.

    Examples
    --------
    >>> Memory({}, {}).pending
    {}
    """

    finished: dict[str, set[str]]
    quarantined: dict[str, Fingerprint]
    # Batch files that are done or none, with size and time; not opened again until these change.
    settled: dict[Path, tuple[int, int]] = field(default_factory=dict)
    # State of the files, since when it has been so, and since when the batch is known.
    pending: dict[Path, tuple[Fingerprint, float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Look:
    """What a look into the folder found.

    Parameters
    ----------
    ready : dict of pathlib.Path to list
        Batch files whose files are all there and at rest, with the state of these.
    pending : int
        Batches of which files are missing or still change.
    resting : int
        Of these, batches of which no file is missing.
    trouble : str
        Why a folder could not be looked into; empty where all could.

    Examples
    --------
    >>> Look({}, 0, 0, "").ready
    {}
    """

    ready: dict[Path, Fingerprint]
    pending: int
    resting: int
    trouble: str


def look(
    folder: Path,
    output: Path,
    memory: Memory,
    *,
    now: float,
    settle: float,
    overdue: float,
    say: Say,
) -> Look:
    """Find the batches that have arrived as a whole and are not done.

    A batch has arrived when its batch file is there, each file that it names is there and not
    empty, and none of them has changed for `settle` seconds, as seen by the looks: the clock's
    time and the files' times may jump. Folders are looked into again and again, for network
    drives, on which instruments write, do not tell of changes.

    Parameters
    ----------
    folder : pathlib.Path
        Looked into with all its folders, but for hidden ones and `output`.
    output : pathlib.Path
        Folder of the reports.
    memory : Memory
        Changed by the look.
    now : float
        Seconds of a clock that never jumps, as `time.monotonic`.
    settle, overdue : float
        Seconds of rest before a batch counts as whole, and after which one with missing files
        counts as ready all the same, so that it is told what is missing.
    say : callable
        Called as ``say(path, words)`` with what is worth telling of a batch file.

    Returns
    -------
    Look

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> look(folder, folder / "out", Memory({}, {}), now=0.0, settle=5.0, overdue=60.0, say=print)
    Look(ready={}, pending=0, resting=0, trouble='')
    """
    ready: dict[Path, Fingerprint] = {}
    resting = 0
    files, trouble = _batch_files(folder, output)
    for gone in set(memory.pending) - set(files):
        del memory.pending[gone]
    for path, stat in files.items():
        if memory.settled.get(path) == stat:
            continue
        state, missing = _state(path, memory)
        if state is None:
            memory.pending.pop(path, None)
            # One in quarantine is mended in any of its files.
            if str(path) not in memory.quarantined:
                memory.settled[path] = stat
            if missing:
                say(path, missing)
            continue
        before, since, known = memory.pending.get(path, (None, now, now))
        if before != state:
            since = now
        memory.pending[path] = (state, since, known)
        if missing:
            say(path, f"waits for {missing}")
        resting += not missing
        if now - since >= settle and (not missing or now - known >= overdue):
            ready[path] = state
    return Look(ready, len(memory.pending), resting, trouble)


def _batch_files(folder: Path, output: Path) -> tuple[dict[Path, tuple[int, int]], str]:
    """Size and time of each TOML file, and why a folder could not be looked into."""
    found: dict[Path, tuple[int, int]] = {}
    troubles: list[OSError] = []
    for where, folders, names in os.walk(folder, onerror=troubles.append):
        here = Path(where)
        folders[:] = sorted(n for n in folders if n[0] != "." and here / n != output)
        for name in sorted(names):
            if name.endswith(".toml") and not name.startswith("."):
                path = here / name
                stat = size_and_time(path)
                if stat[0] >= 0:
                    found[path] = stat
    words = [f"{e.filename}: cannot be looked into ({e.strerror})" for e in troubles]
    return found, printable("; ".join(words[:_NAMED]))


def _state(path: Path, memory: Memory) -> tuple[Fingerprint | None, str]:
    """State of a batch's files with what is missing; None where there is nothing to be done."""
    own = [str(path), *_signature(path)]
    try:
        raw = read_toml(path)
    except CoatqcError:
        # It is told what is wrong with it when it has come to rest.
        return _unless_held([own], path, memory), ""
    if not _is_batch(raw):
        return None, "" if "version" in raw else "is no batch file: has no samples, passed over"
    try:
        batch = load_batch(path)
    except CoatqcError as error:
        # A mistake in the recipe is mended there, not in the batch file.
        recipe = raw.get("recipe")
        more = _signature(path.parent / recipe) if isinstance(recipe, str) else ()
        return _unless_held([own, [str(error)[:200], *more]], path, memory), ""
    if str(path) not in memory.quarantined and batch.sha256 in memory.finished.get(str(path), ()):
        return None, ""
    files = input_files(batch)
    state = [own, [batch.recipe_sha256], *([str(f), *_signature(f)] for _, f in files)]
    absent = [f.name for _, f in files if size_and_time(f)[0] <= 0]
    others = f" and {len(absent) - _NAMED} more" if len(absent) > _NAMED else ""
    missing = ", ".join(absent[:_NAMED]) + others
    return _unless_held(state, path, memory), missing


def _unless_held(state: Fingerprint, path: Path, memory: Memory) -> Fingerprint | None:
    return None if memory.quarantined.get(str(path)) == state else state


def _is_batch(raw: dict[str, Any]) -> bool:
    if "samples" in raw or "recipe" in raw:
        return True
    # A recipe has a version. Any other that begins like ours is one with a mistake in it.
    return "schema_version" in raw and "version" not in raw


def _signature(path: Path) -> tuple[int, int, int]:
    """Size and times of a file's content and of its rights, which a repair may change."""
    try:
        stat = path.stat()
    except OSError:
        return -1, -1, -1
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
