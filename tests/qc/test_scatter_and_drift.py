"""Scatter within batches, and drift of a reference: against closed forms, and calibrated."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from coatcore import MeasurementError
from coatcore.estimate import Estimate
from coatqc.report.trend_page import write_trend
from coatqc.store.store import history, record
from coatqc.trends.drift import drift
from coatqc.trends.trend import trends
from coatqc.trends.within_batches import c4, scatter_of

# Montgomery, 7th ed., appendix VI.
TABLE = {2: 0.7979, 3: 0.8862, 5: 0.9400, 10: 0.9727, 25: 0.9896}
B3_B4 = {6: (0.030, 1.970), 10: (0.284, 1.716), 4: (0.0, 2.266)}


def test_factors_are_those_of_the_tables():
    for n, value in TABLE.items():
        assert c4(n) == pytest.approx(value, abs=5e-5)
    rng = np.random.default_rng(0)
    for n, (b3, b4) in B3_B4.items():
        found = scatter_of(rng.normal(0, 1, (30, n)))
        centre = found.chart["centre"].iloc[0]
        assert found.chart["lower"].iloc[0] / centre == pytest.approx(b3, abs=1e-3)
        assert found.chart["upper"].iloc[0] / centre == pytest.approx(b4, abs=1e-3)


def test_parts_of_the_scatter_are_those_of_anova():
    rng = np.random.default_rng(1)
    data = rng.normal(0, 2.0, (400, 1)) + rng.normal(0, 0.5, (400, 4))
    found = scatter_of(data)
    assert found.within == pytest.approx(0.5, rel=0.05)
    assert found.between == pytest.approx(2.0, rel=0.1)
    mean_square = stats.f_oneway(*data).statistic * found.within**2
    assert found.between**2 == pytest.approx((mean_square - found.within**2) / 4)


def test_alarms_come_where_they_should_and_seldom_otherwise():
    rng = np.random.default_rng(2)
    quiet = scatter_of(rng.normal(0, 1, (3000, 5))).chart["alarm"]
    assert 0 < quiet.mean() < 0.01
    data = rng.normal(0, 1, (30, 5))
    data[29] *= 6
    assert scatter_of(data, baseline=29).chart["alarm"].tolist()[-1]
    ragged = [list(row[: 2 + i % 4]) for i, row in enumerate(data[:20])] + [[1.0]]
    chart = scatter_of(ragged).chart
    assert np.isnan(chart["standard deviation"].iloc[-1])
    assert not chart["alarm"].iloc[-1]


@given(st.floats(0.01, 100), st.floats(-1e3, 1e3))
def test_scatter_goes_with_unit_and_not_with_place(scale, place):
    data = np.random.default_rng(3).normal(0, 1, (12, 3))
    one, other = scatter_of(data), scatter_of(data * scale + place)
    assert other.within == pytest.approx(one.within * scale, rel=1e-6)


def test_too_little_is_told():
    with pytest.raises(MeasurementError, match="8 are needed"):
        scatter_of([[1.0, 2.0]] * 7)
    with pytest.raises(MeasurementError, match="all the same"):
        scatter_of([[1.0, 1.0]] * 9)
    with pytest.raises(MeasurementError, match="6 are needed"):
        drift([1.0] * 5)
    with pytest.raises(MeasurementError, match="missing"):
        drift([1.0, np.nan] * 5)


@pytest.mark.calibration
@pytest.mark.parametrize("n", [8, 15, 40])
def test_the_interval_of_a_drift_holds_it(n):
    rng = np.random.default_rng(n)
    slope = 0.03
    found = [drift(slope * np.arange(n) + rng.normal(0, 0.2, n)) for _ in range(1000)]
    # Ranks make the interval's level go in steps, and wider for few values.
    inside = np.mean([e.lower <= slope <= e.upper for e in found])
    assert 0.93 <= inside <= (0.98 if n < 10 else 0.97)
    # The independent one of scipy.
    y = slope * np.arange(n) + rng.normal(0, 0.2, n)
    assert drift(y).value == pytest.approx(stats.theilslopes(y).slope)


def test_a_slope_is_per_day_where_the_clock_can_be_trusted():
    days = [f"2026-01-{2 * i + 1:02d}T00:00:00+00:00" for i in range(12)]
    values = 0.5 * np.arange(12) + 0.01 * (-1.0) ** np.arange(12)
    per_day = drift(values, days, unit="nm")
    assert (per_day.value, per_day.unit) == (pytest.approx(0.25, abs=0.01), "nm d-1")
    # The clock was set back, or there is none.
    for times in ([*days[6:], *days[:6]], ["x"] * 12, days[:1] * 12):
        per_batch = drift(values, times, unit="nm")
        assert (per_batch.value, per_batch.unit) == (pytest.approx(0.5, abs=0.01), "nm")
    # Strays do not move it.
    values[3] = 100.0
    assert drift(values, days, unit="nm").value == pytest.approx(0.25, abs=0.02)


def results(n, drifting):
    """A reference whose band moves, and a product, each with replicates."""
    from coatcore.quality.quantity import Measurement
    from coatcore.quality.registry import quantities
    from coatqc.judging.run import BatchResult, Outcome
    from coatqc.recipes import Batch

    rng = np.random.default_rng(4)
    for i in range(n):
        batch = Batch(
            schema_version=1,
            name=f"<b>{i}</b>",
            samples={"a": {"ftir": "a"}},
            references={"pvp": {"ftir": "p"}},
            observations=[
                {"quantity": "ftir.carbonyl_position", "sample": s} for s in ("pvp", "a")
            ],
        )
        outcomes = []
        for item, slope in zip(batch.observations, (drifting, 0.0), strict=True):
            values = 1669 + slope * i + rng.normal(0, 0.2) + rng.normal(0, 0.1, 4)
            estimate = Estimate.from_standard_uncertainty(values.mean(), 0.1, unit="cm-1", n=4)
            got = Measurement(estimate=estimate, replicates=tuple(values))
            outcomes.append(
                Outcome(item=item, quantity=quantities()[item.quantity], measurement=got)
            )
        made = BatchResult(
            batch=batch,
            files=[],
            criteria=[],
            observations=outcomes,
            started=f"2026-02-{i + 1:02d}T00:00:00+00:00",
        )
        yield made


def test_a_reference_that_drifts_is_told_from_the_store_to_the_page(tmp_path):
    store = tmp_path / "a.sqlite"
    for result in results(20, 0.2):
        record(result, store)
    kept = history(store, replicates=True)
    assert kept["of_reference"].tolist() == [True, False] * 20
    assert {len(r) for r in kept["replicates"]} == {4}
    reference, product = trends(kept)
    assert reference.drifts
    assert reference.drift.lower < 0.2 < reference.drift.upper
    assert reference.drift.unit == "cm-1 d-1"
    assert product.drift is None
    assert product.scatter.within == pytest.approx(0.1, rel=0.3)
    page = write_trend([product, reference], tmp_path / "t.html").read_text("utf-8")
    assert "This reference drifts" in page
    # References come first, whatever the order they are given in.
    assert page.index("(reference material)") < page.rindex("<h2")
    assert page.count("replicates within batches, as boxes") == 2
    assert "<b>1" not in page


def test_records_without_replicates_are_read_as_before(tmp_path, batch_result, monkeypatch):
    store = tmp_path / "a.sqlite"
    from coatqc.store import report_facts as facts

    whole = facts.to_dict

    def older(result, earlier=None):
        report = whole(result)
        del report["references"]
        for outcome in (*report["criteria"], *report["observations"]):
            del outcome["replicates"]
        return json.loads(json.dumps(report))

    monkeypatch.setattr(facts, "to_dict", older)
    for i in range(9):
        record(batch_result(f"b{i}", 0.02 + 0.001 * (i % 3)), store)
    kept = history(store, replicates=True)
    assert kept["replicates"].tolist() == [()] * 9
    assert not kept["of_reference"].any()
    (trend,) = trends(kept)
    assert trend.scatter is None
    assert write_trend([trend], tmp_path / "t.html").exists()
    assert isinstance(kept, pd.DataFrame)
