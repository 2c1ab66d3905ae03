"""Every format of diffraction patterns: real files against other programs, bad files refused."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np
import pytest

from coatcore import ReadError, read, validate

# Points, first and last 2theta, sum of counts, as xrayutilities 1.8.0 reads them (its rate times
# its counting time).
XRAYUTILITIES = [
    ("Bi2O3-V2O5_400C_60min.xrdml", 8301, 9.9034, 100.0949, 8736736),
    ("CaCO3-NH4H2PO4_200C_60min.xrdml", 8301, 9.9034, 100.0949, 7423635),
    ("In2O3_0p5002-MnCO3_0p5000--2min.xrdml", 2071, 10.0217, 99.9959, 2774355),
    ("In2O3_0p5002-MnCO3_0p5000--8min.xrdml", 8282, 10.0094, 99.9944, 12617280),
    ("Li2CO3_0p9001-ZrO2_0p1000--2min.xrdml", 2071, 10.0217, 99.9959, 3445351),
    ("Li2CO3_0p9001-ZrO2_0p1000--8min.xrdml", 8282, 10.0094, 99.9944, 15280179),
    ("NH4H2PO4-Na2CO3_200C_60min.xrdml", 8301, 9.9034, 100.0949, 10590679),
    ("NiO_0p2030-Li2CO3_0p2999-TiO2_0p5025--2min.xrdml", 2071, 10.0217, 99.9959, 3302385),
    ("NiO_0p2030-Li2CO3_0p2999-TiO2_0p5025--8min.xrdml", 8282, 10.0094, 99.9944, 15293394),
    ("NiO_0p3035-Bi2O3_0p3016-Li2CO3_0p3997--2min.xrdml", 2071, 10.0217, 99.9959, 5051914),
    ("NiO_0p3035-Bi2O3_0p3016-Li2CO3_0p3997--8min.xrdml", 8282, 10.0094, 99.9944, 22836317),
    ("NiO_0p6007-Bi2O3_0p4008--2min.xrdml", 2071, 10.0217, 99.9959, 5315053),
    ("NiO_0p6007-Bi2O3_0p4008--8min.xrdml", 8282, 10.0094, 99.9944, 24155615),
    ("V2O5_0p4005-NiO_0p6016--2min.xrdml", 2071, 10.0217, 99.9959, 5568248),
    ("V2O5_0p4005-NiO_0p6016--8min.xrdml", 8282, 10.0094, 99.9944, 28283112),
    ("dara_bin_2Fe3O4-3Y2O3_1000C_60min.xrdml", 8301, 9.9034, 100.0949, 19426723),
    ("dara_bin_2FeC2O4H2O2-Y2O3_200C_60min.xrdml", 8301, 9.9034, 100.0949, 35752251),
    ("dara_bin_Bi2O3-Nb2O5_500C_60min.xrdml", 8301, 9.9034, 100.0949, 7791139),
    ("dara_bin_CoO-ZnO_1100C_60min.xrdml", 8301, 9.9034, 100.0949, 44141008),
    ("dara_bin_Cr2O3-2PbO_500C_60min.xrdml", 8301, 9.9034, 100.0949, 10303069),
    ("dara_bin_Cr2O3-2ZnO_1100C_60min.xrdml", 8301, 9.9034, 100.0949, 11149262),
    ("dara_bin_CuO-MnO_800C_60min.xrdml", 8301, 9.9034, 100.0949, 28576644),
    ("dara_bin_Fe2O3-2TiO2_1000C_60min.xrdml", 8301, 9.9034, 100.0949, 15875447),
    ("dara_bin_Fe3O4-3SrCO3_900C_60min.xrdml", 8301, 9.9034, 100.0949, 30214220),
    ("dara_bin_Fe3O4-3ZnO_1000C_60min.xrdml", 8301, 9.9034, 100.0949, 27593269),
    ("dara_bin_V2O5-2ZnO_400C_60min.xrdml", 8301, 9.9034, 100.0949, 6749480),
    ("dara_mix_In2O3_0p3022-LaOH3_0p5014-TiO2_0p2004--2min.xrdml", 2071, 10.0217, 99.9959, 1549116),
    ("dara_mix_In2O3_0p3022-LaOH3_0p5014-TiO2_0p2004--8min.xrdml", 8282, 10.0094, 99.9944, 7137407),
    ("dara_mix_V2O5_0p1012-In2O3_0p2008-TiO2_0p7001--2min.xrdml", 2071, 10.0217, 99.9959, 1259266),
    ("dara_mix_V2O5_0p1012-In2O3_0p2008-TiO2_0p7001--8min.xrdml", 8282, 10.0094, 99.9944, 5988488),
    ("dara_mix_V2O5_0p2012-LaOH3_0p5004-MnCO3_0p3013--2min.xrdml", 2071, 10.0217, 99.9959, 1848046),
    ("dara_mix_V2O5_0p2012-LaOH3_0p5004-MnCO3_0p3013--8min.xrdml", 8282, 10.0094, 99.9944, 8495983),
    ("dara_mix_V2O5_0p3015-TiO2_0p6998--2min.xrdml", 2071, 10.0217, 99.9959, 1321960),
    ("dara_mix_V2O5_0p3015-TiO2_0p6998--8min.xrdml", 8282, 10.0094, 99.9944, 6074022),
    ("dara_mix_V2O5_0p4013-In2O3_0p4021-LaOH3_0p2014--2min.xrdml", 2071, 10.0217, 99.9959, 1460272),
    ("dara_mix_V2O5_0p4013-In2O3_0p4021-LaOH3_0p2014--8min.xrdml", 8282, 10.0094, 99.9944, 6781130),
    ("dara_mix_V2O5_0p6008-ZnO_0p4010--2min.xrdml", 2071, 10.0217, 99.9959, 1456589),
    ("dara_mix_V2O5_0p6008-ZnO_0p4010--8min.xrdml", 8282, 10.0094, 99.9944, 7133710),
    ("dara_mix_V2O5_0p8011-ZrO2_0p2012--2min.xrdml", 2071, 10.0217, 99.9959, 1936982),
    ("dara_mix_V2O5_0p8011-ZrO2_0p2012--8min.xrdml", 8282, 10.0094, 99.9944, 9218324),
    ("dara_mix_ZnO_0p4006-In2O3_0p6008--2min.xrdml", 2071, 10.0217, 99.9959, 1693635),
    ("dara_mix_ZnO_0p4006-In2O3_0p6008--8min.xrdml", 8282, 10.0094, 99.9944, 7817013),
    ("empyrean.xrdml", 196, 30.0500, 41.7500, 1814),
    ("rbm2o5f_RbNb2O5F.xrdml", 8758, 5.0066, 119.9885, 121157230),
]
# As xyconv of xylib 1.6 reads them.
XYLIB = [
    ("BT86.raw", 2374, 3.0, 40.000291, 918372),
    ("Cu3Au-1.raw", 3901, 22.0, 100.0, 59299),
    ("D1A5.dat", 1680, -10.0, 157.9, 343018.7),
    ("xy_text.txt", 4001, 20.0, 100.0, 171142),
    ("rbm2o5f_RbNb2O5F.dat", 8757, 5.0197, 119.9884, 121130120),
]
# No other program at hand reads these two; what the layouts say was checked against their sizes.
ALONE = [
    ("aimat_bruker.raw", 4059, 37.0001, 120.0046, 32881728),
    ("aimat_stoe.raw", 5405, 10.0, 91.06, 12964626),
]
X = np.round(10 + 0.02 * np.arange(120), 4)
Y = np.random.default_rng(3).poisson(200 + 4000 * np.exp(-(((X - 11.2) / 0.06) ** 2))).astype(float)


@pytest.mark.parametrize("row", [*XRAYUTILITIES, *XYLIB, *ALONE], ids=lambda row: row[0])
def test_real_files_as_other_programs_read_them(reference, row):
    name, n, first, last, total = row
    pattern = read(reference / "xrd" / name, kind="xrd_pattern")
    x = pattern["two_theta"].values
    assert validate(pattern) == []
    assert (pattern.size, float(pattern.sum())) == (n, pytest.approx(total, abs=0.51))
    assert (x[0], x[-1]) == pytest.approx((first, last), abs=6e-5)


def test_every_real_file_is_accounted_for(reference):
    told = {row[0] for row in (*XRAYUTILITIES, *XYLIB, *ALONE)}
    refused = {"aimat_single.csv", "format1.raw", "with_commas.txt"}
    plain = {"XRD_Ru-Ir.csv", "XRD_Ru-Pd.csv", "with_sigma.txt", "dara_CaNiPO33_tutorial.xy"}
    for path in (reference / "xrd").iterdir():
        if path.suffix in (".md", ".cif", "") or path.name in told:
            continue
        if path.name in refused:
            with pytest.raises(ReadError):
                read(path, kind="xrd_pattern")
            continue
        assert path.name in plain or path.name.startswith("autoana_"), path.name
        columns = np.loadtxt(path, delimiter="," if path.suffix == ".csv" else None)
        pattern = read(path, kind="xrd_pattern")
        np.testing.assert_array_equal(pattern.values, columns[:, 1])
        np.testing.assert_array_equal(pattern["two_theta"].values, columns[:, 0])


def test_what_real_files_say_of_themselves(reference):
    facts = read(reference / "xrd" / "BT86.raw").attrs
    assert (facts["wavelength_angstrom"], facts["kalpha2_ratio"]) == (1.5406, 0.5)
    assert (facts["anode"], facts["counting_time_s"], facts["sample"]) == ("Cu", 0.5, "BT86")
    facts = read(reference / "xrd" / "aimat_bruker.raw").attrs
    assert facts["wavelength_angstrom"] == pytest.approx(1.5406, abs=1e-4)
    assert facts["scan_axis"] == "Locked Coupled"
    facts = read(reference / "xrd" / "empyrean.xrdml").attrs
    assert (facts["goniometer_radius_mm"], facts["scan_axis"]) == (240.0, "2Theta")
    assert "wavelength_angstrom" not in read(reference / "xrd" / "aimat_stoe.raw").attrs


def test_ranges_over_different_angles_are_told(reference):
    with pytest.raises(ReadError, match=r"10 to 20 degree, 101 points.*30 to 35.*40 to 45"):
        read(reference / "xrd" / "format1.raw")


# --- files written as the formats' descriptions say -----------------------------------------


def raw1(scans=1, mark_again=True):
    body = b"RAW "
    for i in range(scans):
        head = struct.pack("<IffIffff", X.size, 2.0, 0.02, 0, 0.0, 10.0, -1e6, -1e6)
        head += struct.pack("<f", -1e6) + b"steel".ljust(32, b"\0")
        head += struct.pack("<ff", 1.540598, 1.544426) + bytes(72)
        head += struct.pack("<I", scans - 1 - i)
        body += (b"RAW " if i and mark_again else b"") + head + Y.astype("<f4").tobytes()
    return body


def raw2(scans=1):
    body = b"RAW2" + struct.pack("<H", scans) + bytes(162) + b"03-MAY-1996 10:00:00" + b"Co"
    body += struct.pack("<fff", 1.78897, 1.79285, 0.5)
    body = body.ljust(256, b"\0")
    for _ in range(scans):
        head = struct.pack("<HHI", 64, X.size, 0) + struct.pack("<fff", 3.0, 0.02, 10.0)
        body += head.ljust(64, b"\0") + Y.astype("<f4").tobytes()
    return body


def uxd(paired=False, key=None):
    head = "; made\n_FILEVERSION=1\n_SAMPLE='steel'\n_WL1=1.540600\n_WL2=1.544390\n_ANODE='Cu'\n"
    head += "_DRIVE='COUPLED'\n_STEPTIME=2.000\n_STEPSIZE=0.020000\n_START=10.000000\n"
    if paired:
        rows = "".join(f"{x:.4f} {y:.0f}\n" for x, y in zip(X, Y, strict=True))
        return (head + f"{key or '_2THETACOUNTS'}\n" + rows).encode()
    rows = "\n".join(" ".join(f"{v:.0f}" for v in Y[i : i + 8]) for i in range(0, Y.size, 8))
    return (head + f"{key or '_COUNTS'}\n" + rows + "\n").encode()


def ras(attenuation=1.0, unit="counts"):
    head = '*RAS_DATA_START\n*RAS_HEADER_START\n*FILE_SAMPLE "steel"\n'
    head += '*HW_XG_TARGET_NAME "Cu"\n*HW_XG_WAVE_LENGTH_ALPHA1 "1.540593"\n'
    head += f'*MEAS_SCAN_UNIT_Y "{unit}"\n'
    head += '*MEAS_SCAN_AXIS_X_INTERNAL "TwoThetaTheta"\n*MEAS_SCAN_STEP "0.02"\n'
    head += (
        '*MEAS_SCAN_SPEED "2.0"\n*MEAS_SCAN_SPEED_UNIT "deg/min"\n*RAS_HEADER_END\n*RAS_INT_START\n'
    )
    rows = "".join(f"{x:.4f} {y:.4f} {attenuation:.4f}\n" for x, y in zip(X, Y, strict=True))
    return (head + rows + "*RAS_INT_END\n*RAS_DATA_END\n").encode()


def brml(absorber=1.0, name="Experiment0/RawData0.xml", text=None):
    points = "".join(
        f"<Datum>2.0,{absorber},{x:.4f},{x / 2:.4f},{y:.0f}</Datum>"
        for x, y in zip(X, Y, strict=True)
    )
    axes = "".join(f'<ScanAxisInfo AxisId="{a}"/>' for a in ("TwoTheta", "Theta"))
    page = (
        '<RawData xmlns:x="u"><Fixed><WaveLengthAlpha1 Value="1.5406"/></Fixed>'
        f"<DataRoutes><DataRoute><ScanInformation><ScanMode>StillScan</ScanMode>{axes}"
        f"</ScanInformation>{points}</DataRoute></DataRoutes></RawData>"
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, page if text is None else text)
    return file.getvalue()


def gsas(kind):
    def page(body):
        return f"title\nBANK 1 {X.size} 12 CONST 1000.0 2.0 0 0 {kind}\n{body}".encode()

    if kind == "STD":
        fields = [f" 1{y:6.0f}" for y in Y]
    elif kind == "ESD":
        fields = [f"{v:8.1f}" for y in Y for v in (y, np.sqrt(y))]
    else:
        rows = (f"{100 * x:.2f} {y:.1f} {np.sqrt(y):.3f}\n" for x, y in zip(X, Y, strict=True))
        return page("".join(rows))
    lines = ["".join(fields[i : i + 10]) for i in range(0, len(fields), 10)]
    return page("\n".join(lines) + "\n")


FILES = {
    "one.raw": raw1(),
    "two.raw": raw2(),
    "counts.uxd": uxd(),
    "paired.uxd": uxd(paired=True),
    "scan.ras": ras(),
    "scan.brml": brml(),
    "std.gsa": gsas("STD"),
    "esd.gsa": gsas("ESD"),
    "fxye.fxye": gsas("FXYE"),
}


def write_examples(folder):
    """Files of formats of which there is no real one, for the fuzz test."""
    paths = []
    for name, raw in FILES.items():
        paths.append(folder / name)
        paths[-1].write_bytes(raw)
    return paths


def _read(tmp_path, raw, name):
    path = tmp_path / name
    path.write_bytes(raw)
    return read(path)


@pytest.mark.parametrize("name", FILES)
def test_written_files_come_back(tmp_path, name):
    pattern = _read(tmp_path, FILES[name], name)
    assert validate(pattern) == []
    np.testing.assert_allclose(pattern["two_theta"], X, atol=2e-6)
    np.testing.assert_allclose(pattern.values, Y, atol=0.06)
    if not name.endswith(("gsa", "fxye")):
        assert pattern.name == "counts"
        assert pattern.attrs["wavelength_angstrom"] == pytest.approx(1.5, abs=0.3)


@pytest.mark.parametrize("raw", [raw1(2), raw1(2, mark_again=False), raw2(2)])
def test_equal_ranges_are_scans(tmp_path, raw):
    pattern = _read(tmp_path, raw, "a.raw")
    assert pattern.dims == ("scan", "two_theta")
    np.testing.assert_array_equal(pattern.values[1], Y)


def test_counts_and_rates_are_kept_apart(tmp_path):
    rate = _read(tmp_path, uxd(key="_CPS"), "a.uxd")
    assert (rate.name, rate.attrs["units"], rate.attrs["counting_time_s"]) == (
        "count_rate",
        "counts/s",
        2.0,
    )
    assert validate(rate) == []
    assert _read(tmp_path, ras(unit="cps"), "a.ras").name == "count_rate"
    assert _read(tmp_path, uxd(paired=True, key="_2THETACPS"), "b.uxd").name == "count_rate"
    table = "# 2theta cps\n" + "".join(f"{x} {y}\n" for x, y in zip(X, Y, strict=True))
    assert _read(tmp_path, table.encode(), "a.xy").name == "count_rate"


def test_attenuation_makes_intensities(tmp_path):
    for name, raw in (("a.ras", ras(10.0)), ("a.brml", brml(10.0))):
        pattern = _read(tmp_path, raw, name)
        assert pattern.name == "intensity"
        np.testing.assert_allclose(pattern.values, 10 * Y)


def xrdml(ordinate, more="", status="Completed", doctype=""):
    return (
        f'<?xml version="1.0"?>{doctype}<xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/1.0">'
        f'<xrdMeasurement><scan mode="Continuous" scanAxis="Gonio" status="{status}"><dataPoints>'
        '<positions axis="2Theta" unit="deg"><startPosition>10</startPosition>'
        "<endPosition>12.38</endPosition></positions>"
        f"{more}{ordinate}</dataPoints></scan></xrdMeasurement></xrdMeasurements>"
    ).encode()


NUMBERS = " ".join(f"{v:.0f}" for v in Y)
COUNTS, INTENSITIES = (
    f"<counts>{NUMBERS}</counts>",
    f'<intensities unit="counts">{NUMBERS}</intensities>',
)
FACTORS = f"<beamAttenuationFactors>{' '.join(['9.5'] * X.size)}</beamAttenuationFactors>"
TIMES = f"<countingTimes>{' '.join(['1.0'] * 60 + ['4.0'] * 60)}</countingTimes>"


@pytest.mark.parametrize(
    ("ordinate", "more", "name", "factor"),
    [
        (COUNTS, "", "counts", 1.0),
        (INTENSITIES, "", "counts", 1.0),
        # What was detected behind an attenuator, and what the program already corrected for it.
        (COUNTS, FACTORS, "intensity", 9.5),
        (INTENSITIES, FACTORS, "intensity", 1.0),
        (COUNTS, TIMES, "count_rate", np.r_[np.ones(60), np.full(60, 0.25)]),
        (COUNTS, "<commonCountingTime>3.0</commonCountingTime>", "counts", 1.0),
    ],
)
def test_counts_intensities_attenuation_and_time(tmp_path, ordinate, more, name, factor):
    pattern = _read(tmp_path, xrdml(ordinate, more), "a.xrdml")
    assert pattern.name == name
    np.testing.assert_allclose(pattern.values, Y * factor)
    assert pattern.attrs.get("counting_time_s") == (3.0 if "common" in more else None)


def test_an_unfinished_scan_is_told(tmp_path):
    assert (
        "Aborted"
        in _read(tmp_path, xrdml(COUNTS, status="Aborted"), "a.xrdml").attrs["assumptions"]
    )


def test_a_wavelength_is_read_from_a_header_and_never_guessed(tmp_path):
    rows = "".join(f"{x} {y:.0f}\n" for x, y in zip(X, Y, strict=True))
    told = _read(tmp_path, f"# 2theta\n# Wavelength: 1.5406 A\n{rows}".encode(), "a.xy")
    assert told.attrs["wavelength_angstrom"] == 1.5406
    silent = _read(tmp_path, f"# anode Cu, 2theta\n{rows}".encode(), "b.xy")
    assert "wavelength_angstrom" not in silent.attrs


def test_three_columns_have_an_uncertainty(tmp_path):
    rows = "".join(f"{x} {y:.0f} {np.sqrt(y):.2f}\n" for x, y in zip(X, Y, strict=True))
    pattern = _read(tmp_path, rows.encode(), "a.xye")
    np.testing.assert_allclose(pattern["standard_uncertainty"], np.sqrt(Y), atol=0.006)


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("name", "raw", "words"),
    [
        ("bomb.xrdml", xrdml("<counts>&b;</counts>", doctype=BOMB), "declares entities"),
        ("nan.xrdml", xrdml(COUNTS.replace(">", ">nan ", 1)), "angles|no numbers|NaN"),
        (
            "negative.xrdml",
            xrdml(COUNTS.replace(f">{Y[0]:.0f} ", ">-5 ")),
            "negative intensities, down to -5",
        ),
        ("one.xrdml", xrdml("<counts>7</counts>"), "1 points"),
        ("words.xrdml", xrdml("<counts>7 seven</counts>"), "something else than numbers"),
        ("cut.raw", raw1()[:400], "no room"),
        ("long.raw", raw1()[:4] + b"\xff\xff\xff\x7f" + raw1()[8:], "no room"),
        ("cut2.raw", raw2()[:100], "ends before"),
        ("four.raw", b"RAW4.00" + bytes(200), "no scan"),
        ("cut.uxd", uxd() + b"_STEPCOUNT=9\n_COUNTS\n1 2 3\n", "says _STEPCOUNT 9, has 3"),
        ("word.uxd", uxd().replace(b"_START=10.000000", b""), "no _START"),
        ("cut.ras", ras()[:1200], "cut short"),
        ("row.ras", ras().replace(b"10.0400", b"ten"), "no row of numbers"),
        ("none.brml", brml(name="Experiment0/Other.xml"), "no RawData"),
        ("bomb.brml", brml(text=BOMB + "<RawData>&b;</RawData>"), "declares entities"),
        ("cut.brml", brml()[:300], "no zip archive"),
        ("huge.brml", brml(text="0" * (201 * 2**20)), "unpacks to"),
        ("cut.gsa", gsas("STD")[:500], "says 120 points"),
        ("tof.gsa", gsas("STD").replace(b"CONST", b"SLOG "), "binned by SLOG"),
        ("alt.gsa", gsas("STD").replace(b"STD", b"ALT"), "of type ALT"),
        ("cut.dat", b"title\n 10.0 0.02 12.38\n 1 2 3 4\n", "call for 120"),
        ("short.raw", b"RAW_1.06Powdat" + bytes(600), "cut short"),
        ("other.raw", b"RAW_1.06Powdat" + bytes(4000), "layout that is not known"),
    ],
)
def test_bad_files_are_told_in_words(tmp_path, name, raw, words):
    with pytest.raises(ReadError, match=words):
        _read(tmp_path, raw, name)


@pytest.mark.parametrize("kind", ["nested", "wide", "attributes"])
def test_xml_that_would_fill_the_memory_is_refused_before_it_does(tmp_path, kind):
    import tracemalloc

    from xrd.readers.safe_xml import parse_xml

    raw = {
        "nested": b"<a>" * 1_000_000 + b"</a>" * 1_000_000,
        "wide": b"<r>" + b"<a/>" * 2_000_000 + b"</r>",
        "attributes": b"<r" + b"".join(b' a%d=""' % i for i in range(1_100_000)) + b"/>",
    }[kind]
    tracemalloc.start()
    with pytest.raises(ReadError, match=r"expected .* at most"):
        parse_xml(tmp_path / "a.xrdml", raw)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()
