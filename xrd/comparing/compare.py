"""Are two diffraction patterns the same?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from scipy.ndimage import maximum_filter1d
from scipy.stats import norm

from coatcore.coverage import coverage_factor
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.provenance import add_history
from xrd.alignment.align import Alignment, align
from xrd.alignment.grid import on_common_grid
from xrd.alignment.repeatability import Repeatability
from xrd.comparing.change_table import change_table, in_words
from xrd.comparing.changes import PeakChanges, peak_changes
from xrd.comparing.common_change import CommonChange, common_change, isotropic_shift
from xrd.comparing.differences import (
    Differences,
    any_place_p,
    combined_p,
    critical_z,
    peak_differences,
    sum_p,
)
from xrd.comparing.result import Comparison
from xrd.comparing.similarity import descriptors
from xrd.comparing.suspects import Suspects, weigh_suspects
from xrd.crystals.cell_laws import cell_laws, cell_lengths
from xrd.crystals.crystal import Structure
from xrd.crystals.powder_lines import structure_of
from xrd.labels.labels import require_pattern
from xrd.peaks.find import find_peaks, typical_width

DEFAULT_NUISANCE = ("scale", "background", "displacement", "broadening")
# A change that matters: patterns that could hide a larger one are not called the same.
RELEVANT = 0.05
# New peaks are looked for where the reference has less than this of its strongest peak.
FREE = 0.03
# A lattice that changed by more than this many standard uncertainties moves the reference.
_FOLLOW = 2.0
# A lattice that changed by more, relative, is another phase.
_SAME_PHASE = 0.01
# Of the reference's peaks, by height, that lie on lines of its main phase.
_LEAST_OF_MAIN = 0.4
_METHOD = "least squares with scale, displacement, broadening and background"


def compare_patterns(
    reference: xr.DataArray,
    sample: xr.DataArray,
    *,
    alpha: float = 0.05,
    main: Structure | str | None = None,
    suspects: Sequence[Structure | str] = (),
    nuisance: Collection[str] = DEFAULT_NUISANCE,
    repeatability: Repeatability | None = None,
) -> Comparison:
    """Compare two diffraction patterns.

    What an instrument or a diluting polymer may change is fitted and not judged: scale,
    sample displacement, a slight broadening, a smooth background. What is left is tested against
    counting statistics with a term for how well real scans repeat: at every place with the shape
    of a peak; as a sum over all places; the area and the place of each peak of the reference; and
    a change of the whole lattice. Each test allows for all it looks at, and their p-values are
    combined.

    Parameters
    ----------
    reference, sample : xarray.DataArray
        Dim two_theta in degree; counts, or intensities whose noise is then estimated. Steps,
        ranges and counting times may differ.
    alpha : float, default 0.05
        How often two scans of one material may be called different.
    main : Structure or str, optional
        Main phase of the reference, a structure or the name of one that comes with the package:
        its cell lengths are compared, and weights are told by its lines.
    suspects : sequence of Structure or str, optional
        Phases to look for by all their lines at once (`DECOMPOSITION_PRODUCTS` are some); needs
        `main`. A phase that is found makes the verdict different.
    nuisance : collection of str
        Any of scale, background, displacement, zero_shift, broadening. What is left out is
        judged. Displacement and zero shift together are hard to tell from a lattice change.
    repeatability : Repeatability, optional
        Of two scans of one powder on the instrument (`learn_repeatability`); by default that of
        the package.

    Returns
    -------
    Comparison

    Raises
    ------
    MeasurementError
        If there is no common range, a pattern is flat, wavelengths differ, or a phase is named
        and no wavelength is known.

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> pristine, _ = simulate_pattern(1)
    >>> with_li2s, _ = simulate_pattern(2, extra=((27.03, 5.0),))
    >>> found = compare_patterns(pristine, with_li2s)
    >>> found.verdict, found.summary
    ('different', 'new peak at 27.06°')
    """
    if not 0 < alpha < 0.5:
        raise MeasurementError(f"alpha is {alpha:g}; it must lie between 0 and 0.5")
    reference, sample = require_pattern(reference), require_pattern(sample)
    wavelength = _one_wavelength(reference, sample)
    if isinstance(nuisance, str):
        nuisance = (nuisance,)
    floor = repeatability or Repeatability()
    peaks, width = find_peaks(reference), typical_width(reference)
    crystal = None if main is None else structure_of(main)
    if crystal is None and suspects:
        raise MeasurementError("suspects are weighed by the main phase's lines; name it in main")
    if crystal is not None and wavelength is None:
        raise MeasurementError(
            "the patterns name no wavelength, and a phase's lines depend on it; set it, as in "
            "pattern.assign_attrs(wavelength_angstrom=1.540598) for Cu K-alpha1"
        )
    fitted = _fitted(reference, sample, peaks, width, crystal, wavelength, nuisance, floor)
    fit, found, lattice = fitted.fit, fitted.found, fitted.lattice
    tests = _tests(found, fitted.left, lattice)
    residual, expected, on_grid = _curves(fit, found, sample)
    weighed = None
    if main is not None and suspects:
        weighed = weigh_suspects(
            expected, found, main, suspects, wavelength=wavelength, alpha=alpha
        )
        tests["suspected phases"] = float(weighed.table["p"].min())
    p_value = combined_p(*tests.values())
    table = change_table(
        fit, found, fitted.changes, fitted.left, alpha=alpha, free=FREE, wavelength=wavelength
    )
    largest, limit = _new_peaks(fit, found, width, alpha)
    verdict = _verdict(p_value, alpha, limit)
    changed = tests.get("lattice change", 1.0) < alpha
    moved = {n: v for n, v in lattice.items() if changed and abs(v[0]) > 2 * v[1]}
    _, (raw, _) = on_common_grid([reference, sample])
    return Comparison(
        verdict=verdict,
        p_value=p_value,
        summary=_summary(verdict, table, moved, weighed, limit),
        changes=table,
        tests=tests,
        descriptors=descriptors(raw, fit.sample, fit.expected, found.step),
        nuisance=_nuisance(fit, fitted.left, width),
        lattice_change=_isotropic(lattice),
        cell_change=_cell_change(crystal, lattice),
        suspects=weighed,
        largest_new_peak=largest,
        detection_limit=limit,
        dispersion=found.dispersion,
        residual=add_history(residual, "compare_patterns", alpha=alpha),
        expected=expected,
        sample=on_grid,
        differences=found,
    )


class _Fitted(NamedTuple):
    """Reference brought onto the sample, and what is left between them."""

    fit: Alignment
    found: Differences
    changes: PeakChanges
    left: CommonChange
    lattice: dict[str, tuple[float, float]]


def _fitted(
    reference: xr.DataArray,
    sample: xr.DataArray,
    peaks: pd.DataFrame,
    width: float,
    crystal: Structure | None,
    wavelength: float | None,
    nuisance: Collection[str],
    floor: Repeatability,
) -> _Fitted:
    """Align, and align again with the lattice's change, until no step is left of it."""
    known, total = None, dict[str, float]()
    for _ in range(3):
        fit = align(reference, sample, nuisance=nuisance, known_shift=known, repeatability=floor)
        if float(fit.profile.max()) <= 0 or fit.values["scale"][0] <= 0:
            raise MeasurementError(
                "the reference shows no peak that the sample could be compared with"
            )
        found = peak_differences(fit, width, floor)
        changes = peak_changes(fit, peaks, width, found.dispersion, floor)
        lattice_laws = {"lattice": isotropic_shift(changes.two_theta)}
        if crystal is not None and wavelength is not None and changes.two_theta.size:
            lattice_laws = cell_laws(crystal, changes.two_theta, wavelength, width)
            _is_main(crystal, changes, lattice_laws)
        left = common_change(changes, {**lattice_laws, **_laws(changes.two_theta, nuisance)})
        steps = {name: left.values[name] for name in lattice_laws}
        total = {name: total.get(name, 0.0) + step for name, (step, _) in steps.items()}
        # A larger change moves peaks by more than their slopes can tell.
        small = all(abs(step) < _FOLLOW * u for step, u in steps.values())
        if small or max(map(abs, total.values())) > _SAME_PHASE:
            break
        shift = sum(value * lattice_laws[name] for name, value in total.items())
        known = (changes.two_theta, np.asarray(shift))
    # Two scans of one powder seem to differ by more than the fit's uncertainty.
    lattice = {
        name: (total[name], float(np.hypot(u, floor.lattice))) for name, (_, u) in steps.items()
    }
    return _Fitted(fit, found, changes, left, lattice)


def _new_peaks(
    fit: Alignment, found: Differences, width: float, alpha: float
) -> tuple[Estimate, float]:
    """Largest new peak, and the height that one needs to be found, over the strongest."""
    strongest = float(fit.profile.max())
    free = maximum_filter1d(fit.profile, _odd(width, fit)) < FREE * strongest
    free &= np.isfinite(found.spread)
    if not free.any():
        free = np.isfinite(found.spread)
    critical = critical_z(alpha, found.upcrossings)
    one_sided = coverage_factor(level=0.90)
    limit = float(np.median((critical + one_sided) * found.spread[free])) / strongest
    return _largest(found.height[free], found.spread[free], critical, strongest), limit


def _verdict(
    p_value: float, alpha: float, limit: float
) -> Literal["same", "different", "undecided"]:
    if p_value < alpha:
        return "different"
    return "undecided" if limit > RELEVANT else "same"


def _is_main(crystal: Structure, changes: PeakChanges, laws: dict[str, np.ndarray]) -> None:
    """A phase under whose lines little of the reference lies is not its main phase."""
    under = np.any([law != 0 for law in laws.values()], axis=0)
    share = float(changes.height[under].sum() / changes.height.sum())
    if share < _LEAST_OF_MAIN:
        raise MeasurementError(
            f"only {share:.0%} of the reference's peaks lie on lines of {crystal.name}; name "
            "another phase in main"
        )


def _one_wavelength(reference: xr.DataArray, sample: xr.DataArray) -> float | None:
    known = [
        float(p.attrs["wavelength_angstrom"])
        for p in (reference, sample)
        if p.attrs.get("wavelength_angstrom") is not None
    ]
    if known and max(known) - min(known) > 1e-3:
        raise MeasurementError(f"wavelengths differ: {known[0]} and {known[1]} angstrom")
    return known[0] if known else None


def _laws(two_theta: np.ndarray, nuisance: Collection[str]) -> dict[str, np.ndarray]:
    laws = {}
    if "displacement" in nuisance:
        laws["displacement"] = np.cos(np.radians(two_theta) / 2)
    if "zero_shift" in nuisance:
        laws["zero_shift"] = np.ones(two_theta.size)
    return laws


def _tests(
    found: Differences, left: CommonChange, lattice: dict[str, tuple[float, float]]
) -> dict[str, float]:
    tests = {
        "any place": any_place_p(float(np.abs(found.z).max()), found.upcrossings),
        "all places": sum_p(found),
    }
    n = left.shift.size
    if n > 1:
        for name, value, u in (
            ("areas of peaks", left.intensity, left.intensity_u),
            ("places of peaks", left.shift, left.shift_u),
        ):
            worst = float(np.abs(value / u).max())
            tests[name] = float(min(1.0, n * 2 * norm.sf(worst)))
    if all(np.isfinite(u) for _, u in lattice.values()):
        worst = max(abs(value / u) for value, u in lattice.values())
        tests["lattice change"] = float(min(1.0, len(lattice) * 2 * norm.sf(worst)))
    return tests


def _isotropic(lattice: dict[str, tuple[float, float]]) -> Estimate:
    """Mean relative change of the free lengths."""
    values, spreads = np.array([*lattice.values()]).T
    u = float(np.sqrt(np.mean(spreads**2) / len(lattice)))
    return Estimate.from_standard_uncertainty(
        float(values.mean()), u if np.isfinite(u) else 1.0, method=_METHOD
    )


def _cell_change(
    crystal: Structure | None, lattice: dict[str, tuple[float, float]]
) -> dict[str, Estimate]:
    if crystal is None or not all(np.isfinite(u) for _, u in lattice.values()):
        return {}
    return {
        name: Estimate.from_standard_uncertainty(
            lattice[name][0] * length, lattice[name][1] * length, unit="angstrom", method=_METHOD
        )
        for name, length in cell_lengths(crystal).items()
        if name in lattice
    }


def _nuisance(fit: Alignment, left: CommonChange, width: float) -> dict[str, Estimate]:
    values = dict(fit.values)
    out = {}
    for name, (value, u) in values.items():
        if name == "broadening":
            # d(FWHM^2) = 8 ln 2 d(variance), for a line of typical width.
            per = 8 * np.log(2) / (2 * width)
            out["line_width"] = Estimate.from_standard_uncertainty(
                value * per, u * per, unit="degree", method=_METHOD
            )
            continue
        more, more_u = left.values.get(name, (0.0, np.inf))
        if np.isfinite(more_u):
            # Peak by peak, weighted by how well peaks repeat: surer than the whole pattern.
            value, u = value + more, more_u
        unit = "1" if name == "scale" else "degree"
        out[name] = Estimate.from_standard_uncertainty(value, u, unit=unit, method=_METHOD)
    return out


def _summary(
    verdict: str,
    table: pd.DataFrame,
    moved: dict[str, tuple[float, float]],
    weighed: Suspects | None,
    limit: float,
) -> str:
    if verdict == "different":
        phases = (
            [] if weighed is None or not weighed.found else [f"{', '.join(weighed.found)} found"]
        )
        words = in_words(table, moved)
        return "; ".join([*phases, words] if len(table) or moved or not phases else phases)
    bound = f"a new peak of {limit:.1%} of the strongest would have been found"
    if verdict == "same":
        return f"nothing changed beyond repeats; {bound}"
    return f"cannot tell: nothing differs, but only {bound}"


def _curves(
    fit: Alignment, found: Differences, sample: xr.DataArray
) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    frame = {"two_theta": ("two_theta", fit.two_theta, sample["two_theta"].attrs)}

    def on_grid(values: np.ndarray, name: str, unit: str) -> xr.DataArray:
        attrs = {**sample.attrs, "units": unit, "long_name": name}
        return xr.DataArray(values, frame, ("two_theta",), name=name.split()[0], attrs=attrs)

    residual = (fit.sample - fit.expected) / np.sqrt(found.dispersion * fit.variance)
    unit = sample.attrs["units"]
    return (
        on_grid(residual, "residual in standard deviations", "1"),
        on_grid(fit.expected, "expected " + str(sample.name), unit),
        on_grid(fit.sample, str(sample.name), unit),
    )


def _odd(width: float, fit: Alignment) -> int:
    step = float(np.median(np.diff(fit.two_theta)))
    return 2 * max(1, round(1.5 * width / step)) + 1


def _largest(height: np.ndarray, spread: np.ndarray, critical: float, strongest: float) -> Estimate:
    """Largest new peak with an interval that holds for all places at once."""
    best = int(np.argmax(height / spread))
    value = max(0.0, float(height[best]))
    lower = max(0.0, float((height - critical * spread).max()))
    # Places with hardly any counts set no bound of their own; all others must lie below.
    upper = max(value, float(np.quantile(height + critical * spread, 0.99)))
    upper = max(upper, float(height[best] + critical * spread[best]))
    return Estimate.from_interval(
        value / strongest,
        min(lower, value) / strongest,
        upper / strongest,
        standard_uncertainty=float(spread[best]) / strongest,
        method="matched filter over places free of reference peaks, simultaneous interval",
    )
