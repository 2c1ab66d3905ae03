"""How ions are written in figures."""

from __future__ import annotations

from coatcore.errors import MeasurementError
from tofsims.ions.formulas import in_mathtext


def pretty_ion(name: str) -> str:
    r"""An ion as chemists print it, in Matplotlib's mathtext; other text as it is.

    Examples
    --------
    >>> print(pretty_ion("58NiO2-"), pretty_ion("sum of 4"))
    $\mathregular{^{58}NiO_{2}^{-}}$ sum of 4
    """
    try:
        return in_mathtext(name)
    except MeasurementError:
        return name
