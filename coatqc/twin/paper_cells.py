"""What the paper says of its cells, measured on simulated ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coatcore.estimate import Estimate

# The anode and, before cycling, the ions' rail are measured by themselves, each time anew.
_ANODE = {"R1": (3.0, 0.1), "CPE1_Q": (2e-2, 0.2), "CPE1_n": (0.9, 0.033)}
_LINE = "L0-R0-p(R1,CPE1)-TL1"
_CELLS, _CYCLES = 3, 152
_SEED = 40


class CellFinding(NamedTuple):
    """One number of the paper's cells: section, what, as the paper says it, found, truth.

    Examples
    --------
    >>> CellFinding("2.4", "retention", "69 %", None, 0.69).section
    '2.4'
    """

    section: str
    what: str
    paper: str
    found: Estimate | None
    truth: float


def cell_findings() -> list[CellFinding]:
    """Retention, active mass, R_cathode, diffusion length and hold time of the simulated twin.

    Returns
    -------
    list of CellFinding

    Notes
    -----
    Where the paper gives a number the simulation is set to it. Times to 2 % of the charging
    current follow from L_diff and R_cathode and are not the paper's 400 and 800 min, which no
    linear cell of these lengths gives.

    Examples
    --------
    >>> len(cell_findings())  # doctest: +SKIP
    18
    """
    return [*_retention(), *_active_mass(), *_resistance(), *_lengths()]


def _retention() -> list[CellFinding]:
    import electrochem

    paper = {("uncoated", 100): 69.0, ("uncoated", 152): 59.6}
    paper |= {("coated", 100): 78.3, ("coated", 152): 71.6}
    tables = {
        cell: [electrochem.simulate_cycles(_SEED + i, cell)[0] for i in range(_CELLS)]
        for cell in ("uncoated", "coated")
    }
    return [
        CellFinding(
            "2.4",
            f"capacity retention at cycle {cycle}, {cell} ({_CELLS} cells)",
            f"{said:g} %",
            electrochem.cycling.retention_of_group(tables[cell], cycle),
            float(electrochem.simulating.mean_retention(cell, np.array([cycle]))[0]),
        )
        for (cell, cycle), said in paper.items()
    ]


def _active_mass() -> list[CellFinding]:
    import electrochem

    found = []
    for cell, paper in (("uncoated", "78.8 %"), ("coated", "83.7 %")):
        table, curve, truth = electrochem.simulating.simulate_active_mass(_SEED, cell)
        measured = electrochem.active_mass(table, curve)
        found.append(
            CellFinding(
                "2.4",
                f"active mass left at cycle {_CYCLES}, {cell}",
                paper,
                electrochem.active_material.active_mass_retention(measured, _CYCLES),
                float(truth["active_mass_ratio"][table["cycle"].values == _CYCLES][0]),
            )
        )
    return found


def _resistance() -> list[CellFinding]:
    import electrochem
    from electrochem.simulating.impedance import R_CATHODE

    found = []
    for (cell, cycle), paper in R_CATHODE.items():
        z, truth = electrochem.simulate_impedance(_SEED + cycle, cell, cycle)
        fit = electrochem.fit_circuit(
            z, _LINE, known=_known(_SEED + cycle, cycle), profile=["TL1_R_cathode"]
        )
        found.append(
            CellFinding(
                "2.5",
                f"R_cathode at cycle {cycle}, {cell}",
                f"{paper:g} ohm cm2",
                fit.estimate("TL1_R_cathode"),
                truth["R_cathode"],
            )
        )
    return found


def _known(seed: int, cycle: int) -> dict[str, tuple[object, float]]:
    rng = np.random.default_rng(seed)
    values = _ANODE | ({"TL1_R_ion": (100.0, 0.2)} if cycle == 1 else {})
    return {
        name: (min(value * float(np.exp(u * rng.normal())), 1.0 if name.endswith("_n") else 1e9), u)
        for name, (value, u) in values.items()
    }


def _lengths() -> list[CellFinding]:
    import electrochem
    from electrochem.simulating.impedance import CAPACITY, DIFFUSION_COEFFICIENT, L_DIFF, R_CATHODE

    found = []
    for (cell, cycle), paper in L_DIFF.items():
        z, truth = electrochem.simulate_impedance(_SEED + cycle, cell, cycle, geometry="planar")
        known = {
            name.replace("TL1", "TLP1"): value
            for name, value in _known(_SEED + cycle, cycle).items()
        }
        length = electrochem.diffusion_length(
            z,
            _LINE.replace("TL1", "TLP1"),
            diffusion_coefficient=DIFFUSION_COEFFICIENT,
            capacity=(CAPACITY, 0.02),
            known=known,
            below=None,
        ).length
        what = f"L_diff at cycle {cycle}, {cell} (plates, D and C_diff as stated)"
        found.append(CellFinding("2.6", what, f"{paper:g} um", length, truth["L_diff"]))
    for cell, said in (("uncoated", "about 800 min"), ("coated", "about 400 min")):
        record, truth = electrochem.diffusion.simulate_hold(
            _SEED,
            L_DIFF[cell, _CYCLES],
            resistance=R_CATHODE[cell, _CYCLES],
        )
        hold = electrochem.hold_time(record, charging_current=truth["charging_current"])
        minutes = hold.time * (1 / 60)
        time = Estimate.from_interval(
            minutes.value,
            minutes.lower,
            minutes.upper,
            standard_uncertainty=minutes.standard_uncertainty,
            unit="min",
            n=hold.time.n,
            method=hold.time.method,
        )
        what = f"time to 2 % of the charging current at cycle {_CYCLES}, {cell}"
        found.append(CellFinding("2.6", what, said, time, truth["time"] / 60))
    return found
