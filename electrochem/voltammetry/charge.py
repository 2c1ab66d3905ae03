"""How much charge do side reactions take in a voltammogram?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import sparse

from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.statistics.autoregressive_noise import Noise, noise_of, outliers
from electrochem.voltammetry.scans import Window, baseline_of, edges_of, window_of

# Scan rates that differ by more are not the same.
SAME_RATE = 0.02
# The oxidation goes on beyond the window where the current at an edge is off by this part of the
# peak, and by as many standard uncertainties.
_CUT, _SURE = 0.03, 4.0


def side_reaction_charge(
    record: xr.Dataset,
    blank: xr.Dataset | None = None,
    between: tuple[float, float] = (2.5, 3.5),
    *,
    scan: int = 0,
    mass_g: float | None = None,
    baseline: str = "edges",
    scale_blank: bool = False,
) -> Estimate:
    """Charge of an oxidation above the capacitive baseline, in one rising scan.

    Parameters
    ----------
    record : xarray.Dataset
        Kind ``cell_record``, technique cyclic voltammetry.
    blank : xarray.Dataset, optional
        The same scan (of the same number, at the same rate) without what is oxidised; its current
        is taken off. Without it the baseline is a straight line through the outer eighths of the
        window, where nothing may be oxidised.
    between : (float, float)
        Window, V.
    scan : int
        Which of the rising scans that cross the window.
    mass_g : float, optional
        Mass that the charge is referred to, g.
    baseline : {"edges", "below"}
        Without a blank: a line through both edges, or the level of the lower edge alone, for a
        current that does not come back before the scan turns.
    scale_blank : bool, default False
        Whether the current of a blank that was scanned at another rate is scaled with the rate, as
        that of a capacitor is.

    Returns
    -------
    Estimate
        mC, or mAh g-1 with `mass_g`. Its interval holds the noise of the current and of the
        baseline, as far as neighbouring points are alike (AR(1), from the record itself), not the
        spread from cell to cell. Where the peak is cut by the window the charge is a lower bound,
        without an upper end, which `method` says.

    Raises
    ------
    MeasurementError
        If no rising scan crosses the window, or it holds fewer than 30 points, or the blank was
        scanned at another rate.

    Examples
    --------
    >>> from electrochem.simulating import simulate_voltammogram
    >>> record, truth = simulate_voltammogram(1)
    >>> e = side_reaction_charge(record, between=(2.3, 3.7))
    >>> e.lower < truth["charge"] < e.upper, e.unit
    (True, 'mC')
    """
    found = charge_of_scan(
        record, blank, between, scan=scan, baseline=baseline, scale_blank=scale_blank
    )
    factor, unit = mass_factor(mass_g)
    half = found.k * found.u
    return Estimate.from_interval(
        found.value * factor,
        (found.value - half) * factor,
        math.inf if found.cut else (found.value + half) * factor,
        standard_uncertainty=math.inf if found.cut else found.u * factor,
        unit=unit,
        n=1,
        method=found.method + (f"; {found.cut}: a lower bound" if found.cut else ""),
    )


def mass_factor(mass_g: float | None) -> tuple[float, str]:
    """Factor from C, and unit of the charge.

    Examples
    --------
    >>> mass_factor(None)
    (1000.0, 'mC')
    """
    if mass_g is None:
        return 1e3, "mC"
    if not (mass_g > 0 and math.isfinite(mass_g)):
        raise MeasurementError(f"mass is {mass_g} g; expected more than zero")
    return 1 / 3.6 / mass_g, "mAh g-1"


@dataclass(frozen=True)
class ScanCharge:
    """Charge of one scan.

    Parameters
    ----------
    value, u, k : float
        C, its standard uncertainty, and the coverage factor.
    rate : float
        Scan rate, V s-1.
    cut : str
        Where the peak is cut by the window; empty where it is not.
    method : str
        How it was obtained.

    Examples
    --------
    >>> ScanCharge(6e-3, 1e-4, 1.96, 1e-3, "", "above a blank").value
    0.006
    """

    value: float
    u: float
    k: float
    rate: float
    cut: str
    method: str


def charge_of_scan(
    record: xr.Dataset,
    blank: xr.Dataset | None,
    between: tuple[float, float],
    *,
    scan: int = 0,
    baseline: str = "edges",
    scale_blank: bool = False,
) -> ScanCharge:
    """As `side_reaction_charge`, in C, and whether the peak is cut.

    Examples
    --------
    >>> from electrochem.simulating import simulate_voltammogram
    >>> charge_of_scan(simulate_voltammogram(1)[0], None, (2.3, 3.7)).cut
    ''
    """
    part = window_of(record, between, scan)
    weight = np.gradient(part.time)
    weight[[0, -1]] /= 2
    noise = noise_of(part.current)
    if blank is not None:
        return _above_blank(part, noise, weight, blank, between, scan, scale_blank)
    design, solving, edge = baseline_of(part.voltage, between, baseline)
    row = weight.copy()
    row[edge] -= (weight @ design) @ solving
    value, u = float(row @ part.current), noise.of_sum(row)
    if baseline == "edges" and value < -5 * u:
        raise MeasurementError(
            f"voltammogram: charge above the baseline is {1e3 * value:.3g} mC, less than none; "
            "the current does not come back at an edge: move the window, give a blank or "
            'baseline="below"'
        )
    cut = cut_of(part, noise, between) if baseline == "edges" else ""
    method = f"above a straight baseline, {baseline} of the window" + _far_off(part.current)
    return ScanCharge(value, u, noise.coverage, part.rate, cut, method)


def cut_of(part: Window, noise: Noise, between: tuple[float, float]) -> str:
    """Words where a peak is not over at an edge that the baseline is laid through.

    There the current falls off towards the outside, against the line through both edges.

    Examples
    --------
    >>> from electrochem.simulating import simulate_voltammogram
    >>> part = window_of(simulate_voltammogram(1)[0], (2.3, 3.2), 0)
    >>> cut_of(part, noise_of(part.current), (2.3, 3.2))
    'the peak is cut by the upper edge of the window'
    """
    design, solving, edge = baseline_of(part.voltage, between)
    height = float((part.current - design @ (solving @ part.current[edge])).max())
    slope_row = np.zeros(part.voltage.size)
    slope_row[edge] = solving[1]
    for which, name, outward in zip(
        edges_of(part.voltage, between), ("lower", "upper"), (-1, 1), strict=True
    ):
        x = part.voltage[which] - part.voltage[which].mean()
        row = slope_row.copy()
        row[which] -= x / (x @ x)
        # Fall of the current over this edge beyond what the line says.
        row *= outward * float(np.ptp(x))
        fall = float(row @ part.current)
        if fall > _CUT * height and fall > _SURE * noise.of_sum(row):
            return f"the peak is cut by the {name} edge of the window"
    return ""


def _above_blank(
    part: Window,
    noise: Noise,
    weight: np.ndarray,
    blank: xr.Dataset,
    between: tuple[float, float],
    scan: int,
    scale_blank: bool,
) -> ScanCharge:
    other = window_of(
        blank, between, scan, "blank (of which the scan of the same number is taken off)"
    )
    ratio = 1.0
    method = f"above rising scan {scan} of a blank{_far_off(part.current)}"
    if abs(other.rate / part.rate - 1) > SAME_RATE:
        if not scale_blank:
            raise MeasurementError(
                f"blank: scanned at {1e3 * other.rate:.4g} mV/s, the sample at "
                f"{1e3 * part.rate:.4g} mV/s; expected the same rate: measure a blank at it, or "
                "scale the blank as a capacitor with scale_blank=True"
            )
        ratio = part.rate / other.rate
        method += f" scaled with the scan rate by {ratio:.4g}"
    order = np.argsort(other.voltage, kind="stable")
    vb, ib = other.voltage[order], ratio * other.current[order]
    share = _interpolation(part.voltage, vb)
    difference = part.current - share @ ib
    own, others = noise, noise_of(ratio * other.current)
    back = np.empty_like(order)
    back[order] = np.arange(order.size)

    def spread(row: np.ndarray) -> float:
        return math.hypot(own.of_sum(row), others.of_sum((row @ share)[back]))

    height, cut = float(difference.max()), ""
    for which, name in zip(edges_of(part.voltage, between), ("lower", "upper"), strict=True):
        if not which.size:
            continue
        # The outer half of the edge.
        row = np.zeros(part.voltage.size)
        outer = which[: which.size // 2 + 1] if name == "lower" else which[-which.size // 2 :]
        row[outer] = 1 / outer.size
        level = float(row @ difference)
        if level > _CUT * height and level > _SURE * spread(row):
            cut = f"the current is above the blank's at the {name} edge of the window"
    k = max(own.coverage, others.coverage)
    return ScanCharge(float(weight @ difference), spread(weight), k, part.rate, cut, method)


def _far_off(current: np.ndarray) -> str:
    n = int(np.count_nonzero(outliers(current)))
    if not n:
        return ""
    return f"; {n} point{'s lie' if n > 1 else ' lies'} far off the neighbours and counts as it is"


def _interpolation(v: np.ndarray, at: np.ndarray) -> sparse.csr_array:
    """Matrix that interpolates values at ascending voltages to others."""
    right = np.clip(np.searchsorted(at, v), 1, at.size - 1)
    step = np.maximum(at[right] - at[right - 1], 1e-15)
    far = np.clip((v - at[right - 1]) / step, 0, 1)
    rows = np.tile(np.arange(v.size), 2)
    return sparse.csr_array(
        (np.concatenate([1 - far, far]), (rows, np.concatenate([right - 1, right]))),
        shape=(v.size, at.size),
    )
