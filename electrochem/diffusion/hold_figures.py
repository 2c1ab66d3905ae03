"""Figure of the two ways to a diffusion length: impedance and voltage holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.plotting import CYCLE, new_axes
from electrochem.diffusion.hold_model import expected_hold_time
from electrochem.diffusion.voltage_hold import HoldTime

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CM_PER_UM = 1e-4
_MARKERS = "osD^vPX*"
_DASHES = ("--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 3)))


def plot_hold_times(
    holds: Sequence[HoldTime],
    lengths: Sequence[Estimate],
    *,
    diffusion_coefficient: float,
    resistance_capacity: Sequence[float] = (),
    spread: float = 0.0,
    geometry: str = "planar",
    labels: Sequence[str] = (),
    ax: Axes | None = None,
) -> Axes:
    """Time of voltage holds against the diffusion length by impedance, with the model's curves.

    Parameters
    ----------
    holds : sequence of HoldTime
        One a cell, all of one share of the charging current.
    lengths : sequence of Estimate
        um, of the same cells, from `diffusion_length`.
    diffusion_coefficient : float
        cm2 s-1, with which both were read.
    resistance_capacity : sequence of float
        Resistance in series times differential capacity, s: a curve each, besides that of
        diffusion alone.
    spread, geometry
        As for `expected_hold_time`.
    labels : sequence of str
        Of the cells.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Returns
    -------
    matplotlib.axes.Axes
        Logarithmic; an interval without an end is an arrow.

    Raises
    ------
    MeasurementError
        If there are not as many holds as lengths, or they are of different shares.

    Examples
    --------
    >>> of = Estimate.from_standard_uncertainty
    >>> hold = HoldTime(of(2535.0, 30.0, unit="s"), 0.02, True)
    >>> ax = plot_hold_times([hold], [of(1.3, 0.1, unit="um")], diffusion_coefficient=1e-11)
    >>> ax.get_ylabel()
    'time to 2 % of charging current / min'
    """
    if not holds or len(holds) != len(lengths) or len(labels) not in (0, len(holds)):
        raise MeasurementError(
            f"figure: {len(holds)} holds, {len(lengths)} lengths and {len(labels)} labels; "
            "expected one length (and label) for each hold"
        )
    if len({h.fraction for h in holds}) > 1:
        raise MeasurementError("figure: the holds are of different shares of the charging current")
    if not all(e.unit == "um" and e.value > 0 for e in lengths):
        raise MeasurementError("figure: lengths must be in um and more than zero")
    if not diffusion_coefficient > 0:
        raise MeasurementError(f"diffusion_coefficient is {diffusion_coefficient}; expected cm2/s")
    ax = new_axes(ax, figsize=(6.6, 3.8))
    middle = np.array([e.value for e in lengths])
    grid = np.geomspace(middle.min() / 2, middle.max() * 2, 40)
    products = sorted({0.0, *(float(p) for p in resistance_capacity)})
    for i, product in enumerate(products):
        minutes = [
            expected_hold_time(
                (x * _CM_PER_UM) ** 2 / diffusion_coefficient,
                fraction=holds[0].fraction,
                resistance_capacity=product,
                spread=spread,
                geometry=geometry,
            )
            / 60
            for x in grid
        ]
        ax.plot(
            grid,
            minutes,
            color="black" if i == 0 else "0.35",
            ls="-" if i == 0 else _DASHES[(i - 1) % len(_DASHES)],
            lw=1.0,
            label="diffusion alone" if i == 0 else f"with R C = {product:.0f} s",
        )
    for i, (hold, length) in enumerate(zip(holds, lengths, strict=True)):
        _cell(ax, hold, length, i, labels[i] if labels else None)
    ax.set_xscale("log")
    ax.set_yscale("log")
    for axis in (ax.xaxis, ax.yaxis):
        _plain_ticks(axis)
    ax.set_xlim(grid[0], grid[-1])
    ax.set_xlabel("diffusion length by impedance / µm")
    ax.set_ylabel(f"time to {100 * holds[0].fraction:g} % of charging current / min")
    # Beside the axes: curves and cells fill them.
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8)
    return ax


def _cell(ax: Axes, hold: HoldTime, length: Estimate, i: int, label: str | None) -> None:
    """Point with its intervals; where one has no end, an arrow."""
    x, y = length.value, hold.time.value / 60
    right, up = np.isinf(length.upper), np.isinf(hold.time.upper)
    ends_x = [x - length.lower, 0.4 * x if right else length.upper - x]
    ends_y = [y - hold.time.lower / 60, 0.4 * y if up else hold.time.upper / 60 - y]
    ax.errorbar(
        [x],
        [y],
        xerr=np.array(ends_x)[:, None],
        yerr=np.array(ends_y)[:, None],
        xlolims=bool(right),
        lolims=bool(up),
        fmt=_MARKERS[i % len(_MARKERS)],
        color=CYCLE[i % len(CYCLE)],
        ms=5,
        capsize=2,
        label=label,
    )


def _plain_ticks(axis: object) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))  # type: ignore[attr-defined]
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))  # type: ignore[attr-defined]
    axis.set_minor_formatter(NullFormatter())  # type: ignore[attr-defined]
