"""Crystal structures: those that come along, and CIF files good and bad."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from coatcore import MeasurementError, ReadError
from xrd import read_structure
from xrd.crystals import reference_phases, reference_structure

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


def test_every_source_names_a_publication_and_every_guess_a_note():
    for name in reference_phases():
        crystal = reference_structure(name)
        assert any(c.isdigit() for c in crystal.source)
        assert crystal.notes or len({s.u_iso for s in crystal.sites}) > 1
        assert crystal.space_group_number > 0


def test_mixed_places_keep_both_elements_and_uncertain_numbers(reference):
    path = reference / "xrd" / "cif" / "Li6PS5Cl_Neutron.cif"
    crystal = read_structure(path)
    assert len(crystal.elements) == 84
    assert crystal.sites[0].fract == (0.3202, 0.0183, 0.67975)
    mixed = [s for s in crystal.sites if s.fract == (0.25, 0.25, 0.75)]
    assert {s.element: s.occupancy for s in mixed} == {"S": 0.3849, "Cl": 0.6151}
    assert crystal.sites[0].u_iso == 0.0697
    assert crystal.space_group_number == 216
    assert crystal.notes == ()
    assert crystal == read_structure(path)


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
