"""Least-squares fit of bands on a local baseline to many spectra at once.

Levenberg-Marquardt with bounds, as one batch of small matrix problems: every spectrum has its
own damping and leaves the batch when it has converged.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import correlate1d

from spectra.bands.shapes import PROFILES, band_and_slopes

_STEPS = 200
# Spectra a block: its arrays stay in the processor's cache.
_BLOCK = 256
_START_FWHM = (7.0, 14.0, 28.0, 56.0)


@dataclass(frozen=True, kw_only=True)
class Model:
    """What is fitted.

    Parameters
    ----------
    shape : str
        Of every band; a key of `PROFILES`.
    bands : int
        How many.
    degree : int
        Of the baseline's polynomial; -1 for none.
    fwhm : (float, float)
        Bounds, in the unit of x.
    weights : numpy.ndarray
        Odd number of weights of the smoothing that the data went through; the model is smoothed
        likewise.

    Examples
    --------
    >>> model = Model(
    ...     shape="pseudo_voigt", bands=1, degree=1, fwhm=(4.0, 90.0), weights=np.ones(1)
    ... )
    >>> model.parameters
    6
    """

    shape: str
    bands: int
    degree: int
    fwhm: tuple[float, float]
    weights: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters of one band in their order."""
        return ("center", *PROFILES[self.shape].free, "height")

    @property
    def parameters(self) -> int:
        """How many parameters there are."""
        return self.bands * len(self.names) + self.degree + 1

    def column(self, name: str, band: int) -> int | None:
        """Where a parameter of a band stands, or None where the shape fixes it.

        Parameters
        ----------
        name : str
            center, fwhm, eta, asymmetry or height.
        band : int
            Counted from 0.
        """
        if name not in self.names:
            return None
        return band * len(self.names) + self.names.index(name)


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Parameters of many spectra and what remained.

    Parameters
    ----------
    parameters : numpy.ndarray, shape (n, p)
        In the unit of the data, heights and baseline included.
    residual : numpy.ndarray, shape (n, m)
        Data minus model.
    jacobian : numpy.ndarray, shape (n, p, m)
        Derivatives of the model; zero for parameters that stand at a bound.
    converged : numpy.ndarray, shape (n,)
        Whether the iteration came to an end.

    Examples
    --------
    >>> found = Fit(
    ...     parameters=np.ones((1, 6)),
    ...     residual=np.ones((1, 9)),
    ...     jacobian=np.ones((1, 6, 9)),
    ...     converged=np.ones(1, bool),
    ... )
    >>> found.converged
    array([ True])
    """

    parameters: np.ndarray
    residual: np.ndarray
    jacobian: np.ndarray
    converged: np.ndarray


def fit(
    model: Model,
    x: np.ndarray,
    y: np.ndarray,
    centers: np.ndarray,
    reach: float,
    finish: Callable[[slice, Fit], None],
) -> None:
    """Fit every row of `y`, a block of rows at a time.

    Parameters
    ----------
    model : Model
        What is fitted.
    x, y : numpy.ndarray, shape (n, m)
        Ascending evenly spaced wavenumbers of each spectrum, and its values; finite.
    centers : numpy.ndarray, shape (n, bands)
        Where to start.
    reach : float
        How far a center may go from its start, in the unit of x.
    finish : callable
        Called with the rows of each block and their `Fit`, perhaps from several threads.

    Examples
    --------
    >>> x = np.arange(1600.0, 1720.0, 2.0)[None]
    >>> y = 3.0 * np.exp(-4 * np.log(2) * ((x - 1661.3) / 20) ** 2)
    >>> found = []
    >>> model = Model(
    ...     shape="gaussian", bands=1, degree=1, fwhm=(4.0, 90.0), weights=np.ones(1)
    ... )
    >>> fit(model, x, y, np.array([[1655.0]]), 30.0, lambda rows, f: found.append(f))
    >>> found[0].parameters[0, :3].round(4)
    array([1661.3,   20. ,    3. ])
    """
    blocks = [slice(i, min(i + _BLOCK, y.shape[0])) for i in range(0, y.shape[0], _BLOCK)]

    def one(rows: slice) -> None:
        finish(rows, _fit_block(model, x[rows], y[rows], centers[rows], reach))

    if len(blocks) == 1:
        one(blocks[0])
        return
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for _ in pool.map(one, blocks):
            pass


def _evaluate(model: Model, x: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Model (n, m) and Jacobian (n, p, m); x is counted from the middle of the window."""
    half = model.weights.size // 2
    if half:
        step, m = x[0, 1] - x[0, 0], x.shape[1]
        wide = x[:, [0]] + step * np.arange(-half, m + half)
        bare = replace(model, weights=np.ones(1))
        y, jacobian = _evaluate(bare, wide, p)
        keep = slice(half, half + m)
        return (
            correlate1d(y, model.weights, axis=-1)[..., keep],
            correlate1d(jacobian, model.weights, axis=-1)[..., keep],
        )
    free = PROFILES[model.shape].free
    fixed = np.full((p.shape[0], 1), PROFILES[model.shape].eta)
    none = np.zeros_like(fixed)
    jacobian = np.empty((p.shape[0], p.shape[1], x.shape[1]))
    y = np.zeros(x.shape)
    size = len(model.names)
    for band in range(model.bands):
        own = p[:, band * size : (band + 1) * size]
        named = dict(zip(model.names, (own[:, [i]] for i in range(size)), strict=True))
        shape, slopes = band_and_slopes(
            x,
            named["center"],
            named["fwhm"],
            named.get("eta", fixed),
            named.get("asymmetry", none),
            free,
        )
        height = named["height"]
        for i, slope in enumerate(slopes):
            np.multiply(slope, height, out=jacobian[:, band * size + i])
        jacobian[:, (band + 1) * size - 1] = shape
        shape = shape * height
        y += shape
    first = model.bands * size
    jacobian[:, first:] = baseline_basis(model, x)
    for i in range(first, p.shape[1]):
        y += p[:, [i]] * jacobian[:, i]
    return y, jacobian


def baseline_basis(model: Model, x: np.ndarray) -> np.ndarray:
    """Powers of x that the baseline is made of.

    Parameters
    ----------
    model : Model
        Its degree counts.
    x : numpy.ndarray, shape (n, m)
        Counted from the middle of the window.

    Returns
    -------
    numpy.ndarray, shape (n, degree + 1, m)

    Examples
    --------
    >>> model = Model(
    ...     shape="gaussian", bands=1, degree=1, fwhm=(4.0, 90.0), weights=np.ones(1)
    ... )
    >>> baseline_basis(model, np.array([[0.0, 50.0]]))
    array([[[1., 1.],
            [0., 1.]]])
    """
    powers = [(x / 50.0) ** i for i in range(model.degree + 1)]
    return np.stack(powers, axis=1) if powers else np.empty((x.shape[0], 0, x.shape[1]))


def _bounds(model: Model, start: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    low = np.full((start.shape[0], model.parameters), -np.inf)
    high = np.full_like(low, np.inf)
    for band in range(model.bands):
        limits: dict[str, tuple[np.ndarray | float, np.ndarray | float]] = {
            "center": (start[:, band] - reach, start[:, band] + reach),
            "fwhm": model.fwhm,
            "eta": (0.0, 1.0),
            # A width that changes e-fold within a quarter of the narrowest band is no band.
            "asymmetry": (-1.0 / model.fwhm[0], 1.0 / model.fwhm[0]),
        }
        for name, (a, b) in limits.items():
            if (column := model.column(name, band)) is not None:
                low[:, column], high[:, column] = a, b
    return low, high


def _start(model: Model, x: np.ndarray, y: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """Widths by trial: for each of a few the best heights and baseline are a linear problem."""
    best = np.full(x.shape[0], np.inf)
    out = np.zeros((x.shape[0], model.parameters))
    linear = _linear(model)
    for fwhm in sorted({float(np.clip(w, *model.fwhm)) for w in _START_FWHM}):
        p = np.zeros_like(out)
        for band in range(model.bands):
            for name, value in (
                ("center", centers[:, band]),
                ("fwhm", fwhm),
                ("eta", PROFILES[model.shape].eta),
            ):
                if (column := model.column(name, band)) is not None:
                    p[:, column] = value
        basis = _evaluate(model, x, p)[1][:, linear]
        normal = basis @ basis.transpose(0, 2, 1)
        normal += 1e-9 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(len(linear))
        solved = np.linalg.solve(normal, basis @ y[:, :, None])
        cost = ((y - (basis * solved).sum(axis=1)) ** 2).sum(axis=1)
        p[:, linear] = solved[:, :, 0]
        better = cost < best
        out[better], best[better] = p[better], cost[better]
    return out


def _linear(model: Model) -> list[int]:
    """Columns of the heights and of the baseline, in which the model is linear."""
    size = len(model.names)
    heights = [(band + 1) * size - 1 for band in range(model.bands)]
    return heights + list(range(model.bands * size, model.parameters))


def _fit_block(
    model: Model, x: np.ndarray, y: np.ndarray, centers: np.ndarray, reach: float
) -> Fit:
    origin = x.mean(axis=1, keepdims=True)
    scale = np.ptp(y, axis=1, keepdims=True)
    x, y = x - origin, y / scale
    low, high = _bounds(model, centers - origin, reach)
    p = np.clip(_start(model, x, y, centers - origin), low, high)
    value, jacobian = _evaluate(model, x, p)
    residual = y - value
    cost = (residual**2).sum(axis=1)
    damping = np.full(p.shape[0], 1e-3)
    active = np.arange(p.shape[0])
    eye = np.eye(p.shape[1])
    done = np.zeros(p.shape[0], bool)
    for _ in range(_STEPS):
        j, r, q = jacobian[active], residual[active], p[active]
        gradient = (j @ r[:, :, None])[:, :, 0]
        # A parameter that stands at its bound and would go beyond is held for this step.
        held = ((q <= low[active]) & (gradient < 0)) | ((q >= high[active]) & (gradient > 0))
        normal = j @ j.transpose(0, 2, 1)
        diagonal = np.maximum(np.einsum("njj->nj", normal), 1e-12)
        normal = np.where(held[:, :, None] | held[:, None, :], 0.0, normal)
        extra = np.where(held, 1.0, damping[active, None] * diagonal)
        normal += extra[:, :, None] * eye
        step = np.linalg.solve(normal, np.where(held, 0.0, gradient)[:, :, None])[:, :, 0]
        trial = np.clip(q + step, low[active], high[active])
        t_value, t_jacobian = _evaluate(model, x[active], trial)
        t_residual = y[active] - t_value
        t_cost = (t_residual**2).sum(axis=1)
        better = t_cost <= cost[active]
        gain = (gradient * (trial - q)).sum(axis=1)
        small = np.abs(gain) <= 1e-10 * cost[active] + 1e-28
        # A small promise counts only where it is not the damping that makes it small.
        ended = (small & (damping[active] < 1e-2)) | (damping[active] > 1e8)
        index = active[better]
        p[index], cost[index] = trial[better], t_cost[better]
        residual[index], jacobian[index] = t_residual[better], t_jacobian[better]
        damping[active] = np.where(better, damping[active] / 8, damping[active] * 6)
        damping[active] = np.maximum(damping[active], 1e-9)
        done[active[ended]] = True
        active = active[~ended]
        if active.size == 0:
            break
    at_bound = (p <= low) | (p >= high)
    jacobian = np.where(at_bound[:, :, None], 0.0, jacobian)
    return _in_units(model, p, residual, jacobian, done, scale, origin)


def _in_units(
    model: Model,
    p: np.ndarray,
    residual: np.ndarray,
    jacobian: np.ndarray,
    done: np.ndarray,
    scale: np.ndarray,
    origin: np.ndarray,
) -> Fit:
    """Undo the scaling of x and y; the Jacobian of heights and baseline keeps its unit."""
    p = p.copy()
    linear = _linear(model)
    p[:, linear] *= scale
    nonlinear = [i for i in range(model.parameters) if i not in linear]
    jacobian[:, nonlinear] *= scale[:, :, None]
    for band in range(model.bands):
        p[:, model.column("center", band)] += origin[:, 0]
    return Fit(parameters=p, residual=residual * scale, jacobian=jacobian, converged=done)
