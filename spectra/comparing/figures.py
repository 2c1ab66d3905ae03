"""Figure of two spectra that are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from coatcore.plotting import OKABE_ITO, axis_label, mark_simulated, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_difference(
    reference: xr.DataArray,
    sample: xr.DataArray,
    residual: xr.DataArray,
    limits: xr.DataArray,
    *,
    largest_at: float,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Two spectra, and below them ten times their difference with what could hide.

    Parameters
    ----------
    reference, sample, residual : xarray.DataArray
        Dims (wavenumber,): the reference scaled to the sample, the sample, their difference.
    limits : xarray.DataArray
        Dims (fwhm, wavenumber): difference that could hide.
    largest_at : float
        Where the two differ most, cm-1.
    title : str
        Of the figure.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from spectra import same_spectrum, simulate_ftir
    >>> found = same_spectrum(simulate_ftir(1)[0], simulate_ftir(2)[0])
    >>> curves = found.reference, found.sample, found.residual, found.limits
    >>> plot_difference(*curves, largest_at=found.largest_at).get_xlabel()
    'wavenumber / cm⁻¹'
    """
    ax = new_axes(ax, figsize=(7.0, 4.0))
    x = sample["wavenumber"].values
    ax.plot(x, reference.values, color=OKABE_ITO["blue"], lw=1.4, label="reference")
    ax.plot(x, sample.values, color=OKABE_ITO["vermillion"], lw=0.8, ls="--", label="sample")
    low, size = float(sample.min()), float(np.ptp(sample.values))
    base, factor = low - 0.35 * size, 10.0
    ax.axhline(base, color="0.6", lw=0.6)
    widest = limits.sel(fwhm=20.0, method="nearest")
    ax.fill_between(
        x,
        base - factor * widest.values,
        base + factor * widest.values,
        color=OKABE_ITO["sky"],
        alpha=0.35,
        lw=0,
        label=f"could hide, {float(widest['fwhm']):g} cm⁻¹ wide (× {factor:g})",
    )
    ax.plot(
        x,
        base + factor * residual.values,
        color="0.25",
        lw=0.6,
        label=f"difference (× {factor:g})",
    )
    ax.axvline(largest_at, color=OKABE_ITO["orange"], lw=0.8, ls=":")
    ax.set_title(title, fontsize=9)
    ax.invert_xaxis()
    ax.set_xlabel(axis_label(sample["wavenumber"]))
    ax.set_ylabel(axis_label(sample))
    ax.legend(loc="upper left", fontsize=7)
    mark_simulated(ax, reference, sample)
    return ax
