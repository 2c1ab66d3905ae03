"""Capacities by cycle: simulated records with known truth, real files, what is odd."""

import numpy as np
import pytest
import xarray as xr

from coatcore.errors import MeasurementError
from electrochem.cycling.capacity import capacity_per_cycle, specific_capacity
from electrochem.cycling.figures import plot_capacity, plot_differential_capacity
from electrochem.cycling.half_cycle import half_cycles
from electrochem.labels.labels import label_record
from electrochem.simulating.cycling import simulate_cycles, simulate_record


@pytest.mark.parametrize(("cell", "efficiency"), [("coated", 0.80), ("uncoated", 0.77)])
def test_truth_is_found(cell, efficiency):
    record, truth = simulate_record(1, cell, cycles=3, hold=3600)
    table = capacity_per_cycle(record, mass_g=truth["mass_g"], nominal_capacity=200)
    for name in ("charge_capacity", "discharge_capacity"):
        assert table[name].values == pytest.approx(truth[name], rel=1e-3)
    plain, _ = simulate_record(1, cell)
    table = capacity_per_cycle(plain, mass_g=truth["mass_g"], nominal_capacity=200)
    assert table["coulomb_efficiency"].values == pytest.approx([efficiency, 0.998], abs=0.001)
    assert table["c_rate"].values == pytest.approx(0.1, rel=1e-3)
    assert table["rate"].attrs["units"] == "A"
    assert table.attrs["warnings"] == ""
    assert table["complete"].values.all()


@pytest.mark.parametrize(
    ("mass", "says"),
    [
        (0, "positive number"),
        (-1e-3, "positive"),
        (np.nan, "nan"),
        (12.0, "mass in mg given as g .then mass_g is 0.012"),
        ("8 mg", "'8 mg'"),
    ],
)
def test_mass_that_cannot_be(mass, says):
    with pytest.raises(MeasurementError, match=says):
        capacity_per_cycle(simulate_record(1)[0], mass_g=mass)


def _table(record):
    return capacity_per_cycle(record, mass_g=8.317e-3)


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


@pytest.mark.parametrize(
    ("column", "factor", "says"),
    [
        ("current", 1e3, "above 400 mAh/g: likely current in mA taken as A"),
        ("current", 1e-3, "below 1 mAh/g: likely current in A taken as mA"),
        ("time", 1 / 3600, "below 1 mAh/g: likely time in h taken as s"),
        ("time", 60, "above 400 mAh/g: likely time in s taken as minutes"),
    ],
)
def test_units_that_cannot_be_are_refused(column, factor, says):
    record, truth = simulate_record(1)
    wrong = record.assign({column: record[column] * factor})
    with pytest.raises(MeasurementError, match=says):
        capacity_per_cycle(wrong, mass_g=truth["mass_g"])
    widened = capacity_per_cycle(wrong, mass_g=truth["mass_g"], plausible=(1e-3, 1e6))
    assert widened.sizes["cycle"] == 2


def test_units_that_could_be_are_told():
    record, truth = simulate_record(1)
    minutes = record.assign(time=record["time"] / 60)
    said = capacity_per_cycle(minutes, mass_g=truth["mass_g"]).attrs["warnings"]
    assert "the current is 0.1C, but a half cycle takes 0.155 h, which is 6.45C" in said
    assert "likely time in minutes taken as s" in said
    counter = np.cumsum(np.abs(record["current"].values)) * 60 / 3.6
    counted = minutes.assign(capacity=("record", counter))
    said = capacity_per_cycle(counted, mass_g=truth["mass_g"]).attrs["warnings"]
    assert "the instrument counted 60" in said
    agreeing = record.assign(capacity=("record", counter))
    assert capacity_per_cycle(agreeing, mass_g=truth["mass_g"]).attrs["warnings"] == ""


def test_opposite_sign_of_the_current_is_refused():
    record, truth = simulate_record(1)
    with pytest.raises(MeasurementError, match=r"4 of 4 half cycles, .* sign is opposite"):
        capacity_per_cycle(record.assign(current=-record["current"]), mass_g=truth["mass_g"])


def _rows(record, sign, cycle):
    """Rows of a half cycle of a simulated record."""
    rows = np.flatnonzero(np.sign(record["current"].values) == sign)
    return np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)[cycle - 1]


@pytest.mark.parametrize("known", [True, False])
def test_a_record_that_begins_within_a_half_cycle(known):
    record, _ = simulate_record(1, cycles=3)
    if known:
        step = record["step"].values
        begin = np.r_[0, np.flatnonzero(np.diff(step)) + 1]
        since = record["time"].values - record["time"].values[begin[step - 1]]
        record = record.assign(step_time=("record", since))
    assert _table(record)["complete"].values.all()
    for sign in (1, -1):
        rows = _rows(record, sign, 1)
        cut = record.isel(record=slice(rows[rows.size // 2], None))
        halves, warnings = half_cycles(cut)
        assert [half.complete for half in halves] == [False] + [True] * (len(halves) - 1)
        word = {1: "charge", -1: "discharge"}[sign]
        assert f"begins within the first half cycle, a {word}" in " ".join(warnings)
    # With the first charge cut, its cycle is; a discharge that is cut has no cycle.
    rows = _rows(record, 1, 1)
    cut = _table(record.isel(record=slice(rows[rows.size // 2], None)))
    assert cut["complete"].values.tolist() == [False, True, True]


def test_alone_a_half_cycle_that_begins_high_is_incomplete():
    record, _ = simulate_record(1, cycles=1)
    assert half_cycles(record)[0][0].complete
    assert not half_cycles(record.isel(record=slice(300, None)))[0][0].complete


@pytest.mark.parametrize("cycles", [1, 3])
def test_the_first_charge_of_a_fresh_cell_is_whole(cycles):
    record, _ = simulate_record(1, cycles=cycles)
    # It begins 0.5 V above the others; what is left holds more than they do.
    fresh = record.isel(record=slice(int(np.argmax(record["voltage"].values > 2.5)), None))
    fresh = fresh.assign(time=fresh["time"] - float(fresh["time"][0]))
    assert half_cycles(fresh)[0][0].complete
    cut = record.isel(record=slice(250, None))
    cut = cut.assign(time=cut["time"] - float(cut["time"][0]))
    assert not half_cycles(cut)[0][0].complete


def test_a_half_cycle_that_was_broken_off_is_incomplete():
    record, _ = simulate_record(1, cycles=3)
    rows = _rows(record, -1, 2)
    stopped = record.drop_isel(record=rows[200:])
    table = _table(stopped)
    assert table["complete"].values.tolist() == [True, False, True]
    assert "discharge 2 ends at" in table.attrs["warnings"]


def test_nothing_is_counted_across_a_gap():
    record, _ = simulate_record(1)
    rows = _rows(record, -1, 1)
    holed = record.drop_isel(record=rows[100:200])
    table = _table(holed)
    assert table["complete"].values.tolist() == [False, True]
    assert "discharge 1 has a gap of 1.68 h" in table.attrs["warnings"]
    lost = 101 * 60 * 0.1 * 200 / 3600
    found = table["discharge_capacity"].values
    assert found == pytest.approx([186 - lost, 186], rel=1e-3)
    # Half as many rows are no gap, nor is one row that is missing.
    assert _table(record.isel(record=slice(None, None, 2)))["complete"].values.all()
    assert _table(record.drop_isel(record=rows[100:101]))["complete"].values.all()


@pytest.mark.parametrize("offset", [3e-6, -3e-6])
def test_the_offset_of_the_ammeter_is_no_current(offset):
    record, truth = simulate_record(1, rest=7200)
    current = record["current"].values.copy()
    current[current == 0] = offset
    table = _table(record.assign(current=("record", current)))
    plain = _table(record)
    for name in ("charge_capacity", "discharge_capacity", "rate"):
        assert table[name].values == pytest.approx(plain[name].values, rel=1e-3)
    assert "3e-06 A (1.8 % of the usual one) in 4 stretches" in table.attrs["warnings"]
    given = capacity_per_cycle(
        record.assign(current=("record", current)), mass_g=truth["mass_g"], rest_current=5e-6
    )
    assert given.attrs["warnings"] == ""


def test_pulses_between_long_rests_with_an_offset():
    # Titration: 10 min of current and 4 h of rest, where the ammeter reads 1 %.
    cycle = np.repeat(np.tile([1.0, 0.01], 20), np.tile([10, 240], 20))
    current = 1e-3 * np.concatenate([cycle, np.where(cycle == 1, -1, 0.01)])
    level = np.cumsum(np.where(np.abs(current) > 1e-4, current, 0.0))
    record = label_record(
        {"time": 60.0 * np.arange(current.size), "voltage": 2.5 + 5 * level, "current": current}
    )
    table = capacity_per_cycle(record, mass_g=0.02)
    assert table["discharge_capacity"].values == pytest.approx([200 / 60 / 0.02], rel=0.06)
    assert "(1 % of the usual one) in 40 stretches" in table.attrs["warnings"]


def test_a_slow_cycle_is_no_offset():
    fast, _ = simulate_record(1, cycles=1, c_rate=1.0, interval=6)
    slow, _ = simulate_record(2, cycles=1, c_rate=0.015)
    later = slow.assign(time=slow["time"] + float(fast["time"][-1]) + 60)
    table = _table(xr.concat([fast, later], "record"))
    assert table.sizes["cycle"] == 2
    assert table["rate"].values[1] / table["rate"].values[0] == pytest.approx(0.015, rel=1e-2)


def test_the_rate_is_a_mean_in_time():
    record, _ = simulate_record(1, cycles=1)
    rows = _rows(record, -1, 1)
    # The first tenth at half the current; the rest is read ten times as often.
    time, current = record["time"].values, record["current"].values
    t = np.concatenate([time[rows[:50]], np.arange(time[rows[50]], time[rows[-1]], 6.0)])
    i = np.interp(t, time[rows[:50]], current[rows[:50]])
    i[:50] = 0.5 * current[rows[:50]]
    i[50:] = current[rows[100]]
    before, after = np.arange(rows[0]), np.arange(rows[-1] + 1, time.size)
    columns = {
        name: np.concatenate([record[name].values[before], new, record[name].values[after]])
        for name, new in (
            ("time", t),
            ("current", i),
            ("voltage", np.interp(t, time[rows], record["voltage"].values[rows])),
        )
    }
    table = _table(label_record(columns))
    share = (t[49] - t[0]) / (t[-1] - t[0])
    assert table["rate"].values[0] == pytest.approx(1.66e-4 * (1 - share / 2), rel=0.01)


def test_errors_in_words():
    record, truth = simulate_record(1)
    mass = truth["mass_g"]
    with pytest.raises(MeasurementError, match="no current"):
        capacity_per_cycle(record.drop_vars("current"), mass_g=mass)
    with pytest.raises(MeasurementError, match="no current flows"):
        capacity_per_cycle(record.assign(current=0 * record["current"]), mass_g=mass)
    with pytest.raises(MeasurementError, match="not finite in some rows"):
        capacity_per_cycle(record.assign(current=np.nan * record["current"]), mass_g=mass)
    with pytest.raises(MeasurementError, match="signed current"):
        capacity_per_cycle(record.assign(current=np.abs(record["current"])), mass_g=mass)
    with pytest.raises(MeasurementError, match="starts_with"):
        capacity_per_cycle(record, mass_g=mass, starts_with="rest")
    with pytest.raises(MeasurementError, match="relative number"):
        capacity_per_cycle(record, mass_g=mass, mass_uncertainty=2)
    with pytest.raises(MeasurementError, match="rest_current is '1 uA'"):
        capacity_per_cycle(record, mass_g=mass, rest_current="1 uA")
    table = capacity_per_cycle(record, mass_g=mass)
    with pytest.raises(MeasurementError, match="no cycle 7"):
        specific_capacity(table, 7)


def test_pulses_and_small_currents_are_no_half_cycles():
    record, truth = simulate_record(1)
    current = record["current"].values.copy()
    current[np.flatnonzero(current > 0)[[100, 300]]] *= -1
    current[current == 0] = 1e-8
    table = capacity_per_cycle(record.assign(current=("record", current)), mass_g=truth["mass_g"])
    assert table.sizes["cycle"] == 2
    assert "2 pulses below 1 %" in table.attrs["warnings"]


def test_real_neware_csv(reference):
    from electrochem.readers.cyclers.neware_csv import reader

    record = reader.read(reference / "electrochem" / "cellpy_neware_uio.csv")
    table = capacity_per_cycle(record, mass_g=1.0, starts_with="discharge")
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
    from electrochem.readers.cyclers.neware_ndax import reader

    record = reader.read(reference / "electrochem" / "navani_test.ndax")
    table = capacity_per_cycle(record, mass_g=3e-3)
    # The instrument's counter and its recorded current disagree by up to 0.2 % in this file, also
    # where the current is constant, so that sampling does not explain it.
    found = [3 * float(table[k][0]) for k in ("discharge_capacity", "charge_capacity")]
    assert found == pytest.approx([625.45, 593.04], rel=3e-3)


def test_real_maccor_without_cycle_numbers(reference):
    from electrochem.readers.cyclers.maccor import reader

    record = reader.read(reference / "electrochem" / "cellpy_maccor_001.txt")
    # A cell of 4.5 Ah of unknown mass: the bounds are not those of 10 g of NCM.
    table = capacity_per_cycle(record, mass_g=10.0, plausible=(1, 500))
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
        mass = truth["mass_g"] * (1 + 0.01 * rng.standard_normal())
        table = capacity_per_cycle(
            record.assign(current=record["current"] * gain),
            mass_g=mass,
            mass_uncertainty=0.01,
            current_uncertainty=0.003,
        )
        found.append((table, specific_capacity(table, 1)))
    holds("specific capacity, scale of mass and current", 186.0, [e for _, e in found])
    # The scale cancels in the efficiency: its interval is of the noise alone.
    from coatcore.estimate import Estimate

    efficiency = [
        Estimate.from_standard_uncertainty(
            float(t["coulomb_efficiency"][0]), float(t["coulomb_efficiency_u"][0])
        )
        for t, _ in found
    ]
    holds("Coulomb efficiency of a record", 0.80, efficiency)
