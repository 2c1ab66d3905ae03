"""What is the exact mass-to-charge ratio of this ion?"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from coatqc.core.errors import MeasurementError

# Mass of the electron in u, CODATA 2022.
ELECTRON = 5.485799090441e-4


@dataclass(frozen=True)
class Ion:
    """An ion and its exact mass-to-charge ratio.

    Parameters
    ----------
    name : str
        As it was asked for, e.g. ``"PO2-"``.
    formula : str
        Without charge.
    charge : int
        In elementary charges.
    mz : float
        In u, with the electrons' mass.

    Examples
    --------
    >>> ion("PO2-").charge
    -1
    """

    name: str
    formula: str
    charge: int
    mz: float


@functools.lru_cache(maxsize=1024)
def ion(name: str) -> Ion:
    """Ion of a formula with its charge.

    Each element stands for its most abundant isotope; another is named by its mass number
    before the formula (``60NiO2-``) or in brackets (``[37Cl]-``).

    Parameters
    ----------
    name : str
        Formula and charge: ``PO2-``, ``C3H6NO-``, ``Bi3+``, ``SO4--``.

    Returns
    -------
    Ion

    Raises
    ------
    MeasurementError
        If it is no formula with a charge.

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
    coatqc.core.errors.MeasurementError: 'XyO2-' is no ion: expected ... as in PO2- or 60NiO2-
    """
    from molmass import Formula, FormulaError

    wrong = MeasurementError(
        f"{name!r} is no ion: expected a formula and its charge, as in PO2- or 60NiO2-"
    )
    matched = re.fullmatch(r"([A-Za-z0-9\[\]()]{1,60}?)([+-]{1,4})", name.strip())
    if not matched or len(set(matched[2])) != 1:
        raise wrong
    formula, signs = matched.groups()
    charge = len(signs) * (1 if signs[0] == "+" else -1)
    explicit = re.sub(r"^(\d{1,3})([A-Z][a-z]?)", r"[\1\2]", formula)
    try:
        mass = Formula(explicit).isotope.mass
    except (FormulaError, KeyError, ValueError, IndexError) as error:
        raise wrong from error
    return Ion(name, formula, charge, (mass - charge * ELECTRON) / abs(charge))
