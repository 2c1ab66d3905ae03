"""Everything that is to be kept of a batch's result, as plain words and numbers."""

from __future__ import annotations

import math
from typing import Any

from coatcore.estimate import Estimate
from coatqc.judging.run import BatchResult, Outcome

_REPLICATES = 1000
SCHEMA = "coatqc-report-1"


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def estimate_facts(estimate: Estimate) -> dict[str, Any]:
    """An estimate as JSON holds it: no number that is not finite.

    Examples
    --------
    >>> bound = Estimate.from_interval(9.0, 5.0, math.inf, standard_uncertainty=2.0)
    >>> estimate_facts(bound)["lower"], estimate_facts(bound)["upper"]
    (5.0, None)
    """
    return {k: _finite(v) if isinstance(v, float) else v for k, v in estimate.to_dict().items()}


def _outcome_dict(outcome: Outcome) -> dict[str, Any]:
    item, got = outcome.item, outcome.measurement
    facts: dict[str, Any] = {
        "quantity": item.quantity,
        "title": outcome.title,
        "sample": item.sample,
        "reference": item.reference,
        "parameters": outcome.parameters.model_dump(),
        "error": outcome.error,
        "estimate": None,
        "category": got.category if got else None,
        "notes": list(got.notes) if got else [],
        # More than so many tell nothing new in a chart, and each record keeps them.
        "replicates": [_finite(x) for x in got.replicates[:_REPLICATES]] if got else [],
    }
    if got and got.estimate is not None:
        facts["estimate"] = estimate_facts(got.estimate)
    if outcome.verdict is not None:
        facts["verdict"] = outcome.verdict
        facts["limits"] = {k: getattr(item, k) for k in ("min", "max", "equals")}
        facts["conformance_probability"] = outcome.conformance_probability
    return facts


def to_dict(result: BatchResult) -> dict[str, Any]:
    """Content of report.json.

    Parameters
    ----------
    result : BatchResult

    Examples
    --------
    >>> from coatqc.judging import run_batch
    >>> from coatqc.recipes import Batch
    >>> to_dict(run_batch(Batch(schema_version=1, name="A7", samples={"A7": {}})))["verdict"]
    'inconclusive'
    """
    return {
        "schema": SCHEMA,
        "batch": result.batch.name,
        "batch_sha256": result.batch.sha256,
        "recipe": {
            "name": result.batch.recipe_name,
            "version": result.batch.recipe_version,
            "sha256": result.batch.recipe_sha256,
        },
        "decision": result.batch.decision.model_dump(),
        "description": result.batch.description,
        "references": list(result.batch.references),
        "simulated": result.simulated,
        "started": result.started,
        "verdict": result.verdict,
        "criteria": [_outcome_dict(o) for o in result.criteria],
        "observations": [_outcome_dict(o) for o in result.observations],
        "files": [
            {
                "sample": f.sample,
                "role": f.role,
                "path": f.path,
                "sha256": f.data.attrs.get("sha256") if f.data is not None else None,
                "kind": f.data.attrs.get("kind") if f.data is not None else None,
                "reader": f.data.attrs.get("reader") if f.data is not None else None,
                "error": f.error,
            }
            for f in result.files
        ],
        "versions": result.versions,
    }
