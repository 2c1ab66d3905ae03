"""Infrared spectra as columns of text."""

from __future__ import annotations

import numpy as np
import pytest

from coatcore import ReadError, read, validate

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
        read(path, kind="ir_spectrum")


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
        ("electrochem/exampleData.csv", "impedance_spectrum"),
        ("electrochem/cellpy_neware_uio.csv", "cell_record"),
    ):
        assert read(reference / name).attrs["kind"] == kind


def test_real_columns_agree_with_orange(reference):
    # orange-spectroscopy 0.9.3, AsciiColReader.
    found = read(reference / "ir" / "peach_juice.dpt")
    assert found.values[[0, 1000, -1]].tolist() == [0.90603, 0.85961, 0.75763]
    assert float(found.sum()) == pytest.approx(1395.44021, abs=1e-8)
    found = read(reference / "ir" / "IR.CSV")
    assert found.values[[0, 1000, -1]].tolist() == [-0.09079, 2.177838, -0.09079]
    assert float(found.sum()) == pytest.approx(21620.299529, abs=1e-6)
