"""Regularised distributions of diffusion lengths."""

from __future__ import annotations

import numpy as np
import pytest

from coatcore import MeasurementError
from electrochem import length_distribution, simulate_impedance
from electrochem.impedance.models import distributed_impedance, parse_circuit
from electrochem.labels import label_impedance
from electrochem.simulating.impedance import CAPACITY, DIFFUSION_COEFFICIENT

FREQUENCY = np.logspace(-1.5, -4, 15)


def _two_kinds(seed: int, noise: float = 0.002):
    """Whole particles of 1.3 um and, two fifths by volume, lost ways of 4 um."""
    length = np.exp(np.linspace(np.log(0.2), np.log(30), 600))
    bell = [np.exp(-0.5 * (np.log(length / middle) / 0.2) ** 2) for middle in (1.3, 4.0)]
    share = 0.6 * bell[0] + 0.4 * bell[1]
    share /= share.sum()
    w = 2 * np.pi * FREQUENCY
    tau = (1e-4 * length) ** 2 / DIFFUSION_COEFFICIENT
    particles = distributed_impedance(w, CAPACITY, tau, share)
    rest = {"R0": 23.0, "TLP1_R_ct": 110.0, "TLP1_R_ion": 100.0, "TLP1_Q_int": 0, "TLP1_n_int": 1}
    z = parse_circuit("R0-TLP1").impedance(w, rest, particles)
    rng = np.random.default_rng(seed)
    z = z + noise * np.abs(z) * (rng.normal(size=z.size) + 1j * rng.normal(size=z.size))
    return label_impedance(FREQUENCY, z, unit="ohm cm2"), length, np.cumsum(share)


def test_a_lognormal_is_found_as_one():
    z, truth = simulate_impedance(3, "coated", 152, geometry="planar")
    found = length_distribution(z, diffusion_coefficient=1e-11, capacity=(CAPACITY, 0.05))
    assert found.median.lower < truth["L_diff"] < found.median.upper
    assert found.median.upper / found.median.lower < 1.2
    # 16 % lie below one spread (0.3) under the median.
    share = found.share_below(2.5 * np.exp(-0.3))
    assert share.lower < 0.159 < share.upper
    assert found.mixing < 1.3
    ends = found.data["cumulative"].values
    assert (np.diff(ends) > -1e-9).all()
    assert ends[0] < 0.02
    assert ends[-1] > 0.98


def test_the_same_seed_gives_the_same_distribution():
    z, _ = simulate_impedance(3, "coated", 152, geometry="planar")
    keywords = {"diffusion_coefficient": 1e-11, "capacity": (CAPACITY, 0.05), "steps": 100}
    first, again, other = (length_distribution(z, **keywords, seed=s) for s in (1, 1, 2))
    assert first.data.equals(again.data)
    assert not first.data.equals(other.data)


def test_what_is_known_of_the_particles_is_not_lost():
    z, _ = simulate_impedance(3, "coated", 152, geometry="planar")
    with pytest.raises(MeasurementError, match="give it as capacity"):
        length_distribution(z, diffusion_coefficient=1e-11, known={"TLP1_C_diff": (CAPACITY, 0.05)})


def test_two_kinds_of_particles_are_no_lognormal():
    z, length, cumulative = _two_kinds(1, noise=5e-4)
    found = length_distribution(z, diffusion_coefficient=1e-11, capacity=(CAPACITY, 0.02))
    at = 2.3
    share = found.share_below(at)
    truth = float(np.interp(at, length, cumulative))
    assert share.lower < truth < share.upper
    # The chains' way, and with it the width, depends on the processor: 0.3 on one, 0.53 on another.
    assert share.upper - share.lower < 0.7


def test_uncertainty_of_the_coefficient_widens_the_lengths():
    z, _ = simulate_impedance(3, "coated", 152, geometry="planar")
    keywords = {"diffusion_coefficient": 1e-11, "capacity": (CAPACITY, 0.05), "steps": 300}
    sharp = length_distribution(z, **keywords).median
    blurred = length_distribution(z, **keywords, relative_uncertainty=0.5).median
    assert blurred.upper - blurred.lower > 2 * (sharp.upper - sharp.lower)


def test_a_length_that_is_not_told_has_no_distribution():
    z, _ = simulate_impedance(3, "uncoated", 152, geometry="planar", l_diff=40.0)
    with pytest.raises(MeasurementError, match="give the capacity"):
        length_distribution(z, diffusion_coefficient=1e-11)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lengths": (3.0, 1.0)}, "the shortest and the longest"),
        ({"lengths": (10.0, 100.0)}, "widen them"),
        ({"steps": 5}, "at least 100"),
    ],
)
def test_wrong_questions(arguments, message):
    z, _ = simulate_impedance(3, "coated", 152, geometry="planar")
    with pytest.raises(MeasurementError, match=message):
        length_distribution(z, diffusion_coefficient=1e-11, capacity=(CAPACITY, 0.05), **arguments)


def test_a_length_beyond_those_looked_at():
    z, _ = simulate_impedance(3, "coated", 152, geometry="planar")
    found = length_distribution(
        z, diffusion_coefficient=1e-11, capacity=(CAPACITY, 0.05), steps=100
    )
    with pytest.raises(MeasurementError, match="looked at were"):
        found.share_below(500.0)
