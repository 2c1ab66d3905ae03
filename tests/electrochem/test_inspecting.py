"""What does coatqc inspect say and draw of impedance, records and tables of cycles?"""

from __future__ import annotations

import json

import pytest

from coatcore import read
from coatqc.report.inspection import describe, draw
from electrochem import simulate_impedance
from electrochem.labels import label_record
from electrochem.write import write_bdf


def test_both_parts_of_impedance_are_described_and_drawn(tmp_path):
    z, _ = simulate_impedance(1)
    z.to_netcdf(tmp_path / "z.nc", engine="h5netcdf")
    again = read(tmp_path / "z.nc")
    facts = describe(again, tmp_path / "z.nc")
    assert set(facts["data"]) == {"impedance, real", "impedance, imaginary"}
    assert facts["data"]["impedance, imaginary"]["min"] == pytest.approx(float(z.imag.min()))
    assert json.dumps(facts, allow_nan=False)
    figure = draw(again, tmp_path / "z.png")
    assert figure.axes[0].get_xlabel() == "Z' / ohm cm²"
    assert "simulated data" in [t.get_text() for t in figure.axes[0].texts]


def test_a_record_is_drawn_with_its_current(tmp_path):
    t = [0.0, 3600.0, 7200.0]
    record = label_record({"time": t, "voltage": [3.0, 3.1, 3.2], "current": [1e-3, 1e-3, -1e-3]})
    write_bdf(record, tmp_path / "a.bdf.csv")
    figure = draw(read(tmp_path / "a.bdf.csv"), tmp_path / "a.png")
    assert figure.axes[1].get_ylabel() == "current / mA"
    assert figure.axes[1].lines[0].get_ydata().tolist() == [1.0, 1.0, -1.0]


def test_a_table_of_cycles_is_drawn(tmp_path):
    path = tmp_path / "cycles.csv"
    path.write_text(
        "cycle,charge capacity / mAh g-1,discharge capacity / mAh g-1\n1,235,188\n2,190,187\n"
    )
    table = read(path)
    assert table.attrs["kind"] == "cycle_table"
    figure = draw(table, tmp_path / "c.png")
    assert figure.axes[0].get_ylabel() == "specific capacity / mAh g⁻¹"
