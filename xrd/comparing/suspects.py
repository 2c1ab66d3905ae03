"""How much of a suspected phase could a pattern hide?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import norm

from coatcore.coverage import coverage_factor
from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.statistics.several_tests import holm
from xrd.comparing.differences import Differences, at_separate_places
from xrd.comparing.figures import plot_weights
from xrd.crystals.crystal import Structure
from xrd.crystals.powder_lines import area_per_weight, reflections, structure_of
from xrd.labels.angles import require_wavelength
from xrd.peaks.line_shape import unit_profile

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# What coating a sulfide electrolyte or a nickel-rich cathode may leave behind.
DECOMPOSITION_PRODUCTS = (
    "Li2S",
    "LiCl",
    "Li3PO4 beta",
    "Li3PO4 gamma",
    "NiS alpha",
    "NiS millerite",
    "Ni3S2",
    "LiOH",
    "Li2CO3",
)
HEADS = (
    "weight fraction / %",
    "standard uncertainty / %",
    "lower 95 % / %",
    "upper 95 % / %",
    "limit 95 % / %",
    "z",
    "p",
    "found",
)
# Lines are drawn so many widths to either side.
_REACH = 25.0
# Main phase's lines scatter and are not quite of the shape assumed: of all weights alike.
_SCALE_UNCERTAINTY = 0.05
_MIXINGS = np.linspace(0.0, 1.0, 6)
_WIDTHS = np.geomspace(0.6, 1.8, 13)


@shown(units={"width": "degree"}, table="table")
@dataclass(frozen=True)
class Suspects:
    """Suspected phases in a sample, or the most of each that could hide.

    Parameters
    ----------
    table : pandas.DataFrame
        A row a phase: weight fraction (per cent of it and the main phase together), its standard
        uncertainty and 95 % interval, the limit that it stays below with probability 0.95, z, p
        (for all phases asked after, Holm), found.
    width : float
        Full width at half maximum of a line at 2theta = 40 degree that the reference shows.
    simulated : bool
        Whether the pattern was.

    Examples
    --------
    >>> Suspects(pd.DataFrame(columns=list(HEADS)), 0.1, False).found
    []
    """

    table: pd.DataFrame
    width: float
    simulated: bool

    @property
    def found(self) -> list[str]:
        """Names of the phases that were found."""
        return [str(name) for name in self.table.index[self.table["found"].astype(bool)]]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Weight fractions with their intervals.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on.
        """
        return plot_weights(self.table, simulated=self.simulated, ax=ax)


class _Compared(Protocol):
    """What is taken of a comparison, which stands above."""

    @property
    def expected(self) -> xr.DataArray: ...

    @property
    def differences(self) -> Differences: ...


def suspected_phases(
    found: _Compared,
    main: Structure | str,
    suspects: Sequence[Structure | str] = DECOMPOSITION_PRODUCTS,
    *,
    wavelength: float | None = None,
    alpha: float = 0.05,
) -> Suspects:
    """Weight fraction of each suspected phase that the sample has more than the reference.

    All lines of a phase are looked for at once, at their places and in their ratios, each weighed
    by counting and by how well the reference's own peaks repeat there.

    Parameters
    ----------
    found : Comparison
        Sample against reference.
    main : Structure or str
        Phase of the reference by whose lines weights are scaled and places corrected.
    suspects : sequence of Structure or str
        Phases asked after; by default what sulfide electrolytes and nickel-rich cathodes leave.
    wavelength : float, optional
        In angstrom; by default that of the pattern.
    alpha : float
        Error rate of finding any phase that is not there.

    Returns
    -------
    Suspects

    Raises
    ------
    MeasurementError
        If no wavelength is known, or the reference does not show the main phase.

    Notes
    -----
    Areas of lines give weights by structure factors, volumes and densities (Hill and Howard,
    J. Appl. Cryst. 20, 1987, 467). Assumes randomly oriented, fine powders, lines as wide as the
    main phase's, and structures as published; broad or textured lines of a phase make it look
    less. What reference and sample have in common is not seen. An amorphous part (the polymer,
    the halo) counts in neither phase.

    Examples
    --------
    >>> from xrd import compare_patterns, simulate_pattern
    >>> pair = simulate_pattern(1)[0], simulate_pattern(2)[0]
    >>> suspected_phases(compare_patterns(*pair), "Li6PS5Cl", ["Li2S", "LiCl"]).found
    []
    """
    if not hasattr(found, "differences"):
        raise MeasurementError(
            f"a {type(found).__name__} is no comparison; give what compare_patterns answers"
        )
    return weigh_suspects(
        found.expected, found.differences, main, suspects, wavelength=wavelength, alpha=alpha
    )


def weigh_suspects(
    expected: xr.DataArray,
    differences: Differences,
    main: Structure | str,
    suspects: Sequence[Structure | str],
    *,
    wavelength: float | None = None,
    alpha: float = 0.05,
) -> Suspects:
    """As `suspected_phases`, from the parts of a comparison.

    Parameters
    ----------
    expected : xarray.DataArray
        Aligned reference.
    differences : Differences
        Of the sample to it.
    main, suspects, wavelength, alpha
        As in `suspected_phases`.
    """
    if isinstance(suspects, str):
        suspects = (suspects,)
    if not suspects:
        raise MeasurementError("no phase is asked after; name some in suspects")
    x = expected["two_theta"].values
    wave = (
        require_wavelength(expected, wavelength),
        expected.attrs.get("wavelength_kalpha2_angstrom"),
    )
    scale, displacement, width, mixing = _main_phase(expected, main, wave)
    answers = {}
    for suspect in suspects:
        name = suspect if isinstance(suspect, str) else suspect.name
        lines = _lines(suspect, x, wave[0])
        template = scale * _pattern(lines, x, wave, displacement, width, mixing)
        answers[name] = differences.answer_of(template)
    ratio, u, p = _chosen(differences, answers, alpha)
    z = ratio / u
    u = np.hypot(u, _SCALE_UNCERTAINTY * ratio)
    fraction = ratio / (1 + np.maximum(ratio, 0))
    # Of a ratio r to the main phase, r / (1 + r) of both together.
    slope = 1 / (1 + np.maximum(ratio, 0)) ** 2
    table = pd.DataFrame(
        np.column_stack(
            [
                100 * fraction,
                100 * u * slope,
                100 * (fraction - coverage_factor() * u * slope),
                100 * (fraction + coverage_factor() * u * slope),
                100 * np.maximum(fraction + coverage_factor(level=0.90) * u * slope, 0.0),
                z,
                p,
            ]
        ),
        index=pd.Index(list(answers), name="phase"),
        columns=list(HEADS[:-1]),
    )
    table["found"] = p < alpha
    return Suspects(table, width, expected.attrs.get("simulated") == "yes")


def _lines(
    phase: Structure | str, x: np.ndarray, wavelength: float
) -> tuple[np.ndarray, np.ndarray]:
    """2theta of a structure's lines, and the area that a unit of weight gives each."""
    lines = reflections(
        phase,
        wavelength=wavelength,
        two_theta_range=(max(1.0, x[0] - 1), min(179.0, x[-1] + 1)),
        least=0.3,
    )
    return lines["two_theta / degree"].to_numpy(dtype=float), area_per_weight(phase, lines)


def _pattern(
    lines: tuple[np.ndarray, np.ndarray],
    x: np.ndarray,
    wave: tuple[float, float | None],
    displacement: float,
    width: float,
    mixing: float,
) -> np.ndarray:
    two_theta, area = lines
    theta = np.radians(two_theta) / 2
    total = np.zeros(x.size)
    parts = [(wave[0], 2 / 3), (float(wave[1]), 1 / 3)] if wave[1] else [(wave[0], 1.0)]
    # Lines widen with the angle about as tan theta.
    fwhm = width * (0.9 + 0.1 * np.tan(theta) / np.tan(np.radians(20)))
    for wavelength, share in parts:
        place = 2 * np.degrees(np.arcsin(np.minimum(np.sin(theta) * wavelength / wave[0], 1.0)))
        place = place + displacement * np.cos(theta)
        ends = np.searchsorted(x, [place - _REACH * fwhm, place + _REACH * fwhm])
        for line, (low, high) in enumerate(ends.T):
            u = (x[low:high] - place[line]) / fwhm[line]
            total[low:high] += share * area[line] / fwhm[line] * unit_profile(u, mixing)
    return total


def _main_phase(
    expected: xr.DataArray, main: Structure | str, wave: tuple[float, float | None]
) -> tuple[float, float, float, float]:
    """Counts for a unit of area, displacement, and width and mixing of the main phase's lines."""
    x, y = expected["two_theta"].values, expected.values
    step = float(np.median(np.diff(x)))
    lines = _lines(main, x, wave[0])
    weight = 1 / np.maximum(y, 1.0)
    terms = int(np.clip((x[-1] - x[0]) / 2.5, 4, 40))
    basis = np.polynomial.chebyshev.chebvander(2 * (x - x[0]) / (x[-1] - x[0]) - 1, terms)

    def misfit(displacement: float, width: float, mixing: float) -> tuple[float, float]:
        model = _pattern(lines, x, wave, displacement, width, mixing)
        design = np.column_stack([model, basis])
        turned = design.T * weight
        solved = np.linalg.solve(turned @ design, turned @ y)
        left = y - design @ solved
        return float(np.sum(weight * left**2)), float(solved[0])

    width, displacement, mixing = max(0.1, 3 * step), 0.0, 0.5
    for reach in (0.12, 0.03, 0.01):
        tried = displacement + np.linspace(-reach, reach, 9)
        displacement = float(tried[np.argmin([misfit(d, width, mixing)[0] for d in tried])])
        widths = width * (_WIDTHS if reach > 0.1 else np.linspace(0.9, 1.1, 7))
        width = float(widths[np.argmin([misfit(displacement, w, mixing)[0] for w in widths])])
        mixing = float(_MIXINGS[np.argmin([misfit(displacement, width, m)[0] for m in _MIXINGS])])
    scale = misfit(displacement, width, mixing)[1]
    if scale <= 0:
        raise MeasurementError(
            f"the reference does not show {structure_of(main).name}, the main phase"
        )
    return scale, displacement, width, mixing


def _chosen(
    differences: Differences, answers: dict[str, np.ndarray], alpha: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ratio to the main phase of each phase, its standard uncertainty, and p by Holm.

    Phases share lines: what one that is there explains must not speak for another. The surest is
    taken first, and the others are judged beside those taken.
    """
    names, taken = list(answers), list[str]()
    while True:
        found = {
            n: _amounts(differences, [answers[m] for m in (n, *(t for t in taken if t != n))])
            for n in names
        }
        ratio, u = np.array([found[n] for n in names]).T
        p = holm(norm.sf(ratio / u))
        left = [i for i, n in enumerate(names) if n not in taken]
        best = min(left, key=lambda i: p[i], default=None)
        if best is None or p[best] >= alpha:
            return ratio, u, p
        taken.append(names[best])


def _amounts(differences: Differences, answers: list[np.ndarray]) -> tuple[float, float]:
    """How many times the first template is in the difference, beside the others."""
    # Where any of them tells most: each by its own height.
    telling = np.max([a / max(float(a.max()), 1e-300) for a in answers], axis=0)
    places = at_separate_places(telling, differences)
    if not places.size:
        return 0.0, np.inf
    design = np.stack(answers)[:, places] / differences.spread[places]
    covariance = np.linalg.pinv(design @ design.T)
    solved = covariance @ (design @ (differences.height / differences.spread)[places])
    return float(solved[0]), float(np.sqrt(covariance[0, 0]))
