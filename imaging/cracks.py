"""How much of the particles is crack?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from scipy import ndimage
from scipy.special import stdtrit
from skimage.filters import apply_hysteresis_threshold, gaussian
from skimage.measure import regionprops
from skimage.morphology import closing, disk, skeletonize

from coatqc.core.errors import MeasurementError
from coatqc.core.estimate import Estimate
from coatqc.core.plotting import OKABE_ITO, mark_simulated, new_axes, show_image
from coatqc.core.provenance import add_history
from imaging.checks import require_image
from imaging.labels import pixel_size
from imaging.particles import find_particles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Widest crack that is looked for, nm.
MAX_WIDTH = 400.0
# Coarsest pixel, nm, in which a crack is still a line.
MAX_PIXEL = 100.0
# Darkness, as a share of the contrast of particle and electrolyte: where a crack begins and
# what it must reach. Tied to the contrast, not to the noise: a rule on noise calls grain
# contrast a crack, a percentile always finds one.
LOW, HIGH = 0.18, 0.40
# Shortest crack, nm: shorter dark marks are pores or noise.
MIN_LENGTH = 300.0
# Contrast to the electrolyte that a place in a particle needs, as a share of the usual one.
MIN_CONTRAST = 0.5
# Rim of a particle where its edge is blurred, nm.
RIM = 120.0
_METHOD = "ratio of summed crack area to summed particle area, scatter between particles"


@dataclass(frozen=True)
class Cracks:
    """Cracks in the particles of one image.

    Parameters
    ----------
    crack_area_fraction : Estimate
        Crack area over particle area, unit 1.
    labels : xarray.DataArray
        Dims (y, x): particle numbers, 0 outside.
    cracks : pandas.DataFrame
        A row a crack: particle, length, area, mean width.
    particles : pandas.DataFrame
        A row a particle: area, crack area, number and length of cracks.
    mask : xarray.DataArray
        Dims (y, x), True in cracks.
    image : xarray.DataArray
        What was measured.

    Examples
    --------
    >>> from imaging import find_cracks, simulate_sem
    >>> find_cracks(simulate_sem(1)[0]).crack_area_fraction.unit
    '1'
    """

    crack_area_fraction: Estimate
    labels: xr.DataArray
    cracks: pd.DataFrame
    particles: pd.DataFrame
    mask: xr.DataArray
    image: xr.DataArray

    def plot(self, ax: Axes | None = None) -> Axes:
        """Image with particles outlined and cracks marked.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on.
        """
        ax = new_axes(ax, figsize=(5.2, 4.1))
        show_image(ax, self.image)
        x, y = self.image["x"].values, self.image["y"].values
        number = self.labels.values
        edges = ndimage.maximum_filter(number, 3) != ndimage.minimum_filter(number, 3)
        for marked, colour in ((edges, "sky"), (self.mask.values, "vermillion")):
            if marked.any():
                ax.contourf(x, y, marked, [0.5, 1.5], colors=OKABE_ITO[colour], alpha=0.75)
        fraction = self.crack_area_fraction
        ax.set_title(
            f"crack area {100 * fraction.value:.2f} %, 95 % interval [{100 * fraction.lower:.2f}, "
            f"{100 * fraction.upper:.2f}] %, {len(self.particles)} particles",
            fontsize=9,
        )
        mark_simulated(ax, self.image)
        return ax


def find_cracks(image: xr.DataArray) -> Cracks:
    """Cracks inside the particles of a back-scattered electron cross-section.

    A crack is a dark line inside a particle, narrower than 400 nm and longer than 300 nm, that
    is darker than its surroundings by a share of the contrast between particle and electrolyte.
    Its area is the missing brightness summed over the line and its blurred flanks: blur widens
    the line but keeps that sum. This assumes that a crack is as dark as the electrolyte.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x) in nm, particles bright.

    Returns
    -------
    Cracks

    Raises
    ------
    MeasurementError
        As `find_particles`, or if pixels are coarser than 100 nm, or fewer than two particles
        are seen whole enough to measure.

    References
    ----------
    Shi et al., J. Mater. Chem. A 2025, 13, 2600, sections 2.7 and 4.5.

    Examples
    --------
    >>> from imaging import simulate_sem
    >>> image, truth = simulate_sem(2)
    >>> found = find_cracks(image).crack_area_fraction
    >>> found.lower < truth["crack_area_fraction"] < found.upper
    True
    """
    values = require_image(image, 64)
    dy, dx = pixel_size(image)
    if max(dy, dx) > MAX_PIXEL:
        raise MeasurementError(
            f"a pixel of {image.attrs.get('source', 'the image')} is {max(dy, dx):.4g} nm wide; "
            f"cracks show in images with at most {MAX_PIXEL:g} nm a pixel"
        )
    labels = find_particles(image)
    number = labels.values
    electrolyte = float(np.median(values[number == 0])) if (number == 0).any() else np.nan
    if not np.isfinite(electrolyte):
        raise MeasurementError("no dark phase surrounds the particles: nothing to compare with")
    inner = ndimage.distance_transform_edt(_apart(number)) * dy > RIM
    calm = gaussian(values, 1.0, preserve_range=True)
    # Brightness of the particle as it would be without its cracks. The rim is filled from
    # inside, else the closing would be pulled down by the electrolyte around.
    _, nearest = ndimage.distance_transform_edt(~inner, return_indices=True)
    filled = calm[nearest[0], nearest[1]]
    whole = closing(filled, disk(max(2, round(MAX_WIDTH / 2 / dy))))
    whole = gaussian(whole, 2.0, preserve_range=True)
    whole = whole - _noise_lift(whole, filled, inner)
    # Where a particle is hardly brighter than the electrolyte, nothing dark can be told in it.
    contrast = whole - electrolyte
    clear = MIN_CONTRAST * float(np.median(contrast[inner])) if inner.any() else np.inf
    if clear <= 0 or not (inner & (contrast > clear)).any():
        raise MeasurementError("no particle is brighter than its surroundings once its rim is left")
    inner &= contrast > clear
    contrast = np.maximum(contrast, clear)
    darkness = np.where(inner, (whole - calm) / contrast, 0.0)
    mask = apply_hysteresis_threshold(darkness, LOW, HIGH)
    mask, lines = _long_enough(mask & inner, dy)
    flanks = ndimage.binary_dilation(mask, disk(3)) & inner
    # A pixel can miss no more than all of its brightness, but for noise to both sides.
    missing = np.where(flanks, np.clip((whole - values) / contrast, -0.5, 1.5), 0.0)
    particles = _particle_table(number, inner, mask, lines, missing, (dy, dx))
    frame = image.transpose("y", "x")
    for axis, size in (("y", dy), ("x", dx)):
        place = image[axis].values
        pixels = particles[f"{axis} / nm"] / size - 0.5
        particles[f"{axis} / nm"] = np.interp(pixels, np.arange(place.size), place)
    crack_mask = frame.copy(data=mask).rename("crack")
    crack_mask.attrs.update({"units": "1", "long_name": "crack"})
    return Cracks(
        crack_area_fraction(particles),
        add_history(labels, "find_cracks"),
        _crack_table(mask, lines, number, missing, (dy, dx)),
        particles,
        crack_mask,
        frame,
    )


def crack_area_fraction(particles: pd.DataFrame) -> Estimate:
    """Crack area fraction of the material that some particles are a sample of.

    Parameters
    ----------
    particles : pandas.DataFrame
        With columns ``area / nm2`` and ``crack area / nm2``, a row a particle; rows of several
        images of one sample may be put together.

    Returns
    -------
    Estimate
        Unit 1. The interval is Student's t on the logarithm of the ratio, for crack areas are
        skewed; where no crack was found it runs from 0 to what one crack of the smallest length
        and a pixel's width in a twentieth of the particles would give.

    Raises
    ------
    MeasurementError
        With fewer than two particles: one says nothing of how particles scatter.

    References
    ----------
    Cochran, Sampling Techniques, 3rd ed., Wiley 1977, 6.4 (ratio estimate).

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"area / nm2": [1e6, 2e6, 1e6], "crack area / nm2": [1e4, 2e4, 0.0]})
    >>> round(crack_area_fraction(table).value, 4)
    0.0075
    """
    area = particles["area / nm2"].to_numpy(float)
    crack = particles["crack area / nm2"].to_numpy(float)
    n = area.size
    if n < 2:
        raise MeasurementError(f"{n} particle is seen whole enough to measure, 2 are needed")
    ratio = float(crack.sum() / area.sum())
    if ratio <= 0:
        width = MIN_LENGTH * 10.0 / float(area.mean())
        return Estimate.from_interval(
            0.0, 0.0, max(3.7 / n, 0.05) * width, n=n, method=_METHOD + "; no crack found"
        )
    off = (crack - ratio * area) ** 2
    u = float(np.sqrt(n / (n - 1) * off.sum()) / area.sum())
    # A few large particles with large deviations tell the scatter less well than n - 1 equal ones.
    share = float((off**2).sum() / off.sum() ** 2) if off.sum() > 0 else 1.0
    dof = max(1.0, min(n - 1.0, 1 / share))
    spread = np.exp(float(stdtrit(dof, 0.975)) * u / ratio)
    return Estimate.from_interval(
        ratio,
        ratio / spread,
        max(ratio, min(1.0, ratio * spread)),
        standard_uncertainty=u,
        n=n,
        method=_METHOD,
    )


def _apart(number: np.ndarray) -> np.ndarray:
    """Inside of particles, with a seam where two of them touch."""
    seam = ndimage.maximum_filter(number, 3) != ndimage.minimum_filter(number, 3)
    return (number > 0) & ~(seam & (ndimage.minimum_filter(number, 3) > 0))


def _noise_lift(whole: np.ndarray, filled: np.ndarray, inner: np.ndarray) -> float:
    """How far closing raises even a crackless surface: it follows the noise's crests."""
    return float(np.median((whole - filled)[inner])) if inner.any() else 0.0


def _long_enough(mask: np.ndarray, dy: float) -> tuple[np.ndarray, np.ndarray]:
    """Dark marks that are long, and their skeletons."""
    labels, _ = ndimage.label(mask, structure=np.ones((3, 3)))
    lines = skeletonize(mask)
    length = np.bincount(labels[lines], minlength=labels.max() + 1) * dy
    keep = length >= MIN_LENGTH
    keep[0] = False
    return keep[labels], lines & keep[labels]


def _particle_table(
    number: np.ndarray,
    inner: np.ndarray,
    mask: np.ndarray,
    lines: np.ndarray,
    missing: np.ndarray,
    pixel: tuple[float, float],
) -> pd.DataFrame:
    area = pixel[0] * pixel[1]
    n = int(number.max())
    bins = n + 1
    measured = np.bincount(number[inner], minlength=bins) * area
    dark = np.bincount(number.ravel(), missing.ravel(), minlength=bins) * area
    length = np.bincount(number[lines], minlength=bins) * pixel[0]
    marks, _ = ndimage.label(mask, structure=np.ones((3, 3)))
    count = [len(np.unique(marks[(number == i) & mask])) for i in range(bins)]
    ny, nx = number.shape
    rows = [
        {
            "particle": r.label,
            "y / nm": (r.centroid[0] + 0.5) * pixel[0],
            "x / nm": (r.centroid[1] + 0.5) * pixel[1],
            "equivalent diameter / nm": r.equivalent_diameter_area * pixel[0],
            "cut by the edge": bool(
                r.bbox[0] == 0 or r.bbox[1] == 0 or r.bbox[2] == ny or r.bbox[3] == nx
            ),
            "area / nm2": measured[r.label],
            "crack area / nm2": max(0.0, dark[r.label]),
            "cracks": count[r.label],
            "crack length / nm": length[r.label],
        }
        for r in regionprops(number)
        if measured[r.label] > 0
    ]
    return pd.DataFrame(rows)


def _crack_table(
    mask: np.ndarray,
    lines: np.ndarray,
    number: np.ndarray,
    missing: np.ndarray,
    pixel: tuple[float, float],
) -> pd.DataFrame:
    labels, n = ndimage.label(mask, structure=np.ones((3, 3)))
    columns = ["particle", "length / nm", "area / nm2", "mean width / nm"]
    if n == 0:
        return pd.DataFrame(columns=columns)
    near = ndimage.maximum_filter(labels, 7)
    area = np.bincount(near.ravel(), missing.ravel(), minlength=n + 1)[1:] * pixel[0] * pixel[1]
    length = np.bincount(labels[lines], minlength=n + 1)[1:] * pixel[0]
    owner = ndimage.maximum(number, labels, np.arange(1, n + 1))
    width = area / np.maximum(length, pixel[0])
    return pd.DataFrame(dict(zip(columns, (owner, length, area, width), strict=True)))
