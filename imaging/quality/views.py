"""What a report shows of maps and images."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import xarray as xr

from coatcore.quality.views import Figure, Section, Table, own_tables
from imaging.cracks.groups.compare import CrackComparison
from imaging.holes.pinholes import Pinholes
from imaging.labels.figures import plot_image

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HOLES = "Outlined: pinholes. Beside: how the signal is distributed, and the coverage."
_CRACKS = "Outlines of particles, and cracks by kind. Dark marks {} are not counted."
_EDGE = "The edge of the crystal, coloured by the thickness of the coating on it."


def maps(section: Section) -> Iterator[Figure | Table]:
    """Each map with its holes, once; tables.

    Parameters
    ----------
    section : Section
        Of the role ``nanoir_map``.

    Examples
    --------
    >>> list(maps(Section(role="nanoir_map")))
    []
    """
    seen = set()
    for finding in section.findings:
        found = finding.result
        if isinstance(found, Pinholes) and finding.sample not in seen:
            seen.add(finding.sample)
            yield Figure(caption=f"{finding.sample}. {_HOLES}", draw=found.plot)
    yield from own_tables(section.findings)


def cross_sections(section: Section) -> Iterator[Figure | Table]:
    """Each image with its cracks, once, and comparisons of groups; tables.

    Parameters
    ----------
    section : Section
        Of the role ``sem``.

    Examples
    --------
    >>> list(cross_sections(Section(role="sem")))
    []
    """
    seen = set()
    for finding in section.findings:
        results = finding.result
        if finding.quantity.needs_reference:
            # The images are drawn with the samples they show.
            for one in results:
                if isinstance(one, CrackComparison):
                    names = (str(finding.reference), finding.sample)
                    draw = functools.partial(_named, one, names)
                    yield Figure(caption=f"{finding.against}.", draw=draw)
            continue
        for number, one in enumerate(results, start=1):
            if (finding.sample, number) in seen:
                continue
            seen.add((finding.sample, number))
            count = f", image {number}" if len(results) > 1 else ""
            words = _CRACKS.format(one.parameters.not_counted)
            yield Figure(caption=f"{finding.sample}{count}. {words}", draw=one.plot)
    yield from own_tables(section.findings)


def _named(comparison: CrackComparison, names: tuple[str, str]) -> Axes:
    """Groups under the names that the batch gives them."""
    own = dict(zip(comparison.groups, names, strict=True))
    particles = comparison.particles
    return replace(
        comparison,
        groups={own[group]: estimate for group, estimate in comparison.groups.items()},
        particles=particles.assign(group=particles["group"].map(own)),
    ).plot()


def edges(section: Section) -> Iterator[Figure | Table]:
    """Contour and histogram of each image whose coating was measured, then the others; tables.

    Parameters
    ----------
    section : Section
        Of the role ``tem``.

    Examples
    --------
    >>> list(edges(Section(role="tem")))
    []
    """
    drawn: set[str] = set()
    for finding in section.findings:
        for one in finding.result:
            name = str(one.image.attrs.get("source", ""))
            if name not in drawn:
                drawn.add(name)
                yield Figure(caption=f"{finding.sample}: {name}. {_EDGE}", draw=one.plot)
                yield Figure(caption=f"{finding.sample}: {name}.", draw=one.plot_distribution)
    for sample, files in section.files.items():
        for file in files:
            image = file.data
            assert isinstance(image, xr.DataArray)
            if str(image.attrs.get("source", "")) not in drawn:
                draw = functools.partial(plot_image, image)
                yield Figure(caption=f"{sample}: {file.path}", draw=draw)
    yield from own_tables(section.findings)
