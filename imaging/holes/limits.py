"""What could a map not have shown: how small, how many and how much?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.stats import binom, chi2

from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from imaging.holes.coverage import BareShare
from imaging.holes.mask import SeenHoles
from imaging.maps.tip_footprint import blurred_disc, footprint_sigma, smooth

POWER = 0.95
_LEVEL = 0.95
_INJECTIONS = 600
_DIAMETERS = 48
_SEED = 20250111


@shown()
@dataclass(frozen=True)
class UpperLimit:
    """One-sided 95 % upper limits; `value` and `upper` of each estimate are the limit.

    Parameters
    ----------
    density : Estimate
        Pinholes per um2, unit um-2.
    coverage_loss : Estimate
        Share of the surface that they leave bare, unit 1.
    smallest : Estimate
        Diameter in nm from which on the limits hold; smaller holes may have been missed.

    Examples
    --------
    >>> from imaging.holes.coverage import BareShare
    >>> smallest = Estimate.from_standard_uncertainty(30.0, 1.0, unit="nm")
    >>> bare = BareShare(share=0.0, variance=0.0, next_hole=0.005, largest=0.0, holes=0)
    >>> limit = upper_limit(bare, 0, 1e6, smallest)
    >>> print(f"{limit.density.value:.2f} per um2, {limit.coverage_loss.value:.4f}")
    3.15 per um2, 0.0158
    """

    density: Estimate
    coverage_loss: Estimate
    smallest: Estimate


def upper_limit(bare: BareShare, holes: int, area: float, smallest: Estimate) -> UpperLimit:
    """95 % upper limits on the density of holes and on the coverage that they cost.

    Density: holes are counted as separate patches and taken to fall independently of each other;
    the exact Poisson limit, over the power to see one. With none it is 3.00 / (power x area).
    Loss: the gamma limit of `imaging.holes.coverage`; with none, that density times the area of the
    largest hole to allow for.

    Parameters
    ----------
    bare : BareShare
        From `imaging.holes.coverage.bare_share`.
    holes : int
        Found.
    area : float
        Measured, in nm2.
    smallest : Estimate
        From `smallest_detectable`.

    Returns
    -------
    UpperLimit

    References
    ----------
    Garwood, Biometrika 1936, 28, 437 (exact Poisson limits).

    Examples
    --------
    >>> smallest = Estimate.from_standard_uncertainty(30.0, 1.0, unit="nm")
    >>> bare = BareShare(share=0.0, variance=0.0, next_hole=0.01, largest=0.0, holes=0)
    >>> round(upper_limit(bare, 0, 1e6, smallest).density.upper, 2)
    3.15
    """
    square_um = area / 1e6
    side = (1 + _LEVEL) / 2
    most = float(chi2.ppf(_LEVEL, 2 * (holes + 1))) / 2 / POWER / square_um
    least = float(chi2.ppf(1 - side, 2 * holes)) / 2 / square_um if holes else 0.0
    where = f"holes of at least {smallest.value:.0f} nm"
    # A limit has no other side to err to: the hole not met may be as large as any that was.
    more = max(bare.next_hole, bare.largest) / POWER
    loss = max(bare.upper(_LEVEL, more), min(1.0, bare.share))
    return UpperLimit(
        _limit(most, least, "um-2", holes, f"exact Poisson limit, {where}"),
        _limit(loss, bare.lower(side), "1", holes, f"one-sided gamma limit, {where}"),
        smallest,
    )


def _limit(most: float, least: float, unit: str, n: int, method: str) -> Estimate:
    return Estimate.from_interval(
        most,
        min(least, most),
        most,
        standard_uncertainty=0.0,
        unit=unit,
        level=_LEVEL,
        n=max(1, n),
        method=method,
    )


def smallest_detectable(seen: SeenHoles, pixel: tuple[float, float], tip_radius: float) -> Estimate:
    """Diameter of the bare disc that a map shows with 95 % power.

    Discs, blurred by the tip, are set at 600 random places of the map that are clear of holes;
    there the coating's local signal is taken away and the noise kept. At each place the
    smallest diameter is sought that falls below the threshold; 95 % of the places do with
    less than the result. Its interval is that of the quantile (order statistics).

    Parameters
    ----------
    seen : SeenHoles
        From `imaging.holes.mask.see_holes`.
    pixel : (float, float)
        Height and width in nm.
    tip_radius : float
        In nm.

    Returns
    -------
    Estimate
        In nm.

    Raises
    ------
    MeasurementError
        If there is no place clear of holes, or discs a quarter as wide as the map would be
        missed.

    Examples
    --------
    >>> from imaging import find_pinholes, simulate_nanoir_map
    >>> seen = find_pinholes(simulate_nanoir_map(1, coverage=1.0)[0]).seen
    >>> smallest_detectable(seen, (8.0, 8.0), 20.0).unit
    'nm'
    """
    tip = footprint_sigma(tip_radius, pixel)
    smoothed, threshold, bare = seen.smoothed, seen.threshold, seen.bare.value
    clear = ~ndimage.binary_dilation(seen.mask, iterations=1 + round(3 * max(tip)))
    # What the coating gives here: wide enough to leave the noise out.
    wide = (max(3 * tip[0], 2.0), max(3 * tip[1], 2.0))
    local = smooth(np.where(clear, smoothed, np.nan), wide)
    places = np.argwhere(np.isfinite(local))
    if not places.size:
        raise MeasurementError("no place of the map is clear of holes")
    rng = np.random.default_rng(_SEED)
    chosen = places[rng.integers(0, len(places), _INJECTIONS)]
    offsets = rng.uniform(-0.5, 0.5, (_INJECTIONS, 2))
    drop = local[chosen[:, 0], chosen[:, 1]] - bare
    blur = seen.blur(pixel, tip)
    largest = min(smoothed.shape[0] * pixel[0], smoothed.shape[1] * pixel[1]) / 4
    smallest = min(0.25 * blur, largest / 2)
    diameters = np.geomspace(smallest, largest, _DIAMETERS)
    needed = np.full(_INJECTIONS, np.inf)
    # Depth below the threshold at the diameter before; the crossing lies between.
    before = np.full(_INJECTIONS, np.nan)
    for number, diameter in enumerate(diameters):
        seek = np.flatnonzero(np.isinf(needed))
        if not seek.size:
            break
        depth = threshold - _lowest(
            smoothed, chosen[seek], offsets[seek], drop[seek], pixel, float(diameter), blur
        )
        found = depth > 0
        hit = seek[found]
        if number == 0:
            needed[hit] = diameter
        else:
            last = diameters[number - 1]
            part = before[hit] / (before[hit] - depth[found])
            needed[hit] = last + np.clip(part, 0, 1) * (diameter - last)
        before[seek] = depth
    needed.sort()
    low, middle, high = _quantile_ranks(_INJECTIONS)
    if not np.isfinite(needed[high]):
        raise MeasurementError(
            f"bare discs of {largest:.0f} nm would be missed too often: the map is too noisy to "
            "say what it can show"
        )
    return Estimate.from_interval(
        needed[middle],
        needed[low],
        needed[high],
        unit="nm",
        n=_INJECTIONS,
        method=f"blurred bare discs set into the map, found in {POWER:.0%}",
    )


def _quantile_ranks(n: int) -> tuple[int, int, int]:
    """Ranks of the 95 % interval of the quantile at `POWER`, and of the quantile itself."""
    low = int(binom.ppf((1 - _LEVEL) / 2, n, POWER))
    high = int(binom.ppf((1 + _LEVEL) / 2, n, POWER)) + 1
    return max(0, low - 1), min(n - 1, int(np.ceil(POWER * n))), min(n - 1, high - 1)


def _lowest(
    smoothed: np.ndarray,
    places: np.ndarray,
    offsets: np.ndarray,
    drop: np.ndarray,
    pixel: tuple[float, float],
    diameter: float,
    blur: float,
) -> np.ndarray:
    """Smallest signal within each injected disc."""
    dy, dx = pixel
    half = (int(diameter / 2 / dy) + 1, int(diameter / 2 / dx) + 1)
    y, x = np.mgrid[-half[0] : half[0] + 1, -half[1] : half[1] + 1]
    padded = np.pad(smoothed, [(h, h) for h in half], constant_values=np.nan)
    rows = places[:, 0, None, None] + y + half[0]
    columns = places[:, 1, None, None] + x + half[1]
    distance = np.hypot((y - offsets[:, 0, None, None]) * dy, (x - offsets[:, 1, None, None]) * dx)
    # One profile serves all places.
    at = np.linspace(0.0, float(distance.max()), 256)
    missing = np.interp(distance, at, blurred_disc(at, diameter, blur))
    seen = padded[rows, columns] - drop[:, None, None] * missing
    return np.where(np.isfinite(seen), seen, np.inf).min(axis=(1, 2))
