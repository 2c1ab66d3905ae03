"""Crystal structures from their numbers, and the set that comes with the package."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Sequence
from typing import Any

from coatcore.errors import MeasurementError
from xrd.crystals.crystal import Structure, expanded, set_group


@functools.cache
def _shipped() -> dict[str, dict[str, Any]]:
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

    Returns
    -------
    Structure
        Its `notes` say what is not from the source.

    Raises
    ------
    MeasurementError
        If there is no such phase.

    Examples
    --------
    >>> reference_structure("Ni3S2").space_group
    'R 3 2'
    >>> reference_structure("Li2s")
    Traceback (most recent call last):
    coatcore.errors.MeasurementError: no phase 'Li2s' in the set; did you mean Li2S?
    """
    from dataclasses import replace

    known = _shipped()
    if name not in known:
        near = difflib.get_close_matches(name.lower(), [k.lower() for k in known], 1, 0.6)
        formula = [k for k in known if k.lower().split()[0] == name.lower()]
        # All forms of a formula may be meant; else only the nearest name.
        meant = formula or [k for k in known if near and k.lower() == near[0]]
        hint = f"did you mean {' or '.join(meant)}?" if meant else f"there are {', '.join(known)}"
        raise MeasurementError(f"no phase {name!r} in the set; {hint}")
    entry = known[name]
    crystal = structure(
        name,
        entry["space_group"],
        entry["cell"],
        entry["atoms"],
        u_iso=entry.get("u_iso", 0.01),
        source=entry["source"],
    )
    return replace(crystal, notes=(entry["note"],)) if "note" in entry else crystal


def structure(
    name: str,
    space_group: str,
    cell: Sequence[float],
    atoms: Sequence[Sequence[Any]],
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
    atoms : sequence of (element, x, y, z, occupancy) or (element, x, y, z, occupancy, u_iso)
        The asymmetric unit.
    u_iso : float, default 0.01
        Mean square displacement of atoms without their own, angstrom squared.
    source : str, optional
        Where the numbers are from.

    Raises
    ------
    MeasurementError
        If the space group is not known.

    Examples
    --------
    >>> rock_salt = [("Li", 0, 0, 0, 1), ("Cl", 0.5, 0.5, 0.5, 1)]
    >>> len(structure("LiCl", "F m -3 m", [5.13] * 3 + [90] * 3, rock_salt).elements)
    8
    """
    import gemmi

    group = gemmi.find_spacegroup_by_name(space_group)
    if group is None:
        raise MeasurementError(
            f"space group {space_group!r} of {name} is not known; write it as 'F m -3 m'"
        )
    small = gemmi.SmallStructure()
    small.cell = gemmi.UnitCell(*cell)
    set_group(small, group)
    for i, (element, x, y, z, occupancy, *own) in enumerate(atoms):
        site = gemmi.SmallStructure.Site()
        site.label, site.element = f"{element}{i + 1}", gemmi.Element(element)
        site.fract, site.occ = gemmi.Fractional(x, y, z), occupancy
        site.u_iso = own[0] if own else u_iso
        small.add_site(site)
    return expanded(small, name, source, name)
