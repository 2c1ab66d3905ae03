"""IONTOF files: what they hold, against other programs, and what is refused and why."""

from __future__ import annotations

import struct
import sys
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from coatcore import ReadError, read, validate
from coatqc.report.inspection import describe, draw
from tofsims import simulate_spectra
from tofsims.readers.iontof.header import numbers_in
from tofsims.write import write_iontof_text

# ---------------------------------------------------------------- files of formats


def bif6(counts: np.ndarray, mz: list[tuple[float, float, float]]) -> bytes:
    n, ny, nx = counts.shape
    out = struct.pack("<6s3H", b"\0\0BIF6", n, nx, ny)
    for number, (image, three) in enumerate(zip(counts, mz, strict=True)):
        out += struct.pack("<I3f", number, *three) + image.astype("<u4").tobytes()
    return out


def triples(image: np.ndarray, header: str, head: str = "x\ty\tIntensity") -> str:
    ny, nx = image.shape
    rows = [f"{x}\t{y}\t{image[y, x]:.0f}" for y in range(ny) for x in range(nx)]
    return f"{header}{head}\n" + "\n".join(rows) + "\n"


def simulated(seed: int = 3) -> xr.DataArray:
    (spectrum,), _ = simulate_spectra(seed, n=1)
    return spectrum


def write_examples(folder: Path) -> list[Path]:
    """A small file for each reader of which there is no small real one."""
    rng = np.random.default_rng(4)
    stack = rng.poisson(3.0, (3, 6, 5))
    (folder / "a.bif6").write_bytes(bif6(stack, [(np.nan,) * 3, (26, 25.9, 26.1), (79, 78, 80)]))
    (folder / "xy.txt").write_text(triples(stack[0], "# Ion: PO3-\n# Pixels: 5 x 6\n"))
    matrix = "\n".join("\t".join(map(str, row)) for row in stack[1])
    (folder / "matrix.txt").write_text(f"# Mass interval: 78.9 - 79.0 u\n{matrix}\n")
    (folder / "a.ita").write_bytes(b"ITStrF01" + bytes(rng.integers(0, 256, 400, np.uint8)))
    return sorted(folder.iterdir())


# ---------------------------------------------------------------- every format


def test_examples_are_labelled_and_can_be_inspected(tmp_path):
    written = [p for p in write_examples(tmp_path) if p.suffix != ".ita"]
    for path in written:
        found = read(path)
        assert validate(found) == []
        facts = describe(found, path)
        assert facts["kind"] == found.attrs["kind"]
        draw(found, tmp_path / f"{path.name}.png")
        assert (tmp_path / f"{path.name}.png").stat().st_size > 2000
    assert len({read(p).attrs["reader"] for p in written}) == 2


@pytest.mark.parametrize("name", ["a.bif6", "xy.txt", "matrix.txt"])
def test_a_cut_file_is_refused(tmp_path, name):
    write_examples(tmp_path)
    path = tmp_path / name
    raw = path.read_bytes()
    for share in (0.5, 0.8):
        path.write_bytes(raw[: int(share * len(raw))])
        if name == "matrix.txt":
            # Nothing says how many rows a matrix should have, but its last line is too short.
            path.write_bytes(raw[: raw.rindex(b"\t")])
        with pytest.raises(ReadError):
            read(path)


# ---------------------------------------------------------------- spectra as text

HEADER = (
    "# Sample: NCM 622\n# Polarity: Negative\n# Primary ion: Bi3+\n# Analysis area: 200 x 200 µm²\n"
    "# PI dose density: 1.2e11 ions/cm²\n# Acquisition time: 120 s\n# Binning: 2 channels\n"
    "# Deadtime Correction: off\n"
)


def test_real_spectra_agree_with_pandas(reference):
    files = sorted((reference / "tofsims").glob("N_Ru-*.txt"))
    assert len(files) == 10
    for path in files:
        table = pd.read_csv(path, sep="\t", comment="#")
        found = read(path)
        assert found.sizes["mz"] == len(table)
        np.testing.assert_array_equal(found.values, table["Intensity"])
        np.testing.assert_array_equal(found["mz"].values, table["m/z"])
        np.testing.assert_array_equal(found["channel"].values, table["Channel"])
        assert found.attrs["dead_time_corrected"] == "yes"
        assert found.attrs["binning_channels"] == 200
        assert "assumptions" not in found.attrs


def test_the_header_is_kept(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(f"{HEADER}Channel\tm/z\tIntensity\n1\t1.5\t7\n3\t1.7\t9\n", encoding="utf-8")
    found = read(path)
    told = {
        "sample": "NCM 622", "polarity": "negative", "primary_ion": "Bi3+",
        "analysis_area": "200 x 200 µm²", "primary_ion_dose": "1.2e11 ions/cm²",
        "analysis_time": "120 s", "binning_channels": 2, "dead_time_corrected": "no",
    }  # fmt: skip
    assert {k: found.attrs[k] for k in told} == told


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("Channel\tm/z\tIntensity", "{c}\t{m}\t{i}"),
        ("Channel;m/z;Intensity", "{c};{m};{i};"),
        ("Channel m/z (u) Intensity (counts)", "{c}  {m} {i}"),
        ("# Channel, m/z, Intensity", "{c},{m},{i}"),
        ("m/z\tIntensity", "{m}\t{i}"),
        ("Mass (u);Counts", "{m};{i}"),
        ("m/z Intensity", " {m} {i}"),
    ],
)
@pytest.mark.parametrize("decimal", [".", ","])
def test_columns_in_their_variants(tmp_path, head, row, decimal):
    mz = np.array([0.5, 1.25, 2.0, 3.125])
    if decimal == "," and head.startswith("#"):
        pytest.skip("commas cannot do both")
    lines = [
        row.format(c=100 * i, m=str(m).replace(".", decimal), i=i + 1) for i, m in enumerate(mz)
    ]
    path = tmp_path / "a.txt"
    path.write_text("\r\n".join([head, *lines, ""]))
    found = read(path)
    np.testing.assert_array_equal(found["mz"].values, mz)
    np.testing.assert_array_equal(found.values, [1, 2, 3, 4])
    assert ("channel" in found.coords) == ("Channel" in head)
    assert validate(found) == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("1\t0.5\t7\n2\t0.4\t9\n", "m/z does not rise: 0.5 is followed by 0.4"),
        ("1\t0.5\t7\n2\t0.5\t9\n", "m/z does not rise"),
        ("2\t0.5\t7\n1\t0.6\t9\n", "channel does not rise"),
        ("1\t0.5\t7\n2\t0.6\t-9\n", "-9 counts at m/z 0.6"),
        ("1\t0.5\t7\n2\t0.6\t9\n3\t0.7", "last line, 3, is cut"),
        ("1\t0.5\t7\n2\t\t9\n3\t0.7\t5\n", "not numbers|lacks a number|cut"),
        ("1\t0.5\t7\n2\tnan\t9\n3\t0.7\t5\n", "line 2 under the head lacks a number"),
        ("1\t0.5\tseven\n", "not numbers"),
        ("1\t0.5\t7\n", "shape"),
        ("", "no numbers under its head"),
        ("1,0,5,7\n2,0,6,9\n", "not numbers|cut columns and mark decimals alike|expected 3"),
    ],
)
def test_bad_spectra_are_refused_with_the_reason(tmp_path, body, words):
    path = tmp_path / "a.txt"
    path.write_text(f"Channel\tm/z\tIntensity\n{body}")
    with pytest.raises(ReadError, match=words):
        read(path)


def test_a_truncated_export_is_noticed(tmp_path):
    path = tmp_path / "a.txt"
    rows = "".join(f"{i}\t{1 + i / 100}\t1\n" for i in range(80))
    path.write_text(f"# Channels: 100\nChannel\tm/z\tIntensity\n{rows}")
    with pytest.raises(ReadError, match="promises 100 channels, found 80"):
        read(path)
    path.write_text(f"# Channels: 80\nChannel\tm/z\tIntensity\n{rows}")
    assert read(path).sizes["mz"] == 80
    # Raw channels, binned by ten.
    path.write_text(f"# Channels: 795\n# Binning: 10\nChannel\tm/z\tIntensity\n{rows}")
    assert read(path).sizes["mz"] == 80
    path.write_text(f"Channel\tm/z\tIntensity\n{rows[:-1]}")
    assert "may be cut" in read(path).attrs["assumptions"]
    path.write_text(f"# Deadtime Correction: maybe\nChannel\tm/z\tIntensity\n{rows}")
    with pytest.raises(ReadError, match="maybe"):
        read(path)


def test_what_is_written_is_read(tmp_path):
    spectrum = simulated()
    spectrum.attrs |= {"dead_time_corrected": "no", "polarity": "negative"}
    write_iontof_text(spectrum, tmp_path / "a.txt")
    found = read(tmp_path / "a.txt")
    assert found.attrs["dead_time_corrected"] == "no"
    assert found.attrs["polarity"] == "negative"
    assert found.attrs["simulated"] == "yes"
    np.testing.assert_array_equal(found.values, spectrum.values)
    np.testing.assert_allclose(found["mz"].values, spectrum["mz"].values, atol=1e-6)


def test_numbers_in_a_header():
    assert numbers_in("62.95-62.98 u") == [62.95, 62.98]
    assert numbers_in("1,5e3") == [1500.0]


# ---------------------------------------------------------------- images


def test_bif6(tmp_path):
    stack = np.arange(3 * 4 * 5).reshape(3, 4, 5)
    path = tmp_path / "a.bif6"
    path.write_bytes(bif6(stack, [(np.nan,) * 3, (62.96, 62.955, 62.970), (78.9, 78.96, 79.1)]))
    found = read(path)
    assert found.dims == ("y", "x", "fragment")
    assert list(found["fragment"].values) == ["m/z 62.96", "m/z 78.96"]
    np.testing.assert_array_equal(found.transpose("fragment", "y", "x"), stack[1:])
    np.testing.assert_array_equal(found["total_counts"], stack[0])
    np.testing.assert_allclose(found["mz_low"], [62.955, 78.9], atol=1e-5)
    np.testing.assert_allclose(found["mz_high"], [62.970, 79.1], atol=1e-5)
    assert found["x"].attrs["units"] == "pixel"
    assert "how large a pixel" in found.attrs["assumptions"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda raw: raw[:-4], "need 108 bytes, found 104"),
        (lambda raw: raw + b"\0", "need 108 bytes, found 109"),
        (lambda raw: raw[:6] + b"\0\0" + raw[8:], "0 images"),
        (lambda raw: raw[:16] + struct.pack("<3f", -1, 2, 3) + raw[28:], "no positive numbers"),
        (lambda raw: raw[:16] + struct.pack("<3f", np.nan, 2, 3) + raw[28:], "no positive numbers"),
        (lambda raw: raw[:16] + struct.pack("<3f", *(np.nan,) * 3) + raw[28:], "have no m/z"),
        (lambda raw: raw[:9], "ends after 9 bytes"),
    ],
)
def test_damaged_bif6(tmp_path, change, words):
    raw = bif6(np.ones((3, 1, 5)), [(12, 11.9, 12.1)] * 3)
    path = tmp_path / "a.bif6"
    whole = change(raw)
    if "have no" in words:
        whole = whole[:48] + struct.pack("<3f", *(np.nan,) * 3) + whole[60:]
        whole = whole[:52] + struct.pack("<3f", *(np.nan,) * 3) + whole[64:]
    path.write_bytes(whole)
    with pytest.raises(ReadError, match=words):
        read(path)


def test_images_as_text(tmp_path):
    image = np.random.default_rng(1).poisson(4.0, (5, 7))
    path = tmp_path / "a.txt"
    about = "# Ion: PO3-\n# Mass interval: 78.94 - 78.98 u\n# Pixels: 7 x 5\n"
    about += "# Field of view: 70.0 x 50.0 µm²\n# Polarity: negative\n"
    path.write_text(triples(image, about), encoding="utf-8")
    found = read(path)
    np.testing.assert_array_equal(found.sel(fragment="PO3-"), image)
    assert found["x"].values[:2] == pytest.approx([5e3, 15e3])
    assert found["y"].values[:2] == pytest.approx([5e3, 15e3])
    assert (float(found["mz_low"][0]), float(found["mz_high"][0])) == (78.94, 78.98)
    assert found.attrs["polarity"] == "negative"

    rows = "\n".join("\t".join(map(str, row)) for row in image)
    path.write_text(f"{about}{rows}\n", encoding="utf-8")
    xr.testing.assert_equal(read(path).drop_attrs(), found.drop_attrs())
    path.write_text(f"# m/z: 78.96\n{rows}\n", encoding="utf-8")
    np.testing.assert_array_equal(read(path)[..., 0], image)


def test_images_of_several_ions_and_scans(tmp_path):
    counts = np.random.default_rng(2).poisson(4.0, (2, 3, 4, 2))
    lines = [
        f"{x + 1} {y + 1} {z} {counts[z, y, x, 0]} {counts[z, y, x, 1]}"
        for z in range(2) for y in range(3) for x in range(4)
    ]  # fmt: skip
    path = tmp_path / "a.txt"
    path.write_text("# x y scan CN- 58NiO2-\n" + "\n".join(lines) + "\n")
    found = read(path)
    assert found.dims == ("scan", "y", "x", "fragment")
    assert list(found["fragment"].values) == ["CN-", "58NiO2-"]
    np.testing.assert_array_equal(found, counts)


def test_places_of_pixels_in_micrometres(tmp_path):
    lines = [f"{10 + 0.5 * x:.3f};{2.0 * y:.3f};{x + y + 1}" for y in range(3) for x in range(4)]
    path = tmp_path / "a.txt"
    path.write_text("x (µm);y (µm);counts\n" + "\n".join(lines) + "\n", encoding="utf-8")
    found = read(path)
    assert np.diff(found["x"]).tolist() == pytest.approx([500.0] * 3)
    assert np.diff(found["y"]).tolist() == pytest.approx([2000.0] * 2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.replace("\n4\t3\t5\n", "\n"), "1 of 20 pixels are missing"),
        (lambda t: t + "4\t3\t5\n", "occurs 2 times"),
        (lambda t: t.replace("\n4\t3\t5\n", "\n4\t3\t-5\n"), "holds -5 counts"),
        (lambda t: t.replace("\n4\t3\t5\n", "\n5\t3\t5\n"), "its header says 5 pixels"),
        (lambda t: t.replace("\n4\t3\t5\n", "\n4\t3\n"), "cut"),
        (lambda t: t.replace("\n4\t3\t5\n", "\n4.5\t3\t5\n"), "no pixel numbers"),
        (lambda t: t.replace("5 x 4", "50000 x 40000"), "50000 x 40000 pixels"),
        (lambda t: t.replace("# Pixels: 5 x 4\n", "").replace("\n4\t3\t5", "\n4\t999999999\t5"),
         "its 20 lines span"),
    ],
)  # fmt: skip
def test_bad_images_as_text(tmp_path, change, words):
    image = np.full((4, 5), 5)
    image[0, 0] = 0
    path = tmp_path / "a.txt"
    path.write_text(change(triples(image, "# Ion: CN-\n# Pixels: 5 x 4\n")))
    with pytest.raises(ReadError, match=words):
        read(path)


def test_pixels_without_counts_may_be_left_out_but_not_silently(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("# Pixels: 3 x 2\nx y counts\n0 0 4\n2 1 7\n")
    found = read(path)
    assert found[..., 0].values.tolist() == [[4, 0, 0], [0, 0, 7]]
    assert "4 pixels" in found.attrs["assumptions"]


def test_a_grid_of_numbers_that_names_no_mass_stays_an_image(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("# Width: 2.0 µm\n" + "1.5 2.5 3.5 4.5\n" * 6)
    assert read(path).attrs["kind"] == "image"


# ---------------------------------------------------------------- SurfaceLab through pySPM


class _Handed:
    """What pySPM 0.6 hands out for an .ita; its own tests have no file either."""

    polarity, Nscan, fov = "Negative", 5, 1e-5

    def __init__(self, path):
        self.f = Path(path).open("rb")  # noqa: SIM115
        if b"broken" in self.f.read():
            raise KeyError("Meta/SI Image")

    def get_masses(self):
        names = ("id", "desc", "assign", "lmass", "cmass", "umass", "SN")
        rows = [(0, "total", "", 0, 0, 0, "t"), (3, "", "PO3-", 78.9, 78.96, 79.0, "s3"),
                (2, "", "", 25.9, 26.0, 26.1, "s2")]  # fmt: skip
        return [dict(zip(names, row, strict=True)) for row in rows]

    def get_added_image_by_SN(self, sn, raw=False):
        if sn == "s2":
            raise KeyError(sn)
        return np.full((4, 5), 3.0)

    def get_added_image(self, number):
        return np.full((4, 5), float(number))

    def get_spectrum(self, time=False):
        channel = 2 * np.arange(1000)
        return (channel, np.ones(1000)) if time else ((channel - 100.0) ** 2 / 1e4, np.ones(1000))


def test_surfacelab_files(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pySPM", None)
    path = tmp_path / "a.ita"
    path.write_bytes(b"ITStrF01")
    with pytest.raises(ReadError, match=r"pip install 'coatqc\[iontof\]'"):
        read(path)
    monkeypatch.setitem(sys.modules, "pySPM", types.SimpleNamespace(ITA=_Handed, ITM=_Handed))
    found = read(path)
    assert list(found["fragment"].values) == ["m/z 26.00", "PO3-"]
    assert found.isel(y=0, x=0).values.tolist() == [2.0, 3.0]
    assert np.diff(found["x"]).tolist() == pytest.approx([2000.0] * 4)
    assert "not tested" in found.attrs["assumptions"]
    assert validate(found) == []
    spectrum = read(path, kind="mass_spectrum")
    assert spectrum.sizes["mz"] == 950
    assert spectrum["channel"].values[0] == 100
    (tmp_path / "a.itm").write_bytes(b"ITStrF01")
    assert read(tmp_path / "a.itm", kind="mass_spectrum").sizes["mz"] == 950
    with pytest.raises(ReadError, match="no images"):
        read(tmp_path / "a.itm")
    path.write_bytes(b"ITStrF01 broken")
    with pytest.raises(ReadError, match=r"pySPM cannot read it \(KeyError"):
        read(path)
