"""Are two spectra the same? The before-and-after question of a stability test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.statistics.noise_from_differences import scatter_of
from spectra.comparing.local_difference import (
    LocalDifference,
    local_difference,
    template,
    widths_for,
)
from spectra.comparing.pairing import common_smoothing, on_one_grid
from spectra.comparing.result import SpectrumComparison


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
    a, b = on_one_grid(a, b, span)
    weights = common_smoothing(a, b)
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
        a,
        b,
        _Curves(sample=two, model=model, residual=residual),
        Estimate.from_standard_uncertainty(scale, u_scale, method="Deming regression"),
        found,
        smallest_relevant,
        alpha,
    )


class _Curves(NamedTuple):
    """Sample, the reference brought to it, and what is left, over the compared wavenumbers."""

    sample: np.ndarray
    model: np.ndarray
    residual: np.ndarray


def _check_settings(smallest_relevant: float, alpha: float, instrument: float) -> None:
    if not 0 < smallest_relevant < 1:
        raise MeasurementError(
            f"smallest_relevant is {smallest_relevant!r}, expected a share between 0 and 1"
        )
    if not 0.01 <= alpha < 0.5:
        raise MeasurementError(f"alpha is {alpha!r}, expected between 0.01 and 0.5")
    if not 0 <= instrument < math.inf:
        raise MeasurementError(f"instrument is {instrument!r}, expected a standard uncertainty")


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
    # Only the ratio of the two counts.
    rough = [scatter_of(v, order=2) for v in (a, b)]
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
    curves: _Curves,
    scale: Estimate,
    found: LocalDifference,
    smallest_relevant: float,
    alpha: float,
) -> SpectrumComparison:
    x = a["wavenumber"].values
    size = float(np.ptp(curves.model)) if scale.value > 0 else 0.0
    limit = np.abs(found.height) + found.critical * found.standard_uncertainty
    where = np.unravel_index(np.nanargmax(limit), limit.shape)
    worst = np.unravel_index(
        np.nanargmax(np.abs(found.height) / found.standard_uncertainty), limit.shape
    )
    share = float(limit[where]) / size if size > 0 else math.inf
    met = abs(float(found.height[where])) / size if size > 0 else math.inf
    verdict = "undecided"
    # Where the scale may be nothing, the two have nothing in common, but nothing else is known.
    if found.p_value < alpha or scale.value < -5 * scale.standard_uncertainty:
        verdict = "different"
    elif scale.value > 3 * scale.standard_uncertainty and share <= smallest_relevant:
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
    labelled = template_of.copy(data=curves.sample)
    words = {"units": str(b.attrs.get("units", "1")), "long_name": "difference"}
    fwhm = ("fwhm", found.widths, {"units": "cm-1", "long_name": "full width at half maximum"})
    return SpectrumComparison(
        verdict=verdict,
        p_value=found.p_value,
        scale=scale,
        hidden=hidden,
        hidden_at=float(x[where[1]]),
        hidden_fwhm=float(found.widths[where[0]]),
        largest_at=float(x[worst[1]]),
        residual=labelled.copy(data=curves.residual).assign_attrs(words).rename("difference"),
        limits=xr.DataArray(
            limit,
            {"fwhm": fwhm, "wavenumber": b["wavenumber"]},
            ("fwhm", "wavenumber"),
            "limit",
            words | {"long_name": "difference that could hide"},
        ),
        reference=labelled.copy(data=curves.model).assign_attrs(a.attrs),
        sample=labelled,
        smallest_relevant=smallest_relevant,
    )
