"""Pinholes of nano-IR maps: what is found, how much is covered, what could not have been seen."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.stats import binom

from coatcore import MeasurementError, validate
from imaging import find_pinholes, simulate_nanoir_map
from imaging.holes.false_alarm import coating_level
from imaging.holes.integral_range import integral_range
from imaging.labels.labels import labelled_image
from imaging.maps.tip_footprint import blurred_disc

PIXEL = 20.0


def small_map(seed, **changes):
    """64 x 64 pixels, each as large as the tip."""
    chosen = {"shape": (64, 64), "pixel": PIXEL, "blur": 8.5, "texture_length": 40.0}
    return simulate_nanoir_map(seed, **(chosen | changes))


# -- what is found -----------------------------------------------------------------------------


def test_whole_coating_has_no_hole_but_an_interval():
    found = find_pinholes(simulate_nanoir_map(2, coverage=1.0)[0])
    assert len(found.table) == 0
    assert found.coverage.value == found.coverage.upper == 1.0
    assert 0.95 < found.coverage.lower < 1.0
    assert not found.mask.any()
    assert validate(found.mask) == []
    assert "find_pinholes" in found.mask.attrs["history"]


def test_map_coverage_is_unbiased():
    off = []
    for seed in range(60):
        image, truth = simulate_nanoir_map(seed, coverage=0.97, shape=(96, 96))
        off.append(find_pinholes(image).coverage.value - truth["map_coverage"])
    assert abs(np.mean(off)) < 0.001


@pytest.mark.parametrize(
    ("diameter", "changes"),
    [(60.0, {}), (40.0, {"noise": 0.03}), (120.0, {"texture": 0.2, "texture_length": 24.0})],
)
def test_area_of_a_hole_has_an_honest_uncertainty(diameter, changes):
    score, relative = [], []
    for seed in range(60):
        image, truth = simulate_nanoir_map(
            seed, holes="one", hole_diameter=diameter, shape=(64, 64), blur=8.5, **changes
        )
        try:
            table = find_pinholes(image).table
        except MeasurementError:
            continue
        if len(table) == 1:
            area = (1 - truth["map_coverage"]) * image.size * 64.0
            off = table["area / nm2"][0] - area
            score.append(off / table["area uncertainty / nm2"][0])
            relative.append(off / area)
    assert len(score) >= 50
    assert abs(np.mean(relative)) < 0.05
    assert 0.6 < np.sqrt(np.mean(np.square(score))) < 1.3


def test_the_table_says_where_a_hole_is_and_whether_it_is_resolved():
    values = np.random.default_rng(1).normal(1.0, 0.02, (80, 80))
    y, x = np.mgrid[:80, :80]
    for cy, cx, diameter in ((20, 30, 100.0), (60, 50, 15.0)):
        values *= 1 - blurred_disc(5 * np.hypot(y - cy, x - cx), diameter, 8.5)
    # A depth that half the signal leaves needs a fine tip's map of the small one.
    values[60, 50] = 0.3
    table = find_pinholes(labelled_image(values, (5.0, 5.0))).table
    assert table["resolved"].tolist() == [True, False]
    assert table["y / nm"][0] == pytest.approx(102.5, abs=3)
    assert table["x / nm"][0] == pytest.approx(152.5, abs=3)
    assert table["equivalent diameter / nm"][0] == pytest.approx(100.0, abs=4)
    assert table["contrast"][0] == pytest.approx(1.0, abs=0.05)


def test_tables_stand_in_the_image_frame():
    image, _ = simulate_nanoir_map(1, coverage=0.97)
    whole = find_pinholes(image).table
    part = find_pinholes(image.isel(x=slice(60, None)).isel(y=slice(None, None, -1))).table
    for _, hole in part.iterrows():
        off = np.hypot(whole["x / nm"] - hole["x / nm"], whole["y / nm"] - hole["y / nm"])
        assert off.min() < 40


def test_a_hole_reaches_up_to_the_edge_from_a_seed_below_the_threshold():
    """Hysteresis: a shallow dent is no hole, the rim of a deep one is part of it."""
    rng = np.random.default_rng(3)
    image = small_map(3, coverage=1.0, texture=0.13, texture_length=20.0)[0]
    values = image.values + 0 * rng.normal(size=image.shape)
    dent, deep = (slice(10, 14), slice(10, 14)), (slice(40, 46), slice(40, 46))
    values[dent] = 0.45
    values[deep] = 0.45
    values[42:44, 42:44] = 0.0
    found = find_pinholes(image.copy(data=values))
    assert found.threshold < 0.45 < found.seen.edge
    assert not found.mask.values[dent].any()
    assert found.mask.values[deep].all()


# -- where the bare level is from --------------------------------------------------------------


def test_bare_level_comes_from_the_off_band_map_or_a_reference_area():
    image, truth = simulate_nanoir_map(5, coverage=0.95)
    rng = np.random.default_rng(5)
    offset = 0.4
    shifted = image + offset
    shifted.attrs = image.attrs
    off_band = shifted.copy(data=offset + rng.normal(0, 0.05, image.shape))
    found = find_pinholes(shifted, off_band=off_band)
    assert found.seen.bare.value == pytest.approx(offset, abs=0.01)
    assert found.seen.bare.source == "off-band map"
    same = find_pinholes(image, off_band=off_band - offset)
    assert found.coverage.value == pytest.approx(same.coverage.value, abs=1e-6)
    assert found.coverage.value == pytest.approx(truth["map_coverage"], abs=0.005)

    scratched = shifted.copy(deep=True)
    scratched.values[:20, :] = offset + rng.normal(0, 0.05, (20, image.sizes["x"]))
    box = {"y": (0.0, 20 * 8.0), "x": (0.0, 1e5)}
    inside = find_pinholes(scratched, reference=box)
    assert inside.seen.bare.value == pytest.approx(offset, abs=0.01)
    rest = find_pinholes(shifted.isel(y=slice(20, None)), off_band=off_band)
    assert inside.coverage.value == pytest.approx(rest.coverage.value, abs=0.003)
    mask = xr.zeros_like(image, dtype=bool)
    mask[:20] = True
    assert find_pinholes(scratched, reference=mask).coverage.value == inside.coverage.value


def test_a_noisier_off_band_map_can_refuse_what_a_quiet_one_allows():
    image, _ = simulate_nanoir_map(6, coverage=0.98)
    rng = np.random.default_rng(6)
    loud = image.copy(data=np.repeat(rng.normal(0.2, 0.5, (16, 16)), 8, 0).repeat(8, 1))
    with pytest.raises(MeasurementError, match="off-band map"):
        find_pinholes(image, off_band=loud)


def test_missing_pixels_are_left_out():
    image, _ = simulate_nanoir_map(7, coverage=0.95)
    rng = np.random.default_rng(7)
    gaps = image.where(rng.random(image.shape) > 0.03)
    gaps[40:43] = np.nan
    found, whole = find_pinholes(gaps), find_pinholes(image)
    assert not found.mask.values[40:43].any()
    assert found.coverage.value == pytest.approx(whole.coverage.value, abs=0.006)
    assert np.isfinite(found.upper_limit.density.upper)


# -- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize("scatter", [2.0, 4.0])
def test_noise_is_not_taken_for_holes(scatter):
    rng = np.random.default_rng(1)
    flat = labelled_image(1 + rng.normal(0, scatter, (128, 128)), (8.0, 8.0), unit="1")
    with pytest.raises(MeasurementError, match="noise"):
        find_pinholes(flat)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda i: i * 0, "grey"),
        (lambda i: i - 10, "no coating"),
        (lambda i: i.where(i < 1.1), "missing"),
        (lambda i: i * np.nan, "missing"),
        (lambda i: i[:8], "needed"),
        (lambda i: i.clip(max=float(i.median())), "saturated"),
        (lambda i: i.expand_dims("page"), "dims"),
    ],
)
def test_impossible_maps_are_refused(change, words):
    with pytest.raises(MeasurementError, match=words):
        find_pinholes(change(simulate_nanoir_map(1)[0]))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"false_alarm": 0.0}, "false_alarm"),
        ({"tip_radius": -1.0}, "tip_radius"),
        ({"tip_radius": 2000.0}, "as wide as the map"),
        ({"reference": {"y": (0.0, 10.0), "x": (0.0, 10.0)}}, "25 are needed"),
        ({"reference": {"z": (0.0, 10.0)}}, "expected y and x"),
        ({"reference": simulate_nanoir_map(1)[0]}, "True and False"),
        ({"off_band": simulate_nanoir_map(1, pixel=9.0)[0]}, "same scan settings"),
        (
            {"off_band": simulate_nanoir_map(1)[0], "reference": {"y": (0, 90), "x": (0, 90)}},
            "not both",
        ),
    ],
)
def test_impossible_settings_are_refused(settings, words):
    with pytest.raises(MeasurementError, match=words):
        find_pinholes(simulate_nanoir_map(1)[0], **settings)


def test_unknown_pixel_size_is_refused():
    with pytest.raises(MeasurementError, match="pixel size"):
        find_pinholes(labelled_image(np.random.default_rng(1).random((64, 64)), None))


def test_pictures():
    found = find_pinholes(simulate_nanoir_map(1, shape=(96, 96))[0])
    ax = found.plot()
    words = [t.get_text() for panel in ax.figure.axes for t in panel.texts]
    assert len(ax.figure.axes) == 4
    assert "simulated data" in words
    assert any("nm" in w and "per µm²" in w for w in words)
    given = found.plot(ax.figure.add_subplot())
    assert given is not ax


# -- the parts ---------------------------------------------------------------------------------


def test_integral_range_of_a_smooth_field_is_that_of_theory():
    """White noise smoothed by a normal curve of deviation s: 4 pi s²."""
    from scipy.ndimage import gaussian_filter

    found = [
        integral_range(gaussian_filter(np.random.default_rng(s).normal(size=(256, 256)), 3.0))
        for s in range(20)
    ]
    assert np.mean(found) == pytest.approx(4 * np.pi * 9, rel=0.12)


def test_blurred_disc_is_the_convolution():
    from scipy.ndimage import gaussian_filter

    y, x = np.mgrid[-60:61, -60:61]
    disc = gaussian_filter((np.hypot(y, x) < 20).astype(float), 8.0)
    np.testing.assert_allclose(blurred_disc(np.hypot(y, x)[60], 40.0, 8.0), disc[60], atol=0.01)


# -- calibration -------------------------------------------------------------------------------

# Radius of discs, or correlation length of the field whose lows are the holes, in pixels.
CELLS = [("discs", length) for length in (1, 2, 5, 10)] + [("field", n) for n in (2, 5, 10)]


@pytest.mark.calibration
def test_coverage_holds_the_truth(holds):
    """Bare shares 1-20 %, lengths 1-10 pixels, holes round or of any shape.

    Left out: a field of length 1, where most holes are narrower than a pixel and so than the
    smallest that shows; the coverage found is then too high, for it counts what shows.
    """
    truths, found = [], []
    for run in range(1008):
        holes, length = CELLS[run % 7]
        bare = (0.01, 0.05, 0.10, 0.20)[run // 7 % 4]
        diameter = PIXEL * length * (2 if holes == "discs" else 1)
        image, _ = small_map(
            run,
            shape=(96, 96),
            coverage=1 - bare,
            holes=holes,
            hole_diameter=diameter,
            blur=4.25,
            texture_length=PIXEL * length,
        )
        truths.append(1 - bare)
        widest = diameter * (1.33 if holes == "discs" else 2.0)
        try:
            found.append(find_pinholes(image, tip_radius=10.0, unseen=widest).coverage)
        except MeasurementError:
            truths.pop()
    assert len(found) >= 1000
    holds("areal coverage 0.8-0.99, lengths 1-10 pixels, map 96 x 96", truths, found)


@pytest.mark.calibration
def test_whole_coatings_show_no_hole_more_often_than_asked():
    """1,000 maps; correlation lengths of texture and noise 1-10 pixels."""
    alarms = runs = 0
    for run in range(1000):
        length = PIXEL * (1, 2, 5, 10)[run % 4]
        texture, noise = ((0.10, 0.05), (0.05, 0.12))[run // 4 % 2]
        image, _ = small_map(
            run,
            shape=(48, 48),
            coverage=1.0,
            texture=texture,
            noise=noise,
            texture_length=length,
            noise_length=length * (run // 8 % 2),
        )
        try:
            alarms += len(find_pinholes(image).table) > 0
            runs += 1
        except MeasurementError:
            continue
    assert runs > 990
    assert alarms <= binom.ppf(0.99, runs, 0.05)


@pytest.mark.parametrize("false_alarm", [0.05, 0.3])
def test_the_chance_minimum_is_near_the_chance_that_was_asked(false_alarm):
    """White noise: the sum over pixels is then nearly the chance itself."""
    below = 0
    for seed in range(400):
        values = np.random.default_rng(seed).normal(1, 0.1, (64, 64))
        lowest = coating_level(values, np.ones(values.shape, bool), false_alarm).lowest
        below += values.min() < lowest
    assert binom.ppf(0.005, 400, false_alarm / 3) <= below <= binom.ppf(0.995, 400, false_alarm)


@pytest.mark.calibration
@pytest.mark.parametrize(
    "changes", [{}, {"noise": 0.2}, {"pixel": PIXEL, "texture_length": 40.0, "shape": (64, 64)}]
)
def test_the_smallest_detectable_hole_is_found(changes):
    settings = {"shape": (96, 96), "blur": 8.5} | changes
    hits = 0
    for seed in range(150):
        clear, _ = simulate_nanoir_map(seed, coverage=1.0, **settings)
        if seed % 15 == 0:
            smallest = find_pinholes(clear).smallest_detectable
            assert smallest.unit == "nm"
            assert smallest.lower < smallest.value < smallest.upper
        image, _ = simulate_nanoir_map(
            5000 + seed, holes="one", hole_diameter=smallest.value, **settings
        )
        hits += len(find_pinholes(image).table) > 0
    low, high = binom.ppf(0.01, 150, 0.90), binom.ppf(0.995, 150, 0.99)
    assert low <= hits <= high


@pytest.mark.calibration
@pytest.mark.parametrize("expected", [0.5, 3.0, 8.0])
def test_upper_limits_lie_above_the_truth(expected):
    """Maps that hold `expected` discs of 100 nm on average; at 0.5 half of them show none."""
    area = (64 * PIXEL) ** 2
    mean_area = np.pi / 4 * 100.0**2 * np.exp(2 * 0.35**2)
    density = expected / area * 1e6
    loss = 1 - np.exp(-density * 1e-6 * mean_area)
    below = np.zeros(2)
    none = []
    for seed in range(200):
        image, _ = small_map(seed, coverage=1 - loss, hole_diameter=100.0)
        found = find_pinholes(image, unseen=133.0)
        limit = found.upper_limit
        below += limit.density.upper < density, limit.coverage_loss.upper < loss
        none.append(len(found.table) == 0)
        assert limit.density.unit == "um-2"
    assert (below <= binom.ppf(0.995, 200, 0.05)).all()
    if expected == 0.5:
        assert 0.4 < np.mean(none) < 0.65


def test_no_hole_is_the_rule_of_three():
    found = find_pinholes(small_map(1, coverage=1.0)[0], unseen=100.0)
    limit = found.upper_limit
    um2 = (64 * PIXEL / 1000) ** 2
    assert limit.density.upper == pytest.approx(-np.log(0.05) / 0.95 / um2, rel=1e-6)
    assert limit.density.lower == 0.0
    area = np.pi / 4 * 0.1**2
    assert limit.coverage_loss.upper == pytest.approx(limit.density.upper * area, rel=1e-6)


def test_quantities_of_a_batch():
    from coatcore.quality.quantity import Inputs
    from coatcore.quality.registry import quantities

    image, _ = simulate_nanoir_map(600, coverage=0.998, shape=(256, 256))
    found = find_pinholes(image)
    wanted = {
        "coverage": found.coverage,
        "coverage_loss_limit": found.upper_limit.coverage_loss,
        "pinhole_density_limit": found.upper_limit.density,
        "smallest_detectable": found.smallest_detectable,
    }
    for what, estimate in wanted.items():
        quantity = quantities()[f"nanoir_map.{what}"]
        measured = quantity.measure(
            Inputs(sample=[image], reference=[], parameters=quantity.parameters())
        )
        assert measured.estimate == estimate
        assert measured.estimate.unit == quantity.unit
        assert any("may have been missed" in note for note in measured.notes)
        with pytest.raises(MeasurementError, match="one map"):
            quantity.measure(
                Inputs(sample=[image, image], reference=[], parameters=quantity.parameters())
            )
