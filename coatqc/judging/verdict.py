"""Does a measured quantity meet its limits?

The decision rule is guarded acceptance and guarded rejection of JCGM 106:2012, 8.3: the
tolerance limits are moved by a guard band that the stated risks ask for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from coatcore.errors import RecipeError
from coatcore.estimate import Estimate

# Smaller risks would stand on tails of which no simulation of ours tells.
_LEAST_RISK = 1e-4
Verdict = Literal["pass", "fail", "inconclusive", "not measured"]

# Worst first: a batch is as good as its worst criterion.
ORDER: tuple[Verdict, ...] = ("fail", "not measured", "inconclusive", "pass")


@dataclass(frozen=True)
class Decision:
    """Risks that a decision may take; what is in doubt beyond them is inconclusive.

    Parameters
    ----------
    false_acceptance : float
        Highest probability that a truth just beyond a limit is passed.
    false_rejection : float
        Highest probability that a truth just within the limits is failed.

    Raises
    ------
    RecipeError
        If one of them is not between 0.0001 and 0.5.

    References
    ----------
    JCGM 106:2012, 8.3.2 (guarded acceptance), 8.3.3 (guarded rejection).

    Examples
    --------
    >>> Decision(false_acceptance=0.01).false_rejection
    0.025
    """

    false_acceptance: float = 0.025
    false_rejection: float = 0.025

    def __post_init__(self) -> None:
        for name, risk in vars(self).items():
            if not _LEAST_RISK <= risk <= 0.5:
                raise RecipeError(f"{name} is {risk}, expected {_LEAST_RISK:g} to 0.5")


def judge(
    estimate: Estimate,
    minimum: float | None,
    maximum: float | None,
    decision: Decision | None = None,
) -> Verdict:
    """Verdict on `estimate` against tolerance limits, moved by guard bands.

    The guard band is as wide as the estimate's interval at the level that the stated risk asks
    for; by default that is its own 95 % interval. Pass if that interval lies within the limits,
    fail if it lies beyond one of them, else inconclusive. How the interval grows with its level
    is Student's t, with the degrees of freedom that its width over its standard uncertainty
    tells. An open end stays open: a lower bound may pass a minimum or fail a maximum, but never
    pass a maximum.

    Parameters
    ----------
    estimate : Estimate
        What was measured.
    minimum, maximum : float or None
        Tolerance limits in the unit of `estimate`; at least one of them.
    decision : Decision, optional
        Risks that may be taken.

    Returns
    -------
    {"pass", "fail", "inconclusive"}

    Raises
    ------
    RecipeError
        If no limit is given, or the minimum exceeds the maximum.

    References
    ----------
    JCGM 106:2012, Evaluation of measurement data - The role of measurement uncertainty in
    conformity assessment, section 8.3.

    Examples
    --------
    >>> shift = Estimate.from_standard_uncertainty(-13.2, 0.5, unit="cm-1")
    >>> judge(shift, None, -8.0), judge(shift, None, -13.0), judge(shift, -10.0, None)
    ('pass', 'inconclusive', 'fail')
    >>> judge(shift, None, -13.0, Decision(false_acceptance=0.4))
    'pass'
    """
    if minimum is None and maximum is None:
        raise RecipeError("a criterion needs min or max")
    if minimum is not None and maximum is not None and minimum > maximum:
        raise RecipeError(f"min {minimum} exceeds max {maximum}")
    decision = decision or Decision()
    below = -math.inf if minimum is None else minimum
    above = math.inf if maximum is None else maximum
    lower, upper = guarded(estimate, decision.false_acceptance)
    if below <= lower and upper <= above:
        return "pass"
    lower, upper = guarded(estimate, decision.false_rejection)
    if upper < below or lower > above:
        return "fail"
    return "inconclusive"


def guarded(estimate: Estimate, risk: float) -> tuple[float, float]:
    """Ends beyond each of which the truth lies with probability `risk`.

    Parameters
    ----------
    estimate : Estimate
        With an interval of equal tails.
    risk : float
        On each side.

    Examples
    --------
    >>> e = Estimate.from_standard_uncertainty(1.0, 0.1)
    >>> [round(v, 2) for v in guarded(e, 0.025)], [round(v, 2) for v in guarded(e, 0.16)]
    ([0.8, 1.2], [0.9, 1.1])
    """
    own = (1 - estimate.level) / 2
    if math.isclose(risk, own):
        return estimate.lower, estimate.upper
    below, above = (
        side * _widening(side, estimate.standard_uncertainty, own, risk)
        if math.isfinite(side)
        else side
        for side in (estimate.value - estimate.lower, estimate.upper - estimate.value)
    )
    return estimate.value - below, estimate.value + above


def _widening(side: float, u: float, own: float, risk: float) -> float:
    """Factor from the tail `own` to the tail `risk` of one side of an interval."""
    import numpy as np
    from scipy.special import ndtri, stdtrit

    freedom = np.geomspace(1, 1000, 100)
    wide = stdtrit(freedom, 1 - own)
    if u <= 0 or side / u <= wide[-1]:
        return float(ndtri(1 - risk) / ndtri(1 - own))
    # The fewest degrees of freedom that are no wider than this; one where even that is not.
    dof = float(freedom[np.argmax(wide <= side / u)])
    return float(stdtrit(dof, 1 - risk) / stdtrit(dof, 1 - own))


def conformance_probability(
    estimate: Estimate, minimum: float | None, maximum: float | None
) -> float:
    """Probability that the true value lies within the limits (JCGM 106:2012, 7).

    The state of knowledge is taken as normal on each side of the value, with the deviation that
    the interval has on that side.

    Parameters
    ----------
    estimate : Estimate
        What was measured.
    minimum, maximum : float or None
        Tolerance limits in the unit of `estimate`.

    Returns
    -------
    float
        Between 0 and 1; NaN where a limit lies on a side on which the interval is open, which
        tells no probability.

    Examples
    --------
    >>> e = Estimate.from_standard_uncertainty(1.0, 0.1)
    >>> round(conformance_probability(e, 1.0, None), 3)
    0.5
    >>> bound = Estimate.from_interval(6.0, 5.0, math.inf, standard_uncertainty=0.5)
    >>> conformance_probability(bound, None, 7.0)
    nan
    """
    from scipy.special import ndtr, ndtri

    k = float(ndtri((1 + estimate.level) / 2))

    def below(limit: float) -> float:
        side = (
            estimate.upper - estimate.value
            if limit > estimate.value
            else estimate.value - estimate.lower
        )
        if math.isinf(side):
            return math.nan
        if side == 0:
            return 0.5 if limit == estimate.value else float(limit > estimate.value)
        return float(ndtr(k * (limit - estimate.value) / side))

    upper = 1.0 if maximum is None else below(maximum)
    lower = 0.0 if minimum is None else below(minimum)
    return math.nan if math.isnan(upper - lower) else max(0.0, upper - lower)


def worst(verdicts: list[Verdict]) -> Verdict:
    """Verdict on the whole: the worst of `verdicts`; nothing judged is inconclusive.

    Examples
    --------
    >>> worst(["pass", "inconclusive"]), worst([])
    ('inconclusive', 'inconclusive')
    """
    return min(verdicts, key=ORDER.index, default="inconclusive")
