"""How likely are the counts of a dose profile, for each cross section?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import ndtr

from coatcore.estimate import Estimate

# Rise of the deviance at the ends of a 95 % interval.
DEVIANCE = 3.841459
# Cross sections that are tried, in units of one over the last dose.
LEAST, MOST, STEPS = 1e-3, 300.0, 65


def levels(
    counts: np.ndarray,
    exposure: np.ndarray,
    dose: np.ndarray,
    sigma: np.ndarray,
    sign: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Best I_0 and I_inf of every fragment for every sigma.

    A curve is known by its levels in the first and the last scan, which stay well determined
    where sigma is so small that it is a line. Where the best curve goes the wrong way, a constant
    is taken.

    Returns deviances, I_0, I_inf over (sigma, fragment) and expectations (sigma, fragment, scan).
    """
    left = np.exp(-sigma[:, None] * dose)
    first, last = left[:, :1], left[:, -1:]
    span = np.maximum(first - last, 1e-300)
    u, v = ((left - last) / span * exposure)[:, None], ((first - left) / span * exposure)[:, None]
    n, total = counts[None], counts.sum(axis=1)[None]
    sums = u.sum(-1), v.sum(-1)
    a = b = np.broadcast_to(total / exposure.sum() + 1e-9, (sigma.size, len(sign)))
    for step in range(14):
        ratio = n / np.maximum(a[..., None] * u + b[..., None] * v, 1e-12)
        ga, gb = (u * ratio).sum(-1), (v * ratio).sum(-1)
        if step < 2:
            # Multiplying never leaves the allowed range, and comes near quickly.
            a, b = a * ga / sums[0], b * gb / sums[1]
            continue
        weight = ratio / np.maximum(a[..., None] * u + b[..., None] * v, 1e-12)
        haa, hbb = (u * u * weight).sum(-1) + 1e-30, (v * v * weight).sum(-1) + 1e-30
        hab = (u * v * weight).sum(-1)
        da, db = ga - sums[0], gb - sums[1]
        det = np.maximum(haa * hbb - hab**2, 1e-9 * haa * hbb)
        a = np.clip(a + (hbb * da - hab * db) / det, 0.2 * a, 5 * a + 1e-9)
        b = np.clip(b + (haa * db - hab * da) / det, 0.2 * b, 5 * b + 1e-9)
    drop = (a - b) / span
    end = a - drop * first
    start = end + drop
    falls = sign > 0
    fits = np.where(falls, drop >= 0, drop <= 0)
    flat = np.broadcast_to(total / exposure.sum(), a.shape)
    curve = np.where(
        fits[..., None], a[..., None] * u + b[..., None] * v, flat[..., None] * exposure
    )
    curve = np.maximum(curve, 1e-12)
    return deviance_of(n, curve), np.where(fits, start, flat), np.where(fits, end, flat), curve


def deviance_of(n: np.ndarray, mu: np.ndarray) -> np.ndarray:
    """Poisson deviance of counts from their expectation, summed over the last axis."""
    mu = np.maximum(mu, 1e-12)
    return 2 * (mu - n + np.where(n > 0, n * np.log(np.maximum(n, 1e-300) / mu), 0.0)).sum(-1)


Spacing = Callable[[float, float, int], np.ndarray]


def minimum(
    deviance: Callable[[np.ndarray], np.ndarray],
    grid: np.ndarray,
    values: np.ndarray,
    between: Spacing = np.geomspace,
) -> tuple[float, float]:
    """Place and depth of the deviance's minimum, refined four times around the grid's best."""
    k = int(np.argmin(values))
    place, lowest = float(grid[k]), float(values[k])
    low, high = grid[max(k - 1, 0)], grid[min(k + 1, grid.size - 1)]
    for _ in range(4):
        fine = between(float(low), float(high), 17)
        found = deviance(fine)
        k = int(np.argmin(found))
        if found[k] <= lowest:
            place, lowest = float(fine[k]), float(found[k])
        low, high = fine[max(k - 1, 0)], fine[min(k + 1, 16)]
    return place, lowest


def crossings(
    deviance: Callable[[np.ndarray], np.ndarray],
    grid: np.ndarray,
    values: np.ndarray,
    best: float,
    limit: float,
    between: Spacing = np.geomspace,
) -> tuple[float, float]:
    """Where the deviance rises above the limit below and above the best; 0 or infinity if never."""
    ends = []
    for side in (-1, 1):
        part = grid[grid < best][::-1] if side < 0 else grid[grid > best]
        found = values[grid < best][::-1] if side < 0 else values[grid > best]
        beyond = np.flatnonzero(found > limit)
        if not beyond.size:
            ends.append(0.0 if side < 0 else np.inf)
            continue
        k = int(beyond[0])
        near, far = (float(part[k - 1]) if k else best), float(part[k])
        for _ in range(3):
            fine = between(near, far, 12)
            over = np.flatnonzero(deviance(fine) > limit)
            k = int(over[0]) if over.size else 11
            near, far = float(fine[max(k - 1, 0)]), float(fine[k])
        ends.append((near + far) / 2)
    return ends[0], ends[1]


def dispersion_of(counts: np.ndarray, expected: np.ndarray, parameters: int) -> float:
    """Variance over Poisson's, where it is larger beyond doubt."""
    enough = expected > 3
    dof = int(enough.sum()) - parameters
    if dof < 5:
        return 1.0
    chi2 = float((((counts - expected) ** 2 / expected)[enough]).sum()) / dof
    return chi2 if chi2 > 1 + 2.5 * np.sqrt(2 / dof) else 1.0


def roughness(n: np.ndarray, exposure: np.ndarray, dose: np.ndarray) -> float:
    """Variance of one signal over Poisson's about the best curve, be it a fall or a rise."""
    sigma = np.geomspace(LEAST, MOST, STEPS) / dose[-1]
    best, expected = np.inf, n
    for sign in (1.0, -1.0):
        found, *_, curves = levels(n[None], exposure, dose, sigma, np.array([sign]))
        k = int(np.argmin(found[:, 0]))
        if found[k, 0] < best:
            # Between the steps of sigma the curve is finer than the counts may be.
            near = np.geomspace(sigma[max(k - 1, 0)], sigma[min(k + 1, STEPS - 1)], 201)
            found, *_, curves = levels(n[None], exposure, dose, near, np.array([sign]))
            k = int(np.argmin(found[:, 0]))
            best, expected = float(found[k, 0]), curves[k, 0]
    return dispersion_of(n[None], expected[None], 3)


def trend(n: np.ndarray, exposure: np.ndarray, dose: np.ndarray, dispersion: float) -> float:
    """Two-sided p-value of counts that follow the exposure alone, whatever the dose."""
    share = exposure / exposure.sum()
    middle = float((share * dose).sum())
    variance = float((share * (dose - middle) ** 2).sum())
    total = float(n.sum())
    z = float((n * (dose - middle)).sum()) / np.sqrt(total * variance * dispersion)
    return float(2 * ndtr(-abs(z)))


def share_lost(
    n: np.ndarray, exposure: np.ndarray, dose: np.ndarray, dispersion: float, likely: Estimate
) -> Estimate:
    """Share of the signal lost from the first scan to the last, whatever the cross section.

    For a share that is kept and a cross section, the most likely scale is known in closed form;
    the profile over cross sections is followed to where the deviance has risen.
    """
    since = dose - dose[0]
    sigma = np.geomspace(LEAST, MOST, STEPS) / since[-1]
    u = likely.standard_uncertainty
    if np.isfinite(u):
        # Where many counts make it certain, the cross section needs finer steps.
        sigma = np.concatenate([sigma, likely.value + u * np.linspace(-10, 10, 81)])
    sigma = sigma[sigma > 0][:, None]
    left, end = np.exp(-sigma * since), np.exp(-sigma * since[-1])
    total = n.sum()

    def deviance(kept: np.ndarray) -> np.ndarray:
        # Level at infinite dose, relative to the first scan, for which the last keeps `kept`.
        floor = (kept[:, None, None] - end) / (1 - end)
        shape = np.maximum((floor + (1 - floor) * left) * exposure, 1e-12)
        likelihood = np.log(shape) @ n - total * np.log(shape.sum(axis=-1))
        return np.where(floor[..., 0] >= 0, -2 * likelihood, np.inf).min(axis=1)

    grid = np.concatenate([np.linspace(0, 1.5, 61), np.geomspace(1.6, 30, 20)])
    values = deviance(grid)
    best, lowest = minimum(deviance, grid, values, np.linspace)
    limit = lowest + DEVIANCE * dispersion
    low, high = crossings(deviance, grid, values, best, limit, np.linspace)
    return Estimate.from_interval(
        1 - best,
        1 - min(high, float(grid[-1])),
        1 - low,
        n=dose.size,
        method="share of the pooled coating signal lost from the first scan to the last",
    )
