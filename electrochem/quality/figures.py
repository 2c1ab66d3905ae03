"""Figures of cells for the report: retention, impedance with its fits, what each cell gave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from coatcore.errors import MeasurementError
from coatcore.plotting import CYCLE, mark_simulated, new_axes, pretty_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from electrochem.quality.cycling import CyclingGroup
    from electrochem.quality.fitted_cells import FittedCells

# Neighbours closer than this part of the axis would lie on each other.
_APART = 0.12


def plot_retention(
    groups: Mapping[str, CyclingGroup], *, cycle: int, first: int, ax: Axes | None = None
) -> Axes:
    """Capacity over that of the first cycle, each cell, with what was judged.

    Parameters
    ----------
    groups : mapping of str to CyclingGroup
        Name of a kind of cell to its cells.
    cycle, first : int
        Which cycle is judged, and which counts as 1.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Raises
    ------
    MeasurementError
        If there is no group.

    Examples
    --------
    >>> from electrochem import retention_of_group, simulate_cycles
    >>> from electrochem.quality.cycling import CyclingGroup
    >>> cells = tuple(simulate_cycles(s)[0] for s in (1, 2, 3))
    >>> group = CyclingGroup(("1", "2", "3"), cells, retention_of_group(cells, 152))
    >>> plot_retention({"coated": group}, cycle=152, first=1).get_ylabel()
    'capacity / capacity of cycle 1'
    """
    if not groups:
        raise MeasurementError("no group of cells; expected a name and its cells")
    ax = new_axes(ax)
    for number, (name, group) in enumerate(groups.items()):
        colour = CYCLE[number % len(CYCLE)]
        shares = []
        for table in group.tables:
            capacity = table["discharge_capacity"]
            share = capacity / float(capacity.sel(cycle=first))
            if "complete" in table:
                share = share.where(table["complete"])
            shares.append(share.reset_coords(drop=True))
            ax.plot(share["cycle"], share, color=colour, lw=0.6, alpha=0.7)
        common = sorted(set.intersection(*(set(s["cycle"].values.tolist()) for s in shares)))
        together = np.stack([s.sel(cycle=common).values for s in shares])
        count = "1 cell" if len(shares) == 1 else f"{len(shares)} cells"
        if len(shares) > 1:
            low, high = np.nanmin(together, axis=0), np.nanmax(together, axis=0)
            ax.fill_between(common, low, high, color=colour, alpha=0.22, lw=0)
        label = f"{name}, {count}"
        kept = group.retention
        if kept is not None:
            label += f": {kept.concise} at {cycle}"
            # Beside each other, so that both intervals are seen.
            at = cycle + (number + 1) * 0.012 * max(common)
            ends = [[kept.value - kept.lower], [kept.upper - kept.value]]
            ax.errorbar(at, kept.value, yerr=ends, fmt="o", ms=4, color=colour, capsize=3)
        ax.plot([], [], color=colour, label=label)
    ax.axvline(cycle, color="0.6", lw=0.7, ls=(0, (4, 3)), zorder=0)
    ax.set_xlabel("cycle number")
    ax.set_ylabel(f"capacity / capacity of cycle {first}")
    ax.set_ylim(top=max(1.02, ax.get_ylim()[1]))
    ax.legend(loc="lower left")
    mark_simulated(ax, *(t for g in groups.values() for t in g.tables))
    return ax


def plot_spectra_with_fits(groups: Mapping[str, FittedCells], ax: Axes | None = None) -> Axes:
    """Nyquist plot of every cell's points, and the curves fitted to them, with equal axes.

    Parameters
    ----------
    groups : mapping of str to FittedCells
        Name of a kind of cell to its fits.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Raises
    ------
    MeasurementError
        If there is no fit.

    Examples
    --------
    >>> from electrochem import fit_circuit, simulate_impedance
    >>> from electrochem.quality.fitted_cells import FittedCells
    >>> fit = fit_circuit(simulate_impedance(1)[0], "L0-R0-p(R1,CPE1)-TL1")
    >>> e = fit.estimate("TL1_R_cathode")
    >>> plot_spectra_with_fits({"new": FittedCells(("a.z",), (fit,), (e,), e)}).get_xlabel()
    "Z' / ohm cm²"
    """
    fits = [fit for group in groups.values() for fit in group.fits]
    if not fits:
        raise MeasurementError("no fitted spectrum; expected a name and its fits")
    ax = new_axes(ax, figsize=(5.4, 3.6))
    for number, (name, group) in enumerate(groups.items()):
        colour = CYCLE[number % len(CYCLE)]
        for fit in group.fits:
            data = fit.data.isel(scan=0)
            order = np.argsort(data["frequency"].values)
            z, curve = data["measured"].values, data["fitted"].values[order]
            ax.plot(z.real, -z.imag, "o", color=colour, ms=2.8, mfc="none", mew=0.7)
            ax.plot(curve.real, -curve.imag, color=colour, lw=0.8)
        count = "1 cell" if len(group.fits) == 1 else f"{len(group.fits)} cells"
        ax.plot([], [], "o-", color=colour, ms=3, mfc="none", label=f"{name}, {count}")
    unit = pretty_unit(str(fits[0].data["measured"].attrs["units"]))
    span = fits[0].data["frequency"].values
    ax.set_xlabel(f"Z' / {unit}")
    ax.set_ylabel(f"−Z'' / {unit}")
    ax.set_title(f"{fits[0].circuit}, {span.min():.2g} to {span.max():.2g} Hz")
    ax.set_aspect("equal", adjustable="box")
    ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))
    # Below the axis, where no arc is hidden.
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.28), ncols=2)
    mark_simulated(ax, *(fit.data for fit in fits))
    return ax


def plot_cells(groups: Mapping[str, FittedCells], name: str, ax: Axes | None = None) -> Axes:
    """What each cell gave with its 95 % interval, and the mean of its kind; logarithmic.

    Parameters
    ----------
    groups : mapping of str to FittedCells
        Name of a kind of cell to what its cells gave.
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
    >>> from coatcore import Estimate
    >>> from electrochem.quality.fitted_cells import FittedCells
    >>> e = Estimate.from_interval(2.5, 2.1, float("inf"), standard_uncertainty=0.2, unit="um")
    >>> plot_cells({"coated": FittedCells(("a.z",), (), (e,), e)}, "diffusion length").get_ylabel()
    'diffusion length / µm'
    """
    if not groups:
        raise MeasurementError("no group of cells; expected a name and what its cells gave")
    ax = new_axes(ax, figsize=(4.6, 3.4))
    ends = [
        end
        for group in groups.values()
        for e in (*group.own, group.mean)
        for end in (e.lower, e.value, e.upper)
        if 0 < end < np.inf
    ]
    low, high = 0.85 * min(ends), 1.18 * max(ends)
    for number, group in enumerate(groups.values()):
        colour = CYCLE[number % len(CYCLE)]
        count = len(group.own)
        places = number + (np.arange(count) - (count - 1) / 2) * min(_APART, 0.5 / count) - 0.1
        for at, e in zip(places, group.own, strict=True):
            _interval(ax, at, e.value, (e.lower, e.upper), (low, high), colour, 0.8)
        if count > 1:
            e = group.mean
            _interval(ax, number + 0.25, e.value, (e.lower, e.upper), (low, high), colour, 2.0)
        ax.annotate(
            f"{group.mean.concise}",
            (number, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 7),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=8,
            color=colour,
        )
    unit = pretty_unit(next(iter(groups.values())).mean.unit)
    kinds = [f"{k}\n{len(g.own)} cell{'' if len(g.own) == 1 else 's'}" for k, g in groups.items()]
    ax.set_xticks(range(len(groups)), kinds)
    ax.set_xlim(-0.6, len(groups) - 0.4)
    ax.set_yscale("log")
    ax.set_ylim(low, high)
    _plain_numbers(ax)
    ax.set_ylabel(f"{name} / {unit}" if unit else name)
    mark_simulated(ax, *(fit.data for group in groups.values() for fit in group.fits))
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
