"""Which peaks make up a piece of spectrum? The fit, drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from coatcore.estimate import Estimate
from coatcore.plotting import CYCLE, mark_simulated, new_axes
from tofsims.ions.figures import pretty_ion
from tofsims.ions.ions import ion
from tofsims.labels.labels import flight_time
from tofsims.peaks.areas import require_areas
from tofsims.peaks.groups import fit_group, group_peaks
from tofsims.peaks.shape_learning import bin_edges, learn_shape, standing_at, variance_ratio

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_peaks(spectrum: xr.DataArray, ions: Sequence[str], *, ax: Axes | None = None) -> Axes:
    """Counts around some neighbouring ions, with the peaks that `fit_peaks` fits to them.

    Parameters
    ----------
    spectrum : xarray.DataArray
        Calibrated, dim mz.
    ions : sequence of str
        Ions; those that are fitted together with the first are drawn.
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Returns
    -------
    matplotlib.axes.Axes
        Counts against m/z in u, on a logarithmic scale below one count linear.

    Raises
    ------
    MeasurementError
        If an ion lies outside the spectrum.

    Examples
    --------
    >>> from tofsims import calibrate, simulate_spectra
    >>> (spectrum,), _ = simulate_spectra(1, n=1)
    >>> plot_peaks(calibrate(spectrum), ["PO2-", "PS-"]).get_xlabel()
    'm/z / u'
    """
    _, names = require_areas(spectrum, ions)
    time, counts = flight_time(spectrum), spectrum.values.astype(float)
    root = np.sqrt(np.clip(spectrum["mz"].values, 0, None))
    shape = learn_shape(spectrum, names)
    places = np.interp(np.sqrt([ion(n).mz for n in names]), root, time)
    members = next(g for g in group_peaks(places, shape.fwhm) if 0 in g)
    shape = standing_at(shape, spectrum, float(places[members].mean()))
    found = fit_group(
        time, bin_edges(time), counts, variance_ratio(spectrum), places[members], shape
    )
    ax = new_axes(ax, figsize=(5.6, 3.6))
    mz = spectrum["mz"].values[found.window]
    ax.step(mz, counts[found.window], where="mid", color="0.35", lw=0.9, label="counts")
    for k, member in enumerate(members):
        area = Estimate.from_standard_uncertainty(found.area[k], found.standard_uncertainty[k])
        label = f"{pretty_ion(names[member])}  {area.concise}"
        if not found.resolved[k]:
            label = f"{pretty_ion(names[member])}  unresolved"
        colour = CYCLE[k % len(CYCLE)]
        ax.fill_between(mz, found.parts[k], color=colour, alpha=0.35, lw=0, label=label)
        ax.axvline(ion(names[member]).mz, color=colour, lw=0.8, ls=":")
    for part, place in zip(found.parts[members.size :], found.unlisted, strict=True):
        mass = float(np.interp(place, time, root)) ** 2
        ax.fill_between(mz, part, color="0.6", alpha=0.4, lw=0, label=f"not listed, {mass:.4f} u")
    ax.plot(mz, found.expected, color="black", lw=1.1, label="fit")
    ax.set_yscale("symlog", linthresh=1.0)
    ax.set_ylim(bottom=0)
    ax.ticklabel_format(axis="x", useOffset=False)
    ax.set_xlabel("m/z / u")
    ax.set_ylabel("counts a bin")
    ax.legend(fontsize="small")
    mark_simulated(ax, spectrum)
    return ax
