"""How much of the signal is topography, and a map without that part?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.plotting import CYCLE, axis_label, mark_simulated, new_axes
from coatcore.provenance import add_history
from coatcore.words import pretty_unit
from imaging.labels.labels import nm_per
from imaging.maps.channels import like, map_values, same_pixels
from imaging.maps.mode_regression import regress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_METHOD = (
    "Huber regression within rows and columns, whitened by the residuals' own spatial spectrum"
)


@shown(hide=("before", "removed"))
@dataclass(frozen=True, kw_only=True)
class Crosstalk:
    """Topography in a map, and the map without it.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x), corrected.
    removed : xarray.DataArray
        Dims (y, x), what was subtracted; its median is near zero.
    coefficients : mapping of str to Estimate
        ``height``: signal per nm of height; ``slope``: signal per unit slope along x.
    before, height : xarray.DataArray
        What was given, height in nm.

    Examples
    --------
    >>> from imaging import simulate_nanoir_map
    >>> from imaging.maps import remove_crosstalk
    >>> from imaging.simulating import add_artefacts
    >>> rough, truth = add_artefacts(simulate_nanoir_map(1)[0], 1, crosstalk=0.01)
    >>> found = remove_crosstalk(rough, truth["height"])
    >>> found.coefficients["height"].unit
    'nm-1'
    """

    image: xr.DataArray
    removed: xr.DataArray
    coefficients: Mapping[str, Estimate]
    before: xr.DataArray
    height: xr.DataArray

    def plot(self, ax: Axes | None = None) -> Axes:
        """Median signal at each height before and after, with the quartiles as bands.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on.
        """
        ax = new_axes(ax, figsize=(5.2, 3.6))
        height = self.height.values
        good = np.isfinite(height) & np.isfinite(self.before.values)
        edges = np.unique(np.quantile(height[good], np.linspace(0, 1, 17)))
        place = np.clip(np.digitize(height, edges) - 1, 0, edges.size - 2)
        bins = [good & (place == i) for i in range(edges.size - 1)]
        at = [np.median(height[b]) for b in bins]
        parts = zip(("before", "after"), (self.before, self.image), CYCLE, ("o", "s"), strict=False)
        for name, image, color, marker in parts:
            low, mid, high = np.array(
                [np.quantile(image.values[b], (0.25, 0.5, 0.75)) for b in bins]
            ).T
            ax.fill_between(at, low, high, color=color, alpha=0.2, lw=0)
            ax.plot(at, mid, marker=marker, ms=4, color=color, label=name)
        words = [f"{n} {_show(e)}" for n, e in self.coefficients.items()]
        ax.set_title("cross-talk: " + ", ".join(words), fontsize=9)
        ax.set_xlabel("height / nm")
        ax.set_ylabel(axis_label(self.before))
        ax.legend()
        mark_simulated(ax, self.before)
        return ax


def remove_crosstalk(image: xr.DataArray, height: xr.DataArray, *, slope: bool = True) -> Crosstalk:
    """Map without what follows the height, and the slope along x, of the topography.

    Signal = coating + a * height + b * slope. Coefficients come from a regression in which
    pixels far from the median (holes, spikes) are held at 1.345 robust standard deviations
    (Huber). What is the same along a whole row or a whole column is not used, so that row
    offsets, drift and planes neither help nor harm. The coating's own texture is correlated from
    pixel to pixel; the regression is weighted by the spectrum of its own residuals, and the
    interval counts the modes that carry the answer, not the pixels.

    Coating that truly differs with height looks the same as cross-talk and is removed too: take
    the step only where the same slope shows in a map away from any absorption band.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x) in nm, rows scanned along x. Gaps may be NaN.
    height : xarray.DataArray
        Topography recorded with it, on the same pixels, in a unit of length.
    slope : bool, default True
        Whether the slope along x, in which the tip is pushed aside, takes part.

    Returns
    -------
    Crosstalk
        The signal at the median height and at median slope stays.

    Raises
    ------
    MeasurementError
        If height lies on other pixels, is flat, is no length, or varies too slowly over the map
        for the coefficients to be told from the coating's texture.

    References
    ----------
    Martinek, Klapetek & Charvatova Campbell, Ultramicroscopy 2015, 155, 55 (topography in
    another channel, told from local height and slope); Huber, Ann. Math. Stat. 1964, 35, 73;
    Whittle, Biometrika 1954, 41, 434 (spectrum of what is left, in place of its covariance).

    Examples
    --------
    >>> from imaging import simulate_nanoir_map
    >>> from imaging.simulating import add_artefacts
    >>> clean, _ = simulate_nanoir_map(1)
    >>> rough, truth = add_artefacts(clean, 1, crosstalk=0.01)
    >>> found = remove_crosstalk(rough, truth["height"])
    >>> found.coefficients["height"].lower < 0.01 < found.coefficients["height"].upper
    True
    """
    signal = map_values(image)
    factor = nm_per(str(height.attrs.get("units", "")))
    if factor is None:
        raise MeasurementError(
            f"the height channel is in {height.attrs.get('units')!r}, expected a unit of length "
            "in its attrs['units']"
        )
    nm = same_pixels(image, height, "the height channel") * factor
    if image["x"].attrs.get("units") != "nm" and slope:
        raise MeasurementError(
            "slopes need the pixel size, which is not known; give coordinates in nm or slope=False"
        )
    terms = {"height": nm - np.nanmedian(nm)}
    if slope:
        along = np.gradient(_bridged(nm), image["x"].values.astype(float), axis=1)
        terms["slope"] = along - np.median(along[np.isfinite(signal)])
    used = np.stack([np.where(np.isfinite(signal), t, 0.0) for t in terms.values()])
    values, errors, dof = regress(signal, used)
    unit = str(image.attrs.get("units", "1"))
    count = int(np.isfinite(signal).sum())
    coefficients = {}
    for i, name in enumerate(terms):
        per = f"{unit} nm-1" if unit != "1" else "nm-1"
        coefficients[name] = Estimate.from_standard_uncertainty(
            values[i],
            errors[i],
            unit=per if name == "height" else unit,
            dof=dof[i],
            n=count,
            method=_METHOD,
        )
    part = np.where(np.isfinite(signal), np.tensordot(values, used, 1), np.nan)
    removed = like(image, part)
    removed.attrs["long_name"] = "topography in the signal"
    found = {name: str(e) for name, e in coefficients.items()}
    corrected = add_history(like(image, signal - part), "remove_crosstalk", **found)
    labelled = like(image, nm).rename("height")
    labelled.attrs.update({"units": "nm", "long_name": "height"})
    return Crosstalk(
        image=corrected,
        removed=removed,
        coefficients=coefficients,
        before=image.transpose("y", "x"),
        height=labelled,
    )


def _bridged(height: np.ndarray) -> np.ndarray:
    """Heights with gaps bridged along the row, so that slopes next to a gap exist."""
    out = height.copy()
    at = np.arange(height.shape[1])
    for row in out:
        gap = np.isnan(row)
        row[gap] = np.interp(at[gap], at[~gap], row[~gap]) if not gap.all() else 0.0
    return out


def _show(estimate: Estimate) -> str:
    return f"{estimate.concise} {pretty_unit(estimate.unit)}".strip()
