"""Box plots of normalised intensities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.plotting import CYCLE, axis_label, mark_simulated, new_axes
from coatcore.statistics.quartiles import Quartiles
from coatcore.statistics.quartiles import quartiles as quartiles_of
from tofsims.ions.figures import pretty_ion

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes


def plot_boxes(
    groups: Mapping[str, xr.DataArray],
    *,
    ax: Axes | None = None,
    quartiles: Quartiles = "inclusive",
    p_values: Mapping[tuple[str, str, str], float] | None = None,
) -> Axes:
    """Box plot of every group, fragment by fragment, with each replicate as a point.

    Parameters
    ----------
    groups : mapping of str to xarray.DataArray
        Name -> values, dims (replicate,) or (replicate, fragment).
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.
    quartiles : {"inclusive", "exclusive", "tukey", "averaged"}
        Definition, see `coatcore.statistics.quartiles.quartiles`.
    p_values : mapping of (str, str, str) to float, optional
        (fragment, group, other group) -> adjusted p-value, drawn as a bracket with stars.

    Returns
    -------
    matplotlib.axes.Axes
        Boxes from the first to the third quartile with the median, whiskers to the last value
        within 1.5 of their distance, the mean as a diamond.

    Raises
    ------
    MeasurementError
        If there is no group.

    Examples
    --------
    >>> import xarray as xr
    >>> ax = plot_boxes({"a": xr.DataArray([1.0, 2.0, 3.0], dims="replicate")})
    >>> [t.get_text() for t in ax.get_legend().get_texts()]
    ['a (n = 3)']
    """
    if not groups:
        raise MeasurementError("no group to draw")
    ax = new_axes(ax, figsize=(6.5, 3.6))
    columns = _columns(groups)
    for fragment, members in columns.items():
        for name, values in members.items():
            if not values.size or not np.isfinite(values).all():
                raise MeasurementError(
                    f"{fragment or 'values'} of {name} are missing or not finite; leave them out"
                )
    width = 0.8 / len(groups)
    handles = {}
    place = {name: (i - (len(groups) - 1) / 2) * width for i, name in enumerate(groups)}
    for position, members in enumerate(columns.values()):
        for index, name in enumerate(groups):
            if name in members:
                colour = CYCLE[index % len(CYCLE)]
                box = _draw_box(ax, position + place[name], members[name], width, colour, quartiles)
                sizes = {len(m[name]) for m in columns.values() if name in m}
                handles[f"{name} (n = {', '.join(map(str, sorted(sizes)))})"] = box
    ax.set_xticks(range(len(columns)), [pretty_ion(c) for c in columns])
    ax.set_xlim(-0.6, len(columns) - 0.4)
    values = np.concatenate([v for m in columns.values() for v in m.values()])
    above = values[values > 0]
    wide = above.size > 0 and above.max() / above.min() > 30
    if wide and values.min() > 0:
        ax.set_yscale("log")
    elif wide and values.min() == 0:
        # Zero has its place below the smallest value.
        ax.set_yscale("symlog", linthresh=float(above.min()))
        ax.set_ylim(bottom=0)
    else:
        ax.set_ylim(bottom=min(0.0, float(values.min())))
    if p_values:
        _draw_brackets(ax, columns, place, p_values)
    ax.set_ylabel(axis_label(next(iter(groups.values()))))
    ax.set_xlabel("fragment")
    _draw_legend(ax, handles)
    mark_simulated(ax, *groups.values())
    return ax


def _draw_legend(ax: Axes, handles: dict[str, Artist]) -> None:
    """Legend over the boxes, for which room is made."""
    rows = (len(handles) + 1) // 2
    bottom, top = ax.get_ylim()
    share = 0.03 + 0.085 * rows
    if ax.get_yscale() == "log":
        ax.set_ylim(bottom, top * (top / bottom) ** share)
    elif ax.get_yscale() == "symlog":
        ax.set_ylim(bottom, top * 10 ** (4 * share))
    else:
        ax.set_ylim(bottom, top + share * (top - bottom))
    ax.legend(handles.values(), handles.keys(), fontsize="small", loc="upper center", ncols=2)


def _columns(groups: Mapping[str, xr.DataArray]) -> dict[str, dict[str, np.ndarray]]:
    """Values by fragment and group."""
    columns: dict[str, dict[str, np.ndarray]] = {}
    for name, values in groups.items():
        if "fragment" in values.dims:
            for fragment in values["fragment"].values:
                one = values.sel(fragment=fragment).values
                columns.setdefault(str(fragment), {})[name] = one
        else:
            label = str(values.coords["fragment"].item()) if "fragment" in values.coords else ""
            columns.setdefault(label, {})[name] = values.values
    return columns


def _draw_box(
    ax: Axes, x: float, values: np.ndarray, width: float, colour: str, definition: Quartiles
) -> Artist:
    low, middle, high = quartiles_of(values, definition)
    reach = 1.5 * (high - low)
    within = values[(values >= low - reach) & (values <= high + reach)]
    stats = {
        "q1": low,
        "med": middle,
        "q3": high,
        "whislo": within.min(),
        "whishi": within.max(),
        "mean": values.mean(),
        "fliers": [],
    }
    drawn = ax.bxp(
        [stats],
        positions=[x],
        widths=0.8 * width,
        showfliers=False,
        showmeans=True,
        patch_artist=True,
        medianprops={"color": colour, "lw": 1.6},
        meanprops={"marker": "D", "mfc": "white", "mec": colour, "ms": 4.5},
        boxprops={"facecolor": colour + "33", "edgecolor": colour},
        whiskerprops={"color": colour},
        capprops={"color": colour},
        manage_ticks=False,
    )
    # Spread along x by rank, so that equal values do not hide each other.
    offsets = 0.25 * width * np.linspace(-1, 1, len(values))
    ax.plot(x + offsets, values, "o", ms=3, color=colour, mec="white", mew=0.4)
    return drawn["boxes"][0]


def _draw_brackets(
    ax: Axes,
    columns: dict[str, dict[str, np.ndarray]],
    place: dict[str, float],
    p_values: Mapping[tuple[str, str, str], float],
) -> None:
    """Brackets over the pairs that were compared, one above the other."""
    bottom, top = ax.get_ylim()
    log = ax.get_yscale() == "log"
    height = np.log(top / bottom) if log else top - bottom

    def raised(y: float, share: float) -> float:
        return float(y * np.exp(share * height)) if log else float(y + share * height)

    highest = top
    for position, (fragment, members) in enumerate(columns.items()):
        pairs = [(k, p) for k, p in p_values.items() if k[0] == fragment and set(k[1:]) <= {*place}]
        level = max(float(v.max()) for v in members.values())
        for step, ((_, one, other), p) in enumerate(pairs):
            y = raised(level, 0.05 + 0.09 * step)
            ends = sorted((position + place[one], position + place[other]))
            foot = raised(y, -0.015)
            ax.plot([ends[0], *ends, ends[1]], [foot, y, y, foot], color="0.3", lw=0.8)
            ax.text(sum(ends) / 2, y, stars(p), ha="center", va="bottom", fontsize="small")
            highest = max(highest, raised(y, 0.08))
    ax.set_ylim(bottom, highest)
    ax.text(
        0.0,
        1.02,
        "adjusted p: *** < 0.001, ** < 0.01, * < 0.05, ns not below 0.05",
        transform=ax.transAxes,
        fontsize="x-small",
        color="0.35",
    )


def stars(p: float) -> str:
    """How figures abbreviate a p-value.

    Examples
    --------
    >>> [stars(p) for p in (0.0001, 0.004, 0.03, 0.4)]
    ['***', '**', '*', 'ns']
    """
    for limit, text in ((0.001, "***"), (0.01, "**"), (0.05, "*")):
        if p < limit:
            return text
    return "ns"
