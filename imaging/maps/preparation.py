"""From a recorded nano-IR map to one that pinholes can be looked for in, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.plotting import axis_label, house_style, mark_simulated, show_image
from coatcore.words import pretty_unit
from imaging.maps.channels import map_values
from imaging.maps.crosstalk import remove_crosstalk
from imaging.maps.despiking import despike
from imaging.maps.laser_power import normalize_power
from imaging.maps.levelling import align_rows, remove_drift, remove_plane

if TYPE_CHECKING:
    from matplotlib.figure import Figure

StepName = Literal[
    "normalize_power", "remove_crosstalk", "align_rows", "despike", "remove_drift", "remove_plane"
]
STEPS: tuple[StepName, ...] = (
    "normalize_power",
    "remove_crosstalk",
    "align_rows",
    "despike",
    "remove_drift",
    "remove_plane",
)


@shown()
@dataclass(frozen=True)
class Step:
    """One step of the preparation.

    Parameters
    ----------
    name : str
        Of the function.
    parameters : mapping
        As they were given.
    removed : xarray.DataArray
        Dims (y, x), map before minus map after the step, in the unit of the map.
    found : mapping of str to str
        What the step measured, for people: cross-talk coefficients, number of spikes.

    Examples
    --------
    >>> from imaging import prepare_map, simulate_nanoir_map
    >>> prepare_map(simulate_nanoir_map(1)[0], steps=["despike"]).steps[0].found
    {'replaced pixels': '0'}
    """

    name: str
    parameters: Mapping[str, Any]
    removed: xr.DataArray
    found: Mapping[str, str] = field(default_factory=dict)


@shown(hide=("before",))
@dataclass(frozen=True)
class PreparedMap:
    """A map and how it came to be.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x), after all steps; each stands in its history.
    before : xarray.DataArray
        As it was recorded: `image` plus all that the steps removed.
    steps : tuple of Step
        In the order in which they were run.

    Examples
    --------
    >>> from imaging import prepare_map, simulate_nanoir_map
    >>> [s.name for s in prepare_map(simulate_nanoir_map(1)[0]).steps]
    ['align_rows', 'despike']
    """

    image: xr.DataArray
    before: xr.DataArray
    steps: tuple[Step, ...]

    def plot(self) -> Figure:
        """Panels of the map before, of what each step took away, and of the map after.

        Before and after share one scale; each step has its own, symmetric about zero.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from matplotlib.figure import Figure as NewFigure

        panels: list[tuple[str, xr.DataArray, Mapping[str, str]]] = [
            ("before", self.before, {}),
            *((f"{s.name} removed", s.removed, s.found) for s in self.steps),
            ("after", self.image, {}),
        ]
        columns = min(4, len(panels))
        rows = -(-len(panels) // columns)
        ends = np.concatenate([p.values[np.isfinite(p.values)] for p in (self.before, self.image)])
        low, high = np.quantile(ends, (0.002, 0.998))
        with house_style():
            figure = NewFigure(figsize=(3.0 * columns, 2.75 * rows), layout="constrained")
            grid = figure.subplots(rows, columns, squeeze=False).ravel()
            for ax, (title, shown, found) in zip(grid, panels, strict=False):
                if title in ("before", "after"):
                    scale = {"cmap": "cividis", "vmin": low, "vmax": high}
                else:
                    # Of few pixels only, as of spikes, the quantile is zero: show the largest.
                    size = np.abs(shown.values[np.isfinite(shown.values)])
                    top = float(np.quantile(size, 0.995)) or float(size.max()) or 1.0
                    scale = {"cmap": "PuOr", "vmin": -top, "vmax": top}
                drawn = show_image(ax, shown, **scale)
                notes = ", ".join(f"{k} {pretty_unit(v)}" for k, v in found.items())
                ax.set_title(f"{title}\n{notes}".rstrip(), fontsize=8)
                figure.colorbar(drawn, ax=ax, shrink=0.85, extend="both")
            for ax in grid[len(panels) :]:
                ax.set_axis_off()
            figure.suptitle(axis_label(self.before), fontsize=9, x=0.01, ha="left")
            mark_simulated(grid[len(panels) - 1], self.before)
        return figure


def prepare_map(
    image: xr.DataArray,
    *,
    height: xr.DataArray | None = None,
    power: xr.DataArray | float | None = None,
    steps: Sequence[StepName | tuple[StepName, Mapping[str, Any]]] | None = None,
) -> PreparedMap:
    """Run the corrections of a nano-IR map in order and keep what each of them took away.

    Without `steps`: the signal is referred to one laser power (if `power` is given), topography
    is removed (if `height` is given), rows are aligned and spikes replaced. Planes and drift are
    removed only on request, for a coating that thins out over the map looks the same.

    Order matters: power first, for it multiplies what the later steps add up; topography before
    rows, for it makes rows differ; spikes once rows are aligned, for only then do a pixel's
    neighbours tell what it should be. The steps before are robust to spikes.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x) in nm, rows scanned along x. Gaps may be NaN.
    height : xarray.DataArray, optional
        Topography on the same pixels.
    power : xarray.DataArray or float, optional
        See `normalize_power`.
    steps : sequence of str or (str, mapping), optional
        Names of ``normalize_power``, ``remove_crosstalk``, ``align_rows``, ``despike``,
        ``remove_drift``, ``remove_plane``, each alone or with its parameters, e.g.
        ``[("align_rows", {"mode": "multiplicative"}), "remove_plane"]``. Run as ordered; an
        empty sequence does nothing.

    Returns
    -------
    PreparedMap

    Raises
    ------
    MeasurementError
        If a step is unknown, lacks its channel or its parameters are wrong, a channel is given
        that no step uses, or a step cannot be done (see there).

    Examples
    --------
    >>> from imaging import simulate_nanoir_map
    >>> from imaging.simulating import add_artefacts
    >>> clean, _ = simulate_nanoir_map(1)
    >>> dirty, truth = add_artefacts(clean, 1, row_offset=0.2, crosstalk=0.01, spikes=0.001)
    >>> prepared = prepare_map(dirty, height=truth["height"])
    >>> [s.name for s in prepared.steps]
    ['remove_crosstalk', 'align_rows', 'despike']
    """
    map_values(image)
    channels = {"normalize_power": ("power", power), "remove_crosstalk": ("height", height)}
    if steps is None:
        given = {name for name, (_, channel) in channels.items() if channel is not None}
        steps = [name for name in STEPS[:4] if name not in channels or name in given]
    planned = [(s, {}) if isinstance(s, str) else (s[0], dict(s[1])) for s in steps]
    names = [name for name, _ in planned]
    if unknown := [n for n in names if n not in STEPS]:
        raise MeasurementError(f"unknown step {unknown[0]!r}, expected one of {', '.join(STEPS)}")
    for name, (word, channel) in channels.items():
        if name in names and channel is None:
            raise MeasurementError(f"step {name} needs {word}=, which was not given")
        if name not in names and channel is not None:
            raise MeasurementError(f"{word} was given, but no step {name} uses it")
    before = image.transpose("y", "x").astype(float)
    now, done = before, []
    for name, parameters in planned:
        try:
            after, found = _run(name, now, height, power, parameters)
        except TypeError as error:
            raise MeasurementError(f"step {name}: {error}") from error
        removed = now.copy(data=now.values - after.values)
        removed.attrs["long_name"] = f"removed by {name}"
        done.append(Step(name, parameters, removed, found))
        now = after
    return PreparedMap(now, before, tuple(done))


def _run(
    name: str,
    image: xr.DataArray,
    height: xr.DataArray | None,
    power: xr.DataArray | float | None,
    parameters: dict[str, Any],
) -> tuple[xr.DataArray, dict[str, str]]:
    """Map after a step, and what the step found."""
    if name == "despike":
        calm = despike(image, **parameters)
        return calm.image, {"replaced pixels": str(calm.count)}
    if name == "remove_crosstalk":
        assert height is not None
        result = remove_crosstalk(image, height, **parameters)
        return result.image, {k: str(e) for k, e in result.coefficients.items()}
    if name == "normalize_power":
        assert power is not None
        return normalize_power(image, power, **parameters), {}
    if name == "align_rows":
        return align_rows(image, **parameters), {}
    level = remove_drift if name == "remove_drift" else remove_plane
    return level(image, **parameters), {}
