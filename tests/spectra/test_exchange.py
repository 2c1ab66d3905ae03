"""Spectra go to SpectroChemPy and come back as they were; what it makes keeps its own name."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from xarray.testing import assert_identical

from coatcore import MeasurementError, validate
from coatcore.reading.quiet import quietly
from spectra import simulate_ftir, smooth
from spectra.exchange import from_spectrochempy, to_spectrochempy
from spectra.labels.labels import QUANTITIES, labelled_cube, labelled_spectrum

with quietly():
    import spectrochempy as scp

N = 7
X = np.linspace(1700.0, 1400.0, N)


def _without_history(da):
    return da.drop_attrs(deep=False).assign_attrs(
        {k: v for k, v in da.attrs.items() if k != "history"}
    )


def _there_and_back(da, **settings):
    back = from_spectrochempy(to_spectrochempy(da), **settings)
    assert_identical(_without_history(back), _without_history(da))
    assert back.attrs["history"].splitlines()[:-1] == da.attrs.get("history", "").splitlines()
    return back


def _dataset(shape, rows=None, **settings):
    x = scp.Coord(np.linspace(1700.0, 1400.0, shape[-1]), title="wavenumber", units="cm^-1")
    values = np.random.default_rng(1).normal(size=shape)
    coords = [*(rows or [None] * (len(shape) - 1)), x]
    return scp.NDDataset(values, coordset=coords, **settings)


def _map(ny=3, nx=4):
    values = np.random.default_rng(2).normal(size=(ny, nx, N))
    return labelled_cube(X, values, "absorbance", 50.0 * np.arange(ny)[::-1], 20.0 * np.arange(nx))


# -- there and back -----------------------------------------------------------------------


numbers = st.floats(-1e6, 1e6, width=32)
facts = st.dictionaries(
    st.sampled_from(["instrument", "scans", "source", "sample"]),
    st.one_of(st.text(max_size=8), st.integers(0, 999), numbers),
)


@settings(max_examples=25)
@given(
    quantity=st.sampled_from(sorted(QUANTITIES)),
    rows=st.integers(1, 4),
    series=st.sampled_from(["replicate", "position"]),
    missing=st.lists(st.tuples(st.integers(0, 3), st.integers(0, N - 1)), max_size=6),
    attrs=facts,
    seed=st.integers(0, 99),
)
def test_a_series_comes_back_as_it_was(quantity, rows, series, missing, attrs, seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, N))
    for row, column in missing:
        values[min(row, rows - 1), column] = np.nan
    along = {
        "stage_x": (rng.normal(size=rows), "nm", "stage x"),
        "title": ([f"spot {i}" for i in range(rows)], "1", "title"),
        "acquired": (
            np.datetime64("2025-01-01T12:00:00", "ns") + np.arange(rows) * 60_000_000_000,
            "1",
            "when",
        ),
        "good": (np.arange(rows) % 2 == 0, "1", "whether it counts"),
    }
    da = labelled_spectrum(X, values, quantity, attrs, series=series, along=along)
    _there_and_back(da)


@settings(max_examples=25)
@given(
    ny=st.integers(1, 4),
    nx=st.integers(1, 4),
    falling=st.booleans(),
    missing=st.sets(st.integers(0, 15), max_size=5),
)
def test_a_map_comes_back_as_it_was(ny, nx, falling, missing):
    da = _map(ny, nx)
    if falling:
        da = da.isel(x=slice(None, None, -1))
    da = da.where(~np.isin(np.arange(ny * nx).reshape(ny, nx, 1), list(missing)))
    da = da.assign_coords(power=(("y", "x"), np.ones((ny, nx)), {"units": "mW", "long_name": "p"}))
    da = da.assign_coords(line=("y", np.arange(ny), {"units": "1", "long_name": "line"}))
    dataset = to_spectrochempy(da)
    assert dataset.shape == (ny * nx, N)
    assert validate(_there_and_back(da)) == []


def test_a_spectrum_comes_back_as_it_was():
    da = smooth(simulate_ftir(1)[0], window=5).assign_coords(temperature=353.0)
    back = _there_and_back(da)
    assert "smooth(" in back.attrs["history"]
    assert back.attrs["smoothing_weights"].size > 1


@pytest.mark.parametrize("units", ["V", "cm", "um-1", "mV nm-2", "degree", "counts per sweep"])
def test_a_foreign_unit_comes_back(units):
    da = labelled_spectrum(X, np.ones(N), "intensity", {"units": units, "long_name": "signal"})
    _there_and_back(da)


def test_a_line_of_a_map_comes_back():
    _there_and_back(_map().isel(y=1).assign_attrs(kind="ir_spectrum"))
    _there_and_back(_map().drop_vars(["y", "x"]))


def test_missing_values_are_masked():
    values = np.ones((2, N))
    values[1, 3] = np.nan
    dataset = to_spectrochempy(labelled_spectrum(X, values, "absorbance"))
    assert dataset.mask.sum() == 1
    assert dataset.mask[1, 3]


def test_what_spectrochempy_does_is_told(tmp_path):
    dataset = to_spectrochempy(smooth(_map(), window=3))
    with quietly():
        part = dataset[2:5] * 2.0
    back = from_spectrochempy(part)
    assert back.attrs["history"].splitlines()[0].startswith("smooth(")
    assert "SpectroChemPy, 20" in back.attrs["history"]
    with quietly():
        dataset.save_as(tmp_path / "map.scp", confirm=False)
        again = scp.NDDataset.load(tmp_path / "map.scp")
    assert from_spectrochempy(again).attrs["smoothing_weights"].size > 1


# -- analyses -----------------------------------------------------------------------------


def _pca(dataset):
    with quietly():
        pca = scp.PCA(n_components=2)
        pca.fit(dataset)
        return pca


def test_scores_and_loadings_of_a_map_keep_their_name():
    da = _map()
    da[1, 2] = np.nan
    pca = _pca(to_spectrochempy(da))
    scores, loadings = from_spectrochempy(pca.scores), from_spectrochempy(pca.loadings)
    assert (scores.name, scores.dims) == ("scores", ("y", "x", "component"))
    assert scores.sizes == {"y": 3, "x": 4, "component": 2}
    assert scores["y"].values.tolist() == [100.0, 50.0, 0.0]
    assert bool(scores[1, 2].isnull().all())
    assert int(scores.isnull().sum()) == 2
    assert (loadings.name, loadings.dims) == ("loadings", ("component", "wavenumber"))
    assert loadings["component"].values.tolist() == ["PC1", "PC2"]
    for each in (scores, loadings):
        assert "kind" not in each.attrs
        assert each.attrs["units"] == "1"
        assert validate(each) == []
        assert from_spectrochempy(to_spectrochempy(each)).equals(each)


def test_what_was_simulated_stays_so():
    group = xr.concat([simulate_ftir(i)[0] for i in range(4)], dim="replicate")
    dataset = to_spectrochempy(group)
    assert from_spectrochempy(_pca(dataset).scores).attrs["simulated"] == "yes"
    assert "simulated" not in from_spectrochempy(_pca(to_spectrochempy(_map())).scores).attrs


def test_a_derivative_is_no_absorbance():
    with quietly():
        slope = scp.savgol(to_spectrochempy(_map()), size=3, order=2, deriv=1)
    found = from_spectrochempy(slope)
    assert (found.name, found.attrs["units"]) == ("absorbance_1st_derivative", "cm")
    assert "kind" not in found.attrs


# -- from elsewhere -----------------------------------------------------------------------


def test_a_detector_signal_stays_in_volt():
    found = from_spectrochempy(_dataset((3, N), title="detector signal", units="V"))
    assert (found.name, found.attrs["units"], found.attrs["long_name"]) == (
        "detector_signal",
        "V",
        "detector signal",
    )


@pytest.mark.parametrize(
    ("title", "units", "name", "factor"),
    [
        ("absorbance", "absorbance", "absorbance", 1.0),
        ("Absorbance", None, "absorbance", 1.0),
        ("transmittance", "percent", "transmittance", 0.01),
        ("transmittance", "transmittance", "transmittance", 0.01),
        ("reflectance", "absolute_transmittance", "reflectance", 1.0),
        ("single beam", None, "single_channel", 1.0),
        (None, "absorbance", "absorbance", 1.0),
        (None, None, "untitled", 1.0),
        ("log(1/R)", None, "log_1_r", 1.0),
        ("Kubelka-Munk", "Kubelka_Munk", "kubelka_munk", 1.0),
        ("intensity", "count", "intensity", 1.0),
        ("relative absorbance", None, "relative_absorbance", 1.0),
    ],
)
def test_a_title_names_the_quantity(title, units, name, factor):
    dataset = _dataset((2, N), title=title, units=units)
    found = from_spectrochempy(dataset)
    assert found.name == name
    assert found.attrs["units"] == ("count" if units == "count" else "1")
    assert np.array_equal(found.values, dataset.data * factor)
    assert ("kind" in found.attrs) == (name in QUANTITIES and name != "intensity")


@pytest.mark.parametrize(
    ("title", "units"),
    [
        ("absorbance", "V"),
        ("absorbance", "percent"),
        ("absorbance", "absolute_transmittance"),
        ("transmittance", "absorbance"),
    ],
)
def test_title_and_unit_that_contradict_each_other_are_refused(title, units):
    with pytest.raises(MeasurementError, match="titled"):
        from_spectrochempy(_dataset((2, N), title=title, units=units))


def test_the_series_axis_comes_along():
    time = scp.Coord([0.0, 5.0, 9.0], title="time on stream", units="min", labels=["a", "b", "c"])
    dataset = _dataset((3, N), [time], title="absorbance", units="absorbance")
    found = from_spectrochempy(dataset, series="scan")
    assert found.dims == ("scan", "wavenumber")
    assert found["time_on_stream"].values.tolist() == [0.0, 5.0, 9.0]
    assert found["time_on_stream"].attrs == {"units": "min", "long_name": "time on stream"}
    assert found["time_on_stream_label"].values.tolist() == ["a", "b", "c"]
    assert "taken for scans" in found.attrs["assumptions"]
    assert validate(found) == []
    _there_and_back(found)
    with pytest.raises(MeasurementError, match="series"):
        from_spectrochempy(dataset, series="time")


def test_several_coordinates_of_the_series_come_along():
    rows = scp.CoordSet(
        scp.Coord([300.0, 320.0, 340.0], title="temperature", units="degC"),
        scp.Coord([0.0, 5.0, 9.0], title="time", units="s"),
    )
    found = from_spectrochempy(_dataset((3, N), [rows], title="absorbance"))
    assert found["temperature"].attrs["units"] == "degC"
    assert found["time"].values.tolist() == [0.0, 5.0, 9.0]


def test_masked_points_are_missing():
    dataset = _dataset((3, N), title="absorbance", units="absorbance")
    mask = np.zeros((3, N), bool)
    mask[1], mask[2, 4] = True, True
    dataset.mask = mask
    assert np.array_equal(from_spectrochempy(dataset).isnull(), mask)


def test_wavenumbers_keep_their_digits():
    x = np.geomspace(4000.0, 400.0, 50)
    da = labelled_spectrum(x, np.ones((2, 50)), "absorbance")
    dataset = to_spectrochempy(da)
    assert np.abs(dataset.x.data - x).max() < 1e-9
    with quietly():
        part = dataset[:, 10:20]
    assert from_spectrochempy(part)["wavenumber"].values.tolist() == x[10:20].tolist()


def test_a_foreign_map_is_in_nanometres():
    y, x = (scp.Coord(np.arange(n) + 1.0, title=t, units="um") for n, t in ((2, "Y"), (3, "X")))
    found = from_spectrochempy(_dataset((2, 3, N), [y, x], title="absorbance", units="absorbance"))
    assert found.attrs["kind"] == "ir_cube"
    assert found["y"].values.tolist() == pytest.approx([1000.0, 2000.0], rel=1e-12)
    assert validate(found) == []
    bare = from_spectrochempy(_dataset((2, 3, N), title="absorbance", units="absorbance"))
    assert bare["x"].attrs["units"] == "pixel"
    assert "how large a pixel" in bare.attrs["assumptions"]


def test_wavenumbers_may_be_in_another_unit_and_place():
    dataset = _dataset((3, N), title="absorbance", units="absorbance")
    with quietly():
        dataset.x.ito("1/m")
    found = from_spectrochempy(dataset.T)
    assert found.dims == ("replicate", "wavenumber")
    assert np.allclose(found["wavenumber"], X, rtol=1e-12)


def test_facts_come_along_and_the_rest_is_named():
    dataset = _dataset((1, N), title="absorbance", units="absorbance", description="film on ZnSe")
    dataset.meta = {"scans": 64, "laser": scp.Quantity(15798.25, "1/cm"), "table": [1, 2]}
    dataset.history = "made by hand"
    found = from_spectrochempy(dataset)
    assert found.dims == ("wavenumber",)
    assert found.attrs["scans"] == 64
    assert found.attrs["laser"] == "15798.2 cm-1"
    assert found.attrs["description"] == "film on ZnSe"
    assert "left_behind=[table]" in found.attrs["history"]
    assert "made by hand" in found.attrs["history"]


@pytest.mark.parametrize("name", ["wodger.spg", "7_CZ0-100_Pd_101.SPA", "opus_test.0000"])
def test_files_that_spectrochempy_reads(reference, name):
    with quietly():
        dataset = scp.read(str(reference / "ir" / name))
    found = from_spectrochempy(dataset)
    assert found.name == "absorbance"
    assert found["acquisition_timestamp_gmt"].attrs["units"] == "s"
    assert validate(found) == []
    if name == "wodger.spg":
        assert all("vz04" in t for t in found["acquisition_timestamp_gmt_label"].values)


# -- refusals -----------------------------------------------------------------------------


def test_what_has_no_place_in_spectrochempy_is_refused():
    da = labelled_spectrum(X, np.ones((2, N)), "absorbance")
    with pytest.raises(MeasurementError, match="DataArray"):
        to_spectrochempy(da.values)
    with pytest.raises(MeasurementError, match="real numbers"):
        to_spectrochempy(da * 1j)
    with pytest.raises(MeasurementError, match="expected dims"):
        to_spectrochempy(da.expand_dims("position"))
    with pytest.raises(MeasurementError, match="expected dims"):
        to_spectrochempy(da.isel(wavenumber=0))
    with pytest.raises(MeasurementError, match="coordinate weight"):
        to_spectrochempy(da.assign_coords(weight=("wavenumber", np.ones(N))))
    with pytest.raises(MeasurementError, match="attribute recipe"):
        to_spectrochempy(da.assign_attrs(recipe=object()))
    with pytest.raises(MeasurementError, match="unstack"):
        to_spectrochempy(_map().stack(pixel=("y", "x")))
    with pytest.raises(MeasurementError, match="no coordinate"):
        to_spectrochempy(xr.DataArray(np.ones(3), dims="wavenumber"))


def test_what_is_no_infrared_spectrum_is_refused():
    with pytest.raises(MeasurementError, match="found ndarray"):
        from_spectrochempy(np.ones((2, N)))
    shift = scp.Coord(X, title="Raman shift", units="1/cm")
    with pytest.raises(MeasurementError, match="Raman"):
        from_spectrochempy(scp.NDDataset(np.ones((2, N)), coordset=[None, shift]))
    micrometres = scp.Coord(1e4 / X, title="wavelength", units="um")
    with pytest.raises(MeasurementError, match="wavelength in um"):
        from_spectrochempy(scp.NDDataset(np.ones((2, N)), coordset=[None, micrometres]))
    with pytest.raises(MeasurementError, match="real numbers"):
        from_spectrochempy(scp.NDDataset(np.ones(N) * 1j, coordset=[scp.Coord(X, units="1/cm")]))
    with pytest.raises(MeasurementError, match="no length"):
        time = scp.Coord([0.0, 1.0], title="time", units="s")
        from_spectrochempy(_dataset((2, 3, N), [time, None], title="absorbance"))
    pixel, y, x = (
        scp.Coord(v, title=t) for t, v in (("pixel", [0, 0]), ("y", [1, 1]), ("x", [2, 2]))
    )
    with pytest.raises(MeasurementError, match="same pixel"):
        from_spectrochempy(_dataset((2, N), [scp.CoordSet(x, y, pixel)], title="absorbance"))
