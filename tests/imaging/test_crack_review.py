"""Cracks corrected by hand."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import tifffile

from coatcore import MeasurementError, ReadError
from imaging import find_cracks, read_review, review, simulate_sem
from imaging.cracks import measure_cracks
from imaging.labels.labels import labelled_image
from imaging.particles import CrackParameters


def test_a_review_comes_back_and_corrections_count(tmp_path):
    found = find_cracks(simulate_sem(3)[0])
    folder = review(found, tmp_path / "a")
    again = read_review(found.image, folder)
    assert len(again.cracks) == len(found.cracks)
    assert again.cracks["length / nm"].sum() == pytest.approx(found.cracks["length / nm"].sum())
    assert again.crack_area_fraction.value == pytest.approx(
        found.crack_area_fraction.value, rel=0.1
    )
    picture = tifffile.imread(folder / "overlay.tif")
    assert picture.shape == (*found.image.shape, 3)
    assert (picture[..., 0] != picture[..., 2]).any()
    # One crack is rubbed out, one particle too.
    cracks = tifffile.imread(folder / "cracks.tif")
    cracks[cracks == 1] = 0
    tifffile.imwrite(folder / "cracks.tif", cracks.astype(np.float32))
    labels = tifffile.imread(folder / "particles.tif")
    labels[labels == 2] = 0
    tifffile.imwrite(folder / "particles.tif", labels)
    corrected = read_review(found.image, folder)
    gone = 1 + (found.cracks["particle"] == 2).sum()
    assert len(corrected.cracks) == len(found.cracks) - gone
    assert len(corrected.particles) == len(found.particles) - 1
    with pytest.raises(MeasurementError, match="there already"):
        review(found, folder)


def test_a_spoilt_review_is_refused(tmp_path):
    found = find_cracks(simulate_sem(3, shape=(300, 420))[0])
    folder = review(found, tmp_path / "a")
    good = tifffile.imread(folder / "cracks.tif")
    for bad, says in (
        (good[:-1], "same"),
        (np.stack([good] * 3, axis=-1).astype(np.uint8), "colour"),
        (good + 0.5, "whole numbers"),
    ):
        tifffile.imwrite(folder / "cracks.tif", bad)
        with pytest.raises((MeasurementError, ReadError), match=says):
            read_review(found.image, folder)
    (folder / "cracks.tif").write_bytes(b"II*\x00 no")
    with pytest.raises(ReadError, match="TIFF"):
        read_review(found.image, folder)
    (folder / "cracks.tif").unlink()
    with pytest.raises(ReadError, match="not there"):
        read_review(found.image, folder)


def test_drawn_cracks_need_particles():
    image, _ = simulate_sem(3, shape=(300, 420))
    nothing = image.copy(data=np.zeros(image.shape, int))
    with pytest.raises(MeasurementError, match="no particle"):
        measure_cracks(image, nothing, nothing)
    with pytest.raises(MeasurementError, match="same"):
        measure_cracks(image, nothing[:-1], nothing)


def test_a_review_knows_its_image_and_its_parameters(tmp_path):
    image, _ = simulate_sem(3, shape=(300, 420))
    parameters = CrackParameters(void_grey=30.0, curtains="none", split_within=0, whole_beyond=0)
    folder = review(find_cracks(image, parameters), tmp_path / "a")
    again = read_review(image, folder)
    assert again.parameters == parameters
    other, _ = simulate_sem(4, shape=(300, 420))
    with pytest.raises(MeasurementError, match="another image"):
        read_review(other, folder)
    (folder / "review.json").write_text('{"parameters": {"width": 3}}')
    with pytest.raises(ReadError, match="of no use"):
        read_review(image, folder)
    # Without it, the two images are enough.
    (folder / "review.json").unlink()
    assert read_review(image, folder).parameters == CrackParameters()
    (tmp_path / "file").write_text("x")
    with pytest.raises(MeasurementError, match="folder"):
        review(again, tmp_path / "file")


def test_numbers_stay_and_what_lies_outside_is_told():
    image, _ = simulate_sem(3, shape=(300, 420))
    found = find_cracks(image)
    labels = found.labels.where(found.labels != 1, 0)
    again = measure_cracks(image, labels, found.crack_labels)
    assert again.particles["particle"].tolist() == found.particles["particle"].tolist()[1:]
    assert set(np.unique(again.labels)) == set(np.unique(labels))
    lost = int(((found.crack_labels > 0) & (labels == 0)).sum())
    assert (lost > 0) == any(f"{lost} pixels of cracks lie outside" in n for n in again.notes)
    drawn = found.crack_labels.copy(data=np.ones(image.shape, int))
    outside = int((found.labels == 0).sum())
    notes = measure_cracks(image, found.labels, drawn).notes
    assert any(f"{outside} pixels" in note for note in notes)


def test_particles_smaller_than_the_search_was_for_can_be_drawn():
    image, truth = simulate_sem(3, shape=(300, 420))
    y, x = np.mgrid[:300, :420]
    at = np.argwhere(truth.particles > 0)[2000]
    disc = (np.hypot(y - at[0], x - at[1]) < 20) & (truth.particles > 0)
    labels = image.copy(data=disc + 2 * (np.hypot(y - 60, x - 350) < 15))
    found = measure_cracks(image, labels, image.copy(data=np.zeros(image.shape, int)))
    assert len(found.particles) == 2


def test_labels_that_are_none_are_refused():
    image, _ = simulate_sem(3, shape=(300, 420))
    good = image.copy(data=np.ones(image.shape, int))
    for bad, says in (
        (good.astype(float).where(good.x > 50), "missing"),
        (-good, "negative"),
        (good.values, "DataArray"),
        (good.expand_dims(page=[0]), "dims"),
    ):
        with pytest.raises(MeasurementError, match=says):
            measure_cracks(image, bad, good)


def test_a_drawn_crack_is_as_long_as_it_was_drawn():
    rng = np.random.default_rng(0)
    for slope in (0.0, 0.25, 0.5, 1.0):
        grey, labels, cracks = (np.full((460, 320), v) for v in (75.0, 0, 0))
        for k in range(3):
            top = 40 + 140 * k
            grey[top : top + 100, 60:260] = 170
            labels[top : top + 100, 60:260] = k + 1
            for row in range(100):
                middle = int(160 + (row - 50) * slope)
                grey[top + row, middle - 3 : middle + 3] = 20
                cracks[top + row, middle - 3 : middle + 3] = 1
        grey = np.clip(grey + rng.normal(0, 3, grey.shape), 0, 255).astype(np.uint8)
        image = labelled_image(grey, (20.0, 20.0))
        found = measure_cracks(
            image,
            image.copy(data=labels.astype(int)),
            image.copy(data=cracks.astype(int)),
            CrackParameters(void_grey=20.0),
        )
        true = 2000 * np.hypot(1, slope)
        assert found.cracks["length / nm"].mean() == pytest.approx(true, rel=0.06)
        assert (found.cracks["kind"] == "intergranular").all()


def test_a_label_image_that_claims_more_than_the_image_is_not_decoded(tmp_path):
    image, _ = simulate_sem(3, shape=(300, 420))
    folder = review(find_cracks(image), tmp_path / "a")
    huge = np.zeros((8000, 8000), np.uint16)
    tifffile.imwrite(folder / "particles.tif", huge, compression="zlib")
    tracemalloc.start()
    with pytest.raises(MeasurementError, match="without cropping"):
        read_review(image, folder)
    assert tracemalloc.get_traced_memory()[1] < 60e6
    tracemalloc.stop()
