"""What a report shows of cells."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import electrochem
from coatcore.quality.views import Figure, Finding, Section, Table, own_tables
from electrochem.quality.figures import plot_cells, plot_retention, plot_spectra_with_fits

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
        if hasattr(p, "cycle"):
            draw = functools.partial(plot_retention, sides, cycle=p.cycle, first=p.first)
            yield Figure(caption=f"{against}. {_RETENTION}", draw=draw)
        tables = {name: group.tables for name, group in sides.items()}
        yield Figure(
            caption=f"{against}. Capacity and efficiency.",
            draw=functools.partial(electrochem.plot_capacity, tables),
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
        what = finding.quantity.title.removeprefix("growth of the ")
        key = f"{what} {finding.sample} {sides[finding.sample].mean!r}"
        if key in drawn:
            continue
        drawn.add(key)
        yield Figure(
            caption=f"{finding.title}. Points measured, lines fitted.",
            draw=functools.partial(plot_spectra_with_fits, sides),
        )
        yield Figure(
            caption=f"{finding.title}. {_CELLS}",
            draw=functools.partial(plot_cells, sides, what),
        )
    yield from own_tables(section.findings)
