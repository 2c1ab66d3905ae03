"""What one quantity's plan is made of: what is chosen, what is simulated, what counts as seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from coatcore.estimate import Estimate
from coatcore.quality.parameters import Parameters


class Outcome(NamedTuple):
    """What one simulated experiment came to.

    Parameters
    ----------
    seen : bool
        Whether its interval leaves out what is there without the effect.
    half_width : float
        Of its 95 % interval, in the quantity's unit; NaN where nothing could be measured.

    Examples
    --------
    >>> Outcome(True, 0.5).seen
    True
    """

    seen: bool
    half_width: float


FAILED = Outcome(seen=False, half_width=float("nan"))


def judged(
    estimate: Estimate, none: float, *, alpha: float = 0.05, p: float | None = None
) -> Outcome:
    """Whether an interval leaves out the value without effect.

    Parameters
    ----------
    estimate : Estimate
        With its 95 % interval.
    none : float
        Value without effect, in the estimate's unit.
    alpha : float
        Two-sided; counts where the estimator gives a p value.
    p : float, optional
        Of `none`, by the estimator; without one the 95 % interval decides.

    Examples
    --------
    >>> judged(Estimate.from_standard_uncertainty(3.0, 1.0), 0.0).seen
    True
    """
    beyond = p < alpha if p is not None else not estimate.lower <= none <= estimate.upper
    return Outcome(bool(beyond), (estimate.upper - estimate.lower) / 2)


@dataclass(frozen=True)
class Fresh:
    """Every experiment is simulated and measured anew.

    Parameters
    ----------
    experiment : callable
        ``experiment(settings, size, effect, rng, alpha) -> Outcome``; effect None is no effect.

    Examples
    --------
    >>> Fresh(lambda *_: FAILED).experiment(None, 2.0, None, None, 0.05).seen
    False
    """

    experiment: Callable[[Any, float, float | None, np.random.Generator, float], Outcome]


@dataclass(frozen=True)
class Pooled:
    """Members (images, areas) are simulated and measured once; experiments draw from them.

    For estimators that take seconds a member. Draws overlap from one experiment to the next,
    which the interval of the power allows for.

    Parameters
    ----------
    make : callable
        ``make(settings, level, count, rng) -> list``: measured members of a sample whose truth
        is `level`.
    judge : callable
        ``judge(settings, reference, sample, alpha) -> Outcome`` of two lists of members;
        `reference` is empty where the sample is held against a number.
    count : int
        Members of a pool.
    at_once : int
        Members that are made together.
    sides : int
        2 where sample and reference are compared, 1 where the sample is held against a number.

    Examples
    --------
    >>> Pooled(lambda *_: [1.0], lambda *_: FAILED, count=8, at_once=1, sides=1).sides
    1
    """

    make: Callable[[Any, float, int, np.random.Generator], list[Any]]
    judge: Callable[[Any, Sequence[Any], Sequence[Any], float], Outcome]
    count: int
    at_once: int
    sides: int


class Pilot(NamedTuple):
    """What pilot measurements tell of the simulation's settings.

    Parameters
    ----------
    settings : dict of str to float
        Values estimated from the files.
    notes : tuple of str
        How well they are known.

    Examples
    --------
    >>> Pilot({"noise": 0.001}, ()).settings["noise"]
    0.001
    """

    settings: dict[str, float]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Design:
    """How a quantity is planned.

    Parameters
    ----------
    quantity : str
        Name of the quantity.
    variable : str
        What is chosen, in words for people; settings in braces are filled in.
    size_unit : str
        Unit of the variable; ``"1"`` for a number of things.
    sizes : tuple of float
        Values that can be chosen, ascending: the power rises with them.
    effect : str
        What the effect is, in words, with its sign or range.
    seen : str
        What counts as seen.
    assumes : str
        What the simulation takes for granted.
    settings : type of Parameters
        What may be set.
    levels : callable
        ``levels(settings, effect) -> (without, with)``: truth of the sample without and with the
        effect. Raises MeasurementError where an effect is impossible.
    source : Fresh or Pooled
        How experiments are made.
    pilot : callable or None
        ``pilot(arrays, settings) -> Pilot``.
    any_alpha : bool
        Whether the estimator gives a p value, so that alpha may differ from 0.05.
    meaning : callable or None
        ``meaning(settings, size) -> str``: the size in other words, for the answer.

    Examples
    --------
    >>> from coatcore.quality.registry import designs
    >>> designs()["ftir.carbonyl_shift"].variable
    'spectra a side'
    """

    quantity: str
    variable: str
    size_unit: str
    sizes: tuple[float, ...]
    effect: str
    seen: str
    assumes: str
    settings: type[Parameters]
    levels: Callable[[Any, float], tuple[float, float]]
    source: Fresh | Pooled
    pilot: Callable[[Sequence[xr.DataArray], Any], Pilot] | None = None
    any_alpha: bool = False
    meaning: Callable[[Any, float], str] | None = None


def counts_up_to(most: int, *, least: int = 2) -> tuple[float, ...]:
    """Numbers of replicates that can be chosen.

    Examples
    --------
    >>> counts_up_to(4)
    (2.0, 3.0, 4.0)
    """
    return tuple(float(n) for n in range(least, most + 1))


def drawn(rng: np.random.Generator) -> int:
    """A seed for a simulator.

    Examples
    --------
    >>> drawn(np.random.default_rng(1)) == drawn(np.random.default_rng(1))
    True
    """
    return int(rng.integers(2**62))


def spread_known(name: str, spread: float, n: int, unit: str) -> str:
    """How well a standard deviation is known from n values.

    Examples
    --------
    >>> spread_known("scatter", 0.3, 3, "cm-1")
    'scatter 0.3 cm-1 from 3 pilots; with so many it may be 0.16 to 1.9 (95 %)'
    """
    from scipy.stats import chi2

    low, high = (spread * float(np.sqrt((n - 1) / chi2.ppf(p, n - 1))) for p in (0.975, 0.025))
    shown = f"{spread:.3g} {unit}".strip() if unit != "1" else f"{spread:.3g}"
    return f"{name} {shown} from {n} pilots; with so many it may be {low:.2g} to {high:.2g} (95 %)"
