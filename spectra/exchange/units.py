"""Units as coatqc spells them (``cm-1``), and as SpectroChemPy holds them (Pint)."""

from __future__ import annotations

import re
from typing import Any

# Pint's symbol -> UDUNITS spelling, where they differ.
_SPELLED = {"°C": "degC", "Δ°C": "degC", "°": "degree", "deg": "degree", "Å": "angstrom"}
# What SpectroChemPy calls a unit, and is but the name of a quantity without one.
_NO_UNITS = ("absorbance", "absolute_transmittance", "Kubelka_Munk", "dimensionless")
_HUNDREDTHS = ("transmittance", "percent")
_ONE_UNIT = re.compile(r"([^\s\d*/^.()-]+)(-?\d+)?")


def to_pint(unit: str) -> Any:
    """Unit for SpectroChemPy; None for no unit, and for one that Pint does not know.

    Parameters
    ----------
    unit : str
        UDUNITS spelling, as in ``attrs["units"]``.

    Examples
    --------
    >>> to_pint("1") is None, to_pint("furlong_per_pint") is None
    (True, True)
    >>> udunits(to_pint("W m-2"))
    ('W m-2', 1.0)
    """
    from spectrochempy.core.units import ur

    parts = [_ONE_UNIT.fullmatch(part) for part in unit.split()]
    try:
        named = [f"{part[1]}**{part[2] or 1}" for part in parts if part is not None]
        return ur("*".join(named)).units if named and len(named) == len(parts) else None
    except Exception:  # Pint's errors of parsing have no common class
        return None


def udunits(unit: Any) -> tuple[str, float]:
    """UDUNITS spelling of a Pint unit, and the factor that brings values to it.

    Parameters
    ----------
    unit : pint.Unit or None
        Percent becomes a fraction; None is no unit.

    Returns
    -------
    (str, float)

    Examples
    --------
    >>> udunits(None), udunits(to_pint("percent")), udunits(to_pint("um-1"))
    (('1', 1.0), ('1', 0.01), ('um-1', 1.0))
    """
    if unit is None:
        return "1", 1.0
    parts, factor = [], 1.0
    for name, power in dict(unit._units).items():
        if name in _NO_UNITS:
            continue
        if name in _HUNDREDTHS:
            factor *= 0.01**power
            continue
        symbol = str(unit._REGISTRY.get_symbol(name)).replace("µ", "u").replace("μ", "u")
        symbol = _SPELLED.get(symbol, symbol)
        parts.append(symbol if power == 1 else f"{symbol}{power:g}")
    return " ".join(parts) or "1", factor


def alike(one: Any, other: Any) -> bool:
    """Whether two units are the same, no unit and a mere 1 being one.

    Parameters
    ----------
    one, other : pint.Unit or None
        To compare.

    Examples
    --------
    >>> alike(None, to_pint("nm")), alike(to_pint("nm"), to_pint("nm"))
    (False, True)
    """
    return bool(one == other) or {str(one or ""), str(other or "")} <= {"", "dimensionless"}
