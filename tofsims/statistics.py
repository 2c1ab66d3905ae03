"""What box plots show: quartiles, whiskers, and the mean with its interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import stdtrit

from coatqc.core.errors import MeasurementError
from coatqc.core.estimate import Estimate

_COLUMNS = (
    "n",
    "mean",
    "lower (95 %)",
    "upper (95 %)",
    "standard deviation",
    "median",
    "first quartile",
    "third quartile",
    "lower whisker",
    "upper whisker",
    "outliers",
)


def box_statistics(values: xr.DataArray, group: Sequence[str] | None = None) -> pd.DataFrame:
    """Box statistics over replicates.

    Parameters
    ----------
    values : xarray.DataArray
        Dims (replicate,) or (replicate, fragment).
    group : sequence of str, optional
        Name of each replicate's group; by default all belong to one.

    Returns
    -------
    pandas.DataFrame
        A row a group and fragment. Quartiles by linear interpolation (method 7 of Hyndman &
        Fan), whiskers to the last value within 1.5 interquartile ranges (Tukey), the mean's
        interval by Student's t.

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
    if "replicate" not in values.dims:
        raise MeasurementError(f"statistics run over dim replicate, found {values.dims}")
    if "fragment" not in values.dims:
        name = str(values.coords["fragment"].item()) if "fragment" in values.coords else "value"
        values = values.drop_vars("fragment", errors="ignore").expand_dims(fragment=[name])
    data = values.transpose("replicate", "fragment")
    if not np.isfinite(data.values).all():
        raise MeasurementError("a value is missing or not finite")
    names = ["all"] * data.sizes["replicate"] if group is None else [str(g) for g in group]
    if len(names) != data.sizes["replicate"]:
        raise MeasurementError(f"{len(names)} group names for {data.sizes['replicate']} replicates")
    rows = []
    for label in dict.fromkeys(names):
        mine = data.values[[n == label for n in names]]
        for column, fragment in enumerate(data["fragment"].values):
            facts = dict(zip(_COLUMNS, _box(mine[:, column]), strict=True))
            head = {} if group is None else {"group": label}
            rows.append({**head, "fragment": str(fragment), **facts})
    return pd.DataFrame(rows)


def _box(x: np.ndarray) -> tuple[float, ...]:
    low, middle, high = np.percentile(x, [25, 50, 75])
    reach = 1.5 * (high - low)
    within = x[(x >= low - reach) & (x <= high + reach)]
    n = x.size
    spread = float(x.std(ddof=1)) if n > 1 else np.nan
    half = float(stdtrit(n - 1, 0.975)) * spread / np.sqrt(n) if n > 1 else np.nan
    mean = float(x.mean())
    inner = (float(within.min()), float(within.max()))
    return (n, mean, mean - half, mean + half, spread, middle, low, high, *inner, n - within.size)


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
    if values.dims != ("replicate",):
        raise MeasurementError(f"expected one value a replicate, found dims {values.dims}")
    x = values.values.astype(float)
    if x.size < 2 or not np.isfinite(x).all():
        raise MeasurementError(f"{np.isfinite(x).sum()} finite values, at least 2 are needed")
    return x
