"""A batch's result shows its verdicts."""

from __future__ import annotations

from coatcore.estimate import Estimate
from coatcore.quality.quantity import Measurement


def test_batch_shows_each_criterion(batch_result):
    result = batch_result("A <b>7</b>", 0.02)
    lines = repr(result).splitlines()
    assert lines[0] == "batch A <b>7</b>: pass"
    assert lines[2].split("  ")[1] == "pass" and "0.020(2)" in lines[2] and "≤ 0.03" in lines[2]
    html = result._repr_html_()
    assert "A &lt;b&gt;7&lt;/b&gt;" in html and "<b>" not in html
    assert ">pass</td>" in html


def test_measurement_is_printed_in_a_line():
    got = Measurement(
        estimate=Estimate.from_standard_uncertainty(1.0, 0.1, unit="nm"), notes=("beware <b>",)
    )
    assert str(got) == "1.00(10) nm"
    assert "beware &lt;b&gt;" in got._repr_html_()


def test_a_missing_measurement_says_why():
    from coatqc.judging import run_batch
    from coatqc.recipes import Batch

    raw = {
        "schema_version": 1,
        "name": "b",
        "samples": {"a": {"sem": "absent.tif"}},
        "criteria": [{"quantity": "sem.crack_area_fraction", "sample": "a", "max": 0.03}],
    }
    result = run_batch(Batch(**raw))
    assert "not measured" in repr(result).splitlines()[0]
    assert "absent.tif: no such file" in repr(result)
    assert "not read: absent.tif" in result._repr_html_()
