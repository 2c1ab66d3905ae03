"""How far a batch has moved from the last one, and from the product's reference batch."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from coatcore.estimate import Estimate
from coatcore.quality.registry import quantities
from coatqc.judging.run import BatchResult, Outcome
from coatqc.recipes.models import Batch
from coatqc.store.report_facts import estimate_facts
from coatqc.store.store import newest_report


@dataclass(frozen=True, kw_only=True)
class Former:
    """What an earlier batch came to.

    Parameters
    ----------
    batch, started : str
        Its name, and when it was measured.
    values : dict of str to Estimate
        By what was measured on what with which parameters.

    Examples
    --------
    >>> Former(batch="A6", started="2026-01-01T00:00:00+00:00").words
    'A6 of 2026-01-01'
    """

    batch: str
    started: str
    values: dict[str, Estimate] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """Name and day."""
        return f"{self.batch} of {self.started[:10]}"


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """Batches that a batch is compared with.

    Parameters
    ----------
    last, reference : Former or None
    absent : str
        Name of a reference batch that the store does not hold.

    Examples
    --------
    >>> Earlier(absent="A0").words
    'no reference batch: the store holds no A0'
    """

    last: Former | None = None
    reference: Former | None = None
    absent: str = ""

    @property
    def words(self) -> str:
        """What the comparison is with; empty where there is none."""
        parts = []
        if self.last is not None:
            parts.append(f"the last batch, {self.last.words}")
        if self.reference is not None:
            parts.append(f"the reference batch, {self.reference.words}")
        if self.absent:
            parts.append(f"no reference batch: the store holds no {self.absent}")
        return "; ".join(parts)


@dataclass(frozen=True, kw_only=True)
class Delta:
    """Change of a quantity since another batch.

    Examples
    --------
    >>> Delta(against="the last batch", change=Estimate.from_standard_uncertainty(3.0, 1.0)).beyond
    True
    """

    against: str
    change: Estimate

    @property
    def beyond(self) -> bool:
        """Whether the interval of the change holds no zero."""
        return not self.change.lower <= 0 <= self.change.upper


def find_earlier(where: str | Path, batch: Batch, *, until: int | None = None) -> Earlier:
    """Batches in a store that a batch is to be compared with.

    The last one is the newest record of another batch by the same recipe; the reference batch is
    the newest record of the batch that ``reference_batch`` names.

    Parameters
    ----------
    where : path-like or str
        As for `coatqc.store.store.record`.
    batch : Batch
        The batch that is measured now; its own records are passed over.
    until : int, optional
        Only records up to this number (`coatqc.store.store.last_run`), so that batches that are
        measured at once do not depend on which of them is first.

    Returns
    -------
    Earlier

    Raises
    ------
    StoreError
        If the store cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from coatqc.recipes import Batch
    >>> from coatqc.store.store_access import open_store
    >>> store = open_store(Path(tempfile.mkdtemp()) / "results.sqlite")
    >>> find_earlier(store, Batch(schema_version=1, name="A7", samples={"A7": {}}))
    Earlier(last=None, reference=None, absent='')
    """
    last = None
    if batch.recipe_name:
        last = _former(
            newest_report(where, recipe=batch.recipe_name, other_than=batch.name, until=until)
        )
    named = batch.reference_batch
    if not named or named == batch.name:
        return Earlier(last=last)
    recipe = batch.recipe_name or None
    reference = _former(newest_report(where, recipe=recipe, batch=named, until=until))
    return Earlier(last=last, reference=reference, absent="" if reference else named)


def _former(report: dict[str, Any] | None) -> Former | None:
    if report is None:
        return None
    values = {}
    for outcome in (*report.get("criteria", ()), *report.get("observations", ())):
        kept = outcome.get("estimate") or {}
        names = ("value", "lower", "upper", "standard_uncertainty")
        numbers = [float(kept[k]) for k in names if kept.get(k) is not None]
        if len(numbers) < len(names):
            continue
        value, lower, upper, uncertainty = numbers
        values[_key(outcome)] = Estimate.from_interval(
            value,
            lower,
            upper,
            standard_uncertainty=uncertainty,
            level=float(kept.get("level", 0.95)),
            unit=str(kept.get("unit", "")),
            n=int(kept.get("n") or 1),
        )
    return Former(
        batch=str(report.get("batch", "")), started=str(report.get("started", "")), values=values
    )


def _key(outcome: dict[str, Any]) -> str:
    what = [outcome.get(k) or "" for k in ("quantity", "sample", "reference", "parameters")]
    quantity = quantities().get(str(what[0]))
    if quantity is not None and isinstance(what[3], dict):
        # A record of an earlier version lacks parameters that did not exist: they had defaults.
        with contextlib.suppress(ValidationError):
            what[3] = quantity.parameters(**what[3]).model_dump(mode="json")
    return json.dumps(what, sort_keys=True, default=str)


def deltas(outcome: Outcome, earlier: Earlier) -> list[Delta]:
    """Changes of one outcome since earlier batches; none where these did not measure the same.

    The same is: quantity, sample, reference, parameters, unit and level of the interval. The two
    batches count as independent, so that standard uncertainties add in quadrature.

    Parameters
    ----------
    outcome : Outcome
    earlier : Earlier

    Returns
    -------
    list of Delta

    Examples
    --------
    >>> from coatqc.recipes.models import Observation
    >>> from coatqc.judging.run import Outcome
    >>> item = Observation(quantity="sem.lost_contact", sample="a")
    >>> deltas(Outcome(item=item, quantity=quantities()[item.quantity]), Earlier())
    []
    """
    got = outcome.measurement.estimate if outcome.measurement else None
    if got is None:
        return []
    key = _key(
        {
            "quantity": outcome.item.quantity,
            "sample": outcome.item.sample,
            "reference": outcome.item.reference,
            "parameters": outcome.parameters.model_dump(mode="json"),
        }
    )
    found = []
    for name, former in (("last", earlier.last), ("reference", earlier.reference)):
        before = former.values.get(key) if former is not None else None
        if former is None or before is None:
            continue
        if (before.unit, before.level) != (got.unit, got.level):
            continue
        found.append(Delta(against=f"the {name} batch, {former.batch}", change=got - before))
    return found


def with_changes(
    facts: dict[str, Any], result: BatchResult, earlier: Earlier | None
) -> dict[str, Any]:
    """Content of report.json with how far each outcome has moved since earlier batches.

    Parameters
    ----------
    facts : dict
        From `coatqc.store.report_facts.to_dict`.
    result : BatchResult
        What it was made from.
    earlier : Earlier or None
        None leaves the facts as they are.

    Returns
    -------
    dict

    Examples
    --------
    >>> with_changes({"criteria": [], "observations": []}, None, None)
    {'criteria': [], 'observations': []}
    """
    if earlier is None:
        return facts

    def changed(outcomes: list[Outcome], told: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {**each, "changes": [_change(d) for d in deltas(outcome, earlier)]}
            for outcome, each in zip(outcomes, told, strict=True)
        ]

    return {
        **facts,
        "criteria": changed(result.criteria, facts["criteria"]),
        "observations": changed(result.observations, facts["observations"]),
    }


def _change(delta: Delta) -> dict[str, Any]:
    return {
        "since": delta.against,
        "change": estimate_facts(delta.change),
        "beyond_uncertainty": delta.beyond,
    }
