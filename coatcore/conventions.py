"""Is this object labelled as every coatqc function expects?

The conventions: dims are those that coatqc and the installed techniques know, every coordinate
and variable says its `units` and `long_name`, spectral axes are finite and strictly monotonic, and
the object says its `kind`.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.kinds import Dim
from coatcore.quality import registry


def validate(obj: xr.DataArray | xr.Dataset) -> list[str]:
    """Name what is missing or wrong in the labels of `obj`.

    Parameters
    ----------
    obj : xarray.DataArray or xarray.Dataset
        Any coatqc object.

    Returns
    -------
    list of str
        One sentence a problem; empty when the object keeps the conventions.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> da = xr.DataArray(np.ones(3), dims="wavenumber", name="absorbance")
    >>> for problem in validate(da):
    ...     print(problem)
    absorbance: attribute 'units' is missing
    absorbance: attribute 'long_name' is missing
    wavenumber: dimension has no coordinate
    """
    problems: list[str] = []
    if isinstance(obj, xr.DataArray):
        variables = {str(obj.name or "data"): obj.variable}
    else:
        variables = {str(k): v.variable for k, v in obj.data_vars.items()}
        if not variables:
            problems.append("dataset: holds no variable")
    coords = {str(k): v.variable for k, v in obj.coords.items()}
    for name, variable in {**variables, **coords}.items():
        problems += [
            f"{name}: attribute '{attr}' is missing"
            for attr in ("units", "long_name")
            if not isinstance(variable.attrs.get(attr), str)
        ]
    known = registry.dims()
    for name, size in ((str(dim), size) for dim, size in obj.sizes.items()):
        if name not in known:
            problems.append(f"{name}: unknown dimension, expected one of {', '.join(known)}")
        elif size == 0:
            problems.append(f"{name}: dimension is empty")
        elif name not in coords and not known[name].counted:
            problems.append(f"{name}: dimension has no coordinate")
        elif known[name].axis:
            problems += _axis_problems(known[name], coords[name])
    kind = obj.attrs.get("kind")
    if kind is not None:
        kinds = registry.kinds()
        if kind not in kinds:
            problems.append(f"kind: found {kind!r}, expected one of {', '.join(kinds)}")
        elif missing := set(kinds[kind].dims) - {str(d) for d in obj.dims}:
            problems.append(f"kind: {kind} needs dimension {', '.join(sorted(missing))}")
    return problems


def _axis_problems(dim: Dim, axis: xr.Variable) -> list[str]:
    problems = []
    name = dim.name
    values = np.asarray(axis.values)
    units = axis.attrs.get("units")
    if isinstance(units, str) and units != dim.units and not (name in "yx" and units == "pixel"):
        problems.append(f"{name}: units are {units!r}, expected {dim.units!r}")
    if not np.issubdtype(values.dtype, np.number) or not np.all(np.isfinite(values)):
        problems.append(f"{name}: coordinate holds values that are not finite numbers")
    elif values.size > 1:
        step = np.diff(values)
        if not (np.all(step > 0) or np.all(step < 0)):
            problems.append(f"{name}: coordinate is not strictly monotonic")
    return problems


def require_valid(obj: xr.DataArray | xr.Dataset) -> None:
    """Raise where `obj` breaks the conventions.

    Parameters
    ----------
    obj : xarray.DataArray or xarray.Dataset
        Any coatqc object.

    Raises
    ------
    MeasurementError
        With every problem that `validate` names.

    Examples
    --------
    >>> import xarray as xr
    >>> require_valid(xr.Dataset())
    Traceback (most recent call last):
        ...
    coatcore.errors.MeasurementError: data is not labelled: dataset: holds no variable
    """
    if problems := validate(obj):
        raise MeasurementError("data is not labelled: " + "; ".join(problems))
