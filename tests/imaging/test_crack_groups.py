"""Groups of images compared by the cracks of their particles."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from coatcore import MeasurementError
from coatcore.statistics.nested_ratio import (
    difference_interval,
    group_ratio,
    images_needed,
    p_difference,
    variance_shares,
)
from imaging import compare_cracks, find_cracks, simulate_sem
from imaging.cracks.groups.compare import QUANTITIES


def nested(rng, images, *, particles=10, mean=0.03, image_scatter=0.3):
    """Images of particles: log-normal areas; crack shares that scatter between images and
    between particles of an image, three in ten of them without a crack."""
    group = []
    for _ in range(images):
        n = max(2, rng.poisson(particles))
        area = rng.lognormal(np.log(8e6), 0.7, n)
        level = np.exp(rng.normal(0, image_scatter) - image_scatter**2 / 2)
        share = level * mean * np.exp(rng.normal(0, 0.8, n) - 0.32) / 0.7
        share *= rng.random(n) > 0.3
        group.append((np.minimum(share, 0.5) * area, area))
    return group


def tables(group):
    return [
        pd.DataFrame(
            {
                "area / nm2": w,
                "crack area / nm2": p,
                "crack length / nm": p / 60,
                "cracks": (p > 0).astype(int),
                "intergranular": 0,
                "primary_particle": (p > 0).astype(int),
                "cracked": p > 0,
                "outline judged / nm": np.sqrt(w),
                "outline without contact / nm": 0.2 * np.sqrt(w),
                "cut by the edge": np.arange(p.size) == 0,
            }
        )
        for p, w in group
    ]


@pytest.mark.calibration
@pytest.mark.parametrize(
    ("sizes", "scatter"), [((6, 6), 0.3), ((4, 4), 0.3), ((5, 8), 0.3), ((6, 6), 0.8)]
)
def test_groups_that_do_not_differ_are_called_different_in_one_of_twenty(sizes, scatter):
    rng = np.random.default_rng(11)
    runs = 4000 if sizes == (6, 6) and scatter == 0.3 else 1000
    alarms = naive = 0
    for _ in range(runs):
        groups = [nested(rng, k, image_scatter=scatter) for k in sizes]
        alarms += p_difference(*(group_ratio(g, rng) for g in groups)) < 0.05
        shares = [np.concatenate([p / w for p, w in g]) for g in groups]
        naive += stats.ttest_ind(*shares, equal_var=False).pvalue < 0.05
    # The typical design is held to the mark; the others to what a thousand runs can tell of it.
    low, high = (0.04, 0.06) if runs == 4000 else (0.03, 0.07)
    print(f"{sizes} {scatter}: {alarms / runs:.3f}, particle by particle {naive / runs:.3f}")
    assert low <= alarms / runs <= high
    # Taking each particle for itself finds differences between images, not between groups.
    assert naive / runs > 0.07


@pytest.mark.calibration
def test_intervals_hold_the_truth():
    rng = np.random.default_rng(12)
    groups, differences = 0, 0
    for _ in range(1000):
        first = group_ratio(nested(rng, 6, mean=0.02), rng)
        second = group_ratio(nested(rng, 6, mean=0.04), rng)
        groups += (first.lower <= 0.02 <= first.upper) + (second.lower <= 0.04 <= second.upper)
        _, lower, upper = difference_interval(first, second)
        differences += lower <= 0.02 <= upper
    print(f"groups {groups / 2000:.3f}, differences {differences / 1000:.3f}")
    assert 0.93 <= groups / 2000 <= 0.97
    assert 0.93 <= differences / 1000 <= 0.97


@pytest.mark.calibration
def test_as_many_images_as_planned_show_the_difference():
    rng = np.random.default_rng(13)
    # What very many images tell: the plan without the chance of a pilot.
    large = [group_ratio(nested(rng, 400, mean=m), rng) for m in (0.02, 0.035)]
    n = images_needed(*large)
    assert 4 <= n <= 30
    shown = 0
    for _ in range(400):
        groups = [group_ratio(nested(rng, int(n), mean=m), rng) for m in (0.02, 0.035)]
        shown += p_difference(*groups) < 0.05
    assert 0.70 <= shown / 400 <= 0.90


def test_variance_is_parted_between_images_and_particles():
    rng = np.random.default_rng(14)
    images = []
    for _ in range(300):
        level = 1 + 0.2 * rng.normal()
        images.append((level + 0.5 * rng.normal(size=8), np.ones(8)))
    between, within = variance_shares(images)
    assert between == pytest.approx(0.2, rel=0.2)
    assert within == pytest.approx(0.5, rel=0.05)


def test_every_quantity_is_compared():
    rng = np.random.default_rng(15)
    groups = {"before": tables(nested(rng, 4, mean=0.01)), "after": tables(nested(rng, 4))}
    for quantity in QUANTITIES:
        found = compare_cracks(groups, quantity=quantity)
        assert found.quantity in found.summary
        assert list(found.groups) == ["before", "after"]
        assert found.effect.lower <= found.effect.value <= found.effect.upper
        assert 0 <= found.p <= 1
        ax = found.plot()
        assert found.quantity in ax.get_ylabel()
    assert found.ratio == pytest.approx(1)
    assert found.effect.value == pytest.approx(0, abs=1e-12)
    area = compare_cracks(groups)
    pooled = pd.concat(groups["after"])
    assert area.groups["after"].value == pytest.approx(
        pooled["crack area / nm2"].sum() / pooled["area / nm2"].sum()
    )
    whole = compare_cracks(groups, whole_particles_only=True)
    assert len(whole.particles) == len(area.particles) - 8


def test_a_clear_difference_is_seen_and_three_groups_are_adjusted():
    rng = np.random.default_rng(16)
    groups = {
        name: tables(nested(rng, 6, mean=m))
        for name, m in (("pristine", 0.01), ("coated", 0.012), ("uncoated", 0.06))
    }
    found = compare_cracks(groups)
    table = found.table.set_index("group")
    assert table.loc["uncoated", "p"] < 0.01
    assert table.loc["uncoated", "ratio"] == pytest.approx(6, rel=0.5)
    assert (table["p (Holm)"] >= table["p"]).all()
    assert table.loc["uncoated", "p (Holm)"] == pytest.approx(2 * table.loc["uncoated", "p"])
    assert list(found.scatter["images"]) == [6, 6, 6]
    assert compare_cracks(groups).p == found.p


def test_without_cracks_there_is_no_difference_and_a_limit():
    rng = np.random.default_rng(17)
    none = tables([(0 * p, w) for p, w in nested(rng, 3)])
    some = tables(nested(rng, 4, mean=0.05))
    found = compare_cracks({"a": none, "b": none})
    assert found.p == 1.0
    assert not found.different
    assert found.effect.value == 0
    assert 0 < found.groups["a"].upper < 0.01
    assert found.effect.upper > 0
    assert compare_cracks({"a": none, "b": some}).p < 0.05
    assert np.isnan(compare_cracks({"a": none, "b": some}).ratio)


def test_images_of_particles_are_compared_end_to_end():
    few, many = (
        [find_cracks(simulate_sem(s, crack_area_fraction=f)[0]) for s in range(4)]
        for f in (0.004, 0.04)
    )
    found = compare_cracks({"before": few, "after": many})
    assert found.different
    assert found.effect.lower > 0
    assert any("simulated" in t.get_text() for t in found.plot().texts)


GOOD = pd.DataFrame({"area / nm2": [1e6, 2e6], "crack area / nm2": [1e4, 0.0]})


@pytest.mark.parametrize(
    ("groups", "says"),
    [
        ({"a": [GOOD, GOOD]}, "two at least"),
        ({"a": [GOOD, GOOD], "b": [GOOD]}, "'b' has 1 image"),
        ({"a": [GOOD, GOOD], "b": []}, "'b' has 0 image"),
        ({"a": [GOOD, GOOD.iloc[:0]], "b": [GOOD, GOOD]}, "image 2 of group 'a' has no particle"),
        ({"a": [GOOD, GOOD], "b": [GOOD, GOOD * np.nan]}, "image 2 of group 'b' holds missing"),
        ({"a": [GOOD, GOOD], "b": [GOOD, -GOOD]}, "negative"),
        ({"a": [GOOD, GOOD[["area / nm2"]]], "b": [GOOD, GOOD]}, "no column 'crack area / nm2'"),
        (
            {"a": [GOOD, GOOD.rename(columns=lambda c: c.replace("nm", "pixel"))]}
            | {"b": [GOOD] * 2},
            "no pixel size",
        ),
    ],
)
def test_groups_that_cannot_be_compared_are_refused(groups, says):
    with pytest.raises(MeasurementError, match=says):
        compare_cracks(groups)


def test_an_unknown_quantity_is_refused():
    with pytest.raises(MeasurementError, match="expected one of"):
        compare_cracks({"a": [GOOD] * 2, "b": [GOOD] * 2}, quantity="colour")


def shares(rng, images, p, n=8):
    groups = []
    for _ in range(images):
        here = np.clip(p + rng.normal(0, 0.08), 0, 1)
        groups.append(pd.DataFrame({"cracked": (rng.random(n) < here).astype(float)}))
    return groups


def test_test_and_interval_never_contradict_each_other_and_shares_stay_shares():
    rng = np.random.default_rng(3)
    quantity = "share of cracked particles"
    for _ in range(60):
        groups = {"a": shares(rng, 3, 0.5), "b": shares(rng, 3, 0.85)}
        found = compare_cracks(groups, quantity=quantity)
        assert found.different == (not found.effect.lower <= 0 <= found.effect.upper)
        assert all(0 <= e.lower <= e.value <= e.upper <= 1 for e in found.groups.values())


def test_images_that_agree_by_chance_are_not_certain():
    few = [pd.DataFrame({"cracked": [1.0, 1, 1, 0, 0]})] * 2
    more = [pd.DataFrame({"cracked": [1.0, 1, 1, 1, 0]})] * 2
    found = compare_cracks({"a": few, "b": more}, quantity="share of cracked particles")
    assert not found.different
    assert all(e.upper - e.lower > 0.2 for e in found.groups.values())
    every = [pd.DataFrame({"cracked": [1.0] * 5})] * 2
    found = compare_cracks({"a": every, "b": few}, quantity="share of cracked particles")
    assert found.groups["a"].lower == pytest.approx(1 - 3.7 / 10)
    assert found.groups["a"].upper == 1


def test_limits_where_nothing_was_found_are_of_the_right_kind():
    rng = np.random.default_rng(4)
    clean = [
        pd.DataFrame(
            {"area / nm2": np.full(10, 7e6), "crack area / nm2": 0.0, "crack length / nm": 0.0}
        )
        for _ in range(2)
    ]
    cracked = [t.assign(**{"crack length / nm": rng.uniform(200, 900, 10)}) for t in clean]
    found = compare_cracks({"a": clean, "b": cracked}, quantity="crack length density")
    # 300 nm of crack in 3.7 of 20 particles of 7 um2.
    assert found.groups["a"].upper == pytest.approx(1000 * 3.7 / 20 * 300 / 7e6)
    assert found.different
