"""Do the replicates of a batch scatter as they always did, and do batches differ beyond that?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from coatcore.errors import MeasurementError

# Fewest batches of at least two replicates from which limits are worth drawing.
_FEWEST = 8


def c4(n: int) -> float:
    """Mean of the standard deviation of n normal numbers, over their true one.

    Parameters
    ----------
    n : int
        Two or more.

    References
    ----------
    Montgomery, Introduction to Statistical Quality Control, 7th ed., appendix VI.

    Examples
    --------
    >>> round(c4(5), 4)
    0.94
    """
    from scipy.special import gammaln

    return float(np.sqrt(2 / (n - 1)) * np.exp(gammaln(n / 2) - gammaln((n - 1) / 2)))


class Scatter(NamedTuple):
    """Standard deviations of replicates within a batch, and of batches beyond that.

    Parameters
    ----------
    within, between : float
        In the unit of what is charted; `between` is 0 where batches differ no more than their
        replicates explain.
    chart : pandas.DataFrame
        A row a batch: n, standard deviation, its centre, lower and upper limit, and alarm. NaN
        where a batch has fewer than two replicates.

    Examples
    --------
    >>> scatter_of([[1.0, 1.2], [1.1, 0.9]] * 4).between
    0.0
    """

    within: float
    between: float
    chart: pd.DataFrame


def scatter_of(replicates: Sequence[Sequence[float]], *, baseline: int | None = None) -> Scatter:
    """Chart of standard deviations (s chart), and the parts of the scatter.

    Limits lie three standard deviations of s about its mean, and take the number of replicates of
    each batch; normal replicates are taken for granted. The part between batches is what the
    variance of their means exceeds (analysis of variance, unequal numbers).

    Parameters
    ----------
    replicates : sequence of sequence of float
        Of each batch, oldest first.
    baseline : int, optional
        How many of the first batches tell the limits; by default all.

    Returns
    -------
    Scatter

    Raises
    ------
    MeasurementError
        With fewer than eight batches of two replicates in the baseline, or none that scatter.

    References
    ----------
    ISO 7870-2:2013; Montgomery, as in `c4`; Searle, Linear Models, 1971, chapter 11.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> found = scatter_of(rng.normal(0, 1, (50, 5)))
    >>> 0.9 < found.within < 1.1
    True
    """
    groups = [np.asarray(group, float) for group in replicates]
    n = np.array([group.size for group in groups])
    s = np.array([group.std(ddof=1) if group.size > 1 else np.nan for group in groups])
    first = np.arange(n.size) < (n.size if baseline is None else baseline)
    used = first & (n > 1)
    if used.sum() < _FEWEST:
        raise MeasurementError(
            f"{used.sum()} batches of two replicates or more, {_FEWEST} are needed for the limits "
            "of their scatter"
        )
    dof = n[used] - 1
    within = float(np.sqrt((dof * s[used] ** 2).sum() / dof.sum()))
    if within <= 0:
        raise MeasurementError("replicates are all the same: their scatter has no limits")
    factor = np.array([c4(int(k)) if k > 1 else np.nan for k in n])
    reach = 3 * np.sqrt(1 - factor**2)
    lower, upper = np.maximum(0.0, factor - reach) * within, (factor + reach) * within
    chart = pd.DataFrame(
        {
            "n": n,
            "standard deviation": s,
            "centre": factor * within,
            "lower": lower,
            "upper": upper,
            "alarm": (s > upper) | (s < lower),
        }
    )
    means = np.array([group.mean() for group, use in zip(groups, used, strict=True) if use])
    sizes = n[used]
    total = sizes.sum()
    between_squares = (sizes * (means - (sizes * means).sum() / total) ** 2).sum() / (
        sizes.size - 1
    )
    typical = (total - (sizes**2).sum() / total) / (sizes.size - 1)
    between = float(np.sqrt(max(0.0, (between_squares - within**2) / typical)))
    return Scatter(within, between, chart)
