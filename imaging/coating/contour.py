"""Where does the particle end in a TEM image?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from coatcore.errors import MeasurementError
from coatcore.statistics.robust_scale import robust_scale
from imaging.coating.settings import TemSettings

# Step along the contour, nm, where the pixels are finer.
_STEP = 0.1
# Shortest contour, nm, along which something can be said of a layer.
SHORTEST = 6.0
# Contrast of particle and vacuum over the scatter of the smoothed vacuum.
_CLEAR = 6.0
# Share of the image that has to be vacuum, and particle.
_LEAST = 0.04
_NO_EDGE = "no edge between a bright vacuum and a darker particle is seen"


class Contour(NamedTuple):
    """Points in equal steps along the edge, and directions into the particle.

    Parameters
    ----------
    y, x : numpy.ndarray
        In nm from the image's corner.
    into_y, into_x : numpy.ndarray
        Unit vector into the particle.
    step : float
        In nm.
    closed : bool
        Whether the edge runs around the whole particle.
    """

    y: np.ndarray
    x: np.ndarray
    into_y: np.ndarray
    into_x: np.ndarray
    step: float
    closed: bool


def trace_edge(
    values: np.ndarray,
    pixel: tuple[float, float],
    settings: TemSettings,
    source: str,
    level: float | None = None,
) -> Contour:
    """The longest line between vacuum and particle.

    The line is one of equal grey, chosen so that few pixels have that grey: it then runs along
    the sharpest edge, be it that of the layer or that of the crystal, and not through the layer.

    Parameters
    ----------
    values : numpy.ndarray
        Dims (y, x), bright in vacuum.
    pixel : (float, float)
        Height and width in nm.
    settings : TemSettings
    source : str
        Name of the image in messages.
    level : float, optional
        Grey along which to trace, where it is known.

    Returns
    -------
    Contour

    Raises
    ------
    MeasurementError
        If there is no vacuum, no particle, or too short an edge between them.

    Examples
    --------
    >>> from imaging.simulating.tem import simulate_tem
    >>> image, _ = simulate_tem(1, shape=(160, 160), pixel=0.1)
    >>> trace_edge(image.values, (0.1, 0.1), TemSettings(), "it").closed
    False
    """
    from skimage.measure import find_contours

    calm = ndimage.gaussian_filter(values, [settings.smoothing / p for p in pixel])
    if level is None:
        level = _edge_level(calm, pixel, source)
    lines = find_contours(calm, level)
    scale = np.array(pixel)
    lengths = [float(np.hypot(*(np.diff(line, axis=0) * scale).T).sum()) for line in lines]
    if not lengths or max(lengths) < SHORTEST:
        raise MeasurementError(
            f"{source}: {_NO_EDGE} for {SHORTEST:g} nm; the longest is "
            f"{max(lengths, default=0.0):.1f} nm"
        )
    line = (lines[int(np.argmax(lengths))] + 0.5) * scale
    contour = _even(line, max(_STEP, *pixel), settings.contour_smoothing)
    # The particle on the same hand whichever way the line was walked.
    ahead = [_grey_at(calm, contour, pixel, d) for d in (-0.5, 0.5)]
    if ahead[1] > ahead[0]:
        contour = Contour(
            y=contour.y[::-1],
            x=contour.x[::-1],
            into_y=-contour.into_y[::-1],
            into_x=-contour.into_x[::-1],
            step=contour.step,
            closed=contour.closed,
        )
    return contour


def _edge_level(calm: np.ndarray, pixel: tuple[float, float], source: str) -> float:
    """Grey between vacuum and particle; refused where these are not there."""
    from skimage.filters import threshold_otsu

    first = threshold_otsu(calm)
    bright = calm > first
    share = float(bright.mean())
    if not _LEAST < share < 1 - _LEAST:
        raise MeasurementError(f"{source}: {_NO_EDGE}; {share:.0%} of it is bright")
    distance = ndimage.distance_transform_edt(~bright, sampling=pixel)
    near = (distance > 1.0) & (distance < 6.0)
    out = ndimage.distance_transform_edt(bright, sampling=pixel)
    # Farther out than a layer reaches, where there is that much vacuum.
    inside = out > 4.0 if (out > 4.0).mean() > _LEAST / 2 else out > 1.5
    if near.sum() < 50 or inside.sum() < 50:
        raise MeasurementError(f"{source}: {_NO_EDGE}")
    vacuum, dark = float(np.median(calm[inside])), float(np.percentile(calm[near], 30))
    scatter = float(robust_scale(calm[inside] - vacuum, about_zero=True))
    if vacuum - dark < _CLEAR * scatter:
        raise MeasurementError(
            f"{source}: {_NO_EDGE}; bright and dark differ by {(vacuum - dark) / scatter:.1f} "
            f"standard deviations of the bright part, {_CLEAR:g} are needed"
        )
    return _sharpest(calm, vacuum, dark)


def _sharpest(calm: np.ndarray, vacuum: float, dark: float) -> float:
    """Grey between vacuum and crystal that the fewest pixels have."""
    shares = np.arange(0.2, 0.81, 0.05)
    levels = vacuum - shares * (vacuum - dark)
    half = 0.08 * (vacuum - dark)
    ordered = np.sort(calm[(calm > dark - half) & (calm < vacuum + half)])
    count = np.searchsorted(ordered, levels + half) - np.searchsorted(ordered, levels - half)
    # Of levels that are about as rare the darkest: the crystal's edge has no steps where a
    # layer ends.
    good = count <= 1.3 * count.min() + 5
    good &= shares <= 0.66
    return float(levels[good][-1]) if good.any() else float(levels[np.argmin(count)])


def _even(line: np.ndarray, step: float, smoothing: float) -> Contour:
    """Line in equal steps, smoothed; its ends are kept."""
    closed = bool(np.hypot(*(line[0] - line[-1])) < 1e-9)
    way = np.r_[0.0, np.cumsum(np.hypot(*np.diff(line, axis=0).T))]
    n = max(8, round(way[-1] / step))
    places = np.arange(n) / n * way[-1] if closed else np.linspace(0, way[-1], n)
    y, x = (np.interp(places, way, line[:, i]) for i in (0, 1))
    y, x = (_smooth(a, smoothing / step, closed) for a in (y, x))
    if closed:
        dy, dx = ((np.roll(a, -1) - np.roll(a, 1)) / 2 for a in (y, x))
    else:
        dy, dx = np.gradient(y), np.gradient(x)
    length = np.hypot(dy, dx)
    return Contour(
        y=y, x=x, into_y=dx / length, into_x=-dy / length, step=float(length.mean()), closed=closed
    )


def _smooth(values: np.ndarray, sigma: float, closed: bool) -> np.ndarray:
    if closed:
        return np.asarray(ndimage.gaussian_filter1d(values, sigma, mode="wrap"))
    pad = min(values.size - 1, int(4 * sigma) + 1)
    before = 2 * values[0] - values[pad:0:-1]
    after = 2 * values[-1] - values[-2 : -pad - 2 : -1]
    wide = ndimage.gaussian_filter1d(np.r_[before, values, after], sigma)
    return np.asarray(wide[pad : pad + values.size])


def _grey_at(calm: np.ndarray, contour: Contour, pixel: tuple[float, float], depth: float) -> float:
    at = np.array(
        [
            (contour.y + depth * contour.into_y) / pixel[0] - 0.5,
            (contour.x + depth * contour.into_x) / pixel[1] - 0.5,
        ]
    )
    return float(ndimage.map_coordinates(calm, at, order=1, mode="nearest").mean())
