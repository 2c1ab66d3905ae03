"""How well does an instrument repeat? Learnt from powders scanned twice."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import xarray as xr
from scipy.optimize import minimize_scalar

from coatcore.errors import MeasurementError
from xrd.alignment.align import align
from xrd.alignment.repeatability import Repeatability
from xrd.comparing.changes import peak_changes
from xrd.comparing.common_change import common_change, isotropic_shift
from xrd.comparing.differences import peak_differences
from xrd.labels.labels import require_pattern
from xrd.peaks.find import find_peaks, typical_width


def learn_repeatability(pairs: Sequence[tuple[xr.DataArray, xr.DataArray]]) -> Repeatability:
    """Repeatability of an instrument and a way of mounting, from powders scanned twice.

    Of each pair, by maximum likelihood, how far peaks scatter beyond counting; of all pairs, the
    size that nine in ten keep. A mean would call one pair in a few different.

    Parameters
    ----------
    pairs : sequence of (xarray.DataArray, xarray.DataArray)
        Two patterns of one powder each; three pairs at least.

    Returns
    -------
    Repeatability

    Raises
    ------
    MeasurementError
        If there are fewer than three pairs.

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> poor = Repeatability(0.1, 0.01, 0.0, 0.0)
    >>> scans = [simulate_pattern(s, repeatability=poor)[0] for s in range(12)]
    >>> learnt = learn_repeatability(list(zip(scans[::2], scans[1::2])))
    >>> 0.06 < learnt.intensity < 0.15, 0.006 < learnt.position < 0.015
    (True, True)
    """
    if any(not isinstance(p, tuple | list) or len(p) != 2 for p in pairs):
        raise MeasurementError("pairs of scans are needed: [(first, second), ...]")
    if len(pairs) < 3:
        raise MeasurementError(
            f"{len(pairs)} pairs of scans; three powders, each scanned twice, are needed"
        )
    none = Repeatability(0.0, 0.0, 0.0, 0.0)
    sizes, lattices = [], []
    for first, second in pairs:
        first, second = require_pattern(first), require_pattern(second)
        fit = align(first, second, repeatability=none)
        width = typical_width(first)
        found = peak_differences(fit, width, none)
        changes = peak_changes(fit, find_peaks(first), width, found.dispersion, none)
        bend = isotropic_shift(changes.two_theta)
        laws = {"lattice": bend, "displacement": np.cos(np.radians(changes.two_theta) / 2)}
        position = 0.0
        # Weights follow the scatter, which follows from the weights.
        for _ in range(3):
            u = np.hypot(changes.shift_u, position)
            left = common_change(dataclasses.replace(changes, shift_u=u), laws)
            position = _scatter(left.shift, changes.shift_u)
        intensity = _scatter(left.intensity, changes.intensity_u)
        every = max(1, round(width / found.step / 2))
        answer = np.abs(found.answer_of(fit.profile))[::every]
        on_peaks = answer > 0.01 * answer.max()
        # What peaks out of place leave over is no matter of their shape.
        found = peak_differences(fit, width, Repeatability(0.0, position, 0.0, 0.0))
        on_peaks &= np.isfinite(found.spread[::every])
        height, counted = (y[::every][on_peaks] for y in (found.height, found.spread))
        all_of_it = _scatter(height / answer[on_peaks], counted / answer[on_peaks])
        sizes.append((intensity, position, np.sqrt(max(all_of_it**2 - intensity**2, 0.0))))
        lattices.append(left.values["lattice"])
    intensity, position, shape = np.quantile(sizes, 0.9, axis=0)
    apparent, apparent_u = np.array(lattices).T
    # Apparent lattice changes are one a pair: their scatter is that of all pairs.
    return Repeatability(
        float(intensity), float(position), float(shape), _scatter(apparent, apparent_u)
    )


def _scatter(values: np.ndarray, counted: np.ndarray) -> float:
    """Standard deviation beyond counting that makes the values likeliest, about zero."""
    largest = float(np.sqrt(np.mean(values**2)))
    if largest == 0:
        return 0.0

    def unlikelihood(size: float) -> float:
        variance = counted**2 + size**2
        return float(np.sum(np.log(variance) + values**2 / variance))

    best = minimize_scalar(unlikelihood, bounds=(0.0, 2 * largest), method="bounded")
    return float(best.x)
