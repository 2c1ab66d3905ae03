"""Cell of a phase from the places of its peaks, and size and strain from their widths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from xrd.comparing.changes import PeakChanges
from xrd.comparing.common_change import common_change
from xrd.crystals.cell_laws import cell_laws, cell_lengths
from xrd.crystals.crystal import Structure
from xrd.crystals.powder_lines import reflections, structure_of

_ROUNDS = 5
_METHOD = "weighted least squares of peak places"


@shown(hide=(), table="lines")
@dataclass(frozen=True)
class Cell:
    """Refined cell.

    Parameters
    ----------
    lengths : dict of str to Estimate
        Free cell lengths, angstrom.
    displacement : Estimate
        Shift of 2theta as cos theta goes to 1, degree.
    lines : pandas.DataFrame
        Peaks used: h, k, l, observed 2theta, what is left (degree) and its uncertainty.

    Examples
    --------
    >>> Cell({}, Estimate.from_standard_uncertainty(0.0, 0.1), pd.DataFrame()).lengths
    {}
    """

    lengths: dict[str, Estimate]
    displacement: Estimate
    lines: pd.DataFrame


def refine_cell(
    peaks: pd.DataFrame, phase: Structure | str, *, wavelength: float, tolerance: float = 0.25
) -> Cell:
    """Cell lengths from fitted peaks, with the sample's displacement as a nuisance.

    Each strong line of the phase takes the nearest peak; angles of the cell stay.

    Parameters
    ----------
    peaks : pandas.DataFrame
        As `fit_peaks(...).table` gives them: two_theta / degree, u(two_theta) / degree.
    phase : Structure or str
        Whose cell, near the truth.
    wavelength : float
        In angstrom, of K-alpha1.
    tolerance : float, default 0.25
        How far, degree, a peak may lie from its calculated place.

    Returns
    -------
    Cell

    Raises
    ------
    MeasurementError
        If fewer peaks match than numbers are sought.

    Examples
    --------
    >>> from xrd import fit_peaks, simulate_pattern
    >>> table = fit_peaks(simulate_pattern(1, displacement=0.05)[0]).table
    >>> cell = refine_cell(table, "Li6PS5Cl", wavelength=1.540598)
    >>> str(cell.lengths["a"])[:5], round(cell.displacement.value, 2)
    ('9.860', 0.05)
    """
    crystal = structure_of(phase)
    observed, u, used = _lines_of(peaks, crystal, wavelength, tolerance)
    place, free = used["two_theta / degree"].to_numpy(dtype=float), cell_lengths(crystal)
    laws = {
        **cell_laws(crystal, place, wavelength, 0.02),
        "displacement": np.cos(np.radians(place) / 2),
    }
    flat = np.zeros(place.size)
    changes = PeakChanges(
        two_theta=place,
        height=flat,
        intensity=flat,
        intensity_u=flat + 1,
        shift=observed - place,
        shift_u=u,
    )
    found = common_change(changes, laws)
    freedom = place.size - len(laws)
    excess = float(np.sqrt(np.sum((found.shift / u) ** 2) / freedom))
    # Peaks that scatter no more than they say are taken at their word; an excess is itself
    # known from few peaks only.
    dof = freedom if excess > 1 else np.inf
    excess = max(1.0, excess)
    lengths = {
        name: Estimate.from_standard_uncertainty(
            length * (1 + found.values[name][0]),
            length * found.values[name][1] * excess,
            unit="angstrom",
            dof=dof,
            method=_METHOD,
        )
        for name, length in free.items()
    }
    used = used[["h", "k", "l"]].reset_index(drop=True)
    used["two_theta / degree"] = observed
    used["left / degree"] = found.shift
    used["standard uncertainty / degree"] = u
    shift, shift_u = found.values["displacement"]
    return Cell(
        lengths,
        Estimate.from_standard_uncertainty(
            shift, shift_u * excess, unit="degree", dof=dof, method=_METHOD
        ),
        used,
    )


def _lines_of(
    peaks: pd.DataFrame, crystal: Structure, wavelength: float, tolerance: float
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Places of peaks that lie near a line, their uncertainties, and those lines."""
    if "u(two_theta) / degree" not in peaks:
        raise MeasurementError("peaks tells no u(two_theta) / degree; take the table of fit_peaks")
    observed = peaks["two_theta / degree"].to_numpy(dtype=float)
    u = peaks["u(two_theta) / degree"].to_numpy(dtype=float)
    usable = np.isfinite(observed) & np.isfinite(u) & (u > 0)
    observed, u = observed[usable], u[usable]
    if not observed.size:
        raise MeasurementError("peaks holds no place with a standard uncertainty")
    span = (max(1.0, observed.min() - 1), min(179.0, observed.max() + 1))
    lines = reflections(crystal, wavelength=wavelength, two_theta_range=span, least=1.0)
    calculated = lines["two_theta / degree"].to_numpy(dtype=float)
    nearest = np.abs(observed[:, None] - calculated).argmin(axis=1)
    close = np.abs(observed - calculated[nearest]) < tolerance
    free = cell_lengths(crystal)
    if np.count_nonzero(close) < len(free) + 2:
        raise MeasurementError(
            f"{np.count_nonzero(close)} peaks lie within {tolerance:g} degree of a line of "
            f"{crystal.name}; {len(free) + 2} are needed"
        )
    return observed[close], u[close], lines.iloc[nearest[close]]


def crystallite_size(
    fwhm: Estimate,
    two_theta: float,
    *,
    wavelength: float,
    instrument_fwhm: float = 0.0,
    shape_factor: float = 0.9,
) -> Estimate:
    """Size of coherently diffracting domains by Scherrer's equation, nm.

    Parameters
    ----------
    fwhm : Estimate
        Full width at half maximum, degree, of one line without its K-alpha2 partner.
    two_theta : float
        Its place, degree.
    wavelength : float
        In angstrom.
    instrument_fwhm : float, default 0
        What the instrument alone gives there, degree; taken off as for Lorentzian lines.
    shape_factor : float, default 0.9
        Scherrer's constant.

    Raises
    ------
    MeasurementError
        If the line is no wider than the instrument's.

    References
    ----------
    Scherrer, Nachr. Ges. Wiss. Goettingen (1918) 98; Langford and Wilson, J. Appl. Cryst. 11
    (1978) 102.

    Examples
    --------
    >>> width = Estimate.from_standard_uncertainty(0.2, 0.01, unit="degree")
    >>> str(crystallite_size(width, 30.0, wavelength=1.540598))
    '41(2) nm'
    """
    if not isinstance(fwhm, Estimate):
        raise MeasurementError(
            f"fwhm is {fwhm!r}; an Estimate was expected, as fit_peaks(...).estimate(0, 'fwhm')"
        )
    left = fwhm.value - instrument_fwhm
    if left <= 2 * fwhm.standard_uncertainty:
        raise MeasurementError(
            f"the line's width {fwhm} is not clearly above the instrument's {instrument_fwhm:g} "
            "degree: the domains are too large for their size to be told"
        )
    size = shape_factor * wavelength / 10 / (np.radians(left) * np.cos(np.radians(two_theta) / 2))
    # Of one over a width, the interval is not even.
    lower, upper = (size * left / (end - instrument_fwhm) for end in (fwhm.upper, fwhm.lower))
    if fwhm.lower <= instrument_fwhm:
        upper = np.inf
    return Estimate.from_interval(
        float(size),
        float(lower),
        float(upper),
        standard_uncertainty=float(size * fwhm.standard_uncertainty / left),
        unit="nm",
        method="Scherrer's equation",
    )
