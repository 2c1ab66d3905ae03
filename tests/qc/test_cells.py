"""Cells in a batch: does the coated cell live longer, and why?"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from coatcore import Estimate, MeasurementError, RecipeError
from coatcore.statistics.geometric_means import Cells, mean_of_cells, ratio_of_cells
from coatqc.judging import judge, run_batch
from coatqc.judging.verdict import Decision, conformance_probability
from coatqc.planning import plan
from coatqc.recipes import load_batch
from coatqc.report import write_report
from coatqc.store import history, record
from electrochem import simulate_cycles, simulate_impedance
from electrochem.simulating import simulate_record
from electrochem.simulating.impedance import R_CATHODE
from electrochem.write import write_bdf

ANODE = {"R1": [3.0, 0.1], "CPE1_Q": [0.02, 0.2], "CPE1_n": [0.9, 0.033]}
NEW = ANODE | {"TL1_R_ion": [100.0, 0.2]}
SPREAD = 0.06


def write_table(table, path):
    names = {"charge_capacity": "charge capacity / mAh/g",
             "discharge_capacity": "discharge capacity / mAh/g"}  # fmt: skip
    frame = pd.DataFrame({"cycle": table["cycle"], **{v: table[k] for k, v in names.items()}})
    frame.to_csv(path, index=False)


def write_spectrum(z, path, unit="ohm cm2", sign="-"):
    imaginary = -z.values.imag if sign else z.values.imag
    heads = ("f / Hz", f"Z' / {unit}", f"{sign}Z'' / {unit}")
    columns = (z["frequency"].values, z.values.real, imaginary)
    pd.DataFrame(dict(zip(heads, columns, strict=True))).to_csv(path, index=False)


def items(*rows):
    """Criteria, or observations where there is no limit."""
    out = []
    for quantity, sample, reference, limits, parameters in rows:
        lines = [f"[[{'criteria' if limits else 'observations'}]]", f'quantity = "{quantity}"']
        lines += [f'sample = "{sample}"'] + ([f'reference = "{reference}"'] if reference else [])
        lines += [f"{k} = {json.dumps(v)}" for k, v in limits.items()]
        for name, value in parameters.items():
            if isinstance(value, dict):
                inside = ", ".join(f"{k} = {json.dumps(v)}" for k, v in value.items())
                lines.append(f"parameters.{name} = {{ {inside} }}")
            else:
                lines.append(f"parameters.{name} = {json.dumps(value)}")
        out.append("\n".join(lines))
    return "\n".join(out) + "\n"


def measured(folder, samples, *rows, name="batch.toml"):
    head = 'schema_version = 1\nname = "cells"\nsimulated = true\n'
    head += "".join(
        f"[samples.{sample}]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in files.items())
        for sample, files in samples.items()
    )
    path = folder / name
    path.write_text(head + items(*rows))
    return run_batch(load_batch(path))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three cells of each kind: tables of cycles, and spectra before and after cycling."""
    folder = tmp_path_factory.mktemp("cells")
    for kind, seed in (("coated", 0), ("uncoated", 10)):
        for i in (1, 2, 3):
            write_table(simulate_cycles(seed + i, kind)[0], folder / f"{kind}_{i}.csv")
            rng = np.random.default_rng(seed + i)
            for cycle in (1, 152):
                r = R_CATHODE[kind, cycle] * math.exp(SPREAD * rng.normal())
                z, _ = simulate_impedance(seed + i + cycle, kind, cycle, r_cathode=r)
                write_spectrum(z, folder / f"{kind}_z{cycle}_{i}.csv")
    for i in (1, 2):
        z, _ = simulate_impedance(i, "uncoated", 152, l_diff=15.0, geometry="planar")
        write_spectrum(z, folder / f"thick_{i}.csv")
        z, _ = simulate_impedance(i, "coated", 152, geometry="planar")
        write_spectrum(z, folder / f"thin_{i}.csv")
    return folder


SAMPLES = {
    kind: {"cycling": f"{kind}_?.csv", "impedance": f"{kind}_z152_?.csv"}
    for kind in ("coated", "uncoated")
} | {"new": {"impedance": "coated_z1_?.csv"}, "thick": {"impedance": "thick_?.csv"},
     "thin": {"impedance": "thin_?.csv"}}  # fmt: skip
AT = {"cycle": 152}
LENGTH = {"diffusion_coefficient": 1e-11, "spread": 0.3}


@pytest.fixture(scope="module")
def result(folder):
    pair = ("coated", "uncoated")
    growth = {"known": ANODE, "reference_known": NEW}
    return measured(
        folder,
        SAMPLES,
        ("cycling.retention", "coated", None, {"min": 0.6}, AT),
        ("cycling.retention", "coated", None, {"min": 0.8}, AT),
        ("cycling.retention", "coated", None, {"min": 0.716}, AT),
        ("cycling.retention_gain", *pair, {"min": 0.0}, AT),
        ("impedance.kramers_kronig", "coated", None, {"equals": "consistent"}, {}),
        ("impedance.r_cathode", "coated", None, {"max": 150.0}, {"known": ANODE}),
        ("impedance.r_cathode", "uncoated", None, {"max": 120.0}, {"known": ANODE}),
        ("impedance.r_cathode_growth", "coated", "new", {"max": 8.0}, growth),
        ("impedance.diffusion_length", "thick", None, {"max": 1000.0}, LENGTH),
        ("impedance.diffusion_length", "thick", None, {"max": 1e-6}, LENGTH),
        ("impedance.diffusion_length_growth", "thin", "thick", {"min": 1e-3}, LENGTH),
        ("cycling.coulombic_efficiency_first", "coated", None, {}, {}),
    )


def test_verdicts_of_a_batch_of_cells(result):
    assert [o.error for o in result.outcomes if o.error] == []
    assert [o.verdict for o in result.criteria] == [
        "pass", "fail", "inconclusive", "pass", "pass", "pass", "fail", "pass",
        "inconclusive", "fail", "inconclusive",
    ]  # fmt: skip
    kept, gain = (result.criteria[i].measurement for i in (0, 3))
    assert kept.estimate.n == 3
    assert len(kept.replicates) == 3
    assert kept.estimate.lower < 0.716 < kept.estimate.upper
    assert gain.estimate.lower < 0.716 - 0.596 < gain.estimate.upper
    assert "(3 cells) against" in gain.notes[0]
    efficiency = result.observations[0].measurement.estimate
    assert efficiency.value == pytest.approx(0.8, abs=0.01)


def test_resistance_is_that_of_the_simulation(result):
    found, growth = (result.criteria[i].measurement.estimate for i in (5, 7))
    assert (found.unit, found.n) == ("ohm cm2", 3)
    assert found.lower < R_CATHODE["coated", 152] < found.upper
    assert growth.lower < R_CATHODE["coated", 152] / R_CATHODE["coated", 1] < growth.upper
    assert growth.unit == "1"


def test_a_bound_is_never_more_than_a_bound(result):
    loose, tight, ratio = result.criteria[8:11]
    length = loose.measurement.estimate
    assert math.isinf(length.upper)
    assert 0 < length.lower < 15.0
    assert loose.conformance_probability is None
    assert tight.conformance_probability < 0.03
    assert loose.measured == f"> {length.lower:.3g} µm"
    assert any("never pass a max" in note for note in loose.measurement.notes)
    # Below a length without an upper end a ratio has no lower one.
    assert ratio.measurement.estimate.lower == 0
    assert any("never pass a min" in note for note in ratio.measurement.notes)


def test_report_store_and_arrays(result, tmp_path):
    page, facts, arrays = write_report(result, tmp_path)
    text = page.read_text()
    assert "could not be drawn" not in text
    assert text.count('<img src="data:image/') > 12
    assert "∞)" in text
    assert "not told by a bound" in text
    known = json.loads(facts.read_text())
    assert known["criteria"][8]["estimate"]["upper"] is None
    assert {f["kind"] for f in known["files"]} == {"cycle_table", "impedance_spectrum"}
    tree = xr.open_datatree(arrays, engine="h5netcdf")
    assert tree["result_0/cells"]["discharge_capacity"].sizes == {"cell": 3, "cycle": 152}
    fit = tree["result_5/fit_0"]
    assert float(abs(fit["fitted_real"] - fit["measured_real"]).max()) < 5
    store = tmp_path / "s.sqlite"
    assert record(result, store)
    row = history(store, quantity="impedance.diffusion_length").iloc[0]
    assert math.isinf(row["upper"])


def test_one_broken_file_loses_only_what_needs_it(folder, tmp_path):
    for path in folder.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "coated_z152_2.csv").write_text("f / Hz,Z' / ohm,Z'' / ohm\nnothing\n")
    found = measured(
        tmp_path,
        SAMPLES,
        ("cycling.retention_gain", "coated", "uncoated", {"min": 0.0}, AT),
        ("impedance.kramers_kronig", "coated", None, {"equals": "consistent"}, {}),
    )
    assert [o.verdict for o in found.criteria] == ["pass", "not measured"]
    assert found.criteria[1].error.startswith("coated_z152_2.csv: ")


def duplicated(table):
    number = table["cycle"].values.copy()
    number[5] = number[4]
    return table.assign_coords(cycle=("cycle", number, table["cycle"].attrs))


def cut_short(table):
    return table.isel(cycle=slice(0, 100))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (duplicated, "cycle numbers are not whole and ascending"),
        (cut_short, "no cycle 152; it holds"),
    ],
)
def test_tables_that_do_not_tell(tmp_path, change, words):
    write_table(simulate_cycles(1)[0], tmp_path / "a.csv")
    write_table(change(simulate_cycles(2)[0]), tmp_path / "b.csv")
    sample = {"cells": {"cycling": "?.csv"}}
    found = measured(tmp_path, sample, ("cycling.retention", "cells", None, {"min": 0.6}, AT))
    assert found.verdict == "not measured"
    assert found.criteria[0].error.startswith("b.csv: ")
    assert words in found.criteria[0].error


def test_one_cell_and_the_same_cell_twice_are_no_group(tmp_path):
    table = simulate_cycles(1)[0]
    write_table(table, tmp_path / "a.csv")
    write_table(table, tmp_path / "b.csv")
    with (tmp_path / "b.csv").open("a") as file:
        file.write("\n")
    write_table(simulate_cycles(2)[0], tmp_path / "c.csv")
    one = {"one": {"cycling": "a.csv"}, "twice": {"cycling": ["a.csv", "b.csv"]},
           "two": {"cycling": ["a.csv", "c.csv"]}}  # fmt: skip
    found = measured(
        tmp_path,
        one,
        ("cycling.retention", "one", None, {"min": 0.6}, AT),
        ("cycling.retention_gain", "one", "two", {"min": -1}, AT),
        ("cycling.retention", "twice", None, {"min": 0.6}, AT),
        ("cycling.coulombic_efficiency_first", "one", None, {"min": 0.6}, {}),
    )
    alone, gain, twice, efficiency = found.criteria
    assert alone.verdict == "pass"
    assert any("one cell" in note for note in alone.measurement.notes)
    assert "the sample is 1 cell, which is no group" in gain.error
    assert "same capacities to the last digit" in twice.error
    assert "how well its one efficiency is known" in efficiency.error


def test_records_are_reduced_with_their_mass(tmp_path):
    record_, truth = simulate_record(1, cycles=2, interval=600.0)
    write_bdf(record_, tmp_path / "a.bdf.csv")
    what = ("cycling.coulombic_efficiency_first", "a", None, {"min": 0.7})
    sample = {"a": {"cycling": "a.bdf.csv"}}
    found = measured(tmp_path, sample, (*what, {"mass_g": truth["mass_g"]}), (*what, {}),
                     (*what, {"mass_g": [0.01, 0.01]}))  # fmt: skip
    with_mass, without, two = found.criteria
    estimate = with_mass.measurement.estimate
    assert estimate.value == pytest.approx(0.8, abs=0.005)
    assert "without the mass of active material; set parameters.mass_g" in without.error
    assert "2 masses for 1 files" in two.error
    for mass in (0, -0.01, 83):
        with pytest.raises(RecipeError, match=r"parameters\.mass_g.*no mass of active material"):
            measured(tmp_path, sample, (*what, {"mass_g": mass}))


def test_spectra_that_do_not_tell(tmp_path):
    z, _ = simulate_impedance(1, "coated", 152)
    write_spectrum(z, tmp_path / "ohm.csv", unit="ohm")
    write_spectrum(z, tmp_path / "good.csv")
    write_spectrum(z.conj(), tmp_path / "positive.csv", sign="")
    long, _ = simulate_impedance(1, "coated", 152, geometry="planar")
    write_spectrum(long, tmp_path / "long.csv")
    write_spectrum(simulate_impedance(1, "uncoated", 152, drift=0.2)[0], tmp_path / "drift.csv")
    samples = {p.stem: {"impedance": p.name} for p in tmp_path.glob("*.csv")}
    r = "impedance.r_cathode"
    flag = {"known": ANODE, "doubtful": "flag"}
    found = measured(
        tmp_path,
        samples,
        (r, "ohm", None, {"max": 200}, {"known": ANODE}),
        (r, "ohm", None, {"max": 200}, {"known": ANODE, "area": 2.0}),
        (r, "good", None, {"max": 200}, {"known": ANODE}),
        (r, "positive", None, {"max": 200}, {"known": ANODE}),
        (r, "drift", None, {"max": 2000}, {"known": ANODE}),
        (r, "drift", None, {"max": 2000}, flag),
        ("impedance.kramers_kronig", "drift", None, {"equals": "consistent"}, {}),
        (r, "good", None, {"max": 200}, {"circuit": "R0-p(R1,CPE1)"}),
        (r, "long", None, {"max": 200}, {"known": ANODE}),
    )
    ohm, area, good, sign, drift, flagged, test, no_line, misfit = found.criteria
    assert "does not say the area of the cell; set parameters.area" in ohm.error
    once, twice = good.measurement.estimate, area.measurement.estimate
    assert any("one cell" in note for note in good.measurement.notes)
    assert once.n == 1
    assert twice.value == pytest.approx(2 * once.value, rel=0.05)
    assert "the imaginary part is positive at" in sign.error
    assert "breaks the Kramers-Kronig relations from" in drift.error
    assert flagged.measurement is not None
    assert any("may mean nothing" in note for note in flagged.measurement.notes)
    assert (test.measured, test.verdict) == ("inconsistent", "fail")
    assert "has 0 transmission lines" in no_line.error
    assert "long.csv: L0-R0-p(R1,CPE1)-TL1 does not describe it" in misfit.error


def test_several_sweeps_of_one_cell(tmp_path):
    z, _ = simulate_impedance(1, "coated", 152)
    write_spectrum(xr.concat([z, z], "frequency"), tmp_path / "twice.csv")
    sample = {"a": {"impedance": "twice.csv"}}
    test = ("impedance.kramers_kronig", "a", None, {"equals": "consistent"})
    found = measured(tmp_path, sample, (*test, {}), (*test, {"sweep": -1}), (*test, {"sweep": 3}))
    assert "holds 2 sweeps of one cell; say which" in found.criteria[0].error
    assert found.criteria[1].verdict == "pass"
    assert "sweep 3 was asked for" in found.criteria[2].error


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"cycle": 1}, "not after the first one"),
        ({"cycle": 0}, "cycle"),
        ({}, r"parameters\.cycle: is missing"),
        ({"cycles": 152, "cycle": 152}, "did you mean 'cycle'"),
    ],
)
def test_mistakes_in_parameters_are_told(tmp_path, parameters, words):
    sample = {"a": {"cycling": "a.csv"}}
    with pytest.raises(RecipeError, match=words):
        measured(tmp_path, sample, ("cycling.retention", "a", None, {"min": 0.5}, parameters))


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"circuit": "R0-QQ1"}, r"parameters\.circuit"),
        ({"known": {"R1": [0, 0.1]}}, "both are above 0"),
        ({"area": 0}, r"parameters\.area"),
        ({"sweep": 0}, "count from 1"),
    ],
)
def test_mistakes_in_parameters_of_fits_are_told(tmp_path, parameters, words):
    sample = {"a": {"impedance": "a.csv"}}
    with pytest.raises(RecipeError, match=words):
        measured(tmp_path, sample, ("impedance.r_cathode", "a", None, {"max": 1}, parameters))


def test_what_is_not_planned_is_named_as_such():
    with pytest.raises(MeasurementError, match=r"cycling\.retention is measured, but not planned"):
        plan("cycling.retention", 0.1)


def test_a_lower_bound_at_any_risk():
    bound = Estimate.from_interval(6.0, 5.0, math.inf, standard_uncertainty=0.5)
    for risk in (0.001, 0.025, 0.3, 0.5):
        at = Decision(false_acceptance=risk, false_rejection=risk)
        assert judge(bound, None, 1e9, at) == "inconclusive"
        assert judge(bound, None, 1.0, at) == "fail"
        assert judge(bound, 1.0, None, at) == "pass"
    assert math.isnan(conformance_probability(bound, None, 7.0))
    assert conformance_probability(bound, 3.0, None) > 0.99


def own(logs, half):
    return [
        Estimate.from_interval(math.exp(y), math.exp(y - half), math.exp(y + half)) for y in logs
    ]


def drawn(rng, centre, n, scatter, noise, shift, common):
    """Cells that scatter, each with its noise, and a value for all that is off by `common`."""
    logs = centre + rng.normal(0, math.hypot(scatter, noise), n) + shift * common
    return Cells(own(logs, 1.96 * math.hypot(noise, shift)), {"known": shift})


@pytest.mark.calibration
@pytest.mark.parametrize("n", [1, 3])
def test_means_and_ratios_of_cells_hold_the_truth(n, holds):
    rng = np.random.default_rng(n)
    # One cell tells nothing of scatter: there the truth is its own.
    scatter = 0.06 if n > 1 else 0.0
    means, ratios = [], []
    for _ in range(1000):
        common = rng.normal()
        new = drawn(rng, math.log(26), n, scatter, 0.02, 0.05, common)
        old = drawn(rng, math.log(110), n, scatter, 0.02, 0.02, common)
        means.append(mean_of_cells(new))
        ratios.append(ratio_of_cells(old, new))
    holds(f"R_cathode, geometric mean of {n} cells", 26.0, means)
    holds(f"growth of R_cathode, {n} and {n} cells", 110 / 26, ratios)


def test_cells_that_are_only_bounded():
    told, bound = (
        own([1.0, 1.1, 0.9], 0.1),
        Estimate.from_interval(9.0, 3.0, math.inf, standard_uncertainty=5.0),
    )
    mean = mean_of_cells(Cells([*told, bound]))
    assert math.isinf(mean.upper)
    assert 0 < mean.lower < min(e.lower for e in told)
    ratio = ratio_of_cells(Cells(told), Cells([*told, bound]))
    assert ratio.lower == 0
    assert math.isfinite(ratio.upper)
    with pytest.raises(MeasurementError, match="neither from below nor from above"):
        ratio_of_cells(Cells([bound]), Cells([bound]))


def test_reports_name_the_files(result):
    table = result.criteria[5].measurement.table
    assert [Path(name).suffix for name in table["cell"]] == [".csv"] * 3
