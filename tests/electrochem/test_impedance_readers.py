"""Impedance files of five vendors and csv against their stated facts and impedance.py."""

from __future__ import annotations

import numpy as np
import pytest

from coatcore import ReadError, read, validate

# Points, first and last frequency, first and last impedance, as the files themselves say.
FACTS = {
    "exampleData.csv": (66, 3.1623e-3, 1e4, 0.0494999 - 0.0204387j, 0.0157715 + 0.0101575j),
    "exampleDataGamry.DTA": (72, 200015.6, 0.0158898, 825.8584 - 1367.239j, 17007.49 - 6635.557j),
    "exampleDataCHInstruments.txt": (73, 99610, 0.1, 98.91 - 2.748j, 5685 - 15860j),
    "exampleDataParstat.txt": (
        31, 1e4, 10, -0.000498163 + 0.0175143j, 0.0270946 - 0.00399791j),
    "exampleDataVersaStudio.par": (61, 1e5, 0.0215444, 55.3157 + 4.57543j, 1516.31 - 122.828j),
    "exampleDataZPlot.z": (21, 3e5, 3000, 147.77 - 11.335j, 613.68 - 137.13j),
    "Circuit1_EIS_1.z": (48, 5e4, 1, 29.036 + 0.63662j, 75.803 - 0.16244j),
    "Circuit3_EIS_1.z": (53, 1.5e5, 1, 1493.7 + 10.377j, 6137.5 + 17.89j),
    "exampleDataBioLogic.mpt": (43, 1000.32, 0.0168955, 65.4709 - 0.38999j, 110.97 - 2.34586j),
}  # fmt: skip


@pytest.mark.parametrize("name", FACTS)
def test_facts(name, reference):
    z = read(reference / "electrochem" / name)
    n, first_f, last_f, first_z, last_z = FACTS[name]
    assert validate(z) == []
    assert z.dims == ("frequency",)
    assert z.sizes["frequency"] == n
    assert np.isclose(z["frequency"].values[[0, -1]], [first_f, last_f], rtol=1e-5).all()
    assert np.isclose(z.values[[0, -1]], [first_z, last_z], rtol=1e-5).all()
    assert z.attrs["units"] == "ohm"


@pytest.mark.parametrize(
    ("name", "instrument"),
    [
        ("exampleDataGamry.DTA", "gamry"),
        ("exampleDataParstat.txt", "parstat"),
        ("exampleDataVersaStudio.par", "versastudio"),
        ("exampleDataZPlot.z", "zplot"),
        ("exampleDataCHInstruments.txt", "chinstruments"),
        ("exampleDataBioLogic.mpt", "biologic"),
    ],
)
def test_every_point_agrees_with_impedance_py(name, instrument, reference):
    preprocessing = pytest.importorskip("impedance.preprocessing")
    path = reference / "electrochem" / name
    frequency, impedance = preprocessing.readFile(str(path), instrument=instrument)
    z = read(path)
    assert np.array_equal(z["frequency"].values, frequency)
    assert np.array_equal(z.values, impedance)


def test_an_aborted_run_says_so_and_gives_what_there_is(reference):
    z = read(reference / "electrochem" / "exampleDataGamryABORT.DTA")
    assert z.sizes["frequency"] == 72
    assert z.attrs["aborted"] == "yes"
    assert "aborted" in z.attrs["warnings"]
    assert "0.001 Hz was asked for" in z.attrs["warnings"]


def test_heads_say_sign_unit_and_order(tmp_path):
    path = tmp_path / "autolab.txt"
    path.write_text(
        "Index;Frequency (Hz);Z' (kΩ);-Z'' (kΩ)\n1;1000,0;0,010;0,002\n2;100,0;0,020;0,004\n",
        encoding="utf-8",
    )
    z = read(path)
    assert z.values.tolist() == [10 - 2j, 20 - 4j]
    assert z["frequency"].values.tolist() == [1000, 100]


def test_positive_imaginary_parts_are_flagged(tmp_path):
    rows = "\n".join(f"{10 ** (4 - i / 3):.6g},{5 + i},{1 + i}" for i in range(12))
    named = tmp_path / "named.csv"
    named.write_text("f/Hz,Z'/ohm,Z''/ohm\n" + rows + "\n")
    assert "imaginary part is positive" in read(named).attrs["warnings"]
    bare = tmp_path / "bare.csv"
    bare.write_text(rows + "\n")
    with pytest.raises(ReadError, match="Z'' or -Z''"):
        read(bare, kind="impedance_spectrum")


def test_sweeps_are_stacked_and_a_part_of_one_is_left_out(tmp_path):
    sweep = ["1000,1,-1", "100,2,-2", "10,3,-3"]
    path = tmp_path / "loops.csv"
    path.write_text("\n".join(["freq/Hz,Re(Z)/ohm,Im(Z)/ohm", *sweep, *sweep, *sweep[:2]]) + "\n")
    z = read(path)
    assert dict(z.sizes) == {"scan": 2, "frequency": 3}
    assert "2 of 3 points" in z.attrs["warnings"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["1000,1,-1", "100,2,-2", "200,2,-2", "10,3,-3"], "turn back at point 2"),
        (["1000,1,-1", "100,2,-2", "1000,1,-1", "50,2,-2"], "not over the frequencies"),
        (["1000,1,-1", "abc,2,-2", "10,1,-1"], "line 3"),
        (["1000,1,-1"], "1 frequencies"),
        (["1000,1,-1", "-100,2,-2"], "must be positive"),
    ],
)
def test_errors_in_words(rows, message, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("\n".join(["freq/Hz,Re(Z)/ohm,Im(Z)/ohm", *rows]) + "\n")
    with pytest.raises(ReadError, match=message):
        read(path)


def test_complex_numbers_survive_netcdf(tmp_path, reference):
    z = read(reference / "electrochem" / "Circuit1_EIS_1.z")
    z.to_netcdf(tmp_path / "z.nc", engine="h5netcdf")
    again = read(tmp_path / "z.nc")
    assert np.array_equal(again.values, z.values)
    assert again.attrs["kind"] == "impedance_spectrum"


@pytest.mark.parametrize(
    ("unit", "factor"), [("MOhm", 1e6), ("MΩ", 1e6), ("mohm", 1e-3), ("kΩ", 1e3), ("Ohm", 1.0)]
)
def test_milli_is_not_mega(unit, factor, tmp_path):
    path = tmp_path / "z.csv"
    path.write_text(f"freq/kHz,Z'/{unit},Z''/{unit}\n10,1,-0.5\n1,2,-1\n", encoding="utf-8")
    z = read(path)
    assert z.values.tolist() == [factor * (1 - 0.5j), factor * (2 - 1j)]
    assert z["frequency"].values.tolist() == [10_000, 1000]


def test_impedance_per_area_says_so(tmp_path):
    path = tmp_path / "z.csv"
    path.write_text("f/Hz,Z'/ohm cm2,-Z''/ohm cm2\n10,1,0.5\n1,2,1\n")
    z = read(path)
    assert z.attrs["units"] == "ohm cm2"
    assert z.values.tolist() == [1 - 0.5j, 2 - 1j]


def test_other_units_are_refused(tmp_path):
    path = tmp_path / "z.csv"
    path.write_text("freq (rad/s),Z'/ohm,Z''/ohm\n10,1,-0.5\n1,2,-1\n")
    with pytest.raises(ReadError):
        read(path, kind="impedance_spectrum")


def test_a_cut_last_row_of_gamry_is_left_out(tmp_path, reference):
    text = (reference / "electrochem" / "exampleDataGamry.DTA").read_bytes()
    path = tmp_path / "cut.DTA"
    path.write_bytes(text[: text.rindex(b"\t17007.49")])
    z = read(path)
    assert z.sizes["frequency"] == 71
    assert "cut short" in z.attrs["warnings"]
