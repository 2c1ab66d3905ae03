"""Plans: against closed forms, at other seeds, and where there is no effect."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from coatcore import MeasurementError
from coatcore.quality.registry import designs, quantities
from coatqc import read
from coatqc.cli.root import app
from coatqc.planning import plan
from coatqc.planning.sample_size import _powered

DEMO = Path(__file__).parents[2] / "data" / "demo"


def power_of_t_test(n, effect, scatter):
    """Of two groups of n, by the noncentral t distribution."""
    dof, shift = 2 * n - 2, effect / (scatter * np.sqrt(2 / n))
    critical = stats.t.ppf(0.975, dof)
    return stats.nct.sf(critical, dof, shift) + stats.nct.cdf(-critical, dof, shift)


@pytest.mark.calibration
def test_power_is_that_of_the_t_test_where_scatter_rules():
    # Noise is small against the scatter, so that the closed form holds.
    found = plan("ftir.carbonyl_shift", 0.6, settings={"noise": 0.001}, runs=100)
    assert len(found.table) >= 4
    for row in found.table.itertuples(index=False):
        expected = power_of_t_test(int(row[0]), 0.6, 0.3)
        # 99.9 % of what chance allows; unequal variances cost Welch's test a little more.
        reach = 3.3 * np.sqrt(max(expected * (1 - expected), 0.01) / 100)
        assert row.power == pytest.approx(expected, abs=reach + 0.03), row
    assert found.false_alarms <= 0.05 + 3.3 * np.sqrt(0.05 * 0.95 / 100)
    assert (np.diff(found.table["power"]) > -0.06).all()


@pytest.mark.calibration
def test_the_answer_sees_the_effect_at_another_seed():
    first = plan("tofsims.intensity_ratio", 0.7, runs=200)
    again = plan("tofsims.intensity_ratio", 0.7, runs=200, seed=77)
    assert abs(first.size - again.size) <= 1
    at = again.table.set_index(again.table.columns[0])["power"]
    near = at.loc[[s for s in at.index if s >= first.size]]
    assert (near > 0.95 - 3.3 * np.sqrt(0.05 * 0.95 / 200)).all()
    assert first.false_alarms < 0.12


def test_a_larger_effect_needs_less():
    sizes = [plan("ftir.carbonyl_shift", e, runs=20).size for e in (4.0, 1.0)]
    assert sizes[0] <= sizes[1]
    assert sizes[0] == 2 or sizes[0] == 3
    map_sizes = [plan("nanoir_map.smallest_detectable", e, runs=20).size for e in (200.0, 60.0)]
    assert map_sizes[0] <= map_sizes[1]


def test_a_plan_is_the_same_again_and_in_processes():
    one = plan("nanoir_map.smallest_detectable", 100.0, runs=26)
    two = plan("nanoir_map.smallest_detectable", 100.0, runs=26, jobs=2)
    assert one.table.equals(two.table)
    assert one.answer == two.answer


def test_what_no_size_sees_is_told():
    found = plan("xrd.largest_new_peak", 1e-4, runs=20)
    assert found.size is None
    assert "is not seen with a power of 0.95 by any size up to" in found.answer
    assert found.plot().get_ylabel() == "power"


def test_pilots_tell_the_settings():
    pilots = [read(p) for p in sorted(DEMO.glob("ftir/pvp_*.jdx"))]
    found = plan("ftir.carbonyl_shift", 3.0, runs=20, pilots=pilots)
    notes = " ".join(found.notes)
    assert "from 3 pilots" in notes
    position = float(notes.split("position = ")[1].split(",")[0])
    assert position == pytest.approx(1669, abs=1)
    # What is given goes before what pilots tell.
    told = plan("ftir.carbonyl_shift", 3.0, runs=20, pilots=pilots, settings={"scatter": 0.2})
    assert "scatter = 0.2," in told.notes[-1]


def test_every_design_is_of_a_quantity_and_says_what_it_takes_for_granted():
    assert set(designs()) <= set(quantities())
    assert len(designs()) >= 12
    for name, design in designs().items():
        assert name == design.quantity
        assert design.variable.format(**design.settings().model_dump())
        assert design.assumes
        assert list(design.sizes) == sorted(set(design.sizes))


def test_mistakes_are_told():
    for words, match in (
        (("ftir.carbonyl_shfit", 1.0), "did you mean 'ftir.carbonyl_shift'"),
        (("xrd.verdict", 1.0), "allowed"),
        (("ftir.carbonyl_shift", 0.0), "not 0"),
        (("tofsims.intensity_ratio", 1.0), "other than 1"),
    ):
        with pytest.raises(MeasurementError, match=match):
            plan(*words)
    for settings, match in (({"nosie": 1}, "did you mean 'noise'"), ({"noise": "x"}, "noise")):
        with pytest.raises(MeasurementError, match=match):
            plan("ftir.carbonyl_shift", 1.0, settings=settings)
    with pytest.raises(MeasurementError, match="95 % interval"):
        plan("nanoir_map.coverage", 0.03, alpha=0.01)
    with pytest.raises(MeasurementError, match="power"):
        plan("ftir.carbonyl_shift", 1.0, power=1.0)
    with pytest.raises(MeasurementError, match="no pilots"):
        plan("tem.coating_thickness", 1.0, pilots=[read(DEMO / "ftir" / "pvp_1.jdx")])


def test_the_interval_of_a_power_is_wilson_s():
    from coatcore.quality.design import Outcome

    share, lower, upper, half = _powered([Outcome(i < 95, 1.0) for i in range(100)])
    exact = stats.binomtest(95, 100).proportion_ci(method="wilson")
    assert (share, half) == (0.95, 1.0)
    assert (lower, upper) == pytest.approx((exact.low, exact.high), abs=1e-6)


def test_command_line(tmp_path):
    run = CliRunner().invoke
    words = ["plan", "nanoir_map.smallest_detectable", "--effect", "100", "--runs", "20"]
    done = run(app, [*words, "--json", "--plot", str(tmp_path / "a.png"), "--set", "noise=0.04"])
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert facts["size"] in [next(iter(row.values())) for row in facts["sizes"]]
    assert "noise = 0.04" in facts["notes"][-1]
    assert (tmp_path / "a.png").stat().st_size > 5000
    listed = run(app, ["plan", "list"])
    assert "xrd.largest" in listed.stdout
    assert run(app, ["plan", "ftir.carbonyl_shift"]).exit_code == 2
