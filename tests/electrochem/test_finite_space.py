"""Diffusion elements and the two-rail line against limits, finite volumes and impedance.py."""

from __future__ import annotations

import numpy as np
import pytest

from electrochem.impedance.models import (
    direct_current_resistance,
    distributed_impedance,
    finite_space_impedance,
    parse_circuit,
    transmission_line,
)
from electrochem.impedance.models.finite_space import (
    GEOMETRIES,
    LOW_FREQUENCY_RESISTANCE,
    SURFACE_TO_VOLUME,
)

C, TAU = 2.0, 1690.0


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_low_frequency_is_a_capacitor_with_its_resistance(geometry):
    w = np.array([1e-9])
    z = finite_space_impedance(w, C, TAU, geometry=geometry)
    assert np.isclose(z.imag[0] * w[0] * C, -1, rtol=1e-8)
    assert np.isclose(z.real[0], LOW_FREQUENCY_RESISTANCE[geometry] * TAU / C, rtol=1e-5)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_high_frequency_is_45_degrees_and_sees_the_surface_alone(geometry):
    w = np.array([1e8])
    z = finite_space_impedance(w, C, TAU, geometry=geometry)[0]
    assert np.isclose(np.degrees(np.angle(z)), -45, atol=0.01)
    plane = np.sqrt(TAU / w[0]) / C / SURFACE_TO_VOLUME[geometry]
    assert np.isclose(abs(z), plane, rtol=1e-4)


@pytest.mark.parametrize(("geometry", "power"), [("planar", 0), ("cylinder", 1), ("sphere", 2)])
def test_against_finite_volumes(geometry, power):
    # dc/dt = r^-p d(r^p dc/dr)/dr on 0..1 in units of tau; current in at 1 for voltage of c.
    n = 4000
    edges = np.linspace(0, 1, n + 1)
    volume = np.diff(edges ** (power + 1))
    conductance = (power + 1) * edges[1:-1] ** power * n
    outer = (power + 1) * 2.0 * n
    from scipy.sparse import diags
    from scipy.sparse.linalg import spsolve

    main = np.zeros(n)
    main[:-1] += conductance
    main[1:] += conductance
    main[-1] += outer
    for w in (1e-5, 1e-3, 0.1):
        matrix = diags(
            [main + 1j * w * TAU * volume, -conductance, -conductance], [0, 1, -1], format="csc"
        )
        source = np.zeros(n, dtype=complex)
        source[-1] = outer
        c = spsolve(matrix, source)
        admittance = C / TAU * outer * (1 - c[-1])
        z = finite_space_impedance(np.array([w]), C, TAU, geometry=geometry)[0]
        assert np.isclose(z, 1 / admittance, rtol=3e-4)


def test_planar_particles_equal_impedance_py():
    elements = pytest.importorskip("impedance.models.circuits.elements")
    f = np.logspace(-5, 3, 50)
    theirs = elements.Wo([TAU / C, TAU], f)
    ours = finite_space_impedance(2 * np.pi * f, C, TAU)
    assert np.abs(ours / theirs - 1).max() < 1e-9
    circuit = parse_circuit("Wo1").impedance(2 * np.pi * f, {"Wo1_R": TAU / C, "Wo1_tau": TAU})
    assert np.abs(circuit / theirs - 1).max() < 1e-9


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_lognormal_sizes_are_the_limit_of_many_particles(geometry):
    w = 2 * np.pi * np.logspace(-5, 0, 30)
    spread = 0.4
    x = np.linspace(-6, 6, 2001)
    shares = np.exp(-(x**2) / 2)
    many = distributed_impedance(
        w, C, TAU * np.exp(2 * spread * x), shares / shares.sum(), geometry=geometry
    )
    few = finite_space_impedance(w, C, TAU, spread, geometry=geometry)
    assert np.abs(few / many - 1).max() < 2e-3


def test_series_and_closed_form_of_spheres_meet():
    w = np.array([0.2999, 0.3001]) ** 2
    z = finite_space_impedance(w, 1.0, 1.0, geometry="sphere")
    step = z[1] - z[0]
    slope = finite_space_impedance(np.array([0.31**2]), 1.0, 1.0, geometry="sphere")[0] - z[1]
    assert abs(step) < 0.05 * abs(slope)


@pytest.mark.parametrize(
    ("transfer", "ionic", "electronic", "resistance"),
    [(3.24, 100, 0, 18.0), (18, 18, 0, 23.63), (32.4, 10, 0, 35.67), (5.4, 30, 30, 24.7)],
)
def test_resistance_at_zero_frequency(transfer, ionic, electronic, resistance):
    assert np.isclose(direct_current_resistance(transfer, ionic, electronic), resistance, rtol=3e-3)


def test_the_line_is_a_ladder_of_many_rungs():
    n, ionic, electronic, interface = 2000, 40.0, 15.0, 8.0 - 20.0j
    # Rails cut into n pieces; ions enter at the left of one, electrons at the right of the other.
    a, b, rung = ionic / n, electronic / n, interface * n
    from scipy.sparse import lil_matrix
    from scipy.sparse.linalg import spsolve

    matrix = lil_matrix((2 * n, 2 * n), dtype=complex)
    for first, resistance in ((0, a), (n, b)):
        for i in range(n - 1):
            g = 1 / resistance
            for p, q in ((first + i, first + i + 1), (first + i + 1, first + i)):
                matrix[p, p] += g
                matrix[p, q] -= g
    for i in range(n):
        for p, q in ((i, n + i), (n + i, i)):
            matrix[p, p] += 1 / rung
            matrix[p, q] -= 1 / rung
    # Ground the electrons' end; one ampere into the ions' end; half a piece of rail at each.
    matrix[2 * n - 1, 2 * n - 1] += 1e9
    source = np.zeros(2 * n, dtype=complex)
    source[0] = 1.0
    z = spsolve(matrix.tocsc(), source)[0] + a / 2 + b / 2
    exact = transmission_line(np.array(ionic), np.array(electronic), np.array(interface))
    assert np.isclose(z, exact, rtol=1e-4)
