"""What a report shows of each technique: figures first, then tables."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import xarray as xr
from matplotlib.figure import Figure

import electrochem
import imaging
import spectra
import tofsims
import xrd
from coatcore.plotting import house_style
from coatqc.judging.run import BatchResult, Outcome
from coatqc.report.tables import technique_tables
from coatqc.report.uris import figure_uri
from electrochem.quality import figures as cell_figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLES = {
    "ftir": "FTIR",
    "nanoir_spectrum": "Nano-IR spectra",
    "nanoir_map": "Nano-IR maps",
    "tofsims": "ToF-SIMS",
    "xrd": "X-ray diffraction",
    "sem": "SEM",
    "tem": "TEM",
    "cycling": "Cycling",
    "impedance": "Impedance",
}
# Text of 9 points is then as large as the page's own small print.
_PIXELS_PER_INCH = 102
Drawing = tuple[str, Callable[[], "Axes"]]


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
class Section:
    """Everything of one technique.

    Examples
    --------
    >>> Section("SEM").figures
    []
    """

    title: str
    figures: list[FigureView] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    tables: list[dict[str, Any]] = field(default_factory=list)


def technique_sections(result: BatchResult) -> list[Section]:
    """Sections of the report, one a role that has files or outcomes.

    Parameters
    ----------
    result : BatchResult
        From `coatqc.judging.run_batch`.

    Examples
    --------
    >>> from coatqc.judging import run_batch
    >>> from coatqc.recipes import Batch
    >>> technique_sections(run_batch(Batch(schema_version=1, name="A", samples={"A": {}})))
    []
    """
    sections = []
    for role, title in TITLES.items():
        outcomes = [o for o in result.outcomes if o.quantity.role == role]
        if not outcomes and not any(f.role == role for f in result.files):
            continue
        figures = [_drawn(caption, draw) for caption, draw in _drawings(result, role, outcomes)]
        tables = technique_tables(role, outcomes)
        sections.append(Section(title, figures, outcomes, tables))
    return sections


def _drawn(caption: str, draw: Callable[[], Axes]) -> FigureView:
    try:
        with house_style():
            figure = draw().get_figure()
            assert isinstance(figure, Figure)
            width = round(figure.get_figwidth() * _PIXELS_PER_INCH)
            return FigureView(figure_uri(figure), caption, width)
    except Exception as error:  # a figure that fails must not lose the report
        return FigureView("", caption, error=f"{type(error).__name__}: {error}")


def _drawings(result: BatchResult, role: str, outcomes: list[Outcome]) -> Iterator[Drawing]:
    if role in ("ftir", "nanoir_spectrum"):
        yield from _infrared(result, role, outcomes)
    elif role == "tofsims":
        yield from _boxes(outcomes)
    elif role in ("nanoir_map", "xrd", "sem"):
        yield from _own_plots(outcomes, role)
    elif role == "cycling":
        yield from _cycling(outcomes)
    elif role == "impedance":
        yield from _impedance(outcomes)
    if role == "tem":
        drawn = yield from _contours(outcomes)
        for file in result.files:
            if file.role == role and file.data is not None and file.path not in drawn:
                image = file.data
                assert isinstance(image, xr.DataArray)
                yield f"{file.sample}: {file.path}", functools.partial(imaging.plot_image, image)


def _infrared(result: BatchResult, role: str, outcomes: list[Outcome]) -> Iterator[Drawing]:
    groups: dict[str, xr.DataArray] = {}
    for name in {**result.batch.samples, **result.batch.references}:
        files = result.inputs(name, role)
        if files and "replicate" not in files[0].dims:
            groups[name] = files[0] if len(files) == 1 else _stacked(files)
    if groups:
        caption = "Spectra, each divided by its own maximum; shaded: range of the replicates."
        yield caption, functools.partial(spectra.plot_spectra, groups)
    compared: set[tuple[str, str | None]] = set()
    for outcome in outcomes:
        got, item = outcome.measurement, outcome.item
        if got is not None and isinstance(got.result, spectra.SpectrumComparison):
            if (key := (item.sample, item.reference)) not in compared:
                compared.add(key)
                yield f"{item.sample} against {item.reference}. {_COMPARED}", got.result.plot
            continue
        if got is None or "reference" not in got.data:
            continue
        reference, sample = got.data["reference"], got.data["sample"]
        assert isinstance(reference, xr.DataArray)
        assert isinstance(sample, xr.DataArray)
        near = outcome.parameters.near
        labels = (str(item.reference), item.sample)
        caption = f"{outcome.title}. Dashed: fitted positions; shaded: their 95 % intervals."
        draw = functools.partial(
            spectra.plot_shift,
            reference,
            sample,
            near=near,
            half_window=outcome.parameters.half_window,
            labels=labels,
        )
        yield caption, draw


def _stacked(files: list[xr.DataArray]) -> xr.DataArray:
    return xr.concat(files, dim="replicate", join="override", combine_attrs="override")


def _boxes(outcomes: list[Outcome]) -> Iterator[Drawing]:
    """One box plot for each normalisation: all fragments, all groups."""
    groups: dict[str, dict[str, list[xr.DataArray]]] = {}
    for outcome in outcomes:
        got = outcome.measurement
        if got is None or "normalized_intensity" not in got.data:
            continue
        values = got.data["normalized_intensity"]["normalized"]
        one = values.sel(fragment=[outcome.parameters.fragment])
        by = str(values.attrs["long_name"])
        mine = groups.setdefault(by, {}).setdefault(outcome.item.sample, [])
        if all(str(one["fragment"].item()) != str(m["fragment"].item()) for m in mine):
            mine.append(one)
    for by, samples in groups.items():
        merged = {
            name: xr.concat(parts, dim="fragment", combine_attrs="override")
            for name, parts in samples.items()
        }
        yield (
            f"Box plots of {by}; a point a spectrum.",
            functools.partial(tofsims.plot_boxes, merged),
        )
    for outcome in outcomes:
        got = outcome.measurement
        if got is not None and isinstance(got.result, tofsims.GroupComparison):
            labels = (str(outcome.item.reference), outcome.item.sample)
            yield outcome.title, functools.partial(got.result.plot, labels=labels)
        elif got is not None and isinstance(got.result, tofsims.CoatingPresence):
            yield f"{outcome.item.sample}. {outcome.title}", got.result.plot


def _contours(outcomes: list[Outcome]) -> Generator[Drawing, None, set[str]]:
    """Contour and histogram of each image whose coating was measured; names of those."""
    drawn: set[str] = set()
    for outcome in outcomes:
        got = outcome.measurement
        for one in got.result if got is not None else ():
            name = str(one.image.attrs.get("source", ""))
            if name not in drawn:
                drawn.add(name)
                yield f"{outcome.item.sample}: {name}. {_WORDS['tem']}", one.plot
                yield f"{outcome.item.sample}: {name}.", one.plot_distribution
    return drawn


def _sides(outcome: Outcome) -> dict[str, Any]:
    """What came of sample and reference under the names that the batch gives them."""
    names = {"sample": outcome.item.sample, "reference": str(outcome.item.reference)}
    got = outcome.measurement
    found = got.result if got is not None and isinstance(got.result, dict) else {}
    return {name: found[side] for side, name in names.items() if side in found}


def _cycling(outcomes: list[Outcome]) -> Iterator[Drawing]:
    """Retention of each comparison, and capacities; cells that were drawn already are not again."""
    drawn: set[frozenset[str]] = set()
    # Comparisons first: they show the cells of both sides.
    for outcome in sorted(outcomes, key=lambda o: o.item.reference is None):
        sides, p = _sides(outcome), outcome.parameters
        if not sides or any(set(sides) <= each for each in drawn):
            continue
        drawn.add(frozenset(sides))
        against = " against ".join(sides)
        if hasattr(p, "cycle"):
            draw = functools.partial(
                cell_figures.plot_retention, sides, cycle=p.cycle, first=p.first
            )
            yield f"{against}. {_WORDS['cycling']}", draw
        tables = {name: group.tables for name, group in sides.items()}
        yield (
            f"{against}. Capacity and efficiency.",
            functools.partial(electrochem.plot_capacity, tables),
        )


def _impedance(outcomes: list[Outcome]) -> Iterator[Drawing]:
    """Residuals, spectra with fits and what cells gave; a comparison shows its sample too."""
    drawn: set[str] = set()
    for outcome in sorted(outcomes, key=lambda o: o.item.reference is None):
        got = outcome.measurement
        if got is None:
            continue
        if outcome.quantity.categories:
            for name, test in got.result.items():
                yield f"{outcome.item.sample}: {name}. {_WORDS['kramers_kronig']}", test.plot
            continue
        sides = _sides(outcome)
        what = outcome.quantity.title.removeprefix("growth of the ")
        fit = sides[outcome.item.sample]
        key = f"{what} {outcome.item.sample} {fit.mean!r}"
        if key in drawn:
            continue
        drawn.add(key)
        draw = functools.partial(cell_figures.plot_spectra_with_fits, sides)
        yield f"{outcome.title}. {_WORDS['impedance']}", draw
        yield (
            f"{outcome.title}. {_WORDS['cells']}",
            functools.partial(cell_figures.plot_cells, sides, what),
        )


def _named(comparison: imaging.CrackComparison, names: tuple[str, str]) -> Axes:
    """Groups under the names that the batch gives them."""
    own = dict(zip(comparison.groups, names, strict=True))
    particles = comparison.particles
    return replace(
        comparison,
        groups={own[group]: estimate for group, estimate in comparison.groups.items()},
        particles=particles.assign(group=particles["group"].map(own)),
    ).plot()


def _own_plots(outcomes: list[Outcome], role: str) -> Iterator[Drawing]:
    """Results that draw themselves; the same pair of files is drawn once."""
    seen = set()
    for outcome in outcomes:
        got = outcome.measurement
        if got is None:
            continue
        results = got.result if isinstance(got.result, list) else [got.result]
        if role == "sem" and outcome.quantity.needs_reference:
            # The images are drawn with the samples they show.
            results = [r for r in results if isinstance(r, imaging.CrackComparison)]
        for number, one in enumerate(results, start=1):
            key = (outcome.item.sample, outcome.item.reference, number)
            if key in seen or not isinstance(
                one, (imaging.Pinholes, imaging.Cracks, imaging.CrackComparison, xrd.Comparison)
            ):
                continue
            seen.add(key)
            against = f" against {outcome.item.reference}" if outcome.item.reference else ""
            count = f", image {number}" if len(results) > 1 else ""
            if isinstance(one, imaging.CrackComparison):
                names = (str(outcome.item.reference), outcome.item.sample)
                yield f"{outcome.item.sample}{against}.", functools.partial(_named, one, names)
            else:
                yield f"{outcome.item.sample}{against}{count}. {_WORDS[role]}", one.plot


_COMPARED = "Below: ten times their difference, and what could hide in it."
_WORDS = {
    "nanoir_map": "Outlined: pinholes. Beside: how the signal is distributed, and the coverage.",
    "xrd": "Below: their difference in standard deviations, grey within three.",
    "cycling": "A thin line a cell, band from the lowest to the highest; beside the dashed line "
    "the mean with its 95 % interval.",
    "impedance": "Points measured, lines fitted.",
    "kramers_kronig": "Grey: what is let pass; ringed: beyond it and the noise.",
    "cells": "A point a cell with its 95 % interval, thick the mean of its kind; an arrow, and no "
    "point, where there is only a bound.",
    "tem": "The edge of the crystal, coloured by the thickness of the coating on it.",
    "sem": "Outlines of particles, and cracks by kind. Dark marks shorter than 300 nm, rounder "
    "than four to one or within 60 nm of a particle's outline are not counted.",
}
