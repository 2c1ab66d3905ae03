"""Verdicts: the stated risks hold on simulated streams of batches."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from coatcore import RecipeError
from coatcore.estimate import Estimate
from coatqc.judging.verdict import Decision, guarded, judge

BATCHES = 10_000


def measured(rng, truth, scatter, n):
    """Mean of n measurements with Student's interval, as most quantities give it."""
    values = rng.normal(truth, scatter, n)
    u = values.std(ddof=1) / np.sqrt(n)
    reach = stats.t.ppf(0.975, n - 1) * u
    mean = values.mean()
    return Estimate.from_interval(mean, mean - reach, mean + reach, standard_uncertainty=u)


@pytest.mark.calibration
@pytest.mark.parametrize("n", [3, 5, 20])
@pytest.mark.parametrize("risk", [0.005, 0.025, 0.1])
def test_a_truth_on_the_limit_is_passed_and_failed_as_often_as_stated(n, risk):
    rng = np.random.default_rng([n, int(1000 * risk)])
    decision = Decision(false_acceptance=risk, false_rejection=risk)
    verdicts = [judge(measured(rng, 1.0, 0.1, n), None, 1.0, decision) for _ in range(BATCHES)]
    passed, failed = (verdicts.count(word) / BATCHES for word in ("pass", "fail"))
    print(f"n = {n}, risk {risk}: passed {passed:.4f}, failed {failed:.4f}")
    # Four standard deviations of what so many batches tell.
    off = 4 * np.sqrt(risk * (1 - risk) / BATCHES) + 0.05 * risk
    assert passed == pytest.approx(risk, abs=off)
    assert failed == pytest.approx(risk, abs=off)


@pytest.mark.calibration
def test_a_stream_of_batches_keeps_both_risks():
    rng = np.random.default_rng(5)
    decision = Decision(false_acceptance=0.01, false_rejection=0.05)
    wrong = {"pass": 0, "fail": 0}
    of = {"pass": 0, "fail": 0}
    inconclusive = 0
    for _ in range(BATCHES):
        # A process whose batches lie about both limits of a two-sided criterion.
        truth = rng.normal(0.0, 1.2)
        good = abs(truth) <= 1.0
        verdict = judge(measured(rng, truth, 0.25, int(rng.integers(3, 9))), -1.0, 1.0, decision)
        of["fail" if good else "pass"] += 1
        inconclusive += verdict == "inconclusive"
        if verdict == ("fail" if good else "pass"):
            wrong[verdict] += 1
    accepted, rejected = wrong["pass"] / of["pass"], wrong["fail"] / of["fail"]
    print(f"bad passed {accepted:.4f}, good failed {rejected:.4f}, {inconclusive} inconclusive")
    assert accepted <= decision.false_acceptance
    assert rejected <= decision.false_rejection
    assert 0 < inconclusive < 0.5 * BATCHES


def test_guard_bands_grow_as_risks_shrink():
    e = Estimate.from_interval(1.0, 0.8, 1.5, standard_uncertainty=0.1)
    ends = [guarded(e, risk) for risk in (0.2, 0.05, 0.025, 0.01, 0.001)]
    assert ends[2] == (e.lower, e.upper)
    assert all(a[0] > b[0] and a[1] < b[1] for a, b in itertools.pairwise(ends))
    sure = Estimate.from_interval(1.0, 1.0, 1.0)
    assert guarded(sure, 0.001) == (1.0, 1.0)
    assert judge(sure, 1.0, 1.0) == "pass"
    for wrong in ({"false_acceptance": 0.0}, {"false_rejection": 0.6}):
        with pytest.raises(RecipeError, match=next(iter(wrong))):
            Decision(**wrong)
