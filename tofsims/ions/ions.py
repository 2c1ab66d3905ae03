"""What is the exact mass-to-charge ratio of this ion?"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field

from coatcore.errors import MeasurementError
from tofsims.ions.formulas import explicit_formula, split_charge

# Mass of the electron in u, CODATA 2022.
ELECTRON = 5.485799090441e-4


@dataclass(frozen=True)
class Ion:
    """An ion and its exact mass-to-charge ratio.

    Two spellings of one ion are equal.

    Parameters
    ----------
    name : str
        As it was asked for, e.g. ``"PO2-"``.
    formula : str
        Without charge, in Hill's order, named isotopes in brackets.
    charge : int
        In elementary charges.
    mz : float
        In u, with the electrons' mass.

    Examples
    --------
    >>> ion("PO2-").charge
    -1
    >>> ion("^58NiO2-") == ion("[58Ni]O2-")
    True
    """

    name: str = field(compare=False)
    formula: str
    charge: int
    mz: float


@functools.lru_cache(maxsize=4096)
def ion(name: str) -> Ion:
    """Ion of a formula with its charge, as chemists write it.

    Each element stands for its most abundant isotope; another is named by its mass number
    before the element: ``60NiO2-``, ``58Ni16O2-``, ``^58NiO2-``, ``^{58}NiO2-``, ``[37Cl]-``;
    D is deuterium. Signs repeat (``SO4--``) or are counted (``SO4^2-``, ``SO4(2-)``). Subscripts
    and superscripts of Unicode are read as well (``PO₂⁻``).

    Parameters
    ----------
    name : str
        Formula and charge: ``PO2-``, ``C3H6NO-``, ``Bi3+``, ``Ni(OH)2-``.

    Returns
    -------
    Ion

    Raises
    ------
    MeasurementError
        If it is no formula with a charge, or holds an element of which no isotope is stable (Po
        is polonium).

    Notes
    -----
    Masses from molmass, whose isotope table follows NIST.

    Examples
    --------
    >>> round(ion("PO2-").mz, 6)
    62.96414
    >>> ion("XyO2-")
    Traceback (most recent call last):
        ...
    coatcore.errors.MeasurementError: 'XyO2-' is no ion: ... as in PO2- or 60NiO2-
    """
    from molmass import Formula, FormulaError

    formula, charge = split_charge(name)
    explicit = explicit_formula(name, formula)
    try:
        parsed = Formula(explicit)
        mass = float(parsed.isotope.mass)
        hill = str(parsed.formula)
    except (FormulaError, KeyError, ValueError, IndexError) as error:
        reason = re.sub(r"\s+", " ", str(error).splitlines()[0])[:80]
        raise MeasurementError(
            f"{name!r} is no ion: {reason}; expected a formula and its charge, as in PO2- or "
            "60NiO2-"
        ) from error
    return Ion(name, hill, charge, (mass - charge * ELECTRON) / abs(charge))
