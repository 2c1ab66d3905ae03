"""Does a measured quantity meet its limits?

The decision rule is guarded acceptance and guarded rejection of JCGM 106:2012, 8.3: the
tolerance limits are moved by a guard band as wide as the estimate's own deviation to that side.
"""

from __future__ import annotations

import math
from typing import Literal

from coatqc.core.errors import RecipeError
from coatqc.core.estimate import Estimate

Verdict = Literal["pass", "fail", "inconclusive", "not measured"]

# Worst first: a batch is as good as its worst criterion.
ORDER: tuple[Verdict, ...] = ("fail", "not measured", "inconclusive", "pass")


def judge(estimate: Estimate, minimum: float | None, maximum: float | None) -> Verdict:
    """Verdict on `estimate` against tolerance limits, with the coverage interval as guard band.

    Pass if the whole interval lies within the limits, fail if the whole interval lies beyond
    one of them, else inconclusive. With a 95 % interval the risk that a truth beyond a limit is
    accepted is at most 2.5 % for a one-sided limit, and likewise for false rejection.

    Parameters
    ----------
    estimate : Estimate
        What was measured.
    minimum, maximum : float or None
        Tolerance limits in the unit of `estimate`; at least one of them.

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
    """
    if minimum is None and maximum is None:
        raise RecipeError("a criterion needs min or max")
    if minimum is not None and maximum is not None and minimum > maximum:
        raise RecipeError(f"min {minimum} exceeds max {maximum}")
    below = -math.inf if minimum is None else minimum
    above = math.inf if maximum is None else maximum
    if below <= estimate.lower and estimate.upper <= above:
        return "pass"
    if estimate.upper < below or estimate.lower > above:
        return "fail"
    return "inconclusive"


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
        Between 0 and 1.

    Examples
    --------
    >>> e = Estimate.from_standard_uncertainty(1.0, 0.1)
    >>> round(conformance_probability(e, 1.0, None), 3)
    0.5
    """
    from scipy.special import ndtr, ndtri

    k = float(ndtri((1 + estimate.level) / 2))

    def below(limit: float) -> float:
        side = (
            estimate.upper - estimate.value
            if limit > estimate.value
            else estimate.value - estimate.lower
        )
        if side == 0:
            return 0.5 if limit == estimate.value else float(limit > estimate.value)
        return float(ndtr(k * (limit - estimate.value) / side))

    upper = 1.0 if maximum is None else below(maximum)
    lower = 0.0 if minimum is None else below(minimum)
    return max(0.0, upper - lower)


def worst(verdicts: list[Verdict]) -> Verdict:
    """Verdict on the whole: the worst of `verdicts`; nothing judged is inconclusive.

    Examples
    --------
    >>> worst(["pass", "inconclusive"]), worst([])
    ('inconclusive', 'inconclusive')
    """
    return min(verdicts, key=ORDER.index, default="inconclusive")
