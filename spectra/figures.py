"""Figures of infrared spectra."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from coatqc.core.errors import MeasurementError
from coatqc.core.plotting import CYCLE, axis_label, mark_simulated, new_axes
from spectra.bandwindow import HALF_WINDOW
from spectra.normalization import normalize
from spectra.position import mean_band_position
from spectra.shift import carbonyl_shift

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_spectra(
    spectra: Mapping[str, xr.DataArray],
    *,
    span: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Spectra on one axis, each divided by its own maximum and offset; replicates as a band.

    Parameters
    ----------
    spectra : mapping of str to xarray.DataArray
        Name -> spectrum, or replicates of it (drawn as mean and full range).
    span : (float, float), optional
        Wavenumbers to show, cm-1.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> ax = plot_spectra({"PVP": simulate_ftir(1)[0]})
    >>> ax.get_xlabel()
    'wavenumber / cm⁻¹'
    """
    if not spectra:
        raise MeasurementError("no spectrum to draw")
    ax = new_axes(ax, figsize=(7.0, 3.6))
    for i, (name, spectrum) in enumerate(spectra.items()):
        shown = spectrum
        if span is not None:
            x = spectrum["wavenumber"].values
            shown = spectrum.isel(wavenumber=np.flatnonzero((x >= min(span)) & (x <= max(span))))
        scaled = normalize(shown)
        colour, offset = CYCLE[i % len(CYCLE)], 1.05 * (len(spectra) - 1 - i)
        x = scaled["wavenumber"].values
        if "replicate" in scaled.dims:
            low, high = scaled.min("replicate"), scaled.max("replicate")
            ax.fill_between(x, low + offset, high + offset, color=colour, alpha=0.25, lw=0)
            scaled = scaled.mean("replicate")
        ax.plot(x, scaled.values + offset, color=colour, lw=1.0)
        ax.annotate(
            name,
            (max(x), float(scaled.values[np.argmax(x)]) + offset),
            xytext=(4, 13),
            textcoords="offset points",
            color=colour,
            fontsize=8,
        )
    ax.invert_xaxis()
    ax.set_xlabel(axis_label(scaled["wavenumber"]))
    ax.set_ylabel("normalised to maximum, offset")
    ax.set_yticks([])
    mark_simulated(ax, *spectra.values())
    return ax


def plot_shift(
    reference: xr.DataArray,
    sample: xr.DataArray,
    *,
    near: float = 1669.0,
    labels: tuple[str, str] = ("reference", "sample"),
    ax: Axes | None = None,
) -> Axes:
    """Carbonyl region of two samples, with both positions and their 95 % intervals.

    Parameters
    ----------
    reference, sample : xarray.DataArray
        As for `carbonyl_shift`.
    near : float
        In cm-1.
    labels : (str, str)
        Their names.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> ax = plot_shift(simulate_ftir(1)[0], simulate_ftir(2, carbonyl_position=1656.0)[0])
    >>> "shift" in ax.get_title()
    True
    """
    ax = new_axes(ax, figsize=(5.2, 3.6))
    for i, (data, label) in enumerate(zip((reference, sample), labels, strict=True)):
        x = data["wavenumber"].values
        near_band = data.isel(wavenumber=np.flatnonzero(np.abs(x - near) <= HALF_WINDOW + 20))
        spectrum = near_band - near_band.min("wavenumber")
        spectrum = spectrum / spectrum.max("wavenumber")
        x, colour = spectrum["wavenumber"].values, CYCLE[i]
        lines = spectrum.values if spectrum.ndim == 2 else spectrum.values[None]
        for j, line in enumerate(lines):
            faint = 0.35 if len(lines) > 1 else 1.0
            ax.plot(x, line, color=colour, alpha=faint, lw=1.0, label=label if j == 0 else None)
        position = mean_band_position(data, near)
        ax.axvspan(position.lower, position.upper, color=colour, alpha=0.25, lw=0)
        ax.axvline(position.value, color=colour, lw=1.0, ls="--")
    shift = carbonyl_shift(reference, sample, near)
    ax.set_title(
        f"shift {shift.concise} cm⁻¹, 95 % interval [{shift.lower:.2f}, {shift.upper:.2f}]"
    )
    ax.set_ylim(0, 1.2)
    ax.invert_xaxis()
    ax.set_xlabel(axis_label(reference["wavenumber"]))
    ax.set_ylabel("scaled to 0 … 1")
    ax.legend(loc="upper left")
    mark_simulated(ax, reference, sample)
    return ax
