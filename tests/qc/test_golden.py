"""The numbers of the demo's report are those that were committed.

After a change that is meant to move them: ``COATQC_GOLDEN=write pytest tests/qc/test_golden.py``,
and say in the commit which moved, from what to what, and why.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest

from coatqc.judging import run_batch
from coatqc.recipes import load_batch
from coatqc.store.report_facts import to_dict

GOLDEN = Path(__file__).with_name("golden_demo.json")
DEMO = Path(__file__).parents[2] / "data" / "demo" / "batch.toml"
# Another BLAS kernel moves the numbers by up to 9e-8.
RTOL = 1e-6


def numbers_of(outcome):
    """What is to stay of one criterion or observation."""
    estimate = outcome["estimate"]
    names = ("value", "standard_uncertainty", "lower", "upper", "unit", "n")
    kept = ("quantity", "sample", "reference", "parameters", "category", "replicates")
    return {
        **{name: outcome[name] for name in kept},
        "estimate": estimate and {name: estimate[name] for name in names},
        "verdict": outcome.get("verdict"),
        "conformance_probability": outcome.get("conformance_probability"),
    }


def moved(old, new, where=""):
    """Where two trees of plain values differ, with both values."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        return [line for k in old for line in moved(old[k], new[k], f"{where}.{k}")]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [line for k, pair in pairs for line in moved(*pair, f"{where}[{k}]")]
    if isinstance(old, float) and isinstance(new, (int, float)):
        # A probability of 1e-300 is zero.
        same = math.isclose(old, new, rel_tol=RTOL, abs_tol=1e-12)
    else:
        same = old == new
    return [] if same else [f"{where}: {old!r} -> {new!r}"]


@pytest.mark.parametrize(("new", "told"), [(1.0 + 1e-7, 0), (1.0 + 1e-5, 1), (None, 1)])
def test_what_counts_as_moved(new, told):
    assert len(moved({"a": [1.0, "x"]}, {"a": [new, "x"]})) == told


def test_numbers_of_the_demo_do_not_move():
    report = json.loads(json.dumps(to_dict(run_batch(load_batch(DEMO)))))
    outcomes = [numbers_of(o) for o in (*report["criteria"], *report["observations"])]
    if os.environ.get("COATQC_GOLDEN") == "write":
        GOLDEN.write_text(json.dumps(outcomes, indent=1) + "\n", encoding="utf-8")
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert len(golden) == len(outcomes)
    lines = [
        f"{old['quantity']} of {old['sample']}{line}"
        for old, new in zip(golden, outcomes, strict=True)
        for line in moved(old, new)
    ]
    assert lines == []
