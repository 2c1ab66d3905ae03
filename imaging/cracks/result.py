"""What is known of the cracks of one image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
import xarray as xr

from coatcore.display import shown
from coatcore.estimate import Estimate
from coatcore.plotting import mark_simulated
from imaging.cracks.figures import plot_crack_sizes, plot_cracks
from imaging.particles.parameters import CrackParameters

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@shown(hide=("labels", "crack_labels", "parameters"))
@dataclass(frozen=True, kw_only=True)
class Cracks:
    """Cracks in the particles of one image.

    Parameters
    ----------
    crack_area_fraction : Estimate
        Crack area over particle area, unit 1.
    lost_contact : Estimate or None
        Share of the particles' outline without contact to the electrolyte, unit 1; None where
        the image does not tell it.
    particles : pandas.DataFrame
        A row a particle: size, shape, grey, cracks of each kind, their area and length, gaps.
    cracks : pandas.DataFrame
        A row a crack: particle, kind, length, area, width, orientation, contrast, place.
    labels, crack_labels : xarray.DataArray
        Dims (y, x): numbers of particles and of cracks, 0 where there is none.
    image : xarray.DataArray
        What was measured.
    parameters : CrackParameters
        What it was measured with.
    notes : tuple of str
        What a reader of the numbers should know.

    Examples
    --------
    >>> from imaging import find_cracks, simulate_sem
    >>> find_cracks(simulate_sem(1)[0]).crack_area_fraction.unit
    '1'
    """

    crack_area_fraction: Estimate
    lost_contact: Estimate | None
    particles: pd.DataFrame
    cracks: pd.DataFrame
    labels: xr.DataArray
    crack_labels: xr.DataArray
    image: xr.DataArray
    parameters: CrackParameters
    notes: tuple[str, ...] = ()

    @property
    def mask(self) -> xr.DataArray:
        """Dims (y, x), True in cracks."""
        return (self.crack_labels > 0).rename("crack")

    def plot(self, ax: Axes | None = None) -> Axes:
        """Image with particles outlined and cracks coloured by their kind.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on.
        """
        f = self.crack_area_fraction
        title = (
            f"crack area {100 * f.value:.2f} %, 95 % interval [{100 * f.lower:.2f}, "
            f"{100 * f.upper:.2f}] %"
        )
        return plot_cracks(
            self.image,
            self.labels,
            self.crack_labels,
            self.cracks,
            particles=len(self.particles),
            title=title,
            ax=ax,
        )

    def plot_sizes(self, ax: Axes | None = None, *, what: str = "length") -> Axes:
        """Distribution of the cracks' lengths or widths, by kind.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on.
        what : {"length", "mean width"}
            Of each crack.
        """
        ax = plot_crack_sizes(self.cracks, what=what, ax=ax)
        mark_simulated(ax, self.image)
        return ax
