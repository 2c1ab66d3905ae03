"""Figures of bands: what a fit made of a spectrum, and how far a band moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.plotting import CYCLE, OKABE_ITO, axis_label, mark_simulated, new_axes
from spectra.bands.fit import FLAGS, fit_bands

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_bands(
    da: xr.DataArray, bands: float | Sequence[float], *, ax: Axes | None = None, **settings: Any
) -> Axes:
    """One spectrum with the fit of its bands, their positions, and what the fit leaves over.

    Parameters
    ----------
    da : xarray.DataArray
        Dims (wavenumber,).
    bands, **settings
        As for `fit_bands`.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    MeasurementError
        If it is not one spectrum, or shows no such band.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> ax = plot_bands(simulate_ftir(1)[0], [1461.0, 1424.0, 1494.0, 1373.0], half_window=30)
    >>> len(ax.texts) >= 4
    True
    """
    if da.ndim != 1:
        raise MeasurementError(f"plot_bands draws one spectrum, found dims {da.dims}")
    fitted = fit_bands(da, bands, curves=True, **settings)
    flags = fitted["flag"].values
    misfit = FLAGS.index("misfit")
    if ((flags > 0) & (flags != misfit)).any():
        bad = fitted["band"].values[(flags > 0) & (flags != misfit)]
        raise MeasurementError(f"no band could be fitted near {', '.join(f'{b:g}' for b in bad)}")
    ax = new_axes(ax, figsize=(5.6, 4.0))
    curve = fitted["fitted"].values
    keep = np.isfinite(curve)
    x, y, curve = da["wavenumber"].values[keep], da.values[keep], curve[keep]
    ax.plot(x, y, ".", color="0.45", ms=2.5, label="measured")
    ax.plot(x, curve, color=OKABE_ITO["vermillion"], lw=1.2, label="fit")
    base = min(y.min(), curve.min()) - 0.22 * np.ptp(y)
    factor = max(1.0, float(np.floor(0.12 * np.ptp(y) / max(np.abs(y - curve).max(), 1e-300))))
    ax.axhline(base, color="0.7", lw=0.6)
    label = f"difference (× {factor:g})" if factor > 1 else "difference"
    ax.plot(x, base + factor * (y - curve), color=OKABE_ITO["blue"], lw=0.8, label=label)
    if (flags == misfit).any():
        ax.set_title("the bands are not described by this fit: no positions", fontsize=9)
    for i in np.flatnonzero(flags == 0):
        position, u, dof = (
            float(fitted[name][i]) for name in ("center", "center_standard_uncertainty", "dof")
        )
        estimate = Estimate.from_standard_uncertainty(position, u, unit="cm-1", dof=dof)
        ax.axvline(position, color="0.3", lw=0.7, ls="--")
        ax.axvspan(estimate.lower, estimate.upper, color=OKABE_ITO["sky"], alpha=0.4, lw=0)
        ax.text(
            position,
            1.0,
            f"{estimate.concise} cm⁻¹ ",
            transform=ax.get_xaxis_transform(),
            rotation=90,
            ha="right",
            va="top",
            fontsize=7,
        )
    ax.set_ylim(top=y.max() + 0.45 * np.ptp(y))
    ax.invert_xaxis()
    ax.set_xlabel(axis_label(da["wavenumber"]))
    ax.set_ylabel(axis_label(da))
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, fontsize=7)
    mark_simulated(ax, da)
    return ax


def plot_shift(
    reference: xr.DataArray,
    sample: xr.DataArray,
    positions: tuple[Estimate, Estimate],
    shift: Estimate,
    *,
    labels: tuple[str, str] = ("reference", "sample"),
    ax: Axes | None = None,
) -> Axes:
    """One band of two samples, with both positions and their intervals.

    Parameters
    ----------
    reference, sample : xarray.DataArray
        Dims (wavenumber,) or (replicate, wavenumber); what is drawn, and so no more than the
        surroundings of the band.
    positions : (Estimate, Estimate)
        Of the reference and the sample, cm-1.
    shift : Estimate
        Between them, cm-1.
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
    >>> from spectra.bands import mean_band_position
    >>> from spectra.preparing import cut
    >>> groups = [cut(simulate_ftir(i, carbonyl_position=x)[0], 1590, 1750)
    ...     for i, x in enumerate((1669.0, 1656.0))]
    >>> one, two = (mean_band_position(group) for group in groups)
    >>> ax = plot_shift(*groups, (one, two), two - one)
    >>> "shift" in ax.get_title()
    True
    """
    ax = new_axes(ax, figsize=(5.2, 3.6))
    for i, (near_band, label) in enumerate(zip((reference, sample), labels, strict=True)):
        spectrum = near_band - near_band.min("wavenumber")
        spectrum = spectrum / spectrum.max("wavenumber")
        x, colour = spectrum["wavenumber"].values, CYCLE[i]
        lines = spectrum.values if spectrum.ndim == 2 else spectrum.values[None]
        for j, line in enumerate(lines):
            faint = 0.35 if len(lines) > 1 else 1.0
            ax.plot(x, line, color=colour, alpha=faint, lw=1.0, label=label if j == 0 else None)
        position = positions[i]
        ax.axvspan(position.lower, position.upper, color=colour, alpha=0.25, lw=0)
        ax.axvline(position.value, color=colour, lw=1.0, ls="--")
    ax.set_title(
        f"shift {shift.concise} cm⁻¹, {100 * shift.level:g} % interval "
        f"[{shift.lower:.2f}, {shift.upper:.2f}]"
    )
    ax.set_ylim(0, 1.2)
    ax.invert_xaxis()
    ax.set_xlabel(axis_label(reference["wavenumber"]))
    ax.set_ylabel("scaled to 0 … 1")
    ax.legend(loc="upper left")
    mark_simulated(ax, reference, sample)
    return ax
