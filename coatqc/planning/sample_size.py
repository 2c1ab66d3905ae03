"""The smallest measurement that sees an effect as often as wanted, by simulation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import ValidationError

from coatcore.coverage import coverage_factor
from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.processes import spread
from coatcore.quality.design import FAILED, Design, Fresh, Outcome, Pooled
from coatcore.quality.registry import designs, quantities
from coatcore.words import nearest, pretty_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Progress = Callable[[str, int, int], None]
_Z = coverage_factor()
# Experiments that one task of a process does.
_CHUNK = 25


@shown(table="table", hide=("target",))
@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to measure to see an effect.

    Parameters
    ----------
    quantity : str
    effect : float
        In the quantity's unit.
    size : float or None
        Smallest that sees the effect as often as wanted; None where none does.
    answer : str
        The same in a sentence.
    table : pandas.DataFrame
        A row a size that was tried: power with its 95 % interval, and the median half width of
        the measurement's own interval.
    false_alarms : float
        How often an effect is seen where there is none, at `size`.
    target : float
        Power that was asked for.
    variable : str
        What the size is.
    notes : tuple of str
        What was assumed, and what pilots told.

    Examples
    --------
    >>> found = plan("ftir.carbonyl_shift", 2.0, runs=20)
    >>> found.size < 10
    True
    """

    quantity: str
    effect: float
    size: float | None
    answer: str
    table: pd.DataFrame
    false_alarms: float
    target: float
    variable: str
    notes: tuple[str, ...]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Power over size, with its 95 % interval.

        Examples
        --------
        >>> plan("ftir.carbonyl_shift", 2.0, runs=20).plot().get_ylabel()
        'power'
        """
        from coatcore.plotting import OKABE_ITO, mark_simulated, new_axes

        ax = new_axes(ax)
        size, power = (self.table[c].to_numpy(float) for c in (self.table.columns[0], "power"))
        sides = [power - self.table["lower"], self.table["upper"] - power]
        ax.errorbar(
            size, power, yerr=np.maximum(sides, 0), fmt="o-", color=OKABE_ITO["blue"], capsize=3
        )
        ax.axhline(
            self.target, color="0.4", linestyle=(0, (4, 3)), label=f"wanted: {self.target:g}"
        )
        if self.size is not None:
            ax.axvline(self.size, color=OKABE_ITO["vermillion"], label=f"answer: {self.size:g}")
        if size.max() > 30 * size.min():
            ax.set_xscale("log")
        ax.set_ylim(0, 1.03)
        ax.set_xlabel(self.variable)
        ax.set_ylabel("power")
        ax.set_title(f"{self.quantity}, effect {self.effect:g}")
        ax.legend(loc="lower right")
        mark_simulated(ax)
        return ax


def plan(
    quantity: str,
    effect: float,
    *,
    power: float = 0.95,
    alpha: float = 0.05,
    runs: int = 200,
    seed: int = 1,
    settings: Mapping[str, Any] | None = None,
    pilots: Sequence[xr.DataArray] = (),
    jobs: int = 1,
    progress: Progress | None = None,
) -> Plan:
    """How many spectra, how large a map, how long a scan to see an effect.

    Experiments of a size are simulated and measured by the very estimator that judges batches;
    the power is the share of them that see the effect. Sizes are doubled until it is reached, and
    then halved in between: power is taken to rise with size.

    Parameters
    ----------
    quantity : str
        One that `coatqc plan list` names.
    effect : float
        To be seen, in the quantity's unit.
    power : float
        Share of experiments that must see it.
    alpha : float
        Probability of seeing an effect where there is none.
    runs : int
        Simulated experiments a size; the power's interval (Wilson) narrows with it.
    seed : int
        The same one gives the same plan, whatever `jobs`.
    settings : mapping, optional
        What the sample and the instrument are like; see the design's settings.
    pilots : sequence of xarray.DataArray
        Measurements from which settings are estimated where `settings` does not give them.
    jobs : int
        Processes.
    progress : callable, optional
        Called as ``progress(what, done, total)``.

    Returns
    -------
    Plan

    Raises
    ------
    MeasurementError
        If the quantity cannot be planned, a setting is none, or the effect is impossible.

    Examples
    --------
    >>> plan("ftir.carbonyl_shfit", 2.0)
    Traceback (most recent call last):
        ...
    coatcore.errors.MeasurementError: found 'ftir.carbonyl_shfit'; ... did you mean ...
    """
    if quantity not in designs():
        words = f"{quantity} is measured, but not planned" if quantity in quantities() else ""
        raise MeasurementError(f"{words or f'found {quantity!r}'}; {nearest(quantity, designs())}")
    for name, value in (("power", power), ("alpha", alpha)):
        if not 0 < value < 1:
            raise MeasurementError(f"{name} is {value:g}, expected above 0 and below 1")
    if runs < 20 or jobs < 1:
        raise MeasurementError(f"runs is {runs} and jobs {jobs}, expected 20 and 1 at least")
    design = designs()[quantity]
    if alpha != 0.05 and not design.any_alpha:
        raise MeasurementError(f"alpha is {alpha:g}; {quantity} is judged by a 95 % interval: 0.05")
    chosen, told = _settings(design, settings or {}, pilots)
    without, held = design.levels(chosen, effect)
    tell = progress or (lambda what, done, total: None)
    pools = _pools(design, chosen, (without, held), seed, jobs, tell)
    found: dict[int, tuple[float, float, float, float]] = {}

    def look(index: int) -> float:
        if index not in found:
            size = design.sizes[index]
            tell(f"{design.variable.format(**chosen.model_dump())}: {size:g}", len(found), 12)
            found[index] = _powered(
                _experiments(design, chosen, index, effect, pools, runs, seed, alpha, jobs)
            )
        return found[index][0]

    best = _smallest(look, len(design.sizes), power)
    alarms = math.nan
    if best is not None:
        tell("false alarms", len(found), len(found) + 1)
        blank = (pools[0], pools[0]) if pools else pools
        none = _experiments(design, chosen, best, None, blank, runs, seed + 1, alpha, jobs)
        alarms = float(np.mean([each.seen for each in none]))
    return _answered(design, chosen, effect, power, best, found, alarms, runs, told)


def _settings(
    design: Design, given: Mapping[str, Any], pilots: Sequence[xr.DataArray]
) -> tuple[Any, tuple[str, ...]]:
    unknown = [name for name in given if name not in design.settings.model_fields]
    if unknown:
        raise MeasurementError(
            f"setting {unknown[0]!r}: unknown; {nearest(unknown[0], design.settings.model_fields)}"
        )
    try:
        chosen = design.settings(**given)
        if not pilots:
            return chosen, ()
        if design.pilot is None:
            raise MeasurementError(
                f"{design.quantity} takes no pilots; give settings: "
                f"{', '.join(design.settings.model_fields)}"
            )
        pilot = design.pilot(pilots, chosen)
        return design.settings(**{**pilot.settings, **given}), pilot.notes
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise MeasurementError(
            f"setting {where}: found {problem.get('input')!r}; {problem['msg']}"
        ) from error


def _smallest(look: Callable[[int], float], count: int, power: float) -> int | None:
    """Index of the smallest size with that power: doubled, then halved in between."""
    low, high = -1, 0
    while look(high) < power:
        if high == count - 1:
            return None
        low, high = high, min(count - 1, 2 * high + 1)
    while high - low > 1:
        middle = (low + high) // 2
        if look(middle) < power:
            low = middle
        else:
            high = middle
    return high


def _experiments(
    design: Design,
    chosen: Any,
    index: int,
    effect: float | None,
    pools: tuple[list[Any], ...],
    runs: int,
    seed: int,
    alpha: float,
    jobs: int,
) -> list[Outcome]:
    if isinstance(design.source, Pooled):
        return _drawn(design.source, chosen, round(design.sizes[index]), pools, runs, seed, alpha)
    chunks = [range(first, min(first + _CHUNK, runs)) for first in range(0, runs, _CHUNK)]
    one = partial(_fresh, design.quantity, chosen, index, effect, seed, alpha)
    answers = dict(spread(one, chunks, jobs=0 if jobs == 1 else jobs, lost=_lost))
    return [each for k in range(len(chunks)) for each in answers[k]]


def _lost(chunk: range, why: str) -> list[Outcome]:
    raise MeasurementError(f"simulating: {why}")


def _fresh(
    quantity: str,
    chosen: Any,
    index: int,
    effect: float | None,
    seed: int,
    alpha: float,
    chunk: range,
) -> list[Outcome]:
    design = designs()[quantity]
    assert isinstance(design.source, Fresh)
    return [
        design.source.experiment(
            chosen,
            design.sizes[index],
            effect,
            np.random.default_rng([seed, index, run]),
            alpha,
        )
        for run in chunk
    ]


def _pools(
    design: Design,
    chosen: Any,
    levels: tuple[float, float],
    seed: int,
    jobs: int,
    tell: Progress,
) -> tuple[list[Any], ...]:
    source = design.source
    if not isinstance(source, Pooled):
        return ()
    parts = range(0, source.count, source.at_once)
    tasks = [(level, part) for level in levels for part in parts]
    one = partial(_made, design.quantity, chosen, seed)
    made: dict[int, list[Any]] = {}
    for number, members in spread(one, tasks, jobs=0 if jobs == 1 else jobs, lost=_lost_pool):
        made[number] = members
        tell("simulating", len(made), len(tasks))
    half = len(tasks) // 2
    return tuple(
        [member for k in range(side * half, (side + 1) * half) for member in made[k]]
        for side in range(2)
    )


def _made(quantity: str, chosen: Any, seed: int, task: tuple[float, int]) -> list[Any]:
    source = designs()[quantity].source
    assert isinstance(source, Pooled)
    level, part = task
    # Both levels at different places of the stream: they share nothing.
    rng = np.random.default_rng([seed, part, int(1e6 * abs(level))])
    return source.make(chosen, level, min(source.at_once, source.count - part), rng)


def _lost_pool(task: tuple[float, int], why: str) -> list[Any]:
    raise MeasurementError(f"simulating: {why}")


def _drawn(
    source: Pooled,
    chosen: Any,
    n: int,
    pools: tuple[list[Any], ...],
    runs: int,
    seed: int,
    alpha: float,
) -> list[Outcome]:
    """Experiments of members that are drawn from pools, no member twice in one."""
    reference, sample = pools
    found = []
    for run in range(runs):
        rng = np.random.default_rng([seed, n, run])
        order = rng.permutation(len(sample))[:n]
        other = rng.permutation(len(reference))
        if reference is sample:
            # Without an effect both sides come from one pool: they must not share members.
            both = rng.permutation(len(sample))
            order, other = both[:n], both[n:]
        sides = [reference[i] for i in other[:n]] if source.sides == 2 else []
        try:
            found.append(source.judge(chosen, sides, [sample[i] for i in order], alpha))
        except MeasurementError:
            found.append(FAILED)
    return found


def _powered(outcomes: list[Outcome]) -> tuple[float, float, float, float]:
    """Power with its Wilson interval, and the median half width."""
    n = len(outcomes)
    share = sum(each.seen for each in outcomes) / n
    centre = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    reach = _Z / (1 + _Z**2 / n) * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    widths = [each.half_width for each in outcomes if math.isfinite(each.half_width)]
    half = float(np.median(widths)) if widths else math.nan
    return share, max(0.0, centre - reach), min(1.0, centre + reach), half


def _answered(
    design: Design,
    chosen: Any,
    effect: float,
    power: float,
    best: int | None,
    found: dict[int, tuple[float, float, float, float]],
    alarms: float,
    runs: int,
    told: tuple[str, ...],
) -> Plan:
    unit = pretty_unit(quantities()[design.quantity].unit)
    variable = design.variable.format(**chosen.model_dump())
    size_unit = pretty_unit(design.size_unit)
    head = f"{variable} / {size_unit}" if size_unit else variable
    rows = [(design.sizes[i], *found[i]) for i in sorted(found)]
    half = "half width of the 95 % interval" + (f" / {unit}" if unit else "")
    table = pd.DataFrame(rows, columns=[head, "power", "lower", "upper", half])
    amount = f"{effect:g} {unit}".rstrip()
    if best is None:
        last = found[len(design.sizes) - 1]
        answer = (
            f"{amount} is not seen with a power of {power:g} by any size up to "
            f"{design.sizes[-1]:g} {size_unit}".rstrip()
            + f" ({variable}), where the power is {last[0]:.2f} [{last[1]:.2f}, {last[2]:.2f}]"
        )
    else:
        now = found[best]
        size = f"{design.sizes[best]:g} {size_unit}".rstrip()
        meaning = design.meaning(chosen, design.sizes[best]) if design.meaning else ""
        answer = (
            f"{size} ({variable}{'; ' + meaning if meaning else ''}) see {amount} with a power of "
            f"{now[0]:.2f} [{now[1]:.2f}, {now[2]:.2f}]; without it, {alarms:.3f} of the "
            "experiments see one"
        )
    notes = [f"{runs} simulated experiments a size; seen: {design.seen}", design.assumes, *told]
    if isinstance(design.source, Pooled):
        notes.append(
            f"experiments draw from {design.source.count} simulated members a side, so that the "
            "power is less well known than its interval says"
        )
    settings = ", ".join(f"{k} = {v}" for k, v in chosen.model_dump().items())
    return Plan(
        quantity=design.quantity,
        effect=effect,
        size=None if best is None else design.sizes[best],
        answer=answer,
        table=table,
        false_alarms=alarms,
        target=power,
        variable=head,
        notes=(*notes, f"settings: {settings}"),
    )
