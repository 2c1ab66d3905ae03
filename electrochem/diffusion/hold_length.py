"""How far must lithium go by the time of a voltage hold, and does impedance say the same?"""

from __future__ import annotations

import math
from dataclasses import dataclass

from coatcore.coverage import coverage_factor
from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from electrochem.diffusion.hold_model import check_hold_model, diffusion_time_of_hold
from electrochem.diffusion.voltage_hold import HoldTime

_UM_PER_CM = 1e4
_NORMAL = coverage_factor()


def length_from_hold(
    hold: HoldTime,
    *,
    diffusion_coefficient: float,
    resistance_capacity: tuple[float, float] = (0.0, 0.0),
    spread: float = 0.0,
    geometry: str = "planar",
) -> Estimate:
    """Diffusion length, um, from the time that a voltage hold took.

    Parameters
    ----------
    hold : HoldTime
        From `hold_time`.
    diffusion_coefficient : float
        cm2 s-1, taken as exact: L goes with its root.
    resistance_capacity : (float, float)
        Resistance in series times differential capacity, s, and its standard uncertainty.
    spread : float
        Standard deviation of ln L by volume.
    geometry : {"planar", "cylinder", "sphere"}
        Of the particles.

    Returns
    -------
    Estimate
        um. It begins at 0 where the resistance alone may explain the time, and has no upper end
        where the hold was ended before.

    Raises
    ------
    MeasurementError
        If an argument cannot be, or the resistance alone takes longer than was measured, beyond
        the uncertainties of both.

    Examples
    --------
    >>> time = Estimate.from_standard_uncertainty(2535.0, 30.0, unit="s")
    >>> str(length_from_hold(HoldTime(time, 0.02, True), diffusion_coefficient=1e-11))
    '1.300(8) um'
    """
    if not (diffusion_coefficient > 0 and math.isfinite(diffusion_coefficient)):
        raise MeasurementError(
            f"diffusion_coefficient is {diffusion_coefficient}; expected cm2 s-1 above 0, as 1e-11"
        )
    rc, u_rc = resistance_capacity
    if not (u_rc >= 0 and math.isfinite(u_rc)):
        raise MeasurementError(
            f"resistance_capacity: its standard uncertainty is {u_rc}; expected s, at least 0"
        )
    check_hold_model(hold.fraction, 1.0, rc, spread, geometry)

    def length(time: float, product: float) -> float:
        if time <= 0:
            return 0.0
        tau = diffusion_time_of_hold(time, hold.fraction, max(product, 0.0), spread, geometry)
        return _UM_PER_CM * math.sqrt(diffusion_coefficient * tau)

    least, most = rc - _NORMAL * u_rc, rc + _NORMAL * u_rc
    value = length(hold.time.value, rc)
    if hold.reached and value == 0 and length(hold.time.upper, least) == 0:
        needs = max(least, 0.0) * math.log(1 / hold.fraction)
        raise MeasurementError(
            f"a resistance times capacity of at least {max(least, 0.0):.4g} s alone takes "
            f"{needs:.4g} s, the hold at most {hold.time.upper:.4g} s"
        )
    down = math.hypot(value - length(hold.time.lower, rc), value - length(hold.time.value, most))
    up = math.inf
    if hold.reached:
        up = math.hypot(length(hold.time.upper, rc) - value, length(hold.time.value, least) - value)
        if value == 0:
            up = max(up, length(hold.time.upper, least))
    lower = max(value - down, 0.0)
    # Near 0 the length changes faster than in proportion: what the resistance may explain, counts.
    if length(hold.time.lower, most) == 0 and length(hold.time.value, most) == 0:
        lower = 0.0
    return Estimate.from_interval(
        value,
        lower,
        value + up,
        standard_uncertainty=(value - lower + up) / 2 / _NORMAL if hold.reached else math.inf,
        unit="um",
        n=hold.time.n,
        method=f"{geometry} particles, time to {hold.fraction:g} of the charging current",
    )


@shown(also=("verdict",))
@dataclass(frozen=True, eq=False)
class LengthComparison:
    """Whether two ways to a diffusion length agree.

    Parameters
    ----------
    log_ratio : Estimate
        ln of the first less ln of the second.
    within : float
        Relative difference that is let pass.

    Examples
    --------
    >>> LengthComparison(Estimate.from_standard_uncertainty(0.02, 0.03), 0.2).verdict
    'agree'
    """

    log_ratio: Estimate
    within: float

    @property
    def verdict(self) -> str:
        """``agree``: the interval lies within the margin; ``differ``: 0 lies outside of it.

        Examples
        --------
        >>> LengthComparison(Estimate.from_standard_uncertainty(0.5, 0.1), 0.2).verdict
        'differ'
        >>> LengthComparison(Estimate.from_standard_uncertainty(0.1, 0.2), 0.2).verdict
        'undecided'
        """
        margin = math.log1p(self.within)
        if -margin < self.log_ratio.lower and self.log_ratio.upper < margin:
            return "agree"
        if self.log_ratio.lower > 0 or self.log_ratio.upper < 0:
            return "differ"
        return "undecided"


def compare_lengths(first: Estimate, second: Estimate, *, within: float = 0.2) -> LengthComparison:
    """Do two ways to the same diffusion length agree, impedance's and a hold's?

    Parameters
    ----------
    first, second : Estimate
        um; from `diffusion_length` and `length_from_hold`, with the same diffusion coefficient,
        taken as exact in both: it cancels.
    within : float, default 0.2
        Relative difference of lengths that is let pass.

    Returns
    -------
    LengthComparison
        Difference of logarithms, whose interval is that of independent estimates. A bound (an
        interval without an end) can differ or be undecided, never agree.

    Raises
    ------
    MeasurementError
        If units or levels differ, a length is not positive, or `within` is not.

    Examples
    --------
    >>> of = Estimate.from_standard_uncertainty
    >>> compare_lengths(of(2.5, 0.05, unit="um"), of(2.45, 0.02, unit="um")).verdict
    'agree'
    """
    if not (within > 0 and math.isfinite(within)):
        raise MeasurementError(f"within is {within}; expected more than 0, as 0.2")
    for name, one in (("first", first), ("second", second)):
        if not isinstance(one, Estimate):
            raise MeasurementError(f"{name}: expected an Estimate in um, got {one!r}")
    if first.unit != second.unit or first.level != second.level:
        raise MeasurementError(
            f"lengths are in {first.unit} at {first.level:g} and {second.unit} at "
            f"{second.level:g}; expected one unit and level"
        )
    sides = []
    for name, one in (("first", first), ("second", second)):
        if not (one.value > 0 and math.isfinite(one.value)):
            raise MeasurementError(f"{name} is {one.value:g} {one.unit}; expected more than zero")
        down = math.log(one.value / one.lower) if one.lower > 0 else math.inf
        up = math.log(one.upper / one.value)
        sides.append((down, up, one.standard_uncertainty / one.value))
    (a_down, a_up, a_u), (b_down, b_up, b_u) = sides
    value = math.log(first.value / second.value)
    return LengthComparison(
        Estimate.from_interval(
            value,
            value - math.hypot(a_down, b_up),
            value + math.hypot(a_up, b_down),
            standard_uncertainty=math.hypot(a_u, b_u),
            level=first.level,
            n=min(first.n, second.n),
            method="difference of logarithms of independent lengths",
        ),
        within,
    )
