"""Voltage holds: against series, finite volumes and their own noise."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr

from coatcore import MeasurementError
from coatcore.estimate import Estimate
from electrochem import hold_time
from electrochem.diffusion import (
    HoldTime,
    compare_lengths,
    expected_hold_time,
    hold_current,
    length_from_hold,
    plot_hold_times,
    simulate_hold,
)

of = Estimate.from_standard_uncertainty
NONE = of(0.0, 0.0, unit="A")


def test_pure_diffusion_is_its_series_of_eigenfunctions():
    t, tau = np.linspace(5, 3000, 50), 1000.0
    n = np.arange(400)
    plate = (n + 0.5) * np.pi
    series = (2 / plate**2 * np.exp(-np.outer(t, plate**2) / tau)).sum(axis=1)
    assert np.abs(hold_current(t, tau) - series).max() < 1e-7
    # The series of a sphere ends as 1 / n: compare where it has converged.
    ball = np.arange(1, 4000) * np.pi
    series = (6 / ball**2 * np.exp(-np.outer(t, ball**2) / tau)).sum(axis=1)
    assert np.abs(hold_current(t, tau, geometry="sphere") - series).max() < 1e-7


def test_with_a_resistance_it_is_a_finite_volume_solve():
    # c' = diffusion on 0..1, held outside at 0 through R; quasi-steady parabola at first.
    n, tau, rc = 400, 1.0, 0.6
    x = (np.arange(n) + 0.5) / n
    conductance = n / tau
    outer = 1 / (rc + 1 / (2 * conductance))
    matrix = np.diag(np.full(n, -2 * conductance))
    matrix += np.diag(np.full(n - 1, conductance), 1) + np.diag(np.full(n - 1, conductance), -1)
    matrix[0, 0] = -conductance
    matrix[-1, -1] = -conductance - outer
    matrix *= n
    # Current 1 into unit capacity: c rises evenly, a parabola of depth tau / 2, R c at the surface.
    start = -(rc + tau / 2 * (1 - x**2))
    values, vectors = np.linalg.eig(matrix)
    parts = np.linalg.solve(vectors, start)
    t = np.array([0.05, 0.3, 1.0, 3.0])
    c = (vectors @ (parts[:, None] * np.exp(np.outer(values, t)))).real
    current = -outer * c[-1]
    assert np.allclose(hold_current(t, tau, resistance_capacity=rc), current, rtol=2e-3)


def test_time_goes_with_the_square_of_length_only_without_resistance():
    tau = 1690.0
    assert expected_hold_time(4 * tau) / expected_hold_time(tau) == pytest.approx(4.0, rel=1e-6)
    assert expected_hold_time(tau) == pytest.approx(1.5 * tau, rel=1e-3)
    assert expected_hold_time(tau, geometry="cylinder") == pytest.approx(0.613 * tau, rel=2e-3)
    assert expected_hold_time(tau, geometry="sphere") == pytest.approx(0.346 * tau, rel=2e-3)
    with_resistance = [expected_hold_time(k * tau, resistance_capacity=600.0) for k in (1, 4)]
    assert with_resistance[1] / with_resistance[0] < 3.0


@pytest.mark.calibration
def test_intervals_of_time_and_length_without_end_current(holds):
    times, lengths = [], []
    rng = np.random.default_rng(5)
    for seed in range(1000):
        record, truth = simulate_hold(seed, 2.5, duration=32_000.0, correlation=0.8)
        found = hold_time(record, charging_current=truth["charging_current"], end_current=NONE)
        times.append(found.time)
        # The product is measured apart, each time anew.
        rc = (597.6 + 60.0 * rng.normal(), 60.0)
        lengths.append(length_from_hold(found, diffusion_coefficient=1e-11, resistance_capacity=rc))
    holds("time to 2 %, no end current, noise rho 0.8", truth["time"], times)
    holds("diffusion length from a hold, R C known to 10 %", truth["L_diff"], lengths)


@pytest.mark.calibration
@pytest.mark.parametrize(("spread", "correlation"), [(0.0, 0.5), (0.3, 0.0)])
def test_intervals_with_an_end_current_that_is_fitted(spread, correlation, holds):
    times, ends = [], []
    how = f"spread {spread:g}, noise rho {correlation:g}"
    for seed in range(1000):
        record, truth = simulate_hold(
            seed, 1.3, leakage=4e-7, spread=spread, duration=20_000.0, correlation=correlation
        )
        found = hold_time(record, charging_current=truth["charging_current"])
        times.append(found.time)
        ends.append(found.end_current)
    holds(f"time to 2 %, end current fitted, {how}", truth["time"], times)
    holds(f"end current of a hold, {how}", truth["leakage"], ends)


def test_an_end_current_that_is_taken_as_none_would_shift_the_time():
    record, truth = simulate_hold(3, 2.5, leakage=4e-7, duration=40_000.0)
    charging = truth["charging_current"]
    blind = hold_time(record, charging_current=charging, end_current=NONE)
    assert blind.time.lower > truth["time"]
    fitted = hold_time(record, charging_current=charging)
    assert fitted.time.lower < truth["time"] < fitted.time.upper
    assert "fitted and taken off" in fitted.time.method
    known = hold_time(record, charging_current=charging, end_current=of(4e-7, 2e-8, unit="A"))
    assert known.time.lower < truth["time"] < known.time.upper
    exact = hold_time(record, charging_current=charging, end_current=of(4e-7, 0.0, unit="A"))
    # Its uncertainty goes into the time: 2e-8 A over the slope of the current there.
    slope = charging * (
        hold_current(np.array([truth["time"] + 50]), 6250.0, resistance_capacity=597.6)
        - hold_current(np.array([truth["time"] - 50]), 6250.0, resistance_capacity=597.6)
    )
    added = math.sqrt(known.time.standard_uncertainty**2 - exact.time.standard_uncertainty**2)
    assert added == pytest.approx(2e-8 / abs(float(slope[0]) / 100), rel=0.05)


def test_a_hold_that_ends_soon_says_that_no_end_current_was_told():
    record, truth = simulate_hold(1, 2.5, duration=14_000.0)
    found = hold_time(record, charging_current=truth["charging_current"])
    assert found.reached
    assert found.end_current is None
    assert "taken as none" in found.time.method


def test_both_ways_to_the_length_agree():
    # The same particles by impedance and by a hold.
    from electrochem import diffusion_length, simulate_impedance

    z, truth = simulate_impedance(1, "coated", 152, geometry="planar", spread=0.3)
    by_impedance = diffusion_length(
        z, diffusion_coefficient=1e-11, capacity=(14.94, 0.02), spread=0.3
    ).length
    record, held = simulate_hold(1, truth["L_diff"], spread=0.3)
    found = hold_time(record, charging_current=held["charging_current"])
    settings = {"diffusion_coefficient": 1e-11, "spread": 0.3}
    by_hold = length_from_hold(found, resistance_capacity=(597.6, 5.0), **settings)
    both = compare_lengths(by_impedance, by_hold, within=0.3)
    assert both.log_ratio.lower < 0 < both.log_ratio.upper
    assert both.verdict == "agree"
    # The resistance forgotten: a longer way is read.
    alone = length_from_hold(found, **settings)
    assert compare_lengths(alone, by_hold, within=0.02).verdict == "differ"


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ((2.5, 0.05), (2.5, 0.05), "agree"),
        ((2.5, 0.05), (3.5, 0.05), "differ"),
        ((2.5, 0.5), (2.5, 0.5), "undecided"),
        # More than none, but less than what matters.
        ((2.5, 0.02), (2.6, 0.02), "agree"),
    ],
)
def test_verdicts_on_two_lengths(first, second, verdict):
    a, b = (of(*pair, unit="um") for pair in (first, second))
    assert compare_lengths(a, b).verdict == verdict
    assert compare_lengths(b, a).verdict == verdict


def test_a_bound_never_agrees():
    bound = Estimate.from_interval(5.0, 4.5, math.inf, standard_uncertainty=math.inf, unit="um")
    assert compare_lengths(bound, of(5.2, 0.1, unit="um")).verdict == "undecided"
    assert compare_lengths(of(2.5, 0.1, unit="um"), bound).verdict == "differ"


@pytest.mark.calibration
def test_difference_of_logarithms_holds_the_truth(holds):
    rng = np.random.default_rng(2)
    found = []
    for a, b in np.exp(rng.normal(size=(1000, 2)) * [0.05, 0.1]) * [2.5, 2.0]:
        made = [
            Estimate.from_interval(x, x * math.exp(-1.96 * u), x * math.exp(1.96 * u), unit="um")
            for x, u in ((a, 0.05), (b, 0.1))
        ]
        found.append(compare_lengths(*made).log_ratio)
    holds("ln of the ratio of two lengths", math.log(1.25), found)


def test_a_hold_that_ends_before_is_a_bound():
    record, truth = simulate_hold(1, 5.2, duration=20_000.0)
    found = hold_time(record, charging_current=truth["charging_current"])
    assert not found.reached
    assert found.time.lower < truth["time"]
    assert np.isinf(found.time.upper)
    length = length_from_hold(found, diffusion_coefficient=1e-11, resistance_capacity=(597.6, 5.0))
    assert length.lower < truth["L_diff"]
    assert np.isinf(length.upper)
    # The resistance alone may have held it up for so long: nothing is told.
    slow = length_from_hold(found, diffusion_coefficient=1e-11, resistance_capacity=(9000.0, 5.0))
    assert (slow.lower, slow.upper) == (0, math.inf)


HOLD = xr.DataArray(
    1e-3 * np.exp(-np.arange(1.0, 101.0) / 20),
    dims="time",
    coords={"time": ("time", np.arange(1.0, 101.0), {"units": "s"})},
    attrs={"units": "A"},
)


def _at(t, unit="s"):
    return HOLD.assign_coords(time=("time", t, {"units": unit}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"charging_current": 0.0}, "expected A above 0"),
        ({"charging_current": 0.2}, "are both in A"),
        ({"fraction": 0.0}, "fraction is"),
        ({"fraction": 1.5}, "fraction is"),
        ({"hold": HOLD[::-1]}, "does not ascend"),
        ({"hold": HOLD[:7]}, "one length"),
        ({"hold": HOLD.drop_attrs(deep=False)}, "current is in None"),
        ({"hold": HOLD.copy(data=np.full(100, np.nan))}, "not finite"),
        ({"hold": HOLD.assign_attrs(units="mA")}, "current is in 'mA'"),
        ({"hold": _at(np.arange(1.0, 101.0), "min")}, "time is in 'min'"),
        ({"hold": _at(np.arange(1.0, 101.0) + 500)}, "since the hold began"),
        ({"hold": _at(np.arange(1.0, 101.0) - 5)}, "begins at -4 s"),
        ({"hold": HOLD.values}, "expected the current as a DataArray"),
        ({"hold": simulate_hold(1)[0].drop_vars("current")}, r"\['current'\] missing"),
        ({"end_current": of(1e-6, 1e-7, unit="A cm-2")}, "expected an Estimate in A"),
        ({"end_current": 1e-6}, "expected an Estimate in A"),
    ],
)
def test_wrong_holds_in_words(change, message):
    given = {"hold": HOLD, "charging_current": 1e-3} | change
    with pytest.raises(MeasurementError, match=message):
        hold_time(given.pop("hold"), **given)


def test_array_and_record_are_the_same_hold_in_any_sampling():
    record, truth = simulate_hold(2, 1.3, duration=9_000.0)
    array = xr.DataArray(
        record["current"].values / 0.785,
        dims="time",
        coords={"time": ("time", record["time"].values, {"units": "s"})},
        attrs={"units": "A cm-2"},
    )
    charging = truth["charging_current"]
    one = hold_time(record, charging_current=charging)
    other = hold_time(array, charging_current=charging / 0.785)
    assert other.time.value == pytest.approx(one.time.value, rel=1e-6)
    assert other.end_current.unit == "A cm-2"
    # Denser at first, as potentiostats record.
    t = np.geomspace(1, 9000, 2000)
    share = hold_current(t, 1690.0, resistance_capacity=597.6)
    uneven = xr.DataArray(
        charging * share + 1e-8 * np.random.default_rng(1).normal(size=t.size),
        dims="time",
        coords={"time": ("time", t, {"units": "s"})},
        attrs={"units": "A"},
    )
    found = hold_time(uneven, charging_current=charging).time
    assert found.lower < truth["time"] < found.upper


def test_a_resistance_that_takes_too_long_is_named_and_one_that_may_is_a_bound():
    record, truth = simulate_hold(1, 1.3)
    found = hold_time(record, charging_current=truth["charging_current"])
    with pytest.raises(MeasurementError, match="alone takes"):
        length_from_hold(found, diffusion_coefficient=1e-11, resistance_capacity=(9000.0, 1.0))
    # 1.96 u more and the resistance alone would explain the time.
    alone = found.time.value / math.log(50)
    near = length_from_hold(
        found, diffusion_coefficient=1e-11, resistance_capacity=(0.9 * alone, 0.1 * alone)
    )
    assert near.lower == 0 < near.value < near.upper
    beyond = length_from_hold(
        found, diffusion_coefficient=1e-11, resistance_capacity=(1.1 * alone, 0.2 * alone)
    )
    assert beyond.lower == beyond.value == 0 < beyond.upper < 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"diffusion_coefficient": 0.0}, "diffusion_coefficient"),
        ({"resistance_capacity": (10.0, -1.0)}, "standard uncertainty is -1"),
        ({"resistance_capacity": (-10.0, 1.0)}, "resistance_capacity is -10"),
        ({"spread": -0.1}, "spread is -0.1"),
        ({"geometry": "disc"}, "geometry is 'disc'"),
    ],
)
def test_wrong_settings_in_words(change, message):
    hold = HoldTime(of(2535.0, 30.0, unit="s"), 0.02, True)
    with pytest.raises(MeasurementError, match=message):
        length_from_hold(hold, **({"diffusion_coefficient": 1e-11} | change))


def test_wrong_arguments_of_the_model_in_words():
    with pytest.raises(MeasurementError, match="expected s, above 0"):
        expected_hold_time(-5.0)
    with pytest.raises(MeasurementError, match="l_diff is 0"):
        simulate_hold(1, 0.0)
    with pytest.raises(MeasurementError, match="noise is -1"):
        simulate_hold(1, noise=-1.0)
    with pytest.raises(MeasurementError, match=r"in um at 0\.95 and s"):
        compare_lengths(of(1.0, 0.1, unit="um"), of(1.0, 0.1, unit="s"))
    with pytest.raises(MeasurementError, match="within is 0"):
        compare_lengths(of(1.0, 0.1, unit="um"), of(1.0, 0.1, unit="um"), within=0)


def test_figure_shows_each_cell_on_the_curve_of_its_resistance():
    lengths, holds_, products = [], [], []
    for length, resistance in ((1.3, 26.0), (2.5, 110.0), (5.2, 203.0)):
        record, truth = simulate_hold(4, length, resistance=resistance)
        holds_.append(hold_time(record, charging_current=truth["charging_current"]))
        lengths.append(of(length, 0.1, unit="um"))
        products.append(resistance * 14.94)
    ax = plot_hold_times(
        holds_,
        lengths,
        diffusion_coefficient=1e-11,
        resistance_capacity=products,
        labels=["fresh", "coated", "uncoated"],
    )
    assert ax.get_xlabel() == "diffusion length by impedance / µm"
    assert ax.get_ylabel() == "time to 2 % of charging current / min"
    curves = {line.get_label(): line for line in ax.get_lines()}
    pure = curves["diffusion alone"].get_xydata()
    slope = np.polyfit(np.log(pure[:, 0]), np.log(pure[:, 1]), 1)[0]
    assert slope == pytest.approx(2.0, abs=1e-6)
    for hold, length, product in zip(holds_, lengths, products, strict=True):
        line = next(v for k, v in curves.items() if k == f"with R C = {product:.0f} s")
        at = np.interp(length.value, *line.get_xydata().T)
        assert at == pytest.approx(hold.time.value / 60, rel=0.02)
    with pytest.raises(MeasurementError, match="one length"):
        plot_hold_times(holds_, lengths[:1], diffusion_coefficient=1e-11)


def test_real_hold(reference):
    from coatcore import read

    record = read(reference / "electrochem" / "cellpy_maccor_001.txt")
    voltage, current = record["voltage"].values, record["current"].values
    held = np.flatnonzero((voltage > 4.198) & (current > 1e-4))
    # The first hold, and the last value of the charge before it.
    part = held[: np.flatnonzero(np.diff(held) > 1)[0] + 1]
    hold, charging = record.isel(record=part), float(np.median(current[part[0] - 30 : part[0]]))
    # Its clock is the test's, not the hold's.
    with pytest.raises(MeasurementError, match="since the hold began"):
        hold_time(hold, charging_current=charging)
    start = float(record["time"][part[0] - 1])
    hold = hold.assign(time=(hold["time"] - start).assign_attrs(units="s"))
    t, i = hold["time"].values, hold["current"].values
    for fraction in (0.2, 0.1, 0.05):
        found = hold_time(hold, charging_current=charging, fraction=fraction)
        crossing = float(np.interp(-fraction * charging, -i, t))
        assert found.reached
        assert found.time.value == pytest.approx(crossing, abs=3.0)
        # Cut at a thirtieth of the charging current: no end current can be told.
        assert found.end_current is None
        assert "taken as none" in found.time.method
    cut = hold_time(hold, charging_current=charging)
    assert not cut.reached
    assert cut.time.lower == pytest.approx(t[-1])
