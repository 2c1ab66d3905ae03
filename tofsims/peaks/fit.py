"""How many counts does each ion's peak hold, where peaks overlap?"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from tofsims.ions.ions import ion
from tofsims.labels.labels import flight_time
from tofsims.peaks.areas import require_areas, saturated
from tofsims.peaks.groups import fit_group, group_peaks
from tofsims.peaks.shape_learning import bin_edges, learn_shape, standing_at, variance_ratio
from tofsims.peaks.table import peak_table


def fit_peaks(spectra: xr.DataArray | Sequence[xr.DataArray], ions: Sequence[str]) -> xr.Dataset:
    """Peak areas of ions by fitting the spectrum's own peak shape to them and their neighbours.

    The shape (a Gaussian with a fast and a slow exponential tail, its width growing with flight
    time) is learned from up to eight strong peaks that stand alone. Ions within 12 full widths
    of each other are fitted together by Poisson likelihood, with a common shift of the mass
    scale, a flat background, and further peaks that nobody listed where the counts demand them
    (attribute ``unlisted_peaks``). Uncertainty of shape, shift and background is in that of the
    areas.

    An ion is told from its neighbours when the fitted curve has a maximum at its place; where
    there is none, neither at its area nor at its detection limit, it is flagged ``unresolved``
    and its area is NaN: another shape, equally likely, would give another area.

    Parameters
    ----------
    spectra : xarray.DataArray or sequence of it
        Calibrated spectra, a replicate each.
    ions : sequence of str
        Fragments. List the known interferences with them: ``PS-`` beside ``PO2-``, ``PSO-``
        beside ``PO3-``; see `interferences`.

    Returns
    -------
    xarray.Dataset
        As from `peak_areas`, over (replicate, fragment): ``area``, ``standard_uncertainty``,
        ``area_lower``, ``area_upper`` (profile likelihood), ``background``,
        ``detection_limit`` in counts, all including what lies in the tails; ``peak_mz`` in u,
        ``resolving_power``; ``flag``: ok, unresolved, saturated, misfit (the shape does not
        describe the counts; uncertainties are enlarged by as much).

    Raises
    ------
    MeasurementError
        If an ion lies outside a spectrum.

    Warns
    -----
    UserWarning
        Where an ion is unresolved, or a spectrum was not put through `calibrate`.

    References
    ----------
    Cash, Astrophys. J. 1979, 228, 939 (Poisson likelihood); ISO 11929-1 (detection limit).

    Examples
    --------
    >>> from tofsims import calibrate, simulate_spectra
    >>> (spectrum,), truth = simulate_spectra(1, n=1, scatter=0.0)
    >>> fitted = fit_peaks(calibrate(spectrum), ["PO2-", "PS-"])
    >>> share = (fitted["area"].sel(fragment="PO2-") / fitted["total"]).item()
    >>> bool(abs(share / truth["PO2-"] - 1) < 0.05)
    True
    """
    several, names = require_areas(spectra, ions)
    rows = [_fitted(s, names) for s in several]
    columns = {key: np.array([row[0][key] for row in rows]) for key in rows[0][0]}
    out = peak_table(several, names, columns)
    if unlisted := [f"m/z {m:.4f} (replicate {i})" for i, row in enumerate(rows) for m in row[1]]:
        out.attrs["unlisted_peaks"] = "; ".join(unlisted)
    lost = (columns["flag"] == "unresolved").any(axis=0)
    for name, power in zip(
        np.array(names)[lost], np.nanmedian(columns["resolving_power"], axis=0)[lost], strict=True
    ):
        warnings.warn(
            f"{name} is not told from its neighbours at a resolving power of {power:.0f}: its area "
            "is unknown; measure at higher mass resolution, or use another fragment",
            UserWarning,
            stacklevel=2,
        )
    return add_history(out, "fit_peaks", ions=names)


def _fitted(spectrum: xr.DataArray, names: list[str]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    time, counts = flight_time(spectrum), spectrum.values.astype(float)
    root = np.sqrt(np.clip(spectrum["mz"].values, 0, None))
    edges, ratio = bin_edges(time), variance_ratio(spectrum)
    shape = learn_shape(spectrum, names)
    places = np.interp(np.sqrt([ion(n).mz for n in names]), root, time)
    keys = (
        "area",
        "standard_uncertainty",
        "area_lower",
        "area_upper",
        "background",
        "detection_limit",
        "peak_mz",
        "resolving_power",
    )
    out: dict[str, np.ndarray] = {key: np.full(len(names), np.nan) for key in keys}
    out["flag"] = np.full(len(names), "ok", dtype="<U10")
    unlisted: list[np.ndarray] = []
    for members in group_peaks(places, shape.fwhm):
        mine = standing_at(shape, spectrum, float(places[members].mean()))
        found = fit_group(time, edges, counts, ratio, places[members], mine)
        mass = np.interp(found.place, time, root) ** 2
        # m/dm = t / 2 dt, on the calibrated axis, whose root of mass is linear in time.
        slope = np.interp(found.place + found.fwhm / 2, time, root) - np.interp(
            found.place - found.fwhm / 2, time, root
        )
        values = (
            found.area,
            found.standard_uncertainty,
            found.lower,
            found.upper,
            found.background,
            found.detection_limit,
            mass,
            np.sqrt(mass) / (2 * slope),
        )
        for key, value in zip(keys, values, strict=True):
            out[key][members] = value
        if found.misfit > found.misfit_limit:
            out["flag"][members] = "misfit"
        for key in ("area", "standard_uncertainty", "area_lower", "area_upper"):
            out[key][members[~found.resolved]] = np.nan
        out["flag"][members[~found.resolved]] = "unresolved"
        unlisted.append(np.interp(found.unlisted, time, root) ** 2)
    blocked = [saturated(spectrum, p, shape.fwhm) for p in places]
    out["flag"][blocked] = "saturated"
    return out, np.concatenate(unlisted)


def require_resolved(table: xr.Dataset) -> xr.Dataset:
    """The table, if every ion in it is told from its neighbours.

    Raises
    ------
    MeasurementError
        Otherwise, with the ions' names.

    Examples
    --------
    >>> require_resolved(xr.Dataset()).sizes
    Frozen({})
    """
    if "flag" in table:
        lost = (table["flag"] == "unresolved").any("replicate")
        if bool(lost.any()):
            names = ", ".join(str(n) for n in table["fragment"].values[lost.values])
            raise MeasurementError(
                f"{names} cannot be told from what stands beside it at this resolving power: its "
                "area is unknown; measure at higher mass resolution, or use another fragment"
            )
    return table
