"""What came of comparing two spectra, and its figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from coatcore.display import shown
from coatcore.estimate import Estimate
from coatcore.plotting import OKABE_ITO, axis_label, mark_simulated, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@shown(
    units={"hidden_at": "cm-1", "hidden_fwhm": "cm-1", "largest_at": "cm-1"},
    hide=("residual", "limits", "reference", "sample"),
)
@dataclass(frozen=True, kw_only=True)
class SpectrumComparison:
    """What came of comparing two spectra.

    Parameters
    ----------
    verdict : str
        ``same``, ``different`` or ``undecided``.
    p_value : float
        How often noise alone makes so large a band-like difference anywhere.
    scale : Estimate
        Factor between the two, unit 1.
    hidden : Estimate
        Largest band-like difference that could hide at 95 %, as a share of the largest band of
        the reference; its value is the largest difference found.
    hidden_at, hidden_fwhm : float
        Where it could hide, and how wide it would be, cm-1.
    largest_at : float
        Where the two differ most against their noise, cm-1.
    residual : xarray.DataArray
        Sample minus scaled reference, offset and slope.
    limits : xarray.DataArray
        Over fwhm and wavenumber: difference that could hide, in the unit of the sample.
    reference, sample : xarray.DataArray
        What was compared; the reference scaled to the sample.
    smallest_relevant : float
        As it was asked for.

    Examples
    --------
    >>> from spectra import same_spectrum, simulate_ftir
    >>> a, b = simulate_ftir(1)[0], simulate_ftir(2)[0]
    >>> same_spectrum(a, b, smallest_relevant=0.1).verdict
    'same'
    """

    verdict: str
    p_value: float
    scale: Estimate
    hidden: Estimate
    hidden_at: float
    hidden_fwhm: float
    largest_at: float
    residual: xr.DataArray
    limits: xr.DataArray
    reference: xr.DataArray
    sample: xr.DataArray
    smallest_relevant: float

    @property
    def equivalent(self) -> bool:
        """Whether no band-like difference that would matter can hide, significant or not.

        Examples
        --------
        >>> from spectra import same_spectrum, simulate_ftir
        >>> a, b = simulate_ftir(1)[0], simulate_ftir(2)[0]
        >>> same_spectrum(a, b, smallest_relevant=0.1).equivalent
        True
        """
        return self.hidden.upper <= self.smallest_relevant

    def plot(self, ax: Axes | None = None) -> Axes:
        """Both spectra, and below them ten times their difference with what could hide.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on.
        """
        ax = new_axes(ax, figsize=(7.0, 4.0))
        x = self.sample["wavenumber"].values
        ax.plot(x, self.reference.values, color=OKABE_ITO["blue"], lw=1.4, label="reference")
        ax.plot(
            x, self.sample.values, color=OKABE_ITO["vermillion"], lw=0.8, ls="--", label="sample"
        )
        low, size = float(self.sample.min()), float(np.ptp(self.sample.values))
        base, factor = low - 0.35 * size, 10.0
        ax.axhline(base, color="0.6", lw=0.6)
        widest = self.limits.sel(fwhm=20.0, method="nearest")
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
            base + factor * self.residual.values,
            color="0.25",
            lw=0.6,
            label=f"difference (× {factor:g})",
        )
        ax.axvline(self.largest_at, color=OKABE_ITO["orange"], lw=0.8, ls=":")
        ax.set_title(
            f"{self.verdict}, p = {self.p_value:.2g}; a band of "
            f"{100 * self.hidden.upper:.2g} % of the largest could hide at "
            f"{self.hidden_at:.0f} cm⁻¹",
            fontsize=9,
        )
        ax.invert_xaxis()
        ax.set_xlabel(axis_label(self.sample["wavenumber"]))
        ax.set_ylabel(axis_label(self.sample))
        ax.legend(loc="upper left", fontsize=7)
        mark_simulated(ax, self.reference, self.sample)
        return ax
