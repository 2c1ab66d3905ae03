"""What X-ray diffraction brings to coatqc."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from coatcore.kinds import Dim, Kind
from coatcore.quality.technique import Learnable, Role, Technique

if TYPE_CHECKING:
    from coatcore.quality.design import Design
    from coatcore.quality.quantity import Quantity
    from coatcore.quality.views import Figure, Section, Table


def _quantities() -> Sequence[Quantity[Any, Any]]:
    from xrd.quality.quantities import QUANTITIES

    return QUANTITIES


def _designs() -> Sequence[Design]:
    from xrd.quality.plans import DIFFRACTION

    return DIFFRACTION


def _learnables() -> Sequence[Learnable]:
    from xrd.quality.repeats import LEARNABLES

    return LEARNABLES


def _views(section: Section) -> Iterable[Figure | Table]:
    from xrd.quality.views import diffraction

    return diffraction(section)


TECHNIQUE = Technique(
    name="xrd",
    dims=(Dim(name="two_theta", units="degree", axis=True),),
    kinds=(Kind(name="xrd_pattern", dims=("two_theta",)),),
    roles=(Role(name="xrd", title="X-ray diffraction", kinds=("xrd_pattern",), place=50),),
    quantities=_quantities,
    designs=_designs,
    learnables=_learnables,
    views=_views,
)
