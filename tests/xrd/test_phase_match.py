"""Which phases a list of peaks belongs to, and where their lines are drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from coatcore import MeasurementError, read
from xrd import (
    find_peaks,
    fit_peaks,
    match_phases,
    plot_patterns,
    read_structure,
    reflections,
    simulate_pattern,
)
from xrd.crystals import reference_phases
from xrd.crystals.structure_library import structure
from xrd.phases import tick_marks

CU = 1.540598


def test_structures_with_their_pattern_rank_first(reference):
    folder = reference / "xrd"
    known = [read_structure(p) for p in sorted(folder.glob("cif_*.cif"))]
    tried = [*known, *reference_phases()]
    peaks = find_peaks(read(folder / "autoana_LiMnO2.xy", kind="xrd_pattern")).head(40)
    scores = match_phases(peaks, tried, wavelength=1.5406)["score"]
    assert scores.index[0] == "Li2 Mn2 O4"
    assert scores.iloc[0] > 0.8
    assert scores.iloc[1] < 0.6
    oxide = fit_peaks(read(folder / "NiO_0p6007-Bi2O3_0p4008--8min.xrdml")).table
    assert "NiO" in match_phases(oxide, reference_phases(), wavelength=CU).index[:1]


def test_every_shipped_phase_ranks_first_on_its_own_pattern():
    for name in ("Li6PS5Cl", "Li2S", "LiCl", "Li3PO4 gamma", "NiS millerite", "Ni3S2", "Li2CO3"):
        lines = reflections(name, wavelength=CU)
        own = list(zip(lines["two_theta / degree"], lines["relative intensity"], strict=True))
        peaks = find_peaks(simulate_pattern(5, reflections=own, displacement=0.06)[0])
        assert match_phases(peaks, reference_phases(), wavelength=CU).index[0] == name


MANGANOSITE = ("F m -3 m", [4.446] * 3 + [90] * 3, [("Mn", 0, 0, 0, 1), ("O", 0.5, 0.5, 0.5, 1)])


ANATASE = (
    "I 41/a m d:2",
    [3.7845, 3.7845, 9.5143, 90, 90, 90],
    [("Ti", 0, 0.25, 0.375, 1), ("O", 0, 0.25, 0.1669, 1)],
)


BIXBYITE = (
    "I a -3",
    [9.4118] * 3 + [90] * 3,
    [("Mn", 0.25, 0.25, 0.25, 1), ("Mn", -0.0285, 0, 0.25, 1), ("O", 0.3845, 0.1485, 0.3825, 1)],
)


CONTENTS = {
    "autoana_MnO.xy": {"MnO"},
    "autoana_Mn2O3.xy": {"Mn2O3"},
    "autoana_TiO2.xy": {"anatase"},
    "autoana_TiO2_MnO.xy": {"MnO", "anatase"},
    "autoana_Li2MnO3_MnO_TiO2.xy": {"MnO", "anatase"},
    "autoana_LiMnO2.xy": {"Li2 Mn2 O4"},
    "NiO_0p2030-Li2CO3_0p2999-TiO2_0p5025--2min.xrdml": {"NiO", "Li2CO3", "anatase"},
    "NiO_0p6007-Bi2O3_0p4008--2min.xrdml": {"NiO"},
    "V2O5_0p4005-NiO_0p6016--2min.xrdml": {"NiO"},
    "Li2CO3_0p9001-ZrO2_0p1000--2min.xrdml": {"Li2CO3"},
    "dara_mix_V2O5_0p3015-TiO2_0p6998--2min.xrdml": {"anatase"},
}


@pytest.mark.parametrize("file", CONTENTS)
def test_what_is_in_a_real_powder_ranks_first(reference, file):
    folder = reference / "xrd"
    tried = [
        *reference_phases(),
        *(read_structure(p) for p in sorted(folder.glob("cif_*.cif"))),
        structure("MnO", *MANGANOSITE),
        structure("anatase", *ANATASE),
        structure("Mn2O3", *BIXBYITE),
    ]
    # Both come from a file and from the set.
    tried = [c for c in tried if getattr(c, "name", "") != "Ni4 O4"]
    peaks = find_peaks(read(folder / file, kind="xrd_pattern"))
    scores = match_phases(peaks, tried, wavelength=CU)["score"]
    right = CONTENTS[file]
    assert set(scores.index[: len(right)]) == right
    assert scores[list(right)].min() - scores.drop(list(right)).max() > 0.2


def test_one_line_in_place_is_no_agreement():
    lines = reflections("NiO", wavelength=CU)
    strongest = lines.nlargest(1, "relative intensity")
    alone = strongest.rename(columns={"relative intensity": "height"})
    others = [alone.assign(**{"two_theta / degree": [x]}) for x in (20.0, 80.0)]
    few = match_phases(pd.concat([alone, *others]), ["NiO"], wavelength=CU)["score"].iloc[0]
    full = lines.rename(columns={"relative intensity": "height"})
    assert few < 0.4
    assert match_phases(full, ["NiO"], wavelength=CU)["score"].iloc[0] > 0.99


def test_uncertain_places_reach_further():
    lines = reflections("LiCl", wavelength=CU).rename(columns={"relative intensity": "area"})
    rng = np.random.default_rng(1)
    off = lines.assign(
        **{"two_theta / degree": lines["two_theta / degree"] + rng.normal(0, 0.3, len(lines))}
    )
    plain = match_phases(off, ["LiCl"], wavelength=CU)["score"].iloc[0]
    known = match_phases(off.assign(**{"u(two_theta) / degree": 0.3}), ["LiCl"], wavelength=CU)
    assert known["score"].iloc[0] > max(0.9, plain)
    with pytest.raises(MeasurementError, match="area or height"):
        match_phases(off.drop(columns="area"), ["LiCl"], wavelength=CU)


def test_ticks_lie_below_the_pattern_with_their_names():
    ax = plot_patterns({"pristine": simulate_pattern(1)[0]})
    low = ax.get_ylim()[0]
    lines = {n: reflections(n, wavelength=CU) for n in ("Li6PS5Cl", "LiCl")}
    tick_marks(ax, lines)
    ticks = [c for c in ax.collections if hasattr(c, "get_segments")][-2:]
    assert all(s[:, 1].max() < low for c in ticks for s in c.get_segments())
    assert not np.array_equal(ticks[0].get_color(), ticks[1].get_color())
    assert {t.get_text() for t in ax.texts} >= set(lines)
