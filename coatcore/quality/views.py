"""What a technique shows of a batch: figures and tables, and what it is told to make them of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from coatcore.quality.quantity import Measurement, Quantity

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure of a report.

    Parameters
    ----------
    caption : str
        One or two sentences.
    draw : callable
        Draws it and returns the axes; called once, in the style of the house.

    Examples
    --------
    >>> from coatcore.plotting import new_axes
    >>> Figure(caption="Nothing.", draw=new_axes).caption
    'Nothing.'
    """

    caption: str
    draw: Callable[[], Axes]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of a report.

    Parameters
    ----------
    title : str
        One line.
    table : pandas.DataFrame
        Column heads carry units: ``area / nm2``.

    Examples
    --------
    >>> import pandas as pd
    >>> Table(title="Holes", table=pd.DataFrame({"area / nm2": [12.0]})).title
    'Holes'
    """

    title: str
    table: pd.DataFrame


@dataclass(frozen=True, kw_only=True, eq=False)
class RoleFile:
    """A file that was read in a role.

    Parameters
    ----------
    path : str
        As the report names it.
    data : xarray.DataArray or xarray.Dataset
        What it holds.

    Examples
    --------
    >>> RoleFile(path="a.spa", data=None).path
    'a.spa'
    """

    path: str
    data: xr.DataArray | xr.Dataset


@dataclass(frozen=True, kw_only=True, eq=False)
class Finding:
    """What a batch asked for in one criterion or observation, and what came of it.

    Parameters
    ----------
    quantity : Quantity
        What was measured.
    title : str
        What was measured on what, for people.
    sample : str
        Name of the sample.
    reference : str or None
        Name of the reference, where there is one.
    parameters : pydantic.BaseModel
        The quantity's, defaults filled in.
    measurement : Measurement
        What came out.

    Examples
    --------
    >>> Finding.__dataclass_fields__["reference"].type
    'str | None'
    """

    quantity: Quantity[Any, Any]
    title: str
    sample: str
    reference: str | None
    parameters: Any
    measurement: Measurement[Any]

    @property
    def result(self) -> Any:
        """The technique's own result."""
        return self.measurement.result

    @property
    def against(self) -> str:
        """``sample`` or ``sample against reference``."""
        return f"{self.sample} against {self.reference}" if self.reference else self.sample


@dataclass(frozen=True, kw_only=True, eq=False)
class Section:
    """Everything of one role in a batch.

    Parameters
    ----------
    role : str
        Name of the role.
    files : mapping of str to sequence of RoleFile
        Of each sample and reference that has files in this role, those that could be read, in
        the order of the batch file.
    findings : sequence of Finding
        Criteria first, then observations; what could not be measured is not among them.

    Examples
    --------
    >>> Section(role="sem").findings
    ()
    """

    role: str
    files: Mapping[str, Sequence[RoleFile]] = field(default_factory=dict)
    findings: Sequence[Finding] = ()


def own_tables(findings: Sequence[Finding]) -> Iterator[Table]:
    """The table of each measurement that has one, under the finding's title.

    Parameters
    ----------
    findings : sequence of Finding

    Examples
    --------
    >>> list(own_tables(()))
    []
    """
    for finding in findings:
        table = finding.measurement.table
        if table is not None and len(table):
            yield Table(title=finding.title, table=table)


def own_views(section: Section) -> Iterator[Figure | Table]:
    """What a role shows where its technique says nothing: results that draw themselves, tables.

    Parameters
    ----------
    section : Section

    Examples
    --------
    >>> list(own_views(Section(role="sem")))
    []
    """
    for finding in section.findings:
        plot = getattr(finding.result, "plot", None)
        if callable(plot):
            yield Figure(caption=f"{finding.title}.", draw=plot)
    yield from own_tables(section.findings)
