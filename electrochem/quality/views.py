"""What a report shows of cells."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from coatcore.plotting import mark_simulated
from coatcore.quality.views import Figure, Finding, Section, Table, own_tables
from electrochem.cells.figures import plot_cells
from electrochem.cells.fitted_cells import FittedCells
from electrochem.cycling.figures import plot_capacity, plot_retention
from electrochem.impedance.figures import plot_nyquist_of_groups

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_RETENTION = (
    "A thin line a cell, band from the lowest to the highest; beside the dashed line the mean with "
    "its 95 % interval."
)
_RESIDUALS = "Grey: what is let pass; ringed: beyond it and the noise."
_CELLS = (
    "A point a cell with its 95 % interval, thick the mean of its kind; an arrow, and no point, "
    "where there is only a bound."
)


def _sides(finding: Finding) -> dict[str, Any]:
    """What came of sample and reference under the names that the batch gives them."""
    names = {"sample": finding.sample, "reference": str(finding.reference)}
    result = finding.result
    found = result if isinstance(result, dict) else {}
    return {name: found[side] for side, name in names.items() if side in found}


def _each_cell(sides: Mapping[str, FittedCells], what: str) -> Axes:
    own = {name: side.own for name, side in sides.items()}
    ax = plot_cells(own, {name: side.mean for name, side in sides.items()}, what)
    mark_simulated(ax, *(spectrum for side in sides.values() for spectrum in side.spectra))
    return ax


def _comparisons_first(section: Section) -> list[Finding]:
    """They show the cells of both sides."""
    return sorted(section.findings, key=lambda finding: finding.reference is None)


def cycling(section: Section) -> Iterator[Figure | Table]:
    """Retention of each comparison, and capacities; cells that were drawn already are not again.

    Parameters
    ----------
    section : Section
        Of the role ``cycling``.

    Examples
    --------
    >>> list(cycling(Section(role="cycling")))
    []
    """
    drawn: set[frozenset[str]] = set()
    for finding in _comparisons_first(section):
        sides, p = _sides(finding), finding.parameters
        if not sides or any(set(sides) <= each for each in drawn):
            continue
        drawn.add(frozenset(sides))
        against = " against ".join(sides)
        tables = {name: group.tables for name, group in sides.items()}
        if hasattr(p, "cycle"):
            kept = {name: group.retention for name, group in sides.items()}
            draw = functools.partial(plot_retention, tables, kept, cycle=p.cycle, first=p.first)
            yield Figure(caption=f"{against}. {_RETENTION}", draw=draw)
        yield Figure(
            caption=f"{against}. Capacity and efficiency.",
            draw=functools.partial(plot_capacity, tables),
        )
    yield from own_tables(section.findings)


def impedance(section: Section) -> Iterator[Figure | Table]:
    """Residuals, spectra with fits and what cells gave; a comparison shows its sample too.

    Parameters
    ----------
    section : Section
        Of the role ``impedance``.

    Examples
    --------
    >>> list(impedance(Section(role="impedance")))
    []
    """
    drawn: set[str] = set()
    for finding in _comparisons_first(section):
        if finding.quantity.categories:
            for name, test in finding.result.items():
                yield Figure(caption=f"{finding.sample}: {name}. {_RESIDUALS}", draw=test.plot)
            continue
        sides = _sides(finding)
        found = sides[finding.sample]
        key = f"{found.what} {finding.sample} {found.mean!r}"
        if key in drawn:
            continue
        drawn.add(key)
        yield Figure(
            caption=f"{finding.title}. Points measured, lines fitted.",
            draw=functools.partial(
                plot_nyquist_of_groups,
                {name: side.spectra for name, side in sides.items()},
                circuit=found.fits[0].circuit,
            ),
        )
        yield Figure(
            caption=f"{finding.title}. {_CELLS}",
            draw=functools.partial(_each_cell, sides, found.what),
        )
    yield from own_tables(section.findings)
