"""How much of the surface do the coating's fragments cover?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.plotting import mark_simulated
from coatcore.provenance import add_history
from tofsims.images.coverage_likelihood import CoverageFit, fit_coverage, tabulated
from tofsims.images.mass_images import ion_images, scale_bar
from tofsims.ions.figures import pretty_ion

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FEWEST_PIXELS = 100
# Below this distance of the levels, in standard deviations of a pixel's counts, coated and bare
# pixels are not told apart and the shares of both are guesswork.
_APART = 0.5


@shown()
@dataclass(frozen=True, kw_only=True)
class FragmentCoverage:
    """Share of an image's pixels that are coated.

    Parameters
    ----------
    coverage : Estimate
        Areal coverage, unit 1.
    probability : xarray.DataArray
        Of each pixel being coated, dims (y, x).
    rates : dict of str to (float, float)
        Mean counts of a coated and of a bare pixel, of the coating's and of the other fragments.
    spread : float
        Relative variance of the rates from pixel to pixel (topography).
    images : xarray.DataArray
        Counts, dims (fragment, y, x).
    coating, substrate : tuple of str
        Fragments.

    Examples
    --------
    >>> FragmentCoverage.__name__
    'FragmentCoverage'
    """

    coverage: Estimate
    probability: xr.DataArray
    rates: dict[str, tuple[float, float]]
    spread: float
    images: xr.DataArray
    coating: tuple[str, ...]
    substrate: tuple[str, ...]

    def plot(self) -> Figure:
        """Counts of the coating's fragments beside the probability of being coated."""
        import matplotlib.pyplot as plt

        figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.4), layout="constrained")
        counts = self.images.sel(fragment=list(self.coating)).sum("fragment").transpose("y", "x")
        shown = left.imshow(np.asarray(counts), cmap="viridis", vmin=0, interpolation="nearest")
        figure.colorbar(shown, ax=left, shrink=0.8, label="counts a pixel")
        left.set_title(" + ".join(pretty_ion(n) for n in self.coating), fontsize="medium")
        chance = right.imshow(
            self.probability.transpose("y", "x").values,
            cmap="cividis",
            vmin=0,
            vmax=1,
            interpolation="nearest",
        )
        figure.colorbar(chance, ax=right, shrink=0.8, label="probability of being coated")
        e = self.coverage
        right.set_title(
            f"coverage {e.concise}, 95 % interval [{e.lower:.3g}, {e.upper:.3g}]", fontsize="medium"
        )
        for panel in (left, right):
            panel.set_axis_off()
            scale_bar(panel, self.images)
        mark_simulated(right, self.images)
        return figure


def fragment_coverage(
    cube: xr.DataArray,
    coating: Sequence[str],
    substrate: Sequence[str] = (),
    *,
    scans: slice | None = None,
    coated: xr.DataArray | None = None,
    bare: xr.DataArray | None = None,
) -> FragmentCoverage:
    """Areal coverage from the counts of fragments in each pixel.

    Each pixel is taken to be either coated or bare, with one mean rate each that varies from
    pixel to pixel as a gamma distribution (topography); which pixel is which is not decided, for
    at a few counts a pixel every threshold is wrong for many. The interval follows the profile
    of the likelihood and is of the pixels of this image. Pixels that are half coated, or a
    coating whose thickness changes the rate, are not in the model.

    Parameters
    ----------
    cube : xarray.DataArray
        Dims (y, x, fragment), and scan or not; counts.
    coating, substrate : sequence of str
        Fragments that only the coating, and that only what lies below it gives; the latter help
        where pixels differ in brightness.
    scans : slice, optional
        Which scans by their number: the first ones, before the beam has taken the coating off.
    coated, bare : xarray.DataArray, optional
        Images of a wholly coated and of a bare sample with as many scans, which fix the levels.

    Returns
    -------
    FragmentCoverage

    Raises
    ------
    MeasurementError
        If fragments are missing or named twice, pixels are too few or empty, or two levels
        cannot be told apart.

    References
    ----------
    McLachlan & Peel, Finite Mixture Models, 2000.

    Examples
    --------
    >>> from tofsims.simulating import simulate_cube
    >>> cube, truth = simulate_cube(1, coverage=0.8, shape=(24, 24))
    >>> found = fragment_coverage(cube, ["SO-", "C2SO-", "C3H6NO-"], ["58NiO2-", "CoO2-"],
    ...     scans=slice(0, 15))
    >>> bool(found.coverage.lower < truth["coverage"] < found.coverage.upper)
    True
    """
    mine, other = (
        [ions] if isinstance(ions, str) else list(dict.fromkeys(ions))
        for ions in (coating, substrate)
    )
    if not mine or set(mine) & set(other):
        raise MeasurementError("name at least one coating fragment, and none as both")
    images = ion_images(cube, mine + other, scans=scans)
    counts = _pixels(images, mine, other)
    if len(counts) < _FEWEST_PIXELS:
        raise MeasurementError(
            f"{len(counts)} pixels, at least {_FEWEST_PIXELS} are needed to tell two levels apart"
        )
    if not counts[:, 0].any():
        raise MeasurementError(f"no counts of {', '.join(mine)} in any pixel: nothing to cover")
    references = [
        None if r is None else _pixels(ion_images(r, mine + other), mine, other)
        for r in (coated, bare)
    ]
    table = tabulated(counts, *references)
    found = fit_coverage(table)
    _require_two_levels(found, referenced=coated is not None and bare is not None)
    cells = np.stack([table.coating, table.other] if other else [table.coating], axis=1)
    keys = {tuple(c): p for c, p in zip(cells.astype(int), found.probability, strict=True)}
    chance = np.array([keys[tuple(c)] for c in counts.astype(int)])
    shape = (images.sizes["y"], images.sizes["x"])
    probability = xr.DataArray(
        chance.reshape(shape),
        {"y": images["y"], "x": images["x"]},
        ("y", "x"),
        name="probability",
        attrs={"units": "1", "long_name": "probability of being coated"},
    )
    if "simulated" in images.attrs:
        probability.attrs["simulated"] = images.attrs["simulated"]
    names = ["coating", *(["substrate"] if other else [])]
    rates = {name: (float(found.coated[k]), float(found.bare[k])) for k, name in enumerate(names)}
    coverage = Estimate.from_interval(
        found.share,
        min(found.lower, found.share),
        max(found.upper, found.share),
        n=len(counts),
        method="two-level mixture of counts, profile likelihood",
    )
    return FragmentCoverage(
        coverage=coverage,
        probability=add_history(probability, "fragment_coverage", coating=mine, substrate=other),
        rates=rates,
        spread=found.spread,
        images=images,
        coating=tuple(mine),
        substrate=tuple(other),
    )


def _pixels(images: xr.DataArray, coating: list[str], substrate: list[str]) -> np.ndarray:
    """Counts (pixels, 1 or 2) of the coating's fragments and of the others."""
    columns = [
        np.asarray(images.sel(fragment=names).sum("fragment").transpose("y", "x")).ravel()
        for names in (coating, substrate)
        if names
    ]
    counts = np.stack(columns, axis=1).astype(float)
    if not (counts == np.rint(counts)).all():
        raise MeasurementError("coverage is told from whole counts; these were scaled")
    return counts


def _require_two_levels(found: CoverageFit, *, referenced: bool) -> None:
    """Where one level would do as well, the share of the other is anything."""
    if referenced:
        return
    apart = max(
        abs(a - b) / np.sqrt(max(a, b) * (1 + found.spread * max(a, b)) + 1e-12)
        for a, b in zip(found.coated, found.bare, strict=True)
    )
    if apart < _APART or (found.lower <= 0 and found.upper >= 1):
        raise MeasurementError(
            "coated and bare pixels are not told apart by these counts: sum more scans, bin "
            "pixels, or give images of a coated and a bare reference"
        )
