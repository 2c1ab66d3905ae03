"""Whether a coating is there, and what varies together."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from coatcore import MeasurementError, validate
from tofsims import calibrate, confirm_coating, fit_peaks, simulate_spectra
from tofsims.comparing import nonnegative_factors, principal_components
from tofsims.comparing.presence import chance_of_background
from tofsims.peaks.table import peak_table
from tofsims.simulating import COATED_NCM, UNCOATED_NCM

IONS = ["SO-", "C2SO-", "C3H6NO-", "58NiO2-"]
COATING = {"sPPSLi": ["SO-", "C2SO-"], "PVP": ["C3H6NO-"], "NCM": ["58NiO2-"]}


def spectra(seed, n=4, **shares):
    made, _ = simulate_spectra(seed, n=n, intensities={**COATED_NCM, **shares})
    return [calibrate(s) for s in made]


def counted(areas, background=0.0, flag=None):
    """A peak table, a row a replicate."""
    areas = np.atleast_2d(np.asarray(areas, float))
    (one,), _ = simulate_spectra(0, n=1)
    shape = areas.shape
    sigma = np.sqrt(np.full(shape, background) * (1 + 1 / 3))
    columns = {
        "area": areas,
        "standard_uncertainty": np.sqrt(np.maximum(areas + background, 1)),
        "area_lower": np.maximum(areas - 2 * np.sqrt(np.maximum(areas + background, 1)), 0),
        "area_upper": areas + 2 * np.sqrt(np.maximum(areas + background, 1)) + 2,
        "background": np.full(shape, background),
        "detection_limit": 2.71 + 3.29 * sigma,
    }
    return peak_table([one] * len(areas), IONS[: shape[1]], columns)


def test_the_papers_figure():
    """The coated particle shows all four fragments."""
    found = confirm_coating(spectra(1))
    assert found.confirmed
    assert set(found.table["status"]) == {"present"}
    assert set(found.table["seen in"]) == {"4 of 4"}
    row = found.table.set_index("fragment").loc["C3H6NO-"]
    assert row["lower"] < COATED_NCM["C3H6NO-"] < row["upper"]
    ax = found.plot()
    assert "detection limit" in [t.get_text() for t in ax.get_legend().get_texts()]


def test_a_bare_particle_shows_no_coating():
    """What is not there comes with an upper limit."""
    bare = {"SO-": 0.0, "C2SO-": 0.0, "C3H6NO-": 0.0}
    made, _ = simulate_spectra(2, n=4, intensities={**UNCOATED_NCM, **bare})
    found = confirm_coating([calibrate(s) for s in made])
    assert found.components == {"sPPSLi": "not seen", "PVP": "not seen", "NCM": "present"}
    assert not found.confirmed
    rows = found.table.set_index("fragment")
    assert (rows.loc[["SO-", "C3H6NO-"], "upper"] < 2e-4).all()
    assert "PVP: not seen" in found.summary()


def test_one_polymer_without_the_other_is_told():
    found = confirm_coating(spectra(3, **{"C3H6NO-": 0.0}))
    assert found.components["PVP"] == "not seen"
    assert found.components["sPPSLi"] == "present"


def test_references_choose_their_own_fragments():
    """SO- also comes from the electrolyte: it is not the polymer's alone."""
    rest = dict.fromkeys(("SO-", "C2SO-", "C3H6NO-", "58NiO2-", "PO2-"), 0.0)
    ions = [*IONS, "PO2-"]
    pure = {
        "polymer": fit_peaks(spectra(4, 2, **rest | {"SO-": 0.02, "C2SO-": 0.02}), ions),
        "electrolyte": fit_peaks(spectra(5, 2, **rest | {"SO-": 0.01, "PO2-": 0.02}), ions),
    }
    found = confirm_coating(spectra(6), pure)
    rows = found.table.set_index("component")
    assert rows.loc["polymer", "fragment"] == "C2SO-"
    assert rows.loc["electrolyte", "fragment"] == "PO2-"
    alike = {"a": pure["polymer"], "b": pure["polymer"]}
    with pytest.raises(MeasurementError, match="other references do not show"):
        confirm_coating(spectra(6), alike)


@pytest.mark.calibration
@pytest.mark.parametrize("background", [0.05, 1.0, 30.0])
def test_absent_components_are_called_present_in_at_most_5_percent(background):
    rng = np.random.default_rng(7)
    runs, n = 4000, 4
    on = rng.poisson(background, (runs, n, 3)).sum(axis=1)
    off = rng.poisson(3 * background, (runs, n, 3)).sum(axis=1)
    p = chance_of_background(on - off / 3, off / 3)
    from coatcore.statistics.several_tests import holm

    assert np.mean((holm(p) < 0.05).any(axis=1)) <= 0.055


def test_a_weak_one_is_found_at_its_detection_limit():
    rng = np.random.default_rng(8)
    background, runs = 30.0, 2000
    limit = 2.71 + 3.29 * np.sqrt(background * 4 / 3)
    on, off = rng.poisson(background + limit, runs), rng.poisson(3 * background, runs)
    p = chance_of_background(on - off / 3, off / 3)
    assert 0.92 <= np.mean(p < 0.05) <= 0.98


def test_unresolved_and_missing_peaks():
    areas = [[200, 150, np.nan, 90], [180, 160, 10, 80]]
    found = confirm_coating(counted(areas, 5.0), COATING)
    assert found.components == {"sPPSLi": "present", "PVP": "cannot tell", "NCM": "present"}
    partly = confirm_coating(counted([[200, 0, 0, 90], [180, 1, 0, 90]], 5.0), COATING)
    assert partly.components["sPPSLi"] == "partly"
    shared = {"a": ["SO-"], "b": ["SO-", "C2SO-"]}
    assert "b" in confirm_coating(counted(areas, 5.0), shared).table.loc[0, "also in"]
    for references, words in (
        ({}, "at least one component"),
        ({"a": ["PO3-"]}, "lack PO3-"),
        ({"a": "SO-"}, "list of fragments"),
    ):
        with pytest.raises(MeasurementError, match=words):
            confirm_coating(counted(areas, 5.0), references)
    with pytest.raises(MeasurementError, match="detection_limit"):
        confirm_coating(counted(areas).drop_vars("detection_limit"), COATING)


# -- exploration --------------------------------------------------------------------------


def _planted(seed, low):
    """Two spectra mixed over an image: one of strong ions, one of weak ones."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((16, 16)) / 16
    strong, weak = 1 + 0.1 * np.sin(9 * x), (y > 0.5).astype(float)
    first = np.array([1000.0, 500.0, 200.0, 0.0, 0.0])
    second = np.array([0.0, 0.0, 0.0, 1.0, 2.0]) * low
    mean = strong[..., None] * first + weak[..., None] * second + 0.2
    names = ["O-", "Cl-", "S-", "SO-", "C2SO-"]
    return xr.DataArray(rng.poisson(mean), {"fragment": names}, ("y", "x", "fragment")), weak


def test_poisson_scaling_shows_what_strong_ions_hide():
    cube, weak = _planted(1, 3.0)

    def likeness(scaling):
        scores = principal_components(cube, 3, scaling=scaling)["scores"]
        return max(
            abs(np.corrcoef(s.transpose("y", "x").values.ravel(), weak.ravel())[0, 1])
            for s in scores
        )

    assert likeness("poisson") > 0.85
    assert likeness("poisson") > likeness("none") + 0.2


def test_factors_are_the_planted_spectra():
    cube, weak = _planted(2, 30.0)
    found = nonnegative_factors(cube, 2)
    loadings = found["loadings"].values
    np.testing.assert_allclose(loadings.sum(axis=1), 1)
    # Which strong ions go with the weak ones is not unique; that these do is.
    assert loadings[1, 3:].sum() > 10 * loadings[0, 3:].sum()
    scores = found["scores"].transpose("component", "y", "x").values
    assert np.corrcoef(scores[1].ravel(), weak.ravel())[0, 1] > 0.95


def test_components_agree_with_scikit_learn_and_say_what_they_cannot_take():
    from sklearn.decomposition import PCA

    rng = np.random.default_rng(3)
    table = xr.DataArray(
        rng.poisson(100, (9, 4)), {"fragment": list("abcd")}, ("replicate", "fragment")
    )
    ours = principal_components(table, 2, scaling="none")
    assert [p for p in validate(ours) if not p.startswith(("fragment", "replicate"))] == []
    theirs = PCA(2).fit(table.values)
    np.testing.assert_allclose(ours["explained"], theirs.explained_variance_ratio_)
    np.testing.assert_allclose(np.abs(ours["loadings"]), np.abs(theirs.components_))
    for call, words in (
        (lambda: principal_components(table, 7), "7 components"),
        (lambda: principal_components(table - 1000), "negative"),
        (lambda: principal_components(table.isel(replicate=0)), "at least one other"),
        (lambda: principal_components(table, scaling="sd"), "scaling"),
        (lambda: nonnegative_factors(table * 0), "zero"),
    ):
        with pytest.raises(MeasurementError, match=words):
            call()
