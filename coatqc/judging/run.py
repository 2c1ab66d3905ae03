"""Measure and judge a whole batch; one broken file loses only what needs it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path
from typing import Any

import xarray as xr

from coatcore.display import Sheet, shown
from coatcore.errors import CoatqcError, ReadError
from coatcore.estimate import estimate_row
from coatcore.provenance import versions
from coatcore.quality.memory import Memory
from coatcore.quality.quantity import Inputs, Measurement, Quantity
from coatcore.quality.registry import kinds, quantities, roles
from coatcore.reading.registry import read
from coatcore.threads import one_thread
from coatcore.words import pretty_unit
from coatqc.judging.verdict import Decision, Verdict, conformance_probability, judge, worst
from coatqc.recipes.models import Batch, Criterion, Observation

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class InputFile:
    """One file of the batch: what it was read as, or why it could not be read.

    Examples
    --------
    >>> InputFile(sample="coated", role="ftir", path="a.spa", error="no such file").data is None
    True
    """

    sample: str
    role: str
    path: str
    data: xr.DataArray | xr.Dataset | None = None
    error: str = ""


def _row(outcome: Outcome) -> tuple[str, ...]:
    got = outcome.measurement
    estimate = got.estimate if got else None
    _, _, interval, n = estimate_row("", estimate) if estimate else ("",) * 4
    measured = outcome.measured or outcome.error
    return (outcome.verdict or "", outcome.title, measured, interval, n, outcome.limit)


_HEADS = ("verdict", "what", "measured", "interval", "n", "limit")


def _outcome_sheet(outcome: Outcome) -> Sheet:
    notes = outcome.measurement.notes if outcome.measurement else ()
    return Sheet("Outcome", _HEADS, [_row(outcome)], notes)


@shown(sheet=_outcome_sheet)
@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One criterion or observation with what came of it.

    `verdict` is None for an observation. `error` says why there is no measurement.

    Examples
    --------
    >>> from coatqc.recipes.models import Observation
    >>> item = Observation(quantity="sem.crack_area_fraction", sample="a")
    >>> Outcome(item=item, quantity=quantities()[item.quantity], error="a.tif: no such file").title
    'crack area fraction of a'
    """

    item: Observation
    quantity: Quantity[Any, Any]
    measurement: Measurement[Any] | None = None
    error: str = ""
    verdict: Verdict | None = None
    conformance_probability: float | None = None

    @property
    def title(self) -> str:
        """What was measured on what, for people."""
        if self.item.title:
            return self.item.title
        what = self.quantity.title.format(**self.parameters.model_dump())
        against = f" against {self.item.reference}" if self.item.reference else ""
        return f"{what} of {self.item.sample}{against}"

    @property
    def parameters(self) -> Any:
        """Parameters of the quantity, defaults filled in."""
        return self.quantity.parameters(**self.item.parameters)

    @property
    def measured(self) -> str:
        """What came out, for people: ``-13.2(4) cm⁻¹``; empty where nothing did."""
        got = self.measurement
        if got is None:
            return ""
        if got.estimate is None:
            return str(got.category)
        return f"{got.estimate.concise} {pretty_unit(got.estimate.unit)}".rstrip()

    @property
    def limit(self) -> str:
        """The limits as they are read: ``≤ -8 cm⁻¹``."""
        item = self.item
        if not isinstance(item, Criterion):
            return ""
        if item.equals is not None:
            return f"= {item.equals}"
        unit = f" {pretty_unit(self.quantity.unit)}".rstrip()
        if item.min is not None and item.max is not None:
            return f"{item.min:g} to {item.max:g}{unit}"
        return f"≥ {item.min:g}{unit}" if item.min is not None else f"≤ {item.max:g}{unit}"


def _batch_sheet(result: BatchResult) -> Sheet:
    unread = [file.error for file in result.files if file.error]
    notes = [f"not read: {error}" for error in unread[:3]]
    if len(unread) > 3:
        notes.append(f"{len(unread) - 3} more files could not be read")
    if result.simulated:
        notes.append("simulated data, not measured")
    if result.observations:
        notes.append(f"{len(result.observations)} observations beside, in .observations")
    title = f"batch {result.batch.name}: {result.verdict}"
    return Sheet(title, _HEADS, [_row(o) for o in result.criteria], tuple(notes))


@shown(sheet=_batch_sheet)
@dataclass(frozen=True, kw_only=True)
class BatchResult:
    """Everything a report is made from.

    Examples
    --------
    >>> from coatqc.recipes.models import Batch
    >>> run_batch(Batch(schema_version=1, name="A7", samples={"A7": {}})).verdict
    'inconclusive'
    """

    batch: Batch
    files: list[InputFile]
    criteria: list[Outcome]
    observations: list[Outcome]
    started: str
    versions: dict[str, str] = field(default_factory=versions)

    @property
    def outcomes(self) -> list[Outcome]:
        """Criteria first, then observations."""
        return [*self.criteria, *self.observations]

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of the criteria."""
        return worst([o.verdict for o in self.criteria if o.verdict is not None])

    @property
    def simulated(self) -> bool:
        """Whether any input says that it is simulated."""
        return self.batch.simulated or any(
            f.data is not None and f.data.attrs.get("simulated") == "yes" for f in self.files
        )

    def inputs(self, sample: str, role: str) -> list[Any]:
        """Objects from the files of `sample` in `role`: datasets in ``cycling``, else arrays."""
        return [
            f.data
            for f in self.files
            if f.sample == sample and f.role == role and f.data is not None
        ]


def run_batch(batch: Batch, *, progress: Progress | None = None) -> BatchResult:
    """Read every file of `batch`, measure every quantity it asks for, and judge.

    Parameters
    ----------
    batch : Batch
        From `load_batch`.
    progress : callable, optional
        Called as ``progress(what, done, total)`` before each step.

    Returns
    -------
    BatchResult
        A file that cannot be read, or a measurement that is not possible, stands in it with
        its reason; nothing is raised for it.

    Examples
    --------
    >>> from coatqc.recipes.models import Batch
    >>> result = run_batch(Batch(schema_version=1, name="A7",
    ...     samples={"A7": {"ftir": "absent.spa"}}))
    >>> result.files[0].error
    'absent.spa: no such file; check the path'
    """
    with one_thread():
        return _run(batch, progress or (lambda what, done, total: None))


def _run(batch: Batch, tell: Progress) -> BatchResult:
    started = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    wanted = [
        (name, role, pattern)
        for name, sample in {**batch.samples, **batch.references}.items()
        for role in roles()
        for pattern in sample.files(role)
    ]
    items: list[Observation] = [*batch.criteria, *batch.observations]
    total = len(wanted) + len(items)
    files: list[InputFile] = []
    for done, (name, role, pattern) in enumerate(wanted):
        tell(f"reading {pattern}", done, total)
        files += _read_all(batch, name, role, pattern)
    measured: dict[str, Measurement[Any] | str] = {}
    decision = Decision(**batch.decision.model_dump())
    memory = Memory()
    for file in files:
        if file.data is not None:
            memory.know(file.data)
    outcomes = []
    for done, item in enumerate(items, start=len(wanted)):
        tell(f"measuring {item.quantity}", done, total)
        outcomes.append(_outcome(item, files, measured, decision, memory))
    tell("done", total, total)
    n = len(batch.criteria)
    return BatchResult(
        batch=batch, files=files, criteria=outcomes[:n], observations=outcomes[n:], started=started
    )


def _read_all(batch: Batch, name: str, role: str, pattern: str) -> list[InputFile]:
    """Read what `pattern` names, in order of name."""
    paths = [batch.folder / pattern]
    # A file of that very name goes first: names may hold brackets.
    if any(c in pattern for c in "*?[") and not paths[0].exists():
        # glob and not Path.glob: a pattern may be absolute.
        named = glob(pattern, root_dir=batch.folder, recursive=True)  # noqa: PTH207
        paths = sorted(p for p in (batch.folder / n for n in named) if not p.is_dir())
        if not paths:
            group = "samples" if name in batch.samples else "references"
            reason = f"{pattern}: no file matches; check {group}.{name}.{role}"
            return [InputFile(sample=name, role=role, path=pattern, error=reason)]
    return [_read_one(batch, name, role, path) for path in paths]


def _read_one(batch: Batch, name: str, role: str, path: Path) -> InputFile:
    shown = path.relative_to(batch.folder).as_posix() if path.is_relative_to(batch.folder) else None
    shown = (shown or path.name).encode("utf-8", "replace").decode()
    try:
        data = read(path, kind=roles()[role].kinds)
    except ReadError as error:
        return InputFile(
            sample=name,
            role=role,
            path=shown,
            error=str(ReadError(shown, error.found, error.remedy)),
        )
    if not isinstance(data, xr.DataArray) and not kinds()[str(data.attrs["kind"])].dataset:
        return InputFile(
            sample=name, role=role, path=shown, error=f"{shown}: holds several arrays, expected one"
        )
    if batch.simulated:
        data = data.assign_attrs(simulated="yes")
    return InputFile(sample=name, role=role, path=shown, data=data)


def _outcome(
    item: Observation,
    files: list[InputFile],
    measured: dict[str, Measurement[Any] | str],
    decision: Decision,
    memory: Memory,
) -> Outcome:
    quantity = quantities()[item.quantity]
    # The same quantity on the same files, judged twice, is measured once.
    key = repr((item.quantity, item.sample, item.reference, sorted(item.parameters.items())))
    if key not in measured:
        measured[key] = _measure(item, quantity, files, memory)
    got = measured[key]
    judged = isinstance(item, Criterion)
    if isinstance(got, str):
        return Outcome(
            item=item, quantity=quantity, error=got, verdict="not measured" if judged else None
        )
    if not isinstance(item, Criterion):
        return Outcome(item=item, quantity=quantity, measurement=got)
    if got.estimate is None:
        verdict: Verdict = "pass" if got.category == item.equals else "fail"
        if got.category == "undecided" and item.equals != "undecided":
            verdict = "inconclusive"
        return Outcome(item=item, quantity=quantity, measurement=got, verdict=verdict)
    probability = conformance_probability(got.estimate, item.min, item.max)
    return Outcome(
        item=item,
        quantity=quantity,
        measurement=got,
        verdict=judge(got.estimate, item.min, item.max, decision),
        conformance_probability=probability if math.isfinite(probability) else None,
    )


def _twins(files: list[InputFile]) -> str:
    """Words for two files of the same content: a copy is no independent replicate."""
    seen: dict[str, str] = {}
    for file in files:
        content = str(file.data.attrs.get("sha256", "")) if file.data is not None else ""
        if content and content in seen:
            return (
                f"{seen[content]} and {file.path} are the same file twice, not two replicates; "
                "name it once"
            )
        seen[content] = file.path
    return ""


def _measure(
    item: Observation, quantity: Quantity[Any, Any], files: list[InputFile], memory: Memory
) -> Measurement[Any] | str:
    """Measurement, or the reason why there is none."""
    sides: list[list[Any]] = []
    for name in (item.sample, item.reference):
        mine = [f for f in files if f.sample == name and f.role == quantity.role]
        # A group that lost a member is not the group that was asked for.
        if broken := [f.error for f in mine if f.error]:
            return "; ".join(broken)
        if twins := _twins(mine):
            return twins
        sides.append([f.data for f in mine if f.data is not None])
    try:
        return quantity.measure(
            Inputs(
                sample=sides[0],
                reference=sides[1],
                parameters=quantity.parameters(**item.parameters),
                memory=memory,
            )
        )
    except CoatqcError as error:
        return str(error)
    except Exception as error:  # one measurement must not lose the others
        return f"unexpected {type(error).__name__} in {quantity.name}: {error}"
