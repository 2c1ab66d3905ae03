"""At which angles, and how strongly, does a crystal structure diffract?"""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from coatcore.errors import MeasurementError
from xrd.crystals.crystal import Structure
from xrd.crystals.structure_library import reference_structure

COLUMNS = (
    "h",
    "k",
    "l",
    "multiplicity",
    "d / angstrom",
    "two_theta / degree",
    "relative intensity",
    "intensity",
)
_LARGEST_CELL = 400_000
# Waves are summed over so many indices times atoms at once.
_CHUNK = 2_000_000
# An index that gives this share of the strongest at its place, or less, is extinct.
_EXTINCT = 1e-9
_HC = 12398.4198  # eV angstrom


def structure_of(phase: Structure | str) -> Structure:
    """The structure itself, or that of the package's phase of that name.

    Examples
    --------
    >>> structure_of("LiCl").name
    'LiCl'
    """
    return phase if isinstance(phase, Structure) else reference_structure(phase)


def reflections(
    phase: Structure | str,
    *,
    wavelength: float,
    two_theta_range: tuple[float, float] = (10.0, 85.0),
    least: float = 0.1,
    displacement_factors: bool = True,
) -> pd.DataFrame:
    """Calculated powder lines of a structure.

    Parameters
    ----------
    phase : Structure or str
        A structure, or the name of one that comes with the package.
    wavelength : float
        In angstrom; 1.540598 for Cu K-alpha1.
    two_theta_range : (float, float)
        In degree.
    least : float
        Weakest line told of, per cent of the strongest.
    displacement_factors : bool, default True
        Whether atoms' displacements weaken lines, exp(-8 pi^2 U sin^2(theta) / lambda^2) each.

    Returns
    -------
    pandas.DataFrame
        A row a line, by rising angle: h, k, l (of all that coincide within 2e-4 degree, one;
        not an extinct one, without minus signs where it can be), multiplicity (of all of them),
        d / angstrom, two_theta / degree, relative intensity (strongest 100) and intensity
        (integrated, ``m |F|^2 LP / V^2``).

    Raises
    ------
    MeasurementError
        If the wavelength or range is impossible, or the structure gives no line there.

    Notes
    -----
    Form factors of neutral atoms (International Tables C, 1992) with anomalous dispersion by
    Cromer and Liberman, both from gemmi. Lorentz-polarisation factor of an unpolarised beam
    without monochromator, (1 + cos^2 2theta) / (sin^2 theta cos theta). No preferred
    orientation, no absorption.

    Examples
    --------
    >>> lines = reflections("LiCl", wavelength=1.540598)
    >>> lines["two_theta / degree"].round(2).head(2).tolist()
    [30.15, 34.96]
    """
    low, high = two_theta_range
    if isinstance(phase, str):
        # The package's own structures do not change; a batch asks for the same lines again.
        given = (phase, wavelength, float(low), float(high), least, displacement_factors)
        return _reference_lines(*given).copy()
    return _calculated(phase, wavelength, (low, high), least, displacement_factors)


@functools.lru_cache(maxsize=64)
def _reference_lines(
    name: str, wavelength: float, low: float, high: float, least: float, displaced: bool
) -> pd.DataFrame:
    return _calculated(reference_structure(name), wavelength, (low, high), least, displaced)


def _calculated(
    crystal: Structure,
    wavelength: float,
    span: tuple[float, float],
    least: float,
    displacement_factors: bool,
) -> pd.DataFrame:
    low, high = span
    if not 0.05 < wavelength < 10:
        raise MeasurementError(f"wavelength is {wavelength:g}; expected angstrom, as 1.540598")
    if not 0 <= low < high <= 180:
        raise MeasurementError(f"two_theta_range is {span}; expected degree, rising")
    hkl, inverse_d = _indices(crystal, 2 * np.sin(np.radians(high) / 2) / wavelength)
    sine = inverse_d * wavelength / 2
    inside = (sine <= np.sin(np.radians(high) / 2)) & (sine >= np.sin(np.radians(low) / 2))
    inside &= inverse_d > 0
    hkl, inverse_d, sine = hkl[inside], inverse_d[inside], sine[inside]
    if not hkl.size:
        raise MeasurementError(f"{crystal.name} has no line from {low:g} to {high:g} degree")
    squared = _structure_factors(crystal, hkl, inverse_d / 2, wavelength, displacement_factors)
    theta = np.arcsin(sine)
    lorentz = (1 + np.cos(2 * theta) ** 2) / (sine**2 * np.cos(theta))
    intensity = squared * lorentz / crystal.volume**2
    angle = 2 * np.degrees(theta)
    order = np.argsort(angle, kind="stable")
    line = np.empty(angle.size, dtype=int)
    line[order] = np.cumsum(np.r_[0, np.diff(angle[order]) > 2e-4])
    strongest = np.zeros(line.max() + 1)
    np.maximum.at(strongest, line, intensity)
    # In a centred cell others of the same length are extinct: 104 of corundum is not 014.
    lit = intensity > _EXTINCT * strongest[line]
    hkl, inverse_d, angle = hkl[lit], inverse_d[lit], angle[lit]
    intensity, line = intensity[lit], line[lit]
    # Of what coincides, the index told of has few minus signs, then large numbers: 511, not 333.
    order = np.lexsort((-hkl[:, 2], -hkl[:, 1], -hkl[:, 0], (hkl < 0).sum(axis=1), line))
    angle, line = angle[order], line[order]
    firsts = np.r_[0, 1 + np.flatnonzero(np.diff(line))]
    total = np.add.reduceat(intensity[order], firsts)
    table = pd.DataFrame(
        {
            **{name: hkl[order][firsts, i] for i, name in enumerate("hkl")},
            "multiplicity": np.diff(np.r_[firsts, angle.size]),
            "d / angstrom": 1 / inverse_d[order][firsts],
            "two_theta / degree": angle[firsts],
            "relative intensity": 100 * total / total.max(),
            "intensity": total,
        }
    )
    return table[table["relative intensity"] >= least].reset_index(drop=True)


def _indices(crystal: Structure, largest: float) -> tuple[np.ndarray, np.ndarray]:
    """All h, k, l with 1/d up to `largest`, and their 1/d."""
    a, b, c, alpha, beta, gamma = crystal.cell
    cosines = np.cos(np.radians([alpha, beta, gamma]))
    metric = np.array(
        [
            [a * a, a * b * cosines[2], a * c * cosines[1]],
            [a * b * cosines[2], b * b, b * c * cosines[0]],
            [a * c * cosines[1], b * c * cosines[0], c * c],
        ]
    )
    reciprocal = np.linalg.inv(metric)
    reach = np.floor(np.array([a, b, c]) * largest + 1e-9).astype(int)
    if np.prod(2 * reach + 1) > _LARGEST_CELL:
        raise MeasurementError(
            f"{crystal.name} has {np.prod(2 * reach + 1):,} indices up to that angle; narrow "
            "two_theta_range"
        )
    grids = np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij")
    hkl = np.stack([g.ravel() for g in grids], axis=1)
    return hkl, np.sqrt(np.maximum(np.einsum("ni,ij,nj->n", hkl, reciprocal, hkl), 0.0))


def _structure_factors(
    crystal: Structure,
    hkl: np.ndarray,
    s: np.ndarray,
    wavelength: float,
    displacement_factors: bool,
) -> np.ndarray:
    """|F|^2 of each index; s is sin(theta) / lambda."""
    import gemmi

    total = np.zeros(hkl.shape[0], complex)
    for name in sorted(set(crystal.elements)):
        element = gemmi.Element(name)
        form = element.it92
        factor = np.array([form.calculate_sf(float(v)) for v in np.unique(s**2)])
        factor = factor[np.searchsorted(np.unique(s**2), s**2)]
        f1, f2 = gemmi.cromer_liberman(element.atomic_number, _HC / wavelength)
        mine = np.array([e == name for e in crystal.elements])
        positions, u_iso = crystal.positions[mine], crystal.u_iso[mine]
        step = max(1, _CHUNK // positions.shape[0])
        for start in range(0, hkl.shape[0], step):
            few = slice(start, start + step)
            waves = np.exp(2j * np.pi * hkl[few] @ positions.T)
            if displacement_factors:
                waves *= np.exp(-8 * np.pi**2 * np.outer(s[few] ** 2, u_iso))
            total[few] += (factor[few] + f1 + 1j * f2) * (waves @ crystal.occupancy[mine])
    return np.abs(total) ** 2


def area_per_weight(phase: Structure | str, lines: pd.DataFrame) -> np.ndarray:
    """Area of each line for a unit of weight fraction, up to a factor common to all phases.

    Of two phases in one powder, areas A1 and A2 of a line each give the ratio of weights
    (A1 / area_per_weight1) / (A2 / area_per_weight2); absorption cancels in a fine powder.

    Parameters
    ----------
    phase : Structure or str
        Whose density counts.
    lines : pandas.DataFrame
        As `reflections` gives them.

    References
    ----------
    Hill and Howard, J. Appl. Cryst. 20 (1987) 467.

    Examples
    --------
    >>> lines = reflections("LiCl", wavelength=1.540598)
    >>> area_per_weight("LiCl", lines).shape == (len(lines),)
    True
    """
    return lines["intensity"].to_numpy(dtype=float) / structure_of(phase).density


def corundum_ratio(phase: Structure | str, *, wavelength: float) -> float:
    """Reference intensity ratio I/Ic: strongest line of a phase over corundum's 113, 1:1 by weight.

    Parameters
    ----------
    phase : Structure or str
        A structure, or the name of one that comes with the package.
    wavelength : float
        In angstrom.

    References
    ----------
    Hubbard and Snyder, Powder Diffr. 3 (1988) 74.

    Examples
    --------
    >>> round(corundum_ratio("NiO", wavelength=1.540598), 1)
    5.1
    """
    span = (5.0, 120.0)
    lines = reflections(phase, wavelength=wavelength, two_theta_range=span)
    corundum = reflections("Al2O3", wavelength=wavelength, two_theta_range=span)
    # 116 is as strong; by the ratio's definition it is 113 that counts.
    chosen = (corundum[["h", "k", "l"]] == [1, 1, 3]).all(axis=1)
    if not chosen.any():
        raise MeasurementError(
            f"corundum's 113 lies beyond 120 degree at {wavelength:g} angstrom; take a shorter one"
        )
    mine = float(area_per_weight(phase, lines).max())
    return mine / float(area_per_weight("Al2O3", corundum[chosen])[0])
