"""How does each parameter of a cell move each peak?"""

from __future__ import annotations

import numpy as np

from coatcore.errors import MeasurementError
from xrd.crystals.crystal import Structure
from xrd.crystals.powder_lines import reflections

# Which lengths change together, by crystal system; angles are taken as they are.
_TOGETHER: dict[str, dict[str, tuple[int, ...]]] = {
    "cubic": {"a": (0, 1, 2)},
    "rhombohedral": {"a": (0, 1, 2)},
    "tetragonal": {"a": (0, 1), "c": (2,)},
    "hexagonal": {"a": (0, 1), "c": (2,)},
}
_EACH: dict[str, tuple[int, ...]] = {"a": (0,), "b": (1,), "c": (2,)}
_SMALL = 1e-4


def cell_lengths(structure: Structure) -> dict[str, float]:
    """Cell lengths that are free to change, angstrom.

    Examples
    --------
    >>> from xrd.crystals.structure_library import reference_structure
    >>> list(cell_lengths(reference_structure("LiNiO2")))
    ['a', 'c']
    """
    together = _TOGETHER.get(structure.crystal_system, _EACH)
    return {name: structure.cell[which[0]] for name, which in together.items()}


def cell_laws(
    structure: Structure, two_theta: np.ndarray, wavelength: float, width: float
) -> dict[str, np.ndarray]:
    """Shift of each peak, degree, for a relative change of each free cell length.

    Lines of the structure under a peak count by their intensity; a peak with none under it does
    not follow the cell.

    Parameters
    ----------
    structure : Structure
        Of the main phase.
    two_theta : numpy.ndarray, shape (n,)
        Places of the peaks, degree.
    wavelength : float
        In angstrom.
    width : float
        Full width at half maximum of a peak, degree.

    Returns
    -------
    dict of str to numpy.ndarray, shape (n,)

    Raises
    ------
    MeasurementError
        If fewer peaks lie on lines of the structure than lengths are free.

    Examples
    --------
    >>> from xrd.crystals.structure_library import reference_structure
    >>> laws = cell_laws(reference_structure("LiCl"), np.array([30.15, 34.96]), 1.540598, 0.1)
    >>> round(float(laws["a"][1]) * 1e-3, 4)
    -0.0361
    """
    span = (max(1.0, float(two_theta.min()) - 1), min(179.0, float(two_theta.max()) + 1))
    lines = reflections(structure, wavelength=wavelength, two_theta_range=span, least=0.3)
    place = lines["two_theta / degree"].to_numpy(dtype=float)
    hkl = lines[["h", "k", "l"]].to_numpy(dtype=float)
    # A whole sample out of place moves all lines by less than two widths.
    under = np.exp(-0.5 * ((two_theta[:, None] - place) / width) ** 2)
    under = under * (np.abs(two_theta[:, None] - place) < 2 * width)
    under = under * lines["relative intensity"].to_numpy(dtype=float)
    total = under.sum(axis=1)
    free = _TOGETHER.get(structure.crystal_system, _EACH)
    if np.count_nonzero(total) <= len(free):
        raise MeasurementError(
            f"{np.count_nonzero(total)} peaks of the reference lie on lines of {structure.name}; "
            f"{len(free) + 1} are needed for its cell"
        )
    laws = {}
    for name, which in free.items():
        cell = np.array(structure.cell, dtype=float)
        cell[list(which)] *= 1 + _SMALL
        moved = 2 * np.degrees(np.arcsin(_sine(hkl, cell, wavelength)))
        still = 2 * np.degrees(np.arcsin(_sine(hkl, np.array(structure.cell), wavelength)))
        slope = (moved - still) / _SMALL
        laws[name] = np.where(total > 0, under @ slope / np.maximum(total, 1e-300), 0.0)
    return laws


def _sine(hkl: np.ndarray, cell: np.ndarray, wavelength: float) -> np.ndarray:
    lengths, cosines = cell[:3], np.cos(np.radians(cell[3:]))
    metric = np.outer(lengths, lengths)
    for (i, j), cosine in zip(((1, 2), (0, 2), (0, 1)), cosines, strict=True):
        metric[i, j] *= cosine
        metric[j, i] = metric[i, j]
    inverse_d = np.sqrt(np.einsum("ni,ij,nj->n", hkl, np.linalg.inv(metric), hkl))
    return inverse_d * wavelength / 2
