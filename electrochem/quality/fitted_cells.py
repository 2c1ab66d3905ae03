"""Spectra of the cells of one kind: checked, fitted, and put together."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

import electrochem
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.statistics.geometric_means import Cells, mean_of_cells
from electrochem.diffusion.low_frequencies import low_end
from electrochem.quality.impedance_parameters import FitParameters, Known, SpectrumParameters


@dataclass(frozen=True)
class FittedCells:
    """Cells of one kind with what their spectra gave, for figures.

    Examples
    --------
    >>> e = Estimate.from_interval(1.0, 0.9, 1.1)
    >>> FittedCells(("a.z",), (), (e,), e).names
    ('a.z',)
    """

    names: tuple[str, ...]
    fits: tuple[electrochem.CircuitFit, ...]
    own: tuple[Estimate, ...]
    mean: Estimate


def name_of(spectrum: xr.DataArray) -> str:
    """File that a spectrum came from.

    Examples
    --------
    >>> name_of(electrochem.simulate_impedance(1)[0])
    'simulated'
    """
    return str(spectrum.attrs.get("source", "a spectrum"))


def one_sweep(spectrum: xr.DataArray, p: SpectrumParameters) -> xr.DataArray:
    """One sweep of a file, its sign checked.

    Raises
    ------
    MeasurementError
        If it has several and none is chosen, or Z'' is mostly positive.

    Examples
    --------
    >>> one_sweep(electrochem.simulate_impedance(1)[0], SpectrumParameters()).dims
    ('frequency',)
    """
    name = name_of(spectrum)
    if "scan" in spectrum.dims:
        count = spectrum.sizes["scan"]
        if p.sweep is None:
            raise MeasurementError(
                f"{name}: holds {count} sweeps of one cell; say which in parameters.sweep (1 is "
                "the first, -1 the last)"
            )
        if not 1 <= abs(p.sweep) <= count:
            raise MeasurementError(f"{name}: holds {count} sweeps, sweep {p.sweep} was asked for")
        spectrum = spectrum.isel(scan=p.sweep - 1 if p.sweep > 0 else p.sweep, drop=True)
    positive = float((spectrum.values.imag > 0).mean())
    if positive > 0.5:
        raise MeasurementError(
            f"{name}: the imaginary part is positive at {positive:.0%} of the frequencies, so that "
            "it is no cell, or -Z'' stands where Z'' was expected; mend the heads of the file"
        )
    return spectrum


def _per_area(spectrum: xr.DataArray, p: FitParameters) -> tuple[xr.DataArray, str]:
    """Impedance in ohm cm2, and words where file and batch disagree."""
    name, own = name_of(spectrum), spectrum.attrs.get("area_cm2")
    if spectrum.attrs.get("units") == "ohm cm2":
        return spectrum, f"{name}: is in ohm cm2; parameters.area is not used" if p.area else ""
    area = p.area or own
    if not area:
        raise MeasurementError(
            f"{name}: is in ohm and does not say the area of the cell; set parameters.area, in cm2"
        )
    note = ""
    if p.area and own and abs(p.area / float(own) - 1) > 0.01:
        note = f"{name}: says an area of {float(own):g} cm2; {p.area:g} cm2 were used"
    return electrochem.impedance_per_area(spectrum, float(area)), note


def tested(spectrum: xr.DataArray, p: SpectrumParameters) -> electrochem.KramersKronig:
    """Kramers-Kronig test of one spectrum; errors name its file.

    Examples
    --------
    >>> tested(electrochem.simulate_impedance(1)[0], SpectrumParameters()).consistent
    True
    """
    try:
        return electrochem.kramers_kronig(spectrum, tolerance=p.tolerance)
    except MeasurementError as error:
        raise MeasurementError(f"{name_of(spectrum)}: {error}") from error


def suspect_range(test: electrochem.KramersKronig) -> tuple[float, float]:
    """Lowest and highest frequency at which a spectrum is suspect, Hz; NaN where it is not.

    Examples
    --------
    >>> drifts, _ = electrochem.simulate_impedance(1, "uncoated", 152, drift=0.2)
    >>> low, high = suspect_range(tested(drifts, SpectrumParameters()))
    >>> 0.1 <= low < high < 1e6
    True
    """
    at = test.residuals["frequency"].values[test.residuals["suspect"].values]
    return (float(at.min()), float(at.max())) if at.size else (math.nan, math.nan)


def _doubts(spectrum: xr.DataArray, p: FitParameters) -> str:
    """Words where a spectrum breaks the Kramers-Kronig relations."""
    test = tested(spectrum, p)
    if test.consistent:
        return ""
    low, high = suspect_range(test)
    return _judged(
        f"{name_of(spectrum)}: breaks the Kramers-Kronig relations from {low:.3g} to {high:.3g} Hz "
        f"(residuals up to {100 * test.worst:.2g} %): the cell drifted, or was driven too far",
        p,
    )


def _misfit(name: str, fit: electrochem.CircuitFit, p: FitParameters) -> str:
    if fit.describes:
        return ""
    return _judged(
        f"{name}: {fit.circuit} does not describe it (residuals {float(fit.misfit.max()):.1f} "
        "times the scatter of neighbours)",
        p,
    )


def _judged(words: str, p: FitParameters) -> str:
    if p.doubtful == "refuse":
        raise MeasurementError(
            f'{words}; record it again, choose another circuit, or set doubtful = "flag"'
        )
    return f"{words}; what follows from it may mean nothing"


class FittedCell(NamedTuple):
    """What one spectrum gave.

    `target` is the fitted parameter that the value stems from; `steps` says of what is known how
    far the logarithm of the target goes from one standard uncertainty below it to one above.

    Examples
    --------
    >>> z, _ = electrochem.simulate_impedance(1)
    >>> resistance_of(z, FitParameters(), {}, None).target
    'TL1_R_cathode'
    """

    value: Estimate
    fit: electrochem.CircuitFit
    target: str
    steps: Callable[[Known], dict[str, float]]
    conditions: str


def resistance_of(z: xr.DataArray, p: FitParameters, known: Known, capacity: Any) -> FittedCell:
    """R_cathode of one spectrum, ohm cm2; `capacity` is of no use here.

    Raises
    ------
    MeasurementError
        If the circuit has not one transmission line.

    Examples
    --------
    >>> z, truth = electrochem.simulate_impedance(1, "coated", 152)
    >>> found = resistance_of(z, FitParameters(), {"R1": (3.0, 0.1)}, None).value
    >>> found.lower < truth["R_cathode"] < found.upper
    True
    """
    lines = [n for n in electrochem.parse_circuit(p.circuit).names if n.endswith("_R_ct")]
    if len(lines) != 1:
        raise MeasurementError(
            f"circuit {p.circuit!r} has {len(lines)} transmission lines; one of TL, TLP, TLC, TLS "
            "is expected"
        )
    target = lines[0].removesuffix("_R_ct") + "_R_cathode"
    fit = electrochem.fit_circuit(z, p.circuit, known=known, profile=[target])
    steps = partial(_steps, z, fit, target, {}, ())
    return FittedCell(fit.estimate(target), fit, target, steps, "")


def length_of(z: xr.DataArray, p: Any, known: Known, capacity: Any) -> FittedCell:
    """Diffusion length of one spectrum, um.

    Examples
    --------
    >>> from electrochem.quality.impedance_parameters import LengthParameters
    >>> z, truth = electrochem.simulate_impedance(2, "coated", 152, geometry="planar")
    >>> p = LengthParameters(diffusion_coefficient=1e-11, spread=0.3)
    >>> found = length_of(z, p, {}, None).value
    >>> found.lower < truth["L_diff"] < found.upper
    True
    """
    found = electrochem.diffusion_length(
        z,
        p.circuit,
        diffusion_coefficient=p.diffusion_coefficient,
        geometry=p.geometry,
        relative_uncertainty=p.relative_uncertainty,
        capacity=capacity,
        spread=p.spread,
        known=known,
        below=p.below,
    )
    end = low_end(z, p.circuit, p.geometry, p.below)
    target, width = f"{end.element}_tau", f"{end.element}_spread"
    fixed = dict(end.fixed) if p.spread is None else {**end.fixed, width: p.spread}
    free = (width,) if p.spread is None else ()
    steps = partial(_steps, end.impedance, found.fit, target, fixed, free)
    return FittedCell(found.length, found.fit, target, steps, found.conditions)


def _steps(
    z: xr.DataArray,
    fit: electrochem.CircuitFit,
    target: str,
    fixed: Mapping[str, float],
    free: Sequence[str],
    known: Known,
) -> dict[str, float]:
    """Change of the target's logarithm with each known value, fitted from where the fit ended."""
    if not known:
        return {}
    count = 2 * len(known)
    values = {name: np.full(count, value) for name, (value, _) in known.items()}
    for k, (name, (value, relative)) in enumerate(known.items()):
        most = 1.0 if name.endswith("_n") else math.inf
        ends = value * np.exp(np.array([-1.0, 1.0]) * relative)
        values[name][2 * k : 2 * k + 2] = np.minimum(ends, most)
    table = fit.table.set_index("parameter")["value"]
    names = electrochem.parse_circuit(fit.circuit).names
    moved = electrochem.fit_circuit(
        z.expand_dims(scan=np.arange(count)),
        fit.circuit,
        known={name: (values[name], known[name][1]) for name in known},
        # Only what is known has moved, so that the same minimum is near.
        start={n: float(table[n]) for n in names if n in table.index and n not in fixed},
        fixed=fixed,
        free=free,
        profile=False,
    ).table
    found = np.log(moved.loc[moved["parameter"] == target, "value"].to_numpy(float))
    return {name: float(found[2 * k + 1] - found[2 * k]) for k, name in enumerate(known)}


@dataclass(frozen=True)
class MeasuredCells:
    """One side: its cells, with tables, arrays and notes.

    Examples
    --------
    >>> z, _ = electrochem.simulate_impedance(1, "coated", 152)
    >>> measured_cells([z], FitParameters(), resistance_of, {}, None).cells.count
    1
    """

    cells: Cells
    fitted: FittedCells
    table: pd.DataFrame
    data: dict[str, xr.Dataset]
    notes: tuple[str, ...]


def measured_cells(
    spectra: Sequence[xr.DataArray],
    p: Any,
    of: Callable[..., FittedCell],
    known: Known,
    capacity: tuple[float, float] | None,
    alone: Collection[str] = (),
) -> MeasuredCells:
    """Check and fit every cell of one kind.

    Parameters
    ----------
    spectra : sequence of xarray.DataArray
        One a cell.
    p : FitParameters
        Of the quantity.
    of : callable
        `resistance_of` or `length_of`.
    known : dict
        Parameters known from elsewhere.
    capacity : (float, float) or None
        Differential capacity, F cm-2, with its relative uncertainty.
    alone : collection of str
        Which of ``known`` and ``capacity`` hold for this kind of cell only.

    Returns
    -------
    MeasuredCells

    Raises
    ------
    MeasurementError
        Naming the file that does not tell.

    Examples
    --------
    >>> z, _ = electrochem.simulate_impedance(1, "coated", 152)
    >>> measured_cells([z], FitParameters(), resistance_of, {}, None).fitted.names
    ('simulated',)
    """
    found: list[FittedCell] = []
    names, notes = [], []
    for spectrum in spectra:
        z, note = _per_area(one_sweep(spectrum, p), p)
        doubts = _doubts(z, p)
        try:
            got = of(z, p, known, capacity)
        except MeasurementError as error:
            raise MeasurementError(f"{name_of(z)}: {error}") from error
        notes += [n for n in (note, doubts, _misfit(name_of(z), got.fit, p)) if n]
        names.append(name_of(z))
        found.append(got)
    own = [f.value for f in found]
    cells = Cells(own, _shifts(found, known, capacity, p, alone))
    fits = tuple(f.fit for f in found)
    table = pd.DataFrame(
        {
            "cell": names,
            f"value / {own[0].unit}": [e.value for e in own],
            f"lower (95 %) / {own[0].unit}": [e.lower for e in own],
            f"upper (95 %) / {own[0].unit}": [e.upper for e in own],
            "noise / %": [100 * float(f.noise[0]) for f in fits],
            "misfit": [float(f.misfit[0]) for f in fits],
        }
    )
    fitted = FittedCells(tuple(names), fits, tuple(own), mean_of_cells(cells))
    notes += list(dict.fromkeys(f.conditions for f in found if f.conditions))
    data = {f"fit_{i}": _arrays(f) for i, f in enumerate(fits)}
    return MeasuredCells(cells, fitted, table, data, tuple(notes))


def _shifts(
    found: Sequence[FittedCell],
    known: Known,
    capacity: tuple[float, float] | None,
    p: Any,
    alone: Collection[str],
) -> dict[str, float]:
    """What one standard uncertainty of each given value does to the mean logarithm."""
    prior, shared = dict(known), dict.fromkeys(known, "known" not in alone)
    target = found[0].target
    # L goes with the root of tau.
    scale = 0.5 if target.endswith("_tau") else 1.0
    if capacity is not None:
        name = target.removesuffix("_tau") + "_C_diff"
        prior[name], shared[name] = capacity, "capacity" not in alone
    steps = [each.steps(prior) for each in found]
    shifts = {
        name if shared[name] else f"{name}, of this kind alone": scale
        * float(np.mean([each[name] for each in steps]))
        / 2
        for name in prior
    }
    if relative := getattr(p, "relative_uncertainty", 0.0):
        shifts["diffusion_coefficient"] = 0.5 * relative
    return shifts


def _arrays(fit: electrochem.CircuitFit) -> xr.Dataset:
    """Measured and fitted impedance in two parts: NetCDF knows no complex numbers."""
    data = fit.data.isel(scan=0, drop=True)
    parts = {
        f"{name}_{part}": (
            "frequency",
            getattr(data[name].values, part),
            data[name].attrs | {"long_name": f"{data[name].attrs['long_name']}, {word}"},
        )
        for name in ("measured", "fitted")
        for part, word in (("real", "real part"), ("imag", "imaginary part"))
    }
    return xr.Dataset(parts, coords={"frequency": data["frequency"]}, attrs=data.attrs)
