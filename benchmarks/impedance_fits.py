"""How fast is a transmission line fitted, beside the same circuit in impedance.py?

Both start from the same values, 1.5 times off the truth each, and are run in turn.
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from electrochem import fit_circuit, simulate_impedance
from electrochem.impedance.models import parse_circuit
from electrochem.labels import label_impedance

ROUNDS, SPECTRA = 5, 1000
CIRCUIT = "L0-R0-p(R1,CPE1)-TL1"


def register_line() -> None:
    """The two-rail line without electronic resistance, as an element of impedance.py."""
    from impedance.models.circuits.elements import element

    # The library takes name and number of parameters from the function.
    @element(num_params=4, units=["Ohm", "Ohm", "Ohm^-1 sec^a", ""], overwrite=True)
    def TL(p, f):  # noqa: N802  the name that the circuit has
        w = 2 * np.pi * np.array(f)
        r_ct, r_ion, q, n = p
        interface = 1 / (1 / r_ct + q * (1j * w) ** n)
        nu = np.sqrt(r_ion / interface)
        return r_ion / np.tanh(nu) / nu


def main() -> None:
    from impedance.models.circuits import CustomCircuit

    register_line()
    z, truth = simulate_impedance(1, "uncoated", 152)
    f = z["frequency"].values
    parsed = parse_circuit(CIRCUIT)
    fitted = [n for n in parsed.names if n not in parsed.fixed]
    rng = np.random.default_rng(2)
    start = {
        n: truth[n] * (1.0 if n.endswith("_n") or "_n_" in n else 1.5 ** rng.choice([-1, 1]))
        for n in fitted
    }

    def ours() -> float:
        fit = fit_circuit(z, CIRCUIT, start=start, profile=False)
        return fit.estimate("TL1_R_ion").value

    def theirs() -> float:
        circuit = CustomCircuit(CIRCUIT, initial_guess=[start[n] for n in fitted])
        circuit.fit(f, z.values, weight_by_modulus=True)
        return float(circuit.parameters_[fitted.index("TL1_R_ion")])

    ours(), theirs()
    ratios = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        a = ours()
        middle = time.perf_counter()
        b = theirs()
        ratios.append((time.perf_counter() - middle) / (middle - begin))
    print(f"transmission line, one spectrum of {f.size} points, one start:")
    print(f"  R_ion {a:.3f} (coatqc) {b:.3f} (impedance.py) {truth['TL1_R_ion']:.3f} (truth)")
    print(f"  impedance.py takes {statistics.median(ratios):.1f} times as long")
    many = [simulate_impedance(seed, "uncoated", 152)[0].values for seed in range(SPECTRA)]
    together = label_impedance(f, np.stack(many), unit="ohm cm2")
    begin = time.perf_counter()
    fit_circuit(together, CIRCUIT, start=start, profile=False)
    each = (time.perf_counter() - begin) / SPECTRA
    begin = time.perf_counter()
    theirs()
    one = time.perf_counter() - begin
    print(f"{SPECTRA} spectra in one call: {1e3 * each:.2f} ms a spectrum,")
    print(f"  {one / each:.0f} times as fast as impedance.py one by one")


if __name__ == "__main__":
    main()
