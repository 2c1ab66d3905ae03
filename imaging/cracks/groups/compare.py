"""Do the particles of one group of images have more cracks than those of another?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.plotting import mark_simulated
from coatcore.statistics.nested_ratio import (
    GroupRatio,
    Image,
    difference_interval,
    group_ratio,
    images_needed,
    p_difference,
    variance_shares,
)
from coatcore.statistics.several_tests import holm
from imaging.cracks.groups.figures import plot_groups
from imaging.cracks.result import Cracks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Quantity: columns of numerator and denominator (None: particles are counted), unit, and the
# factor to it.
QUANTITIES: dict[str, tuple[str, str | None, str, float]] = {
    "crack area fraction": ("crack area / nm2", "area / nm2", "1", 1.0),
    "crack length density": ("crack length / nm", "area / nm2", "um-1", 1000.0),
    "cracks a particle": ("cracks", None, "1", 1.0),
    "intergranular cracks a particle": ("intergranular", None, "1", 1.0),
    "primary-particle cracks a particle": ("primary_particle", None, "1", 1.0),
    "share of cracked particles": ("cracked", None, "1", 1.0),
    "lost contact": ("outline without contact / nm", "outline judged / nm", "1", 1.0),
}
_SHARES = ("crack area fraction", "share of cracked particles", "lost contact")
# Least that would have been seen: a crack of 300 nm by 10 nm; a twentieth of an outline.
_LEAST = {"crack area fraction": 3000.0, "crack length density": 300.0, "lost contact": 0.05}
_METHOD = "studentised hierarchical bootstrap: images, then particles"


@shown(also=("summary",), hide=("particles", "scatter"), table="table")
@dataclass(frozen=True, kw_only=True)
class CrackComparison:
    """Groups of images compared by their particles' cracks; the first group is the reference.

    Parameters
    ----------
    quantity : str
        What was compared.
    groups : dict of str to Estimate
        Its value in each group.
    effect : Estimate
        Second minus first group.
    p : float
        Probability of such a difference if there were none: below 0.05 exactly where the interval
        of `effect` leaves 0 out.
    different : bool
        Whether p is below 0.05.
    ratio : float
        Second over first group; NaN where the first is 0.
    images_needed : float
        Images a group that would show the effect as seen with 80 % power.
    table : pandas.DataFrame
        A row a group after the first: effect, interval, p, p adjusted for their number (Holm).
    scatter : pandas.DataFrame
        A row a group: images, particles, standard deviation between images and between the
        particles of an image.
    particles : pandas.DataFrame
        A row a particle: group, image, value, weight.

    Examples
    --------
    >>> from imaging import compare_cracks, find_cracks, simulate_sem
    >>> few, many = (
    ...     [find_cracks(simulate_sem(s, crack_area_fraction=f)[0]) for s in range(3)]
    ...     for f in (0.005, 0.03)
    ... )
    >>> compare_cracks({"before": few, "after": many}).effect.value > 0
    True
    """

    quantity: str
    groups: dict[str, Estimate]
    effect: Estimate
    p: float
    different: bool
    ratio: float
    images_needed: float
    table: pd.DataFrame
    scatter: pd.DataFrame
    particles: pd.DataFrame
    simulated: bool = False

    @property
    def summary(self) -> str:
        """What was found, in a sentence."""
        first, second = list(self.groups)[:2]
        a, b = self.groups[first], self.groups[second]
        verdict = "differ" if self.different else "are not shown to differ"
        text = (
            f"{self.quantity}: {second} {b.concise} against {first} {a.concise}; they {verdict} "
            f"(p = {self.p:.2g})"
        )
        if self.different:
            return text
        if np.isfinite(self.images_needed):
            have = int(self.scatter["images"].min())
            more = max(0, int(self.images_needed) - have)
            return f"{text}; a difference as seen would need {more} more images a group"
        return text

    def plot(self, ax: Axes | None = None) -> Axes:
        """All particles as points, images' means, and the groups with their intervals.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on.
        """
        first, second = list(self.groups)[:2]
        title = f"{second} against {first}: p = {self.p:.2g}"
        ax = plot_groups(self.groups, self.particles, quantity=self.quantity, title=title, ax=ax)
        if self.simulated:
            mark_simulated(ax, xr.DataArray(0, attrs={"simulated": "yes"}))
        return ax


def compare_cracks(
    groups: Mapping[str, Sequence[Cracks | pd.DataFrame]],
    *,
    quantity: str = "crack area fraction",
    whole_particles_only: bool = False,
    seed: int = 0,
) -> CrackComparison:
    """Compare groups of SEM images, as before and after cycling, or coated and uncoated.

    Particles of one image are alike, and a test that takes each for itself finds differences
    that are not there. Intervals and tests here draw images, then particles.

    Parameters
    ----------
    groups : mapping of str to sequence of Cracks or pandas.DataFrame
        Of each group its images, as `find_cracks` gives them, or their tables of particles.
        The first group is the reference.
    quantity : str
        One of "crack area fraction", "crack length density", "cracks a particle",
        "intergranular cracks a particle", "primary-particle cracks a particle", "share of
        cracked particles", "lost contact".
    whole_particles_only : bool
        Leave out particles that the edge of the image cuts.
    seed : int
        Of the resamples.

    Returns
    -------
    CrackComparison

    Raises
    ------
    MeasurementError
        With fewer than two groups, or two images in a group (one says nothing of how images
        scatter), an image without particles, missing columns or values.

    Examples
    --------
    >>> from imaging import find_cracks, simulate_sem
    >>> images = [find_cracks(simulate_sem(s)[0]) for s in range(4)]
    >>> compare_cracks({"a": images[:2], "b": images[2:]}).effect.unit
    '1'
    """
    if quantity not in QUANTITIES:
        raise MeasurementError(f"quantity is {quantity!r}, expected one of {', '.join(QUANTITIES)}")
    if not isinstance(groups, Mapping):
        raise MeasurementError(
            f"groups are {type(groups).__name__}, expected a mapping of names to lists of Cracks"
        )
    if len(groups) < 2:
        raise MeasurementError(f"{len(groups)} group is given, two at least are compared")
    rng = np.random.default_rng(seed)
    *_, unit, factor = QUANTITIES[quantity]
    images = {
        name: _images(name, members, quantity, whole=whole_particles_only)
        for name, members in groups.items()
    }
    ratios = {name: _ratio(of, quantity, rng) for name, of in images.items()}
    first, second, *_ = ratios.values()
    table = _table(ratios, unit, factor)
    u, lower, upper = difference_interval(first, second)
    p = float(table["p"].iloc[0])
    return CrackComparison(
        quantity=quantity,
        groups={
            name: Estimate.from_interval(
                factor * found.ratio,
                factor * found.lower,
                factor * found.upper,
                standard_uncertainty=factor * found.standard_uncertainty or None,
                unit=unit,
                n=_count(images[name]),
                method=_METHOD,
            )
            for name, found in ratios.items()
        },
        effect=Estimate.from_interval(
            factor * (second.ratio - first.ratio),
            factor * lower,
            factor * upper,
            standard_uncertainty=factor * u or None,
            unit=unit,
            n=sum(each.images for each in (first, second)),
            method=_METHOD,
        ),
        p=p,
        different=p < 0.05,
        ratio=second.ratio / first.ratio if first.ratio > 0 else float("nan"),
        images_needed=images_needed(first, second),
        table=table,
        scatter=_scatter(images, unit, factor),
        particles=_particles(images, factor),
        simulated=any(
            isinstance(m, Cracks) and m.image.attrs.get("simulated") == "yes"
            for members in groups.values()
            for m in members
        ),
    )


def _images(
    name: str, members: Sequence[Cracks | pd.DataFrame], quantity: str, *, whole: bool
) -> list[Image]:
    """Numerators and denominators of a group's particles, image by image."""
    images = [
        _image(member, f"image {i} of group {name!r}", quantity, whole=whole)
        for i, member in enumerate(members, start=1)
    ]
    if len(images) < 2:
        raise MeasurementError(
            f"group {name!r} has {len(images)} image: two at least are needed, for one says "
            "nothing of how images scatter"
        )
    return images


def _ratio(images: list[Image], quantity: str, rng: np.random.Generator) -> GroupRatio:
    found = group_ratio(images, rng, top=1.0 if quantity in _SHARES else np.inf)
    return found._replace(upper=_limit(images, quantity)) if found.ratio <= 0 else found


def _count(images: list[Image]) -> int:
    return sum(part.size for part, _ in images)


def _scatter(groups: Mapping[str, list[Image]], unit: str, factor: float) -> pd.DataFrame:
    """A row a group: how many, and how far images and particles scatter."""
    rows = []
    for name, images in groups.items():
        between, within = (factor * v for v in variance_shares(images))
        rows.append(
            {
                "group": name,
                "images": len(images),
                "particles": _count(images),
                f"between images / {unit}": between,
                f"between particles / {unit}": within,
            }
        )
    return pd.DataFrame(rows)


def _particles(groups: Mapping[str, list[Image]], factor: float) -> pd.DataFrame:
    """A row a particle: group, image, value, weight."""
    points = [
        pd.DataFrame({"group": name, "image": i, "value": factor * part / whole, "weight": whole})
        for name, images in groups.items()
        for i, (part, whole) in enumerate(images, start=1)
    ]
    return pd.concat(points, ignore_index=True)


def _image(member: Cracks | pd.DataFrame, where: str, quantity: str, *, whole: bool) -> Image:
    """Numerators and denominators of an image's particles."""
    table = member.particles if isinstance(member, Cracks) else member
    if not isinstance(table, pd.DataFrame):
        raise MeasurementError(
            f"{where} is {type(table).__name__}, expected what `find_cracks` gives, or its "
            "table of particles"
        )
    numerator, denominator, *_ = QUANTITIES[quantity]
    wanted = [numerator, *([denominator] if denominator else []), *(["cut by the edge"] * whole)]
    absent = [name for name in wanted if name not in table.columns]
    if absent:
        hint = " (the image has no pixel size)" if any("pixel" in c for c in table.columns) else ""
        raise MeasurementError(f"{where} has no column {absent[0]!r}{hint}")
    if whole:
        table = table[~table["cut by the edge"].to_numpy(bool)]
    try:
        part = table[numerator].to_numpy(float)
        base = table[denominator].to_numpy(float) if denominator else np.ones(len(table))
    except (TypeError, ValueError) as error:
        raise MeasurementError(f"{where} holds words where numbers belong: {error}") from error
    if not (np.isfinite(part).all() and np.isfinite(base).all()):
        raise MeasurementError(f"{where} holds missing values in {numerator!r} or {denominator!r}")
    if (part < 0).any() or (base < 0).any():
        raise MeasurementError(f"{where} holds negative values in {numerator!r} or {denominator!r}")
    part, base = part[base > 0], base[base > 0]
    if part.size == 0:
        raise MeasurementError(f"{where} has no particle to measure")
    return part, base


def _limit(images: list[Image], quantity: str) -> float:
    """Upper limit where nothing was found: one find of the least size in 3.7 particles."""
    n = sum(p.size for p, _ in images)
    one = _LEAST.get(quantity, 1.0)
    if quantity in ("crack area fraction", "crack length density"):
        one /= sum(float(w.sum()) for _, w in images) / n
    return float(min(1.0, 3.7 / n) * one)


def _table(ratios: dict[str, GroupRatio], unit: str, factor: float) -> pd.DataFrame:
    """Each group against the first, p-values also adjusted for their number."""
    (reference, first), *others = ratios.items()
    rows = []
    for name, other in others:
        u, lower, upper = difference_interval(first, other)
        rows.append(
            {
                "group": name,
                "reference": reference,
                f"effect / {unit}": factor * (other.ratio - first.ratio),
                f"standard uncertainty / {unit}": factor * u,
                f"lower (95 %) / {unit}": factor * lower,
                f"upper (95 %) / {unit}": factor * upper,
                "ratio": other.ratio / first.ratio if first.ratio > 0 else np.nan,
                "p": p_difference(first, other),
                "images needed": images_needed(first, other),
            }
        )
    table = pd.DataFrame(rows)
    table["p (Holm)"] = holm(table["p"].to_numpy())
    return table
