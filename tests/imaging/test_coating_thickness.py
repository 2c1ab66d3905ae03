"""Thickness of an amorphous coating in TEM images: values, intervals, and what is refused."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.stats import binom

from coatcore import MeasurementError, read
from imaging.coating.layer_fit import SIZE, model
from imaging.coating.settings import TemSettings
from imaging.coating.thickness import coating_thickness
from imaging.labels.labels import labelled_image
from imaging.simulating.tem import simulate_tem

SMALL = {"shape": (256, 256), "pixel": 0.08}


def small(seed, **changes):
    """An image of 20 x 20 nm."""
    return simulate_tem(seed, **(SMALL | changes))


def examined(truth, found):
    """Median thickness and covered share along the contour that was examined."""
    contour, place = truth["contour"], ["y / nm", "x / nm"]
    length = contour["length / nm"].to_numpy()
    along = np.cumsum(length) - length / 2
    _, nearest = cKDTree(contour[place].to_numpy()).query(found.profile[place].to_numpy())
    half = 0.5 * found.length / len(found.profile)
    middle = np.sort(along[nearest])
    after = np.searchsorted(middle, along).clip(1, middle.size - 1)
    off = np.minimum(np.abs(along - middle[after - 1]), np.abs(along - middle[after]))
    part = contour[off <= half]
    bears = part["thickness / nm"] >= 0.3
    length = part["length / nm"]
    median = float(part["thickness / nm"][bears].median()) if bears.any() else 0.0
    return median, float((length * bears).sum() / length.sum())


def mixed(run, *, coated=True):
    """Settings of one image of a wide mixture: thickness, direction, dose, crystal, optics."""
    rng = np.random.default_rng([run, 77])
    chosen = {
        "thickness": rng.uniform(0.8, 3.2) if coated else 0.0,
        "roughness": rng.choice([0.0, 0.1, 0.2]),
        "layer_grey": rng.uniform(0.72, 0.88),
        "crystal_grey": rng.uniform(0.45, 0.6),
        "wedge": rng.uniform(0, 0.02),
        "fade": rng.uniform(0.1, 0.5),
        "fringes": 0.0 if rng.random() < 0.25 else rng.uniform(0.1, 0.3),
        "spacing": rng.choice([0.24, 0.47]),
        "electrons": float(rng.choice([40, 200, 800])),
        "defocus": rng.uniform(0, 70),
        "phase": rng.uniform(0.05, 0.25),
        "speckle": rng.uniform(0, 0.1),
        "film": float(rng.choice([0, 0.08])),
        "radius": rng.uniform(20, 80),
        "surface_roughness": rng.uniform(0.1, 0.4),
        "blur": rng.uniform(0.05, 0.15),
    }
    if rng.random() < 0.2:
        chosen["rounding"] = rng.uniform(0.3, 1.0)
    return chosen


# -- the value ---------------------------------------------------------------------------------


@pytest.mark.parametrize("thickness", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("electrons", [40.0, 200.0])
def test_layers_of_1_to_3_nm_are_recovered(thickness, electrons):
    off = []
    for seed in range(8):
        image, truth = small(seed, thickness=thickness, electrons=electrons)
        found = coating_thickness(image)
        assert found.coated
        off.append(found.median.value - examined(truth, found)[0])
        assert found.covered.upper == 1.0
    assert np.abs(off).max() < 0.2
    assert abs(np.mean(off)) < 0.05


@pytest.mark.parametrize("pixel", [0.03, 0.06, 0.15, 0.25])
def test_any_magnification(pixel):
    image, truth = simulate_tem(5, pixel=pixel, shape=(int(18 / pixel),) * 2)
    found = coating_thickness(image)
    assert found.median.value == pytest.approx(examined(truth, found)[0], abs=0.15)


def test_an_uncoated_particle_is_said_to_be_uncoated():
    image, _ = small(3, thickness=0.0)
    found = coating_thickness(image)
    assert not found.coated
    assert found.median.value == found.median.lower == found.covered.value == 0.0
    assert found.median.upper == found.detection_limit < 0.7
    assert found.sentence == f"uncoated: none above {found.detection_limit:.1f} nm"
    assert not found.profile["covered"].any()


def test_the_sentence():
    found = coating_thickness(small(5, covered=0.6)[0])
    value, share = found.median.concise, 100 * found.covered.value
    assert 30 < share < 80
    assert found.sentence == f"{value} nm, {share:.0f} % of {found.length:.0f} nm of contour"
    assert "coating_thickness" in found.image.attrs["history"]


def test_windows_far_from_the_ends_of_the_layer_are_right():
    place = ["y / nm", "x / nm"]
    scores, bare = [], 0
    for seed in range(6):
        image, truth = small(seed, covered=0.6, roughness=0.2)
        table = coating_thickness(image).profile
        contour = truth["contour"]
        off, nearest = cKDTree(contour[place].to_numpy()).query(table[place].to_numpy())
        assert np.median(off) < 0.1
        thick = contour["thickness / nm"].to_numpy()
        around = [thick[max(0, i - 30) : i + 31] for i in nearest]
        sure = np.array([a.min() > 0.8 or a.max() < 0.1 for a in around])
        covered = table["covered"].to_numpy()
        assert (covered == (thick[nearest] > 0.3))[sure].all()
        bare += (sure & ~covered).sum()
        error = (table["thickness / nm"] - thick[nearest])[sure & covered]
        assert np.abs(error).max() < 0.2
        scores.extend(error / table["standard uncertainty / nm"][sure & covered])
    assert bare > 20
    assert len(scores) > 30
    assert 0.3 < np.sqrt(np.mean(np.square(scores))) < 1.4


def test_each_method_stands_in_for_the_other():
    """No fringes: by grey. A layer as dark as the crystal: by lattice. Else by both."""
    for changes, method in (
        ({"fringes": 0.0}, "grey"),
        ({"layer_grey": 0.56}, "lattice"),
        ({}, "grey and lattice"),
    ):
        image, truth = small(1, **changes)
        found = coating_thickness(image)
        assert (found.profile["method"] == method).mean() > 0.8
        assert found.coated
        assert found.median.value == pytest.approx(examined(truth, found)[0], abs=0.2)
        assert method in found.median.method
        assert np.isfinite(found.spacing) == (method != "grey")
    assert found.spacing == pytest.approx(0.47, abs=0.01)


def test_where_neither_would_show_a_layer_the_result_says_so():
    image, _ = small(1, fringes=0.0, layer_grey=0.56)
    found = coating_thickness(image)
    assert not found.coated
    assert "as dark as the crystal" in found.sentence


def test_a_pale_rim_that_bears_fringes_is_no_coating():
    image, truth = small(2, thickness=0.0)
    y, x = np.meshgrid(image["y"], image["x"], indexing="ij")
    edge = truth["contour"][["y / nm", "x / nm"]].to_numpy()
    distance, _ = cKDTree(edge).query(np.stack([y.ravel(), x.ravel()], axis=1))
    rim = (distance.reshape(image.shape) < 2.0) & (image.values < 0.75 * image.values.max())
    inside = _fill(image.values) & rim
    pale = image.copy(data=np.where(inside, image.values * 1.35, image.values))
    found = coating_thickness(pale)
    assert not found.coated
    assert "fringes up to its edge" in found.sentence


def _fill(values):
    """The particle: what is darker than halfway once the fringes are smoothed out."""
    from scipy.ndimage import gaussian_filter

    calm = gaussian_filter(values, 4)
    return calm < 0.5 * (calm.max() + calm.min())


def test_a_rounded_crystal_is_no_coating():
    """Its grey falls slowly at first; without fringes that may be refused, not taken for one."""
    coated = refused = 0
    for seed in range(12):
        image, _ = small(seed, thickness=0.0, rounding=2.0, fringes=0.0)
        try:
            coated += coating_thickness(image).coated
        except MeasurementError as error:
            assert "slow" in str(error) or "looked for" in str(error)
            refused += 1
    assert coated == 0
    assert refused > 3
    for seed in range(6):
        image, truth = small(seed, rounding=2.0)
        found = coating_thickness(image)
        assert found.median.value == pytest.approx(examined(truth, found)[0], abs=0.25)


# -- where the particle lies -------------------------------------------------------------------


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turning_the_image_changes_nothing(turns):
    image, _ = small(7, covered=0.7)
    turned = labelled_image(np.rot90(image.values, turns), (0.08, 0.08))
    a, b = coating_thickness(image), coating_thickness(turned)
    assert b.median.value == pytest.approx(a.median.value, abs=1e-6)
    assert b.median.upper == pytest.approx(a.median.upper, abs=1e-6)
    assert b.covered.value == pytest.approx(a.covered.value, abs=1e-6)
    np.testing.assert_allclose(b.profile["thickness / nm"], a.profile["thickness / nm"], atol=1e-5)


def test_a_mirrored_or_cropped_image_gives_the_same_places():
    image, _ = small(8)
    whole = coating_thickness(image)
    part = coating_thickness(image.isel(y=slice(None, None, -1)).isel(x=slice(0, 240)))
    assert part.median.value == pytest.approx(whole.median.value, abs=0.05)
    place = ["y / nm", "x / nm"]
    off, _ = cKDTree(whole.profile[place].to_numpy()).query(part.profile[place].to_numpy())
    assert off.max() < 0.8


def test_a_whole_particle():
    """Its contour is closed."""
    y, x = np.mgrid[:256, :256] * 0.1
    r = np.hypot(y - 12.8, x - 12.8)
    clear = np.where(r < 6.0, 0.55, np.where(r < 7.5, 0.8, 1.0))
    counts = np.random.default_rng(1).poisson(300 * clear).astype(float)
    found = coating_thickness(labelled_image(counts, (0.1, 0.1)))
    assert found.median.value == pytest.approx(1.5, abs=0.06)
    assert found.length == pytest.approx(2 * np.pi * 6.8, rel=0.12)
    assert found.covered.value == 1.0


def test_pixels_need_not_be_square():
    image, truth = small(9, shape=(512, 256), pixel=0.05)
    halved = image.values.reshape(256, 2, 256).mean(axis=1)
    found = coating_thickness(labelled_image(halved, (0.1, 0.05)))
    assert found.median.value == pytest.approx(truth["thickness"], abs=0.15)


# -- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda i: i * 0, "one grey value"),
        (lambda i: i.where(i < 200), "missing"),
        (lambda i: i[:40], "needed"),
        (lambda i: i.expand_dims("page"), "one page"),
        (lambda i: i.clip(max=float(i.median())), "saturated"),
        (lambda i: -i, "inverted"),
        (lambda i: labelled_image(i.values, None), "pixel size"),
        (lambda i: labelled_image(i.values, (0.6, 0.6)), "0.6 nm wide"),
        (lambda i: labelled_image(i.values, (0.01, 0.01)), "edge"),
    ],
)
def test_impossible_images_are_refused(change, words):
    with pytest.raises(MeasurementError, match=words):
        coating_thickness(change(small(1, angle=20.0)[0]))


def no_edges():
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:256, :256] * 0.08
    fringes = 1 + 0.3 * np.cos(2 * np.pi * (x + 0.3 * y) / 0.47)
    return {
        "noise": rng.poisson(200.0, (256, 256)),
        "crystal": rng.poisson(100 * fringes),
        "ramp": rng.poisson(50 + 8 * x),
        "ramp of crystal": rng.poisson((50 + 8 * x) * fringes),
        "spots": rng.poisson(np.where(np.hypot(y % 3 - 1.5, x % 3 - 1.5) < 0.7, 60, 200)),
        "blurred edge": rng.poisson(100 + 50 * np.tanh((x - 10) / 3)),
        "less blurred edge": rng.poisson(100 + 50 * np.tanh((x - 10) / 1.5)),
    }


@pytest.mark.parametrize("kind", list(no_edges()))
def test_an_image_without_an_edge_gives_no_layer(kind):
    with pytest.raises(MeasurementError):
        coating_thickness(labelled_image(no_edges()[kind].astype(float), (0.08, 0.08)))


def test_a_camera_image_that_is_too_coarse_is_refused(reference, tmp_path):
    with zipfile.ZipFile(reference / "imaging" / "TVIPS_bin4.zip") as file:
        path = file.extract("TVIPS_bin4.tif", tmp_path)
    with pytest.raises(MeasurementError, match=r"1\.421 nm wide.*higher magnification"):
        coating_thickness(read(path))


@pytest.mark.parametrize("settings", [{"window": 0.0}, {"thickest": 6.0}, {"fade": np.nan}])
def test_impossible_settings_are_refused(settings):
    with pytest.raises(MeasurementError):
        TemSettings(**settings)


# -- figures and parts -------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{"covered": 0.6}, {"thickness": 0.0}, {}])
def test_figures(changes):
    found = coating_thickness(small(5, **changes)[0])
    for ax in (found.plot(), found.plot_distribution()):
        assert "simulated data" in [t.get_text() for t in ax.texts]
        assert found.sentence[:9] in ax.get_title(loc="left")
        ax.figure.canvas.draw()
    again = found.plot(found.plot_distribution().figure.add_subplot())
    assert (len(again.figure.axes) == 3) == found.coated


def test_slopes_of_the_model_are_its_derivatives():
    depth = np.arange(-5, 7, 0.08)
    values = np.array([[1.0, 0.4, 0.02, 0.4, -0.5, 1.5, np.log(0.2), 0.05, 0.04, 0.1, 0.2]])
    slopes = model(values, depth)[1]
    for k in range(SIZE):
        up, down = values.copy(), values.copy()
        up[0, k] += 1e-6
        down[0, k] -= 1e-6
        by_hand = (model(up, depth)[0] - model(down, depth)[0]) / 2e-6
        np.testing.assert_allclose(slopes[..., k], by_hand, atol=1e-8)


def test_simulated_truth():
    image, truth = small(3, covered=0.5, thickness=2.0, roughness=0.0)
    assert truth["thickness"] == pytest.approx(2.0, abs=0.05)
    assert truth["covered"] == pytest.approx(0.5, abs=0.06)
    same, _ = small(3, covered=0.5, thickness=2.0, roughness=0.0)
    np.testing.assert_array_equal(image, same)
    clear, truth = small(3, thickness=2.0, roughness=0.0, electrons=1e7, speckle=0.0, phase=0.0)
    # The area of the layer's grey over the contour's length is its thickness.
    grey = clear.values / 1e7
    layer = ((grey > 0.7) & (grey < 0.9)).sum() * 0.08**2
    assert layer / truth["contour"]["length / nm"].sum() == pytest.approx(2.0, abs=0.15)


# -- calibration -------------------------------------------------------------------------------


@pytest.mark.calibration
def test_thickness_and_share_hold_the_truth(holds, runs):
    """1,200 images, of which 200 of a whole coating; their share says nothing of its interval."""
    thickness, share, off = ([], []), ([], []), []
    for run in range(runs(1200)):
        covered = 0.4 + 0.5 * (run % 11) / 10 if run % 6 else 1.0
        image, truth = small(run, covered=covered, **mixed(run))
        try:
            found = coating_thickness(image)
        except MeasurementError as error:
            assert "slow" in str(error) or "looked for" in str(error)
            continue
        median, part = examined(truth, found)
        # Where the bare stretch leaves next to nothing of the layer, none may be seen.
        assert found.coated or part < 0.35
        if found.coated:
            thickness[0].append(median)
            thickness[1].append(found.median)
            off.append(abs(found.median.value - median))
        if covered < 1:
            share[0].append(part)
            share[1].append(found.covered)
    assert len(off) > 0.975 * runs(1200)
    assert np.mean(np.array(off) < 0.2) > 0.98
    holds("thickness of a coating, TEM, 0.8-3.2 nm", *thickness)
    holds("covered share of a particle's edge, TEM, 0.4-0.9", *share)


@pytest.mark.calibration
def test_uncoated_particles_are_seldom_called_coated(runs):
    """1,000 images; where a rounded crystal without fringes is refused, that is no answer."""
    alarms = answers = 0
    for run in range(runs(1000)):
        try:
            result = coating_thickness(small(run, **mixed(4000 + run, coated=False))[0])
        except MeasurementError:
            continue
        answers += 1
        alarms += result.coated
    assert answers > 0.9 * runs(1000)
    assert alarms <= 0.05 * answers


@pytest.mark.calibration
def test_a_layer_at_the_detection_limit_is_seen():
    seen = 0
    for run in range(200):
        chosen = mixed(run, coated=False)
        chosen.pop("rounding", None)
        chosen["layer_grey"] = 1 - (1 - chosen["crystal_grey"]) * (0.3 + 0.4 * (run % 5) / 4)
        limit = coating_thickness(small(run, **chosen)[0]).detection_limit
        layered = chosen | {"thickness": limit, "roughness": 0.0}
        seen += coating_thickness(small(5000 + run, **layered)[0]).coated
    assert seen >= binom.ppf(0.01, 200, 0.95)


@pytest.mark.parametrize("thickness", [5.0, 5.5, 6.0, 7.0, 8.0, 10.0, 12.0])
def test_a_layer_thicker_than_was_looked_for_is_never_called_uncoated(thickness):
    for seed in (1, 2, 3):
        image, _ = simulate_tem(seed, thickness=thickness, shape=(320, 320), pixel=0.08)
        with pytest.raises(MeasurementError, match=r"looked for|no edge"):
            coating_thickness(image)
    if thickness == 7.0:
        wide = TemSettings(thickest=10.0, outside=12.0, inside=12.0)
        image, truth = simulate_tem(1, thickness=thickness, shape=(400, 400), pixel=0.08)
        found = coating_thickness(image, wide).median
        assert found.value == pytest.approx(truth["thickness"], abs=0.1)
