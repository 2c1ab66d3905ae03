"""What every particle of one cross-section is looked at with: place, size of a pixel, greys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from imaging.particles.grey_levels import GreyLevels
from imaging.particles.parameters import CrackParameters
from imaging.particles.places import Places, locate_particles
from imaging.particles.survey import look_at_each
from imaging.particles.void_grey import void_grey, void_pixels

# Particles that tell the grey of a void; more tell nothing new.
_FOR_VOID = 64


@dataclass(frozen=True, kw_only=True)
class CrossSection:
    """A cross-section whose particles are located and whose greys are known.

    Parameters
    ----------
    frame : xarray.DataArray
        Dims (y, x), without a data bar.
    places : Places
        Where particles are, and what must be evened out.
    void : float
        Grey of a void.
    void_seen : bool
        Whether the image shows one, or a person has given its grey.
    parameters : CrackParameters
        Sizes and darkness of what is looked for.

    Examples
    --------
    >>> from imaging.simulating.sem import simulate_sem
    >>> section = see_cross_section(simulate_sem(1)[0], CrackParameters())
    >>> section.void < section.levels.dark < section.levels.bright
    True
    """

    frame: xr.DataArray
    places: Places
    void: float
    void_seen: bool
    parameters: CrackParameters

    @property
    def pixel(self) -> float:
        """Side of a pixel, nm."""
        return self.places.pixel

    @property
    def levels(self) -> GreyLevels:
        """Of particles and of what surrounds them."""
        return self.places.levels


def see_cross_section(
    frame: xr.DataArray, parameters: CrackParameters, places: Places | None = None
) -> CrossSection:
    """Locate the particles of a cross-section and find the grey of a void.

    Parameters
    ----------
    frame : xarray.DataArray
        Dims (y, x) in nm, without a data bar.
    parameters : CrackParameters
        Sizes and darkness.
    places : Places, optional
        Of its particles, if they are known already.

    Returns
    -------
    CrossSection

    Raises
    ------
    MeasurementError
        If fewer than two particles are seen, or a void is said to be brighter than they are.

    Examples
    --------
    >>> from imaging.simulating.sem import simulate_sem
    >>> see_cross_section(simulate_sem(1)[0], CrackParameters(void_grey=5.0)).void
    5.0
    """
    places = places or locate_particles(frame, parameters)
    void, seen = _void(frame, places, parameters)
    return CrossSection(
        frame=frame, places=places, void=void, void_seen=seen, parameters=parameters
    )


def _void(frame: xr.DataArray, places: Places, parameters: CrackParameters) -> tuple[float, bool]:
    """Grey of a void, and whether it is known."""
    levels = places.levels
    if parameters.void_grey is not None:
        if parameters.void_grey >= levels.bright:
            raise MeasurementError(
                f"void_grey is {parameters.void_grey:g}, brighter than the particles "
                f"({levels.bright:.3g})"
            )
        return parameters.void_grey, True
    n = int(places.solid.max())
    some = set(np.linspace(1, n, min(n, _FOR_VOID)).astype(int).tolist())
    samples = look_at_each(frame, places, lambda view: void_pixels(view.even, levels), only=some)
    return void_grey(samples, levels)
