"""Surfaces set against cells over many batches."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from coatcore import Estimate, MeasurementError
from coatcore.quality.quantity import Measurement
from coatcore.quality.registry import quantities
from coatqc.judging.run import BatchResult, Outcome
from coatqc.recipes import Batch
from coatqc.store.store import history, record
from coatqc.trends import relate
from coatqc.trends.relation import rank_correlation

CRACKS = "sem.crack_area_fraction"
KEPT = "cycling.retention"


def one(batch, quantity, value, u=0.001, **more):
    row = {
        "batch": batch,
        "quantity": quantity,
        "sample": "coated",
        "reference": "",
        "parameters": json.dumps({"cycle": 152} if quantity == KEPT else {}),
        "unit": "1",
        "title": quantity,
        "value": value,
        "lower": value - 2 * u,
        "upper": value + 2 * u,
        "standard_uncertainty": u,
    }
    return row | more


def batches(n, seed=1, u=0.001):
    """Batches that keep less the more cracks they have."""
    rng = np.random.default_rng(seed)
    cracks = rng.uniform(0.01, 0.05, n)
    kept = 0.8 - 3 * cracks + rng.normal(0, 0.01, n)
    return pd.DataFrame(
        [one(f"b{i}", CRACKS, c, u) for i, c in enumerate(cracks)]
        + [one(f"b{i}", KEPT, k) for i, k in enumerate(kept)]
    )


def test_a_relation_is_seen_and_no_cause_claimed():
    found = relate(batches(20), CRACKS, KEPT)
    assert found.correlation.n == 20
    assert found.correlation.upper < -0.5
    assert found.y == "capacity retention at cycle 152 of coated"
    assert "tells no cause" in found.notes[-1]
    ax = found.plot()
    assert "tells no cause" in " ".join(text.get_text() for text in ax.texts)
    assert ax.get_xlabel() == "crack area fraction of coated"
    (bars,) = ax.containers
    assert bars.has_xerr
    assert bars.has_yerr


@pytest.mark.parametrize(("n", "flagged"), [(6, True), (11, True), (12, False)])
def test_few_batches_are_flagged(n, flagged):
    found = relate(batches(n), CRACKS, KEPT)
    assert any("are few" in note for note in found.notes) is flagged


def test_too_few_batches_are_refused():
    with pytest.raises(MeasurementError, match=r"5 batches have both .* at least 6 are needed"):
        relate(batches(5), CRACKS, KEPT)


def test_the_newest_record_counts_and_batches_go_by_name():
    table = batches(8)
    again = pd.concat([table, pd.DataFrame([one("b3", CRACKS, 0.5), one("other", KEPT, 0.9)])])
    found = relate(again, CRACKS, KEPT)
    assert len(found.table) == 8
    assert found.table.set_index("batch")["x"]["b3"] == 0.5


def test_what_is_only_bounded_has_no_rank():
    table = batches(8)
    table.loc[0, "upper"] = math.inf
    found = relate(table, CRACKS, KEPT)
    assert found.correlation.n == 7
    assert any("1 batches left out" in note and "b0" in note for note in found.notes)


def test_own_uncertainty_that_drowns_the_spread_is_told():
    assert not any("measurement's own" in note for note in relate(batches(20), CRACKS, KEPT).notes)
    noisy = relate(batches(20, u=0.02), CRACKS, KEPT)
    assert any("measurement's own" in note and "crack" in note for note in noisy.notes)


def test_which_one_is_meant():
    table = batches(8)
    other = table[table["quantity"] == KEPT].assign(parameters='{"cycle": 100}')
    both = pd.concat([table, other, table.assign(sample="uncoated")])
    with pytest.raises(MeasurementError, match=f"say which.*{KEPT}@coated:cycle=152"):
        relate(both, f"{CRACKS}@coated", KEPT)
    found = relate(both, f"{CRACKS}@coated", f"{KEPT}@coated:cycle=100")
    assert found.y == "capacity retention at cycle 100 of coated"
    for x, words in (
        ("sem.crak_area_fraction", "is not recorded.*did you mean 'sem.crack_area_fraction'"),
        (f"{CRACKS}@caoted", "no sample.*did you mean 'coated'"),
        (f"{KEPT}@coated:cycle=9", "cycle is nowhere '9'"),
        (f"{KEPT}@coated:cycle", "is no PARAMETER=VALUE"),
        (f"{KEPT}@coated:cycle=100", "same quantity"),
    ):
        with pytest.raises(MeasurementError, match=words):
            relate(both, x, f"{KEPT}@coated:cycle=100")


def test_no_order_without_values():
    table = batches(8)
    table.loc[table["quantity"] == KEPT, "value"] = 0.7
    with pytest.raises(MeasurementError, match="the same value"):
        relate(table, CRACKS, KEPT)


@pytest.mark.parametrize("n", [6, 20])
def test_perfect_order_is_not_certainty(n):
    up = rank_correlation(np.arange(float(n)), np.arange(float(n)) ** 3)
    assert (up.value, up.upper) == (1.0, 1.0)
    assert 0.5 < up.lower < 0.999
    down = rank_correlation(np.arange(float(n)), -np.arange(float(n)))
    assert down.upper == pytest.approx(-up.lower)


@pytest.mark.calibration
@pytest.mark.parametrize("n", [10, 40])
def test_intervals_hold_the_rank_correlation(n, holds):
    rng = np.random.default_rng(n)
    for rho in (0.0, 0.5, 0.8):
        z = rng.normal(size=(2, 1000, n))
        x, y = z[0], rho * z[0] + math.sqrt(1 - rho**2) * z[1]
        found = [rank_correlation(a, b) for a, b in zip(x, y, strict=True)]
        # Of normal variables (Pearson).
        truth = 6 / math.pi * math.asin(rho / 2)
        holds(f"rank correlation {truth:.2f} over {n} batches", truth, found)


def made(name, crack, kept):
    """A batch's result without measuring."""
    raw = {
        "schema_version": 1,
        "name": name,
        "simulated": True,
        "samples": {"coated": {"sem": "a.tif", "cycling": "a.csv"}},
        "observations": [
            {"quantity": CRACKS, "sample": "coated"},
            {"quantity": KEPT, "sample": "coated", "parameters": {"cycle": 152}},
        ],
    }
    batch = Batch(**raw)
    outcomes = [
        Outcome(
            item=item,
            quantity=quantities()[item.quantity],
            measurement=Measurement(estimate=Estimate.from_standard_uncertainty(value, 0.004)),
        )
        for item, value in zip(batch.observations, (crack, kept), strict=True)
    ]
    return BatchResult(
        batch=batch,
        files=[],
        criteria=[],
        observations=outcomes,
        started="2026-01-01T00:00:00+00:00",
    )


def test_from_a_store_by_the_command(tmp_path):
    store = tmp_path / "s.sqlite"
    rng = np.random.default_rng(3)
    for i, crack in enumerate(rng.uniform(0.01, 0.05, 9)):
        record(made(f"A{i}", crack, 0.8 - 3 * crack + rng.normal(0, 0.01)), store)
    assert relate(history(store), CRACKS, KEPT).simulated
    command = [sys.executable, "-m", "coatqc.cli", "relate", store, CRACKS, KEPT]
    picture = tmp_path / "a.png"
    done = subprocess.run(
        [*map(str, command), "-o", str(picture)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "over 9 batches: rank correlation -" in done.stdout
    assert "tells no cause" in done.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
