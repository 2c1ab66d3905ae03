"""Fits of circuits: what is found, what is said not to be, and impedance.py beside it."""

from __future__ import annotations

import numpy as np
import pytest

from coatcore import MeasurementError, read
from electrochem import diffusion_length, fit_circuit, kramers_kronig, simulate_impedance
from electrochem.impedance.models import parse_circuit
from electrochem.labels import label_impedance

CATHODE = "L0-R0-p(R1,CPE1)-TL1"
# As a cell of two such anodes tells them.
ANODE = {"R1": (3.0, 0.1), "CPE1_Q": (2e-2, 0.2), "CPE1_n": (0.9, 0.033)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("R0-", "ends where an element"),
        ("R0-p(R1,C1", "not closed"),
        ("R0-X1", "element 'X1' is unknown"),
        ("R0-R0", "R0 stands in it twice"),
        ("R0+R1", "not understood"),
        ("R0)", "left over"),
        ("", "ends where"),
    ],
)
def test_circuits_that_are_none(text, message):
    with pytest.raises(MeasurementError, match=message):
        parse_circuit(text)


def test_a_circuit_has_the_impedance_of_impedance_py():
    circuits = pytest.importorskip("impedance.models.circuits")
    text, values = "R0-p(R1,CPE1)-p(R2-Wo1,C2)", [0.01, 0.02, 3.0, 0.9, 0.01, 0.05, 100.0, 1.0]
    f = np.logspace(-3, 5, 40)
    model = circuits.CustomCircuit(text, initial_guess=values)
    with pytest.warns(UserWarning, match="initial parameters"):
        theirs = model.predict(f, use_initial=True)
    parsed = parse_circuit(text)
    ours = parsed.impedance(2 * np.pi * f, dict(zip(parsed.names, values, strict=True)))
    assert np.abs(ours / theirs - 1).max() < 1e-9


def test_the_published_example_agrees_within_its_uncertainty(reference):
    circuits = pytest.importorskip("impedance.models.circuits")
    text = "R0-p(R1,C1)-p(R2-Wo1,C2)"
    guess = [0.01, 0.01, 100, 0.01, 0.05, 100, 1]
    z = read(reference / "electrochem" / "exampleData.csv")
    z = z.isel(frequency=z.values.imag < 0)
    published = circuits.CustomCircuit(text, initial_guess=guess)
    published.fit(z["frequency"].values, z.values)
    names = parse_circuit(text).names
    fit = fit_circuit(z, text, start=dict(zip(names, guess, strict=True)), profile=False)
    assert not fit.describes
    for name, value, u in zip(names, published.parameters_, published.conf_, strict=True):
        ours = fit.estimate(name)
        both = np.hypot(min(ours.standard_uncertainty, 10 * value), u)
        assert abs(ours.value - value) < 2.5 * both, name
    # The same weights: the same least squares.
    published.fit(z["frequency"].values, z.values, weight_by_modulus=True)
    for name, value in zip(names[:4], published.parameters_[:4], strict=True):
        assert np.isclose(fit.estimate(name).value, value, rtol=1e-3), name


@pytest.mark.parametrize(
    ("name", "resistances"), [("Circuit1_EIS_1.z", 2), ("exampleDataZPlot.z", 1)]
)
def test_real_spectra_are_fitted(name, resistances, reference):
    z = read(reference / "electrochem" / name)
    circuit = "L0-R0-" + "-".join(f"p(R{i},CPE{i})" for i in range(1, resistances + 1))
    fit = fit_circuit(z, circuit)
    assert float(np.abs(fit.data["residual"]).max()) < 0.02
    assert fit.table.set_index("parameter").loc["R1", "told"] in ("yes", "roughly")


def test_what_cannot_be_told_apart_is_said_to_be_so():
    # Within Gerischer's limit only the product of R_ct and R_ion shows.
    z, truth = simulate_impedance(1, "coated", 1)
    table = fit_circuit(z, CATHODE, known=ANODE).table.set_index("parameter")
    assert table.loc["TL1_R_ion", "told"] == "lower bound"
    assert table.loc["TL1_R_ct", "told"] == "upper bound"
    cathode = table.loc["TL1_R_cathode"]
    assert cathode["told"] == "yes"
    assert cathode["lower"] < truth["R_cathode"] < cathode["upper"]
    # Outside it, each by itself.
    z, truth = simulate_impedance(1, "uncoated", 152)
    table = fit_circuit(z, CATHODE, known=ANODE).table.set_index("parameter")
    for name in ("R_ct", "R_ion"):
        row = table.loc[f"TL1_{name}"]
        assert row["told"] == "yes"
        assert row["lower"] < truth[f"TL1_{name}"] < row["upper"]


def test_a_nyquist_intercept_is_not_r_cathode():
    # At cycle 152 the line is outside Gerischer's limit: 203 against 445 ohm cm2 at 0 Hz.
    _, truth = simulate_impedance(1, "uncoated", 152)
    assert truth["R_cathode"] == 203
    assert truth["R_dc"] > 2 * truth["R_cathode"]


def test_many_spectra_in_one_call_are_as_one_by_one():
    cells = [simulate_impedance(seed, "uncoated", 152)[0] for seed in range(4)]
    together = label_impedance(
        cells[0]["frequency"].values, np.stack([z.values for z in cells]), unit="ohm cm2"
    )
    fit = fit_circuit(together, CATHODE, known=ANODE, profile=False)
    for scan, z in enumerate(cells):
        alone = fit_circuit(z, CATHODE, known=ANODE, profile=False)
        assert np.isclose(
            fit.estimate("TL1_R_cathode", scan).value,
            alone.estimate("TL1_R_cathode").value,
            rtol=1e-3,
        )


def test_a_circuit_that_does_not_describe_the_data_is_flagged():
    z, _ = simulate_impedance(1, "uncoated", 152)
    fit = fit_circuit(z, "R0-p(R1,CPE1)", profile=False)
    assert not fit.describes
    assert fit_circuit(z, CATHODE, known=ANODE, profile=False).describes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"circuit": "R0", "fixed": {"R9": 1.0}}, "R9"),
        ({"circuit": "R0", "fixed": {"R0": 1.0}}, "nothing to fit"),
        ({"circuit": "R0", "fixed": {"R0": -1.0}}, "at least 0"),
        ({"circuit": "R0", "known": {"R0": (0.0, 0.1)}}, "both are positive"),
        ({"circuit": "R0", "known": {"R5": (1.0, 0.1)}}, "R5"),
        ({"circuit": "R0", "profile": ["R7"]}, "R7"),
    ],
)
def test_wrong_questions(arguments, message):
    z, _ = simulate_impedance(1)
    with pytest.raises(MeasurementError, match=message):
        fit_circuit(z, **arguments)


def test_spectra_that_are_none():
    z, _ = simulate_impedance(1)
    with pytest.raises(MeasurementError, match="real numbers"):
        fit_circuit(z.real, "R0")
    with pytest.raises(MeasurementError, match="at least 5"):
        fit_circuit(z[:3], "R0")
    with pytest.raises(MeasurementError, match="cannot tell the 10 parameters"):
        fit_circuit(z[::10][:5].isel(frequency=slice(0, 5)), "R0-p(R1,CPE1)-p(R2,CPE2)-p(R3,CPE3)")
    with pytest.raises(MeasurementError, match="not finite"):
        fit_circuit(z.where(z["frequency"] > 1), "R0")


def test_drift_breaks_the_kramers_kronig_relations():
    kept = [kramers_kronig(simulate_impedance(s)[0]).consistent for s in range(40)]
    assert sum(kept) >= 39
    drifting = [
        kramers_kronig(simulate_impedance(s, "uncoated", 152, drift=0.1)[0]) for s in range(20)
    ]
    assert not any(test.consistent for test in drifting)
    assert drifting[0].residuals["suspect"].any()
    with pytest.raises(MeasurementError, match="3 a decade"):
        kramers_kronig(simulate_impedance(1, frequency=np.logspace(6, 0, 8))[0])


def test_diffusion_length_asks_for_particles():
    z, _ = simulate_impedance(1, "coated", 152, geometry="planar")
    with pytest.raises(MeasurementError, match="0 elements of particles"):
        diffusion_length(z, "R0-p(R1,C1)", diffusion_coefficient=1e-11)
    with pytest.raises(MeasurementError, match="expected cm2 s-1"):
        diffusion_length(z, diffusion_coefficient=0.0)
    with pytest.raises(MeasurementError, match="0 frequencies at or below"):
        diffusion_length(simulate_impedance(1)[0], diffusion_coefficient=1e-11)


def test_geometry_decides_what_the_length_is():
    # One spectrum, three shapes: at high frequency L over volume per surface is the same.
    z, _ = simulate_impedance(3, "uncoated", 152, l_diff=10.0, geometry="planar", noise=5e-4)
    lengths = {
        shape: diffusion_length(
            z, f"R0-FS{shape}1", diffusion_coefficient=1e-11, spread=0.3, capacity=(14.94, 0.02)
        ).length.value
        for shape in "PCS"
    }
    assert lengths["P"] < lengths["C"] < lengths["S"]


def test_the_order_of_frequencies_does_not_matter():
    z, _ = simulate_impedance(1, "uncoated", 152)
    shuffled = z.isel(frequency=np.random.default_rng(1).permutation(z.sizes["frequency"]))
    assert not fit_circuit(shuffled, "R0-p(R1,C1)", profile=False).describes
    table = fit_circuit(shuffled, CATHODE, known=ANODE, profile=False).table
    assert table.equals(fit_circuit(z, CATHODE, known=ANODE, profile=False).table)


def test_a_unit_that_is_not_known_is_refused():
    z, _ = simulate_impedance(1)
    with pytest.raises(MeasurementError, match="'kohm'"):
        fit_circuit(z.assign_attrs(units="kohm"), "R0")
    with pytest.raises(MeasurementError, match="twice"):
        fit_circuit(z[[0, 0, 1, 2, 3, 4]], "R0")


def test_a_length_from_a_circuit_that_does_not_describe_the_data_says_so():
    # Before cycling the rails show below a hundredth of a hertz too.
    z, truth = simulate_impedance(0, "coated", 1, geometry="planar")
    alone = diffusion_length(z, "R0-FSP1", diffusion_coefficient=1e-11, below=0.01)
    assert "may mean nothing" in alone.conditions
    found = diffusion_length(z, diffusion_coefficient=1e-11)
    assert "may mean nothing" not in found.conditions
    assert found.length.lower < truth["L_diff"] < found.length.upper
    few = diffusion_length(z, "R0-FSP1", diffusion_coefficient=1e-11, below=1e-3)
    assert "too few frequencies to tell" in few.conditions


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"diffusion_coefficient": np.inf}, "expected cm2 s-1"),
        ({"relative_uncertainty": -0.1}, "relative_uncertainty is -0.1"),
        ({"capacity": (0.0, 0.1)}, "both above 0"),
        ({"spread": -1}, "spread is -1"),
        ({"geometry": "cube"}, "geometry is 'cube'"),
    ],
)
def test_particles_that_are_none(arguments, message):
    z, _ = simulate_impedance(1, "coated", 152, geometry="planar")
    with pytest.raises(MeasurementError, match=message):
        diffusion_length(z, **{"diffusion_coefficient": 1e-11, **arguments})


def test_what_is_known_keeps_its_uncertainty_where_the_circuit_does_not_fit():
    # The spectrum tells nothing of C2 beside R2, and the circuit misses the second arc.
    z, _ = simulate_impedance(1, "uncoated", 152)
    fit = fit_circuit(z, "R0-p(R1,CPE1)-C9", known={"C9": (1e6, 0.1)}, profile=False)
    assert not fit.describes
    c = fit.estimate("C9")
    assert np.isclose(c.standard_uncertainty / c.value, 0.1, rtol=0.02)


def test_residuals_below_the_accuracy_of_the_instrument_are_let_pass():
    z, _ = simulate_impedance(1, "uncoated", 152, noise=1e-4)
    bent = z * (1 + 0.002 * np.sin(np.log(z["frequency"])))
    bent = bent.assign_attrs(z.attrs)
    assert not fit_circuit(bent, CATHODE, known=ANODE, profile=False).describes
    assert fit_circuit(bent, CATHODE, known=ANODE, profile=False, accuracy=0.003).describes


def test_a_small_series_resistance_beside_a_blocking_tail_is_found(reference):
    # Started from the size of the whole spectrum the fit ended at 300 times these residuals.
    z = read(reference / "electrochem" / "hybriddrt_PEIS_LPSCl_m25C.txt")
    without = fit_circuit(z, "p(R1,CPE1)-CPE2", profile=False)
    more = fit_circuit(z, "R0-p(R1,CPE1)-CPE2", profile=False)
    rest = [float((np.abs(fit.data["residual"].values) ** 2).sum()) for fit in (without, more)]
    assert rest[1] < rest[0]


def test_a_gap_in_the_frequencies_is_refused():
    z, _ = simulate_impedance(1)
    f = z["frequency"].values
    with pytest.raises(MeasurementError, match="no frequency between"):
        kramers_kronig(z.isel(frequency=(f > 3e3) | (f < 10)))


def test_a_circuit_asks_for_all_its_values():
    with pytest.raises(MeasurementError, match="no value of R1"):
        parse_circuit("R0-R1").impedance(np.ones(3), {"R0": 1.0})
    with pytest.raises(TypeError):
        parse_circuit("TL1").fixed["TL1_R_ele"] = 5.0


def test_a_fixed_charge_transfer_leaves_the_derived_to_the_covariance():
    z, truth = simulate_impedance(1, "uncoated", 152)
    fixed = {"TL1_R_ct": truth["TL1_R_ct"]}
    fit = fit_circuit(z, CATHODE, known=ANODE, fixed=fixed, profile=["TL1_R_cathode"])
    found = fit.estimate("TL1_R_cathode")
    assert found.lower < truth["R_cathode"] < found.upper
    with pytest.raises(MeasurementError, match="fitted above 0"):
        fit_circuit(z, CATHODE, start={"R0": 0.0})


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"R0": 20}, "expected a value"),
        ({"R0": ("x", 0.1)}, "expected a value"),
        ({"R0": ([1.0, 2.0], 0.1)}, "expected a value"),
        ({"R0": (np.inf, 0.1)}, "both are positive"),
    ],
)
def test_known_values_that_are_none(known, message):
    z, _ = simulate_impedance(1)
    with pytest.raises(MeasurementError, match=message):
        fit_circuit(z, CATHODE, known=known)


def test_a_fit_leaves_the_bounds_of_an_exponent():
    f = np.logspace(-1, 4, 30)
    clean = parse_circuit("R0-p(R1,CPE1)").impedance(
        2 * np.pi * f, {"R0": 1.0, "R1": 5.0, "CPE1_Q": 1e-3, "CPE1_n": 0.9}
    )
    rng = np.random.default_rng(1)
    z = label_impedance(f, clean * (1 + 0.002 * (rng.normal(size=30) + 1j * rng.normal(size=30))))
    start = {"R0": 1.0, "R1": 5.0, "CPE1_Q": 1e-3, "CPE1_n": 1.0}
    fit = fit_circuit(z, "R0-p(R1,CPE1)", start=start)
    n = fit.estimate("CPE1_n")
    assert n.lower < 0.9 < n.upper
    assert n.standard_uncertainty < 0.01


def test_what_is_no_spectrum_is_named():
    z, _ = simulate_impedance(1)
    khz = z.assign_coords(frequency=z["frequency"].assign_attrs(units="kHz"))
    with pytest.raises(MeasurementError, match="'kHz'"):
        fit_circuit(khz, "R0")
    with pytest.raises(MeasurementError, match="its kind is 'xps'"):
        fit_circuit(z.assign_attrs(kind="xps"), "R0")
    with pytest.raises(MeasurementError, match="at most 1"):
        fit_circuit(z, "R0-CPE1", fixed={"CPE1_n": 3.0})
    with pytest.raises(MeasurementError, match="leave one out"):
        diffusion_length(z, "R0-TLP1", diffusion_coefficient=1e-11, geometry="sphere")


def test_a_short_spectrum_is_not_tested_for_causality():
    rng = np.random.default_rng(1)
    for count in (5, 8, 11):
        values = 10 + 5 * (rng.normal(size=count) + 1j * rng.normal(size=count))
        with pytest.raises(MeasurementError, match="at least 12"):
            kramers_kronig(label_impedance(np.logspace(0, 1, count), values - 20j))
    nonsense = label_impedance(
        np.logspace(0, 1, 14), 10 - 20j + 5 * (rng.normal(size=14) + 1j * rng.normal(size=14))
    )
    assert kramers_kronig(nonsense).noise > 0.05


def test_a_fit_that_does_not_describe_says_so_where_it_is_printed():
    z, _ = simulate_impedance(1, "uncoated", 152, drift=0.2)
    assert "DOES NOT DESCRIBE" in repr(fit_circuit(z, CATHODE, profile=False))
    good, _ = simulate_impedance(1, "uncoated", 152)
    assert "DOES NOT" not in repr(fit_circuit(good, CATHODE, profile=False))


def test_a_sign_that_was_mistaken_is_asked_about():
    z, _ = simulate_impedance(1, "uncoated", 152)
    turned = z.conj().assign_attrs(z.attrs)
    assert "was -Z'' taken for Z''?" in repr(fit_circuit(turned, "R0-p(R1,C1)", profile=False))
    assert "was -Z''" not in repr(fit_circuit(z, "R0-p(R1,C1)", profile=False))
    assert not kramers_kronig(turned).consistent
