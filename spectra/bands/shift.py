"""How far did the carbonyl band move, and is that more than nothing?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.special import stdtr

from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from spectra.bands.position import positions
from spectra.bands.suspicion import band_warnings

_METHODS = {
    False: "difference of pseudo-Voigt band positions, Welch-Satterthwaite interval",
    True: "mean of paired differences of pseudo-Voigt band positions, Student's t",
}


@shown(also=("verdict",), units={"smallest_relevant": "cm-1"})
@dataclass(frozen=True, eq=False)
class Shift(Estimate):
    """Shift of a band: an `Estimate`, and what it means.

    Parameters
    ----------
    p_value : float
        Chance of so large a shift, either way, if there were none.
    smallest_relevant : float or None
        The shift that would matter, cm-1, where one was stated.
    equivalence_p : float or None
        Chance of so small a shift if the true one were as large as `smallest_relevant` (two
        one-sided tests).
    warnings : tuple of str
        What speaks against taking it at its word.

    Examples
    --------
    >>> from spectra import carbonyl_shift, simulate_ftir
    >>> pvp, _ = simulate_ftir(1, carbonyl_position=1669.0)
    >>> blend, _ = simulate_ftir(2, carbonyl_position=1656.0)
    >>> shift = carbonyl_shift(pvp, blend, smallest_relevant=2.0)
    >>> shift.verdict, shift.p_value < 1e-6
    ('shifted', True)
    """

    p_value: float = math.nan
    smallest_relevant: float | None = None
    equivalence_p: float | None = None
    warnings: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """``shifted``, ``not shifted`` or ``undecided``, at the level of the interval.

        With a smallest relevant shift: shifted where the whole interval lies beyond it, not
        shifted where the equivalence test says so. Without one: shifted where the interval
        leaves out zero; that a shift is nothing cannot be shown without saying how much is
        something.

        Examples
        --------
        >>> Shift(0.1, 0.2, -0.3, 0.5).verdict
        'undecided'
        """
        limit = self.smallest_relevant
        if limit is None:
            return "undecided" if self.lower <= 0 <= self.upper else "shifted"
        if self.lower > limit or self.upper < -limit:
            return "shifted"
        if self.equivalence_p is not None and self.equivalence_p < 1 - self.level:
            return "not shifted"
        return "undecided"


def carbonyl_shift(
    reference: xr.DataArray,
    sample: xr.DataArray,
    near: float = 1669.0,
    *,
    paired: bool = False,
    smallest_relevant: float | None = None,
    half_window: float | None = None,
    warn: bool = True,
) -> Shift:
    """Carbonyl position of `sample` minus that of `reference`.

    Parameters
    ----------
    reference, sample : xarray.DataArray
        One spectrum each, or replicates, between which the scatter counts; see
        `mean_band_position`. A lone spectrum beside replicates is taken to scatter like them.
        Both should come from one instrument: its wavenumber error then
        cancels.
    near : float, default 1669.0
        Where both bands are looked for; the strongest within 30 cm-1 counts.
    paired : bool, default False
        Whether replicate i of both belongs to one specimen, as before and after a treatment.
        The scatter between specimens then drops out.
    smallest_relevant : float, optional
        Shift that would matter, cm-1, for the test that there is none.
    half_window : float, optional
        As for `band_position`.
    warn : bool, default True
        Whether to look for doublets, water and saturation, which takes most of the time.

    Returns
    -------
    Shift
        An `Estimate` in cm-1, negative for a red shift, with p value, equivalence test, verdict
        and warnings.

    Raises
    ------
    MeasurementError
        If either shows no band, or pairs do not match.

    References
    ----------
    Shi et al., J. Mater. Chem. A 2025, 13, 2600, section 2.1: 1669 to 1656 cm-1 from PVP to
    sPPSLi/PVP; Welch, Biometrika 1947, 34, 28; Schuirmann, J. Pharmacokinet. Biopharm. 1987,
    15, 657 (equivalence).

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> pvp, _ = simulate_ftir(1, carbonyl_position=1669.0)
    >>> blend, _ = simulate_ftir(2, carbonyl_position=1656.0)
    >>> shift = carbonyl_shift(pvp, blend)
    >>> shift.lower < -13.0 < shift.upper
    True
    """
    if smallest_relevant is not None and not 0 < smallest_relevant < math.inf:
        raise MeasurementError(
            f"smallest_relevant is {smallest_relevant!r}, expected a positive number of cm-1"
        )
    b, u_b, dof_b = positions(sample, near, half_window)
    a, u_a, dof_a = positions(reference, near, half_window)
    # A lone spectrum scatters like those of the other side: that it does cannot be seen in it.
    if a.size == 1 < b.size:
        u_a, dof_a = math.hypot(u_a, float(b.std(ddof=1))), b.size - 1.0
    elif b.size == 1 < a.size:
        u_b, dof_b = math.hypot(u_b, float(a.std(ddof=1))), a.size - 1.0
    if paired:
        value, u, dof, n = _paired(a, b)
    else:
        value, u, n = float(b.mean() - a.mean()), math.hypot(u_a, u_b), min(a.size, b.size)
        # Welch-Satterthwaite: few replicates on either side widen the interval, not twice.
        dof = u**4 / (u_a**4 / dof_a + u_b**4 / dof_b) if u > 0 else math.inf
    found = Estimate.from_standard_uncertainty(
        value, u, unit="cm-1", dof=dof, n=n, method=_METHODS[paired]
    )
    notes = [
        f"{name}: {text}"
        for name, data in (("reference", reference), ("sample", sample))
        for text in (band_warnings(data, near, half_window) if warn else ())
    ]
    equivalence = None
    if smallest_relevant is not None:
        equivalence = _tail((smallest_relevant - abs(value)), u, dof)
    return Shift(
        found.value,
        found.standard_uncertainty,
        found.lower,
        found.upper,
        found.level,
        found.unit,
        found.n,
        found.method,
        p_value=min(1.0, 2 * _tail(abs(value), u, dof)),
        smallest_relevant=smallest_relevant,
        equivalence_p=equivalence,
        warnings=tuple(notes),
    )


def _paired(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float, int]:
    if a.size != b.size or a.size < 2:
        raise MeasurementError(
            f"pairs need as many replicates on both sides, two at least; found {a.size} of the "
            f"reference and {b.size} of the sample"
        )
    difference = b - a
    u = float(difference.std(ddof=1) / np.sqrt(a.size))
    return float(difference.mean()), u, a.size - 1.0, a.size


def _tail(distance: float, u: float, dof: float) -> float:
    """Chance that Student's t exceeds a distance in standard uncertainties."""
    if u == 0:
        return 0.5 if distance == 0 else float(distance < 0)
    return float(stdtr(dof, -distance / u)) if math.isfinite(dof) else _normal_tail(distance / u)


def _normal_tail(z: float) -> float:
    return 0.5 * math.erfc(z / math.sqrt(2))
