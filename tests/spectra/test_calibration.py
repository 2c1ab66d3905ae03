"""Do 95 % intervals hold the truth in 93-97 % of 1,000 runs?"""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from spectra import (
    band_position,
    carbonyl_shift,
    normalize,
    simulate_ftir,
    simulate_nanoir,
    smooth,
)

RUNS = 1000


def _nanoir_as_published(seed, position):
    raw, _ = simulate_nanoir(seed, carbonyl_position=position)
    return smooth(normalize(raw))


CASES = {
    "ftir": lambda seed, p: simulate_ftir(seed, carbonyl_position=p)[0],
    "nanoir": lambda seed, p: simulate_nanoir(seed, carbonyl_position=p)[0],
    "nanoir, normalised and smoothed as in the paper": _nanoir_as_published,
}


@pytest.mark.calibration
@pytest.mark.parametrize("case", CASES)
def test_position(case):
    truths = np.random.default_rng(7).uniform(1650, 1675, RUNS)
    held = 0
    for seed, truth in enumerate(truths):
        estimate = band_position(CASES[case](seed, truth))
        held += estimate.lower <= truth <= estimate.upper
    assert 0.93 <= held / RUNS <= 0.97


@pytest.mark.calibration
def test_shift_between_groups_of_replicates():
    # Placing scatters the band by 0.8 cm-1 from spot to spot; the noise alone is 0.2.
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(RUNS):
        groups = []
        for center in (1669.0, 1656.0):
            places = center + rng.normal(0, 0.8, 4)
            made = [
                simulate_nanoir(int(rng.integers(2**31)), carbonyl_position=p)[0] for p in places
            ]
            groups.append(xr.concat(made, dim="replicate"))
        shift = carbonyl_shift(*groups)
        held += shift.lower <= -13.0 <= shift.upper
    assert 0.93 <= held / RUNS <= 0.97
