"""Which phases do a pattern's peaks belong to?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from coatcore.errors import MeasurementError
from coatcore.plotting import CYCLE
from xrd.crystals.crystal import Structure
from xrd.crystals.powder_lines import reflections, structure_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEADS = (
    "score",
    "lines matched",
    "lines expected",
    "intensity explained",
    "displacement / degree",
)
# A whole sample lies out of place by no more than this, degree.
_LARGEST_DISPLACEMENT = 0.4
_STRONG = 10.0
# As fit_peaks names it, and as it is spelt out.
_UNCERTAINTY = ("u(two_theta) / degree", "standard uncertainty / degree")


def match_phases(
    peaks: pd.DataFrame,
    phases: Sequence[Structure | str],
    *,
    wavelength: float,
    tolerance: float = 0.1,
) -> pd.DataFrame:
    """Score of each phase against a list of peaks.

    The score is the share of a phase's calculated intensity (lines of 10 % of the strongest and
    more, within the range of the peaks) that has a peak at its place, times the agreement of
    the intensities: the cosine between the square roots of calculated and observed, a line
    without a peak counting as observed 0. So a phase whose strong lines are missing scores low,
    one line in the right place is no agreement, and a strong peak that is another phase's does
    not settle it. One displacement of the whole sample is allowed for.

    Parameters
    ----------
    peaks : pandas.DataFrame
        Of `find_peaks` or `fit_peaks(...).table`: two_theta / degree, and area or height; with
        u(two_theta) / degree or standard uncertainty / degree a peak may lie off by twice that
        more (added in squares).
    phases : sequence of Structure or str
        To be tried.
    wavelength : float
        In angstrom.
    tolerance : float, default 0.1
        How far, degree, a well measured peak may lie from a line.

    Returns
    -------
    pandas.DataFrame
        A row a phase, best first: score (0 to 1), lines matched and expected, share of the
        observed intensity that its lines explain, displacement / degree. A score tells which
        phases are worth a fit; it is no probability, and a phase of few lines matches by chance.

    Raises
    ------
    MeasurementError
        If there is no peak or no phase, or the table has no places or sizes of peaks.

    Examples
    --------
    >>> from xrd import find_peaks, simulate_pattern
    >>> found = find_peaks(simulate_pattern(1)[0])
    >>> match_phases(found, ["NiO", "Li6PS5Cl", "Li2S"], wavelength=1.540598).index[0]
    'Li6PS5Cl'
    """
    if isinstance(phases, str):
        phases = (phases,)
    if peaks.empty or not phases:
        raise MeasurementError(
            f"{len(peaks)} peaks and {len(phases)} phases; one of each is needed"
        )
    place, size, reach = _observed(peaks, tolerance)
    span = (max(1.0, place[0] - 1.0), min(179.0, place[-1] + 1.0))
    rows = {}
    for phase in phases:
        crystal = structure_of(phase)
        try:
            lines = reflections(crystal, wavelength=wavelength, two_theta_range=span, least=_STRONG)
        except MeasurementError:
            # No line in this range: nothing speaks for the phase.
            rows[crystal.name] = (0.0, 0, 0, 0.0, np.nan)
            continue
        rows[crystal.name] = _score(lines, place, size, reach)
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(HEADS))
    table.index.name = "phase"
    return table.sort_values("score", ascending=False)


def _observed(peaks: pd.DataFrame, tolerance: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places, sizes and reach of the peaks, by rising angle."""
    sized = [name for name in ("area", "height") if name in peaks]
    if "two_theta / degree" not in peaks or not sized:
        raise MeasurementError(
            f"the peaks have columns {', '.join(map(str, peaks))}; two_theta / degree and area or "
            "height are needed"
        )
    place = peaks["two_theta / degree"].to_numpy(dtype=float)
    size = np.maximum(peaks[sized[0]].to_numpy(dtype=float), 0.0)
    reach = np.full(place.size, tolerance)
    for name in _UNCERTAINTY:
        if name in peaks:
            u = peaks[name].to_numpy(dtype=float)
            reach = np.hypot(reach, 2 * np.where(np.isfinite(u), u, 0.0))
    kept = np.flatnonzero(np.isfinite(place) & np.isfinite(size))
    if not size[kept].any():
        raise MeasurementError("no peak has a size above 0; find peaks again")
    order = kept[np.argsort(place[kept])]
    return place[order], size[order], reach[order]


def _score(
    lines: pd.DataFrame, place: np.ndarray, size: np.ndarray, reach: np.ndarray
) -> tuple[float, int, int, float, float]:
    line = lines["two_theta / degree"].to_numpy(dtype=float)
    strength = lines["relative intensity"].to_numpy(dtype=float)
    cosine = np.cos(np.radians(line) / 2)
    best: tuple[float, int, int, float, float] = (-1.0, 0, line.size, 0.0, 0.0)
    for shift in np.arange(-_LARGEST_DISPLACEMENT, _LARGEST_DISPLACEMENT + 1e-9, 0.02):
        at = line + shift * cosine
        near = np.abs(at[:, None] - place)
        which = near.argmin(axis=1)
        off = near.min(axis=1)
        # A peak nearer to its line counts more: of two displacements the better one is taken.
        far = off / reach[which]
        closeness = np.where(far < 1, 1 - 0.5 * far**2, 0.0)
        found = closeness > 0
        covered = float(np.sum(strength * closeness) / np.sum(strength))
        alike = 0.0
        if found.any():
            # Lines that fall on one peak are one peak's intensity.
            seen = np.unique(which[found])
            expected = np.array([strength[found & (which == k)].sum() for k in seen])
            norm = np.sqrt(strength.sum() * size[seen].sum())
            alike = float(np.sqrt(expected * size[seen]).sum() / norm) if norm else 0.0
        score = covered * alike
        if score > best[0]:
            explained = float(size[np.unique(which[found])].sum() / size.sum())
            best = (score, int(found.sum()), line.size, explained, float(shift))
    return best


def tick_marks(
    ax: Axes, lines: Mapping[str, pd.DataFrame], *, height: float = 0.035, least: float = 1.0
) -> None:
    """Rows of ticks below a pattern at the calculated lines of phases, each row named.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        With 2theta on its abscissa.
    lines : mapping of str to pandas.DataFrame
        Name -> table of `reflections`.
    height : float
        Of a row, as a share of the axes' height.
    least : float
        Weakest line drawn, per cent of the strongest.

    Examples
    --------
    >>> from xrd import plot_patterns, simulate_pattern
    >>> ax = plot_patterns({"pristine": simulate_pattern(1)[0]})
    >>> tick_marks(ax, {"LiCl": reflections("LiCl", wavelength=1.540598)})
    """
    low, high = ax.get_ylim()
    left, right = ax.get_xlim()
    row = (high - low) * height
    for i, (name, table) in enumerate(lines.items()):
        drawn = table[table["relative intensity"] >= least]
        place = drawn["two_theta / degree"].to_numpy(dtype=float)
        place = place[(place >= left) & (place <= right)]
        colour = CYCLE[(i + 1) % len(CYCLE)]
        base = low - (1.5 * i + 1.3) * row
        ax.vlines(place, base, base + row, color=colour, lw=0.9)
        ax.annotate(
            name,
            (1.0, base + row / 2),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            fontsize=7,
        )
    ax.set_ylim(low - (1.5 * len(lines) + 0.6) * row, high)
