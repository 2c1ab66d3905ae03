"""Results show themselves in a screen, with every number they stand on, and without harm."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate

HOSTILE = "<script>alert(1)</script>\"'&\x1b[31m\u202e\nX"
SIZE = Estimate.from_standard_uncertainty(12.0, 0.5, unit="nm", n=3, method=HOSTILE)


class Tags(HTMLParser):
    """All tags of a page and its text; a tag left open is found."""

    def __init__(self):
        super().__init__()
        self.seen, self.open, self.text = set(), [], ""

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        self.open.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def parsed(text: str) -> Tags:
    page = Tags()
    page.feed(text)
    page.close()
    assert not page.open
    return page


@shown(units={"limit": "nm"}, hide=("secret",), table="table", also=("twice", "refused"))
@dataclasses.dataclass(frozen=True)
class Found:
    size: Estimate
    groups: dict[str, Estimate]
    limit: float
    name: str
    image: xr.DataArray
    table: pd.DataFrame
    notes: tuple[str, ...]
    secret: Any = "hidden"
    nothing: None = None

    @property
    def twice(self) -> Estimate:
        return 2 * self.size

    @property
    def refused(self) -> Estimate:
        raise MeasurementError(HOSTILE)


@pytest.fixture
def found():
    image = xr.DataArray(np.zeros((2000, 3000)), dims=("y", "x"), attrs={"simulated": "yes"})
    table = pd.DataFrame({HOSTILE: [HOSTILE] * 100, "z": 1.23456789})
    return Found(SIZE, {HOSTILE[:9]: SIZE}, 2.5, HOSTILE, image, table, (HOSTILE, "a note"))


def test_text_tells_each_number_once(found):
    lines = repr(found).splitlines()
    rows = {line.split("  ")[1]: line for line in lines if line.startswith("  ")}
    assert re.search(r"12\.0\(5\) nm\s+95 % \[11\.02, 12\.98\]\s+3$", rows["size"])
    assert re.search(r"24\.0\(1\.0\) nm\s+95 % \[22\.0, 26\.0\]\s+3$", rows["twice"])
    assert rows["limit"].split() == ["limit", "2.5", "nm"]
    assert "y 2000, x 3000" in rows["image"]
    assert "secret" not in rows and "nothing" not in rows
    assert "  note: a note" in lines
    assert "  note: simulated data, not measured" in lines
    assert "1.23457" in repr(found) and "88 more rows" in repr(found)


def test_print_is_repr(found):
    assert str(found) == repr(found)


def test_at_most_a_screen(found):
    lines = repr(found).splitlines()
    assert len(lines) <= 45
    assert max(map(len, lines)) <= 320


@pytest.mark.parametrize("of", [repr, lambda thing: parsed(thing._repr_html_()).text])
def test_no_control_characters(found, of):
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", of(found))


def test_html_escapes_every_text(found):
    html = dataclasses.replace(found, name=HOSTILE * 50)._repr_html_()
    page = parsed(html)
    assert page.seen <= {"div", "strong", "table", "tr", "th", "td", "small"}
    assert "alert(1)" in page.text  # shown, as text
    assert "12.0(5) nm" in page.text and "95 % [11.02, 12.98]" in page.text
    assert "simulated data, not measured" in page.text
    assert len(html) < 40_000


def test_estimate_in_a_notebook():
    page = parsed(SIZE._repr_html_())
    assert page.seen == {"span", "small"}
    assert page.text == "12.0(5) nm 95 % [11.02, 12.98], n = 3"


def test_digits_of_an_interval_follow_its_uncertainty():
    cell = Estimate.from_standard_uncertainty(9.86012, 0.00026, unit="angstrom")
    assert "95 % [9.85961, 9.86063]" in parsed(cell._repr_html_()).text
    sigma = Estimate.from_standard_uncertainty(5.012e-13, 3.2e-16, unit="cm2")
    assert "[5.0057e-13, 5.0183e-13]" in parsed(sigma._repr_html_()).text


def test_a_field_that_is_not_there_is_told_at_once():
    with pytest.raises(TypeError, match="Lone has no weight to show"):

        @shown(units={"weight": "g"})
        @dataclasses.dataclass
        class Lone:
            size: Estimate


# What a person gets from a measurement, by package.
RESULTS = {
    "spectra": ["Shift", "SpectrumComparison"],
    "imaging": [
        "CoatingThickness",
        "CrackComparison",
        "CrackFiles",
        "Cracks",
        "Crosstalk",
        "Despiked",
        "Pinholes",
        "PreparedMap",
        "SemTruth",
        "Step",
        "UpperLimit",
    ],
    "tofsims": [
        "CoatingPresence",
        "DoseFit",
        "FragmentComparison",
        "FragmentCoverage",
        "GroupComparison",
        "MassScale",
        "NormalizerComparison",
    ],
    "xrd": ["Cell", "Comparison", "PeakFit", "Structure", "Suspects"],
    "coatqc.judging": ["BatchResult"],
    "coatcore.quality.quantity": ["Measurement"],
}


def offered(package: str) -> dict[str, object]:
    """What a package and its rooms offer, by name."""
    module = importlib.import_module(package)
    found = {name: getattr(module, name) for name in getattr(module, "__all__", dir(module))}
    for room in pkgutil.iter_modules(getattr(module, "__path__", ())):
        if room.ispkg and room.name != "readers":
            found |= offered(f"{package}.{room.name}")
    return found


def holds_results(cls: object) -> bool:
    """Whether it is a dataclass that holds an estimate or an array."""
    words = ("Estimate", "DataArray", "DataFrame", "ndarray")
    return dataclasses.is_dataclass(cls) and any(
        word in str(f.type) for f in dataclasses.fields(cls) for word in words
    )


@pytest.mark.parametrize("package", RESULTS)
def test_every_result_shows_itself(package):
    # A new result class of a package is held to it too.
    every = offered(package)
    for name in {*RESULTS[package], *(n for n, thing in every.items() if holds_results(thing))}:
        cls = every[name]
        assert "_repr_html_" in vars(cls), f"{package}.{name} has no table for notebooks"
        assert vars(cls)["__repr__"].__module__ == "coatcore.display", name


def test_shift_says_what_it_means():
    from spectra import carbonyl_shift, simulate_ftir

    pvp = simulate_ftir(1, carbonyl_position=1669.0)[0]
    blend = simulate_ftir(2, carbonyl_position=1656.0)[0]
    shift = carbonyl_shift(pvp, blend, smallest_relevant=2.0)
    assert "\n" not in str(shift) and str(shift).endswith(" cm-1")
    page = parsed(shift._repr_html_()).text
    assert "shifted" in page and "cm⁻¹" in page and "95 %" in page


def test_cracks_name_their_image():
    from imaging import find_cracks, simulate_sem

    cracks = find_cracks(simulate_sem(1)[0])
    assert len(repr(cracks).splitlines()) < 12
    assert "crack area fraction" in repr(cracks)
    assert "simulated data, not measured" in repr(cracks)
