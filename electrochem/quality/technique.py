"""What electrochemistry brings to coatqc: cells that were cycled, and their impedance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from coatcore.kinds import Dim, Kind
from coatcore.quality.technique import Role, Technique

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from coatcore.quality.quantity import Quantity
    from coatcore.quality.views import Figure, Section, Table


def _quantities() -> Sequence[Quantity[Any, Any]]:
    from electrochem.quality import cycling, impedance

    return (*cycling.QUANTITIES, *impedance.QUANTITIES)


def _views(section: Section) -> Iterable[Figure | Table]:
    from electrochem.quality.views import cycling, impedance

    return cycling(section) if section.role == "cycling" else impedance(section)


def _quick_look(thing: xr.DataArray | xr.Dataset) -> Axes:
    import xarray as xr

    from electrochem.record_figures import plot_cycles, plot_impedance, plot_record

    if isinstance(thing, xr.DataArray):
        return plot_impedance(thing)
    return plot_cycles(thing) if thing.attrs.get("kind") == "cycle_table" else plot_record(thing)


TECHNIQUE = Technique(
    name="electrochem",
    dims=(
        Dim(name="frequency", units="Hz", axis=True),
        Dim(name="cycle", units="1", axis=True),
        Dim(name="record", counted=True),
    ),
    kinds=(
        Kind(name="impedance_spectrum", dims=("frequency",)),
        Kind(name="cell_record", dims=("record",), dataset=True),
        Kind(name="cycle_table", dims=("cycle",), dataset=True),
    ),
    roles=(
        Role(name="cycling", title="Cycling", kinds=("cycle_table", "cell_record"), place=80),
        Role(name="impedance", title="Impedance", kinds=("impedance_spectrum",), place=90),
    ),
    quantities=_quantities,
    views=_views,
    quick_look=_quick_look,
)
