"""Is the spectrum that of a linear, causal cell that stood still while it was measured?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.statistics.robust_scale import robust_scale
from electrochem.impedance.figures import plot_kramers_kronig
from electrochem.labels.labels import angular_frequency

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Time constants a decade; denser chains fit the noise, sparser ones miss arcs.
_A_DECADE = 4.0
# Beyond each end of the measured range.
_BEYOND = 0.5
_FEWEST = 12
# Neighbouring frequencies farther apart than by this factor leave the chain to itself.
_GAP = 9.0


@shown(also=("worst",))
@dataclass(frozen=True)
class KramersKronig:
    """Whether impedance obeys the Kramers-Kronig relations.

    Parameters
    ----------
    consistent : bool
        Whether no residual is larger than the tolerance beyond what the noise explains.
    residuals : xarray.Dataset
        real and imaginary (of data less chain, over the modulus) and suspect (bool), dims
        ([scan,] frequency).
    noise : float
        Relative scatter of neighbouring points; of several sweeps the largest.
    tolerance : float
        Relative; as given.

    Examples
    --------
    >>> from electrochem import simulate_impedance
    >>> kramers_kronig(simulate_impedance(1)[0]).consistent
    True
    """

    consistent: bool
    residuals: xr.Dataset
    noise: float
    tolerance: float

    @property
    def worst(self) -> float:
        """Largest residual, relative to the modulus.

        Examples
        --------
        >>> from electrochem import simulate_impedance
        >>> kramers_kronig(simulate_impedance(1, noise=1e-4)[0]).worst < 0.002
        True
        """
        return float(
            max(np.abs(self.residuals["real"]).max(), np.abs(self.residuals["imaginary"]).max())
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Residuals over frequency, with the tolerance.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on.

        Examples
        --------
        >>> from electrochem import simulate_impedance
        >>> kramers_kronig(simulate_impedance(1)[0]).plot().get_ylabel()
        'residual / %'
        """
        verdict = "consistent" if self.consistent else "not consistent"
        title = f"Kramers–Kronig: {verdict}"
        return plot_kramers_kronig(self.residuals, tolerance=self.tolerance, title=title, ax=ax)


def kramers_kronig(impedance: xr.DataArray, *, tolerance: float = 0.005) -> KramersKronig:
    """Test a spectrum against a chain of resistors and capacitors, which obeys the relations.

    The chain has fixed time constants, four a decade, with a series resistance, inductance and
    capacitance; its values, of any sign, follow from linear least squares. What it cannot follow is
    no response of a linear, causal and steady cell: drift, a cell that was not at rest, or too
    large an amplitude.

    Parameters
    ----------
    impedance : xarray.DataArray
        Kind ``impedance_spectrum``, dims ([scan,] frequency).
    tolerance : float, default 0.005
        Systematic residual over the modulus that is let pass.

    Returns
    -------
    KramersKronig

    Raises
    ------
    MeasurementError
        If the spectrum has fewer than 12 frequencies or than 3 a decade, spans less than a
        decade, or has a gap of a decade.

    Notes
    -----
    A point is suspect where the mean of its residual and those of its neighbours (a triangle over
    5 points) is larger than the tolerance and than 4 standard uncertainties of such a mean.

    References
    ----------
    Boukamp, J. Electrochem. Soc. 142 (1995) 1885; Schoenleber, Klotz and Ivers-Tiffee,
    Electrochim. Acta 131 (2014) 20.

    Examples
    --------
    >>> from electrochem import simulate_impedance
    >>> kramers_kronig(simulate_impedance(1, "uncoated", 152, drift=0.2)[0]).consistent
    False
    """
    if not 0 < tolerance < 1:
        raise MeasurementError(f"tolerance is {tolerance}; expected between 0 and 1")
    w = angular_frequency(impedance)
    decades = float(np.log10(w.max() / w.min()))
    if decades < 1 or w.size < max(3 * decades, _FEWEST):
        raise MeasurementError(
            f"{w.size} frequencies over {decades:.1f} decades; at least {_FEWEST}, 3 a decade and "
            "1 decade "
            "are needed to test the Kramers-Kronig relations"
        )
    ordered = np.sort(w)
    gap = int(np.argmax(ordered[1:] / ordered[:-1]))
    if ordered[gap + 1] > _GAP * ordered[gap]:
        ends = ordered[gap : gap + 2] / (2 * np.pi)
        raise MeasurementError(
            f"no frequency between {ends[0]:.3g} and {ends[1]:.3g} Hz: a chain may do anything in "
            "there, so that the Kramers-Kronig relations are not tested; measure it, or test both "
            "parts by themselves"
        )
    z = impedance.transpose(..., "frequency").values
    data = z.reshape(-1, w.size)
    order = np.argsort(w)
    per_decade = min(_A_DECADE, 0.6 * w.size / decades)
    residual = np.stack([_residual(w, row, per_decade) for row in data])
    sorted_residual = residual[:, order]
    noise = _noise(sorted_residual)
    weights = np.array([1, 2, 3, 2, 1.0]) / 9
    smooth = np.empty_like(sorted_residual)
    for i, row in enumerate(sorted_residual):
        padded = np.pad(row, 2, mode="edge")
        smooth[i] = np.convolve(padded, weights, mode="valid")
    limit = np.maximum(tolerance, 4 * noise[:, None] * np.sqrt((weights**2).sum()))
    suspect = np.empty(residual.shape, dtype=bool)
    suspect[:, order] = (np.abs(smooth.real) > limit) | (np.abs(smooth.imag) > limit)
    shape, dims = z.shape, impedance.transpose(..., "frequency").dims
    names = {"real": residual.real, "imaginary": residual.imag, "suspect": suspect}
    meaning = {
        "real": "residual of Z' over modulus",
        "imaginary": "residual of Z'' over modulus",
        "suspect": "beyond tolerance and noise",
    }
    found = xr.Dataset(
        {
            k: (dims, v.reshape(shape), {"units": "1", "long_name": meaning[k]})
            for k, v in names.items()
        },
        coords={d: impedance[d] for d in dims if d in impedance.coords},
        attrs={k: impedance.attrs[k] for k in ("simulated", "source") if k in impedance.attrs},
    )
    return KramersKronig(not bool(suspect.any()), found, float(noise.max()), tolerance)


def _residual(w: np.ndarray, z: np.ndarray, per_decade: float) -> np.ndarray:
    """Data less the best chain, over the modulus; complex, shape (n,)."""
    low, high = np.log10(1 / w.max()) - _BEYOND, np.log10(1 / w.min()) + _BEYOND
    # Of the numbers three fifths at most, or the chain could follow anything.
    most = int(1.2 * w.size) - 3
    tau = np.logspace(low, high, min(max(4, round(per_decade * (high - low)) + 1), most))
    columns = [
        np.ones_like(w) + 0j,
        1j * w / w.max(),
        w.min() / (1j * w),
        *(1 / (1 + 1j * w[:, None] * tau)).T,
    ]
    matrix = np.stack(columns, axis=1) / np.abs(z)[:, None]
    target = z / np.abs(z)
    stacked = np.concatenate([matrix.real, matrix.imag])
    both = np.concatenate([target.real, target.imag])
    size = np.linalg.norm(stacked, axis=0)
    # A mild cut of small singular values: neighbouring time constants are nearly alike.
    values = np.linalg.lstsq(stacked / size, both, rcond=1e-6)[0] / size
    left = both - stacked @ values
    return left[: w.size] + 1j * left[w.size :]


def _noise(residual: np.ndarray) -> np.ndarray:
    """Scatter of neighbouring residuals, one a sweep."""
    step = np.diff(residual, n=2, axis=1) / np.sqrt(6)
    parts = np.concatenate([step.real, step.imag], axis=1)
    return np.asarray(robust_scale(parts, axis=1, about_zero=True))
