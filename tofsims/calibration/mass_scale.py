"""How well is the mass known at each m/z?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import stdtr

from coatcore.display import shown
from coatcore.errors import MeasurementError
from tofsims.calibration.calibrants import Calibrant, find_calibrants
from tofsims.labels.labels import flight_time, require_spectrum

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The paper's calibrants, section 4.7.
DEFAULT_CALIBRANTS = ("C-", "C2-", "C3-", "C4-", "PO-", "PO2-", "PO3-")
_WIDER = 3.0
# Chance with which a good calibrant may be taken for a wrong one.
_WRONG, _DOUBTED = 0.003, 0.1


@shown(
    units={
        "offset": "u½",
        "slope": "u½/channel",
        "middle": "channels",
        "offset_uncertainty": "u½",
        "slope_uncertainty": "u½/channel",
        "excess": "u½",
    },
    also=("used",),
    hide=("calibrants",),
)
@dataclass(frozen=True, kw_only=True)
class MassScale:
    """Line of the root of m/z against flight time, and what it stands on.

    Parameters
    ----------
    offset, slope : float
        root(m/z) = offset + slope x (time - middle), in root u and root u a channel.
    middle : float
        Flight time about which offset and slope are independent.
    offset_uncertainty, slope_uncertainty : float
        Standard uncertainties of `offset` and `slope`.
    excess : float
        Scatter of calibrants about the line beyond counting, in root u.
    dof : float
        Degrees of freedom behind the uncertainties.
    calibrants : tuple of Calibrant
        Used and left out.

    Examples
    --------
    >>> from tofsims import simulate_spectra
    >>> (spectrum,), _ = simulate_spectra(1, n=1)
    >>> scale = fit_mass_scale(spectrum)
    >>> bool(scale.uncertainty(62.964) < 20)
    True
    """

    offset: float
    slope: float
    middle: float
    offset_uncertainty: float
    slope_uncertainty: float
    excess: float
    dof: float
    calibrants: tuple[Calibrant, ...]

    @property
    def used(self) -> list[Calibrant]:
        """Calibrants on which the line stands."""
        return [c for c in self.calibrants if not c.problem]

    def mz(self, time: np.ndarray) -> np.ndarray:
        """Mass-to-charge ratio in u at flight times.

        Parameters
        ----------
        time : numpy.ndarray
            Channels.
        """
        return np.maximum(self.offset + self.slope * (np.asarray(time) - self.middle), 0) ** 2

    def uncertainty(self, mz: float | np.ndarray) -> float | np.ndarray:
        """Standard uncertainty of the scale at m/z, in ppm.

        It holds that of the line, which grows outside the calibrants, and their scatter about
        it, which an ion that is no calibrant shares.

        Parameters
        ----------
        mz : float or numpy.ndarray
            In u.
        """
        root = np.sqrt(np.asarray(mz, dtype=float))
        away = (root - self.offset) / self.slope
        line = self.offset_uncertainty**2 + (self.slope_uncertainty * away) ** 2
        ppm = 2e6 * np.sqrt(line + self.excess**2) / root
        return float(ppm) if np.ndim(mz) == 0 else ppm

    @property
    def table(self) -> pd.DataFrame:
        """Calibrants with their residuals; column heads carry units."""
        rows = []
        for c in self.calibrants:
            found = float(self.mz(np.array(c.time))) if np.isfinite(c.time) else np.nan
            rows.append(
                {
                    "ion": c.name,
                    "exact m/z (u)": c.mz,
                    "found m/z (u)": found,
                    "residual (ppm)": (found / c.mz - 1) * 1e6,
                    "counting uncertainty (ppm)": 2e6
                    * self.slope
                    * c.standard_uncertainty
                    / np.sqrt(c.mz),
                    "used": not c.problem,
                    "why not": c.problem,
                }
            )
        return pd.DataFrame(rows)

    @property
    def rms_ppm(self) -> float:
        """Root mean square residual of the calibrants used, ppm."""
        residual = self.table.loc[self.table["used"], "residual (ppm)"]
        return float(np.sqrt(np.mean(residual**2)))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Residuals of the calibrants, with the standard uncertainty of the scale as a band.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on.
        """
        from coatcore.plotting import CYCLE, new_axes
        from tofsims.ions.figures import pretty_ion

        ax = new_axes(ax, figsize=(5.2, 3.2))
        table = self.table.dropna(subset="residual (ppm)")
        top = float(table["exact m/z (u)"].max()) * 1.4
        grid = np.linspace(float(table["exact m/z (u)"].min()) * 0.7, top, 200)
        band = self.uncertainty(grid)
        ax.fill_between(
            grid, -band, band, color="0.85", lw=0, label="standard uncertainty of the scale"
        )
        ax.axhline(0, color="0.5", lw=0.8)
        for used, marker, colour, label in (
            (True, "o", CYCLE[0], "used"),
            (False, "x", CYCLE[1], "left out"),
        ):
            part = table[table["used"] == used]
            if len(part):
                ax.errorbar(
                    part["exact m/z (u)"],
                    part["residual (ppm)"],
                    part["counting uncertainty (ppm)"],
                    fmt=marker,
                    color=colour,
                    ms=5,
                    capsize=2,
                    label=label,
                )
        for _, row in table.iterrows():
            ax.annotate(
                pretty_ion(row["ion"]),
                (row["exact m/z (u)"], row["residual (ppm)"]),
                xytext=(0, 6),
                textcoords="offset points",
                ha="center",
                fontsize="small",
            )
        ax.margins(y=0.25)
        ax.set_xlabel("m/z / u")
        ax.set_ylabel("residual / ppm")
        ax.legend(fontsize="small")
        return ax


def fit_mass_scale(spectrum: xr.DataArray, ions: Sequence[str] = DEFAULT_CALIBRANTS) -> MassScale:
    """Line of the root of m/z against flight time through the peaks of known ions.

    Calibrants are weighed by counting, and by the scatter about the line that counting does not
    explain (ions start with different energies), which their residuals tell.

    Parameters
    ----------
    spectrum : xarray.DataArray
        Dim mz, best with coordinate channel.
    ions : sequence of str
        At least two; three and more tell how good the scale is. By default the paper's. ISO
        13084 advises ions that span the masses of interest, and none of hydrogen.

    Returns
    -------
    MassScale

    Raises
    ------
    MeasurementError
        If fewer than two of the ions are found.

    References
    ----------
    ISO 13084:2018; Green, Gilmore & Seah, J. Am. Soc. Mass Spectrom. 2006, 17, 514.

    Examples
    --------
    >>> from tofsims import simulate_spectra
    >>> (spectrum,), _ = simulate_spectra(1, n=1)
    >>> bool(fit_mass_scale(spectrum).rms_ppm < 5)
    True
    """
    require_spectrum(spectrum)
    if isinstance(ions, str):
        ions = [ions]
    calibrants = find_calibrants(spectrum, ions)
    if sum(not c.problem for c in calibrants) < max(2, len(calibrants) // 2):
        # The stored scale may be off by more than usual.
        wider = find_calibrants(spectrum, ions, _WIDER)
        if sum(not c.problem for c in wider) > sum(not c.problem for c in calibrants):
            calibrants = wider
    used = [c for c in calibrants if not c.problem]
    if len(used) < 2:
        why = "; ".join(f"{c.name}: {c.problem or 'found'}" for c in calibrants)
        raise MeasurementError(
            f"{spectrum.attrs.get('source', 'the spectrum')} shows {len(used)} of the calibration "
            f"ions {', '.join(ions)} ({why or 'all lie outside it'}); 2 are needed"
        )
    step = float(np.median(np.diff(flight_time(spectrum))))
    # Dead time moves strong peaks by a little: where it was not corrected, doubt comes sooner.
    doubt = _DOUBTED if spectrum.attrs.get("dead_time_corrected") == "no" else _WRONG
    while True:
        scale = _weighted(tuple(calibrants), step)
        wrong = _outlier(scale, doubt)
        if wrong is None:
            return scale
        calibrants[calibrants.index(wrong[0])] = replace(wrong[0], problem=wrong[1])


def _outlier(scale: MassScale, doubt: float) -> tuple[Calibrant, str] | None:
    """The calibrant that the others do not expect where it is, if there is one."""
    used = scale.used
    n = len(used)
    if n < 4:
        return None
    worst, chance, far = None, 1.0, 0.0
    for left in used:
        others = tuple(c for c in used if c is not left)
        line = _weighted(others, 0.0)
        away = left.time - line.middle
        off = float(np.sqrt(left.mz)) - line.offset - line.slope * away
        u = np.sqrt(
            line.offset_uncertainty**2
            + (line.slope_uncertainty * away) ** 2
            + line.excess**2
            + (line.slope * left.standard_uncertainty) ** 2
        )
        p = 2 * float(stdtr(n - 3, -abs(off) / u))
        if p < chance:
            worst, chance, far = left, p, 2e6 * off / float(np.sqrt(left.mz))
    if worst is None or chance * n > doubt:
        return None
    return worst, f"off the line of the others by {-far:.3g} ppm"


def _weighted(calibrants: tuple[Calibrant, ...], bin_width: float) -> MassScale:
    """Line through calibrants that scatter by counting and by an excess unknown beforehand."""
    used = [c for c in calibrants if not c.problem]
    time = np.array([c.time for c in used])
    root = np.sqrt([c.mz for c in used])
    n = time.size
    slope = (root[-1] - root[0]) / (time[-1] - time[0])
    counting = slope * np.array([c.standard_uncertainty for c in used])
    # Two ions leave no residual: their scatter is taken for a tenth of a bin.
    excess = 0.0 if n > 2 else 0.1 * slope * bin_width
    offset = middle = 0.0
    weights = np.ones(n)
    for _ in range(50):
        weights = 1 / (counting**2 + excess**2 + 1e-30)
        middle = float(np.average(time, weights=weights))
        away = time - middle
        offset = float(np.average(root, weights=weights))
        slope = float((weights * away * root).sum() / (weights * away**2).sum())
        if n == 2:
            break
        residual = root - offset - slope * away
        # What the residuals have beyond counting (Paule & Mandel's rule, solved by steps).
        surplus = float((weights * residual**2).sum()) - (n - 2)
        gain = float((weights**2 * residual**2).sum())
        new = max(0.0, excess**2 + surplus / gain) if gain > 0 else 0.0
        done = abs(new - excess**2) < 1e-6 * (new + 1e-30)
        excess = float(np.sqrt(new))
        if done:
            break
    away = time - middle
    # Counting is known; only the excess has few degrees of freedom.
    share = float(np.mean(excess**2 / (counting**2 + excess**2 + 1e-30)))
    return MassScale(
        offset=offset,
        slope=slope,
        middle=middle,
        offset_uncertainty=float(1 / np.sqrt(weights.sum())),
        slope_uncertainty=float(1 / np.sqrt((weights * away**2).sum())),
        excess=excess,
        dof=max(n - 2, 1) / max(share, 1e-3) ** 2,
        calibrants=calibrants,
    )
