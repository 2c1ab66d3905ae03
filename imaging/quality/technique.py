"""What maps and images of particles bring to coatqc."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from coatcore.kinds import Dim, Kind
from coatcore.quality.technique import Role, Technique

if TYPE_CHECKING:
    from coatcore.quality.design import Design
    from coatcore.quality.quantity import Quantity
    from coatcore.quality.views import Figure, Section, Table


def _quantities() -> Sequence[Quantity[Any, Any]]:
    from imaging.quality import nanoir, sem, tem

    return (*nanoir.QUANTITIES, *sem.QUANTITIES, *tem.QUANTITIES)


def _designs() -> Sequence[Design]:
    from imaging.quality.image_plans import ELECTRONS
    from imaging.quality.map_plans import NANOIR

    return (*NANOIR, *ELECTRONS)


def _views(section: Section) -> Iterable[Figure | Table]:
    from imaging.quality import views

    of_role = {"nanoir_map": views.maps, "sem": views.cross_sections, "tem": views.edges}
    return of_role[section.role](section)


TECHNIQUE = Technique(
    name="imaging",
    dims=(Dim(name="page"),),
    kinds=(Kind(name="image", dims=("y", "x")),),
    roles=(
        Role(name="nanoir_map", title="Nano-IR maps", kinds=("image",), place=30),
        Role(name="sem", title="SEM", kinds=("image",), place=60),
        Role(name="tem", title="TEM", kinds=("image",), place=70),
    ),
    quantities=_quantities,
    designs=_designs,
    views=_views,
)
