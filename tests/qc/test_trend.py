"""Trends over recorded batches."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from coatcore import MeasurementError, StoreError
from coatqc.report.trend_page import write_trend
from coatqc.store.store import history, record
from coatqc.trends.trend import trends

ONE = {
    "started": "2026-01-01T00:00:00+00:00",
    "batch": "a",
    "title": "thickness of <b>a</b>",
    "recipe": "r",
    "quantity": "tem.coating_thickness",
    "sample": "a",
    "reference": "",
    "parameters": "{}",
    "unit": "nm",
    "verdict": "pass",
    "minimum": 1.0,
    "maximum": 3.0,
}


def recorded(values, **more):
    return pd.DataFrame(
        [
            {**ONE, "batch": f"b{i}", "value": v, "lower": v - 0.1, "upper": v + 0.1, **more}
            for i, v in enumerate(values)
        ]
    )


def test_a_shift_after_the_baseline_raises_alarms():
    rng = np.random.default_rng(2)
    values = np.append(rng.normal(2.0, 0.1, 25), rng.normal(2.5, 0.1, 6))
    (trend,) = trends(recorded(values), baseline=25)
    alarm = (trend.table["alarm"] != "").to_numpy()
    # A chart that watches for so much alarms by chance now and then.
    assert alarm[:25].sum() <= 2
    assert alarm[26:].all()
    assert trend.capability.lower < trend.capability.value < trend.capability.upper
    assert trend.tolerance == (1.0, 3.0)


def test_results_that_cannot_be_compared_are_apart():
    table = pd.concat(
        [
            recorded([2.0, 2.1]),
            recorded([2.0, 2.1], sample="b"),
            recorded([2.0, 2.1], parameters='{"a": 1}'),
            recorded([np.nan, np.nan], quantity="xrd.verdict"),
        ]
    )
    found = trends(table)
    assert [len(t.table) for t in found] == [2, 2, 2]
    assert all("8 are needed" in t.note and t.limits is None for t in found)
    with pytest.raises(MeasurementError, match="rule 9"):
        trends(table, rules=(1, 9))


def test_the_page_escapes_names_and_fetches_nothing(tmp_path):
    rng = np.random.default_rng(3)
    values = np.append(rng.normal(2.0, 0.1, 20), 3.5)
    table = recorded(values, batch="<script>alert(1)</script>")
    page = write_trend(trends(table, baseline=20), tmp_path / "trend.html").read_text("utf-8")
    assert page.count("<script") == 1
    assert "alert(1)</script>" not in page
    assert "&lt;script&gt;" in page
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    assert "with an alarm" in page
    assert not list(tmp_path.glob("*.part"))
    with pytest.raises(StoreError, match="no trend"):
        write_trend([], tmp_path / "a.html")
    with pytest.raises(StoreError, match="cannot be written"):
        write_trend(trends(table), tmp_path / "absent" / "a.html")


def test_command_line(tmp_path, batch_result):
    rng = np.random.default_rng(4)
    store = tmp_path / "results.sqlite"

    def run():
        command = [sys.executable, "-m", "coatqc.cli", "trend", str(store), "--baseline", "12"]
        command += ["-o", str(tmp_path / "trend.html")]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert run().returncode == 4
    for i, value in enumerate(rng.normal(0.02, 0.001, 12)):
        record(batch_result(f"batch {i}", float(value)), store)
    good = run()
    assert good.returncode == 0, good.stderr
    assert "no alarm" in good.stdout
    record(batch_result("bad", 0.04), store)
    bad = run()
    assert bad.returncode == 1
    assert "beyond three standard deviations" in bad.stdout
    assert len(history(store)) == 13
