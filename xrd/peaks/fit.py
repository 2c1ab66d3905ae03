"""Places, widths and areas of a pattern's peaks, with their uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from scipy.optimize import least_squares
from scipy.stats import chi2

from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.plotting import (
    CYCLE,
    OKABE_ITO,
    axis_label,
    mark_simulated,
    new_axes,
    panel_of_residual,
)
from coatcore.provenance import add_history
from xrd.labels.angles import d_spacing
from xrd.labels.labels import require_pattern
from xrd.peaks.find import find_peaks, noise_gain, typical_width
from xrd.peaks.line_shape import doublet_of, line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# A window reaches so many widths to either side of a peak.
_REACH = 6.0
_MOST_TOGETHER = 6
# Reweighting by the model's own variance settles in as many rounds.
_ROUNDS = 4
_MISFIT_P = 1e-3
_WIDEST = 3.0
HEADS = (
    "two_theta / degree",
    "u(two_theta) / degree",
    "d / angstrom",
    "u(d) / angstrom",
    "fwhm / degree",
    "u(fwhm) / degree",
    "area",
    "u(area)",
    "height",
    "mixing",
    "reduced chi2",
    "flag",
)


@shown(hide=("fitted", "background", "residual"), table="table")
@dataclass(frozen=True, kw_only=True)
class PeakFit:
    """Fitted peaks of a pattern.

    Parameters
    ----------
    table : pandas.DataFrame
        A row a peak by rising angle: place of K-alpha1, d (NaN without a wavelength), full width
        at half maximum, area (unit of the pattern times degree, all wavelengths together) and
        standard uncertainties; height; share of the Lorentzian; reduced chi-squared of the
        window; flag (misfit, at_edge, not_found; uncertainties of a misfit are enlarged).
    fitted, background, residual : xarray.DataArray
        Over the windows fitted; NaN elsewhere. The residual is in standard deviations.
    pattern : xarray.DataArray
        What was fitted.

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> fit = fit_peaks(simulate_pattern(1)[0], places=[30.03])
    >>> str(fit.estimate(0, "two_theta"))[:5]
    '30.03'
    """

    table: pd.DataFrame
    fitted: xr.DataArray
    background: xr.DataArray
    residual: xr.DataArray
    pattern: xr.DataArray

    def estimate(self, row: int, what: str) -> Estimate:
        """One number of a peak as an estimate with its interval.

        Parameters
        ----------
        row : int
            Of `table`.
        what : {"two_theta", "d", "fwhm", "area"}
            Which number.

        Raises
        ------
        MeasurementError
            If there is no such row or number.
        """
        if not 0 <= row < len(self.table):
            raise MeasurementError(f"row is {row}; the table has rows 0 to {len(self.table) - 1}")
        area_unit = f"{self.pattern.attrs['units']} degree"
        units = {"two_theta": "degree", "d": "angstrom", "fwhm": "degree", "area": area_unit}
        if what not in units:
            raise MeasurementError(f"what is {what!r}; allowed are {', '.join(units)}")
        suffix = "" if what == "area" else f" / {units[what]}"
        values = self.table.iloc[row]
        return Estimate.from_standard_uncertainty(
            float(values[f"{what}{suffix}"]),
            float(values[f"u({what}){suffix}"]),
            unit=units[what],
            method="pseudo-Voigt fit",
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Pattern, fit and background, and the residual in standard deviations below.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on.
        """
        ax = new_axes(ax, figsize=(7.2, 4.2))
        x = self.pattern["two_theta"].values
        ax.plot(x, self.pattern.values, ".", ms=2, color="0.5", label="measured")
        ax.plot(x, self.fitted.values, lw=1.0, color=CYCLE[0], label="fitted")
        ax.plot(x, self.background.values, lw=1.0, color=OKABE_ITO["orange"], label="background")
        ax.set_ylabel(axis_label(self.pattern))
        ax.legend(loc="upper right")
        panel_of_residual(ax, self.residual, "residual / σ")
        mark_simulated(ax, self.pattern)
        return ax


def fit_peaks(
    pattern: xr.DataArray, places: Sequence[float] | None = None, *, significance: float = 8.0
) -> PeakFit:
    """Fit pseudo-Voigt lines, as K-alpha doublets where the pattern has two wavelengths.

    Peaks nearer than some widths are fitted together, with one mixing and a parabola as background.
    Counts are weighed by the variance that the model gives them, which counts themselves would
    bias (iteratively reweighted least squares, the maximum of the Poisson likelihood).

    Parameters
    ----------
    pattern : xarray.DataArray
        Dim two_theta. A coordinate standard_uncertainty is used for what are no counts.
    places : sequence of float, optional
        About where the peaks are, degree; by default those that `find_peaks` finds.
    significance : float
        Of the peaks looked for.

    Returns
    -------
    PeakFit

    Raises
    ------
    MeasurementError
        If a place lies outside the pattern, or no peak is found.

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> fit = fit_peaks(simulate_pattern(1)[0])
    >>> len(fit.table) >= 15
    True
    """
    pattern = require_pattern(pattern)
    x, y = pattern["two_theta"].values, pattern.values.astype(float)
    parts = doublet_of(pattern)
    width = typical_width(pattern)
    if places is None:
        found = find_peaks(pattern, significance=significance)
        starts = _without_satellites(found, parts, width)
        if not starts.size:
            raise MeasurementError("no peak stands out; name places, or lower significance")
    else:
        starts = np.sort(np.atleast_1d(np.asarray(places, dtype=float)))
        outside = starts[~((starts > x[0]) & (starts < x[-1]))]
        if not starts.size or outside.size:
            named = f"{outside[0]:g} degree" if outside.size else "nothing"
            raise MeasurementError(
                f"places names {named}; the pattern runs from {x[0]:g} to {x[-1]:g} degree"
            )
    curves = np.full((3, x.size), np.nan)
    rows = []
    for group in _groups(starts, width):
        inside = (x > group[0] - _REACH * width) & (x < group[-1] + _REACH * width)
        fitted = _fit_group(x[inside], y[inside], _variance(pattern, inside), group, width, parts)
        rows += fitted.rows
        curves[:, inside] = fitted.curves
    wavelength = pattern.attrs.get("wavelength_angstrom")
    return PeakFit(
        table=_table(rows, None if wavelength is None else float(wavelength)),
        fitted=add_history(
            _like(pattern, curves[0], "fitted", pattern.attrs["units"]), "fit_peaks"
        ),
        background=_like(pattern, curves[1], "background", pattern.attrs["units"]),
        residual=_like(pattern, curves[2], "residual in standard deviations", "1"),
        pattern=pattern,
    )


@dataclass(frozen=True)
class _Group:
    rows: list[dict[str, float | str]]
    curves: np.ndarray


def _without_satellites(
    found: pd.DataFrame, parts: list[tuple[float, float]], width: float
) -> np.ndarray:
    """Places of peaks that are no K-alpha2 of a stronger one."""
    place = found["two_theta / degree"].to_numpy(dtype=float)
    height = found["height"].to_numpy(dtype=float)
    keep = np.ones(place.size, bool)
    for relative, _ in parts[1:]:
        sine = np.minimum(np.sin(np.radians(place) / 2) * relative, 1.0)
        second = 2 * np.degrees(np.arcsin(sine))
        for i in range(place.size):
            near = np.abs(place - second[i]) < max(0.4 * width, 0.02)
            keep &= ~(near & (height < 0.75 * height[i]))
    return np.sort(place[keep])


def _groups(places: np.ndarray, width: float) -> list[np.ndarray]:
    """Peaks whose windows overlap much, so many together at most, cut at the widest gap."""
    groups = np.split(places, np.flatnonzero(np.diff(places) > _REACH * width) + 1)
    out: list[np.ndarray] = []
    while groups:
        group = groups.pop(0)
        if group.size <= _MOST_TOGETHER:
            out.append(group)
        else:
            at = int(np.argmax(np.diff(group))) + 1
            groups = [group[:at], group[at:], *groups]
    return out


def _variance(pattern: xr.DataArray, inside: np.ndarray) -> float | np.ndarray:
    """Variance over value for what counts, or the variance of each point."""
    if pattern.name != "counts" and "standard_uncertainty" in pattern.coords:
        u = pattern["standard_uncertainty"].values[inside].astype(float)
        if np.isfinite(u).all() and u.min() > 0:
            return u**2
    return noise_gain(pattern)


class _Window(NamedTuple):
    """Points around peaks that are fitted together.

    Parameters are area, place and width of each peak, then one mixing, and three terms of the
    background.
    """

    x: np.ndarray
    y: np.ndarray
    terms: np.ndarray
    parts: list[tuple[float, float]]
    n: int

    def named(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, np.ndarray]:
        """Areas, places, widths, mixing and background of a vector of parameters."""
        n = self.n
        return p[:n], p[n : 2 * n], p[2 * n : 3 * n], p[3 * n], p[3 * n + 1 :]

    def model(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values, and their derivatives by each parameter."""
        n = self.n
        areas, places, widths, mixing, background = self.named(p)
        model = self.terms @ background
        jacobian = np.zeros((self.x.size, p.size))
        jacobian[:, 3 * n + 1 :] = self.terms
        for i in range(n):
            shape, by_place, by_fwhm, by_mixing = line(
                self.x, places[i], widths[i], mixing, self.parts
            )
            model = model + areas[i] * shape
            jacobian[:, i] = shape
            jacobian[:, n + i], jacobian[:, 2 * n + i] = areas[i] * by_place, areas[i] * by_fwhm
            jacobian[:, 3 * n] += areas[i] * by_mixing
        return model, jacobian


def _fit_group(
    x: np.ndarray,
    y: np.ndarray,
    noise: float | np.ndarray,
    places: np.ndarray,
    width: float,
    parts: list[tuple[float, float]],
) -> _Group:
    n, step = places.size, float(np.median(np.diff(x)))
    if x.size < 3 * n + 6:
        raise MeasurementError(
            f"{x.size} points around {places[0]:.3f} degree are too few for {n} peaks"
        )
    middle = (x - x.mean()) / max(np.ptp(x), step)
    terms = np.column_stack([np.ones(x.size), middle, middle**2])
    low = float(np.percentile(y, 10))
    areas = np.array([max(float(np.interp(p, x, y)) - low, 1.0) for p in places]) * width * 1.2
    start = np.r_[areas, places, np.full(n, width), 0.5, max(low, 0.0), 0.0, 0.0]
    reach = max(width, 3 * step)
    lower = np.r_[np.full(n, -np.inf), places - reach, np.full(n, 0.8 * step), 0.0, *[-np.inf] * 3]
    upper = np.r_[np.full(n, np.inf), places + reach, np.full(n, _WIDEST), 1.0, *[np.inf] * 3]
    window = _Window(x, y, terms, parts, n)
    p, variance = _reweighted(window, start, (lower, upper), noise)
    model, jacobian = window.model(p)
    z = (y - model) / np.sqrt(variance)
    dof = x.size - p.size
    reduced = float(np.sum(z**2)) / dof
    # A parameter at its bound is known no better than the data say; its column stays.
    covariance = np.linalg.pinv((jacobian.T / variance) @ jacobian)
    misfit = bool(chi2.sf(reduced * dof, dof) < _MISFIT_P)
    spread = np.sqrt(np.maximum(np.diag(covariance), 0.0)) * (np.sqrt(reduced) if misfit else 1.0)
    at_edge = np.minimum(np.abs(p - lower), np.abs(p - upper))[n : 2 * n] < 1e-6
    rows = _rows(window, p, spread, at_edge, reduced, misfit)
    return _Group(rows, np.stack([model, terms @ window.named(p)[-1], z]))


def _reweighted(
    window: _Window,
    start: np.ndarray,
    bounds: tuple[np.ndarray, np.ndarray],
    noise: float | np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Parameters by least squares, weighed by the variance of the model, and that variance."""
    y, p = window.y, start
    least = 0.3 * (noise if isinstance(noise, float) else 1.0)
    variance = noise * np.maximum(np.full(y.size, max(y.mean(), 1.0)), least)
    for turn in range(_ROUNDS):
        if isinstance(noise, float):
            level = y.mean() + np.zeros(y.size) if turn == 0 else window.model(p)[0]
            variance = noise * np.maximum(level, least)
        else:
            variance = noise
        root = np.sqrt(variance)
        before = p
        p = least_squares(
            lambda q, root=root: (window.model(q)[0] - y) / root,
            p,
            lambda q, root=root: window.model(q)[1] / root[:, None],
            bounds=bounds,
            x_scale=np.maximum(np.abs(start), 1e-3),
            max_nfev=60,
        ).x
        if turn and np.allclose(p, before, rtol=1e-5, atol=1e-7):
            break
    return p, variance


def _rows(
    window: _Window,
    p: np.ndarray,
    spread: np.ndarray,
    at_edge: np.ndarray,
    reduced: float,
    misfit: bool,
) -> list[dict[str, float | str]]:
    """A row a peak."""
    areas, places, widths, mixing, _ = window.named(p)
    u_areas, u_places, u_widths, _, _ = window.named(spread)
    rows: list[dict[str, float | str]] = []
    for i in range(window.n):
        flags = ["misfit"] if misfit else []
        if at_edge[i]:
            flags.append("at_edge")
        if areas[i] < 3 * u_areas[i]:
            flags.append("not_found")
        top = line(places[i : i + 1], places[i], widths[i], mixing, window.parts)[0][0]
        rows.append(
            {
                "place": places[i],
                "u_place": u_places[i],
                "fwhm": widths[i],
                "u_fwhm": u_widths[i],
                "area": areas[i],
                "u_area": u_areas[i],
                "height": float(areas[i] * top),
                "mixing": mixing,
                "chi2": reduced,
                "flag": ", ".join(flags),
            }
        )
    return rows


def _table(rows: list[dict[str, float | str]], wavelength: float | None) -> pd.DataFrame:
    rows = sorted(rows, key=lambda row: row["place"])
    place, u = (np.array([float(r[k]) for r in rows]) for k in ("place", "u_place"))
    d = np.full(place.size, np.nan) if wavelength is None else d_spacing(place, wavelength)
    # Bragg's law differentiated: |dd| = d / tan(theta) / 2 times d(2theta) in radian.
    u_d = d / np.tan(np.radians(place) / 2) / 2 * np.radians(u)
    others = [[r[k] for r in rows] for k in ("fwhm", "u_fwhm", "area", "u_area")]
    last = [[r[k] for r in rows] for k in ("height", "mixing", "chi2", "flag")]
    columns = [place, u, d, u_d, *others, *last]
    return pd.DataFrame(dict(zip(HEADS, columns, strict=True)))


def _like(pattern: xr.DataArray, values: np.ndarray, name: str, unit: str) -> xr.DataArray:
    attrs = {**pattern.attrs, "units": unit, "long_name": name}
    coords = {"two_theta": pattern["two_theta"]}
    return xr.DataArray(values, coords, ("two_theta",), name=name.split()[0], attrs=attrs)
