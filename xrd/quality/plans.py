"""How long a scan, to see a new peak?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from pydantic import Field

from coatcore.errors import MeasurementError
from coatcore.quality.design import FAILED, Design, Fresh, Outcome, Pilot, drawn
from coatcore.quality.parameters import Parameters
from xrd.comparing.compare import compare_patterns
from xrd.simulate import simulate_pattern


class ScanSettings(Parameters):
    """What a scan is like.

    Examples
    --------
    >>> ScanSettings().step
    0.026
    """

    step: float = Field(default=0.026, gt=0.002, le=0.1, description="degree")
    background: float = Field(
        default=0.06, ge=0, lt=5, description="as a share of the strongest line"
    )
    at: float = Field(
        default=26.9, gt=11, lt=84, description="two theta at which a new peak lies, degree"
    )
    counts_now: float = Field(
        default=0.0, ge=0, description="counts at the strongest line of a pilot scan; 0 for none"
    )


def _new_peak(
    settings: ScanSettings,
    size: float,
    effect: float | None,
    rng: np.random.Generator,
    alpha: float,
) -> Outcome:
    extra = [] if effect is None else [(settings.at, 100 * effect)]
    reference, sample = (
        simulate_pattern(
            drawn(rng) % 2**31,
            extra=peaks,
            peak_counts=size,
            background=settings.background,
            step=settings.step,
        )[0]
        for peaks in ([], extra)
    )
    try:
        found = compare_patterns(reference, sample, alpha=alpha)
    except MeasurementError:
        return FAILED
    largest = found.largest_new_peak
    width = (largest.upper - largest.lower) / 2 if largest is not None else float("nan")
    return Outcome(found.verdict == "different", width)


def _levels(settings: ScanSettings, effect: float) -> tuple[float, float]:
    if not 0 < effect <= 1:
        raise MeasurementError(
            f"effect is {effect:g}, expected a share of the strongest line, 0 to 1"
        )
    return 0.0, effect


def _pilot(arrays: Sequence[xr.DataArray], settings: ScanSettings) -> Pilot:
    if len(arrays) != 1:
        raise MeasurementError(f"one scan is taken as pilot, found {len(arrays)}")
    values = arrays[0].values.astype(float)
    if arrays[0].attrs.get("units", "") not in ("counts", "count", "1"):
        raise MeasurementError("a pilot scan must hold counts; this one holds rates or intensities")
    low = float(np.median(values))
    peak = float(values.max()) - low
    told = {"counts_now": peak, "background": low / peak}
    return Pilot(told, (f"{peak:.3g} counts at the strongest line, background {low:.3g}",))


def _meaning(settings: ScanSettings, size: float) -> str:
    if not settings.counts_now:
        return ""
    return f"{size / settings.counts_now:.2g} times as long as the pilot"


DIFFRACTION = (
    Design(
        quantity="xrd.largest_new_peak",
        variable="counts at the strongest line",
        size_unit="1",
        sizes=tuple(float(f"{10 ** (2 + k / 8):.2g}") for k in range(33)),
        effect="height of a new peak over the strongest line, unit 1",
        seen="the patterns are called different",
        assumes="sample and reference are alike but for the peak; lines, counting noise and how "
        "well real scans repeat as in xrd.simulate_pattern",
        settings=ScanSettings,
        levels=_levels,
        source=Fresh(_new_peak),
        pilot=_pilot,
        any_alpha=True,
        meaning=_meaning,
    ),
)
