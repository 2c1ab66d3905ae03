"""Retention: of one cell, of a kind of cell, of two kinds."""

import numpy as np
import pytest

from coatcore.errors import MeasurementError
from electrochem.cycling.cycle_noise import noise_of_cycles
from electrochem.cycling.retention import capacity_retention, compare_retention, retention_of_group
from electrochem.labels.labels import label_cycles
from electrochem.simulating.cycling import mean_retention, simulate_cycles


@pytest.mark.parametrize("cell", ["coated", "uncoated"])
def test_the_papers_retention(cell):
    expected = {"coated": (0.783, 0.716), "uncoated": (0.69, 0.596)}[cell]
    table, _ = simulate_cycles(1, cell, spread_capacity=0, spread_retention=0, noise=0.05)
    found = [capacity_retention(table, n).value for n in (100, 152)]
    assert found == pytest.approx(expected, abs=0.001)


def test_neighbours_narrow_the_interval():
    table, _ = simulate_cycles(2)
    inner, last = (capacity_retention(table, n) for n in (140, 152))
    assert inner.standard_uncertainty < 0.85 * last.standard_uncertainty
    assert inner.n == 11
    assert last.n == 1


def test_formation_at_another_rate_is_not_mixed():
    table, truth = simulate_cycles(3)
    rate = np.array(table["rate"].values)
    rate[:3] *= 0.5
    capacity = np.array(table["discharge_capacity"].values)
    capacity[:3] += 15
    capacity[60:63], rate[60:63] = capacity[60:63] - 40, rate[60:63] * 5
    mixed = label_cycles(table["cycle"].values, {"discharge_capacity": capacity, "rate": rate})
    with pytest.raises(MeasurementError, match="choose `first` after formation"):
        capacity_retention(mixed, 100)
    found = capacity_retention(mixed, 64, first=4)
    true = truth["discharge_capacity"]
    assert found.value == pytest.approx(float(true.sel(cycle=64) / true.sel(cycle=4)), abs=0.005)
    with pytest.raises(MeasurementError, match="cycle 61 runs at"):
        capacity_retention(mixed, 61, first=4)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.isel(cycle=slice(0, 50)), "no cycle 100"),
        (lambda t: t.drop_vars("discharge_capacity"), "no discharge_capacity"),
        (lambda t: t.isel(cycle=[0, 99]), "at least 8 are needed"),
        (lambda t: t.assign(complete=("cycle", t["cycle"].values != 100)), "cut off"),
        (lambda t: t.assign_coords(cycle=t["cycle"].values // 2), "occurs twice"),
    ],
)
def test_errors_in_words(change, says):
    with pytest.raises(MeasurementError, match=says):
        capacity_retention(change(simulate_cycles(1)[0]), 100)


def test_one_cell_is_no_group():
    table = simulate_cycles(1)[0]
    for group in ([table], table, []):
        with pytest.raises(MeasurementError, match="one cell is no group; give at least 2 cells"):
            retention_of_group(group, 100)
    with pytest.raises(MeasurementError, match="uncoated: one cell"):
        compare_retention([table, simulate_cycles(2)[0]], [table], 100)
    short = table.isel(cycle=slice(0, 20))
    with pytest.raises(MeasurementError, match="cell 2 of 2: table: no cycle 100"):
        retention_of_group([table, short], 100)
    with pytest.raises(MeasurementError, match="given twice"):
        retention_of_group([table, table, simulate_cycles(2)[0]], 100)


def test_first_cycle_is_one_exactly():
    assert capacity_retention(simulate_cycles(1)[0], 1).standard_uncertainty == 0


def test_noise_that_neighbours_share_is_seen():
    widths = []
    for correlation in (0.0, 0.8):
        found = [
            capacity_retention(simulate_cycles(seed, correlation=correlation)[0], 100)
            for seed in range(20)
        ]
        widths.append(np.median([e.upper - e.lower for e in found]))
        shared = np.median([float(e.method.rsplit(" ", 1)[1]) for e in found])
        assert shared == pytest.approx(correlation, abs=0.1)
    assert widths[1] > 1.2 * widths[0]


def test_noise_of_cycles_that_are_missing():
    rng = np.random.default_rng(1)
    number = np.sort(rng.choice(400, 200, replace=False)) + 1
    noise = noise_of_cycles(number, 190 - 3 * np.sqrt(number) + 0.2 * rng.normal(size=200))
    assert np.sqrt(noise.weight @ noise.variance) == pytest.approx(0.2, rel=0.15)
    assert noise.of_sum(np.zeros(200)) == (0.0, 0.0)


@pytest.mark.parametrize("cycle", ["100", b"100", [100], True])
def test_a_cycle_that_is_no_number_is_named(cycle):
    with pytest.raises(MeasurementError, match=r"cycle is .* a number of a cycle was expected"):
        capacity_retention(simulate_cycles(1)[0], cycle)
    with pytest.raises(MeasurementError, match="first is '1'"):
        capacity_retention(simulate_cycles(1)[0], 100, first="1")
    with pytest.raises(MeasurementError, match="table: list given"):
        capacity_retention([1, 2], 100)


@pytest.mark.calibration
@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_calibration_of_one_cell(correlation, holds):
    cycles = (30, 100, 152)
    truths, found = [], []
    for seed in range(1000):
        table, truth = simulate_cycles(
            seed, "coated" if seed % 2 else "uncoated", correlation=correlation
        )
        kept = truth["capacity_retention"].values
        truths.append([float(kept[cycle - 1]) for cycle in cycles])
        found.append([capacity_retention(table, cycle) for cycle in cycles])
    name = "one cell" + (", neighbours alike" if correlation else "")
    for k, cycle in enumerate(cycles):
        holds(
            f"capacity retention of {name}, at cycle {cycle}",
            [t[k] for t in truths],
            [f[k] for f in found],
        )


@pytest.mark.calibration
def test_calibration_of_groups_and_their_difference(holds):
    groups, gains, none = [], [], []
    for run in range(1000):
        seeds = 9 * run + np.arange(3)
        coated = [simulate_cycles(int(s), "coated")[0] for s in seeds]
        uncoated = [simulate_cycles(int(s) + 3, "uncoated")[0] for s in seeds]
        others = [simulate_cycles(int(s) + 6, "coated")[0] for s in seeds]
        groups.append(retention_of_group(coated, 152))
        gains.append(compare_retention(coated, uncoated, 152))
        none.append(compare_retention(coated, others, 100))
    true = {c: float(mean_retention(c, 152)) for c in ("coated", "uncoated")}
    holds("capacity retention at 152 of 3 coated cells", true["coated"], groups)
    holds("gain in retention at 152, 3 and 3 cells", true["coated"] - true["uncoated"], gains)
    holds("gain in retention at 100 where there is none", 0.0, none)


@pytest.mark.parametrize(
    ("cycle", "columns", "message"),
    [
        ([2, 1, 1], {"discharge_capacity": np.ones(3)}, "do not ascend"),
        ([1, 2], {"capacity": np.ones(2)}, "unknown"),
        ([1, 2], {"discharge_capacity": np.ones(3)}, "has shape"),
    ],
)
def test_tables_that_are_none(cycle, columns, message):
    with pytest.raises(MeasurementError, match=message):
        label_cycles(np.array(cycle), columns)
