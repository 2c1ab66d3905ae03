"""A measured number with its uncertainty."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field

from uncertainties import Variable, ufloat
from uncertainties.core import AffineScalarFunc

from coatcore.coverage import coverage_factor
from coatcore.errors import MeasurementError
from coatcore.words import pretty_unit


@dataclass(frozen=True, eq=False)
class Estimate:
    """A value with standard uncertainty and coverage interval.

    Make one with `Estimate.from_standard_uncertainty` (interval from the normal or Student's t
    distribution) or `Estimate.from_interval` (interval found by another way, perhaps not
    symmetric). Arithmetic propagates to first order and knows when two estimates share an
    input: ``a - a`` is exactly zero.

    Parameters
    ----------
    value : float
        Best estimate, in `unit`.
    standard_uncertainty : float
        Standard uncertainty (JCGM 100), in `unit`.
    lower, upper : float
        Coverage interval, in `unit`.
    level : float
        Coverage probability of the interval.
    unit : str
        Unit, UDUNITS spelling (``cm-1``, ``nm``, ``1``).
    n : int
        Number of independent observations behind the value.
    method : str
        How it was obtained, for people.

    Notes
    -----
    Both deviations of the interval are propagated like standard uncertainties, each side with
    the side of its input that moves the result that way. For sums and differences this is the
    method of variance estimates recovery (Zou & Donner, Stat. Med. 2008, 27, 1693); for
    symmetric normal inputs it is the law of propagation of JCGM 100, 5.1.

    Examples
    --------
    >>> a = Estimate.from_standard_uncertainty(1669.2, 0.4, unit="cm-1")
    >>> b = Estimate.from_standard_uncertainty(1656.0, 0.3, unit="cm-1")
    >>> print(b - a)
    -13.2(5) cm-1
    >>> (a - a).standard_uncertainty
    0.0
    """

    value: float
    standard_uncertainty: float
    lower: float
    upper: float
    level: float = 0.95
    unit: str = "1"
    n: int = 1
    method: str = ""
    _affine: AffineScalarFunc | None = field(default=None, repr=False)
    _sides: Mapping[Variable, tuple[float, float]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        numbers = (self.value, self.standard_uncertainty, self.lower, self.upper)
        if any(math.isnan(x) for x in numbers):
            raise MeasurementError(f"an Estimate cannot hold NaN: {numbers}")
        if self.standard_uncertainty < 0:
            raise MeasurementError(f"standard uncertainty is negative: {self.standard_uncertainty}")
        slack = 1e-9 * max(abs(self.value), abs(self.upper - self.lower))
        if not self.lower - slack <= self.value <= self.upper + slack:
            raise MeasurementError(
                f"value {self.value} lies outside its interval [{self.lower}, {self.upper}]"
            )
        if not 0 < self.level < 1:
            raise MeasurementError(f"level is {self.level}, expected between 0 and 1")
        if self._affine is None:
            with warnings.catch_warnings():
                # A value known exactly is allowed; the library warns of it.
                warnings.simplefilter("ignore", UserWarning)
                root = ufloat(self.value, self.standard_uncertainty)
            object.__setattr__(self, "_affine", root)
            sides = (self.value - self.lower, self.upper - self.value)
            object.__setattr__(self, "_sides", {root: sides})

    @classmethod
    def from_standard_uncertainty(
        cls,
        value: float,
        standard_uncertainty: float,
        *,
        unit: str = "1",
        dof: float = math.inf,
        level: float = 0.95,
        n: int = 1,
        method: str = "",
    ) -> Estimate:
        """Estimate whose interval is value ± k u, k from Student's t with `dof`.

        Parameters
        ----------
        value, standard_uncertainty : float
            In `unit`.
        unit : str, default "1"
            Unit.
        dof : float, default inf
            Degrees of freedom of the standard uncertainty; infinite means normal.
        level : float, default 0.95
            Coverage probability.
        n : int, default 1
            Number of independent observations.
        method : str, optional
            How it was obtained.

        Examples
        --------
        >>> e = Estimate.from_standard_uncertainty(10.0, 1.0, unit="nm", dof=7)
        >>> round(e.lower, 3), round(e.upper, 3)
        (7.635, 12.365)
        """
        half = coverage_factor(dof, level) * float(standard_uncertainty)
        value = float(value)
        u = float(standard_uncertainty)
        return cls(value, u, value - half, value + half, level, unit, int(n), method)

    @classmethod
    def from_interval(
        cls,
        value: float,
        lower: float,
        upper: float,
        *,
        standard_uncertainty: float | None = None,
        unit: str = "1",
        level: float = 0.95,
        n: int = 1,
        method: str = "",
    ) -> Estimate:
        """Estimate with a given coverage interval.

        Parameters
        ----------
        value, lower, upper : float
            In `unit`; `value` lies within.
        standard_uncertainty : float, optional
            In `unit`; by default the interval's half width over the normal coverage factor.
        unit, level, n, method
            As for the class.

        Examples
        --------
        >>> e = Estimate.from_interval(1.0, 0.98, 1.0)
        >>> e.lower, e.upper
        (0.98, 1.0)
        """
        if standard_uncertainty is None:
            standard_uncertainty = (upper - lower) / 2 / coverage_factor(level=level)
        return cls(
            float(value),
            float(standard_uncertainty),
            float(lower),
            float(upper),
            level,
            unit,
            int(n),
            method,
        )

    # -- arithmetic ---------------------------------------------------------------------

    @property
    def _core(self) -> AffineScalarFunc:
        assert self._affine is not None
        return self._affine

    def _derived(self, result: object, others: list[Estimate], unit: str, op: str) -> Estimate:
        """Estimate of `result`, an affine function of the roots of self and `others`."""
        sources = [self, *others]
        sides: dict[Variable, tuple[float, float]] = {}
        for source in sources:
            sides.update(source._sides)
        if not isinstance(result, AffineScalarFunc):
            raise MeasurementError(f"{op} of estimates gives no number: {result!r}")
        down = up = 0.0
        for root, slope in result.derivatives.items():
            below, above = sides[root]
            minus, plus = (below, above) if slope > 0 else (above, below)
            down = math.hypot(down, slope * minus)
            up = math.hypot(up, slope * plus)
        value = float(result.nominal_value)
        methods = [m for m in dict.fromkeys(s.method for s in sources) if m]
        return Estimate(
            value,
            float(result.std_dev),
            value - down,
            value + up,
            self.level,
            unit,
            min(s.n for s in sources),
            " | ".join(methods),
            result,
            sides,
        )

    def _same_level(self, other: Estimate) -> None:
        if self.level != other.level:
            raise MeasurementError(f"levels differ: {self.level} and {other.level}")

    def _add(self, other: Estimate | float, sign: int, op: str) -> Estimate:
        if isinstance(other, Estimate):
            self._same_level(other)
            if other.unit != self.unit:
                raise MeasurementError(f"cannot {op} units {self.unit!r} and {other.unit!r}")
            return self._derived(self._core + sign * other._core, [other], self.unit, op)
        return self._derived(self._core + sign * other, [], self.unit, op)

    def __add__(self, other: Estimate | float) -> Estimate:
        return self._add(other, 1, "add")

    __radd__ = __add__

    def __sub__(self, other: Estimate | float) -> Estimate:
        return self._add(other, -1, "subtract")

    def __rsub__(self, other: float) -> Estimate:
        return (-self) + other

    def __neg__(self) -> Estimate:
        return self._derived(-self._core, [], self.unit, "negative")

    def __mul__(self, other: Estimate | float) -> Estimate:
        if isinstance(other, Estimate):
            self._same_level(other)
            unit = _unit_of((self.unit, 1), (other.unit, 1))
            return self._derived(self._core * other._core, [other], unit, "product")
        return self._derived(self._core * other, [], self.unit, "product")

    __rmul__ = __mul__

    def __truediv__(self, other: Estimate | float) -> Estimate:
        if isinstance(other, Estimate):
            self._same_level(other)
            if other.value == 0:
                raise MeasurementError("cannot divide by an estimate of zero")
            unit = _unit_of((self.unit, 1), (other.unit, -1))
            return self._derived(self._core / other._core, [other], unit, "ratio")
        return self._derived(self._core / other, [], self.unit, "ratio")

    def __rtruediv__(self, other: float) -> Estimate:
        if self.value == 0:
            raise MeasurementError("cannot divide by an estimate of zero")
        unit = _unit_of((self.unit, -1))
        return self._derived(other / self._core, [], unit, "ratio")

    def __pow__(self, exponent: int) -> Estimate:
        unit = _unit_of((self.unit, exponent))
        return self._derived(self._core**exponent, [], unit, "power")

    # NumPy scalars on the left leave the arithmetic to the estimate.
    __array_ufunc__ = None

    def __float__(self) -> float:
        return self.value

    # -- showing ------------------------------------------------------------------------

    @property
    def concise(self) -> str:
        """Value with the uncertainty of its last digit in brackets (JCGM 100, 7.2.2).

        Of an interval with an open end, the bound is all there is to say.

        Examples
        --------
        >>> Estimate.from_standard_uncertainty(-13.21, 0.43, unit="cm-1").concise
        '-13.2(4)'
        >>> Estimate.from_interval(9.0, 5.21, math.inf, standard_uncertainty=2.0).concise
        '> 5.21'
        """
        u = self.standard_uncertainty
        if math.isinf(self.upper) and math.isfinite(self.lower):
            return f"> {self.lower:.3g}"
        if math.isinf(self.lower) and math.isfinite(self.upper):
            return f"< {self.upper:.3g}"
        if u == 0 or not math.isfinite(u) or not math.isfinite(self.value):
            return f"{self.value:g}"
        # One digit as a rule; two where it would be 1, for rounding there costs up to a third.
        digits = 2 if "1" in (f"{u:e}"[0], f"{u:.0e}"[0]) else 1
        return f"{ufloat(self.value, u):.{digits}uS}"

    def __str__(self) -> str:
        return self.concise if self.unit == "1" else f"{self.concise} {self.unit}"

    def __repr__(self) -> str:
        return (
            f"Estimate({self}, {self.level:.0%} [{self.lower:g}, {self.upper:g}], "
            f"n={self.n}, {self.method!r})"
        )

    def _repr_html_(self) -> str:
        from html import escape

        _, value, interval, n = (escape(text) for text in estimate_row("", self))
        method = escape(self.method, quote=True)
        return f'<span title="{method}">{value} <small>{interval}, n = {n}</small></span>'

    def to_dict(self) -> dict[str, float | int | str]:
        """Plain numbers and text, for JSON.

        Examples
        --------
        >>> Estimate.from_interval(1.0, 0.9, 1.0).to_dict()["upper"]
        1.0
        """
        return {
            "value": self.value,
            "standard_uncertainty": self.standard_uncertainty,
            "lower": self.lower,
            "upper": self.upper,
            "level": self.level,
            "unit": self.unit,
            "n": self.n,
            "method": self.method,
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Estimate) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.value, self.standard_uncertainty, self.lower, self.upper, self.unit))


def _unit_of(*factors: tuple[str, int]) -> str:
    """Unit of a product of powers: ``("nm", 1), ("cm-1", -1)`` gives ``nm cm``."""
    powers: dict[str, int] = {}
    for unit, exponent in factors:
        for name, power in re.findall(r"([^\s\d-]+)(-?\d+)?", unit):
            powers[name] = powers.get(name, 0) + exponent * int(power or 1)
    parts = [name if n == 1 else f"{name}{n}" for name, n in powers.items() if n]
    return " ".join(parts) or "1"


def estimate_row(name: str, estimate: Estimate) -> tuple[str, str, str, str]:
    """Name, value with unit, interval and number of observations of an estimate, as text.

    Parameters
    ----------
    name : str
        Of the quantity.
    estimate : Estimate
        To show.

    Examples
    --------
    >>> estimate_row("size", Estimate.from_interval(0.99, 0.9, 1.0, n=4))
    ('size', '0.99(3)', '95 % [0.900, 1.000]', '4')
    """
    value = f"{estimate.concise} {pretty_unit(estimate.unit)}".rstrip()
    return name, value, interval(estimate), str(estimate.n)


def interval(estimate: Estimate) -> str:
    """Coverage interval of an estimate as it is read.

    Parameters
    ----------
    estimate : Estimate
        To show.

    Examples
    --------
    >>> interval(Estimate.from_interval(-13.2, -14.1, -12.4, unit="cm-1"))
    '95 % [-14.10, -12.40]'
    """
    u, ends = estimate.standard_uncertainty, (estimate.lower, estimate.upper)
    largest = max((abs(e) for e in ends if math.isfinite(e)), default=0.0)
    # As many digits as the uncertainty bears, and one more.
    decimals = 1 - math.floor(math.log10(u)) if 0 < u < math.inf else 0
    if u == 0 or largest == 0:
        low, high = (f"{e:.4g}" for e in ends)
    elif 1e-3 <= largest < 1e6:
        low, high = (f"{e:.{max(0, decimals)}f}" for e in ends)
    else:
        digits = max(2, decimals + math.floor(math.log10(largest)) + 1)
        low, high = (f"{e:.{digits}g}" for e in ends)
    if any(math.isinf(end) for end in ends):
        low, high = (f"{e:.3g}" for e in ends)
    return f"{100 * estimate.level:.4g} % [{low}, {high}]"
