"""What infrared spectroscopy brings to coatqc."""

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
    from spectra.quality.quantities import QUANTITIES

    return QUANTITIES


def _designs() -> Sequence[Design]:
    from spectra.quality.plans import INFRARED

    return INFRARED


def _views(section: Section) -> Iterable[Figure | Table]:
    from spectra.quality.views import infrared

    return infrared(section)


def _quick_look(array: xr.DataArray | xr.Dataset) -> Axes:
    from spectra.quality.views import quick_look

    return quick_look(array)


TECHNIQUE = Technique(
    name="spectra",
    dims=(
        Dim(name="wavenumber", units="cm-1", axis=True),
        Dim(name="band", units="cm-1"),
        Dim(name="fwhm", units="cm-1"),
        Dim(name="component"),
    ),
    kinds=(
        Kind(name="ir_spectrum", dims=("wavenumber",)),
        Kind(name="ir_cube", dims=("y", "x", "wavenumber")),
    ),
    roles=(
        Role(name="ftir", title="FTIR", kinds=("ir_spectrum",), place=10),
        Role(name="nanoir_spectrum", title="Nano-IR spectra", kinds=("ir_spectrum",), place=20),
    ),
    quantities=_quantities,
    designs=_designs,
    views=_views,
    quick_look=_quick_look,
)
