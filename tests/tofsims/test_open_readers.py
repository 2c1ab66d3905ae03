"""Mass images and spectra in open formats, against other programs; what is refused and why."""

from __future__ import annotations

import gzip
import re
import shutil
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from coatcore import MeasurementError, ReadError, read, validate
from coatqc.report.inspection import describe, draw
from tofsims import simulate_spectra
from tofsims.labels.labels import labelled_cube, labelled_spectrum
from tofsims.readers.imzml.images import imzml_images
from tofsims.write import write_iontof_text

# ---------------------------------------------------------------- files of formats


def imzml(path: Path, mode: str, spectra: list[tuple], pixel: str = "") -> Path:
    from pyimzml.ImzMLWriter import ImzMLWriter

    with ImzMLWriter(str(path), mode=mode, polarity="negative") as file:
        for mz, values, place in spectra:
            file.addSpectrum(np.array(mz), np.array(values), place)
    if pixel:
        term = '<cvParam cvRef="IMS" accession="IMS:1000046" name="pixel size x" value="{}"/>'
        text = path.read_text(encoding="ISO-8859-1")
        at = text.index("</scanSettings>")
        path.write_text(text[:at] + term.format(pixel) + text[at:], encoding="ISO-8859-1")
    return path


def tofwerk(
    path: Path,
    counts: np.ndarray | None = None,
    *,
    waveforms: float = 4.0,
    events: np.ndarray | None = None,
    names: tuple[str, ...] = ("[CN]-", "nominal"),
    **storage,
) -> Path:
    mass = 26.0 + np.arange(len(names), dtype="f4")
    rows = [(n.encode(), m, m - 0.2, m + 0.2) for n, m in zip(names, mass, strict=True)]
    fields = [("label", "S64"), ("mass", "f4")]
    fields += [(f"{end} integration limit", "f4") for end in ("lower", "upper")]
    with h5py.File(path, "w") as file:
        file.attrs["TofDAQ Version"] = np.float32(1.99)
        file.attrs["NbrWaveforms"] = np.array([waveforms], np.int32)
        file.attrs["IonMode"] = np.bytes_("negative")
        file.create_group("FIBParams").attrs["ViewField"] = np.array([0.01])
        full = file.create_group("FullSpectra")
        about = {"MassCalibMode": 0, "MassCalibration p1": 800.0, "MassCalibration p2": 200.0}
        for name, value in {**about, "SampleInterval": 8e-10, "ClockPeriod": 1e-10}.items():
            full.attrs[name] = np.array([value])
        sample = np.arange(10000)
        full["MassAxis"] = (((sample - 200.0) / 800.0) ** 2).astype("f4")
        full["SumSpectrum"] = np.where(sample % 7, 0.0, 5.0)
        peaks = file.create_group("PeakData")
        peaks["PeakTable"] = np.array(rows, dtype=fields)
        if counts is not None:
            data = (counts / waveforms).astype("f4")
            peaks.create_dataset("PeakData", data=data, chunks=(1, *data.shape[1:]), **storage)
        if events is not None:
            kind = h5py.vlen_dtype(np.dtype("u2"))
            stored = full.create_dataset("EventList", events.shape, kind)
            for place in np.ndindex(*events.shape):
                stored[place] = events[place]
    return path


def rda(
    path: Path,
    counts: np.ndarray,
    mz: np.ndarray,
    *,
    calibrated: bool = True,
    packed: bool = True,
) -> Path:
    """An .rda with a MassImage (shape y, x, mz) and a MassSpectra, as R would save them."""
    import rdata
    from rdata.conversion.to_r import build_r_list, build_r_object, convert_python_to_r_data
    from rdata.parser import RExtraInfo, RObjectType
    from rdata.unparser import unparse_file

    def plain(value):
        return convert_python_to_r_data(value, format_version=2).object

    def tag(name):
        return build_r_object(RObjectType.SYM, value=plain(name).value[0])

    def s4(kind, **slots):
        parts = [(tag(name), plain(value)) for name, value in {**slots, "class": kind}.items()]
        attributes = build_r_list(parts)
        return build_r_object(
            RObjectType.VEC, value=[], is_object=True, attributes=attributes, gp=16
        )

    ny, nx, n = counts.shape
    common = {"analysisName": "a\\b.RAW", "instrument": "ulvacphi", "mz": mz}
    pixels = counts.reshape(ny * nx, n).astype(float)
    image = s4("MassImage", **common, xy=np.array([nx, ny], float), nz=pixels)
    scale = pd.DataFrame({"intercept": [1000.0], "slope": [2000.0]})
    extra = {"calibration": scale} if calibrated else {}
    spectrum = s4("MassSpectra", **common, nz=pixels.sum(0)[None], **extra)
    named = build_r_list([(tag("img"), image), (tag("spc"), spectrum)])
    versions = convert_python_to_r_data({"a": 1.0}, format_version=2).versions
    whole = rdata.parser.RData(versions, RExtraInfo(None), named)
    unparse_file(path, whole, file_format="xdr", compression="gzip", file_type="rda")
    # rdata writes no S4; it is an empty list with attributes, less the length.
    as_list, as_s4 = b"\0\1\3\x13\0\0\0\0", b"\0\1\3\x19"
    raw = gzip.decompress(path.read_bytes())
    assert raw.count(as_list) == 2
    raw = raw.replace(as_list, as_s4)
    path.write_bytes(gzip.compress(raw) if packed else raw)
    return path


def events_of(counts: np.ndarray) -> np.ndarray:
    lists = np.empty(counts.shape, object)
    for place in np.ndindex(*counts.shape):
        lists[place] = np.arange(counts[place], dtype="u2") + place[-1]
    return lists


def simulated(seed: int = 3) -> xr.DataArray:
    (spectrum,), _ = simulate_spectra(seed, n=1)
    return spectrum


def write_examples(folder: Path) -> list[Path]:
    """A small file for each reader of which there is no small real one."""
    rng = np.random.default_rng(4)
    tofwerk(folder / "peaks.h5", rng.poisson(2.0, (3, 4, 5, 2)))
    tofwerk(folder / "events.h5", events=events_of(rng.poisson(2.0, (2, 3, 4))))
    mz = np.array([12.0, 26.0, 79.0])
    # What is packed has a checksum, which finds every change.
    rda(folder / "small.rda", rng.poisson(3.0, (4, 3, 3)), mz, packed=False)
    image = rng.poisson(3.0, (6, 5, 1))
    cube = labelled_cube(image, None, fragments=["PO3-"], windows=[[78.9, 79.0]])
    cube.to_netcdf(folder / "cube.nc", engine="h5netcdf")
    simulated()[:500].to_netcdf(folder / "spectrum.nc", engine="scipy")
    cube.assign_coords(fragment=cube["fragment"].astype(object)).to_zarr(
        folder / "a.zarr", consolidated=False
    )
    return sorted(folder.iterdir())


# ---------------------------------------------------------------- every format


def test_examples_are_labelled_and_can_be_inspected(tmp_path):
    written = write_examples(tmp_path)
    for path in written:
        found = read(path)
        assert validate(found) == []
        facts = describe(found, path)
        assert facts["kind"] == found.attrs["kind"]
        draw(found, tmp_path / f"{path.name}.png")
        assert (tmp_path / f"{path.name}.png").stat().st_size > 2000
    assert len({read(p).attrs["reader"] for p in written}) == 4


@pytest.mark.parametrize("name", ["peaks.h5", "events.h5", "small.rda", "cube.nc", "spectrum.nc"])
def test_a_cut_file_is_refused(tmp_path, name):
    write_examples(tmp_path)
    path = tmp_path / name
    raw = path.read_bytes()
    for share in (0.3, 0.5, 0.8):
        path.write_bytes(raw[: int(share * len(raw))])
        with pytest.raises(ReadError):
            read(path)


# ---------------------------------------------------------------- imzML


def test_the_real_imzml_agrees_with_pyimzml(reference):
    from pyimzml.ImzMLParser import ImzMLParser

    path = reference / "tofsims" / "iontof_sparse.imzML"
    cube, spectrum = read(path), read(path, kind="mass_spectrum")
    with pytest.warns(UserWarning, match="incorrect name"):
        parser = ImzMLParser(str(path))
    with parser:
        assert cube.attrs["polarity"] == parser.polarity
        total, points = 0.0, set()
        images = imzml_images(path, {"low": (199.5, 202.5), "rest": (202.5, 1000.0)})
        for i, (x, y, _) in enumerate(parser.coordinates):
            mz, values = parser.getspectrum(i)
            np.testing.assert_array_equal(cube.isel(y=y - 1, x=x - 1).sel(mz=mz), values)
            total += values.sum()
            points |= set(mz)
            low = values[(mz >= 199.5) & (mz < 202.5)].sum()
            rest = values[mz >= 202.5].sum()
            assert images.isel(y=y - 1, x=x - 1).values.tolist() == [low, rest]
        assert (float(cube.sum()), float(spectrum.sum())) == (total, total)
        assert cube["mz"].values.tolist() == spectrum["mz"].values.tolist() == sorted(points)
    assert cube["x"].values[0] == pytest.approx(4406.25 / 2)
    assert "10 pixels without a spectrum" in cube.attrs["assumptions"]
    assert validate(cube) == validate(spectrum) == []


def test_continuous_imzml_with_scans(tmp_path):
    rng = np.random.default_rng(5)
    counts, mz = rng.poisson(2.0, (2, 3, 4, 6)).astype(float), np.linspace(10.0, 60.0, 6)
    spectra = [
        (mz, counts[z, y, x], (x + 1, y + 1, z + 1))
        for z in range(2) for y in range(3) for x in range(4)
    ]  # fmt: skip
    found = read(imzml(tmp_path / "a.imzML", "continuous", spectra, "2.5"))
    assert found.dims == ("scan", "y", "x", "mz")
    np.testing.assert_array_equal(found, counts)
    assert np.diff(found["x"]).tolist() == pytest.approx([2500.0] * 3)
    assert found.attrs["polarity"] == "negative"
    images = imzml_images(tmp_path / "a.imzML", {"low": (0, 25), "rest": (25, 99)})
    np.testing.assert_array_equal(images[..., 0], counts[..., :2].sum(-1))
    np.testing.assert_array_equal(images.sum("fragment"), counts.sum(-1))


def test_too_many_masses_are_binned_and_said_to_be(tmp_path, monkeypatch):
    rng = np.random.default_rng(6)
    spectra = [
        (np.sort(rng.uniform(1.0, 100.0, 50)), rng.poisson(2.0, 50).astype(float), (x + 1, 1, 1))
        for x in range(4)
    ]
    path = imzml(tmp_path / "a.imzML", "processed", spectra)
    whole = read(path)
    assert whole.sizes["mz"] == 200
    monkeypatch.setattr("tofsims.readers.imzml.images._MOST_VALUES", 4 * 40)
    found = read(path)
    assert found.sizes["mz"] == 40
    assert "in 40 bins even in the root of m/z" in found.attrs["assumptions"]
    np.testing.assert_array_equal(found.sum("mz"), whole.sum("mz"))
    root = np.sqrt(found["mz"].values)
    assert np.diff(root) == pytest.approx(np.diff(root)[0])
    # Each ion is within half a bin of where it was counted.
    for x, (mz, values, _) in enumerate(spectra):
        centre = np.average(np.sqrt(mz), weights=values)
        binned = np.average(root, weights=found.values[0, x])
        assert abs(binned - centre) < np.diff(root)[0] / 2


def _pair(tmp_path):
    mz = np.linspace(10.0, 60.0, 6)
    spectra = [(mz + x, np.ones(6), (x + 1, y + 1, 1)) for y in range(2) for x in range(2)]
    path = imzml(tmp_path / "a.imzML", "processed", spectra)
    return path, path.with_suffix(".ibd")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("<mzML", "<!DOCTYPE x [<!ENTITY e 'ha'>]><mzML", "defines entities"),
        (r'IMS:1000050"([^>]*)value="2"', r'IMS:1000050"\1value="999999999"', "span"),
        (r'IMS:1000102"([^>]*)value="16"', r'IMS:1000102"\1value="160000"', "bytes"),
        (r'IMS:1000103"([^>]*)value="6"', r'IMS:1000103"\1value="99999999"', "numbers at byte"),
        ('MS:1000576" name="no', 'MS:1000574" name="zlib', "compressed"),
        ("</spectrumList>", "", "no imzML that pyimzML can read"),
        ('accession="IMS:1000080"', 'accession="IMS:1000079"', ""),
        ('MS:1000523" name="64-bit float"', 'MS:1000526" name="half"', "which numbers"),
    ],
)  # fmt: skip
def test_bad_imzml(tmp_path, old, new, words):
    path, _ = _pair(tmp_path)
    text = path.read_text(encoding="ISO-8859-1")
    changed = re.sub(old, new, text)
    assert changed != text
    path.write_text(changed, encoding="ISO-8859-1")
    if not words:
        read(path)  # an identifier may be left out
        return
    with pytest.raises(ReadError, match=words):
        read(path)


def test_the_two_files_of_imzml_must_belong_together(tmp_path):
    path, data = _pair(tmp_path)
    raw = data.read_bytes()
    data.write_bytes(b"\1" * 16 + raw[16:])
    with pytest.raises(ReadError, match="do not belong together"):
        read(path)
    data.write_bytes(raw[:-8] + b"\0" * 8)
    with pytest.raises(ReadError, match=r"sha1|md5"):
        read(path)
    data.write_bytes(raw[:100])
    with pytest.raises(ReadError, match=r"sha1|bytes"):
        read(path)
    data.unlink()
    with pytest.raises(ReadError, match=r"no \.ibd"):
        read(path)


@pytest.mark.parametrize(
    ("mz", "values", "words"),
    [([1.0, 3.0, 2.0], [1.0] * 3, "do not rise"), ([1.0, 2.0], [1.0, -1.0], "-1 counts"),
     ([1.0, np.nan], [1.0] * 2, "no numbers")],
)  # fmt: skip
def test_bad_values_in_imzml(tmp_path, mz, values, words):
    path = imzml(tmp_path / "a.imzML", "processed", [(mz, values, (1, 1, 1))])
    with pytest.raises(ReadError, match=words):
        read(path)


def test_bad_windows():
    for windows in ({}, {"a": (2.0, 1.0)}, {"a": (np.nan, 2.0)}):
        with pytest.raises(MeasurementError, match="window"):
            imzml_images("a.imzML", windows)


# ---------------------------------------------------------------- TOFWERK


def test_tofwerk_cube(tmp_path):
    counts = np.random.default_rng(7).poisson(3.0, (3, 4, 5, 2))
    found = read(tofwerk(tmp_path / "a.h5", counts))
    assert found.dims == ("scan", "y", "x", "fragment")
    np.testing.assert_array_equal(found, counts)
    assert list(found["fragment"].values) == ["CN-", "m/z 27.00"]
    np.testing.assert_allclose(found["mz_high"], [26.2, 27.2], atol=1e-5)
    assert np.diff(found["x"]).tolist() == pytest.approx([2000.0] * 4)
    assert found.attrs["polarity"] == "negative"
    assert "assumptions" not in found.attrs
    odd = read(tofwerk(tmp_path / "b.h5", counts * 0.3))
    assert "not whole counts" in odd.attrs["assumptions"]


def test_a_large_cube_stays_in_its_file(tmp_path, monkeypatch):
    monkeypatch.setattr("tofsims.readers.tofwerk.h5._EAGER", 0)
    monkeypatch.setattr("tofsims.readers.tofwerk.blocks._BLOCK", 1000)
    counts = np.random.default_rng(8).poisson(3.0, (6, 4, 5, 2))
    path = tofwerk(tmp_path / "a.h5", counts, compression="gzip")
    found = read(path)
    assert found.chunks is not None
    assert len(found.chunks[0]) == 6 // (1000 // 160)
    np.testing.assert_array_equal(found.sum("scan").compute(), counts.sum(0))
    path.rename(tmp_path / "moved.h5")  # nothing holds it open
    with pytest.raises(ReadError, match="cannot be read any more"):
        found.compute()
    shutil.copy(tmp_path / "moved.h5", path)
    with h5py.File(path, "r+") as file:
        file["PeakData/PeakData"][...] = -1
    with pytest.raises(ReadError, match="has changed"):
        found.compute()
    monkeypatch.setattr("tofsims.readers.tofwerk.blocks._BLOCK", 40)
    assert describe(read(tmp_path / "moved.h5"), path)["data"]["counts"]["max"] == counts.max()
    with pytest.raises(ReadError, match="negative"):
        read(path)


def test_tofwerk_events_and_spectrum(tmp_path):
    lists = events_of(np.random.default_rng(9).poisson(2.0, (2, 3, 4)))
    path = tofwerk(tmp_path / "a.h5", events=lists)
    found = read(path)
    assert validate(found) == []
    assert found.sizes["event"] == sum(map(len, lists.ravel()))
    for z, y, x in np.ndindex(*lists.shape):
        here = (found["scan"] == z) & (found["y"] == y) & (found["x"] == x)
        np.testing.assert_array_equal(found["channel"].values[here.values], lists[z, y, x])
    # Eight clock periods a sample of the mass axis.
    scale = found.attrs["calibration_offset"], found.attrs["calibration_slope"]
    assert scale == (1600.0, 6400.0)
    spectrum = read(path, kind="mass_spectrum")
    assert validate(spectrum) == []
    with h5py.File(path) as file:
        mass, counts = (file[f"FullSpectra/{n}"][()] for n in ("MassAxis", "SumSpectrum"))
    np.testing.assert_array_equal(spectrum["mz"], mass[200:])
    np.testing.assert_array_equal(spectrum, counts[200:])
    np.testing.assert_array_equal(spectrum["channel"], np.arange(200, 10000))


def _edit(path, name, value):
    with h5py.File(path, "r+") as file:
        del file[name]
        if value is not None:
            file[name] = value


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: _edit(p, "PeakData/PeakTable", None), "without a PeakTable"),
        (lambda p: _edit(p, "PeakData/PeakTable", np.ones(2)), "not numbers|PeakTable"),
        (lambda p: _edit(p, "PeakData/PeakData", np.ones((2, 3))), "expected four axes"),
        (lambda p: _edit(p, "PeakData/PeakData", np.ones((2, 3, 4, 5))), "PeakData hold 5 peaks"),
        (lambda p: _edit(p, "PeakData/PeakData", np.ones((2, 3, 1, 2))), "are no image"),
        (lambda p: _edit(p, "PeakData/PeakData", -np.ones((2, 3, 4, 2))), "negative"),
        (lambda p: _edit(p, "PeakData/PeakData", np.full((2, 3, 4, 2), np.nan)), "missing"),
        (lambda p: _edit(p, "PeakData/PeakData", h5py.ExternalLink("/etc/hostname", "/x")),
         "neither PeakData nor an EventList"),
        (lambda p: _edit(p, "PeakData/PeakData", None), "neither PeakData nor an EventList"),
    ],
)  # fmt: skip
def test_bad_tofwerk_files(tmp_path, change, words):
    path = tofwerk(tmp_path / "a.h5", np.ones((2, 3, 4, 2)))
    change(path)
    with pytest.raises(ReadError, match=words):
        read(path)


def test_a_small_file_that_would_fill_the_memory_is_refused(tmp_path):
    path = tofwerk(tmp_path / "a.h5", np.ones((2, 3, 4, 2)))
    with h5py.File(path, "r+") as file:
        del file["PeakData/PeakData"]
        shape = (100_000, 512, 512, 2)
        file["PeakData"].create_dataset("PeakData", shape, "f4", chunks=(1, 512, 512, 2))
    with pytest.raises(ReadError, match=r"bytes in the file|MiB"):
        read(path)


# ---------------------------------------------------------------- R


def test_the_r_object_agrees_with_rdata(reference):
    import rdata

    path = reference / "tofsims" / "tofsimsData.rda"
    with pytest.warns(UserWarning, match="Missing constructor"):
        held = rdata.read_rda(path)
    image, spectrum = read(path), read(path, kind="mass_spectrum")
    assert validate(image) == validate(spectrum) == []
    assert image.shape == (256, 256, 200)
    assert float(image.sum()) == held["testImage"].nz.sum()
    # R: matrix(nz[, 3], xdim, ydim)[x, y]
    as_r = held["testImage"].nz[:, 3].reshape((256, 256), order="F")
    np.testing.assert_array_equal(image[..., 3].transpose("x", "y"), as_r)
    stored = held["testSpectra"]
    assert float(spectrum.sum()) == stored.nz.sum() == 2033289
    hit = spectrum.values > 0
    assert hit.sum() == stored.mz.size == 162255
    np.testing.assert_array_equal(spectrum.values[hit], stored.nz[0])
    # m/z come from the calibration over whole channels; stored ones are rounded to 1e-6 u.
    np.testing.assert_allclose(spectrum["mz"].values[hit][1000:], stored.mz[1000:], rtol=2e-6)
    # C2H3+ is where it should be.
    near = spectrum.sel(mz=slice(27.01, 27.035))
    assert float((near * near["mz"]).sum() / near.sum()) == pytest.approx(27.0229, abs=2e-3)


def test_r_objects_without_calibration(tmp_path):
    counts = np.random.default_rng(3).poisson(2.0, (2, 3, 4)) + 1
    mz = np.array([1.0, 4.0, 9.0, 16.0])
    path = rda(tmp_path / "a.rda", counts, mz)
    image, spectrum = read(path), read(path, kind="mass_spectrum")
    np.testing.assert_array_equal(image, counts)
    assert image.attrs["measurement"] == "b.RAW"
    assert spectrum.sizes["mz"] == 6001  # 3000 ... 9000
    np.testing.assert_allclose(spectrum.sel(mz=mz), counts.sum((0, 1)))
    spectrum = read(rda(tmp_path / "b.rda", counts, mz, calibrated=False), kind="mass_spectrum")
    np.testing.assert_array_equal(spectrum, counts.sum((0, 1)))
    assert "left out" in spectrum.attrs["assumptions"]


def test_bad_r_files(tmp_path, monkeypatch):
    import bz2

    path = rda(tmp_path / "a.rda", np.ones((2, 3, 4)), np.array([1.0, 4.0, 4.0, 16.0]))
    with pytest.raises(ReadError, match="do not rise"):
        read(path, kind="mass_spectrum")
    rda(path, -np.ones((2, 3, 4)), np.arange(4) + 1.0)
    with pytest.raises(ReadError, match="negative"):
        read(path)
    path.write_bytes(bz2.compress(b"hello"))
    with pytest.raises(ReadError, match="no R workspace"):
        read(path)
    import rdata

    rdata.write_rda(path, {"a": np.arange(3.0)})
    with pytest.raises(ReadError, match="no object of the R package tofsims"):
        read(path)
    monkeypatch.setattr("tofsims.readers.r_project.r_data._MOST_BYTES", 10**5)
    path.write_bytes(bz2.compress(b"RDX2\n" + bytes(10**6)))
    with pytest.raises(ReadError, match="unpacks to more"):
        read(path)
    monkeypatch.setitem(sys.modules, "rdata", None)
    with pytest.raises(ReadError, match=r"pip install 'coatqc\[r\]'"):
        read(path)


# ---------------------------------------------------------------- NetCDF and Zarr


def _objects():
    cube = labelled_cube(
        np.arange(24.0).reshape(2, 3, 4),
        (500.0, 500.0),
        fragments=["CN-", "PO2-", "PO3-", "58NiO2-"],
        windows=np.stack([np.arange(4.0), np.arange(4.0) + 0.5], axis=1),
        total=np.ones((2, 3)),
        attrs={"polarity": "negative", "history": "read(source=a.ita)\nsum(scan)"},
    )
    about = {"units": "1", "long_name": "x"}
    events = xr.Dataset(
        {n: ("event", np.arange(5, dtype=t), about) for n, t in
         (("channel", "u4"), ("x", "u2"), ("y", "u2"), ("scan", "u4"))},
        {"event": ("event", np.arange(5), about)}, {"kind": "mass_events"},
    )  # fmt: skip
    spectrum = simulated()[:2000]
    spectrum.attrs["calibration_scale"] = [1.5, 2.5]
    return {"cube": cube, "events": events, "spectrum": spectrum}


@pytest.mark.filterwarnings("ignore:The data type:FutureWarning")
@pytest.mark.parametrize("what", ["cube", "events", "spectrum"])
@pytest.mark.parametrize("form", ["h5netcdf", "scipy", "zarr"])
def test_what_coatqc_writes_it_reads(tmp_path, what, form):
    before = _objects()[what]
    if form == "zarr":
        path = tmp_path / "a.zarr"
        before.to_zarr(path, consolidated=False)
    else:
        if form == "scipy" and what == "events":
            pytest.skip("the classic format has no unsigned numbers")
        path = tmp_path / "a.nc"
        before.to_netcdf(path, engine=form)
    found = read(path)
    xr.testing.assert_equal(found, before)
    assert type(found) is type(before)
    for name in before.coords:
        assert found[name].attrs == before[name].attrs
        assert found[name].dtype.kind == before[name].dtype.kind
    kept = {k: v for k, v in found.attrs.items() if k in before.attrs and k != "history"}
    assert kept == {k: v for k, v in before.attrs.items() if k != "history"}
    assert found.attrs["history"].startswith(before.attrs.get("history", "read("))
    assert len(found.attrs["sha256"]) == 64
    assert validate(found) == []


def test_the_measured_file_stays_named(tmp_path):
    write_iontof_text(simulated(), tmp_path / "a.txt")
    first = read(tmp_path / "a.txt")
    first.to_netcdf(tmp_path / "b.nc")
    second = read(tmp_path / "b.nc")
    assert second.attrs["source"] == "b.nc"
    second.to_netcdf(tmp_path / "c.nc")
    third = read(tmp_path / "c.nc")
    assert third.attrs["original_source"] == "a.txt"
    assert third.attrs["original_sha256"] == first.attrs["sha256"]
    assert third.attrs["simulated"] == "yes"
    assert third.attrs["history"].count("\n") == 2 + first.attrs["history"].count("\n")


def test_netcdf_and_zarr_that_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.nc"
    xr.Dataset({"a": ("t", [1.0])}).to_netcdf(path)
    with pytest.raises(ReadError, match="no attribute kind"):
        read(path)
    simulated()[:100].to_netcdf(path, engine="h5netcdf")
    with h5py.File(path, "r+") as file:
        del file["counts"]
        file.create_dataset("counts", (10**10,), "f8", chunks=(10**5,), compression="gzip")
    with pytest.raises(ReadError, match="bytes in the file"):
        read(path)
    store = tmp_path / "a.zarr"
    simulated()[:100].to_zarr(store, consolidated=False)
    header = store / "counts" / "zarr.json"
    text = header.read_text()
    assert '"shape":[100]' in "".join(text.split())
    header.write_text("".join(text.split()).replace('"shape":[100]', '"shape":[10000000000]'))
    with pytest.raises(ReadError, match="its arrays take"):
        read(store)
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(ReadError, match=r"pip install 'coatqc\[zarr\]'"):
        read(store)
    (tmp_path / "folder").mkdir()
    with pytest.raises(ReadError, match="is a folder"):
        read(tmp_path / "folder")


def test_labels():
    assert validate(labelled_spectrum([1.0, 2.0], None, [1, 2])) == []
    cube = labelled_cube(np.ones((2, 2, 2)), None, fragments=["a", "a"])
    assert list(cube["fragment"].values) == ["a", "a (2)"]
    assert labelled_cube(np.ones((3, 2, 2)), None).dims == ("scan", "y", "x")
