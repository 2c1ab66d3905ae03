"""Is there water vapour or carbon dioxide of the air in this spectrum?"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy.ndimage import correlate1d

from coatcore.coverage import coverage_factor
from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from coatcore.statistics.robust_scale import robust_scale
from spectra.labels.along_axis import (
    along_wavenumber,
    floating,
    require_even_steps,
    require_spectrum,
)
from spectra.preparing.smoothing import smoothing_weights
from spectra.preparing.vapour_lines import carbon_dioxide_lines, water_lines

# Most laboratory spectra are taken at 4 cm-1, whatever the zero filling makes of the spacing.
_USUAL_RESOLUTION = 4.0
_ROUNDS = 3


class _Gas(NamedTuple):
    """Where to look for a gas, in cm-1.

    The data must cover `needed` and are used as far as they cover `window`; the lines are moved
    aside by up to `reach`; `sharpest` is the narrowest structure that is looked for.
    """

    long_name: str
    lines: tuple[np.ndarray, np.ndarray]
    window: tuple[float, float]
    needed: tuple[float, float]
    reach: float
    sharpest: float


def _gases() -> dict[str, _Gas]:
    return {
        "water_vapour": _Gas(
            "water vapour", water_lines(), (1350.0, 1950.0), (1450.0, 1800.0), 120.0, 0.0
        ),
        "carbon_dioxide": _Gas(
            "carbon dioxide",
            carbon_dioxide_lines(),
            (2200.0, 2500.0),
            (2250.0, 2450.0),
            120.0,
            5.0,
        ),
    }


def atmosphere_flag(
    da: xr.DataArray, *, resolution: float | None = None, false_alarm: float = 0.01
) -> xr.Dataset:
    """Flag of water vapour and carbon dioxide that the purge or the background left in a spectrum.

    The second derivative of the spectrum is compared with that of a synthetic line spectrum at
    the same resolution (and smoothing), by least squares that gives strong bands of the sample
    little weight. What noise and the sample's own bands do to such a comparison is measured in
    the same spectrum: the line spectrum is moved aside by many shifts at which no gas absorbs,
    and the height found in place must exceed what those shifts give (Student's t). Heights may
    be negative: then the background held more of the gas than the sample did.

    A flag says that the gas shows. No flag says only that there is less of it than
    ``<gas>_limit``: at 8 cm-1 the lines of water merge, and much more of it stays hidden than at
    2 cm-1. For noise and for bands much wider than the resolution, `false_alarm` holds (0.5 to
    1.5 % for 1 % at 1 to 4 cm-1, 2 % at 8 cm-1). Bands as sharp as a few times the resolution
    imitate a gas more often: of simulated spectra of PVP 0.5 % at 4 cm-1, but 17 % at 8 cm-1; a
    band of the sample at 2250-2450 cm-1 may pass for carbon dioxide. Look at flagged spectra. The
    stretching band of water (3550-3950 cm-1) is not used: OH bands lie there.

    Parameters
    ----------
    da : xarray.DataArray
        Absorbance, or intensity, evenly spaced, with dim wavenumber; dask arrays stay lazy.
    resolution : float, optional
        In cm-1; taken from attribute ``resolution_cm-1`` unless given. If neither tells, it is
        taken as 4 cm-1 (or twice the spacing, if that is more), which is then said in
        ``assumptions``; a wrong value costs power, not false alarms.
    false_alarm : float, default 0.01
        Share of spectra without the gas that get its flag, at most about; 0.0001 to 0.2.

    Returns
    -------
    xarray.Dataset
        For each gas over the dims of `da` without wavenumber: ``<gas>`` (bool),
        ``<gas>_height`` (absorbance of its strongest feature at this resolution) and
        ``<gas>_limit`` (height that would just be flagged). A gas whose region the data do not
        cover is left out and named in attribute ``not_covered``. Where there are values that are
        not numbers, height and limit are NaN and the flag is False.

    Raises
    ------
    MeasurementError
        If neither region is covered, the spacing is uneven or too wide, or the data are
        transmittance.

    References
    ----------
    Lines: see `spectra.preparing.vapour_lines`. Regions: Bruun et al., Appl. Spectrosc. 2006,
    60, 1029.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> found = atmosphere_flag(simulate_ftir(1)[0])
    >>> bool(found["water_vapour"]), bool(found["carbon_dioxide"])
    (False, False)
    """
    x = require_spectrum(da)
    step = require_even_steps(x)
    weights = smoothing_weights(da)
    # A moving average of n points has weights whose squares add up to 1 / n.
    smoothed = 0.0 if weights is None else step / float(np.sum(weights**2))
    if da.name in ("transmittance", "single_channel"):
        raise MeasurementError(f"gases are looked for in absorbance, found {da.name}; convert it")
    if not 1e-4 <= false_alarm <= 0.2:
        raise MeasurementError(f"false_alarm is {false_alarm}, expected 0.0001 to 0.2")
    width, assumed = _resolution(da, step, resolution)
    out, missing = xr.Dataset(), []
    for name, gas in _gases().items():
        if x.min() > gas.needed[0] or x.max() < gas.needed[1]:
            missing.append(f"{gas.long_name} ({gas.needed[0]:g} to {gas.needed[1]:g} cm-1)")
            continue
        low, high = gas.window
        narrowest = max(width, gas.sharpest, smoothed)
        margin = 2 * narrowest
        inside = np.flatnonzero((x >= low - margin) & (x <= high + margin))
        run = partial(
            _compared,
            x=x[inside],
            gas=gas,
            width=width,
            narrowest=narrowest,
            smoothing=weights,
            false_alarm=false_alarm,
        )
        part = floating(da).isel(wavenumber=inside)
        both = along_wavenumber(run, part, size=2, new_dim="statistic").drop_attrs(deep=False)
        height, limit = (both.isel(statistic=i) for i in (0, 1))
        out[name] = (abs(height) > limit).assign_attrs(
            units="1", long_name=f"{gas.long_name} shows"
        )
        for kind, values in (("height", height), ("limit", limit)):
            out[f"{name}_{kind}"] = values.assign_attrs(
                units=str(da.attrs.get("units", "1")), long_name=f"{gas.long_name}, {kind}"
            )
    if not out.data_vars:
        raise MeasurementError(
            f"the data run from {x.min():g} to {x.max():g} cm-1 and cover neither region: "
            + ", ".join(missing)
        )
    dropped = ("units", "long_name", "kind", "smoothing_weights")
    out.attrs = {k: v for k, v in da.attrs.items() if k not in dropped}
    if missing:
        out.attrs["not_covered"] = ", ".join(missing)
    if assumed:
        before = out.attrs.get("assumptions")
        out.attrs["assumptions"] = f"{before}; {assumed}" if before else assumed
    return add_history(out, "atmosphere_flag", resolution=width, false_alarm=false_alarm)


def _resolution(da: xr.DataArray, step: float, given: float | None) -> tuple[float, str]:
    """Resolution in cm-1, and the sentence that says so where it was assumed."""
    stated = da.attrs.get("resolution_cm-1") if given is None else given
    if stated is None:
        width = max(_USUAL_RESOLUTION, 2 * step)
        assumed = f"resolution taken as {width:.3g} cm-1"
    else:
        width, assumed = float(stated), ""
        if not 0 < width <= 32:
            raise MeasurementError(f"resolution is {stated}, expected a number up to 32 cm-1")
        # Less than two points a width cannot be compared, whatever the file says.
        width = max(width, 2 * step)
    if width > 32:
        raise MeasurementError(
            f"points lie {step:.3g} cm-1 apart: too far for the lines of a gas, 16 at most"
        )
    return width, assumed


def _compared(
    y: np.ndarray,
    *,
    x: np.ndarray,
    gas: _Gas,
    width: float,
    narrowest: float,
    smoothing: np.ndarray | None,
    false_alarm: float,
) -> np.ndarray:
    """Height of the gas and the limit that it must exceed, on a new last axis."""
    kernel = _second_derivative(narrowest / abs(x[1] - x[0]))
    aside = np.arange(1.5 * narrowest, gas.reach, narrowest / 2)
    shifts = np.concatenate([[0.0], aside, -aside])
    model = _line_spectra(x, gas.lines, shifts, width)
    if smoothing is not None:
        model = correlate1d(model, smoothing, axis=1, mode="nearest")
    model /= model[0].max()
    low = max(gas.window[0], x.min() + narrowest)
    inside = (x >= low) & (x <= min(gas.window[1], x.max() - narrowest))
    model = correlate1d(model, kernel, axis=1, mode="nearest")[:, inside]
    flat = y.reshape(-1, x.size).astype(float)
    out = np.full((flat.shape[0], 2), np.nan)
    good = np.isfinite(flat).all(axis=1)
    if good.any():
        curved = correlate1d(flat[good], kernel, axis=1, mode="nearest")[:, inside]
        # Shifts half a width apart on two sides: about every second tells something new.
        out[good] = _height_and_limit(curved, model, 0.75 * aside.size, false_alarm)
    return out.reshape(*y.shape[:-1], 2).astype(y.dtype)


def _height_and_limit(
    curved: np.ndarray, model: np.ndarray, dof: float, false_alarm: float
) -> np.ndarray:
    """Weighted least squares of each row against the first model; the others tell its spread."""
    weights = np.ones_like(curved)
    for _ in range(_ROUNDS):
        power = np.maximum(weights @ model[0] ** 2, np.finfo(float).tiny)
        height = (weights * curved) @ model[0] / power
        left = curved - height[:, None] * model[0]
        usual = robust_scale(left, axis=1, about_zero=True)[:, None]
        weights = 2 * usual / np.maximum(np.abs(left), 2 * usual + np.finfo(float).tiny)
    aside = (weights * left) @ model[1:].T
    aside /= np.maximum(weights @ (model[1:] ** 2).T, np.finfo(float).tiny)
    # What was fitted in place is gone from the others too, and they differ in size.
    size = np.sqrt((model**2).sum(axis=1))
    shared = (model[1:] @ model[0]) / (size[1:] * size[0])
    aside *= size[1:] / size[0] / np.sqrt(1 - np.minimum(shared**2, 0.9))
    limit = coverage_factor(dof, 1 - false_alarm) * np.sqrt((aside**2).mean(axis=1))
    # A band of the sample that imitates the gas at one shift may do so in place.
    return np.column_stack([height, np.maximum(limit, np.abs(aside).max(axis=1))])


def _line_spectra(
    x: np.ndarray, lines: tuple[np.ndarray, np.ndarray], shifts: np.ndarray, width: float
) -> np.ndarray:
    """Lines as Gaussians of the instrument's width, one row a shift."""
    position, strength = lines
    sigma = width / np.sqrt(8 * np.log(2))
    far = (x[None, :, None] - shifts[:, None, None] - position) / sigma
    return np.exp(-0.5 * far**2) @ strength


def _second_derivative(fwhm: float) -> np.ndarray:
    """Weights of minus the second derivative of a Gaussian, which answer to a band upwards."""
    sigma = fwhm / np.sqrt(8 * np.log(2))
    reach = int(np.ceil(4 * sigma))
    u = np.arange(-reach, reach + 1) / sigma
    weights = (1 - u**2) * np.exp(-0.5 * u**2)
    return weights - weights.mean()
