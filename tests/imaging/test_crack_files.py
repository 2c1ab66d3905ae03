"""Cracks in many files."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from coatcore import MeasurementError, read
from imaging import find_cracks, find_cracks_in_files, simulate_sem
from imaging.particles import CrackParameters
from imaging.write import write_zeiss_tiff as write


def test_processes_give_what_one_gives_and_lose_only_the_bad_file(tmp_path):
    paths = [tmp_path / f"{seed}.tif" for seed in range(3)]
    for seed, path in enumerate(paths):
        write(simulate_sem(seed, shape=(400, 500))[0], path)
    blank = tmp_path / "blank.tif"
    tifffile.imwrite(blank, np.full((300, 300), 7, np.uint8))
    (tmp_path / "cut.tif").write_bytes(paths[0].read_bytes()[:300])
    order = [paths[2], blank, paths[0], tmp_path / "cut.tif", paths[1]]
    told = []
    files = find_cracks_in_files(
        order, CrackParameters(), workers=2, progress=lambda *a: told.append(a)
    )
    assert list(files.found) == [paths[2], paths[0], paths[1]]
    assert set(files.refused) == {blank, tmp_path / "cut.tif"}
    assert "one grey value" in files.refused[blank]
    assert told == [(p.name, i, 5) for i, p in enumerate(order, start=1)]
    for path, cracks in files.found.items():
        alone = find_cracks(read(path))
        np.testing.assert_array_equal(cracks.crack_labels, alone.crack_labels)
        assert cracks.crack_area_fraction.value == alone.crack_area_fraction.value


def test_no_files_and_no_workers():
    assert find_cracks_in_files([]) == ({}, {})
    with pytest.raises(ValueError, match="workers"):
        find_cracks_in_files([], workers=0)


def test_a_text_is_one_file_or_a_pattern(tmp_path):
    for seed in range(2):
        write(simulate_sem(seed, shape=(300, 400))[0], tmp_path / f"{seed}.tif")
    assert len(find_cracks_in_files(str(tmp_path / "0.tif"), workers=1).found) == 1
    assert len(find_cracks_in_files(str(tmp_path / "*.tif"), workers=1).found) == 2
    with pytest.raises(MeasurementError, match="no file"):
        find_cracks_in_files(str(tmp_path / "*.png"))
