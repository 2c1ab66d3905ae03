"""Conductivity of a polymer: quotient, laws over temperature, cost of a coating."""

from __future__ import annotations

import numpy as np
import pytest

from coatqc.core.errors import MeasurementError
from coatqc.core.estimate import Estimate
from electrochem.conductivity import (
    arrhenius,
    better_law,
    coating_resistance,
    conductivities,
    ionic_conductivity,
    simulate_conductivity,
    vtf,
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
        fit = arrhenius(t, s, u if given else None, u_common=0.05)
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
        fit = vtf(*conductivities(data), u_common=0.05)
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
        laws.append(better_law(arrhenius(*points), vtf(*points))[0])
    wrong = {"arrhenius": "vtf", "vtf": "arrhenius"}[law]
    assert laws.count(wrong) <= 5
    assert laws.count(law) >= 50


def test_common_error_is_not_in_the_activation_energy():
    t, s, u = conductivities(simulate_conductivity(1)[0])
    a, b = arrhenius(t, s, u), arrhenius(t, s * 1.3, u * 1.3, u_common=0.3)
    assert a.parameters["Ea"].value == pytest.approx(b.parameters["Ea"].value)
    assert a.parameters["Ea"].standard_uncertainty == pytest.approx(
        b.parameters["Ea"].standard_uncertainty
    )
    assert b.at(25).standard_uncertainty > 0.3 * b.at(25).value


def test_errors_say_what_is_wrong():
    t, s, u = conductivities(simulate_conductivity(1)[0])
    with pytest.raises(MeasurementError, match=r"273\.15"):
        arrhenius(t - 273.15, s, u)
    with pytest.raises(MeasurementError, match="positive"):
        arrhenius(t, -s, u)
    with pytest.raises(MeasurementError, match="at least 4"):
        arrhenius(t[:2], s[:2])
    with pytest.raises(MeasurementError, match="expected ohm"):
        ionic_conductivity(of(1.0, 0.1, unit="S"), of(1.0, 0.1, unit="cm"), of(1, 0.1, unit="cm2"))
    with pytest.raises(MeasurementError, match="more than zero"):
        coating_resistance(0.0, 1.0)
    with pytest.raises(MeasurementError, match="same points"):
        better_law(arrhenius(t, s, u), vtf(t, s))
    with pytest.raises(MeasurementError, match="below T0"):
        vtf(t, s, u).at(-272)
    with pytest.raises(MeasurementError, match="law is"):
        simulate_conductivity(1, "power")
