"""Box plots of normalised intensities."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from coatqc.core.errors import MeasurementError
from coatqc.core.plotting import CYCLE, axis_label, mark_simulated, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def pretty_ion(name: str) -> str:
    r"""An ion as chemists print it, in Matplotlib's mathtext; other text as it is.

    Examples
    --------
    >>> print(pretty_ion("58NiO2-"))
    $\mathregular{^{58}NiO_{2}^{-}}$
    """
    matched = re.fullmatch(r"(\d*)([A-Z][A-Za-z0-9]*?)([+-]+)", name)
    if not matched:
        return name
    isotope, formula, charge = matched.groups()
    formula = re.sub(r"(\d+)", r"_{\1}", formula)
    sign = (str(len(charge)) if len(charge) > 1 else "") + charge[0]
    lead = f"^{{{isotope}}}" if isotope else ""
    return f"$\\mathregular{{{lead}{formula}^{{{sign}}}}}$"


def plot_boxes(groups: Mapping[str, xr.DataArray], *, ax: Axes | None = None) -> Axes:
    """Box plot of every group, fragment by fragment, with each replicate as a point.

    Parameters
    ----------
    groups : mapping of str to xarray.DataArray
        Name -> values, dims (replicate,) or (replicate, fragment).
    ax : matplotlib.axes.Axes, optional
        Axes to draw on.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import xarray as xr
    >>> ax = plot_boxes({"a": xr.DataArray([1.0, 2.0, 3.0], dims="replicate")})
    >>> [t.get_text() for t in ax.get_legend().get_texts()]
    ['a']
    """
    if not groups:
        raise MeasurementError("no group to draw")
    ax = new_axes(ax, figsize=(6.5, 3.6))
    columns: dict[str, dict[str, np.ndarray]] = {}
    for name, values in groups.items():
        if "fragment" in values.dims:
            for fragment in values["fragment"].values:
                one = values.sel(fragment=fragment).values
                columns.setdefault(str(fragment), {})[name] = one
        else:
            label = str(values.coords["fragment"].item()) if "fragment" in values.coords else ""
            columns.setdefault(label, {})[name] = values.values
    width = 0.8 / len(groups)
    handles = {}
    for position, (_, members) in enumerate(columns.items()):
        for index, name in enumerate(groups):
            if name not in members:
                continue
            y, colour = members[name], CYCLE[index % len(CYCLE)]
            x = position + (index - (len(groups) - 1) / 2) * width
            drawn = ax.boxplot(
                y,
                positions=[x],
                widths=0.8 * width,
                showfliers=False,
                patch_artist=True,
                medianprops={"color": colour, "lw": 1.6},
                boxprops={"facecolor": colour + "33", "edgecolor": colour},
                whiskerprops={"color": colour},
                capprops={"color": colour},
                manage_ticks=False,
            )
            handles[name] = drawn["boxes"][0]
            # Spread along x by rank, so that equal values do not hide each other.
            offsets = 0.25 * width * np.linspace(-1, 1, len(y))
            ax.plot(x + offsets, y, "o", ms=3, color=colour, mec="white", mew=0.4)
    ax.set_xticks(range(len(columns)), [pretty_ion(c) for c in columns])
    ax.set_xlim(-0.6, len(columns) - 0.4)
    positive = np.concatenate([v for m in columns.values() for v in m.values()])
    if positive.min() > 0 and positive.max() / positive.min() > 30:
        ax.set_yscale("log")
    else:
        ax.set_ylim(bottom=min(0.0, float(positive.min())))
    ax.set_ylabel(axis_label(next(iter(groups.values()))))
    ax.set_xlabel("fragment")
    ax.legend(handles.values(), handles.keys())
    mark_simulated(ax, *groups.values())
    return ax
