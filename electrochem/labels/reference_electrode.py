"""Are two voltages against the same reference electrode?"""

from __future__ import annotations

import re


def plain_reference(name: str) -> str:
    """One name for all spellings of an electrode.

    Parameters
    ----------
    name : str
        As written in a file.

    Examples
    --------
    >>> plain_reference("Li-In alloy"), plain_reference("Li/Li+"), plain_reference("SHE")
    ('In/LiIn', 'Li+/Li', 'she')
    """
    words = set(re.findall(r"li(?=in)|in(?=li)|[a-z]+", name.lower())) - {"alloy", "vs", "metal"}
    if words & {"in", "liin", "inli", "indium"}:
        return "In/LiIn"
    if words and words <= {"li", "lithium"}:
        return "Li+/Li"
    return " ".join(name.lower().split())


def same_reference(one: str, other: str) -> bool:
    """Whether two names mean one electrode; an empty name is not known, and so agrees.

    Parameters
    ----------
    one, other : str
        Names.

    Examples
    --------
    >>> same_reference("InLi", "In/LiIn"), same_reference("Li+/Li", "In/LiIn")
    (True, False)
    """
    return not one or not other or plain_reference(one) == plain_reference(other)
