"""How alike are patterns by the numbers the literature uses?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
import xarray as xr
from scipy.ndimage import uniform_filter1d

from coatcore.errors import MeasurementError
from coatcore.plotting import new_axes
from xrd.alignment.grid import on_common_grid
from xrd.labels.labels import require_pattern

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Measure = Literal["pearson", "cosine", "de_gelder", "rwp"]
_NAMES = {
    "pearson": "Pearson correlation",
    "cosine": "cosine",
    "de_gelder": "de Gelder similarity",
    "rwp": "Rwp",
}


def similarity_matrix(
    patterns: Mapping[str, xr.DataArray],
    *,
    measure: Measure = "de_gelder",
    width: float = 0.5,
) -> xr.DataArray:
    """Every pattern against every other by one number, in one vectorised call.

    None of these numbers has a limit below which patterns differ: counts, background and
    displacement change them (`compare_patterns` tests). They sort and group a batch.

    Parameters
    ----------
    patterns : mapping of str to xarray.DataArray
        Name -> pattern, dim two_theta; summed onto the coarsest grid over their common range.
    measure : {"de_gelder", "pearson", "cosine", "rwp"}
        Cross-correlation with a triangle of half width `width`, which forgives small shifts;
        correlation; cosine of the angle between patterns; weighted profile R factor of the row's
        pattern after scaling the column's to it.
    width : float, default 0.5
        Of de Gelder's triangle, degree.

    Returns
    -------
    xarray.DataArray
        Dims pattern, other; unit 1.

    Raises
    ------
    MeasurementError
        If fewer than two patterns are given, or they share no range.

    References
    ----------
    De Gelder, Wehrens and Hageman, J. Comput. Chem. 22 (2001) 273.

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> same = similarity_matrix({str(s): simulate_pattern(s)[0] for s in (1, 2)})
    >>> bool(same.values[0, 1] > 0.95)
    True
    """
    if measure not in _NAMES:
        raise MeasurementError(f"measure is {measure!r}; allowed are {', '.join(_NAMES)}")
    if not isinstance(patterns, Mapping):
        raise MeasurementError("patterns are given by name: {name: pattern, ...}")
    if len(patterns) < 2:
        raise MeasurementError(f"{len(patterns)} patterns; a matrix needs two or more")
    x, values = on_common_grid([require_pattern(p) for p in patterns.values()])
    step = float(np.median(np.diff(x)))
    matrix = _rwp(values) if measure == "rwp" else _correlation(values, measure, width / step)
    names = np.array(list(patterns))
    label = {"units": "1", "long_name": "pattern"}
    attrs: dict[str, str | float] = {"units": "1", "long_name": _NAMES[measure]}
    if measure == "de_gelder":
        attrs["triangle_half_width_degree"] = width
    if any(p.attrs.get("simulated") == "yes" for p in patterns.values()):
        attrs["simulated"] = "yes"
    return xr.DataArray(
        matrix,
        {"pattern": ("pattern", names, label), "other": ("other", names, label)},
        ("pattern", "other"),
        name=measure,
        attrs=attrs,
    )


def _correlation(values: np.ndarray, measure: str, half_width: float) -> np.ndarray:
    y = values - values.mean(axis=1, keepdims=True) if measure == "pearson" else values
    smooth = y
    if measure == "de_gelder":
        # The background is alike in all patterns and would drown their peaks.
        y = np.maximum(y - _floor(y, half_width), 0.0)
        # A triangle is a box passed over twice; its weighted cross-correlation is one product.
        box = max(1, round(half_width))
        smooth = uniform_filter1d(uniform_filter1d(y, box, axis=1), box, axis=1)
    product = y @ smooth.T
    size = np.sqrt(np.diag(product))
    if np.any(size == 0):
        raise MeasurementError("a pattern is flat over the range common to all")
    return product / np.outer(size, size)


def _floor(y: np.ndarray, half_width: float) -> np.ndarray:
    """Background of each row: the lowest of its averages around, smoothed."""
    from scipy.ndimage import minimum_filter1d

    reach = max(3, round(4 * half_width))
    calm = uniform_filter1d(y, max(1, round(half_width)), axis=1)
    return uniform_filter1d(minimum_filter1d(calm, 2 * reach + 1, axis=1), 2 * reach + 1, axis=1)


def _rwp(values: np.ndarray) -> np.ndarray:
    """Rows against scaled columns, weights 1 / row: sum (a - s b)^2 / a over sum a."""
    weight = 1 / np.maximum(values, 1.0)
    own = np.sum(weight * values**2, axis=1)
    cross = (weight * values) @ values.T
    other = weight @ (values**2).T
    return np.sqrt(np.maximum(1 - cross**2 / other / own[:, None], 0.0))


def descriptors(
    reference: np.ndarray, sample: np.ndarray, expected: np.ndarray, step: float
) -> pd.Series:
    """Rwp of the sample against what is expected of it, and raw Pearson, cosine, de Gelder.

    Parameters
    ----------
    reference, sample : numpy.ndarray, shape (n,)
        Both patterns as measured, on one grid.
    expected : numpy.ndarray, shape (n,)
        Reference after alignment.
    step : float
        Of the grid, degree.

    Examples
    --------
    >>> y = 100 + 50 * np.sin(np.arange(300.0) / 5)
    >>> descriptors(y, y, y, 0.02).round(3).to_dict()
    {'Rwp': 0.0, 'Pearson': 1.0, 'cosine': 1.0, 'de Gelder': 1.0}
    """
    both = np.stack([reference, sample]).astype(float)
    weight = 1 / np.maximum(sample, 1.0)
    rwp = np.sqrt(np.sum(weight * (sample - expected) ** 2) / np.sum(weight * sample**2))
    rows = {"Rwp": float(rwp)}
    for name, measure in (("Pearson", "pearson"), ("cosine", "cosine"), ("de Gelder", "de_gelder")):
        rows[name] = float(_correlation(both, measure, 0.5 / step)[0, 1])
    return pd.Series(rows)


def plot_similarity(matrix: xr.DataArray, ax: Axes | None = None) -> Axes:
    """Heat map of a similarity matrix, patterns that resemble each other side by side.

    Parameters
    ----------
    matrix : xarray.DataArray
        As `similarity_matrix` gives it.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> same = similarity_matrix({str(s): simulate_pattern(s)[0] for s in (1, 2)})
    >>> plot_similarity(same).get_title()
    'de Gelder similarity'
    """
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    from coatcore.plotting import mark_simulated

    n = matrix.sizes["pattern"]
    distance = matrix.values if matrix.name == "rwp" else 1 - matrix.values
    distance = np.maximum((distance + distance.T) / 2, 0.0)
    np.fill_diagonal(distance, 0.0)
    order = leaves_list(linkage(squareform(distance, checks=False), "average"))
    side = min(9.0, 3.0 + 0.28 * n)
    ax = new_axes(ax, figsize=(side + 1.0, side))
    image = ax.imshow(matrix.values[np.ix_(order, order)], cmap="cividis")
    names = matrix["pattern"].values[order]
    if n <= 40:
        ax.set_xticks(range(n), names, rotation=90)
        ax.set_yticks(range(n), names)
    else:
        ax.set_xlabel(f"{n} patterns, grouped")
        ax.set_xticks([])
        ax.set_yticks([])
    ax.set_title(str(matrix.attrs["long_name"]))
    bar = ax.figure.colorbar(image, ax=ax, fraction=0.046, pad=0.03)
    bar.set_label(f"{matrix.attrs['long_name']} / {matrix.attrs['units']}")
    mark_simulated(ax, matrix)
    return ax
