"""Do real files of cyclers give the numbers that others found in them?"""

from __future__ import annotations

import importlib.util
import os
import stat
import sys
import zipfile

import numpy as np
import pytest

from coatcore import ReadError, validate
from coatcore.reading.registry import BY_CONTENT, NO, FileStart
from electrochem.readers.biologic import mpr as biologic_mpr
from electrochem.readers.biologic import mpt as biologic_text
from electrochem.readers.cyclers import (
    arbin_res,
    basytec,
    battery_data_format,
    maccor,
    neware_csv,
    neware_ndax,
)

needs_galvani = pytest.mark.skipif(
    importlib.util.find_spec("galvani") is None, reason="galvani (extra biologic) is not installed"
)
needs_neware = pytest.mark.skipif(
    importlib.util.find_spec("NewareNDA") is None,
    reason="NewareNDA (extra neware) is not installed",
)


@pytest.fixture
def folder(reference):
    return reference / "electrochem"


def _start(path, size=65536):
    raw = path.read_bytes()
    return FileStart(path, len(raw), raw[:size])


def _read(module, path):
    assert module.reader.recognises(_start(path)) == BY_CONTENT
    obj = module.reader.read(path)
    assert validate(obj) == []
    return obj


def _ends(variable):
    return float(variable.min()), float(variable.max())


def test_maccor_magnitude_of_2020(folder):
    record = _read(maccor, folder / "cellpy_maccor_001.txt")
    assert record.sizes["record"] == 6704
    assert _ends(record["voltage"]) == (2.50004, 4.20012)
    assert float(record["capacity"].max()) == pytest.approx(4544.03)
    current = record["current"].values
    # D and C of the file; a few rows of each stand at zero current.
    assert (current < 0).sum() == pytest.approx(2082, abs=20)
    assert (current > 0).sum() == pytest.approx(2450, abs=20)
    assert "sign is taken from State" in record.attrs["warnings"]
    assert "cycle number is 0 throughout" in record.attrs["warnings"]


def test_maccor_over_a_change_of_the_clock(folder):
    record = _read(maccor, folder / "beep_maccor_tztest.010")
    assert record.sizes["record"] == 2165
    assert _ends(record["cycle"]) == (86, 89)
    assert _ends(record["voltage"]) == pytest.approx((2.69986, 4.40002), abs=1e-5)
    assert float(record["current"].min()) == pytest.approx(-2.42573, abs=1e-5)
    assert (record["current"] < 0).sum() == 1155
    assert (record["current"] > 0).sum() == 883
    assert (np.diff(record["time"]) >= 0).all()
    assert "the clock jumps by -1.00 h" in record.attrs["warnings"]


def test_maccor_truncated(folder):
    record = _read(maccor, folder / "beep_maccor_truncated.034")
    assert record.sizes["record"] == 4061
    assert _ends(record["cycle"]) == (0, 1)
    assert _ends(record["voltage"]) == pytest.approx((2.70001, 4.20005), abs=1e-5)
    assert float(record["capacity"].max()) == pytest.approx(4773.351, abs=1e-3)


def test_maccor_csv(folder):
    record = _read(maccor, folder / "pyprobe_maccor.csv")
    assert record.sizes["record"] == 15
    assert float(record["current"].max()) == 28.844
    assert "current is never negative and the file has no State" in record.attrs["warnings"]


def test_neware_csv_capacities_by_cycle(folder):
    record = _read(neware_csv, folder / "cellpy_neware_uio.csv")
    assert record.sizes["record"] == 9065
    greatest = record.set_coords("cycle").groupby("cycle").max()
    assert greatest["cycle"].values.tolist() == [1, 2, 3, 4]
    discharge, charge = greatest["discharge_capacity"], greatest["charge_capacity"]
    np.testing.assert_allclose(discharge, [4.68031, 4.06473, 4.02979, 3.31516], atol=1e-5)
    np.testing.assert_allclose(charge, [4.24934, 4.24668, 4.24183, 1.43796], atol=1e-5)
    assert "warnings" not in record.attrs


def test_basytec(folder):
    record = _read(basytec, folder / "pyprobe_basytec.txt")
    assert record.sizes["record"] == 74
    assert float(record["capacity"][-1]) == pytest.approx(1.248917)
    assert record.attrs["acquired"] == "19.06.2023 17:56:53"


def test_bdf_with_time_in_doubt(folder):
    record = _read(battery_data_format, folder / "bdf_DLR_LiLNMO_POCV.bdf.csv")
    assert record.sizes["record"] == 17860
    assert _ends(record["voltage"]) == pytest.approx((2.9938, 4.9001), abs=1e-4)
    assert _ends(record["current"]) == pytest.approx((-3.3e-4, 3.3e-4), abs=1e-6)
    assert "it may be 3600 times too large" in record.attrs["warnings"]
    time = record["time"].values / 3600
    assert np.ptp(time) == pytest.approx(147342, abs=1)
    passed = np.cumsum(record["current"].values[1:] * np.diff(time)) / 3.6
    assert passed.max() == pytest.approx(6.27, abs=0.005)


@needs_neware
def test_ndax(folder):
    record = _read(neware_ndax, folder / "navani_test.ndax")
    assert record.sizes["record"] == 1464
    assert _ends(record["voltage"]) == pytest.approx((1.4995, 4.3998), abs=1e-6)
    assert float(record["discharge_capacity"].max()) == pytest.approx(0.62545, abs=1e-5)
    assert float(record["charge_capacity"].max()) == pytest.approx(0.59304, abs=1e-5)
    # From 20:24:23 to 08:34:23 by the file's own clock.
    assert float(record["time"][-1]) == 12 * 3600 + 10 * 60
    assert (np.diff(record["time"]) >= 0).all()


@needs_neware
def test_ndax_of_a_quarter_million_rows(folder):
    record = _read(neware_ndax, folder / "cellpy_20260302_IFE_BTS85_2_9_8_1.ndax")
    assert record.sizes["record"] == 252951
    assert "cycle number is 1 throughout" in record.attrs["warnings"]
    # Charge as counted by the cycler, anew in each step, and as integrated here.
    charge = np.sum(record["current"].values[1:] * np.diff(record["time"])) / 3.6
    counted = record["charge_capacity"].groupby(record["step"]).max().sum()
    assert charge == pytest.approx(float(counted), rel=1e-4)


def test_ndax_without_its_library_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "NewareNDA", None)
    monkeypatch.setitem(sys.modules, "NewareNDA.NewareNDAx", None)
    with pytest.raises(ReadError, match=r"NewareNDA is not installed; pip install 'coatqc\[neware"):
        neware_ndax.reader.read(tmp_path / "a.ndax")


def _archive(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@needs_neware
@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"data.ndc": b"", "../../evil": b""}, "written elsewhere"),
        ({"data.ndc": b"", "/etc/evil": b""}, "written elsewhere"),
        ({"data.ndc": b"", "C:\\evil": b""}, "written elsewhere"),
        ({"VersionInfo.xml": b""}, "holds no data.ndc"),
        ({"data.ndc": b"", "VersionInfo.xml": b'<!ENTITY a "b">'}, "XML with entities"),
        ({"data.ndc": b"\x01\x00\x63" + bytes(9000)}, "NewareNDA cannot read it"),
    ],
)
def test_ndax_archives_that_are_refused(members, words, tmp_path):
    with pytest.raises(ReadError, match=words):
        neware_ndax.reader.read(_archive(tmp_path / "a.ndax", members))


@needs_neware
def test_ndax_that_would_fill_the_disk_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(neware_ndax, "_MAX_UNPACKED", 2**20)
    path = _archive(tmp_path / "a.ndax", {"data.ndc": bytes(2**21)})
    with pytest.raises(ReadError, match="would unpack to 2 MiB"):
        neware_ndax.reader.read(path)


def test_other_zips_are_left_alone(tmp_path):
    path = _archive(tmp_path / "a.ndax", {"word/document.xml": b"about data.ndc"})
    assert neware_ndax.reader.recognises(_start(path)) == NO


@needs_galvani
@pytest.mark.parametrize("name", ["gcpl.issue_149", "ca.issue_149", "cv"])
def test_mpr_and_mpt_of_one_run_agree(name, folder):
    binary = _read(biologic_mpr, folder / f"yadg_{name}.mpr")
    text = _read(biologic_text, folder / f"yadg_{name}.mpt")
    assert binary.sizes == text.sizes
    shared = set(binary) & set(text)
    assert {"time", "voltage", "current", "cycle", "capacity"} <= shared
    for column in shared:
        np.testing.assert_allclose(
            binary[column], text[column], rtol=1e-6, atol=1e-12, err_msg=column
        )
    assert binary.attrs["technique"] == text.attrs["technique"]


@needs_galvani
@pytest.mark.parametrize(
    ("binary", "text"),
    [
        ("yadg_peis.issue_149.mpr", "yadg_peis.issue_149.mpt"),
        ("yadg_geis.issue_149.mpr", "yadg_geis.issue_149.mpt"),
        ("hybriddrt_PEIS_LPSCl_m25C.mpr", "hybriddrt_PEIS_LPSCl_m25C.txt"),
    ],
)
def test_impedance_of_mpr_and_text_agrees(binary, text, folder):
    one, other = _read(biologic_mpr, folder / binary), _read(biologic_text, folder / text)
    assert one.dims == other.dims
    np.testing.assert_allclose(one["frequency"], other["frequency"], rtol=1e-6)
    np.testing.assert_allclose(one.values, other.values, rtol=1e-6)


# Points, first and last frequency, first and last impedance.
IMPEDANCE = {
    "hybriddrt_PEIS_SSB.mpr": (89, 7.00002e6, 9.99726e-3, None, 2416.7 - 454.96j),
    "hybriddrt_PEIS_LPSCl_m25C.txt": (
        79, 7.00002e6, 0.100022, 359.241 - 290.92j, 1.79943e6 - 8.09379e6j
    ),
    "bdf_PEIS-0.mpr": (60, 10001, 9.31323e-3, None, 95.2886 - 80.3527j),
    "exampleDataBioLogic.mpt": (43, 1000.32, 0.0168955, 65.4709 - 0.38999j, 110.97 - 2.34586j),
    "yadg_peis.issue_149.mpt": (84, 199998, 99.9682, 12.7533 - 0.961678j, 82.6332 - 17.3862j),
    "yadg_geis.issue_149.mpt": (84, 199998, 99.9682, None, 83.4133 - 17.5659j),
}  # fmt: skip


@pytest.mark.parametrize("name", IMPEDANCE)
def test_impedance_facts(name, folder):
    binary = name.endswith(".mpr")
    if binary:
        pytest.importorskip("galvani", reason="galvani (extra biologic) is not installed")
    z = _read(biologic_mpr if binary else biologic_text, folder / name)
    points, high, low, first, last = IMPEDANCE[name]
    assert z.size == points
    assert z["frequency"].values[[0, -1]] == pytest.approx([high, low], rel=1e-5)
    assert z.values.flat[-1] == pytest.approx(last, rel=1e-5)
    if first is not None:
        assert z.values.flat[0] == pytest.approx(first, rel=1e-5)


@needs_galvani
def test_mpr_records(folder):
    record = _read(biologic_mpr, folder / "hybriddrt_CP_SSB.mpr")
    assert record.sizes["record"] == 30208
    assert _ends(record["voltage"]) == pytest.approx((2.9087, 2.9385), abs=1e-4)
    assert _ends(record["current"]) == pytest.approx((-8.43e-6, 8.39e-6), abs=1e-8)
    assert _ends(record["time"]) == pytest.approx((19.89, 50.096), abs=0.01)
    stopped = _read(biologic_mpr, folder / "bdf_GCPL-0.mpr")
    assert stopped.sizes["record"] == 4
    assert _ends(stopped["voltage"]) == pytest.approx((3.5147, 3.5151), abs=1e-4)
    assert (stopped["current"] == 0).all()


@needs_galvani
def test_mpr_of_mixed_technique_is_a_record(folder):
    record = _read(biologic_mpr, folder / "cellpy_biol.mpr")
    assert record.attrs["kind"] == "cell_record"
    assert record.sizes["record"] == 23561
    assert _ends(record["voltage"]) == pytest.approx((0.12335, 0.99990), abs=1e-5)
    assert float(record["capacity"].max()) == pytest.approx(4.97689, abs=1e-5)
    assert "rows are of impedance" in record.attrs["warnings"]
    assert "against the reference electrode" in record.attrs["warnings"]


def test_mpt_records(folder):
    gcpl = _read(biologic_text, folder / "yadg_gcpl.issue_149.mpt")
    assert gcpl.sizes["record"] == 132
    assert _ends(gcpl["voltage"]) == pytest.approx((3.4138, 3.4466), abs=1e-4)
    assert _ends(gcpl["current"]) == pytest.approx((-3e-5, 3e-5), abs=1e-7)
    cv = _read(biologic_text, folder / "yadg_cv.mpt")
    assert cv.sizes["record"] == 5103
    assert _ends(cv["voltage"]) == pytest.approx((1.4992, 5.4991), abs=1e-4)
    assert _ends(cv["cycle"]) == (1, 2)
    assert float(cv["current"].max()) == pytest.approx(61.336e-3, abs=1e-6)
    ca = _read(biologic_text, folder / "yadg_ca.issue_149.mpt")
    assert _ends(ca["time"]) == pytest.approx((20.65, 629.935), abs=1e-2)
    assert _ends(ca["current"]) == pytest.approx((9.386e-6, 13.323e-6), abs=1e-9)
    assert not {"mass_g", "area_cm2"} & set(gcpl.attrs)
    bare = _read(biologic_text, folder / "pyprobe_biologic_no_header.mpt")
    assert bare.sizes["record"] == 13
    assert "temperature" in bare


def test_mpr_without_its_library_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "galvani", None)
    monkeypatch.setitem(sys.modules, "galvani.BioLogic", None)
    with pytest.raises(ReadError, match=r"galvani is not installed; pip install 'coatqc\[biologic"):
        biologic_mpr.reader.read(tmp_path / "a.mpr")


@needs_galvani
def test_mpr_that_is_cut_or_has_unknown_columns_is_refused(folder, tmp_path, monkeypatch):
    raw = (folder / "bdf_GCPL-0.mpr").read_bytes()
    path = tmp_path / "a.mpr"
    path.write_bytes(raw[:-5000])
    with pytest.raises(ReadError, match=r"galvani cannot read it .*export it as text \(.mpt\)"):
        biologic_mpr.reader.read(path)
    from galvani import BioLogic

    monkeypatch.delitem(BioLogic.VMPdata_colID_dtype_map, 6)
    with pytest.raises(ReadError, match=r"Column ID 6 .*export it as text \(.mpt\) in EC-Lab"):
        biologic_mpr.reader.read(folder / "bdf_GCPL-0.mpr")


def test_arbin_without_mdbtools_says_what_to_install(folder, monkeypatch, tmp_path):
    path = folder / "cellpy_20160805_test001_45_cc_01.res"
    assert arbin_res.reader.recognises(_start(path)) == BY_CONTENT
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReadError, match="mdb-export of mdbtools is not installed; install mdbtool"):
        arbin_res.reader.read(path)


ARBIN = """Test_ID,Data_Point,Test_Time,Step_Time,DateTime,Step_Index,Cycle_Index,Current,Voltage,\
Charge_Capacity,Discharge_Capacity
1,2,10.5,10.5,42587.5,1,1,1.0e-3,3.1,2.0e-3,0.0
1,1,0.0,0.0,42587.5,1,1,0.0,3.0,0.0,0.0
1,3,20.5,0.0,42587.5,2,1,-1.0e-3,3.0,2.0e-3,1.0e-3
"""


def _mdb_export(folder, monkeypatch, script):
    tool = folder / "mdb-export"
    tool.write_text("#!/bin/sh\n" + script)
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_arbin_table_as_mdbtools_exports_it(tmp_path, monkeypatch):
    # mdbtools stands in as a script: what is tested is the table, not the database.
    script = f"[ \"$2\" = Channel_Normal_Table ] || exit 1\ncat <<'END'\n{ARBIN}END\n"
    _mdb_export(tmp_path, monkeypatch, script)
    path = tmp_path / "a.res"
    path.write_bytes(b"\x00\x01\x00\x00Standard Jet DB\x00")
    record = arbin_res.reader.read(path)
    assert validate(record) == []
    np.testing.assert_allclose(record["time"], [0, 10.5, 20.5])
    np.testing.assert_allclose(record["current"], [0, 1e-3, -1e-3])
    np.testing.assert_allclose(record["charge_capacity"], [0, 2, 2])
    assert record.attrs["acquired"] == "2016-08-05T12:00:00"


def test_arbin_failures_of_mdbtools_are_told(tmp_path, monkeypatch):
    path = tmp_path / "a.res"
    path.write_bytes(b"\x00\x01\x00\x00Standard Jet DB\x00")
    _mdb_export(tmp_path, monkeypatch, "echo 'no such table' >&2\nexit 1\n")
    with pytest.raises(ReadError, match=r"no table Channel_Normal_Table in it \(no such table\)"):
        arbin_res.reader.read(path)
    _mdb_export(tmp_path, monkeypatch, "exec sleep 20\n")
    monkeypatch.setattr(arbin_res, "_TIMEOUT_S", 0.2)
    with pytest.raises(ReadError, match="did not end within"):
        arbin_res.reader.read(path)
