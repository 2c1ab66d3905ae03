"""What a report shows of each role: the views that its technique offers, drawn and framed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from matplotlib.figure import Figure as Canvas

from coatcore.plotting import house_style
from coatcore.quality.registry import roles, technique_of_role
from coatcore.quality.views import Figure, Finding, RoleFile, Section, Table, own_views
from coatqc.judging.run import BatchResult, Outcome
from coatqc.report.tables import table_rows
from coatqc.report.uris import figure_uri

# Text of 9 points is then as large as the page's own small print.
_PIXELS_PER_INCH = 102


@dataclass(frozen=True)
class FigureView:
    """A figure as the page takes it, `width` pixels wide; `error` where it could not be drawn.

    Examples
    --------
    >>> FigureView("", "a caption", error="no data").error
    'no data'
    """

    uri: str
    caption: str
    width: int = 0
    error: str = ""


@dataclass(frozen=True)
class PageSection:
    """Everything of one role, as the page takes it.

    Examples
    --------
    >>> PageSection("SEM").figures
    []
    """

    title: str
    figures: list[FigureView] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    tables: list[dict[str, Any]] = field(default_factory=list)


def page_sections(result: BatchResult) -> list[PageSection]:
    """Sections of the report, one a role that has files or outcomes.

    Parameters
    ----------
    result : BatchResult
        From `coatqc.judging.run_batch`.

    Examples
    --------
    >>> from coatqc.judging import run_batch
    >>> from coatqc.recipes import Batch
    >>> page_sections(run_batch(Batch(schema_version=1, name="A", samples={"A": {}})))
    []
    """
    sections = []
    for role in roles().values():
        outcomes = [o for o in result.outcomes if o.quantity.role == role.name]
        if not outcomes and not any(f.role == role.name for f in result.files):
            continue
        views = technique_of_role(role.name).views or own_views
        section = PageSection(role.title, outcomes=outcomes)
        for view in _each(views(_seen(result, role.name, outcomes))):
            if isinstance(view, Table):
                section.tables.append({"title": view.title, **table_rows(view.table)})
            else:
                section.figures.append(view if isinstance(view, FigureView) else _drawn(view))
        sections.append(section)
    return sections


def _seen(result: BatchResult, role: str, outcomes: list[Outcome]) -> Section:
    files = {
        name: [
            RoleFile(path=f.path, data=f.data)
            for f in result.files
            if f.sample == name and f.role == role and f.data is not None
        ]
        for name in {**result.batch.samples, **result.batch.references}
    }
    findings = [
        Finding(
            quantity=o.quantity,
            title=o.title,
            sample=o.item.sample,
            reference=o.item.reference,
            parameters=o.parameters,
            measurement=o.measurement,
        )
        for o in outcomes
        if o.measurement is not None
    ]
    named = {name: each for name, each in files.items() if each}
    return Section(role=role, files=named, findings=findings)


def _each(views: Iterable[Figure | Table]) -> Iterable[Figure | Table | FigureView]:
    """The views until one cannot be made, which must not lose the report."""
    try:
        yield from views
    except Exception as error:
        yield FigureView("", "", error=f"{type(error).__name__}: {error}")


def _drawn(view: Figure) -> FigureView:
    try:
        with house_style():
            figure = view.draw().get_figure()
            assert isinstance(figure, Canvas)
            width = round(figure.get_figwidth() * _PIXELS_PER_INCH)
            return FigureView(figure_uri(figure), view.caption, width)
    except Exception as error:  # a figure that fails must not lose the report
        return FigureView("", view.caption, error=f"{type(error).__name__}: {error}")
