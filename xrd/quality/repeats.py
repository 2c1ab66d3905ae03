"""What repeated scans of one's own powders tell the comparison of patterns."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.quality.technique import Learnable
from xrd.comparing.repeat_learning import learn_repeatability


def _repeatability(arrays: Sequence[xr.DataArray | xr.Dataset]) -> dict[str, Any]:
    patterns = [array for array in arrays if isinstance(array, xr.DataArray)]
    if len(patterns) % 2:
        raise MeasurementError(
            f"{len(patterns)} patterns are no pairs; name the two scans of each powder one after "
            "the other"
        )
    pairs = list(zip(patterns[::2], patterns[1::2], strict=True))
    learnt = dataclasses.asdict(learn_repeatability(pairs))
    return {"repeatability": {name: float(f"{value:.3g}") for name, value in learnt.items()}}


LEARNABLES = (
    Learnable(
        name="xrd.repeatability",
        title="how well two scans of one powder agree, beyond counting",
        role="xrd",
        files="two scans of each of three powders at least, one powder after the other",
        quantities=(
            "xrd.verdict",
            "xrd.largest_new_peak",
            "xrd.displacement",
            "xrd.lattice_change",
            "xrd.suspected_phase",
        ),
        learn=_repeatability,
    ),
)
