"""How deep did the evanescent wave look? Correction of ATR spectra for its penetration depth."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from spectra.labels.along_axis import floating, require_spectrum


def penetration_depth(
    wavenumber: ArrayLike, n_crystal: float, n_sample: float, angle_deg: float
) -> np.ndarray:
    """Depth at which the field of the evanescent wave has fallen to 1/e.

    ``d = 1 / (2 pi nu n_crystal sqrt(sin^2 angle - (n_sample / n_crystal)^2))``

    Parameters
    ----------
    wavenumber : array_like
        In cm-1.
    n_crystal, n_sample : float
        Refractive indices: diamond 2.40, ZnSe 2.40, Ge 4.00, Si 3.42; most polymers 1.5.
    angle_deg : float
        Angle of incidence in degrees from the normal of the interface.

    Returns
    -------
    numpy.ndarray
        In um.

    Raises
    ------
    MeasurementError
        If there is no total reflection at this angle, or a number is out of range.

    References
    ----------
    Harrick, Internal Reflection Spectroscopy, Wiley 1967, chapter 2; Mirabella, Appl. Spectrosc.
    Rev. 1985, 21, 45.

    Examples
    --------
    >>> penetration_depth(1000.0, 2.4, 1.5, 45.0).round(2)
    np.float64(2.01)
    """
    _check_reflection(n_crystal, n_sample, angle_deg)
    sine, index = np.sin(np.deg2rad(angle_deg)), n_sample / n_crystal
    nu = np.asarray(wavenumber, dtype=float)
    if not (np.isfinite(nu).all() and (nu > 0).all()):
        raise MeasurementError("wavenumbers must be finite and above 0 cm-1")
    return np.asarray(1e4 / (2 * np.pi * nu * n_crystal * np.sqrt(sine**2 - index**2)))


def effective_thickness(
    wavenumber: ArrayLike,
    n_crystal: float,
    n_sample: float,
    angle_deg: float,
    polarisation: Literal["s", "p", "none"] = "none",
) -> np.ndarray:
    """Thickness of a film that absorbs as much in transmission as the sample at one reflection.

    For a sample much thicker than the penetration depth that absorbs weakly.

    Parameters
    ----------
    wavenumber, n_crystal, n_sample, angle_deg
        As for `penetration_depth`.
    polarisation : {"s", "p", "none"}
        Perpendicular or parallel to the plane of incidence, or the mean of both. At 45 degrees
        the p value is exactly twice the s value.

    Returns
    -------
    numpy.ndarray
        In um.

    Raises
    ------
    MeasurementError
        As for `penetration_depth`.

    References
    ----------
    Harrick & du Pre, Appl. Opt. 1966, 5, 1739, equations for bulk materials.

    Examples
    --------
    >>> s, p = (effective_thickness(1000.0, 4.0, 1.5, 45.0, which) for which in ("s", "p"))
    >>> round(float(p / s), 9)
    2.0
    """
    if polarisation not in ("s", "p", "none"):
        raise MeasurementError(f"polarisation is {polarisation!r}, expected 's', 'p' or 'none'")
    depth = penetration_depth(wavenumber, n_crystal, n_sample, angle_deg)
    index, angle = n_sample / n_crystal, np.deg2rad(angle_deg)
    sine2, cosine = np.sin(angle) ** 2, np.cos(angle)
    # Harrick's d_e = index E0^2 d / (2 cos angle) with E0^2 = 4 cos^2 angle / (1 - index^2) for s.
    s = 2 * index * depth * cosine / (1 - index**2)
    p = s * (2 * sine2 - index**2) / ((1 + index**2) * sine2 - index**2)
    return np.asarray({"s": s, "p": p, "none": (s + p) / 2}[polarisation])


def atr_correction(
    da: xr.DataArray,
    n_crystal: float = 2.40,
    n_sample: float = 1.50,
    angle_deg: float = 45.0,
    *,
    reference: float | None = 1000.0,
) -> xr.DataArray:
    """ATR absorbance with the wavelength dependence of the penetration depth taken out.

    The depth is proportional to the wavelength, so bands at low wavenumbers look too strong
    beside a transmission spectrum. With a `reference` wavenumber each value is multiplied by
    wavenumber / reference: the spectrum keeps its scale there, and the indices and the angle
    drop out of the result. Without one the absorbance is divided by the effective thickness of
    one reflection of unpolarised light.

    Left out: anomalous dispersion (the index of the sample rises and falls across a strong band,
    which moves ATR bands to lower wavenumbers by up to some cm-1 and skews them; needs the
    complex index by Kramers-Kronig), dispersion of the crystal, imperfect contact, layers thinner
    than the depth, and the spread of angles of a focused beam. Band positions from the result are
    those of ATR, not of transmission; the tilt alone moves a band of width w at nu by about
    w^2 / (5.5 nu) (Gaussian), 0.1 cm-1 for 30 cm-1 at 1669 cm-1.

    Parameters
    ----------
    da : xarray.DataArray
        Absorbance with dim wavenumber; dask arrays stay lazy.
    n_crystal, n_sample, angle_deg : float
        As for `penetration_depth`; by default diamond or ZnSe, polymer, 45 degrees.
    reference : float or None, default 1000.0
        Wavenumber in cm-1 at which the absorbance stays as it is; None for absorbance per um of
        effective thickness.

    Returns
    -------
    xarray.DataArray
        Same dims; unit 1, or um-1 without a reference.

    Raises
    ------
    MeasurementError
        If there is no total reflection, or the quantity is not absorbance.

    References
    ----------
    Harrick, Internal Reflection Spectroscopy, Wiley 1967; Mirabella (ed.), Internal Reflection
    Spectroscopy, Dekker 1993.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> spectrum, _ = simulate_ftir(1)
    >>> ratio = atr_correction(spectrum) / spectrum
    >>> round(float(ratio.sel(wavenumber=2000, method="nearest")), 2)
    2.0
    """
    x = require_spectrum(da)
    if da.name in ("transmittance", "single_channel", "reflectance"):
        raise MeasurementError(f"ATR is corrected in absorbance, found {da.name}; convert it first")
    if "atr_corrected" in da.attrs:
        raise MeasurementError(f"was corrected before: {da.attrs['atr_corrected']}")
    _check_reflection(n_crystal, n_sample, angle_deg)
    if reference is None:
        factor = 1 / effective_thickness(x, n_crystal, n_sample, angle_deg)
        said = (
            f"per um of effective thickness, n {n_crystal:g} / {n_sample:g}, {angle_deg:g} degree"
        )
    elif reference > 0 and np.isfinite(reference):
        depth = penetration_depth(x, n_crystal, n_sample, angle_deg)
        factor = penetration_depth(reference, n_crystal, n_sample, angle_deg) / depth
        said = f"times wavenumber over {reference:g} cm-1"
    else:
        raise MeasurementError(f"reference is {reference}, expected a wavenumber above 0 cm-1")
    data = floating(da)
    scale = xr.DataArray(factor.astype(data.dtype), dims="wavenumber")
    out = (data * scale).transpose(*da.dims).assign_attrs(da.attrs)
    out.name = da.name
    out.attrs["atr_corrected"] = said
    if reference is None:
        out.attrs["units"] = "um-1"
    return add_history(
        out,
        "atr_correction",
        n_crystal=n_crystal,
        n_sample=n_sample,
        angle_deg=angle_deg,
        reference=reference,
    )


def _check_reflection(n_crystal: float, n_sample: float, angle_deg: float) -> None:
    if not (np.isfinite([n_crystal, n_sample, angle_deg]).all() and n_crystal > 0 < n_sample):
        raise MeasurementError(
            f"indices must be above 0, found crystal {n_crystal} and sample {n_sample}"
        )
    if n_sample >= n_crystal:
        raise MeasurementError(
            f"the sample's index {n_sample:g} is not below the crystal's {n_crystal:g}: there is "
            "no total reflection at any angle; use a crystal of higher index, such as Ge (4.0)"
        )
    critical = float(np.rad2deg(np.arcsin(n_sample / n_crystal)))
    if not critical < angle_deg < 90:
        raise MeasurementError(
            f"the angle is {angle_deg:g} degrees, expected {critical:.1f} (the critical angle of "
            f"{n_sample:g} on {n_crystal:g}) to 90 degrees"
        )
