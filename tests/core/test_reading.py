"""The registry: what is read as what, and how refusals are told."""

from __future__ import annotations

import gzip
import itertools
import zipfile

import pytest

from coatcore import ReadError, read

BOMB = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">{}]>
<xrdMeasurements><comment><entry>&j;</entry></comment></xrdMeasurements>"""


def test_entity_expanding_xml_is_refused(tmp_path):
    letters = "abcdefghij"
    entities = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in itertools.pairwise(letters))
    path = tmp_path / "bomb.xrdml"
    path.write_text(BOMB.format(entities))
    with pytest.raises(ReadError, match="entities"):
        read(path)


def test_archives_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.xrdml", b"0" * 50_000_000)
    (tmp_path / "a.xrdml").write_bytes(gzip.compress(b"0" * 50_000_000))
    for name in ("a.zip", "a.xrdml"):
        with pytest.raises(ReadError, match="archive"):
            read(tmp_path / name)


def test_content_goes_before_name(reference, tmp_path):
    path = tmp_path / "spectrum.xrdml"
    path.write_bytes((reference / "ir" / "sample1.spa").read_bytes())
    assert read(path).attrs["reader"] == "thermo_omnic"


@pytest.mark.parametrize("content", [b"", b"hello", b"\x00" * 100, b"1 2\n3\n"])
def test_what_no_reader_knows_is_told(tmp_path, content):
    path = tmp_path / "a.bin"
    path.write_bytes(content)
    with pytest.raises(ReadError, match=r"a\.bin"):
        read(path)


def test_a_folder_and_an_unknown_kind_are_told(tmp_path):
    with pytest.raises(ReadError, match="folder"):
        read(tmp_path)
    with pytest.raises(ReadError, match="kind"):
        read(tmp_path / "a", kind="spectrum")


def test_the_wrong_kind_is_refused(reference):
    with pytest.raises(ReadError):
        read(reference / "ir" / "sample1.spa", kind="xrd_pattern")
