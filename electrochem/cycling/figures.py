"""Figures of cycling: capacities over cycles, dQ/dE over voltage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from coatcore.coverage import coverage_factor
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.plotting import CYCLE, axis_label, mark_simulated, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_capacity(
    tables_by_group: Mapping[str, Sequence[xr.Dataset]], ax: Axes | None = None
) -> Axes:
    """Discharge capacity (left) and Coulomb efficiency (right, open circles) over cycles.

    Parameters
    ----------
    tables_by_group : mapping of str to sequence of xarray.Dataset
        Name of a kind of cell to a ``cycle_table`` for each of its cells. The line is their
        mean; the band reaches from the lowest to the highest cell.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Returns
    -------
    matplotlib.axes.Axes
        That of the capacity.

    Raises
    ------
    MeasurementError
        If there is no group, or a group has no cells or no cycle that all of them have.

    Examples
    --------
    >>> from electrochem.simulating.cycling import simulate_cycles
    >>> cells = {k: [simulate_cycles(s, k)[0] for s in (1, 2, 3)] for k in ("coated", "uncoated")}
    >>> plot_capacity(cells).get_ylabel()
    'specific discharge capacity / mAh g⁻¹'
    """
    if not tables_by_group:
        raise MeasurementError("no group of cells; expected a name and its cycle tables")
    ax = new_axes(ax)
    told = any(
        "coulomb_efficiency" in t
        for g in tables_by_group.values()
        for t in ([g] if isinstance(g, xr.Dataset) else g)
    )
    # An axis without a point would only puzzle.
    right = ax.twinx() if told else None
    for number, (name, tables) in enumerate(tables_by_group.items()):
        if isinstance(tables, xr.Dataset):
            tables = [tables]
        if not tables:
            raise MeasurementError(f"{name}: no cells; expected one cycle table for each")
        colour = CYCLE[number % len(CYCLE)]
        cycle, capacity = _together(name, tables, "discharge_capacity")
        cells = "1 cell" if len(tables) == 1 else f"mean of {len(tables)} cells"
        ax.plot(cycle, capacity.mean(axis=0), color=colour, label=f"{name}, {cells}")
        if len(tables) > 1:
            low, high = capacity.min(axis=0), capacity.max(axis=0)
            ax.fill_between(cycle, low, high, color=colour, alpha=0.25, linewidth=0)
        if right is not None and all("coulomb_efficiency" in t for t in tables):
            cycle, efficiency = _together(name, tables, "coulomb_efficiency")
            right.plot(
                cycle,
                100 * efficiency.mean(axis=0),
                "o",
                color=colour,
                markersize=2.5,
                markerfacecolor="none",
                markeredgewidth=0.6,
            )
    first = next(iter(tables_by_group.values()))
    sample = first if isinstance(first, xr.Dataset) else first[0]
    ax.set_xlabel(axis_label(sample["cycle"]))
    ax.set_ylabel(axis_label(sample["discharge_capacity"]))
    ax.set_ylim(bottom=0)
    if right is not None:
        right.spines["right"].set_visible(True)
        right.set_ylabel("Coulomb efficiency (circles) / %")
        right.set_ylim(60, 102)
    ax.legend(loc="lower left", title="band: lowest to highest cell", title_fontsize=7)
    _mark(
        ax,
        *(t for g in tables_by_group.values() for t in ([g] if isinstance(g, xr.Dataset) else g)),
    )
    return ax


def plot_retention(
    groups: Mapping[str, Sequence[xr.Dataset]],
    kept: Mapping[str, Estimate | None],
    *,
    cycle: int,
    first: int = 1,
    ax: Axes | None = None,
) -> Axes:
    """Capacity over that of the first cycle, each cell, with what was judged.

    Parameters
    ----------
    groups : mapping of str to sequence of xarray.Dataset
        Name of a kind of cell to a ``cycle_table`` for each of its cells.
    kept : mapping of str to Estimate or None
        Retention of each kind, where it is known.
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
    >>> from electrochem.cycling.retention import retention_of_group
    >>> from electrochem.simulating.cycling import simulate_cycles
    >>> cells = [simulate_cycles(s)[0] for s in (1, 2, 3)]
    >>> kept = retention_of_group(cells, 152)
    >>> plot_retention({"coated": cells}, {"coated": kept}, cycle=152).get_ylabel()
    'capacity / capacity of cycle 1'
    """
    if not groups:
        raise MeasurementError("no group of cells; expected a name and its cells")
    ax = new_axes(ax)
    for number, (name, group) in enumerate(groups.items()):
        colour = CYCLE[number % len(CYCLE)]
        shares = []
        for table in group:
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
        estimate = kept.get(name)
        if estimate is not None:
            label += f": {estimate.concise} at {cycle}"
            # Beside each other, so that both intervals are seen.
            at = cycle + (number + 1) * 0.012 * max(common)
            value = estimate.value
            ends = [[value - estimate.lower], [estimate.upper - value]]
            ax.errorbar(at, value, yerr=ends, fmt="o", ms=4, color=colour, capsize=3)
        ax.plot([], [], color=colour, label=label)
    ax.axvline(cycle, color="0.6", lw=0.7, ls=(0, (4, 3)), zorder=0)
    ax.set_xlabel("cycle number")
    ax.set_ylabel(f"capacity / capacity of cycle {first}")
    ax.set_ylim(top=max(1.02, ax.get_ylim()[1]))
    ax.legend(loc="lower left")
    mark_simulated(ax, *(t for g in groups.values() for t in g))
    return ax


def plot_differential_capacity(results: Mapping[str, xr.Dataset], ax: Axes | None = None) -> Axes:
    """dQ/dE of several half cycles over each other, with 95 % bands.

    Parameters
    ----------
    results : mapping of str to xarray.Dataset
        Name to what ``differential_capacity`` gave.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    MeasurementError
        If there is nothing to draw.

    Examples
    --------
    >>> from electrochem.cycling.incremental_capacity import differential_capacity
    >>> from electrochem.simulating.cycling import simulate_record
    >>> record, truth = simulate_record(1)
    >>> found = differential_capacity(record, mass_g=truth["mass_g"])
    >>> plot_differential_capacity({"cycle 1": found}).get_ylabel()
    'dQ/dE / mAh g⁻¹ V⁻¹'
    """
    if not results:
        raise MeasurementError("nothing to draw; expected names and results")
    ax = new_axes(ax)
    for number, (name, result) in enumerate(results.items()):
        colour = CYCLE[number % len(CYCLE)]
        voltage = result["voltage"].values
        value = result["differential_capacity"].values
        half = coverage_factor() * result["differential_capacity_u"].values
        ax.plot(voltage, value, color=colour, label=name)
        ax.fill_between(voltage, value - half, value + half, color=colour, alpha=0.25, linewidth=0)
    ax.axhline(0, color="0.6", linewidth=0.6)
    sample = next(iter(results.values()))
    electrodes = {str(r.attrs.get("reference_electrode", "")) for r in results.values()}
    against = f" vs {electrodes.pop()}" if len(electrodes) == 1 and electrodes != {""} else ""
    ax.set_xlabel(f"voltage{against} / V")
    ax.set_ylabel(axis_label(sample["differential_capacity"]))
    ax.legend(loc="upper left")
    mark_simulated(ax, *results.values())
    return ax


def _together(
    name: str, tables: Sequence[xr.Dataset], column: str
) -> tuple[np.ndarray, np.ndarray]:
    """Cycles that all cells have, and their values, shape (cell, cycle)."""
    for table in tables:
        if column not in table:
            raise MeasurementError(f"{name}: a table has no {column}; a cycle_table was expected")
    whole = [
        t.isel(cycle=np.flatnonzero(t["complete"].values)) if "complete" in t else t for t in tables
    ]
    common = whole[0]["cycle"].values
    for table in whole[1:]:
        common = np.intersect1d(common, table["cycle"].values)
    if not common.size:
        raise MeasurementError(f"{name}: its {len(tables)} cells have no whole cycle in common")
    return common, np.stack([t[column].sel(cycle=common).values for t in whole])


def _mark(ax: Axes, *tables: xr.Dataset) -> None:
    """The mark of simulation, inside, as the second axis takes its usual place."""
    if any(str(t.attrs.get("simulated", "")) == "yes" for t in tables):
        ax.text(
            0.99,
            0.02,
            "simulated data",
            transform=ax.transAxes,
            ha="right",
            va="bottom",
            fontsize=7,
            style="italic",
            color="0.4",
        )
