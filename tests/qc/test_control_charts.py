"""Control charts: false alarms as often as their theory says, rules as Nelson wrote them."""

from __future__ import annotations

import numpy as np
import pytest

from coatcore import MeasurementError
from coatqc.trends.control_charts import (
    RULES,
    Limits,
    capability,
    ewma,
    individuals_limits,
    moving_ranges,
    nelson_rules,
)

KNOWN = Limits(0.0, 1.0, 1000)
PATTERNS = {
    1: [3.1],
    2: [0.1] * 9,
    3: [-0.5, -0.3, 0.0, 0.2, 0.3, 0.6],
    4: [0.1, -0.1] * 7,
    5: [2.1, 0.0, 2.2],
    6: [1.1, 1.2, -0.1, 1.3, 1.4],
    7: [0.5, -0.4, 0.3] * 5,
    8: [1.5, -1.5, 1.2, 1.3, -1.4, 1.2, -1.1, -1.3],
}


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_sees_its_pattern_and_not_one_value_less(rule):
    pattern = PATTERNS[rule]
    assert nelson_rules(pattern, KNOWN)[rule].iloc[-1]
    assert not nelson_rules(pattern[1:], KNOWN)[rule].any()
    # The same upside down.
    assert nelson_rules([-v for v in pattern], KNOWN)[rule].iloc[-1]


def test_a_value_that_takes_no_part_in_a_pattern_is_not_blamed():
    found = nelson_rules([2.5, 2.5, 0.0, 0.0], KNOWN)
    assert found[5].tolist() == [False, True, False, False]


@pytest.mark.calibration
def test_false_alarms_are_as_rare_as_theory_says():
    x = np.random.default_rng(1).normal(size=400_000)
    rules = nelson_rules(x, KNOWN).mean()
    # Beyond three standard deviations; nine on one side (1/2^8 per start, in the long run).
    assert rules[1] == pytest.approx(0.0027, rel=0.1)
    assert rules[2] == pytest.approx(1 / 256, rel=0.1)
    assert rules[3] < 0.003
    alarms = ewma(x, KNOWN)["alarm"].to_numpy()
    # Runs between alarms, each chart begun anew after one.
    lengths, start = [], 0
    part = x[:200_000]
    while start < part.size - 3000:
        found = ewma(part[start : start + 3000], KNOWN)["alarm"].to_numpy()
        at = int(found.argmax()) if found.any() else 2999
        lengths.append(at + 1)
        start += at + 1
    print(f"EWMA: an alarm in {np.mean(lengths):.0f} values")
    assert 320 <= np.mean(lengths) <= 430
    assert alarms.mean() < 0.01
    assert moving_ranges(x, KNOWN)["alarm"].mean() == pytest.approx(0.0092, rel=0.15)


@pytest.mark.calibration
@pytest.mark.parametrize("n", [10, 30, 100])
def test_capability_holds_the_truth(holds, n):
    rng = np.random.default_rng(n)
    truth = 2.0 / 3
    found = [capability(rng.normal(1.0, 0.5, n), 0.0, 3.0) for _ in range(1000)]
    holds(f"Cpk of {n} batches", truth, found)


def test_a_shift_is_seen_sooner_by_the_average():
    rng = np.random.default_rng(3)
    first, single = [], []
    for _ in range(200):
        x = np.append(rng.normal(size=20), rng.normal(1.0, 1.0, 200))
        alarm = ewma(x, KNOWN)["alarm"].to_numpy()[20:]
        first.append(alarm.argmax())
        beyond = nelson_rules(x, KNOWN)[1].to_numpy()[20:]
        single.append(beyond.argmax() if beyond.any() else 200)
    assert np.mean(first) < 0.4 * np.mean(single)


def test_limits_of_a_drifting_baseline_are_not_widened():
    rng = np.random.default_rng(4)
    drift = rng.normal(size=400) + np.linspace(0, 8, 400)
    assert individuals_limits(drift).sigma == pytest.approx(1.0, abs=0.15)


def test_what_no_chart_can_be_made_of_is_refused():
    for bad in ([1.0] * 4, [1.0] * 20, [1.0, np.nan] * 10):
        with pytest.raises(MeasurementError):
            individuals_limits(bad)
    with pytest.raises(MeasurementError, match="needs a limit"):
        capability(range(10), None, None)
    with pytest.raises(MeasurementError, match="weight"):
        ewma([1.0], KNOWN, weight=2)
