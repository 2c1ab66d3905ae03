"""Are two spectra the same? The before-and-after question of a stability test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from coatqc.core.errors import MeasurementError
from coatqc.core.estimate import Estimate
from coatqc.core.plotting import OKABE_ITO, axis_label, mark_simulated, new_axes
from spectra.localdifference import LocalDifference, local_difference, template, widths_for
from spectra.resampling import resample
from spectra.smoothing import smoothing_weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class SpectrumComparison:
    """What came of comparing two spectra.

    Parameters
    ----------
    verdict : str
        ``same``, ``different`` or ``undecided``.
    p_value : float
        How often noise alone makes so large a band-like difference anywhere.
    scale : Estimate
        Factor between the two, unit 1.
    hidden : Estimate
        Largest band-like difference that could hide at 95 %, as a share of the largest band of
        the reference; its value is the largest difference found.
    hidden_at, hidden_fwhm : float
        Where it could hide, and how wide it would be, cm-1.
    largest_at : float
        Where the two differ most against their noise, cm-1.
    residual : xarray.DataArray
        Sample minus scaled reference, offset and slope.
    limits : xarray.DataArray
        Over fwhm and wavenumber: difference that could hide, in the unit of the sample.
    reference, sample : xarray.DataArray
        What was compared; the reference scaled to the sample.
    smallest_relevant : float
        As it was asked for.

    Examples
    --------
    >>> from spectra import same_spectrum, simulate_ftir
    >>> a, b = simulate_ftir(1)[0], simulate_ftir(2)[0]
    >>> same_spectrum(a, b, smallest_relevant=0.1).verdict
    'same'
    """

    verdict: str
    p_value: float
    scale: Estimate
    hidden: Estimate
    hidden_at: float
    hidden_fwhm: float
    largest_at: float
    residual: xr.DataArray
    limits: xr.DataArray
    reference: xr.DataArray
    sample: xr.DataArray
    smallest_relevant: float

    @property
    def equivalent(self) -> bool:
        """Whether no band-like difference that would matter can hide, significant or not.

        Examples
        --------
        >>> from spectra import same_spectrum, simulate_ftir
        >>> a, b = simulate_ftir(1)[0], simulate_ftir(2)[0]
        >>> same_spectrum(a, b, smallest_relevant=0.1).equivalent
        True
        """
        return self.hidden.upper <= self.smallest_relevant

    def plot(self, ax: Axes | None = None) -> Axes:
        """Both spectra, and below them ten times their difference with what could hide.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on.
        """
        ax = new_axes(ax, figsize=(7.0, 4.0))
        x = self.sample["wavenumber"].values
        ax.plot(x, self.reference.values, color=OKABE_ITO["blue"], lw=1.4, label="reference")
        ax.plot(
            x, self.sample.values, color=OKABE_ITO["vermillion"], lw=0.8, ls="--", label="sample"
        )
        low, size = float(self.sample.min()), float(np.ptp(self.sample.values))
        base, factor = low - 0.35 * size, 10.0
        ax.axhline(base, color="0.6", lw=0.6)
        widest = self.limits.sel(fwhm=20.0, method="nearest")
        ax.fill_between(
            x,
            base - factor * widest.values,
            base + factor * widest.values,
            color=OKABE_ITO["sky"],
            alpha=0.35,
            lw=0,
            label=f"could hide, {float(widest['fwhm']):g} cm⁻¹ wide (× {factor:g})",
        )
        ax.plot(
            x,
            base + factor * self.residual.values,
            color="0.25",
            lw=0.6,
            label=f"difference (× {factor:g})",
        )
        ax.axvline(self.largest_at, color=OKABE_ITO["orange"], lw=0.8, ls=":")
        ax.set_title(
            f"{self.verdict}, p = {self.p_value:.2g}; a band of "
            f"{100 * self.hidden.upper:.2g} % of the largest could hide at "
            f"{self.hidden_at:.0f} cm⁻¹",
            fontsize=9,
        )
        ax.invert_xaxis()
        ax.set_xlabel(axis_label(self.sample["wavenumber"]))
        ax.set_ylabel(axis_label(self.sample))
        ax.legend(loc="upper left", fontsize=7)
        mark_simulated(ax, self.reference, self.sample)
        return ax


def same_spectrum(
    a: xr.DataArray,
    b: xr.DataArray,
    *,
    span: tuple[float, float] | None = None,
    skip: Sequence[tuple[float, float]] = (),
    smallest_relevant: float = 0.05,
    alpha: float = 0.05,
    instrument: float = 0.0,
) -> SpectrumComparison:
    """Compare two spectra after scale, offset and slope.

    Sample b is described as scale × a + offset + slope × wavenumber, with the noise of both in
    mind. What is left is searched for bands of 8 to 45 cm-1 width, everywhere at once: it is
    *different* where noise alone would seldom make the largest of them, *same* where in addition
    no band above `smallest_relevant` could hide, and *undecided* otherwise. Spectra of little
    noise are easily *different* by something that does not matter: see `equivalent`. Changes
    broader than that (a curved baseline) are not looked for. Where the noise grows more than
    tenfold within one band (absorbance above 1) it is not followed wholly, and one pair in six
    that are the same is called different. Digits too few to show the noise make steps that are
    no noise either.

    Parameters
    ----------
    a, b : xarray.DataArray
        Reference and sample; dims (wavenumber,) or (replicate, wavenumber). With replicates the
        means are compared, and the scatter of the replicates counts where it exceeds the noise;
        a lone spectrum beside replicates is taken to scatter like them.
    span : (float, float), optional
        Wavenumbers to compare, cm-1; by default all that both have.
    skip : sequence of (float, float)
        Ranges to leave out, cm-1, such as (2280, 2400) for carbon dioxide.
    smallest_relevant : float, default 0.05
        Difference that would matter, as a share of the reference's largest band.
    alpha : float, default 0.05
        Chance that two spectra that are the same are called different; 0.01 at least.
    instrument : float, default 0.0
        Standard uncertainty of the wavenumber scale between the two, cm-1.

    Returns
    -------
    SpectrumComparison

    Raises
    ------
    MeasurementError
        If the two cannot be compared: different quantities, no common range, values missing,
        smoothed differently.

    References
    ----------
    Shi et al., J. Mater. Chem. A 2025, 13, 2600, section 2.2 (before and after 80 °C); Deming,
    Statistical Adjustment of Data, 1943 (scale with noise on both sides); Schuirmann, J.
    Pharmacokinet. Biopharm. 1987, 15, 657 (equivalence).

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> before, _ = simulate_ftir(1)
    >>> after, _ = simulate_ftir(2, carbonyl_position=1667.0)
    >>> found = same_spectrum(before, after)
    >>> found.verdict, abs(found.largest_at - 1669) < 30
    ('different', True)
    """
    _check_settings(smallest_relevant, alpha, instrument)
    a, b = _on_one_grid(a, b, span)
    weights = _common_smoothing(a, b)
    x = a["wavenumber"].values
    step = float(abs(x[1] - x[0]))
    compared = np.ones(x.size, bool)
    for low, high in skip:
        compared &= ~((x >= min(low, high)) & (x <= max(low, high)))
    if (
        widths_for(step).size == 0
        or compared.sum() < 2 * template(float(widths_for(step)[0]), step).size
    ):
        raise MeasurementError(
            f"{int(compared.sum())} points, {step:g} cm-1 apart, are left to compare: too few to "
            "see a band in"
        )
    one, many_a = _mean_and_deviations(a)
    two, many_b = _mean_and_deviations(b)
    scale, u_scale, model = _scaled(x, one, two, compared)
    residual = np.where(compared, two - model, 0.0)
    if np.ptp(residual) <= 1e-12 * max(np.ptp(two), 1e-300):
        raise MeasurementError("the two spectra are copies of each other: there is no noise")
    # A lone spectrum scatters like those of the other side: that it does cannot be seen in it.
    if many_a is None and many_b is not None:
        many_a = many_b * math.sqrt(len(many_b)) / max(abs(scale), 1e-300)
    elif many_b is None and many_a is not None:
        many_b = many_a * math.sqrt(len(many_a)) * abs(scale)
    deviations = [d * f for d, f in ((many_a, abs(scale)), (many_b, 1.0)) if d is not None]
    dof = sum(da.sizes["replicate"] - 1 for da in (a, b) if "replicate" in da.dims)
    found = local_difference(
        residual,
        step,
        weights,
        compared,
        level=1 - alpha,
        by_shift=instrument * scale * np.gradient(one, x) if instrument else None,
        replicates=_stacked(deviations) if deviations else None,
        replicate_dof=float(dof) or math.inf,
    )
    return _result(
        a, b, x, (one, two, model, residual), (scale, u_scale), found, smallest_relevant, alpha
    )


def _check_settings(smallest_relevant: float, alpha: float, instrument: float) -> None:
    if not 0 < smallest_relevant < 1:
        raise MeasurementError(
            f"smallest_relevant is {smallest_relevant!r}, expected a share between 0 and 1"
        )
    if not 0.01 <= alpha < 0.5:
        raise MeasurementError(f"alpha is {alpha!r}, expected between 0.01 and 0.5")
    if not 0 <= instrument < math.inf:
        raise MeasurementError(f"instrument is {instrument!r}, expected a standard uncertainty")


def _on_one_grid(
    a: xr.DataArray, b: xr.DataArray, span: tuple[float, float] | None
) -> tuple[xr.DataArray, xr.DataArray]:
    for da in (a, b):
        if not isinstance(da, xr.DataArray):
            raise MeasurementError(
                f"expected an xarray.DataArray as coatqc.read gives it, found {type(da).__name__}"
            )
        if set(da.dims) not in ({"wavenumber"}, {"replicate", "wavenumber"}):
            raise MeasurementError(
                f"expected dims wavenumber, or replicate and wavenumber; found {da.dims}"
            )
    if None not in (a.name, b.name) and a.name != b.name:
        raise MeasurementError(
            f"a holds {a.name}, b holds {b.name}; convert one of them or read both alike"
        )
    low = max(float(a["wavenumber"].min()), float(b["wavenumber"].min()))
    high = min(float(a["wavenumber"].max()), float(b["wavenumber"].max()))
    if span is not None:
        low, high = max(low, min(span)), min(high, max(span))
    if not low < high:
        raise MeasurementError("the two spectra have no range of wavenumbers in common")
    whole, b = a.sortby("wavenumber"), b.sortby("wavenumber")
    a = _between(whole, low, high)
    if a.sizes["wavenumber"] < 16:
        raise MeasurementError(
            f"{a.sizes['wavenumber']} points lie between {low:g} and {high:g} cm-1: too few"
        )
    xa, xb = a["wavenumber"].values, _between(b, low, high)["wavenumber"].values
    step = np.diff(xa)
    if not np.allclose(step, step.mean(), rtol=0.02):
        raise MeasurementError("wavenumbers are not evenly spaced; resample the spectra first")
    if xa.size == xb.size and np.allclose(xa, xb, atol=0.01 * step.mean()):
        b = _between(b, low, high).assign_coords(wavenumber=a["wavenumber"])
    else:
        # The finer one goes onto the grid of the coarser, which cannot show more.
        xb_step = float(np.median(np.diff(xb))) if xb.size > 1 else math.inf
        if xb.size >= 16 and xb_step > 1.01 * step.mean():
            a = resample(whole, onto=xb, method="cubic")
            b = _between(b, low, high)
        else:
            b = resample(b, onto=xa, method="cubic")
    for da in (a, b):
        if missing := int((~np.isfinite(da.values)).sum()):
            raise MeasurementError(
                f"{da.attrs.get('source', 'a spectrum')} misses {missing} values between {low:g} "
                f"and {high:g} cm-1"
            )
    return a, b


def _between(da: xr.DataArray, low: float, high: float) -> xr.DataArray:
    x = da["wavenumber"].values
    return da.isel(wavenumber=np.flatnonzero((x >= low) & (x <= high)))


def _common_smoothing(a: xr.DataArray, b: xr.DataArray) -> np.ndarray:
    one, two = smoothing_weights(a), smoothing_weights(b)
    one = np.ones(1) if one is None else one
    two = np.ones(1) if two is None else two
    if one.size != two.size or not np.allclose(one, two, atol=1e-6):
        raise MeasurementError("the two spectra were smoothed differently; smooth both alike")
    return one


def _mean_and_deviations(da: xr.DataArray) -> tuple[np.ndarray, np.ndarray | None]:
    """Mean over replicates, and their deviations scaled to the variance of that mean."""
    if "replicate" not in da.dims:
        return da.values.astype(float), None
    values = da.transpose("replicate", "wavenumber").values.astype(float)
    n, mean = values.shape[0], values.mean(axis=0)
    if n == 1:
        return mean, None
    # Each replicate is first brought to the mean by scale, offset and slope, as the two are.
    t = np.linspace(-1, 1, mean.size)
    design = np.column_stack([mean, np.ones_like(t), t])
    fitted = design @ np.linalg.lstsq(design, values.T, rcond=None)[0]
    return mean, (values - fitted.T) / math.sqrt(n - 1)


def _stacked(deviations: list[np.ndarray]) -> np.ndarray:
    """Deviations of both sides, scaled so that their mean square is the sum of the variances."""
    rows = sum(len(d) for d in deviations)
    return np.concatenate([d * math.sqrt(rows / len(d)) for d in deviations])


def _scaled(
    x: np.ndarray, a: np.ndarray, b: np.ndarray, compared: np.ndarray
) -> tuple[float, float, np.ndarray]:
    """Scale with its standard uncertainty, and a brought to b by scale, offset and slope."""
    t = (x - x.mean()) / np.ptp(x)
    line = np.linalg.qr(np.column_stack([np.ones_like(t), t])[compared])[0]
    a_part, b_part = (v[compared] - line @ (line.T @ v[compared]) for v in (a, b))
    # Noise of each from its second differences: only their ratio counts.
    rough = [np.median(np.abs(np.diff(v, 2))) for v in (a, b)]
    saa, sbb, sab = a_part @ a_part, b_part @ b_part, a_part @ b_part
    if saa == 0 or sbb == 0:
        raise MeasurementError("a spectrum is a straight line: there is nothing to compare")
    ratio = (rough[1] / rough[0]) ** 2 if min(rough) > 0 else sbb / saa
    difference = sbb - ratio * saa
    scale = sab / saa
    if sab != 0:
        scale = (difference + math.sqrt(difference**2 + 4 * ratio * sab**2)) / (2 * sab)
    rest = b - scale * a
    coefficients = np.linalg.lstsq(
        np.column_stack([np.ones_like(t), t])[compared], rest[compared], rcond=None
    )[0]
    model = scale * a + np.column_stack([np.ones_like(t), t]) @ coefficients
    left = (b - model)[compared]
    u = math.sqrt(float(left @ left) / max(1, left.size - 3) / saa)
    # Two spectra that have no more in common than noise has: the scale could be anything.
    if sab**2 < 16 * saa * sbb / left.size:
        u = max(u, abs(scale))
    return float(scale), u, model


def _result(
    a: xr.DataArray,
    b: xr.DataArray,
    x: np.ndarray,
    curves: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    scale: tuple[float, float],
    found: LocalDifference,
    smallest_relevant: float,
    alpha: float,
) -> SpectrumComparison:
    _, two, model, residual = curves
    size = float(np.ptp(model)) if scale[0] > 0 else 0.0
    limit = np.abs(found.height) + found.critical * found.standard_uncertainty
    where = np.unravel_index(np.nanargmax(limit), limit.shape)
    worst = np.unravel_index(
        np.nanargmax(np.abs(found.height) / found.standard_uncertainty), limit.shape
    )
    share = float(limit[where]) / size if size > 0 else math.inf
    met = abs(float(found.height[where])) / size if size > 0 else math.inf
    verdict = "undecided"
    # Where the scale may be nothing, the two have nothing in common, but nothing else is known.
    if found.p_value < alpha or scale[0] < -5 * scale[1]:
        verdict = "different"
    elif scale[0] > 3 * scale[1] and share <= smallest_relevant:
        verdict = "same"
    hidden = Estimate.from_interval(
        min(met, share),
        0.0,
        share,
        standard_uncertainty=float(found.standard_uncertainty[where]) / size if size else math.inf,
        level=1 - alpha,
        method="matched filter over 8 to 45 cm-1, simultaneous limit",
    )
    template_of = b.isel(replicate=0, drop=True) if "replicate" in b.dims else b
    labelled = template_of.copy(data=two)
    words = {"units": str(b.attrs.get("units", "1")), "long_name": "difference"}
    fwhm = ("fwhm", found.widths, {"units": "cm-1", "long_name": "full width at half maximum"})
    return SpectrumComparison(
        verdict,
        found.p_value,
        Estimate.from_standard_uncertainty(*scale, method="Deming regression"),
        hidden,
        float(x[where[1]]),
        float(found.widths[where[0]]),
        float(x[worst[1]]),
        labelled.copy(data=residual).assign_attrs(words).rename("difference"),
        xr.DataArray(
            limit,
            {"fwhm": fwhm, "wavenumber": b["wavenumber"]},
            ("fwhm", "wavenumber"),
            "limit",
            words | {"long_name": "difference that could hide"},
        ),
        labelled.copy(data=model).assign_attrs(a.attrs),
        labelled,
        smallest_relevant,
    )
