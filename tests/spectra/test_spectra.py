"""Unit and property tests of the infrared functions."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from coatcore import Estimate, MeasurementError, ReadError, read, validate
from spectra import (
    band_position,
    carbonyl_shift,
    normalize,
    plot_spectra,
    simulate_ftir,
    simulate_nanoir,
    smooth,
    subtract_baseline,
)
from spectra.bands import Shift, mean_band_position
from spectra.labels.labels import labelled_spectrum
from spectra.preparing import baseline
from spectra.write import write_dpt, write_jcamp


@pytest.fixture(scope="module")
def spectrum():
    return simulate_ftir(3)[0]


@pytest.fixture(scope="module")
def cube():
    lines = [simulate_nanoir(i, carbonyl_position=1655.0 + i)[0].values for i in range(6)]
    flat = simulate_nanoir(0)[0]
    return xr.DataArray(
        np.reshape(lines, (2, 3, -1)),
        dims=("y", "x", "wavenumber"),
        coords={"wavenumber": flat["wavenumber"]},
        name="intensity",
        attrs=flat.attrs,
    )


@pytest.mark.parametrize("method", ["max", "area", "vector", "snv"])
@given(scale=st.floats(1e-3, 1e3))
@settings(max_examples=15)
def test_normalising_forgets_the_scale(spectrum, method, scale):
    one, other = normalize(spectrum, method), normalize(spectrum * scale, method)
    np.testing.assert_allclose(one.values, other.values, rtol=1e-9, atol=1e-12)


def test_normalising_keeps_attributes_and_says_so(spectrum):
    out = normalize(spectrum, "band", at=(1650.0, 1690.0))
    assert validate(out) == []
    assert out.attrs["simulated"] == "yes"
    assert "normalize(method=band" in out.attrs["history"]


def test_normalising_area_is_one(spectrum):
    out = normalize(spectrum, "area")
    assert abs(float(abs(out).integrate("wavenumber"))) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("settings_", "words"),
    [
        ({"method": "band"}, "band"),
        ({"method": "max", "at": 1.0}, "band"),
        ({"method": "band", "at": 9000.0}, "outside"),
        ({"method": "mean"}, "expected"),
    ],
)
def test_normalising_refuses(spectrum, settings_, words):
    with pytest.raises(MeasurementError, match=words):
        normalize(spectrum, **settings_)


def test_normalising_zero_is_refused(spectrum):
    with pytest.raises(MeasurementError, match="zero"):
        normalize(spectrum * 0)


@pytest.mark.parametrize("window", [9, 10])
def test_moving_average_moves_no_band(window):
    x = np.arange(1600.0, 1700.0)
    peak = labelled_spectrum(x, np.exp(-(((x - 1650.0) / 12) ** 2)), "absorbance")
    out = smooth(peak, window)
    assert float((out * x).sum() / out.sum()) == pytest.approx(1650.0, abs=1e-6)
    assert float(out.sum()) == pytest.approx(float(peak.sum()), rel=1e-6)


def test_smoothing_refuses_what_does_not_fit(spectrum):
    for settings_ in ({"window": 1}, {"window": 10, "method": "savitzky_golay"}):
        with pytest.raises(MeasurementError):
            smooth(spectrum, **settings_)


def test_dask_stays_lazy_and_agrees(cube):
    lazy = cube.chunk(y=1)
    for function in (smooth, normalize, baseline):
        out = function(lazy)
        assert out.chunks is not None
        np.testing.assert_allclose(out.compute().values, function(cube).values)
    positions = band_position(lazy)
    assert positions["value"].chunks is not None
    np.testing.assert_allclose(positions["value"], [[1655, 1656, 1657], [1658, 1659, 1660]], atol=1)


def test_cube_agrees_with_its_spectra(cube):
    whole = band_position(cube)
    one = band_position(cube.isel(y=1, x=2))
    assert isinstance(one, Estimate)
    assert float(whole["value"][1, 2]) == pytest.approx(one.value, abs=1e-4)
    assert whole["value"].attrs["units"] == whole["lower"].attrs["units"] == "cm-1"
    assert whole["flag"].attrs["flag_meanings"].split()[0] == "ok"


def test_baseline_is_followed():
    x = np.linspace(4000, 600, 1500)
    truth = 0.1 + 0.05 * np.sin(x / 1500)
    peak = np.exp(-(((x - 1669) / 15) ** 2))
    made = labelled_spectrum(x, truth + peak, "absorbance")
    for method in ("arpls", "asls", "modpoly"):
        assert float(abs(baseline(made, method) - truth).median()) < 0.02
    assert float(subtract_baseline(made).max()) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("method", ["linear", ""])
def test_baseline_refuses_unknown_method(spectrum, method):
    with pytest.raises(MeasurementError, match="arpls"):
        baseline(spectrum, method)


def test_no_band_gives_no_number(spectrum):
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(50):
        noise = spectrum.copy(data=rng.normal(0, 1e-3, spectrum.size))
        try:
            band_position(noise)
        except MeasurementError:
            refused += 1
    assert refused == 50


def test_cut_or_broken_spectra_are_refused(spectrum):
    with pytest.raises(MeasurementError, match="run from"):
        band_position(spectrum.sel(wavenumber=slice(4000, 1680)))
    with pytest.raises(MeasurementError, match="misses 31 values"):
        band_position(spectrum.where(spectrum["wavenumber"] > 1700))
    with pytest.raises(MeasurementError, match="dim wavenumber"):
        band_position(spectrum.rename(wavenumber="mz"))


def test_one_replicate_without_band_is_not_dropped(spectrum):
    pair = xr.concat([spectrum, spectrum * 0], dim="replicate")
    with pytest.raises(MeasurementError, match="1 of 2"):
        mean_band_position(pair)


def test_direction_of_the_axis_does_not_matter(spectrum):
    turned = spectrum.sortby("wavenumber")
    assert band_position(turned).value == pytest.approx(band_position(spectrum).value, abs=1e-6)


def test_shift_of_a_spectrum_against_itself_is_zero(spectrum):
    shift = carbonyl_shift(spectrum, spectrum)
    assert shift.value == 0
    assert shift.upper > 0 > shift.lower


@pytest.mark.parametrize("write", [write_jcamp, write_dpt])
def test_files_come_back(tmp_path, spectrum, write):
    path = tmp_path / "a.jdx"
    write(spectrum, path)
    back = read(path)
    assert back.name == "absorbance"
    assert back.attrs["simulated"] == "yes"
    np.testing.assert_allclose(back.values, spectrum.values, atol=1e-6)
    np.testing.assert_allclose(back["wavenumber"], spectrum["wavenumber"], atol=1e-5)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("##XUNITS=1/CM", "##XUNITS=NANOMETERS", "XUNITS"),
        ("##NPOINTS=1790", "##NPOINTS=1791", "NPOINTS"),
        ("##YUNITS=ABSORBANCE", "##YUNITS=VOLTS", "YUNITS"),
        ("##XYDATA=(X++(Y..Y))", "##XYDATA=(X++(Y..Y))\n4000 A1B2%JK", "compressed"),
        ("##END=", "##TITLE=b\n##END=", "blocks"),
    ],
)
def test_damaged_jcamp_is_refused(tmp_path, spectrum, old, new, words):
    path = tmp_path / "a.jdx"
    write_jcamp(spectrum, path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(ReadError, match=words):
        read(path)


def test_cut_jcamp_is_refused(tmp_path, spectrum):
    path = tmp_path / "a.jdx"
    write_jcamp(spectrum, path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:200] + lines[-1:]))
    with pytest.raises(ReadError):
        read(path)


def test_figures_have_axes_units_and_the_mark(spectrum):
    group = xr.concat([spectrum, spectrum], dim="replicate")
    shift = carbonyl_shift(spectrum, simulate_ftir(4)[0])
    axes = [plot_spectra({"a": spectrum, "b": group}), shift.plot()]
    for ax in axes:
        assert "cm⁻¹" in ax.get_xlabel()
        assert ax.xaxis_inverted()
        assert any("simulated" in t.get_text() for t in ax.texts)


def test_a_shift_carries_the_positions_it_was_made_from(monkeypatch):
    one, two = (
        xr.concat([simulate_ftir(i, carbonyl_position=at)[0] for i in seeds], dim="replicate")
        for at, seeds in ((1669.0, (1, 2, 3)), (1656.0, (4, 5)))
    )
    shift = carbonyl_shift(one, two, warn=False)
    a, b = shift.reference_positions, shift.sample_positions
    assert (a.values.size, b.values.size) == (3, 2)
    assert shift.value == b.values.mean() - a.values.mean()
    assert a.mean == mean_band_position(one)
    assert b.mean == mean_band_position(two)
    # Its figure measures nothing anew.
    monkeypatch.setattr("spectra.bands.position.fit_bands", None)
    ax = shift.plot(labels=("before", "after"))
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["before", "after"]
    assert f"shift {shift.concise} cm⁻¹, 95 % interval" in ax.get_title()
    assert sum(line.get_linestyle() == "--" for line in ax.lines) == 2
    bare = Shift(value=0.1, standard_uncertainty=0.2, lower=-0.3, upper=0.5)
    with pytest.raises(MeasurementError, match="no spectra"):
        bare.plot()
