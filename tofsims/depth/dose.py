"""How do fragments change while the beam takes the surface off?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from tofsims.images.mass_images import require_cube
from tofsims.images.regions import region_counts

# Elementary charge in C, exact.
_CHARGE = 1.602176634e-19


def primary_ion_dose(
    current: float, time: float, area: tuple[float, float], charge: int = 1
) -> float:
    """Primary ions a square centimetre.

    Parameters
    ----------
    current : float
        Pulsed primary current in A.
    time : float
        In s, of one scan for the dose of a scan.
    area : (float, float)
        Sides of the scanned field in nm.
    charge : int, default 1
        Of a primary ion, in elementary charges: 1 for Bi3+, 2 for Bi3++.

    Returns
    -------
    float
        In cm-2.

    Raises
    ------
    MeasurementError
        If a value is not above zero.

    References
    ----------
    ISO 18115-1: ion dose (fluence).

    Examples
    --------
    >>> f"{primary_ion_dose(1e-13, 1.3, (20_000, 20_000)):.2g}"
    '2e+11'
    """
    if not (current > 0 and time > 0 and min(area) > 0 and charge >= 1):
        raise MeasurementError(
            f"current {current} A, time {time} s, area {area} nm and charge {charge} must be above "
            "zero"
        )
    return current * time / (charge * _CHARGE) / (area[0] * 1e-7 * area[1] * 1e-7)


def with_dose(cube: xr.DataArray, dose_a_scan: float) -> xr.DataArray:
    """The cube with the coordinate dose: mean fluence during each scan.

    Parameters
    ----------
    cube : xarray.DataArray
        Dim scan.
    dose_a_scan : float
        In cm-2, e.g. from `primary_ion_dose`.

    Raises
    ------
    MeasurementError
        If there is no dim scan, or the dose is not above zero.

    Examples
    --------
    >>> from tofsims.simulating import simulate_cube
    >>> cube, _ = simulate_cube(1, shape=(8, 8), scans=2)
    >>> with_dose(cube, 1e11)["dose"].values
    array([5.0e+10, 1.5e+11])
    """
    require_cube(cube, "scan")
    if not (np.isfinite(dose_a_scan) and dose_a_scan > 0):
        raise MeasurementError(f"the dose of a scan is {dose_a_scan}, expected above zero, in cm-2")
    dose = (np.arange(cube.sizes["scan"]) + 0.5) * dose_a_scan
    about = {"units": "cm-2", "long_name": "primary ion dose"}
    return cube.assign_coords(dose=("scan", dose, about))


def dose_profile(
    cube: xr.DataArray,
    ions: Sequence[str] | None = None,
    *,
    region: xr.DataArray | None = None,
    by: str | None = None,
) -> xr.Dataset:
    """Counts of fragments scan by scan.

    Parameters
    ----------
    cube : xarray.DataArray
        Dims (scan, y, x, fragment) or (scan, fragment), with the coordinate dose (scan) in cm-2,
        see `with_dose`.
    ions : sequence of str, optional
        Fragments; by default all.
    region : xarray.DataArray, optional
        bool, dims (y, x): only these pixels.
    by : str, optional
        Point-to-point normalisation, against drift of the primary current: ``"total"`` (the
        cube's coordinate total) or an ion of the cube that the coating does not change.

    Returns
    -------
    xarray.Dataset
        ``counts`` (scan, fragment) as counted, ``exposure`` (scan), what each scan was worth
        relative to their mean (1 without `by`); coordinate dose.

    Raises
    ------
    MeasurementError
        If there are no scans, no dose, a fragment is missing, or scans hold nothing to normalise
        by.

    Examples
    --------
    >>> from tofsims.simulating import simulate_cube
    >>> cube, _ = simulate_cube(1, shape=(8, 8), scans=5)
    >>> dict(dose_profile(cube, ["SO-", "58NiO2-"], by="total")["counts"].sizes)
    {'scan': 5, 'fragment': 2}
    """
    require_cube(cube, "scan", "fragment")
    known = [str(n) for n in cube["fragment"].values]
    wanted = known if ions is None else [ions] if isinstance(ions, str) else list(ions)
    if missing := [n for n in wanted if n not in known] or ([] if wanted else ["nothing"]):
        raise MeasurementError(
            f"no profile of {', '.join(missing)}: the fragments are {', '.join(known)}"
        )
    if "dose" not in cube.coords:
        raise MeasurementError(
            "the scans have no dose: give it with tofsims.depth.with_dose(cube, dose_a_scan)"
        )
    dose = cube["dose"].values.astype(float)
    if not (np.isfinite(dose).all() and (np.diff(dose) > 0).all() and dose[0] >= 0):
        raise MeasurementError("the dose must rise from scan to scan")
    if {"y", "x"} <= set(cube.dims):
        everywhere = xr.ones_like(cube.isel(scan=0, fragment=0, drop=True), dtype=bool)
        cube = region_counts(cube, everywhere if region is None else region)
    elif region is not None:
        raise MeasurementError("there are no pixels to choose a region from")
    counts = cube.sel(fragment=wanted).transpose("scan", "fragment").astype(float)
    exposure = _exposure(cube, by, known)
    about = {"units": "1", "long_name": "exposure of a scan relative to their mean"}
    coords = {
        "dose": ("scan", dose, {"units": "cm-2", "long_name": "primary ion dose"}),
        "scan": ("scan", np.arange(dose.size), {"units": "1", "long_name": "scan"}),
        "fragment": ("fragment", wanted, {"units": "1", "long_name": "fragment"}),
    }
    label = {"units": "counts", "long_name": "counts of a scan"}
    out = xr.Dataset(
        {
            "counts": (("scan", "fragment"), np.asarray(counts), label),
            "exposure": ("scan", exposure, about),
        },
        coords,
        {k: v for k, v in cube.attrs.items() if k in ("simulated", "source", "history", "pixels")},
    )
    return add_history(out, "dose_profile", ions=wanted, by=by or "none")


def _exposure(cube: xr.DataArray, by: str | None, known: list[str]) -> np.ndarray:
    n = cube.sizes["scan"]
    if by is None:
        return np.ones(n)
    if by == "total":
        if "total" not in cube.coords:
            raise MeasurementError("the cube has no coordinate total; normalise by an ion of it")
        reference = np.asarray(cube.coords["total"], dtype=float)
    elif by in known:
        reference = np.asarray(cube.sel(fragment=by), dtype=float)
    else:
        raise MeasurementError(f"cannot normalise by {by}: the fragments are {', '.join(known)}")
    if not (reference > 0).all():
        raise MeasurementError(f"scan {int(np.argmin(reference))} holds no counts of {by}")
    return reference / reference.mean()
