"""Voltammograms: scans, charge above the baseline, coated against uncoated."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.statistics.autoregressive_noise import noise_of
from electrochem import side_reaction_charge
from electrochem.simulating import simulate_voltammogram
from electrochem.voltammetry import compare_voltammograms, oxidation_peak, split_scans

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
def test_noise_that_remembers_is_in_the_intervals(holds):
    charge, position, current = [], [], []
    for seed in range(1000):
        record, truth = simulate_voltammogram(seed, correlation=0.8, interval=2.0)
        charge.append(side_reaction_charge(record, between=WINDOW))
        place, height = oxidation_peak(record, WINDOW)
        position.append(place)
        current.append(height)
    what = "noise of correlation 0.8"
    holds(f"charge of an oxidation, {what}", truth["charge"], charge)
    holds(f"place of the peak, {what}", truth["position"], position)
    holds(f"current of the peak, {what}", truth["current"], current)


@pytest.mark.calibration
def test_difference_holds_the_truth(holds):
    found, same = [], 0
    for seed in range(1000):
        a, b = (
            [
                simulate_voltammogram(6 * seed + 3 * k + j, q, cell_spread=0.1, interval=10)[0]
                for j in range(3)
            ]
            for k, q in enumerate((4.0, 6.0))
        )
        result = compare_voltammograms(a, b, WINDOW, same_within=1.0)
        found.append(result.difference)
        same += result.verdict.startswith("same")
    holds("difference of charge, 3 cells of each kind", -2.0, found)
    assert same < 25


@pytest.mark.calibration
def test_charge_above_a_blank_holds_the_truth(holds):
    found = []
    for seed in range(1000):
        record, truth = simulate_voltammogram(seed, resistance=0)
        blank, _ = simulate_voltammogram(seed + 5000, 0.0, resistance=0)
        found.append(side_reaction_charge(record, blank, WINDOW))
    holds("charge of an oxidation above a blank", truth["charge"], found)


@pytest.mark.calibration
def test_scatter_of_scans_a_charge_is_that_of_its_interval():
    # Noise that remembers: taken as white it would be understated by a factor of 2 or more.
    found = [
        side_reaction_charge(simulate_voltammogram(s, correlation=0.8)[0], between=WINDOW)
        for s in range(200)
    ]
    spread = np.std([e.value for e in found])
    white = side_reaction_charge(simulate_voltammogram(1)[0], between=WINDOW)
    assert spread > 2 * white.standard_uncertainty
    assert np.median([e.standard_uncertainty for e in found]) == pytest.approx(spread, rel=0.15)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.8])
def test_noise_is_found_under_a_peak(correlation):
    found = []
    for seed in range(30):
        record, _ = simulate_voltammogram(seed, correlation=correlation)
        found.append(noise_of(record["current"].values[300:1701]))
    assert np.mean([n.sigma for n in found]) == pytest.approx(1e-6, rel=0.03)
    assert np.mean([n.correlation for n in found]) == pytest.approx(correlation, abs=0.02)


def test_a_point_far_off_is_named_and_no_noise():
    record, _ = simulate_voltammogram(1)
    clean = side_reaction_charge(record, between=WINDOW)
    off = record.copy(deep=True)
    off["current"][800] += 1e-3
    spiked = side_reaction_charge(off, between=WINDOW)
    assert "1 point lies far off" in spiked.method
    assert "far off" not in clean.method
    assert spiked.standard_uncertainty == pytest.approx(clean.standard_uncertainty, rel=0.02)
    assert spiked.value - clean.value == pytest.approx(1.0, rel=1e-6)


def test_same_cells_are_no_evidence():
    record, _ = simulate_voltammogram(1)
    other, _ = simulate_voltammogram(2)
    with pytest.raises(MeasurementError, match="coated cell 1 and coated cell 0 have exactly"):
        compare_voltammograms([record, record], [other, other], WINDOW)
    with pytest.raises(MeasurementError, match="uncoated cell 0 and coated cell 0"):
        compare_voltammograms(record, record, WINDOW)


def test_blank_of_another_rate_is_refused_or_scaled():
    record, truth = simulate_voltammogram(3, resistance=0)
    fast, _ = simulate_voltammogram(4, 0.0, resistance=0, rate=2e-3, interval=0.5)
    with pytest.raises(MeasurementError, match=r"scanned at 2 mV/s, the sample at 1 mV/s"):
        side_reaction_charge(record, fast, WINDOW)
    scaled = side_reaction_charge(record, fast, WINDOW, scale_blank=True)
    assert scaled.lower < truth["charge"] < scaled.upper
    assert "scaled with the scan rate by 0.5" in scaled.method


def test_the_blank_of_the_same_scan_is_taken():
    def twice(first, second):
        parts = [simulate_voltammogram(s, q, resistance=0)[0] for s, q in (first, second)]
        later = parts[1].assign(time=parts[1]["time"] + 4001.0)
        return xr.concat([parts[0], later], dim="record")

    # The second cycle has other capacitive currents, as after a passivation.
    record, blank = twice((1, 6.0), (2, 6.0)), twice((3, 0.0), (4, 2.0))
    first = side_reaction_charge(record, blank, WINDOW, scan=0)
    second = side_reaction_charge(record, blank, WINDOW, scan=1)
    assert first.value == pytest.approx(6.0, abs=0.3)
    assert second.value == pytest.approx(4.0, abs=0.3)
    assert "rising scan 1 of a blank" in second.method
    with pytest.raises(MeasurementError, match=r"blank .of which the scan of the same number"):
        side_reaction_charge(record, simulate_voltammogram(3, 0.0)[0], WINDOW, scan=1)


@pytest.mark.parametrize(
    ("window", "edge"), [((2.3, 3.25), "upper"), ((2.3, 3.2), "upper"), ((2.75, 3.7), "lower")]
)
def test_a_peak_that_the_window_cuts_is_a_bound(window, edge):
    record, truth = simulate_voltammogram(1)
    e = side_reaction_charge(record, between=window)
    assert f"cut by the {edge} edge" in e.method
    assert e.lower < truth["charge"]
    assert e.upper == np.inf
    place, height = oxidation_peak(record, window)
    assert height.lower < truth["current"]
    assert height.upper == np.inf
    assert place.lower < truth["position"] < place.upper


def test_a_cut_peak_leaves_a_comparison_open():
    coated = [simulate_voltammogram(s, 4.0)[0] for s in (1, 2)]
    bare = [simulate_voltammogram(s, 9.0)[0] for s in (3, 4)]
    result = compare_voltammograms(coated, bare, (2.3, 3.25), same_within=20.0)
    assert result.verdict == "undecided"
    assert result.p_value == result.equivalence_p == 1
    assert sum("cut by the upper edge" in w for w in result.warnings) == 4
    blank, _ = simulate_voltammogram(9, 0.0)
    assert "above the blank's at the upper edge" in (
        side_reaction_charge(bare[0], blank, (2.3, 3.25)).method
    )


@pytest.mark.calibration
def test_a_whole_peak_is_seldom_called_cut():
    cut = sum(
        np.isinf(side_reaction_charge(simulate_voltammogram(s, c)[0], between=WINDOW).upper)
        for c, first in ((0.5, 0), (6.0, 1000))
        for s in range(first, first + 150)
    )
    assert cut <= 2


def test_cells_of_other_rates_are_warned_of():
    slow, _ = simulate_voltammogram(1)
    fast, _ = simulate_voltammogram(2, rate=2e-3, interval=0.5)
    result = compare_voltammograms(slow, fast, WINDOW)
    assert any("1 to 2 mV/s" in w for w in result.warnings)


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
    from electrochem.readers.biologic.mpt import reader

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
