"""Cracks corrected by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from coatqc.core import MeasurementError, ReadError
from imaging import find_cracks, measure_cracks, read_review, review, simulate_sem


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
