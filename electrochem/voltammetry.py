"""How much charge do side reactions take in a voltammogram, and does a coating change it?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import xarray as xr
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from coatqc.core.display import shown
from coatqc.core.errors import MeasurementError
from coatqc.core.estimate import Estimate
from electrochem.labels import label_record

# Part of the window at each edge that shows the baseline.
_EDGE = 0.12


def split_scans(record: xr.Dataset) -> list[tuple[slice, int]]:
    """Parts of a voltammogram in which the voltage goes one way.

    Parameters
    ----------
    record : xarray.Dataset
        Kind ``cell_record``.

    Returns
    -------
    list of (slice, int)
        Rows, and 1 where the voltage rises or -1 where it falls. A turn is believed where the
        voltage has come back by 2 % of its range, so that noise makes none.

    Raises
    ------
    MeasurementError
        If time, voltage or current is missing, or the voltage does not move.

    Examples
    --------
    >>> record, _ = simulate_voltammogram(1)
    >>> [way for _, way in split_scans(record)]
    [1, -1]
    """
    if missing := {"time", "voltage", "current"} - set(record.data_vars):
        raise MeasurementError(f"voltammogram: {sorted(missing)} missing; expected a cell_record")
    v = record["voltage"].values.astype(float)
    span = float(np.ptp(v)) if v.size else 0.0
    if v.size < 20 or not span > 0.01:
        raise MeasurementError(
            f"voltammogram: {v.size} rows over {span:.3g} V; a scan of more than 10 mV is needed"
        )
    turns, top, bottom, way = [0], 0, 0, 0
    for i, value in enumerate(v.tolist()):
        if value > v[top]:
            top = i
        if value < v[bottom]:
            bottom = i
        if way >= 0 and v[top] - value > 0.02 * span:
            if way > 0 or top > 0:
                turns.append(top)
            way, bottom, top = -1, i, i
        elif way <= 0 and value - v[bottom] > 0.02 * span:
            if way < 0 or bottom > 0:
                turns.append(bottom)
            way, bottom, top = 1, i, i
    turns = sorted({*turns, v.size - 1})
    return [(slice(a, b + 1), 1 if v[b] > v[a] else -1) for a, b in pairwise(turns) if b - a >= 2]


def side_reaction_charge(
    record: xr.Dataset,
    blank: xr.Dataset | None = None,
    between: tuple[float, float] = (2.5, 3.5),
    *,
    scan: int = 0,
    mass_g: float | None = None,
    baseline: str = "edges",
) -> Estimate:
    """Charge of an oxidation above the capacitive baseline, in one rising scan.

    Parameters
    ----------
    record : xarray.Dataset
        Kind ``cell_record``, technique cyclic voltammetry.
    blank : xarray.Dataset, optional
        The same scan without what is oxidised; its current is taken off. Without it the baseline
        is a straight line through the outer eighths of the window, where nothing may be oxidised.
    between : (float, float)
        Window, V.
    scan : int
        Which of the rising scans that cross the window.
    mass_g : float, optional
        Mass that the charge is referred to, g.
    baseline : {"edges", "below"}
        Without a blank: a line through both edges, or the level of the lower edge alone, for a
        current that does not come back before the scan turns.

    Returns
    -------
    Estimate
        mC, or mAh g-1 with `mass_g`. Its interval holds the noise of the current and of the
        baseline (taken as independent from point to point), not the spread from cell to cell.

    Raises
    ------
    MeasurementError
        If no rising scan crosses the window, or it holds fewer than 30 points.

    Examples
    --------
    >>> record, truth = simulate_voltammogram(1)
    >>> e = side_reaction_charge(record, between=(2.3, 3.7))
    >>> e.lower < truth["charge"] < e.upper, e.unit
    (True, 'mC')
    """
    t, v, i = _window(record, between, scan)
    if mass_g is not None and not mass_g > 0:
        raise MeasurementError(f"mass is {mass_g} g; expected more than zero")
    weight = np.gradient(t)
    weight[[0, -1]] /= 2
    noise = _noise(i)
    if blank is None:
        base, weights = _baseline(v, between, baseline)
        value = float(weight @ (i - base @ i[weights]))
        row = weight.copy()
        np.add.at(row, weights, -(weight @ base))
        variance = noise**2 * float(row @ row)
        method = f"above a straight baseline, {baseline} of the window"
        if baseline == "edges" and value < -5 * math.sqrt(variance):
            raise MeasurementError(
                f"voltammogram: charge above the baseline is {1e3 * value:.3g} mC, less than none; "
                "the current does not come back at the upper edge: move the window, give a blank "
                'or baseline="below"'
            )
    else:
        _, vb, ib = _window(blank, between, 0)
        order = np.argsort(vb)
        value = float(weight @ (i - np.interp(v, vb[order], ib[order])))
        # A point of the blank stands for as many as it is interpolated to.
        share = float(weight @ weight) * max(1.0, v.size / vb.size)
        variance = noise**2 * float(weight @ weight) + _noise(ib) ** 2 * share
        method = "above a blank"
    factor, unit = (1e3, "mC") if mass_g is None else (1 / 3.6 / mass_g, "mAh g-1")
    return Estimate.from_standard_uncertainty(
        value * factor, math.sqrt(variance) * factor, unit=unit, n=1, method=method
    )


def _window(
    record: xr.Dataset, between: tuple[float, float], scan: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    low, high = (float(b) for b in between)
    if not low < high:
        raise MeasurementError(f"window is {low:g} to {high:g} V; expected lower, higher")
    voltage = record["voltage"].values if "voltage" in record else np.zeros(0)
    rising = [part for part, way in split_scans(record) if way > 0]
    slack = 0.02 * (high - low)
    crossing = [
        s for s in rising if voltage[s].min() <= low + slack and voltage[s].max() >= high - slack
    ]
    if not 0 <= scan < len(crossing):
        raise MeasurementError(
            f"voltammogram: rising scan {scan} across {low:g} to {high:g} V was asked for; there "
            f"are {len(crossing)} such, the voltage goes from {voltage.min():.3g} to "
            f"{voltage.max():.3g} V"
        )
    part = crossing[scan]
    t, v, i = (record[c].values[part].astype(float) for c in ("time", "voltage", "current"))
    inside = (v >= low) & (v <= high)
    if inside.sum() < 30:
        raise MeasurementError(f"voltammogram: {inside.sum()} points in the window; need 30")
    return t[inside], v[inside], i[inside]


def _noise(i: np.ndarray) -> float:
    """Standard deviation of the current from third differences, robust against peaks."""
    step = np.diff(i, n=3) / math.sqrt(20)
    return float(np.sqrt(np.mean(np.sort(step**2)[: max(1, int(0.98 * step.size))])) * 1.04)


def _baseline(
    v: np.ndarray, between: tuple[float, float], kind: str = "edges"
) -> tuple[np.ndarray, np.ndarray]:
    """Matrix that makes the baseline of the currents at the edges, and where these are."""
    low, high = between
    width = _EDGE * (high - low)
    if kind == "below":
        edge = np.flatnonzero(v < low + width)
        if edge.size < 3:
            raise MeasurementError("voltammogram: fewer than 3 points at the lower edge")
        return np.full((v.size, edge.size), 1 / edge.size), edge
    if kind != "edges":
        raise MeasurementError(f"baseline is {kind!r}; expected 'edges' or 'below'")
    edge = np.flatnonzero((v < low + width) | (v > high - width))
    design = np.stack([np.ones_like(v), v - v.mean()], axis=1)
    left, right = (v < low + width).sum(), (v > high - width).sum()
    if min(left, right) < 3:
        raise MeasurementError("voltammogram: fewer than 3 points at an edge of the window")
    return design @ np.linalg.pinv(design[edge]), edge


def oxidation_peak(
    record: xr.Dataset, between: tuple[float, float], *, scan: int = 0
) -> tuple[Estimate, Estimate]:
    """Place and height of the oxidation peak above the baseline.

    Parameters
    ----------
    record, between, scan
        As for `side_reaction_charge`.

    Returns
    -------
    position, current : Estimate
        V and A; from a quartic through the part above 60 % of the height.

    Raises
    ------
    MeasurementError
        If no peak stands out of the noise within the window.

    Examples
    --------
    >>> record, truth = simulate_voltammogram(1)
    >>> position, current = oxidation_peak(record, (2.3, 3.7))
    >>> abs(position.value - truth["position"]) < 0.01, current.unit
    (True, 'A')
    """
    _, v, i = _window(record, between, scan)
    base, edge = _baseline(v, between)
    y, noise = i - base @ i[edge], _noise(i)
    width = max(3, v.size // 30) | 1
    smooth = np.convolve(np.pad(y, width // 2, mode="edge"), np.ones(width) / width, "valid")
    top = int(smooth.argmax())
    if smooth[top] < 5 * noise / math.sqrt(width) or not width < top < v.size - width:
        raise MeasurementError(
            f"voltammogram: no peak between {between[0]:g} and {between[1]:g} V; widen the window"
        )
    low = smooth < 0.6 * smooth[top]
    a = top - int(np.argmax(low[top::-1]))
    b = top + int(np.argmax(low[top:])) if low[top:].any() else v.size
    scale = (v[b - 1] - v[a]) / 2
    x, part = (v[a:b] - v[top]) / scale, y[a:b]
    if x.size < 10:
        raise MeasurementError(f"voltammogram: {x.size} points on the peak; at least 10 are needed")
    design = x[:, None] ** np.arange(5)
    c, cov = np.linalg.lstsq(design, part, rcond=None)[0], np.linalg.inv(design.T @ design)
    grid = np.linspace(x[0], x[-1], 4001)
    place = float(grid[np.argmax(np.polynomial.polynomial.polyval(grid, c))])
    g0 = place ** np.arange(5)
    g1 = np.arange(5) * place ** np.maximum(np.arange(5) - 1, 0)
    bend = float(2 * c[2] + 6 * c[3] * place + 12 * c[4] * place**2)
    if bend >= 0:
        raise MeasurementError("voltammogram: no maximum of current in the window; widen it")
    u_place = noise * math.sqrt(g1 @ cov @ g1) / abs(bend) * scale
    level_u = noise * float(np.linalg.norm(base[top]))
    u_height = math.hypot(noise * math.sqrt(g0 @ cov @ g0), level_u)
    of = Estimate.from_standard_uncertainty
    method = "quartic through the top of the peak above a straight baseline"
    return (
        of(v[top] + place * scale, u_place, unit="V", method=method),
        of(float(g0 @ c), u_height, unit="A", method=method),
    )


@shown(also=("verdict",))
@dataclass(frozen=True, eq=False)
class VoltammogramComparison:
    """Side-reaction charge of coated less that of uncoated electrodes.

    Parameters
    ----------
    difference : Estimate
        mC or mAh g-1.
    p_value : float
        Chance of so large a difference if there were none.
    same_within : float or None
        Difference that would matter, in the same unit.
    equivalence_p : float or None
        Chance of so small a difference if the true one were that large (two one-sided tests).
    warnings : tuple of str
        What speaks against taking it at its word.

    Examples
    --------
    >>> d = Estimate.from_standard_uncertainty(-2.0, 0.5, unit="mC")
    >>> VoltammogramComparison(d, 1e-4, None, None).verdict
    'coated less'
    """

    difference: Estimate
    p_value: float
    same_within: float | None
    equivalence_p: float | None
    warnings: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """``same within ...``, ``coated less``, ``coated more`` or ``undecided``.

        Examples
        --------
        >>> d = Estimate.from_standard_uncertainty(0.1, 0.1, unit="mC")
        >>> VoltammogramComparison(d, 0.3, 1.0, 1e-6).verdict
        'same within 1 mC'
        """
        d = self.difference
        if self.equivalence_p is not None and self.equivalence_p < 1 - d.level:
            return f"same within {self.same_within:g} {d.unit}"
        if d.lower > 0 or d.upper < 0:
            return "coated less" if d.value < 0 else "coated more"
        return "undecided"


def compare_voltammograms(
    coated: xr.Dataset | Sequence[xr.Dataset],
    uncoated: xr.Dataset | Sequence[xr.Dataset],
    between: tuple[float, float],
    *,
    same_within: float | None = None,
    mass_g: float | None = None,
    baseline: str = "edges",
) -> VoltammogramComparison:
    """Compare the first oxidation of coated and uncoated electrodes.

    Parameters
    ----------
    coated, uncoated : xarray.Dataset or sequence of them
        Records, one a cell.
    between : (float, float)
        Window, V.
    same_within : float, optional
        Difference that would matter, mC or mAh g-1, for the test that they are the same.
    mass_g, baseline
        As for `side_reaction_charge`.

    Returns
    -------
    VoltammogramComparison
        From two cells of each kind on, the spread between cells counts (Welch); with fewer only
        the noise within a scan, which is said in `warnings`.

    Raises
    ------
    MeasurementError
        If a list is empty or a scan does not cross the window.

    Examples
    --------
    >>> coated = [simulate_voltammogram(s, charge=4.0)[0] for s in (1, 2, 3)]
    >>> bare = [simulate_voltammogram(s, charge=9.0)[0] for s in (4, 5, 6)]
    >>> compare_voltammograms(coated, bare, (2.3, 3.7)).verdict
    'coated less'
    """
    if same_within is not None and not same_within > 0:
        raise MeasurementError(f"same_within is {same_within}; expected more than zero")
    groups = []
    for name, given in (("coated", coated), ("uncoated", uncoated)):
        records = [given] if isinstance(given, xr.Dataset) else list(given)
        if not records:
            raise MeasurementError(f"{name}: no voltammogram was given")
        groups.append(
            [
                side_reaction_charge(r, None, between, mass_g=mass_g, baseline=baseline)
                for r in records
            ]
        )
    a, b = ([e.value for e in g] for g in groups)
    value, warnings = float(np.mean(a) - np.mean(b)), []
    if min(len(a), len(b)) >= 2:
        va, vb = np.var(a, ddof=1) / len(a), np.var(b, ddof=1) / len(b)
        u = math.sqrt(va + vb)
        parts = va**2 / (len(a) - 1) + vb**2 / (len(b) - 1)
        dof = float((va + vb) ** 2 / parts) if parts > 0 else math.inf
    else:
        u = math.sqrt(sum(sum(e.standard_uncertainty**2 for e in g) / len(g) ** 2 for g in groups))
        dof = math.inf
        warnings.append("fewer than two cells of a kind: the spread between cells is not in it")

    def below(x: float) -> float:
        if u == 0:
            return float(x > 0)
        return float(ndtr(x / u) if math.isinf(dof) else stdtr(dof, x / u))

    k = float(ndtri(0.975) if math.isinf(dof) else stdtrit(dof, 0.975))
    difference = Estimate.from_interval(
        value,
        value - k * u,
        value + k * u,
        standard_uncertainty=u,
        unit=groups[0][0].unit,
        n=min(len(a), len(b)),
        method="difference of mean charges, Welch-Satterthwaite interval",
    )
    equal = None
    if same_within is not None:
        equal = max(below(value - same_within), below(-value - same_within))
    return VoltammogramComparison(
        difference, 2 * below(-abs(value)), same_within, equal, tuple(warnings)
    )


def simulate_voltammogram(
    seed: int,
    charge: float = 6.0,
    *,
    cell_spread: float = 0.0,
    noise: float = 1e-6,
    resistance: float = 50.0,
    position: float = 3.0,
    width: float = 0.12,
    interval: float = 1.0,
) -> tuple[xr.Dataset, dict[str, float]]:
    """Simulate a cycle from 2 to 4 V and back at 1 mV/s.

    Assumes a capacitance of 10 mF that grows in a straight line with voltage, one Gaussian
    oxidation in the rising scan over the voltage less i R, and independent normal noise of the
    current. The recorded voltage is that applied.

    Parameters
    ----------
    seed : int
        Of noise and cell.
    charge : float
        Of the oxidation, mC.
    cell_spread : float
        Relative standard deviation of the charge from cell to cell.
    noise : float
        A.
    resistance : float
        ohm.
    position, width : float
        Of the peak without resistance, V.
    interval : float
        Between two points, s.

    Returns
    -------
    record : xarray.Dataset
        Kind ``cell_record``, marked as simulated.
    truth : dict of str to float
        ``charge`` / mC of this cell, ``position`` / V and ``current`` / A of the peak as recorded.

    Examples
    --------
    >>> simulate_voltammogram(1)[0].sizes["record"]
    4001
    """
    rng = np.random.default_rng(seed)
    rate = 1e-3
    t = np.linspace(0, 4000, 2 * round(2000 / interval) + 1)
    v = 4 - np.abs(2000 - t) * rate
    way = np.where(t <= 2000, 1.0, -1.0)
    capacitive = 1e-2 * rate * (1 + 0.1 * (v - 3))
    mine = charge * (1 + cell_spread * rng.normal())

    def peak(at: np.ndarray) -> np.ndarray:
        shape = np.exp(-0.5 * ((at - position) / width) ** 2) / (width * math.sqrt(2 * math.pi))
        return mine * 1e-3 * rate * shape

    faradaic = peak(v)
    for _ in range(8):
        faradaic = peak(v - resistance * (capacitive + faradaic))
    faradaic = np.where(way > 0, faradaic, 0)
    top = int(faradaic.argmax())
    current = way * capacitive + faradaic + noise * rng.normal(size=t.size)
    record = label_record(
        {"time": t, "voltage": v, "current": current},
        technique="cyclic voltammetry",
        simulated="yes",
    )
    return record, {
        "charge": float(np.trapezoid(faradaic[t <= 2000], t[t <= 2000]) * 1e3),
        "position": float(v[top]),
        "current": float(faradaic[top]),
    }
