"""What signal does bare substrate give, and how does it scatter?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.special import ndtri

from coatcore.errors import MeasurementError
from coatcore.statistics.robust_scale import robust_scale
from imaging.labels.labels import pixel_size
from imaging.maps.tip_footprint import smooth

_QUARTILE = float(ndtri(0.75))
_FEWEST = 25
Area = xr.DataArray | Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class BareLevel:
    """Signal of bare substrate.

    Parameters
    ----------
    value : float
        Centre, in the unit of the map.
    scatter : float
        Standard deviation after smoothing by the tip's footprint, in the unit of the map.
    source : str
        Where both come from, for people.

    Examples
    --------
    >>> BareLevel(0.0, 0.1, "stated").quantile(0.5)
    0.0
    """

    value: float
    scatter: float
    source: str

    def quantile(self, probability: float) -> float:
        """Signal that bare substrate stays below with `probability`."""
        return self.value + float(ndtri(probability)) * self.scatter


def area_mask(image: xr.DataArray, area: Area) -> np.ndarray:
    """Pixels of an area that is given as a mask or as a box in nm.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x).
    area : xarray.DataArray or mapping
        True where the area is, or ``{"y": (low, high), "x": (low, high)}`` in nm.

    Returns
    -------
    numpy.ndarray of bool, shape (ny, nx)

    Raises
    ------
    MeasurementError
        If it is neither, or does not fit the image.

    Examples
    --------
    >>> from imaging.labels import labelled_image
    >>> image = labelled_image(np.zeros((4, 4)), (10.0, 10.0))
    >>> int(area_mask(image, {"y": (0, 20), "x": (0, 40)}).sum())
    8
    """
    if isinstance(area, xr.DataArray):
        if dict(area.sizes) != {a: image.sizes[a] for a in ("y", "x")} or area.dtype != bool:
            raise MeasurementError(
                f"the reference area is {area.dtype} of {dict(area.sizes)}, expected True and "
                f"False for the {image.sizes['y']} x {image.sizes['x']} pixels of the map"
            )
        return area.transpose("y", "x").values
    if set(area) != {"y", "x"}:
        raise MeasurementError(f"the reference area names {sorted(area)}, expected y and x in nm")
    sides = [
        (image[a].values >= min(area[a])) & (image[a].values <= max(area[a])) for a in ("y", "x")
    ]
    return sides[0][:, None] & sides[1][None, :]


def bare_from_area(smoothed: np.ndarray, inside: np.ndarray) -> BareLevel:
    """Level of substrate that is known to be bare within the map.

    Parameters
    ----------
    smoothed : numpy.ndarray, shape (ny, nx)
        The map after `imaging.maps.tip_footprint.smooth`.
    inside : numpy.ndarray of bool, shape (ny, nx)
        From `area_mask`.

    Raises
    ------
    MeasurementError
        If fewer than 25 pixels are inside.

    Examples
    --------
    >>> bare_from_area(np.zeros((8, 8)), np.ones((8, 8), bool)).value
    0.0
    """
    known = smoothed[inside & np.isfinite(smoothed)]
    if known.size < _FEWEST:
        raise MeasurementError(
            f"the reference area holds {known.size} pixels of the map, {_FEWEST} are needed"
        )
    return BareLevel(
        float(np.median(known)), _robust(known), f"reference area, {known.size} pixels"
    )


def bare_from_off_band(
    image: xr.DataArray, off_band: xr.DataArray, sigma: tuple[float, float]
) -> BareLevel:
    """Level from a map of the same area at a wavenumber where the coating does not absorb.

    Parameters
    ----------
    image, off_band : xarray.DataArray
        Dims (y, x) in nm, pixels of the same size.
    sigma : (float, float)
        Of the tip's footprint in pixels.

    Raises
    ------
    MeasurementError
        If the pixels differ in size, or too few are measured.

    Examples
    --------
    >>> from imaging.labels import labelled_image
    >>> image = labelled_image(np.zeros((8, 8)), (10.0, 10.0))
    >>> round(bare_from_off_band(image, image + 0.1, (1.0, 1.0)).value, 6)
    0.1
    """
    if set(off_band.dims) != {"y", "x"} or not np.allclose(
        pixel_size(image), pixel_size(off_band), rtol=0.01
    ):
        raise MeasurementError(
            f"the off-band map has dims {off_band.dims} and not the pixels of the map, "
            f"{pixel_size(image)} nm; give a map of the same area with the same scan settings"
        )
    mine, theirs = (str(m.attrs.get("units", "1")) for m in (image, off_band))
    if mine != theirs:
        raise MeasurementError(f"the off-band map is in {theirs!r}, the map in {mine!r}")
    smoothed = smooth(off_band.transpose("y", "x").values.astype(float), sigma)
    known = smoothed[np.isfinite(smoothed)]
    if known.size < _FEWEST:
        raise MeasurementError(f"the off-band map holds {known.size} measured pixels")
    return BareLevel(float(np.median(known)), _robust(known), "off-band map")


def bare_as_stated(value: float, values: np.ndarray, sigma: tuple[float, float]) -> BareLevel:
    """Stated level, scattering by the noise of the map itself.

    Noise is what changes from pixel to pixel: the second difference along the fast axis takes
    out the coating's slower variation. Noise that is correlated over several pixels is missed.

    Parameters
    ----------
    value : float
        Stated level, in the unit of the map.
    values : numpy.ndarray, shape (ny, nx)
        The map; missing pixels are NaN.
    sigma : (float, float)
        Of the tip's footprint in pixels.

    Examples
    --------
    >>> noise = np.random.default_rng(1).normal(0, 0.1, (64, 64))
    >>> 0.02 < bare_as_stated(0.0, 1 + noise, (1.0, 1.0)).scatter < 0.04
    True
    """
    noise = pixel_noise(values)
    # White noise through the same smoothing.
    impulse = np.zeros((129, 129))
    impulse[64, 64] = 1.0
    gain = float(np.sqrt((smooth(impulse, sigma) ** 2).sum()))
    return BareLevel(float(value), noise * gain, "stated level, noise of the map")


def pixel_noise(values: np.ndarray) -> float:
    """Standard deviation of what changes from pixel to pixel along a row.

    Examples
    --------
    >>> pixel_noise(np.ones((8, 8)))
    0.0
    """
    second = np.diff(values, n=2, axis=1)
    return float(robust_scale(second[np.isfinite(second)], about_zero=True) / np.sqrt(6.0))


def _robust(values: np.ndarray) -> float:
    """Standard deviation of normal values, indifferent to a few that are not."""
    low, high = np.percentile(values, [25, 75])
    return float(high - low) / (2 * _QUARTILE)
