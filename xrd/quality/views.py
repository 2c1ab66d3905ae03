"""What a report shows of diffraction patterns."""

from __future__ import annotations

from collections.abc import Iterator

from coatcore.quality.views import Figure, Section, Table, own_tables
from xrd.comparing.result import Comparison

_BELOW = "Below: their difference in standard deviations, grey within three."


def diffraction(section: Section) -> Iterator[Figure | Table]:
    """Each comparison once; tables.

    Parameters
    ----------
    section : Section
        Of the role ``xrd``.

    Examples
    --------
    >>> list(diffraction(Section(role="xrd")))
    []
    """
    seen = set()
    for finding in section.findings:
        found = finding.result
        if isinstance(found, Comparison) and finding.against not in seen:
            seen.add(finding.against)
            yield Figure(caption=f"{finding.against}. {_BELOW}", draw=found.plot)
    yield from own_tables(section.findings)
