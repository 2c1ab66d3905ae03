"""Text infrared formats: JCAMP-DX in every form, columns, tables of spectra, neaSPEC."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coatqc.core import ReadError, read, validate
from spectra.readers.jcamp_table import decode, pairs

# ---------------------------------------------------------------- JCAMP-DX


@pytest.mark.parametrize(
    "line",
    ["1 2 3 3 2 1 0 -1 -2 -3", "1+2+3+3+2+1+0-1-2-3", "1BCCBA@abc", "1JJ%jjjjjj", "1JT%jX"],
    ids=["FIX", "PAC", "SQZ", "DIF", "DIFDUP"],
)
def test_the_example_of_the_standard_in_its_five_forms(line):
    # McDonald & Wilks, Appl. Spectrosc. 1988, 42, 151, table VIIb.
    found = decode([(1, f"400 {line}")], 10, "a.jdx")
    assert found.y.tolist() == [1, 2, 3, 3, 2, 1, 0, -1, -2, -3]


@pytest.mark.parametrize("line", ["50V", "50 %U", "E0V", "E0%%%", "E0%U"])
def test_four_times_fifty(line):
    # The same paper, sections 5.9 and 5.10.
    assert decode([(1, f"400 {line}")], 10, "a.jdx").y.tolist() == [50] * 4


def test_the_example_of_the_standard_for_ion_mobility():
    # Baumbach et al., Pure Appl. Chem. 2001, 73, 1765: one table in DIFDUP form and without.
    packed = "4@VKT%TLkj%J%KLJ%njKjL%kL%jJULJ%kLK1%lLMNPNPRLJ0QTOJ1P"
    plain = """0 0 0 0 2 4 4 4 7 5 4 4 5 5 7 10 11 11 6 5 7 6 9 9 7 10 10 9 10 11 12 15 16 16 14 17
    38 38 35 38 42 47 54 59 66 75 78 88 96 104 110 121 128"""
    found = decode([(1, packed), (2, "56A28")], 53, "a.jdx")
    assert found.y.tolist() == [float(v) for v in plain.split()]
    assert found.line_at.tolist() == [0, 52]


SQZ, DIF, DUP = ("@ABCDEFGHI", "abcdefghi"), ("%JKLMNOPQR", "jklmnopqr"), "STUVWXYZs"


def pseudo(value: int, digits: tuple[str, str]) -> str:
    text = str(abs(value))
    head = digits[1][int(text[0]) - 1] if value < 0 else digits[0][int(text[0])]
    return head + text[1:]


def with_duplicates(tokens: list[str]) -> str:
    out, i = "", 0
    while i < len(tokens):
        n = 1
        while i + n < len(tokens) and tokens[i + n] == tokens[i]:
            n += 1
        out += tokens[i] + (DUP[int(str(n)[0]) - 1] + str(n)[1:] if n > 1 else "")
        i += n
    return out


def encoded(y: list[int], form: str, per_line: int) -> list[tuple[int, str]]:
    """Lines of (X++(Y..Y)), every X zero, written from the standard and not from the reader."""
    lines, start = [], 0
    while start < len(y):
        part = y[start : start + per_line]
        if form in ("DIF", "DIFDUP"):
            steps = [pseudo(int(d), DIF) for d in np.diff(part)]
            body = "".join(steps) if form == "DIF" else with_duplicates(steps)
            line = pseudo(part[0], SQZ) + body
            # The last ordinate of a line of differences stands again at the head of the next.
            start += per_line if len(part) == 1 else len(part) - 1
        else:
            each = {
                "FIX": [f" {v}" for v in part],
                "PAC": [f"{v:+d}" for v in part],
                "SQZ": [pseudo(v, SQZ) for v in part],
            }[form.removesuffix("DUP")]
            line = with_duplicates(each) if form.endswith("DUP") else "".join(each)
            start += per_line
        lines.append((len(lines) + 1, f"{(lines and lines[-1] and start) or 0} {line}"))
        if form.startswith("DIF") and start >= len(y) - 1:
            if len(part) > 1:
                lines.append((len(lines) + 1, f"0 {pseudo(y[-1], SQZ)}"))
            break
    return lines


FORMS = ["FIX", "FIXDUP", "PAC", "PACDUP", "SQZ", "SQZDUP", "DIF", "DIFDUP"]


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=150)
@given(
    y=st.lists(st.integers(-(2**40), 2**40) | st.integers(-3, 3), min_size=1, max_size=60),
    per_line=st.integers(2, 12),
)
def test_what_is_encoded_comes_back(form, y, per_line):
    found = decode(encoded(y, form, per_line), len(y), "a.jdx")
    assert found.y.tolist() == y


def jcamp(body: str, n: int, first: float, last: float, extra: str = "", **records: object) -> str:
    header = {
        "TITLE": "a",
        "JCAMP-DX": "5.01",
        "DATA TYPE": "INFRARED SPECTRUM",
        "XUNITS": "1/CM",
        "YUNITS": "ABSORBANCE",
        "XFACTOR": 1.0,
        "YFACTOR": 0.001,
        "FIRSTX": first,
        "LASTX": last,
        "NPOINTS": n,
        "form": "XYDATA=(X++(Y..Y))",
    } | {k.replace("_", " "): v for k, v in records.items()}
    form = header.pop("form")
    lines = [f"##{k}={v}" for k, v in header.items()]
    return "\n".join([*lines, *filter(None, [extra]), f"##{form}", body, "##END=", ""])


def spectrum_file(how: str, *, descending: bool = False, **records: object) -> tuple[str, list]:
    y = [round(500 + 400 * np.sin(i / 9) + 90 * np.cos(i)) for i in range(200)]
    first, last = (4000.0, 3602.0) if descending else (800.0, 1198.0)
    step = (last - first) / 199
    lines = encoded(y, how, 9)
    at = decode(lines, 200, "a").line_at
    body = "\n".join(
        f"{first + i * step:.2f} {line.split(' ', 1)[1]}"
        for i, (_, line) in zip(at, lines, strict=True)
    )
    return jcamp(body, 200, first, last, **records), y


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_a_file_in_each_form(tmp_path, form, descending):
    text, y = spectrum_file(form, descending=descending, DELTAX=-2.0 if descending else 2.0)
    path = tmp_path / "a.dx"
    path.write_text(text)
    found = read(path)
    assert validate(found) == []
    assert found.attrs["reader"] == "jcamp_dx"
    np.testing.assert_allclose(found.values, np.array(y) * 0.001, rtol=1e-12)
    ends = (4000.0, 3602.0) if descending else (800.0, 1198.0)
    assert tuple(found["wavenumber"].values[[0, -1]]) == ends


def damaged(tmp_path, text: str, words: str) -> None:
    path = tmp_path / "a.dx"
    path.write_text(text)
    with pytest.raises(ReadError, match=words):
        read(path)


def test_a_wrong_digit_in_differences_is_found_by_the_check(tmp_path):
    text, _ = spectrum_file("DIFDUP")
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("##XYDATA")) + 5
    for old, new in (("J", "K"), ("j", "k"), ("L", "M")):
        if old in lines[at]:
            lines[at] = lines[at].replace(old, new, 1)
            break
    damaged(tmp_path, "\n".join(lines), f"line {at + 2} should repeat the compressed ordinate")


@pytest.mark.parametrize(
    ("form", "change", "words"),
    [
        ("FIX", lambda rows: rows[:5] + rows[6:], "NPOINTS is 200, but 191"),
        ("SQZ", lambda rows: rows[:-3], "NPOINTS is 200"),
        ("FIX", lambda rows: [*rows[:5], rows[6], rows[5], *rows[7:]], "begins with X"),
        ("FIX", lambda rows: [*rows[:3], "8x4 1 2", *rows[4:]], "among its numbers"),
        ("FIX", lambda rows: [*rows[:3], "abc", *rows[4:]], "does not begin with an abscissa"),
        ("SQZ", lambda rows: [rows[0] + "Z99999999", *rows[1:]], "repeats nothing, or too often"),
        ("SQZ", lambda rows: ["800.00 T", *rows[1:]], "repeats nothing"),
        ("SQZ", lambda rows: ["800.00 J", *rows[1:]], "difference to nothing"),
    ],
)
def test_damaged_tables_are_told(tmp_path, form, change, words):
    head, _, rest = spectrum_file(form)[0].partition("(X++(Y..Y))\n")
    rows, _, end = rest.partition("##END")
    changed = "\n".join(change(rows.strip().split("\n")))
    damaged(tmp_path, f"{head}(X++(Y..Y))\n{changed}\n##END{end}", words)


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ({"FIRSTY": 0.9}, "FIRSTY says 0.9"),
        ({"MAXY": 3.0}, "MAXY says 3"),
        ({"MINY": -7.0}, "MINY says -7"),
        ({"DELTAX": 3.0}, "DELTAX is 3"),
        ({"NPOINTS": 10**12}, "promises more"),
        ({"NPOINTS": -200}, "expected a count"),
        ({"YFACTOR": "1e400"}, "YFACTOR"),
        ({"YFACTOR": "1e308"}, "too large"),
        ({"DATA_TYPE": "RAMAN SPECTRUM"}, "no infrared spectrum"),
        ({"DATA_TYPE": "INFRARED INTERFEROGRAM"}, "no infrared spectrum"),
        ({"XUNITS": "RAMAN SHIFT (CM-1)"}, "XUNITS"),
        ({"YUNITS": "(micromol/mol)-1m-1 (base 10)"}, "YUNITS"),
        ({"form": "XYDATA=(R++(A..A))"}, "its table is"),
        ({"form": "PEAK TABLE=(XY..XY)"}, "no infrared spectrum"),
        ({"extra": "##XYPOINTS=(XY..XY)\n1 2"}, "second table"),
    ],
)
def test_headers_that_contradict_are_told(tmp_path, records, words):
    damaged(tmp_path, spectrum_file("FIX", **records)[0], words)


def test_ordinates_are_made_fractions_by_what_yunits_says(tmp_path):
    path = tmp_path / "a.dx"
    text, y = spectrum_file("SQZ", YUNITS="% TRANSMITTANCE", MAXY=0.989, FIRSTY=0.59, YFACTOR=0.001)
    path.write_text(text)
    found = read(path)
    assert found.name == "transmittance"
    np.testing.assert_allclose(found.values, np.array(y) * 1e-5)
    path.write_text(spectrum_file("SQZ", YUNITS="TRANSMITTANCE", YFACTOR=0.1, MAXY="98.9")[0])
    assert "may be in percent" in read(path).attrs["assumptions"]
    # MAXY in percent of an ordinate that is a fraction: seen in the test files of the standard.
    path.write_text(spectrum_file("SQZ", YUNITS="TRANSMITTANCE", MAXY="98.9")[0])
    assert "assumptions" not in read(path).attrs


def test_points_missing_points_and_comments(tmp_path):
    path = tmp_path / "a.dx"
    body = "4000.0, 0.1; 3998.0 0.2 $$ a comment, 1 2\n3990.5 0.4\n3980 .5E+00"
    path.write_text(jcamp(body, 4, 4000, 3980, form="XYPOINTS= (XY..XY)", YFACTOR=1))
    found = read(path)
    assert found["wavenumber"].values.tolist() == [4000, 3998, 3990.5, 3980]
    assert found.values.tolist() == [0.1, 0.2, 0.4, 0.5]
    path.write_text(jcamp(body, 4, 4000, 3970, form="XYPOINTS= (XY..XY)", YFACTOR=1))
    with pytest.raises(ReadError, match="LASTX"):
        read(path)
    path.write_text(jcamp("400 1 ? 3\n406 4 5 6 $$ 7 8", 6, 400, 410))
    found = read(path)
    assert np.isnan(found.values).tolist() == [False, True, False, False, False, False]
    assert "1 ordinates" in found.attrs["assumptions"]
    with pytest.raises(ReadError, match="no ordinate"):
        pairs([(1, "1 2 3")], "a")


def test_wavelengths_and_decimal_commas(tmp_path):
    path = tmp_path / "a.dx"
    path.write_text(jcamp("2.5 1 2 3\n4 4 5 6", 6, 2.5, 5.0, XUNITS="MICROMETERS"))
    found = read(path)
    np.testing.assert_allclose(found["wavenumber"], 1e4 / np.linspace(2.5, 5, 6))
    assert "vacuum" in found.attrs["assumptions"]
    path.write_text(jcamp("400,5 1 2 3\n403,5 4 5 6", 6, "400,5", "405,5", YFACTOR="0,5"))
    found = read(path)
    assert found.values.tolist() == [0.5, 1, 1.5, 2, 2.5, 3]
    assert found["wavenumber"].values[0] == 400.5


def linked(*blocks: str) -> str:
    head = ["##TITLE=all", "##JCAMP-DX=5.01", "##DATA TYPE=LINK", f"##BLOCKS={len(blocks)}"]
    return "\n".join([*head, *blocks, "##END= $$ of all", ""])


def test_blocks_on_one_axis_become_one_array(tmp_path):
    path = tmp_path / "a.dx"
    peaks = jcamp("400 1", 1, 400, 400, TITLE="peaks", form="PEAK TABLE=(XY..XY)")
    texts = [
        spectrum_file("DIFDUP", TITLE="first")[0],
        peaks,
        spectrum_file("PAC", TITLE="second", YFACTOR=0.002)[0],
    ]
    path.write_text(linked(*texts))
    found = read(path)
    assert validate(found) == []
    assert found.dims == ("replicate", "wavenumber")
    assert found["label"].values.tolist() == ["first", "second"]
    np.testing.assert_allclose(found[1].values, 2 * found[0].values)
    assert "left out: block 3 'peaks'" in found.attrs["assumptions"]
    assert found.attrs["title"] == "all"


def test_blocks_on_different_axes_are_listed(tmp_path):
    path = tmp_path / "a.dx"
    texts = [spectrum_file("FIX", descending=d, TITLE=f"t{d:d}")[0] for d in (False, True)]
    path.write_text(linked(*texts))
    with pytest.raises(ReadError, match=r"2 't0' .*800.0\.\.1198.0.*3 't1' .*4000.0\.\.3602.0"):
        read(path)


# ---------------------------------------------------------------- columns of text

X = np.linspace(1800.5, 900.25, 12)
Y = np.round(np.exp(-(((X - 1400) / 200) ** 2)), 4)


def columns(delimiter: str = "\t", comma: bool = False, head: str = "", y=Y, x=X) -> str:
    rows = [delimiter.join(f"{v:.8g}" for v in row) for row in np.vstack([x, y]).T]
    text = "\n".join(rows)
    return head + (text.replace(".", ",") if comma else text) + "\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize(
    ("delimiter", "comma"),
    [("\t", False), (";", False), (",", False), ("  ", False), ("\t", True), (";", True)],
)
def test_columns_in_many_dresses(tmp_path, delimiter, comma, encoding):
    path = tmp_path / "a.csv"
    head = f"Probe für µFTIR\nwavenumber / cm-1{delimiter}Absorbance\n"
    for order in (slice(None), slice(None, None, -1)):
        text = columns(delimiter, comma, head, Y[order], X[order])
        path.write_bytes(text.encode(encoding))
        found = read(path)
        assert validate(found) == []
        assert (found.name, found.dims) == ("absorbance", ("wavenumber",))
        np.testing.assert_allclose(found["wavenumber"], X[order], rtol=1e-7)
        np.testing.assert_allclose(found.values, Y[order], rtol=1e-7)
        assert found.attrs["assumptions"] == ""


def test_the_decimal_mark_may_come_late(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("4000;0\n3999,5;0,1\n3999;0,2\n3998,5;0,4\n3998;1\n")
    found = read(path)
    assert found.values.tolist() == [0, 0.1, 0.2, 0.4, 1]
    path.write_text("4000.5;0\n3999,5;0,1\n3998.5;0,2\n3997,5;0,4\n")
    with pytest.raises(ReadError):
        read(path)


@pytest.mark.parametrize(
    ("head", "quantity", "factor"),
    [
        ("cm-1\t%T\n", "transmittance", 0.01),
        ("Wavenumber (cm-1)\tTransmittance [%]\n", "transmittance", 0.01),
        ("Wavenumber (cm-1)\tTransmittance\n", "transmittance", 1.0),
        ("cm-1\tReflectance\n", "reflectance", 1.0),
        ("cm-1\tSingle Channel\n", "single_channel", 1.0),
        ("cm-1\tsingle beam\n", "single_channel", 1.0),
        ("cm-1\tcounts\n", "intensity", 1.0),
        ("absorbance from transmittance\ncm-1\tvalue\n", "intensity", 1.0),
    ],
)
def test_the_quantity_is_what_the_header_says(tmp_path, head, quantity, factor):
    path = tmp_path / "a.txt"
    path.write_text(columns(head=head))
    found = read(path)
    assert found.name == quantity
    np.testing.assert_allclose(found.values, Y * factor)
    assert ("not named" in found.attrs["assumptions"]) == (quantity == "intensity")


def test_several_columns_are_several_spectra(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(columns(head="# absorbance\n# cm-1\tpristine\taged\n", y=[Y, 2 * Y]))
    found = read(path)
    assert validate(found) == []
    assert found["label"].values.tolist() == ["pristine", "aged"]
    np.testing.assert_allclose(found.sel(replicate=1), 2 * Y, rtol=1e-7)
    path.write_text(columns(y=[Y, 2 * Y]))
    assert "label" not in read(path).coords
    for third in ("Transmittance", "std. deviation"):
        path.write_text(columns(head=f"cm-1\tAbsorbance\t{third}\n", y=[Y, 2 * Y]))
        with pytest.raises(ReadError, match="not several spectra of one quantity"):
            read(path)


def test_double_and_turning_wavenumbers_are_named(tmp_path):
    path = tmp_path / "a.txt"
    x = np.linspace(4000, 3000, 101)
    x[51] = x[50]
    path.write_text(columns(x=x, y=x / 1e4))
    with pytest.raises(ReadError, match="3500 stands at points 51 and 52"):
        read(path)
    x[51] = 3505.0
    path.write_text(columns(x=x, y=x / 1e4))
    with pytest.raises(ReadError, match="turns from 3500 to 3505 at point 52"):
        read(path)


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(f"{1e4 / 1.3**i:.6g},{i},{-i}" for i in range(30)),  # impedance
        "time/s\tE/V\tI/A\n" + "\n".join(f"{10 * i}\t{i}\t2" for i in range(90)),
        "Time\tE\n" + "\n".join(f"{10 * i}\t{i}" for i in range(90)),
        "Raman shift (cm-1)\tcounts\n" + "\n".join(f"{10 * i}\t{i}" for i in range(90)),
        "wavelength (nm)\tcounts\n" + "\n".join(f"{400 + i}\t{i}" for i in range(90)),
    ],
)
def test_tables_of_other_techniques_are_left_alone(tmp_path, text):
    path = tmp_path / "a.txt"
    path.write_text(text)
    with pytest.raises(ReadError, match="no reader knows"):
        read(path)


def test_one_long_number_does_not_fill_the_memory(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        columns(x=np.linspace(4000, 400, 9000), y=np.zeros(9000)) + f"1\t{'1' * 100_000}\n"
    )
    with pytest.raises(ReadError, match="number of 100000 digits"):
        read(path, kind="ir_spectrum")


def test_what_could_be_map_or_spectra_is_asked_for(tmp_path):
    path = tmp_path / "a.txt"
    rows = [f"{400 + 2 * i} {i} {i + 1} {i + 2}" for i in range(50)]
    path.write_text("\n".join(rows))
    # Nobody says what it is: the shape of a map is the surer sign.
    assert read(path).attrs["kind"] == "image"
    assert read(path, kind="ir_spectrum").sizes == {"replicate": 3, "wavenumber": 50}


def test_other_text_stays_with_its_readers(reference):
    for name, kind in (
        ("xrd/XRD_Ru-Ir.csv", "xrd_pattern"),
        ("xrd/xy_text.txt", "xrd_pattern"),
        ("tofsims/N_Ru-Ir_Bi3_1.txt", "mass_spectrum"),
    ):
        assert read(reference / name).attrs["kind"] == kind
    with pytest.raises(ReadError):
        read(reference / "electrochem" / "exampleData.csv")


def test_real_columns_agree_with_orange(reference):
    # orange-spectroscopy 0.9.3, AsciiColReader.
    found = read(reference / "ir" / "peach_juice.dpt")
    assert found.values[[0, 1000, -1]].tolist() == [0.90603, 0.85961, 0.75763]
    assert float(found.sum()) == pytest.approx(1395.44021, abs=1e-8)
    found = read(reference / "ir" / "IR.CSV")
    assert found.values[[0, 1000, -1]].tolist() == [-0.09079, 2.177838, -0.09079]
    assert float(found.sum()) == pytest.approx(21620.299529, abs=1e-6)


# ---------------------------------------------------------------- tables of spectra


def test_real_table_agrees_with_orange(reference):
    # Orange3 3.40.0 with orange-spectroscopy 0.9.3.
    found = read(reference / "ir" / "collagen.csv")
    assert validate(found) == []
    assert found.attrs["reader"] == "orange_table"
    assert found.sizes == {"replicate": 731, "wavenumber": 234}
    x = found["wavenumber"].values
    assert x[[0, 1, -2, -1]].tolist() == [1801.264, 1797.407, 906.4177, 902.5606]
    assert found.values[0, :3].tolist() == [0.117, 0.118, 0.119]
    assert found.values[730, -3:].tolist() == [0.195, 0.192, 0.19]
    assert found.values[100, 100] == 0.349
    assert float(found.sum()) == pytest.approx(58661.658, abs=1e-6)
    kinds, counts = np.unique(found["type"].values, return_counts=True)
    assert dict(zip(kinds, counts, strict=True)) == {
        "DNA": 110,
        "collagen": 195,
        "glycogen": 212,
        "lipids": 214,
    }
    assert "no unit" in found.attrs["assumptions"]
    assert "ordinate is not named" in found.attrs["assumptions"]


NU = [f"{v:g}" for v in np.linspace(1800, 900, 10)]


def table(path, head: list[list[str]], rows: list[list[object]], delimiter: str = "\t"):
    lines = [*head, *[[str(v) for v in row] for row in rows]]
    path.write_text("\n".join(delimiter.join(line) for line in lines) + "\n")
    return path


@pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
@pytest.mark.parametrize(
    "head",
    [
        [["sample", "age", *NU]],
        [["cS#sample", "mC#age", *[f"C#{v}" for v in NU]]],
        [["cD#sample", "m#age", *NU]],
        [["sample", "age", *NU], ["s", "c", *["c"] * 10], ["meta", "meta", *[""] * 10]],
        [["sample", "age", *NU], ["a b", "continuous", *["c"] * 10], ["class", "meta"]],
    ],
)
def test_headers_of_orange(tmp_path, head, delimiter):
    rows = [["a", 3, *range(10)], ["b", 4.5, *range(10, 20)], ["a", "?", *range(20, 29), "?"]]
    found = read(table(tmp_path / "a.tab", head, rows, delimiter))
    assert validate(found) == []
    assert found.dims == ("replicate", "wavenumber")
    assert found["sample"].values.tolist() == ["a", "b", "a"]
    np.testing.assert_array_equal(found["age"].values, [3, 4.5, np.nan])
    assert found.values[1].tolist() == list(range(10, 20))
    assert np.isnan(found.values[2, -1])
    assert "1 missing ordinates are NaN" in found.attrs["assumptions"]


def test_a_column_named_by_a_number_can_be_no_wavenumber(tmp_path):
    head = [["m#2024", *NU]]
    found = read(table(tmp_path / "a.tab", head, [[7, *range(10)], [8, *range(10)]]))
    assert found.sizes["wavenumber"] == 10
    assert found["2024"].values.tolist() == [7, 8]


def grid(order, drop: int = 0) -> list[list[object]]:
    cells = [(x, y) for y in (0.0, 2.0) for x in (1.0, 1.5, 2.0)]
    return [[x, y, *[10 * x + y + k for k in range(10)]] for x, y in (cells[i] for i in order)][
        drop:
    ]


@pytest.mark.parametrize("head", [["map_x", "map_y"], ["mC#map_x", "mC#map_y"], ["", ""]])
def test_a_complete_grid_is_a_cube(tmp_path, head):
    found = read(table(tmp_path / "a.xyz", [[*head, *NU]], grid([3, 1, 5, 0, 2, 4])))
    assert validate(found) == []
    assert found.attrs["kind"] == "ir_cube"
    assert found.dims == ("y", "x", "wavenumber")
    assert found.shape == (2, 3, 10)
    assert found["map_x"].values.tolist() == [[1.0, 1.5, 2.0]] * 2
    assert found["map_y"].values.tolist() == [[0.0] * 3, [2.0] * 3]
    np.testing.assert_allclose(found[..., 0], 10 * found["map_x"] + found["map_y"])
    assert "count pixels" in found.attrs["assumptions"]


def test_an_incomplete_grid_is_a_series(tmp_path):
    found = read(table(tmp_path / "a.xyz", [["map_x", "map_y", *NU]], grid(range(6), drop=1)))
    assert found.dims == ("replicate", "wavenumber")
    assert found["map_x"].values.tolist() == [1.5, 2.0, 1.0, 1.5, 2.0]
    assert "no complete grid" in found.attrs["assumptions"]


@pytest.mark.parametrize(
    ("head", "row", "words"),
    [
        ([*NU, "s"], [*range(9), "x", "a"], "'x' among its ordinates"),
        ([*NU, "s"], [*range(8), "a"], "line 2 has 9 fields, the header 11"),
        ([*NU, "s"], [*range(9), "1e999", "a"], "too large"),
        ([*NU, "s"], [*range(10), "a" * 1001], "texts of up to 1001"),
        ([*NU, "s"], [*range(9), "1" * 101, "a"], "ordinate of 101 characters"),
        (["s", *NU * 3, NU[-1]], ["a", *range(31)], "no reader knows"),
        (["s", *[str(3000 - i) for i in range(40)], "2961"], ["a", *range(41)], "2961 stands at"),
    ],
)
def test_damaged_tables_of_spectra_are_told(tmp_path, head, row, words):
    with pytest.raises(ReadError, match=words):
        read(table(tmp_path / "a.tab", [head], [row]))


# ---------------------------------------------------------------- neaSPEC

HEADER = """# www.neaspec.com
# Scan:\t \tFourier Scan
# Description:\t \tcoated powder
# Date:\t \t05/19/2024 16:59:10
{reference}# Rotation:\t[°]\t+82\t \t
# Scan Area (X, Y, Z):\t[µm]\t1.200\t0.500\t0.000
# Pixel Area (X, Y, Z):\t[px]\t{nx}\t{ny}\t512
# Interferometer Center/Distance:\t[µm]\t470.000\t1,000.000\t
# Averaging:\t \t45\t \t
# Wavenumber Scaling:\t \t1.003656\t \t
# Tip Frequency:\t[Hz]\t68,263.500\t \t
# Tapping Amplitude:\t[nm]\t76.233\t \t
"""


def nea(ny: int, nx: int, n: int = 5, reference: str = "") -> str:
    rows = ["Row\tColumn\tOmega\tWavenumber\tO2A\tO2P\tO3A\tO3P\t"]
    for r in range(ny):
        for c in range(nx):
            for k in range(n):
                values = [100 * r + 10 * c + k, 0.1 * k, 1e-3 * k, -0.2 * k]
                cells = [r, c, k, 2.560346956632653 * k, *values]
                rows.append("\t".join(str(v) for v in cells) + "\t")
    return HEADER.format(nx=nx, ny=ny, reference=reference) + "\n".join(rows) + "\n"


def test_a_point_of_nano_ftir(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(nea(1, 1, reference="# Reference:\t \tgold\n"), "utf-8")
    found = read(path)
    assert validate(found) == []
    assert found.attrs["kind"] == "ir_spectrum"
    assert dict(found.sizes) == {"wavenumber": 5}
    assert list(found) == ["O2A", "O2P", "O3A", "O3P"]
    assert found["O2P"].attrs == {"units": "rad", "long_name": "optical phase, harmonic 2"}
    np.testing.assert_array_equal(found["O3P"], -0.2 * np.arange(5))
    np.testing.assert_array_equal(found["wavenumber"], 2.560346956632653 * np.arange(5))
    facts = {"scans": 45, "wavenumber_scaling": 1.003656, "tapping_amplitude_nm": 76.233}
    assert {k: found.attrs[k] for k in facts} == facts
    assert found.attrs["scan_rotation_degree"] == 82
    assert found.attrs["reference"] == "gold"
    path.write_text(nea(1, 1), "utf-8")
    assert "no reference is named" in read(path).attrs["assumptions"]


def test_a_line_and_a_map_of_nano_ftir(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(nea(1, 4), "utf-8")
    line = read(path)
    assert validate(line) == []
    assert line["O2A"].dims == ("position", "wavenumber")
    np.testing.assert_allclose(line["position"], [150, 450, 750, 1050])
    path.write_text(nea(2, 3), "utf-8")
    cube = read(path)
    assert validate(cube) == []
    assert cube.attrs["kind"] == "ir_cube"
    assert cube["O2A"].dims == ("y", "x", "wavenumber")
    assert cube["O2A"].values[1, 2].tolist() == [120, 121, 122, 123, 124]
    np.testing.assert_allclose(cube["x"], [200, 600, 1000])
    np.testing.assert_allclose(cube["y"], [125, 375])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.rpartition("\n1\t2\t3")[0], "not all with one count"),
        (lambda t: t[:-20], "damaged"),
        (lambda t: t.replace("\n1\t", "\n0.5\t"), "Row runs"),
        (lambda t: t.replace("[px]\t3\t2", "[px]\t41\t2"), "promises 41 x 2 pixels, found 3 x 2"),
        (lambda t: t.replace("\tO2A", "\tO2P"), "heads of its columns"),
        (lambda t: t.replace("\t121\t", "\tx\t"), "table is damaged"),
        (lambda t: t.replace("1\t1\t2\t5.12", "1\t1\t2\t5.13"), "different wavenumbers"),
        (lambda t: t.replace("Wavenumber\t", "Wavelength\t"), "no column Wavenumber"),
        (lambda t: t.partition("Row")[0], "no table"),
        (lambda t: t.replace("\tOmega\tWavenumber\t", "\tDepth\tM\t"), "interferograms"),
    ],
)
def test_damaged_nano_ftir_is_told(tmp_path, change, words):
    path = tmp_path / "a.txt"
    path.write_text(change(nea(2, 3)), "utf-8")
    with pytest.raises(ReadError, match=words):
        read(path)


def test_real_interferograms_of_nano_ftir_are_refused(reference):
    # orange-spectroscopy 0.9.3 reads both as "Fourier Scan" over the mirror position, too:
    # 2 positions from 295.2 to 920.5 µm, and 1024 over 1000 µm. It transforms neither.
    with pytest.raises(ReadError, match=r"6 harmonics.*2 mirror positions.*interferograms"):
        read(reference / "ir" / "spectra20_small.nea")
    folder = reference / "ir" / "NeaReaderGSF_test"
    for part, other in (("A", "P"), ("P", "A")):
        words = rf"Fourier Scan: 1 pixel.*1024 values over 1000 µm.*O2{other} raw.*interferograms"
        with pytest.raises(ReadError, match=words):
            read(folder / f"NeaReaderGSF_test O2{part} raw.gsf")


def test_a_stack_without_its_sidecar_is_refused(reference, tmp_path):
    name = "NeaReaderGSF_test O2A raw.gsf"
    shutil.copyfile(reference / "ir" / "NeaReaderGSF_test" / name, tmp_path / name)
    with pytest.raises(ReadError, match="1024 values a pixel, and no sidecar"):
        read(tmp_path / name)


def gsf(path, *lines: str) -> None:
    head = "\n".join(["Gwyddion Simple Field 1.0", *lines, ""]).encode()
    head += b"\x00" * (4 - len(head) % 4)
    path.write_bytes(head + np.arange(12, dtype="<f4").tobytes())


def test_an_image_finds_partner_and_sidecar(tmp_path):
    for part in "AP":
        gsf(tmp_path / f"map O3{part} raw.gsf", "XRes=4", "YRes=3", "Neaspec_ZRes=1")
    (tmp_path / "map.txt").write_text(
        "# www.neaspec.com\n# Scan:\t \t2D (PsHet)\n# Target Wavelength:\t[µm]\t6.006\t \t \n",
        "utf-8",
    )
    image = read(tmp_path / "map O3A raw.gsf")
    assert validate(image) == []
    assert image.shape == (3, 4)
    assert image.attrs["partner"] == "map O3P raw.gsf"
    assert image.attrs["sidecar"] == "map.txt"
    assert image.attrs["scan"] == "2D (PsHet)"
    assert image.attrs["wavenumber_cm"] == pytest.approx(1665.0, abs=0.01)


def test_one_line_is_no_image(tmp_path):
    gsf(tmp_path / "a.gsf", "XRes=12", "YRes=1")
    with pytest.raises(ReadError, match="one line of 12 values"):
        read(tmp_path / "a.gsf")


def test_real_white_light_image(reference):
    image = read(reference / "ir" / "whitelight.gsf")
    assert image.shape == (100, 200)
    assert "partner" not in image.attrs
