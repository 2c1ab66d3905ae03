"""Readers of electron microscopes' images: written as the vendors do, and real files."""

from __future__ import annotations

import json
import struct
import zipfile

import h5py
import mrcfile
import numpy as np
import pytest
import tifffile

from coatcore import ReadError, read, validate
from imaging import find_cracks
from imaging.write import write_zeiss_tiff

RNG = np.random.default_rng(5)
GREY = RNG.integers(0, 250, (40, 52)).astype(np.uint8)
TESCAN = (
    "[MAIN]\r\nDescription=\r\nDevice=TIMA\r\nPixelSizeX=4e-9\r\nPixelSizeY=4e-9\r\n"
    "[SEM]\r\nHV=5000.0\r\n"
)
JEOL = (
    "$CM_FORMAT JEOL-SEM\r\n$CM_ACCEL_VOLT 10.00\r\n$CM_MAG 20000\r\n$CM_SIGNAL SEI\r\n"
    "$$SM_MICRON_BAR 250\r\n$$SM_MICRON_MARKER 1um\r\n"
)
HITACHI = (
    "[SemImageFile]\r\nInstructName=SU8230\r\nMagnification=40000\r\nPixelSize=2.48\r\n"
    "AcceleratingVoltage=3000 Volt\r\nSignalName=SE(U)\r\n"
)


def _tag(name, body, *, long, group=False):
    """A tag of DigitalMicrograph; .dm4 states its length too."""
    raw = name.encode()
    size = struct.pack(">q", len(body)) if long else b""
    return struct.pack(">BH", 20 if group else 21, len(raw)) + raw + size + body


def _group(tags, *, long):
    return (
        struct.pack(">2B", 0, 0) + struct.pack(">q" if long else ">i", len(tags)) + b"".join(tags)
    )


def _data(info, body, *, long):
    letter = "q" if long else "i"
    return b"%%%%" + struct.pack(f">{1 + len(info)}{letter}", len(info), *info) + body


def dm_file(values, *, long=False, unit="nm", scale=0.05, code=2, kind=6):
    """Bytes of a .dm3 (or .dm4) with a colour thumbnail and an image."""

    def number(name, kind, value):
        letter = {3: "i", 5: "I", 6: "f", 7: "d"}[kind]
        body = _data([kind], struct.pack("<" + letter, value), long=long)
        return _tag(name, body, long=long)

    def array(name, kind, raw, count):
        return _tag(name, _data([20, kind, count], raw, long=long), long=long)

    def group(name, *tags):
        return _tag(name, _group(tags, long=long), long=long, group=True)

    def axis():
        wide = unit.encode("utf-16-le")
        return group("", number("Scale", 6, scale), array("Units", 4, wide, len(unit)))

    def image(values, code, kind):
        sizes = [number("", 5, n) for n in values.shape[::-1]]
        data = group(
            "ImageData",
            group("Calibrations", group("Dimension", *(axis() for _ in sizes))),
            array("Data", kind, values.tobytes(), values.size),
            number("DataType", 5, code),
            group("Dimensions", *sizes),
        )
        tags = group("ImageTags", group("Microscope Info", number("Voltage", 7, 200e3)))
        return group("", data, tags)

    thumbnail = image(np.zeros((90, 90), np.int32), 23, 3)
    root = _group([group("ImageList", thumbnail, image(values, code, kind))], long=long)
    if long:
        return struct.pack(">iqi", 4, len(root), 1) + root
    return struct.pack(">3i", 3, len(root), 1) + root


def emd_file(path, frames, *, images=1, unit="m"):
    facts = {
        "Optics": {"AccelerationVoltage": "80000"},
        "BinaryResult": {
            "Detector": "BM-Ceta",
            "PixelSize": {"width": "2e-11", "height": "2e-11"},
            "PixelUnitX": unit,
            "PixelUnitY": unit,
        },
    }
    raw = np.frombuffer(json.dumps(facts).encode().ljust(4000, b"\0"), np.uint8)
    with h5py.File(path, "w") as file:
        for i in range(images):
            group = file.create_group(f"Data/Image/{i:032x}")
            group["Data"] = np.moveaxis(np.asarray(frames), 0, -1)
            group["Metadata"] = np.repeat(raw[:, None], len(frames), axis=1)


def write_examples(folder):
    """One file of each kind; the fuzz changes them too."""
    (folder / "a.dm3").write_bytes(dm_file(GREY.astype("<f4")))
    stack = np.stack([GREY, GREY]).astype("<u2")
    (folder / "a.dm4").write_bytes(dm_file(stack, long=True, unit="µm", code=10, kind=4))
    emd_file(folder / "a.emd", [GREY.astype("<u2")])
    with mrcfile.new(folder / "a.mrc") as file:
        file.set_data(GREY.astype(np.int16))
        file.voxel_size = 0.5
    tags = [(50431, 7, None, b"\x01\x00\xffbinary\r\n" + TESCAN.encode(), True)]
    tifffile.imwrite(folder / "tescan.tif", GREY, extratags=tags)
    for name, suffix, text in (
        ("jeol", ".txt", JEOL),
        ("hitachi", ".txt", HITACHI),
        ("beside", "-tif.hdr", TESCAN),
    ):
        tifffile.imwrite(folder / f"{name}.tif", GREY)
        (folder / f"{name}{suffix}").write_bytes(text.encode())
    return [p for p in sorted(folder.iterdir()) if p.suffix not in (".txt", ".hdr")]


PIXELS = {
    "a.dm3": (0.05, 200.0),
    "a.dm4": (50.0, 200.0),
    "a.emd": (0.02, 80.0),
    "a.mrc": (0.05, None),
    "tescan.tif": (4.0, 5.0),
    "beside.tif": (4.0, 5.0),
    "jeol.tif": (4.0, 10.0),
    "hitachi.tif": (2.48, 3.0),
}


def test_pixel_and_voltage_of_each_vendor(tmp_path):
    files = write_examples(tmp_path)
    assert {p.name for p in files} == set(PIXELS)
    for path in files:
        image = read(path)
        pixel, voltage = PIXELS[path.name]
        assert validate(image) == [], path.name
        assert np.diff(image["x"].values).mean() == pytest.approx(pixel, rel=1e-5), path.name
        assert np.diff(image["y"].values).mean() == pytest.approx(pixel, rel=1e-5), path.name
        assert image.attrs.get("acceleration_voltage_kV") == voltage, path.name
        page = image.values[0] if image.ndim == 3 else image.values
        np.testing.assert_array_equal(page, GREY)


def test_a_text_beside_that_is_of_something_else_is_left_alone(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", GREY)
    for text in (
        "my notes",
        "$CM_MAG 10\n$$SM_MICRON_BAR 3\n$$SM_MICRON_MARKER 1um\n",
        "PixelSize=1",
    ):
        (tmp_path / "a.txt").write_text(text)
        assert read(tmp_path / "a.tif")["x"].attrs["units"] == "pixel"
    for absurd in ("1e300", "1e999", "-3", "nan", "0"):
        (tmp_path / "a.txt").write_text(TESCAN.replace("4e-9", absurd))
        assert read(tmp_path / "a.tif")["x"].attrs["units"] == "pixel"
    # As Windows writes text.
    (tmp_path / "a.txt").write_bytes(HITACHI.encode("utf-16"))
    assert np.diff(read(tmp_path / "a.tif")["x"].values)[0] == pytest.approx(2.48)


def test_own_tags_come_before_a_text_beside(tmp_path):
    from imaging import simulate_sem

    write_zeiss_tiff(simulate_sem(1)[0], tmp_path / "a.tif")
    own = read(tmp_path / "a.tif")
    (tmp_path / "a.txt").write_text(HITACHI)
    again = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(own["x"], again["x"])
    assert again.attrs["instrument"] == "Zeiss SEM"


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "int16", "int32", "float32"])
@pytest.mark.parametrize("how", [{}, {"tile": (16, 16)}, {"bigtiff": True}, {"byteorder": ">"}])
def test_tiff_of_every_depth(tmp_path, dtype, how):
    values = (GREY.astype(float) * 3).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", values, **how)
    image = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.values, values)
    # Values are the file's own; the byte order of the file is not.
    assert image.dtype == np.dtype(dtype)


def test_grey_saved_as_colour_is_grey_and_colour_is_refused(tmp_path):
    path = tmp_path / "a.tif"
    for photometric, values in (
        ("rgb", np.stack([GREY] * 3, -1)),
        ("rgb", np.stack([GREY] * 3 + [np.full_like(GREY, 255)], -1)),
    ):
        tifffile.imwrite(path, values, photometric=photometric)
        np.testing.assert_array_equal(read(path).values, GREY)
    tifffile.imwrite(path, np.stack([GREY, GREY, 255 - GREY], -1), photometric="rgb")
    with pytest.raises(ReadError, match="colour"):
        read(path)
    # Colours of a palette are no grey levels.
    palette = RNG.integers(0, 2**16, (3, 256)).astype(np.uint16)
    tifffile.imwrite(path, GREY, photometric="palette", colormap=palette)
    with pytest.raises(ReadError, match="palette"):
        read(path)
    ramp = np.tile(np.arange(256, dtype=np.uint16) * 257, (3, 1))
    tifffile.imwrite(path, GREY, photometric="palette", colormap=ramp)
    np.testing.assert_array_equal(read(path).values, GREY)
    tifffile.imwrite(path, GREY, photometric="miniswhite")
    np.testing.assert_array_equal(read(path).values, 255 - GREY)


@pytest.mark.parametrize(
    ("suffix", "old", "new", "reason"),
    [
        (".dm3", b"%%%%", b"%%%!", "damaged"),
        (".dm3", struct.pack("<I", 23), struct.pack("<I", 3), ""),
        (".dm3", struct.pack(">i", 3), struct.pack(">i", 5), ""),
        (".emd", b"Image", b"Imago", "no image"),
        (".mrc", struct.pack("<i", 52), struct.pack("<i", 9999), "cut short"),
        (".mrc", struct.pack("<3i", 1, 1, 1), struct.pack("<3i", 1, 1, 1), ""),
    ],
)
def test_damaged_files_are_refused_in_words(tmp_path, suffix, old, new, reason):
    write_examples(tmp_path)
    path = tmp_path / f"a{suffix}"
    raw = path.read_bytes()
    changed = raw.replace(old, new, 1)
    path.write_bytes(changed)
    if not reason:
        # A changed code of the thumbnail or of a version must not crash.
        try:
            read(path)
        except ReadError as error:
            assert path.name in str(error)
        return
    assert changed != raw
    with pytest.raises(ReadError, match=reason):
        read(path)


def test_what_is_no_single_image_says_so(tmp_path):
    emd_file(tmp_path / "two.emd", [GREY], images=2)
    with pytest.raises(ReadError, match="several detectors"):
        read(tmp_path / "two.emd")
    emd_file(tmp_path / "fft.emd", [GREY], unit="1/m")
    assert read(tmp_path / "fft.emd")["x"].attrs["units"] == "pixel"
    (tmp_path / "line.dm3").write_bytes(dm_file(GREY[0].astype("<f4")))
    with pytest.raises(ReadError, match="spectrum"):
        read(tmp_path / "line.dm3")
    complex_codes = dm_file(GREY.astype("<f4"), code=3)
    (tmp_path / "complex.dm3").write_bytes(complex_codes)
    with pytest.raises(ReadError, match="complex"):
        read(tmp_path / "complex.dm3")
    (tmp_path / "fft.dm3").write_bytes(dm_file(GREY.astype("<f4"), unit="1/nm"))
    assert "no length" in read(tmp_path / "fft.dm3").attrs["assumptions"]


def test_claims_beyond_the_file_take_no_memory(tmp_path):
    raw = bytearray(dm_file(GREY.astype("<f4")))
    at = raw.rindex(struct.pack(">3i", 20, 6, GREY.size)) + 8
    raw[at : at + 4] = struct.pack(">i", 2**30)
    (tmp_path / "a.dm3").write_bytes(raw)
    with pytest.raises(ReadError, match="claims"):
        read(tmp_path / "a.dm3")
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(GREY.astype(np.int16))
    head = bytearray((tmp_path / "a.mrc").read_bytes())
    head[:12] = struct.pack("<3i", 2**15, 2**15, 1)
    (tmp_path / "a.mrc").write_bytes(head)
    with pytest.raises(ReadError, match="claims"):
        read(tmp_path / "a.mrc")


# Sums and pixels as ncempy 1.11 (dm) and h5py (emd) read them.
REAL = {
    "test_dm_image_um_unit.dm3": ((68, 68), 15422830, 168.6747),
    "rsciio_test-1.dm3": ((2, 2), 10, None),
    "rsciio_test-10.dm4": ((2, 2), 10, None),
    "rsciio_fei_example_tem_stack.emd": ((2, 3, 3), 153, 0.00817288),
}


@pytest.mark.parametrize("name", REAL)
def test_real_files(reference, name):
    shape, total, pixel = REAL[name]
    image = read(reference / "imaging" / name)
    assert validate(image) == []
    assert image.shape == shape
    assert int(image.sum()) == total
    if pixel is None:
        assert image["x"].attrs["units"] == "pixel"
    else:
        assert np.diff(image["x"].values).mean() == pytest.approx(pixel, rel=1e-5)


def test_a_broken_voltage_survives_and_is_told(reference, tmp_path):
    name = "FEI-Helios-navcam-with-no-IRBeam-bad-floats.tif"
    with zipfile.ZipFile(reference / "imaging" / "tiff_FEI_Helios.zip") as file:
        file.extract(name, tmp_path)
    image = read(tmp_path / name)
    assert "'notafloat', which is no number" in image.attrs["assumptions"]
    assert "acceleration_voltage_kV" not in image.attrs


def test_an_image_without_a_scale_goes_on_in_pixels(tmp_path):
    from imaging import simulate_sem

    tifffile.imwrite(tmp_path / "a.tif", simulate_sem(2)[0].values.astype(np.uint16))
    cracks = find_cracks(read(tmp_path / "a.tif"))
    assert "length / pixel" in cracks.cracks.columns
    assert "length / nm" not in cracks.cracks.columns


@pytest.mark.parametrize("how", ["zlib", "lzw", "packbits"])
def test_compression_without_loss_is_read_and_lossy_refused(tmp_path, how):
    tifffile.imwrite(tmp_path / "a.tif", GREY, compression=how)
    np.testing.assert_array_equal(read(tmp_path / "a.tif").values, GREY)
    tifffile.imwrite(tmp_path / "b.tif", GREY, compression="jpeg")
    with pytest.raises(ReadError, match="JPEG"):
        read(tmp_path / "b.tif")


def test_a_tile_far_larger_than_the_image_is_refused(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((64, 64), np.uint8), tile=(64, 64), compression="zlib")
    with tifffile.TiffFile(path, mode="r+b") as file:
        for name in ("TileWidth", "TileLength"):
            file.pages[0].tags[name].overwrite(32768)
    with pytest.raises(ReadError, match="block"):
        read(path)


def test_pixel_size_as_imagej_and_ome_write_it(tmp_path):
    path = tmp_path / "a.tif"
    for unit, per_nm in (("um", 1e-3), ("micron", 1e-3), ("\\u00B5m", 1e-3), ("nm", 1.0)):
        resolution = (1 / (20 * per_nm), 1 / (20 * per_nm))
        tifffile.imwrite(path, GREY, imagej=True, resolution=resolution, metadata={"unit": unit})
        assert np.diff(read(path)["x"].values)[0] == pytest.approx(20.0, rel=1e-4), unit
    tifffile.imwrite(path, GREY, imagej=True, resolution=(5, 5), metadata={"unit": "inch"})
    assert read(path)["x"].attrs["units"] == "pixel"
    ome = {"axes": "YX", "PhysicalSizeX": 0.02, "PhysicalSizeY": 0.02}
    tifffile.imwrite(tmp_path / "a.ome.tif", GREY, ome=True, metadata=ome)
    assert np.diff(read(tmp_path / "a.ome.tif")["x"].values)[0] == pytest.approx(20.0)


def test_a_decimal_comma_is_one(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", GREY)
    (tmp_path / "a.txt").write_text(HITACHI.replace("2.48", "24,8"))
    assert np.diff(read(tmp_path / "a.tif")["x"].values)[0] == pytest.approx(24.8)
    (tmp_path / "a.txt").write_text(HITACHI.replace("2.48", "1,024.5"))
    assert read(tmp_path / "a.tif")["x"].attrs["units"] == "pixel"


def test_emd_that_points_elsewhere_or_unpacks_beyond_reason_is_refused(tmp_path):
    (tmp_path / "secret").write_bytes(bytes(range(256)))
    for how in ("external", "link", "bomb", "chunk"):
        path = tmp_path / f"{how}.emd"
        with h5py.File(path, "w") as file:
            group = file.create_group("Data/Image/0")
            if how == "external":
                outside = [(str(tmp_path / "secret"), 0, 256)]
                group.create_dataset("Data", (16, 16, 1), "u1", external=outside)
            elif how == "link":
                group["Data"] = h5py.ExternalLink(str(tmp_path / "chunk.emd"), "/Data")
            elif how == "bomb":
                group.create_dataset("Data", (16000, 16000, 1), "u1", compression="gzip")
            else:
                chunks = (30000, 30000, 1)
                group.create_dataset("Data", (64, 64, 1), "u1", chunks=chunks, maxshape=(None,) * 3)
        with pytest.raises(ReadError):
            read(path)


def test_bytes_of_imod_have_no_sign(tmp_path):
    path = tmp_path / "a.mrc"
    with mrcfile.new(path) as file:
        file.set_data(GREY.view(np.int8))
    np.testing.assert_array_equal(read(path).values, GREY.view(np.int8))
    raw = bytearray(path.read_bytes())
    raw[152:160] = struct.pack("<2i", 1146047817, 0)
    path.write_bytes(raw)
    np.testing.assert_array_equal(read(path).values, GREY)


def test_dm_files_that_contradict_themselves_are_refused(tmp_path):
    path = tmp_path / "a.dm3"
    path.write_bytes(dm_file(GREY.astype("<f4"), code=7))
    with pytest.raises(ReadError, match="otherwise than it says"):
        read(path)
    path.write_bytes(dm_file(np.stack([GREY] * 3).astype("<f4"), unit="eV"))
    with pytest.raises(ReadError, match="spectrum image"):
        read(path)


def test_a_negative_image_of_signed_numbers_is_refused(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, GREY.astype(np.float32), photometric="miniswhite")
    with pytest.raises(ReadError, match="negative"):
        read(path)
    ramp = np.tile(np.arange(256, dtype=np.uint16), (3, 1))
    tifffile.imwrite(path, GREY, photometric="palette", colormap=ramp)
    np.testing.assert_array_equal(read(path).values, GREY)
