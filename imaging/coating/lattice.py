"""Where does the crystal's lattice end in a TEM image?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage
from scipy.special import ndtr

from imaging.coating.layer_fit import BLUR, EDGE, RAMP, SHARE, SIZE, STEP, Limits, refine
from imaging.coating.profiles import Windows
from imaging.coating.settings import TemSettings

# Lattice spacings that are looked for, nm.
_SPACINGS = (0.14, 0.7)
# Power of a lattice's peak over the median of equally fine structure. In noise the largest of
# 10,000 exponential deviates is 13 times the median.
_PEAK = 45.0
# Depth in nm below the traced edge where fringes are surely those of the crystal.
_DEEP = (3.0, 6.5)
# Strength of fringes in a window over the scatter of what is taken for them in the vacuum.
_CLEAR = 4.0


class LatticeEnd(NamedTuple):
    """End of the fringes in each window.

    Parameters
    ----------
    spacing : float
        Of the planes, nm.
    edge, uncertainty : numpy.ndarray
        Depth at which the fringes have half their strength, nm; NaN where they are too weak.
    fringes : numpy.ndarray
        Mean profile of the fringes in each window, shape (windows, depth), to be taken off.
    """

    spacing: float
    edge: np.ndarray
    uncertainty: np.ndarray
    fringes: np.ndarray


def find_planes(
    values: np.ndarray,
    particle: np.ndarray,
    pixel: tuple[float, float],
    *,
    peak: float = _PEAK,
) -> tuple[float, float] | None:
    """Wave vector of the strongest fringes inside the particle.

    Parameters
    ----------
    values : numpy.ndarray
        Dims (y, x).
    particle : numpy.ndarray
        Weight of each pixel, 1 in the crystal, 0 away from it; same shape.
    pixel : (float, float)
        In nm.
    peak : float
        Power over that of equally fine structure that it has to have.

    Returns
    -------
    (float, float) or None
        Along y and x in nm-1; None where no peak stands out.

    Examples
    --------
    >>> y, x = np.mgrid[:128, :128] * 0.1
    >>> noise = np.random.default_rng(1).normal(size=(128, 128))
    >>> weight = np.outer(np.hanning(128), np.hanning(128))
    >>> gy, gx = find_planes(np.cos(2 * np.pi * x / 0.47) + noise, weight, (0.1, 0.1))
    >>> round(1 / abs(gx), 2), find_planes(noise, weight, (0.1, 0.1))
    (0.47, None)
    """
    flat = values - ndimage.gaussian_filter(values, [0.5 / p for p in pixel])
    size = [_fast(2 * n) for n in values.shape]
    power = np.abs(np.fft.rfft2(flat * particle, size)) ** 2
    fy = np.fft.fftfreq(size[0], pixel[0])
    fx = np.fft.rfftfreq(size[1], pixel[1])
    f = np.hypot(fy[:, None], fx[None])
    top = min(1 / _SPACINGS[0], 0.42 / max(pixel))
    wanted = (f > 1 / _SPACINGS[1]) & (f < top)
    if wanted.sum() < 100:
        return None
    ring = (f[wanted] * 4).astype(int)
    found = power[wanted]
    order = np.argsort(ring, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(ring[order]) > 0])
    ends = np.r_[starts[1:], ring.size]
    usual = np.empty_like(found)
    for a, b in zip(starts, ends, strict=True):
        usual[order[a:b]] = np.median(found[order[a:b]])
    contrast = np.zeros_like(power)
    contrast[wanted] = found / np.maximum(usual, 1e-300)
    i, j = np.unravel_index(int(np.argmax(contrast)), contrast.shape)
    if contrast[i, j] < peak:
        return None
    log = np.log(power + 1e-300)

    def between(low: float, middle: float, high: float) -> float:
        curve = low - 2 * middle + high
        return 0.0 if curve >= 0 else float(np.clip(0.5 * (low - high) / curve, -0.5, 0.5))

    # A peak on the axis fx = 0 has its neighbour to the left in the other half.
    left = log[i, j - 1] if j else log[-i % size[0], 1]
    gy = fy[i] + between(log[i - 1, j], log[i, j], log[(i + 1) % size[0], j]) * fy[1]
    gx = fx[j] + between(left, log[i, j], log[i, j + 1]) * fx[1]
    return float(gy), float(gx)


def lattice_end(
    strips: np.ndarray,
    grey: np.ndarray,
    windows: Windows,
    planes: tuple[float, float],
    pixel: tuple[float, float],
    settings: TemSettings,
) -> LatticeEnd:
    """Where fringes of known planes begin, in every window.

    The strength of the fringes is that of the plane wave in a neighbourhood of known width,
    compared in phase with the crystal below; the blur of the neighbourhood is part of the model,
    so that it does not shift the end.

    Parameters
    ----------
    strips : numpy.ndarray
        Image at the windows' places, shape (windows, points, depth).
    grey : numpy.ndarray
        Profiles without fringes, shape (windows, depth).
    windows : Windows
    planes : (float, float)
        Wave vector along y and x, nm-1.
    pixel : (float, float)
        In nm.
    settings : TemSettings

    Returns
    -------
    LatticeEnd
    """
    depth = windows.depth
    step = depth[1] - depth[0]
    place = (windows.at + 0.5) * np.array(pixel)[:, None, None, None]
    turn = np.exp(2j * np.pi * (planes[0] * place[0] + planes[1] * place[1]))
    sigma = settings.lattice_kernel / step
    raw = ((strips - grey[:, None]) * np.conj(turn)).mean(axis=1)
    wave = ndimage.gaussian_filter1d(raw, sigma, axis=1, mode="nearest")
    deep = (depth >= _DEEP[0]) & (depth <= _DEEP[1]) & windows.seen
    # Planes a little off the wave vector turn the phase steadily with depth.
    lag = max(1, round(0.5 / step))
    both = deep[:, lag:] & deep[:, :-lag]
    product = (wave[:, lag:] * np.conj(wave[:, :-lag]) * both).sum(axis=1)
    around = ndimage.uniform_filter1d(product.real, 9) + 1j * ndimage.uniform_filter1d(
        product.imag, 9
    )
    drift = np.angle(around) / (lag * step)
    straight = wave * np.exp(-1j * drift[:, None] * depth)
    reference = (straight * deep).sum(axis=1) / np.maximum(deep.sum(axis=1), 1)
    strength = np.abs(reference)
    level = np.real(straight * np.conj(reference)[:, None]) / np.maximum(strength, 1e-300)[:, None]
    # Vacuum is where the fringes are surely not: its scatter is that of the strength.
    void = (depth < -settings.margin + 1.0) & windows.seen
    scatter = float(np.sqrt((straight.real**2 + straight.imag**2)[void].mean() / 2))
    usable = (strength > _CLEAR * scatter) & (deep.sum(axis=1) * step > 1.0)
    number = len(strips)
    edge, u = np.full(number, np.nan), np.full(number, np.nan)
    fringes = np.zeros_like(grey)
    if not usable.any():
        return LatticeEnd(1 / float(np.hypot(*planes)), edge, u, fringes)
    start = np.zeros((number, SIZE))
    start[:, STEP] = -np.maximum(strength, 1e-12)
    start[:, SHARE] = 0.5
    start[:, BLUR] = np.log(np.hypot(settings.lattice_kernel, settings.fade / 2))
    half = level > 0.5 * strength[:, None]
    # The outermost place from which inward the fringes stay above half.
    last_low = depth.size - 1 - np.argmax((~half & (depth < _DEEP[0] + 1))[:, ::-1], axis=1)
    start[:, EDGE] = np.clip(depth[last_low], depth[0] + 1, _DEEP[0] + 1)
    strong = np.full((number, SIZE), np.inf)
    strong[:, [STEP, EDGE]] = 0.0
    strong[:, RAMP] = 1 / 0.08**2
    independent = max(1.0, 2 * np.sqrt(np.pi) * sigma)
    weights = windows.seen / (max(scatter, 1e-12) ** 2 * independent)
    fit = refine(
        level, weights, depth, start, start * (strong > 1), strong, Limits(settings.thickest)
    )
    edge[usable] = fit.values[usable, EDGE]
    u[usable] = fit.uncertainties[usable, EDGE]
    # Undo the blur of the neighbourhood, so that what is taken off ends where the lattice ends.
    below = depth - np.where(usable, edge, 99.0)[:, None]
    blurred = ndtr(below / np.hypot(settings.lattice_kernel, settings.fade / 2))
    sharp = ndtr(below / (0.7 * settings.fade)) / np.maximum(blurred, 0.2)
    fringes = 2 * np.real(wave * turn.mean(axis=1) * sharp)
    return LatticeEnd(1 / float(np.hypot(*planes)), edge, u, fringes)


def _fast(n: int) -> int:
    from scipy.fft import next_fast_len

    return int(next_fast_len(n))
