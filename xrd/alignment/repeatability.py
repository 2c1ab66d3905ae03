"""How well do two scans of one material agree?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from coatcore.errors import MeasurementError


@dataclass(frozen=True)
class Repeatability:
    """What two scans of one powder differ by, beyond counting: one standard deviation each.

    Parameters
    ----------
    intensity : float
        Relative scatter of a peak's area: few grains, another mount. Unit 1.
    position : float
        Scatter of a peak's place that no displacement of the whole sample explains, degree.
    shape : float
        What is left over of a peak's shape, relative to its height. Unit 1.
    lattice : float
        Apparent relative change of all lattice spacings, as zero shifts and warmth make it.

    Notes
    -----
    The defaults were learnt (`learn_repeatability`) from 14 mixtures of oxides and carbonates,
    each scanned twice on one diffractometer, for 2 and for 8 min; some were mounted anew.

    Examples
    --------
    >>> Repeatability().position < 0.01
    True
    """

    intensity: float = 0.03
    position: float = 0.005
    shape: float = 0.045
    lattice: float = 1e-4

    def __post_init__(self) -> None:
        for name in ("intensity", "position", "shape", "lattice"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise MeasurementError(f"{name} of a repeatability is {value}; 0 or more is meant")

    def variance(self, profile: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """Variance of each point of a pattern between scans, without that of counting.

        Parameters
        ----------
        profile, slope : numpy.ndarray, shape (n,)
            Peaks without background, and their derivative by 2theta in degree.

        Examples
        --------
        >>> round(float(Repeatability(0.1, 0, 0).variance(np.array([10.0]), np.array([5.0]))[0]), 6)
        1.0
        """
        return (self.intensity**2 + self.shape**2) * profile**2 + (self.position * slope) ** 2
