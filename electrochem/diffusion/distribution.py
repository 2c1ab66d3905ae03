"""How are diffusion lengths distributed over the particles?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from coatcore.display import Sheet, shown
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate, estimate_row
from electrochem.diffusion.distribution_sampling import draw_sizes
from electrochem.diffusion.figures import plot_lengths
from electrochem.diffusion.length import DiffusionLength, diffusion_length
from electrochem.diffusion.low_frequencies import low_end
from electrochem.impedance.models.circuit import parse_circuit
from electrochem.impedance.problem import Problem, held
from electrochem.labels.labels import angular_frequency

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_UM_PER_CM = 1e4
# Lengths beside the median that are looked at, as a factor each way, and how many.
_FACTOR, _COUNT = 9.0, 36
_LEVEL = 0.95
# Scatter between chains over that within, above which more draws are needed.
_MIXED = 1.2


def _sheet(found: LengthDistribution) -> Sheet:
    rows: list[tuple[str, ...]] = [
        estimate_row("median", found.median),
        ("mixing (R-hat)", f"{found.mixing:.2f}", "", ""),
    ]
    heads = ("quantity", "value", "interval", "n")
    return Sheet("LengthDistribution", heads, rows, tuple(found.conditions.split("; ")))


@shown(sheet=_sheet)
@dataclass(frozen=True)
class LengthDistribution:
    """Distribution of diffusion lengths by volume.

    Parameters
    ----------
    median : Estimate
        Length below which half of the volume lies, um.
    geometry : str
        Of the particles, as assumed.
    conditions : str
        On what the numbers depend.
    mixing : float
        Split R-hat of the mean logarithm of the length: 1 where enough was drawn. With the
        default steps most simulated spectra lie at 1.1 to 1.6; those above 1.2 say so in
        `conditions`.
    data : xarray.Dataset
        Over length / um: density (per unit of ln L) and cumulative (volume fraction at or below),
        each with lower and upper.
    draws : xarray.DataArray
        cumulative of each distribution that agrees with the data, dims (draw, length).

    Examples
    --------
    >>> from electrochem import simulate_impedance
    >>> z, truth = simulate_impedance(2, "coated", 152, geometry="planar")
    >>> found = length_distribution(z, diffusion_coefficient=1e-11, capacity=(14.94, 0.02),
    ...     steps=100)
    >>> found.geometry
    'planar'
    """

    median: Estimate
    geometry: str
    conditions: str
    mixing: float
    data: xr.Dataset
    draws: xr.DataArray

    def share_below(self, length: float) -> Estimate:
        """Volume fraction of particles with a diffusion length up to `length`, um.

        Parameters
        ----------
        length : float
            In um.

        Raises
        ------
        MeasurementError
            If it lies outside the lengths that were looked at.

        Examples
        --------
        >>> from electrochem import simulate_impedance
        >>> z, _ = simulate_impedance(2, "coated", 152, geometry="planar")
        >>> found = length_distribution(z, diffusion_coefficient=1e-11, capacity=(14.94, 0.02),
        ...     steps=100)
        >>> found.share_below(1.0).upper < 0.2
        True
        """
        grid = self.draws["length"].values
        if not grid[0] <= length <= grid[-1]:
            raise MeasurementError(
                f"length is {length} um; looked at were {grid[0]:.3g} to {grid[-1]:.3g} um"
            )
        at = self.draws.interp(length=length).values
        return _of_draws(at, "1", self.draws.attrs["source"])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Density and cumulative volume fraction over the length, with their intervals.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on; the cumulative fraction has its axis on the right.

        Examples
        --------
        >>> from electrochem import simulate_impedance
        >>> z, _ = simulate_impedance(2, "coated", 152, geometry="planar")
        >>> found = length_distribution(z, diffusion_coefficient=1e-11, capacity=(14.94, 0.02),
        ...     steps=100)
        >>> found.plot().get_xlabel()
        'diffusion length / µm'
        """
        title = f"median {self.median.concise} µm, {self.geometry} particles"
        return plot_lengths(self.data, self.median, title=title, ax=ax)


def length_distribution(
    impedance: xr.DataArray,
    circuit: str | None = None,
    *,
    diffusion_coefficient: float,
    geometry: str | None = None,
    relative_uncertainty: float = 0.0,
    capacity: tuple[float, float] | None = None,
    known: Mapping[str, tuple[object, float]] | None = None,
    below: float | None = None,
    lengths: tuple[float, float] | None = None,
    seed: int = 0,
    steps: int = 3000,
) -> LengthDistribution:
    """Regularised distribution of diffusion lengths from impedance (EIS-PSD).

    Parameters
    ----------
    impedance : xarray.DataArray
        Kind ``impedance_spectrum``, dims (frequency,).
    circuit, diffusion_coefficient, geometry, relative_uncertainty, capacity, known, below
        As for `diffusion_length`.
    lengths : (float, float), optional
        Shortest and longest length that particles may have, um; by default a factor of 9 below
        and above the median of a lognormal fit.
    seed : int
        Of the draws.
    steps : int
        Of the chains; more where `mixing` is above 1.2.

    Returns
    -------
    LengthDistribution

    Raises
    ------
    MeasurementError
        As `diffusion_length`; or if the spectrum bounds the length on one side only, so that no
        distribution is told.

    Notes
    -----
    The distribution is lognormal but for a smooth random function of ln L (correlated over 0.5)
    whose size the data tell; intervals are those of what agrees with the data under this prior,
    and lie within `lengths` by assumption. Features narrower than about a factor of 1.6 in
    length are not told by diffusion and are smoothed. Of 100 simulated spectra with 0.2 % noise
    intervals held the volume fraction at five places in 97-100 % and the median in 97-100 % where
    the distribution was lognormal; where it had two narrow parts (0.2 in ln L, a factor of 3
    apart) in 82-98 % and 85 %: there, take the shape as an indication. The other parameters are
    integrated out as normal about the best fit.

    References
    ----------
    Song and Bazant, J. Electrochem. Soc. 160 (2013) A15; Shi et al., J. Mater. Chem. A 13 (2025)
    2600, equation 5 (mended) and figure 7a.

    Examples
    --------
    >>> from electrochem import simulate_impedance
    >>> z, truth = simulate_impedance(2, "coated", 152, geometry="planar")
    >>> found = length_distribution(z, diffusion_coefficient=1e-11, capacity=(14.94, 0.02),
    ...     steps=100)
    >>> found.median.lower < truth["L_diff"] < found.median.upper
    True
    """
    if not (isinstance(steps, int) and steps >= 100 and isinstance(seed, int) and seed >= 0):
        raise MeasurementError(
            f"steps is {steps!r} and seed {seed!r}; expected whole numbers, steps at least 100"
        )
    if lengths is not None and not (isinstance(lengths, tuple | list) and len(lengths) == 2):
        raise MeasurementError(
            f"lengths are {lengths!r}; expected the shortest and the longest in um, as (0.2, 20)"
        )
    element = low_end(impedance, circuit, geometry, below).element
    for name in known or {}:
        if name.startswith(f"{element}_") and name.endswith(
            ("C_diff", "tau", "spread", "R_cathode")
        ):
            remedy = "give it as capacity" if name.endswith("C_diff") else "leave it out"
            raise MeasurementError(f"known: {name} does not enter the distribution; {remedy}")
    first = diffusion_length(
        impedance,
        circuit,
        diffusion_coefficient=diffusion_coefficient,
        geometry=geometry,
        relative_uncertainty=relative_uncertainty,
        capacity=capacity,
        known=known,
        below=below,
    )
    if not (first.length.lower > 0 and np.isfinite(first.length.upper)):
        raise MeasurementError(
            "impedance: no bend towards a capacitor is seen, so that only L / (C sqrt(D)) is told; "
            "give the capacity, or measure to lower frequencies"
        )
    grid = _grid(lengths, first.length.value)
    times = (grid / _UM_PER_CM) ** 2 / diffusion_coefficient
    problem, begin, element = _problem(first, impedance, circuit, geometry, below, known)
    tau, spread, whole = (
        first.fit.estimate(f"{element}_{what}").value for what in ("tau", "spread", "C_diff")
    )
    drawn = draw_sizes(
        problem,
        times,
        first.geometry,
        begin,
        median=tau,
        spread=spread,
        capacity=capacity or (whole, 1.0),
        capacity_known=capacity is not None,
        seed=seed,
        steps=steps,
    )
    return _result(drawn.shares, grid, relative_uncertainty, first, drawn.mixing, seed)


def _grid(lengths: tuple[float, float] | None, median: float) -> np.ndarray:
    if lengths is None:
        lengths = (median / _FACTOR, median * _FACTOR)
    low, high = lengths
    if not (low > 0 and np.isfinite(high) and high > 1.5 * low):
        raise MeasurementError(
            f"lengths are {lengths}; expected the shortest and the longest in um, as (0.2, 20)"
        )
    if not low < median < high:
        raise MeasurementError(
            f"lengths are {lengths} um, but a lognormal fit has its median at {median:.3g} um; "
            "widen them"
        )
    return np.exp(np.linspace(np.log(low), np.log(high), _COUNT))


def _problem(
    first: DiffusionLength,
    impedance: xr.DataArray,
    circuit: str | None,
    geometry: str | None,
    below: float | None,
    known: Mapping[str, tuple[object, float]] | None,
) -> tuple[Problem, dict[str, float], str]:
    """What is fitted beside the particles, and where it begins; name of the particles' element."""
    end = low_end(impedance, circuit, geometry, below)
    part = end.impedance.sortby("frequency", ascending=False)
    parsed = parse_circuit(end.circuit)
    own = [f"{end.element}_{what}" for what in ("C_diff", "tau", "spread")]
    data = part.values[None, :]
    problem = Problem(
        parsed,
        angular_frequency(part),
        data,
        np.abs(data) * float(first.fit.noise.values[0]),
        held(parsed, end.fixed, (), 1),
        {n: (np.asarray(v, float).reshape(1), u) for n, (v, u) in (known or {}).items()},
    )
    values = first.fit.table.set_index("parameter")["value"]
    begin = {n: float(values[n]) for n in problem.free if n not in own}
    fixed = {n: v for n, v in problem.fixed.items() if n not in own}
    return Problem(parsed, problem.w, data, problem.sigma, fixed, problem.prior), begin, end.element


def _result(
    shares: np.ndarray,
    grid: np.ndarray,
    relative: float,
    first: DiffusionLength,
    mixing: float,
    seed: int,
) -> LengthDistribution:
    x = np.log(grid)
    step = x[1] - x[0]
    # A share is spread over its cell: half of it lies below the point itself.
    below = np.cumsum(shares, axis=1) - 0.5 * shares
    density = shares / step
    if relative > 0:
        moved = 0.5 * relative * np.random.default_rng(seed).normal(size=len(shares))
        for i, by in enumerate(moved):
            below[i] = np.interp(x - by, x, below[i], left=0.0, right=1.0)
            density[i] = np.interp(x - by, x, density[i], left=0.0, right=0.0)
    middle = np.array([np.interp(0.5, row, x) for row in below])
    median = _of_draws(np.exp(middle), "um", "median of the regularised distribution")
    conditions = first.conditions + f"; lengths from {grid[0]:.3g} to {grid[-1]:.3g} um"
    if mixing > _MIXED:
        conditions += f"; the chains have not mixed (R-hat {mixing:.2f}): raise steps"
    length = ("length", grid, {"units": "um", "long_name": "diffusion length"})
    variables = {}
    for name, rows, units, words in (
        ("density", density, "1", "volume fraction per unit of ln L"),
        ("cumulative", below, "1", "volume fraction up to this length"),
    ):
        low, high = np.quantile(rows, [0.5 - _LEVEL / 2, 0.5 + _LEVEL / 2], axis=0)
        for suffix, values in (("", rows.mean(axis=0)), ("_lower", low), ("_upper", high)):
            end = {"_lower": ", lower", "_upper": ", upper"}.get(suffix, "")
            variables[name + suffix] = (
                "length",
                values,
                {"units": units, "long_name": words + end},
            )
    attrs = {"level": _LEVEL, "conditions": conditions}
    attrs |= {k: v for k, v in first.fit.data.attrs.items() if k in ("simulated", "source")}
    data = xr.Dataset(variables, coords={"length": length}, attrs=attrs)
    draws = xr.DataArray(
        below,
        dims=("draw", "length"),
        coords={"length": length},
        attrs={"units": "1", "long_name": "volume fraction up to this length", "source": "draws"},
    )
    return LengthDistribution(median, first.geometry, conditions, mixing, data, draws)


def _of_draws(values: np.ndarray, unit: str, method: str) -> Estimate:
    low, high = np.quantile(values, [0.5 - _LEVEL / 2, 0.5 + _LEVEL / 2])
    return Estimate.from_interval(
        float(np.clip(values.mean(), low, high)),
        float(low),
        float(high),
        standard_uncertainty=float(values.std(ddof=1)),
        unit=unit,
        n=1,
        method=method,
    )
