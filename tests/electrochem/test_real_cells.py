"""Spectra of real cells and dummy circuits: fits against independent ones, and what they say.

The residuals of a good potentiostat are of 0.01 to 0.1 % of the modulus. No simple circuit follows
a real cell that closely: that the program says so is held here, as is what it finds nevertheless.
"""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from scipy.optimize import least_squares

from coatcore import read
from electrochem import diffusion_length, fit_circuit, kramers_kronig

needs_galvani = pytest.mark.skipif(
    importlib.util.find_spec("galvani") is None, reason="galvani (extra biologic) is not installed"
)
SSB, LPSCL = "hybriddrt_PEIS_SSB.mpr", "hybriddrt_PEIS_LPSCl_m25C.mpr"
# Of instruments' quantities that are no more than rounding.
EXACT = 1e-9


@pytest.fixture(scope="module")
def spectrum(reference):
    def get(name):
        return read(reference / "electrochem" / name)

    return get


@pytest.mark.parametrize(
    ("name", "consistent"),
    [
        pytest.param(SSB, True, marks=needs_galvani),
        pytest.param(LPSCL, True, marks=needs_galvani),
        ("exampleData.csv", True),
        ("Circuit1_EIS_1.z", True),
        ("Circuit3_EIS_1.z", True),
        # Neighbours that are percents apart, or a low-frequency end that is not one steady cell.
        ("exampleDataBioLogic.mpt", False),
        ("exampleDataGamry.DTA", False),
        ("exampleDataCHInstruments.txt", False),
        ("exampleDataParstat.txt", False),
    ],
)
def test_kramers_kronig_tells_steady_cells_from_others(name, consistent, spectrum):
    found = kramers_kronig(spectrum(name))
    assert found.consistent == consistent
    assert bool(found.residuals["suspect"].any()) != consistent


def agree(fit, names, values, uncertainties, *, most):
    """Parameters within joint uncertainty: the data are the same, so far closer than 1.96 u."""
    for name, value, u in zip(names, values, uncertainties, strict=True):
        mine = fit.estimate(name)
        joint = np.hypot(mine.standard_uncertainty, u)
        assert abs(mine.value - value) < most * joint + EXACT * abs(value), (name, mine, value, u)


REFEREED = [
    # File, circuit, rough values by eye, largest scatter of residuals over the modulus.
    ("Circuit1_EIS_1.z", "L0-R0-p(R1,C1)", [1e-6, 29, 47, 1e-5], 0.001),
    ("Circuit1_EIS_1.z", "L0-R0-p(R1,CPE1)", [1e-6, 29, 47, 1e-5, 0.99], 0.001),
    ("Circuit3_EIS_1.z", "L0-R0-p(R1,C1)", [1e-5, 1500, 4600, 2e-8], 0.002),
    (
        "exampleData.csv",
        "L0-R0-p(R1,CPE1)-p(R2,CPE2)-CPE3",
        [1.6e-7, 0.015, 0.012, 5, 0.8, 0.006, 0.5, 0.8, 300, 0.5],
        0.01,
    ),
    (
        "exampleData.csv",
        "L0-R0-p(R1,CPE1)-p(R2-Wo1,CPE2)",
        [1.6e-7, 0.015, 0.01, 5, 0.85, 0.007, 0.13, 1200, 0.6, 0.75],
        0.01,
    ),
    pytest.param(LPSCL, "p(R1,CPE1)-CPE2", [1500, 1e-8, 0.7, 2e-7, 0.9], 0.03, marks=needs_galvani),
    pytest.param(
        LPSCL,
        "R0-p(R1,CPE1)-p(R2,CPE2)-CPE3",
        [170, 5e6, 6e-7, 0.8, 1300, 2e-9, 0.8, 2e-7, 0.9],
        0.015,
        marks=needs_galvani,
    ),
]


@pytest.mark.parametrize(("name", "circuit", "rough", "close"), REFEREED)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_parameters_are_those_of_impedance_py(name, circuit, rough, close, spectrum):
    # Its elements and notation, in logarithms: its own fit, of unscaled parameters, stops early.
    circuits = pytest.importorskip("impedance.models.circuits")
    z = spectrum(name)
    fit = fit_circuit(z, circuit, profile=False)
    referee = circuits.CustomCircuit(circuit, initial_guess=rough)
    model = circuits.fitting.wrapCircuit(circuit, {})
    frequency, modulus = z["frequency"].values, np.abs(z.values)
    data = np.concatenate([z.values.real, z.values.imag])

    def residual(p):
        return (data - model(frequency, *np.exp(p))) / np.concatenate([modulus, modulus])

    found = least_squares(residual, np.log(rough), x_scale="jac", max_nfev=2000, xtol=1e-12)
    names = [n.replace("_0", "_Q").replace("_1", "_n") for n in referee.get_param_names()[0]]
    names = [{"Wo1_Q": "Wo1_R", "Wo1_n": "Wo1_tau"}.get(n, n) for n in names]
    values, uncertainties = natural(found)
    # From their end, for arcs of one kind may stand in either order.
    near = fit_circuit(
        z,
        circuit,
        start=dict(zip(names, np.minimum(values, largest(names)), strict=True)),
        profile=False,
    )
    agree(near, names, values, uncertainties, most=0.1)
    left = [float((np.abs(f.data["residual"].values) ** 2).sum()) for f in (near, fit)]
    assert left[0] == pytest.approx(2 * found.cost, rel=1e-3)
    # The search finds no worse a fit than the values by eye lead to.
    assert left[1] < 1.001 * 2 * found.cost
    assert np.sqrt(left[1] / data.size) < close


def largest(names):
    """Exponents end at 1."""
    return np.array([1.0 if n.endswith("_n") else np.inf for n in names])


def natural(found):
    """Values and standard uncertainties of positive parameters that were fitted in logarithms."""
    dof = found.fun.size - found.x.size
    u = np.sqrt(np.diag(np.linalg.inv(found.jac.T @ found.jac)) * 2 * found.cost / dof)
    return np.exp(found.x), u * np.exp(found.x)


def test_a_dummy_circuit_is_described_once_its_stray_capacitance_is_in(spectrum):
    z = spectrum("Circuit3_EIS_1.z")
    simple = fit_circuit(z, "L0-R0-p(R1,C1)", profile=False)
    stray = fit_circuit(z, "L0-R0-p(R1,CPE1)-p(R2,C2)", profile=["R1", "C2"])
    assert not simple.describes
    assert stray.describes
    told = stray.table.set_index("parameter")["told"]
    assert told["R1"] == "yes"
    assert told["C2"] in ("yes", "roughly")
    # Some 60 pF beside the leading resistor, as of leads.
    assert 4e-11 < stray.estimate("C2").value < 2e-10
    # The arc is an ideal capacitor's within 1 %.
    assert stray.estimate("CPE1_n").value == pytest.approx(1.0, abs=0.01)
    assert stray.estimate("R1").value == pytest.approx(simple.estimate("R1").value, rel=2e-3)


@needs_galvani
def test_resistance_of_a_pellet_and_what_is_not_known_of_it(spectrum):
    # Neither area nor thickness of the pellet is on record: no conductivity can be stated.
    binary, text = spectrum(LPSCL), spectrum(LPSCL.replace(".mpr", ".txt"))
    fits = [fit_circuit(z, "p(R1,CPE1)-CPE2", profile=["R1"]) for z in (binary, text)]
    assert fits[0].estimate("R1").value == pytest.approx(fits[1].estimate("R1").value, rel=1e-4)
    assert not fits[0].describes
    # Seen without a circuit: the least imaginary part between arc and electrode.
    z = binary.values
    between = (binary["frequency"].values > 1e4) & (binary["frequency"].values < 1e6)
    turn = float(z.real[between][np.argmin(-z.imag[between])])
    two = fit_circuit(binary, "R0-p(R1,CPE1)-p(R2,CPE2)-CPE3", profile=False)
    arcs = two.estimate("R0").value + min(two.estimate(n).value for n in ("R1", "R2"))
    one = fits[0].estimate("R1")
    for resistance in (turn, arcs, one.value):
        assert resistance == pytest.approx(1470, rel=0.03)
    # A circuit that does not describe the data has intervals that are too small: said by describes.
    assert not one.lower < turn < one.upper
    assert float(two.misfit.max()) < 0.6 * float(fits[0].misfit.max())


def rail_of_resistors(interface, ionic):
    """Ions' rail alone, from separator to the closed end: R coth(nu) / nu with nu^2 = R / Zint."""
    nu = np.sqrt(ionic / interface)
    return ionic / (nu * np.tanh(nu))


def plates(w, capacity, tau):
    s = np.sqrt(1j * w * tau)
    return tau / (capacity * s * np.tanh(s))


def cathode(w, p, *, diffusion):
    """L0-R0-p(R1,CPE1)-TL1 or -TLP1, from logarithms of positive parameters."""
    inductance, series, arc, q, ct, ionic, q_int = np.exp(p[:7])
    n, n_int = p[7:9]
    branch = ct + (plates(w, *np.exp(p[9:11])) if diffusion else 0)
    interface = 1 / (1 / branch + q_int * (1j * w) ** n_int)
    z = 1j * w * inductance + series + 1 / (1 / arc + q * (1j * w) ** n)
    return z + rail_of_resistors(interface, ionic)


@needs_galvani
@pytest.mark.parametrize("diffusion", [False, True])
def test_transmission_line_of_a_real_cathode_is_that_of_another_fit(diffusion, spectrum):
    z = spectrum(SSB)
    line = "TLP1" if diffusion else "TL1"
    # Without what the ions' rail does not show: the fit has no series resistance of its own left.
    fixed = {"R0": 1e-3}
    fit = fit_circuit(z, f"L0-R0-p(R1,CPE1)-{line}", fixed=fixed, profile=False)
    w, data = 2 * np.pi * z["frequency"].values, z.values
    lowest = np.array([-30, -20, -5, -40, -5, -5, -25, 0.5, 0.5, -15, -5.0])
    highest = np.array([-8, 10, 12, 0, 12, 12, 0, 1, 1, 8, 12.0])
    begin = np.array([-16, 0, 4, -15, 7, 8, -7, 0.7, 0.7, -2, 4.0])
    size = 11 if diffusion else 9
    free = np.arange(size) != 1

    def residual(p):
        full = np.full(size, np.log(fixed["R0"]))
        full[free] = p
        left = (data - cathode(w, full, diffusion=diffusion)) / np.abs(data)
        return np.concatenate([left.real, left.imag])

    table = fit.table.set_index("parameter")["value"]
    logarithms = ("L0", "R1", "CPE1_Q", f"{line}_R_ct", f"{line}_R_ion", f"{line}_Q_int")
    ours = [*np.log(table[list(logarithms)]), table["CPE1_n"], table[f"{line}_n_int"]]
    if diffusion:
        ours += list(np.log(table[[f"{line}_C_diff", f"{line}_tau"]]))
    inside = 1e-6 * (highest - lowest)[:size][free]
    limits = (lowest[:size][free], highest[:size][free])
    # From values by eye, and from ours: the lower end of both is the referee's.
    ends = [
        least_squares(
            residual,
            np.clip(start, limits[0] + inside, limits[1] - inside),
            bounds=limits,
            x_scale="jac",
            max_nfev=2000,
            xtol=1e-12,
            ftol=1e-12,
        )
        for start in (begin[:size][free], np.array(ours))
    ]
    found = min(ends, key=lambda end: end.cost)
    every, uncertain = natural(found)
    names = ["L0", "R1", "CPE1_Q", f"{line}_R_ct", f"{line}_R_ion", f"{line}_Q_int"]
    which = [0, 1, 2, 3, 4, 5]
    if diffusion:
        names += [f"{line}_C_diff", f"{line}_tau"]
        which += [8, 9]
    agree(fit, names, every[which], uncertain[which], most=0.1)
    mine = fit.data["residual"].values
    assert float((np.abs(mine) ** 2).sum()) == pytest.approx(2 * found.cost, rel=1e-4)
    assert not fit.describes
    # The exact two-rail formula, not Gerischer's limit, for R_ion is not far above R_ct.
    ct, ionic = (np.exp(found.x[k]) for k in (3, 4))
    exact = rail_of_resistors(ct, ionic)
    if not diffusion:
        assert fit.estimate(f"{line}_R_dc").value == pytest.approx(exact, rel=1e-3)
    assert fit.estimate(f"{line}_R_cathode").value == pytest.approx(np.sqrt(ct * ionic), rel=1e-3)


@needs_galvani
def test_diffusion_length_of_a_cell_whose_circuit_does_not_describe_it_says_so(spectrum):
    found = diffusion_length(
        spectrum(SSB),
        "L0-R0-p(R1,CPE1)-TLP1",
        diffusion_coefficient=1e-11,
        spread=0.0,
        below=None,
    )
    assert not found.fit.describes
    assert "does not describe the spectrum" in found.conditions
    assert "the length may mean nothing" in found.conditions
