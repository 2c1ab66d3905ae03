"""The HTML page: one file, nothing fetched, fit for A4."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from coatcore.estimate import Estimate
from coatcore.words import pretty_unit
from coatqc.judging.run import BatchResult, Outcome
from coatqc.judging.verdict import ORDER
from coatqc.report.template import render
from coatqc.store.deltas import Earlier, deltas


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """Where the interval lies against the limits, in per cent of the drawn width."""

    accept_left: float
    accept_width: float
    bar_left: float
    bar_width: float
    dot: float
    limits: tuple[float, ...]


def render_page(result: BatchResult, earlier: Earlier | None = None) -> str:
    """Whole HTML page of a batch's report.

    Every text that comes from a file or a name is escaped by the template engine.

    Parameters
    ----------
    result : BatchResult
        From `coatqc.judging.run_batch`.
    earlier : Earlier, optional
        Batches that it is compared with, from `coatqc.store.deltas`.

    Examples
    --------
    >>> from coatqc.judging import run_batch
    >>> from coatqc.recipes import Batch
    >>> page = render_page(run_batch(Batch(schema_version=1, name="<A7>", samples={"A7": {}})))
    >>> "&lt;A7&gt;" in page and "<A7>" not in page
    True
    """
    from coatqc.report.figures import page_sections

    order = {verdict: rank for rank, verdict in enumerate(ORDER)}
    counts = {v: sum(o.verdict == v for o in result.criteria) for v in reversed(ORDER)}
    return render(
        "page.html.j2",
        title=f"{result.batch.name}: {result.verdict} – coating quality",
        result=result,
        batch=result.batch,
        counts={k: n for k, n in counts.items() if n},
        cards=[
            (o, gauge(o)) for o in sorted(result.criteria, key=lambda o: order[o.verdict or "pass"])
        ],
        sections=page_sections(result),
        broken=[f for f in result.files if f.error],
        interval=interval_text,
        compared=earlier.words if earlier is not None else "",
        deltas=lambda outcome: _delta_views(outcome, earlier),
    )


@dataclass(frozen=True, kw_only=True)
class DeltaView:
    """A change since another batch, as the page shows it."""

    against: str
    text: str
    beyond: bool


def _delta_views(outcome: Outcome, earlier: Earlier | None) -> list[DeltaView]:
    views = []
    for delta in deltas(outcome, earlier) if earlier is not None else []:
        change = delta.change
        sign = "+" if change.value > 0 else ""
        unit = f" {pretty_unit(change.unit)}".rstrip()
        text = f"{sign}{change.concise}{unit} {interval_text(change)}"
        views.append(DeltaView(against=delta.against, text=text, beyond=delta.beyond))
    return views


def interval_text(estimate: Estimate) -> str:
    """Interval with the digits that the uncertainty allows.

    Examples
    --------
    >>> interval_text(Estimate.from_standard_uncertainty(-13.21, 0.43, unit="cm-1"))
    '[-14.1, -12.4] cm⁻¹'
    >>> interval_text(Estimate.from_interval(9.0, 5.2, np.inf, standard_uncertainty=2, unit="nm"))
    '[5.20, ∞) nm'
    """
    width = estimate.upper - estimate.lower
    if not np.isfinite(width):
        # An end that is open says nothing of digits: the other is told with three.
        width = max(
            (0.1 * abs(e) for e in (estimate.lower, estimate.upper) if np.isfinite(e)), default=0
        )
    digits = max(0, 1 - int(np.floor(np.log10(width)))) if width > 0 else 3
    unit = pretty_unit(estimate.unit)
    low, high = (_end(end, digits) for end in (estimate.lower, estimate.upper))
    left, right = "(" if "∞" in low else "[", ")" if "∞" in high else "]"
    return f"{left}{low}, {high}{right}" + (f" {unit}" if unit else "")


def _end(end: float, digits: int) -> str:
    if np.isinf(end):
        return "−∞" if end < 0 else "∞"
    return f"{end:.{digits}f}" if abs(end) < 1e5 and digits <= 6 else f"{end:.3g}"


def gauge(outcome: Outcome) -> Gauge | None:
    """Geometry of the small picture on a criterion's card.

    Examples
    --------
    >>> from coatqc.recipes.models import Criterion
    >>> from coatcore.quality.registry import quantities
    >>> from coatcore.quality.quantity import Measurement
    >>> item = Criterion(quantity="nanoir_map.coverage", sample="a", min=0.9)
    >>> m = Measurement(estimate=Estimate.from_interval(0.98, 0.96, 1.0))
    >>> g = gauge(
    ...     Outcome(item=item, quantity=quantities()[item.quantity], measurement=m))
    >>> g.limits[0] < g.bar_left
    True
    """
    estimate = outcome.measurement.estimate if outcome.measurement else None
    if estimate is None:
        return None
    limits = [getattr(outcome.item, name, None) for name in ("min", "max")]
    known = [x for x in limits if x is not None]
    points = [estimate.lower, estimate.upper, *known]
    if not all(np.isfinite(points)):
        return None
    low, high = min(points), max(points)
    margin = 0.15 * (high - low) or 1.0
    low, high = low - margin, high + margin

    def at(x: float) -> float:
        return round(100 * (x - low) / (high - low), 2)

    left = 0.0 if limits[0] is None else at(limits[0])
    right = 100.0 if limits[1] is None else at(limits[1])
    return Gauge(
        accept_left=left,
        accept_width=round(right - left, 2),
        bar_left=at(estimate.lower),
        bar_width=max(0.6, round(at(estimate.upper) - at(estimate.lower), 2)),
        dot=at(estimate.value),
        limits=tuple(at(x) for x in known),
    )
