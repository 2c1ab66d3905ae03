"""Readers and writers of images."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from coatcore import ReadError, read, validate
from imaging import simulate_nanoir_map, simulate_sem
from imaging.write import write_gsf, write_zeiss_tiff

REAL = {
    ("tiff_Zeiss_SEM", "test_tiff_Zeiss_SEM_1k.tif"): ((768, 1024), 2615.0),
    ("tiff_Zeiss_SEM", "test_tiff_Zeiss_SEM_512pix.tif"): ((384, 512), 5.825),
    ("tiff_Zeiss_SEM", "ZEISS_SEM_multipage.tif"): ((2, 1536, 2048), 12.33),
    ("tiff_FEI_Helios", "FEI-Helios-Ebeam-16bits.tif"): ((471, 512), 3372.4),
    ("tiff_FEI_Helios", "FEI-Helios-Ebeam-8bits.tif"): ((471, 512), 3372.4),
    ("tiff_FEI_Helios", "FEI-Helios-navcam-with-no-IRBeam-bad-floats.tif"): ((551, 768), None),
    ("TVIPS_bin4", "TVIPS_bin4.tif"): ((1024, 1024), 1.4208),
}


@pytest.mark.parametrize(("where", "facts"), REAL.items())
def test_real_tiff(reference, tmp_path, where, facts):
    archive, name = where
    shape, pixel = facts
    with zipfile.ZipFile(reference / "imaging" / f"{archive}.zip") as file:
        file.extract(name, tmp_path)
    image = read(tmp_path / name)
    assert validate(image) == []
    assert image.shape == shape
    step = np.diff(image["x"].values)
    if pixel is None:
        assert image["x"].attrs["units"] == "pixel"
        assert "pixel" in image.attrs["assumptions"]
    else:
        assert image["x"].attrs["units"] == "nm"
        assert step.mean() == pytest.approx(pixel, rel=1e-4)
    if "Ebeam" in name:
        assert image.attrs["acceleration_voltage_kV"] == 5.0


def test_real_gsf(reference):
    image = read(reference / "ir" / "whitelight.gsf")
    assert image.shape == (100, 200)
    assert float(image["x"][-1] - image["x"][0]) == pytest.approx(995.0)
    assert image["x"].attrs["units"] == "nm"


def test_grid_of_text(tmp_path):
    path = tmp_path / "map.txt"
    path.write_text("# Width: 2.0 µm\n# Height: 1.0 µm\n" + "1 2 3 4\n" * 5)
    image = read(path)
    assert image.shape == (5, 4)
    assert np.diff(image["x"].values) == pytest.approx(500.0)
    path.write_text("1 2 3 4\n" * 5)
    assert read(path)["x"].attrs["units"] == "pixel"


def test_files_come_back(tmp_path):
    image, _ = simulate_nanoir_map(1)
    write_gsf(image, tmp_path / "a.gsf")
    back = read(tmp_path / "a.gsf")
    np.testing.assert_allclose(back.values, image.values, rtol=1e-6)
    np.testing.assert_allclose(back["y"], image["y"], rtol=1e-6)
    sem, _ = simulate_sem(1, shape=(96, 128))
    write_zeiss_tiff(sem, tmp_path / "a.tif")
    back = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(back.values, sem.values)
    assert back.attrs["simulated"] == "yes"


@pytest.mark.parametrize(
    ("old", "new"), [(b"XRes=128", b"XRes=999"), (b"XRes=128", b"XRes=x"), (b"XReal=", b"XReal=-")]
)
def test_damaged_gsf_is_refused(tmp_path, old, new):
    path = tmp_path / "a.gsf"
    write_gsf(simulate_nanoir_map(1)[0], path)
    raw = path.read_bytes()
    assert old in raw
    path.write_bytes(raw.replace(old, new))
    with pytest.raises(ReadError):
        read(path)
