"""Do the readers of cyclers give what is in their files, and say what is wrong in words?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from coatcore import ReadError, validate
from coatcore.reading.registry import BY_TABLE, NO, FileStart
from electrochem.readers.biologic import mpt as biologic_text
from electrochem.readers.cyclers import (
    basytec,
    battery_data_format,
    cycling_text,
    maccor,
    neware_csv,
)
from electrochem.write import write_bdf

MACCOR = """Today's Date\t01 May 2024\tDate of Test:\t30 April 2024, 9:00:00 AM
Filename:\tcell_7\tTester Channel:\t3
Rec#\tCyc#\tStep\tTestTime\tStepTime\tAmp-hr\tAmps\tVolts\tState\tDPt Time
1\t0\t1\t  0d 00:00:0\t  0d 00:00:0\t0.0\t0.0\t3.00\tR\t04/30/2024 09:00:00
2\t0\t2\t  0d 00:00:5.05\t  0d 00:00:0.05\t0.001\t0.5\t3.20\tC\t04/30/2024 09:00:05
3\t0\t2\t  0d 00:01:0\t  0d 00:00:55\t0.008\t0.5\t3.40\tC\t04/30/2024 09:01:00
4\t0\t3\t  1d 01:00:0\t  0d 00:00:0\t0.001\t0.25\t3.30\tD\t05/01/2024 10:00:00
5\t0\t3\t  1d 02:00:0\t  0d 01:00:0\t0.002\t0.25\t3.10\tD\t05/01/2024 11:00:00
"""
MACCOR_CSV = """Today's Date ,28-Nov-23
Date of Test:,23-Nov-23 3:56:08 PM
Rec,Cycle C,Step,Test Time (sec),Step Time (sec),Capacity,Energy,Current,Voltage,DPT Time
1,1,1,0,0,0,0,0,3.6,23-Nov-23 3:56:11 PM
2,1,2,1,0,0,0,2.0,3.62,23-Nov-23 3:56:12 PM
3,1,2,2,1,0,0,2.0,3.70,23-Nov-23 3:56:13 PM
4,1,2,3,2,0,0,2.0,3.75,23-Nov-23 3:56:14 PM
5,1,3,4,0,0,0,2.0,3.60,23-Nov-23 3:56:15 PM
6,1,3,5,1,0,0,2.0,3.55,23-Nov-23 3:56:16 PM
7,1,3,6,2,0,0,2.0,3.50,23-Nov-23 3:56:17 PM
"""
NEWARE = """DataPoint,Cycle Index,Step Index,Step Type,Time,Total Time,Current(mA),Voltage(V),\
Capacity(mAh),Chg. Cap.(mAh),DChg. Cap.(mAh),Date
1,1,1,Rest,00:00:00,00:00:00,0,3.0,0,0,0,2024-01-01 00:00:00
2,1,2,CC Chg,00:00:00,00:01:00,2.5,3.1,0.1,0.1,0,2024-01-01 00:01:00
3,1,2,CC Chg,26:00:00,26:01:00,2.5,3.3,65.0,65.0,0,2024-01-02 02:01:00
4,1,3,CC DChg,00:00:00,26:02:00,-2.5,3.2,0.1,0,0.1,2024-01-02 02:02:00
"""
BASYTEC = """~Resultfile from Basytec Battery Test System
~Name of Test: formation
~Start of Test: 19.06.2023 17:56:53
~
~Time[h]\tt-Step[h]\tLine\tCommand\tU[V]\tI[A]\tAh[Ah]\tAh-Step\tCyc-Count\tT1[°C]
0\t0\t3\tPause\t3,50\t0\t0\t0\t0\t25,1
0,5\t0\t4\tCharge\t3,60\t0,002\t0\t0\t1\t25,2
1\t0,5\t4\tCharge\t3,70\t0,002\t0,001\t0,001\t1\t25,3
1,5\t0\t5\tDischarge\t3,65\t-0,002\t0,001\t-0,0005\t1\t25,3
"""
BDF = """Test Time / s,Voltage / V,Current / A,Cycle Count / 1,Charging Capacity / Ah
0,3.0,0,1,0
10,3.1,0.001,1,0.002
20,3.2,0.001,1,
"""
EC_LAB = """EC-Lab ASCII FILE
Nb header lines : 9

Galvanostatic Cycling with Potential Limitation
Acquisition started on : 01/10/2024 11:02:29.886
Reference electrode : In/LiIn
Electrode surface area : 0,785 cm²
Characteristic mass : 8,300 mg
Ns\ttime/s\tEwe/V\tdq/mA.h\thalf cycle\tQ charge/discharge/mA.h\t
0\t0,0E+000\t3,00E+000\t0,0E+000\t0\t0,0E+000\t
1\t1,0E+001\t3,10E+000\t1,0E-003\t0\t1,0E-003\t
1\t2,0E+001\t3,20E+000\t1,0E-003\t0\t2,0E-003\t
2\t3,0E+001\t3,10E+000\t-5,0E-004\t1\t-5,0E-004\t
"""
PLAIN = """# my potentiostat
time/min;voltage/V;current/mA;step
0;3,0;0;1
1;3,1;0,5;2
2;3,2;0,5;2
"""
TABLE = """cycle,charge capacity / mAh g-1,discharge capacity / mAh g-1,CE / %
1,238,183,76.9
2,190,182.5,96.1
5,185,,
"""
FORMS = {
    "maccor.txt": (maccor, MACCOR),
    "maccor.csv": (maccor, MACCOR_CSV),
    "neware.csv": (neware_csv, NEWARE),
    "basytec.txt": (basytec, BASYTEC),
    "a.bdf.csv": (battery_data_format, BDF),
    "gcpl.mpt": (biologic_text, EC_LAB),
    "plain.txt": (cycling_text, PLAIN),
    "table.csv": (cycling_text, TABLE),
}


def write_examples(folder: Path) -> list[Path]:
    """One small valid file of each format of text; the others need their vendors' programs."""
    for name, (_, text) in FORMS.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in FORMS]


def _write(folder, text, name="a.txt"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def _start(path):
    raw = path.read_bytes()
    return FileStart(path, len(raw), raw[:65536])


@pytest.mark.parametrize("name", FORMS)
def test_each_example_is_taken_by_its_reader_alone_and_is_valid(name, tmp_path):
    write_examples(tmp_path)
    start = _start(tmp_path / name)
    modules = {module for module, _ in FORMS.values()}
    scores = {m: m.reader.recognises(start) for m in modules}
    best = max(scores.values())
    assert best >= BY_TABLE
    assert [m for m, score in scores.items() if score == best] == [FORMS[name][0]]
    obj = FORMS[name][0].reader.read(tmp_path / name)
    assert validate(obj) == []
    assert obj.attrs["kind"] in FORMS[name][0].reader.kinds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 2 3\n4 5 6\n",
        "2theta;I\n10.1;100\n10.2;110\n",
        "E / eV,I\n1,2\n2,3\n",
        "wavenumber,absorbance\n1,2\n",
        "freq/Hz\tRe(Z)/Ohm\t-Im(Z)/Ohm\tEwe/V\tI/mA\n1\t2\t3\t4\t5\n",
        "~ a note\nand more\n",
    ],
)
def test_text_of_others_is_left_alone(text, tmp_path):
    start = _start(_write(tmp_path, text))
    assert [m.reader.recognises(start) for m, _ in FORMS.values()] == [NO] * len(FORMS)


def test_maccor_magnitude_is_signed_from_state(tmp_path):
    record = maccor.reader.read(_write(tmp_path, MACCOR))
    np.testing.assert_allclose(record["current"], [0, 0.5, 0.5, -0.25, -0.25])
    np.testing.assert_allclose(record["time"], [0, 5.05, 60, 90000, 93600])
    np.testing.assert_allclose(record["capacity"], [0, 1, 8, 1, 2])
    assert record.attrs["test_name"] == "cell_7"
    assert record.attrs["acquired"] == "30 April 2024, 9:00:00 AM"
    assert "its sign is taken from State" in record.attrs["warnings"]
    assert "cycle number is 0 throughout" in record.attrs["warnings"]
    assert "clock" not in record.attrs["warnings"]


def test_maccor_sign_is_kept_where_it_is_written(tmp_path):
    text = MACCOR.replace("\t0.25\t", "\t-0.25\t").replace("5\t0\t3", "5\t1\t3")
    record = maccor.reader.read(_write(tmp_path, text))
    np.testing.assert_allclose(record["current"], [0, 0.5, 0.5, -0.25, -0.25])
    assert "warnings" not in record.attrs


@pytest.mark.parametrize("reading", ["-0.0001", "0.0"])
def test_one_rest_below_zero_does_not_sign_a_magnitude(reading, tmp_path):
    text = MACCOR.replace("\t0.0\t0.0\t3.00", f"\t0.0\t{reading}\t3.00")
    record = maccor.reader.read(_write(tmp_path, text))
    np.testing.assert_allclose(record["current"], [float(reading), 0.5, 0.5, -0.25, -0.25])
    assert "its sign is taken from State" in record.attrs["warnings"]
    text = MACCOR_CSV.replace("1,1,1,0,0,0,0,0,3.6", f"1,1,1,0,0,0,0,{reading},3.6")
    record = maccor.reader.read(_write(tmp_path, text))
    np.testing.assert_allclose(record["current"], [float(reading), 2, 2, 2, -2, -2, -2])
    text = NEWARE.replace(",0,3.0,", f",{reading},3.0,").replace(",-2.5,", ",2.5,")
    record = neware_csv.reader.read(_write(tmp_path, text))
    np.testing.assert_allclose(record["current"], [1e-3 * float(reading), 2.5e-3, 2.5e-3, -2.5e-3])
    text = BASYTEC.replace("3,50\t0\t", f"3,50\t{reading.replace('.', ',')}\t").replace(
        "\t-0,002", "\t0,002"
    )
    record = basytec.reader.read(_write(tmp_path, text))
    np.testing.assert_allclose(record["current"], [float(reading), 2e-3, 2e-3, -2e-3])


def test_current_that_is_positive_in_discharge_is_turned(tmp_path):
    text = MACCOR.replace("\t0.5\t", "\t-0.5\t")
    record = maccor.reader.read(_write(tmp_path, text))
    np.testing.assert_allclose(record["current"], [0, 0.5, 0.5, -0.25, -0.25])
    assert "positive in discharge by State; its sign is turned" in record.attrs["warnings"]


def test_signs_that_contradict_the_state_are_counted(tmp_path):
    rows = MACCOR + "6\t0\t3\t1d 03:00:0\t0d 02:00:0\t0.002\t-0.25\t3.0\tD\t05/01/2024 12:00:00\n"
    text = rows.replace("\t0.25\t3.10", "\t-0.25\t3.10")
    record = maccor.reader.read(_write(tmp_path, text))
    np.testing.assert_allclose(record["current"], [0, 0.5, 0.5, 0.25, -0.25, -0.25])
    assert "contradict each other in 1 rows" in record.attrs["warnings"]


@pytest.mark.parametrize(
    ("unit", "factor", "shift"),
    [("°C", 1, 0), ("K", 1, 273.15), ("°F", 1.8, 32), ("degF", 1.8, 32)],
)
def test_temperatures_are_turned_into_celsius(unit, factor, shift, tmp_path):
    written = [f"{factor * t + shift:.4f}" for t in (25.1, 25.2, 25.3, 25.3)]
    lines = BASYTEC.replace("°C", unit).splitlines()
    rows = [
        line.rpartition("\t")[0] + "\t" + value.replace(".", ",")
        for line, value in zip(lines[5:], written, strict=True)
    ]
    record = basytec.reader.read(_write(tmp_path, "\n".join([*lines[:5], *rows]) + "\n"))
    np.testing.assert_allclose(record["temperature"], [25.1, 25.2, 25.3, 25.3], atol=1e-3)
    lines = NEWARE.splitlines()
    text = "\n".join(
        [lines[0] + f",T1({unit})", *(f"{a},{b}" for a, b in zip(lines[1:], written, strict=True))]
    )
    record = neware_csv.reader.read(_write(tmp_path, text + "\n"))
    np.testing.assert_allclose(record["temperature"], [25.1, 25.2, 25.3, 25.3], atol=1e-3)
    lines = MACCOR.splitlines()
    text = "\n".join(
        [*lines[:2], lines[2] + f"\tTemp 1 ({unit})"]
        + [f"{a}\t{b}" for a, b in zip(lines[3:], [*written, written[-1]], strict=True)]
    )
    record = maccor.reader.read(_write(tmp_path, text + "\n"))
    np.testing.assert_allclose(record["temperature"][:4], [25.1, 25.2, 25.3, 25.3], atol=1e-3)


def test_temperatures_in_doubt_are_told_or_refused(tmp_path):
    with pytest.raises(ReadError, match=r"T1 says the unit 'mv'; known are °C, K, °F"):
        basytec.reader.read(_write(tmp_path, BASYTEC.replace("°C", "mV")))
    text = BASYTEC.replace("T1[°C]", "T1")
    assert "warnings" not in basytec.reader.read(_write(tmp_path, text)).attrs
    for t in ("25,1", "25,2", "25,3"):
        text = text.replace(t, t.replace("25", "298"))
    said = basytec.reader.read(_write(tmp_path, text)).attrs["warnings"]
    assert "T1 has no unit and is 298.2: it may be in K" in said


def test_maccor_clock_change_is_told(tmp_path):
    text = MACCOR.replace("05/01/2024 11:00:00", "05/01/2024 10:00:00")
    warnings = maccor.reader.read(_write(tmp_path, text)).attrs["warnings"]
    assert "the clock jumps by -1.00 h against test time at line 8" in warnings


def test_maccor_csv_without_state_takes_the_sign_from_the_voltage(tmp_path):
    record = maccor.reader.read(_write(tmp_path, MACCOR_CSV))
    np.testing.assert_allclose(record["current"], [0, 2, 2, 2, -2, -2, -2])
    assert "taken from the voltage, which falls in 1 steps" in record.attrs["warnings"]
    assert "no unit: it is taken as A" in record.attrs["warnings"]


def test_maccor_reads_numbers_with_thousands_parted(tmp_path):
    text = MACCOR.replace("  1d 02:00:0", "93,600.5").replace("  1d 01:00:0", "90,000.0")
    text = text.replace("TestTime", "Test (Sec)")
    for old, new in (("  0d 00:00:0\t  0d", "0.0\t  0d"), ("  0d 00:00:5.05\t", "5.0\t")):
        text = text.replace(old, new)
    text = text.replace("  0d 00:01:0\t", "60.0\t")
    np.testing.assert_allclose(
        maccor.reader.read(_write(tmp_path, text))["time"], [0, 5, 60, 90000, 93600.5]
    )


def test_neware_units_come_from_the_heads(tmp_path):
    milli = neware_csv.reader.read(_write(tmp_path, NEWARE))
    np.testing.assert_allclose(milli["current"], [0, 2.5e-3, 2.5e-3, -2.5e-3])
    np.testing.assert_allclose(milli["time"], [0, 60, 93660, 93720])
    np.testing.assert_allclose(milli["charge_capacity"], [0, 0.1, 65, 0])
    whole = NEWARE.replace("(mA)", "(A)").replace("(mAh)", "(Ah)")
    amperes = neware_csv.reader.read(_write(tmp_path, whole))
    np.testing.assert_allclose(amperes["current"], 1000 * milli["current"])
    np.testing.assert_allclose(amperes["capacity"], 1000 * milli["capacity"])


def test_neware_without_units_or_total_time_is_refused(tmp_path):
    with pytest.raises(ReadError, match=r"current says the unit ''.*units in the heads"):
        neware_csv.reader.read(_write(tmp_path, NEWARE.replace("(mA)", "")))
    with pytest.raises(ReadError, match="no column Total Time"):
        neware_csv.reader.read(_write(tmp_path, NEWARE.replace("Total Time", "Other")))


def test_basytec_with_decimal_commas_and_hours(tmp_path):
    record = basytec.reader.read(_write(tmp_path, BASYTEC))
    np.testing.assert_allclose(record["time"], [0, 1800, 3600, 5400])
    np.testing.assert_allclose(record["current"], [0, 2e-3, 2e-3, -2e-3])
    np.testing.assert_allclose(record["capacity"], [0, 0, 1, 0.5])
    np.testing.assert_allclose(record["temperature"], [25.1, 25.2, 25.3, 25.3])
    assert record.attrs["test_name"] == "formation"


def test_bdf_labels_and_empty_cells(tmp_path):
    record = battery_data_format.reader.read(_write(tmp_path, BDF))
    np.testing.assert_allclose(record["charge_capacity"], [0, 2, np.nan])
    assert "warnings" not in record.attrs


def test_bdf_time_that_cannot_be_is_told_and_kept(tmp_path):
    rows = "".join(f"{i * 108000},3.{i:03d},0.001\n" for i in range(400))
    text = "test_time_second,voltage_volt,current_ampere\n" + rows
    record = battery_data_format.reader.read(_write(tmp_path, text))
    assert "3600 times too large (rows every 30 s)" in record.attrs["warnings"]
    assert float(record["time"][-1]) == 399 * 108000


def test_bdf_written_is_read_again(tmp_path):
    first = maccor.reader.read(_write(tmp_path, MACCOR))
    path = write_bdf(first, tmp_path / "out.bdf.csv")
    again = battery_data_format.reader.read(path)
    assert set(again) == set(first)
    for name in first:
        np.testing.assert_allclose(again[name], first[name], rtol=1e-14, err_msg=name)
    assert not list(tmp_path.glob("*.part"))


def test_ec_lab_current_is_charge_over_time_and_facts_are_kept(tmp_path):
    record = biologic_text.reader.read(_write(tmp_path, EC_LAB, "a.mpt"))
    np.testing.assert_allclose(record["current"], [0, 3.6e-4, 3.6e-4, -1.8e-4])
    np.testing.assert_allclose(record["capacity"], [0, 1e-3, 2e-3, 5e-4])
    assert record.attrs["area_cm2"] == pytest.approx(0.785)
    assert record.attrs["mass_g"] == pytest.approx(8.3e-3)
    assert record.attrs["reference_electrode"] == "In/LiIn"
    assert record.attrs["technique"].startswith("Galvanostatic")
    default = EC_LAB.replace("0,785", "0,001").replace("8,300 mg", "0,001 g")
    attrs = biologic_text.reader.read(_write(tmp_path, default, "a.mpt")).attrs
    assert not {"area_cm2", "mass_g"} & set(attrs)


def test_ec_lab_charge_in_coulomb(tmp_path):
    text = EC_LAB.replace("dq/mA.h", "dQ/C")
    record = biologic_text.reader.read(_write(tmp_path, text, "a.mpt"))
    np.testing.assert_allclose(record["current"], [0, 1e-4, 1e-4, -5e-5])


def test_ec_lab_block_that_ends_early_is_refused(tmp_path):
    with pytest.raises(ReadError, match=r"says 90 header lines, but has 13"):
        biologic_text.reader.read(_write(tmp_path, EC_LAB.replace(": 9\n", ": 90\n"), "a.mpt"))


def _sweeps(frequencies):
    heads = "EC-Lab ASCII FILE\nNb header lines : 3\nfreq/Hz\tRe(Z)/Ohm\t-Im(Z)/Ohm\ttime/s\t\n"
    rows = [f"{f}\t{10 + i}\t{1 + i}\t{i}\t\n" for i, f in enumerate(frequencies)]
    return heads + "".join(rows)


def test_ec_lab_loops_of_impedance(tmp_path):
    path = _write(tmp_path, _sweeps([100, 10, 1, 100, 10, 1]), "a.mpt")
    spectrum = biologic_text.reader.read(path)
    assert spectrum.dims == ("scan", "frequency")
    np.testing.assert_allclose(spectrum.values[1], [13 - 4j, 14 - 5j, 15 - 6j])
    path = _write(tmp_path, _sweeps([100, 10, 1, 100, 20, 1]), "a.mpt")
    with pytest.raises(ReadError, match="export each sweep to a file of its own"):
        biologic_text.reader.read(path)


def test_plain_text_units_and_decimal_comma(tmp_path):
    record = cycling_text.reader.read(_write(tmp_path, PLAIN))
    np.testing.assert_allclose(record["time"], [0, 60, 120])
    np.testing.assert_allclose(record["current"], [0, 5e-4, 5e-4])


@pytest.mark.parametrize("head", ["t (s),E (V),I (A)", "t / s,E / V,I / A", "Time[s],U[V],I[A]"])
def test_plain_text_heads(head, tmp_path):
    path = _write(tmp_path, head + "\n0,3.0,1\n1,3.5,1\n")
    assert cycling_text.reader.recognises(_start(path)) == BY_TABLE
    np.testing.assert_allclose(cycling_text.reader.read(path)["current"], [1, 1])


def test_plain_text_without_units_is_refused(tmp_path):
    with pytest.raises(ReadError, match=r"current has no unit; known are a, ma"):
        cycling_text.reader.read(_write(tmp_path, PLAIN.replace("current/mA", "current")))
    with pytest.raises(ReadError, match=r"current says the unit 'ma/cm2'"):
        cycling_text.reader.read(_write(tmp_path, PLAIN.replace("/mA", "/mA/cm2")))
    with pytest.raises(ReadError, match=r"charge_capacity says the unit 'mah'; known are mah/g"):
        cycling_text.reader.read(_write(tmp_path, TABLE.replace("mAh g-1", "mAh")))


def test_table_of_cycles(tmp_path):
    table = cycling_text.reader.read(_write(tmp_path, TABLE))
    assert table.attrs["kind"] == "cycle_table"
    assert table["cycle"].values.tolist() == [1, 2, 5]
    np.testing.assert_allclose(table["discharge_capacity"], [183, 182.5, np.nan])
    np.testing.assert_allclose(table["coulomb_efficiency"], [0.769, 0.961, np.nan])
    with pytest.raises(ReadError, match="not whole and ascending"):
        cycling_text.reader.read(_write(tmp_path, TABLE.replace("\n5,", "\n2,")))


def test_current_against_the_voltage_is_told(tmp_path):
    rows = "".join(f"{i},{4 - i / 10},{{}}\n" for i in range(9))
    head = "time/s,voltage/V,current/mA\n"
    magnitude = cycling_text.reader.read(_write(tmp_path, head + rows.replace("{}", "1")))
    assert "magnitude without sign" in magnitude.attrs["warnings"]
    right = cycling_text.reader.read(_write(tmp_path, head + rows.replace("{}", "-1")))
    assert "warnings" not in right.attrs


@pytest.mark.parametrize("name", [n for n in FORMS if n != "table.csv"])
def test_cut_last_line_is_left_out_and_told(name, tmp_path):
    module, text = FORMS[name]
    whole = module.reader.read(_write(tmp_path, text, name))
    line = text.rstrip("\n").rpartition("\n")[2]
    cut = text[: text.rindex(line)] + line[:4]
    record = module.reader.read(_write(tmp_path, cut, name))
    assert record.sizes["record"] == whole.sizes["record"] - 1
    assert "last line is cut short" in record.attrs["warnings"]


@pytest.mark.parametrize(
    ("name", "good", "line"),
    [
        ("maccor.txt", "3.20", 5),
        ("neware.csv", "3.1", 3),
        ("basytec.txt", "3,60", 7),
        ("a.bdf.csv", "3.1", 3),
        ("gcpl.mpt", "3,10E+000", 11),
        ("plain.txt", "3,1", 4),
    ],
)
def test_damaged_number_is_named_with_its_line(name, good, line, tmp_path):
    module, text = FORMS[name]
    path = _write(tmp_path, text.replace(good, "3x1", 1), name)
    with pytest.raises(ReadError, match=rf"line {line}: .*'3x1', no number; the file is damaged"):
        module.reader.read(path)


def test_odd_rows_are_kept_and_told(tmp_path):
    text = BDF + "20,3.2,0.001,1,\n15,3.3,0.001,1,\n"
    record = battery_data_format.reader.read(_write(tmp_path, text))
    assert record.sizes["record"] == 5
    assert "time goes back 1 times, first at row 5" in record.attrs["warnings"]
    assert "1 rows repeat the one before" in record.attrs["warnings"]


def test_heads_alone_and_too_many_cells_are_refused(tmp_path):
    with pytest.raises(ReadError, match="no row of data below them"):
        battery_data_format.reader.read(_write(tmp_path, BDF.partition("\n")[0] + "\n"))
    with pytest.raises(ReadError, match="line 3 has 6 cells under 5 heads"):
        battery_data_format.reader.read(_write(tmp_path, BDF.replace("10,3.1", "10,3,1")))
