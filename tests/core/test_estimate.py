"""Arithmetic of Estimate against Monte Carlo and against the law of propagation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coatcore import Estimate, MeasurementError

numbers = st.floats(0.5, 50)
spreads = st.floats(0.001, 0.02)


@given(a=numbers, b=numbers, u=spreads, v=spreads)
@settings(max_examples=25)
def test_propagation_agrees_with_monte_carlo(a, b, u, v):
    x = Estimate.from_standard_uncertainty(a, u * a)
    y = Estimate.from_standard_uncertainty(b, v * b)
    rng = np.random.default_rng(0)
    p, q = rng.normal(a, u * a, 40_000), rng.normal(b, v * b, 40_000)
    for ours, theirs in ((x + y, p + q), (x - y, p - q), (x * y, p * q), (x / y, p / q)):
        assert ours.standard_uncertainty == pytest.approx(theirs.std(), rel=0.03)


def test_shared_inputs_are_known():
    x = Estimate.from_standard_uncertainty(2.0, 0.1)
    assert (x - x).upper == 0
    assert (x / x).standard_uncertainty == pytest.approx(0, abs=1e-12)


def test_numbers_on_either_side():
    x = Estimate.from_standard_uncertainty(2.0, 0.1, unit="nm")
    for left in (3, np.float64(3)):
        assert (left * x).standard_uncertainty == pytest.approx(0.3)
        assert (left + x).value == pytest.approx(5.0)
        inverse = left / x
        assert (inverse.value, inverse.unit) == (pytest.approx(1.5), "nm-1")
        assert inverse.standard_uncertainty == pytest.approx(3 * 0.1 / 4)
    shift = Estimate.from_standard_uncertainty(-13.0, 0.4, unit="cm-1")
    assert [e.unit for e in (x * shift, x / shift, shift / shift, x**3)] == [
        "nm cm-1",
        "nm cm",
        "1",
        "nm3",
    ]
    assert (x**2).standard_uncertainty == pytest.approx(0.4)
    assert (x * x - x**2).standard_uncertainty == pytest.approx(0.0, abs=1e-12)


def test_units_are_held():
    x = Estimate.from_standard_uncertainty(2.0, 0.1, unit="nm")
    with pytest.raises(MeasurementError, match="units"):
        x + Estimate.from_standard_uncertainty(2.0, 0.1, unit="cm-1")
    assert (x / x).unit == "1"


def test_sides_follow_the_sign():
    x = Estimate.from_interval(1.0, 0.9, 1.0)
    assert ((-x).lower, (-x).upper) == (-1.0, -0.9)


@pytest.mark.parametrize(
    ("value", "u", "text"),
    [(-13.21, 0.43, "-13.2(4)"), (0.0040, 0.0014, "0.0040(14)"), (5.0, 0.0, "5")],
)
def test_concise(value, u, text):
    assert Estimate.from_standard_uncertainty(value, u).concise == text


@pytest.mark.parametrize("bad", [(1, -1, 0, 2), (1, 1, 2, 3), (float("nan"), 1, 0, 2)])
def test_nonsense_is_refused(bad):
    with pytest.raises(MeasurementError):
        Estimate(*bad)
