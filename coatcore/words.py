"""How units are printed for people, and what a misspelt name may have meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


def pretty_unit(unit: str) -> str:
    """Unit as it is printed: ``cm-1`` -> ``cm⁻¹``, ``degree`` -> ``°``, ``1`` -> nothing.

    Examples
    --------
    >>> pretty_unit("cm-1"), pretty_unit("degree"), pretty_unit("1")
    ('cm⁻¹', '°', '')
    """
    special = {"1": "", "degree": "°", "angstrom": "Å", "counts": "counts"}
    if unit in special:
        return special[unit]
    unit = re.sub(r"\bum(?=$|[\s\d-])", "µm", unit)

    raised = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    return re.sub(r"(?<=[A-Za-z)])-?\d+", lambda m: m.group().translate(raised), unit)


def nearest(found: object, allowed: Iterable[str]) -> str:
    """Words that name what is allowed and the nearest valid name.

    Examples
    --------
    >>> nearest("ftri", ["ftir", "sem"])
    "allowed: ftir, sem; did you mean 'ftir'?"
    """
    names = list(allowed)
    text = f"allowed: {', '.join(names)}"
    close = difflib.get_close_matches(str(found), names, n=1, cutoff=0.5)
    return f"{text}; did you mean {close[0]!r}?" if close else text
