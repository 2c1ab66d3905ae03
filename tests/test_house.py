"""The house holds: what contracts of imports do not see, and the drawing that shows it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def house():
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        return importlib.import_module("house")
    finally:
        sys.path.remove(str(ROOT / "docs"))


def test_no_room_is_crowded(house):
    assert house.crowded() == {}


def test_each_room_says_what_it_is(house):
    assert house.without_sentence() == []


def test_no_body_is_longer_than_one_sees_at_once(house):
    found, known = house.long_bodies(), house.LONG_BODIES
    longer = {name: lines for name, lines in found.items() if lines > known.get(name, 0)}
    assert longer == {}, "split them into named steps"
    mended = {name for name, lines in known.items() if found.get(name, 0) < lines}
    assert mended == set(), "shorten the list of exceptions too"


def test_no_room_bears_the_name_of_what_is_offered_beside_it(house):
    assert house.clashes() == []


def test_modules_import_from_where_things_are_defined(house):
    assert house.through_the_front_door() == []


def test_what_is_typed_most_often_is_no_more_than_one_remembers(house):
    tops = {name: len(house.exported(ROOT / name)) for name in house.PACKAGES if name != "coatcore"}
    assert sum(tops.values()) <= 85
    assert max(tops.values()) <= 17


def test_the_drawing_is_that_of_the_code(house):
    drawn = house.DRAWING.read_text("utf-8")
    assert drawn == house.drawing(), "run: python docs/house.py draw"


def test_the_reference_shows_every_room(house):
    pages = "\n".join(p.read_text("utf-8") for p in (ROOT / "docs" / "reference").glob("api-*.md"))
    rooms = {
        room.name
        for room in house.rooms()
        if house.exported(ROOT.joinpath(*room.name.split(".")))
        and not room.name.endswith((".quality", ".reading"))
    }
    # The top of a technique is shown room by room.
    rooms -= {"spectra", "imaging", "tofsims", "xrd", "electrochem"}
    shown = {line.split()[-1] for line in pages.splitlines() if "public-api::" in line}
    assert rooms <= shown | {"coatcore.quality"}
