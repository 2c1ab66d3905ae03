"""Cells of the demo batch: three of each kind, with tables of cycles and spectra."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

import electrochem
from coatcore.provenance import SIMULATED_MARK
from electrochem.simulating.impedance import R_CATHODE

KINDS, CYCLES, CELLS = ("coated", "uncoated"), (1, 152), (1, 2, 3)
_MARK = f"# {SIMULATED_MARK}"
# Cells of a kind differ: standard deviation of ln R_cathode.
_SCATTER = 0.06
# The anode and the ions' rail, measured by themselves and so a little off; relative uncertainties.
_ANODE = "R1 = [3.1, 0.1], CPE1_Q = [0.021, 0.2], CPE1_n = [0.9, 0.033]"
_NEW = f"{_ANODE}, TL1_R_ion = [95.0, 0.2]"
GROWTH = f"""parameters.known = {{ {_ANODE} }}
parameters.reference_known = {{ {_NEW} }}
"""


def write_cells(folder: Path) -> dict[tuple[str, str, str | None], float]:
    """Write ``cycling/*.csv`` and ``impedance/*.csv``.

    Parameters
    ----------
    folder : pathlib.Path
        Of the batch; made if it is absent.

    Returns
    -------
    dict
        Truths by quantity, sample and reference.

    Examples
    --------
    >>> import tempfile
    >>> truth = write_cells(Path(tempfile.mkdtemp()))
    >>> round(truth["cycling.retention_gain", "coated_152", "uncoated_152"], 3)
    0.12
    """
    for name in ("cycling", "impedance"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(970)
    for k, kind in enumerate(KINDS):
        for i in CELLS:
            table, _ = electrochem.simulate_cycles(970 + 10 * k + i, kind)
            _write_cycles(table, folder / f"cycling/{kind}_{i}.csv")
            # What a cell has more or less of, it has before and after.
            own = float(np.exp(_SCATTER * rng.normal()))
            for cycle in CYCLES:
                z, _ = electrochem.simulate_impedance(
                    980 + 10 * k + i + cycle, kind, cycle, r_cathode=own * R_CATHODE[kind, cycle]
                )
                _write_impedance(z, folder / f"impedance/{kind}_{cycle}_{i}.csv")
    kept = {kind: float(electrochem.simulating.mean_retention(kind, CYCLES[1])) for kind in KINDS}
    truth: dict[tuple[str, str, str | None], float] = {
        ("cycling.retention_gain", "coated_152", "uncoated_152"): kept["coated"] - kept["uncoated"]
    }
    for kind in KINDS:
        grown = R_CATHODE[kind, 152] / R_CATHODE[kind, 1]
        truth["cycling.retention", f"{kind}_152", None] = kept[kind]
        truth["impedance.r_cathode_growth", f"{kind}_152", kind] = grown
    return truth


def _write_cycles(table: xr.Dataset, path: Path) -> None:
    names = ("charge_capacity", "discharge_capacity")
    heads = ["cycle", *(f"{name.replace('_', ' ')} / mAh/g" for name in names), "rate / mA"]
    columns = (table["cycle"], *(table[name] for name in names), 1e3 * table["rate"])
    rows = zip(*(c.values for c in columns), strict=True)
    lines = [
        f"{n:d},{charge:.2f},{discharge:.2f},{rate:.5f}" for n, charge, discharge, rate in rows
    ]
    path.write_bytes(("\n".join([_MARK, ",".join(heads), *lines]) + "\n").encode())


def _write_impedance(z: xr.DataArray, path: Path) -> None:
    lines = [
        f"{f:.6g},{value.real:.5g},{-value.imag:.5g}"
        for f, value in zip(z["frequency"].values, z.values, strict=True)
    ]
    head = "frequency / Hz,Z' / ohm cm2,-Z'' / ohm cm2"
    path.write_bytes(("\n".join([_MARK, head, *lines]) + "\n").encode())
