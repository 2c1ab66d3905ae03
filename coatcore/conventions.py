"""Is this object labelled as every coatqc function expects?

The conventions: dims come from a fixed list, every coordinate and variable says its `units`
and `long_name`, spectral axes are finite and strictly monotonic, and the object says its `kind`.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError

KINDS = (
    "ir_spectrum",
    "ir_cube",
    "image",
    "mass_spectrum",
    "mass_image",
    "mass_events",
    "xrd_pattern",
    "impedance_spectrum",
    "cell_record",
    "cycle_table",
)

DIMS = {
    "wavenumber": "cm-1",
    "mz": "u",
    "two_theta": "degree",
    "y": "nm",
    "x": "nm",
    "position": "",
    "replicate": "",
    "scan": "",
    "frequency": "Hz",
    "record": "",
    "cycle": "1",
    "fragment": "",
    "event": "",
    "component": "",
    "page": "",
    "band": "cm-1",
    "fwhm": "cm-1",
}

# Axes along which a function may interpolate or integrate: no repeats, no turning back.
_MONOTONIC = ("wavenumber", "mz", "two_theta", "y", "x", "frequency", "cycle")

# Millions of single ions, or rows of a cycler, have no coordinate: what there is to know of each
# is a variable.
_ONLY_COUNTED = ("event", "record")

_DIMS_OF_KIND = {
    "ir_spectrum": {"wavenumber"},
    "ir_cube": {"y", "x", "wavenumber"},
    "image": {"y", "x"},
    "mass_spectrum": {"mz"},
    "mass_image": {"y", "x"},
    "mass_events": {"event"},
    "xrd_pattern": {"two_theta"},
    "impedance_spectrum": {"frequency"},
    "cell_record": {"record"},
    "cycle_table": {"cycle"},
}


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
    for dim, size in obj.sizes.items():
        name = str(dim)
        if name not in DIMS:
            problems.append(f"{name}: unknown dimension, expected one of {', '.join(DIMS)}")
        elif size == 0:
            problems.append(f"{name}: dimension is empty")
        elif name not in coords and name not in _ONLY_COUNTED:
            problems.append(f"{name}: dimension has no coordinate")
        elif name in _MONOTONIC:
            problems += _axis_problems(name, coords[name])
    kind = obj.attrs.get("kind")
    if kind is not None:
        if kind not in KINDS:
            problems.append(f"kind: found {kind!r}, expected one of {', '.join(KINDS)}")
        elif missing := _DIMS_OF_KIND[kind] - {str(d) for d in obj.dims}:
            problems.append(f"kind: {kind} needs dimension {', '.join(sorted(missing))}")
    return problems


def _axis_problems(name: str, axis: xr.Variable) -> list[str]:
    problems = []
    values = np.asarray(axis.values)
    units = axis.attrs.get("units")
    if isinstance(units, str) and units != DIMS[name] and not (name in "yx" and units == "pixel"):
        problems.append(f"{name}: units are {units!r}, expected {DIMS[name]!r}")
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
