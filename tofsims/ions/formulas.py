"""How do chemists write ions?"""

from __future__ import annotations

import functools
import re

from coatcore.errors import MeasurementError

_PLAIN = str.maketrans("₀₁₂₃₄₅₆₇₈₉⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻₊₋−–", "01234567890123456789+-+---")
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_EXPECTED = "expected a formula and its charge, as in PO2- or 60NiO2-"
# Elements without any stable or long-lived isotope.
_FLEETING = {"Tc", "Pm", "Po", "At", "Rn", "Fr", "Ra", "Ac", "Np", "Pu", "Am", "Cm", "Bk", "Cf"}
_FLEETING |= {"Es", "Fm", "Md", "No", "Lr", "Rf", "Db", "Sg", "Bh", "Hs", "Mt", "Ds", "Rg", "Cn"}


def split_charge(name: str) -> tuple[str, int]:
    """Formula and charge of an ion's name.

    Parameters
    ----------
    name : str
        As written.

    Raises
    ------
    MeasurementError
        If there is no charge, or no formula before it.

    Examples
    --------
    >>> split_charge("SO4^2-"), split_charge("Bi3++"), split_charge("PO₂⁻")
    (('SO4', -2), ('Bi3', 2), ('PO2', -1))
    """
    # Superscript digits before an element are a mass number, before a sign the charge.
    text = re.sub(f"([{_SUPERSCRIPTS}]+)", r"^\1", str(name).strip())
    text = text.translate(_PLAIN).replace(" ", "")
    matched = re.fullmatch(
        r"(.{1,80}?)(?:\^?\{?(?P<signs>\++|-+)\}?|\^\{?(?P<n>\d)(?P<s>[+-])\}?"
        r"|\((?P<m>\d?)(?P<t>[+-])\))",
        text,
    )
    if not matched or not re.search(r"[A-Z]", matched[1]) or matched[1][-1] in "+-^":
        raise MeasurementError(f"{name!r} is no ion: {_EXPECTED}")
    if matched["signs"]:
        size, sign = len(matched["signs"]), matched["signs"][0]
    else:
        size, sign = int(matched["n"] or matched["m"] or 1), matched["s"] or matched["t"]
    if not 1 <= size <= 4:
        raise MeasurementError(f"{name!r} has a charge of {size}, expected 1 to 4")
    return matched[1], size if sign == "+" else -size


def explicit_formula(name: str, formula: str) -> str:
    """The formula with every named isotope in brackets, as molmass reads it.

    A number between two elements counts the first of them, unless the formula begins with a
    named isotope and the number is a mass number of the second.

    Parameters
    ----------
    name : str
        For messages.
    formula : str
        From `split_charge`.

    Raises
    ------
    MeasurementError
        If a character or an element is none of a formula's.

    Examples
    --------
    >>> [explicit_formula("", f) for f in ("58Ni16O2", "^{34}SO2", "60NiO2", "C12H22O11", "D2O")]
    ['[58Ni][16O]2', '[34S]O2', '[60Ni]O2', 'C12H22O11', '[2H]2O']
    """
    text = re.sub(r"\^\{?(\d{1,3})\}?", r"^\1", formula)
    named_first = bool(re.match(r"[\[(]*\^?\d", text))
    out, at = "", 0
    token = re.compile(
        r"\^(\d{1,3})([A-Z][a-z]?)|\[(\d{1,3})([A-Z][a-z]?)\]|(\d+)|([A-Z][a-z]?)|([()])"
    )
    while at < len(text):
        matched = token.match(text, at)
        if not matched:
            raise MeasurementError(
                f"{name!r} is no ion: {text[at]!r} has no place in a formula; {_EXPECTED}"
            )
        at = matched.end()
        if matched[1] or matched[3]:
            out += _isotope(name, matched[1] or matched[3], matched[2] or matched[4])
        elif matched[5]:
            follows = re.match(r"[A-Z][a-z]?", text[at:])
            count, mass = matched[5], ""
            if follows and (named_first or not out):
                count, mass = _count_and_mass(matched[5], follows[0], bool(out))
            out += count
            if mass and follows:
                out += _isotope(name, mass, follows[0])
                at += follows.end()
        elif matched[6]:
            _require_lasting(name, matched[6])
            out += "[2H]" if matched[6] == "D" else matched[6]
        else:
            out += matched[7]
    return out


def _count_and_mass(digits: str, element: str, counts_before: bool) -> tuple[str, str]:
    """Split a number into a count of what stands before and a mass number of what follows."""
    if not counts_before:
        return "", digits
    known = _mass_numbers(element)
    for size in range(len(digits), 0, -1):
        count, mass = digits[: len(digits) - size], digits[len(digits) - size :]
        if int(mass) in known and int(mass) > 4 and not count.startswith("0"):
            return count, mass
    return digits, ""


def _isotope(name: str, mass: str, element: str) -> str:
    _require_lasting(name, element)
    if int(mass) not in _mass_numbers(element):
        known = ", ".join(str(m) for m in sorted(_mass_numbers(element))) or "none"
        raise MeasurementError(
            f"{name!r} is no ion: {element} has no isotope {mass} (known: {known}); {_EXPECTED}"
        )
    return f"[{mass}{element}]"


@functools.lru_cache(maxsize=256)
def _mass_numbers(element: str) -> frozenset[int]:
    from molmass import ELEMENTS

    try:
        return frozenset(ELEMENTS[element].isotopes)
    except KeyError:
        return frozenset()


def _require_lasting(name: str, element: str) -> None:
    if element == "D":
        return
    if element in _FLEETING:
        meant = name.replace(element, element.upper())
        raise MeasurementError(
            f"{name!r} is no ion of a surface: {element} has no stable isotope; did you mean "
            f"{meant}?"
        )
    if not _mass_numbers(element):
        raise MeasurementError(f"{name!r} is no ion: there is no element {element}; {_EXPECTED}")


def in_mathtext(name: str) -> str:
    r"""An ion as it is printed, in Matplotlib's mathtext.

    Examples
    --------
    >>> print(in_mathtext("58NiO2-"), in_mathtext("SO4^2-"))
    $\mathregular{^{58}NiO_{2}^{-}}$ $\mathregular{SO_{4}^{2-}}$

    Raises
    ------
    MeasurementError
        If it is no ion.
    """
    formula, charge = split_charge(name)
    text = explicit_formula(name, formula)
    text = re.sub(r"(?<=[A-Za-z)\]])(\d+)", r"_{\1}", text)
    text = re.sub(r"\[(\d+)([A-Z][a-z]?)\]", r"^{\1}\2", text)
    sign = "+" if charge > 0 else "-"
    size = str(abs(charge)) if abs(charge) > 1 else ""
    return f"$\\mathregular{{{text}^{{{size}{sign}}}}}$"
