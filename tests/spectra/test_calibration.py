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
    "FTIR": lambda seed, p: simulate_ftir(seed, carbonyl_position=p)[0],
    "nano-IR": lambda seed, p: simulate_nanoir(seed, carbonyl_position=p)[0],
    "nano-IR, maximum 1, 10-point average": _nanoir_as_published,
}


@pytest.mark.calibration
@pytest.mark.parametrize("case", CASES)
def test_position(case, holds):
    truths = np.random.default_rng(7).uniform(1650, 1675, RUNS)
    found = [band_position(CASES[case](seed, truth)) for seed, truth in enumerate(truths)]
    holds(f"carbonyl position, one spectrum, {case}", truths, found)


@pytest.mark.calibration
def test_shift_between_groups_of_replicates(holds):
    # Placing scatters the band by 0.8 cm-1 from spot to spot; the noise alone is 0.2.
    rng = np.random.default_rng(11)
    found = []
    for _ in range(RUNS):
        groups = []
        for center in (1669.0, 1656.0):
            places = center + rng.normal(0, 0.8, 4)
            made = [
                simulate_nanoir(int(rng.integers(2**31)), carbonyl_position=p)[0] for p in places
            ]
            groups.append(xr.concat(made, dim="replicate"))
        found.append(carbonyl_shift(*groups))
    holds("carbonyl shift, 4 spectra a group", -13.0, found)
