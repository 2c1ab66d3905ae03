"""Images that hold no particles, or more than particles: data bars, other things, nothing."""

from __future__ import annotations

import zipfile

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from skimage.filters import gaussian

from coatcore import MeasurementError, read
from imaging import compare_cracks, find_cracks, find_particles, simulate_sem
from imaging.cracks import measure_cracks
from imaging.labels import find_data_bar
from imaging.labels.labels import labelled_image
from imaging.particles import CrackParameters, particle_table
from imaging.write import write_zeiss_tiff

RNG = np.random.default_rng(0)
DISC = np.hypot(*(np.mgrid[:128, :128] - 64)) < 40
ODD = {
    "blank": np.zeros((128, 128)),
    "saturated": np.where(DISC, 255, 60).astype(np.uint8),
    "noise": RNG.integers(0, 255, (128, 128)),
    "all particle": 170 + RNG.normal(0, 5, (128, 128)),
    "no particle": 75 + gaussian(RNG.normal(0, 40, (128, 128)), 4),
    "missing pixels": np.where(np.eye(128) > 0, np.nan, 100.0),
    "infinite": np.where(np.eye(128) > 0, np.inf, 100.0),
    "ramp": np.add.outer(np.arange(128.0), np.arange(128.0)),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_images_give_no_crack(name):
    image = labelled_image(ODD[name], (20.0, 20.0))
    with pytest.raises(MeasurementError):
        find_cracks(image)


def test_images_of_wrong_form_are_refused():
    colour = xr.DataArray(np.zeros((128, 128, 3)), dims=("y", "x", "channel"))
    with pytest.raises(MeasurementError, match="colour"):
        find_cracks(colour)
    with pytest.raises(MeasurementError, match="64 a side"):
        find_cracks(labelled_image(np.zeros((20, 200)), (20.0, 20.0)))
    image, _ = simulate_sem(1, shape=(128, 128))
    with pytest.raises(MeasurementError, match="square"):
        find_cracks(labelled_image(image.values, (20.0, 30.0)))
    with pytest.raises(MeasurementError, match="2500 nm"):
        find_cracks(labelled_image(image.values, (2500.0, 2500.0)))
    with pytest.raises(MeasurementError, match="1 particle"):
        values = np.where(np.pad(DISC, 60), 170.0, 75.0)
        find_cracks(labelled_image(gaussian(values, 1.0), (20.0, 20.0)))


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


BARS = {
    "black with white text": (0, 255, False),
    "white with black text": (255, 0, False),
    "grey in a frame": (90, 250, True),
}


@pytest.mark.parametrize("name", BARS)
@pytest.mark.parametrize("at_head", [False, True])
def test_a_data_bar_is_cut_away(name, at_head):
    ground, text, framed = BARS[name]
    image, _ = simulate_sem(3)
    bare = find_cracks(image)
    rng = np.random.default_rng(1)
    bar = np.full((48, image.sizes["x"]), ground, np.uint8)
    for _ in range(40):
        y, x = rng.integers(6, 36), rng.integers(0, 600)
        bar[y : y + 8, x : x + 3] = text
    if framed:
        bar[:2] = bar[-2:] = text
    parts = [bar, image.values] if at_head else [image.values, bar]
    barred = labelled_image(np.concatenate(parts), (20.0, 20.0))
    rows = slice(0, 48) if at_head else slice(512, 560)
    assert find_data_bar(barred) == rows
    found = find_cracks(barred)
    assert found.image.attrs["data_bar_rows"] == 48
    assert "cut_data_bar(rows=48)" in found.image.attrs["history"]
    np.testing.assert_array_equal(found.image.values, image.values)
    expected = bare.cracks.assign(**{"y / nm": bare.cracks["y / nm"] + 20.0 * 48 * at_head})
    pd.testing.assert_frame_equal(found.cracks, expected)
    # Labels that a person has drawn on the whole image are cut with it.
    whole = [
        barred.copy(data=np.pad(each.values, ((48, 0) if at_head else (0, 48), (0, 0))))
        for each in (found.labels, found.crack_labels)
    ]
    assert len(measure_cracks(barred, *whole).cracks) == len(found.cracks)


def test_scenes_have_no_data_bar():
    rng = np.random.default_rng(0)
    dark_foot = rng.integers(60, 200, (200, 200))
    dark_foot[150:] = rng.integers(0, 12, (50, 200))
    for scene in (
        np.zeros((200, 200)),
        dark_foot,
        np.where(np.arange(200)[:, None] > 170, 0, 100) * np.ones((1, 200)),
        np.full((200, 200), np.nan),
    ):
        assert find_data_bar(labelled_image(scene, (5.0, 5.0))) is None
    for seed in range(5):
        assert find_data_bar(simulate_sem(seed, shape=(200, 260))[0]) is None


REAL_BARS = {
    "tiff_Zeiss_SEM/test_tiff_Zeiss_SEM_1k.tif": slice(691, 768),
    "tiff_Zeiss_SEM/test_tiff_Zeiss_SEM_512pix.tif": slice(350, 384),
    "tiff_Zeiss_SEM/ZEISS_SEM_multipage.tif": None,
    "tiff_FEI_Helios/FEI-Helios-Ebeam-8bits.tif": slice(442, 471),
    "tiff_FEI_Helios/FEI-Helios-Ebeam-16bits.tif": slice(442, 471),
    "tiff_FEI_Helios/FEI-Helios-navcam.tif": None,
    "TVIPS_bin4/TVIPS_bin4.tif": None,
}


@pytest.mark.parametrize("name", REAL_BARS)
def test_real_images(reference, tmp_path, name):
    """None shows particles: each has its bar found, and is refused with a reason or measured
    without an absurd number."""
    archive, file = name.split("/")
    with zipfile.ZipFile(reference / "imaging" / f"{archive}.zip") as packed:
        packed.extract(file, tmp_path)
    image = read(tmp_path / file)
    if "page" in image.dims:
        image = image.isel(page=0, drop=True)
    assert find_data_bar(image) == REAL_BARS[name]
    for each in (image, labelled_image(image.values, None)):
        try:
            fraction = find_cracks(each).crack_area_fraction
        except MeasurementError as error:
            assert len(str(error)) > 20
        else:
            assert 0 <= fraction.lower <= fraction.value <= fraction.upper <= 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"void_grey": float("nan")},
        {"void_grey": "dark"},
        {"whole_beyond": float("inf")},
        {"min_diameter": 1e9},
        {"rim": 1e6},
        {"min_length": "300"},
        {"min_elongation": 0.5},
        {"min_length": True},
    ],
)
def test_parameters_without_sense_are_refused(wrong):
    with pytest.raises(MeasurementError, match=next(iter(wrong))):
        CrackParameters(**wrong)


def test_what_is_no_image_is_named():
    for bad in ("a.tif", np.zeros((64, 64)), None):
        with pytest.raises(MeasurementError, match="an image is expected"):
            find_cracks(bad)
    with pytest.raises(MeasurementError, match="expected a mapping"):
        compare_cracks([])
    with pytest.raises(MeasurementError, match="is str, expected what"):
        compare_cracks({"a": ["a.tif", "b.tif"], "b": ["c.tif", "d.tif"]})


def test_the_limit_where_no_crack_is_found_knows_how_long_a_crack_had_to_be():
    image, _ = simulate_sem(5, crack_area_fraction=0.0)
    upper = find_cracks(image).crack_area_fraction.upper
    longer = find_cracks(image, CrackParameters(min_length=3000.0)).crack_area_fraction
    assert longer.value == 0
    assert longer.upper == pytest.approx(10 * upper)
    # Pixels of unknown size count as 20 nm, so that the limit is the same.
    assert find_cracks(labelled_image(image.values, None)).crack_area_fraction.upper == (
        pytest.approx(upper)
    )


def test_pixels_stay_pixels():
    image = labelled_image(simulate_sem(2)[0].values, None)
    found = find_cracks(image)
    for array in (found.image, found.labels, found.crack_labels, find_particles(image)):
        assert array["x"].attrs["units"] == "pixel"
        assert float(array["x"][-1]) == image.sizes["x"] - 0.5
    assert "crack length density / pixel-1" in found.particles
    assert "area / pixel2" in particle_table(find_particles(image), image)
    whole = simulate_sem(2)[0]
    cut = whole.isel(y=slice(100, None))
    assert find_cracks(cut).particles["y / nm"].min() > 100 * 20.0


def test_an_image_that_cannot_be_written_in_8_bits_is_refused(tmp_path):
    image, _ = simulate_sem(2)
    for bad in (
        image.astype(float) * 100,
        image.astype(float).where(image.x > 100),
        image.astype(float) - 300.0,
    ):
        with pytest.raises(MeasurementError, match="8 bits"):
            write_zeiss_tiff(bad, tmp_path / "a.tif")
    with pytest.raises(MeasurementError, match="touching"):
        simulate_sem(1, touching=3)
