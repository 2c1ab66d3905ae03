"""Where does the coating have holes, and how much of the surface does it cover?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.plotting import axis_label, house_style, new_axes
from coatcore.provenance import add_history
from imaging.holes.coverage import BareShare, bare_share, coverage_estimate
from imaging.holes.figures import plot_coverage, plot_histogram, plot_holes
from imaging.holes.limits import UpperLimit, smallest_detectable, upper_limit
from imaging.holes.mask import SeenHoles, see_holes
from imaging.holes.table import Levels, hole_table
from imaging.labels.labels import pixel_size
from imaging.labels.requirements import require_image
from imaging.maps.bare_level import Area, area_mask, pixel_noise
from imaging.maps.tip_footprint import footprint_sigma

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Share of a map that may be missing.
_MISSING = 0.10
_SATURATED = 0.05


@shown(units={"tip_radius": "nm"}, also=("smallest_detectable",), hide=("mask", "seen", "share"))
@dataclass(frozen=True, kw_only=True, eq=False)
class Pinholes:
    """Holes in a coating, and what the map could not have shown.

    Parameters
    ----------
    coverage : Estimate
        Areal coverage of the surface that the map is a sample of, unit 1.
    mask : xarray.DataArray
        Dims (y, x), True in holes.
    table : pandas.DataFrame
        A row a hole: place, area, equivalent diameter and contrast with standard uncertainties;
        `resolved` says whether it is wider than the tip's radius.
    threshold : float
        Signal that a hole has to fall below somewhere, in the unit of the map.
    map : xarray.DataArray
        What was measured; NaN where it was not, and in the reference area.
    seen : SeenHoles
        The smoothed map with the levels of coating and bare substrate that gave the threshold.
    tip_radius : float
        In nm.
    share : BareShare
        Bare share of the map and how it would scatter from map to map.

    Examples
    --------
    >>> from imaging import find_pinholes, simulate_nanoir_map
    >>> found = find_pinholes(simulate_nanoir_map(1, coverage=1.0)[0])
    >>> print(f"{found.smallest_detectable.value:.0f} nm, {found.upper_limit.density.value:.1f}")
    24 nm, 3.0
    """

    coverage: Estimate
    mask: xr.DataArray
    table: pd.DataFrame
    threshold: float
    map: xr.DataArray
    seen: SeenHoles
    tip_radius: float
    share: BareShare

    @cached_property
    def smallest_detectable(self) -> Estimate:
        """Diameter in nm of the bare disc that this map would have shown with 95 % power."""
        return smallest_detectable(self.seen, pixel_size(self.map), self.tip_radius)

    @cached_property
    def upper_limit(self) -> UpperLimit:
        """95 % upper limits on holes of at least the smallest detectable size."""
        measured = int(np.isfinite(self.map.values).sum())
        dy, dx = pixel_size(self.map)
        area = measured * dy * dx
        return upper_limit(self.share, len(self.table), area, self.smallest_detectable)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Map with the holes outlined, histogram with threshold, and coverage.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw the map alone on; by default a figure with all three panels.

        Returns
        -------
        matplotlib.axes.Axes
            That of the map.
        """
        alone = ax is not None
        ax = new_axes(ax, figsize=(8.4, 4.0))
        figure = ax.get_figure()
        assert figure is not None
        if not alone:
            grid = figure.add_gridspec(2, 2, width_ratios=(1.45, 1), height_ratios=(1.7, 1))
            ax.set_subplotspec(grid[:, 0])
            beside, below = grid[0, 1], grid[1, 1]
            with house_style():
                plot_histogram(
                    self.seen,
                    self.threshold,
                    label=axis_label(self.map),
                    ax=figure.add_subplot(beside),
                )
                plot_coverage(self.coverage, self.upper_limit, ax=figure.add_subplot(below))
        return plot_holes(self.map, self.mask, n=len(self.table), ax=ax)


def find_pinholes(
    image: xr.DataArray,
    *,
    bare: float = 0.0,
    off_band: xr.DataArray | None = None,
    reference: Area | None = None,
    false_alarm: float = 0.05,
    tip_radius: float = 20.0,
    unseen: float = 80.0,
) -> Pinholes:
    """Holes of a coating in a map of its infrared signal.

    A hole is a patch below the middle between bare substrate and coating that falls somewhere
    below a threshold: the middle, or the signal that a coating without holes falls below
    anywhere on the map with the chance `false_alarm`, whichever is lower. Substrate that is bare
    must fall below it in 95 % of its pixels, by its own distribution: from `off_band`, else from
    `reference`, else the stated level `bare` with the map's own noise. For this the map is
    smoothed by as much of the tip's footprint as lets the smallest hole show. A hole smaller
    than the footprint that shows keeps its area, which is the missing signal.

    The interval of `coverage` is about the surface that the map samples, so it widens with the
    size of the holes. Holes that were not met are taken to have a diameter of `unseen` at most:
    with no hole found, the interval runs from 1 down to the coverage at which one such hole would
    have shown with probability 0.975.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x) in nm; signal of the coating, rising with its amount. Up to a tenth of the
        pixels may be missing (NaN).
    bare : float, default 0.0
        Signal of bare surface in the unit of the map, where neither of the next two is given. A
        nano-IR map at an absorption band of the coating has none there.
    off_band : xarray.DataArray, optional
        Map of the same area at a wavenumber where the coating does not absorb.
    reference : xarray.DataArray or mapping, optional
        Area of the map that is known to be bare: a mask, or
        ``{"y": (low, high), "x": (low, high)}`` in nm. It is left out of the coverage.
    false_alarm : float, default 0.05
        Chance that a map of a whole coating shows a hole.
    tip_radius : float, default 20.0
        Apex radius of the tip in nm; its footprint is as wide at half its height.
    unseen : float, default 80.0
        Diameter in nm of the largest hole to allow for where none, or few, were met. A map says
        nothing of larger holes that are rare: take several maps.

    Returns
    -------
    Pinholes

    Raises
    ------
    MeasurementError
        If the coating's signal does not stand out of its own scatter, so that noise would make
        holes, or the map is not an image in nm.

    Notes
    -----
    Coverage counts what shows: where most of the bare area lies in holes narrower than
    `smallest_detectable` it comes out too high. With fewer than about three holes on a map the
    interval rests on `unseen` and holds the truth more often than 95 %.

    Examples
    --------
    >>> from imaging import simulate_nanoir_map
    >>> image, truth = simulate_nanoir_map(1, coverage=0.97)
    >>> found = find_pinholes(image)
    >>> found.coverage.lower < truth["coverage"] < found.coverage.upper
    True
    """
    _require_between("false_alarm", false_alarm, 0.0, 0.5)
    _require_between("tip_radius", tip_radius, 0.0, 1e4)
    _require_between("unseen", unseen, 0.0, 1e6)
    image = image.transpose("y", "x") if set(image.dims) == {"y", "x"} else image
    values = _measured(image)
    pixel = pixel_size(image)
    tip = footprint_sigma(tip_radius, pixel)
    if max(tip) > min(values.shape) / 8:
        raise MeasurementError(f"a tip of {tip_radius:g} nm is as wide as the map")
    seen = see_holes(image, values, tip, false_alarm, bare, off_band, reference)
    if reference is not None:
        values = np.where(area_mask(image, reference), np.nan, values)
    levels = Levels(
        seen.coating.value,
        seen.bare.value,
        seen.bare.scatter,
        pixel_noise(values),
    )
    measured = image.copy(data=values)
    table, missing = hole_table(
        measured, seen.smoothed, seen.mask, levels, sigma=max(tip), tip_radius=tip_radius
    )
    share = bare_share(
        table["area / nm2"].to_numpy(float),
        missing,
        total=int(np.isfinite(values).sum()) * pixel[0] * pixel[1],
        unseen=max(pixel[0] * pixel[1], np.pi / 4 * unseen**2),
        error=float(np.sqrt((table["area uncertainty / nm2"].to_numpy(float) ** 2).sum())),
    )
    labelled = image.copy(data=seen.mask).rename("pinhole")
    labelled.attrs.update({"units": "1", "long_name": "pinhole"})
    history = {
        "bare": seen.bare.value,
        "source": seen.bare.source,
        "threshold": seen.threshold,
        "edge": seen.edge,
        "smoothing": seen.sigma[1] * pixel[1],
        "false_alarm": false_alarm,
        "tip_radius": tip_radius,
        "unseen": unseen,
    }
    return Pinholes(
        coverage=coverage_estimate(share),
        mask=add_history(labelled, "find_pinholes", **history),
        table=table,
        threshold=seen.threshold,
        map=measured,
        seen=seen,
        tip_radius=tip_radius,
        share=share,
    )


def _require_between(name: str, value: float, low: float, high: float) -> None:
    if not low < value < high:
        raise MeasurementError(f"{name} is {value:g}, expected between {low:g} and {high:g}")


def _measured(image: xr.DataArray) -> np.ndarray:
    """Values with NaN where the map is missing; refused where it cannot be measured."""
    known = image.notnull() & (abs(image) < np.inf)
    lost = int(image.size - known.sum())
    if lost > _MISSING * image.size:
        raise MeasurementError(
            f"{lost} of {image.size} pixels are missing, at most {_MISSING:.0%} may be; "
            "crop the map to what was measured"
        )
    filled = image.where(known, float(image.where(known).median())) if lost else image
    values = require_image(filled)
    inside = values[known.values]
    clipped = int((inside == inside.max()).sum())
    if clipped > _SATURATED * inside.size:
        raise MeasurementError(
            f"{clipped} of {inside.size} pixels have the largest value: the map is saturated, so "
            "its noise cannot be told"
        )
    return np.where(known.values, values, np.nan)
