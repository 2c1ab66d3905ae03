"""neaSPEC text of nano-FTIR."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from coatcore import ReadError, read, validate

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
