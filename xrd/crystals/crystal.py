"""Crystal structures, from CIF files or from their numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from coatcore.display import shown
from coatcore.errors import ReadError, printable

if TYPE_CHECKING:
    import gemmi

_MAX_BYTES = 20 * 2**20
_DALTON = 1.66053906660  # u / angstrom^3 in g / cm^3


class Site(NamedTuple):
    """A place in the asymmetric unit.

    Parameters
    ----------
    label, element : str
        As "S2", and as "S".
    fract : tuple of three floats
        Fractional coordinates.
    occupancy : float
        Share of the place that this element fills, unit 1.
    u_iso : float
        Mean square displacement, angstrom squared; NaN if it is not known.

    Examples
    --------
    >>> Site("Cl1", "Cl", (0.0, 0.0, 0.0), 1.0, 0.02).element
    'Cl'
    """

    label: str
    element: str
    fract: tuple[float, float, float]
    occupancy: float
    u_iso: float


@shown(hide=("positions", "occupancy", "u_iso", "sites"))
@dataclass(frozen=True)
class Structure:
    """A crystal's cell and all atoms in it.

    Parameters
    ----------
    name, source : str
        What it is; file or publication.
    space_group : str
        Hermann-Mauguin symbol; empty where operators make a group that has none.
    cell : tuple of six floats
        a, b, c in angstrom; alpha, beta, gamma in degree.
    elements : tuple of str
        Of each atom in the cell.
    positions : numpy.ndarray, shape (atoms, 3)
        Fractional coordinates of every atom in the cell.
    occupancy, u_iso : numpy.ndarray, shape (atoms,)
        Share of the place that the atom fills; mean square displacement, angstrom squared (0 if
        it is not known).
    space_group_number : int
        In International Tables A; 0 if there is none.
    sites : tuple of Site
        The asymmetric unit.
    notes : tuple of str
        What was missing from the source and is assumed, or which of several blocks was read.

    Examples
    --------
    >>> from xrd.crystals import reference_structure
    >>> crystal = reference_structure("LiCl")
    >>> crystal.space_group, crystal.space_group_number, len(crystal.elements)
    ('F m -3 m', 225, 8)
    """

    name: str
    source: str
    space_group: str
    cell: tuple[float, float, float, float, float, float]
    elements: tuple[str, ...]
    # Sites say the same, and unlike arrays they compare to one answer.
    positions: np.ndarray = field(repr=False, compare=False)
    occupancy: np.ndarray = field(repr=False, compare=False)
    u_iso: np.ndarray = field(repr=False, compare=False)
    space_group_number: int = 0
    sites: tuple[Site, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()

    @property
    def volume(self) -> float:
        """Of the cell, angstrom cubed."""
        import gemmi

        return gemmi.UnitCell(*self.cell).volume

    @property
    def mass(self) -> float:
        """Of the atoms in a cell, u.

        Examples
        --------
        >>> from xrd.crystals import reference_structure
        >>> round(reference_structure("LiCl").mass, 1)
        169.6
        """
        import gemmi

        return float(np.dot([gemmi.Element(e).weight for e in self.elements], self.occupancy))

    @property
    def density(self) -> float:
        """By mass, g/cm3.

        Examples
        --------
        >>> from xrd.crystals import reference_structure
        >>> round(reference_structure("LiCl").density, 2)
        2.09
        """
        return self.mass * _DALTON / self.volume

    @property
    def crystal_system(self) -> str:
        """cubic, hexagonal (trigonal in hexagonal axes too), tetragonal, ..."""
        import gemmi

        group = gemmi.find_spacegroup_by_name(
            self.space_group, alpha=self.cell[3], gamma=self.cell[5]
        )
        system = group.crystal_system_str() if group else "triclinic"
        if system == "trigonal":
            return "hexagonal" if abs(self.cell[5] - 120) < 1e-3 else "rhombohedral"
        return system


def read_structure(path: str | Path) -> Structure:
    r"""Crystal structure from a CIF.

    Sites that an operator maps onto themselves, within 0.4 angstrom, are one atom; different
    elements at one place stay apart. Operators count before the name of the space group.

    Parameters
    ----------
    path : path-like
        File; of several data blocks the first with atoms is taken, and the notes say which.

    Returns
    -------
    Structure

    Raises
    ------
    ReadError
        If the file is no CIF, or has no cell, no symmetry, no atoms, or no known element.

    References
    ----------
    Wojdyr, J. Open Source Softw. 7 (2022) 4200, for gemmi, which reads it.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "empty.cif"
    >>> _ = path.write_text("data_x\n_cell_length_a 5\n")
    >>> read_structure(path)
    Traceback (most recent call last):
    coatcore.errors.ReadError: ...
    """
    import gemmi

    path = Path(path)
    if not path.is_file():
        raise ReadError(path, "is not there", "give the path of a CIF")
    if path.stat().st_size > _MAX_BYTES:
        raise ReadError(path, "is larger than 20 MiB", "a crystal structure is a short text")
    raw = path.read_bytes()
    # Windows editors put a mark before the text.
    code = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        document = gemmi.cif.read_string(raw.decode(code, "replace"))
    except (ValueError, RuntimeError) as error:
        found = f"is not a CIF ({printable(str(error).partition(chr(10))[0])[:120]})"
        raise ReadError(path, found, "export the structure again") from None
    for block in document:
        if block.find_values("_atom_site_fract_x"):
            break
    else:
        raise ReadError(
            path, "has no atoms (_atom_site_fract_x)", "a structure needs cell, symmetry and atoms"
        )
    try:
        small = gemmi.make_small_structure_from_block(block)
    except (ValueError, RuntimeError) as error:
        raise ReadError(path, f"cannot be read ({printable(str(error))[:120]})") from None
    if not math.isfinite(small.cell.volume) or small.cell.volume <= 1.0:
        raise ReadError(path, "has no cell (_cell_length_a ...)", "a structure needs one")
    notes = []
    if small.spacegroup is None and not small.symops and small.spacegroup_number:
        # gemmi leaves a bare number alone, as it names no setting.
        set_group(small, gemmi.find_spacegroup_by_number(small.spacegroup_number))
        notes.append("the space group is given by number only; its standard setting is assumed")
    if small.spacegroup is None and not small.symops:
        raise ReadError(
            path,
            f"names no space group that is known ({small.spacegroup_hm or 'none'!r})",
            "give _space_group_name_H-M_alt or the symmetry operations",
        )
    if len(document) > 1:
        notes.append(f"of {len(document)} blocks, {printable(block.name)!r} was read")
    return expanded(small, _name(block) or path.stem, str(path), path, notes)


def _name(block: gemmi.cif.Block) -> str:
    for tag in ("_chemical_name_common", "_chemical_name_mineral", "_chemical_formula_sum"):
        value = block.find_value(tag)
        if value and value not in ("?", "."):
            return printable(re.sub(r"\s+", " ", value.strip(" \t\r\n'\";")))
    return ""


def set_group(small: gemmi.SmallStructure, group: gemmi.SpaceGroup | None) -> None:
    """Give a structure the operators of a space group.

    Examples
    --------
    >>> import gemmi
    >>> set_group(gemmi.SmallStructure(), gemmi.SpaceGroup("F m -3 m"))
    """
    if group is not None:
        small.spacegroup_hm = group.xhm()
        small.determine_and_set_spacegroup("2")
        small.setup_cell_images()


def expanded(
    small: gemmi.SmallStructure,
    name: str,
    source: str,
    path: Path | str,
    notes: Sequence[str] = (),
) -> Structure:
    """Structure with all atoms of the cell, checked."""
    cell, group = small.cell, small.spacegroup
    unknown = [s.label for s in small.sites if s.element.atomic_number == 0]
    if unknown:
        raise ReadError(
            path,
            f"atom {printable(unknown[0])!r} is of no known element",
            "give _atom_site_type_symbol",
        )
    if not small.sites:
        raise ReadError(path, "has no atoms", "a structure needs cell, symmetry and atoms")
    sites = tuple(
        Site(printable(s.label), s.element.name, (x, y, z), s.occ, _displacement(s, cell))
        for s in small.sites
        for x, y, z in [s.fract.tolist()]
    )
    missing = [s.label for s in sites if math.isnan(s.u_iso)]
    if missing:
        which = f"{', '.join(missing[:6])}{' ...' if len(missing) > 6 else ''}"
        notes = [*notes, f"no displacement is given for {which}; 0 is assumed"]
    atoms = small.get_all_unit_cell_sites()
    positions = np.array([s.fract.tolist() for s in atoms])
    occupancy = np.array([s.occ for s in atoms])
    u_iso = np.nan_to_num([_displacement(s, cell) for s in atoms])
    finite = np.isfinite(positions).all() and np.isfinite(occupancy).all()
    if not finite or occupancy.min() < 0 or occupancy.max() > 1.001:
        raise ReadError(
            path, "has coordinates or occupancies that are no such numbers", "check its atom sites"
        )
    return Structure(
        name,
        source,
        group.hm if group else small.spacegroup_hm,
        (cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma),
        tuple(s.element.name for s in atoms),
        positions,
        occupancy,
        u_iso,
        group.number if group else 0,
        sites,
        tuple(notes),
    )


def _displacement(site: gemmi.SmallStructure.Site, cell: gemmi.UnitCell) -> float:
    """Equivalent isotropic displacement, angstrom squared, NaN if none is given."""
    if site.u_iso > 0:
        return float(site.u_iso)
    equivalent = cell.calculate_u_eq(site.aniso) if site.aniso.nonzero() else 0.0
    return float(equivalent) if equivalent > 0 else math.nan
