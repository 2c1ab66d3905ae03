"""The study done again: every claim measured, and measured as the truth is."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from coatqc.cli.root import app
from coatqc.twin.paper_study import CLAIMS, NO_NUMBER, Study, repeat_study


@pytest.fixture(scope="module")
def study():
    return repeat_study()


def test_every_technique_of_the_paper_is_measured(study):
    techniques = {"FTIR", "nano-IR", "TEM", "ToF-SIMS", "XRD", "SEM", "cell"}
    assert set(study.table["technique"]) == techniques
    assert set(study.table["section"]) == {"2.1", "2.2", "2.4", "2.5", "2.6", "2.7"}
    assert len(study.table) == len(CLAIMS) + 2 + 18 == study.asked
    assert study.table["measured"].astype(bool).all()


def test_intervals_hold_the_truth_as_often_as_they_say(study):
    assert study.as_expected
    numbers = study.table[study.table["value"].notna()]
    inside = numbers["true value"].between(numbers["lower"], numbers["upper"])
    assert (inside == numbers["holds"]).all()
    assert study.held == study.table["holds"].sum()
    words = study.table[study.table["value"].isna()]
    assert words["holds"].all()


def test_the_paper_s_numbers_are_what_the_twin_is_set_to(study):
    by_what = study.table.set_index("what")
    for what, number in (
        ("C=O band of PVP", 1669),
        ("C=O band of the blend", 1656),
        ("shift of the C=O band", -13),
    ):
        assert by_what.loc[what, "true value"] == number
        assert str(number) in by_what.loc[what, "paper"]
    assert 1 <= by_what.loc["thickness of the coating", "true value"] <= 3
    for what, number, said in (
        ("R_cathode at cycle 152, uncoated", 203, "203 ohm"),
        ("R_cathode at cycle 1, coated", 26, "26 ohm"),
        ("capacity retention at cycle 152, coated (3 cells)", 0.716, "71.6 %"),
        ("active mass left at cycle 152, uncoated", 0.788, "78.8 %"),
        ("L_diff at cycle 152, coated (plates, D and C_diff as stated)", 2.5, "2.5 µm"),
    ):
        assert by_what.loc[what, "true value"] == pytest.approx(number, rel=1e-3)
        assert said in by_what.loc[what, "paper"]
    # Where it has none, none is made up.
    assert (study.table["paper"] == NO_NUMBER).sum() >= 8


def test_too_many_misses_are_no_chance():
    assert Study(table=pd.DataFrame(), held=25, asked=28).as_expected
    assert not Study(table=pd.DataFrame(), held=20, asked=28).as_expected


def test_command_line(study, monkeypatch, tmp_path):
    monkeypatch.setattr("coatqc.twin.paper_study.repeat_study", lambda tell: study)
    done = CliRunner().invoke(app, ["paper", "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "simulated data, not measured" in done.output
    assert f"{study.held} of {study.asked} hold the truth" in done.output
    facts = json.loads((tmp_path / "out" / "paper.json").read_text("utf-8"))
    assert facts["simulated"] is True
    assert len(facts["rows"]) == study.asked
    assert len(pd.read_csv(tmp_path / "out" / "paper.csv")) == study.asked
    assert (tmp_path / "out" / "paper.png").stat().st_size > 20_000
    bad = Study(table=study.table, held=3, asked=study.asked)
    monkeypatch.setattr("coatqc.twin.paper_study.repeat_study", lambda tell: bad)
    assert CliRunner().invoke(app, ["paper", "--json"]).exit_code == 1
