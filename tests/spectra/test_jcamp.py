"""JCAMP-DX in every form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coatcore import ReadError, read, validate
from spectra.readers.jcamp.table import decode, pairs


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
