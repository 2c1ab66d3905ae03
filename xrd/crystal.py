"""Crystal structures, from CIF files or the set that comes with the package."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from coatqc.core.errors import MeasurementError, ReadError

if TYPE_CHECKING:
    import gemmi

_MAX_BYTES = 20 * 2**20
_DALTON = 1.66053906660  # u / angstrom^3 in g / cm^3


@dataclass(frozen=True)
class Structure:
    """A crystal's cell and all atoms in it.

    Parameters
    ----------
    name, source : str
        What it is; file or publication.
    space_group : str
        Hermann-Mauguin symbol.
    cell : tuple of six floats
        a, b, c in angstrom; alpha, beta, gamma in degree.
    elements : tuple of str
        Of each atom in the cell.
    positions : numpy.ndarray, shape (atoms, 3)
        Fractional coordinates of every atom in the cell.
    occupancy, u_iso : numpy.ndarray, shape (atoms,)
        Share of the place that the atom fills; mean square displacement, angstrom squared.

    Examples
    --------
    >>> reference_structure("LiCl").space_group
    'F m -3 m'
    """

    name: str
    source: str
    space_group: str
    cell: tuple[float, float, float, float, float, float]
    elements: tuple[str, ...]
    positions: np.ndarray = field(repr=False)
    occupancy: np.ndarray = field(repr=False)
    u_iso: np.ndarray = field(repr=False)

    @property
    def volume(self) -> float:
        """Of the cell, angstrom cubed."""
        return _cell(self.cell).volume

    @property
    def density(self) -> float:
        """By mass, g/cm3.

        Examples
        --------
        >>> round(reference_structure("LiCl").density, 2)
        2.09
        """
        import gemmi

        weights = [gemmi.Element(e).weight for e in self.elements]
        return float(np.dot(weights, self.occupancy)) * _DALTON / self.volume

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

    Parameters
    ----------
    path : path-like
        File; of several data blocks the first with atoms is taken.

    Returns
    -------
    Structure

    Raises
    ------
    ReadError
        If the file is no CIF, or has no cell, no symmetry or no atoms.

    Notes
    -----
    Read by gemmi (Wojdyr, J. Open Source Softw. 7, 2022, 4200).

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "empty.cif"
    >>> _ = path.write_text("data_x\\n_cell_length_a 5\\n")
    >>> read_structure(path)
    Traceback (most recent call last):
    coatqc.core.errors.ReadError: ...
    """
    import gemmi

    path = Path(path)
    if not path.is_file():
        raise ReadError(path, "is not there", "give the path of a CIF")
    if path.stat().st_size > _MAX_BYTES:
        raise ReadError(path, "is larger than 20 MiB", "a crystal structure is a short text")
    try:
        document = gemmi.cif.read_string(path.read_bytes().decode("utf-8", "replace"))
    except (ValueError, RuntimeError) as error:
        first = str(error).splitlines()[0] if str(error) else "unreadable"
        raise ReadError(
            path, f"is not a CIF ({first[:120]})", "export the structure again"
        ) from None
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
        raise ReadError(path, f"cannot be read ({str(error)[:120]})") from None
    if small.cell.volume <= 1.0:
        raise ReadError(path, "has no cell (_cell_length_a ...)", "a structure needs one")
    if small.spacegroup is None and not small.symops:
        raise ReadError(
            path,
            f"names no space group that is known ({small.spacegroup_hm or 'none'!r})",
            "give _space_group_name_H-M_alt or the symmetry operations",
        )
    named = block.find_value("_chemical_name_common") or block.find_value("_chemical_formula_sum")
    name = re.sub(r"^['\"]|['\"]$", "", named.strip()) if named else path.stem
    return _expanded(small, name if name not in ("?", ".") else path.stem, str(path), path)


def _expanded(small: gemmi.SmallStructure, name: str, source: str, path: Path | str) -> Structure:
    cell = small.cell
    sites = small.get_all_unit_cell_sites()
    unknown = [s.label for s in sites if s.element.atomic_number == 0]
    if unknown:
        raise ReadError(Path(path), f"atom {unknown[0]!r} is of no known element")
    if not sites:
        raise ReadError(Path(path), "has no atoms")
    positions = np.array([s.fract.tolist() for s in sites])
    u_iso = np.array([s.u_iso if np.isfinite(s.u_iso) else 0.0 for s in sites])
    anisotropic = np.array([(s.aniso.u11 + s.aniso.u22 + s.aniso.u33) / 3 for s in sites])
    u_iso = np.where(u_iso > 0, u_iso, np.maximum(anisotropic, 0.0))
    occupancy = np.array([s.occ for s in sites])
    finite = np.isfinite(positions).all() and np.isfinite(occupancy).all()
    if not finite or occupancy.min() < 0 or occupancy.max() > 1.001:
        raise ReadError(Path(path), "has coordinates or occupancies that are no such numbers")
    return Structure(
        name,
        source,
        small.spacegroup.hm if small.spacegroup else small.spacegroup_hm,
        (cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma),
        tuple(s.element.name for s in sites),
        positions,
        occupancy,
        u_iso,
    )


def structure(
    name: str,
    space_group: str,
    cell: Sequence[float],
    atoms: Sequence[tuple[str, float, float, float, float]],
    *,
    u_iso: float = 0.01,
    source: str = "",
) -> Structure:
    """Crystal structure from its numbers.

    Parameters
    ----------
    name : str
        What it is.
    space_group : str
        Hermann-Mauguin symbol, as "F m -3 m" or "R -3 m:H".
    cell : sequence of six floats
        a, b, c in angstrom; alpha, beta, gamma in degree.
    atoms : sequence of (element, x, y, z, occupancy)
        The asymmetric unit.
    u_iso : float, default 0.01
        Mean square displacement of all atoms, angstrom squared.
    source : str, optional
        Where the numbers are from.

    Raises
    ------
    MeasurementError
        If the space group is not known, or the cell does not fit it.

    Examples
    --------
    >>> rock_salt = [("Li", 0, 0, 0, 1), ("Cl", 0.5, 0.5, 0.5, 1)]
    >>> len(structure("LiCl", "F m -3 m", [5.13] * 3 + [90] * 3, rock_salt).elements)
    8
    """
    import gemmi

    group = gemmi.find_spacegroup_by_name(space_group)
    if group is None:
        raise MeasurementError(f"space group {space_group!r} of {name} is not known")
    small = gemmi.SmallStructure()
    small.cell = gemmi.UnitCell(*cell)
    small.spacegroup_hm = group.xhm()
    small.determine_and_set_spacegroup("2")
    small.setup_cell_images()
    for i, (element, x, y, z, occupancy) in enumerate(atoms):
        site = gemmi.SmallStructure.Site()
        site.label, site.element = f"{element}{i + 1}", gemmi.Element(element)
        site.fract, site.occ, site.u_iso = gemmi.Fractional(x, y, z), occupancy, u_iso
        small.add_site(site)
    return _expanded(small, name, source, name)


@functools.cache
def _shipped() -> dict[str, dict]:
    import tomllib
    from importlib.resources import files

    text = files("xrd").joinpath("data/phases.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def reference_phases() -> list[str]:
    """Names of the phases whose structures come with the package.

    Examples
    --------
    >>> "Li2S" in reference_phases()
    True
    """
    return list(_shipped())


@functools.cache
def reference_structure(name: str) -> Structure:
    """Structure of a phase that comes with the package, with its source.

    Parameters
    ----------
    name : str
        One of `reference_phases()`.

    Raises
    ------
    MeasurementError
        If there is no such phase.

    Examples
    --------
    >>> reference_structure("Li2S").source
    'R. W. G. Wyckoff, Crystal Structures 1 (1963) 239'
    >>> reference_structure("Li2s")
    Traceback (most recent call last):
    coatqc.core.errors.MeasurementError: no phase 'Li2s' in the set; did you mean Li2S?
    """
    known = _shipped()
    if name not in known:
        near = difflib.get_close_matches(name.lower(), [k.lower() for k in known], 1, 0.5)
        meant = [k for k in known if near and k.lower() == near[0]]
        hint = f"did you mean {meant[0]}?" if meant else f"there are {', '.join(known)}"
        raise MeasurementError(f"no phase {name!r} in the set; {hint}")
    entry = known[name]
    atoms = [tuple(atom) for atom in entry["atoms"]]
    return structure(
        name,
        entry["space_group"],
        entry["cell"],
        atoms,
        u_iso=entry.get("u_iso", 0.01),
        source=entry["source"],
    )


def _cell(cell: Sequence[float]) -> gemmi.UnitCell:
    import gemmi

    return gemmi.UnitCell(*cell)
