"""Where is a band's centroid, where its apex? Positions that need no model of its shape."""

from __future__ import annotations

import numpy as np


def centroid(
    x: np.ndarray,
    y: np.ndarray,
    start: np.ndarray,
    fwhm: np.ndarray,
    baseline: np.ndarray,
    by_data: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Centre of gravity of a band above its baseline.

    Points are weighted by a cosine bell of half width `fwhm` that is centred on the result
    itself, so that no edge of a window pulls it.

    Parameters
    ----------
    x, y : numpy.ndarray, shape (n, m)
        Wavenumbers and values.
    start, fwhm : numpy.ndarray, shape (n,)
        Rough position, and width.
    baseline : numpy.ndarray, shape (n, m)
        Under the band.
    by_data : numpy.ndarray, shape (n, m, m)
        Derivative of the baseline at each point by each value of the data; its last axis may be
        of length 1 where the baseline is known.

    Returns
    -------
    (numpy.ndarray, numpy.ndarray)
        Position, shape (n,), and its derivative by the data, shape (n, m).

    Examples
    --------
    >>> x = np.arange(0.0, 100.0)[None]
    >>> y = np.exp(-(((x - 40.3) / 10) ** 2))
    >>> none = np.zeros((1, 100, 1))
    >>> centroid(x, y, np.array([42.0]), np.array([16.7]), 0 * x, none)[0].round(4)
    array([40.3])
    """
    c, z = start.copy(), y - baseline
    h = fwhm[:, None]
    for _ in range(12):
        t = x - c[:, None]
        inside = np.abs(t) < h
        bell = np.where(inside, 0.5 + 0.5 * np.cos(np.pi * t / h), 0.0)
        slope = np.where(inside, -0.5 * np.pi / h * np.sin(np.pi * t / h), 0.0)
        moment = (t * bell * z).sum(axis=1)
        turn = -((bell + t * slope) * z).sum(axis=1)
        # Near the centre the equation is almost linear; the bound keeps a noisy band inside.
        move = np.clip(-moment / np.where(turn == 0, np.inf, turn), -fwhm / 4, fwhm / 4)
        c = np.clip(c + move, start - fwhm, start + fwhm)
    kernel = -t * bell / np.where(turn == 0, np.inf, turn)[:, None]
    return c, kernel - np.einsum("nm,nmk->nk", kernel, by_data)


def apex(
    x: np.ndarray, y: np.ndarray, start: np.ndarray, fwhm: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Top of the parabola through the points around a band's top.

    Points within half the band's width on either side count, the farther the less.

    Parameters
    ----------
    x, y : numpy.ndarray, shape (n, m)
        Evenly spaced wavenumbers, and values above a baseline whose own uncertainty moves no
        top.
    start, fwhm : numpy.ndarray, shape (n,)
        Rough position, and width.

    Returns
    -------
    (numpy.ndarray, numpy.ndarray)
        Position, shape (n,), and its derivative by the data, shape (n, m).

    References
    ----------
    Cameron et al., Appl. Spectrosc. 1982, 36, 245.

    Examples
    --------
    >>> x = np.arange(0.0, 100.0)[None]
    >>> y = np.exp(-(((x - 40.3) / 10) ** 2))
    >>> apex(x, y, np.array([42.0]), np.array([16.7]))[0].round(1)
    array([40.3])
    """
    step = x[0, 1] - x[0, 0]
    reach = np.maximum(0.5 * fwhm, 2.5 * step)[:, None]
    c = start.copy()
    derivative = np.zeros_like(y)
    for _ in range(6):
        t = (x - c[:, None]) / reach
        # Weights that fall to zero smoothly: no point drops in or out as the top moves.
        weight = np.clip(1 - t**2, 0, None) ** 2
        basis = np.stack([np.ones_like(t), t, t**2], axis=1)
        weighted = basis * weight[:, None]
        normal = weighted @ basis.transpose(0, 2, 1) + 1e-12 * np.eye(3)
        project = np.linalg.solve(normal, weighted)
        a = (project @ y[:, :, None])[:, :, 0]
        curved = np.where(a[:, 2] < 0, a[:, 2], -np.inf)
        top = -a[:, 1] / (2 * curved)
        slopes = -(project[:, 1] + 2 * top[:, None] * project[:, 2]) / (2 * curved)[:, None]
        derivative = slopes * reach
        c = np.clip(c + np.clip(top, -1, 1) * reach[:, 0], start - fwhm, start + fwhm)
    return c, derivative
