"""Which pixels of a map lie in holes of the coating?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import ndimage

from coatcore.errors import MeasurementError
from imaging.holes.false_alarm import CoatingLevel, coating_level
from imaging.maps.bare_level import (
    Area,
    BareLevel,
    area_mask,
    bare_as_stated,
    bare_from_area,
    bare_from_off_band,
)
from imaging.maps.tip_footprint import smooth

# Share of bare pixels that must lie below the threshold.
_BARE_SEEN = 0.95
# Smoothing to choose from, in footprints of the tip.
_SCALES = (0.0, 0.5, 1.0, 2.0)
# Share of a map that must be clear of dark pixels and their rims for rims to be left out.
_CLEAR = 0.2


@dataclass(frozen=True, kw_only=True, eq=False)
class SeenHoles:
    """A smoothed map, its levels and the holes that show.

    Parameters
    ----------
    smoothed : numpy.ndarray, shape (ny, nx)
        NaN where the map is missing, and in the reference area.
    sigma : (float, float)
        Standard deviation of the smoothing in pixels.
    bare : BareLevel
        Signal of bare substrate.
    coating : CoatingLevel
        Signal of the coating.
    mask : numpy.ndarray of bool, shape (ny, nx)
        True in holes.

    Examples
    --------
    >>> from imaging import find_pinholes, simulate_nanoir_map
    >>> seen = find_pinholes(simulate_nanoir_map(1)[0]).seen
    >>> seen.threshold <= seen.edge
    True
    """

    smoothed: np.ndarray
    sigma: tuple[float, float]
    bare: BareLevel
    coating: CoatingLevel
    mask: np.ndarray

    @property
    def edge(self) -> float:
        """Signal up to which a hole reaches: the middle between bare substrate and coating."""
        return (self.coating.value + self.bare.value) / 2

    @property
    def threshold(self) -> float:
        """Signal that a hole has to fall below somewhere."""
        return min(self.edge, self.coating.lowest)

    @property
    def margin(self) -> float:
        """Share of the step from bare to coating that a bare pixel is safely seen by."""
        seen = self.bare.quantile(_BARE_SEEN) - self.bare.value
        return (self.threshold - self.bare.value - seen) / (self.coating.value - self.bare.value)

    def blur(self, pixel: tuple[float, float], tip: tuple[float, float]) -> float:
        """Standard deviation in nm of tip, smoothing and pixel together.

        Parameters
        ----------
        pixel : (float, float)
            Height and width in nm.
        tip : (float, float)
            Standard deviation of the tip's footprint in pixels.
        """
        squares = [
            (t**2 + s**2 + 1 / 12) * p**2 for t, s, p in zip(tip, self.sigma, pixel, strict=True)
        ]
        return float(np.sqrt(np.mean(squares)))


def see_holes(
    image: xr.DataArray,
    values: np.ndarray,
    tip: tuple[float, float],
    false_alarm: float,
    bare: float,
    off_band: xr.DataArray | None,
    reference: Area | None,
) -> SeenHoles:
    """Holes of a map, smoothed as much as lets the smallest of them show.

    A bare disc of radius r seen through a normal blur s leaves exp(-r² / 2 s²) of the signal at
    its centre. More smoothing lowers the noise and with it what the threshold must leave, but
    widens s; the scale with the smallest r is taken.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x) in nm.
    values : numpy.ndarray, shape (ny, nx)
        Its values; missing pixels are NaN.
    tip : (float, float)
        Standard deviation of the tip's footprint in pixels.
    false_alarm, bare, off_band, reference
        As for `imaging.find_pinholes`.

    Returns
    -------
    SeenHoles

    Raises
    ------
    MeasurementError
        If bare substrate cannot be told from the coating's own scatter at any scale.

    Examples
    --------
    >>> from imaging import simulate_nanoir_map
    >>> image, _ = simulate_nanoir_map(1)
    >>> bool(see_holes(image, image.values, (1.0, 1.0), 0.05, 0.0, None, None).mask.any())
    True
    """
    if off_band is not None and reference is not None:
        raise MeasurementError("give an off-band map or a reference area, not both")
    inside = None if reference is None else area_mask(image, reference)
    seen, width = [], []
    for scale in _SCALES:
        sigma = (scale * tip[0], scale * tip[1])
        if off_band is not None:
            level = bare_from_off_band(image, off_band, sigma)
        elif inside is not None:
            level = bare_from_area(smooth(values, sigma), inside)
        else:
            level = bare_as_stated(bare, values, sigma)
        smoothed = smooth(values if inside is None else np.where(inside, np.nan, values), sigma)
        coating = _coating(smoothed, level.value, max(sigma), false_alarm)
        view = SeenHoles(
            smoothed=smoothed, sigma=sigma, bare=level, coating=coating, mask=np.zeros(0, bool)
        )
        seen.append(view)
        left = view.margin
        blur = view.blur((1.0, 1.0), tip)
        width.append(blur * np.sqrt(-np.log(left)) if left > 0 else np.inf)
    best = int(np.argmin(width))
    view = seen[best]
    if not np.isfinite(width[best]):
        view = max(seen, key=lambda v: v.margin)
        raise MeasurementError(
            f"the coating's signal {view.coating.value - view.bare.value:.3g} scatters by "
            f"{view.coating.scatter:.3g}, so that it falls to {view.coating.lowest:.3g} by chance, "
            f"and bare substrate reaches {view.bare.quantile(_BARE_SEEN):.3g} "
            f"({view.bare.source}): noise alone would look like holes; average more scans, level "
            "the rows or bin pixels"
        )
    mask = _grown(view.smoothed, view.threshold, view.edge)
    return SeenHoles(
        smoothed=view.smoothed, sigma=view.sigma, bare=view.bare, coating=view.coating, mask=mask
    )


def _coating(smoothed: np.ndarray, bare: float, sigma: float, false_alarm: float) -> CoatingLevel:
    """Level of the coating away from holes."""
    known = np.isfinite(smoothed)
    center = float(np.median(smoothed[known]))
    coated = known
    for _ in range(3):
        if not center > bare:
            raise MeasurementError(
                f"the median signal {center:g} does not exceed that of bare surface, {bare:g}: "
                "there is no coating to find holes in"
            )
        dark = smoothed < (center + bare) / 2
        # Blur makes a rim that is neither coating nor hole.
        rim = ndimage.binary_dilation(dark, iterations=1 + round(sigma))
        coated = known & ~rim
        if coated.sum() < _CLEAR * known.sum():
            coated = known & ~dark
        center = float(np.median(smoothed[coated]))
    return coating_level(smoothed, coated, false_alarm)


def _grown(smoothed: np.ndarray, threshold: float, edge: float) -> np.ndarray:
    """Patches below `edge` that fall below `threshold` somewhere (hysteresis)."""
    labels, _ = ndimage.label(smoothed < edge, structure=np.ones((3, 3)))
    seeds = np.unique(labels[(smoothed < threshold) & (labels > 0)])
    return np.isin(labels, seeds[seeds > 0])
