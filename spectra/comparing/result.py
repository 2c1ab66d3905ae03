"""What came of comparing two spectra, and its figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import xarray as xr

from coatcore.display import shown
from coatcore.estimate import Estimate
from spectra.comparing.figures import plot_difference

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
        title = (
            f"{self.verdict}, p = {self.p_value:.2g}; a band of "
            f"{100 * self.hidden.upper:.2g} % of the largest could hide at "
            f"{self.hidden_at:.0f} cm⁻¹"
        )
        return plot_difference(
            self.reference,
            self.sample,
            self.residual,
            self.limits,
            largest_at=self.largest_at,
            title=title,
            ax=ax,
        )
