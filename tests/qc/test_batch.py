"""Mistakes in a batch file are told; broken files lose only what needs them."""

from __future__ import annotations

import pytest

from coatcore import RecipeError
from coatqc.judging import run_batch
from coatqc.recipes import load_batch
from coatqc.twin.demo import make_demo
from spectra import simulate_ftir
from spectra.write import write_jcamp

HEAD = 'schema_version = 1\nname = "a"\n[samples.a]\nsem = "a.tif"\n'
CRITERION = '[[criteria]]\nquantity = "sem.crack_area_fraction"\nsample = "a"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("schema_version = 1\n", "name: is missing"),
        (HEAD.replace("sem", "sme"), r"samples\.a\.sme: unknown key.*did you mean 'sem'"),
        (HEAD + CRITERION, r"criteria\[0\]\.min: and max are both missing"),
        (HEAD + CRITERION.replace("crack", "crak") + "max = 1", "did you mean"),
        (HEAD + CRITERION.replace('"a"', '"b"') + "max = 1", r"criteria\[0\]\.sample: found 'b'"),
        (HEAD + CRITERION + 'max = 1\nunit = "nm"', "measured in '1'"),
        (HEAD + CRITERION + "max = 1\nmin = 2", "exceeds"),
        ("x = [", "not valid TOML"),
    ],
)
def test_mistakes_are_told(tmp_path, text, words):
    path = tmp_path / "batch.toml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=words):
        load_batch(path)


def test_a_copy_is_no_replicate(tmp_path):
    spectrum, _ = simulate_ftir(1)
    for name in ("scan [1].jdx", "copy.jdx"):
        write_jcamp(spectrum, tmp_path / name)
    path = tmp_path / "batch.toml"
    path.write_text(
        'schema_version = 1\nname = "a"\n[samples.a]\nftir = ["scan [1].jdx", "copy.jdx"]\n'
        '[[criteria]]\nquantity = "ftir.carbonyl_position"\nsample = "a"\nmin = 1600\n'
    )
    (outcome,) = run_batch(load_batch(path)).criteria
    assert outcome.verdict == "not measured"
    assert "same file twice" in outcome.error


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("batch")
    path = make_demo(folder)
    (folder / "xrd" / "li6ps5cl.xrdml").write_bytes(b"<xrdMeasurements>")
    return run_batch(load_batch(path))


def test_one_broken_file_loses_only_what_needs_it(broken):
    verdicts = {o.item.quantity: o.verdict for o in broken.criteria}
    assert verdicts.pop("xrd.verdict") == verdicts.pop("xrd.largest_new_peak") == "not measured"
    assert set(verdicts.values()) == {"pass"}
    assert broken.verdict == "not measured"
    assert [f.path for f in broken.files if f.error] == ["xrd/li6ps5cl.xrdml"]


def test_suspected_phases_and_lattice_of_a_batch(tmp_path):
    from xrd import reflections, simulate_pattern
    from xrd.crystals.powder_lines import area_per_weight
    from xrd.write import write_xrdml

    main = reflections("Li6PS5Cl", wavelength=1.540598)
    sulfide = reflections("Li2S", wavelength=1.540598)
    strongest = area_per_weight("Li6PS5Cl", main).max()
    lines = [
        list(zip(t["two_theta / degree"], 100 * area_per_weight(n, t) / strongest, strict=True))
        for n, t in (("Li6PS5Cl", main), ("Li2S", sulfide))
    ]
    # 3 % of Li2S by weight.
    extra = [(place, size * 0.03 / 0.97) for place, size in lines[1]]
    write_xrdml(simulate_pattern(1, reflections=lines[0])[0], tmp_path / "a.xrdml")
    write_xrdml(simulate_pattern(2, reflections=lines[0], extra=extra)[0], tmp_path / "b.xrdml")
    batch = tmp_path / "batch.toml"
    batch.write_text(
        'schema_version = 1\nname = "b"\n'
        '[samples.pristine]\nxrd = "a.xrdml"\n[samples.blend]\nxrd = "b.xrdml"\n'
        '[[criteria]]\nquantity = "xrd.suspected_phase"\nsample = "blend"\n'
        'reference = "pristine"\nmax = 1.0\nparameters = { main = "Li6PS5Cl" }\n'
        '[[criteria]]\nquantity = "xrd.lattice_change"\nsample = "blend"\n'
        'reference = "pristine"\nmin = -0.001\nmax = 0.001\n'
        '[[criteria]]\nquantity = "xrd.suspected_phase"\nsample = "blend"\n'
        'reference = "pristine"\nmax = 1.0\nparameters = { main = "Li6PS5" }\n'
    )
    phase, lattice, unknown = run_batch(load_batch(batch)).criteria
    assert phase.verdict == "fail"
    assert phase.measurement.estimate.value == pytest.approx(3.0, abs=0.5)
    assert "found: Li2S" in phase.measurement.notes
    assert lattice.verdict == "pass"
    assert unknown.verdict == "not measured"
