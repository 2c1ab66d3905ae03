"""A batch's result without measuring."""

from __future__ import annotations

import pytest

from coatqc.core.estimate import Estimate
from coatqc.qc import Batch
from coatqc.qc.measurement import Measurement
from coatqc.qc.run import BatchResult, Outcome
from coatqc.qc.verdict import judge


def make_batch_result(name: str, value: float, **more) -> BatchResult:
    """A result as `run_batch` makes it, of a number that need not be measured."""
    from coatqc.qc.quantities import QUANTITIES

    raw = {
        "schema_version": 1,
        "name": name,
        "samples": {"a": {"sem": "a.tif"}},
        "criteria": [{"quantity": "sem.crack_area_fraction", "sample": "a", "max": 0.03}],
    }
    batch = Batch(**raw, **more)
    estimate = Estimate.from_standard_uncertainty(value, 0.002, unit="1", n=9)
    outcome = Outcome(
        batch.criteria[0],
        QUANTITIES["sem.crack_area_fraction"],
        Measurement(estimate),
        verdict=judge(estimate, None, 0.03),
        conformance_probability=0.9,
    )
    return BatchResult(batch, [], [outcome], [], "2026-01-01T00:00:00+00:00")


@pytest.fixture
def batch_result():
    """Makes a result of a number that is not measured."""
    return make_batch_result
