"""The demo batch: made again bit for bit, and measured as its truth says."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from coatcore import read
from coatqc.judging import run_batch
from coatqc.recipes import load_batch
from coatqc.twin.demo import make_demo, truth_key

COMMITTED = Path(__file__).parents[2] / "data" / "demo"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    make_demo(folder)
    return folder


def test_committed_demo_is_made_again(made):
    names = sorted(p.relative_to(made) for p in made.rglob("*") if p.is_file())
    assert names == sorted(p.relative_to(COMMITTED) for p in COMMITTED.rglob("*") if p.is_file())
    assert [n for n in names if (made / n).read_bytes() != (COMMITTED / n).read_bytes()] == []
    assert sum((made / n).stat().st_size for n in names) < 20 * 2**20


def test_verdicts_and_intervals_agree_with_the_truth(made):
    truth = tomllib.loads((made / "truth.toml").read_text())
    result = run_batch(load_batch(made / "batch.toml"))
    held = []
    for outcome in result.outcomes:
        item, got = outcome.item, outcome.measurement
        assert got is not None, outcome.error
        fragment = str(item.parameters.get("fragment", ""))
        true = truth[truth_key(item.quantity, item.sample, item.reference, fragment)]
        if got.estimate is None:
            assert got.category == true
        else:
            held.append(got.estimate.lower <= true <= got.estimate.upper)
        if outcome in result.criteria and got.estimate is not None:
            low, high = item.min, item.max
            good = (low is None or true >= low) and (high is None or true <= high)
            assert outcome.verdict == ("pass" if good else "fail")
    assert len(held) > 20
    assert sum(held) / len(held) >= 0.9
    assert result.simulated


def test_files_of_cells_say_that_they_are_simulated():
    paths = [*(COMMITTED / "cycling").iterdir(), *(COMMITTED / "impedance").iterdir()]
    assert len(paths) == 18
    assert {read(path).attrs["simulated"] for path in paths} == {"yes"}
