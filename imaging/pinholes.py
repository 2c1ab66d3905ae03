"""Where does the coating have holes, and how much of the surface does it cover?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from scipy import ndimage
from scipy.stats import chi2, norm

from coatqc.core.errors import MeasurementError
from coatqc.core.estimate import Estimate
from coatqc.core.plotting import OKABE_ITO, axis_label, mark_simulated, new_axes, show_image
from coatqc.core.provenance import add_history
from imaging.checks import require_image
from imaging.labels import pixel_size

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# A hole is dark over at least this many touching pixels; fewer are within the noise's reach.
MIN_PIXELS = 4
# False holes that noise may make on a whole map, on average.
_FALSE_HOLES = 0.02
_METHOD = "signal deficit of holes; compound Poisson interval over holes"


@dataclass(frozen=True)
class Pinholes:
    """Holes in a coating.

    Parameters
    ----------
    coverage : Estimate
        Areal coverage of the surface that the map is a sample of, unit 1.
    mask : xarray.DataArray
        Dims (y, x), True in holes.
    table : pandas.DataFrame
        A row a hole: place, area and equivalent diameter.
    threshold : float
        Signal below which a pixel is dark, in the unit of the map.
    map : xarray.DataArray
        What was measured.

    Examples
    --------
    >>> from imaging import find_pinholes, simulate_nanoir_map
    >>> found = find_pinholes(simulate_nanoir_map(1)[0])
    >>> found.coverage.unit
    '1'
    """

    coverage: Estimate
    mask: xr.DataArray
    table: pd.DataFrame
    threshold: float
    map: xr.DataArray

    def plot(self, ax: Axes | None = None) -> Axes:
        """Map with the holes outlined.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on.
        """
        ax = new_axes(ax, figsize=(5.2, 4.0))
        drawn = show_image(ax, self.map, cmap="cividis", vmin=min(0.0, float(self.map.min())))
        x, y = self.map["x"].values, self.map["y"].values
        if self.mask.values.any():
            ax.contour(x, y, self.mask.values, [0.5], colors=OKABE_ITO["vermillion"], linewidths=1)
        low, high = 100 * self.coverage.lower, 100 * self.coverage.upper
        ax.set_title(
            f"coverage {100 * self.coverage.value:.2f} %, 95 % interval [{low:.2f}, {high:.2f}] %, "
            f"{len(self.table)} hole{'' if len(self.table) == 1 else 's'}",
            fontsize=9,
        )
        figure = ax.get_figure()
        assert figure is not None
        figure.colorbar(drawn, ax=ax, label=axis_label(self.map), shrink=0.85)
        mark_simulated(ax, self.map)
        return ax


def find_pinholes(image: xr.DataArray, *, bare: float = 0.0, unseen: float = 80.0) -> Pinholes:
    """Holes of a coating in a map of its infrared signal.

    A hole is a patch of at least 4 touching pixels whose signal lies below the middle between
    bare surface and coating. Its area is the missing signal summed over the patch and its rim,
    over the coating's signal nearby: blur moves signal but keeps the sum, so small holes keep
    their area. The interval is about the surface that the map samples: holes are taken to fall
    independently of each other, so their number varies (Poisson) as well as their areas. Holes
    that were not met are taken to have a diameter of `unseen` at most: with no hole found, the
    interval runs from 1 down to the coverage at which one such hole would have shown with
    probability 0.975.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x) in nm; signal of the coating, rising with its amount.
    bare : float, default 0.0
        Signal of bare surface in the unit of the map. A nano-IR map at an absorption band of
        the coating has none there; set it where the instrument has an offset.
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

    References
    ----------
    Fay & Feuer, Stat. Med. 1997, 16, 791, with the modification of Tiwari et al., Stat. Methods
    Med. Res. 2006, 15, 547 (interval of a weighted sum of Poisson counts).

    Examples
    --------
    >>> from imaging import simulate_nanoir_map
    >>> image, truth = simulate_nanoir_map(1, coverage=0.97)
    >>> found = find_pinholes(image)
    >>> found.coverage.lower < truth["coverage"] < found.coverage.upper
    True
    """
    values = require_image(image)
    dy, dx = pixel_size(image)
    coated = float(np.median(values))
    upper_half = values[values > coated]
    clipped = int((values == values.max()).sum())
    if clipped > 0.05 * values.size:
        raise MeasurementError(
            f"{clipped} of {values.size} pixels have the largest value: the map is saturated, so "
            "its noise cannot be told"
        )
    scatter = float(np.median(upper_half - coated)) / norm.ppf(0.75)
    if not coated > bare:
        raise MeasurementError(
            f"the median signal {coated:g} does not exceed that of bare surface, {bare:g}: "
            "there is no coating to find holes in"
        )
    threshold = (coated + bare) / 2
    dark_by_chance = norm.cdf((threshold - coated) / scatter)
    # Chance of MIN_PIXELS independent dark neighbours; 19 shapes of four touching pixels.
    if 19 * values.size * dark_by_chance**MIN_PIXELS > _FALSE_HOLES:
        raise MeasurementError(
            f"the coating's signal {coated - bare:.3g} scatters by {scatter:.3g}: noise alone "
            "would look like holes; average more scans or bin pixels"
        )
    labels, n = ndimage.label(values < threshold)
    sizes = np.bincount(labels.ravel(), minlength=n + 1)
    keep = np.flatnonzero(sizes >= MIN_PIXELS)
    keep = keep[keep > 0]
    mask = np.isin(labels, keep)
    areas, table = _holes(values, mask, bare, (dy, dx))
    for axis in ("y", "x"):
        place = image[axis].values
        size = pixel_size(image)[axis == "x"]
        pixels = table[f"{axis} / nm"] / size - 0.5
        table[f"{axis} / nm"] = np.interp(pixels, np.arange(place.size), place)
    total = values.size * dy * dx
    allowed = max(MIN_PIXELS * dy * dx, np.pi / 4 * unseen**2)
    coverage = _coverage(areas, total, allowed)
    labelled = image.transpose("y", "x").copy(data=mask).rename("pinhole")
    labelled.attrs.update({"units": "1", "long_name": "pinhole"})
    return Pinholes(
        coverage,
        add_history(labelled, "find_pinholes", bare=bare, threshold=threshold),
        table,
        threshold,
        image.transpose("y", "x"),
    )


def _holes(
    values: np.ndarray, mask: np.ndarray, bare: float, pixel: tuple[float, float]
) -> tuple[np.ndarray, pd.DataFrame]:
    """Area of each hole from its missing signal, and the table of holes."""
    dy, dx = pixel
    labels, n = ndimage.label(mask, structure=np.ones((3, 3)))
    # Rim: as far as blur carries the signal. Each pixel belongs to its nearest hole.
    distance, nearest = ndimage.distance_transform_edt(~mask, return_indices=True)
    owner = np.where(distance <= 4, labels[nearest[0], nearest[1]], 0) if n else labels
    rim = (distance > 4) & (distance <= 9)
    ring = np.where(rim, labels[nearest[0], nearest[1]], 0) if n else labels
    rows = []
    whole = float(np.median(values))
    for index, box in enumerate(ndimage.find_objects(owner), start=1):
        if box is None:
            continue
        wide = tuple(slice(max(0, s.start - 6), s.stop + 6) for s in box)
        around = values[wide][ring[wide] == index]
        nearby = float(np.median(around)) if around.size >= 20 else whole
        mine = owner[box] == index
        missing = ((nearby - values[box]) / (nearby - bare))[mine].sum()
        y, x = ndimage.center_of_mass(mine)
        area = max(missing, 1.0) * dy * dx
        rows.append(
            {
                "y / nm": (box[0].start + y + 0.5) * dy,
                "x / nm": (box[1].start + x + 0.5) * dx,
                "area / nm2": area,
                "equivalent diameter / nm": 2 * np.sqrt(area / np.pi),
            }
        )
    columns = ["y / nm", "x / nm", "area / nm2", "equivalent diameter / nm"]
    table = pd.DataFrame(rows, columns=columns).sort_values("area / nm2", ascending=False)
    return table["area / nm2"].to_numpy(float), table.reset_index(drop=True)


def _coverage(areas: np.ndarray, total: float, allowed: float, level: float = 0.95) -> Estimate:
    weights = areas / total
    bare, variance = float(weights.sum()), float((weights**2).sum())
    tail = (1 - level) / 2
    # The hole that might have been met next: like those that were, or like the one allowed for.
    extra = float(np.append(weights, allowed / total).mean())
    square = float((np.append(weights, allowed / total) ** 2).mean())
    low = 0.0
    if weights.size:
        low = variance / (2 * bare) * float(chi2.ppf(tail, 2 * bare**2 / variance))
    a, v = bare + extra, variance + square
    high = min(1.0, v / (2 * a) * float(chi2.ppf(1 - tail, 2 * a**2 / v)))
    return Estimate.from_interval(
        1 - bare,
        1 - high,
        1 - low,
        standard_uncertainty=np.sqrt(variance) if weights.size else extra,
        level=level,
        n=max(1, int(weights.size)),
        method=_METHOD,
    )
