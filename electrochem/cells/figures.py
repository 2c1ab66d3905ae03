"""Figures of what each of several cells gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.plotting import CYCLE, new_axes
from coatcore.words import pretty_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Neighbours closer than this part of the axis would lie on each other.
_APART = 0.12


def plot_cells(
    groups: Mapping[str, Sequence[Estimate]],
    means: Mapping[str, Estimate],
    name: str,
    ax: Axes | None = None,
) -> Axes:
    """What each cell gave with its 95 % interval, and the mean of its kind; logarithmic.

    Parameters
    ----------
    groups : mapping of str to sequence of Estimate
        Name of a kind of cell to what its cells gave.
    means : mapping of str to Estimate
        Of the same kinds.
    name : str
        Of what was measured, for the axis.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Raises
    ------
    MeasurementError
        If there is no group.

    Examples
    --------
    >>> e = Estimate.from_interval(2.5, 2.1, float("inf"), standard_uncertainty=0.2, unit="um")
    >>> plot_cells({"coated": [e]}, {"coated": e}, "diffusion length").get_ylabel()
    'diffusion length / µm'
    """
    if not groups:
        raise MeasurementError("no group of cells; expected a name and what its cells gave")
    ax = new_axes(ax, figsize=(4.6, 3.4))
    ends = [
        end
        for kind, group in groups.items()
        for e in (*group, means[kind])
        for end in (e.lower, e.value, e.upper)
        if 0 < end < np.inf
    ]
    low, high = 0.85 * min(ends), 1.18 * max(ends)
    for number, (kind, group) in enumerate(groups.items()):
        colour = CYCLE[number % len(CYCLE)]
        count = len(group)
        places = number + (np.arange(count) - (count - 1) / 2) * min(_APART, 0.5 / count) - 0.1
        for at, e in zip(places, group, strict=True):
            _interval(ax, at, e.value, (e.lower, e.upper), (low, high), colour, 0.8)
        if count > 1:
            e = means[kind]
            _interval(ax, number + 0.25, e.value, (e.lower, e.upper), (low, high), colour, 2.0)
        ax.annotate(
            means[kind].concise,
            (number, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 7),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=8,
            color=colour,
        )
    unit = pretty_unit(next(iter(means.values())).unit)
    kinds = [f"{k}\n{len(g)} cell{'' if len(g) == 1 else 's'}" for k, g in groups.items()]
    ax.set_xticks(range(len(groups)), kinds)
    ax.set_xlim(-0.6, len(groups) - 0.4)
    ax.set_yscale("log")
    ax.set_ylim(low, high)
    _plain_numbers(ax)
    ax.set_ylabel(f"{name} / {unit}" if unit else name)
    return ax


def _interval(
    ax: Axes,
    at: float,
    value: float,
    ends: tuple[float, float],
    limits: tuple[float, float],
    colour: str,
    width: float,
) -> None:
    """A point with its interval; an arrow where an end is open, and then no point."""
    low, high = max(ends[0], limits[0]), min(ends[1], limits[1])
    ax.plot([at, at], [low, high], color=colour, lw=width)
    if limits[0] <= ends[0] and ends[1] <= limits[1]:
        ax.plot(at, value, "o", color=colour, ms=3 + width)
    else:
        # The best value of what is only bounded says nothing.
        shut = [e for e in ends if limits[0] <= e <= limits[1]]
        ax.plot([at] * len(shut), shut, "_", color=colour, ms=7, mew=width)
    if ends[1] > limits[1]:
        ax.plot(at, limits[1], "^", color=colour, ms=6, clip_on=False)
    if ends[0] < limits[0]:
        ax.plot(at, limits[0], "v", color=colour, ms=6, clip_on=False)


def _plain_numbers(ax: Axes) -> None:
    """Numbers instead of powers of ten: cells rarely differ by decades."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 5.0, 7.0)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
