"""Crystal structures, calculated lines, and what they are good for."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest

from coatqc.core import MeasurementError, ReadError, read
from xrd import (
    corundum_ratio,
    find_peaks,
    fit_peaks,
    match_phases,
    plot_patterns,
    read_structure,
    reference_phases,
    reference_structure,
    reflections,
    simulate_pattern,
    tick_marks,
)
from xrd.phases import structure
from xrd.powder_lines import area_per_weight

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


def test_listed_intensities_count_part_of_lithium_twice(reference):
    """The list's intensities are those of the CIF with 1.8 times its lithium.

    Its Li lies on a mirror plane to within the digits given; whoever rounds coordinates before
    equal atoms are merged keeps some of them twice. With the lithium that the CIF states, ours,
    gemmi's own structure factors and pymatgen agree, and 222 at 31.40 degree is 71, not 82.
    """
    crystal = _li6ps5cl(reference)
    lithium = np.array([e == "Li" for e in crystal.elements])
    assert lithium.sum() == 48
    assert crystal.occupancy[lithium].sum() == pytest.approx(24)
    twice = np.where(lithium, 1.8, 1.0) * crystal.occupancy
    lines = reflections(dataclasses.replace(crystal, occupancy=twice), wavelength=CU)
    for place, listed in LISTED.items():
        assert _at(lines, place)[1] == pytest.approx(listed, abs=1.0)


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


# Bonds of the structures that come with the package, angstrom, from the literature at large.
BONDS = {
    ("Li6PS5Cl", "P", "S"): (2.00, 2.07),
    ("LiNiO2", "Ni", "O"): (1.95, 2.00),
    ("Li2S", "Li", "S"): (2.46, 2.49),
    ("LiCl", "Li", "Cl"): (2.55, 2.58),
    ("Li3PO4 beta", "P", "O"): (1.50, 1.58),
    ("Li3PO4 gamma", "P", "O"): (1.52, 1.57),
    ("Li3PO4 beta", "Li", "O"): (1.88, 2.05),
    ("Li3PO4 gamma", "Li", "O"): (1.88, 2.05),
    ("NiS alpha", "Ni", "S"): (2.36, 2.42),
    ("NiS millerite", "Ni", "S"): (2.24, 2.38),
    ("Ni3S2", "Ni", "S"): (2.24, 2.30),
    ("Ni3S2", "Ni", "Ni"): (2.46, 2.54),
    ("LiOH", "Li", "O"): (1.94, 1.98),
    ("LiOH", "O", "H"): (0.85, 1.00),
    ("Li2CO3", "C", "O"): (1.26, 1.31),
    ("NiO", "Ni", "O"): (2.08, 2.10),
    ("Al2O3", "Al", "O"): (1.83, 1.99),
}
DENSITIES = {
    "Li6PS5Cl": 1.86, "LiNiO2": 4.78, "Li2S": 1.64, "LiCl": 2.07, "Li3PO4 beta": 2.46,
    "Li3PO4 gamma": 2.43, "NiS alpha": 5.50, "NiS millerite": 5.37, "Ni3S2": 5.87,
    "LiOH": 1.46, "Li2CO3": 2.10, "NiO": 6.81, "Al2O3": 3.99, "LiNi0.8Co0.1Mn0.1O2": 4.74,
}  # fmt: skip


@pytest.mark.parametrize("bond", BONDS, ids=" ".join)
def test_shipped_structures_have_the_bonds_of_their_kind(bond):
    import gemmi

    name, one, other = bond
    crystal = reference_structure(name)
    turn = np.array(gemmi.UnitCell(*crystal.cell).orth.mat.tolist())
    shifts = np.array(list(itertools.product((-1, 0, 1), repeat=3)))
    shortest = []
    for i, element in enumerate(crystal.elements):
        if element != one:
            continue
        others = crystal.positions[[e == other for e in crystal.elements]]
        apart = (others[:, None] + shifts - crystal.positions[i]) @ turn.T
        length = np.linalg.norm(apart, axis=2)
        shortest.append(length[length > 0.05].min())
    low, high = BONDS[bond]
    assert low < min(shortest)
    assert max(shortest) < high


def test_shipped_structures_have_their_density_and_source():
    assert set(reference_phases()) == set(DENSITIES)
    for name, density in DENSITIES.items():
        crystal = reference_structure(name)
        assert crystal.density == pytest.approx(density, rel=0.01)
        assert len(crystal.source) > 20


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


def test_areas_give_weights_back():
    lines = reflections("LiCl", wavelength=CU)
    double = 2 * area_per_weight("LiCl", lines)
    assert (double / area_per_weight("LiCl", lines)).max() == pytest.approx(2)


def test_structures_with_their_pattern_rank_first(reference):
    folder = reference / "xrd"
    known = [read_structure(p) for p in sorted(folder.glob("cif_*.cif"))]
    tried = [*known, *reference_phases()]
    peaks = find_peaks(read(folder / "autoana_LiMnO2.xy", kind="xrd_pattern")).head(40)
    scores = match_phases(peaks, tried, wavelength=1.5406)["score"]
    assert scores.index[0] == "Li2 Mn2 O4"
    assert scores.iloc[0] > 0.8
    assert scores.iloc[1] < 0.6
    oxide = fit_peaks(read(folder / "NiO_0p6007-Bi2O3_0p4008--8min.xrdml")).table
    assert "NiO" in match_phases(oxide, reference_phases(), wavelength=CU).index[:1]


def test_every_shipped_phase_ranks_first_on_its_own_pattern():
    for name in ("Li6PS5Cl", "Li2S", "LiCl", "Li3PO4 gamma", "NiS millerite", "Ni3S2", "Li2CO3"):
        lines = reflections(name, wavelength=CU)
        own = list(zip(lines["two_theta / degree"], lines["relative intensity"], strict=True))
        peaks = find_peaks(simulate_pattern(5, reflections=own, displacement=0.06)[0])
        assert match_phases(peaks, reference_phases(), wavelength=CU).index[0] == name


CIF = """data_x
_cell_length_a 4.2
_cell_length_b 4.2
_cell_length_c 4.2
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'F m -3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Ni1 Ni 0 0 0 1
O1 O 0.5 0.5 0.5 1
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("data_x", "no data", "is not a CIF"),
        ("_atom_site_fract_x", "_other", "has no atoms"),
        ("_cell_length_a 4.2", "_cell_length_a 0", "has no cell"),
        ("F m -3 m", "Q x 9", "names no space group"),
        ("Ni1 Ni 0 0 0 1", "Xx1 Xx 0 0 0 1", "no known element"),
        ("0.5 0.5 0.5 1", "0.5 0.5 0.5 7", "no such numbers"),
    ],
)
def test_bad_structures_are_told_in_words(tmp_path, old, new, words):
    path = tmp_path / "a.cif"
    path.write_text(CIF)
    assert len(read_structure(path).elements) == 8
    path.write_text(CIF.replace(old, new))
    with pytest.raises(ReadError, match=words):
        read_structure(path)


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


def test_every_source_names_a_publication_and_every_guess_a_note():
    for name in reference_phases():
        crystal = reference_structure(name)
        assert any(c.isdigit() for c in crystal.source)
        assert crystal.notes or len({s.u_iso for s in crystal.sites}) > 1
        assert crystal.space_group_number > 0


def test_millerite_has_its_density_and_three_strong_lines():
    # 5.374 g/cm3 in the handbooks of minerals.
    crystal = reference_structure("NiS millerite")
    assert crystal.density == pytest.approx(5.374, abs=0.002)
    lines = reflections("NiS millerite", wavelength=CU)
    strongest = lines.nlargest(3, "relative intensity")["two_theta / degree"]
    assert sorted(strongest.round(1)) == [32.2, 35.7, 48.8]


def test_mixed_places_keep_both_elements_and_uncertain_numbers(reference):
    crystal = _li6ps5cl(reference)
    assert len(crystal.elements) == 84
    assert crystal.sites[0].fract == (0.3202, 0.0183, 0.67975)
    mixed = [s for s in crystal.sites if s.fract == (0.25, 0.25, 0.75)]
    assert {s.element: s.occupancy for s in mixed} == {"S": 0.3849, "Cl": 0.6151}
    assert crystal.sites[0].u_iso == 0.0697
    assert crystal.space_group_number == 216
    assert crystal.notes == ()
    assert crystal == _li6ps5cl(reference)


def test_operators_alone_make_a_structure(tmp_path):
    path = tmp_path / "a.cif"
    operators = "loop_\n_space_group_symop_operation_xyz\nx,y,z\n-x,-y,-z\n1/2+x,1/2+y,1/2+z\n"
    path.write_text(CIF.replace("_space_group_name_H-M_alt 'F m -3 m'\n", operators))
    crystal = read_structure(path)
    # Ni lies on the centre of symmetry: once in the cell and once by centring, as does O.
    assert sorted(crystal.elements) == ["Ni", "Ni", "O", "O"]


def test_a_number_alone_means_the_standard_setting(tmp_path):
    path = tmp_path / "a.cif"
    path.write_text(
        CIF.replace("_space_group_name_H-M_alt 'F m -3 m'", "_symmetry_Int_Tables_number 225")
    )
    crystal = read_structure(path)
    assert (len(crystal.elements), crystal.space_group) == (8, "F m -3 m")
    assert "number only" in crystal.notes[0]


def test_what_is_missing_is_told(tmp_path):
    path = tmp_path / "a.cif"
    path.write_text("data_global\n_journal_year 1999\n" + CIF)
    crystal = read_structure(path)
    assert crystal.notes == (
        "of 2 blocks, 'x' was read",
        "no displacement is given for Ni1, O1; 0 is assumed",
    )
    assert np.isnan(crystal.sites[0].u_iso)
    assert crystal.u_iso.max() == 0
    assert crystal.mass == pytest.approx(4 * (58.693 + 15.999), rel=1e-4)
    path.write_text(CIF.replace("_space_group_name_H-M_alt 'F m -3 m'\n", ""))
    with pytest.raises(ReadError, match="names no space group"):
        read_structure(path)


def test_anisotropic_displacements_count_by_their_mean(tmp_path):
    path = tmp_path / "a.cif"
    heads = "".join(f"_atom_site_aniso_U_{ij}\n" for ij in ("11", "22", "33", "12", "13", "23"))
    path.write_text(
        CIF
        + "loop_\n_atom_site_aniso_label\n"
        + heads
        + "Ni1 .01 .02 .03 0 0 0\nO1 .02 .02 .02 0 0 0\n"
    )
    assert [s.u_iso for s in read_structure(path).sites] == pytest.approx([0.02, 0.02])


@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_any_editor_may_have_saved_it(tmp_path, code):
    path = tmp_path / "a.cif"
    path.write_bytes(("# Müller, 20 °C\r\n" + CIF.replace("\n", "\r\n")).encode(code))
    assert len(read_structure(path).elements) == 8


def test_all_forms_of_a_formula_are_offered():
    with pytest.raises(MeasurementError, match="Li3PO4 beta or Li3PO4 gamma"):
        reference_structure("li3po4")


MANGANOSITE = ("F m -3 m", [4.446] * 3 + [90] * 3, [("Mn", 0, 0, 0, 1), ("O", 0.5, 0.5, 0.5, 1)])
ANATASE = (
    "I 41/a m d:2",
    [3.7845, 3.7845, 9.5143, 90, 90, 90],
    [("Ti", 0, 0.25, 0.375, 1), ("O", 0, 0.25, 0.1669, 1)],
)
BIXBYITE = (
    "I a -3",
    [9.4118] * 3 + [90] * 3,
    [("Mn", 0.25, 0.25, 0.25, 1), ("Mn", -0.0285, 0, 0.25, 1), ("O", 0.3845, 0.1485, 0.3825, 1)],
)
CONTENTS = {
    "autoana_MnO.xy": {"MnO"},
    "autoana_Mn2O3.xy": {"Mn2O3"},
    "autoana_TiO2.xy": {"anatase"},
    "autoana_TiO2_MnO.xy": {"MnO", "anatase"},
    "autoana_Li2MnO3_MnO_TiO2.xy": {"MnO", "anatase"},
    "autoana_LiMnO2.xy": {"Li2 Mn2 O4"},
    "NiO_0p2030-Li2CO3_0p2999-TiO2_0p5025--2min.xrdml": {"NiO", "Li2CO3", "anatase"},
    "NiO_0p6007-Bi2O3_0p4008--2min.xrdml": {"NiO"},
    "V2O5_0p4005-NiO_0p6016--2min.xrdml": {"NiO"},
    "Li2CO3_0p9001-ZrO2_0p1000--2min.xrdml": {"Li2CO3"},
    "dara_mix_V2O5_0p3015-TiO2_0p6998--2min.xrdml": {"anatase"},
}


@pytest.mark.parametrize("file", CONTENTS)
def test_what_is_in_a_real_powder_ranks_first(reference, file):
    folder = reference / "xrd"
    tried = [
        *reference_phases(),
        *(read_structure(p) for p in sorted(folder.glob("cif_*.cif"))),
        structure("MnO", *MANGANOSITE),
        structure("anatase", *ANATASE),
        structure("Mn2O3", *BIXBYITE),
    ]
    # Both come from a file and from the set.
    tried = [c for c in tried if getattr(c, "name", "") != "Ni4 O4"]
    peaks = find_peaks(read(folder / file, kind="xrd_pattern"))
    scores = match_phases(peaks, tried, wavelength=CU)["score"]
    right = CONTENTS[file]
    assert set(scores.index[: len(right)]) == right
    assert scores[list(right)].min() - scores.drop(list(right)).max() > 0.2


def test_one_line_in_place_is_no_agreement():
    lines = reflections("NiO", wavelength=CU)
    strongest = lines.nlargest(1, "relative intensity")
    alone = strongest.rename(columns={"relative intensity": "height"})
    others = [alone.assign(**{"two_theta / degree": [x]}) for x in (20.0, 80.0)]
    few = match_phases(pd.concat([alone, *others]), ["NiO"], wavelength=CU)["score"].iloc[0]
    full = lines.rename(columns={"relative intensity": "height"})
    assert few < 0.4
    assert match_phases(full, ["NiO"], wavelength=CU)["score"].iloc[0] > 0.99


def test_uncertain_places_reach_further():
    lines = reflections("LiCl", wavelength=CU).rename(columns={"relative intensity": "area"})
    rng = np.random.default_rng(1)
    off = lines.assign(
        **{"two_theta / degree": lines["two_theta / degree"] + rng.normal(0, 0.3, len(lines))}
    )
    plain = match_phases(off, ["LiCl"], wavelength=CU)["score"].iloc[0]
    known = match_phases(off.assign(**{"u(two_theta) / degree": 0.3}), ["LiCl"], wavelength=CU)
    assert known["score"].iloc[0] > max(0.9, plain)
    with pytest.raises(MeasurementError, match="area or height"):
        match_phases(off.drop(columns="area"), ["LiCl"], wavelength=CU)


def test_ticks_lie_below_the_pattern_with_their_names():
    ax = plot_patterns({"pristine": simulate_pattern(1)[0]})
    low = ax.get_ylim()[0]
    lines = {n: reflections(n, wavelength=CU) for n in ("Li6PS5Cl", "LiCl")}
    tick_marks(ax, lines)
    ticks = [c for c in ax.collections if hasattr(c, "get_segments")][-2:]
    assert all(s[:, 1].max() < low for c in ticks for s in c.get_segments())
    assert not np.array_equal(ticks[0].get_color(), ticks[1].get_color())
    assert {t.get_text() for t in ax.texts} >= set(lines)


def test_extinct_indices_neither_count_nor_name_a_line():
    lines = reflections("Al2O3", wavelength=CU).set_index(["h", "k", "l"])
    # Conventional indices and multiplicities of corundum (ICDD 10-173).
    for hkl, multiplicity in (((0, 1, 2), 6), ((1, 0, 4), 6), ((1, 1, 0), 6), ((1, 1, 3), 12)):
        assert lines.loc[hkl, "multiplicity"] == multiplicity
    nickel = reflections("NiO", wavelength=0.7093).set_index(["h", "k", "l"])
    # 511 and 333 coincide.
    assert nickel.loc[(5, 1, 1), "multiplicity"] == 32


def test_large_cells_are_summed_in_parts(monkeypatch):
    import xrd.powder_lines as module

    whole = reflections(reference_structure("Li2CO3"), wavelength=CU)
    monkeypatch.setattr(module, "_CHUNK", 50)
    parts = reflections(reference_structure("Li2CO3"), wavelength=CU)
    np.testing.assert_allclose(parts["intensity"], whole["intensity"], rtol=1e-12)
