"""Do intervals of R_cathode and of L_diff hold the truth?"""

from __future__ import annotations

import numpy as np
import pytest

from coatqc.core import Estimate
from electrochem import fit_circuit, label_impedance, simulate_impedance
from electrochem.simulate_impedance import CAPACITY

RUNS = 1000


def _many(runs: int, keep=slice(None), **settings):
    first, truth = simulate_impedance(0, **settings)
    rows = [simulate_impedance(seed, **settings)[0].values[keep] for seed in range(runs)]
    return label_impedance(first["frequency"].values[keep], np.stack(rows), unit="ohm cm2"), truth


def _estimates(table, name: str) -> list[Estimate]:
    return [
        Estimate.from_interval(
            row.value,
            row.lower,
            row.upper,
            standard_uncertainty=row.u,
            unit=row.unit,
        )
        for row in table[table["parameter"] == name]
        .rename(columns={"standard uncertainty": "u"})
        .itertuples()
    ]


def _known(runs: int) -> dict:
    """The anode, as measured each time anew on a cell of two."""
    rng = np.random.default_rng(7)
    return {
        "R1": (3.0 * np.exp(0.1 * rng.normal(size=runs)), 0.1),
        "CPE1_Q": (2e-2 * np.exp(0.2 * rng.normal(size=runs)), 0.2),
        "CPE1_n": (np.minimum(0.9 + 0.03 * rng.normal(size=runs), 1.0), 0.033),
    }


@pytest.mark.calibration
@pytest.mark.parametrize(("cell", "cycle"), [("uncoated", 1), ("coated", 152)])
def test_r_cathode(cell, cycle, holds):
    # Four a decade. At first only R_ct R_ion shows, and R_ion is measured by itself.
    z, truth = _many(RUNS, cell=cell, cycle=cycle, frequency=np.logspace(6, -1, 29))
    known = _known(RUNS)
    if cycle == 1:
        known["TL1_R_ion"] = (
            100 * np.exp(0.2 * np.random.default_rng(9).normal(size=RUNS)),
            0.2,
        )
    table = fit_circuit(z, "L0-R0-p(R1,CPE1)-TL1", known=known, profile=["TL1_R_cathode"]).table
    found = _estimates(table, "TL1_R_cathode")
    holds(f"R_cathode, {cell}, cycle {cycle}", truth["R_cathode"], found)


@pytest.mark.calibration
def test_diffusion_length_where_it_is_told(holds):
    z, truth = _many(
        RUNS, keep=slice(48, None), cell="coated", cycle=152, r_cathode=203.0, geometry="planar"
    )
    rng = np.random.default_rng(8)
    capacity = {"FSP1_C_diff": (CAPACITY * np.exp(0.05 * rng.normal(size=RUNS)), 0.05)}
    table = fit_circuit(
        z, "R0-FSP1", free=["FSP1_spread"], known=capacity, profile=["FSP1_tau"]
    ).table
    # L is the root of D tau: its interval holds L where that of tau holds tau.
    what = "tau of L_diff 2.5 um, C_diff known to 5 %"
    holds(what, truth["TLP1_tau"], _estimates(table, "FSP1_tau"))


@pytest.mark.calibration
def test_diffusion_length_that_is_not_told_is_a_bound():
    runs = 300
    z, truth = _many(
        runs, keep=slice(48, None), cell="uncoated", cycle=152, l_diff=15.0, geometry="planar"
    )
    table = fit_circuit(z, "R0-FSP1", fixed={"FSP1_spread": 0.3}, profile=["FSP1_tau"]).table
    rows = table[table["parameter"] == "FSP1_tau"]
    assert (rows["told"].isin(["lower bound", "no"])).mean() >= 0.95
    assert (rows["lower"] <= truth["TLP1_tau"]).mean() >= 0.95
