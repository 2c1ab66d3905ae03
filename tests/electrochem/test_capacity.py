"""Capacities by cycle: simulated records with known truth, real files, what is odd."""

import numpy as np
import pytest
import xarray as xr

from coatqc.core.errors import MeasurementError
from electrochem.capacity import capacity_per_cycle, specific_capacity
from electrochem.cycling_figures import plot_capacity, plot_differential_capacity
from electrochem.simulate_cycling import simulate_cycles, simulate_record


@pytest.mark.parametrize(("cell", "efficiency"), [("coated", 0.80), ("uncoated", 0.77)])
def test_truth_is_found(cell, efficiency):
    record, truth = simulate_record(1, cell, cycles=3, hold=3600)
    table = capacity_per_cycle(record, mass=truth["mass"], nominal_capacity=200)
    for name in ("charge_capacity", "discharge_capacity"):
        assert table[name].values == pytest.approx(truth[name], rel=1e-3)
    plain, _ = simulate_record(1, cell)
    table = capacity_per_cycle(plain, mass=truth["mass"], nominal_capacity=200)
    assert table["coulomb_efficiency"].values == pytest.approx([efficiency, 0.998], abs=0.001)
    assert table["c_rate"].values == pytest.approx(0.1, rel=1e-3)
    assert table["rate"].attrs["units"] == "A"
    assert table.attrs["warnings"] == ""
    assert table["complete"].values.all()


@pytest.mark.parametrize(
    ("mass", "says"),
    [(0, "positive number"), (-1e-3, "positive"), (np.nan, "nan"), (12.0, "mg: give 0.012")],
)
def test_mass_that_cannot_be(mass, says):
    with pytest.raises(MeasurementError, match=says):
        capacity_per_cycle(simulate_record(1)[0], mass=mass)


def _table(record):
    return capacity_per_cycle(record, mass=8.317e-3)


def test_what_is_odd_is_said():
    record, _ = simulate_record(1)
    size = record.sizes["record"]
    last = np.flatnonzero(record["current"].values < 0)[-1]
    cut = _table(record.isel(record=slice(0, last - 100)))
    assert "last half cycle: it is incomplete" in cut.attrs["warnings"]
    assert cut["complete"].values.tolist() == [True, False]
    twice = xr.concat([record, record], "record")
    assert "rows occur twice" in _table(twice).attrs["warnings"]
    assert _table(twice)["discharge_capacity"].values == pytest.approx(
        _table(record)["discharge_capacity"].values, rel=1e-6
    )
    later = record.assign(time=record["time"] + float(record["time"][-1]) + 60)
    copied = _table(xr.concat([record, later], "record"))
    assert "cycles are copies of earlier ones" in copied.attrs["warnings"]
    time = record["time"].values.copy()
    time[size // 2 :] -= 5000
    assert (
        "time goes backward 1 times"
        in _table(record.assign(time=("record", time))).attrs["warnings"]
    )
    begun = np.flatnonzero(record["current"].values < 0)[0]
    assert "no partner" in _table(record.isel(record=slice(begun, size))).attrs["warnings"]


def test_mixed_up_units_are_noticed():
    record, truth = simulate_record(1)
    milli = record.assign(current=record["current"] * 1e3)
    assert "above 400" in capacity_per_cycle(milli, mass=truth["mass"]).attrs["warnings"]
    assert "below 1" in capacity_per_cycle(record, mass=8.317).attrs["warnings"]


def test_errors_in_words():
    record, truth = simulate_record(1)
    mass = truth["mass"]
    with pytest.raises(MeasurementError, match="no current"):
        capacity_per_cycle(record.drop_vars("current"), mass=mass)
    with pytest.raises(MeasurementError, match="no current flows"):
        capacity_per_cycle(record.assign(current=0 * record["current"]), mass=mass)
    with pytest.raises(MeasurementError, match="not finite in some rows"):
        capacity_per_cycle(record.assign(current=np.nan * record["current"]), mass=mass)
    with pytest.raises(MeasurementError, match="signed current"):
        capacity_per_cycle(record.assign(current=np.abs(record["current"])), mass=mass)
    with pytest.raises(MeasurementError, match="starts_with"):
        capacity_per_cycle(record, mass=mass, starts_with="rest")
    with pytest.raises(MeasurementError, match="relative number"):
        capacity_per_cycle(record, mass=mass, mass_uncertainty=2)
    table = capacity_per_cycle(record, mass=mass)
    with pytest.raises(MeasurementError, match="no cycle 7"):
        specific_capacity(table, 7)


def test_pulses_and_small_currents_are_no_half_cycles():
    record, truth = simulate_record(1)
    current = record["current"].values.copy()
    current[np.flatnonzero(current > 0)[[100, 300]]] *= -1
    current[current == 0] = 1e-8
    table = capacity_per_cycle(record.assign(current=("record", current)), mass=truth["mass"])
    assert table.sizes["cycle"] == 2
    assert "2 pulses below 1 %" in table.attrs["warnings"]


def test_real_neware_csv(reference):
    from electrochem.readers.neware_csv import reader

    record = reader.read(reference / "electrochem" / "cellpy_neware_uio.csv")
    table = capacity_per_cycle(record, mass=1.0, starts_with="discharge")
    charge = table["charge_capacity"].values
    assert charge[[0, 1, 2, 4]] == pytest.approx([4.24934, 4.24668, 4.24183, 1.43796], abs=2e-5)
    # The instrument's number holds two cycles as its third; its counter restarts at each step, so
    # a discharge in three steps is the sum of its counter's ends.
    step = np.flatnonzero(np.diff(record["step"].values, append=-1))
    ends = record["discharge_capacity"].values[step]
    assert table["discharge_capacity"].values[0] == pytest.approx(ends[:6].sum(), abs=2e-4)
    assert ends[:6].max() == pytest.approx(4.68031, abs=1e-5)
    assert table["discharge_capacity"].values[4] == pytest.approx(3.31516, abs=5e-5)
    assert "incomplete" in table.attrs["warnings"]


def test_real_neware_ndax(reference):
    pytest.importorskip("NewareNDA", reason="NewareNDA, an optional library, is not installed")
    from electrochem.readers.neware_ndax import reader

    record = reader.read(reference / "electrochem" / "navani_test.ndax")
    table = capacity_per_cycle(record, mass=1e-3)
    # The instrument's counter and its recorded current disagree by up to 0.2 % in this file, also
    # where the current is constant, so that sampling does not explain it.
    found = [float(table[k][0]) for k in ("discharge_capacity", "charge_capacity")]
    assert found == pytest.approx([625.45, 593.04], rel=3e-3)


def test_real_maccor_without_cycle_numbers(reference):
    from electrochem.readers.maccor import reader

    record = reader.read(reference / "electrochem" / "cellpy_maccor_001.txt")
    table = capacity_per_cycle(record, mass=10.0)
    assert table.sizes["cycle"] == 4
    assert float(table["discharge_capacity"][0]) / 100 == pytest.approx(4.54403, rel=1e-3)
    assert "before the first charge" in table.attrs["warnings"]


def test_figures():
    cells = {k: [simulate_cycles(s, k)[0] for s in (1, 2)] for k in ("coated", "uncoated")}
    ax = plot_capacity(cells)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == [
        "coated, mean of 2 cells",
        "uncoated, mean of 2 cells",
    ]
    assert any(t.get_text() == "simulated data" for t in ax.texts)
    with pytest.raises(MeasurementError, match="no group"):
        plot_capacity({})
    with pytest.raises(MeasurementError, match="coated: no cells"):
        plot_capacity({"coated": []})
    with pytest.raises(MeasurementError, match="nothing to draw"):
        plot_differential_capacity({})


@pytest.mark.calibration
def test_calibration_of_a_capacity(holds):
    rng = np.random.default_rng(1)
    found = []
    for seed in range(1000):
        record, truth = simulate_record(seed, cycles=1, interval=600)
        gain = 1 + 0.003 * rng.standard_normal()
        mass = truth["mass"] * (1 + 0.01 * rng.standard_normal())
        table = capacity_per_cycle(
            record.assign(current=record["current"] * gain),
            mass=mass,
            mass_uncertainty=0.01,
            current_uncertainty=0.003,
        )
        found.append((table, specific_capacity(table, 1)))
    holds("specific capacity, scale of mass and current", 186.0, [e for _, e in found])
    # The scale cancels in the efficiency: its interval is of the noise alone.
    from coatqc.core.estimate import Estimate

    efficiency = [
        Estimate.from_standard_uncertainty(
            float(t["coulomb_efficiency"][0]), float(t["coulomb_efficiency_u"][0])
        )
        for t, _ in found
    ]
    holds("Coulomb efficiency of a record", 0.80, efficiency)
