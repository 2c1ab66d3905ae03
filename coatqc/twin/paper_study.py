"""The study that coatqc starts from, done again on its simulated twin: paper, measured, truth."""

from __future__ import annotations

import math
import re
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from coatcore.display import shown
from coatcore.estimate import Estimate, interval
from coatcore.words import pretty_unit
from coatqc.judging.run import run_batch
from coatqc.recipes.batch import load_batch
from coatqc.recipes.models import Observation
from coatqc.twin.demo import BLEND, PVP, make_demo, truth_key
from coatqc.twin.paper_cells import cell_findings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SOURCE = "Shi et al., J. Mater. Chem. A 2025, 13, 2600"
NO_NUMBER = "shown, no number"
_COATING, _SUBSTRATE = ("SO-", "C2SO-", "C3H6NO-"), ("58NiO2-", "CoO2-")
_SEED = 15
# Fewer intervals that hold the truth than chance gives in 99 of 100 studies are a fault.
_CHANCE = 0.01


@dataclass(frozen=True)
class _Claim:
    """What the paper says of one thing, and how it is measured here."""

    section: str
    technique: str
    what: str
    paper: str
    quantity: str
    sample: str
    reference: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)


def _sims(fragment: str, also: str) -> dict[str, Any]:
    return {"fragment": fragment, "also": [also]}


_RATIO = "tofsims.intensity_ratio"
# Sections are those of the paper, and so are the numbers where it gives any.
CLAIMS = (
    _Claim("2.1", "FTIR", "C=O band of PVP", "1669 cm-1", "ftir.carbonyl_position", "pvp"),
    _Claim("2.1", "FTIR", "C=O band of the blend", "1656 cm-1", "ftir.carbonyl_position", "blend"),
    _Claim("2.1", "FTIR", "shift of the C=O band", "-13 cm-1", "ftir.carbonyl_shift",
           "blend", "pvp"),
    _Claim("2.2", "FTIR", "blend beside Li6PS5Cl after 80 °C", "same", "ftir.same_spectrum",
           "blend_80C", "blend", {"smallest_relevant": 0.2}),
    _Claim("2.1", "nano-IR", "C=O band, particle against blend", NO_NUMBER,
           "nanoir_spectrum.carbonyl_shift", "coated", "blend"),
    _Claim("2.1", "nano-IR", "fingerprint (1000-1500 cm-1), particle against blend", "same",
           "nanoir_spectrum.same_spectrum", "coated", "blend",
           {"span": [1000.0, 1500.0], "smallest_relevant": 0.2}),
    _Claim("2.1", "nano-IR", "areal coverage of the particle", "signal never vanishes, no number",
           "nanoir_map.coverage", "coated"),
    _Claim("2.1", "TEM", "thickness of the coating", "1-3 nm", "tem.coating_thickness", "coated"),
    _Claim("2.1", "TEM", "covered share of the contour", "every particle covered, no number",
           "tem.covered", "coated"),
    _Claim("2.1", "ToF-SIMS", "fragments of both polymers on the particle", "present",
           "tofsims.coating", "coated"),
    _Claim("2.1", "ToF-SIMS", "58NiO2-, coated", NO_NUMBER, "tofsims.normalized_intensity",
           "coated", None, _sims("58NiO2-", "CoO2-")),
    _Claim("2.5", "ToF-SIMS", "PO2- after 152 cycles, coated over uncoated",
           "below 1, no number", _RATIO, "coated_152", "uncoated_152", _sims("PO2-", "PS-")),
    _Claim("2.5", "ToF-SIMS", "PO3- after 152 cycles, coated over uncoated",
           "below 1, no number", _RATIO, "coated_152", "uncoated_152", _sims("PO3-", "PSO-")),
    *(_Claim("2.5", "ToF-SIMS", f"{ion}, {group.replace('_152', ' after 152 cycles')}", NO_NUMBER,
             "tofsims.normalized_intensity", group, None, _sims(ion, also))
      for ion, also in (("PO2-", "PS-"), ("PO3-", "PSO-"))
      for group in ("uncoated", "coated", "uncoated_152", "coated_152")),
    _Claim("2.2", "XRD", "Li6PS5Cl with the blend after 80 °C", "same", "xrd.verdict",
           "blend_80C", "li6ps5cl"),
    _Claim("2.2", "XRD", "largest new peak over the strongest line", "none, no number",
           "xrd.largest_new_peak", "blend_80C", "li6ps5cl"),
    _Claim("2.7", "SEM", "crack area fraction, uncoated after 152 cycles", NO_NUMBER,
           "sem.crack_area_fraction", "uncoated_152"),
    _Claim("2.7", "SEM", "crack area fraction, coated after 152 cycles", NO_NUMBER,
           "sem.crack_area_fraction", "coated_152"),
    _Claim("2.7", "SEM", "crack area fraction, coated less uncoated", "fewer cracks, no number",
           "sem.crack_area_fraction_difference", "coated_152", "uncoated_152"),
)  # fmt: skip


@shown(table="table")
@dataclass(frozen=True, kw_only=True)
class Study:
    """The study done again.

    Parameters
    ----------
    table : pandas.DataFrame
        A row a claim: section, technique, what, paper, measured, interval, truth, holds; and
        value, lower, upper, true value and unit where it is a number.
    held, asked : int
        Intervals, or statements, that hold the truth; and all.

    Examples
    --------
    >>> Study(table=pd.DataFrame(), held=19, asked=20).as_expected
    True
    """

    table: pd.DataFrame
    held: int
    asked: int

    @property
    def as_expected(self) -> bool:
        """Whether no more miss the truth than chance explains; 95 % intervals miss 1 in 20."""
        from scipy.stats import binom

        return bool(binom.sf(self.asked - self.held - 1, self.asked, 0.05) >= _CHANCE)

    def plot(self) -> Axes:
        """Each number with its interval against the truth, in half widths of the interval.

        Examples
        --------
        >>> table = pd.DataFrame({"what": ["a"], "technique": ["FTIR"], "value": [1.0],
        ...     "lower": [0.5], "upper": [1.5], "true value": [1.2]})
        >>> Study(table=table, held=1, asked=1).plot().get_xlabel()
        'measured − truth / half width of the 95 % interval'
        """
        from coatcore.plotting import CYCLE, mark_simulated, new_axes

        rows = self.table[self.table["value"].notna()]
        ax = new_axes(figsize=(8.0, 0.3 * len(rows) + 1.3))
        places = range(len(rows))
        half = (rows["upper"] - rows["lower"]) / 2
        centre = (rows["value"] - rows["true value"]) / half
        sides = [
            ((rows["value"] - rows["lower"]) / half).clip(lower=0),
            ((rows["upper"] - rows["value"]) / half).clip(lower=0),
        ]
        ax.errorbar(centre, places, xerr=sides, fmt="o", color=CYCLE[0], capsize=3, markersize=4)
        ax.axvline(0, color="black", linewidth=1)
        ax.set_yticks(list(places), [f"{r.technique}: {r.what}" for r in rows.itertuples()])
        ax.invert_yaxis()
        ax.set_xlabel("measured − truth / half width of the 95 % interval")
        mark_simulated(ax)
        return ax


def repeat_study(progress: Callable[[str, int, int], None] | None = None) -> Study:
    """Simulate the whole study at the paper's settings, measure it, and hold it against the truth.

    The authors' raw data are not public. The twin is the demo batch, as `coatqc.twin.make_demo`
    simulates it, a ToF-SIMS cube for the dependence on ion dose, and cells of both kinds. Where
    the paper gives a number, the simulation is set to it; where it does not, to one that the
    docstrings of the simulators and ``truth.toml`` state. So the table shows that the methods
    find again what was put in, not that the paper is right.

    Parameters
    ----------
    progress : callable, optional
        Called as ``progress(what, done, total)``.

    Returns
    -------
    Study

    Examples
    --------
    >>> repeat_study().held  # doctest: +SKIP
    26
    """
    tell = progress or (lambda what, done, total: None)
    tell("simulating", 0, 1)
    with tempfile.TemporaryDirectory() as folder:
        path = make_demo(folder)
        truth = tomllib.loads((Path(folder) / "truth.toml").read_text("utf-8"))
        batch = load_batch(path)
        wanted = [
            Observation(
                quantity=c.quantity,
                sample=c.sample,
                reference=c.reference,
                parameters=c.parameters,
            )
            for c in CLAIMS
        ]
        batch = batch.model_copy(update={"criteria": [], "observations": wanted})
        result = run_batch(batch, progress=progress)
    truth |= {
        truth_key("ftir.carbonyl_position", "pvp", None): PVP,
        truth_key("ftir.carbonyl_position", "blend", None): BLEND,
        # Both are simulated with the same bands but for C=O.
        truth_key("nanoir_spectrum.same_spectrum", "coated", "blend"): "same",
    }
    rows = []
    for claim, outcome in zip(CLAIMS, result.observations, strict=True):
        key = truth_key(
            claim.quantity, claim.sample, claim.reference, claim.parameters.get("fragment", "")
        )
        got = outcome.measurement
        estimate = got.estimate if got else None
        found = estimate if estimate is not None else (got.category if got else outcome.error)
        rows.append(
            _row(claim.section, claim.technique, claim.what, claim.paper, found, truth[key])
        )
    rows += _dose_rows()
    tell("cells", 0, 1)
    rows += [_row(f.section, "cell", f.what, f.paper, f.found, f.truth) for f in cell_findings()]
    table = pd.DataFrame(rows)
    return Study(table=table, held=int(table["holds"].sum()), asked=len(table))


def _dose_rows() -> list[dict[str, Any]]:
    import tofsims

    cube, truth = tofsims.simulating.simulate_cube(_SEED)
    fit = tofsims.fit_dose_profile(tofsims.dose_profile(cube, by="total"), _COATING, _SUBSTRATE)
    place = ("2.1", "ToF-SIMS")
    fall = "falls" if fit.lost.lower > 0 else "does not fall"
    return [
        _row(*place, "coating's fragments with ion dose", "fall", fall, "falls"),
        _row(
            *place,
            "disappearance cross section of the coating",
            NO_NUMBER,
            fit.cross_section,
            truth["cross_section"],
        ),
    ]


def _row(
    section: str,
    technique: str,
    what: str,
    paper: str,
    found: Estimate | str | None,
    true: float | str,
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "section": section,
        "technique": technique,
        "what": what,
        "paper": pretty(paper),
    }
    if isinstance(found, Estimate):
        unit = pretty_unit(found.unit)
        inside = found.lower <= float(true) <= found.upper
        return row | {
            "measured": f"{found.concise} {unit}".rstrip(),
            "95 % interval": interval(found).removeprefix("95 % "),
            "truth": f"{float(true):.4g} {unit}".rstrip(),
            "holds": inside,
            "value": found.value,
            "lower": found.lower,
            "upper": found.upper,
            "true value": float(true),
            "unit": found.unit,
        }
    numbers = dict.fromkeys(("value", "lower", "upper", "true value"), math.nan)
    words = {"measured": str(found), "95 % interval": "", "truth": str(true)}
    return row | words | {"holds": found == true} | numbers | {"unit": ""}


def pretty(text: str) -> str:
    """A unit in a text as it is written.

    Examples
    --------
    >>> pretty("-13 cm-1")
    '-13 cm⁻¹'
    """
    for unit in ("cm-1", "ohm cm2", "um"):
        text = re.sub(rf"(?<=\d ){re.escape(unit)}$", pretty_unit(unit), text)
    return text
