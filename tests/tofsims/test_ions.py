"""Spelling, isotopes and interferences of ions."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coatcore import MeasurementError, validate
from tofsims import ion
from tofsims.ions import interferences, isotope_pattern
from tofsims.ions.figures import pretty_ion


@pytest.mark.parametrize(
    ("spellings", "mz"),
    [
        (("PO2-", "PO₂⁻", "(PO2)-", "PO2^-", "PO2(-)", " PO2 -"), 62.964140),
        (("58Ni16O2-", "^58NiO2-", "^{58}NiO2-", "[58Ni]O2-", "⁵⁸NiO₂⁻", "58NiO2-"), 89.925720),
        (("60NiO2-", "[60Ni]O2-"), 91.921164),
        (("SO4--", "SO4^2-", "SO4(2-)", "SO4^{2-}", "SO₄²⁻"), 47.976415),
        (("[37Cl]-", "37Cl-", "^37Cl-", "³⁷Cl⁻"), 36.966451),
        (("D2O-", "[2H]2O-"), 20.023667),
        (("Ni(OH)2-", "NiO2H2-"), 91.941371),
        (("Li2+",), 14.031457),
        (("C12H22O11-",), 342.116760),
    ],
)
def test_spellings_of_one_ion(spellings, mz):
    for name in spellings:
        assert ion(name).mz == pytest.approx(mz, abs=2e-6), name
        assert ion(name).name == name
    assert len({ion(name).formula for name in spellings}) <= 2


def test_equality_is_of_the_ion_not_of_its_spelling():
    assert ion("^58NiO2-") == ion("[58Ni]O2-")
    assert ion("PO2-") != ion("PO2+")
    assert ion("PO2+").mz == pytest.approx(ion("PO2-").mz - 2 * 5.4858e-4, abs=1e-7)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Po2-", "did you mean PO2-"),
        ("PO2", "expected a formula and its charge"),
        ("", "expected a formula"),
        ("2-", "expected a formula"),
        ("PO2+-", "expected a formula"),
        ("999NiO2-", "no isotope 999"),
        ("P_O2-", "no place in a formula"),
        ("XyO2-", "no element Xy"),
        ("Ni(OH2-", "parenthesis"),
        ("PO2-----", "expected|charge of 5"),
    ],
)
def test_what_is_no_ion_says_why(name, words):
    with pytest.raises(MeasurementError, match=words):
        ion(name)


@given(text=st.text(alphabet="CHNOPSLi0123456789[]()^{}+-⁻₂ ", max_size=12))
def test_any_text_is_an_ion_or_refused(text):
    with contextlib.suppress(MeasurementError):
        assert ion(text).mz > 0


def test_print():
    assert pretty_ion("[37Cl]-") == r"$\mathregular{^{37}Cl^{-}}$"
    assert pretty_ion("total") == "total"


# -- isotopes -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "abundances"),
    [
        # Products of the elements' abundances by hand (IUPAC): 35Cl 0.7576, 79Br 0.5069.
        ("Cl2-", [0.5740, 0.3673, 0.0587]),
        ("Br-", [0.5069, 0.4931]),
        ("Ni-", [0.68077, 0.26223, 0.01140, 0.03635, 0.00926]),
        ("PO2-", [0.99515, 0.00076, 0.00409]),
        ("F-", [1.0]),
    ],
)
def test_abundances(name, abundances):
    found = isotope_pattern(name, minimum=3e-4)
    np.testing.assert_allclose(found.values, abundances, atol=4e-4)
    assert validate(found) == []


def test_masses_of_isotopologues_are_those_of_the_ions():
    found = isotope_pattern("NiO2-")
    by_name = dict(zip(found["isotopes"].values, found["mz"].values, strict=True))
    assert by_name[""] == pytest.approx(ion("NiO2-").mz, abs=1e-9)
    assert by_name["60Ni"] == pytest.approx(ion("60NiO2-").mz, abs=1e-9)
    assert by_name["18O 60Ni"] == pytest.approx(ion("[60Ni][18O]O-").mz, abs=1e-9)
    assert float(isotope_pattern("C60-", 0).sum()) == pytest.approx(1, abs=1e-6)
    assert float(isotope_pattern("[60Ni]O2-", 0).sel(mz=slice(0, 92)).sum()) > 0.99
    with pytest.raises(MeasurementError, match="minimum"):
        isotope_pattern("PO2-", 2)


# -- interferences ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "other", "apart", "power"),
    [("PO2-", "PS-", -17.758, 3546), ("PO3-", "PSO-", -17.758, 4447), ("SO-", "HPO-", 9.516, 5041)],
)
def test_the_interferences_that_decide(name, other, apart, power):
    row = interferences(name).set_index("ion").loc[other]
    assert row["difference (mu)"] == pytest.approx(apart, abs=0.01)
    assert row["resolving power needed"] == pytest.approx(power, abs=2)
    assert row["m/z (u)"] == pytest.approx(ion(other).mz, abs=1e-6)


def test_every_interference_is_an_ion_within_the_window():
    found = interferences("58NiO2-", 0.08, resolving_power=16_000)
    assert found["difference (mu)"].abs().is_monotonic_increasing
    assert found["difference (mu)"].abs().max() <= 80
    for _, row in found.iloc[:: max(1, len(found) // 60)].iterrows():
        assert ion(row["ion"]).mz == pytest.approx(row["m/z (u)"], abs=1e-6)
    assert (found["separated"] == (found["resolving power needed"] <= 16_000)).all()
    assert "58NiO2-" not in set(found["ion"])
    assert not found["ion"].duplicated().any()


def test_rare_isotopes_come_with_their_share():
    found = interferences("PO2-").set_index("ion")
    assert found.loc["CN[37Cl]-", "abundance"] == pytest.approx(0.2424 / 0.7576, rel=1e-3)
    # Either of two atoms may be the rarer one.
    two = interferences("C5H-", elements={"C": 5, "H": 1}).set_index("ion")
    assert two.loc["[13C]C4-", "abundance"] > 4.9 * 0.0107


def test_what_cannot_be_searched_is_told():
    for settings, words in (
        ({"window": 0}, "window"),
        ({"window": 3}, "window"),
        ({"elements": {}}, "at least one element"),
        ({"elements": {"Xy": 1}}, "no element"),
        ({"elements": {"C": 1.5}}, "whole number"),
        ({"elements": dict.fromkeys("CHNOFPS", 40)}, "too many|more than"),
    ):
        with pytest.raises(MeasurementError, match=words):
            interferences("C60-" if "elements" in settings else "PO2-", **settings)
