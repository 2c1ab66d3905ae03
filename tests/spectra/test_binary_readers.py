"""Binary infrared files: OMNIC, OPUS, PerkinElmer, Photothermal and Galactic SPC."""

from __future__ import annotations

import struct

import h5py
import numpy as np
import pytest

from coatcore import ReadError, read, validate
from coatcore.reading.quiet import quietly
from coatcore.reading.registry import BY_CONTENT, FileStart
from spectra.readers.galactic import spc


def _write(tmp_path, raw, name="a.spc"):
    path = tmp_path / name
    path.write_bytes(raw)
    return path


def _ends(axis):
    return float(axis[0]), float(axis[-1])


def _by_spectrochempy(path):
    # Its first use changes how numpy prints, for all tests that follow.
    with quietly():
        import spectrochempy as scp

        if path.suffix == ".spg":
            return scp.read_spg(str(path), sortbydate=False)
        return scp.read_spa(str(path))


@pytest.mark.parametrize("name", ["7_CZ0-100_Pd_101.SPA", "3-SILICA_0.SPA", "sample1.spa"])
def test_omnic_agrees_with_spectrochempy(reference, name):
    ours, theirs = read(reference / "ir" / name), _by_spectrochempy(reference / "ir" / name)
    np.testing.assert_array_equal(ours.values, np.asarray(theirs.data)[0])
    # SpectroChemPy rounds the axis to 0.001 cm-1.
    np.testing.assert_allclose(ours["wavenumber"], theirs.coord("x").data, atol=1e-3)
    assert ours.attrs["acquired"] == str(theirs.acquisition_date).replace(" ", "T")


def test_omnic_group_keeps_the_order_of_the_file(reference):
    group = read(reference / "ir" / "wodger.spg")
    theirs = np.asarray(_by_spectrochempy(reference / "ir" / "wodger.spg").data)
    np.testing.assert_array_equal(group.values, theirs)
    assert [str(t)[:10] for t in group["title"].values] == ["vz0470.spa", "vz0468.spa"]
    assert group["acquired"].values.tolist() == [
        "2016-07-06T19:43:13+00:00",
        "2016-07-06T19:23:14+00:00",
    ]


@pytest.mark.parametrize(
    ("name", "points"),
    [
        ("7_CZ0-100_Pd_101.SPA", 120),
        ("sample1.spa", 6),
        ("wodger.spg", 20),
        ("opus_test.0000", 20),
        ("3-SILICA_0.SPA", 0),
        ("opus_background.0", 0),
    ],
)
def test_clipped_absorbance_is_marked(reference, name, points):
    spectrum = read(reference / "ir" / name)
    assert spectrum.attrs.get("saturated") == (f"{points} points at 6.0" if points else None)
    assert int((spectrum == 6).sum()) == points


def test_blocks_of_one_time_are_not_called_repeats(reference):
    spectra = read(reference / "ir" / "peach_juice.0")
    assert spectra["block"].values.tolist() == ["r", "r_2"]
    assert "not repeats" in spectra.attrs["assumptions"]


def test_perkinelmer_spectrum(reference):
    spectrum = read(reference / "ir" / "single_PE_spectrum.sp")
    assert validate(spectrum) == []
    assert (spectrum.name, spectrum.attrs["units"]) == ("transmittance", "1")
    # Orange Spectroscopy 0.9.3: 1626 points, 4000 to 750 cm-1, ordinates in %T.
    assert spectrum.sizes == {"wavenumber": 1626}
    assert _ends(spectrum["wavenumber"]) == (4000.0, 750.0)
    theirs = [100.71570587, 100.69220734, 100.66743469, 101.01046753, 101.06339264, 101.09009552]
    np.testing.assert_allclose(100 * spectrum.values[[0, 1, 2, -3, -2, -1]], theirs, atol=1e-8)
    # It is stored as %T, while the instrument's mode was %R: said, not decided.
    assert "Ratio (%R)" in spectrum.attrs["assumptions"]


def test_perkinelmer_image(reference):
    cube = read(reference / "ir" / "4x4_pixel_PE_image.fsm")
    assert validate(cube) == []
    assert (cube.dims, cube.shape) == (("y", "x", "wavenumber"), (4, 4, 1626))
    # Orange Spectroscopy 0.9.3: stage from (17480, 2749) µm in steps of 50, x first.
    np.testing.assert_allclose(cube["x"], 1000 * np.array([17480, 17530, 17580, 17630]), atol=1e-3)
    np.testing.assert_allclose(cube["y"], 1000 * np.array([2749, 2799, 2849, 2899]), atol=1e-3)
    np.testing.assert_allclose(
        100 * cube.values[0, 0, :3], [98.402466, 98.39825, 98.38867], atol=1e-5
    )
    np.testing.assert_allclose(
        100 * cube.values[3, 3, -3:], [100.84505, 100.89759, 100.930176], atol=1e-5
    )
    # The single spectrum says of itself that it is pixel 6, at 17530, 2799.
    single = read(reference / "ir" / "single_PE_spectrum.sp")
    np.testing.assert_array_equal(cube.sel(x=17530e3, y=2799e3, method="nearest"), single)


def test_omnic_map(reference):
    cube = read(reference / "ir" / "small_Omnic.map")
    assert validate(cube) == []
    assert (cube.name, cube.dims, cube.shape) == (
        "single_channel",
        ("y", "x", "wavenumber"),
        (2, 2, 14),
    )
    # ftir-OMNIC-map-reader 1.1.0; Orange Spectroscopy 0.9.3 gives the same axis and ordinates.
    assert _ends(cube["wavenumber"]) == pytest.approx((1604.51000977, 1805.07409668))
    np.testing.assert_allclose(cube["x"], [-14598640.625, -14588640.625])
    np.testing.assert_allclose(cube["y"], [-3038075.68359, -3028075.68359], atol=1e-3)
    np.testing.assert_allclose(cube.values[0, 0, [0, 1, -1]], [3.9829545, 3.782754, 4.12148])
    np.testing.assert_allclose(cube.values[0, 1, :2], [4.0130925, 3.7743862])
    np.testing.assert_allclose(cube.values[1, 1, [0, -1]], [4.212185, 4.0562496])


def _small_map(places, y_code=17, values=None):
    """Map in OMNIC's layout for small files: a block for each spectrum, numbered from 1."""
    count = len(places)
    values = np.arange(3.0 * count).reshape(count, 3) if values is None else values
    header = struct.pack("<4I2f", 3, 3, 1, y_code, 4000.0, 400.0).ljust(140, b"\0")
    blocks = [(2, 1, header)]
    for i, row in enumerate(values, 1):
        title = struct.pack("<II8x", 2, 100 * i) + f"Spectrum {i} of {count}".encode()
        blocks += [(148, i, title.ljust(96, b"\0")), (3, i, row.astype("<f4").tobytes())]
    pairs = np.asarray(places, "<f4").tobytes()
    blocks.append((6, 1, struct.pack("<3H", count, 2, 0) + pairs))
    at, directory, body = 304 + 16 * len(blocks), b"", b""
    for key, number, content in blocks:
        directory += struct.pack("<HIIIH", key, at + len(body), len(content), number, 0)
        body += content
    head = b"Spectral Data File".ljust(288, b"\0") + struct.pack("<4H8x", 11, 0, 0, len(blocks))
    return head + directory + body


def test_omnic_map_of_the_small_layout_goes_by_stage_positions(tmp_path):
    # The stage ran back along the second row, in steps of 10 and 5 µm that jitter.
    places = [(0, 5), (10, 5), (20.01, 5), (20, 0), (10, 0.01), (0, 0)]
    cube = read(_write(tmp_path, _small_map(places), "a.map"))
    assert validate(cube) == []
    assert (cube.name, cube.shape) == ("absorbance", (2, 3, 3))
    np.testing.assert_allclose(cube["wavenumber"], [400.0, 2200.0, 4000.0])
    np.testing.assert_allclose(cube["x"], [0.0, 10000.0, 20005.0], atol=0.01)
    np.testing.assert_allclose(cube.values[..., 0], [[15.0, 12.0, 9.0], [0.0, 3.0, 6.0]])


def test_omnic_places_that_are_no_grid_are_positions(tmp_path):
    spectra = read(_write(tmp_path, _small_map([(0, 0), (7, 3), (20, 4)], y_code=16), "a.map"))
    assert (spectra.name, spectra.dims) == ("transmittance", ("position", "wavenumber"))
    np.testing.assert_allclose(spectra["stage_x"], [0.0, 7000.0, 20000.0])
    np.testing.assert_allclose(spectra.values[1], [0.03, 0.04, 0.05])
    assert spectra["title"].values.tolist() == [f"Spectrum {i} of 3" for i in (1, 2, 3)]


def test_photothermal_map(reference):
    cube = read(reference / "ir" / "Hyper_Sample.ptir")
    assert validate(cube) == []
    assert (cube.name, cube.attrs["units"]) == ("intensity", "mV")
    assert (cube.dims, cube.shape) == (("y", "x", "wavenumber"), (5, 7, 451))
    # Orange Spectroscopy 0.9.3, channel OPTIR.
    assert _ends(cube["wavenumber"]) == (900.0, 1800.0)
    assert _ends(cube["x"]) == pytest.approx((-4088963.37890625, -3968963.37890625))
    assert _ends(cube["y"]) == pytest.approx((-886198.1201171875, -806198.1201171875))
    for at, theirs in (
        ((0, 0), [0.01379126, 0.7734182, 0.10936201]),
        ((0, 1), [-0.08101661, 0.7940838, 0.05886607]),
        ((4, 6), [-0.15303381, 1.0709541, 0.16434076]),
    ):
        np.testing.assert_allclose(cube.values[at][[0, 200, -1]], theirs, rtol=1e-6)
    assert "Raman Intensity, 35 x 1024" in cube.attrs["also_holds"]


def test_photothermal_array(reference):
    spectra = read(reference / "ir" / "Nodax_Spectral_Array.ptir")
    assert validate(spectra) == []
    assert (spectra.dims, spectra.shape) == (("position", "wavenumber"), (3, 499))
    # Orange Spectroscopy 0.9.3, channel OPTIR (mV).
    assert _ends(spectra["wavenumber"]) == (801.0, 1797.0)
    theirs = [[0.21426094, 4.410635, 1.66908], [1.6351842, 4.8771715, 2.015044]]
    np.testing.assert_allclose(spectra.values[:2, [0, 200, -1]], theirs, rtol=1e-6)
    np.testing.assert_allclose(spectra["stage_x"], [801950.0, 802450.0, 802950.0], atol=0.1)
    assert spectra["title"].values.tolist() == [f"IR Spectrum {i}" for i in (5, 6, 7)]
    assert "Background 1" in spectra.attrs["also_holds"]
    assert spectra.attrs["scans"] == 2


def _ptir(path, *, points=(4, 4), raw=None):
    """Small file in the layout of PTIR Studio 4: a measurement for each count of points."""
    with h5py.File(path, "w") as file:
        file.attrs["SoftwareVersion"] = np.bytes_(b"PTIR Studio 4.3")
        for i, n in enumerate(points):
            group = file.create_group(f"Measurement_{i:03}")
            group.attrs["IsBackground"] = np.uint8([0])
            axis = group.create_dataset(
                "Spectroscopic_Values", data=np.linspace(900, 1800, n)[None]
            )
            axis.attrs["units"] = np.array([b"c", b"m", b"-", b"1"])
            channel = group.create_group("Channel_000")
            channel.attrs["DataSignal"] = np.bytes_(b"R")
            if raw is not None:
                raw(channel)
            else:
                data = channel.create_dataset("Raw_Data", data=np.ones((1, n), np.float32))
                data.attrs["units"] = np.bytes_(b"mV")
    return path


def test_photothermal_with_axes_that_differ_says_what_it_holds(tmp_path):
    assert read(_ptir(tmp_path / "a.ptir")).dims == ("position", "wavenumber")
    with pytest.raises(ReadError, match=r"do not share axis.*Measurement_000.*1 x 4.*1 x 5"):
        read(_ptir(tmp_path / "b.ptir", points=(4, 5)))


def _bomb(channel):
    channel.create_dataset("Raw_Data", (30_000_000, 4), "f4", chunks=(2**20, 4), compression="gzip")


def _too_large(channel):
    channel.create_dataset("Raw_Data", (2**40, 4), "f4", chunks=(1, 4), compression="gzip")


def _huge_chunk(channel):
    channel.create_dataset("Raw_Data", (1, 4), "f4", chunks=(2**14, 2**14), maxshape=(None, None))


def _virtual(channel):
    layout = h5py.VirtualLayout(shape=(1, 4), dtype="f4")
    layout[0] = h5py.VirtualSource("/etc/hostname", "x", shape=(4,))
    channel.create_virtual_dataset("Raw_Data", layout)


def _external(channel):
    channel.create_dataset("Raw_Data", (1, 4), "f4", external=[("/etc/hostname", 0, 16)])


def _objects(channel):
    data = channel.create_dataset("Raw_Data", (1, 4), h5py.string_dtype())
    data[0] = b"1"


def _link(channel):
    channel["Raw_Data"] = h5py.ExternalLink("/etc/hostname", "/x")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (_bomb, "0 bytes in the file"),
        (_too_large, "more than 512 MiB"),
        (_huge_chunk, "chunks of shape"),
        (_virtual, "from elsewhere"),
        (_external, "from elsewhere"),
        (_objects, "not numbers"),
        (_link, "no infrared spectrum"),
    ],
)
def test_hostile_hdf5_is_refused(tmp_path, raw, message):
    with pytest.raises(ReadError, match=message):
        read(_ptir(tmp_path / "hostile.ptir", points=(4,), raw=raw))


# Fixtures of Galactic SPC, written from SPC.H: main header, sub-headers, ordinates.
X = np.linspace(4000.0, 400.0, 10)
Y = np.array([0.0, 0.25, -0.5, 0.75, 1.0, -1.0, 1.5, -1.5, 1.75, 0.125])


def _sub_header(order="<", *, exponent=0, index=0, z=0.0, z_next=0.0, own=0):
    return struct.pack(order + "BbHfffIIf4x", 0, exponent, index, z, z_next, 0.0, own, 0, 0.0)


def _header(
    order="<", *, flags=0, exponent=-128, points=10, ends=(4000.0, 400.0), subs=1, codes=(1, 2, 0),
    technique=4, labels=b"",
):  # fmt: skip
    version = 0x4B if order == "<" else 0x4C
    head = struct.pack(
        order + "BBBbIddIBBBB", flags, version, technique, exponent, points, *ends, subs, *codes, 0
    )
    date = 2020 << 20 | 11 << 16 | 12 << 11 | 9 << 6 | 26
    head += struct.pack(order + "I", date) + bytes(52) + b"a memo".ljust(130, b"\0")
    return (head + labels).ljust(512, b"\0")


def _fixed(y, kind, exponent):
    bits = 16 if "2" in kind else 32
    return np.round(y * 2.0 ** (bits - exponent)).astype(kind).tobytes()


def _old(y, *, exponent=2, flags=0, subs=(0.0,), codes=(1, 2)):
    """LabCalc: 256 bytes that end in the first sub-header, the halves of integers swapped."""
    head = struct.pack(
        "<BBhfffBBHBBBB", flags, 0x4D, exponent, y.size, 4000.0, 400.0, *codes, 1991, 5, 6, 7, 8
    )
    raw = head.ljust(224, b"\0")
    for i, z in enumerate(subs):
        words = np.round(y * 2.0 ** (32 - exponent)).astype("<i4").view("<u2").reshape(-1, 2)
        raw += _sub_header(exponent=exponent, index=i, z=z) + words[:, ::-1].tobytes()
    return raw


def _floats(y, order="<"):
    return y.astype(order + "f4").tobytes()


SPC = {
    "even": _header() + _sub_header() + _floats(Y),
    "big_endian": _header(">") + _sub_header(">") + _floats(Y, ">"),
    "int32": _header(exponent=2) + _sub_header() + _fixed(Y, "<i4", 2),
    "int16": _header(flags=1, exponent=2) + _sub_header() + _fixed(Y, "<i2", 2),
    "uneven": _header(flags=0x80, ends=(0.0, 0.0)) + _floats(X) + _sub_header() + _floats(Y),
    "labels": _header(flags=0x20, codes=(0, 0, 0), labels=b"Wavenumber (cm-1)\0Absorbance\0\0")
    + _sub_header()
    + _floats(Y),
    "old": _old(Y),
}


@pytest.mark.parametrize("name", SPC)
def test_spc_single(tmp_path, name):
    path = _write(tmp_path, SPC[name], "no_ending_that_helps")
    assert spc.reader.recognises(FileStart(path, len(SPC[name]), SPC[name])) == BY_CONTENT
    spectrum = read(path)
    assert validate(spectrum) == []
    assert (spectrum.name, spectrum.dims) == ("absorbance", ("wavenumber",))
    np.testing.assert_allclose(spectrum["wavenumber"], X, rtol=1e-7)
    np.testing.assert_allclose(spectrum.values, Y, atol=2**-15)
    year = "1991-05-06 07:08" if name == "old" else "2020-11-12 09:26"
    assert spectrum.attrs["acquired"] == year


def _many(flags, *, own=(), directory=False, times=(0.0, 2.5, 5.0)):
    """Three sub-files; `own` gives each of them its axis."""
    body, places = b"", []
    for i, z in enumerate(times):
        x = _floats(own[i]) if own else b""
        places.append(512 + len(body))
        head = _sub_header(exponent=-128, index=i, z=z, z_next=times[1], own=10 if own else 0)
        body += head + x + _floats(Y + i)
    points = (512 + len(body) if directory else 0) if own else 10
    head = _header(flags=flags | 4, points=points, subs=3, codes=(1, 2, 5))
    shared = _floats(X) if flags & 0x80 and not own else b""
    sizes = [struct.pack("<IIf", p, 0, z) for p, z in zip(places, times, strict=True)]
    return head + shared + body + (b"".join(sizes) if directory else b"")


@pytest.mark.parametrize(
    "raw",
    [
        _many(0),
        _many(0, times=(0.0, 2.5, 0.0)),  # only the first has to say the step
        _many(0x10),
        _many(0x80),
        _many(0xC0, own=(X, X, X)),
        _many(0xC0, own=(X, X, X), directory=True),
    ],
)
def test_spc_multifile(tmp_path, raw):
    spectra = read(_write(tmp_path, raw))
    assert validate(spectra) == []
    assert spectra.dims == ("replicate", "wavenumber")
    np.testing.assert_allclose(spectra["wavenumber"], X, rtol=1e-7)
    np.testing.assert_allclose(spectra.values, Y + np.arange(3.0)[:, None])
    np.testing.assert_allclose(spectra["z"], [0.0, 2.5, 5.0])
    assert (spectra["z"].attrs["units"], spectra["z"].attrs["long_name"]) == ("min", "time")


def test_spc_old_multifile(tmp_path):
    raw = _old(Y, flags=4, subs=(0.0, 1.0)) + bytes(100)
    spectra = read(_write(tmp_path, raw))
    np.testing.assert_allclose(spectra.values, [Y, Y], atol=1e-9)


def test_spc_with_axes_that_differ_is_refused(tmp_path):
    with pytest.raises(ReadError, match=r"different axes \(10 points 3999-399; 10 points 4000-400"):
        read(_write(tmp_path, _many(0xC0, own=(X, X, X - 1))))


@pytest.mark.parametrize(
    ("code", "technique", "what"),
    [
        (0, 4, "arbitrary"),
        (2, 4, "µm"),
        (3, 7, "nm"),
        (9, 9, "m/z"),
        (13, 0, "Raman shift"),
        (255, 4, "interferogram"),
        (1, 11, "Raman spectrum"),
    ],
)
def test_spc_over_something_else_is_refused(tmp_path, code, technique, what):
    raw = _header(codes=(code, 2, 0), technique=technique) + _sub_header() + _floats(Y)
    with pytest.raises(ReadError, match=f"{what}.*not an infrared spectrum"):
        read(_write(tmp_path, raw))


@pytest.mark.parametrize(
    ("code", "scale", "quantity", "factor"),
    [
        (11, 1.0, "transmittance", 0.01),
        (128, 1.0, "transmittance", 1.0),
        (128, 50.0, "transmittance", 0.01),
        (129, 1.0, "reflectance", 1.0),
        (130, 9.0, "single_channel", 1.0),
        (0, 9.0, "intensity", 1.0),
    ],
)
def test_spc_ordinates(tmp_path, code, scale, quantity, factor):
    raw = _header(codes=(1, code, 0)) + _sub_header() + _floats(scale * Y)
    spectrum = read(_write(tmp_path, raw))
    assert spectrum.name == quantity
    np.testing.assert_allclose(spectrum.values, factor * scale * Y)
    assert spectrum.attrs["assumptions"]


@pytest.mark.parametrize("code", [1, 3, 10, 131])
def test_spc_of_another_ordinate_is_refused(tmp_path, code):
    with pytest.raises(ReadError, match="ordinate is"):
        read(_write(tmp_path, _header(codes=(1, code, 0)) + _sub_header() + _floats(Y)))


def test_spc_directory_that_repeats_a_place_is_refused(tmp_path):
    raw = bytearray(_many(0xC0, own=(X, X, X), directory=True))
    raw[24:28] = struct.pack("<I", 60)
    raw[4:8] = struct.pack("<I", len(raw))
    with pytest.raises(ReadError, match="one place"):
        read(_write(tmp_path, bytes(raw) + struct.pack("<IIf", 512, 0, 0.0) * 60))


def test_other_file_of_the_same_ending_is_refused(tmp_path):
    with pytest.raises(ReadError, match="no Galactic SPC"):
        read(_write(tmp_path, b"\x00\xcf" + bytes(600)))


@pytest.mark.parametrize(
    "name",
    ["sample1.spa", "single_PE_spectrum.sp", "4x4_pixel_PE_image.fsm", "Hyper_Sample.ptir"],
)
def test_name_does_not_decide_and_a_cut_file_is_refused(reference, tmp_path, name):
    raw = (reference / "ir" / name).read_bytes()
    whole = read(_write(tmp_path, raw, "renamed.bin"))
    assert whole.identical(read(reference / "ir" / name).assign_attrs(
        source="renamed.bin", history=whole.attrs["history"])
    )  # fmt: skip
    with pytest.raises(ReadError):
        read(_write(tmp_path, raw[: len(raw) // 2], name))
