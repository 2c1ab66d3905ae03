"""Smooth spectra along wavenumber, and remember how, for noise is correlated afterwards."""

from __future__ import annotations

from functools import partial
from typing import Literal, get_args

import numpy as np
import xarray as xr
from scipy.linalg import solveh_banded
from scipy.ndimage import correlate1d
from scipy.signal import savgol_coeffs

from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from spectra.labels.along_axis import (
    along_wavenumber,
    floating,
    in_blocks,
    require_even_steps,
    require_spectrum,
)

Method = Literal["moving_average", "savitzky_golay", "gaussian", "whittaker"]
# Weights smaller than this share of the largest are left out of a kernel without an end.
_NEGLIGIBLE = 1e-4
# Points that a moving average works on at once: few enough to stay in the cache, many enough that
# threads seldom wait for each other.
_BUFFER_VALUES = 131_072


def smooth(
    da: xr.DataArray,
    window: int | None = None,
    method: Method = "moving_average",
    *,
    polyorder: int | None = None,
    width: float | None = None,
    lam: float | None = None,
) -> xr.DataArray:
    """Adjacent averaging, Savitzky-Golay, Gaussian or Whittaker smoothing.

    An even moving-average window has no middle point, and any choice of one would move every
    band by half a point. It is centred here by taking window + 1 points with the two outermost
    at half weight: bands stay where they are. At the ends the spectrum is continued by its end
    values (all but Whittaker, which needs no such guess).

    Parameters
    ----------
    da : xarray.DataArray
        With dim wavenumber, evenly spaced; dask arrays stay lazy, float32 stays. A point that is
        not a number spoils its neighbours within the window, for Whittaker its whole spectrum.
    window : int, optional
        Points, for the moving average (10 unless said, as in the paper) and Savitzky-Golay
        (odd, no default).
    method : {"moving_average", "savitzky_golay", "gaussian", "whittaker"}
        Which.
    polyorder : int, optional
        Of Savitzky-Golay; 2 unless said.
    width : float, optional
        Full width at half maximum of the Gaussian in cm-1, so that it means the same for files of
        different spacing.
    lam : float, optional
        Stiffness of Whittaker smoothing with second differences: what it lets through at a period
        of p points is 1 / (1 + lam (2 pi / p)^4). It counts points, not cm-1.

    Returns
    -------
    xarray.DataArray
        Same dims. Neighbouring points are now correlated; attribute ``smoothing_weights`` holds
        the effective kernel of all smoothing so far, and `band_position` takes it into account.

    Raises
    ------
    MeasurementError
        If a setting does not fit or belongs to another method, or the axis is not evenly spaced.

    References
    ----------
    Shi et al., J. Mater. Chem. A 2025, 13, 2600, section 4.8; Savitzky & Golay, Anal. Chem.
    1964, 36, 1627; Eilers, Anal. Chem. 2003, 75, 3631 (Whittaker).

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> spectrum, _ = simulate_ftir(1)
    >>> bool(smooth(spectrum).std() < spectrum.std())
    True
    >>> smooth(spectrum, method="gaussian", width=8.0).attrs["history"]
    'smooth(method=gaussian, width=8)'
    """
    x = require_spectrum(da)
    step = require_even_steps(x)
    settings = _checked(method, x.size, step, window, polyorder, width, lam)
    if method == "whittaker":
        run = partial(in_blocks, partial(_whittaker, lam=settings["lam"]))
        weights = _impulse_response(settings["lam"])
    elif method == "moving_average":
        run = partial(in_blocks, partial(_moving_average, window=int(settings["window"])))
        weights = centred_weights(int(settings["window"]))
    else:
        if method == "gaussian":
            weights = _gaussian_weights(settings["width"] / step)
        else:
            weights = savgol_coeffs(int(settings["window"]), int(settings["polyorder"]))
        run = partial(in_blocks, partial(_correlate, weights=weights))
    out = along_wavenumber(run, floating(da))
    before = smoothing_weights(da)
    out.attrs["smoothing_weights"] = weights if before is None else np.convolve(before, weights)
    return add_history(out, "smooth", method=method, **settings)


def smoothing_weights(da: xr.DataArray) -> np.ndarray | None:
    """Kernel of all smoothing that `da` went through, as its attributes tell.

    Parameters
    ----------
    da : xarray.DataArray
        A spectrum or several.

    Returns
    -------
    numpy.ndarray or None
        Odd number of weights, a point apart, the middle one for the point itself; None if the
        data were not smoothed by `smooth`. Savitzky-Golay has negative weights too. For Whittaker
        it is the response far from the ends.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> smoothing_weights(smooth(simulate_ftir(1)[0], 4))
    array([0.125, 0.25 , 0.25 , 0.25 , 0.125])
    """
    weights = da.attrs.get("smoothing_weights")
    # A file hands a single weight back as a plain number.
    return None if weights is None else np.atleast_1d(np.asarray(weights, dtype=float))


def centred_weights(window: int) -> np.ndarray:
    """Weights of a moving average with a middle point.

    Parameters
    ----------
    window : int
        Points; an even window becomes window + 1 weights with halved ends.

    Examples
    --------
    >>> centred_weights(4)
    array([0.125, 0.25 , 0.25 , 0.25 , 0.125])
    """
    weights = np.full(window, 1.0 / window)
    return weights if window % 2 else np.convolve(weights, [0.5, 0.5])


def _checked(
    method: str,
    n: int,
    step: float,
    window: int | None,
    polyorder: int | None,
    width: float | None,
    lam: float | None,
) -> dict[str, float]:
    """Settings of the method, complete; an error for those of another method."""
    takes: dict[str, dict[str, float | None]] = {
        "moving_average": {"window": 10 if window is None else window},
        "savitzky_golay": {"window": window, "polyorder": 2 if polyorder is None else polyorder},
        "gaussian": {"width": width},
        "whittaker": {"lam": lam},
    }
    if method not in takes:
        raise MeasurementError(
            f"method is {method!r}, expected one of {', '.join(get_args(Method))}"
        )
    given = {"window": window, "polyorder": polyorder, "width": width, "lam": lam}
    if alien := [k for k, v in given.items() if v is not None and k not in takes[method]]:
        raise MeasurementError(
            f"{method} takes {', '.join(takes[method])}; found {', '.join(alien)} as well"
        )
    settings: dict[str, float] = {}
    for name, value in takes[method].items():
        if value is None:
            raise MeasurementError(f"{method} needs `{name}`")
        settings[name] = value
    if "window" in settings and not 1 < settings["window"] <= n:
        raise MeasurementError(f"window is {window} points, expected 2 to {n}")
    if "polyorder" in settings and (
        settings["window"] % 2 == 0 or not 0 <= settings["polyorder"] < settings["window"]
    ):
        raise MeasurementError(
            "Savitzky-Golay needs an odd window above the order; found "
            f"{window}, {settings['polyorder']}"
        )
    if "width" in settings and not step <= settings["width"] <= n * step / 4:
        raise MeasurementError(
            f"width is {width} cm-1, expected {step:g} (one step) to {n * step / 4:g} cm-1"
        )
    if method == "whittaker" and n < 3:
        raise MeasurementError(f"Whittaker smoothing needs 3 points, found {n}")
    if "lam" in settings and not 0 < settings["lam"] <= 1e9:
        raise MeasurementError(f"lam is {lam}, expected more than 0, up to 1e9")
    return settings


def _moving_average(y: np.ndarray, out: np.ndarray, *, window: int) -> None:
    """Centred moving average of the rows of `y` into `out`.

    Sums of 2, 4, 8 ... points are built from each other, so the time grows with the logarithm of
    the window. Unlike a running sum it carries neither rounding nor NaN along the row. Rows lie
    end to end in one buffer, each with its own margins: sums that cross them are not used. The
    buffers are made once, for fresh memory costs more than the sums.
    """
    (rows, n), half = y.shape, window // 2
    length = n + 2 * half
    block = max(1, _BUFFER_VALUES // length)
    # A whole window more at the end, so that even the last row's sums are complete.
    power, spare, total = np.zeros((3, block * length + window + 1), dtype=y.dtype)
    scale = 1 / (window if window % 2 else 2 * window)
    for first in range(0, rows, block):
        part = y[first : first + block]
        used = part.shape[0] * length
        padded = power[:used].reshape(-1, length)
        padded[:, half : half + n] = part
        padded[:, :half] = part[:, :1]
        padded[:, half + n :] = part[:, -1:]
        sums = total
        with np.errstate(invalid="ignore", over="ignore"):
            _window_sums(power, spare, total, window)
            if window % 2 == 0:
                # Centred as the mean of the two places that an even window can have.
                np.add(total[:-1], total[1:], out=spare[:-1])
                sums = spare
        np.multiply(sums[:used].reshape(-1, length)[:, :n], scale, out=out[first : first + block])


def _window_sums(power: np.ndarray, spare: np.ndarray, total: np.ndarray, window: int) -> None:
    """Sum of `window` values from each place of `power` on into `total`; the others are used up."""
    covered, size = 0, 1
    while True:
        if window & size:
            if covered == 0:
                total[:] = power
            else:
                total[:-covered] += power[covered:]
            covered += size
        if covered == window:
            return
        np.add(power[:-size], power[size:], out=spare[:-size])
        power, spare, size = spare, power, 2 * size


def _correlate(y: np.ndarray, out: np.ndarray, *, weights: np.ndarray) -> None:
    correlate1d(y, weights, axis=-1, output=out, mode="nearest")


def _gaussian_weights(fwhm: float) -> np.ndarray:
    sigma = fwhm / np.sqrt(8 * np.log(2))
    reach = int(np.ceil(np.sqrt(-2 * np.log(_NEGLIGIBLE)) * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return weights / weights.sum()


def _whittaker(y: np.ndarray, out: np.ndarray, *, lam: float) -> None:
    """Rows z that minimise |y - z|^2 + lam |second differences of z|^2, all at once."""
    n = y.shape[1]
    # Upper bands of I + lam D'D, where the rows of D are (1, -2, 1).
    bands = np.zeros((3, n))
    bands[0, 2:] = lam
    bands[1, 1:-1] = -2 * lam
    bands[1, 2:] -= 2 * lam
    bands[2, :-2] += lam
    bands[2, 1:-1] += 4 * lam
    bands[2, 2:] += lam
    bands[2] += 1
    out[...] = solveh_banded(bands, y.T.astype(float), check_finite=False).T


def _impulse_response(lam: float) -> np.ndarray:
    """Weights of Whittaker smoothing far from the ends."""
    # The response falls as exp(-k / (sqrt(2) lam^(1/4))): this far it is below 1e-9.
    half = 8 + int(30 * lam**0.25)
    impulse, answer = np.zeros((2, 1, 2 * half + 1))
    impulse[0, half] = 1.0
    _whittaker(impulse, answer, lam=lam)
    response = answer[0]
    far = int(np.flatnonzero(np.abs(response) >= _NEGLIGIBLE * response[half])[-1]) - half
    weights = response[half - far : half + far + 1]
    return weights / weights.sum()
