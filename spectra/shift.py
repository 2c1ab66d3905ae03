"""How far did the carbonyl band move?"""

from __future__ import annotations

import math

import xarray as xr

from coatqc.core.estimate import Estimate
from spectra.position import position_and_dof


def carbonyl_shift(reference: xr.DataArray, sample: xr.DataArray, near: float = 1669.0) -> Estimate:
    """Carbonyl position of `sample` minus that of `reference`.

    Parameters
    ----------
    reference, sample : xarray.DataArray
        One spectrum each, or replicates; see `mean_band_position`. Both should come from one
        instrument: its wavenumber error then cancels.
    near : float, default 1669.0
        Where both bands are looked for, within 30 cm-1.

    Returns
    -------
    Estimate
        In cm-1; negative is a red shift.

    Raises
    ------
    MeasurementError
        If either shows no band.

    References
    ----------
    Shi et al., J. Mater. Chem. A 2025, 13, 2600, section 2.1: 1669 to 1656 cm-1 from PVP to
    sPPSLi/PVP.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> pvp, _ = simulate_ftir(1, carbonyl_position=1669.0)
    >>> blend, _ = simulate_ftir(2, carbonyl_position=1656.0)
    >>> shift = carbonyl_shift(pvp, blend)
    >>> shift.lower < -13.0 < shift.upper
    True
    """
    b, u_b, dof_b, n_b = position_and_dof(sample, near)
    a, u_a, dof_a, n_a = position_and_dof(reference, near)
    u = math.hypot(u_a, u_b)
    # Welch-Satterthwaite: few replicates on either side widen the interval, not twice.
    dof = u**4 / (u_a**4 / dof_a + u_b**4 / dof_b) if u > 0 else math.inf
    return Estimate.from_standard_uncertainty(
        b - a,
        u,
        unit="cm-1",
        dof=dof,
        n=min(n_a, n_b),
        method="difference of pseudo-Voigt band positions, Welch-Satterthwaite interval",
    )
