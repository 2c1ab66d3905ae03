"""Fits of one band and of several, and what they say of data that cannot be fitted."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from coatcore import MeasurementError, validate
from spectra import band_position, carbonyl_shift, fit_bands, normalize, simulate_ftir, smooth
from spectra.bands.shapes import area_and_width, band_and_slopes, pseudo_voigt
from spectra.bands.suspicion import band_warnings
from spectra.labels.labels import labelled_spectrum
from spectra.simulate import simulate_band

X = np.arange(1500.0, 1850.0)


def line(*bands, noise=0.0, seed=0, x=X):
    y = 0.1 + 1e-4 * (x - 1650) + np.random.default_rng(seed).normal(0, 1, x.size) * noise
    for center, fwhm, eta, height in bands:
        y = y + height * pseudo_voigt(x, center, fwhm, eta)
    return labelled_spectrum(x, y, "absorbance")


def test_slopes_agree_with_finite_differences():
    x = X[None]
    p = [np.array([[v]]) for v in (1660.0, 30.0, 0.3, 0.02)]
    names = ("fwhm", "eta", "asymmetry")
    _, slopes = band_and_slopes(x, *p, names)
    for i, by in enumerate((1e-4, 1e-4, 1e-6, 1e-7)):
        up, down = ([v + s * by * (j == i) for j, v in enumerate(p)] for s in (1, -1))
        numeric = (pseudo_voigt(x, *up) - pseudo_voigt(x, *down)) / (2 * by)
        np.testing.assert_allclose(slopes[i], numeric, atol=1e-5)


@pytest.mark.parametrize("asymmetry", [0.0, 0.03, -0.03])
def test_area_and_width_agree_with_the_curve(asymmetry):
    x = np.linspace(-20000, 20000, 800_001)
    y = 2 * pseudo_voigt(x, 0.0, 30.0, 0.4, asymmetry)
    area, width = area_and_width(*(np.array([v]) for v in (2.0, 30.0, 0.4, asymmetry)))
    assert area[0] == pytest.approx(np.trapezoid(y, x), rel=2e-3)
    assert width[0] == pytest.approx(np.ptp(x[y >= 1.0]), abs=0.11)


@pytest.mark.parametrize("shape", ["gaussian", "lorentzian", "pseudo_voigt"])
def test_noiseless_bands_come_back(shape):
    eta = {"gaussian": 0.0, "lorentzian": 1.0, "pseudo_voigt": 0.4}[shape]
    made = line((1640.0, 25.0, eta, 0.5), (1669.0, 20.0, eta, 1.0), noise=1e-7)
    got = fit_bands(made, [1640.0, 1669.0], shape=shape)
    np.testing.assert_allclose(got["center"], [1640.0, 1669.0], atol=1e-4)
    np.testing.assert_allclose(got["fwhm"], [25.0, 20.0], atol=1e-3)
    np.testing.assert_allclose(got["height"], [0.5, 1.0], atol=1e-4)


def test_asymmetric_band_comes_back():
    y = pseudo_voigt(X, 1660.0, 30.0, 0.3, 0.02) + 0.1
    y += np.random.default_rng(1).normal(0, 1e-6, X.size)
    made = labelled_spectrum(X, y, "absorbance")
    got = fit_bands(made, 1660.0, shape="asymmetric", half_window=120).isel(band=0)
    assert float(got["center"]) == pytest.approx(1660.0, abs=1e-2)
    assert float(got["asymmetry"]) == pytest.approx(0.02, abs=1e-4)
    # A symmetric profile puts the band elsewhere: that is what the shape is for.
    assert abs(float(fit_bands(made, 1660.0)["center"][0]) - 1660.0) > 0.2


def test_several_bands_agree_with_lmfit():
    from lmfit.models import LinearModel, PseudoVoigtModel

    made = line((1640.0, 30.0, 0.2, 0.6), (1669.0, 24.0, 0.5, 1.0), noise=0.01, seed=3)
    got = fit_bands(made, [1640.0, 1669.0], curves=True)
    x, y = made["wavenumber"].values, made.values
    keep = np.isfinite(got["fitted"].values)
    model = PseudoVoigtModel(prefix="a_") + PseudoVoigtModel(prefix="b_") + LinearModel()
    start = model.make_params(
        a_center=1640,
        a_sigma=14,
        a_amplitude=20,
        b_center=1669,
        b_sigma=12,
        b_amplitude=30,
        slope=0,
        intercept=0.1,
    )
    for name in ("a_fraction", "b_fraction"):
        start[name].set(value=0.4, min=0, max=1)
    theirs = model.fit(y[keep], start, x=x[keep])
    for i, prefix in enumerate("ab"):
        for ours, name in (("center", "center"), ("fwhm", "fwhm"), ("height", "height")):
            u = float(got[f"{ours}_standard_uncertainty"][i])
            value = theirs.params[f"{prefix}_{name}"]
            # lmfit calls something else the height of a pseudo-Voigt profile.
            if name != "height":
                assert abs(float(got[ours][i]) - value.value) < 0.05 * u
            if name == "center":
                assert u == pytest.approx(value.stderr, rel=0.25)
        area = theirs.params[f"{prefix}_amplitude"]
        assert abs(float(got["area"][i]) - area.value) < 0.05 * area.stderr


def test_positions_agree_with_lmfit_to_a_hundredth_of_their_uncertainty():
    from lmfit.models import LinearModel, PseudoVoigtModel

    model = PseudoVoigtModel() + LinearModel()
    for seed in range(12):
        made, _ = simulate_band(seed, snr=50.0, fwhm=15 + 2 * seed, spacing=2.2)
        got = fit_bands(made, 1669.0, curves=True)
        used = np.isfinite(got["fitted"].values)
        start = model.make_params(
            center=1669, sigma=14, amplitude=30, fraction=0.5, slope=0, intercept=0.1
        )
        start["fraction"].set(min=0, max=1)
        theirs = model.fit(made.values[used], start, x=made["wavenumber"].values[used])
        off = float(got["center"][0]) - theirs.params["center"].value
        assert abs(off) < 0.01 * float(got["center_standard_uncertainty"][0])
        np.testing.assert_allclose(got["fitted"].values[used], theirs.best_fit, atol=1e-5)


@pytest.mark.parametrize(("method", "worse"), [("centroid", 2.0), ("apex", 3.0)])
def test_landmarks_hold_the_truth(method, worse, holds):
    truths = np.random.default_rng(2).uniform(1655, 1675, 400)
    made = [simulate_band(i, position=p, snr=100)[0] for i, p in enumerate(truths)]
    found = [band_position(s, method=method) for s in made]
    holds(f"band position, {method}, one spectrum", truths, found, low=0.92, high=0.98)
    by_fit = np.median([band_position(s).standard_uncertainty for s in made[:40]])
    assert 0.9 * by_fit < np.median([e.standard_uncertainty for e in found]) < worse * by_fit


def test_area_height_and_width_hold_the_truth():
    n = 400
    made = [simulate_band(i, snr=50, fwhm=25.0, lorentzian_share=0.5)[0] for i in range(n)]
    rows = np.stack([np.interp(X, s["wavenumber"], s.values) for s in made])
    series = labelled_spectrum(X, rows * 0, "absorbance")
    noise = np.random.default_rng(4).normal(0, 0.02, rows.shape)
    series.values[:] = line((1669.0, 25.0, 0.5, 1.0)).values + noise
    got = fit_bands(series, 1669.0).isel(band=0)
    for name, truth in (
        ("fwhm", 25.0),
        ("height", 1.0),
        ("area", float(area_and_width(*np.array([[1.0], [25.0], [0.5], [0.0]]))[0][0])),
    ):
        z = (got[name] - truth) / got[f"{name}_standard_uncertainty"]
        assert 0.92 < float((abs(z) < 1.98).mean()) < 0.98, name


def test_cubes_are_labelled_lazy_and_alike():
    made = xr.concat([simulate_ftir(i, carbonyl_position=1660.0 + i)[0] for i in range(6)], "x")
    cube = made.expand_dims(y=2).assign_coords(
        x=("x", np.arange(6.0), {"units": "nm", "long_name": "x"}),
        y=("y", np.arange(2.0), {"units": "nm", "long_name": "y"}),
    )
    cube = cube.where((cube["x"] != 3) | (cube["y"] != 1))
    got = fit_bands(cube, [1660.0, 1461.0], half_window=40, search=20)
    assert got["center"].dims == ("y", "x", "band")
    assert [int(v) for v in got["flag"].values[1, :, 0]] == [0, 0, 0, 1, 0, 0]
    assert np.isnan(got["center"].values[1, 3]).all()
    lazy = fit_bands(cube.chunk(y=1), [1660.0, 1461.0], half_window=40, search=20)
    assert lazy["center"].chunks is not None
    np.testing.assert_allclose(lazy["center"], got["center"], atol=1e-6)
    assert [p for p in validate(got) if "kind" not in p] == []


def test_instrument_term_widens_one_position_but_not_the_shift():
    spectrum, _ = simulate_ftir(1)
    plain, stated = band_position(spectrum), band_position(spectrum, instrument=0.5)
    assert stated.standard_uncertainty**2 == pytest.approx(plain.standard_uncertainty**2 + 0.25)
    assert stated.value == plain.value


def bad_spectra():
    good = simulate_ftir(1)[0]
    flat = good * 0 + 0.3
    return {
        "flat": (flat, "no band"),
        "noise": (good.copy(data=np.random.default_rng(0).normal(size=good.size)), "no band"),
        "all NaN": (good * np.nan, "misses"),
        "saturated": (good.clip(max=0.2), "flat, so the detector"),
        "empty": (good[:0], "0 points"),
        "three points": (good[1200:1203], "run from"),
        "doubled wavenumber": (
            good.assign_coords(wavenumber=np.repeat(good["wavenumber"].values[::2], 2)),
            "more than once",
        ),
        "transmittance": (good.rename("transmittance"), "absorbance"),
    }


@pytest.mark.parametrize("name", bad_spectra())
def test_bad_spectra_give_a_reason_not_a_number(name):
    spectrum, words = bad_spectra()[name]
    with pytest.raises(MeasurementError, match=words):
        band_position(spectrum)


def test_reversed_spectrum_is_read_the_same():
    spectrum, _ = simulate_ftir(1)
    turned = spectrum.isel(wavenumber=slice(None, None, -1))
    assert band_position(turned).value == pytest.approx(band_position(spectrum).value, abs=1e-9)


@pytest.mark.parametrize("spacing", [0.5, 2.0, 8.0])
@pytest.mark.parametrize("smoothing", [0, 10])
def test_noise_has_no_position(spacing, smoothing):
    x = np.arange(1300.0, 2050.0, spacing)
    noise = np.random.default_rng(int(spacing * 10)).normal(0, 1, (300, x.size))
    series = labelled_spectrum(x, noise, "absorbance")
    series = smooth(series, smoothing) if smoothing else series
    assert int((fit_bands(series, 1669.0)["flag"] == 0).sum()) == 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"bands": []}, "expected wavenumbers"),
        ({"bands": [1669.0, 1669.0]}, "twice"),
        ({"bands": 1669.0, "shape": "voigt"}, "expected one of"),
        ({"bands": 1669.0, "baseline": 9}, "degree"),
        ({"bands": 1669.0, "fwhm_range": (9.0, 3.0)}, "rising"),
        ({"bands": 1669.0, "half_window": -1.0}, "positive"),
        ({"bands": 1669.0, "position": "top"}, "centroid"),
        ({"bands": 1669.0, "half_window": 4.0}, "parameters need"),
    ],
)
def test_impossible_settings_are_refused(settings, words):
    bands = settings.pop("bands")
    with pytest.raises(MeasurementError, match=words):
        fit_bands(simulate_ftir(1)[0], bands, **settings)


def test_shift_says_what_it_means():
    pvp, blend = (simulate_ftir(i, carbonyl_position=p)[0] for i, p in ((1, 1669.0), (2, 1656.0)))
    shift = carbonyl_shift(pvp, blend, smallest_relevant=3.0)
    assert shift.lower < -13 < shift.upper
    assert (shift.verdict, shift.warnings) == ("shifted", ())
    none = carbonyl_shift(pvp, simulate_ftir(3)[0], smallest_relevant=3.0)
    assert none.verdict == "not shifted"
    assert none.equivalence_p < 0.01 < none.p_value
    assert carbonyl_shift(pvp, simulate_ftir(3)[0]).verdict == "undecided"


def test_shift_of_pairs_leaves_out_the_scatter_between_specimens():
    rng = np.random.default_rng(5)
    places = 1669.0 + rng.normal(0, 2.0, 5)
    before, after = (
        xr.concat(
            [
                simulate_ftir(10 * i + k, carbonyl_position=p + move)[0]
                for i, p in enumerate(places)
            ],
            "replicate",
        )
        for k, move in ((0, 0.0), (1, -2.0))
    )
    paired = carbonyl_shift(before, after, paired=True)
    unpaired = carbonyl_shift(before, after)
    assert abs(paired.value + 2) < 0.15
    assert paired.value == pytest.approx(unpaired.value)
    assert paired.standard_uncertainty < 0.5 * unpaired.standard_uncertainty
    with pytest.raises(MeasurementError, match="pairs"):
        carbonyl_shift(before, after[:3], paired=True)


def test_warnings_come_where_they_should_and_seldom_elsewhere():
    single = [
        simulate_band(i, snr=s, fwhm=w, lorentzian_share=e)[0]
        for i, (s, w, e) in enumerate(
            zip(
                np.geomspace(10, 1000, 200),
                np.random.default_rng(1).uniform(10, 40, 200),
                np.random.default_rng(2).uniform(0, 1, 200),
                strict=True,
            )
        )
    ]
    assert sum(bool(band_warnings(s, 1669.0)) for s in single) <= 4
    double = line((1650.0, 20.0, 0.3, 0.7), (1669.0, 20.0, 0.3, 1.0), noise=0.01)
    assert "better described by two" in band_warnings(double, 1660.0)[0]
    strong = line((1669.0, 25.0, 0.3, 3.0), noise=0.005)
    assert "stray light" in band_warnings(strong, 1669.0)[0]
    assert band_warnings(normalize(strong), 1669.0) == ()
    x = np.arange(600.0, 4000.0, 2.0)
    wet = line((1656.0, 30.0, 0.3, 0.3), (3400.0, 350.0, 0.0, 0.15), noise=1e-3, x=x)
    assert any("O-H stretch" in text for text in band_warnings(wet, 1656.0))
    shift = carbonyl_shift(wet, wet)
    assert shift.warnings[0].startswith("reference: ")


def test_one_odd_spectrum_does_not_set_the_uncertainty_of_all():
    rng = np.random.default_rng(1)
    kernel = np.exp(-0.5 * (np.arange(-8, 9) / 2.0) ** 2)
    noise = np.array(
        [np.convolve(rng.normal(size=X.size + 16), kernel, "valid") for _ in range(60)]
    )
    series = labelled_spectrum(
        X, line((1669.0, 30.0, 0.3, 1.0)).values + 0.01 * noise, "absorbance"
    )
    plain = fit_bands(series, 1669.0)["center_standard_uncertainty"].values[:, 0]
    odd = series.copy()
    odd[0, 150] += 50.0
    mixed = fit_bands(odd, 1669.0)["center_standard_uncertainty"].values[1:, 0]
    np.testing.assert_allclose(np.nanmedian(mixed), np.median(plain), rtol=0.1)


def test_places_of_spectra_do_not_clash_with_results():
    series = xr.concat([simulate_ftir(i)[0] for i in range(3)], "position")
    assert fit_bands(series, 1669.0)["center"].dims == ("position", "band")
    with pytest.raises(MeasurementError, match="coordinate height"):
        fit_bands(series.assign_coords(height=1.0), 1669.0)


def test_copies_and_lone_spectra_beside_replicates():
    one = simulate_ftir(1)[0]
    with pytest.raises(MeasurementError, match="copies"):
        carbonyl_shift(xr.concat([one, one], "replicate"), simulate_ftir(2)[0])
    held = 0
    for seed in range(60):
        places = 1669 + np.random.default_rng(seed).normal(0, 0.8, 6)
        made = [simulate_ftir(100 * seed + i, carbonyl_position=p)[0] for i, p in enumerate(places)]
        shift = carbonyl_shift(xr.concat(made[:5], "replicate"), made[5], warn=False)
        held += shift.lower <= 0 <= shift.upper
    assert held >= 53


def test_a_band_that_is_there_but_not_of_this_shape_is_called_a_misfit():
    many = line(
        (1669.0, 12.0, 0.2, 1.0),
        (1684.0, 9.0, 0.2, 0.9),
        (1655.0, 9.0, 0.2, 0.9),
        (1640.0, 9.0, 0.2, 1.0),
        (1700.0, 9.0, 0.2, 0.8),
        noise=1e-3,
    )
    got = fit_bands(many, 1669.0, search=6.0)
    assert got["flag"].attrs["flag_meanings"].split()[int(got["flag"][0])] in ("misfit", "ok")
    with pytest.raises(MeasurementError, match="found ndarray"):
        fit_bands(many.values, 1669.0)
