"""Which other ions may stand where this one stands, and what tells them apart?"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import pandas as pd

from coatcore.errors import MeasurementError
from tofsims.ions.ions import ELECTRON, Ion, ion
from tofsims.ions.isotopes import natural_isotopes

# Atoms of each element an interfering ion may have: what a sulfide electrolyte, a layered oxide
# and a polymer with sulfonate and lactam groups are made of.
DEFAULT_ELEMENTS: dict[str, int] = {
    "H": 8,
    "Li": 3,
    "C": 6,
    "N": 2,
    "O": 4,
    "F": 2,
    "Na": 1,
    "Si": 1,
    "P": 2,
    "S": 2,
    "Cl": 2,
    "Mn": 1,
    "Co": 1,
    "Ni": 1,
}
_LIGHT = ("H", "Li", "C", "N", "O", "F")
# An isotope that is not the usual one must make up this much of its element.
_ABUNDANT = 0.003
_MOST_COMBINATIONS = 3_000_000


def interferences(
    name: str | Ion,
    window: float = 0.05,
    *,
    elements: Mapping[str, int] | None = None,
    resolving_power: float | None = None,
) -> pd.DataFrame:
    """Ions within a window around an ion, and the resolving power that separates each.

    All formulas of the elements given are tried that have at most one atom of a rarer isotope
    (13C, 34S, 60Ni ...), the same charge, and no more hydrogen than the other atoms can bind.
    Whether such an ion is formed is not known: it is a list of what to think of.

    Parameters
    ----------
    name : str or Ion
        Ion.
    window : float, default 0.05
        In u, to each side.
    elements : mapping of str to int, optional
        Most atoms of each element; by default those of a sulfide electrolyte, a layered oxide and
        a polymer coating.
    resolving_power : float, optional
        m/dm of the instrument: adds the column ``separated``.

    Returns
    -------
    pandas.DataFrame
        By distance: ``ion``, ``m/z (u)``, ``difference (mu)``, ``resolving power needed`` (m/dm
        with dm the distance, full width at half maximum: equal peaks then show a valley; unequal
        ones need more), ``abundance`` of its rarer isotope relative to the usual one.

    Raises
    ------
    MeasurementError
        If the window is not above zero, an element is unknown, or there are too many formulas.

    References
    ----------
    ISO 18115-1 (mass resolving power).

    Examples
    --------
    >>> found = interferences("PO2-")
    >>> found.set_index("ion").loc["PS-", "difference (mu)"].round(1)
    np.float64(-17.8)
    """
    asked = name if isinstance(name, Ion) else ion(name)
    if not (np.isfinite(window) and 0 < window <= 0.5):
        raise MeasurementError(f"window is {window} u, expected above 0 and at most 0.5")
    limits = dict(DEFAULT_ELEMENTS if elements is None else elements)
    if not limits:
        raise MeasurementError("interferences need at least one element")
    for element, most in limits.items():
        ion(f"{element}-")
        if int(most) != most or most < 0:
            raise MeasurementError(f"{element} has at most {most} atoms, expected a whole number")
    size = abs(asked.charge)
    target = asked.mz * size + asked.charge * ELECTRON
    rows = []
    for formula, mass, share in _formulas(tuple(sorted(limits.items())), target, window * size):
        mz = (mass - asked.charge * ELECTRON) / size
        sign = ("-" if asked.charge < 0 else "+") * size
        rows.append((formula + sign, mz, share))
    table = pd.DataFrame(rows, columns=["ion", "m/z (u)", "abundance"])
    table.insert(2, "difference (mu)", 1e3 * (table["m/z (u)"] - asked.mz))
    # The ion itself is no interference of itself.
    table = table[table["difference (mu)"].abs() > 1e-3]
    gap = table["difference (mu)"].abs() * 1e-3
    table.insert(3, "resolving power needed", asked.mz / gap)
    if resolving_power is not None:
        table["separated"] = table["resolving power needed"] <= resolving_power
    order = table["difference (mu)"].abs().argsort(kind="stable")
    return table.iloc[order].reset_index(drop=True)


def _formulas(
    limits: tuple[tuple[str, int], ...], target: float, window: float
) -> list[tuple[str, float, float]]:
    """Formula, mass and isotopic share of all that weigh what is asked."""
    light = [(e, n) for e, n in limits if e in _LIGHT]
    heavy = [(e, n) for e, n in limits if e not in _LIGHT]
    counts, masses = _combinations(tuple(light), target + window)
    order = np.argsort(masses)
    counts, masses = counts[order], masses[order]
    names = [e for e, _ in light]
    out: list[tuple[str, float, float]] = []
    for heavy_counts, heavy_mass in zip(*_combinations(tuple(heavy), target + window), strict=True):
        base = dict(zip([e for e, _ in heavy], (int(c) for c in heavy_counts), strict=True))
        for swap, more, share in _swaps(tuple(limits)):
            if swap and swap[1] in base and base[swap[1]] == 0:
                continue
            low = target - window - heavy_mass - more
            first, last = np.searchsorted(masses, [low, low + 2 * window])
            for row in range(first, last):
                whole = {**base, **dict(zip(names, (int(c) for c in counts[row]), strict=True))}
                if swap and not whole.get(swap[1]):
                    continue
                if not _possible(whole):
                    continue
                mass = float(masses[row] + heavy_mass + more)
                # Any one of the atoms may be the rarer isotope.
                out.append((_written(whole, swap), mass, share * (whole[swap[1]] if swap else 1)))
    return out


@functools.lru_cache(maxsize=64)
def _combinations(
    limits: tuple[tuple[str, int], ...], heaviest: float
) -> tuple[np.ndarray, np.ndarray]:
    """Counts of each element and the mass, of all combinations that are not too heavy."""
    counts, masses = np.zeros((1, 0), dtype=np.int16), np.zeros(1)
    for element, most in limits:
        own = max(natural_isotopes(element), key=lambda i: i[2])[1]
        number = np.arange(int(most) + 1)
        if masses.size * number.size > _MOST_COMBINATIONS:
            raise MeasurementError(
                f"more than {_MOST_COMBINATIONS} formulas: allow fewer elements or atoms"
            )
        masses = (masses[:, None] + own * number).ravel()
        counts = np.column_stack(
            [np.repeat(counts, number.size, axis=0), np.tile(number, len(counts))]
        )
        keep = masses <= heaviest
        counts, masses = counts[keep], masses[keep]
    return counts, masses


@functools.lru_cache(maxsize=64)
def _swaps(
    limits: tuple[tuple[str, int], ...],
) -> list[tuple[tuple[str, str] | None, float, float]]:
    """No rarer isotope, or one of them: (isotope, element), extra mass, share."""
    out: list[tuple[tuple[str, str] | None, float, float]] = [(None, 0.0, 1.0)]
    for element, _ in limits:
        isotopes = natural_isotopes(element)
        usual = max(isotopes, key=lambda i: i[2])
        out += [
            ((name, element), mass - usual[1], share / usual[2])
            for name, mass, share in isotopes
            if name != usual[0] and share > _ABUNDANT
        ]
    return out


def _possible(counts: Mapping[str, int]) -> bool:
    """No more hydrogen than the rest can bind, and not hydrogen alone."""
    others = {e: n for e, n in counts.items() if n and e not in ("H", "Li", "Na")}
    bonds = {"C": 2, "Si": 2, "N": 1, "P": 1, "S": 0, "O": 0}
    room = sum(n * bonds.get(e, 0) for e, n in others.items()) + 3
    return bool(others) and counts.get("H", 0) <= room


def _written(counts: Mapping[str, int], swap: tuple[str, str] | None) -> str:
    """Carbon and hydrogen first, then by electronegativity as inorganic chemists do, roughly."""
    order = ["Li", "Na", "Mn", "Co", "Ni", "Si", "C", "H", "N", "P", "S", "O", "F", "Cl"]
    rest = [e for e in counts if e not in order]
    text = ""
    for element in rest + order:
        n = counts.get(element, 0)
        if swap and swap[1] == element and n:
            text += f"[{swap[0]}]"
            n -= 1
        if n:
            text += element + (str(n) if n > 1 else "")
    return text
