"""What counts as a particle, and what as a crack in it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from coatcore.errors import MeasurementError

# Longest length that makes sense in a cross-section, nm, and most elongated.
_LONGEST, _MOST = 1e5, 100.0


@dataclass(frozen=True, kw_only=True)
class CrackParameters:
    """Sizes in nm and darkness that a person may set; the defaults suit NCM in Li6PS5Cl.

    Parameters
    ----------
    min_diameter : float
        Smallest particle, as the diameter of a circle of its area, nm.
    max_width : float
        Widest crack, nm; dark inclusions that are wider are left to the particle's outline.
    min_length : float
        Shortest crack, nm: shorter dark marks are pores or noise.
    min_elongation : float
        Least length over mean width; rounder marks are pores.
    faint, clear : float
        Darkness, as a share of the contrast of particle and void, down to which a crack is
        followed, and that it must reach somewhere. Tied to the contrast, not to the noise: a
        rule on noise calls grain contrast a crack, a percentile always finds one.
    rim : float
        Width along a particle's outline that is left out, for it is blurred there, nm.
    split_within, whole_beyond : float
        A crack separates its particle if what is missing to the outline is no longer than
        `split_within`, and does not if it is longer than `whole_beyond`, nm; between the two it
        is undecided.
    curtains : {"vertical", "horizontal", "none"}
        Direction of the stripes of ion milling that are removed.
    void_grey : float, optional
        Grey of a wide crack, where the image holds nothing wide and dark to tell it by.

    Raises
    ------
    MeasurementError
        Where a value makes no sense.

    Examples
    --------
    >>> CrackParameters(min_length=500.0).min_length
    500.0
    """

    min_diameter: float = 1000.0
    max_width: float = 400.0
    min_length: float = 300.0
    min_elongation: float = 4.0
    faint: float = 0.08
    clear: float = 0.18
    rim: float = 60.0
    split_within: float = 60.0
    whole_beyond: float = 160.0
    curtains: Literal["vertical", "horizontal", "none"] = "vertical"
    void_grey: float | None = None

    @property
    def not_counted(self) -> str:
        """Which dark marks are no cracks, in words for a caption."""
        return (
            f"shorter than {self.min_length:g} nm, rounder than {self.min_elongation:g} to one or "
            f"within {self.rim:g} nm of a particle's outline"
        )

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name == "curtains" or (name == "void_grey" and value is None):
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
                raise MeasurementError(f"{name} is {value!r}, expected a number")
        for name in ("min_diameter", "max_width", "min_length", "rim"):
            value = getattr(self, name)
            if not 0 < value <= _LONGEST:
                raise MeasurementError(
                    f"{name} is {value}, expected a length in nm, above 0 and up to {_LONGEST:g}"
                )
        if not 1 <= self.min_elongation <= _MOST:
            raise MeasurementError(
                f"min_elongation is {self.min_elongation}, expected 1 to {_MOST:g}"
            )
        if self.void_grey is not None and not np.isfinite(self.void_grey):
            raise MeasurementError(f"void_grey is {self.void_grey}, expected a grey value")
        if not 0 < self.faint < self.clear < 1:
            raise MeasurementError(
                f"faint is {self.faint} and clear {self.clear}, expected 0 < faint < clear < 1"
            )
        if not 0 <= self.split_within <= self.whole_beyond <= _LONGEST:
            raise MeasurementError(
                f"split_within is {self.split_within} nm and whole_beyond {self.whole_beyond} nm, "
                f"expected 0 <= split_within <= whole_beyond <= {_LONGEST:g}"
            )
        if self.curtains not in ("vertical", "horizontal", "none"):
            raise MeasurementError(
                f"curtains is {self.curtains!r}, expected 'vertical', 'horizontal' or 'none'"
            )
