"""Figure of where the capacity went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.plotting import OKABE_ITO, axis_label, mark_simulated, new_axes
from coatcore.words import pretty_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_capacity_split(result: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Capacity over cycles, with what active mass and what longer diffusion cost of it.

    Parameters
    ----------
    result : xarray.Dataset
        Of `active_mass`.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Raises
    ------
    MeasurementError
        If it is no such result.

    Examples
    --------
    >>> from electrochem.active_material.active_fraction import active_mass
    >>> from electrochem.simulating.active_mass import simulate_active_mass
    >>> table, ocv, _ = simulate_active_mass(1)
    >>> plot_capacity_split(active_mass(table, ocv)).get_ylabel()
    'discharge capacity / mAh g⁻¹'
    """
    if "q_act" not in result or "q_meas" not in result:
        raise MeasurementError("figure: q_act and q_meas missing; give what active_mass returns")
    ax = new_axes(ax, figsize=(6.0, 3.6))
    cycle = result["cycle"].values
    measured, active = result["q_meas"].values, result["q_act"].values
    first = float(measured[0])
    known = np.isfinite(active)
    mass, slow = OKABE_ITO["purple"], OKABE_ITO["yellow"]
    ax.fill_between(cycle, active, first, where=known, color=mass, alpha=0.45, lw=0)
    ax.fill_between(cycle, measured, active, where=known, color=slow, alpha=0.55, lw=0)
    ax.fill_between(
        cycle,
        result["q_act_lower"].values,
        result["q_act_upper"].values,
        color="0.25",
        alpha=0.35,
        lw=0,
        label=f"{100 * result.attrs['level']:.4g} % interval of the boundary",
    )
    ax.plot(cycle, active, color="black", lw=0.8, label="capacity of the active mass")
    ax.plot(cycle, measured, "o", color=OKABE_ITO["blue"], ms=2.5, label="measured capacity")
    ax.axhline(first, color="0.4", lw=0.8, ls="--")
    if known.any():
        last = int(np.flatnonzero(known)[-1])
        unit = pretty_unit(str(result["q_meas"].attrs["units"]))
        for height, value, words in (
            ((first + active[last]) / 2, first - active[last], "active mass"),
            ((active[last] + measured[last]) / 2, active[last] - measured[last], "diffusion"),
        ):
            ax.annotate(
                f"{words}\n−{value:.1f} {unit}",
                (float(cycle[last]), float(height)),
                textcoords="offset points",
                xytext=(-6, 0),
                ha="right",
                va="center",
                fontsize=8,
            )
    span = first - float(np.nanmin(measured))
    ax.set_ylim(float(np.nanmin(measured)) - 0.45 * span - 1, first + 0.08 * span + 1)
    ax.set_xlabel(axis_label(result["cycle"]))
    ax.set_ylabel(axis_label(result["q_meas"]))
    ax.legend(loc="lower left")
    mark_simulated(ax, result)
    return ax
