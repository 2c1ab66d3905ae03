"""Which single pixels are spikes of the instrument, and a map without them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr
from scipy import ndimage

from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from coatcore.statistics.robust_scale import robust_scale
from imaging.maps.channels import like, map_values

# More touching pixels than these are a feature.
_MOST = 2


@shown()
@dataclass(frozen=True)
class Despiked:
    """A map without spikes.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x), spikes replaced.
    mask : xarray.DataArray
        Dims (y, x), True where a pixel was replaced.
    threshold : float
        Excess over the neighbours that made a spike, in the unit of the map.

    Examples
    --------
    >>> from imaging import simulate_nanoir_map
    >>> from imaging.maps import despike
    >>> despike(simulate_nanoir_map(1)[0]).count
    0
    """

    image: xr.DataArray
    mask: xr.DataArray
    threshold: float

    @property
    def count(self) -> int:
        """Number of pixels that were replaced."""
        return int(self.mask.sum())


def despike(
    image: xr.DataArray, *, k: float = 5.0, kind: Literal["bright", "dark", "both"] = "bright"
) -> Despiked:
    """Map whose isolated outliers are replaced by the median of their neighbours.

    A spike is one pixel or two that exceed the median of their eight neighbours, and all of
    these but one, by more than `k` robust standard deviations of such differences. Bright
    patches of three touching pixels or more, and edges, stay.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x). Gaps may be NaN and stay.
    k : float, default 5.0
        In robust standard deviations; in white noise 5 marks one pixel in millions.
    kind : {"bright", "dark", "both"}
        Dark spikes only on request: a hole of one pixel looks the same and would be erased.

    Returns
    -------
    Despiked

    Raises
    ------
    MeasurementError
        If it is no map, or a tenth of it would be replaced, which spikes are not.

    References
    ----------
    Gwyddion user guide, "Data Editing and Correction: Local Defects"; Rousseeuw & Croux, J. Am.
    Stat. Assoc. 1993, 88, 1273 (median absolute deviation).

    Examples
    --------
    >>> from imaging import simulate_nanoir_map
    >>> image, _ = simulate_nanoir_map(1)
    >>> image[5, 7] = 9.0
    >>> despike(image).count
    1
    """
    if kind not in ("bright", "dark", "both"):
        raise MeasurementError(f"kind is {kind!r}, expected 'bright', 'dark' or 'both'")
    if not k >= 3:
        raise MeasurementError(f"k is {k:g}; below 3 noise is taken for spikes")
    values = map_values(image)
    around = _neighbours(values)
    known = np.isfinite(around).sum(axis=0) > 3
    middle = np.full(values.shape, np.nan)
    middle[known] = np.nanmedian(around[:, known], axis=0)
    off = values - middle
    threshold = k * float(robust_scale(off[np.isfinite(off)]))
    mask = np.zeros(values.shape, bool)
    for sign in {"bright": (1,), "dark": (-1,), "both": (1, -1)}[kind]:
        ordered = np.sort(np.where(np.isfinite(around), sign * around, -np.inf), axis=0)
        # Both: a pixel with two neighbours like itself is part of something, and so is the end of
        # a strip of pixels that all stand out.
        above = sign * values - sign * middle
        alone = sign * values - ordered[-_MOST]
        stands = np.nan_to_num(above, nan=-np.inf) > threshold
        label, n = ndimage.label(stands, structure=np.ones((3, 3)))
        small = np.bincount(label.ravel(), minlength=n + 1) <= _MOST
        spike = stands & small[label] & (np.nan_to_num(alone, nan=-np.inf) > threshold)
        # At the edge the rest of an island of coating may lie outside: more is asked there.
        usual = np.nanquantile(sign * values, 0.75)
        inner = ndimage.binary_erosion(np.ones(values.shape, bool))
        mask |= spike & (inner | (sign * values > usual + threshold))
    if mask.mean() > 0.1:
        raise MeasurementError(
            f"{mask.mean():.0%} of the pixels would be replaced: these are no spikes; raise k, or "
            "leave the step out"
        )
    # A neighbour that is a spike itself does not vote.
    calm = _neighbours(np.where(mask, np.nan, values))
    out = values.copy()
    out[mask] = np.nanmedian(calm[:, mask], axis=0)
    label = like(image, mask).rename("spike")
    label.attrs.update({"units": "1", "long_name": "spike"})
    cleaned = add_history(like(image, out), "despike", k=k, kind=kind, replaced=int(mask.sum()))
    return Despiked(cleaned, label, threshold)


def _neighbours(values: np.ndarray) -> np.ndarray:
    """The eight neighbours of each pixel, shape (8, ny, nx); mirrored beyond the edge."""
    # With fewer neighbours at the edge, the last pixel of a narrow bright strip would stand alone.
    wide = np.pad(values, 1, mode="reflect")
    ny, nx = values.shape
    steps = [(i, j) for i in range(3) for j in range(3) if (i, j) != (1, 1)]
    return np.stack([wide[i : i + ny, j : j + nx] for i, j in steps])
