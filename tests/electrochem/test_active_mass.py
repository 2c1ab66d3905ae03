"""Active mass from rested voltages: does it find what the simulation put in?"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import xarray as xr

from coatcore import validate
from coatcore.errors import MeasurementError
from electrochem.active_material.active_fraction import active_mass
from electrochem.active_material.capacity_loss import active_mass_retention, capacity_split
from electrochem.active_material.figures import plot_capacity_split
from electrochem.active_material.open_circuit import fit_ocv
from electrochem.active_material.relaxation import (
    both_sides,
    relax,
    relaxed_voltage,
    remaining_drift,
)
from electrochem.active_material.rests_of_record import rests_of
from electrochem.labels.labels import label_cycles
from electrochem.simulating.active_mass import simulate_active_mass
from electrochem.simulating.cycling import simulate_record
from electrochem.simulating.open_circuit import simulate_ocv, simulate_rest, true_charge

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


@cache
def _relaxed(slowest):
    """Voltages and drifts of 1,000 rests, after charge and discharge by turns, and the truth."""
    voltage, drift, truths = [], [], []
    for seed in range(1000):
        after = ("charge", "discharge")[seed % 2]
        rest, truth = simulate_rest(seed, after=after, slowest=slowest)
        found = relax(rest)
        voltage.append(found[0])
        drift.append(found[1])
        truths.append((truth["voltage"], truth["drift"]))
    return voltage, drift, *np.array(truths).T


@pytest.mark.calibration
@pytest.mark.parametrize(
    ("speed", "slowest"), [("seen", (0.2, 1.2)), ("slower than the rest", (1.2, 5.0))]
)
def test_relaxed_voltage_holds_the_truth(speed, slowest, holds):
    voltage, drift, truth_v, truth_d = _relaxed(slowest)
    holds(f"relaxed voltage, processes {speed}", truth_v, voltage)
    holds(f"remaining drift, processes {speed}", truth_d, drift)


def test_what_a_rest_does_not_tell_is_said():
    rest, truth = simulate_rest(3, slowest=(9.0, 10.0))
    found, drift = relaxed_voltage(rest), remaining_drift(rest)
    assert "slower than 10 rests are not excluded" in found.method
    assert found.lower < truth["voltage"] < found.upper
    assert found.upper - found.lower > 20 * 2e-4
    assert drift.lower < truth["drift"] < drift.upper
    done, _ = simulate_rest(3, slowest=(0.2, 0.21))
    assert "not excluded" not in relaxed_voltage(done).method


def test_a_rest_that_no_exponentials_describe_gets_a_wide_interval():
    # Diffusion in a medium without end: the square root of time, of which nobody sees the end.
    t = np.linspace(0, 7200, 241)
    noise = 5e-5 * np.random.default_rng(1).normal(size=t.size)
    v = 3.2 - 0.3 / np.sqrt(1 + t / 60) + noise
    found = relaxed_voltage((t, v))
    assert "no model fits" in found.method
    assert found.lower < 3.2 < found.upper


@pytest.mark.calibration
def test_uncertainty_of_the_curve_holds_the_truth(holds):
    from coatcore.estimate import Estimate

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


FADE = {"active_mass_ratio": (1.0, 0.95, 0.9), "polarisation": (0.02, 0.025, 0.03)}


def _curve(truth):
    v = np.linspace(1.9, 3.9, 300)
    return fit_ocv(v, truth["equilibrium"](v), 0.0, reference_electrode="In/LiIn", simulated=True)


def test_from_a_record_by_its_rests_to_the_active_mass():
    record, truth = simulate_record(1, cycles=3, rest=7200.0, relaxation=0.03, **FADE)
    table = rests_of(record, mass_g=truth["mass_g"])
    assert not validate(table)
    for k, word in enumerate(("charge", "discharge")):
        error = table[f"{word}_end_voltage"] - truth["rested_voltage"][:, k]
        assert (np.abs(error) < 3 * table[f"{word}_end_voltage_u"]).all()
        # Relaxed, not as read: the rest ends where a few mV are still to go.
        left = 0.02 * np.exp(-7200 / 1800)
        sign = 1 if word == "charge" else -1
        read = table[f"{word}_last_voltage"] - truth["rested_voltage"][:, k]
        assert read.values == pytest.approx(sign * left, abs=8e-4)
        assert table[f"{word}_drift"].values == pytest.approx(-sign * left, abs=5e-4)
        assert table[f"{word}_rest_time"].values == pytest.approx(7200, abs=61)
    result = active_mass(table, _curve(truth))
    assert set(result["flag"].values) == {""}
    assert result["active_mass_ratio"].values == pytest.approx(truth["active_mass_ratio"], abs=0.01)
    mass, slow = capacity_split(result, 3)
    first, last = truth["discharge_capacity"][[0, 2]]
    true = (0.1 * first, 0.9 * first - last)
    for estimate, value in zip((mass, slow), true, strict=True):
        assert estimate.lower < value < estimate.upper


@pytest.mark.calibration
def test_active_mass_of_relaxed_voltages_holds_the_truth(holds):
    _, ocv, _ = simulate_active_mass(1, cycles=[1, 2])
    exact = fit_ocv(ocv.voltage, true_charge(ocv.voltage), 0.0, reference_electrode="In/LiIn")
    rng = np.random.default_rng(3)
    known = _relaxed((0.2, 1.2))[0]
    # Two charges and two discharges a run, each of a thousand rests as often as the others.
    draws = np.concatenate([rng.permutation(500) for _ in range(8)]).reshape(4, 1000)
    found = []
    for draw in draws.T:
        rests = [known[2 * int(k) + i % 2] for i, k in enumerate(draw)]
        value = np.array([e.value for e in rests]).reshape(2, 2)
        u = np.array([both_sides(e) for e in rests]).reshape(2, 2)
        table = label_cycles(
            np.array([1, 2]),
            {
                "discharge_capacity": np.array([186.0, 150.0]) * (1 + 2e-4 * rng.normal(size=2)),
                "charge_end_voltage": value[:, 0],
                "discharge_end_voltage": value[:, 1],
            },
            reference_electrode="In/LiIn",
        )
        result = active_mass(table, exact, u_voltage=u, u_capacity=2e-4)
        found.append(active_mass_retention(result, 2))
    holds("active mass retention, from relaxed voltages", 150 / 186, found)


def test_real_rests_are_taken_out(reference):
    from electrochem.readers.cyclers.maccor import reader

    record = reader.read(reference / "electrochem" / "cellpy_maccor_001.txt")
    table = rests_of(record, mass_g=25.0)
    # Nine rests of 2 h; the first follows a discharge before cycle 1.
    assert table["charge_rest_time"].values == pytest.approx([7200] * 4, abs=31)
    assert table["discharge_rest_time"].values == pytest.approx([7200] * 4, abs=31)
    last = table["discharge_last_voltage"].values
    assert last == pytest.approx([3.1976, 3.33036, 3.38674, 3.55123], abs=1e-5)
    # Still rising after the discharges and falling after the charges.
    assert (table["discharge_end_voltage"].values > last).all()
    assert (table["charge_end_voltage"] < table["charge_last_voltage"]).all()
    # From the first hour alone: does its interval hold what the second hour shows?
    time, current, voltage = (record[k].values for k in ("time", "current", "voltage"))
    resting = np.flatnonzero(current == 0)
    for rows in np.split(resting, np.flatnonzero(np.diff(resting) > 1) + 1):
        if time[rows[-1]] - time[rows[0]] < 7000 or voltage[rows[-1]] > 4:
            continue
        hour = rows[(time[rows] - time[rows[0]] > 72) & (time[rows] - time[rows[0]] <= 3600)]
        assert relaxed_voltage((time[hour], voltage[hour])).upper > voltage[rows[-1]]


@pytest.mark.parametrize("kind", ["constant", "rounded", "linear", "turning", "twenty rows"])
def test_odd_rests_give_an_answer(kind):
    t = np.arange(0, 7260, 60.0)[: 20 if kind == "twenty rows" else None]
    noise = 1e-5 * np.random.default_rng(1).normal(size=t.size)
    v = {
        "constant": 0 * t,
        "rounded": np.round(noise, 4),
        "linear": 1e-6 * t,
        "turning": 0.01 * np.exp(-t / 300) - 0.01 * np.exp(-t / 3000) + noise,
        "twenty rows": 0.02 * np.exp(-t / 400) + noise,
    }[kind]
    found = relaxed_voltage((t, 3.6 + v))
    if kind == "linear":
        assert found.upper > 3.6 + v[-1]
    else:
        assert found.lower < 3.6 < found.upper


def test_rests_that_are_too_short_are_told():
    record, truth = simulate_record(1, rest=3000.0)
    with pytest.raises(MeasurementError, match="no rest of 3600 s or more"):
        rests_of(record, mass_g=truth["mass_g"])
    longer, _ = simulate_record(2, cycles=1, rest=7200.0)
    later = longer.assign(time=longer["time"] + float(record["time"][-1]) + 60)
    table = rests_of(xr.concat([record, later], "record"), mass_g=truth["mass_g"])
    assert np.isfinite(table["charge_end_voltage"]).values.tolist() == [False, False, True]
    assert "rest after charge of cycle 1: 3000 s long" in table.attrs["warnings"]
    with pytest.raises(MeasurementError, match="longer_than"):
        rests_of(record, mass_g=truth["mass_g"], longer_than="1 h")


def test_reference_electrodes_are_compared():
    table, ocv, _ = simulate_active_mass(1, cycles=[1, 2])
    with pytest.raises(MeasurementError, match=r"against Li\+/Li, .* against In/LiIn; convert"):
        active_mass(table.assign_attrs(reference_electrode="Li+/Li"), ocv)
    same = active_mass(table.assign_attrs(reference_electrode="InLi"), ocv)
    assert same.attrs["warnings"] == ""
    unsaid = table.copy()
    del unsaid.attrs["reference_electrode"]
    assert "does not say its reference_electrode" in active_mass(unsaid, ocv).attrs["warnings"]
    with pytest.raises(MeasurementError, match="reference_electrode is not given"):
        fit_ocv(ocv.voltage, ocv.charge)
    said = xr.DataArray(ocv.voltage, attrs={"reference_electrode": "Li+/Li"})
    assert fit_ocv(said, ocv.charge).reference_electrode == "Li+/Li"


def test_cycles_in_any_order_give_the_same():
    table, ocv, _ = simulate_active_mass(1, "uncoated", cycles=[1, 50, 152])
    u = np.array([[1e-3, 1e-3], [2e-3, 2e-3], [3e-3, 3e-3]])
    plain = active_mass(table, ocv, u_voltage=u)
    turned = active_mass(table.isel(cycle=[2, 0, 1]), ocv, u_voltage=u[[2, 0, 1]])
    assert turned["cycle"].values.tolist() == [1, 50, 152]
    for name in ("active_mass_ratio", "active_mass_ratio_u"):
        assert turned[name].values == pytest.approx(plain[name].values)
    with pytest.raises(MeasurementError, match="occurs twice"):
        active_mass(table.isel(cycle=[0, 1, 1]), ocv)


def test_cut_cycles_and_other_rates_are_flagged():
    table, ocv, _ = simulate_active_mass(1, cycles=[1, 2, 3])
    cut = table.assign(complete=("cycle", [True, False, True]), rate=("cycle", [1.0, 1.0, 2.0]))
    result = active_mass(cut, ocv)
    assert [str(f)[:22] for f in result["flag"].values] == [
        "",
        "charge or discharge is",
        "at another rate than t",
    ]
    assert np.isfinite(result["active_mass_ratio"]).values.tolist() == [True, False, True]
    assert np.isfinite(result["loss_diffusion"]).values.tolist() == [True, False, False]
    with pytest.raises(MeasurementError, match="cycle 1, with which all are compared"):
        active_mass(cut.assign(complete=("cycle", [False, True, True])), ocv)


def test_bad_uncertainties_and_dimensions_are_named():
    table, ocv, _ = simulate_active_mass(1, cycles=[1, 2])
    for u, says in (
        (np.nan, "u_voltage holds values"),
        ("1 mV", "u_voltage has shape"),
        (-1, "neg"),
    ):
        with pytest.raises(MeasurementError, match=says):
            active_mass(table, ocv, u_voltage=u)
    with pytest.raises(MeasurementError, match="u_capacity is nan"):
        active_mass(table, ocv, u_capacity=np.nan)
    with pytest.raises(MeasurementError, match="no dimension cycle"):
        active_mass(table.rename(cycle="row"), ocv)
    with pytest.raises(MeasurementError, match="no dimension cycle"):
        active_mass(table.isel(cycle=0), ocv)
    with pytest.raises(MeasurementError, match="no cycle '152'"):
        active_mass_retention(active_mass(table, ocv), "152")


def test_an_uncertain_capacity_scatters_as_it_says():
    """Where the charge is known to 2 % and the voltages well, the charge is all that scatters."""
    table, ocv, _ = simulate_active_mass(1)
    table = table.isel(cycle=slice(0, 2))
    rng, said = np.random.default_rng(3), []
    drawn = []
    for _ in range(400):
        noise = np.exp(rng.normal(0, 0.02, table.sizes["cycle"]))
        other = table.assign(discharge_capacity=table["discharge_capacity"] * noise)
        found = active_mass(other, ocv, u_voltage=1e-6, u_capacity=0.02)
        drawn.append(float(found["active_mass_ratio"][1]))
        said.append(float(found["active_mass_ratio_u"][1]))
    # 400 draws tell a standard deviation to 3.5 %; a variance of half as much would be 29 % off.
    assert np.sqrt(np.mean(np.square(said))) == pytest.approx(np.std(drawn, ddof=1), rel=0.12)
