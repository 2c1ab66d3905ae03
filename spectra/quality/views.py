"""What a report shows of infrared spectra."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import xarray as xr

from coatcore.plotting import plot_lines, plot_mean_image
from coatcore.quality.views import Figure, RoleFile, Section, Table, own_tables
from spectra.bands.shift import Shift
from spectra.comparing.result import SpectrumComparison
from spectra.figures import plot_spectra

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COMPARED = "Below: ten times their difference, and what could hide in it."
_OVERLAID = "Spectra, each divided by its own maximum; shaded: range of the replicates."


def infrared(section: Section) -> Iterator[Figure | Table]:
    """Spectra of all samples, then each comparison and each shift; tables.

    Parameters
    ----------
    section : Section
        Of the role ``ftir`` or ``nanoir_spectrum``.

    Examples
    --------
    >>> list(infrared(Section(role="ftir")))
    []
    """
    groups = {
        name: _stacked(files)
        for name, files in section.files.items()
        if files and "replicate" not in files[0].data.dims
    }
    if groups:
        yield Figure(caption=_OVERLAID, draw=functools.partial(plot_spectra, groups))
    compared: set[tuple[str, str | None]] = set()
    for finding in section.findings:
        if isinstance(finding.result, SpectrumComparison):
            if (key := (finding.sample, finding.reference)) not in compared:
                compared.add(key)
                yield Figure(caption=f"{finding.against}. {_COMPARED}", draw=finding.result.plot)
        elif isinstance(finding.result, Shift):
            yield Figure(
                caption=f"{finding.title}. Dashed: fitted positions; shaded: their 95 % intervals.",
                draw=functools.partial(
                    finding.result.plot, labels=(str(finding.reference), finding.sample)
                ),
            )
    yield from own_tables(section.findings)


def _stacked(files: Sequence[RoleFile]) -> xr.DataArray:
    arrays = [file.data for file in files if isinstance(file.data, xr.DataArray)]
    if len(arrays) == 1:
        return arrays[0]
    return xr.concat(arrays, dim="replicate", join="override", combine_attrs="override")


def quick_look(array: xr.DataArray | xr.Dataset) -> Axes:
    """Spectra over falling wavenumber, or the mean image of a cube.

    Parameters
    ----------
    array : xarray.DataArray
        Of kind ``ir_spectrum`` or ``ir_cube``.

    Examples
    --------
    >>> from spectra.simulate import simulate_ftir
    >>> quick_look(simulate_ftir(1)[0]).get_xlabel()
    'wavenumber / cm⁻¹'
    """
    assert isinstance(array, xr.DataArray)
    if {"y", "x"} <= set(array.dims):
        return plot_mean_image(array)
    ax = plot_lines(array, "wavenumber")
    ax.invert_xaxis()
    return ax
