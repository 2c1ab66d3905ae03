"""Figures of impedance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.plotting import CYCLE, axis_label, mark_simulated, new_axes
from coatcore.words import pretty_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_nyquist(data: xr.Dataset, *, label: str = "fitted", ax: Axes | None = None) -> Axes:
    """Measured points and fitted curve in the complex plane, with equal axes.

    Parameters
    ----------
    data : xarray.Dataset
        Complex measured and fitted impedance over frequency, of one spectrum.
    label : str
        Of the fitted curve.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Examples
    --------
    >>> from electrochem import simulate_impedance
    >>> z, _ = simulate_impedance(1)
    >>> plot_nyquist(xr.Dataset({"measured": z, "fitted": z})).get_ylabel()
    "−Z'' / ohm cm²"
    """
    ax = new_axes(ax, figsize=(5.2, 3.6))
    measured, fitted = data["measured"].values, data["fitted"].values
    frequency = data["frequency"].values
    ax.plot(measured.real, -measured.imag, "o", color=CYCLE[0], markersize=3.5, label="measured")
    order = np.argsort(frequency)
    ax.plot(fitted.real[order], -fitted.imag[order], color=CYCLE[1], label=label)
    apart, last = 0.06 * np.ptp(measured.real), None
    for decade in range(-6, 8):
        near = np.abs(np.log10(frequency) - decade)
        at = int(near.argmin())
        # Labels that would lie on each other are left out.
        free = last is None or abs(measured[at] - last) > apart
        if near[at] < 0.02 and decade % 2 == 0 and free:
            last = measured[at]
            ax.annotate(
                _hertz(decade),
                (measured[at].real, -measured[at].imag),
                textcoords="offset points",
                xytext=(3, 5),
                fontsize=7,
            )
    _complex_plane(ax, data)
    ax.legend(loc="best")
    mark_simulated(ax, data)
    return ax


def _complex_plane(ax: Axes, data: xr.Dataset) -> None:
    unit = pretty_unit(str(data["measured"].attrs["units"]))
    ax.set_xlabel(f"Z' / {unit}")
    ax.set_ylabel(f"−Z'' / {unit}")
    ax.set_aspect("equal", adjustable="box")


def plot_nyquist_of_groups(
    groups: Mapping[str, Sequence[xr.Dataset]], *, circuit: str, ax: Axes | None = None
) -> Axes:
    """Every cell's points, and the curves fitted to them, a colour a kind, with equal axes.

    Parameters
    ----------
    groups : mapping of str to sequence of xarray.Dataset
        Name of a kind of cell to its spectra: complex measured and fitted impedance over
        frequency.
    circuit : str
        That was fitted.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Raises
    ------
    MeasurementError
        If there is no fit.

    Examples
    --------
    >>> from electrochem import simulate_impedance
    >>> z, _ = simulate_impedance(1)
    >>> fit = xr.Dataset({"measured": z, "fitted": z})
    >>> plot_nyquist_of_groups({"new": [fit]}, circuit="R0-C1").get_xlabel()
    "Z' / ohm cm²"
    """
    every = [data for group in groups.values() for data in group]
    if not every:
        raise MeasurementError("no fitted spectrum; expected a name and its fits")
    ax = new_axes(ax, figsize=(5.4, 3.6))
    for number, (name, group) in enumerate(groups.items()):
        colour = CYCLE[number % len(CYCLE)]
        for data in group:
            order = np.argsort(data["frequency"].values)
            z, curve = data["measured"].values, data["fitted"].values[order]
            ax.plot(z.real, -z.imag, "o", color=colour, ms=2.8, mfc="none", mew=0.7)
            ax.plot(curve.real, -curve.imag, color=colour, lw=0.8)
        count = "1 cell" if len(group) == 1 else f"{len(group)} cells"
        ax.plot([], [], "o-", color=colour, ms=3, mfc="none", label=f"{name}, {count}")
    span = every[0]["frequency"].values
    ax.set_title(f"{circuit}, {span.min():.2g} to {span.max():.2g} Hz")
    _complex_plane(ax, every[0])
    ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))
    # Below the axis, where no arc is hidden.
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.28), ncols=2)
    mark_simulated(ax, *every)
    return ax


def _hertz(decade: int) -> str:
    for power, prefix in ((6, "M"), (3, "k"), (0, ""), (-3, "m"), (-6, "µ")):
        if decade >= power:
            return f"{10 ** (decade - power):g} {prefix}Hz"
    return f"1e{decade} Hz"


def plot_kramers_kronig(
    residuals: xr.Dataset, *, tolerance: float, title: str = "", ax: Axes | None = None
) -> Axes:
    """Residuals over frequency, with the tolerance shaded; suspect points ringed.

    Parameters
    ----------
    residuals : xarray.Dataset
        Over frequency: real, imaginary (shares of the magnitude) and suspect.
    tolerance : float
        Residual that is let pass, as a share.
    title : str, optional
        Above the axes.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Examples
    --------
    >>> from electrochem import kramers_kronig, simulate_impedance
    >>> found = kramers_kronig(simulate_impedance(1)[0])
    >>> plot_kramers_kronig(found.residuals, tolerance=0.005).get_xlabel()
    'frequency / Hz'
    """
    ax = new_axes(ax, figsize=(5.2, 2.6))
    frequency = residuals["frequency"]
    for name, label, color, marker in (
        ("real", "Z'", CYCLE[0], "o"),
        ("imaginary", "Z''", CYCLE[1], "s"),
    ):
        rows = np.atleast_2d(100 * residuals[name].values)
        for i, row in enumerate(rows):
            ax.plot(
                frequency, row, marker, color=color, markersize=3, label=label if i == 0 else None
            )
    flags = np.atleast_2d(residuals["suspect"].values)
    for name in ("real", "imaginary"):
        for row, flag in zip(np.atleast_2d(100 * residuals[name].values), flags, strict=True):
            ax.plot(
                frequency.values[flag], row[flag], "o", ms=7, fillstyle="none", color="0.5", mew=0.7
            )
    ax.axhspan(-100 * tolerance, 100 * tolerance, color="0.92", zorder=0)
    ax.set_xscale("log")
    ax.set_xlabel(axis_label(frequency))
    ax.set_ylabel("residual / %")
    ax.set_title(title)
    ax.legend(loc="best")
    mark_simulated(ax, residuals)
    return ax
