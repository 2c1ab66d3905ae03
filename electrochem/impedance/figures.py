"""Figures of impedance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from coatcore.errors import MeasurementError
from coatcore.plotting import CYCLE, axis_label, mark_simulated, new_axes, pretty_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from electrochem.diffusion.distribution import LengthDistribution
    from electrochem.impedance.circuit_fit import CircuitFit
    from electrochem.impedance.consistency import KramersKronig


def plot_nyquist(
    fit: CircuitFit, scan: int | float | str | None = None, ax: Axes | None = None
) -> Axes:
    """Measured points and fitted curve in the complex plane, with equal axes.

    Parameters
    ----------
    fit : CircuitFit
        What to draw.
    scan : optional
        Which spectrum, by its coordinate ``scan``; by default the first.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Examples
    --------
    >>> from electrochem import fit_circuit, simulate_impedance
    >>> fit = fit_circuit(simulate_impedance(1)[0], "L0-R0-p(R1,CPE1)-TL1")
    >>> plot_nyquist(fit).get_ylabel()
    "−Z'' / ohm cm²"
    """
    ax = new_axes(ax, figsize=(5.2, 3.6))
    names = fit.data["scan"].values.tolist()
    if scan is not None and scan not in names:
        raise MeasurementError(f"scan {scan!r} is not in the fit; there are {names}")
    data = fit.data.isel(scan=0 if scan is None else names.index(scan))
    measured, fitted = data["measured"].values, data["fitted"].values
    frequency = data["frequency"].values
    ax.plot(measured.real, -measured.imag, "o", color=CYCLE[0], markersize=3.5, label="measured")
    order = np.argsort(frequency)
    ax.plot(fitted.real[order], -fitted.imag[order], color=CYCLE[1], label=fit.circuit)
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
    unit = pretty_unit(str(data["measured"].attrs["units"]))
    ax.set_xlabel(f"Z' / {unit}")
    ax.set_ylabel(f"−Z'' / {unit}")
    ax.set_aspect("equal", adjustable="box")
    ax.legend(loc="best")
    mark_simulated(ax, fit.data)
    return ax


def _hertz(decade: int) -> str:
    for power, prefix in ((6, "M"), (3, "k"), (0, ""), (-3, "m"), (-6, "µ")):
        if decade >= power:
            return f"{10 ** (decade - power):g} {prefix}Hz"
    return f"1e{decade} Hz"


def plot_kramers_kronig(test: KramersKronig, ax: Axes | None = None) -> Axes:
    """Residuals over frequency, with the tolerance shaded; suspect points ringed.

    Parameters
    ----------
    test : KramersKronig
        What to draw.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Examples
    --------
    >>> from electrochem import kramers_kronig, simulate_impedance
    >>> plot_kramers_kronig(kramers_kronig(simulate_impedance(1)[0])).get_xlabel()
    'frequency / Hz'
    """
    ax = new_axes(ax, figsize=(5.2, 2.6))
    data = test.residuals
    frequency = data["frequency"]
    for name, label, color, marker in (
        ("real", "Z'", CYCLE[0], "o"),
        ("imaginary", "Z''", CYCLE[1], "s"),
    ):
        rows = np.atleast_2d(100 * data[name].values)
        for i, row in enumerate(rows):
            ax.plot(
                frequency, row, marker, color=color, markersize=3, label=label if i == 0 else None
            )
    flags = np.atleast_2d(data["suspect"].values)
    for name in ("real", "imaginary"):
        for row, flag in zip(np.atleast_2d(100 * data[name].values), flags, strict=True):
            ax.plot(
                frequency.values[flag], row[flag], "o", ms=7, fillstyle="none", color="0.5", mew=0.7
            )
    ax.axhspan(-100 * test.tolerance, 100 * test.tolerance, color="0.92", zorder=0)
    ax.set_xscale("log")
    ax.set_xlabel(axis_label(frequency))
    ax.set_ylabel("residual / %")
    verdict = "consistent" if test.consistent else "not consistent"
    ax.set_title(f"Kramers–Kronig: {verdict}")
    ax.legend(loc="best")
    mark_simulated(ax, data)
    return ax


def plot_lengths(found: LengthDistribution, ax: Axes | None = None) -> Axes:
    """Density of diffusion lengths, and on the right the cumulative volume fraction.

    Parameters
    ----------
    found : LengthDistribution
        What to draw.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Examples
    --------
    >>> from electrochem import length_distribution, simulate_impedance
    >>> z, _ = simulate_impedance(2, "coated", 152, geometry="planar")
    >>> found = length_distribution(z, diffusion_coefficient=1e-11, capacity=(14.94, 0.02),
    ...     steps=100)
    >>> plot_lengths(found).get_ylabel()
    'volume fraction per unit of ln L'
    """
    from scipy.interpolate import PchipInterpolator

    ax = new_axes(ax, figsize=(5.2, 3.4))
    right = ax.twinx()
    data = found.data
    x = np.log(data["length"].values)
    fine = np.linspace(x[0], x[-1], 400)
    handles = []
    for axes, name, color, style in (
        (ax, "density", CYCLE[0], "-"),
        (right, "cumulative", CYCLE[1], "--"),
    ):
        # Monotone between the lengths that were looked at, which are denser than features.
        middle, low, high = (
            PchipInterpolator(x, data[name + end].values)(fine) for end in ("", "_lower", "_upper")
        )
        axes.fill_between(np.exp(fine), low, high, color=color, alpha=0.25, lw=0)
        handles += axes.plot(np.exp(fine), middle, style, color=color, label=name)
    ax.set_xscale("log")
    ax.set_xlabel(axis_label(data["length"]))
    ax.set_ylabel("volume fraction per unit of ln L", color=CYCLE[0])
    right.set_ylabel("cumulative volume fraction", color=CYCLE[1])
    ax.set_ylim(bottom=0)
    right.set_ylim(0, 1.02)
    right.spines["right"].set_visible(True)
    median = found.median
    ax.axvline(median.value, color="0.4", lw=0.8, ls=":")
    ax.set_title(f"median {median.concise} µm, {found.geometry} particles")
    ax.legend(handles=handles, loc="upper left")
    mark_simulated(ax, data)
    return ax
