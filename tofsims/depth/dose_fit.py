"""With which cross section does the coating disappear, and was it taken off?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from coatcore.coverage import coverage_factor
from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.plotting import CYCLE, mark_simulated, new_axes
from tofsims.depth.dose_likelihood import (
    DEVIANCE,
    LEAST,
    MOST,
    STEPS,
    crossings,
    deviance_of,
    dispersion_of,
    levels,
    minimum,
    roughness,
    share_lost,
    trend,
)
from tofsims.ions.figures import pretty_ion

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_Z = coverage_factor()
# By so much must a change improve the deviance to count as seen (95 %, 2 degrees of freedom).
_CHANGE = 5.991465
_FEWEST_SCANS = 5
# Below this share a loss counts as none.
_NEGLIGIBLE = 0.1


@shown(also=("summary",), hide=("profile",), table="table")
@dataclass(frozen=True, kw_only=True)
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
        Share of the coating's signal lost between the first scan and the last.
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

    Poisson likelihood of I = I_inf + (I_0 - I_inf) exp(-sigma F) for every fragment, coating
    fragments falling and substrate fragments rising. The interval of sigma follows the profile of
    the likelihood; where counts scatter more than Poisson's, it is widened by as much. A decay so
    slow that it is a line has no lower end, one that is over before the second scan no upper one,
    and where no fragment is seen to change sigma is not bounded at all. I_0 and I_inf are levels
    that are extrapolated; they may come out below zero within their uncertainty.

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
    >>> from tofsims import dose_profile
    >>> from tofsims.simulating import simulate_cube
    >>> cube, truth = simulate_cube(1)
    >>> found = fit_dose_profile(dose_profile(cube), ["SO-", "C2SO-"], ["58NiO2-"])
    >>> bool(found.cross_section.lower < truth["cross_section"] < found.cross_section.upper)
    True
    """
    falling, rising, counts = _checked(profile, coating, substrate)
    dose, exposure = profile["dose"].values, profile["exposure"].values
    last = float(dose[-1])
    sign = np.array([1.0] * len(falling) + [-1.0] * len(rising))

    def deviance(sigma: np.ndarray) -> np.ndarray:
        return levels(counts, exposure, dose, sigma, sign)[0].sum(axis=1)

    grid = np.geomspace(LEAST / last, MOST / last, STEPS)
    values = deviance(grid)
    sigma, lowest = minimum(deviance, grid, values)
    _, first, end, expected = levels(counts, exposure, dose, np.array([sigma]), sign)
    dispersion = dispersion_of(counts, expected[0], 2 * len(sign) + 1)
    ends = crossings(deviance, grid, values, sigma, lowest + DEVIANCE * dispersion)
    constant = counts.sum(axis=1, keepdims=True) / exposure.sum() * exposure
    if float(deviance_of(counts, constant).sum()) - lowest < _CHANGE * dispersion:
        ends = (0.0, np.inf)
    cross_section = Estimate.from_interval(
        sigma,
        *ends,
        standard_uncertainty=_spread(sigma, *ends),
        unit="cm2",
        n=dose.size,
        method="joint Poisson fit, profile likelihood",
    )
    pooled = counts[: len(falling)].sum(axis=0)
    rough = roughness(pooled, exposure, dose)
    lost = share_lost(pooled, exposure, dose, rough, cross_section)
    p_value = trend(pooled, exposure, dose, rough)
    return DoseFit(
        cross_section=cross_section,
        half_dose=_half_dose(cross_section),
        lost=lost,
        p_value=p_value,
        verdict=_verdict(lost, p_value),
        table=_table(falling + rising, first[0], end[0], counts, exposure, dose, sigma, dispersion),
        dispersion=dispersion,
        profile=profile,
        coating=tuple(falling),
        substrate=tuple(rising),
    )


def _checked(
    profile: xr.Dataset, coating: Sequence[str], substrate: Sequence[str]
) -> tuple[list[str], list[str], np.ndarray]:
    """Coating and substrate fragments, and their counts, dims (fragment, scan)."""
    if not isinstance(profile, xr.Dataset) or not {"counts", "exposure"} <= set(profile.data_vars):
        raise MeasurementError("expected a profile from tofsims.dose_profile")
    falling, rising = (
        [ions] if isinstance(ions, str) else list(dict.fromkeys(ions))
        for ions in (coating, substrate)
    )
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
    return falling, rising, counts


def _half_dose(cross_section: Estimate) -> Estimate:
    """Dose at which half of the change is over, ln 2 / sigma."""
    sigma, ends = cross_section.value, (cross_section.lower, cross_section.upper)
    half = [np.log(2) / s if s > 0 else np.inf for s in (sigma, ends[1], ends[0])]
    half[1] = 0.0 if not np.isfinite(ends[1]) else half[1]
    return Estimate.from_interval(
        half[0],
        half[1],
        half[2],
        standard_uncertainty=half[0] * cross_section.standard_uncertainty / sigma,
        unit="cm-2",
        n=cross_section.n,
        method=cross_section.method,
    )


def _spread(value: float, lower: float, upper: float) -> float:
    if lower <= 0 or not np.isfinite(upper):
        return float("inf")
    return (upper - lower) / 2 / _Z


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
    k = len(names)
    # Sigma is shared by all fragments, each has two levels of its own.
    information = np.zeros((2 * k + 1, 2 * k + 1))
    for f, (i0, i1) in enumerate(zip(first, end, strict=True)):
        own = np.stack([left, 1 - left], axis=1) * exposure[:, None]
        both = np.column_stack([own, (i1 - i0) * dose * left * exposure])
        mu = np.maximum((i1 + (i0 - i1) * left) * exposure, 1e-9)
        at = [2 * f, 2 * f + 1, 2 * k]
        information[np.ix_(at, at)] += (both / mu[:, None]).T @ both
    scale = np.sqrt(np.maximum(np.diag(information), 1e-30))
    inverse = np.linalg.pinv(information / scale[:, None] / scale) / scale[:, None] / scale
    u = np.sqrt(dispersion * np.maximum(np.diag(inverse), 0))
    return pd.DataFrame(
        {
            "fragment": names,
            "I_0 (counts)": first,
            "u(I_0) (counts)": u[0 : 2 * k : 2],
            "I_inf (counts)": end,
            "u(I_inf) (counts)": u[1 : 2 * k : 2],
            "counted": counts.sum(axis=1).astype(int),
        }
    )
