"""Voltage holds: against series, finite volumes and their own noise."""

from __future__ import annotations

import numpy as np
import pytest

from coatqc.core import MeasurementError
from electrochem import (
    expected_time,
    hold_current,
    length_from_hold,
    simulate_hold,
    time_to_fraction,
)


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
    assert expected_time(4 * tau) / expected_time(tau) == pytest.approx(4.0, rel=1e-6)
    assert expected_time(tau) == pytest.approx(1.5 * tau, rel=1e-3)
    assert expected_time(tau, geometry="cylinder") == pytest.approx(0.613 * tau, rel=2e-3)
    assert expected_time(tau, geometry="sphere") == pytest.approx(0.346 * tau, rel=2e-3)
    with_resistance = [expected_time(k * tau, resistance_capacity=600.0) for k in (1, 4)]
    assert with_resistance[1] / with_resistance[0] < 3.0


@pytest.mark.calibration
def test_intervals_of_time_and_length(holds):
    times, lengths = [], []
    for seed in range(1000):
        record, truth = simulate_hold(seed, 2.5, duration=20_000.0)
        found = time_to_fraction(
            record["time"].values,
            record["current"].values,
            charging_current=truth["charging_current"],
        )
        times.append(found.time)
        if seed < 40:
            lengths.append(
                length_from_hold(
                    found, diffusion_coefficient=1e-11, resistance_capacity=(597.6, 5.0)
                )
            )
    holds("time to 2 % of the charging current", truth["time"], times)
    assert np.mean([e.lower < truth["L_diff"] < e.upper for e in lengths]) > 0.85


def test_both_ways_to_the_length_agree():
    # The same particles by impedance and by a hold.
    from electrochem import diffusion_length, simulate_impedance

    z, truth = simulate_impedance(1, "coated", 152, geometry="planar", spread=0.3)
    by_impedance = diffusion_length(
        z, diffusion_coefficient=1e-11, capacity=(14.94, 0.02), spread=0.3
    ).length
    record, held = simulate_hold(1, truth["L_diff"], spread=0.3)
    found = time_to_fraction(
        record["time"].values, record["current"].values, charging_current=held["charging_current"]
    )
    by_hold = length_from_hold(
        found, diffusion_coefficient=1e-11, resistance_capacity=(597.6, 5.0), spread=0.3
    )
    difference = by_hold - by_impedance
    assert difference.lower < 0 < difference.upper


def test_a_hold_that_ends_before_is_a_bound():
    record, truth = simulate_hold(1, 5.2, duration=20_000.0)
    found = time_to_fraction(
        record["time"].values, record["current"].values, charging_current=truth["charging_current"]
    )
    assert not found.reached
    assert found.time.lower < truth["time"]
    assert np.isinf(found.time.upper)
    length = length_from_hold(found, diffusion_coefficient=1e-11, resistance_capacity=(597.6, 5.0))
    assert length.lower < truth["L_diff"]
    assert np.isinf(length.upper)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"charging_current": 0.0}, "expected A above 0"),
        ({"charging_current": 0.2}, "are both in A"),
        ({"fraction": 0.0}, "fraction is"),
        ({"time": np.arange(100.0)[::-1]}, "does not ascend"),
        ({"time": np.arange(7.0)}, "one length"),
        ({"current": np.full(100, np.nan)}, "not finite"),
    ],
)
def test_wrong_holds_in_words(change, message):
    t = np.arange(1.0, 101.0)
    given = {"time": t, "current": 1e-3 * np.exp(-t / 20), "charging_current": 1e-3} | change
    with pytest.raises(MeasurementError, match=message):
        time_to_fraction(**given)


def test_a_resistance_that_takes_too_long_is_named():
    record, truth = simulate_hold(1, 1.3)
    found = time_to_fraction(
        record["time"].values, record["current"].values, charging_current=truth["charging_current"]
    )
    with pytest.raises(MeasurementError, match="alone takes"):
        length_from_hold(found, diffusion_coefficient=1e-11, resistance_capacity=(9000.0, 1.0))


def test_a_time_constant_below_zero_is_named():
    with pytest.raises(MeasurementError, match="above 0"):
        expected_time(-5.0)
