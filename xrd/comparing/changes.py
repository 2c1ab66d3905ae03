"""Which peaks of the reference became stronger, weaker, or moved?"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import pandas as pd

from xrd.alignment.align import Alignment
from xrd.alignment.repeatability import Repeatability

# A window around a peak, in widths either side; peaks nearer than that are one.
_REACH = 1.5


@dataclass(frozen=True, kw_only=True)
class PeakChanges:
    """Each peak of the reference against the sample's, after alignment.

    Parameters
    ----------
    two_theta, height : numpy.ndarray, shape (n,)
        Place in the sample, degree; height of the scaled reference.
    intensity, intensity_u : numpy.ndarray, shape (n,)
        Relative change of the peak's area, and its standard uncertainty with repeats. Unit 1.
    shift, shift_u : numpy.ndarray, shape (n,)
        How much higher it lies in the sample, degree, and its standard uncertainty with repeats.

    Examples
    --------
    >>> from xrd import find_peaks, simulate_pattern
    >>> from xrd.alignment.align import align
    >>> a, b = (simulate_pattern(seed)[0] for seed in (1, 2))
    >>> changes = peak_changes(align(a, b), find_peaks(a), 0.09, 1.0, Repeatability())
    >>> bool(np.all(np.abs(changes.shift) < 0.05))
    True
    """

    two_theta: np.ndarray
    height: np.ndarray
    intensity: np.ndarray
    intensity_u: np.ndarray
    shift: np.ndarray
    shift_u: np.ndarray


def peak_changes(
    fit: Alignment,
    peaks: pd.DataFrame,
    width: float,
    dispersion: float,
    repeatability: Repeatability,
    least: float = 0.005,
) -> PeakChanges:
    """Change of area and place of each peak, by its own shape in the reference.

    Parameters
    ----------
    fit : Alignment
        Of both patterns.
    peaks : pandas.DataFrame
        Of the reference, as `find_peaks` gives them.
    width : float
        Typical full width at half maximum, degree.
    dispersion : float
        Variance over that of counting.
    repeatability : Repeatability
        Of two scans of one material.
    least : float
        Height of the weakest peak looked at, relative to the strongest.

    Returns
    -------
    PeakChanges
        Peaks nearer to each other than three widths' reach are taken as one.
    """
    x = fit.two_theta
    moved = np.interp(peaks["two_theta / degree"].to_numpy(dtype=float), *fit.came_to)
    inside = (moved > x[0] + width) & (moved < x[-1] - width)
    strong = peaks["height"].to_numpy(dtype=float)
    inside &= strong > least * strong.max(initial=0.0)
    order = np.argsort(moved[inside])
    places, heights = moved[inside][order], fit.values["scale"][0] * strong[inside][order]
    if not places.size:
        names = (field.name for field in dataclasses.fields(PeakChanges))
        return PeakChanges(**{name: np.empty(0) for name in names})
    groups = np.r_[0, np.flatnonzero(np.diff(places) > _REACH * width) + 1]
    low, high = places[groups], places[np.r_[groups[1:] - 1, places.size - 1]]
    top = np.maximum.reduceat(heights, groups)
    middle = np.add.reduceat(places * heights, groups) / np.add.reduceat(heights, groups)
    # Windows do not overlap: each ends half way to its neighbour.
    half_way = (high[:-1] + low[1:]) / 2
    starts = np.maximum(low - _REACH * width, np.r_[x[0], half_way])
    ends = np.minimum(high + _REACH * width, np.r_[half_way, x[-1]])
    edges = np.searchsorted(x, np.column_stack([starts, ends]).ravel())
    edges[-1] = min(edges[-1], x.size - 1)
    columns = np.stack([fit.pooled, -fit.pooled_slope, np.ones(x.size), fit.sample - fit.expected])
    weighted = columns / (dispersion * fit.broad_variance)
    products = np.einsum("in,jn->ijn", columns, weighted)
    sums = np.add.reduceat(products, edges, axis=2)[:, :, ::2]
    normal = np.moveaxis(sums[:3, :3], 2, 0)
    right = np.moveaxis(sums[:3, 3], 1, 0)
    covariance = np.linalg.pinv(normal)
    solved = np.einsum("kij,kj->ki", covariance, right)
    spread = np.diagonal(covariance, axis1=1, axis2=2)
    return PeakChanges(
        two_theta=middle,
        height=top,
        intensity=solved[:, 0],
        # A line of another shape, looked at through the reference's, seems to differ in area, and
        # a doublet's in place.
        intensity_u=np.sqrt(
            spread[:, 0] + repeatability.intensity**2 + (repeatability.shape / 1.5) ** 2
        ),
        shift=solved[:, 1],
        shift_u=np.sqrt(
            spread[:, 1] + repeatability.position**2 + (repeatability.shape * width / 2) ** 2
        ),
    )
