"""Do the means of two groups differ, and by how much?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from coatcore.coverage import effective_dof
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate


def difference_of_means(a: ArrayLike, b: ArrayLike, *, unit: str = "1", what: str = "") -> Estimate:
    """Mean of `a` less mean of `b`, with Welch's interval: the groups may scatter differently.

    Parameters
    ----------
    a, b : array_like
        Shapes (n,) and (m,), at least 2 independent values each.
    unit : str, default "1"
        Of the values.
    what : str, optional
        What was compared, for `Estimate.method`.

    Raises
    ------
    MeasurementError
        If a group has fewer than 2 values.

    References
    ----------
    Welch, Biometrika 34 (1947) 28.

    Examples
    --------
    >>> print(difference_of_means([0.72, 0.71, 0.73], [0.60, 0.59, 0.61]))
    0.120(8)
    """
    groups = [np.asarray(x, float).ravel() for x in (a, b)]
    if min(x.size for x in groups) < 2:
        raise MeasurementError(
            f"groups of {groups[0].size} and {groups[1].size} values: at least 2 each are needed"
        )
    parts = [float(np.var(x, ddof=1)) / x.size for x in groups]
    total = sum(parts)
    return Estimate.from_standard_uncertainty(
        float(groups[0].mean() - groups[1].mean()),
        float(np.sqrt(total)),
        unit=unit,
        dof=effective_dof(parts, [x.size - 1 for x in groups]),
        n=min(x.size for x in groups),
        method=f"difference of means{what}, Welch",
    )
