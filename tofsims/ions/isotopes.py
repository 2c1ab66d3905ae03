"""Which masses does an ion have, and how often?"""

from __future__ import annotations

import functools
from collections import Counter

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from tofsims.ions.ions import ELECTRON, ion

# Isotopologues rarer than this are dropped while elements are combined.
_NEGLIGIBLE = 1e-9


def isotope_pattern(name: str, minimum: float = 1e-4) -> xr.DataArray:
    """Exact masses of an ion's isotopologues and their abundances.

    Parameters
    ----------
    name : str
        Ion; elements whose isotope is named have that one only.
    minimum : float, default 1e-4
        Abundance of the rarest isotopologue that is listed.

    Returns
    -------
    xarray.DataArray
        Abundances (all that there are sum to 1) over ``mz`` in u; coordinate ``isotopes`` (mz)
        names the isotopes that are not the most abundant.

    Raises
    ------
    MeasurementError
        If it is no ion, or `minimum` is not between 0 and 1.

    Notes
    -----
    Natural abundances from molmass (NIST).

    Examples
    --------
    >>> isotope_pattern("Cl2-").round(3).values
    array([0.574, 0.367, 0.059])
    """
    if not 0 <= minimum < 1:
        raise MeasurementError(f"minimum is {minimum}, expected an abundance of 0 to 1")
    asked = ion(name)
    combined: dict[tuple[str, ...], tuple[float, float]] = {(): (0.0, 1.0)}
    for element, count in _composition(asked.formula):
        step = _of_element(element, count)
        new: dict[tuple[str, ...], tuple[float, float]] = {}
        for key, (mass, share) in combined.items():
            for other, (more, chance) in step.items():
                if share * chance > _NEGLIGIBLE:
                    new[key + other] = (mass + more, share * chance)
        combined = new
    rows = sorted((m, s, " ".join(k)) for k, (m, s) in combined.items() if s >= minimum)
    masses = np.array([r[0] for r in rows])
    mz = (masses - asked.charge * ELECTRON) / abs(asked.charge)
    coords = {
        "mz": ("mz", mz, {"units": "u", "long_name": "m/z"}),
        "isotopes": (
            "mz",
            [r[2] for r in rows],
            {"units": "1", "long_name": "isotopes that are not the most abundant"},
        ),
    }
    about = {"units": "1", "long_name": f"abundance of isotopologues of {name}"}
    return xr.DataArray([r[1] for r in rows], coords, ("mz",), name="abundance", attrs=about)


def _composition(formula: str) -> list[tuple[str, int]]:
    """Elements, or named isotopes as 58Ni, and their counts."""
    from molmass import Formula

    out = []
    for symbol, isotopes in Formula(formula)._elements.items():
        for mass, count in isotopes.items():
            out.append((f"{mass}{symbol}" if mass else symbol, int(count)))
    return out


@functools.lru_cache(maxsize=512)
def _of_element(element: str, count: int) -> dict[tuple[str, ...], tuple[float, float]]:
    """Isotopologues of so many atoms of one element: label -> (mass, abundance)."""
    isotopes = natural_isotopes(element)
    usual = max(isotopes, key=lambda i: i[2])[0]
    states: dict[tuple[int, ...], tuple[float, float]] = {(0,) * len(isotopes): (0.0, 1.0)}
    for _ in range(count):
        new: dict[tuple[int, ...], tuple[float, float]] = {}
        for state, (mass, share) in states.items():
            for k, (_, own, chance) in enumerate(isotopes):
                if share * chance <= _NEGLIGIBLE:
                    continue
                after = (*state[:k], state[k] + 1, *state[k + 1 :])
                new[after] = (mass + own, new.get(after, (0.0, 0.0))[1] + share * chance)
        states = new
    out = {}
    for state, value in states.items():
        label = Counter({isotopes[k][0]: n for k, n in enumerate(state) if n})
        label.pop(usual, None)
        out[tuple(f"{name}{n if n > 1 else ''}" for name, n in label.items())] = value
    return out


@functools.lru_cache(maxsize=256)
def natural_isotopes(element: str) -> list[tuple[str, float, float]]:
    """Name, mass in u and abundance of an element's isotopes; of a named isotope, itself alone.

    Examples
    --------
    >>> [(n, round(a, 3)) for n, _, a in natural_isotopes("Cl")]
    [('35Cl', 0.758), ('37Cl', 0.242)]
    """
    from molmass import ELEMENTS

    digits = "".join(c for c in element if c.isdigit())
    symbol = element[len(digits) :]
    known = ELEMENTS[symbol].isotopes
    if digits:
        return [(element, float(known[int(digits)].mass), 1.0)]
    return [
        (f"{number}{symbol}", float(i.mass), float(i.abundance))
        for number, i in known.items()
        if i.abundance > 0
    ]
