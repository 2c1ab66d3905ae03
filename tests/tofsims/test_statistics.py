"""Box statistics and comparisons of groups, against independent programs and by simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from coatcore import MeasurementError
from coatcore.statistics.quartiles import quartiles
from coatcore.statistics.ranks import (
    cliffs_delta,
    hodges_lehmann,
    mann_whitney,
    median_interval,
    rank_sum_counts,
)
from coatcore.statistics.several_tests import holm
from tofsims import compare_fragments, compare_groups, plot_boxes
from tofsims.comparing import box_statistics, mean_intensity

samples = st.lists(st.integers(-50, 50).map(float), min_size=2, max_size=7)


def replicates(values, **attrs):
    return xr.DataArray(np.asarray(values, float), dims="replicate", attrs=attrs)


def table(values, names):
    return xr.DataArray(values, {"fragment": names}, ("replicate", "fragment"))


# -- boxes --------------------------------------------------------------------------------


@given(x=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_quartiles_are_those_of_other_programs(x):
    x = np.array(x)
    for ours, theirs in (
        ("inclusive", "linear"),
        ("exclusive", "weibull"),
        ("averaged", "averaged_inverted_cdf"),
    ):
        np.testing.assert_allclose(
            quartiles(x, ours), np.percentile(x, [25, 50, 75], method=theirs), atol=1e-9
        )
    np.testing.assert_allclose(quartiles(x), pd.Series(x).quantile([0.25, 0.5, 0.75]), atol=1e-6)


def test_definitions_on_a_worked_example():
    """R: fivenum(1:9), quantile(1:9, type = 6), quantile(1:9, type = 2)."""
    x = np.arange(1.0, 10.0)
    assert quartiles(x, "tukey") == (3, 5, 7)
    assert quartiles(x, "exclusive") == (2.5, 5, 7.5)
    assert quartiles(x, "averaged") == (3, 5, 7)
    with pytest.raises(MeasurementError, match="inclusive, exclusive"):
        quartiles(x, "median")


@pytest.mark.parametrize(
    ("n", "k", "level"), [(6, 1, 0.96875), (8, 1, 0.9921875), (9, 2, 0.9609375)]
)
def test_interval_of_the_median(n, k, level):
    """Ends and levels from the tables in Conover and in Hahn & Meeker."""
    x = np.arange(1.0, n + 1)
    assert median_interval(x) == (k, n + 1 - k, level)


def test_interval_of_the_median_holds_it():
    rng = np.random.default_rng(1)
    made = np.array([median_interval(rng.lognormal(0, 1, 12))[:2] for _ in range(2000)])
    held = np.mean((made[:, 0] <= 1) & (made[:, 1] >= 1))
    assert held == pytest.approx(0.9614, abs=0.015)


def test_heads_carry_units_and_whiskers_can_be_chosen():
    x = replicates([1.0, 2.0, 3.0, 10.0], units="counts")
    row = box_statistics(x).iloc[0]
    assert row["median (counts)"] == 2.5
    assert row["upper whisker (counts)"] == 3
    assert np.isnan(row["median lower (counts)"])
    assert box_statistics(x, whiskers="range").iloc[0]["outliers"] == 0
    with pytest.raises(MeasurementError, match="range"):
        box_statistics(x, whiskers="sd")
    with pytest.raises(MeasurementError, match="a value of PO2-"):
        box_statistics(table([[1.0, np.nan], [2.0, 3.0]], ["Cl-", "PO2-"]))


# -- rank statistics ----------------------------------------------------------------------


@settings(max_examples=60)
@given(a=samples, b=samples)
def test_exact_p_value_agrees_with_scipy(a, b):
    a, b = np.array(a), np.array(b)
    ours = mann_whitney(a, b)
    if np.unique([*a, *b]).size == a.size + b.size:
        assert ours == pytest.approx(stats.mannwhitneyu(a, b, method="exact").pvalue)
    else:
        ranks = stats.rankdata([*a, *b])
        theirs = stats.permutation_test(
            (ranks[: a.size], ranks[a.size :]),
            lambda x, y: abs(np.mean(x) - np.mean(y)),
            alternative="greater",
            n_resamples=np.inf,
        )
        assert ours == pytest.approx(theirs.pvalue, abs=1e-9)


def test_distribution_of_u_counts_every_way():
    assert rank_sum_counts(8, 8).sum() == 12870
    np.testing.assert_array_equal(rank_sum_counts(5, 3), rank_sum_counts(3, 5))


def test_shift_on_published_data():
    """Hollander & Wolfe's permeability of chorioamnion, in the help of R's wilcox.test: W = 35,
    p = 0.2544 (two-sided)."""
    x = np.array([0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46])
    y = np.array([1.15, 0.88, 0.90, 0.74, 1.21])
    assert mann_whitney(y, x) == pytest.approx(0.2544, abs=1e-4)
    moved, low, high, level = hodges_lehmann(y, x)
    assert moved == pytest.approx(0.305)
    assert low < 0 < moved < high
    assert level > 0.95


@given(a=samples, b=samples, shift=st.integers(-20, 20))
def test_shift_follows_what_is_added(a, b, shift):
    a, b = np.array(a), np.array(b)
    one, other = hodges_lehmann(a, b), hodges_lehmann(a, b + shift)
    np.testing.assert_allclose(np.array(other[:3]) - shift, one[:3])
    assert one[1] <= one[0] <= one[2]


def test_small_groups_say_which_level_they_reach():
    for n, level in ((2, 0.6667), (3, 0.9), (4, 0.9714), (8, 0.9502)):
        a = np.arange(float(n))
        assert hodges_lehmann(a, a + 0.5)[3] == pytest.approx(level, abs=1e-4)
    one = compare_groups(replicates([1.0, 2.0, 3.0]), replicates([2.5, 3.5, 4.5]))
    assert one.shift.level == pytest.approx(0.9)
    assert "90.0 %" in one.shift.method


def test_effect_size():
    a = np.arange(8.0)
    assert cliffs_delta(a, a + 100)[0] == 1
    delta, low, high = cliffs_delta(a, a)
    assert delta == 0
    assert low == pytest.approx(-high)


def test_effect_size_interval_holds_the_truth():
    rng = np.random.default_rng(2)
    truth = 2 * stats.norm.cdf(1 / np.sqrt(2)) - 1
    made = [cliffs_delta(rng.normal(size=8), rng.normal(1, 1, 8)) for _ in range(1000)]
    held = np.mean([low <= truth <= high for _, low, high in made])
    assert 0.93 <= held <= 0.98


@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_the_stepwise_rule(p):
    adjusted = holm(np.array(p))
    order = np.argsort(p)
    for alpha in (0.01, 0.05, 0.2):
        rejected = set()
        for step, i in enumerate(order):
            if p[i] * (len(p) - step) >= alpha:
                break
            rejected.add(i)
        assert {i for i in range(len(p)) if adjusted[i] < alpha} == rejected
    assert (adjusted >= np.array(p) - 1e-15).all()


# -- groups -------------------------------------------------------------------------------


def test_a_group_of_one_is_refused_in_clear_words():
    with pytest.raises(MeasurementError, match="at least 2 replicates"):
        compare_groups(replicates([1.0]), replicates([1.0, 2.0]))
    with pytest.raises(MeasurementError, match="at least 2 replicates"):
        mean_intensity(replicates([1.0]))
    with pytest.raises(MeasurementError, match="no fragment"):
        compare_fragments(table(np.ones((3, 1)), ["a"]), table(np.ones((3, 1)), ["b"]))
    with pytest.raises(MeasurementError, match="dims"):
        compare_fragments(replicates([1.0, 2.0]), replicates([1.0, 2.0]))


def _groups(rng, runs, n, fragments, scatter, counts, correlation=0.5):
    """Intensities of groups: log-normal between spots, in part common to all fragments, and
    Poisson counts."""
    common = rng.normal(size=(runs, n, 1)) * np.sqrt(correlation)
    own = rng.normal(size=(runs, n, fragments)) * np.sqrt(1 - correlation)
    return rng.poisson(counts * np.exp(scatter * (common + own))) + 1e-9 * rng.normal(
        size=(runs, n, fragments)
    )


@pytest.mark.calibration
@pytest.mark.parametrize(("counts", "scatter"), [(30.0, 0.12), (3000.0, 0.12), (1e6, 0.3)])
def test_false_alarms_of_groups_of_eight(counts, scatter, record_property):
    """4-6 % of single tests, and at most 5.5 % of families of 10 fragments after Holm."""
    runs = 4000
    rng = np.random.default_rng(int(counts))
    a, b = (_groups(rng, runs, 8, 10, scatter, counts) for _ in range(2))
    p = np.empty((runs, 10))
    u = (b[:, :, None, :] < a[:, None, :, :]).sum(axis=(1, 2))
    tail = np.cumsum(rank_sum_counts(8, 8)) / 12870
    p = np.minimum(1, 2 * tail[np.minimum(u, 64 - u)])
    for run in range(3):
        assert p[run, 0] == pytest.approx(mann_whitney(a[run, :, 0], b[run, :, 0]))
    single, family = np.mean(p < 0.05), np.mean((holm(p) < 0.05).any(axis=1))
    assert 0.04 <= single <= 0.06
    assert family <= 0.055
    la, lb = np.log(np.maximum(a, 0.5)), np.log(np.maximum(b, 0.5))
    welch = stats.ttest_ind(la, lb, axis=1, equal_var=False).pvalue
    assert 0.04 <= np.mean(welch < 0.05) <= 0.06


@pytest.mark.calibration
@pytest.mark.parametrize("counts", [10.0, 1e3, 1e6])
def test_intervals_of_shift_and_ratio_hold_the_truth(counts, holds):
    """Groups of eight that scatter by 0.15 from spot to spot, from 10 to a million counts."""
    rng = np.random.default_rng(int(counts) + 1)
    shifts, ratios = [], []
    for _ in range(1000):
        base = counts * np.exp(0.15 * rng.normal(size=(2, 8)) - 0.15**2 / 2)
        a, b = rng.poisson(base)
        ratios.append(
            compare_groups(replicates(a + 1e-6), replicates(rng.poisson(0.6 * base[1]))).ratio
        )
        spread = 0.5 * counts + rng.normal(size=8) * 1e-6
        shifts.append(
            compare_groups(replicates(a + rng.normal(size=8) * 1e-6), replicates(b + spread)).shift
        )
    holds(f"shift of two groups of 8, {counts:g} counts", 0.5 * counts, shifts)
    holds(f"ratio of two groups of 8, {counts:g} counts", 0.6, ratios)


def test_a_change_is_found_and_others_are_not():
    rng = np.random.default_rng(4)
    names = [f"C{i}-" for i in range(2, 12)]
    a, b = rng.lognormal(0, 0.12, (8, 10)), rng.lognormal(0, 0.12, (8, 10))
    b[:, 3] *= 0.6
    found = compare_fragments(table(a, names), table(b, names))
    assert found.changed() == ["C5-"]
    row = found.table.set_index("fragment").loc["C5-"]
    assert row["ratio lower"] < 0.6 < row["ratio upper"]
    assert row["p (Holm)"] == pytest.approx(10 * row["p (Mann-Whitney)"])
    assert row["Cliff's delta"] < -0.9


def test_box_plot_of_four_groups_with_brackets():
    rng = np.random.default_rng(5)
    names = ["PO2-", "PO3-"]
    levels = {
        "uncoated": 1.0,
        "coated": 1.0,
        "uncoated, 152 cycles": 2.0,
        "coated, 152 cycles": 1.3,
    }
    groups = {
        name: table(level * rng.lognormal(0, 0.1, (8, 2)), names) for name, level in levels.items()
    }
    p_values = {("PO2-", "uncoated, 152 cycles", "coated, 152 cycles"): 0.0004}
    ax = plot_boxes(groups, p_values=p_values, quartiles="averaged")
    assert "***" in [t.get_text() for t in ax.texts]
    assert ax.get_legend().get_texts()[0].get_text() == "uncoated (n = 8)"


def test_median_ratio_where_scatter_grows_with_size():
    """Groups of 12 and 4, a factor of 10: the interval of the shift would hold in 88 %."""
    rng = np.random.default_rng(9)
    held = 0
    for _ in range(600):
        a, b = rng.lognormal(0, 0.3, 12), 10 * rng.lognormal(0, 0.3, 4)
        factor = compare_groups(replicates(a), replicates(b)).median_ratio
        held += factor.lower <= 10 <= factor.upper
    assert 0.93 <= held / 600 <= 0.98


def test_a_fragment_that_one_group_does_not_show_spoils_nothing():
    rng = np.random.default_rng(10)
    a, b = rng.lognormal(0, 0.1, (8, 3)), rng.lognormal(0, 0.1, (8, 3))
    a[:, 1] = 0.0
    found = compare_fragments(table(a, ["O-", "SO-", "S-"]), table(b, ["O-", "SO-", "S-"]))
    row = found.table.set_index("fragment").loc["SO-"]
    assert np.isnan(row["ratio"])
    assert row["p (Holm)"] < 0.01
    assert found.changed() == ["SO-"]
    found.plot()
    b[0, 2] = np.nan
    with pytest.raises(MeasurementError, match="S-: 7 finite"):
        compare_fragments(table(a, ["O-", "SO-", "S-"]), table(b, ["O-", "SO-", "S-"]))
    names = [f"C{i}-" for i in range(2, 12)]
    few = table(rng.lognormal(0, 0.1, (5, 10)), names)
    with pytest.warns(UserWarning, match="cannot show a change"):
        compare_fragments(few, 10 * few)


def test_other_units_and_large_groups():
    with pytest.raises(MeasurementError, match="units"):
        compare_groups(replicates([1.0, 2.0], units="counts"), replicates([1.0, 3.0]))
    rng = np.random.default_rng(11)
    x, y = rng.normal(size=150), rng.normal(0.5, 1, 150)
    assert mann_whitney(x, y) == pytest.approx(stats.mannwhitneyu(x, y).pvalue, rel=1e-6)
    _, low, high, level = hodges_lehmann(x, y)
    assert low < 0.5 < high
    assert level == pytest.approx(0.95, abs=0.001)
