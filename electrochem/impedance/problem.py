"""What is fitted of a circuit, on which scale, and how far do data and model part?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from coatcore.errors import MeasurementError
from electrochem.impedance.batched_fit import jacobian_of
from electrochem.impedance.models.circuit import Circuit
from electrochem.impedance.models.transmission_lines import (
    cathode_resistance,
    direct_current_resistance,
)

# Exponents of constant phase elements, and the spread of sizes, live within these; all else is
# positive and fitted as its logarithm.
_WITHIN = {"n": (0.5, 1.0), "spread": (0.0, 0.8)}
_BLOCK, _BLOCK_OF_SIZES = 64, 8
# Fewer points tell nothing of their scatter.
FEWEST = 8
_HAIR = 1e-5
_DERIVED = {"R_cathode": cathode_resistance, "R_dc": direct_current_resistance}


@dataclass(frozen=True)
class Anchor:
    """What other spectra say of shared parameters: a quadratic form.

    Parameters
    ----------
    columns : numpy.ndarray
        Of theta, shape (s,).
    centre : numpy.ndarray
        Shape (m, s).
    root : numpy.ndarray
        Shape (m, s, s): its square is the information of the others.
    offset : numpy.ndarray
        Shape (m, s): residuals at the centre.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> Anchor(np.array([0]), one, one[None], 0 * one).columns.size
    1
    """

    columns: np.ndarray
    centre: np.ndarray
    root: np.ndarray
    offset: np.ndarray

    def of(self, which: np.ndarray) -> Anchor:
        """The same for some of the spectra."""
        return Anchor(self.columns, self.centre[which], self.root[which], self.offset[which])


@dataclass(frozen=True)
class Problem:
    """A circuit to be fitted to m spectra over the same frequencies.

    Parameters
    ----------
    circuit : Circuit
        What is fitted.
    w : numpy.ndarray
        Angular frequencies, shape (n,).
    data : numpy.ndarray
        Complex, shape (m, n).
    sigma : numpy.ndarray
        Standard deviation of real and of imaginary part, shape (m, n), up to one factor a
        spectrum.
    fixed : dict of str to numpy.ndarray
        Values of parameters that are not fitted, each of shape (m,).
    prior : dict of str to (numpy.ndarray, float)
        Known values, shape (m,), and their relative standard uncertainty.
    shared : tuple of str
        Parameters that have one value for all spectra.
    anchor : Anchor, optional
        What spectra beside these say of shared parameters.

    Examples
    --------
    >>> from electrochem.impedance.models.circuit import parse_circuit
    >>> z = np.ones((1, 5)) + 0j
    >>> Problem(parse_circuit("R0"), np.ones(5), z, np.abs(z)).free
    ('R0',)
    """

    circuit: Circuit
    w: np.ndarray
    data: np.ndarray
    sigma: np.ndarray
    fixed: dict[str, np.ndarray] = field(default_factory=dict)
    prior: dict[str, tuple[np.ndarray, float]] = field(default_factory=dict)
    shared: tuple[str, ...] = ()
    anchor: Anchor | None = None

    def of(self, which: np.ndarray) -> Problem:
        """The same for some of the spectra."""
        return replace(
            self,
            data=self.data[which],
            sigma=self.sigma[which],
            fixed={n: v[which] for n, v in self.fixed.items()},
            prior={n: (v[which], spread) for n, (v, spread) in self.prior.items()},
            anchor=None if self.anchor is None else self.anchor.of(which),
        )

    @property
    def block(self) -> int:
        """Spectra that are fitted at a time: more would not fit the processor's memory."""
        spread = [
            n
            for n, d in zip(self.circuit.names, self.circuit.dimensions, strict=True)
            if d == "spread" and (n not in self.fixed or self.fixed[n].any())
        ]
        return _BLOCK_OF_SIZES if spread else _BLOCK

    @property
    def free(self) -> tuple[str, ...]:
        """Names of what is fitted, in order."""
        return tuple(n for n in self.circuit.names if n not in self.fixed)

    @property
    def derived(self) -> tuple[str, ...]:
        """Quantities of a transmission line that follow from what is fitted."""
        lines = [n.removesuffix("_R_ct") for n in self.circuit.names if n.endswith("_R_ct")]
        # With diffusion a line ends as a capacitor: it has no resistance at zero frequency.
        return tuple(
            f"{line}_{what}"
            for line in lines
            for what in _DERIVED
            if what != "R_dc" or f"{line}_C_diff" not in self.circuit.names
        )

    def can_be_held(self, name: str) -> bool:
        """Whether a quantity can be moved by itself: a derived one moves by its line's R_ct."""
        return name in self.free or f"{name.partition('_')[0]}_R_ct" in self.free

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Of theta."""
        low, high = [], []
        for name in self.free:
            within = _WITHIN.get(self.dimension(name))
            low.append(within[0] if within else -60.0)
            high.append(within[1] if within else 60.0)
        return np.array(low), np.array(high)

    def dimension(self, name: str) -> str:
        """R, L, C, Q, n, A, s or spread."""
        if name in self.circuit.names:
            return self.circuit.dimensions[self.circuit.names.index(name)]
        return "R"

    def natural(self, theta: np.ndarray, which: np.ndarray) -> dict[str, np.ndarray]:
        """Values of every parameter, each of shape (k, 1)."""
        values: dict[str, np.ndarray] = {n: v[which, None] for n, v in self.fixed.items()}
        for j, name in enumerate(self.free):
            within = _WITHIN.get(self.dimension(name))
            x = theta[:, j, None]
            if within:
                # A hair beyond, so that slopes at a bound are not 0 and the fit can leave it.
                values[name] = np.clip(x, within[0] - _HAIR, within[1] + _HAIR)
            else:
                values[name] = np.exp(np.clip(x, -200, 200))
        return values

    def theta(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """Scaled parameters of natural values, each of shape (m,); shape (m, p)."""
        return np.stack([self.scaled(n, np.asarray(values[n], float)) for n in self.free], axis=-1)

    def scaled(self, name: str, value: np.ndarray) -> np.ndarray:
        """Of a natural value: its logarithm, or itself for n and spread, within their bounds."""
        within = _WITHIN.get(self.dimension(name))
        return np.clip(value, *within) if within else np.log(value)

    def quantity(self, name: str, theta: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Scaled value (a logarithm, but for n and spread) of a parameter or derived quantity."""
        if name in self.free:
            return theta[:, self.free.index(name)]
        line, _, what = name.partition("_")
        if what not in _DERIVED:
            raise MeasurementError(
                f"{name!r} is no quantity of {self.circuit.text}; there are "
                f"{', '.join((*self.free, *self.derived))}"
            )
        values = self.natural(theta, which)
        found = _DERIVED[what](*(values[f"{line}_{p}"] for p in ("R_ct", "R_ion", "R_ele")))
        return np.log(found[:, 0])

    def held_at(
        self, name: str, theta: np.ndarray, target: np.ndarray, which: np.ndarray
    ) -> np.ndarray:
        """Theta with a quantity at a scaled value, by its own parameter or by R_ct."""
        out = theta.copy()
        if name in self.free:
            out[:, self.free.index(name)] = target
            return out
        line, _, what = name.partition("_")
        values = self.natural(theta, which)
        ionic, electronic = values[f"{line}_R_ion"][:, 0], values[f"{line}_R_ele"][:, 0]
        if what == "R_cathode":
            transfer = 2 * target - np.log(ionic + electronic)
        else:
            transfer = _charge_transfer(np.exp(target), ionic, electronic)
        out[:, self.free.index(f"{line}_R_ct")] = transfer
        return out

    def unscaled(self, name: str, x: np.ndarray) -> np.ndarray:
        """Natural value of a scaled one."""
        within = _WITHIN.get(self.dimension(name))
        with np.errstate(over="ignore"):
            return np.clip(x, *within) if within else np.exp(x)

    def residuals(self, theta: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Model less data over sigma, then what is known beside: shape (k, 2 n + known)."""
        with np.errstate(all="ignore"):
            model = self.circuit.impedance(self.w, self.natural(theta, which))
            r = (model - self.data[which]) / self.sigma[which]
        parts = [r.real, r.imag]
        for name, (known, spread) in self.prior.items():
            away = self.quantity(name, theta, which) - self.scaled(name, known[which])
            # Relative to the value: of a logarithm as it is.
            size = known[which] if self.dimension(name) in _WITHIN else 1.0
            # Of what is shared the same is known of all: it counts once.
            size = size * np.sqrt(self.data.shape[0]) if name in self.shared else size
            parts.append((away / (spread * size))[:, None])
        if self.anchor is not None:
            a = self.anchor
            away = theta[:, a.columns] - a.centre[which]
            parts.append(np.einsum("mks,ms->mk", a.root[which], away) + a.offset[which])
        return np.concatenate(parts, axis=1)

    def curvature(self, theta: np.ndarray) -> np.ndarray:
        """J^T J of every spectrum at `theta`, shape (m, p, p)."""
        which = np.arange(theta.shape[0])
        jacobian = jacobian_of(self.residuals, theta, which, self.residuals(theta, which))
        return np.einsum("krp,krq->kpq", jacobian, jacobian)


def _charge_transfer(
    resistance: np.ndarray, ionic: np.ndarray, electronic: np.ndarray
) -> np.ndarray:
    """Logarithm of the R_ct that gives this resistance at zero frequency, by bisection."""
    low, high = np.full(resistance.shape, -25.0), np.full(resistance.shape, 40.0)
    for _ in range(50):
        middle = (low + high) / 2
        with np.errstate(all="ignore"):
            above = direct_current_resistance(np.exp(middle), ionic, electronic) > resistance
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return (low + high) / 2


def scatter(data: np.ndarray) -> np.ndarray:
    """Relative noise of each spectrum, from fourth differences of neighbouring points.

    Parameters
    ----------
    data : numpy.ndarray
        Complex, shape (m, n).

    Returns
    -------
    numpy.ndarray
        Shape (m,): standard deviation of real and of imaginary part over the modulus; with fewer
        than `FEWEST` points, which tell no scatter, 0.01.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> z = np.exp(-np.linspace(0, 2, 200)) + 0j
    >>> z = z + 0.01 * z * (rng.normal(size=200) + 1j * rng.normal(size=200))
    >>> 0.008 < float(scatter(z[None, :])[0]) < 0.012
    True
    """
    if data.shape[1] < FEWEST:
        return np.full(data.shape[0], 1e-2)
    parts = np.stack([data.real, data.imag])
    fourth = np.diff(parts, n=4, axis=-1) / np.sqrt(70.0) / np.abs(data)[:, 2:-2]
    return np.maximum(np.median(np.abs(fourth), axis=(0, 2)) / 0.6745, 1e-7)


def values_for(
    circuit: Circuit, given: Mapping[str, object] | None, count: int, what: str
) -> dict[str, np.ndarray]:
    """Values of parameters, one a spectrum, checked.

    Parameters
    ----------
    circuit : Circuit
        Whose parameters.
    given : mapping of str to float or sequence of float, or None
        By name.
    count : int
        Number of spectra.
    what : str
        Name of the argument, for errors.

    Raises
    ------
    MeasurementError
        If a name is unknown, or a value is negative, not finite, or of the wrong length.

    Examples
    --------
    >>> from electrochem.impedance.models.circuit import parse_circuit
    >>> values_for(parse_circuit("R0"), {"R0": 2}, 2, "fixed")
    {'R0': array([2., 2.])}
    """
    values = {}
    for name, value in (given or {}).items():
        if name not in circuit.names:
            raise MeasurementError(
                f"{what}: {name!r} is no parameter of {circuit.text}; there are "
                f"{', '.join(circuit.names)}"
            )
        try:
            array = np.asarray(value, dtype=float)
        except (TypeError, ValueError):
            raise MeasurementError(f"{what}: {name} is {value!r}; expected a number") from None
        if array.ndim > 1 or (array.ndim == 1 and array.size != count):
            raise MeasurementError(f"{what}: {name} has shape {array.shape}, spectra are {count}")
        if not (np.isfinite(array).all() and (array >= 0).all()):
            raise MeasurementError(f"{what}: {name} is {value}; expected a number of at least 0")
        if circuit.dimensions[circuit.names.index(name)] == "n" and (array > 1).any():
            raise MeasurementError(f"{what}: {name} is {value}; an exponent is at most 1")
        values[name] = np.broadcast_to(array, count).copy()
    return values


def held(
    circuit: Circuit,
    fixed: Mapping[str, object] | None,
    free: Iterable[str],
    count: int,
) -> dict[str, np.ndarray]:
    """Values of all that is not fitted: what the circuit fixes, less `free`, and `fixed`.

    Examples
    --------
    >>> from electrochem.impedance.models.circuit import parse_circuit
    >>> sorted(held(parse_circuit("TL1"), {"TL1_n_int": 1.0}, ["TL1_C_ion"], 1))
    ['TL1_R_ele', 'TL1_n_int']
    """
    freed = list(free)
    values_for(circuit, dict.fromkeys(freed, 1.0), count, "free")
    kept = {n: np.full(count, v) for n, v in circuit.fixed.items() if n not in freed}
    kept |= values_for(circuit, fixed, count, "fixed")
    if len(kept) == len(circuit.names):
        raise MeasurementError(f"every parameter of {circuit.text} is fixed; nothing to fit")
    return kept
