"""How far a batch has moved from the last one, and from the product's reference batch."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coatcore.estimate import Estimate

if TYPE_CHECKING:
    from coatqc.judging.run import Outcome
    from coatqc.recipes.batch import Batch


@dataclass(frozen=True)
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
    >>> Former("A6", "2026-01-01T00:00:00+00:00").words
    'A6 of 2026-01-01'
    """

    batch: str
    started: str
    values: dict[str, Estimate] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """Name and day."""
        return f"{self.batch} of {self.started[:10]}"


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Delta:
    """Change of a quantity since another batch.

    Examples
    --------
    >>> Delta("the last batch", Estimate.from_standard_uncertainty(3.0, 1.0)).beyond
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
    from coatqc.store.store import newest_report

    last = None
    if batch.recipe_name:
        last = _former(
            newest_report(where, recipe=batch.recipe_name, other_than=batch.name, until=until)
        )
    named = batch.reference_batch
    if not named or named == batch.name:
        return Earlier(last)
    recipe = batch.recipe_name or None
    reference = _former(newest_report(where, recipe=recipe, batch=named, until=until))
    return Earlier(last, reference, "" if reference else named)


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
    return Former(str(report.get("batch", "")), str(report.get("started", "")), values)


def _key(outcome: dict[str, Any]) -> str:
    what = [outcome.get(k) or "" for k in ("quantity", "sample", "reference", "parameters")]
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
    >>> from coatqc.recipes import QUANTITIES
    >>> from coatqc.recipes.batch import Observation
    >>> from coatqc.judging.run import Outcome
    >>> item = Observation(quantity="sem.lost_contact", sample="a")
    >>> deltas(Outcome(item, QUANTITIES[item.quantity]), Earlier())
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
        found.append(Delta(f"the {name} batch, {former.batch}", got - before))
    return found
