"""Peak areas relative to the total, to chosen ions, or to each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from coatcore.coverage import coverage_factor
from coatcore.errors import MeasurementError
from coatcore.provenance import add_history

_Z = coverage_factor()
# Counts added to every area before a logarithm is taken (Jeffreys' prior).
_PRIOR_COUNTS = 0.5
_ORDER = ("replicate", "fragment")


def normalize(
    areas: xr.Dataset, by: str | Sequence[str] = "total", *, without: Sequence[str] = ()
) -> xr.Dataset:
    """Divide peak areas by the total counts, or by the area of one or the sum of some ions.

    Parameters
    ----------
    areas : xarray.Dataset
        From `peak_areas` or `fit_peaks`.
    by : str or sequence of str
        ``"total"``, as in the paper; an ion; several ions, whose sum is taken; or ``"clr"``, the
        centred log-ratio: the logarithm of an area over the geometric mean of all listed ones
        (half a count is added to each, so that zero has a logarithm; below some 5 counts its
        intervals hold a little less than they say).
    without : sequence of str
        Ions that are taken off the total, e.g. one that saturates or comes from the substrate.

    Returns
    -------
    xarray.Dataset
        ``normalized``, ``standard_uncertainty``, ``lower`` and ``upper`` (95 % interval) from
        counting, over (replicate, fragment), unit 1. That an ion is itself part of what it is
        divided by is in the uncertainty. An area below zero stays what it is; its interval begins
        at zero. What differs between spots is not: see
        `mean_intensity`.

    Raises
    ------
    MeasurementError
        If `by` or `without` name an ion that was not integrated, or there are no counts to
        divide by.

    Notes
    -----
    Interval: of the odds of an ion against the rest, from the intervals of both on a
    logarithmic scale (MOVER).

    References
    ----------
    Donner & Zou, Stat. Methods Med. Res. 2012, 21, 347 (MOVER); Aitchison, The Statistical
    Analysis of Compositional Data, 1986 (centred log-ratio).

    Examples
    --------
    >>> from tofsims import calibrate, peak_areas, simulate_spectra
    >>> spectra, truth = simulate_spectra(1, n=2)
    >>> values = normalize(peak_areas([calibrate(s) for s in spectra], ["PO2-", "PO3-"]))
    >>> values["normalized"].attrs["units"]
    '1'
    """
    if not isinstance(areas, xr.Dataset) or not {"area", "total"} <= set(areas.data_vars):
        raise MeasurementError(
            "expected a table of peak areas from tofsims.peak_areas or fit_peaks"
        )
    if set(areas["area"].dims) != set(_ORDER):
        raise MeasurementError(
            f"peak areas have dims (replicate, fragment), found {areas['area'].dims}; keep single "
            "ones as lists: isel(replicate=[0])"
        )
    named = _named(by)
    left_out = _named(without)
    if len(named) > 1 and (mixed := [n for n in named if n in ("total", "clr")]):
        raise MeasurementError(f"{mixed[0]!r} is no ion that could be summed with others")
    if left_out and named != ["total"]:
        raise MeasurementError("ions are left out of the total; give without only with by='total'")
    _require_ions(areas, [n for n in named if n not in ("total", "clr")] + left_out, named)
    if named == ["clr"]:
        columns, words = _centred_log_ratio(areas), "geometric mean of the listed ions"
    else:
        columns = _shares(areas, named, left_out)
        words = "total counts" if named == ["total"] else " + ".join(named)
        words += f" without {' + '.join(left_out)}" if left_out else ""
    ratio = "log(intensity / " if named == ["clr"] else "intensity / "
    out = xr.Dataset(
        {name: column.transpose(*_ORDER) for name, column in columns.items()},
        attrs={**areas.attrs, "normalized_by": words},
    )
    names = {
        "normalized": ratio + words + (")" if named == ["clr"] else ""),
        "standard_uncertainty": "standard uncertainty from counting",
        "lower": "lower end of the 95 % interval from counting",
        "upper": "upper end of the 95 % interval from counting",
    }
    for name, long_name in names.items():
        out[name].attrs = {"units": "1", "long_name": long_name}
        if "simulated" in areas.attrs:
            out[name].attrs["simulated"] = areas.attrs["simulated"]
    if "flag" in areas:
        out["flag"] = areas["flag"]
    facts = {"without": left_out} if left_out else {}
    return add_history(out, "normalize", by=named, **facts)


def _named(ions: str | Sequence[str]) -> list[str]:
    """Each ion once: named twice, its counts would be summed twice."""
    return [ions] if isinstance(ions, str) else list(dict.fromkeys(ions))


def _require_ions(areas: xr.Dataset, ions: list[str], named: list[str]) -> None:
    missing = [n for n in ions if n not in areas["fragment"].values]
    if missing or not named:
        raise MeasurementError(
            f"cannot normalise by {', '.join(missing) or 'nothing'}: the fragments are "
            f"{', '.join(areas['fragment'].values)}"
        )
    if ions and bool(areas["area"].sel(fragment=ions).isnull().any()):
        raise MeasurementError(
            f"cannot normalise by {', '.join(ions)}: an area is unknown (unresolved peak)"
        )


def _ends(areas: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray]:
    """95 % interval of areas; of older tables, from their standard uncertainty."""
    if "area_lower" in areas:
        return areas["area_lower"], areas["area_upper"]
    reach = _Z * areas["standard_uncertainty"]
    return (areas["area"] - reach).clip(min=0), areas["area"] + reach


def _shares(areas: xr.Dataset, named: list[str], left_out: list[str]) -> dict[str, xr.DataArray]:
    area, u = areas["area"], areas["standard_uncertainty"]
    fragment = areas["fragment"]
    if named == ["total"]:
        off = area.sel(fragment=left_out).sum("fragment") if left_out else 0.0
        u_off = (u.sel(fragment=left_out) ** 2).sum("fragment") if left_out else 0.0
        divisor = areas["total"] - off
        variance = areas["total"] + u_off - 2 * off
        inside = ~fragment.isin(left_out)
        # Counts of an ion are counts of the total: their covariance is the area itself.
        shared = xr.where(inside, area, area - u**2)
    else:
        part = fragment.isin(named)
        divisor = area.sel(fragment=named).sum("fragment")
        variance = (u.sel(fragment=named) ** 2).sum("fragment")
        inside = part
        shared = xr.where(part, u**2, 0.0)
    if not bool((divisor > 0).all()):
        what = "the total" if named == ["total"] else ", ".join(named)
        raise MeasurementError(f"cannot normalise by {what}: it has no counts")
    value = area / divisor
    squared = (u**2 + value**2 * variance - 2 * value * shared) / divisor**2
    # Divided by itself alone, an ion is 1 exactly.
    spread = np.sqrt(squared.clip(min=0))
    low, high = _ends(areas)
    rest = xr.where(inside, divisor - area, divisor)
    u_rest = np.sqrt((variance + xr.where(inside, u**2 - 2 * shared, 0.0)).clip(min=0))
    lower, upper = _odds(area, low, high, rest, u_rest)
    # Odds against the rest become shares of the whole.
    lower = xr.where(inside, lower / (1 + lower), lower)
    upper = xr.where(inside, upper / (1 + upper), upper)
    alone = fragment.isin(named) & (len(named) == 1)
    if named != ["total"]:
        # The others were not found: up to so many of their counts may have been missed.
        above = ((high - area).sel(fragment=named) ** 2).sum("fragment")
        missed = rest + np.sqrt((above - (high - area) ** 2).clip(min=0))
        missed = missed.clip(min=0)
        absent = inside & (rest <= 0)
        lower = xr.where(absent, area / (area + missed), lower)
        upper = xr.where(absent, 1.0, upper)
    return {
        "normalized": value,
        "standard_uncertainty": spread,
        "lower": xr.where(alone, value, lower),
        "upper": xr.where(alone, value, upper),
    }


def _odds(
    area: xr.DataArray,
    low: xr.DataArray,
    high: xr.DataArray,
    rest: xr.DataArray,
    u_rest: xr.DataArray,
) -> tuple[xr.DataArray, xr.DataArray]:
    """95 % interval of area over rest, which are independent.

    The rest's own interval is that of a Poisson count with as large a relative uncertainty.
    """
    rest = xr.where(rest > 0, rest, np.nan)
    # Likelihood interval of the rest, from its variance: counts n with u^2 = c n.
    scale = (u_rest**2 / rest).clip(min=1e-12)
    n = rest / scale
    root = np.sqrt(n)
    rest_low = scale * ((root - _Z / 2).clip(min=0) ** 2 + 1 / 3).clip(max=n)
    rest_high = scale * ((root + _Z / 2) ** 2 + 1 / 3)
    best = xr.where(area > 0, area, np.nan)
    odds = best / rest
    fall = np.log(best / xr.where(low > 0, low, np.nan)) ** 2 + np.log(rest_high / rest) ** 2
    rise = np.log(high / best) ** 2 + np.log(rest / xr.where(rest_low > 0, rest_low, np.nan)) ** 2
    lower = (odds * np.exp(-np.sqrt(fall))).fillna(0.0)
    # Where nothing was found there is no ratio to scale, only an upper end.
    upper = (odds * np.exp(np.sqrt(rise))).fillna(high / rest)
    unknown = area.isnull() | rest.isnull()
    return lower.where(~unknown), upper.where(~unknown)


def _centred_log_ratio(areas: xr.Dataset) -> dict[str, xr.DataArray]:
    area, u = areas["area"].clip(min=0) + _PRIOR_COUNTS, areas["standard_uncertainty"]
    n = area.sizes["fragment"]
    if n < 2:
        raise MeasurementError("a centred log-ratio needs at least two ions")
    if bool(areas["area"].isnull().any()):
        raise MeasurementError(
            "a centred log-ratio needs the areas of all listed ions; leave out unresolved ones"
        )
    logs = xr.apply_ufunc(np.log, area)
    value = logs - logs.mean("fragment")
    variance = (u / area) ** 2
    spread = np.sqrt(variance * (1 - 2 / n) + variance.sum("fragment") / n**2)
    return {
        "normalized": value,
        "standard_uncertainty": spread,
        "lower": value - _Z * spread,
        "upper": value + _Z * spread,
    }


def normalize_points(counts: xr.DataArray, by: str | Sequence[str] = "total") -> xr.DataArray:
    """Point-to-point normalisation of profiles, images and cubes.

    Every point (scan, pixel, or both) is divided by what the same point holds, so that changes
    of the primary current, of topography and of the detector divide out.

    Parameters
    ----------
    counts : xarray.DataArray
        Dim fragment and any of scan, y, x. A coordinate ``total`` without the dim fragment, all
        counts of a point, is used for ``"total"``; otherwise the sum over fragments. Lazy arrays
        stay lazy.
    by : str or sequence of str
        ``"total"``, an ion, or several ions.

    Returns
    -------
    xarray.DataArray
        Unit 1; NaN where a point holds no counts to divide by.

    Raises
    ------
    MeasurementError
        If there is no dim fragment, or `by` names none of them.

    Examples
    --------
    >>> import xarray as xr
    >>> cube = xr.DataArray([[2.0, 2.0], [0.0, 0.0]], {"fragment": ["a", "b"]}, ("x", "fragment"))
    >>> normalize_points(cube).values.tolist()
    [[0.5, 0.5], [nan, nan]]
    """
    if "fragment" not in counts.dims:
        raise MeasurementError(
            f"point-to-point normalisation needs dim fragment, found {counts.dims}"
        )
    named = _named(by)
    known = [str(n) for n in counts["fragment"].values]
    if named == ["total"]:
        divisor = counts.coords["total"] if "total" in counts.coords else counts.sum("fragment")
    elif missing := [n for n in named if n not in known] or ([] if named else ["nothing"]):
        raise MeasurementError(
            f"cannot normalise by {', '.join(missing)}: the fragments are {', '.join(known)}"
        )
    else:
        divisor = counts.sel(fragment=named).sum("fragment")
    out = counts / divisor.where(divisor > 0)
    words = "total counts" if named == ["total"] else " + ".join(named)
    out.attrs = {**counts.attrs, "units": "1", "long_name": f"intensity / {words} of each point"}
    return add_history(out.transpose(*counts.dims), "normalize_points", by=named)
