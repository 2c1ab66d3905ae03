"""Are two spectra the same? False alarms, power, and the limit on what could hide."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from coatcore import MeasurementError
from spectra import same_spectrum, simulate_ftir, simulate_nanoir, smooth
from spectra.bands.shapes import pseudo_voigt
from spectra.labels.labels import labelled_spectrum
from spectra.simulate import simulate_band


def pair(seed, kind):
    rng = np.random.default_rng(seed)
    if kind == "FTIR":
        a, b = (simulate_ftir(2 * seed + i)[0] for i in range(2))
    else:
        a, b = (simulate_nanoir(2 * seed + i)[0] for i in range(2))
    # Scale, offset and slope are what a repeated measurement may differ by.
    t = (b["wavenumber"] - 2000) / 2000
    b = (b * rng.uniform(0.7, 1.4) + float(b.max()) * (0.1 * rng.normal() + 0.05 * t)).assign_attrs(
        a.attrs
    )
    return (smooth(a, 10), smooth(b, 10)) if "smoothed" in kind else (a, b)


@pytest.mark.calibration
@pytest.mark.parametrize(("kind", "runs"), [("FTIR", 1000), ("nano-IR, smoothed", 400)])
def test_same_spectra_are_seldom_called_different(kind, runs):
    called = [same_spectrum(*pair(seed, kind)).verdict for seed in range(runs)]
    # 5 % are asked for; beside it two standard deviations of so many runs.
    slack = 2 * np.sqrt(0.05 * 0.95 / runs)
    assert 0.015 < np.mean([v == "different" for v in called]) < 0.05 + slack


@pytest.mark.calibration
def test_limit_holds_what_hides_and_large_differences_are_found():
    rng, held, found = np.random.default_rng(3), [], []
    for seed in range(250):
        a, b = (simulate_ftir(2 * seed + i)[0] for i in range(2))
        height = 0.25 * rng.uniform(0, 0.08) * rng.choice([-1, 1])
        width, at = rng.uniform(8, 45), rng.uniform(700, 3800)
        b = b.copy(data=b.values + height * pseudo_voigt(b["wavenumber"].values, at, width, 0.0))
        compared = same_spectrum(a, b)
        limit = compared.limits.interp(wavenumber=at, fwhm=width).item()
        held.append(limit >= abs(height))
        if abs(height) > 0.25 * 0.05:
            found.append(compared.verdict == "different" and abs(compared.largest_at - at) < width)
    assert np.mean(held) >= 0.95
    assert np.mean(found) > 0.9


def test_lost_bands_are_seen():
    a = simulate_ftir(1)[0]
    flat = a.copy(data=0.1 + np.random.default_rng(1).normal(0, 1e-3, a.size))
    assert same_spectrum(a, flat).verdict != "same"
    assert not same_spectrum(a, flat).equivalent
    upside_down = a.copy(data=-simulate_ftir(2)[0].values)
    assert same_spectrum(a, upside_down).verdict == "different"


def test_stability_test_of_the_paper():
    before, after = simulate_ftir(1, noise=4e-4)[0], simulate_ftir(2, noise=4e-4)[0]
    found = same_spectrum(before, after)
    assert found.verdict == "same"
    assert found.scale.lower < 1 < found.scale.upper
    assert 0 < found.hidden.upper < 0.05
    moved = same_spectrum(before, simulate_ftir(2, noise=4e-4, carbonyl_position=1668.0)[0])
    assert moved.verdict == "different"
    assert abs(moved.largest_at - 1669) < 40
    # A shift of one wavenumber is what a scale known to 0.7 cm-1 may do.
    stated = same_spectrum(
        before, simulate_ftir(2, noise=4e-4, carbonyl_position=1668.0)[0], instrument=0.7
    )
    assert stated.verdict != "different"


def test_scatter_of_replicates_counts():
    rng = np.random.default_rng(2)
    groups = [
        xr.concat(
            [
                simulate_ftir(10 * k + i, carbonyl_position=1669 + rng.normal(0, 0.5))[0]
                for i in range(4)
            ],
            "replicate",
        )
        for k in range(2)
    ]
    assert same_spectrum(*groups).verdict != "different"
    # Without the scatter the same two means are told apart.
    means = [g.mean("replicate").assign_attrs(g.attrs) for g in groups]
    assert same_spectrum(*means).p_value <= same_spectrum(*groups).p_value


def test_skipped_ranges_do_not_count():
    a, b = (simulate_ftir(i)[0] for i in range(2))
    x = b["wavenumber"].values
    b = b.copy(data=b.values + 0.05 * pseudo_voigt(x, 2349.0, 40.0, 0.0))
    assert same_spectrum(a, b).verdict == "different"
    assert same_spectrum(a, b, skip=[(2230.0, 2470.0)]).verdict != "different"


def test_another_grid_and_direction_are_met():
    a, b = (simulate_ftir(i)[0] for i in range(2))
    turned = b.sortby("wavenumber")
    assert same_spectrum(a, turned).p_value == same_spectrum(a, b).p_value
    other, _ = simulate_band(1, position=1669.0, spacing=1.7)
    again, _ = simulate_band(2, position=1669.0, spacing=2.0)
    assert same_spectrum(other, again).verdict != "different"


@pytest.mark.parametrize(
    ("change", "settings", "words"),
    [
        (lambda b: b.rename("transmittance"), {}, "a holds absorbance"),
        (lambda b: b.assign_coords(wavenumber=b["wavenumber"] + 9000), {}, "in common"),
        (lambda b: b.where(b["wavenumber"] > 1000), {}, "misses"),
        (lambda b: smooth(b, 10), {}, "smoothed differently"),
        (lambda b: b * 0, {}, "straight line"),
        (lambda b: b, {"span": (1600.0, 1603.0)}, "too few"),
        (lambda b: b, {"alpha": 2.0}, "alpha"),
        (lambda b: b, {"smallest_relevant": 5.0}, "share"),
        (lambda b: b.rename(wavenumber="mz"), {}, "expected dims"),
    ],
)
def test_what_cannot_be_compared_is_refused(change, settings, words):
    a, b = (simulate_ftir(i)[0] for i in range(2))
    with pytest.raises(MeasurementError, match=words):
        same_spectrum(a, change(b), **settings)


def test_copies_are_refused():
    a = simulate_ftir(1)[0]
    with pytest.raises(MeasurementError, match="copies"):
        same_spectrum(a, a * 2)


def test_figure_names_the_verdict():
    a, b = (simulate_ftir(i)[0] for i in range(2))
    ax = same_spectrum(a, b).plot()
    assert "p =" in ax.get_title()
    assert "cm⁻¹" in ax.get_xlabel()
    assert any("simulated" in t.get_text() for t in ax.texts)


def test_noise_that_grows_with_absorbance_is_followed():
    x = np.arange(600.0, 4000.0, 2.0)
    base = 0.5 * sum(
        h * pseudo_voigt(x, c, w, 0.3)
        for c, w, h in ((1669, 30, 1), (1288, 26, 0.6), (2950, 60, 0.5))
    )

    def made(seed):
        noise = np.random.default_rng(seed).normal(0, 1e-3, x.size) * 10**base / 2.3
        return labelled_spectrum(x, base + noise, "absorbance")

    called = [same_spectrum(made(2 * i), made(2 * i + 1)).verdict for i in range(60)]
    assert sum(v == "different" for v in called) <= 9


@pytest.mark.parametrize(("n", "m"), [(2, 2), (4, 4), (3, 1)])
def test_few_replicates_are_believed_less(n, m):
    called = []
    for seed in range(25):
        rng = np.random.default_rng(seed)
        groups = []
        for k, count in enumerate((n, m)):
            made = [
                simulate_ftir(
                    1000 * seed + 10 * k + i, carbonyl_position=1669 + rng.normal(0, 0.5)
                )[0]
                for i in range(count)
            ]
            groups.append(xr.concat(made, "replicate") if count > 1 else made[0])
        called.append(same_spectrum(*groups).verdict)
    assert sum(v == "different" for v in called) <= 4


def test_nothing_in_common_is_never_the_same():
    x = simulate_ftir(1)[0]
    noise = [x.copy(data=np.random.default_rng(i).normal(0, 1e-3, x.size)) for i in range(2)]
    assert same_spectrum(*noise).verdict == "undecided"


def _scattering(n, scatter, seed):
    """Replicates whose band at 2500 cm-1 differs from one to the next, and is nothing on average.

    `scatter` is the standard deviation between them, far above their noise.
    """
    sign = np.where(np.arange(n) % 2, -1.0, 1.0)
    heights = scatter * sign / sign.std(ddof=1)
    made = [simulate_ftir(seed + i, noise=1e-5)[0] for i in range(n)]
    band = pseudo_voigt(made[0]["wavenumber"].values, 2500.0, 20.0, 0.0)
    return xr.concat(
        [a.copy(data=a.values + h * band) for a, h in zip(made, heights, strict=True)],
        "replicate",
        combine_attrs="override",
    )


def _threshold(scatter_a, n, scatter_b, m):
    groups = _scattering(n, scatter_a, 0), _scattering(m, scatter_b, 100)
    found = same_spectrum(*groups, span=(2200.0, 2800.0))
    return float(found.limits.sel(fwhm=20.0).sel(wavenumber=2500.0, method="nearest"))


def test_both_sides_scatter_adds_up_whatever_their_numbers():
    # Variance of a mean: scatter² / replicates, of either side; as many degrees of freedom.
    few, many = _threshold(0.01, 2, 0.0, 8), _threshold(0.01, 8, 0.0, 2)
    assert few / many == pytest.approx(2.0, rel=0.05)
    assert _threshold(0.0, 8, 0.01, 2) / few == pytest.approx(1.0, rel=0.05)
    both = _threshold(0.01, 2, 0.02, 8)
    assert both / few == pytest.approx(
        np.sqrt((0.01**2 / 2 + 0.02**2 / 8) / (0.01**2 / 2)), rel=0.05
    )
    # And as large as its own share of the noise says, which is far above that of the spectra.
    assert few > 20 * _threshold(0.0, 2, 0.0, 8)
