"""What would the signal be, had the laser's power been the same all the time?"""

from __future__ import annotations

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from imaging.maps.channels import like, map_values, same_pixels

# Where the power falls below this share of its median the laser was off or a mode was lost.
_LOST = 0.2


def normalize_power(
    image: xr.DataArray, power: xr.DataArray | float, *, reference: float | None = None
) -> xr.DataArray:
    """Map referred to one laser power: image * reference / power.

    Photothermal expansion and induced force rise in proportion to power, so this holds as long
    as the sample does not heat up much and the signal's zero is the detector's zero.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x). Gaps may be NaN.
    power : xarray.DataArray or float
        A channel over (y, x), a trace over y (one value a row), or one number.
    reference : float, optional
        Power that the map is referred to, in the unit of `power`; by default the median of
        `power`, so that level and unit of the map stay. One number needs it.

    Returns
    -------
    xarray.DataArray
        Same labels. A signal of zero stays zero.

    Raises
    ------
    MeasurementError
        If the power lies on other pixels, is not positive, or was lost for a while.

    References
    ----------
    Dazzi & Prater, Chem. Rev. 2017, 117, 5146 (AFM-IR signal proportional to the energy that is
    absorbed).

    Examples
    --------
    >>> from imaging import simulate_nanoir_map
    >>> from imaging.simulating import add_artefacts
    >>> clean, _ = simulate_nanoir_map(1)
    >>> flickering, truth = add_artefacts(clean, 1, power_noise=0.1)
    >>> steady = normalize_power(flickering, truth["power"])
    >>> bool(abs(steady / clean - steady.mean() / clean.mean()).max() < 0.01)
    True
    """
    values = map_values(image)
    powers = _powers(image, power)
    at = powers[np.isfinite(values)] if powers.shape == values.shape else powers.ravel()
    usual = float(np.median(at))
    if not at.min() > 0:
        raise MeasurementError(
            f"the laser power falls to {at.min():g}: it must be positive; subtract the power "
            "meter's zero, mark pixels without light NaN in the map"
        )
    if at.min() < _LOST * usual:
        lost = int((at < _LOST * usual).sum())
        raise MeasurementError(
            f"the laser power falls to {at.min() / usual:.0%} of its median at {lost} of {at.size} "
            "values: what was measured then is noise; mark it NaN in the map, or crop"
        )
    if reference is None:
        if at.size == 1:
            raise MeasurementError(
                "one power for the whole map changes no contrast; give reference=, the power that "
                "the map is to be referred to"
            )
        reference = usual
    if not (np.isfinite(reference) and reference > 0):
        raise MeasurementError(f"reference is {reference:g}, expected a positive power")
    out = like(image, values * (reference / powers))
    spread = float(at.std() / at.mean())
    return add_history(out, "normalize_power", reference=reference, relative_spread=spread)


def _powers(image: xr.DataArray, power: xr.DataArray | float) -> np.ndarray:
    """Powers of shape (ny, nx), (ny, 1) or (1, 1)."""
    if not isinstance(power, xr.DataArray):
        return _finite(np.full((1, 1), float(power)))
    if power.ndim == 0:
        return _finite(np.full((1, 1), float(power)))
    if power.ndim == 2:
        return same_pixels(image, power, "the power channel")
    if power.dims != ("y",):
        raise MeasurementError(
            f"the power has dims {power.dims}, expected y and x, y alone (one value a row), or none"
        )
    if power.sizes["y"] != image.sizes["y"]:
        raise MeasurementError(
            f"the power has {power.sizes['y']} values, the map {image.sizes['y']} rows"
        )
    if "y" in power.coords:
        step = abs(float(image["y"][1] - image["y"][0]))
        if not np.allclose(power["y"], image["y"], rtol=0, atol=0.01 * step):
            raise MeasurementError("the power's y differs from that of the map; align the two")
    return _finite(power.values.astype(float)[:, None])


def _finite(powers: np.ndarray) -> np.ndarray:
    if not np.isfinite(powers).all():
        raise MeasurementError("the laser power holds values that are not finite")
    return powers
