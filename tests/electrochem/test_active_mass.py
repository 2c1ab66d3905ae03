"""Active mass from rested voltages: does it find what the simulation put in?"""

from __future__ import annotations

import numpy as np
import pytest

from coatqc.core import validate
from coatqc.core.errors import MeasurementError
from electrochem.active_mass_figures import plot_capacity_split
from electrochem.active_share import (
    active_mass,
    active_mass_retention,
    capacity_split,
)
from electrochem.open_circuit import fit_ocv
from electrochem.relaxation import relaxed_voltage, remaining_drift
from electrochem.simulate_active_share import simulate_active_mass
from electrochem.simulate_open_circuit import simulate_ocv, simulate_rest, true_charge

PAPER = {"coated": (155.7, 30.3, 22.5), "uncoated": (142.6, 38.4, 34.8)}


@pytest.mark.parametrize("cell", ["coated", "uncoated"])
def test_without_noise_the_figures_of_the_paper_come_out(cell):
    table, _, _ = simulate_active_mass(1, cell, noise=0, noise_capacity=0)
    v = np.linspace(2.7, 3.75, 2000)
    result = active_mass(table, fit_ocv(v, true_charge(v), 0.0, reference_electrode="In/LiIn"))
    mass, slow = capacity_split(result, 152)
    q_act, loss, diffusion = PAPER[cell]
    assert float(result["q_act"].sel(cycle=152)) == pytest.approx(q_act, abs=0.1)
    assert mass.value == pytest.approx(loss, abs=0.1)
    assert slow.value == pytest.approx(diffusion, abs=0.1)
    assert not validate(result)
    assert not validate(table)
    assert result.attrs["simulated"] == "yes"
    assert set(result["flag"].values) == {""}


@pytest.mark.calibration
@pytest.mark.parametrize("cell", ["coated", "uncoated"])
def test_intervals_hold_the_truth(cell, holds):
    retention, mass, slow = [], [], []
    for seed in range(1000):
        table, ocv, truth = simulate_active_mass(seed, cell, cycles=[1, 100, 152])
        result = active_mass(table, ocv)
        retention.append(active_mass_retention(result, 152))
        for kept, estimate in zip((mass, slow), capacity_split(result, 152), strict=True):
            kept.append(estimate)
    name = f"at cycle 152, {cell}"
    holds(f"active mass retention {name}", truth["active_mass_ratio"][-1], retention)
    # The loss is from the first capacity as it was measured, which has an error of its own.
    holds(f"capacity lost to active mass {name}", truth["loss_active_mass"][-1], mass)
    holds(f"capacity lost to diffusion {name}", truth["loss_diffusion"][-1], slow)


@pytest.mark.calibration
def test_interval_with_incomplete_relaxation_holds_the_truth(holds):
    found = []
    for seed in range(1000):
        table, ocv, truth = simulate_active_mass(
            seed, "uncoated", cycles=[1, 152], incomplete=0.003
        )
        # What the rests tell of the drift is off by 30 %, in all of them alike.
        factor = 1 + 0.3 * np.random.default_rng([seed, 2]).normal()
        drift = truth["remaining_drift"]
        result = active_mass(
            table, ocv, remaining_drift=drift * factor, u_drift=0.3 * np.abs(drift)
        )
        found.append(active_mass_retention(result, 152))
    holds("active mass retention, rests cut short", truth["active_mass_ratio"][-1], found)


def test_ignoring_incomplete_relaxation_is_a_bias_that_is_told():
    table, ocv, truth = simulate_active_mass(3, "uncoated", incomplete=0.005)
    result = active_mass(table, ocv, remaining_drift=truth["remaining_drift"])
    ignored = active_mass(table, ocv)
    told = float(result["relaxation_bias"].sel(cycle=152))
    difference = ignored["active_mass_ratio"] - result["active_mass_ratio"]
    assert told == pytest.approx(float(difference.sel(cycle=152)))
    assert told < -0.01


@pytest.mark.calibration
@pytest.mark.parametrize("after", ["charge", "discharge"])
def test_relaxed_voltage_holds_the_truth(after, holds):
    voltage, drift, truths = [], [], []
    for seed in range(1000):
        rest, truth = simulate_rest(seed, after=after)
        voltage.append(relaxed_voltage(rest))
        drift.append(remaining_drift(rest))
        truths.append((truth["voltage"], truth["drift"]))
    truth_v, truth_d = np.array(truths).T
    holds(f"relaxed voltage after {after}", truth_v, voltage)
    holds(f"remaining drift after {after}", truth_d, drift)


@pytest.mark.calibration
def test_uncertainty_of_the_curve_holds_the_truth(holds):
    from coatqc.core.estimate import Estimate

    at = np.array([2.98, 3.3, 3.6])
    curves = [simulate_ocv(seed)[0] for seed in range(1000)]
    for i, v in enumerate(at):
        found = [
            Estimate.from_standard_uncertainty(
                float(c.charge_at(v)), float(c.uncertainty_at(v)[0]), unit="mAh g-1"
            )
            for c in curves
        ]
        holds(f"charge of the reference at {v} V", true_charge(at)[i], found)


def test_reference_mass_cancels():
    table, ocv, _ = simulate_active_mass(1, cycles=[1, 152])
    heavier = fit_ocv(
        ocv.voltage, ocv.charge * 1.05, 0.0, u_mass=0.0, reference_electrode="In/LiIn"
    )
    plain = fit_ocv(ocv.voltage, ocv.charge, 0.0, u_mass=0.05, reference_electrode="In/LiIn")
    a, b = active_mass(table, heavier), active_mass(table, plain)
    assert float(a["active_mass_ratio"][1]) == pytest.approx(float(b["active_mass_ratio"][1]))
    u = [float(r["active_mass_ratio_u"][1]) for r in (a, b)]
    assert u[0] == pytest.approx(u[1], rel=1e-3)


def test_flags():
    table, ocv, _ = simulate_active_mass(1, cycles=[1, 2, 3, 4, 5])
    table = table.copy(deep=True)
    table["charge_end_voltage"][1] = 4.9
    table["charge_end_voltage"][2] = 2.95
    table["discharge_end_voltage"][2] = 3.6
    table["discharge_capacity"][3] = 260.0
    table["discharge_capacity"][4] = np.nan
    result = active_mass(table, ocv)
    flags = list(result["flag"].values)
    assert flags[0] == ""
    assert "outside" in flags[1]
    assert "no charge" in flags[2]
    assert "grew" in flags[3]
    assert "no discharge" in flags[4]
    with pytest.raises(MeasurementError, match="outside"):
        active_mass_retention(result, 2)
    with pytest.raises(MeasurementError, match="no cycle 99"):
        active_mass_retention(result, 99)


def test_errors_say_what_is_wrong():
    table, ocv, _ = simulate_active_mass(1, cycles=[1, 2])
    with pytest.raises(MeasurementError, match="charge_end_voltage missing"):
        active_mass(table.drop_vars("charge_end_voltage"), ocv)
    with pytest.raises(MeasurementError, match="reference electrode"):
        active_mass(table.assign(charge_end_voltage=table["charge_end_voltage"] + 0.62), ocv)
    with pytest.raises(MeasurementError, match="shape"):
        active_mass(table, ocv, u_voltage=np.ones(3))
    with pytest.raises(MeasurementError, match="does not rise"):
        fit_ocv(np.linspace(4, 3, 20), np.arange(20.0), reference_electrode="In/LiIn")
    with pytest.raises(MeasurementError, match="at least 8"):
        fit_ocv([3, 4], [1, 2], reference_electrode="In/LiIn")
    with pytest.raises(MeasurementError, match="at least 20"):
        relaxed_voltage(([0, 1], [3, 3]))
    rest, _ = simulate_rest(1)
    with pytest.raises(MeasurementError, match="flows"):
        relaxed_voltage(rest.assign(current=rest["current"] + 1e-3))
    with pytest.raises(MeasurementError, match="coated"):
        simulate_active_mass(1, "painted")


def test_curve_from_points_that_turn_back():
    rng = np.random.default_rng(1)
    q = np.linspace(5, 260, 400)
    v = np.interp(q, true_charge(np.linspace(2, 4, 4000)), np.linspace(2, 4, 4000))
    curve = fit_ocv(v + 3e-3 * rng.normal(size=q.size), q, 3e-3, reference_electrode="In/LiIn")
    assert (np.diff(curve.voltage) > 0).all()
    assert (np.diff(curve.charge) > 0).all()
    assert float(curve.charge_at(3.3)) == pytest.approx(float(true_charge(3.3)), abs=2)


def test_a_long_rest_gives_the_same():
    t = np.arange(0, 7200, 1.0)
    v = 3.6 + 0.03 * np.exp(-t / 2000)
    v = v + 1e-4 * np.random.default_rng(1).normal(size=t.size)
    e = relaxed_voltage((t, v))
    assert e.value == pytest.approx(3.6, abs=5e-5)
    assert e.upper - e.lower < 2e-3


def test_figure_marks_simulated_data():
    table, ocv, _ = simulate_active_mass(1, "uncoated")
    ax = plot_capacity_split(active_mass(table, ocv))
    texts = " ".join(t.get_text() for t in ax.texts)
    assert "simulated" in texts
    assert "diffusion" in texts
    with pytest.raises(MeasurementError, match="q_act"):
        plot_capacity_split(table)
