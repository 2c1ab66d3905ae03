"""Calculated powder lines against other programs, cards and lists."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from coatcore import MeasurementError
from xrd import match_phases, read_structure, reflections
from xrd.crystals import corundum_ratio, reference_structure
from xrd.crystals.powder_lines import area_per_weight

CU = 1.540598


# 2theta and relative intensity of Li6PS5Cl, from the notes beside its CIF.
LISTED = {
    15.55: 44, 17.98: 19, 25.53: 83, 30.03: 100, 31.40: 82, 39.82: 8, 45.00: 39, 47.90: 39,
    52.45: 45, 55.06: 11, 59.22: 10, 61.63: 7, 62.42: 14, 71.55: 10, 73.75: 12, 83.04: 7,
}  # fmt: skip


# The strongest lines as pymatgen 2026.10.24 calculates them, without displacement factors, and
# the density in g/cm3.
PYMATGEN = {
    "cif/Li6PS5Cl_Neutron": (1.860, {15.553: 45.02, 25.531: 82.97, 30.033: 100.0, 31.402: 71.87,
                                     45.004: 39.84, 47.899: 41.85, 52.453: 53.38, 73.749: 19.96}),
    "cif_LiF_225": (2.561, {38.301: 74.87, 44.519: 100.0, 64.784: 50.76, 77.831: 12.37}),
    "cif_TiO2_136": (4.208, {27.342: 100.0, 35.967: 46.39, 41.105: 19.27, 54.132: 58.65}),
    "cif_Li2O_225": (1.961, {33.274: 100.0, 38.610: 6.25, 55.749: 69.01, 66.493: 21.83}),
    "cif_LiMnO2_59": (4.220, {15.392: 100.0, 24.850: 83.65, 39.366: 58.28, 45.088: 72.33}),
    "rbm2o5f_RbNb2O5F": (4.254, {14.606: 27.76, 28.176: 100.0, 29.457: 45.68, 49.060: 38.15}),
}  # fmt: skip


def _at(lines, place):
    row = (lines["two_theta / degree"] - place).abs().argmin()
    return lines["two_theta / degree"].iloc[row], lines["relative intensity"].iloc[row]


def _li6ps5cl(reference):
    return read_structure(reference / "xrd" / "cif" / "Li6PS5Cl_Neutron.cif")


def test_lines_of_li6ps5cl_lie_where_they_are_listed(reference):
    lines = reflections(_li6ps5cl(reference), wavelength=CU)
    for place in LISTED:
        assert _at(lines, place)[0] == pytest.approx(place, abs=0.01)
    strong = lines[lines["relative intensity"] > 5]
    assert len(strong) == len(LISTED)


@pytest.mark.parametrize("name", PYMATGEN)
def test_lines_and_densities_agree_with_pymatgen(reference, name):
    crystal = read_structure(reference / "xrd" / f"{name}.cif")
    density, listed = PYMATGEN[name]
    assert crystal.density == pytest.approx(density, rel=1e-3)
    lines = reflections(crystal, wavelength=CU, displacement_factors=False)
    for place, intensity in listed.items():
        ours = _at(lines, place)
        assert ours[0] == pytest.approx(place, abs=0.001)
        # Anomalous dispersion, which pymatgen leaves out, weighs most beside heavy niobium.
        assert ours[1] == pytest.approx(intensity, abs=1.0 if "Nb" not in name else 2.5)


def test_nickel_scatters_as_it_does_at_copper_radiation(reference):
    """Near nickel's absorption edge f' is -3 electrons: 111 of NiO is 61, not 76 without it.

    61 is what powder cards measured (ICDD 47-1049); pymatgen, which leaves f' out, gives 75.6.
    """
    lines = reflections(read_structure(reference / "xrd" / "cif_NiO_225.cif"), wavelength=CU)
    assert _at(lines, 37.25)[1] == pytest.approx(61, abs=4)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("LiCl", 34.95), ("LiCl", 30.15), ("Li2S", 27.03), ("Li2S", 44.86), ("NiS alpha", 34.43),
        ("Ni3S2", 49.73), ("NiO", 43.29), ("Al2O3", 35.15), ("Li2CO3", 21.3), ("LiNiO2", 18.75),
    ],
)  # fmt: skip
def test_shipped_structures_show_the_lines_they_are_known_by(name, place):
    found, intensity = _at(reflections(name, wavelength=CU), place)
    assert found == pytest.approx(place, abs=0.06)
    assert intensity > 15


@pytest.mark.parametrize(
    ("name", "published"), [("NiO", (4.7, 5.4)), ("LiNiO2", (3.0, 5.0)), ("Li2CO3", (0.6, 1.2))]
)
def test_reference_intensity_ratios_are_those_of_the_literature(name, published):
    assert published[0] < corundum_ratio(name, wavelength=CU) < published[1]


def test_rutile_over_corundum(reference):
    crystal = read_structure(reference / "xrd" / "cif_TiO2_136.cif")
    assert corundum_ratio(crystal, wavelength=CU) == pytest.approx(3.5, abs=0.3)


def test_areas_give_weights_as_hill_and_howard_have_them():
    """Equal weights have equal S M V, where S = area / (m |F|^2 LP), M and V mass and volume."""
    products = []
    for name in ("Li6PS5Cl", "Li2S", "Li3PO4 beta"):
        crystal = reference_structure(name)
        lines = reflections(name, wavelength=CU)
        squared = lines["intensity"].to_numpy() * crystal.volume**2
        scale = area_per_weight(name, lines) / squared
        products.append(scale * crystal.mass * crystal.volume)
    # 1.66 is the dalton in g/cm3 per cubic angstrom.
    assert np.concatenate(products) == pytest.approx(1 / 1.66053906660)


def test_impossible_questions_are_told():
    with pytest.raises(MeasurementError, match="expected angstrom"):
        reflections("LiCl", wavelength=154.0)
    with pytest.raises(MeasurementError, match="has no line"):
        reflections("LiCl", wavelength=CU, two_theta_range=(1, 5))
    with pytest.raises(MeasurementError, match="did you mean Li2CO3"):
        reference_structure("Li2CO")
    with pytest.raises(MeasurementError, match="one of each"):
        match_phases(pd.DataFrame(), ["LiCl"], wavelength=CU)


def test_listed_intensities_are_those_of_84_lithium_places(reference):
    """Merging atoms within 5e-5 of a cell edge leaves 84 places of 96, for the 48 that there are.

    With as much lithium all listed intensities come back to their rounding, so form factors,
    displacements, dispersion and Lorentz-polarisation factor are those of the list.
    """
    crystal = _li6ps5cl(reference)
    lithium = np.array([e == "Li" for e in crystal.elements])
    more = np.where(lithium, 84 / 48, 1.0) * crystal.occupancy
    lines = reflections(dataclasses.replace(crystal, occupancy=more), wavelength=CU)
    for place, listed in LISTED.items():
        assert _at(lines, place)[1] == pytest.approx(listed, abs=0.5)


# As pymatgen 2026.10.24 calculates them, which leaves anomalous dispersion out.
WITHOUT_DISPERSION = {
    **{name: listed for name, (_, listed) in PYMATGEN.items()},
    "cif_NiO_225": {37.246: 75.64, 43.276: 100.0, 62.863: 57.46, 75.394: 28.78, 79.387: 17.93},
}


@pytest.mark.parametrize("name", WITHOUT_DISPERSION)
def test_but_for_dispersion_lines_are_those_of_pymatgen(reference, monkeypatch, name):
    import gemmi

    monkeypatch.setattr(gemmi, "cromer_liberman", lambda z, energy: (0.0, 0.0))
    crystal = read_structure(reference / "xrd" / f"{name}.cif")
    lines = reflections(crystal, wavelength=CU, displacement_factors=False)
    for place, intensity in WITHOUT_DISPERSION[name].items():
        ours = _at(lines, place)
        assert ours[0] == pytest.approx(place, abs=0.001)
        # Form factors differ a little, of Li and O most: 0.7 for 220 of Li2O, else below 0.5.
        assert ours[1] == pytest.approx(intensity, abs=0.75 if "Li2O" in name else 0.5)


def test_millerite_has_its_density_and_three_strong_lines():
    # 5.374 g/cm3 in the handbooks of minerals.
    crystal = reference_structure("NiS millerite")
    assert crystal.density == pytest.approx(5.374, abs=0.002)
    lines = reflections("NiS millerite", wavelength=CU)
    strongest = lines.nlargest(3, "relative intensity")["two_theta / degree"]
    assert sorted(strongest.round(1)) == [32.2, 35.7, 48.8]


def test_extinct_indices_neither_count_nor_name_a_line():
    lines = reflections("Al2O3", wavelength=CU).set_index(["h", "k", "l"])
    # Conventional indices and multiplicities of corundum (ICDD 10-173).
    for hkl, multiplicity in (((0, 1, 2), 6), ((1, 0, 4), 6), ((1, 1, 0), 6), ((1, 1, 3), 12)):
        assert lines.loc[hkl, "multiplicity"] == multiplicity
    nickel = reflections("NiO", wavelength=0.7093).set_index(["h", "k", "l"])
    # 511 and 333 coincide.
    assert nickel.loc[(5, 1, 1), "multiplicity"] == 32


def test_large_cells_are_summed_in_parts(monkeypatch):
    import xrd.crystals.powder_lines as module

    whole = reflections(reference_structure("Li2CO3"), wavelength=CU)
    monkeypatch.setattr(module, "_CHUNK", 50)
    parts = reflections(reference_structure("Li2CO3"), wavelength=CU)
    np.testing.assert_allclose(parts["intensity"], whole["intensity"], rtol=1e-12)
