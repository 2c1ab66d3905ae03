"""Impedance of a cell like the paper's, with its truth."""

from __future__ import annotations

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from electrochem.impedance.models.circuit import parse_circuit
from electrochem.impedance.models.finite_space import GEOMETRIES
from electrochem.impedance.models.transmission_lines import (
    cathode_resistance,
    direct_current_resistance,
)
from electrochem.labels.labels import label_impedance

# R_cathode / ohm cm2 and L_diff / um of Shi et al. (2025), figures 5 and 7.
R_CATHODE = {
    ("uncoated", 1): 18.0,
    ("uncoated", 102): 151.0,
    ("uncoated", 152): 203.0,
    ("coated", 1): 26.0,
    ("coated", 102): 90.0,
    ("coated", 152): 110.0,
}
L_DIFF = {
    ("uncoated", 1): 1.3,
    ("uncoated", 152): 5.2,
    ("coated", 1): 1.3,
    ("coated", 152): 2.5,
}
# 392 mAh V-1 g-1 of 10.59 mg NCM a cm2; D in cm2 s-1.
CAPACITY, DIFFUSION_COEFFICIENT = 392e-3 * 3600 * 10.59e-3, 1e-11
_IONIC = 100.0
_LETTER = dict(zip(GEOMETRIES, "PCS", strict=True))


def simulate_impedance(
    seed: int,
    cell: str = "coated",
    cycle: int = 1,
    *,
    r_cathode: float | None = None,
    r_ion: float = _IONIC,
    r_ele: float = 0.0,
    l_diff: float | None = None,
    spread: float = 0.3,
    geometry: str | None = None,
    noise: float = 0.002,
    drift: float = 0.0,
    frequency: np.ndarray | None = None,
) -> tuple[xr.DataArray, dict[str, float]]:
    """Simulate one spectrum of an NCM | Li6PS5Cl | In/LiIn cell.

    Lead inductance, separator, anode arc, and the exact two-rail line of the cathode in series.
    R_cathode is set to the paper's of this cell and cycle and is reached by the charge transfer.
    Assumed: R_ion 100 ohm cm2 (so that the line is within Gerischer's limit at first and outside
    it after cycling), an interface of 100 uF cm-2 with exponent 0.85, an anode of 3 ohm cm2,
    and a separator of 20 ohm cm2; independent normal noise on both parts, proportional to the
    modulus.

    Parameters
    ----------
    seed : int
        Of the noise.
    cell : {"coated", "uncoated"}
        Whose values of the paper.
    cycle : int
        1, 102 or 152; with diffusion 1 or 152.
    r_cathode : float, optional
        sqrt(R_ct (R_ion + R_ele)), ohm cm2, instead of the paper's.
    r_ion, r_ele : float
        Rails of the cathode, ohm cm2.
    l_diff : float, optional
        Median diffusion length, um, instead of the paper's.
    spread : float
        Standard deviation of ln L by volume.
    geometry : {"planar", "cylinder", "sphere"}, optional
        Of the particles; without it there is no diffusion and the sweep ends at 0.1 Hz.
    noise : float
        Standard deviation of each part over the modulus.
    drift : float
        Relative growth of the whole impedance in the course of the sweep (high frequency first),
        which breaks the Kramers-Kronig relations.
    frequency : numpy.ndarray, optional
        Hz; by default 6 a decade from 1 MHz to 100 uHz with diffusion, to 0.1 Hz without.

    Returns
    -------
    impedance : xarray.DataArray
        ohm cm2, dims (frequency,), marked as simulated.
    truth : dict of str to float
        R_cathode, R_dc, and every parameter of the circuit by its name in `fit_circuit`.

    Raises
    ------
    MeasurementError
        If the paper has no value for this cell and cycle and none is given.

    Examples
    --------
    >>> z, truth = simulate_impedance(1, "uncoated", 152)
    >>> z.sizes["frequency"], truth["R_cathode"]
    (43, 203.0)
    """
    if r_cathode is None:
        r_cathode = _of_paper(R_CATHODE, cell, cycle, "R_cathode", "r_cathode")
    charge_transfer = r_cathode**2 / (r_ion + r_ele)
    truth = {
        "L0": 1e-7,
        "R0": 20.0,
        "R1": 3.0,
        "CPE1_Q": 2e-2,
        "CPE1_n": 0.9,
        "TL1_R_ct": charge_transfer,
        "TL1_R_ion": r_ion,
        "TL1_R_ele": r_ele,
        "TL1_Q_int": 1e-4,
        "TL1_n_int": 0.85,
    }
    text, lowest = "L0-R0-p(R1,CPE1)-TL1", -1.0
    if geometry is not None:
        if geometry not in GEOMETRIES:
            raise MeasurementError(f"geometry is {geometry!r}; expected one of {GEOMETRIES}")
        if l_diff is None:
            l_diff = _of_paper(L_DIFF, cell, cycle, "L_diff", "l_diff")
        text, lowest = f"L0-R0-p(R1,CPE1)-TL{_LETTER[geometry]}1", -4.0
        truth = {k.replace("TL1", f"TL{_LETTER[geometry]}1"): v for k, v in truth.items()}
        line = f"TL{_LETTER[geometry]}1"
        truth |= {
            f"{line}_C_diff": CAPACITY,
            f"{line}_tau": (l_diff * 1e-4) ** 2 / DIFFUSION_COEFFICIENT,
            f"{line}_spread": spread,
        }
    if frequency is None:
        frequency = np.logspace(6, lowest, round(6 * (6 - lowest)) + 1)
    z = parse_circuit(text).impedance(2 * np.pi * frequency, truth)
    rng = np.random.default_rng(seed)
    z = z * (1 + drift * np.linspace(0, 1, z.size))
    z = z + noise * np.abs(z) * (rng.normal(size=z.size) + 1j * rng.normal(size=z.size))
    truth["R_cathode"] = float(cathode_resistance(charge_transfer, r_ion, r_ele))
    truth["R_dc"] = float(direct_current_resistance(charge_transfer, r_ion, r_ele))
    if l_diff is not None:
        truth["L_diff"] = l_diff
    label = label_impedance(frequency, z, unit="ohm cm2", simulated="yes", source="simulated")
    return label, truth


def _of_paper(
    table: dict[tuple[str, int], float], cell: str, cycle: int, what: str, name: str
) -> float:
    if (cell, cycle) not in table:
        known = ", ".join(f"{c} at {n}" for c, n in table)
        raise MeasurementError(
            f"the paper gives no {what} of {cell!r} at cycle {cycle} (it does for {known}); "
            f"give {name}"
        )
    return table[cell, cycle]
