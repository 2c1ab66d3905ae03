"""Comparison of patterns: what it calls different, what it finds, how often it is right."""

from __future__ import annotations

import numpy as np
import pytest

from coatcore import Estimate, MeasurementError, read
from xrd import (
    compare_patterns,
    learn_repeatability,
    reflections,
    simulate_pattern,
    suspected_phases,
)
from xrd.alignment import Repeatability
from xrd.comparing import plot_similarity, similarity_matrix
from xrd.crystals import reference_structure
from xrd.crystals.powder_lines import area_per_weight
from xrd.simulate import LI6PS5CL

CU = 1.540598
FLOOR = Repeatability()
MAIN = reflections("Li6PS5Cl", wavelength=CU)
MAIN_AREA = area_per_weight("Li6PS5Cl", MAIN)
LINES = list(zip(MAIN["two_theta / degree"], 100 * MAIN_AREA / MAIN_AREA.max(), strict=True))


def lines_of(phase, weight):
    """Reflections of a phase that is so much of the powder, by weight, beside Li6PS5Cl."""
    lines = reflections(phase, wavelength=CU)
    area = area_per_weight(phase, lines) / MAIN_AREA.max() * weight / (1 - weight)
    return list(zip(lines["two_theta / degree"], 100 * area, strict=True))


def pair(seed, *, phase="Li2S", weight=0.0, floor=FLOOR, **sample):
    """Pristine powder and a blend whose polymer adds a halo."""
    reference, _ = simulate_pattern(2 * seed, reflections=LINES, repeatability=floor)
    extra = lines_of(phase, weight) if weight else ()
    settings = {"halo": 0.3, **sample}
    blend, _ = simulate_pattern(
        2 * seed + 1, reflections=LINES, extra=extra, repeatability=floor, **settings
    )
    return reference, blend


@pytest.mark.calibration
def test_intervals_hold_and_identical_material_is_the_same(holds):
    rng = np.random.default_rng(5)
    runs, identical, different = 1000, 0, 0
    shifts, displacements, changes, lattices, cells = [], [], [], [], []
    weights, amounts, below, largest = [], [], [], []
    for seed in range(runs):
        changed = seed % 2
        d = 0.02 * rng.normal()
        change = changed * rng.uniform(-5e-4, 5e-4)
        weight = changed * rng.uniform(0.0, 0.02)
        reference, blend = pair(10_000 + seed, weight=weight, displacement=d, lattice_change=change)
        out = compare_patterns(
            reference, blend, main="Li6PS5Cl", suspects=["Li2S", "Li3PO4 beta", "LiCl"]
        )
        shifts.append(d)
        displacements.append(out.displacement)
        changes.append(change)
        lattices.append(out.lattice_change)
        cells.append(out.cell_change["a"])
        for name, truth in (("Li2S", weight), ("Li3PO4 beta", 0.0)):
            row = out.suspects.table.loc[name]
            weights.append(100 * truth)
            # What is not there is below any limit; what is there must be, as often as it says.
            if truth:
                below.append(100 * truth <= row["limit 95 % / %"])
            amounts.append(
                Estimate.from_standard_uncertainty(
                    row["weight fraction / %"], row["standard uncertainty / %"], unit="%"
                )
            )
        if not changed:
            identical += 1
            different += out.verdict == "different"
            largest.append(out.largest_new_peak.lower <= 0)
    holds("displacement between two patterns", shifts, displacements)
    holds("relative change of a lattice", changes, lattices)
    holds("change of a cubic cell", 9.86026 * np.array(changes), cells)
    holds("weight of a suspected phase", weights, amounts, high=0.98)
    assert 0.93 <= np.mean(below) <= 0.97
    assert np.mean(largest) >= 0.95
    assert different <= 0.05 * identical


@pytest.mark.parametrize("phase", ["Li2S", "Li3PO4 beta", "Li3PO4 gamma"])
def test_two_per_cent_by_weight_are_found(phase):
    found = verdicts = 0
    for seed in range(40):
        out = compare_patterns(
            *pair(500 + seed, phase=phase, weight=0.02),
            main="Li6PS5Cl",
            suspects=["Li2S", "Li3PO4 beta", "Li3PO4 gamma"],
        )
        found += phase in out.suspects.found
        verdicts += out.verdict == "different"
    assert found >= 36
    assert verdicts >= 36


@pytest.mark.parametrize("radius", [145.0, 240.0])
def test_a_displaced_sample_is_no_change(radius):
    shift = np.degrees(2 * 0.1 / radius)
    for seed in range(30):
        for sign in (-1, 1):
            reference, blend = pair(seed, displacement=sign * shift, floor=None)
            out = compare_patterns(reference, blend)
            assert out.verdict == "same"
            assert out.displacement.value == pytest.approx(sign * shift, abs=0.01)


def test_a_lattice_change_beyond_repeats_is_found_and_named():
    found = [
        compare_patterns(*pair(seed, lattice_change=6e-4), main="Li6PS5Cl") for seed in range(20)
    ]
    assert sum(f.verdict == "different" for f in found) >= 19
    assert all("a +0.0" in f.summary for f in found if f.verdict == "different")
    # 0.02 % is found where an instrument repeats better than that.
    good = Repeatability(0.02, 0.002, 0.02, 2e-5)
    small = [
        compare_patterns(*pair(seed, lattice_change=2e-4, floor=good), repeatability=good)
        for seed in range(20)
    ]
    assert sum(not f.lattice_change.lower <= 0 <= f.lattice_change.upper for f in small) >= 19


def test_a_hexagonal_cell_has_two_lengths():
    import dataclasses

    layered = reference_structure("LiNiO2")
    a, _, c, *angles = layered.cell
    grown = dataclasses.replace(layered, cell=(a, a, 1.002 * c, *angles))
    patterns = []
    for seed, crystal in ((1, layered), (2, grown)):
        lines = reflections(crystal, wavelength=CU)
        own = list(zip(lines["two_theta / degree"], lines["relative intensity"], strict=True))
        patterns.append(simulate_pattern(seed, reflections=own)[0])
    out = compare_patterns(*patterns, main=layered)
    assert out.verdict == "different"
    assert out.cell_change["c"].value == pytest.approx(0.002 * c, abs=0.005)
    assert out.cell_change["a"].lower <= 0 <= out.cell_change["a"].upper


def test_changed_intensities_are_told_apart_from_new_phases():
    """Every other line stronger or weaker, as orientation makes them: no new peak is claimed."""
    turned = [(t, i * (1.5 if k % 2 else 0.7)) for k, (t, i) in enumerate(LI6PS5CL)]
    a, _ = simulate_pattern(1, repeatability=FLOOR)
    b, _ = simulate_pattern(2, reflections=turned, repeatability=FLOOR)
    out = compare_patterns(a, b)
    assert out.verdict == "different"
    assert set(out.changes["kind"]) <= {"stronger", "weaker", "shape"}
    assert "preferred orientation" in out.summary
    new = compare_patterns(a, simulate_pattern(3, extra=((27.03, 5.0),))[0])
    assert new.new_peaks["two_theta / degree"].iloc[0] == pytest.approx(27.03, abs=0.08)
    assert "orientation" not in new.summary


def test_one_shifted_peak_is_named():
    moved = [(t + 0.08 * (t == 45.00), i) for t, i in LI6PS5CL]
    out = compare_patterns(simulate_pattern(1)[0], simulate_pattern(2, reflections=moved)[0])
    assert out.verdict == "different"
    first = out.changes[out.changes["kind"] == "shifted"].iloc[0]
    assert first["two_theta / degree"] == pytest.approx(45.0, abs=0.1)
    assert first["change"] == pytest.approx(0.08, abs=0.03)


def test_broader_lines_are_measured():
    out = compare_patterns(simulate_pattern(1)[0], simulate_pattern(2, broadening=0.03)[0])
    # A typical line of 0.1 degree, and the doublet, hides part of it.
    assert 0.001 < out.nuisance["line_width"].value < 0.02


def test_nuisances_are_optional():
    a, b = simulate_pattern(1)[0], simulate_pattern(2, displacement=0.05)[0]
    assert compare_patterns(a, b).verdict == "same"
    judged = compare_patterns(a, b, nuisance=("scale", "background"))
    assert judged.verdict == "different"
    assert set(judged.nuisance) == {"scale"}
    both = compare_patterns(a, b, nuisance=("scale", "background", "displacement", "zero_shift"))
    assert both.verdict == "same"
    half = simulate_pattern(3, peak_counts=5e3)[0]
    assert compare_patterns(a, half, nuisance=("background", "displacement")).verdict == "different"


@pytest.fixture(scope="module")
def scanned_twice(reference):
    short = sorted((reference / "xrd").glob("*2min.xrdml"))
    return [(read(f.with_name(f.name.replace("2min", "8min"))), read(f)) for f in short]


def test_default_repeatability_is_that_of_the_real_pairs(scanned_twice):
    learnt = learn_repeatability(scanned_twice)
    for name in ("intensity", "position", "shape", "lattice"):
        assert getattr(FLOOR, name) == pytest.approx(getattr(learnt, name), rel=0.35)


def test_real_repeats_are_the_same_either_way(scanned_twice):
    for long, short in scanned_twice:
        assert compare_patterns(long, short).p_value > 0.05
        assert compare_patterns(short, long).p_value > 0.05


def test_one_per_cent_of_another_mixture_is_found_more_often_than_by_correlation(scanned_twice):
    rng = np.random.default_rng(0)
    ours = theirs = 0
    limit = min(compare_patterns(s, g).descriptors["Pearson"] for g, s in scanned_twice)
    n = len(scanned_twice)
    for i in range(n):
        host, guest = scanned_twice[i][0], scanned_twice[(i + 4) % n][0]
        m = min(host.size, guest.size)
        counts = rng.binomial(host.values[:m].astype(int), 0.98)
        counts = counts + rng.binomial(guest.values[:m].astype(int), 0.02)
        mixed = host.isel(two_theta=slice(m)).copy(data=counts.astype(float))
        out = compare_patterns(scanned_twice[i][1], mixed)
        ours += out.verdict == "different"
        theirs += out.descriptors["Pearson"] < limit
    assert ours >= n // 3
    assert theirs <= 2


def test_similarity_of_many_patterns():
    patterns = {f"a{s}": simulate_pattern(s)[0] for s in range(3)}
    patterns["b"] = simulate_pattern(9, reflections=lines_of("LiCl", 0.5))[0]
    for measure in ("pearson", "cosine", "de_gelder"):
        matrix = similarity_matrix(patterns, measure=measure)
        assert np.diag(matrix) == pytest.approx(1.0)
        assert float(matrix.sel(pattern="a0", other="a1")) > 0.95
        assert float(matrix.sel(pattern="a0", other="b")) < 0.9
    assert float(similarity_matrix(patterns, measure="rwp").sel(pattern="a0", other="a1")) < 0.1
    shifted = {"a": simulate_pattern(1)[0], "b": simulate_pattern(2, displacement=0.1)[0]}
    forgiving = similarity_matrix(shifted).values[0, 1]
    assert forgiving > similarity_matrix(shifted, measure="pearson").values[0, 1] + 0.1
    ax = plot_similarity(similarity_matrix(patterns))
    assert any("simulated" in t.get_text() for t in ax.texts)
    with pytest.raises(MeasurementError, match="measure is 'r'"):
        similarity_matrix(patterns, measure="r")
    with pytest.raises(MeasurementError, match="1 patterns"):
        similarity_matrix({"a": patterns["a0"]})


def test_bad_input_is_told_in_words():
    a, b = (simulate_pattern(s)[0] for s in (1, 2))
    silent = a.copy()
    silent.attrs = {k: v for k, v in a.attrs.items() if "wavelength" not in k}
    with pytest.raises(MeasurementError, match="name no wavelength"):
        compare_patterns(silent, silent, main="Li6PS5Cl")
    with pytest.raises(MeasurementError, match="names no wavelength"):
        suspected_phases(compare_patterns(silent, silent.copy(data=b.values)), "Li6PS5Cl")
    with pytest.raises(MeasurementError, match="name it in main"):
        compare_patterns(a, b, suspects=["Li2S"])
    with pytest.raises(MeasurementError, match="nuisance names 'colour'"):
        compare_patterns(a, b, nuisance=("scale", "colour"))
    with pytest.raises(MeasurementError, match="alpha is 2"):
        compare_patterns(a, b, alpha=2)
    with pytest.raises(MeasurementError, match="3 missing values"):
        compare_patterns(a, b.where(~b["two_theta"].isin(b["two_theta"][5:8])))
    with pytest.raises(MeasurementError, match="negative intensities"):
        compare_patterns(a, b - 1e4)
    with pytest.raises(MeasurementError, match="1 points"):
        compare_patterns(a, b.isel(two_theta=slice(1)))
    with pytest.raises(MeasurementError, match="three powders"):
        learn_repeatability([(a, b)])


def test_figures_are_drawn():
    out = compare_patterns(*pair(3, weight=0.03), main="Li6PS5Cl", suspects=["Li2S", "LiCl"])
    ax = out.plot()
    assert any("simulated" in t.get_text() for t in ax.texts)
    assert {"new"} <= {t.get_text() for t in ax.get_legend().get_texts()}
    assert "Li2S" in out.suspects.plot().get_title()
