"""How far did the carbonyl band move, and is that more than nothing?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from scipy.special import stdtr

from coatcore.coverage import effective_dof
from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from spectra.bands.figures import plot_shift
from spectra.bands.position import Positions, positions
from spectra.bands.suspicion import band_warnings
from spectra.bands.window import HALF_WINDOW

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_METHODS = {
    False: "difference of pseudo-Voigt band positions, Welch-Satterthwaite interval",
    True: "mean of paired differences of pseudo-Voigt band positions, Student's t",
}
# How far a figure shows more than the fit sees, cm-1.
_MARGIN = 20.0
_HELD = ("reference", "sample", "reference_positions", "sample_positions")


@shown(also=("verdict",), units={"smallest_relevant": "cm-1"}, hide=_HELD)
@dataclass(frozen=True, eq=False, kw_only=True)
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
    reference_positions, sample_positions : Positions or None
        What it was made of: the position of each replicate, cm-1.
    reference, sample : xarray.DataArray or None
        The spectra about the band.

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
    reference_positions: Positions | None = None
    sample_positions: Positions | None = None
    reference: xr.DataArray | None = None
    sample: xr.DataArray | None = None

    @property
    def verdict(self) -> str:
        """``shifted``, ``not shifted`` or ``undecided``, at the level of the interval.

        With a smallest relevant shift: shifted where the whole interval lies beyond it, not
        shifted where the equivalence test says so. Without one: shifted where the interval
        leaves out zero; that a shift is nothing cannot be shown without saying how much is
        something.

        Examples
        --------
        >>> Shift(value=0.1, standard_uncertainty=0.2, lower=-0.3, upper=0.5).verdict
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

    def plot(
        self, ax: Axes | None = None, *, labels: tuple[str, str] = ("reference", "sample")
    ) -> Axes:
        """The band of both samples, with both positions and their intervals.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on.
        labels : (str, str)
            Names of the reference and the sample.

        Raises
        ------
        MeasurementError
            If it was not made by `carbonyl_shift`, and so has no spectra.

        Examples
        --------
        >>> from spectra import simulate_ftir
        >>> a, b = (simulate_ftir(i, carbonyl_position=x)[0] for i, x in ((1, 1669), (2, 1656)))
        >>> "shift" in carbonyl_shift(a, b, warn=False).plot(labels=("PVP", "blend")).get_title()
        True
        """
        a, b = self.reference_positions, self.sample_positions
        if a is None or b is None or self.reference is None or self.sample is None:
            raise MeasurementError("this shift has no spectra; make it with carbonyl_shift")
        return plot_shift(self.reference, self.sample, (a.mean, b.mean), self, labels=labels, ax=ax)


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
    found_b, found_a = (positions(da, near, half_window) for da in (sample, reference))
    b, u_b, dof_b = found_b
    a, u_a, dof_a = found_a
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
        dof = effective_dof((u_a**2, u_b**2), (dof_a, dof_b))
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
    region = (half_window or HALF_WINDOW) + _MARGIN
    return Shift(
        value=found.value,
        standard_uncertainty=found.standard_uncertainty,
        lower=found.lower,
        upper=found.upper,
        level=found.level,
        unit=found.unit,
        n=found.n,
        method=found.method,
        p_value=min(1.0, 2 * _tail(abs(value), u, dof)),
        smallest_relevant=smallest_relevant,
        equivalence_p=equivalence,
        warnings=tuple(notes),
        reference_positions=found_a,
        sample_positions=found_b,
        reference=_about(reference, near, region),
        sample=_about(sample, near, region),
    )


def _about(da: xr.DataArray, near: float, region: float) -> xr.DataArray:
    """The part of spectra within `region` of a wavenumber."""
    inside = np.abs(da["wavenumber"].values - near) <= region
    return da.isel(wavenumber=np.flatnonzero(inside))


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
