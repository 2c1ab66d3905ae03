"""Conductivity of a polymer: quotient, laws over temperature, cost of a coating."""

from __future__ import annotations

import numpy as np
import pytest

from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from electrochem import fit_arrhenius
from electrochem.conductivity import (
    better_law,
    coating_resistance,
    conductivities,
    fit_vtf,
    ionic_conductivity,
    simulate_conductivity,
)

of = Estimate.from_standard_uncertainty


def test_coating_of_the_paper():
    assert coating_resistance(3.4e-8, 1).value == pytest.approx(2.94, abs=0.01)
    assert coating_resistance(3.4e-8, 3).value == pytest.approx(8.82, abs=0.01)
    cell = coating_resistance(of(3.4e-8, 2e-9, unit="S cm-1"), of(2.0, 0.5, unit="nm"), 95)
    assert cell.value == pytest.approx(0.062, abs=0.001)
    assert "cell" in cell.method
    assert cell.lower > 0
    assert cell.upper - cell.value > cell.value - cell.lower


def test_uncertainty_of_the_interface_goes_into_the_resistance():
    exact = coating_resistance(3.4e-8, of(2.0, 0.2, unit="nm"), 95)
    known = coating_resistance(3.4e-8, of(2.0, 0.2, unit="nm"), of(95.0, 0.0))
    vague = coating_resistance(3.4e-8, of(2.0, 0.2, unit="nm"), of(95.0, 26.0))
    assert known.upper == pytest.approx(exact.upper)
    relative = vague.standard_uncertainty / vague.value
    assert relative == pytest.approx(np.hypot(0.1, 26 / 95), rel=1e-6)
    assert vague.upper > known.upper
    assert vague.lower < known.lower
    with pytest.raises(MeasurementError, match="interface_per_cell_area is in cm2"):
        coating_resistance(3.4e-8, 2.0, of(95.0, 26.0, unit="cm2"))


def test_temperature_is_read_with_its_unit():
    data, _ = simulate_conductivity(3)
    kelvin = data.assign(
        temperature=(data["temperature"] + 273.15).assign_attrs(units="K"),
    )
    for a, b in zip(conductivities(data), conductivities(kelvin), strict=True):
        assert np.allclose(a, b, rtol=1e-12)
    for wrong in ("degF", None):
        attrs = {} if wrong is None else {"units": wrong}
        bad = data.assign(temperature=("record", data["temperature"].values, attrs))
        with pytest.raises(MeasurementError, match="expected 'degC' or 'K'"):
            conductivities(bad)
    bad = data.assign(resistance=data["resistance"].assign_attrs(units="kohm"))
    with pytest.raises(MeasurementError, match="resistance is in 'kohm'"):
        conductivities(bad)
    with pytest.raises(MeasurementError, match="area_cm2 is 0"):
        conductivities(data.assign_attrs(area_cm2=0.0))


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("points", [5, 6])
def test_few_points_do_not_decide_between_laws(given, points):
    # At 5 points of unknown scatter AICc of VTF is infinite: no evidence for Arrhenius.
    celsius = np.linspace(10, 80, points)
    for seed in range(20):
        t, s, u = conductivities(simulate_conductivity(seed, "vtf", celsius=celsius)[0])
        args = (t, s, u) if given else (t, s)
        law, _ = better_law(fit_arrhenius(*args), fit_vtf(*args))
        assert law != "arrhenius"
        if not given or points == 5:
            assert law == "undecided"


@pytest.mark.calibration
@pytest.mark.parametrize("law", ["arrhenius", "vtf"])
@pytest.mark.parametrize("given", [True, False])
def test_a_law_that_holds_is_seldom_refused(law, given):
    fit, refused = {"arrhenius": fit_arrhenius, "vtf": fit_vtf}[law], 0
    for seed in range(1000):
        t, s, u = conductivities(simulate_conductivity(seed, law)[0])
        refused += not fit(t, s, u if given else None).describes
    # 1 % of 1,000 with 3 standard deviations; profiles at the bound of T0 leave a little more.
    assert 1 <= refused <= 20


def test_a_law_that_does_not_describe_the_points_says_so():
    points = conductivities(simulate_conductivity(1, "vtf", noise=0.005)[0])
    for args in (points, points[:2]):
        fit = fit_arrhenius(*args)
        assert not fit.describes
        assert "does not describe" in fit.parameters["Ea"].method
        assert "does not describe" in fit.at(25).method
        assert fit_vtf(*args).describes
    # A bent law of neither kind, with uncertainties that are known.
    t = np.linspace(283, 353, 8)
    odd = np.exp(-0.6 / (8.617e-5 * t) + 0.2 * np.sin(t / 8))
    assert not fit_vtf(t, odd, 0.01 * odd).describes
    assert fit_vtf(t, odd, 0.01 * odd).chi2 > 100


@pytest.mark.calibration
def test_quotient_holds_the_truth(holds):
    rng = np.random.default_rng(1)
    found = []
    for r, d, a in np.exp(rng.normal(size=(1000, 3)) * [0.03, 0.1, 0.02]) * [1e5, 0.01, 0.785]:
        found.append(
            ionic_conductivity(
                of(r, 0.03 * r, unit="ohm"), of(d, 0.1 * d, unit="cm"), of(a, 0.02 * a, unit="cm2")
            )
        )
    holds("conductivity of a sheet", 0.01 / (1e5 * 0.785), found)


@pytest.mark.calibration
@pytest.mark.parametrize("given", [True, False])
def test_arrhenius_holds_the_truth(holds, given):
    energy, room = [], []
    for seed in range(1000):
        data, truth = simulate_conductivity(seed)
        t, s, u = conductivities(data)
        fit = fit_arrhenius(t, s, u if given else None, u_common=0.05)
        energy.append(fit.parameters["Ea"])
        room.append(fit.at(25))
    how = "uncertainties given" if given else "scatter only"
    holds(f"activation energy, {how}", truth["Ea"], energy)
    holds(f"conductivity at 25 degC, Arrhenius, {how}", truth["sigma_25"], room)


@pytest.mark.calibration
def test_vtf_holds_the_truth(holds):
    b, zero, room = [], [], []
    for seed in range(1000):
        data, truth = simulate_conductivity(seed, "vtf")
        fit = fit_vtf(*conductivities(data), u_common=0.05)
        b.append(fit.parameters["B"])
        zero.append(fit.parameters["T0"])
        room.append(fit.at(25))
    holds("VTF B", truth["B"], b)
    holds("VTF T0", truth["T0"], zero)
    holds("conductivity at 25 degC, VTF", truth["sigma_25"], room)


@pytest.mark.parametrize("law", ["arrhenius", "vtf"])
def test_the_right_law_is_found(law):
    laws = []
    for seed in range(100):
        points = conductivities(simulate_conductivity(seed, law)[0])
        laws.append(better_law(fit_arrhenius(*points), fit_vtf(*points))[0])
    wrong = {"arrhenius": "vtf", "vtf": "arrhenius"}[law]
    assert laws.count(wrong) <= 5
    assert laws.count(law) >= 50


def test_common_error_is_not_in_the_activation_energy():
    t, s, u = conductivities(simulate_conductivity(1)[0])
    a, b = fit_arrhenius(t, s, u), fit_arrhenius(t, s * 1.3, u * 1.3, u_common=0.3)
    assert a.parameters["Ea"].value == pytest.approx(b.parameters["Ea"].value)
    assert a.parameters["Ea"].standard_uncertainty == pytest.approx(
        b.parameters["Ea"].standard_uncertainty
    )
    assert b.at(25).standard_uncertainty > 0.3 * b.at(25).value


def test_errors_say_what_is_wrong():
    t, s, u = conductivities(simulate_conductivity(1)[0])
    with pytest.raises(MeasurementError, match=r"273\.15"):
        fit_arrhenius(t - 273.15, s, u)
    with pytest.raises(MeasurementError, match="positive"):
        fit_arrhenius(t, -s, u)
    with pytest.raises(MeasurementError, match="at least 4"):
        fit_arrhenius(t[:2], s[:2])
    with pytest.raises(MeasurementError, match="expected ohm"):
        ionic_conductivity(of(1.0, 0.1, unit="S"), of(1.0, 0.1, unit="cm"), of(1, 0.1, unit="cm2"))
    with pytest.raises(MeasurementError, match="more than zero"):
        coating_resistance(0.0, 1.0)
    with pytest.raises(MeasurementError, match="same points"):
        better_law(fit_arrhenius(t, s, u), fit_vtf(t, s))
    with pytest.raises(MeasurementError, match="below T0"):
        fit_vtf(t, s, u).at(-272)
    with pytest.raises(MeasurementError, match="law is"):
        simulate_conductivity(1, "power")
