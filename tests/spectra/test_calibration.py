"""Do 95 % intervals hold the truth in 93-97 % of 1,000 runs?"""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from coatcore import MeasurementError
from spectra import band_position, carbonyl_shift, normalize, simulate_ftir, simulate_nanoir, smooth
from spectra.simulate import simulate_band

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


def _drawn(seed, smoothing):
    """Any band that an instrument may show: what the fit is told of it is where to look."""
    rng = np.random.default_rng(seed)
    settings = {
        "fwhm": rng.uniform(8, 40),
        "lorentzian_share": rng.uniform(0, 1),
        "snr": float(np.exp(rng.uniform(np.log(10), np.log(1000)))),
        "spacing": float(np.exp(rng.uniform(np.log(0.5), np.log(8)))),
        "smoothing": smoothing,
    }
    return rng, settings


@pytest.mark.calibration
@pytest.mark.parametrize(("smoothing", "refused"), [(0, 15), (10, 60)])
def test_position_of_any_band(smoothing, refused, holds):
    # Signal-to-noise 10-1000, width 8-40, spacing 0.5-8 cm-1, any Lorentzian share.
    truths, found, bound, none = [], [], [], 0
    for seed in range(RUNS):
        rng, settings = _drawn(seed, smoothing)
        position = 1669 + rng.uniform(-10, 10)
        made, truth = simulate_band(seed, position=position, **settings)
        try:
            found.append(band_position(made))
        except MeasurementError:
            # One point a band, or a band that the smoothing has spread: no number is given.
            none += 1
            continue
        truths.append(position)
        bound.append(truth["cramer_rao"])
    holds(f"position of any band, {smoothing or 'no'} points averaged", truths, found)
    assert none <= refused
    if not smoothing:
        error = np.array([e.value for e in found]) - truths
        assert 0.9 < np.sqrt(np.mean((error / bound) ** 2)) < 1.1


@pytest.mark.calibration
@pytest.mark.parametrize("smoothing", [0, 10])
def test_shift_of_any_band(smoothing, holds):
    truths, found = [], []
    for seed in range(RUNS):
        rng, settings = _drawn(seed + 5000, smoothing)
        places = 1662.5 + rng.uniform(-10, 10, 2)
        pair = [
            simulate_band(2 * seed + i, position=p, **settings)[0] for i, p in enumerate(places)
        ]
        try:
            found.append(carbonyl_shift(*pair, warn=False))
        except MeasurementError:
            continue
        truths.append(places[1] - places[0])
    holds(f"shift of any band, {smoothing or 'no'} points averaged", truths, found)


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
        found.append(carbonyl_shift(*groups, warn=False))
    holds("carbonyl shift, 4 spectra a group", -13.0, found)
