"""Voltammograms: scans, charge above the baseline, coated against uncoated."""

from __future__ import annotations

import numpy as np
import pytest

from coatqc.core.errors import MeasurementError
from electrochem.voltammetry import (
    compare_voltammograms,
    oxidation_peak,
    side_reaction_charge,
    simulate_voltammogram,
    split_scans,
)

WINDOW = (2.3, 3.7)


@pytest.mark.calibration
def test_charge_and_peak_hold_the_truth(holds):
    charge, position, current = [], [], []
    for seed in range(1000):
        record, truth = simulate_voltammogram(seed)
        charge.append(side_reaction_charge(record, between=WINDOW))
        place, height = oxidation_peak(record, WINDOW)
        position.append(place)
        current.append(height)
    holds("charge of an oxidation above the baseline", truth["charge"], charge)
    holds("place of the oxidation peak", truth["position"], position)
    holds("current of the oxidation peak", truth["current"], current)


@pytest.mark.calibration
def test_difference_holds_the_truth(holds):
    found, same = [], 0
    for seed in range(1000):
        a, b = (
            [
                simulate_voltammogram(10 * seed + 5 * k + j, q, cell_spread=0.1, interval=5)[0]
                for j in range(5)
            ]
            for k, q in enumerate((4.0, 6.0))
        )
        result = compare_voltammograms(a, b, WINDOW, same_within=1.0)
        found.append(result.difference)
        same += result.verdict.startswith("same")
    holds("difference of charge, 5 cells of each kind", -2.0, found)
    assert same < 25


@pytest.mark.calibration
def test_charge_above_a_blank_holds_the_truth(holds):
    found = []
    for seed in range(1000):
        record, truth = simulate_voltammogram(seed, resistance=0)
        blank, _ = simulate_voltammogram(seed + 5000, 0.0, resistance=0)
        found.append(side_reaction_charge(record, blank, WINDOW))
    holds("charge of an oxidation above a blank", truth["charge"], found)


def test_same_where_nothing_differs():
    a, b = ([simulate_voltammogram(s + k, cell_spread=0.02)[0] for s in range(4)] for k in (0, 9))
    assert compare_voltammograms(a, b, WINDOW, same_within=1.0).verdict == "same within 1 mC"
    alone = compare_voltammograms(a[0], b[0], WINDOW)
    assert "cells" in alone.warnings[0]
    assert alone.equivalence_p is None


def test_mass_and_unit():
    record, _ = simulate_voltammogram(1)
    e = side_reaction_charge(record, between=WINDOW, mass_g=0.00832)
    assert e.unit == "mAh g-1"
    assert e.value == pytest.approx(6 / 3600 / 0.00832, rel=0.02)


def test_real_voltammogram(reference):
    from electrochem.readers.biologic_text import reader

    record = reader.read(reference / "electrochem" / "yadg_cv.mpt")
    scans = split_scans(record)
    assert [way for _, way in scans] == [-1, 1, -1, 1]
    assert scans[0][0].start == 0
    assert scans[-1][0].stop == record.sizes["record"] == 5103
    v = record["voltage"].values
    assert v[scans[1][0]].max() == pytest.approx(5.499, abs=0.01)
    # The current rises until the scan turns: a line through both edges would be wrong.
    with pytest.raises(MeasurementError, match="does not come back"):
        side_reaction_charge(record, between=(4.2, 5.45))
    e = side_reaction_charge(record, between=(4.2, 5.45), baseline="below")
    part = scans[1][0]
    t, i = record["time"].values[part], record["current"].values[part]
    inside = (v[part] >= 4.2) & (v[part] <= 5.45)
    level = i[(v[part] >= 4.2) & (v[part] < 4.35)].mean()
    expected = 1e3 * np.trapezoid(i[inside] - level, t[inside])
    assert e.value == pytest.approx(expected, rel=0.02)
    # The second cycle ends at 3.16 V.
    with pytest.raises(MeasurementError, match="rising scan 1"):
        side_reaction_charge(record, between=(4.2, 5.45), scan=1)


def test_errors_say_what_is_wrong():
    record, _ = simulate_voltammogram(1)
    with pytest.raises(MeasurementError, match="there are 0 such"):
        side_reaction_charge(record, between=(3.0, 5.0))
    with pytest.raises(MeasurementError, match="lower, higher"):
        side_reaction_charge(record, between=(3.0, 2.5))
    with pytest.raises(MeasurementError, match="current"):
        split_scans(record.drop_vars("current"))
    with pytest.raises(MeasurementError, match="more than 10 mV"):
        split_scans(record.assign(voltage=record["voltage"] * 0 + 3))
    with pytest.raises(MeasurementError, match="no voltammogram"):
        compare_voltammograms([], [record], WINDOW)
    with pytest.raises(MeasurementError, match="no peak"):
        oxidation_peak(simulate_voltammogram(1, 0.0)[0], WINDOW)
