"""Many spectra with common parameters: told better, and as one by one where nothing is common."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares

from coatcore import MeasurementError
from electrochem import fit_circuit, simulate_impedance
from electrochem.impedance.models import parse_circuit
from electrochem.labels import label_impedance

LINE = "L0-R0-p(R1,CPE1)-TL1"
SHARED = ("L0", "R1", "CPE1_Q", "CPE1_n", "TL1_R_ion", "TL1_n_int")


def _cell(seed: int = 1):
    cells = [simulate_impedance(10 * seed + c, "uncoated", c) for c in (1, 102, 152)]
    z = label_impedance(
        cells[0][0]["frequency"].values, np.stack([z.values for z, _ in cells]), unit="ohm cm2"
    )
    return z, [truth for _, truth in cells]


def test_what_one_spectrum_does_not_tell_several_do():
    z, truth = _cell(4)
    alone = fit_circuit(z[0], LINE, profile=["TL1_R_ct"]).table.set_index("parameter")
    fit = fit_circuit(z, LINE, shared=SHARED, profile=["TL1_R_ct", "TL1_R_ion"])
    assert alone.loc["TL1_R_ct", "told"] != "yes"
    first = fit.estimate("TL1_R_ct")
    assert first.lower < truth[0]["TL1_R_ct"] < first.upper
    assert first.upper / first.lower < 1.1
    # One value, one interval, in all spectra.
    ionic = fit.table[fit.table["parameter"] == "TL1_R_ion"]
    assert len(set(zip(ionic["value"], ionic["lower"], ionic["upper"], strict=True))) == 1
    assert ionic["lower"].iloc[0] < truth[0]["TL1_R_ion"] < ionic["upper"].iloc[0]


def test_the_joint_fit_is_the_least_squares_of_all():
    rng = np.random.default_rng(3)
    f = np.logspace(0, 4, 20)
    w = 2 * np.pi * f
    circuit = parse_circuit("R0-p(R1,C1)")
    rows = []
    for resistance in (5.0, 9.0):
        clean = circuit.impedance(w, {"R0": 2.0, "R1": resistance, "C1": 1e-4})
        rows.append(clean * (1 + 0.01 * (rng.normal(size=20) + 1j * rng.normal(size=20))))
    z = label_impedance(f, np.stack(rows))
    fit = fit_circuit(z, "R0-p(R1,C1)", shared=("R0", "C1"), profile=False)
    noise = fit.noise.values

    def residuals(x: np.ndarray) -> np.ndarray:
        parts = []
        for data, own, sigma in zip(rows, x[2:], noise, strict=True):
            model = np.exp(x[0]) + np.exp(own) / (1 + 1j * w * np.exp(own + x[1]))
            r = (model - data) / np.abs(data) / sigma
            parts += [r.real, r.imag]
        return np.concatenate(parts)

    theirs = least_squares(residuals, np.log([2.0, 1e-4, 5.0, 9.0]), xtol=1e-12, ftol=1e-12)
    covariance = np.linalg.inv(theirs.jac.T @ theirs.jac)
    for j, (name, scan) in enumerate((("R0", 0), ("C1", 1), ("R1", 0), ("R1", 1))):
        ours = fit.estimate(name, scan)
        assert np.isclose(np.log(ours.value), theirs.x[j], atol=1e-5), name
        u = ours.standard_uncertainty / ours.value
        assert np.isclose(u, np.sqrt(covariance[j, j]), rtol=1e-3), name


def test_intervals_by_profile_are_those_of_the_covariance_where_all_is_linear():
    z, _ = _cell(2)
    fits = [fit_circuit(z, LINE, shared=SHARED, profile=p) for p in (["R0", "R1"], False)]
    for name in ("R0", "R1"):
        profile, covariance = (fit.estimate(name, 2) for fit in fits)
        width = covariance.upper - covariance.lower
        assert abs(profile.lower - covariance.lower) < 0.05 * width, name
        assert abs(profile.upper - covariance.upper) < 0.05 * width, name


def test_what_is_known_of_a_shared_parameter_counts_once():
    # R0 + R1 is told sharply: R0 is as uncertain as what is known of R1.
    f = np.logspace(-1, 1, 9)
    circuit = parse_circuit("R0-R1-C1")
    clean = circuit.impedance(2 * np.pi * f, {"R0": 5.0, "R1": 3.0, "C1": 0.1})
    rng = np.random.default_rng(2)
    rows = [clean * (1 + 1e-4 * (rng.normal(size=9) + 1j * rng.normal(size=9))) for _ in range(4)]
    z = label_impedance(f, np.stack(rows))
    fit = fit_circuit(z, "R0-R1-C1", shared=("R1",), known={"R1": (3.0, 0.1)}, profile=["R0"])
    found = fit.estimate("R0")
    k = 1.98
    assert found.lower == pytest.approx(8 - 3 * np.exp(0.1 * k), rel=0.02)
    assert found.upper == pytest.approx(8 - 3 * np.exp(-0.1 * k), rel=0.02)


def test_sweeps_keep_their_names():
    z, _ = _cell()
    named = z.assign_coords(scan=[1, 102, 152])
    fit = fit_circuit(named, LINE, shared=SHARED, profile=False)
    assert set(fit.table["scan"]) == {1, 102, 152}
    assert fit.estimate("TL1_R_cathode", 152).value > fit.estimate("TL1_R_cathode", 1).value
    with pytest.raises(MeasurementError, match="scan 7"):
        fit.plot(7)


def test_one_spectrum_shares_with_nobody():
    z, _ = simulate_impedance(1, "uncoated", 152)
    together = fit_circuit(z, LINE, shared=SHARED, profile=False).table
    assert together.equals(fit_circuit(z, LINE, profile=False).table)


def test_what_cannot_be_shared():
    z, _ = _cell()
    with pytest.raises(MeasurementError, match="shared: 'R9' is not fitted"):
        fit_circuit(z, LINE, shared=("R9",))
    with pytest.raises(MeasurementError, match="shared: 'R1' is not fitted"):
        fit_circuit(z, LINE, shared=("R1",), fixed={"R1": 3.0})
    with pytest.raises(MeasurementError, match="expected several names"):
        fit_circuit(z, LINE, shared="R1")
    few = z.isel(frequency=slice(0, 5))
    with pytest.raises(MeasurementError, match="cannot tell"):
        fit_circuit(few, "L0-R0-p(R1,CPE1)-p(R2,CPE2)-p(R3,CPE3)-R4", shared=("L0", "R0", "R1"))
    with pytest.raises(MeasurementError, match="another value of each"):
        fit_circuit(z, LINE, shared=("R1",), known={"R1": ([3.0, 3.1, 3.2], 0.1)})
