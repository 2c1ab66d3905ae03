"""Is the coating there? Which reference fragments does the sample show?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import betainc

from coatcore.coverage import coverage_factor
from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.plotting import CYCLE, mark_simulated, new_axes
from coatcore.statistics.several_tests import holm
from tofsims.comparing.normalization import normalize
from tofsims.ions.figures import pretty_ion
from tofsims.peaks.fit import fit_peaks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    Peaks = xr.Dataset | Sequence[xr.DataArray]

# The paper's fragments, section 2.1 and figure 2d.
PAPER_REFERENCES: dict[str, tuple[str, ...]] = {
    "sPPSLi": ("SO-", "C2SO-"),
    "PVP": ("C3H6NO-",),
    "NCM": ("58NiO2-",),
}
_ALPHA = 0.05
# The background below a peak is counted beside it in about so many times as many bins.
_BINS_BESIDE = 3.0
# A fragment is of one reference alone when all others show less than this share of it.
_SPECIFIC = 0.2
_Z = coverage_factor()


@shown(also=("summary",), hide=("components", "sample"), table="table")
@dataclass(frozen=True, kw_only=True)
class CoatingPresence:
    """Which components of a coating a sample shows.

    Parameters
    ----------
    table : pandas.DataFrame
        A row a component and fragment: counts of all replicates, the background below them,
        p-value of background alone and the same after Holm, how many replicates show it,
        intensity / total with its 95 % interval, detection limit / total, status, and in which
        other references the fragment occurs.
    components : dict of str to str
        "present" (all fragments that can be told are), "not seen" (none is), "partly" or
        "cannot tell".
    sample : xarray.Dataset
        Peak table of the sample.

    Examples
    --------
    >>> CoatingPresence.__name__
    'CoatingPresence'
    """

    table: pd.DataFrame
    components: dict[str, str]
    sample: xr.Dataset

    @property
    def confirmed(self) -> bool:
        """Whether every component is present."""
        return all(status == "present" for status in self.components.values())

    def summary(self) -> str:
        """The outcome in a sentence a component."""
        lines = []
        for name, status in self.components.items():
            rows = self.table[self.table["component"] == name]
            parts = [f"{r['fragment']} {r['status']}" for _, r in rows.iterrows()]
            lines.append(f"{name}: {status} ({', '.join(parts)})")
        return "\n".join(lines)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Intensity of each reference fragment with its interval, and its detection limit.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on.
        """
        rows = self.table
        ax = new_axes(ax, figsize=(6.0, 0.9 + 0.42 * len(rows)))
        names = list(dict.fromkeys(rows["component"]))
        lowest = float(rows["detection limit / total"].min()) / 5
        for place, (_, row) in enumerate(rows.iloc[::-1].iterrows()):
            colour = CYCLE[names.index(row["component"]) % len(CYCLE)]
            value, low, high = (row[c] for c in ("intensity / total", "lower", "upper"))
            seen = row["status"] == "present"
            if np.isfinite(value):
                x = max(value, lowest)
                ends = [[x - min(max(low, lowest), x)], [max(high, x) - x]]
                ax.errorbar(
                    x,
                    place,
                    xerr=ends,
                    fmt="o",
                    color=colour,
                    mfc=colour if seen else "white",
                    capsize=3,
                    label=row["component"],
                )
            limit = row["detection limit / total"]
            ax.plot([limit] * 2, [place - 0.3, place + 0.3], color="0.35", lw=1.6)
        ax.plot([], [], color="0.35", lw=1.6, label="detection limit")
        labels = [f"{pretty_ion(r['fragment'])}  {r['status']}" for _, r in rows.iterrows()]
        ax.set_yticks(range(len(rows)), labels[::-1])
        ax.set_ylim(-0.6, len(rows) - 0.4)
        ax.set_xscale("log")
        ax.set_xlabel("intensity / total counts, 95 % interval")
        ax.set_ylabel("fragment")
        handles = dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))
        ax.legend(
            handles.values(),
            handles.keys(),
            fontsize="small",
            loc="upper left",
            bbox_to_anchor=(1.02, 1),
        )
        mark_simulated(ax, self.sample)
        return ax


def confirm_coating(
    sample: Peaks, references: Mapping[str, Sequence[str] | Peaks] | None = None
) -> CoatingPresence:
    """Which components does a sample show, by fragments that only they give?

    In the way of the paper's figure 2d: every component is known by its fragments, from the
    literature (a list of ions) or from spectra of the pure reference. A fragment is present when
    the counts of all replicates exceed what the background alone gives, with a family error rate
    of 5 % over all fragments (Holm). What is not seen comes with an upper limit; what cannot be
    told from a neighbour is said to be so.

    Parameters
    ----------
    sample : xarray.Dataset or sequence of xarray.DataArray
        Peak table from `fit_peaks` or `peak_areas`, or calibrated spectra, which are fitted.
    references : mapping, optional
        Component -> fragments, or its own peak table or spectra; with these the fragments that it
        shows and the other references do not are chosen. By default the paper's: sPPSLi SO-,
        C2SO-; PVP C3H6NO-; NCM 58NiO2-.

    Returns
    -------
    CoatingPresence

    Raises
    ------
    MeasurementError
        If a fragment is missing from the sample's peaks, or a reference has no fragment of its
        own.

    References
    ----------
    Shi et al., J. Mater. Chem. A 2025, 13, 2600, figure 2d; Li & Ma, Astrophys. J. 1983, 272,
    317 (counts on and off a source); Holm, Scand. J. Stat. 1979, 6, 65.

    Examples
    --------
    >>> from tofsims import calibrate, simulate_spectra
    >>> spectra, _ = simulate_spectra(1, n=3)
    >>> confirm_coating([calibrate(s) for s in spectra]).components
    {'sPPSLi': 'present', 'PVP': 'present', 'NCM': 'present'}
    """
    given = dict(PAPER_REFERENCES if references is None else references)
    if not given:
        raise MeasurementError("name at least one component with its fragments")
    lists = {c: r for c, r in given.items() if _is_list_of_ions(r)}
    measured = {c: r for c, r in given.items() if c not in lists}
    ions = list(dict.fromkeys(str(i) for r in lists.values() for i in r))
    for reference in measured.values():
        if isinstance(reference, xr.Dataset):
            ions += [str(i) for i in reference["fragment"].values if str(i) not in ions]
    if measured and not ions:
        raise MeasurementError(
            "references given as spectra need ions to look for: give their peak tables "
            "(tofsims.fit_peaks), or a list of fragments"
        )
    tables = {c: _peaks(r, ions) for c, r in measured.items()}  # type: ignore[arg-type]
    table = _peaks(sample, ions)
    chosen: dict[str, tuple[str, ...]] = {c: tuple(map(str, r)) for c, r in lists.items()}
    elsewhere: dict[tuple[str, str], str] = {}
    if tables:
        found, elsewhere = _characteristic(tables)
        chosen.update(found)
    chosen = {c: chosen[c] for c in given}
    return _judged(table, chosen, elsewhere)


def _is_list_of_ions(reference: object) -> bool:
    if isinstance(reference, str):
        raise MeasurementError(f"a component has a list of fragments, found {reference!r}")
    if isinstance(reference, xr.Dataset) or not isinstance(reference, Sequence):
        return False
    return all(isinstance(r, str) for r in reference)


def _peaks(given: Peaks, ions: list[str]) -> xr.Dataset:
    table = given if isinstance(given, xr.Dataset) else fit_peaks(given, ions)
    if missing := [i for i in ions if i not in table["fragment"].values]:
        raise MeasurementError(
            f"the peaks lack {', '.join(missing)}: fit them as well (tofsims.fit_peaks)"
        )
    for name in ("area_lower", "background", "detection_limit"):
        if name not in table:
            raise MeasurementError(
                f"the peak table lacks {name}: make it with tofsims.fit_peaks or peak_areas"
            )
    return table


def chance_of_background(area: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Probability that the background alone gives as many counts as were found.

    Exact for counts in a window and in three times as many bins beside it.

    Parameters
    ----------
    area, background : numpy.ndarray
        Counts above the background, and of the background in the window.

    Examples
    --------
    >>> chance_of_background(np.array([0.0, 20.0]), np.array([10.0, 10.0])).round(4)
    array([0.5605, 0.    ])
    """
    on = np.maximum(area + background, 0.0)
    off = _BINS_BESIDE * np.maximum(background, 0.0)
    chance = betainc(np.maximum(on, 1e-12), off + 1, 1 / (1 + _BINS_BESIDE))
    return np.where(on > 0, chance, 1.0)


def _pooled(table: xr.Dataset, fragment: str) -> tuple[float, float, float, float]:
    """Area, background, detection limit and total, of all replicates together."""
    one = table.sel(fragment=fragment)
    limit = one["detection_limit"].values
    sigma = np.sqrt((((limit - 2.71) / 3.29) ** 2).sum())
    return (
        float(one["area"].sum(skipna=False)),
        float(one["background"].sum()),
        float(2.71 + 3.29 * sigma),
        float(table["total"].sum()),
    )


def _judged(
    table: xr.Dataset,
    chosen: Mapping[str, Sequence[str]],
    elsewhere: Mapping[tuple[str, str], str],
) -> CoatingPresence:
    rows = []
    shares = normalize(table)
    for component, fragments in chosen.items():
        for fragment in fragments:
            area, background, limit, total = _pooled(table, fragment)
            one = table.sel(fragment=fragment)
            unresolved = not np.isfinite(area)
            p = np.nan
            if not unresolved:
                p = float(chance_of_background(np.array(area), np.array(background)))
            share = shares.sel(fragment=fragment)
            value, low, high = _mean_share(share)
            rows.append(
                {
                    "component": component,
                    "fragment": fragment,
                    "counts": area,
                    "background (counts)": background,
                    "p": p,
                    "seen in": f"{int((one['area_lower'] > 0).sum())} of {one.sizes['replicate']}",
                    "intensity / total": value,
                    "lower": low,
                    "upper": high,
                    "detection limit / total": limit / total,
                    "also in": elsewhere.get((component, fragment), "")
                    or ", ".join(c for c, f in chosen.items() if c != component and fragment in f),
                }
            )
    out = pd.DataFrame(rows)
    out.insert(5, "p (Holm)", holm(out["p"].to_numpy()))
    status = np.where(out["p (Holm)"] < _ALPHA, "present", "not seen")
    out["status"] = np.where(out["p"].isna(), "cannot tell", status)
    components = {c: _verdict(list(out.loc[out["component"] == c, "status"])) for c in chosen}
    return CoatingPresence(table=out, components=components, sample=table)


def _mean_share(share: xr.Dataset) -> tuple[float, float, float]:
    """Mean over replicates; its interval from their scatter, or from counting if that is more."""
    x = share["normalized"].values
    if not np.isfinite(x).all():
        return np.nan, np.nan, np.nan
    value = float(x.mean())
    half_low = np.sqrt(((x - share["lower"].values) ** 2).sum()) / x.size
    half_high = np.sqrt(((share["upper"].values - x) ** 2).sum()) / x.size
    if x.size > 1:
        scatter = coverage_factor(x.size - 1) * x.std(ddof=1) / np.sqrt(x.size)
        half_low, half_high = max(half_low, scatter), max(half_high, scatter)
    return value, max(0.0, value - half_low), value + half_high


def _verdict(statuses: list[str]) -> str:
    told = [s for s in statuses if s != "cannot tell"]
    if not told:
        return "cannot tell"
    if all(s == "present" for s in told):
        return "present"
    return "partly" if "present" in told else "not seen"


def _characteristic(
    tables: Mapping[str, xr.Dataset],
) -> tuple[dict[str, tuple[str, ...]], dict[tuple[str, str], str]]:
    """Fragments that each reference shows and the others do not, and where others show some."""
    levels: dict[str, dict[str, tuple[float, float]]] = {}
    for component, table in tables.items():
        levels[component] = {}
        for fragment in map(str, table["fragment"].values):
            area, background, _, total = _pooled(table, fragment)
            p = chance_of_background(np.array(area), np.array(background))
            seen = np.isfinite(area) and float(p) < 0.001
            levels[component][fragment] = (area / total if seen else 0.0, float(p))
    chosen: dict[str, tuple[str, ...]] = {}
    elsewhere: dict[tuple[str, str], str] = {}
    for component, own in levels.items():
        mine = []
        for fragment, (level, _) in own.items():
            if level == 0:
                continue
            others = {
                c: v.get(fragment, (0.0, 1.0))[0] for c, v in levels.items() if c != component
            }
            if all(other <= _SPECIFIC * level for other in others.values()):
                mine.append(fragment)
                elsewhere[component, fragment] = ", ".join(
                    f"{c} ({100 * v / level:.0f} %)" for c, v in others.items() if v > 0
                )
        if not mine:
            raise MeasurementError(
                f"{component} shows no fragment that the other references do not show as well"
            )
        chosen[component] = tuple(sorted(mine, key=lambda f: -own[f][0]))
    return chosen, elsewhere
