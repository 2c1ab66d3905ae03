"""Infrared spectra on one axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.plotting import CYCLE, axis_label, mark_simulated, new_axes
from spectra.bands.position import mean_band_position
from spectra.preparing.normalization import normalize

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_spectra(
    spectra: Mapping[str, xr.DataArray],
    *,
    span: tuple[float, float] | None = None,
    bands: Sequence[float] = (),
    half_window: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Spectra on one axis, each divided by its own maximum and offset; replicates as a band.

    Bands that are named are looked for in each spectrum: a line marks the position where there
    is one, a shaded strip its 95 % interval.

    Parameters
    ----------
    spectra : mapping of str to xarray.DataArray
        Name -> spectrum, or replicates of it (drawn as mean and full range).
    span : (float, float), optional
        Wavenumbers to show, cm-1.
    bands : sequence of float
        Bands to mark, cm-1; each is fitted on its own, see `band_position`.
    half_window : float, optional
        Of these fits, cm-1.
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
    if not isinstance(spectra, Mapping):
        raise MeasurementError('spectra are named: plot_spectra({"coated": spectrum})')
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
        for near in bands:
            _mark(ax, spectrum, near, half_window, (offset, colour))
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


def _mark(
    ax: Axes,
    spectrum: xr.DataArray,
    near: float,
    half_window: float | None,
    style: tuple[float, str],
) -> None:
    """Position and interval of a band over one spectrum of a stack; nothing where there is none."""
    try:
        position = mean_band_position(spectrum, near, half_window=half_window)
    except MeasurementError:
        return
    offset, colour = style
    low, high = offset, offset + 1.03
    ax.fill_betweenx([low, high], position.lower, position.upper, color=colour, alpha=0.3, lw=0)
    ax.plot([position.value] * 2, [low, high], color=colour, lw=0.7, ls="--")
    ax.annotate(
        position.concise,
        (position.value, high),
        xytext=(2, 0),
        textcoords="offset points",
        color=colour,
        fontsize=6,
        rotation=90,
        va="top",
        bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.5},
    )
