"""Readers and comparison of diffraction patterns."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from coatcore import MeasurementError, ReadError, read, validate
from xrd import compare_patterns, find_peaks, plot_patterns, simulate_pattern
from xrd.labels import d_spacing
from xrd.simulate import LI6PS5CL
from xrd.write import write_xrdml

TOTALS = {
    "Li2CO3_0p9001-ZrO2_0p1000": (3445351, 15280179),
    "NiO_0p2030-Li2CO3_0p2999-TiO2_0p5025": (3302385, 15293394),
    "NiO_0p3035-Bi2O3_0p3016-Li2CO3_0p3997": (5051914, 22836317),
    "NiO_0p6007-Bi2O3_0p4008": (5315053, 24155615),
    "V2O5_0p4005-NiO_0p6016": (5568248, 28283112),
    "In2O3_0p5002-MnCO3_0p5000": (2774355, 12617280),
}


@pytest.mark.parametrize(("name", "totals"), TOTALS.items())
def test_real_xrdml(reference, name, totals):
    for minutes, total, n, low, high in (
        (2, totals[0], 2071, 10.0217, 99.9959),
        (8, totals[1], 8282, 10.0094, 99.9944),
    ):
        pattern = read(reference / "xrd" / f"{name}--{minutes}min.xrdml")
        assert validate(pattern) == []
        assert (pattern.name, pattern.size, int(pattern.sum())) == ("counts", n, total)
        x = pattern["two_theta"].values
        assert (x[0], x[-1]) == pytest.approx((low, high), abs=1e-4)
        assert pattern.attrs["wavelength_angstrom"] == 1.540598


def test_every_real_xrdml_is_read(reference):
    files = sorted((reference / "xrd").glob("*.xrdml"))
    assert len(files) > 30
    for file in files:
        assert read(file).attrs["kind"] == "xrd_pattern"


def test_empyrean(reference):
    pattern = read(reference / "xrd" / "empyrean.xrdml")
    x = pattern["two_theta"].values
    assert (pattern.size, int(pattern.sum())) == (196, 1814)
    assert (round(x[0], 2), round(x[-1], 2)) == (30.05, 41.75)


def test_one_pattern_in_two_formats(reference):
    xml = read(reference / "xrd" / "rbm2o5f_RbNb2O5F.xrdml")
    text = read(reference / "xrd" / "rbm2o5f_RbNb2O5F.dat", kind="xrd_pattern")
    shared = text.interp(two_theta=xml["two_theta"]).dropna("two_theta")
    assert shared.size > 1000
    a, b = shared.values, xml.sel(two_theta=shared["two_theta"]).values
    assert np.corrcoef(a, b)[0, 1] > 0.999


@pytest.mark.parametrize("name", ["xy_text.txt", "XRD_Ru-Ir.csv", "XRD_Ru-Pd.csv"])
def test_columns_of_text(reference, name):
    pattern = read(reference / "xrd" / name)
    assert pattern.attrs["kind"] == "xrd_pattern"
    assert "2theta" in pattern.attrs["assumptions"]


def test_a_log_with_decimal_commas_is_no_pattern(reference):
    # A log of gas analysers: its commas are decimal, and a later line has a fifth column.
    from coatcore.reading.delimited import parse_table, read_text

    path = reference / "xrd" / "with_commas.txt"
    with pytest.raises(ReadError, match="has 5 columns, those above have 4"):
        read(path)
    table = parse_table("\n".join(read_text(path).splitlines()[:10]), path)
    assert table.values[0].tolist() == [41110.0001736, 0.29, -0.75, 390.05]


@pytest.fixture(scope="module")
def pairs(reference):
    short = sorted((reference / "xrd").glob("*2min.xrdml"))
    return {f.name: (read(f), read(f.with_name(f.name.replace("2min", "8min")))) for f in short}


def test_real_repeats_are_the_same(pairs):
    verdicts = {name: compare_patterns(long, short) for name, (short, long) in pairs.items()}
    assert len(verdicts) == 14
    assert {n: v.p_value for n, v in verdicts.items() if v.verdict != "same"} == {}


def test_real_mixtures_differ(pairs):
    verdicts = [
        compare_patterns(pairs[a][1], pairs[b][0]).verdict for a, b in permutations(pairs, 2)
    ]
    assert len(verdicts) == 182
    assert set(verdicts) == {"different"}


def test_bragg():
    assert d_spacing(30.0, 1.540598) == pytest.approx(1.540598 / 2 / np.sin(np.radians(15.0)))


def test_peaks_are_found_where_they_are():
    found = find_peaks(simulate_pattern(3, peak_counts=1e5)[0])["two_theta / degree"].to_numpy()
    for place, _ in LI6PS5CL:
        assert np.abs(found - place).min() < 0.06


def test_a_missing_peak_is_named():
    whole, _ = simulate_pattern(1)
    less, _ = simulate_pattern(2, reflections=[r for r in LI6PS5CL if r[0] != 45.00])
    found = compare_patterns(whole, less)
    assert found.verdict == "different"
    assert found.missing_peaks["two_theta / degree"].iloc[0] == pytest.approx(45.0, abs=0.1)


@pytest.mark.parametrize("width", [3.0, 5.0])
def test_dilution_and_an_amorphous_halo_are_not_judged(width):
    """A polymer thins the powder and scatters broadly; neither is a new phase."""
    different = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        (a, _), (b, _) = simulate_pattern(100 + seed), simulate_pattern(300 + seed)
        halo = 300 * np.exp(-(((b["two_theta"].values - 22.0) / width) ** 2))
        thinned = rng.binomial(b.values.astype(int), 0.8) + rng.poisson(halo)
        different += compare_patterns(a, b.copy(data=thinned.astype(float))).verdict == "different"
    assert different <= 3


def test_poor_data_are_undecided():
    a, b = (simulate_pattern(seed, peak_counts=100)[0] for seed in (1, 2))
    assert compare_patterns(a, b).verdict == "undecided"


@pytest.mark.parametrize("step", [0.005, 0.013, 0.052])
def test_other_steps_are_no_difference(step):
    different = 0
    for k in range(10):
        a, _ = simulate_pattern(300 + k)
        b, _ = simulate_pattern(600 + k, step=step, peak_counts=1e4 * step / 0.026)
        different += compare_patterns(a, b).verdict == "different"
    assert different <= 2


@pytest.mark.parametrize("peak_counts", [50, 150, 500, 2000])
def test_few_counts_do_not_feign_a_difference(peak_counts):
    pairs = [
        [simulate_pattern(s, peak_counts=peak_counts)[0] for s in (20_000 + 2 * i, 20_001 + 2 * i)]
        for i in range(100)
    ]
    found = [compare_patterns(*pair) for pair in pairs]
    assert sum(f.verdict == "different" for f in found) <= 10
    assert sum(f.displacement.lower <= 0 <= f.displacement.upper for f in found) >= 88


def test_scale_of_intensities_does_not_matter():
    a, b = (simulate_pattern(seed)[0] for seed in (1, 2))
    scaled = compare_patterns(a, (0.01 * b).rename("intensity").assign_attrs(b.attrs))
    assert scaled.verdict == "same"
    assert scaled.scale.value == pytest.approx(0.01, rel=0.02)


def test_what_cannot_be_compared_is_told():
    a, _ = simulate_pattern(1)
    with pytest.raises(MeasurementError, match="flat"):
        compare_patterns(a, a * 0)
    with pytest.raises(MeasurementError, match="share"):
        compare_patterns(a.isel(two_theta=slice(0, 800)), a.isel(two_theta=slice(1500, None)))
    with pytest.raises(MeasurementError, match="wavelength"):
        compare_patterns(a, a.assign_attrs(wavelength_angstrom=0.7093))


def test_files_come_back(tmp_path):
    pattern, _ = simulate_pattern(4)
    write_xrdml(pattern, tmp_path / "a.xrdml", sample="a<b>&c")
    back = read(tmp_path / "a.xrdml")
    np.testing.assert_array_equal(back.values, pattern.values)
    assert back.attrs["simulated"] == "yes"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("<counts", "<other", "counts"),
        ("</scan>", "", "well-formed"),
        ('axis="2Theta"', 'axis="Omega"', "2Theta"),
        ("<startPosition>", "<startPosition>x", "numbers"),
    ],
)
def test_damaged_xrdml_is_refused(tmp_path, old, new, words):
    path = tmp_path / "a.xrdml"
    write_xrdml(simulate_pattern(4)[0], path)
    text = (
        path.read_text()
        .replace(old, new)
        .replace("</counts>", "</other>" * (old == "<counts") or "</counts>")
    )
    path.write_text(text)
    with pytest.raises(ReadError, match=words):
        read(path)


def test_figures():
    a, b = (simulate_pattern(seed)[0] for seed in (1, 2))
    for ax in (compare_patterns(a, b).plot(), plot_patterns({"a": a})):
        assert ax.figure.axes[-1].get_xlabel() == "2θ / °"
        assert any("simulated" in t.get_text() for t in ax.texts)
