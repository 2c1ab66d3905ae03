"""How far a batch has moved: against the last one and the reference batch, and against no other."""

from __future__ import annotations

import dataclasses
import json

import jsonschema
import pytest

from coatqc.recipes import Batch
from coatqc.recipes.schemas import json_schema
from coatqc.report import write_report
from coatqc.report.page import render_page
from coatqc.store.deltas import Earlier, deltas, find_earlier
from coatqc.store.store import last_run, record


@pytest.fixture
def store(tmp_path, batch_result):
    """Records of three batches of one recipe, and of another recipe."""
    where = tmp_path / "results.sqlite"
    for name, value, recipe in (
        ("A1", 0.010, "NCM"),
        ("A2", 0.020, "NCM"),
        ("B1", 0.5, "LFP"),
        ("A3", 0.012, "NCM"),
    ):
        record(batch_result(name, value, recipe_name=recipe), where)
    return where


def test_changes_are_told_with_their_uncertainty(store, batch_result, tmp_path):
    now = batch_result("A4", 0.02, recipe_name="NCM", reference_batch="A1")
    earlier = find_earlier(store, now.batch)
    assert (earlier.last.batch, earlier.reference.batch) == ("A3", "A1")
    last, reference = deltas(now.criteria[0], earlier)
    # Each has a standard uncertainty of 0.002.
    assert last.change.value == pytest.approx(0.008)
    assert last.change.standard_uncertainty == pytest.approx(0.002 * 2**0.5)
    assert last.beyond
    assert reference.change.value == pytest.approx(0.010)
    page = render_page(now, earlier)
    assert "since the last batch, A3" in page
    assert "(moved)" in page
    write_report(now, tmp_path / "out", earlier)
    facts = json.loads((tmp_path / "out" / "report.json").read_text())
    jsonschema.validate(facts, json_schema("report"))
    changes = facts["criteria"][0]["changes"]
    assert [c["since"] for c in changes] == ["the last batch, A3", "the reference batch, A1"]
    same = batch_result("A4", 0.0125, recipe_name="NCM")
    assert not deltas(same.criteria[0], find_earlier(store, same.batch))[0].beyond


def test_a_batch_is_not_compared_with_itself_nor_with_what_came_meanwhile(store, batch_result):
    again = batch_result("A3", 0.012, recipe_name="NCM", reference_batch="A3")
    earlier = find_earlier(store, again.batch)
    assert earlier.last.batch == "A2"
    assert earlier.reference is None
    number = last_run(store)
    record(batch_result("A9", 0.03, recipe_name="NCM"), store)
    new = batch_result("A5", 0.01, recipe_name="NCM")
    assert find_earlier(store, new.batch).last.batch == "A9"
    assert find_earlier(store, new.batch, until=number).last.batch == "A3"


def test_what_is_not_the_same_is_not_compared(store, batch_result):
    other = batch_result("A4", 0.02, recipe_name="LFP", reference_batch="A0")
    earlier = find_earlier(store, other.batch)
    assert earlier.last.batch == "B1"
    assert "the store holds no A0" in earlier.words
    assert "the store holds no A0" in render_page(other, earlier)
    former = earlier.last
    renamed = dataclasses.replace(former, values={"other": next(iter(former.values.values()))})
    assert deltas(other.criteria[0], Earlier(last=renamed)) == []
    none = Batch(schema_version=1, name="A4", samples={"a": {}})
    assert find_earlier(store, none) == Earlier()
