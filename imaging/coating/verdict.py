"""What do all windows along a particle's edge say together of its coating?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coatcore.coverage import coverage_factor
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.statistics.robust_scale import robust_scale
from imaging.coating.lattice import LatticeEnd
from imaging.coating.layer import SHOWN, SHOWN_FROM, GreyLayer, one_edge_cost
from imaging.coating.layer_fit import EDGE, ROUND, ROUNDER, SHARE, THICK, model
from imaging.coating.profiles import FEWEST, Windows
from imaging.coating.settings import TemSettings

# What the model of the edge leaves out (shape of Fresnel fringes, speckle), nm. By simulation.
_MODEL = 0.01
# Slow part of a crystal's step from which it counts as rounded, and wholly so. The first part of
# a circle's chord is too faint to be told from the layer. By simulation, nm.
_SLOW = (0.06, 0.26)
_ROUNDED_BIAS, _ROUNDED_DOUBT = 0.10, 0.05
# The same, from which grey alone cannot tell a layer from a rounded crystal.
_TOO_SLOW = 0.3
# Where the fringes' end alone is a layer, nm: three times what is not known of their fade.
_LATTICE_FROM = 0.4
# How well an end of a layer is placed along the contour, in windows. By simulation.
_PLACED = 0.18
# Windows that have to bear a layer, as a share.
_SOME = 0.08
# Grey of a layer, between vacuum and crystal, for which a limit is given where none is seen.
_FAINT = 0.3
BOTH, GREY, LATTICE = "grey and lattice", "grey", "lattice"


class WindowLayer(NamedTuple):
    """Layer in every window.

    Parameters
    ----------
    thickness, uncertainty : numpy.ndarray
        In nm; uncertainty of a window against its neighbours.
    bears : numpy.ndarray
        Whether there is more of a layer than noise would make.
    common : float
        Uncertainty that all windows share, nm.
    method : numpy.ndarray
        Text, a window.
    crystal : numpy.ndarray
        Depth of the crystal's edge, nm.
    coated : bool
        Whether there is a layer at all.
    note : str
        What a reader should know of how it was decided; may be empty.
    """

    thickness: np.ndarray
    uncertainty: np.ndarray
    bears: np.ndarray
    common: float
    method: np.ndarray
    crystal: np.ndarray
    coated: bool
    note: str


def layer_of_windows(
    grey: GreyLayer, lattice: LatticeEnd | None, settings: TemSettings, source: str
) -> WindowLayer:
    """Thickness by grey and by lattice, together where both can be had.

    Parameters
    ----------
    grey : GreyLayer
    lattice : LatticeEnd or None
    settings : TemSettings
    source : str
        Name of the image in messages.

    Returns
    -------
    WindowLayer

    Raises
    ------
    MeasurementError
        If the crystal darkens so slowly that its grey tells nothing, and no lattice shows.
    """
    by_grey = _by_grey(grey)
    number = by_grey.thickness.size
    seen = np.isfinite(lattice.edge) if lattice is not None else np.zeros(number, bool)
    if lattice is None or seen.sum() < max(FEWEST, 0.5 * number):
        slow = float(np.median(grey.bare.values[:, ROUND] + grey.bare.values[:, ROUNDER]))
        if not by_grey.coated and slow > _TOO_SLOW:
            raise MeasurementError(
                f"{source}: {slow:.0%} of the grey's fall from vacuum to crystal is slow and no "
                "lattice fringes are clear enough, so a layer cannot be told from a rounded "
                "crystal; take an image in which the lattice shows"
            )
        return by_grey
    fit = grey.fit if by_grey.coated else grey.bare
    by_lattice = _by_lattice(fit.values[:, EDGE], lattice, seen, settings)
    if not by_grey.coated:
        return _lattice_alone(by_lattice, seen)
    return _together(grey, by_grey, by_lattice, seen)


def _by_grey(grey: GreyLayer) -> WindowLayer:
    """What the fall of the grey says alone."""
    layered = bool(np.isfinite(grey.share))
    fit = grey.fit if layered else grey.bare
    thickness, common = np.zeros(fit.values.shape[0]), _MODEL
    if layered:
        thickness, doubt = _unrounded(grey)
        common = float(np.hypot(_MODEL, doubt))
    u = fit.uncertainties[:, THICK if layered else EDGE]
    return WindowLayer(
        thickness=thickness,
        uncertainty=_scaled(thickness, u, thickness >= 0),
        bears=grey.bears,
        common=common,
        method=np.full(thickness.size, GREY, dtype=object),
        crystal=fit.values[:, EDGE] + thickness,
        coated=layered,
        note="" if layered else "a layer as dark as the crystal would not show",
    )


def _by_lattice(
    outer: np.ndarray, lattice: LatticeEnd, seen: np.ndarray, settings: TemSettings
) -> WindowLayer:
    """What the end of the lattice fringes says alone; NaN where none are seen."""
    thickness = lattice.edge - settings.fade - outer
    u = np.full(outer.size, np.inf)
    u[seen] = _scaled(thickness[seen], lattice.uncertainty[seen], seen[seen])
    one_sided = coverage_factor(level=0.90)
    bears = seen & (thickness > _LATTICE_FROM + one_sided * np.where(seen, u, 0.0))
    return WindowLayer(
        thickness=thickness,
        uncertainty=u,
        bears=bears,
        common=settings.fade_uncertainty,
        method=np.full(outer.size, LATTICE, dtype=object),
        crystal=outer,
        coated=bool(bears.sum() >= max(3, _SOME * outer.size)),
        note="",
    )


def _lattice_alone(lattice: WindowLayer, seen: np.ndarray) -> WindowLayer:
    """One edge of grey: no layer, or one as dark as the crystal, which the lattice tells."""
    some = lattice.coated
    t = _bridged(lattice.thickness, seen) if some else np.zeros(seen.size)
    u = lattice.uncertainty
    return lattice._replace(
        thickness=np.maximum(t, 0.0),
        uncertainty=np.where(seen, u, np.nanmax(np.where(seen, u, np.nan)) * 2),
        bears=t > _LATTICE_FROM,
        method=np.where(seen, LATTICE, "neighbours").astype(object)
        if some
        else np.full(seen.size, BOTH, dtype=object),
        crystal=lattice.crystal + t,
        note="seen by the lattice alone" if some else "",
    )


def _together(
    grey: GreyLayer, by_grey: WindowLayer, by_lattice: WindowLayer, seen: np.ndarray
) -> WindowLayer:
    """Both where they agree; where not, the one that is to be believed, and why."""
    t_grey, t_lattice = by_grey.thickness, by_lattice.thickness
    shown = seen & grey.shows
    gap = float(np.median((t_grey - t_lattice)[shown])) if shown.any() else 0.0
    if shown.sum() >= 3 and gap > 0.5 and not by_lattice.coated:
        zero = np.zeros(seen.size)
        note = "a rim of its own grey bears lattice fringes up to its edge: it is no coating"
        return by_lattice._replace(thickness=zero, bears=zero > 0, note=note)
    if abs(gap) > 0.5:
        note = f"grey and lattice differ by {abs(gap):.1f} nm; the thickness is that of the grey"
        return by_grey._replace(common=float(np.hypot(by_grey.common, gap / 2)), note=note)
    u_grey, u_lattice = by_grey.uncertainty, by_lattice.uncertainty
    # What the fade adds is common to all windows, so it weighs in each of them.
    of_grey = 1 / (u_grey**2 + by_grey.common**2)
    of_lattice = np.where(seen, 1 / (u_lattice**2 + by_lattice.common**2), 0.0)
    total = of_grey + of_lattice
    t = (of_grey * t_grey + of_lattice * np.where(seen, t_lattice, 0.0)) / total
    u = np.sqrt((of_grey * u_grey) ** 2 + (of_lattice * np.where(seen, u_lattice, 0)) ** 2) / total
    pull = float(np.median(of_lattice / total))
    return WindowLayer(
        thickness=np.maximum(t, 0.0),
        uncertainty=u,
        bears=grey.bears,
        common=float(np.hypot((1 - pull) * by_grey.common, pull * by_lattice.common)),
        method=np.where(seen, BOTH, GREY).astype(object),
        crystal=by_lattice.crystal + t,
        coated=True,
        note="",
    )


def _unrounded(grey: GreyLayer) -> tuple[np.ndarray, float]:
    """Thickness by grey without what rounding adds, and the doubt about that, nm."""
    shown = grey.fit.values[grey.shows]
    slow = float(np.median((shown[:, ROUND] + shown[:, ROUNDER]) / (1 - shown[:, SHARE])))
    part = float(np.clip((slow - _SLOW[0]) / (_SLOW[1] - _SLOW[0]), 0, 1))
    return np.maximum(grey.fit.values[:, THICK] - part * _ROUNDED_BIAS, 0), part * _ROUNDED_DOUBT


def _scaled(t: np.ndarray, u: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Uncertainties made as large as neighbouring windows scatter."""
    if t.size < 5 or not np.ptp(t):
        return u
    bend = np.abs(t[1:-1] - 0.5 * (t[2:] + t[:-2])) / np.sqrt(
        u[1:-1] ** 2 + 0.25 * (u[2:] ** 2 + u[:-2] ** 2)
    )
    # Ends of the layer bend it; they are few.
    factor = float(robust_scale(bend[use[1:-1]], about_zero=True))
    return u * max(1.0, factor)


def _bridged(t: np.ndarray, seen: np.ndarray) -> np.ndarray:
    index = np.arange(t.size)
    return np.interp(index, index[seen], t[seen])


def covered_share(layer: WindowLayer, settings: TemSettings) -> tuple[np.ndarray, Estimate]:
    """Which part of each window bears a layer, and the share of all.

    A window at the end of a layer shows it thinner than its neighbour does, in proportion to
    the part that it covers.

    Parameters
    ----------
    layer : WindowLayer
    settings : TemSettings

    Returns
    -------
    (numpy.ndarray, Estimate)
        A number from 0 to 1 a window, and the share, unit 1.
    """
    t, number = layer.thickness, layer.thickness.size
    if not layer.coated:
        # A stretch as short as two windows may go unseen.
        return np.zeros(number), Estimate.from_interval(
            0.0, 0.0, min(1.0, max(3, _SOME * number) / number), n=number, method="no layer seen"
        )
    least = settings.thinnest
    covered = ((t > least) & layer.bears).astype(float)
    ends = np.flatnonzero(np.diff(covered) != 0)
    for i in ends:
        last, beyond = (i, i + 1) if covered[i] else (i + 1, i)
        inner = 2 * last - beyond
        if 0 <= inner < number and covered[inner] and t[inner] > 0:
            share = min(1.0, float(t[last] / t[inner]) + float(t[beyond] / t[inner]))
            whole = float(t[last] / t[inner]) > 0.75
            covered[last] = share if not whole else 1.0
    value = float(covered.mean())
    doubt = np.minimum(1.0, np.exp(-(((t - least) / np.maximum(layer.uncertainty, 0.05)) ** 2)))
    u = float(np.sqrt(ends.size * _PLACED**2 + (0.25 * doubt**2).sum())) / number
    half = coverage_factor() * u
    # A bare stretch between two covered windows does not show.
    spare = (0.5 if ends.size else 1.5) / number
    return covered, Estimate.from_interval(
        value,
        max(0.0, value - max(half, spare)),
        min(1.0, value + half) if ends.size else 1.0,
        standard_uncertainty=u,
        n=number,
        method="share of windows along the contour, uncertainty of the layer's ends",
    )


def median_thickness(layer: WindowLayer, covered: np.ndarray, limit: float) -> Estimate:
    """Median thickness along the covered contour; 0 up to the limit where there is no layer.

    Parameters
    ----------
    layer : WindowLayer
    covered : numpy.ndarray
        Part of each window that is covered.
    limit : float
        Thinnest layer that would have been seen, nm.

    Returns
    -------
    Estimate
        In nm.
    """
    if not layer.coated:
        method = f"no layer seen; {layer.note}" if layer.note else "no layer seen"
        return Estimate.from_interval(
            0.0, 0.0, limit, unit="nm", n=layer.thickness.size, method=method
        )
    whole = covered >= 0.999
    if whole.sum() < 3:
        whole = covered >= 0.5
    if not whole.any():
        whole = covered == covered.max()
    t, u = np.sort(layer.thickness[whole]), layer.uncertainty[whole]
    number = t.size
    value = float(np.median(t))
    noise = 1.2533 * float(np.sqrt(np.mean(u**2) / number))
    # Between the middle ones of few windows the median is not told.
    middle = number // 2
    near = t[max(0, middle - 1) : middle + 2]
    between = float(near[-1] - near[0]) / 2 / np.sqrt(12)
    total = float(np.sqrt(noise**2 + between**2 + layer.common**2))
    # Noise is known from the scatter of few windows only.
    scatter = float(np.hypot(noise, between))
    dof = (number - 0.5) * (total / scatter) ** 4 if scatter > 0 else 1e6
    half = coverage_factor(min(max(dof, 2.0), 1e6)) * total
    kind = str(layer.method[int(np.argmax(whole))])
    method = f"median of {number} windows, edges by {kind}"
    return Estimate.from_interval(
        value,
        max(0.0, value - half),
        value + half,
        standard_uncertainty=total,
        unit="nm",
        n=number,
        method=f"{method}; {layer.note}" if layer.note else method,
    )


def detection_limit(
    grey: GreyLayer, lattice: LatticeEnd | None, windows: Windows, settings: TemSettings
) -> float:
    """Thickness in nm of a layer along the contour that is seen with 95 % probability.

    Parameters
    ----------
    grey : GreyLayer
    lattice : LatticeEnd or None
    windows : Windows
    settings : TemSettings
    """
    tried = np.geomspace(SHOWN_FROM + 0.05, settings.thickest, 20)
    typical = np.median(grey.bare.values, axis=0)
    layers = np.tile(typical, (tried.size, 1))
    layers[:, SHARE] = grey.share if np.isfinite(grey.share) else _FAINT
    layers[:, THICK] = tried
    seen = model(layers, windows.depth)[0]
    noise = float(np.median(grey.noise))
    gain = one_edge_cost(seen, windows.depth, layers, noise, settings.thickest)
    # Half of the windows then show it, of which a few are enough.
    sure = gain > SHOWN
    limits = [float(tried[np.argmax(sure)])] if sure.any() else [settings.thickest]
    if lattice is not None and np.isfinite(lattice.edge).mean() > 0.5:
        u = float(np.nanmedian(lattice.uncertainty))
        one_sided = coverage_factor(level=0.90)
        limits.append(_LATTICE_FROM + one_sided * u + settings.fade_uncertainty)
    return min(limits)
