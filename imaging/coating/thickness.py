"""How thick is the amorphous coating on a particle in a TEM image?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from scipy import ndimage

from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.plotting import mark_simulated
from coatcore.provenance import add_history
from imaging.coating.contour import trace_edge
from imaging.coating.figures import plot_coating, plot_distribution
from imaging.coating.lattice import LatticeEnd, find_planes, lattice_end
from imaging.coating.layer import GreyLayer, grey_layer
from imaging.coating.layer_fit import BLUR, EDGE, STEP, THICK, VACUUM
from imaging.coating.profiles import Windows, lay_windows, straighten
from imaging.coating.reach import require_within_reach
from imaging.coating.settings import TemSettings
from imaging.coating.verdict import (
    WindowLayer,
    covered_share,
    detection_limit,
    layer_of_windows,
    median_thickness,
)
from imaging.labels.labels import pixel_size
from imaging.labels.requirements import require_image

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Share of pixels at the largest grey from which the camera was saturated.
_SATURATED = 0.02
# Finer pixels are put together: they cost time and tell no more of an edge.
_FINE = 0.04
# Power of a lattice's peak on the bright side from which it is no vacuum.
_OUTSIDE = 300.0
# Grey of a layer, between vacuum (0) and crystal (1), up to which the crystal's edge is traced.
_DARK_LAYER = 0.75
# Depth of the crystal's edge, nm, up to which the traced line already runs along it.
_ALONG_CRYSTAL = 0.4
# Blur of the edge, nm, from which it is no edge.
_BLURRED = 0.5


@shown(units={"detection_limit": "nm", "spacing": "nm", "length": "nm"}, hide=("profile",))
@dataclass(frozen=True, kw_only=True, eq=False)
class CoatingThickness:
    """Amorphous layer along the edge of a particle.

    Parameters
    ----------
    median : Estimate
        Median thickness along the part of the contour that is covered, nm. Where no layer is
        seen, 0 with an interval up to `detection_limit`.
    covered : Estimate
        Share of the examined contour that bears a layer, unit 1.
    profile : pandas.DataFrame
        A row a window along the contour: position, place of the crystal's edge, thickness with
        standard uncertainty, whether it is covered, and by which method.
    detection_limit : float
        Thickness in nm of a layer along the contour that is seen with 95 % probability.
    coated : bool
        Whether there is a layer.
    note : str
        What to know of how that was decided; may be empty.
    spacing : float
        Of the lattice planes that were used, nm; NaN where none were seen.
    length : float
        Of the examined contour, nm.
    image : xarray.DataArray
        What was measured.

    Examples
    --------
    >>> from imaging.simulating.tem import simulate_tem
    >>> image, _ = simulate_tem(2, thickness=0.0, shape=(256, 256), pixel=0.08)
    >>> found = coating_thickness(image)
    >>> found.coated, found.median.value, found.median.upper == found.detection_limit
    (False, 0.0, True)
    """

    median: Estimate
    covered: Estimate
    profile: pd.DataFrame
    detection_limit: float
    coated: bool
    note: str
    spacing: float
    length: float
    image: xr.DataArray

    @property
    def sentence(self) -> str:
        """The result in one line."""
        note = f" ({self.note})" if self.note else ""
        if not self.coated:
            return f"uncoated: none above {self.detection_limit:.1f} nm{note}"
        share = 100 * self.covered.value
        return f"{self.median.concise} nm, {share:.0f} % of {self.length:.0f} nm of contour{note}"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Image with the contour coloured by thickness.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on.
        """
        return plot_coating(self.image, self.profile, title=self.sentence, ax=ax)

    def plot_distribution(self, ax: Axes | None = None) -> Axes:
        """Histogram of the thickness along the contour, with median and interval.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on.
        """
        ax = plot_distribution(
            self.profile,
            self.median,
            length=self.length,
            detection_limit=self.detection_limit,
            coated=self.coated,
            title=self.sentence,
            ax=ax,
        )
        mark_simulated(ax, self.image)
        return ax


def coating_thickness(image: xr.DataArray, settings: TemSettings | None = None) -> CoatingThickness:
    """Thickness of the amorphous layer on a particle in a bright-field TEM image.

    The edge between vacuum and particle is traced, the image straightened along it, and averaged
    over windows of 1 nm. In each window the layer is taken from the grey (a blurred step from
    vacuum to layer, one to the crystal, a Fresnel fringe at either) and, where lattice fringes
    show, from the depth at which they begin. Both are weighed; where only one can tell, that one
    is used, and `profile` says which.

    Assumes that vacuum is brighter than the particle, that the layer's surfaces are parallel to
    the beam (a layer seen at a slant looks thicker), and that the pixel size is right: its error
    is not part of the interval.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x) in nm, finer than 0.5 nm a pixel.
    settings : TemSettings, optional
        Lengths by which the layer is looked for.

    Returns
    -------
    CoatingThickness

    Raises
    ------
    MeasurementError
        If the image is no single page in nm, has missing or saturated pixels, is too coarse,
        shows no edge between vacuum and particle, or a layer that may be thicker than is looked
        for (5 nm unless `settings` say otherwise).

    References
    ----------
    Shi et al., J. Mater. Chem. A 2025, 13, 2600, sections 2.1 and 4.6.

    Examples
    --------
    >>> from imaging.simulating.tem import simulate_tem
    >>> image, truth = simulate_tem(1, shape=(256, 256), pixel=0.08)
    >>> found = coating_thickness(image)
    >>> found.coated, abs(found.median.value - truth["thickness"]) < 0.1
    (True, True)
    """
    settings = settings or TemSettings()
    source = str(image.attrs.get("source", "the image"))
    values = require_image(image, 64)
    full = pixel_size(image)
    if max(full) > settings.coarsest_pixel:
        raise MeasurementError(
            f"a pixel of {source} is {max(full):.4g} nm wide; a layer of some nanometres needs "
            f"{settings.coarsest_pixel:g} nm at most: take an image at higher magnification"
        )
    _require_unsaturated(values, source)
    factor = max(1, int(_FINE * 1.5 / max(full)))
    spans = min(n * p for n, p in zip(values.shape, full, strict=True))
    if spans < settings.outside + settings.inside:
        raise MeasurementError(
            f"{source} spans {spans:.3g} nm; profiles of {settings.outside + settings.inside:g} nm "
            "across the edge have to fit into it"
        )
    values, pixel = _binned(values, factor), (full[0] * factor, full[1] * factor)
    windows, strips, grey = _windows(values, pixel, settings, source, None)
    level = _crystal_level(grey)
    if level is not None:
        windows, strips, grey = _windows(values, pixel, settings, source, level)
    seen = strips.mean(axis=1)
    particle = _inside(values, windows, pixel, settings)
    lattice = None
    planes = find_planes(values, particle[0], pixel)
    if planes is None and find_planes(values, particle[1], pixel, peak=_OUTSIDE) is not None:
        raise MeasurementError(
            f"{source}: the bright side of the edge bears lattice fringes, the dark side none; "
            "vacuum has to be brighter than the particle: is this a dark-field or inverted image?"
        )
    if planes is not None:
        residuals = np.where(grey.shows[:, None], grey.fit.residuals, grey.bare.residuals)
        lattice = lattice_end(strips, seen - residuals, windows, planes, pixel, settings)
        seen = seen - lattice.fringes
    grey = grey_layer(seen, windows, settings)
    _require_edge(grey, source)
    layer = layer_of_windows(grey, lattice, settings, source)
    require_within_reach(values, pixel, windows, grey, layer, settings, source)
    return _result(image, full, windows, grey, lattice, layer, settings)


def _windows(
    values: np.ndarray,
    pixel: tuple[float, float],
    settings: TemSettings,
    source: str,
    level: float | None,
) -> tuple[Windows, np.ndarray, GreyLayer]:
    contour = trace_edge(values, pixel, settings, source, level)
    windows = lay_windows(contour, values.shape, pixel, settings, source)
    strips = straighten(values, windows)
    return windows, strips, grey_layer(strips.mean(axis=1), windows, settings, rough=True)


def _crystal_level(grey: GreyLayer) -> float | None:
    """Grey between layer and crystal, where the line traced at first ran along the layer.

    Along the crystal the line has no steps where a layer ends, so its normals are right.
    """
    if not np.isfinite(grey.share) or grey.share > _DARK_LAYER:
        return None
    shown = grey.fit.values[grey.shows]
    if np.median(shown[:, EDGE] + shown[:, THICK]) < _ALONG_CRYSTAL:
        return None
    vacuum, step = np.median(shown[:, VACUUM]), np.median(shown[:, STEP])
    return float(vacuum - step * (1 + grey.share) / 2)


def _result(
    image: xr.DataArray,
    pixel: tuple[float, float],
    windows: Windows,
    grey: GreyLayer,
    lattice: LatticeEnd | None,
    layer: WindowLayer,
    settings: TemSettings,
) -> CoatingThickness:
    limit = detection_limit(grey, lattice, windows, settings)
    parts, covered = covered_share(layer, settings)
    profile = pd.DataFrame({"position / nm": windows.position})
    for axis, start, into, size in (
        ("y", windows.y, windows.into_y, pixel[0]),
        ("x", windows.x, windows.into_x, pixel[1]),
    ):
        place = image[axis].values.astype(float)
        at = (start + layer.crystal * into) / size - 0.5
        step = (place[-1] - place[0]) / (place.size - 1)
        profile[f"{axis} / nm"] = place[0] + at * step
    profile["thickness / nm"] = layer.thickness
    profile["standard uncertainty / nm"] = np.hypot(layer.uncertainty, layer.common)
    profile["covered"] = parts >= 0.5
    profile["method"] = layer.method
    return CoatingThickness(
        median=median_thickness(layer, parts, limit),
        covered=covered,
        profile=profile,
        detection_limit=limit,
        coated=layer.coated,
        note=layer.note,
        spacing=lattice.spacing if lattice is not None else float("nan"),
        length=len(profile) * windows.step,
        image=add_history(image.transpose("y", "x"), "coating_thickness", **vars(settings)),
    )


def _require_unsaturated(values: np.ndarray, source: str) -> None:
    clipped = int((values == values.max()).sum())
    if clipped > _SATURATED * values.size:
        raise MeasurementError(
            f"{source}: {clipped} of {values.size} pixels have the largest grey; the vacuum is "
            "saturated, so that the layer's edge in it cannot be told"
        )


def _require_edge(grey: GreyLayer, source: str) -> None:
    fit = grey.fit if np.isfinite(grey.share) else grey.bare
    blur = float(np.exp(np.median(fit.values[:, BLUR])))
    if blur > _BLURRED:
        raise MeasurementError(
            f"{source}: grey changes over {blur:.1f} nm or more where the particle's edge should "
            "be; a sharp edge between vacuum and particle is needed"
        )


def _binned(values: np.ndarray, factor: int) -> np.ndarray:
    if factor == 1:
        return values
    ny, nx = (n // factor for n in values.shape)
    blocks = values[: ny * factor, : nx * factor].reshape(ny, factor, nx, factor)
    return np.asarray(blocks.mean(axis=(1, 3)))


def _inside(
    values: np.ndarray, windows: Windows, pixel: tuple[float, float], settings: TemSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Weight of pixels well inside the particle, and well inside the vacuum."""
    calm = ndimage.gaussian_filter(values, [settings.smoothing / p for p in pixel])
    start = int(np.argmin(np.abs(windows.depth)))
    level = float(np.median(ndimage.map_coordinates(calm, windows.at[..., start], order=1)))
    dark = calm < level
    return (
        np.clip(ndimage.distance_transform_edt(dark, sampling=pixel) - 2, 0, 1),
        np.clip(ndimage.distance_transform_edt(~dark, sampling=pixel) - settings.thickest, 0, 1),
    )
