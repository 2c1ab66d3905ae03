"""Corrections of scanned maps: known artefacts are taken out, holes and clean maps stay."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from coatcore import MeasurementError, read, validate
from imaging import prepare_map
from imaging.labels.labels import labelled_image
from imaging.maps import (
    align_rows,
    despike,
    normalize_power,
    remove_crosstalk,
    remove_drift,
    remove_plane,
)
from imaging.simulating import add_artefacts, simulate_height

NOISE = 0.05
TEXTURE = 0.10
PIXEL = (8.0, 8.0)


def coating(seed, holes=None, *, shape=(128, 128), pixel=PIXEL, noise=NOISE):
    """Map of a textured coating (signal 1) with bare places (signal 0), and where these are."""
    rng = np.random.default_rng(seed)
    waves = simulate_height(seed, shape, pixel, roughness=TEXTURE, length=48.0).values
    bare = np.zeros(shape, bool) if holes is None else holes(seed, shape, pixel)
    # The tip blurs edges by 5 nm.
    layer = ndimage.gaussian_filter(1.0 - bare, [5.0 / p for p in pixel])
    values = layer * np.exp(waves) + noise * rng.normal(size=shape)
    label = {"unit": "mV", "long_name": "nano-IR signal", "attrs": {"simulated": "yes"}}
    return labelled_image(values, pixel, **label), bare


def many_holes(seed, shape, pixel):
    """A fifth of the surface in patches of some 60 nm."""
    field = simulate_height(seed + 500, shape, pixel, length=25.0).values
    return field < np.quantile(field, 0.2)


def few_holes(seed, shape, pixel):
    field = simulate_height(seed + 500, shape, pixel, length=25.0).values
    return field < np.quantile(field, 0.02)


def wide_disc(seed, shape, pixel):
    """One hole whose diameter is half of a row."""
    y, x = np.indices(shape)
    return (y - 64) ** 2 + (x - 50) ** 2 < 32**2


def wide_block(seed, shape, pixel):
    """One hole with straight edges: at them, 45 % of a row's pixels change at once."""
    y, x = np.indices(shape)
    return (abs(y - 64) < 30) & (x > 40) & (x < 40 + 0.45 * shape[1])


HOLES = [None, few_holes, many_holes, wide_disc, wide_block]


def error(found, clean):
    """Standard deviation of what is left of an artefact."""
    return float(np.nanstd((found - clean).values))


def contrast(image, bare):
    return float(np.nanmean(image.values[~bare]) - np.nanmean(image.values[bare]))


def check_holes(found, clean, bare, within):
    """Holes stand out as much as before, and their level is what it was."""
    if bare.any():
        assert contrast(found, bare) == pytest.approx(contrast(clean, bare), rel=within)
        level = np.nanmedian(clean.values[bare])
        assert np.nanmedian(found.values[bare]) == pytest.approx(level, abs=within)


@pytest.mark.parametrize("holes", HOLES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_row_offsets_are_removed_and_holes_left_alone(holes, seed):
    clean, bare = coating(seed, holes)
    rough, _ = add_artefacts(clean, seed, row_offset=0.3)
    found = align_rows(rough)
    assert error(rough, clean) > 0.2
    # What is left is the row means of the texture, which no method can tell from offsets.
    assert error(found, clean) < 1.5 * NOISE
    # Within rows nothing changes at all.
    np.testing.assert_allclose(np.ptp((rough - found).values, axis=1), 0, atol=1e-12)
    check_holes(found, clean, bare, 0.08)
    assert np.median(found.values[~bare]) == pytest.approx(1, abs=0.05)
    assert validate(found) == []


@pytest.mark.parametrize("holes", HOLES)
def test_row_gains_are_removed_and_zero_stays_zero(holes):
    clean, bare = coating(4, holes)
    gain = np.exp(0.2 * np.random.default_rng(4).normal(size=(128, 1)))
    rough = clean.copy(data=clean.values * gain)
    found = align_rows(rough, mode="multiplicative")
    assert error(found, clean) < 1.5 * NOISE < error(rough, clean) / 2
    check_holes(found, clean, bare, 0.05)
    if bare.any():
        assert np.median(found.values[bare]) == pytest.approx(
            np.median(clean.values[bare]), abs=0.01
        )


def test_a_bare_row_is_not_raised_to_the_coating():
    clean, _ = coating(5)
    clean[60:64] = 0.05 * clean[60:64]
    found = align_rows(clean, mode="multiplicative")
    assert abs(found.values[60:64].mean()) < 0.1


def test_row_slopes_are_removed():
    clean, bare = coating(6, few_holes)
    rng = np.random.default_rng(6)
    ramps = 0.3 * rng.normal(size=(128, 1)) * np.linspace(-1, 1, 128)
    rough = clean + ramps + 0.2 * rng.normal(size=(128, 1))
    found = align_rows(rough, "polynomial", order=1)
    assert error(found, clean) < 2 * NOISE < error(rough, clean) / 2
    check_holes(found, clean, bare, 0.08)


@pytest.mark.parametrize("mode", ["additive", "multiplicative"])
@pytest.mark.parametrize("holes", HOLES)
def test_planes_are_removed_and_holes_left_alone(mode, holes):
    clean, bare = coating(7, holes)
    y, x = np.linspace(-1, 1, 128)[:, None], np.linspace(-1, 1, 128)
    tilt = 0.3 * y - 0.35 * x
    rough = clean + tilt if mode == "additive" else clean * (1 + tilt)
    rough.attrs = clean.attrs
    found = remove_plane(rough, mode=mode)
    assert error(found, clean) < 0.7 * NOISE < error(rough, clean) / 4
    check_holes(found, clean, bare, 0.05)
    assert float(found.mean()) == pytest.approx(float(rough.mean()), abs=0.03)


@pytest.mark.parametrize("holes", HOLES)
def test_drift_is_removed_and_zero_stays_zero(holes):
    clean, bare = coating(8, holes)
    rough, truth = add_artefacts(clean, 8, drift=0.5)
    found = remove_drift(rough) / float(truth["gain"].mean())
    assert error(found, clean) < NOISE < error(rough, clean) / 2
    check_holes(found, clean, bare, 0.05)


@pytest.mark.parametrize("holes", HOLES)
@pytest.mark.parametrize("shape", ["channel", "trace"])
def test_power_is_normalised(holes, shape):
    clean, bare = coating(9, holes)
    rough, truth = add_artefacts(clean, 9, power_noise=0.15)
    power = truth["power"]
    if shape == "trace":
        power = power.median("x")
    found = normalize_power(rough, power, reference=1.0)
    assert error(found, clean) < 0.4 * NOISE < error(rough, clean)
    check_holes(found, clean, bare, 0.02)
    assert found.attrs["units"] == "mV"


def test_one_power_refers_maps_to_each_other():
    clean, _ = coating(10)
    np.testing.assert_allclose(normalize_power(clean, 2.0, reference=3.0), 1.5 * clean)


@pytest.mark.parametrize("holes", HOLES)
def test_topography_is_removed_and_holes_left_alone(holes):
    clean, bare = coating(11, holes)
    rough, truth = add_artefacts(clean, 11, crosstalk=0.03, slope_crosstalk=0.3)
    found = remove_crosstalk(rough, truth["height"])
    assert error(rough, clean) > 0.3
    assert error(found.image, clean) < 0.5 * NOISE
    check_holes(found.image, clean, bare, 0.03)
    xr.testing.assert_allclose(found.image + found.removed, rough)


def test_crosstalk_survives_row_offsets_and_drift():
    clean, _ = coating(12, few_holes)
    rough, truth = add_artefacts(
        clean, 12, crosstalk=0.03, slope_crosstalk=0.3, row_offset=1.0, plane=(1.0, -1.0)
    )
    found = remove_crosstalk(rough, truth["height"]).coefficients
    assert found["height"].lower < 0.03 < found["height"].upper
    assert found["slope"].lower < 0.3 < found["slope"].upper


def test_heights_in_other_units_and_pixels_that_are_not_square():
    clean, _ = coating(13, shape=(64, 128), pixel=(16.0, 8.0))
    height = simulate_height(13, (64, 128), (16.0, 8.0))
    rough, _ = add_artefacts(clean, 13, height=height, crosstalk=0.03, slope_crosstalk=0.3)
    metres = height.copy(data=height.values * 1e-9)
    metres.attrs["units"] = "m"
    found = remove_crosstalk(rough.transpose("x", "y"), metres)
    assert found.coefficients["height"].value == pytest.approx(0.03, abs=0.003)
    assert found.coefficients["slope"].value == pytest.approx(0.3, abs=0.05)
    assert found.coefficients["height"].unit == "mV nm-1"
    assert found.coefficients["slope"].unit == "mV"


@pytest.mark.calibration
def test_crosstalk_intervals_hold_the_truth(holds):
    """Small maps, texture and rows that jump; every other map has holes."""
    found = {"height": [], "slope": []}
    for seed in range(1000):
        clean, _ = coating(seed, [None, few_holes][seed % 2], shape=(48, 48))
        rough, truth = add_artefacts(
            clean, seed, crosstalk=0.03, slope_crosstalk=0.3, row_offset=0.2
        )
        got = remove_crosstalk(rough, truth["height"]).coefficients
        for name, estimates in found.items():
            estimates.append(got[name])
    holds("cross-talk of height 0.03 / nm, map of 48 x 48 pixels", 0.03, found["height"])
    holds("cross-talk of slope 0.3, map of 48 x 48 pixels", 0.3, found["slope"])


@pytest.mark.parametrize("holes", HOLES)
def test_spikes_are_found_and_nothing_else(holes):
    clean, bare = coating(14, holes)
    assert despike(clean).count == 0
    rough, truth = add_artefacts(clean, 14, spikes=0.005)
    found = despike(rough)
    spikes = truth["spikes"].values
    assert (found.mask.values & spikes).sum() >= 0.97 * spikes.sum()
    assert (found.mask.values & ~spikes).sum() == 0
    assert error(found.image, clean) < 0.4 * NOISE < error(rough, clean)
    np.testing.assert_array_equal(found.image.values[~found.mask], rough.values[~found.mask])
    check_holes(found.image, clean, bare, 0.01)


def test_holes_of_one_pixel_stay_unless_asked():
    clean, _ = coating(15)
    clean[40, 40] = clean[80, 30] = 0.0
    assert despike(clean).count == 0
    assert despike(clean, kind="dark").count == 2
    clean[20, 20:22] = 5.0  # two pixels are a spike, four a feature
    clean[100:102, 100:102] = 5.0
    found = despike(clean)
    assert found.count == 2
    assert found.mask.values[20, 20:22].all()


@pytest.mark.parametrize("holes", HOLES)
def test_all_artefacts_together(holes):
    clean, bare = coating(16, holes)
    rough, truth = add_artefacts(
        clean,
        16,
        row_offset=0.2,
        plane=(0.3, 0.4),
        power_noise=0.1,
        crosstalk=0.03,
        slope_crosstalk=0.3,
        spikes=0.003,
    )
    steps = ["normalize_power", "remove_crosstalk", "align_rows", "despike", "remove_plane"]
    prepared = prepare_map(rough, height=truth["height"], power=truth["power"], steps=steps)
    assert error(rough, clean) > 0.4
    assert error(prepared.image, clean) < 1.5 * NOISE
    check_holes(prepared.image, clean, bare, 0.10)
    assert [s.name for s in prepared.steps] == steps
    # Nothing is lost between the steps.
    total = sum(s.removed for s in prepared.steps)
    np.testing.assert_allclose(prepared.image + total, rough, atol=1e-9)
    history = prepared.image.attrs["history"].splitlines()
    assert [line.split("(")[0] for line in history[-5:]] == steps
    assert validate(prepared.image) == []


@pytest.mark.parametrize("holes", HOLES)
def test_a_clean_map_stays_within_its_noise(holes):
    clean, bare = coating(17, holes)
    height = simulate_height(99)
    assert error(prepare_map(clean, height=height).image, clean) < 1.5 * NOISE
    for step in (remove_plane, remove_drift):
        assert error(step(clean), clean) < NOISE
        check_holes(step(clean), clean, bare, 0.05)
    assert error(remove_crosstalk(clean, height).image, clean) < 0.3 * NOISE


@settings(max_examples=30)
@given(
    offsets=st.lists(st.floats(-1e3, 1e3), min_size=24, max_size=24),
    seed=st.integers(0, 1000),
    method=st.sampled_from(["median_difference", "median", "polynomial"]),
)
def test_offsets_of_rows_make_no_difference(offsets, seed, method):
    image, _ = coating(seed, many_holes, shape=(24, 32))
    aligned = align_rows(image, method)
    again = align_rows(image + np.array(offsets)[:, None], method)
    difference = (again - aligned).values
    np.testing.assert_allclose(difference, difference.mean(), atol=1e-6)


@settings(max_examples=30)
@given(
    seed=st.integers(0, 1000),
    holes=st.sampled_from([None, few_holes, many_holes]),
    mode=st.sampled_from(["additive", "multiplicative"]),
)
def test_doing_it_twice_changes_nothing_more(seed, holes, mode):
    image, bare = coating(seed, holes, shape=(32, 40))
    # Gains and their slow change are told from coating: a bare edge of so small a map is refused,
    # or its rows are levelled further each time.
    assume(bare.mean(axis=1).max() < 0.5)
    for step in (
        lambda m: align_rows(m, mode=mode),
        lambda m: remove_plane(m, mode=mode),
        lambda m: remove_drift(m, 2, mode=mode),
        lambda m: despike(m).image,
    ):
        once = step(image)
        np.testing.assert_allclose(step(once), once, atol=0.1 * NOISE)


def test_gaps_stay_gaps_and_do_no_harm():
    clean, bare = coating(18, few_holes)
    rough, truth = add_artefacts(
        clean, 18, row_offset=0.2, crosstalk=0.03, spikes=0.002, power_noise=0.1
    )
    gap = np.zeros(clean.shape, bool)
    gap[30:33] = gap[70:90, 20:50] = True
    holed = rough.where(~gap)
    prepared = prepare_map(
        holed,
        height=truth["height"].where(~gap),
        power=truth["power"],
        steps=["normalize_power", "remove_crosstalk", "align_rows", "despike"],
    )
    assert (np.isnan(prepared.image.values) == gap).all()
    assert error(prepared.image, clean) < 1.5 * NOISE
    check_holes(prepared.image, clean.where(~gap), bare, 0.08)
    for step in (remove_plane, remove_drift):
        assert (np.isnan(step(holed).values) == gap).all()


def other_grid(image):
    moved = image.assign_coords(x=image["x"] + 40.0)
    moved["x"].attrs = image["x"].attrs
    return moved


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda h: h.isel(x=slice(64)), "128 x 64 pixels, the map 128 x 128"),
        (other_grid, "off by up to 40"),
        (lambda h: h.drop_attrs(), "y of the height channel|length"),
        (lambda h: h.assign_attrs(units="V"), "length"),
        (lambda h: h.copy(data=np.zeros(h.shape)), "flat"),
        (lambda h: h.where(h > 0), "misses"),
    ],
)
def test_impossible_heights_are_refused(change, words):
    clean, _ = coating(19)
    with pytest.raises(MeasurementError, match=words):
        remove_crosstalk(clean, change(simulate_height(19)))


def test_topography_too_slow_to_be_told_is_refused():
    clean, _ = coating(19, shape=(48, 48))
    y, x = np.indices((48, 48))
    bowl = simulate_height(1, (48, 48)).copy(data=1e-2 * (x - 24.0) ** 2 * (y - 24.0) ** 2)
    with pytest.raises(MeasurementError, match=r"slowly|follow each other"):
        remove_crosstalk(clean, bowl)


@pytest.mark.parametrize(
    ("power", "words"),
    [
        (0.0, "positive"),
        (5.0, "reference"),
        (np.nan, "finite"),
        ("lost", "median at"),
        ("short", "rows"),
    ],
)
def test_impossible_powers_are_refused(power, words):
    clean, _ = coating(20)
    if power == "lost":
        power = xr.DataArray(np.r_[np.ones(120), np.full(8, 0.01)], dims="y")
    elif power == "short":
        power = xr.DataArray(np.ones(5), dims="y")
    with pytest.raises(MeasurementError, match=words):
        normalize_power(clean, power)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: align_rows(m, "modus"), "method"),
        (lambda m: align_rows(m, mode="both"), "mode"),
        (lambda m: align_rows(m - 5, mode="multiplicative"), "positive signal"),
        (lambda m: align_rows(m.where(m["x"] < 40)), "misses"),
        (lambda m: align_rows(m[:4]), "needed"),
        (lambda m: align_rows(m + np.inf), "infinite"),
        (lambda m: remove_plane(m, 9), "order"),
        (lambda m: remove_plane(m - 1, mode="multiplicative"), "additive"),
        (lambda m: remove_crosstalk(m * 0, simulate_height(1)), "one value"),
        (lambda m: despike(m, k=1.0), "noise"),
        (lambda m: despike(m, kind="any"), "kind"),
        (lambda m: prepare_map(m, steps=["level"]), "unknown step"),
        (lambda m: prepare_map(m, steps=["normalize_power"]), "needs power"),
        (lambda m: prepare_map(m, height=m, steps=["despike"]), "no step"),
        (lambda m: prepare_map(m, steps=[("despike", {"kk": 3})]), "despike"),
    ],
)
def test_impossible_requests_are_refused(call, words):
    with pytest.raises(MeasurementError, match=words):
        call(coating(21)[0])


def test_pictures_say_that_data_are_simulated():
    rough, truth = add_artefacts(coating(22, few_holes)[0], 22, crosstalk=0.02, row_offset=0.2)
    figure = prepare_map(rough, height=truth["height"]).plot()
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles[0] == "before"
    assert "after" in titles
    assert "mV" in figure.get_suptitle()
    ax = remove_crosstalk(rough, truth["height"]).plot()
    for axes in (figure.axes, [ax]):
        assert any("simulated" in t.get_text() for a in axes for t in a.texts)


def test_a_real_scan_keeps_its_features(reference):
    """A scattering near-field map: rows lie closer after alignment, along rows nothing changes."""
    image = read(reference / "ir" / "whitelight.gsf")
    found = align_rows(image)
    jumps = [np.median(np.diff(m.values, axis=0), axis=1).std() for m in (image, found)]
    assert jumps[1] < 0.2 * jumps[0]
    np.testing.assert_allclose(found.diff("x"), image.diff("x"), atol=1e-12)
    assert float(found.median()) == pytest.approx(float(image.median()), abs=0.01)
    assert despike(image).count < 0.002 * image.size
