"""Readers and cracks."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from skimage.filters import gaussian

from coatqc.core import MeasurementError, ReadError, read, validate
from imaging import (
    find_cracks,
    plot_image,
    simulate_nanoir_map,
    simulate_sem,
    write_gsf,
    write_zeiss_tiff,
)
from imaging.labels import labelled_image

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


def test_pristine_particles_have_no_cracks():
    for seed in range(3):
        found = find_cracks(simulate_sem(seed, crack_area_fraction=0.0)[0])
        assert found.crack_area_fraction.value < 0.0005
        assert found.crack_area_fraction.lower == 0.0


def test_crack_area_of_images_is_nearly_unbiased():
    off, relative = [], []
    for seed in range(6):
        image, truth = simulate_sem(seed, crack_area_fraction=0.03)
        value = find_cracks(image).crack_area_fraction.value
        off.append(value - truth["crack_area_fraction"])
        relative.append(off[-1] / truth["crack_area_fraction"])
    assert abs(np.mean(relative)) < 0.10


def test_cracks_have_tables_and_pictures():
    found = find_cracks(simulate_sem(4, crack_area_fraction=0.03)[0])
    assert len(found.particles) > 3
    assert {"length / nm", "area / nm2", "mean width / nm"} <= set(found.cracks.columns)
    assert found.labels.max() >= len(found.particles)
    for ax in (found.plot(), plot_image(found.image)):
        assert any("simulated" in t.get_text() for t in ax.texts)


@pytest.mark.parametrize("seed", range(3))
def test_an_image_of_something_else_gives_no_absurd_number(seed):
    """Bright and dark everywhere, as in a fracture surface: refused, or a share between 0 and 1."""
    rng = np.random.default_rng(seed)
    rough = gaussian(rng.normal(size=(200, 200)), 6) * 40 + gaussian(rng.normal(size=(200, 200)), 1)
    try:
        fraction = find_cracks(labelled_image(100 + 60 * rough, (20.0, 20.0))).crack_area_fraction
    except MeasurementError:
        return
    assert 0 <= fraction.lower <= fraction.value <= fraction.upper <= 1


def test_coarse_pixels_are_refused():
    image, _ = simulate_sem(1)
    coarse = image.assign_coords(x=100 * image["x"], y=100 * image["y"])
    for axis in "xy":
        coarse[axis].attrs = image[axis].attrs
    with pytest.raises(MeasurementError, match="2500 nm"):
        find_cracks(coarse)


def test_grey_noise_has_no_particles():
    rng = np.random.default_rng(0)
    with pytest.raises(MeasurementError):
        find_cracks(labelled_image(rng.integers(0, 255, (128, 128)), (25.0, 25.0)))


@pytest.mark.calibration
@pytest.mark.parametrize("part", range(2))
def test_crack_fraction_holds_the_truth(holds, part):
    """From image to interval; the truth is the material's, of which an image is a sample."""
    truths, areas, found = [], [], []
    for seed in range(500 * part, 500 * (part + 1)):
        image, truth = simulate_sem(seed, crack_area_fraction=0.03, shape=(384, 480))
        cracks = find_cracks(image)
        truths.append(truth["crack_area_fraction"])
        areas.append(cracks.particles["area / nm2"].sum())
        found.append(cracks.crack_area_fraction)
    material = float(np.average(truths, weights=areas))
    name = f"crack area fraction, image with 7 particles, seeds {500 * part} on"
    holds(name, material, found, low=0.925, high=0.975)
