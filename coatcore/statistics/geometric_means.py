"""A positive number of each of several cells: what do cells of that kind have?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from coatcore.coverage import coverage_factor, effective_dof
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate

_NORMAL = coverage_factor()


@dataclass(frozen=True)
class Cells:
    """A positive quantity of each cell of a kind.

    Parameters
    ----------
    own : sequence of Estimate
        One a cell, with its own interval; an end may be open (0 or infinite).
    shifts : mapping of str to float
        How far one standard uncertainty of a value that was given for all cells alike moves the
        mean of the logarithms. It is in each cell's own interval, and no mean takes it away.

    Examples
    --------
    >>> Cells([Estimate.from_interval(100.0, 90.0, 111.0, unit="ohm cm2")]).count
    1
    """

    own: Sequence[Estimate]
    shifts: Mapping[str, float] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Number of cells."""
        return len(self.own)


@dataclass(frozen=True)
class _Mean:
    """Mean of logarithms: half widths of 95 % without what is common, variance with its freedom."""

    centre: float
    down: float
    up: float
    variance: float
    freedom: float


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


def _mean(cells: Cells) -> _Mean:
    centre = float(np.mean([math.log(e.value) for e in cells.own]))
    low, high = ([_log(getattr(e, end)) for e in cells.own] for end in ("lower", "upper"))
    if cells.count == 1:
        common = _NORMAL * math.sqrt(sum(d**2 for d in cells.shifts.values()))
        down, up = (
            math.sqrt(max(0.0, side**2 - common**2)) for side in (centre - low[0], high[0] - centre)
        )
        known = [side for side in (down, up) if math.isfinite(side)]
        return _Mean(centre, down, up, (max(known, default=math.inf) / _NORMAL) ** 2, math.inf)
    n = cells.count
    t = coverage_factor(n - 1)
    open_below, open_above = not np.isfinite(low).all(), not np.isfinite(high).all()
    if not (open_below or open_above):
        variance = float(np.var([math.log(e.value) for e in cells.own], ddof=1)) / n
        half = t * math.sqrt(variance)
        return _Mean(centre, half, half, variance, n - 1)
    # A cell that is only bounded leaves the mean bounded: by the mean of the bounds.
    down = up = math.inf
    if not open_below:
        down = centre - float(np.mean(low)) + t * float(np.std(low, ddof=1)) / math.sqrt(n)
    if not open_above:
        up = float(np.mean(high)) - centre + t * float(np.std(high, ddof=1)) / math.sqrt(n)
    known = [side for side in (down, up) if math.isfinite(side)]
    return _Mean(centre, down, up, (max(known, default=math.inf) / t) ** 2, n - 1)


def mean_of_cells(cells: Cells) -> Estimate:
    """Geometric mean over cells of a kind.

    The interval is Student's t over the logarithms, whose spread between cells holds the noise of
    each; what is common to all cells is added. One cell stands for itself.

    Parameters
    ----------
    cells : Cells
        At least one.

    Returns
    -------
    Estimate
        In the unit of the cells; `n` is their number. Where a cell is bounded on one side only,
        so is the mean.

    Raises
    ------
    MeasurementError
        If the cells leave both ends open.

    Examples
    --------
    >>> made = [Estimate.from_interval(v, 0.95 * v, 1.05 * v) for v in (95.0, 105.0, 100.0)]
    >>> found = mean_of_cells(Cells(made))
    >>> print(found, found.n)
    100(3) 3
    """
    mean = _mean(cells)
    if cells.count == 1:
        only = cells.own[0]
        return _estimate(
            math.log(only.value),
            math.log(only.value) - _log(only.lower),
            _log(only.upper) - math.log(only.value),
            math.sqrt(mean.variance + sum(d**2 for d in cells.shifts.values())),
            only.unit,
            1,
            only.method,
        )
    common = sum(d**2 for d in cells.shifts.values())
    down, up = _ends(mean, mean.variance, common, mean.freedom)
    unit = cells.own[0].unit
    method = "geometric mean over cells, Student's t"
    return _estimate(
        mean.centre, down, up, math.sqrt(mean.variance + common), unit, cells.count, method
    )


def ratio_of_cells(sample: Cells, reference: Cells) -> Estimate:
    """Ratio of the geometric means of two kinds of cells.

    Parameters
    ----------
    sample, reference : Cells
        Shifts of the same name stem from the same value, and cancel as far as they are alike.

    Returns
    -------
    Estimate
        Welch's interval of the logarithms where both have several cells; where one has a single
        cell or an open end, each side's own deviation is carried over.

    Raises
    ------
    MeasurementError
        If both ends are open.

    References
    ----------
    Welch, Biometrika 34 (1947) 28; Zou and Donner, Stat. Med. 27 (2008) 1693.

    Examples
    --------
    >>> new, old = ([Estimate.from_interval(v, 0.9 * v, 1.1 * v) for v in row]
    ...             for row in ((26.0, 27.0, 25.0), (110.0, 114.0, 106.0)))
    >>> print(ratio_of_cells(Cells(old), Cells(new)))
    4.23(13)
    """
    a, b = _mean(sample), _mean(reference)
    names = set(sample.shifts) | set(reference.shifts)
    common = sum((sample.shifts.get(k, 0.0) - reference.shifts.get(k, 0.0)) ** 2 for k in names)
    variance = a.variance + b.variance
    n = min(sample.count, reference.count)
    closed = all(math.isfinite(side) for m in (a, b) for side in (m.down, m.up))
    if n > 1 and closed:
        freedom = effective_dof((a.variance, b.variance), (a.freedom, b.freedom))
        down, up = _ends(a, variance, common, freedom)
        method = "ratio of geometric means over cells, Welch"
    else:
        down = math.sqrt(a.down**2 + b.up**2 + _NORMAL**2 * common)
        up = math.sqrt(a.up**2 + b.down**2 + _NORMAL**2 * common)
        method = "ratio, deviations of each side carried over"
    u = math.sqrt(variance + common)
    return _estimate(a.centre - b.centre, down, up, u, "1", n, method)


def _ends(mean: _Mean, variance: float, common: float, freedom: float) -> tuple[float, float]:
    """Half widths down and up with what is common to all cells."""
    if not (math.isfinite(mean.down) and math.isfinite(mean.up)):
        return math.hypot(mean.down, _NORMAL * common**0.5), math.hypot(
            mean.up, _NORMAL * common**0.5
        )
    total = variance + common
    # What is common is known with infinitely many degrees of freedom.
    effective = effective_dof((variance, common), (freedom, math.inf))
    half = coverage_factor(effective) * math.sqrt(total)
    return half, half


def _estimate(
    centre: float, down: float, up: float, u: float, unit: str, n: int, method: str
) -> Estimate:
    if math.isinf(down) and math.isinf(up):
        raise MeasurementError(
            "the spectra bound it neither from below nor from above; more must be known from "
            "elsewhere (known, capacity) or lower frequencies be measured"
        )
    value = math.exp(centre)
    return Estimate.from_interval(
        value,
        value * math.exp(-down),
        value * math.exp(up) if math.isfinite(up) else math.inf,
        standard_uncertainty=value * u,
        unit=unit,
        n=n,
        method=method,
    )
