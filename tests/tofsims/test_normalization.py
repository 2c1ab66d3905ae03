"""Normalised intensities, their counting intervals, and what the normaliser does to them."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from coatcore import MeasurementError, read, validate
from coatcore.estimate import Estimate
from tofsims import calibrate, normalize, peak_areas, simulate_spectra
from tofsims.comparing import compare_normalizers, normalize_points
from tofsims.peaks.poisson_counts import signal_interval
from tofsims.peaks.table import peak_table
from tofsims.simulating import UNCOATED_NCM

REAL = ("C-", "CH-", "O-", "OH-", "C2-", "CN-", "Cl-")


def counted(areas, names, total, background=0.0):
    """A peak table of Poisson counts, a row a replicate."""
    areas = np.atleast_2d(np.asarray(areas, float))
    spectra, _ = simulate_spectra(0, n=1)
    out = peak_table(list(spectra) * len(areas), names, {"area": areas})
    low, high = signal_interval(areas + background, 1e4 * background, 1e4)
    for name, values in (
        ("standard_uncertainty", np.sqrt(np.maximum(areas + background, 1))),
        ("area_lower", low),
        ("area_upper", high),
    ):
        out[name] = out["area"].copy(data=np.broadcast_to(values, areas.shape))
    out["total"] = out["total"].copy(data=np.broadcast_to(total, len(areas)).astype(float))
    return out


@pytest.mark.calibration
@pytest.mark.parametrize("counts", [10, 100, 1e4, 1e6])
def test_intervals_of_normalised_intensities_hold_the_truth(counts, holds):
    rng = np.random.default_rng(int(counts))
    total = 3.0 * counts + 2000
    a, o = rng.poisson(counts, 1000), rng.poisson(2 * counts, 1000)
    rest = rng.poisson(total - 3 * counts, 1000)
    table = counted(np.stack([a, o], axis=1), ["PO2-", "Cl-"], a + o + rest)
    cases = {
        "total": ("total", (), counts / total),
        "Cl-": ("Cl-", (), 0.5),
        "PO2- + Cl-": (["PO2-", "Cl-"], (), 1 / 3),
        "total without Cl-": ("total", ["Cl-"], counts / (total - 2 * counts)),
    }
    for words, (by, without, truth) in cases.items():
        out = normalize(table, by, without=without).sel(fragment="PO2-")
        made = [
            Estimate.from_interval(float(v), float(lo), float(hi), standard_uncertainty=float(u))
            for v, lo, hi, u in zip(
                out["normalized"].values,
                out["lower"].values,
                out["upper"].values,
                out["standard_uncertainty"].values,
                strict=True,
            )
        ]
        holds(f"{counts:g} counts / {words}, one spectrum", truth, made)
        spread = float(out["normalized"].std())
        assert float(out["standard_uncertainty"].median()) == pytest.approx(spread, rel=0.25)


@pytest.mark.calibration
@pytest.mark.parametrize("counts", [30, 1e4])
def test_intervals_of_log_ratios_hold_the_truth(counts, holds):
    rng = np.random.default_rng(int(counts))
    means = counts * np.array([1.0, 2.0, 4.0, 0.7])
    table = counted(rng.poisson(means, (1000, 4)), ["PO2-", "Cl-", "O-", "F-"], 1e6)
    out = normalize(table, "clr").sel(fragment="PO2-")
    truth = np.log(means[0]) - np.log(means).mean()
    made = [
        Estimate.from_interval(float(v), float(lo), float(hi))
        for v, lo, hi in zip(out["normalized"], out["lower"], out["upper"], strict=True)
    ]
    holds(f"centred log-ratio, {counts:g} counts", truth, made)


def test_an_ion_by_itself_is_one_and_parts_sum_to_one():
    table = counted([[50, 200], [40, 150]], ["PO2-", "Cl-"], 1000)
    alone = normalize(table, "Cl-").sel(fragment="Cl-")
    for name in ("normalized", "lower", "upper"):
        np.testing.assert_allclose(alone[name], 1)
    np.testing.assert_allclose(alone["standard_uncertainty"], 0, atol=1e-9)
    both = normalize(table, ["PO2-", "Cl-"])["normalized"].sum("fragment")
    np.testing.assert_allclose(both, 1)
    logs = normalize(table, "clr")["normalized"].sum("fragment")
    np.testing.assert_allclose(logs, 0, atol=1e-12)
    for by in ("total", "Cl-", "clr"):
        assert validate(normalize(table, by)) == []


def test_nothing_found_has_an_upper_end_and_no_lower():
    out = normalize(counted([[0, 200]], ["PO2-", "Cl-"], 1000)).sel(fragment="PO2-")
    assert out["normalized"].item() == 0
    assert out["lower"].item() == 0
    assert 0.0015 < out["upper"].item() < 0.004
    assert np.isfinite(normalize(counted([[0, 200]], ["PO2-", "Cl-"], 1000), "clr")["lower"]).all()


def test_without_ions():
    table = counted([[50, 200]], ["PO2-", "Cl-"], 1000)
    out = normalize(table, without=["Cl-"])
    assert out["normalized"].sel(fragment="PO2-").item() == pytest.approx(50 / 800)
    assert "without Cl-" in out["normalized"].attrs["long_name"]
    with pytest.raises(MeasurementError, match="only with by='total'"):
        normalize(table, "Cl-", without=["PO2-"])
    with pytest.raises(MeasurementError, match="SO-"):
        normalize(table, without=["SO-"])


def test_unknown_areas_are_no_divisors():
    table = counted([[np.nan, 200]], ["PO2-", "Cl-"], 1000)
    with pytest.raises(MeasurementError, match="unresolved"):
        normalize(table, "PO2-")
    with pytest.raises(MeasurementError, match="log-ratio"):
        normalize(table, "clr")
    out = normalize(table)
    assert np.isnan(out["normalized"].sel(fragment="PO2-")).all()
    assert np.isfinite(out["normalized"].sel(fragment="Cl-")).all()
    with pytest.raises(MeasurementError, match="no counts"):
        normalize(counted([[5, 0]], ["PO2-", "Cl-"], 1000), "Cl-")


def test_point_to_point():
    rng = np.random.default_rng(1)
    cube = xr.DataArray(
        rng.poisson(5.0, (4, 3, 2, 2)).astype(float),
        {"fragment": ["PO2-", "Cl-"]},
        ("scan", "y", "x", "fragment"),
        attrs={"units": "counts"},
    )
    out = normalize_points(cube)
    np.testing.assert_allclose(out.sum("fragment").values[cube.sum("fragment") > 0], 1)
    ratio = normalize_points(cube, "Cl-").sel(fragment="PO2-")
    np.testing.assert_allclose(
        ratio.values[cube.sel(fragment="Cl-") > 0],
        (cube.sel(fragment="PO2-") / cube.sel(fragment="Cl-")).values[cube.sel(fragment="Cl-") > 0],
    )
    # A primary current that drifts divides out.
    drift = cube * xr.DataArray([1.0, 0.5, 2.0, 3.0], dims="scan")
    xr.testing.assert_allclose(normalize_points(drift), out)
    lazy = normalize_points(cube.chunk(scan=1))
    assert lazy.chunks is not None
    with pytest.raises(MeasurementError, match="dim fragment"):
        normalize_points(cube.isel(fragment=0))
    with pytest.raises(MeasurementError, match="SO-"):
        normalize_points(cube, "SO-")


# -- which normaliser ---------------------------------------------------------------------

IONS = ["PO2-", "PS-", "O-", "Cl-", "S-"]


def _group(seed, shares):
    spectra, _ = simulate_spectra(seed, n=8, intensities={**UNCOATED_NCM, **shares})
    return peak_areas([calibrate(s) for s in spectra], IONS)


def test_a_normaliser_that_changes_is_warned_of():
    """Less Cl- and nothing else: PO2-/Cl- grows by that alone."""
    a, b = _group(1, {}), _group(2, {"Cl-": 0.04})
    with pytest.warns(UserWarning, match="Cl- itself differs"):
        found = compare_normalizers(a, b, "PO2-")
    rows = found.table.set_index("normaliser")
    assert rows.loc["Cl-", "conclusion"] == "higher"
    assert rows.loc["total", "conclusion"] == "not shown to differ"
    assert rows.loc["Cl-", "normaliser changes"]
    assert not rows.loc["O-", "normaliser changes"]
    assert found.agree
    assert "themselves: Cl-" in found.summary()
    ax = found.plot()
    assert len(ax.get_yticklabels()) == len(rows)


def test_a_true_change_stays_whatever_it_is_divided_by():
    a, b = _group(3, {}), _group(4, {"PO2-": 0.024})
    found = compare_normalizers(a, b, "PO2-", ["total", "O-", "Cl-", ["O-", "Cl-"], "clr"])
    assert found.agree
    assert set(found.table["conclusion"]) == {"higher"}
    assert (found.table["ratio lower"] < 2).all()
    assert "whatever" in found.summary()
    with pytest.raises(MeasurementError, match="SO3-"):
        compare_normalizers(a, b, "SO3-")


def test_real_chloride_between_the_samples(reference):
    """Cl-/total of Ru-Ir is higher than of Ru-Pd, but Cl-/OH- is lower: OH- rises even more."""
    groups = []
    for metal in ("Pd", "Ir"):
        files = [reference / "tofsims" / f"N_Ru-{metal}_Bi3_{i}.txt" for i in range(1, 6)]
        groups.append(peak_areas([calibrate(read(f), REAL) for f in files], ["Cl-", "O-", "OH-"]))
    with pytest.warns(UserWarning, match="itself differs"):
        found = compare_normalizers(*groups, "Cl-")
    rows = found.table.set_index("normaliser")
    assert not found.agree
    assert "depends on the normaliser" in found.summary()
    assert (rows.loc["total", "conclusion"], rows.loc["OH-", "conclusion"]) == ("higher", "lower")
    assert rows.loc["total", "ratio"] == pytest.approx(1.52, abs=0.02)
    assert (rows.loc["total", "ratio lower"], rows.loc["total", "ratio upper"]) == pytest.approx(
        (1.42, 1.62), abs=0.02
    )


def test_closure_is_no_agreement():
    """Cl- falls from almost half of everything: all else rises against the total by that alone."""
    a, b = _group(5, {"Cl-": 0.45}), _group(6, {"Cl-": 0.09})
    with pytest.warns(UserWarning, match="itself differs"):
        found = compare_normalizers(a, b, "PO2-")
    rows = found.table.set_index("normaliser")
    assert rows.loc["O-", "ratio"] == pytest.approx(1, abs=0.25)
    few = [t.isel(replicate=slice(3)) for t in (a, b)]
    with pytest.raises(MeasurementError, match="at least 4 replicates"):
        compare_normalizers(*few, "PO2-")


def test_ions_named_twice_and_partners_not_found():
    table = counted([[50, 200]], ["PO2-", "Cl-"], 1000)
    twice = normalize(table, ["Cl-", "Cl-"])["normalized"].sel(fragment="Cl-")
    np.testing.assert_allclose(twice, 1)
    alone = normalize(counted([[50, 0]], ["PO2-", "Cl-"], 1000), ["PO2-", "Cl-"])
    one = alone.sel(fragment="PO2-")
    assert one["lower"].item() < 0.99
    assert one["upper"].item() == 1
    for wrong, words in (
        (["total", "Cl-"], "no ion"),
        (["clr", "Cl-"], "no ion"),
    ):
        with pytest.raises(MeasurementError, match=words):
            normalize(table, wrong)
    with pytest.raises(MeasurementError, match="isel"):
        normalize(table.isel(replicate=0))
    with pytest.raises(MeasurementError, match="table of peak areas"):
        normalize(table["area"])
    with pytest.raises(MeasurementError, match="at least one normaliser"):
        compare_normalizers(*[_group(1, {})] * 2, "PO2-", [])
