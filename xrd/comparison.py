"""Are two diffraction patterns the same?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
import xarray as xr
from scipy.ndimage import maximum_filter1d
from scipy.special import ndtri
from scipy.stats import chi2, norm

from coatqc.core.errors import MeasurementError
from coatqc.core.estimate import Estimate
from coatqc.core.plotting import CYCLE, OKABE_ITO, axis_label, mark_simulated, new_axes
from coatqc.core.provenance import add_history
from xrd.alignment import Alignment, align
from xrd.labels import CU_KALPHA1, require_pattern
from xrd.peaks import d_spacing, typical_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# How well real repeats agree beyond counting: relative scatter of a peak's intensity, of its
# place (degree), and of the background. Learnt from pairs of 2 min and 8 min scans of 14 mixtures.
REPEATABILITY = 0.10
PLACE_REPEATABILITY = 0.02
BACKGROUND_REPEATABILITY = 0.02
# A change that matters: patterns that could hide a larger one are not called the same.
RELEVANT = 0.05
# New peaks are looked for where the reference has less than this of its strongest peak.
FREE = 0.03
_HEADS = ("two_theta / degree", "d / angstrom", "relative height", "standard uncertainty", "z")


@dataclass(frozen=True)
class Comparison:
    """Sample against reference.

    Parameters
    ----------
    verdict : {"same", "different", "undecided"}
        Undecided where nothing differs, but a new peak of 5 % could hide in the noise.
    p_value : float
        Probability of a difference as large as this between two scans of one material.
    new_peaks, missing_peaks : pandas.DataFrame
        A row a peak: place, d, height relative to the reference's strongest, its uncertainty, z.
    rwp : float
        Weighted profile R factor; depends on the counts, so it is no measure of sameness.
    scale, displacement : Estimate
        Sample over reference (unit 1); shift of 2theta as cos theta goes to 1 (degree).
    largest_new_peak : Estimate
        Height of the largest new peak relative to the reference's strongest (unit 1).
    detection_limit : float
        Relative height that a new peak needs to be found with probability 0.95, unit 1.
    residual : xarray.DataArray
        Over two_theta, in standard deviations.
    expected, sample : xarray.DataArray
        Aligned reference and sample on the common grid.

    Examples
    --------
    >>> from xrd import compare_patterns, simulate_pattern
    >>> a, b = (simulate_pattern(seed)[0] for seed in (1, 2))
    >>> compare_patterns(a, b).verdict
    'same'
    """

    verdict: Literal["same", "different", "undecided"]
    p_value: float
    new_peaks: pd.DataFrame
    missing_peaks: pd.DataFrame
    rwp: float
    scale: Estimate
    displacement: Estimate
    largest_new_peak: Estimate
    detection_limit: float
    residual: xr.DataArray
    expected: xr.DataArray
    sample: xr.DataArray

    def plot(self, ax: Axes | None = None) -> Axes:
        """Both patterns, their difference below, and what is new or missing.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on.
        """
        ax = new_axes(ax, figsize=(7.2, 4.0))
        x, y, e = self.sample["two_theta"].values, self.sample.values, self.expected.values
        top = float(max(y.max(), e.max()))
        ax.plot(x, y, ".", ms=1.5, color="0.45", label="sample")
        ax.plot(x, e, lw=0.8, color=CYCLE[0], label="reference, aligned")
        ax.plot(x, y - e - 0.12 * top, lw=0.6, color=OKABE_ITO["green"], label="difference")
        for table, colour, label in (
            (self.new_peaks, "vermillion", "new"),
            (self.missing_peaks, "purple", "missing"),
        ):
            if len(table):
                place = table["two_theta / degree"].to_numpy()
                height = np.interp(place, x, np.maximum(y, e)) + 0.05 * top
                ax.plot(place, height, "v", ms=5, color=OKABE_ITO[colour], label=label)
        ax.set_title(f"{self.verdict}, p = {self.p_value:.2g}, Rwp = {self.rwp:.3f}")
        ax.set_xlabel(axis_label(self.sample["two_theta"]))
        ax.set_ylabel(axis_label(self.sample))
        ax.legend(loc="upper right", ncols=2)
        mark_simulated(ax, self.sample)
        return ax


def compare_patterns(
    reference: xr.DataArray, sample: xr.DataArray, *, alpha: float = 0.05
) -> Comparison:
    """Compare two diffraction patterns.

    Scale, sample displacement, a slight broadening and a smooth background are fitted and not
    judged. What is left is tested twice against counting statistics with a term for how well
    real scans repeat: as a whole (chi-squared), and at every place with the shape of a peak,
    allowing for the number of places looked at (Bonferroni).

    Parameters
    ----------
    reference, sample : xarray.DataArray
        Dim two_theta in degree; counts, or intensities whose noise is then estimated.
    alpha : float, default 0.05
        How often two scans of one material may be called different.

    Returns
    -------
    Comparison

    Raises
    ------
    MeasurementError
        If there is no common range, a pattern is flat, or wavelengths differ.

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> pristine, _ = simulate_pattern(1)
    >>> with_li2s, _ = simulate_pattern(2, extra=((27.03, 5.0),))
    >>> found = compare_patterns(pristine, with_li2s)
    >>> found.verdict, float(found.new_peaks["two_theta / degree"].iloc[0].round())
    ('different', 27.0)
    """
    reference, sample = require_pattern(reference), require_pattern(sample)
    waves = [p.attrs.get("wavelength_angstrom") for p in (reference, sample)]
    known = [float(w) for w in waves if w is not None]
    if known and max(known) - min(known) > 1e-3:
        raise MeasurementError(f"wavelengths differ: {known[0]} and {known[1]} angstrom")
    fit = align(reference, sample)
    strongest = float(fit.profile.max())
    if strongest <= 0 or fit.scale <= 0:
        raise MeasurementError("the reference shows no peak that the sample could be compared with")
    width = typical_width(reference)
    height, spread = _peak_heights(fit, width)
    z = height / spread
    places = max(10.0, (fit.two_theta[-1] - fit.two_theta[0]) / width)
    critical = float(ndtri(1 - alpha / 2 / places / 2))
    p_peak = min(1.0, places * 2 * float(norm.sf(np.abs(z).max())))
    residual = (fit.sample - fit.expected) / np.sqrt(fit.variance + _systematic(fit) ** 2)
    p_whole = float(chi2.sf(np.sum(residual**2), residual.size - fit.parameters))
    p_value = min(1.0, 2 * min(p_peak, p_whole))
    free = maximum_filter1d(fit.profile, _odd(width, fit)) < FREE * strongest
    if not free.any():
        free = np.ones(free.shape, bool)
    limit = float(np.median((critical + 1.645) * spread[free])) / strongest
    wavelength = float(reference.attrs.get("wavelength_angstrom", CU_KALPHA1))
    peaks = [
        _peak_table(fit.two_theta, sign * height, spread, critical, strongest, width, wavelength)
        for sign in (1, -1)
    ]
    verdict: Literal["same", "different", "undecided"] = "same"
    if p_value < alpha:
        verdict = "different"
    elif limit > RELEVANT:
        verdict = "undecided"
    weight = 1 / np.maximum(fit.sample, 1.0)
    rwp = np.sqrt(
        np.sum(weight * (fit.sample - fit.expected) ** 2) / np.sum(weight * fit.sample**2)
    )
    common = sample.isel(two_theta=slice(0, 1)).two_theta.attrs
    frame = {"two_theta": ("two_theta", fit.two_theta, common)}

    def on_grid(values: np.ndarray, name: str, unit: str) -> xr.DataArray:
        attrs = {**sample.attrs, "units": unit, "long_name": name}
        return xr.DataArray(values, frame, ("two_theta",), name=name.split()[0], attrs=attrs)

    method = "least squares with scale, displacement, broadening and background"
    return Comparison(
        verdict,
        p_value,
        peaks[0],
        peaks[1],
        float(rwp),
        Estimate.from_standard_uncertainty(fit.scale, fit.scale_u, method=method),
        Estimate.from_standard_uncertainty(
            fit.displacement, fit.displacement_u, unit="degree", method=method
        ),
        _largest(height[free], spread[free], critical, strongest),
        limit,
        add_history(
            on_grid(residual, "residual in standard deviations", "1"),
            "compare_patterns",
            alpha=alpha,
        ),
        on_grid(fit.expected, "expected " + str(sample.name), sample.attrs["units"]),
        on_grid(fit.sample, str(sample.name), sample.attrs["units"]),
    )


def _odd(width: float, fit: Alignment) -> int:
    step = float(np.median(np.diff(fit.two_theta)))
    return 2 * max(1, round(1.5 * width / step)) + 1


def _systematic(fit: Alignment) -> np.ndarray:
    """Standard deviation of each point between repeats, beyond counting."""
    flank = np.abs(np.gradient(fit.profile, fit.two_theta))
    peaks = np.hypot(REPEATABILITY * fit.profile, PLACE_REPEATABILITY * flank)
    return np.hypot(peaks, BACKGROUND_REPEATABILITY * np.maximum(fit.expected, 0))


def _peak_heights(fit: Alignment, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Height of a peak at every place that the residual holds, and its standard deviation."""
    step = float(np.median(np.diff(fit.two_theta)))
    reach = max(2, round(2 * width / step))
    offset = step * np.arange(-reach, reach + 1) / width
    template = 0.5 / (1 + 4 * offset**2) + 0.5 * np.exp(-4 * np.log(2) * offset**2)
    # Without its mean, a template does not answer to a residual of the background.
    template = template - template.mean()
    inverse = 1 / fit.variance
    norm2 = np.correlate(inverse, template**2, mode="same")

    def height_of(excess: np.ndarray) -> np.ndarray:
        return np.correlate(excess * inverse, template, mode="same") / norm2

    # What does not repeat is one factor for a whole peak, so it does not average over points:
    # it answers as the reference's own peaks would. A peak out of its place leaves an odd
    # residual, to which an even template is nearly blind.
    near = 2 * max(1, round(width / step / 2)) + 1
    repeat = REPEATABILITY * maximum_filter1d(np.abs(height_of(fit.profile)), near)
    floor = BACKGROUND_REPEATABILITY * np.maximum(fit.expected, 0)
    return height_of(fit.sample - fit.expected), np.sqrt(1 / norm2 + repeat**2 + floor**2)


def _peak_table(
    x: np.ndarray,
    height: np.ndarray,
    spread: np.ndarray,
    critical: float,
    strongest: float,
    width: float,
    wavelength: float,
) -> pd.DataFrame:
    z = height / spread
    rows: list[tuple[float, ...]] = []
    taken: list[float] = []
    beyond = np.flatnonzero(np.abs(z) > critical)
    # Largest first, whatever its sign: beside a peak its template answers with the other sign.
    for i in beyond[np.argsort(-np.abs(height[beyond]))]:
        if all(abs(x[i] - place) > 3 * width for place in taken):
            taken.append(float(x[i]))
            if z[i] > 0:
                d = float(d_spacing(x[i], wavelength))
                rows.append((x[i], d, height[i] / strongest, spread[i] / strongest, z[i]))
    return pd.DataFrame(rows, columns=list(_HEADS))


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
