"""What time-of-flight secondary-ion mass spectrometry brings to coatqc."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from coatcore.kinds import Dim, Kind
from coatcore.quality.technique import Role, Technique

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from coatcore.quality.design import Design
    from coatcore.quality.quantity import Quantity
    from coatcore.quality.views import Figure, Section, Table


def _quantities() -> Sequence[Quantity[Any, Any]]:
    from tofsims.quality.quantities import QUANTITIES

    return QUANTITIES


def _designs() -> Sequence[Design]:
    from tofsims.quality.plans import SECONDARY_IONS

    return SECONDARY_IONS


def _views(section: Section) -> Iterable[Figure | Table]:
    from tofsims.quality.views import secondary_ions

    return secondary_ions(section)


def _quick_look(thing: xr.DataArray | xr.Dataset) -> Axes:
    from tofsims.quality.views import quick_look

    return quick_look(thing)


TECHNIQUE = Technique(
    name="tofsims",
    dims=(
        Dim(name="mz", units="u", axis=True),
        Dim(name="fragment"),
        Dim(name="event", counted=True),
        Dim(name="component"),
    ),
    kinds=(
        Kind(name="mass_spectrum", dims=("mz",)),
        Kind(name="mass_image", dims=("y", "x")),
        Kind(name="mass_events", dims=("event",), dataset=True),
    ),
    roles=(Role(name="tofsims", title="ToF-SIMS", kinds=("mass_spectrum",), place=40),),
    quantities=_quantities,
    designs=_designs,
    views=_views,
    quick_look=_quick_look,
)
