"""What would the scanner make of this map? Artefacts of scanning-probe maps with known truth."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import ndimage

from imaging.labels.labels import labelled_image, pixel_size
from imaging.maps.channels import like, map_values


def simulate_height(
    seed: int,
    shape: tuple[int, int] = (128, 128),
    pixel: tuple[float, float] = (8.0, 8.0),
    *,
    roughness: float = 10.0,
    length: float = 25.0,
) -> xr.DataArray:
    """Topography of a rough particle: a stationary Gaussian random surface.

    Parameters
    ----------
    seed : int
        Same seed, same surface.
    shape : (int, int)
        Pixels.
    pixel : (float, float)
        Height and width of a pixel in nm.
    roughness : float
        Standard deviation in nm.
    length : float
        Standard deviation in nm of the Gaussian that smooths white noise into the surface.

    Returns
    -------
    xarray.DataArray
        Dims (y, x), nm.

    Examples
    --------
    >>> round(float(simulate_height(1).std()))
    10
    """
    rng = np.random.default_rng(seed)
    blur = [length / p for p in pixel]
    # A margin keeps opposite edges apart; a real map does not repeat itself.
    margin = [int(3 * b) + 1 for b in blur]
    wide = rng.normal(size=[n + 2 * m for n, m in zip(shape, margin, strict=True)])
    smooth = ndimage.gaussian_filter(wide, blur)
    inner = smooth[margin[0] : margin[0] + shape[0], margin[1] : margin[1] + shape[1]]
    return labelled_image(
        roughness * (inner - inner.mean()) / inner.std(),
        pixel,
        name="height",
        unit="nm",
        long_name="height",
        attrs={"simulated": "yes"},
    )


def add_artefacts(
    image: xr.DataArray,
    seed: int,
    *,
    height: xr.DataArray | None = None,
    row_offset: float = 0.0,
    plane: tuple[float, float] = (0.0, 0.0),
    drift: float = 0.0,
    power_noise: float = 0.0,
    crosstalk: float = 0.0,
    slope_crosstalk: float = 0.0,
    spikes: float = 0.0,
    spike_size: float = 2.0,
) -> tuple[xr.DataArray, dict[str, xr.DataArray]]:
    """Map as an imperfect scanner would have recorded it.

    The laser's power and the drift of the signal multiply the clean map; cross-talk, plane and
    the offsets of the rows are added by the detector, spikes last. Leaves out creep and drift of
    position, tip changes in the middle of a row, and feedback lag.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x), clean, in nm.
    seed : int
        Same seed, same artefacts.
    height : xarray.DataArray, optional
        Topography; by default a `simulate_height` on the map's pixels.
    row_offset : float
        Standard deviation of the offsets of rows, in the unit of the map.
    plane : (float, float)
        Rise from first to last row, and column, in the unit of the map.
    drift : float
        Share of its signal that the map loses from first to last row, most of it early.
    power_noise : float
        Relative standard deviation of the laser's power from row to row; a tenth of it, correlated
        over a few pixels, within rows.
    crosstalk : float
        Signal per nm of height.
    slope_crosstalk : float
        Signal per unit slope of the height along x.
    spikes : float
        Share of the pixels that are spikes.
    spike_size : float
        Mean height of spikes, in the unit of the map.

    Returns
    -------
    (xarray.DataArray, dict)
        The map, and the truth: ``rows`` (y), ``plane``, ``gain`` (y), ``power``, ``height``,
        ``topography`` and ``spikes`` (mask).

    Examples
    --------
    >>> from imaging import simulate_nanoir_map
    >>> clean, _ = simulate_nanoir_map(1)
    >>> dirty, truth = add_artefacts(clean, 1, row_offset=0.1)
    >>> bool(np.allclose(dirty - truth["rows"], clean))
    True
    """
    values = map_values(image)
    ny, nx = values.shape
    rng = np.random.default_rng(seed)
    if height is None:
        height = simulate_height(seed + 1_000_003, values.shape, pixel_size(image))
        height = height.assign_coords({axis: image[axis] for axis in ("y", "x")})
    nm = height.transpose("y", "x").values
    slope = np.gradient(nm, image["x"].values.astype(float), axis=1)
    time = np.linspace(0, 1, ny)
    gain = 1 - drift * (1 - np.exp(-2 * time)) / (1 - np.exp(-2))
    flicker = ndimage.gaussian_filter1d(rng.normal(size=(ny, nx)), 3.0, axis=1)
    flicker *= 0.1 / flicker.std()
    power = np.exp(power_noise * (rng.normal(size=(ny, 1)) + flicker))
    rows = row_offset * rng.normal(size=(ny,))
    tilt = np.add.outer(plane[0] * (time - 0.5), plane[1] * (np.linspace(0, 1, nx) - 0.5))
    topography = crosstalk * (nm - np.median(nm)) + slope_crosstalk * slope
    spiky = rng.uniform(size=values.shape) < spikes
    burst = spike_size * rng.uniform(0.5, 1.5, values.shape)
    dirty = values * gain[:, None] * power + topography + tilt + rows[:, None] + spiky * burst
    out = like(image, dirty)
    out.attrs["simulated"] = "yes"
    y = {"y": image["y"]}
    label = {"units": str(image.attrs.get("units", "1"))}
    mark = {"simulated": "yes"}
    truth = {
        "rows": xr.DataArray(rows, y, "y", "rows", label | {"long_name": "row offset"} | mark),
        "gain": xr.DataArray(gain, y, "y", "gain", {"units": "1", "long_name": "gain"} | mark),
        "plane": like(image, tilt).rename("plane"),
        "topography": like(image, topography).rename("topography"),
        "power": like(image, power).rename("power"),
        "spikes": like(image, spiky).rename("spike"),
        "height": height,
    }
    truth["power"].attrs = {"units": "1", "long_name": "laser power", "kind": "image"} | mark
    return out, truth
