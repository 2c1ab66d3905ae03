"""How many standard uncertainties make an interval, and with how many degrees of freedom?"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import overload

import numpy as np
from scipy.special import ndtri, stdtrit


@overload
def coverage_factor(dof: float = math.inf, level: float = 0.95) -> float: ...
@overload
def coverage_factor(dof: np.ndarray, level: float = 0.95) -> np.ndarray: ...
def coverage_factor(dof: float | np.ndarray = math.inf, level: float = 0.95) -> float | np.ndarray:
    """Factor k by which an interval of value ± k u has the coverage probability `level`.

    Parameters
    ----------
    dof : float or numpy.ndarray
        Degrees of freedom of the standard uncertainty; infinite means normal.
    level : float
        Coverage probability of the two-sided interval.

    Returns
    -------
    float or numpy.ndarray
        Of the shape of `dof`.

    References
    ----------
    JCGM 100:2008, G.3 (Student's t) and table G.2.

    Examples
    --------
    >>> round(coverage_factor(), 6), round(coverage_factor(7), 3)
    (1.959964, 2.365)
    >>> coverage_factor(np.array([1.0, np.inf])).round(2)
    array([12.71,  1.96])
    """
    p = (1 + level) / 2
    if isinstance(dof, np.ndarray):
        finite = np.where(np.isinf(dof), 1.0, dof)
        return np.where(np.isinf(dof), ndtri(p), stdtrit(finite, p))
    return float(ndtri(p) if math.isinf(dof) else stdtrit(dof, p))


def deviance_limit(level: float = 0.95) -> float:
    """Deviance by which a profile likelihood of one parameter ends its interval of that level.

    The quantile of chi-squared with one degree of freedom, which is the normal one's square.

    References
    ----------
    Wilks, Ann. Math. Stat. 1938, 9, 60.

    Examples
    --------
    >>> round(deviance_limit(), 6)
    3.841459
    """
    return coverage_factor(level=level) ** 2


def effective_dof(variances: Iterable[float], dofs: Iterable[float]) -> float:
    """Degrees of freedom of a sum of independent variances, by Welch and Satterthwaite.

    Parameters
    ----------
    variances : iterable of float
        What each source adds to the variance of the result, not negative.
    dofs : iterable of float
        Degrees of freedom with which each is known; infinite where it is known exactly.

    Returns
    -------
    float
        Infinite where nothing scatters, or all that does is known exactly.

    References
    ----------
    Satterthwaite, Biometrics Bull. 1946, 2, 110; Welch, Biometrika 1947, 34, 28; JCGM 100, G.4.1.

    Examples
    --------
    >>> effective_dof([1.0, 1.0], [3, 3]), effective_dof([1.0, 1.0], [3, math.inf])
    (6.0, 12.0)
    """
    pairs = list(zip(variances, dofs, strict=True))
    total = sum(variance for variance, _ in pairs)
    parts = sum(variance**2 / dof for variance, dof in pairs)
    return total**2 / parts if parts > 0 else math.inf
