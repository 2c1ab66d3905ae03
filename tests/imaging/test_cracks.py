"""Particles, cracks and gaps in SEM cross-sections."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pandas as pd
import pytest
from scipy import ndimage
from segmentation_scores import Lines, Panoptic, centre_line_dice, lines_within, panoptic
from skimage.filters import gaussian
from skimage.morphology import skeletonize

from coatcore import MeasurementError
from imaging import crack_area_fraction, find_cracks, find_particles, plot_image, simulate_sem
from imaging.cracks.dark_lines import line_darkness
from imaging.cracks.kinds import missing_to_split
from imaging.cracks.skeletons import line_lengths
from imaging.labels.labels import labelled_image
from imaging.particles import CrackParameters, particle_table


def on_disc(draw, *, radius=120, pixel=20.0, noise=4.0, seed=0, size=400):
    """A round particle of grey 170 in electrolyte of 75, with voids (20) where `draw` says."""
    y, x = np.mgrid[:size, :size] - size / 2
    inside = np.hypot(y, x) < radius
    # A second particle, for one says nothing of how they scatter.
    other = np.hypot(y - 0.42 * size, x - 0.42 * size) < 0.1 * size
    values = np.where(inside | other, 170.0, 75.0)
    void = draw(y, x)
    values = np.where(void, 20.0, values)
    # A pore tells the grey of a void.
    values[np.hypot(y + 80, x - 40) < 8] = 20.0
    values = ndimage.gaussian_filter(values, 1.2)
    values += noise * np.random.default_rng(seed).normal(size=values.shape)
    return labelled_image(np.clip(values, 0, 255), (pixel, pixel))


def test_a_straight_crack_has_its_length_width_direction_and_kind():
    def slanted(y, x):
        along, across = x * 0.8 + y * 0.6, -x * 0.6 + y * 0.8
        return (np.abs(along) < 50) & (np.abs(across) < 2)

    found = find_cracks(on_disc(slanted))
    assert len(found.cracks) == 1
    crack = found.cracks.iloc[0]
    assert crack["length / nm"] == pytest.approx(2000, rel=0.06)
    assert crack["mean width / nm"] == pytest.approx(80, rel=0.12)
    assert crack["width, 10 % / nm"] < crack["mean width / nm"] < 1.1 * crack["width, 90 % / nm"]
    # It runs down to the right, which is 180 - 37 degrees.
    assert crack["orientation / degree"] == pytest.approx(180 - 36.87, abs=3)
    assert crack["kind"] == "primary_particle"
    assert crack["y / nm"] == pytest.approx(4000, abs=60)


@pytest.mark.parametrize(("reach", "kind"), [(200, "intergranular"), (80, "primary_particle")])
def test_what_a_crack_does_to_its_particle(reach, kind):
    def wavy(y, x):
        return (np.abs(y - 12 * np.sin(x / 25)) < 2) & (np.abs(x) < reach)

    cracks = find_cracks(on_disc(wavy)).cracks
    assert list(cracks["kind"]) == [kind]


def test_a_crack_that_nearly_separates_is_undecided():
    def wavy(y, x):
        return (np.abs(y - 12 * np.sin(x / 25)) < 2) & (np.abs(x) < 111)

    cracks = find_cracks(on_disc(wavy)).cracks
    assert list(cracks["kind"]) == ["undecided"]
    assert 0.25 < cracks["separation score"].iloc[0] < 0.75


def test_pores_grains_rims_and_stripes_are_no_cracks():
    def pores(y, x):
        return (np.hypot(y - 30, x) < 7) | (np.hypot(y + 30, (x - 20) / 1.6) < 5)

    image = on_disc(pores)
    # Grains of two greys, and a dark stripe of milling through everything.
    y, x = np.indices(image.shape)
    image = image.copy(data=image.values * np.where((x // 30 + y // 40) % 2, 1.0, 0.9))
    image.values[:, 190:193] *= 0.8
    found = find_cracks(image)
    assert len(found.particles) == 2
    assert len(found.cracks) == 0
    assert found.crack_area_fraction.value == 0.0
    assert 0 < found.crack_area_fraction.upper < 0.001


def test_a_gap_is_lost_contact():
    def gap(y, x):
        distance = np.hypot(y, x)
        return (distance >= 120) & (distance < 126) & (x > 0) & (np.abs(y) < 90)

    found = find_cracks(on_disc(gap))
    table = found.particles.set_index("particle")
    large = table["area / nm2"].idxmax()
    share = (
        table.loc[large, "outline without contact / nm"] / table.loc[large, "outline judged / nm"]
    )
    assert share == pytest.approx(2 * np.arcsin(90 / 120) / (2 * np.pi), abs=0.04)
    assert table.loc[large, "mean gap width / nm"] == pytest.approx(120, rel=0.15)
    assert table.drop(large)["outline without contact / nm"].max() == 0
    assert found.lost_contact is not None
    assert 0 < found.lost_contact.lower < found.lost_contact.upper <= 1


def test_touching_particles_are_told_apart_and_a_split_one_is_one():
    y, x = np.mgrid[:300, :500]
    two = (np.hypot(y - 150, x - 150) < 100) | (np.hypot(y - 150, x - 340) < 95)
    values = np.where(two, 170.0, 75.0)
    labels = find_particles(labelled_image(gaussian(values, 1.2), (20.0, 20.0)))
    assert labels.values.max() == 2
    assert labels.values[150, 150] != labels.values[150, 340]
    # A crack of 160 nm right through one of them leaves two particles.
    values[146:154, 60:250] = 20.0
    assert find_particles(labelled_image(gaussian(values, 1.2), (20.0, 20.0))).values.max() == 2


def test_particle_table_of_an_ellipse():
    y, x = np.mgrid[:300, :400]
    inside = ((y - 150) / 60) ** 2 + ((x - 200) / 120) ** 2 < 1
    values = np.where(inside, 170.0, 75.0)
    image = labelled_image(gaussian(values, 1.2), (20.0, 20.0))
    row = particle_table(find_particles(image), image).iloc[0]
    assert row["area / nm2"] == pytest.approx(np.pi * 60 * 120 * 400, rel=0.01)
    assert row["equivalent diameter / nm"] == pytest.approx(40 * np.sqrt(7200), rel=0.01)
    assert row["Feret diameter / nm"] == pytest.approx(4800, rel=0.03)
    assert row["aspect ratio"] == pytest.approx(2, rel=0.03)
    assert row["mean grey"] == pytest.approx(170, abs=3)
    assert not row["cut by the edge"]


def test_length_of_lines_in_every_direction():
    """Unbiased over directions within 3 %, where counting pixels is 10 % short."""
    lengths, pixels = [], []
    for angle in np.linspace(0, np.pi, 41):
        t = np.arange(0, 200, 0.1)
        line = np.zeros((420, 420), bool)
        line[
            np.rint(210 + t * np.sin(angle)).astype(int),
            np.rint(210 + t * np.cos(angle)).astype(int),
        ] = True
        line = skeletonize(line)
        lengths.append(line_lengths(line, line.astype(int), 1)[1] / 200)
        pixels.append(line.sum() / 200)
    assert np.mean(lengths) == pytest.approx(1, abs=0.03)
    assert np.abs(np.array(lengths) - 1).max() < 0.07
    assert np.mean(pixels) < 0.92


def test_a_step_is_no_line():
    step = np.zeros((60, 60), np.float32)
    step[:, 30:] = 1.0
    assert line_darkness(step, 3).max() < 0.05
    line = np.zeros((60, 60), np.float32)
    line[:, 30:32] = 1.0
    assert line_darkness(line, 1)[20:40, 30].min() > 0.5


def test_splitting_is_judged_rung_by_rung():
    particle = np.ones((60, 60), bool)
    crack = np.zeros_like(particle)
    crack[30, :25] = crack[30, 33:] = True
    # Two pieces with 8 pixels between them: each grows by half of it.
    assert missing_to_split(crack, particle, 8.0) == 4.0
    crack[:] = False
    crack[2, :] = True
    # What it cuts off is too small a part.
    assert missing_to_split(crack, particle, 0.0) == 0.0
    crack[:] = False
    crack[0, :] = True
    assert missing_to_split(crack, particle, 0.0) == float("inf")


def test_blur_does_not_widen_cracks():
    """A mask of half depth is twice too wide; the summed missing brightness is not."""
    ours, counted = [], []
    for blur in (1.0, 2.0):
        image, truth = simulate_sem(8, crack_area_fraction=0.03, electrons=1800)
        soft = image.copy(data=ndimage.gaussian_filter(image.values.astype(float), blur))
        found = find_cracks(soft)
        mask = found.mask.values
        ours.append(found.crack_area_fraction.value / truth.crack_area_fraction)
        counted.append(mask.sum() / (found.labels.values > 0).sum() / truth.crack_area_fraction)
    assert np.abs(np.array(ours) - 1).max() < 0.15
    assert counted[1] > 1.3


def _summed(parts):
    return Lines(*np.sum(parts, axis=0))


def test_scores_on_simulated_images():
    """What a hundred images give in full (benchmarks/crack_scores.py), on twelve of them."""
    areas, within, cldice, dice, lengths, fractions = [], [], [], [], [], []
    right = found_all = true_all = 0
    smallest = int(np.pi * 25**2)
    for seed in range(200, 212):
        image, truth = simulate_sem(seed)
        found = find_cracks(image)
        areas.append(panoptic(truth.particles, found.labels.values, smallest))
        # Cracks that count: long enough, in particles that are large enough.
        size = np.bincount(truth.particles.ravel())[truth.table["particle"].to_numpy(int)]
        long = truth.table[(truth.table["length / nm"] >= 300) & (size >= smallest)]
        keep = np.isin(truth.cracks, long["crack"])
        mask = (truth.crack_share >= 0.5) & keep
        lines = skeletonize((truth.lines > 0) & np.isin(truth.lines, long["crack"]))
        ours = found.mask.values
        skeleton = skeletonize(ours)
        within.append(lines_within(lines, skeleton))
        cldice.append(centre_line_dice(mask, skeletonize(mask), ours, skeleton))
        wide = mask & np.isin(truth.cracks, long["crack"][long["width / nm"] >= 80])
        near = ndimage.maximum_filter(wide, 17)
        dice.append((2.0 * (wide & ours).sum(), wide.sum() + (ours & near).sum()))
        lengths.append((found.cracks["length / nm"].sum(), long["length / nm"].sum()))
        fractions.append((found.crack_area_fraction.value, truth.crack_area_fraction))
        kinds = long.set_index("crack")["kind"]
        used = set()
        for number, kind in zip(found.cracks["crack"], found.cracks["kind"], strict=True):
            under = truth.cracks[found.crack_labels.values == number]
            best = int(np.bincount(under[under > 0]).argmax()) if (under > 0).any() else 0
            right += best in kinds.index and best not in used and kinds[best] == kind
            used.add(best)
        found_all += len(found.cracks)
        true_all += len(long)
    total = Panoptic(*np.sum(areas, axis=0))
    assert total.quality > 0.90
    assert _summed(within).f1 > 0.90
    assert _summed(cldice).f1 > 0.85
    assert np.divide(*np.sum(dice, axis=0)) > 0.80
    assert np.divide(*np.sum(lengths, axis=0)) == pytest.approx(1, abs=0.10)
    assert np.divide(*np.sum(fractions, axis=0)) == pytest.approx(1, abs=0.10)
    assert 2 * right / (found_all + true_all) > 0.90


def test_pristine_particles_have_no_cracks():
    held, whole = 0.0, 0.0
    for seed in range(6):
        found = find_cracks(simulate_sem(seed, crack_area_fraction=0.0)[0])
        held += found.particles["crack area / nm2"].sum()
        whole += found.particles["area / nm2"].sum()
    assert held / whole < 0.001


def test_scoring_counts_what_it_says():
    truth = np.zeros((10, 30), int)
    truth[2:8, 2:8], truth[2:8, 12:18], truth[0, 29] = 1, 2, 3
    found = np.zeros_like(truth)
    found[2:8, 3:8], found[2:8, 22:28] = 1, 2
    score = panoptic(truth, found, smallest=4)
    assert score == Panoptic(pytest.approx(5 / 6), 1, 1, 1)
    lines = np.zeros((10, 30), bool)
    lines[5, 5:25] = True
    moved = np.roll(lines, 3, axis=0)
    assert lines_within(lines, moved, 2).f1 == 0.0
    assert lines_within(lines, moved, 3).f1 == 1.0
    assert lines_within(lines, np.zeros_like(lines)).f1 == 0.0


def test_a_lazy_image_gives_the_same():
    image, _ = simulate_sem(3, shape=(300, 420))
    lazy = image.copy(data=da.from_array(image.values, chunks=(70, 130)))
    a, b = find_cracks(image), find_cracks(lazy)
    pd.testing.assert_frame_equal(a.cracks, b.cracks)
    pd.testing.assert_frame_equal(a.particles, b.particles)
    assert a.labels.equals(b.labels)
    assert a.crack_labels.equals(b.crack_labels)


def test_tiles_of_a_lazy_image_give_the_same(monkeypatch):
    monkeypatch.setattr("imaging.particles.survey._TILE", 128)
    monkeypatch.setattr("imaging.particles.places._BAND", 100)
    image, _ = simulate_sem(3, shape=(300, 420))
    lazy = image.copy(data=da.from_array(image.values, chunks=(70, 130)))
    assert find_cracks(image).cracks.equals(find_cracks(lazy).cracks)


def test_an_image_without_pixel_size_is_measured_in_pixels():
    image, _ = simulate_sem(3, shape=(300, 420))
    bare = find_cracks(labelled_image(image.values, None))
    sized = find_cracks(image)
    assert any("pixel" in note for note in bare.notes)
    np.testing.assert_allclose(
        bare.cracks["length / pixel"] * 20, sized.cracks["length / nm"], rtol=1e-6
    )
    np.testing.assert_allclose(
        bare.particles["area / pixel2"] * 400, sized.particles["area / nm2"], rtol=1e-6
    )
    assert bare.crack_area_fraction.upper == pytest.approx(sized.crack_area_fraction.upper)


def test_without_a_void_the_note_says_so():
    y, x = np.mgrid[:300, :500]
    two = (np.hypot(y - 150, x - 130) < 100) | (np.hypot(y - 150, x - 370) < 95)
    values = np.where(two, 170.0, 75.0)
    values[np.abs(y - x / 2 - 80) < 1.2] = 75.0
    noisy = gaussian(values, 1.2) + np.random.default_rng(0).normal(0, 3, values.shape)
    image = labelled_image(noisy, (20.0, 20.0))
    found = find_cracks(image)
    assert len(found.cracks) >= 1
    assert any("no void" in note for note in found.notes)
    darker = find_cracks(image, CrackParameters(void_grey=20.0))
    assert not any("no void" in note for note in darker.notes)
    ratio = darker.crack_area_fraction.value / found.crack_area_fraction.value
    assert ratio == pytest.approx((170 - 75) / (170 - 20), rel=0.05)
    with pytest.raises(MeasurementError, match="brighter than the particles"):
        find_cracks(image, CrackParameters(void_grey=200.0))


def test_cracks_have_tables_and_pictures():
    found = find_cracks(simulate_sem(4, crack_area_fraction=0.03)[0])
    assert len(found.particles) > 3
    assert found.labels.max() >= len(found.particles)
    axes = found.plot(), found.plot_sizes(), found.plot_sizes(what="mean width")
    for ax in (*axes, plot_image(found.image)):
        assert any("simulated" in t.get_text() for t in ax.texts)
    with pytest.raises(MeasurementError, match="expected 'length'"):
        found.plot_sizes(what="colour")


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_length": 0.0},
        {"max_width": float("nan")},
        {"faint": 0.5, "clear": 0.2},
        {"split_within": 200.0},
        {"curtains": "diagonal"},
    ],
)
def test_parameters_that_make_no_sense_are_refused(wrong):
    with pytest.raises(MeasurementError, match="expected"):
        CrackParameters(**wrong)


def test_values_of_any_type_and_scale_give_the_same():
    image, _ = simulate_sem(5, shape=(300, 420))
    first = find_cracks(image).cracks["length / nm"].sum()
    for scaled in (image.astype(np.uint16) * 200, image.astype(float) * 3 + 700):
        assert find_cracks(scaled).cracks["length / nm"].sum() == pytest.approx(first, rel=0.02)


def test_a_rotated_image_has_the_same_cracks():
    image, _ = simulate_sem(5, shape=(400, 400), artefacts=False)
    turned = image.copy(data=np.rot90(image.values).copy())
    none = CrackParameters(curtains="none")
    a, b = find_cracks(image, none), find_cracks(turned, none)
    assert a.crack_area_fraction.value == pytest.approx(b.crack_area_fraction.value, rel=0.05)
    assert len(a.cracks) == len(b.cracks)


def test_one_particle_says_nothing_of_scatter():
    table = pd.DataFrame({"area / nm2": [1e6], "crack area / nm2": [1e4]})
    with pytest.raises(MeasurementError, match="2 are needed"):
        crack_area_fraction(table)


@pytest.mark.calibration
@pytest.mark.parametrize("part", range(2))
def test_crack_fraction_holds_the_truth(holds, part):
    """From image to interval; the truth is the material's, of which an image is a sample."""
    truths, areas, found = [], [], []
    for seed in range(500 * part, 500 * (part + 1)):
        image, truth = simulate_sem(seed, crack_area_fraction=0.03, shape=(384, 480))
        cracks = find_cracks(image)
        truths.append(truth.crack_area_fraction)
        areas.append(cracks.particles["area / nm2"].sum())
        found.append(cracks.crack_area_fraction)
    material = float(np.average(truths, weights=areas))
    name = f"crack area fraction, image with 7 particles, seeds {500 * part} on"
    holds(name, material, found, low=0.925, high=0.975)


def three_touching(*, hollow, radius=100, pixel=20.0):
    """Three particles that enclose some electrolyte; one may have a wide hole."""
    d = 1.94 * radius
    middles = [(300 - d / 3**0.5, 350), *((300 + d / 12**0.5, 350 + s * d / 2) for s in (-1, 1))]
    y, x = np.mgrid[:600, :700]
    grey = np.full(y.shape, 75.0)
    for cy, cx in middles:
        grey[(y - cy) ** 2 + (x - cx) ** 2 < radius**2] = 170
    pocket = (np.hypot(y - 300, x - 350) < 0.2 * radius) & (grey == 75)
    if hollow:
        grey[(y - middles[0][0]) ** 2 + (x - 350) ** 2 < (0.35 * radius) ** 2] = 20
    grey = gaussian(grey, 1.2) + np.random.default_rng(0).normal(0, 6.0, y.shape)
    values = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
    return labelled_image(values, (pixel, pixel)), pocket


@pytest.mark.parametrize("hollow", [False, True])
@pytest.mark.parametrize("radius", [75, 100, 130])
def test_what_touching_particles_enclose_is_no_crack_and_a_wide_hole_neither(radius, hollow):
    image, pocket = three_touching(hollow=hollow, radius=radius)
    found = find_cracks(image)
    assert len(found.particles) == 3
    assert len(found.cracks) == 0
    if radius >= 100:
        # Smaller pockets are narrower than a wide crack, and are bridged like one.
        assert (found.labels.values[pocket] == 0).mean() > 0.9
