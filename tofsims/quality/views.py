"""What a report shows of ToF-SIMS spectra."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from coatcore.plotting import plot_lines, plot_mean_image
from coatcore.quality.views import Figure, Finding, Section, Table, own_tables
from tofsims.comparing.comparison import GroupComparison
from tofsims.comparing.figures import plot_boxes
from tofsims.comparing.presence import CoatingPresence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The whiskers are seen in the figure; a page has no room for them.
_SEEN_IN_THE_FIGURE = ("lower whisker", "upper whisker", "median level")


def secondary_ions(section: Section) -> Iterator[Figure | Table]:
    """One box plot and one table for each normalisation: all fragments, all groups.

    Parameters
    ----------
    section : Section
        Of the role ``tofsims``.

    Examples
    --------
    >>> list(secondary_ions(Section(role="tofsims")))
    []
    """
    boxed = [f for f in section.findings if "normalized_intensity" in f.measurement.data]
    yield from _boxes(boxed)
    for finding in section.findings:
        if isinstance(finding.result, GroupComparison):
            labels = (str(finding.reference), finding.sample)
            draw = functools.partial(finding.result.plot, labels=labels)
            yield Figure(caption=finding.title, draw=draw)
        elif isinstance(finding.result, CoatingPresence):
            yield Figure(caption=f"{finding.sample}. {finding.title}", draw=finding.result.plot)
    yield from own_tables([f for f in section.findings if f not in boxed])
    yield from _statistics(boxed)


def _boxes(findings: Sequence[Finding]) -> Iterator[Figure]:
    groups: dict[str, dict[str, list[xr.DataArray]]] = {}
    for finding in findings:
        values = finding.measurement.data["normalized_intensity"]["normalized"]
        one = values.sel(fragment=[finding.parameters.fragment])
        by = str(values.attrs["long_name"])
        mine = groups.setdefault(by, {}).setdefault(finding.sample, [])
        if all(str(one["fragment"].item()) != str(m["fragment"].item()) for m in mine):
            mine.append(one)
    for by, samples in groups.items():
        merged = {
            name: xr.concat(parts, dim="fragment", combine_attrs="override")
            for name, parts in samples.items()
        }
        yield Figure(
            caption=f"Box plots of {by}; a point a spectrum.",
            draw=functools.partial(plot_boxes, merged),
        )


def _statistics(findings: Sequence[Finding]) -> Iterator[Table]:
    groups: dict[str, list[pd.DataFrame]] = {}
    for finding in findings:
        table, by = finding.measurement.table, finding.parameters.by
        if table is None or not len(table):
            continue
        mine = table[table["fragment"] == finding.parameters.fragment]
        mine = mine.drop(columns=[c for c in mine if c in _SEEN_IN_THE_FIGURE])
        mine.insert(1, "group", finding.sample)
        groups.setdefault(by if isinstance(by, str) else " + ".join(by), []).append(mine)
    for by, parts in groups.items():
        yield Table(
            title=f"Box statistics, normalised by {by}",
            table=pd.concat(parts, ignore_index=True).drop_duplicates(),
        )


def quick_look(thing: xr.DataArray | xr.Dataset) -> Axes:
    """A spectrum, the mean of ion images, or how many events each pixel has.

    Parameters
    ----------
    thing : xarray.DataArray or xarray.Dataset
        Of a kind of ToF-SIMS.

    Examples
    --------
    >>> from tofsims.simulating.spectra import simulate_spectra
    >>> quick_look(simulate_spectra(1, n=1)[0][0]).get_xlabel()
    'm/z / u'
    """
    if thing.attrs.get("kind") == "mass_events":
        return plot_mean_image(_event_image(thing))
    assert isinstance(thing, xr.DataArray)
    return plot_mean_image(thing) if {"y", "x"} <= set(thing.dims) else plot_lines(thing, "mz")


def _event_image(events: xr.DataArray | xr.Dataset) -> xr.DataArray:
    x, y = (np.asarray(events[axis].values, dtype=np.int64) for axis in "xy")
    ny, nx = int(y.max()) + 1, int(x.max()) + 1
    image = np.bincount(y * nx + x, minlength=ny * nx).reshape(ny, nx)
    coords = {
        axis: (axis, np.arange(n) + 0.5, {"units": "pixel", "long_name": axis})
        for axis, n in (("y", ny), ("x", nx))
    }
    about = {"units": "counts", "long_name": "events", **_simulated(events)}
    return xr.DataArray(image, coords, ("y", "x"), name="counts", attrs=about)


def _simulated(thing: xr.DataArray | xr.Dataset) -> dict[str, str]:
    return {"simulated": "yes"} if thing.attrs.get("simulated") == "yes" else {}
