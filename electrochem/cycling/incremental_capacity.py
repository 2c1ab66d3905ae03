"""At which voltages does the cell take and give its charge?"""

from __future__ import annotations

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from electrochem.cycling.charge_spline import basis_at, fit_spline, knots_of, with_uncertainty
from electrochem.cycling.half_cycle import cycles_of, half_cycles
from electrochem.labels.plausible import NCM, check_capacity, number

_FEWEST_ROWS = 40
# Rows whose current is further from the usual one belong to a hold, not to the sweep.
_STEADY = 0.05
# V: a stretch at the end this close to the limit, holding so many times its share of charge.
_HOLD_VOLT, _HOLD_TIMES = 1e-3, 8.0
# Standard uncertainties by which a peak stands above its foot; a maximum of noise is chosen among
# many.
_TOLD = 4.0
_DRAWS = 1000


def differential_capacity(
    data: xr.Dataset | tuple[np.ndarray, np.ndarray],
    *,
    direction: str = "charge",
    mass_g: float | None = None,
    cycle: int = 1,
    starts_with: str = "charge",
    points: int = 400,
    plausible: tuple[float, float] = NCM,
) -> xr.Dataset:
    """dQ/dE without the noise that dividing differences would make of it.

    Charge over voltage is fitted by a penalised cubic spline with knots every 8 mV, whose
    stiffness (of the third derivative) is the most likely one given the data (restricted maximum
    likelihood); the derivative is that of the spline. Rows are weighted by what the noise of the
    voltage does to the charge. Voltages may repeat, be rounded and run back; a hold at constant
    voltage at the end and rests are left out.

    Parameters
    ----------
    data : xarray.Dataset or (voltage, capacity)
        A ``cell_record``, or voltage / V and charge passed / mAh g-1 of one half cycle in the
        order of time, each of shape (n,).
    direction : {"charge", "discharge"}
        Which half.
    mass_g : float, optional
        Mass of active material, g; needed with a record.
    cycle : int, default 1
        Number of the cycle, as ``capacity_per_cycle`` counts them: a charge with the discharge
        after it. With two arrays it only names the result.
    starts_with : {"charge", "discharge"}
        What a cycle begins with; a half cycle before the first of these belongs to none.
    points : int
        Of the voltages of the result.
    plausible : (float, float)
        mAh g-1; a capacity of the whole half cycle outside is refused, for a unit is wrong.

    Returns
    -------
    xarray.Dataset
        Dim voltage / V: differential_capacity / mAh g-1 V-1 (negative in discharge, where charge
        grows as voltage falls), its standard uncertainty, and capacity / mAh g-1 between the
        lowest voltage and this one; further the spline's knots, coefficients and their
        covariance. Coordinates ``cycle`` and ``direction`` say of what. How it was smoothed is in
        ``attrs["smoothing"]``, what is odd in ``attrs["warnings"]``; ``attrs["complete"]`` is
        "no" for a half cycle that is cut, of which only a stretch of voltage is seen.

    Raises
    ------
    MeasurementError
        If direction, mass or cycle cannot be, the half cycle has a gap in time, so that its
        charge is not known, or fewer than 40 rows or 50 mV remain.

    Notes
    -----
    Uncertainties are those of the scatter. Smoothing also lowers and widens peaks that are hardly
    resolved by the noise of the voltage; that bias is not in them.

    References
    ----------
    Eilers and Marx, Stat. Sci. 11 (1996) 89; Wood, J. R. Stat. Soc. B 73 (2011) 3.

    Examples
    --------
    >>> from electrochem.simulating.cycling import simulate_record
    >>> record, truth = simulate_record(1)
    >>> found = differential_capacity(record, mass_g=truth["mass_g"], cycle=2)
    >>> near = found.sel(voltage=3.4, method="nearest")
    >>> true = truth["dqde"](float(near["voltage"]), "charge", cycle=2)
    >>> bool(abs(float(near["differential_capacity"]) / true - 1) < 0.05)
    True
    """
    if direction not in ("charge", "discharge"):
        raise MeasurementError(f"direction is {direction!r}; charge or discharge was expected")
    sign = 1 if direction == "charge" else -1
    kept = {"warnings": ""}
    if isinstance(data, xr.Dataset):
        voltage, capacity, dropped, facts = _half(data, sign, mass_g, cycle, starts_with, plausible)
        kept = facts | {
            k: data.attrs[k]
            for k in ("simulated", "source", "reference_electrode", "cell")
            if k in data.attrs
        }
    else:
        voltage, capacity, dropped = _checked(*data, sign)
    if voltage.size < _FEWEST_ROWS or np.ptp(voltage) < 0.05:
        raise MeasurementError(
            f"{voltage.size} rows over {1e3 * np.ptp(voltage) if voltage.size else 0:.0f} mV "
            f"outside rests and holds; at least {_FEWEST_ROWS} rows over 50 mV are needed"
        )
    # The charge stored, which grows with voltage in both directions.
    stored = capacity if sign == 1 else capacity.max() - capacity
    knots = knots_of(voltage)
    coefficient, covariance, noise = fit_spline(voltage, stored, knots)
    low, high = np.quantile(voltage, [0.002, 0.998])
    at = np.linspace(low, high, points)
    slope, slope_u = with_uncertainty(basis_at(at, knots, 1), coefficient, covariance)
    level = basis_at(at, knots) - basis_at(at[:1], knots)
    charge, charge_u = with_uncertainty(level, coefficient, covariance)
    rate = {"units": "mAh g-1 V-1"}
    amount = {"units": "mAh g-1"}
    return xr.Dataset(
        {
            "differential_capacity": ("voltage", sign * slope, rate | {"long_name": "dQ/dE"}),
            "differential_capacity_u": (
                "voltage",
                slope_u,
                rate | {"long_name": "standard uncertainty of dQ/dE"},
            ),
            "capacity": ("voltage", charge, amount | {"long_name": "charge from lowest voltage"}),
            "capacity_u": (
                "voltage",
                charge_u,
                amount | {"long_name": "standard uncertainty of charge"},
            ),
            "knot": ("knot_number", knots, {"units": "V", "long_name": "knot of the spline"}),
            "coefficient": (
                "term",
                coefficient,
                amount | {"long_name": "coefficient of the spline"},
            ),
            "coefficient_covariance": (
                ("term", "term_2"),
                covariance,
                {"units": "mAh2 g-2", "long_name": "covariance of the coefficients"},
            ),
        },
        coords={
            "voltage": ("voltage", at, {"units": "V", "long_name": "voltage"}),
            "cycle": ((), int(cycle), {"units": "1", "long_name": "cycle number"}),
            "direction": ((), direction, {"units": "1", "long_name": "charge or discharge"}),
        },
        attrs={
            "kind": "differential_capacity",
            "direction": direction,
            "cycle": cycle,
            "voltage_noise_V": noise,
            "rows": int(voltage.size),
            "rows_left_out": int(dropped),
            "smoothing": "penalised cubic spline of charge over voltage, third derivative, "
            f"knots every {1e3 * (knots[5] - knots[4]):.1f} mV, stiffness by restricted maximum "
            "likelihood",
        }
        | kept,
    )


def peak_of_dqde(
    dqde: xr.Dataset,
    between: tuple[float, float],
    *,
    scale_uncertainty: float = 0.0,
) -> tuple[Estimate, Estimate]:
    """Position and area of the peak of dQ/dE between two voltages.

    Parameters
    ----------
    dqde : xarray.Dataset
        As ``differential_capacity`` gives it.
    between : (float, float)
        V; the highest maximum of the modulus inside is the peak, the area is all the charge
        between them.
    scale_uncertainty : float
        Relative standard uncertainty of mass and current, for the area.

    Returns
    -------
    position : Estimate
        V: the maximum of the spline, with the interval of 1,000 splines drawn from the
        covariance of its coefficients. A constant error of the voltmeter is not included.
    area : Estimate
        mAh g-1, positive: no base line is taken off.

    Raises
    ------
    MeasurementError
        If the voltages are not within the data, or dQ/dE has no maximum between them.

    Examples
    --------
    >>> from electrochem.simulating.cycling import simulate_record
    >>> record, truth = simulate_record(1)
    >>> found = differential_capacity(record, mass_g=truth["mass_g"], cycle=2)
    >>> position, area = peak_of_dqde(found, (3.57, 3.66))
    >>> round(position.value, 2), position.unit, area.unit
    (3.62, 'V', 'mAh g-1')
    """
    low, high = (float(x) for x in between)
    span = dqde["voltage"].values
    if not span[0] <= low < high <= span[-1]:
        raise MeasurementError(
            f"between is {low:g} to {high:g} V; two ascending voltages within "
            f"{span[0]:.3f} to {span[-1]:.3f} V were expected"
        )
    if not 0 <= scale_uncertainty < 1:
        raise MeasurementError(
            f"scale_uncertainty is {scale_uncertainty}; a relative number below 1 was expected"
        )
    knots = dqde["knot"].values
    coefficient = dqde["coefficient"].values
    covariance = dqde["coefficient_covariance"].values
    at = np.linspace(low, high, max(51, round((high - low) / 5e-4) + 1))
    basis = basis_at(at, knots, 1)
    slope = basis @ coefficient
    maxima = np.flatnonzero((slope[1:-1] > slope[:-2]) & (slope[1:-1] >= slope[2:])) + 1
    if not maxima.size:
        raise MeasurementError(
            f"dQ/dE has no maximum inside {low:g} to {high:g} V: it is largest at "
            f"{at[int(np.argmax(slope))]:.3f} V, the end; choose bounds on both sides of the peak"
        )
    # From valley to valley: the flank of a higher neighbour is not this peak.
    top = int(maxima[np.argmax(slope[maxima])])
    summit = basis[top]
    falls = np.diff(slope) < 0
    left = np.flatnonzero(falls[:top])
    right = np.flatnonzero(~falls[top:])
    hill = slice(
        int(left[-1]) + 1 if left.size else 0, top + int(right[0]) + 1 if right.size else at.size
    )
    at, basis, slope = at[hill], basis[hill], slope[hill]
    for foot in (basis[0], basis[-1]):
        drop, u = (
            float(x[0]) for x in with_uncertainty((summit - foot)[None], coefficient, covariance)
        )
        if drop < _TOLD * u:
            raise MeasurementError(
                f"dQ/dE between {low:g} and {high:g} V has no maximum that noise does not explain: "
                f"at {at[int(np.argmax(slope))]:.3f} V it stands {drop:.3g} mAh g-1 V-1 above its "
                f"foot, with a standard uncertainty of {u:.2g}; choose other bounds"
            )
    value = float(_tops(at, slope[None])[0])
    used = np.flatnonzero(basis.any(axis=0))
    draws = np.random.default_rng(0).multivariate_normal(
        np.zeros(used.size), covariance[np.ix_(used, used)], _DRAWS, method="eigh"
    )
    places = _tops(at, slope + draws @ basis[:, used].T)
    lower, upper = np.quantile(places, [0.025, 0.975])
    position = Estimate.from_interval(
        value,
        min(value, float(lower)),
        max(value, float(upper)),
        standard_uncertainty=float(np.std(places)),
        unit="V",
        n=int(dqde.attrs.get("rows", 1)),
        method="maximum of the spline, draws of its coefficients",
    )
    step = basis_at(np.array([high]), knots) - basis_at(np.array([low]), knots)
    area, area_u = (float(x[0]) for x in with_uncertainty(step, coefficient, covariance))
    return position, Estimate.from_standard_uncertainty(
        area,
        float(np.hypot(area_u, scale_uncertainty * area)),
        unit="mAh g-1",
        n=int(dqde.attrs.get("rows", 1)),
        method="charge between two voltages",
    )


def _half(
    record: xr.Dataset,
    sign: int,
    mass_g: float | None,
    cycle: int,
    starts_with: str,
    plausible: tuple[float, float],
) -> tuple[np.ndarray, np.ndarray, int, dict[str, str]]:
    """Voltage / V and charge / mAh g-1 of the steady rows of one half cycle, and facts of it."""
    if mass_g is None:
        raise MeasurementError("mass_g is None; grams of active material are needed with a record")
    mass_g = number(mass_g, "mass_g", "g")
    halves, warnings = half_cycles(record)
    cycles = cycles_of(halves, starts_with, warnings)
    word = "charge" if sign == 1 else "discharge"
    found = [pair[0 if sign == 1 else 1] for pair in cycles]
    count = sum(half is not None for half in found)
    if isinstance(cycle, str) or not 1 <= cycle <= len(found) or found[int(cycle) - 1] is None:
        raise MeasurementError(
            f"cycle is {cycle!r}; the record has cycles 1 to {len(found)}, {count} with a {word}"
        )
    half = found[int(cycle) - 1]
    assert half is not None
    if half.gaps:
        raise MeasurementError(
            f"{word} of cycle {cycle}: {half.gaps} gaps in time, across which charge is not known; "
            + "; ".join(warnings)
        )
    # A cut half cycle may hold little, whatever the units: the others tell.
    whole = [h.charge for h in halves if h.complete] or [half.charge]
    warnings += check_capacity(
        float(np.median(whole)) / mass_g, mass_g, half.duration / 3600, plausible=plausible
    )
    if not half.complete:
        warnings.append(f"the {word} of cycle {cycle} is cut: dQ/dE holds only where it was seen")
    current, voltage = (record[k].values[half.rows].astype(float) for k in ("current", "voltage"))
    size = np.abs(current)
    usual = float(np.median(size))
    steady = np.abs(size - usual) <= _STEADY * usual
    earlier = str(record.attrs.get("warnings", ""))
    facts = {
        "complete": "yes" if half.complete else "no",
        "warnings": "; ".join(([earlier] if earlier else []) + warnings),
    }
    return voltage[steady], half.passed[steady] / mass_g, int((~steady).sum()), facts


def _checked(
    voltage: np.ndarray, capacity: np.ndarray, sign: int
) -> tuple[np.ndarray, np.ndarray, int]:
    voltage, capacity = np.asarray(voltage, float), np.asarray(capacity, float)
    if voltage.ndim != 1 or voltage.shape != capacity.shape:
        raise MeasurementError(
            f"voltage has shape {voltage.shape}, capacity {capacity.shape}; expected two alike (n,)"
        )
    if not (np.isfinite(voltage).all() and np.isfinite(capacity).all()):
        raise MeasurementError("voltage or capacity holds values that are not finite numbers")
    if voltage.size < 3:
        return voltage, capacity, 0
    if (capacity[-1] < capacity[0]) or sign * (voltage[-1] - voltage[0]) < 0:
        raise MeasurementError(
            "capacity must grow in the order of time, and voltage rise in charge and fall in "
            "discharge; is the direction right?"
        )
    # Trailing rows at the limit that hold far more charge than their stretch of voltage should.
    near = sign * (sign * voltage).max() - sign * _HOLD_VOLT
    inside = np.flatnonzero(sign * voltage < sign * near)
    begin = int(inside[-1]) + 1 if inside.size else 0
    share = _HOLD_VOLT / np.ptp(voltage) if np.ptp(voltage) else 1.0
    held = capacity[-1] - capacity[min(begin, voltage.size - 1)]
    if held > _HOLD_TIMES * share * np.ptp(capacity) and voltage.size - begin > 5:
        return voltage[:begin], capacity[:begin], voltage.size - begin
    return voltage, capacity, 0


def _tops(at: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """Place of the maximum of each curve, refined by a parabola; shape (curve,)."""
    k = np.clip(np.argmax(curves, axis=1), 1, at.size - 2)
    row = np.arange(curves.shape[0])
    left, top, right = (curves[row, k + j] for j in (-1, 0, 1))
    bend = left - 2 * top + right
    shift = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, -1.0), 0.0)
    return np.asarray(at[k] + np.clip(shift, -1, 1) * (at[1] - at[0]))
