"""Figures of infrared spectra."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.plotting import CYCLE, OKABE_ITO, axis_label, mark_simulated, new_axes
from spectra.bands.fit import FLAGS, fit_bands
from spectra.bands.position import mean_band_position
from spectra.bands.shift import carbonyl_shift
from spectra.bands.window import HALF_WINDOW
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
    *,
    near: float = 1669.0,
    half_window: float | None = None,
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
    half_window : float, optional
        As for `carbonyl_shift`.
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
        near_band = data.isel(
            wavenumber=np.flatnonzero(np.abs(x - near) <= (half_window or HALF_WINDOW) + 20)
        )
        spectrum = near_band - near_band.min("wavenumber")
        spectrum = spectrum / spectrum.max("wavenumber")
        x, colour = spectrum["wavenumber"].values, CYCLE[i]
        lines = spectrum.values if spectrum.ndim == 2 else spectrum.values[None]
        for j, line in enumerate(lines):
            faint = 0.35 if len(lines) > 1 else 1.0
            ax.plot(x, line, color=colour, alpha=faint, lw=1.0, label=label if j == 0 else None)
        position = mean_band_position(data, near, half_window=half_window)
        ax.axvspan(position.lower, position.upper, color=colour, alpha=0.25, lw=0)
        ax.axvline(position.value, color=colour, lw=1.0, ls="--")
    shift = carbonyl_shift(reference, sample, near, half_window=half_window, warn=False)
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
