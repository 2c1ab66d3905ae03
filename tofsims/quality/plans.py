"""How many areas, to see a fragment grow or fall?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from pydantic import Field

from coatcore.errors import MeasurementError
from coatcore.quality.design import (
    Design,
    Outcome,
    Pilot,
    Pooled,
    counts_up_to,
    drawn,
    judged,
    spread_known,
)
from coatcore.quality.parameters import Parameters
from tofsims.calibration.calibration import calibrate
from tofsims.comparing.comparison import compare_groups
from tofsims.comparing.normalization import normalize
from tofsims.peaks.areas import peak_areas
from tofsims.simulating.spectra import UNCOATED_NCM, simulate_spectra


class AreaSettings(Parameters):
    """What the areas' spectra are like.

    Examples
    --------
    >>> AreaSettings().fragment
    'PO2-'
    """

    fragment: str = Field(
        default="PO2-", description="a fragment of tofsims.simulating.UNCOATED_NCM"
    )
    scatter: float = Field(
        default=0.12, ge=0, lt=1, description="of the intensity from area to area, as a share"
    )
    total: float = Field(default=4e5, gt=1e3, le=1e8, description="ions counted in a spectrum")


def _areas(settings: AreaSettings, level: float, count: int, rng: np.random.Generator) -> list[Any]:
    intensities = dict(UNCOATED_NCM)
    if settings.fragment not in intensities:
        raise MeasurementError(
            f"fragment is {settings.fragment!r}, expected one of {', '.join(intensities)}"
        )
    intensities[settings.fragment] *= level
    made, _ = simulate_spectra(
        drawn(rng) % 2**31,
        n=count,
        intensities=intensities,
        scatter=settings.scatter,
        total=settings.total,
    )
    calibrated = [calibrate(each) for each in made]
    # Areas by integration: the fit, which takes ten times as long, parts no neighbours here.
    table = normalize(peak_areas(calibrated, [settings.fragment]), by="total")
    return np.atleast_1d(table["normalized"].sel(fragment=settings.fragment).values).tolist()


def _ratio(
    settings: AreaSettings, reference: Sequence[Any], sample: Sequence[Any], alpha: float
) -> Outcome:
    a, b = (xr.DataArray(np.array(each), dims="replicate") for each in (reference, sample))
    return judged(compare_groups(a, b).ratio, 1.0, alpha=alpha)


def _levels(settings: AreaSettings, effect: float) -> tuple[float, float]:
    if not 0.02 <= effect <= 50 or effect == 1:
        raise MeasurementError(f"effect is {effect:g}, expected a ratio of 0.02 to 50 other than 1")
    return 1.0, effect


def _pilot(arrays: Sequence[xr.DataArray], settings: AreaSettings) -> Pilot:
    calibrated = [calibrate(each) for each in arrays]
    table = normalize(peak_areas(calibrated, [settings.fragment]), by="total")
    values = np.atleast_1d(table["normalized"].sel(fragment=settings.fragment).values)
    total = float(np.mean([float(each.sum()) for each in arrays]))
    if values.size < 3:
        note = f"{values.size} pilots say little of the scatter: {settings.scatter:g} is assumed"
        return Pilot({"total": total}, (note,))
    scatter = float(values.std(ddof=1) / values.mean())
    note = spread_known("scatter", scatter, values.size, "1")
    return Pilot({"total": total, "scatter": scatter}, (note,))


SECONDARY_IONS = (
    Design(
        quantity="tofsims.intensity_ratio",
        variable="areas a side",
        size_unit="1",
        sizes=counts_up_to(32, least=3),
        effect="ratio of the normalised intensities, sample over reference, unit 1",
        seen="the 95 % interval of the ratio leaves out 1",
        assumes="areas scatter independently; counts and peaks as in tofsims.simulate_spectra",
        settings=AreaSettings,
        levels=_levels,
        source=Pooled(_areas, _ratio, count=160, at_once=20, sides=2),
        pilot=_pilot,
    ),
)
