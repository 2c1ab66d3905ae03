"""Where do two curves differ by something that looks like a band? Matched filters and noise."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter, uniform_filter1d
from scipy.signal import fftconvolve

from coatcore.coverage import coverage_factor
from spectra.bands.noise import (
    correlation,
    gaussian_kernel,
    noise_model,
    of_second_difference,
)

_WINDOW, _NEIGHBOURS, _DRAWS = 25, 9, 400
# Points over which second differences are averaged: as many as a band has.
_ROUGH = 15


@dataclass(frozen=True, kw_only=True)
class LocalDifference:
    """Height of the band-like difference of each width at each place.

    Parameters
    ----------
    height : numpy.ndarray, shape (widths, m)
        Above a local straight line; NaN where the filter does not fit.
    standard_uncertainty : numpy.ndarray, shape (widths, m)
        From the noise of the difference, the instrument and the replicates.
    widths : numpy.ndarray
        Full widths at half maximum, in the unit of x.
    largest : float
        Largest height over its standard uncertainty.
    critical : float
        What `largest` exceeds in 1 - level of cases where noise is all there is.
    p_value : float
        How often noise alone reaches `largest`.

    Examples
    --------
    >>> x = np.arange(1000.0, 2000.0, 2.0)
    >>> noise = np.random.default_rng(2).normal(0, 1, x.size)
    >>> found = local_difference(noise, 2.0, np.ones(1), np.ones(x.size, bool))
    >>> found.p_value > 0.05
    True
    """

    height: np.ndarray
    standard_uncertainty: np.ndarray
    widths: np.ndarray
    largest: float
    critical: float
    p_value: float


def widths_for(step: float) -> np.ndarray:
    """Widths of bands that points `step` apart can show, cm-1.

    Examples
    --------
    >>> widths_for(4.0)
    array([12., 20., 30., 45.])
    """
    widths = np.array([8.0, 12.0, 20.0, 30.0, 45.0])
    return widths[widths >= 2.5 * step]


@functools.lru_cache(maxsize=64)
def template(width: float, step: float) -> np.ndarray:
    """Filter whose answer to a Gaussian band is its height, to a straight line nothing.

    Parameters
    ----------
    width, step : float
        Of the band and of the points, cm-1.

    Examples
    --------
    >>> t = np.arange(-15, 16)
    >>> round(float(template(20.0, 2.0) @ np.exp(-4 * np.log(2) * (2 * t / 20) ** 2)), 6)
    1.0
    """
    reach = int(np.ceil(1.5 * width / step))
    t = step * np.arange(-reach, reach + 1) / width
    band = np.exp(-4 * np.log(2) * t**2)
    return np.linalg.pinv(np.column_stack([band, np.ones_like(t), t]))[0]


def local_difference(
    residual: np.ndarray,
    step: float,
    weights: np.ndarray,
    compared: np.ndarray,
    *,
    level: float = 0.95,
    by_shift: np.ndarray | None = None,
    replicates: np.ndarray | None = None,
    replicate_dof: float = np.inf,
) -> LocalDifference:
    """Search a difference of two spectra for bands.

    The noise is estimated from the difference itself, locally, by its roughness within windows
    of 25 points; its median over nine windows, so that a band in some of them does not count.
    Where second differences show more, as where noise grows with the absorbance, they count.
    The distribution of the largest ratio is simulated with noise of the same correlation that
    goes through the same steps.

    Parameters
    ----------
    residual : numpy.ndarray, shape (m,)
        Difference of the two spectra.
    step : float
        Spacing, cm-1.
    weights : numpy.ndarray
        Of the smoothing that both went through.
    compared : numpy.ndarray of bool, shape (m,)
        Which points count.
    level : float
        Of the critical value.
    by_shift : numpy.ndarray, shape (m,), optional
        Change of the difference when one standard uncertainty of the wavenumber scale moves it.
    replicates : numpy.ndarray, shape (r, m), optional
        Differences of replicates from their mean, scaled so that their mean square is the
        variance of `residual`.
    replicate_dof : float
        Degrees of freedom of their scatter: few of them widen it.

    Returns
    -------
    LocalDifference

    Examples
    --------
    >>> x = np.arange(1000.0, 2000.0, 2.0)
    >>> noise = np.random.default_rng(2).normal(0, 1, x.size)
    >>> band = 5 * np.exp(-4 * np.log(2) * ((x - 1300) / 20) ** 2)
    >>> found = local_difference(noise + band, 2.0, np.ones(1), np.ones(x.size, bool))
    >>> found.p_value < 0.01
    True
    """
    window = max(_WINDOW, 5 * weights.size)
    widths = widths_for(step)
    noise, width = _local_noise(residual[None], window, weights)
    height, unit = _answers(residual[None], step, weights, width, widths)
    height = np.where(_fits(compared, step, widths), height[:, 0], np.nan)
    variance = unit**2 * _under(noise, step, widths)[:, 0] ** 2
    for extra in [] if by_shift is None else [by_shift[None]]:
        variance = variance + _answers(extra, step, weights, 0.0, widths)[0][:, 0] ** 2
    if replicates is not None:
        answers = _answers(replicates, step, weights, 0.0, widths)[0]
        # Student's t against the normal, at the share that each of some ten flanks has of 5 %.
        widened = coverage_factor(replicate_dof, 0.995) / coverage_factor(level=0.995)
        scatter = (answers**2).mean(axis=1) * widened**2
        for i, w in enumerate(widths):
            near = np.ones(max(3, int(4 * w / step)))
            scatter[i] = np.convolve(scatter[i], near / near.size, mode="same")
        variance = np.maximum(variance, scatter)
    u = np.sqrt(variance)
    ratio = np.abs(height) / u
    largest = float(np.nanmax(ratio))
    by_noise = _largest_of_noise(
        residual.size, float(step), round(width, 1), tuple(weights.tolist()), window
    )
    p = (1 + float((by_noise >= largest).sum())) / (1 + by_noise.size)
    critical = float(np.quantile(by_noise, level))
    return LocalDifference(
        height=height,
        standard_uncertainty=u,
        widths=widths,
        largest=largest,
        critical=critical,
        p_value=p,
    )


def _fits(compared: np.ndarray, step: float, widths: np.ndarray) -> np.ndarray:
    """Where the whole filter lies on points that count."""
    out = np.zeros((widths.size, compared.size), bool)
    for i, width in enumerate(widths):
        size = template(width, step).size
        if size <= compared.size:
            out[i] = np.convolve(compared.astype(float), np.ones(size), mode="same") > size - 0.5
    return out


def _answers(
    y: np.ndarray, step: float, weights: np.ndarray, width: float, widths: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Filtered rows (widths, n, m), and the answer's spread for noise of spread 1."""
    out = np.empty((widths.size, *y.shape))
    unit = np.empty((widths.size, 1))
    for i, w in enumerate(widths):
        t = template(float(w), step)
        out[i] = fftconvolve(y, t[None, ::-1], mode="same", axes=1)
        unit[i] = np.sqrt(t @ correlation(width, weights, t.size) @ t)
    return out, unit


def _under(noise: np.ndarray, step: float, widths: np.ndarray) -> np.ndarray:
    """Root mean square of the noise (n, m) as each filter weighs it (widths, n, m)."""
    out = np.empty((widths.size, *noise.shape))
    for i, w in enumerate(widths):
        weight = template(float(w), step) ** 2
        mean = fftconvolve(noise**2, weight[None] / weight.sum(), mode="same", axes=1)
        out[i] = np.sqrt(np.maximum(mean, 1e-12 * noise**2))
    return out


def _local_noise(y: np.ndarray, window: int, weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Spread of the noise at each point (n, m), and the width of its filter."""
    n, m = y.shape
    count = max(1, m // window)
    size = m // count
    parts = y[:, : count * size].reshape(n * count, size)
    t = np.linspace(-1, 1, size)
    basis = np.linalg.qr(np.column_stack([t**k for k in range(3)]))[0]
    rest = parts - (parts @ basis) @ basis.T
    power = (rest**2).mean(axis=1).reshape(n, count)
    calm = median_filter(power, size=(1, min(_NEIGHBOURS, count)), mode="nearest")
    quiet = (power <= 3 * calm).reshape(-1)
    model = noise_model(rest[quiet], basis.T, weights)
    spread = np.sqrt(calm * size / model.trace)
    middle = (np.arange(count) + 0.5) * size
    points = np.arange(m) + 0.5
    local = np.stack([np.interp(points, middle, row) for row in spread])
    # Where noise grows with a band, its own roughness tells; second differences hardly see bands.
    rough = np.diff(y, 2, axis=1, prepend=y[:, :1], append=y[:, -1:]) ** 2
    near = uniform_filter1d(rough, _ROUGH, axis=1, mode="nearest") / of_second_difference(
        model.width, weights
    )
    local = np.maximum(local, np.sqrt(np.maximum(near, 0.0)))
    return np.maximum(local, 1e-300), model.width


@functools.lru_cache(maxsize=128)
def _largest_of_noise(
    m: int, step: float, width: float, weights: tuple[float, ...], window: int
) -> np.ndarray:
    """Largest ratio of noise that went through the same steps, many times."""
    rng = np.random.default_rng(20250101)
    kernel = np.convolve(gaussian_kernel(width), np.array(weights))
    white = rng.normal(size=(_DRAWS, m + kernel.size - 1))
    y = fftconvolve(white, kernel[None] / np.linalg.norm(kernel), mode="valid", axes=1)
    widths = widths_for(step)
    fits = _fits(np.ones(m, bool), step, widths)
    noise = np.concatenate([_local_noise(row[None], window, np.array(weights))[0] for row in y])
    height, unit = _answers(y, step, np.array(weights), width, widths)
    ratio = np.abs(height) / (unit[:, :, None] * _under(noise, step, widths))
    return np.where(fits[:, None], ratio, 0.0).max(axis=(0, 2))
