"""dQ/dE: curve, peaks and areas against analytical truth."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from coatcore.errors import MeasurementError
from electrochem.cycling.incremental_capacity import differential_capacity, peak_of_dqde
from electrochem.simulating.cycling import simulate_record

H2_H3 = {"charge": (3.57, 3.66), "discharge": (3.53, 3.62)}


def _true_peak(truth, direction, bounds, cycle=1):
    found = minimize_scalar(
        lambda v: -abs(float(truth["dqde"](v, direction, cycle))),
        bounds=bounds,
        method="bounded",
        options={"xatol": 1e-9},
    )
    area = np.diff(truth["charge"](np.array(bounds), direction, cycle))[0]
    return found.x, abs(area)


@pytest.mark.parametrize("direction", ["charge", "discharge"])
def test_curve_follows_the_truth_where_differences_drown(direction):
    record, truth = simulate_record(1)
    found = differential_capacity(record, mass_g=truth["mass_g"], direction=direction, cycle=2)
    value = found["differential_capacity"].sel(voltage=slice(2.7, 3.65))
    true = truth["dqde"](value["voltage"].values, direction, cycle=2)
    assert np.abs(value.values - true).max() < 0.04 * np.abs(true).max()
    assert found.attrs["voltage_noise_V"] == pytest.approx(2e-4, rel=0.2)
    assert "restricted maximum likelihood" in found.attrs["smoothing"]
    # The voltage does run back and repeat, so that plain differences divide by zero.
    step = np.diff(record["voltage"].values[record["current"].values > 0])
    assert (step < 0).any()
    assert (step == 0).any()


def test_a_hold_at_constant_voltage_is_left_out():
    plain, truth = simulate_record(2)
    held, _ = simulate_record(2, hold=7200)
    a, b = (differential_capacity(r, mass_g=truth["mass_g"]) for r in (plain, held))
    assert b.attrs["rows_left_out"] > 100 > a.attrs["rows_left_out"]
    near = {"voltage": 3.65, "method": "nearest"}
    x, y = (float(f["differential_capacity"].sel(**near)) for f in (a, b))
    assert y == pytest.approx(x, rel=0.1)
    v = np.concatenate([np.linspace(3, 3.7, 200), np.full(60, 3.7)])
    q = np.concatenate([np.linspace(0, 100, 200), np.linspace(100, 130, 60)])
    line = differential_capacity((v, q))
    assert line.attrs["rows_left_out"] >= 60
    assert line["differential_capacity"].values == pytest.approx(100 / 0.7, rel=0.01)


def test_discharge_is_negative_and_areas_add_up():
    record, truth = simulate_record(3)
    found = differential_capacity(record, mass_g=truth["mass_g"], direction="discharge")
    assert (found["differential_capacity"].sel(voltage=slice(2.8, 3.6)) < 0).all()
    _, whole = peak_of_dqde(found, (2.7, 3.64))
    parts = [peak_of_dqde(found, b)[1].value for b in ((2.7, 3.2), (3.53, 3.64))]
    # The one part between them has no peak of its own, so that it is known by the truth.
    between = abs(np.diff(truth["charge"](np.array([3.2, 3.53]), "discharge"))[0])
    assert whole.value == pytest.approx(sum(parts) + between, abs=0.3)
    wide = peak_of_dqde(found, (2.7, 3.64), scale_uncertainty=0.01)[1]
    assert wide.standard_uncertainty == pytest.approx(0.01 * wide.value, rel=0.05)


def test_a_shoulder_beside_a_higher_peak_is_found():
    record, truth = simulate_record(4)
    found = differential_capacity(record, mass_g=truth["mass_g"])
    position, _ = peak_of_dqde(found, (3.46, 3.56))
    assert position.value == pytest.approx(_true_peak(truth, "charge", (3.46, 3.545))[0], abs=0.015)


def test_errors_in_words():
    record, truth = simulate_record(1, cycles=1)
    mass = truth["mass_g"]
    with pytest.raises(MeasurementError, match="mass_g is None; grams"):
        differential_capacity(record)
    with pytest.raises(MeasurementError, match="cycles 1 to 1, 1 with a charge"):
        differential_capacity(record, mass_g=mass, cycle=2)
    with pytest.raises(MeasurementError, match="charge or discharge"):
        differential_capacity(record, mass_g=mass, direction="up")
    with pytest.raises(MeasurementError, match="expected two alike"):
        differential_capacity((np.ones(3), np.ones(4)))
    with pytest.raises(MeasurementError, match="is the direction right"):
        differential_capacity((np.linspace(4, 3, 100), np.arange(100.0)))
    with pytest.raises(MeasurementError, match="at least 40 rows"):
        differential_capacity((np.linspace(3, 4, 10), np.arange(10.0)))
    with pytest.raises(MeasurementError, match="not finite"):
        differential_capacity((np.full(50, np.nan), np.arange(50.0)))
    found = differential_capacity(record, mass_g=mass)
    with pytest.raises(MeasurementError, match="no maximum inside"):
        peak_of_dqde(found, (2.85, 2.95))
    with pytest.raises(MeasurementError, match="two ascending voltages"):
        peak_of_dqde(found, (3.6, 4.5))


def _cut(record, sign, rows):
    """The record up to so many rows before the end of its last half cycle of a sign."""
    last = np.flatnonzero(np.sign(record["current"].values) == sign)[-1]
    return record.isel(record=slice(0, last - rows))


def test_the_number_is_that_of_the_cycle():
    record, truth = simulate_record(1, cycles=3)
    first = np.flatnonzero(record["current"].values < 0)[0]
    # Begins with a discharge that belongs to no cycle: then cycle 1 is the second charge.
    later = record.isel(record=slice(first, None))
    found = differential_capacity(later, mass_g=truth["mass_g"], direction="discharge")
    second = differential_capacity(record, mass_g=truth["mass_g"], direction="discharge", cycle=2)
    assert np.array_equal(found["differential_capacity"], second["differential_capacity"])
    assert (int(found["cycle"]), str(found["direction"].values)) == (1, "discharge")
    assert "no partner" in found.attrs["warnings"]
    anode = differential_capacity(
        later, mass_g=truth["mass_g"], direction="discharge", cycle=2, starts_with="discharge"
    )
    assert np.array_equal(anode["differential_capacity"], second["differential_capacity"])
    assert int(anode["cycle"]) == 2


def test_a_cut_half_cycle_is_told_and_one_with_a_gap_refused():
    record, truth = simulate_record(1)
    mass_g = truth["mass_g"]
    cut = differential_capacity(
        _cut(record, -1, 200), mass_g=mass_g, direction="discharge", cycle=2
    )
    assert cut.attrs["complete"] == "no"
    assert "discharge of cycle 2 is cut" in cut.attrs["warnings"]
    whole = differential_capacity(record, mass_g=mass_g, direction="discharge", cycle=2)
    assert (whole.attrs["complete"], whole.attrs["warnings"]) == ("yes", "")
    rows = np.r_[0:200, 280 : record.sizes["record"]]
    with pytest.raises(MeasurementError, match="1 gaps in time"):
        differential_capacity(record.isel(record=rows), mass_g=mass_g)


def test_units_of_mass_are_checked():
    record, truth = simulate_record(1)
    with pytest.raises(MeasurementError, match="mass in mg given as g"):
        differential_capacity(record, mass_g=1e3 * truth["mass_g"])
    with pytest.raises(MeasurementError, match="mass_g is '8"):
        differential_capacity(record, mass_g="8.3 mg")


@pytest.mark.calibration
@pytest.mark.parametrize("direction", ["charge", "discharge"])
def test_calibration_of_position_and_area(direction, holds):
    bounds = H2_H3[direction]
    record, truth = simulate_record(
        0, cycles=1, window=(3.3, 3.7), interval=120, voltage_noise=0, resolution=0, current_noise=0
    )
    position, area = _true_peak(truth, direction, bounds)
    sign = 1 if direction == "charge" else -1
    half = record.isel(record=np.flatnonzero(np.sign(record["current"].values) == sign))
    time = half["time"].values - half["time"].values[0]
    charge = np.abs(half["current"].values) * time / 3.6 / truth["mass_g"]
    rng = np.random.default_rng(5 + sign)
    found = []
    for _ in range(1000):
        noisy = half["voltage"].values + 2e-4 * rng.standard_normal(charge.size)
        curve = differential_capacity((np.round(noisy, 4), charge), direction=direction, points=20)
        found.append(peak_of_dqde(curve, bounds))
    holds(f"position of the H2/H3 peak of dQ/dE, {direction}", position, [p for p, _ in found])
    holds(f"area of the H2/H3 peak of dQ/dE, {direction}", area, [a for _, a in found])


def test_a_maximum_of_noise_is_no_peak():
    record, truth = simulate_record(1)
    curve = differential_capacity(record, mass_g=truth["mass_g"], cycle=2)
    with pytest.raises(MeasurementError, match="no maximum that noise does not explain"):
        peak_of_dqde(curve, (3.2, 3.3))
