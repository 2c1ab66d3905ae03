"""What a technique says of its data: kinds of object, and the dimensions that they have."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Dim:
    """A dimension that labelled objects may have.

    Parameters
    ----------
    name : str
        As it stands in ``dims``.
    units : str
        Unit of its coordinate, UDUNITS spelling; empty where none is asked for.
    axis : bool
        Whether a function may interpolate or integrate along it: finite, no repeats, no turning
        back.
    counted : bool
        Whether it has no coordinate: millions of single ions are only counted.

    Examples
    --------
    >>> Dim(name="wavenumber", units="cm-1", axis=True).units
    'cm-1'
    """

    name: str
    units: str = ""
    axis: bool = False
    counted: bool = False


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of data, as ``attrs["kind"]`` names it.

    Parameters
    ----------
    name : str
        As in ``attrs["kind"]``.
    dims : tuple of str
        Dimensions that an object of this kind has, whatever others it has.
    dataset : bool
        Whether it is an xarray.Dataset; a DataArray otherwise.

    Examples
    --------
    >>> Kind(name="ir_cube", dims=("y", "x", "wavenumber")).dataset
    False
    """

    name: str
    dims: tuple[str, ...]
    dataset: bool = False


# Dimensions that are no technique's own.
COMMON_DIMS = (
    Dim(name="y", units="nm", axis=True),
    Dim(name="x", units="nm", axis=True),
    Dim(name="position"),
    Dim(name="replicate"),
    Dim(name="scan"),
)
