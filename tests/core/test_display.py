"""How results show themselves: short in print, a table in a notebook, harmless in both."""

from __future__ import annotations

import html.parser
from pathlib import Path

import pandas as pd
import pytest

import imaging
import spectra
import xrd
from coatqc import read, read_replicates
from coatqc.core.display import as_text, cell, interval, plain
from coatqc.core.estimate import Estimate
from coatqc.qc import Batch, run_batch
from coatqc.qc.measurement import Measurement

DEMO = Path(__file__).parents[2] / "data" / "demo"
HOSTILE = "<script>alert(1)</script>\x1b[2J\u202e\n" + "long " * 5000


class Tags(html.parser.HTMLParser):
    """Tags that open and close."""

    def __init__(self, text):
        super().__init__()
        self.found, self.open = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.add(tag)
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def results():
    """One result of each kind that a notebook shows most."""
    image = imaging.simulate_sem(1, shape=(300, 400))[0]
    patterns = [read(p) for p in sorted(DEMO.glob("xrd/*"))[:2]]
    batch = Batch(
        schema_version=1,
        name=HOSTILE[:20],
        samples={"a": {"sem": "absent.tif"}},
        criteria=[{"quantity": "sem.lost_contact", "sample": "a", "max": 0.1}],
    )
    return {
        "cracks": imaging.find_cracks(image),
        "shift": spectra.carbonyl_shift(
            *(read_replicates(DEMO / f"ftir/{n}_*.jdx") for n in ("pvp", "blend"))
        ),
        "patterns": xrd.compare_patterns(*patterns),
        "batch": run_batch(batch),
        "measurement": Measurement(
            Estimate.from_standard_uncertainty(1.0, 0.1, unit="nm"),
            table=pd.DataFrame({HOSTILE[:30]: [HOSTILE] * 40}),
            notes=(HOSTILE,),
        ),
    }


@pytest.mark.parametrize("name", ["cracks", "shift", "patterns", "batch", "measurement"])
def test_a_result_shows_itself_on_one_screen_and_as_a_table(results, name):
    text, page = repr(results[name]), results[name]._repr_html_()
    assert len(text.splitlines()) <= 32
    assert max(map(len, text.splitlines())) <= 320
    assert "\x1b" not in text + page
    assert "\u202e" not in text + page
    tags = Tags(page)
    assert not tags.open
    assert tags.found <= {"div", "table", "tr", "td", "th", "strong", "small", "span"}
    assert len(page) < 60_000


def test_what_a_result_says_is_what_was_measured(results):
    cracks = results["cracks"]
    assert cracks.crack_area_fraction.concise in repr(cracks)
    assert cracks.crack_area_fraction.concise in cracks._repr_html_()
    assert "not measured" in repr(results["batch"])
    assert "absent.tif: no such file" in repr(results["batch"])


def test_an_estimate_shows_value_interval_and_number():
    shown = Estimate.from_interval(-13.2, -14.1, -12.4, unit="cm-1", n=3)._repr_html_()
    assert "cm⁻¹" in shown
    assert "95 % [-14.10, -12.40], n = 3" in shown
    hostile = Estimate.from_standard_uncertainty(1.0, 0.1, method="'\"><img src=x>")
    assert "<img" not in hostile._repr_html_()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1e300, "1e+300"),
        (float("nan"), "–"),
        (None, "–"),
        ([], "none"),
        (pd.DataFrame({"a": [1, 2]}), "table of 2 rows × 1 columns"),
        ("a\nb", "a b"),
    ],
)
def test_any_value_is_one_short_line(value, words):
    assert cell(value) == words


def test_long_text_is_cut():
    assert len(plain(HOSTILE)) == 120
    assert plain(HOSTILE).endswith("…")
    assert interval(Estimate.from_interval(0.0, 0.0, 0.0)) == "95 % [0, 0]"
    from coatqc.core.display import Sheet

    many = as_text(Sheet("t", ("a",), [(str(i),) for i in range(100)], ("n",) * 50))
    assert "88 more rows" in many
    assert len(many.splitlines()) < 25
