"""Fast cases in which one term of an uncertainty decides: it cannot be lost unnoticed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from coatcore.statistics.nested_ratio import group_ratio
from imaging.holes.coverage import bare_share


@pytest.mark.parametrize("images", [2, 3])
def test_with_few_images_the_ratio_scatters_as_its_uncertainty_says(images):
    # Particles of an image are alike, so that the scatter between images is all there is; that of
    # k images about their own mean is too small by (k - 1) / k, a half for two.
    rng = np.random.default_rng(3)
    groups = [
        group_ratio([(np.full(4, p), np.full(4, 10.0)) for p in rng.normal(1.0, 0.1, images)], rng)
        for _ in range(400)
    ]
    reported = np.mean([g.standard_uncertainty**2 for g in groups])
    assert reported / np.var([g.ratio for g in groups], ddof=1) == pytest.approx(1.0, abs=0.2)


def test_with_few_holes_the_variance_of_the_bare_share_is_widened_for_being_unsure():
    # Five holes on average: a map with two of them shows a low share and a variance as much too
    # low, so that deviations over their uncertainty would have a mean square near 2, not 1.
    rng = np.random.default_rng(3)
    side, size, expected = 3, 64, 5.0
    truth = 1 - np.exp(-expected * side**2 / size**2)
    squares = []
    for _ in range(900):
        # Holes begin outside as well, so that each pixel is bare equally often.
        corners = rng.integers(0, size + side - 1, (rng.poisson(expected * 66**2 / size**2), 2))
        wide = np.zeros((size + 2 * side - 2, size + 2 * side - 2))
        for y, x in corners:
            wide[y : y + side, x : x + side] = 1.0
        missing = wide[side - 1 : side - 1 + size, side - 1 : side - 1 + size]
        if not missing.any():
            continue
        areas = np.bincount(ndimage.label(missing)[0].ravel())[1:].astype(float)
        found = bare_share(areas, missing, total=missing.size, unseen=side**2)
        squares.append((found.share - truth) ** 2 / found.variance)
    assert 0.8 < np.mean(squares) < 1.2
