"""Figures of what was read, before anything is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

from coatcore.plotting import CYCLE, axis_label, mark_simulated, new_axes
from coatcore.words import pretty_unit
from electrochem.labels.labels import expect

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# More points than a screen has columns are not seen.
_MOST = 20_000
_NAMED = 6


def plot_impedance(impedance: xr.DataArray, ax: Axes | None = None) -> Axes:
    """Nyquist plot of measured impedance, every sweep, with equal axes.

    Of more than six sweeps the first and the last are named, those between are grey.

    Parameters
    ----------
    impedance : xarray.DataArray
        Kind ``impedance_spectrum``.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Examples
    --------
    >>> from electrochem import simulate_impedance
    >>> plot_impedance(simulate_impedance(1)[0]).get_xlabel()
    "Z' / ohm cm²"
    """
    expect(impedance, "impedance_spectrum")
    ax = new_axes(ax, figsize=(5.2, 3.6))
    rows = impedance.transpose(..., "frequency").values.reshape(-1, impedance.sizes["frequency"])
    many = len(rows) > _NAMED
    for number, row in enumerate(rows):
        between = many and 0 < number < len(rows) - 1
        ax.plot(
            row.real,
            -row.imag,
            "-" if between else "o-",
            color="0.75" if between else CYCLE[min(number, 1) if many else number],
            markersize=3,
            linewidth=0.8,
            zorder=1 if between else 2,
            label=None if between or len(rows) == 1 else f"sweep {number}",
        )
    if len(rows) > 1:
        ax.legend(loc="best")
    unit = pretty_unit(str(impedance.attrs["units"]))
    ax.set_xlabel(f"Z' / {unit}")
    ax.set_ylabel(f"−Z'' / {unit}")
    ax.set_aspect("equal", adjustable="box")
    mark_simulated(ax, impedance)
    return ax


def plot_record(record: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Voltage over time, and current on an axis of its own.

    Parameters
    ----------
    record : xarray.Dataset
        Kind ``cell_record``.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Examples
    --------
    >>> import numpy as np
    >>> from electrochem.labels import label_record
    >>> t = np.arange(3.0)
    >>> record = label_record({"time": t, "voltage": 3 + t, "current": 0 * t})
    >>> plot_record(record).get_xlabel()
    'time / h'
    """
    expect(record, "cell_record")
    ax = new_axes(ax, figsize=(7.0, 3.6))
    every = max(1, record.sizes["record"] // _MOST)
    shown = record.isel(record=slice(None, None, every))
    hours = shown["time"].values / 3600
    right = ax.twinx()
    right.plot(hours, 1e3 * shown["current"].values, color=CYCLE[1], linewidth=0.6)
    right.set_ylabel("current / mA", color=CYCLE[1])
    right.spines["right"].set_visible(True)
    ax.plot(hours, shown["voltage"].values, color=CYCLE[0], linewidth=0.8)
    ax.set_zorder(right.get_zorder() + 1)
    ax.patch.set_visible(False)
    ax.set_xlabel("time / h")
    reference = str(record.attrs.get("reference_electrode", ""))
    ax.set_ylabel("voltage / V" + (f" vs {reference}" if reference else ""), color=CYCLE[0])
    mark_simulated(ax, record)
    return ax


def plot_cycles(table: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Capacities over cycles.

    Parameters
    ----------
    table : xarray.Dataset
        Kind ``cycle_table``.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Examples
    --------
    >>> import numpy as np
    >>> from electrochem.labels import label_cycles
    >>> table = label_cycles(np.array([1, 2]), {"discharge_capacity": np.array([186.0, 185.0])})
    >>> plot_cycles(table).get_ylabel()
    'specific discharge capacity / mAh g⁻¹'
    """
    expect(table, "cycle_table")
    ax = new_axes(ax, figsize=(6.0, 3.6))
    names = [n for n in ("discharge_capacity", "charge_capacity") if n in table]
    names = names or [str(n) for n in table.data_vars][:1]
    for name, color, fill in zip(names, CYCLE, ("full", "none"), strict=False):
        values = table[name]
        label = str(values.attrs.get("long_name", name))
        ax.plot(
            table["cycle"].values,
            values.values,
            "o",
            color=color,
            fillstyle=fill,
            markersize=3.5,
            label=label,
        )
    ax.set_xlabel("cycle number")
    ax.set_ylabel(axis_label(table[names[0]]))
    if len(names) > 1:
        ax.set_ylabel(f"specific capacity / {pretty_unit(str(table[names[0]].attrs['units']))}")
        ax.legend(loc="best")
    mark_simulated(ax, table)
    return ax
