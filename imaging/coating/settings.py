"""By which lengths is a coating looked for in a TEM image?"""

from __future__ import annotations

from dataclasses import dataclass

from coatcore.errors import MeasurementError


@dataclass(frozen=True, kw_only=True)
class TemSettings:
    """Lengths in nm by which a layer on a particle's edge is looked for.

    Parameters
    ----------
    window : float
        Length of contour that one profile is averaged over.
    outside, inside : float
        How far the profiles reach from the traced edge into vacuum and particle.
    margin : float
        How far they have to lie within the image to be used, to both sides.
    thickest : float
        Thickest layer that is looked for.
    thinnest : float
        Least thickness that counts as a layer in the covered share.
    smoothing : float
        Standard deviation of the smoothing by which the edge is traced; takes out the fringes.
    contour_smoothing : float
        Standard deviation along the contour by which its course is smoothed.
    lattice_kernel : float
        Standard deviation of the neighbourhood in which fringes are looked for.
    fade, fade_uncertainty : float
        Depth at which the fringes have half their strength, and how well that is known: the
        outermost planes are weak, and a defocused lens shifts fringes sideways.
    coarsest_pixel : float
        A layer of 1-3 nm needs at least some pixels.

    Raises
    ------
    MeasurementError
        If a length is not above 0, or the profiles are too short for the thickest layer.

    Examples
    --------
    >>> TemSettings(window=1.5).window
    1.5
    """

    window: float = 1.0
    outside: float = 5.0
    inside: float = 7.0
    margin: float = 4.0
    thickest: float = 5.0
    thinnest: float = 0.3
    smoothing: float = 0.3
    contour_smoothing: float = 0.8
    lattice_kernel: float = 0.4
    fade: float = 0.15
    fade_uncertainty: float = 0.1
    coarsest_pixel: float = 0.5

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 < value < 1e3:
                raise MeasurementError(f"{name} is {value!r}, expected a length in nm above 0")
        if self.margin > min(self.outside, self.inside - 1):
            raise MeasurementError(
                f"margin is {self.margin:g} nm, more than profiles from -{self.outside:g} to "
                f"{self.inside:g} nm allow"
            )
        if self.thickest > min(self.outside, self.inside):
            raise MeasurementError(
                f"profiles from -{self.outside:g} to {self.inside:g} nm cannot hold a layer of "
                f"{self.thickest:g} nm"
            )
