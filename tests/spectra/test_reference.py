"""Real instrument files against figures from an independent program."""

from __future__ import annotations

import numpy as np
import pytest

from coatcore import MeasurementError, ReadError, read, validate
from spectra import band_position

SPECTRA = [
    *[(f"7_CZ0-100_Pd_10{i}.SPA", 1, 5549, 649.921, 5999.713, "absorbance") for i in (1, 2, 3)],
    *[(f"3-SILICA_{i}.SPA", 1, 11098, 649.904, 6000.041, "absorbance") for i in range(6)],
    ("sample1.spa", 1, 1738, 649.904, 3999.703, "absorbance"),
    ("wodger.spg", 2, 5549, 649.904, 5999.556, "absorbance"),
    ("not_opus.spa", 1, 5549, 649.921, 5999.713, "absorbance"),
    *[(f"opus_test.000{i}", 1, 2567, 699.389, 3998.345, "absorbance") for i in range(3)],
    ("opus_background.0", 1, 4096, 0.0, 5264.702, "single_channel"),
    ("peach_juice.0", 2, 1816, 499.532, 4000.116, "reflectance"),
    ("peach_juice.dpt", 1, 1816, 499.532, 4000.116, "intensity"),
    ("IR.CSV", 1, 3736, 399.193, 4000.605, "intensity"),
]


@pytest.mark.parametrize(("name", "n", "points", "low", "high", "quantity"), SPECTRA)
def test_axis_and_quantity(reference, name, n, points, low, high, quantity):
    spectrum = read(reference / "ir" / name)
    assert validate(spectrum) == []
    assert spectrum.attrs["kind"] == "ir_spectrum"
    assert spectrum.name == quantity
    assert spectrum.sizes["wavenumber"] == points
    assert spectrum.sizes.get("replicate", 1) == n
    x = spectrum["wavenumber"]
    assert (float(x.min()), float(x.max())) == pytest.approx((low, high), abs=6e-4)


def test_interferogram_is_refused(reference):
    with pytest.raises(ReadError, match="not a spectrum"):
        read(reference / "ir" / "interfero.SPA")


def test_points_of_an_interferogram_are_no_wavenumbers(reference):
    with pytest.raises(ReadError, match="counts points from 0 to 3681"):
        read(reference / "ir" / "IFG_single.dpt")


def test_opus_file_agrees_with_its_own_text_export(reference):
    binary = read(reference / "ir" / "peach_juice.0").isel(replicate=0)
    text = read(reference / "ir" / "peach_juice.dpt")
    np.testing.assert_allclose(binary.values, text.values, atol=5.1e-6)
    np.testing.assert_allclose(binary["wavenumber"], text["wavenumber"], atol=1e-4)


def test_opus_agrees_with_spectrochempy(reference):
    import spectrochempy as scp

    ours = read(reference / "ir" / "opus_test.0000")
    theirs = scp.read_opus(str(reference / "ir" / "opus_test.0000"))
    np.testing.assert_allclose(ours.values, np.asarray(theirs.data)[0], rtol=1e-6)
    # SpectroChemPy rounds the axis to 0.001 cm-1.
    np.testing.assert_allclose(ours["wavenumber"], theirs.coord("x").data, atol=6e-4)


def test_unlabelled_columns_say_what_was_assumed(reference):
    assert "no unit" in read(reference / "ir" / "IR.CSV").attrs["assumptions"]


def test_band_of_real_spectra_agrees_with_lmfit(reference):
    from lmfit.models import LinearModel, PseudoVoigtModel

    # Overtone of silica's framework near 1870 cm-1: one lone band in every one of the series.
    for i in range(3):
        spectrum = read(reference / "ir" / f"3-SILICA_{i}.SPA")
        ours = band_position(spectrum, near=1870.0)
        x, y = spectrum["wavenumber"].values, spectrum.values
        keep = np.abs(x - ours.value) <= 60
        model = PseudoVoigtModel() + LinearModel()
        start = model.make_params(
            center=ours.value,
            sigma=20,
            amplitude=10,
            fraction=0.5,
            slope=0,
            intercept=y[keep].min(),
        )
        start["fraction"].set(min=0, max=1)
        theirs = model.fit(y[keep], start, x=x[keep])
        assert ours.value == pytest.approx(theirs.params["center"].value, abs=0.3)


def test_background_is_not_measured_as_absorbance(reference):
    with pytest.raises(MeasurementError, match="absorbance"):
        band_position(read(reference / "ir" / "opus_background.0"))
