"""The slow background under the bands, by pybaselines."""

from __future__ import annotations

import inspect
from difflib import get_close_matches
from functools import cache, partial
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from spectra.labels.along_axis import along_wavenumber, floating, require_spectrum

# `collab_pls` fits one baseline shape to a whole set, where all others take one spectrum.
_LEFT_OUT = ("collab_pls",)
# Parameters of pybaselines' methods that are no settings.
_NOT_SETTINGS = ("self", "data", "return_coef")
# The optimizers call the method that they improve `method`, as `baseline` calls its own.
_INNER = "inner_method"

_REFUSALS = (ValueError, TypeError, LookupError, AttributeError, np.linalg.LinAlgError)


def baseline(da: xr.DataArray, method: str = "arpls", **settings: Any) -> xr.DataArray:
    """Baseline of each spectrum, by any one-dimensional method of pybaselines.

    Parameters
    ----------
    da : xarray.DataArray
        With dim wavenumber in either direction, evenly spaced or not; dask arrays stay lazy. A
        pixel of a map (dims y and x) that holds no number at all stays NaN.
    method : str, default "arpls"
        A name out of `baseline_methods`, for instance

        - ``arpls``: asymmetrically reweighted penalised least squares (Baek et al., Analyst 2015,
          140, 250);
        - ``asls``: asymmetric least squares (Eilers & Boelens 2005);
        - ``modpoly``: modified polynomial (Lieber & Mahadevan-Jansen, Appl. Spectrosc. 2003, 57,
          1363);
        - ``rubberband``: convex hull; ``snip``: clipping; ``rolling_ball``: morphological.
    **settings
        Of that method, by the names that `baseline_methods` lists (``inner_method`` is what an
        optimizer improves); what is not given has the default of pybaselines. `lam`, the
        stiffness, scales with the number of points to the fourth power: for the same stiffness,
        twice the points need 16 times the lam.

    Returns
    -------
    xarray.DataArray
        The baseline itself, same dims and unit; see `subtract_baseline`. The history names all
        plain settings as they were used.

    Raises
    ------
    MeasurementError
        If the method or a setting is unknown or refused, or values are not finite.

    References
    ----------
    Erb, pybaselines (BSD-3-Clause), https://pybaselines.readthedocs.io, which names the paper of
    every method.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> spectrum, _ = simulate_ftir(1)
    >>> bool(baseline(spectrum, lam=1e6).mean() < spectrum.mean())
    True
    >>> baseline(spectrum, "snip", max_half_windw=40)
    Traceback (most recent call last):
        ...
    coatcore.errors.MeasurementError: snip has no setting 'max_half_windw', did you mean
    'max_half_window'? It takes max_half_window, decreasing, smooth_half_window, filter_order,
    pad_kwargs
    """
    x = require_spectrum(da)
    used = _checked(method, settings)
    in_map = {"y", "x"} <= set(da.dims)
    run = partial(_baselines, x=x, method=method, settings=settings, in_map=in_map)
    out = along_wavenumber(run, floating(da))
    return add_history(out, "baseline", method=method, **used)


def subtract_baseline(da: xr.DataArray, method: str = "arpls", **settings: Any) -> xr.DataArray:
    """Spectrum minus its `baseline`.

    Parameters
    ----------
    da, method, **settings
        As for `baseline`.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> spectrum, _ = simulate_ftir(1)
    >>> abs(float(subtract_baseline(spectrum).median())) < 0.02
    True
    """
    under = baseline(da, method, **settings)
    out = (da - under).assign_attrs(da.attrs)
    out.name = da.name
    return add_history(out, "subtract_baseline", method=method, **_checked(method, settings))


def baseline_methods() -> dict[str, dict[str, tuple[str, ...]]]:
    """Methods of `baseline`, by family, each with its settings.

    Returns
    -------
    dict
        Family -> method -> names of its settings; families are classification, misc,
        morphological, optimizers, polynomial, smooth, spline and whittaker.

    Examples
    --------
    >>> methods = baseline_methods()
    >>> methods["whittaker"]["asls"]
    ('lam', 'p', 'diff_order', 'max_iter', 'tol', 'weights')
    """
    families: dict[str, dict[str, tuple[str, ...]]] = {}
    for method, (family, parameters) in sorted(_methods().items()):
        families.setdefault(family, {})[method] = tuple(parameters)
    return dict(sorted(families.items()))


@cache
def _methods() -> dict[str, tuple[str, dict[str, inspect.Parameter]]]:
    """Method -> family and settings, as pybaselines itself declares them."""
    from pybaselines import Baseline

    found = {}
    for name, function in inspect.getmembers(Baseline, inspect.isfunction):
        parameters = inspect.signature(function).parameters
        if name.startswith("_") or name in _LEFT_OUT or "data" not in parameters:
            continue
        family = function.__module__.rpartition(".")[2]
        found[name] = (
            family,
            {
                _INNER if k == "method" else k: p
                for k, p in parameters.items()
                if k not in _NOT_SETTINGS and p.kind is not inspect.Parameter.VAR_KEYWORD
            },
        )
    return found


def _checked(method: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Plain settings as they will be used; an error that names the nearest valid name."""
    methods = _methods()
    if method not in methods:
        near = get_close_matches(str(method), methods, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else "for instance 'arpls', 'asls', 'modpoly';"
        raise MeasurementError(
            f"no baseline method {method!r}, {hint} `baseline_methods` lists all {len(methods)}"
            + ("" if near else ", arpls is the default")
        )
    valid = methods[method][1]
    for name in settings:
        if name not in valid:
            near = get_close_matches(name, valid, n=1, cutoff=0.5)
            hint = f", did you mean {near[0]!r}?" if near else "."
            raise MeasurementError(
                f"{method} has no setting {name!r}{hint} It takes {', '.join(valid) or 'none'}"
            )
    used = {k: settings.get(k, p.default) for k, p in valid.items()}
    plain = {k: v for k, v in used.items() if k in settings or isinstance(v, (int, float, str))}
    # `step` is what the history calls the function itself.
    return {f"{k}_" if k == "step" else k: v for k, v in plain.items()}


def _baselines(
    y: np.ndarray, *, x: np.ndarray, method: str, settings: dict[str, Any], in_map: bool
) -> np.ndarray:
    from pybaselines import Baseline

    # One fitter a call: it keeps work arrays for this x, which threads must not share.
    fitter = Baseline(x_data=x)
    run = getattr(fitter, method)
    settings = {"method" if k == _INNER else k: v for k, v in settings.items()}
    flat = y.reshape(-1, x.size)
    out = np.full(flat.shape, np.nan, dtype=y.dtype)
    for i, row in enumerate(flat):
        good = np.isfinite(row)
        if in_map and not good.any():
            continue
        if not good.all():
            raise MeasurementError(
                f"the spectrum holds {row.size - int(good.sum())} values that are not finite; "
                "`cut` to where there are values first"
            )
        try:
            out[i] = run(row.astype(float), **settings)[0]
        except _REFUSALS as error:
            raise MeasurementError(f"{method} cannot be used so: {error}") from error
    return out.reshape(y.shape)
