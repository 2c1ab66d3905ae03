"""Measure every batch that arrives in a folder, once, for as long as the program is left alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from coatcore.errors import CoatqcError, MeasurementError, StoreError
from coatcore.processes import spread
from coatqc.judging.summary import Summary, finished, summary_in
from coatqc.running import quarantine
from coatqc.running.arrivals import Look, Memory, look
from coatqc.running.log import Log
from coatqc.running.many_batches import lost
from coatqc.running.notify import Hooks, tell
from coatqc.running.one_batch import UNTOLD, Writer, clear_leftovers, in_hand, measure_whole
from coatqc.running.quarantine import Fingerprint

# Seconds until what did not work is tried again: the first time, and at most.
_SOON, _LATE = 2.0, 300.0
# A look may take this part of the time.
_SHARE = 0.2


@dataclass(frozen=True)
class Pace:
    """How patient a watch is, all in seconds.

    Parameters
    ----------
    settle : float
        A batch's files must be at rest for so long before it counts as whole.
    interval : float
        Between two looks into the folder.
    overdue : float
        A batch of which files are still missing after that goes to quarantine.

    Raises
    ------
    MeasurementError
        If one is negative or not a number.

    Examples
    --------
    >>> Pace().settle
    10.0
    """

    settle: float = 10.0
    interval: float = 2.0
    overdue: float = 86400.0

    def __post_init__(self) -> None:
        for name in ("settle", "interval", "overdue"):
            if not getattr(self, name) >= 0:
                raise MeasurementError(f"{name} is {getattr(self, name)}, expected 0 s or more")


@dataclass
class _Trouble:
    """What does not work, and when it is to be tried again."""

    since: dict[str, tuple[float, float]] = field(default_factory=dict)

    def rests(self, what: str) -> bool:
        return self.since.get(what, (0.0, 0.0))[0] > time.monotonic()

    def again(self, what: str) -> None:
        delay = min(2 * self.since.get(what, (0.0, _SOON / 2))[1], _LATE)
        self.since[what] = (time.monotonic() + delay, delay)

    def over(self, what: str) -> bool:
        return self.since.pop(what, None) is not None


@dataclass
class _Here:
    """What the parts of a watch share."""

    output: Path
    store: str | None
    hooks: Hooks
    log: Log
    trouble: _Trouble = field(default_factory=_Trouble)
    memory: Memory | None = None
    untold: set[Path] = field(default_factory=set)
    said: dict[Path, str] = field(default_factory=dict)

    def say(self, path: Path, words: str) -> None:
        """Tell what a batch waits for, once."""
        if self.said.get(path) != words:
            self.said[path] = words
            self.log("waiting", file=path, reason=words)


def watch(
    folder: str | Path,
    output: str | Path,
    *,
    write: Writer,
    log: Log,
    store: str | None = None,
    jobs: int = 1,
    pace: Pace | None = None,
    hooks: Hooks | None = None,
    once: bool = False,
    stopped: Callable[[], bool] = lambda: False,
    after: Callable[[], None] = lambda: None,
) -> bool:
    """Measure each batch that arrives in a folder, and go on until stopped.

    What is done is known from the reports in `output`, so that a watch may be ended at any moment
    and begun again: no batch is lost, or measured twice. A batch whose batch file has changed is
    a new one; a change of recipe or of coatqc does not touch batches that are done. Several
    programs may watch the same folder with the same `output`.

    A batch that cannot be measured, or of which a file cannot be read, goes to quarantine: a
    folder in ``output/quarantine`` says why, its own files stay where they are, and it is tried
    again when one of them has changed. Where the trouble lies elsewhere (a full disk, a store that
    does not answer), the batch waits until that is mended.

    Parameters
    ----------
    folder : path-like
        Where batches arrive, each a batch file (TOML) with its files; see
        `coatqc.running.arrivals.look`.
    output : path-like
        Folder of the reports; may lie within `folder`.
    write : callable
        Writes a result's report into a folder, as `coatqc.report.write_report` does.
    log : callable
        From `coatqc.running.log.open_log`.
    store : str, optional
        Results store in which each result is recorded.
    jobs : int
        Processes. A batch that ends its process ends no other's, and not the watch.
    pace : Pace, optional
    hooks : Hooks, optional
        Who is told of verdicts.
    once : bool
        Whether to end when all that has arrived is done, or something does not work.
    stopped : callable
        Asked whether to end; a batch in hand is finished.
    after : callable
        Called when batches have been measured.

    Returns
    -------
    bool
        Whether nothing is left that did not work.

    Raises
    ------
    MeasurementError
        If `folder` is no folder, or `jobs` is below 1.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> watch(folder, folder / "out", write=print, log=lambda *a, **k: None, once=True)
    True
    """
    folder, output = Path(folder).resolve(), Path(output).resolve()
    pace = pace or Pace()
    if not folder.is_dir():
        raise MeasurementError(f"{folder}: is no folder; name one that batches arrive in")
    if jobs < 1:
        raise MeasurementError(f"jobs is {jobs}, expected 1 or more")
    here = _Here(output, store, hooks or Hooks(), log)
    one = partial(
        measure_whole,
        output=output,
        write=write,
        store=store,
        tell=bool(here.hooks.names),
        wait=False,
    )
    log("watching", folder=folder, output=output)
    while not stopped():
        began = time.monotonic()
        found = Look({}, 0, 0, "")
        # What is done is known only where the reports can be read.
        if here.memory is not None or _usable(here):
            found, ready = _arrived(folder, here, pace)
            if ready and _usable(here):
                for path, summary in _measured(one, ready, jobs, stopped):
                    _keep(path, summary, ready[path], here)
                after()
            _tell_all(here)
        if once and (here.trouble.since or not (found.resting or here.untold)):
            break
        _sleep(max(pace.interval, (time.monotonic() - began) * _SHARE), stopped)
    log("stopped", folder=folder)
    return not here.trouble.since


def _sleep(seconds: float, stopped: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while not stopped() and (left := end - time.monotonic()) > 0:
        time.sleep(min(left, 0.2))


def _arrived(folder: Path, here: _Here, pace: Pace) -> tuple[Look, dict[Path, Fingerprint]]:
    """What a look finds, and what of it is to be measured now."""
    if here.memory is None:
        here.memory = Memory({}, quarantine.held(here.output))
        for each in finished(here.output):
            here.memory.finished.setdefault(each.file, set()).add(each.sha256)
        if here.hooks.names:
            places = (here.output, here.output / quarantine.FOLDER)
            here.untold = {p.parent for where in places for p in where.glob(f"[!.]*/{UNTOLD}")}
    found = look(
        folder,
        here.output,
        here.memory,
        now=time.monotonic(),
        settle=pace.settle,
        overdue=pace.overdue,
        say=here.say,
    )
    if found.trouble and not here.trouble.rests(str(folder)):
        here.log("trouble", reason=found.trouble)
        here.trouble.again(str(folder))
    elif not found.trouble and here.trouble.over(str(folder)):
        here.log("resumed", reason=f"{folder}: can be looked into again")
    ready = {p: s for p, s in found.ready.items() if not here.trouble.rests(str(p))}
    return found, ready


def _usable(here: _Here) -> bool:
    """Whether reports can be written and results be recorded; it is told when that changes."""
    if here.trouble.rests("place"):
        return False
    try:
        here.output.mkdir(parents=True, exist_ok=True)
        clear_leftovers(here.output)
        if here.store is not None:
            from coatqc.store.store_access import open_store

            open_store(here.store)
    except StoreError as error:
        reason = str(error)
    except (OSError, MeasurementError) as error:
        what = getattr(error, "strerror", None) or error
        reason = f"{here.output}: cannot be written ({what})"
    else:
        if here.trouble.over("place"):
            here.log("resumed", reason="reports and records can be written again")
        return True
    here.log("trouble", reason=f"{reason}; waiting until it is mended")
    here.trouble.again("place")
    return False


def _measured(
    one: Callable[[Path], Summary | None],
    ready: dict[Path, Fingerprint],
    jobs: int,
    stopped: Callable[[], bool],
) -> Iterator[tuple[Path, Summary | None]]:
    paths = list(ready)
    if not paths:
        return
    # Always in another process: what kills it does not kill the watch.
    for number, summary in spread(one, paths, jobs=min(jobs, len(paths)), lost=lost):
        yield paths[number], summary
        if stopped():
            return


def _keep(path: Path, summary: Summary | None, state: Fingerprint, here: _Here) -> None:
    """Keep in mind and in quarantine what came of a batch, and who is to be told."""
    assert here.memory is not None  # it has been looked
    here.memory.pending.pop(path, None)
    if summary is None:
        # Another program has it in hand; the next look finds what came of it.
        return
    told = {"file": path, "batch": summary.batch}
    if summary.blame == "place":
        here.trouble.again(str(path))
        here.log("trouble", **told, reason=summary.reason)
        return
    bad = summary.reason or summary.unread
    try:
        if bad:
            tell_it = bool(here.hooks.names)
            held = quarantine.put(here.output, summary, state, tell=tell_it)
        elif quarantine.release(here.output, path):
            here.log("mended", **told)
    except OSError as error:
        here.trouble.again(str(path))
        what = f"{here.output}: cannot be written ({error.strerror})"
        here.log("trouble", **told, reason=what)
        return
    here.trouble.over(str(path))
    here.said.pop(path, None)
    if bad:
        here.memory.quarantined[str(path)] = state
        here.log("quarantined", **told, reason=bad)
    else:
        here.memory.quarantined.pop(str(path), None)
    if summary.folder:
        here.memory.finished.setdefault(str(path), set()).add(summary.sha256)
    if summary.folder and not summary.reused:
        report = here.output / summary.folder / "report.html"
        here.log("finished", verdict=summary.verdict, **told, report=report)
    if here.hooks.names:
        # Also of one that another program has measured, which may have been killed since.
        here.untold.add(here.output / summary.folder if summary.folder else held)


def _tell_all(here: _Here) -> None:
    """Tell what is still untold; where that fails, measuring goes on and it is tried again."""
    if not here.untold or here.trouble.rests("hooks"):
        return
    for folder in sorted(here.untold):
        message = _message(folder)
        try:
            with in_hand(here.output, folder.name, wait=False) as mine:
                if not mine:
                    # Perhaps it is being told; if not, it is for the next time.
                    continue
                now_told = tell(folder, message, here.hooks)
        except (CoatqcError, OSError) as error:
            here.log("not told", batch=message["batch"], reason=f"{error}; tried again")
            here.trouble.again("hooks")
            return
        here.untold.discard(folder)
        if now_told:
            here.log("told", batch=message["batch"], verdict=message["verdict"])
    here.trouble.over("hooks")


def _message(folder: Path) -> dict[str, str]:
    summary = summary_in(folder)
    if summary is not None:
        return {
            "batch": summary.batch,
            "verdict": summary.verdict,
            "reason": summary.unread,
            "file": summary.file,
            "report": str(folder / "report.html"),
        }
    facts = quarantine.facts_of(folder)
    return {
        "batch": str(facts.get("batch", "")),
        "verdict": "not measured",
        "reason": str(facts.get("reason", "")),
        "file": str(facts.get("file", "")),
        "report": "",
    }
