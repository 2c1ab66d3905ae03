"""How many images, to see fewer cracks or a thicker coating?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field

from coatcore.errors import MeasurementError
from coatcore.quality.design import Design, Outcome, Pooled, counts_up_to, drawn, judged
from coatcore.quality.parameters import Parameters
from imaging.coating.thickness import coating_thickness
from imaging.cracks.find import find_cracks
from imaging.cracks.groups.compare import compare_cracks
from imaging.quality.tem import mean_over_images
from imaging.simulating.sem import simulate_sem
from imaging.simulating.tem import simulate_tem


class CrackSettings(Parameters):
    """What the cross-sections are like.

    Examples
    --------
    >>> CrackSettings().fraction
    0.03
    """

    fraction: float = Field(
        default=0.03, gt=0, lt=0.2, description="crack area fraction without the effect"
    )
    height: int = Field(default=384, ge=200, le=2048, description="of an image, pixels")
    width: int = Field(default=512, ge=200, le=2048, description="of an image, pixels")
    pixel: float = Field(default=20.0, gt=2, lt=60, description="nm")
    electrons: float = Field(
        default=450.0, gt=20, lt=1e5, description="per pixel in the brightest grain: the noise"
    )


class ThicknessSettings(Parameters):
    """What the coated edges are like.

    Examples
    --------
    >>> ThicknessSettings().scatter
    0.4
    """

    against: float = Field(default=2.0, gt=0.5, lt=20, description="thickness held against, nm")
    scatter: float = Field(
        default=0.4, ge=0, lt=5, description="of the thickness from place to place, nm"
    )


def _cracked(
    settings: CrackSettings, level: float, count: int, rng: np.random.Generator
) -> list[Any]:
    made = []
    for _ in range(count):
        image, _ = simulate_sem(
            drawn(rng) % 2**31,
            crack_area_fraction=level,
            shape=(settings.height, settings.width),
            pixel=settings.pixel,
            electrons=settings.electrons,
        )
        made.append(find_cracks(image).particles)
    return made


def _fewer_cracks(
    settings: CrackSettings, reference: Sequence[Any], sample: Sequence[Any], alpha: float
) -> Outcome:
    compared = compare_cracks({"reference": reference, "sample": sample})
    return judged(compared.effect, 0.0, alpha=alpha)


def _crack_levels(settings: CrackSettings, effect: float) -> tuple[float, float]:
    held = settings.fraction + effect
    if effect == 0 or not 0.001 <= held < 0.2:
        raise MeasurementError(
            f"effect is {effect:g}, so the crack area fraction would be {held:g}; expected 0.001 "
            f"to 0.2, other than fraction = {settings.fraction:g}"
        )
    return settings.fraction, held


def _coated(
    settings: ThicknessSettings, level: float, count: int, rng: np.random.Generator
) -> list[Any]:
    made = []
    for _ in range(count):
        thickness = max(0.3, level + settings.scatter * rng.normal())
        image, _ = simulate_tem(drawn(rng) % 2**31, thickness=thickness)
        made.append(coating_thickness(image).median)
    return made


def _thickness(
    settings: ThicknessSettings, reference: Sequence[Any], sample: Sequence[Any], alpha: float
) -> Outcome:
    return judged(mean_over_images(list(sample)), settings.against, alpha=alpha)


def _thickness_levels(settings: ThicknessSettings, effect: float) -> tuple[float, float]:
    held = settings.against + effect
    if effect == 0 or not 0.5 <= held <= 20:
        raise MeasurementError(
            f"effect is {effect:g} nm, so the coating would be {held:g} nm thick; expected 0.5 to "
            f"20, other than against = {settings.against:g}"
        )
    return settings.against, held


ELECTRONS = (
    Design(
        quantity="sem.crack_area_fraction_difference",
        variable="images a side of {width} x {height} pixels of {pixel:g} nm",
        size_unit="1",
        sizes=counts_up_to(12),
        effect="difference of the crack area fractions, sample less reference, unit 1",
        seen="the 95 % interval of the difference leaves out 0",
        assumes="images are of different places; grains, cracks and noise as in "
        "imaging.simulate_sem",
        settings=CrackSettings,
        levels=_crack_levels,
        source=Pooled(_cracked, _fewer_cracks, count=48, at_once=6, sides=2),
    ),
    Design(
        quantity="tem.coating_thickness",
        variable="images, each of another place",
        size_unit="1",
        sizes=counts_up_to(12),
        effect="distance of the mean thickness from `against`, nm",
        seen="the 95 % interval leaves out the thickness held against",
        assumes="places scatter normally; layer, crystal and noise as in imaging.simulate_tem",
        settings=ThicknessSettings,
        levels=_thickness_levels,
        source=Pooled(_coated, _thickness, count=48, at_once=6, sides=1),
    ),
)
