"""Ion images, and spectra and images from single events."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from coatcore import MeasurementError, validate
from tofsims import calibrate, ion, ion_images
from tofsims.images import bin_images, bin_spectrum, labelled_events, plot_ion_images
from tofsims.simulating import simulate_cube, simulate_events

IONS = ["O-", "Cl-", "PS-", "PO2-"]


@pytest.fixture(scope="module")
def events():
    return simulate_events(1, 200_000, shape=(24, 32), scans=7)


def test_spectrum_of_events_is_bincount(events):
    spectrum = bin_spectrum(events)
    plain = np.bincount(events["channel"].values)
    np.testing.assert_array_equal(spectrum.values, plain[1:])
    assert spectrum.values.sum() == plain.sum() - plain[0]
    coarse = bin_spectrum(events, 10)
    assert coarse.values.sum() <= 200_000
    assert np.diff(np.sqrt(coarse["mz"].values)).max() == pytest.approx(10 / 12_000)
    assert validate(spectrum) == []
    # It calibrates like any spectrum.
    fixed = calibrate(spectrum, ["O-", "Cl-", "S-", "C2-", "PO2-"])
    assert fixed.attrs["calibration_rms_ppm"] < 60


def test_images_of_events_are_those_of_numpy(events):
    images = bin_images(events, IONS, resolving_power=12_000)
    channel, x, y = (events[f].values for f in ("channel", "x", "y"))
    for name in IONS:
        low, high = (float(images[k].sel(fragment=name)) for k in ("mz_low", "mz_high"))
        inside = (channel >= 12_000 * np.sqrt(low)) & (channel <= 12_000 * np.sqrt(high))
        expected = np.histogram2d(y[inside], x[inside], bins=[range(25), range(33)])[0]
        np.testing.assert_array_equal(images.sel(fragment=name), expected)
        assert low < ion(name).mz < high
    assert validate(images) == []
    assert images.attrs["simulated"] == "yes"
    cube = bin_images(events, IONS, resolving_power=12_000, by_scan=True)
    assert cube.dims == ("scan", "y", "x", "fragment")
    np.testing.assert_array_equal(cube.sum("scan"), images)
    third = events["scan"].values == 3
    part = bin_images(events.isel(event=third), IONS, resolving_power=12_000)
    np.testing.assert_array_equal(cube.isel(scan=3), part)


def test_events_out_of_order_and_on_disk_give_the_same(events, tmp_path):
    rng = np.random.default_rng(2)
    mixed = events.isel(event=rng.permutation(events.sizes["event"]))
    by_scan = {"resolving_power": 12_000, "by_scan": True}
    expected = bin_images(events, IONS, **by_scan)
    xr.testing.assert_equal(bin_images(mixed, IONS, **by_scan), expected)
    parts = []
    for name in ("channel", "x", "y", "scan"):
        values = events[name].values
        np.save(tmp_path / f"{name}.npy", values)
        parts.append(np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
    mapped = labelled_events(
        *parts, shape=(24, 32), mass_scale=(0.0, 12_000.0), attrs={"simulated": "yes"}
    )
    np.testing.assert_array_equal(bin_images(mapped, IONS, **by_scan), expected)
    lazy = events.chunk(event=50_000)
    np.testing.assert_array_equal(bin_images(lazy, IONS, **by_scan), expected)
    np.testing.assert_array_equal(bin_spectrum(lazy), bin_spectrum(events))


def test_given_windows(events):
    found = bin_images(events, {"low": (10.0, 20.0), "high": (20.5, 70.0)})
    assert list(found["fragment"].values) == ["low", "high"]
    with pytest.raises(MeasurementError, match="overlap"):
        bin_images(events, {"a": (10.0, 20.0), "b": (19.0, 70.0)})
    with pytest.raises(MeasurementError, match="empty"):
        bin_images(events, {"a": (20.0, 10.0)})
    with pytest.raises(MeasurementError, match="cannot tell them apart"):
        bin_images(events, ["PS-", "PO2-"], resolving_power=2000)


def test_what_is_no_event_list_is_told(events):
    for broken, words in (
        (events.drop_vars("x"), "has the variables"),
        (events.assign(x=events["x"].astype(float)), "unsigned integers"),
        (events.drop_attrs(), "lacks the attributes"),
        (events.assign_attrs(pixels_x=4), "outside 24 x 4"),
        (events.assign_attrs(calibration_slope=-1.0), "slope"),
    ):
        with pytest.raises(MeasurementError, match=words):
            bin_images(broken, ["O-"])
    with pytest.raises(MeasurementError, match="at least one ion"):
        bin_images(events, [])
    with pytest.raises(MeasurementError, match="at least 1 channel"):
        bin_spectrum(events, 0)


def test_ion_images():
    cube, _ = simulate_cube(3, shape=(16, 20), scans=8, coverage=0.7)
    whole = ion_images(cube)
    np.testing.assert_array_equal(whole.transpose("y", "x", "fragment"), cube.sum("scan"))
    first = ion_images(cube, ["SO-"], scans=slice(0, 2))
    np.testing.assert_array_equal(first[0], cube.sel(fragment="SO-")[:2].sum("scan"))
    assert validate(whole) == []
    lazy = ion_images(cube.chunk(scan=2), ["SO-"])
    assert lazy.chunks is not None
    figure = plot_ion_images(whole, overlay=["SO-", "58NiO2-"])
    words = [t.get_text() for a in figure.axes for t in a.texts]
    assert any("nm" in w or "µm" in w for w in words)
    assert any("simulated" in w for w in words)
    for call, words in (
        (lambda: ion_images(cube, ["PO2-"]), "no image of PO2-"),
        (lambda: ion_images(cube.isel(y=0)), "no dim y"),
        (lambda: ion_images(cube.astype(int) - 1), "negative"),
        (lambda: ion_images(cube, scans=slice(50, 60)), "no scan"),
        (lambda: ion_images(cube.sum("scan"), scans=slice(0, 1)), "no scans"),
        (lambda: plot_ion_images(whole, overlay=["SO-"]), "two of"),
    ):
        with pytest.raises(MeasurementError, match=words):
            call()
