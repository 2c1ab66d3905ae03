"""Scans of a file put together, whichever format they came in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import ReadError

Facts = dict[str, str | int | float]


@dataclass(frozen=True)
class Scan:
    """One scan: angles in degree, ordinates and what they are, and facts of its own."""

    two_theta: np.ndarray
    values: np.ndarray
    name: str = "counts"
    facts: Facts = field(default_factory=dict)


def even_axis(start: float, step: float, n: int) -> np.ndarray:
    """Angles from a start by a step, rounded to what such files mean by their digits."""
    return np.round(start + step * np.arange(n), 8)


def together(
    path: Path, scans: Sequence[Scan], facts: Mapping[str, str | int | float]
) -> xr.DataArray:
    """One pattern, or several scans over one axis; anything else is refused with what was found.

    Raises
    ------
    ReadError
        If there is no scan, scans cover different angles or count differently, or a scan has no
        such numbers.
    """
    from xrd.labels.labels import labelled_pattern

    if not scans:
        raise ReadError(path, "holds no scan over 2theta", "export a finished measurement")
    for i, scan in enumerate(scans):
        which = f"scan {i + 1} of {len(scans)}" if len(scans) > 1 else "the scan"
        _check(path, which, scan)
    axis = scans[0].two_theta
    same = all(s.two_theta.shape == axis.shape and np.allclose(s.two_theta, axis) for s in scans)
    if not same or len({s.name for s in scans}) > 1:
        ranges = "; ".join(
            f"{s.two_theta[0]:g} to {s.two_theta[-1]:g} degree, {s.two_theta.size} points, {s.name}"
            for s in scans[:6]
        )
        raise ReadError(
            path,
            f"holds {len(scans)} scans over different ranges ({ranges})",
            "export each scan to a file of its own, or join them in the instrument's program",
        )
    values = scans[0].values if len(scans) == 1 else np.stack([s.values for s in scans])
    return labelled_pattern(axis, values, scans[0].name, {**facts, **scans[0].facts})


def _check(path: Path, which: str, scan: Scan) -> None:
    n = scan.values.size
    if scan.two_theta.size != n:
        raise ReadError(path, f"{which} has {scan.two_theta.size} angles for {n} intensities")
    if n < 2:
        raise ReadError(path, f"{which} has {n} points, two at least were expected")
    finite = np.isfinite(scan.two_theta).all() and np.isfinite(scan.values).all()
    if not finite:
        raise ReadError(path, f"{which} has values that are no numbers", "the file is damaged")
    if scan.values.min() < 0:
        raise ReadError(
            path,
            f"{which} has negative intensities, down to {scan.values.min():g}",
            "export it as measured, without a background taken off",
        )
    steps = np.diff(scan.two_theta)
    if not (np.all(steps > 0) or np.all(steps < 0)):
        raise ReadError(path, f"angles of {which} do not rise or fall steadily", "damaged?")
    if abs(scan.two_theta[[0, -1]]).max() > 185:
        raise ReadError(
            path,
            f"{which} runs from {scan.two_theta[0]:g} to {scan.two_theta[-1]:g}",
            "2theta in degree was expected",
        )
