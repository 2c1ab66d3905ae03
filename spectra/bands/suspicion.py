"""Is the band what a fit of one band takes it for? Doublets, water, and saturation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from spectra.bands.engine import Fit, Model, fit
from spectra.bands.fit import FWHM_RANGE, fit_bands
from spectra.bands.noise import noise_model
from spectra.bands.window import take_window

# H-O-H bend of liquid water; Venyaminov & Prendergast, Anal. Biochem. 1997, 248, 234.
WATER_BEND = 1640.0
# How much better two bands must describe it, in mean squares of the noise: of 1,000 single
# bands, at signal-to-noise ratios from 10 to 1000, fewer than one in a hundred exceed it.
_BETTER = 6.0
# A lesser second band is a matter of the band's shape.
_MIN_SHARE = 0.10
_LINEAR_ABSORBANCE = 2.5


def band_warnings(
    da: xr.DataArray, near: float, half_window: float | None = None
) -> tuple[str, ...]:
    """What speaks against taking a band's position at its word.

    Parameters
    ----------
    da : xarray.DataArray
        One spectrum, or replicates, of which the mean is looked at.
    near : float
        Where the band lies, cm-1.
    half_window : float, optional
        As for `fit_bands`.

    Returns
    -------
    tuple of str
        A sentence each: the band is a doublet, lies over the bend of water, or is so strong
        that the detector's answer is in doubt. Empty where nothing was found, or no band.

    Examples
    --------
    >>> from spectra.simulate import simulate_band
    >>> one, two = (simulate_band(1, position=p, fwhm=20.0)[0] for p in (1660.0, 1679.0))
    >>> band_warnings(one, 1660.0)
    ()
    >>> two = two.assign_coords(wavenumber=one["wavenumber"] + 18.0)
    >>> both = one + two.interp(wavenumber=one["wavenumber"].values[10:-10])
    >>> print(band_warnings(both.assign_attrs(one.attrs), 1665.0)[0][:29])
    the band is better described
    """
    spectrum = da.mean("replicate").assign_attrs(da.attrs) if "replicate" in da.dims else da
    spectrum.name = da.name
    fitted = fit_bands(spectrum, near, half_window=half_window).isel(band=0)
    if int(fitted["flag"]) != 0:
        return ()
    position, fwhm = float(fitted["center"]), float(fitted["fwhm"])
    found = [_strong(spectrum, position, fwhm), _double(spectrum, position, fwhm, half_window)]
    found.append(_water(spectrum, position, fwhm, float(fitted["height"])))
    return tuple(text for text in found if text)


def _strong(da: xr.DataArray, position: float, fwhm: float) -> str:
    x = da["wavenumber"].values
    top = float(da.values[np.abs(x - position) <= fwhm].max())
    if da.name == "absorbance" and str(da.attrs.get("units")) == "1" and top > _LINEAR_ABSORBANCE:
        if "normalize" in str(da.attrs.get("history", "")):
            return ""
        return (
            f"the absorbance reaches {top:.2f}: above {_LINEAR_ABSORBANCE:g} stray light and the "
            "detector bend the band; take a thinner sample"
        )
    return ""


def _double(da: xr.DataArray, position: float, fwhm: float, half_window: float | None) -> str:
    window = take_window(da, np.array([position]), None, half_window)
    y = window.data.values[None]
    first, _ = window.place(y)
    part = slice(int(first[0]), int(first[0]) + window.points)
    x, y = window.x[None, part], y[:, part]
    width = (max(FWHM_RANGE[0], 0.35 * fwhm, 0.75 * window.step), FWHM_RANGE[1] * 1.5)
    if window.points < 18:
        return ""
    one, two = (
        Model(shape="pseudo_voigt", bands=n, degree=1, fwhm=width, weights=window.weights)
        for n in (1, 2)
    )
    single = _best(one, x, y, [(0.0,)], position, 60)
    starts = [(-0.35 * fwhm, 0.35 * fwhm), (0.0, 0.7 * fwhm), (-0.7 * fwhm, 0.0)]
    pair = _best(two, x, y, starts, position, 1.5 * fwhm)
    noise = noise_model(pair.residual, pair.jacobian[0], window.weights)
    variance = float((pair.residual**2).sum()) / noise.trace
    # Smooth noise follows a further band more easily, by the sum of its correlation.
    reach = float(noise.correlation[x.shape[1] // 2].sum())
    drop = float((single.residual**2).sum() - (pair.residual**2).sum())
    p = pair.parameters[0]
    centers = np.array([p[two.column("center", b)] for b in (0, 1)])
    heights = np.array([p[two.column("height", b)] for b in (0, 1)])
    apart = abs(centers[1] - centers[0])
    material = heights.min() >= _MIN_SHARE * heights.max() and 0.25 * fwhm <= apart <= 1.5 * fwhm
    if not material or drop / (4 * max(reach, 1.0)) <= _BETTER * variance:
        return ""
    low, high = np.sort(centers)
    share = float(heights.min() / heights.max())
    text = (
        f"the band is better described by two, at {low:.0f} and {high:.0f} cm-1 (the lesser has "
        f"{share:.0%} of the height): the position of one band is a mean of them"
    )
    lesser = float(centers[np.argmin(heights)])
    if abs(lesser - WATER_BEND) <= 15:
        text += f"; the lesser may be the bend of water at {WATER_BEND:g} cm-1"
    return text


def _best(
    model: Model,
    x: np.ndarray,
    y: np.ndarray,
    starts: Sequence[tuple[float, ...]],
    position: float,
    reach: float,
) -> Fit:
    found: list[Fit] = []
    rows = np.ones((len(starts), 1))
    fit(
        model,
        x * rows,
        y * rows,
        position + np.array(starts),
        reach,
        lambda _, block: found.append(block),
    )
    best = int(np.argmin((found[0].residual ** 2).sum(axis=1)))
    one = slice(best, best + 1)
    return Fit(
        parameters=found[0].parameters[one],
        residual=found[0].residual[one],
        jacobian=found[0].jacobian[one],
        converged=found[0].converged[one],
    )


def _water(da: xr.DataArray, position: float, fwhm: float, height: float) -> str:
    """Water shows itself by its stretch near 3400 cm-1, where the spectrum reaches that far."""
    x = da["wavenumber"].values
    if abs(position - WATER_BEND) > fwhm or x.max() < 3760 or x.min() > 3040:
        return ""
    around = {
        at: float(da.values[np.abs(x - at) <= 15].mean()) if (np.abs(x - at) <= 15).any() else 0.0
        for at in (3050.0, 3400.0, 3750.0)
    }
    stretch = around[3400.0] - (around[3050.0] + around[3750.0]) / 2
    noise = float(np.std(np.diff(da.values[np.abs(x - 3400) <= 60]))) if x.size > 200 else 0.0
    if stretch < max(0.1 * height, 3 * noise):
        return ""
    return (
        f"the spectrum shows an O-H stretch near 3400 cm-1, {stretch / height:.0%} as high as the "
        f"band: the bend of water at {WATER_BEND:g} cm-1 lies under it and pulls it there; dry the "
        "sample or fit both bands"
    )
