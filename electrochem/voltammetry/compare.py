"""Does a coating change the charge that side reactions take?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.special import ndtr, stdtr

from coatcore.coverage import coverage_factor, effective_dof
from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from electrochem.voltammetry.charge import SAME_RATE, ScanCharge, charge_of_scan, mass_factor


@shown(also=("verdict",))
@dataclass(frozen=True, eq=False)
class VoltammogramComparison:
    """Side-reaction charge of coated less that of uncoated electrodes.

    Parameters
    ----------
    difference : Estimate
        mC or mAh g-1.
    p_value : float
        Chance of so large a difference if there were none.
    same_within : float or None
        Difference that would matter, in the same unit.
    equivalence_p : float or None
        Chance of so small a difference if the true one were that large (two one-sided tests).
    warnings : tuple of str
        What speaks against taking it at its word.

    Examples
    --------
    >>> d = Estimate.from_standard_uncertainty(-2.0, 0.5, unit="mC")
    >>> VoltammogramComparison(d, 1e-4, None, None).verdict
    'coated less'
    """

    difference: Estimate
    p_value: float
    same_within: float | None
    equivalence_p: float | None
    warnings: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """``same within ...``, ``coated less``, ``coated more`` or ``undecided``.

        Examples
        --------
        >>> d = Estimate.from_standard_uncertainty(0.1, 0.1, unit="mC")
        >>> VoltammogramComparison(d, 0.3, 1.0, 1e-6).verdict
        'same within 1 mC'
        """
        d = self.difference
        if self.equivalence_p is not None and self.equivalence_p < 1 - d.level:
            return f"same within {self.same_within:g} {d.unit}"
        if d.lower > 0 or d.upper < 0:
            return "coated less" if d.value < 0 else "coated more"
        return "undecided"


def compare_voltammograms(
    coated: xr.Dataset | Sequence[xr.Dataset],
    uncoated: xr.Dataset | Sequence[xr.Dataset],
    between: tuple[float, float],
    *,
    same_within: float | None = None,
    mass_g: float | None = None,
    baseline: str = "edges",
) -> VoltammogramComparison:
    """Compare the first oxidation of coated and uncoated electrodes.

    Parameters
    ----------
    coated, uncoated : xarray.Dataset or sequence of them
        Records, one a cell.
    between : (float, float)
        Window, V.
    same_within : float, optional
        Difference that would matter, mC or mAh g-1, for the test that they are the same.
    mass_g, baseline
        As for `side_reaction_charge`.

    Returns
    -------
    VoltammogramComparison
        From two cells of each kind on, the spread between cells counts (Welch); with fewer only
        the noise within a scan, which is said in `warnings`, as are peaks that the window cuts
        (the difference is then open on that side) and scan rates that differ.

    Raises
    ------
    MeasurementError
        If a list is empty, a scan does not cross the window, or a record is given twice.

    Examples
    --------
    >>> from electrochem.simulating import simulate_voltammogram
    >>> coated = [simulate_voltammogram(s, charge=4.0)[0] for s in (1, 2, 3)]
    >>> bare = [simulate_voltammogram(s, charge=9.0)[0] for s in (4, 5, 6)]
    >>> compare_voltammograms(coated, bare, (2.3, 3.7)).verdict
    'coated less'
    """
    if same_within is not None and not same_within > 0:
        raise MeasurementError(f"same_within is {same_within}; expected more than zero")
    factor, unit = mass_factor(mass_g)
    groups, warnings = [], []
    for name, given in (("coated", coated), ("uncoated", uncoated)):
        records = [given] if isinstance(given, xr.Dataset) else list(given)
        if not records:
            raise MeasurementError(f"{name}: no voltammogram was given")
        found = [charge_of_scan(r, None, between, baseline=baseline) for r in records]
        warnings += [f"{name} cell {i}: {one.cut}" for i, one in enumerate(found) if one.cut]
        groups.append(found)
    _check_different(groups)
    rates = [one.rate for g in groups for one in g]
    if max(rates) > (1 + SAME_RATE) * min(rates):
        warnings.append(
            f"cells were scanned at {1e3 * min(rates):.4g} to {1e3 * max(rates):.4g} mV/s: charges "
            "of different rates are not alike"
        )
    a, b = ([one.value * factor for one in g] for g in groups)
    value = float(np.mean(a) - np.mean(b))
    if min(len(a), len(b)) >= 2:
        parts = [float(np.var(x, ddof=1)) / len(x) for x in (a, b)]
        u = math.sqrt(sum(parts))
        dof = effective_dof(parts, [len(x) - 1 for x in (a, b)])
    else:
        u = factor * math.sqrt(sum(sum(one.u**2 for one in g) / len(g) ** 2 for g in groups))
        dof = math.inf
        warnings.append("fewer than two cells of a kind: the spread between cells is not in it")

    def below(x: float) -> float:
        return float(ndtr(x / u) if math.isinf(dof) else stdtr(dof, x / u))

    k = coverage_factor(dof)
    # A charge that is a lower bound leaves the difference open on its side.
    up, down = (any(one.cut for one in g) for g in groups)
    difference = Estimate.from_interval(
        value,
        -math.inf if down else value - k * u,
        math.inf if up else value + k * u,
        standard_uncertainty=math.inf if up or down else u,
        unit=unit,
        n=min(len(a), len(b)),
        method="difference of mean charges, Welch-Satterthwaite interval",
    )
    chances = [1.0 if down else below(-value), 1.0 if up else below(value)]
    equal = None
    if same_within is not None:
        equal = max(below(value - same_within), below(-value - same_within))
        equal = 1.0 if up or down else equal
    return VoltammogramComparison(
        difference, min(1.0, 2 * min(chances)), same_within, equal, tuple(warnings)
    )


def _check_different(groups: list[list[ScanCharge]]) -> None:
    """The same record given twice has no scatter, and would seem to be sure of anything."""
    seen: dict[float, str] = {}
    for name, group in zip(("coated", "uncoated"), groups, strict=True):
        for i, one in enumerate(group):
            cell = f"{name} cell {i}"
            if one.value in seen:
                raise MeasurementError(
                    f"{cell} and {seen[one.value]} have exactly the same charge; give each "
                    "measured record once"
                )
            seen[one.value] = cell
