"""With which cross section does the coating disappear, and was it taken off?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import ndtr

from coatqc.core.errors import MeasurementError
from coatqc.core.estimate import Estimate
from coatqc.core.plotting import CYCLE, mark_simulated, new_axes
from tofsims.figures import pretty_ion

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DEVIANCE, _Z = 3.841459, 1.959964
_FEWEST_SCANS = 5
# Cross sections that are tried, in units of one over the last dose.
_LEAST, _MOST, _STEPS = 1e-3, 300.0, 161
# Below this share a loss counts as none.
_NEGLIGIBLE = 0.1


@dataclass(frozen=True)
class DoseFit:
    """Fragments of the coating that fall, and of the substrate that rise, with one cross section.

    Parameters
    ----------
    cross_section : Estimate
        Disappearance cross section sigma in cm2, of I = I_inf + (I_0 - I_inf) exp(-sigma F). An
        end of its interval is 0 or infinite where the data do not bound it there.
    half_dose : Estimate
        Dose at which half of the change has happened, ln 2 / sigma, in cm-2.
    lost : Estimate
        Share of the coating's signal lost between dose zero and the last scan.
    p_value : float
        Of a coating signal that does not change with dose (two-sided trend test on counts).
    verdict : str
        "removed", "not seen to change", "grew" or "cannot tell".
    table : pandas.DataFrame
        I_0 and I_inf of each fragment in counts a scan, with standard uncertainties.
    dispersion : float
        Variance of the counts over Poisson's, 1 where they agree.
    profile : xarray.Dataset
        What was fitted.
    coating, substrate : tuple of str
        Fragments.

    Examples
    --------
    >>> DoseFit.__name__
    'DoseFit'
    """

    cross_section: Estimate
    half_dose: Estimate
    lost: Estimate
    p_value: float
    verdict: str
    table: pd.DataFrame
    dispersion: float
    profile: xr.Dataset
    coating: tuple[str, ...]
    substrate: tuple[str, ...]

    def summary(self) -> str:
        """The tested statement in words."""
        low, high = 100 * self.lost.lower, 100 * self.lost.upper
        last = float(self.profile["dose"][-1])
        text = {
            "removed": f"the coating was removed during measurement: {100 * self.lost.value:.0f} % "
            f"[{low:.0f}, {high:.0f}] of its signal was lost",
            "not seen to change": "the coating was not seen to change during measurement: at most "
            f"{high:.0f} % of its signal was lost",
            "grew": "the coating's signal grew during measurement",
            "cannot tell": "whether the coating was removed during measurement cannot be told: "
            f"between {low:.0f} % and {high:.0f} % of its signal was lost",
        }[self.verdict]
        text += f" by a dose of {last:.2g} cm-2 (p = {self.p_value:.2g} for no change)"
        if last > 1e13:
            text += "; the dose is above the static limit of 1e13 cm-2"
        return text

    def plot(self, ax: Axes | None = None) -> Axes:
        """Counts of each fragment against dose, with the joint fit and the dose at half change.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on.
        """
        ax = new_axes(ax, figsize=(5.8, 3.8))
        dose, exposure = self.profile["dose"].values, self.profile["exposure"].values
        fine = np.linspace(0, dose[-1], 200)
        rows = self.table.set_index("fragment")
        for k, name in enumerate([*self.coating, *self.substrate]):
            counts = self.profile["counts"].sel(fragment=name).values
            scale = max(float((counts / exposure).max()), 1e-9)
            colour = CYCLE[k % len(CYCLE)]
            error = np.sqrt(self.dispersion * np.maximum(counts, 1)) / exposure / scale
            ax.errorbar(
                dose,
                counts / exposure / scale,
                error,
                fmt="o" if name in self.coating else "s",
                mfc=colour if name in self.coating else "white",
                ms=3.5,
                lw=0.8,
                color=colour,
                label=pretty_ion(name),
            )
            first, last = (float(rows[head][name]) for head in ("I_0 (counts)", "I_inf (counts)"))
            ends = (self.cross_section.lower, self.cross_section.upper)
            curves = [
                (last + (first - last) * np.exp(-s * fine)) / scale
                for s in (self.cross_section.value, *ends)
                if np.isfinite(s)
            ]
            ax.plot(fine, curves[0], color=colour, lw=1.4)
            if len(curves) == 3:
                ax.fill_between(fine, curves[1], curves[2], color=colour, alpha=0.15, lw=0)
        if np.isfinite(self.half_dose.upper) and self.half_dose.value < dose[-1]:
            ax.axvline(self.half_dose.value, color="0.4", lw=0.9, ls="--")
            ax.axvspan(
                self.half_dose.lower, min(self.half_dose.upper, dose[-1]), color="0.5", alpha=0.12
            )
        ax.set_xlim(0, dose[-1] * 1.02)
        ax.set_ylim(bottom=0)
        ax.set_xlabel("primary ion dose / cm$^{-2}$")
        ax.set_ylabel("counts a scan / largest")
        ax.set_title(f"cross section {_scientific(self.cross_section)}", fontsize="medium")
        ax.legend(fontsize="small", ncols=2)
        mark_simulated(ax, self.profile)
        return ax


def _scientific(estimate: Estimate) -> str:
    if not np.isfinite(estimate.upper):
        return f"above {estimate.lower:.2g} cm²"
    return f"{estimate.value:.2g} cm² [{estimate.lower:.2g}, {estimate.upper:.2g}]"


def fit_dose_profile(
    profile: xr.Dataset, coating: Sequence[str], substrate: Sequence[str] = ()
) -> DoseFit:
    """Fit coating and substrate fragments jointly with one disappearance cross section.

    Poisson likelihood of I = I_inf + (I_0 - I_inf) exp(-sigma F) for every fragment, with I_0
    and I_inf at zero or above, coating fragments falling and substrate fragments rising. The
    interval of sigma follows the profile of the likelihood; where counts scatter more than
    Poisson's, it is widened by as much.

    Parameters
    ----------
    profile : xarray.Dataset
        From `dose_profile`, at least five scans.
    coating, substrate : sequence of str
        Fragments of both; substrate may be empty.

    Returns
    -------
    DoseFit

    Raises
    ------
    MeasurementError
        If a fragment is missing, scans are too few, or no coating fragment was counted.

    References
    ----------
    Delcorte & Bertrand, in ToF-SIMS: Materials Analysis by Mass Spectrometry, 2013
    (disappearance cross section); Cash, Astrophys. J. 1979, 228, 939.

    Examples
    --------
    >>> from tofsims import dose_profile, simulate_cube
    >>> cube, truth = simulate_cube(1)
    >>> found = fit_dose_profile(dose_profile(cube), ["SO-", "C2SO-"], ["58NiO2-"])
    >>> bool(found.cross_section.lower < truth["cross_section"] < found.cross_section.upper)
    True
    """
    falling, rising = list(dict.fromkeys(coating)), list(dict.fromkeys(substrate))
    known = [str(n) for n in profile["fragment"].values]
    if missing := [n for n in falling + rising if n not in known]:
        raise MeasurementError(
            f"the profile lacks {', '.join(missing)}: its fragments are {', '.join(known)}"
        )
    if not falling or set(falling) & set(rising):
        raise MeasurementError("name at least one coating fragment, and none as both")
    if profile.sizes["scan"] < _FEWEST_SCANS:
        raise MeasurementError(
            f"{profile.sizes['scan']} scans, at least {_FEWEST_SCANS} are needed to see a decay"
        )
    counts = profile["counts"].sel(fragment=falling + rising).transpose("fragment", "scan").values
    if counts[: len(falling)].sum() == 0:
        raise MeasurementError(f"no counts of {', '.join(falling)} in any scan: nothing to fit")
    dose, exposure = profile["dose"].values, profile["exposure"].values
    last = float(dose[-1])
    sign = np.array([1.0] * len(falling) + [-1.0] * len(rising))

    def deviance(sigma: np.ndarray) -> np.ndarray:
        return _levels(counts, exposure, dose, sigma, sign)[0].sum(axis=1)

    grid = np.geomspace(_LEAST / last, _MOST / last, _STEPS)
    values = deviance(grid)
    sigma, lowest = _minimum(deviance, grid, values)
    _, first, end, expected = _levels(counts, exposure, dose, np.array([sigma]), sign)
    dispersion = _dispersion(counts, expected[0], 2 * len(sign) + 1)
    ends = _crossings(deviance, grid, values, sigma, lowest + _DEVIANCE * dispersion)
    cross_section = Estimate.from_interval(
        sigma,
        *ends,
        standard_uncertainty=_spread(sigma, *ends),
        unit="cm2",
        n=dose.size,
        method="joint Poisson fit, profile likelihood",
    )
    half = [np.log(2) / s if s > 0 else np.inf for s in (sigma, ends[1], ends[0])]
    half[1] = 0.0 if not np.isfinite(ends[1]) else half[1]
    half_dose = Estimate.from_interval(
        half[0],
        half[1],
        half[2],
        standard_uncertainty=half[0] * cross_section.standard_uncertainty / sigma,
        unit="cm-2",
        n=dose.size,
        method=cross_section.method,
    )
    pooled = counts[: len(falling)].sum(axis=0)
    lost = _lost(pooled, exposure, dose, dispersion)
    p_value = _trend(pooled, exposure, dose, dispersion)
    return DoseFit(
        cross_section,
        half_dose,
        lost,
        p_value,
        _verdict(lost, p_value),
        _table(falling + rising, first[0], end[0], counts, exposure, dose, sigma, dispersion),
        dispersion,
        profile,
        tuple(falling),
        tuple(rising),
    )


def _levels(
    counts: np.ndarray,
    exposure: np.ndarray,
    dose: np.ndarray,
    sigma: np.ndarray,
    sign: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Best I_0 and I_inf of every fragment for every sigma.

    The expectation is a base and a part that fades (or, in the substrate, comes): both linear
    and not negative, so the likelihood has one maximum, which damped Newton steps find.

    Returns deviances, I_0, I_inf over (sigma, fragment) and expectations (sigma, fragment, scan).
    """
    left = np.exp(-sigma[:, None] * dose)
    fades = np.where(sign[:, None] > 0, left[:, None, :], 1 - left[:, None, :]) * exposure
    base = np.broadcast_to(exposure, fades.shape)
    n = counts[None]
    total = counts.sum(axis=1) / exposure.sum()
    a = np.broadcast_to(0.5 * total, fades.shape[:2]) + 1e-9
    b = 0.5 * total * exposure.sum() / np.maximum(fades.sum(axis=2), 1e-300) + 1e-9
    for _ in range(60):
        mu = np.maximum(a[..., None] * base + b[..., None] * fades, 1e-12)
        ratio = n / mu - 1
        ga, gb = (base * ratio).sum(-1), (fades * ratio).sum(-1)
        weight = 1 / mu
        haa = (base**2 * weight).sum(-1) + 1e-30
        hab = (base * fades * weight).sum(-1)
        hbb = (fades**2 * weight).sum(-1) + 1e-30
        det = np.maximum(haa * hbb - hab**2, 1e-12 * haa * hbb)
        step_a, step_b = (hbb * ga - hab * gb) / det, (haa * gb - hab * ga) / det
        # At zero and drawn below it, one of them stays there and the other moves alone.
        hold_a, hold_b = (a <= 0) & (ga < 0), (b <= 0) & (gb < 0)
        step_a = np.where(hold_a, 0.0, np.where(hold_b, ga / haa, step_a))
        step_b = np.where(hold_b, 0.0, np.where(hold_a, gb / hbb, step_b))
        new_a, new_b = np.maximum(a + step_a, 0.0), np.maximum(b + step_b, 0.0)
        # Where a step would leave nothing at all, halve it.
        worse = _deviance(n, new_a, new_b, base, fades) > _deviance(n, a, b, base, fades) + 1e-9
        new_a = np.where(worse, (a + new_a) / 2, new_a)
        new_b = np.where(worse, (b + new_b) / 2, new_b)
        moved = np.abs(new_a - a).max() + np.abs(new_b - b).max()
        a, b = new_a, new_b
        if moved < 1e-8 * (1 + total.max()):
            break
    mu = np.maximum(a[..., None] * base + b[..., None] * fades, 1e-12)
    falls = sign > 0
    return (
        _deviance(n, a, b, base, fades),
        np.where(falls, a + b, a),
        np.where(falls, a, a + b),
        mu,
    )


def _deviance(
    n: np.ndarray, a: np.ndarray, b: np.ndarray, base: np.ndarray, fades: np.ndarray
) -> np.ndarray:
    mu = np.maximum(a[..., None] * base + b[..., None] * fades, 1e-12)
    return 2 * (mu - n + np.where(n > 0, n * np.log(np.maximum(n, 1e-300) / mu), 0.0)).sum(-1)


def _minimum(deviance, grid: np.ndarray, values: np.ndarray) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    """Best sigma, refined three times around the grid's best."""
    best = int(np.argmin(values))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)]
    sigma, lowest = float(grid[best]), float(values[best])
    for _ in range(4):
        fine = np.geomspace(low, high, 17)
        found = deviance(fine)
        k = int(np.argmin(found))
        if found[k] <= lowest:
            sigma, lowest = float(fine[k]), float(found[k])
        low, high = fine[max(k - 1, 0)], fine[min(k + 1, 16)]
    return sigma, lowest


def _crossings(  # type: ignore[no-untyped-def]
    deviance, grid: np.ndarray, values: np.ndarray, sigma: float, limit: float
) -> tuple[float, float]:
    """Where the deviance rises above the limit below and above sigma; 0 or infinity if never."""
    ends = []
    for side in (-1, 1):
        part = grid[grid < sigma][::-1] if side < 0 else grid[grid > sigma]
        found = values[grid < sigma][::-1] if side < 0 else values[grid > sigma]
        beyond = np.flatnonzero(found > limit)
        if not beyond.size:
            ends.append(0.0 if side < 0 else np.inf)
            continue
        k = int(beyond[0])
        near, far = (part[k - 1] if k else sigma), part[k]
        for _ in range(3):
            fine = np.geomspace(near, far, 12)
            over = np.flatnonzero(deviance(fine) > limit)
            k = int(over[0]) if over.size else 11
            near, far = fine[max(k - 1, 0)], fine[k]
        ends.append(float(np.sqrt(near * far)))
    return ends[0], ends[1]


def _spread(value: float, lower: float, upper: float) -> float:
    if lower <= 0 or not np.isfinite(upper):
        return float("inf")
    return (upper - lower) / 2 / _Z


def _dispersion(counts: np.ndarray, expected: np.ndarray, parameters: int) -> float:
    """Variance over Poisson's, where it is larger beyond doubt."""
    enough = expected > 3
    dof = int(enough.sum()) - parameters
    if dof < 5:
        return 1.0
    chi2 = float((((counts - expected) ** 2 / expected)[enough]).sum()) / dof
    return chi2 if chi2 > 1 + 2.5 * np.sqrt(2 / dof) else 1.0


def _trend(n: np.ndarray, exposure: np.ndarray, dose: np.ndarray, dispersion: float) -> float:
    """Two-sided p-value of counts that follow the exposure alone, whatever the dose."""
    share = exposure / exposure.sum()
    middle = float((share * dose).sum())
    variance = float((share * (dose - middle) ** 2).sum())
    total = float(n.sum())
    z = float((n * (dose - middle)).sum()) / np.sqrt(total * variance * dispersion)
    return float(2 * ndtr(-abs(z)))


def _lost(n: np.ndarray, exposure: np.ndarray, dose: np.ndarray, dispersion: float) -> Estimate:
    """Share of the signal lost by the last scan, whatever the cross section."""
    sigma = np.geomspace(_LEAST / dose[-1], _MOST / dose[-1], 81)[:, None, None]
    kept = np.concatenate([np.linspace(0, 1, 201), np.geomspace(1.005, 20, 120)])[None, :, None]
    left = np.exp(-sigma * dose)
    end = np.exp(-sigma * dose[-1])
    # Level at infinite dose, relative to that at zero, for which the last scan keeps `kept`.
    floor = (kept - end) / -np.expm1(-sigma * dose[-1])
    shape = (floor + (1 - floor) * left) * exposure
    valid = (floor >= 0)[..., 0]
    shape = np.maximum(shape, 1e-12)
    scale = n.sum() / shape.sum(axis=-1, keepdims=True)
    mu = shape * scale
    values = 2 * np.where(n > 0, n * np.log(np.maximum(n, 1e-300) / mu), 0.0).sum(axis=-1)
    profile = np.where(valid, values, np.inf).min(axis=0)
    ratio = kept[0, :, 0]
    best = int(np.argmin(profile))
    inside = np.flatnonzero(profile <= profile[best] + _DEVIANCE * dispersion)
    # The ends lie up to a step of the grid further out.
    low, high = ratio[max(inside[0] - 1, 0)], ratio[min(inside[-1] + 1, ratio.size - 1)]
    return Estimate.from_interval(
        1 - ratio[best],
        1 - high,
        1 - low,
        n=dose.size,
        method="share of the pooled coating signal, profile likelihood",
    )


def _verdict(lost: Estimate, p_value: float) -> str:
    if p_value < 0.05:
        return "removed" if lost.value > 0 else "grew"
    return "not seen to change" if lost.upper < _NEGLIGIBLE else "cannot tell"


def _table(
    names: list[str],
    first: np.ndarray,
    end: np.ndarray,
    counts: np.ndarray,
    exposure: np.ndarray,
    dose: np.ndarray,
    sigma: float,
    dispersion: float,
) -> pd.DataFrame:
    left = np.exp(-sigma * dose)
    rows = []
    for name, i0, i1, n in zip(names, first, end, counts, strict=True):
        columns = np.stack([left, 1 - left, (i1 - i0) * dose * left], axis=1) * exposure[:, None]
        mu = np.maximum((i1 + (i0 - i1) * left) * exposure, 1e-9)
        information = (columns / mu[:, None]).T @ columns
        scale = np.sqrt(np.maximum(np.diag(information), 1e-30))
        inverse = np.linalg.pinv(information / scale[:, None] / scale) / scale[:, None] / scale
        u = np.sqrt(dispersion * np.maximum(np.diag(inverse)[:2], 0))
        rows.append(
            {
                "fragment": name,
                "I_0 (counts)": i0,
                "u(I_0) (counts)": u[0],
                "I_inf (counts)": i1,
                "u(I_inf) (counts)": u[1],
                "counted": int(n.sum()),
            }
        )
    return pd.DataFrame(rows)
