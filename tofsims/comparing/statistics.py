"""What box plots show: quartiles, whiskers, and the mean with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from coatcore.coverage import coverage_factor
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.statistics.quartiles import Quartiles
from coatcore.statistics.quartiles import quartiles as quartiles_of
from coatcore.statistics.ranks import median_interval

# Head and whether it carries the unit of the values.
_COLUMNS = (
    ("n", False),
    ("mean", True),
    ("lower (95 %)", True),
    ("upper (95 %)", True),
    ("standard deviation", True),
    ("median", True),
    ("median lower", True),
    ("median upper", True),
    ("median level", False),
    ("first quartile", True),
    ("third quartile", True),
    ("lower whisker", True),
    ("upper whisker", True),
    ("outliers", False),
)


def box_statistics(
    values: xr.DataArray,
    group: Sequence[str] | None = None,
    *,
    quartiles: Quartiles = "inclusive",
    whiskers: float | Literal["range"] = 1.5,
) -> pd.DataFrame:
    """Box statistics over replicates.

    Parameters
    ----------
    values : xarray.DataArray
        Dims (replicate,) or (replicate, fragment).
    group : sequence of str, optional
        Name of each replicate's group; by default all belong to one.
    quartiles : {"inclusive", "exclusive", "tukey", "averaged"}
        Definition, see `coatcore.statistics.quartiles.quartiles`: ``inclusive`` is Matplotlib's
        and Excel's, ``averaged`` SAS's, and offered by OriginPro.
    whiskers : float or "range"
        Whiskers reach to the last value within so many interquartile ranges of the box
        (Tukey), or over all values.

    Returns
    -------
    pandas.DataFrame
        A row a group and fragment; heads carry the unit where it is not 1. The mean's interval
        is Student's t; the median's lies between order statistics and has the level given (below
        six values there is none of 95 %).

    Raises
    ------
    MeasurementError
        If `group` does not name every replicate, or a value is missing.

    Examples
    --------
    >>> import xarray as xr
    >>> box_statistics(xr.DataArray([1.0, 2.0, 3.0, 10.0], dims="replicate"))["outliers"].item()
    1
    """
    if not isinstance(values, xr.DataArray) or not {"replicate"} <= set(values.dims) <= {
        "replicate",
        "fragment",
    }:
        found = getattr(values, "dims", type(values).__name__)
        raise MeasurementError(
            f"statistics are of dims (replicate,) or (replicate, fragment), found {found}"
        )
    if whiskers != "range" and not (isinstance(whiskers, int | float) and whiskers >= 0):
        raise MeasurementError(f"whiskers is {whiskers!r}, expected a number or 'range'")
    if "fragment" not in values.dims:
        name = str(values.coords["fragment"].item()) if "fragment" in values.coords else "value"
        values = values.drop_vars("fragment", errors="ignore").expand_dims(fragment=[name])
    data = values.transpose("replicate", "fragment")
    if not np.isfinite(data.values).all():
        lost = [str(f) for f in data["fragment"].values[~np.isfinite(data.values).all(axis=0)]]
        raise MeasurementError(
            f"a value of {', '.join(lost)} is missing or not finite; leave that fragment out"
        )
    names = ["all"] * data.sizes["replicate"] if group is None else [str(g) for g in group]
    if len(names) != data.sizes["replicate"]:
        raise MeasurementError(f"{len(names)} group names for {data.sizes['replicate']} replicates")
    unit = str(values.attrs.get("units", "1"))
    heads = [f"{head} ({unit})" if own and unit != "1" else head for head, own in _COLUMNS]
    rows = []
    for label in dict.fromkeys(names):
        mine = data.values[[n == label for n in names]]
        for column, fragment in enumerate(data["fragment"].values):
            facts = dict(zip(heads, _box(mine[:, column], quartiles, whiskers), strict=True))
            head = {} if group is None else {"group": label}
            rows.append({**head, "fragment": str(fragment), **facts})
    return pd.DataFrame(rows)


def _box(
    x: np.ndarray, definition: Quartiles, whiskers: float | Literal["range"]
) -> tuple[float, ...]:
    low, middle, high = quartiles_of(x, definition)
    reach = np.inf if whiskers == "range" else whiskers * (high - low)
    within = x[(x >= low - reach) & (x <= high + reach)]
    n = x.size
    spread = float(x.std(ddof=1)) if n > 1 else np.nan
    half = coverage_factor(n - 1) * spread / np.sqrt(n) if n > 1 else np.nan
    mean = float(x.mean())
    inner = (float(within.min()), float(within.max()))
    ends = median_interval(x)
    moments = (mean, mean - half, mean + half, spread)
    return (n, *moments, middle, *ends, low, high, *inner, n - within.size)


def mean_intensity(values: xr.DataArray, counting: xr.DataArray | None = None) -> Estimate:
    """Mean over replicates with the interval that their scatter gives (Student's t).

    Parameters
    ----------
    values : xarray.DataArray
        Dim replicate, at least two.
    counting : xarray.DataArray, optional
        Standard uncertainty of each value from counting. It sets the upper end where nothing
        was counted in any replicate, so that they do not scatter.

    Returns
    -------
    Estimate

    Raises
    ------
    MeasurementError
        With fewer than two replicates, or with missing values.

    Examples
    --------
    >>> import xarray as xr
    >>> print(mean_intensity(xr.DataArray([1.0, 2.0, 3.0], dims="replicate")))
    2.0(6)
    """
    x = require_replicates(values)
    if np.ptp(x) == 0:
        if counting is None or x[0] != 0:
            raise MeasurementError(
                f"all {x.size} replicates are {x[0]:g}: without scatter there is no uncertainty"
            )
        # With no count at all, 3.69 expected counts would have shown with probability 0.975.
        return Estimate.from_interval(
            0.0,
            0.0,
            3.69 * float(counting.mean()) / x.size,
            unit=str(values.attrs.get("units", "1")),
            n=x.size,
            method="no counts in any replicate, Poisson upper limit",
        )
    return Estimate.from_standard_uncertainty(
        x.mean(),
        x.std(ddof=1) / np.sqrt(x.size),
        unit=str(values.attrs.get("units", "1")),
        dof=x.size - 1,
        n=x.size,
        method="mean over replicates, Student's t",
    )


def require_replicates(values: xr.DataArray) -> np.ndarray:
    """Values over replicates, at least two and finite.

    Raises
    ------
    MeasurementError
        Otherwise.

    Examples
    --------
    >>> import xarray as xr
    >>> require_replicates(xr.DataArray([1.0, 2.0], dims="replicate")).size
    2
    """
    if not isinstance(values, xr.DataArray):
        raise MeasurementError(
            f"expected an xarray.DataArray over replicate, found {type(values).__name__}"
        )
    if values.dims != ("replicate",):
        raise MeasurementError(f"expected one value a replicate, found dims {values.dims}")
    x = values.values.astype(float)
    if x.size < 2 or not np.isfinite(x).all():
        raise MeasurementError(
            f"{np.isfinite(x).sum()} finite values: a group needs at least 2 replicates, for "
            "without them nothing tells how much they scatter"
        )
    return x
