"""How much do single values scatter about a smooth course?"""

from __future__ import annotations

from math import comb

import numpy as np

from coatcore.statistics.robust_scale import robust_scale


def scatter_of(
    values: np.ndarray, *, order: int = 3, within: np.ndarray | None = None, fewest: int = 5
) -> float:
    """Standard deviation of independent noise, from differences of neighbours.

    A course that is a polynomial of lower degree than `order` over ``order + 1`` values does not
    enter; a few steps and spikes hardly do (median). Noise that is alike in neighbours is not
    seen: this is of white noise only.

    Parameters
    ----------
    values : numpy.ndarray
        Shape (n,), in order, in any unit.
    order : int, default 3
        Of the differences.
    within : numpy.ndarray, optional
        Shape (n - order,), whether the values of a difference belong together.
    fewest : int, default 5
        Differences below which the answer is 0.

    Returns
    -------
    float
        In the unit of the values.

    Examples
    --------
    >>> noise = np.random.default_rng(1).normal(size=5000)
    >>> round(scatter_of(np.arange(5000.0) ** 2 + 0.1 * noise), 2)
    0.1
    """
    step = np.diff(np.asarray(values, float), n=order) / np.sqrt(comb(2 * order, order))
    if within is not None:
        step = step[within]
    if step.size < fewest:
        return 0.0
    size = np.abs(step)
    # Quantised values have a median of zero: then the mean square of the lower nine tenths.
    return float(robust_scale(size, about_zero=True)) or float(
        np.sqrt(np.mean(np.sort(size)[: int(0.9 * size.size)] ** 2))
    )
