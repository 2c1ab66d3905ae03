"""What do the spectra of several cells of one kind say together?"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from coatcore.display import shown
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.statistics.geometric_means import Cells, mean_of_cells, ratio_of_cells
from electrochem.cells.figures import plot_cells
from electrochem.cells.fitted_cell import FittedCell, Geometry, Known, length_of, resistance_of
from electrochem.cells.spectrum_checks import (
    Doubtful,
    doubts_of,
    in_ohm_cm2,
    misfit_of,
    name_of,
    one_sweep,
)
from electrochem.impedance.circuit_fit import CircuitFit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The circuit of a composite cathode against an anode of one arc.
CIRCUIT = "L0-R0-p(R1,CPE1)-TL1"


@shown(hide=("fits", "cells"), table="table")
@dataclass(frozen=True, kw_only=True)
class FittedCells:
    """Cells of one kind, and what their spectra gave.

    Parameters
    ----------
    what : str
        What was measured, in words.
    mean : Estimate
        Geometric mean over the cells, with what is common to them in its interval.
    table : pandas.DataFrame
        A row a cell: its value with its 95 % interval, noise and misfit of its fit.
    names : tuple of str
        Files.
    own : tuple of Estimate
        Of each cell.
    fits : tuple of CircuitFit
        Of each cell.
    cells : Cells
        The values with what moves all of them alike.
    notes : tuple of str
        What a reader of the numbers has to know.

    Examples
    --------
    >>> from electrochem.simulating.impedance import simulate_impedance
    >>> z, _ = simulate_impedance(1, "coated", 152)
    >>> resistance_of_cells([z], known={"R1": (3.0, 0.1)}).names
    ('simulated',)
    """

    what: str
    mean: Estimate
    table: pd.DataFrame
    names: tuple[str, ...]
    own: tuple[Estimate, ...]
    fits: tuple[CircuitFit, ...]
    cells: Cells
    notes: tuple[str, ...]

    @property
    def spectra(self) -> tuple[xr.Dataset, ...]:
        """Measured and fitted impedance of each cell, complex, over frequency."""
        return tuple(fit.data.isel(scan=0) for fit in self.fits)

    def plot(self, ax: Axes | None = None) -> Axes:
        """What each cell gave with its 95 % interval, and their mean; logarithmic.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on.
        """
        from coatcore.plotting import mark_simulated

        ax = plot_cells({"cells": self.own}, {"cells": self.mean}, self.what, ax=ax)
        mark_simulated(ax, *self.spectra)
        return ax


def resistance_of_cells(
    spectra: Sequence[xr.DataArray],
    circuit: str = CIRCUIT,
    *,
    known: Known | None = None,
    area: float | None = None,
    sweep: int | None = None,
    tolerance: float = 0.005,
    doubtful: Doubtful = "refuse",
    alone: Collection[str] = (),
) -> FittedCells:
    """Resistance of the composite cathode of cells of one kind, as a report gives it.

    Each spectrum is checked (one sweep, per area, Kramers-Kronig), the circuit fitted to it, and
    the geometric mean taken: Student's t over the logarithms, with what known values do to all
    cells alike.

    Parameters
    ----------
    spectra : sequence of xarray.DataArray
        One a cell, in ohm or ohm cm2.
    circuit : str
        With one transmission line, TL, TLP, TLC or TLS.
    known : mapping of str to (float, float), optional
        Parameters known from elsewhere: value and relative standard uncertainty.
    area : float, optional
        Of the cell, cm2, where files do not say it.
    sweep : int, optional
        Of files with several: 1 is the first, -1 the last.
    tolerance : float
        Residual of the Kramers-Kronig test that is let pass.
    doubtful : {"refuse", "flag"}
        What is done with a spectrum that breaks the relations or that the circuit does not
        describe.
    alone : collection of str
        ``"known"`` where what is known holds for this kind of cell only, and does not cancel in a
        ratio to another.

    Returns
    -------
    FittedCells

    Raises
    ------
    MeasurementError
        Naming the file that does not tell.

    Examples
    --------
    >>> from electrochem.simulating.impedance import simulate_impedance
    >>> aged = [simulate_impedance(seed, "coated", 152)[0] for seed in (1, 2, 3)]
    >>> found = resistance_of_cells(aged, known={"R1": (3.0, 0.1)})
    >>> found.mean.unit, found.mean.n
    ('ohm cm2', 3)
    """
    known = dict(known or {})

    def of(z: xr.DataArray) -> FittedCell:
        return resistance_of(z, circuit, known)

    checked = _checked(spectra, area, sweep, tolerance, doubtful)
    return _together("cathode resistance", checked, of, doubtful, known, None, 0.0, alone)


def length_of_cells(
    spectra: Sequence[xr.DataArray],
    circuit: str | None = None,
    *,
    diffusion_coefficient: float,
    geometry: Geometry | None = None,
    relative_uncertainty: float = 0.0,
    capacity: tuple[float, float] | None = None,
    spread: float | None = None,
    below: float | None = None,
    known: Known | None = None,
    area: float | None = None,
    sweep: int | None = None,
    tolerance: float = 0.005,
    doubtful: Doubtful = "refuse",
    alone: Collection[str] = (),
) -> FittedCells:
    """Diffusion length in the particles of cells of one kind, as a report gives it.

    Parameters
    ----------
    spectra : sequence of xarray.DataArray
        One a cell, in ohm or ohm cm2.
    circuit, diffusion_coefficient, geometry, relative_uncertainty, capacity, spread, below
        As `electrochem.diffusion_length` takes them.
    known, area, sweep, tolerance, doubtful
        As `resistance_of_cells` takes them.
    alone : collection of str
        Which of ``"known"`` and ``"capacity"`` hold for this kind of cell only.

    Returns
    -------
    FittedCells

    Raises
    ------
    MeasurementError
        Naming the file that does not tell.

    Examples
    --------
    >>> from electrochem.simulating.impedance import simulate_impedance
    >>> z, truth = simulate_impedance(2, "coated", 152, geometry="planar")
    >>> found = length_of_cells([z], diffusion_coefficient=1e-11, spread=0.3)
    >>> found.mean.lower < truth["L_diff"] < found.mean.upper
    True
    """
    known = dict(known or {})

    def of(z: xr.DataArray) -> FittedCell:
        return length_of(
            z,
            circuit,
            known,
            diffusion_coefficient=diffusion_coefficient,
            geometry=geometry,
            relative_uncertainty=relative_uncertainty,
            capacity=capacity,
            spread=spread,
            below=below,
        )

    checked = _checked(spectra, area, sweep, tolerance, doubtful)
    return _together(
        "diffusion length", checked, of, doubtful, known, capacity, relative_uncertainty, alone
    )


def growth_of_cells(sample: FittedCells, reference: FittedCells) -> Estimate:
    """Ratio of what two kinds of cells gave; what is common to both cancels.

    Parameters
    ----------
    sample, reference : FittedCells
        Of the same quantity, as after and before cycling.

    Returns
    -------
    Estimate
        Unit 1.

    Examples
    --------
    >>> from electrochem.simulating.impedance import simulate_impedance
    >>> aged, new = (
    ...     resistance_of_cells([simulate_impedance(s, "coated", n)[0] for s in (1, 2, 3)],
    ...                         known={"R1": (3.0, 0.1)})
    ...     for n in (152, 1)
    ... )
    >>> growth_of_cells(aged, new).lower > 1
    True
    """
    return ratio_of_cells(sample.cells, reference.cells)


def _checked(
    spectra: Sequence[xr.DataArray],
    area: float | None,
    sweep: int | None,
    tolerance: float,
    doubtful: Doubtful,
) -> list[tuple[xr.DataArray, list[str]]]:
    """One sweep of each spectrum, per area, with what is to be said of it."""
    if isinstance(spectra, xr.DataArray):
        raise MeasurementError("one spectrum is given; expected a list with one a cell")
    found = []
    for spectrum in spectra:
        z, note = in_ohm_cm2(one_sweep(spectrum, sweep), area)
        doubts = doubts_of(z, tolerance, doubtful)
        found.append((z, [words for words in (note, doubts) if words]))
    return found


def _together(
    what: str,
    checked: Sequence[tuple[xr.DataArray, list[str]]],
    of: Callable[[xr.DataArray], FittedCell],
    doubtful: Doubtful,
    known: Known,
    capacity: tuple[float, float] | None,
    relative_uncertainty: float,
    alone: Collection[str],
) -> FittedCells:
    found: list[FittedCell] = []
    names, notes = [], []
    for z, words in checked:
        name = name_of(z)
        try:
            got = of(z)
        except MeasurementError as error:
            raise MeasurementError(f"{name}: {error}") from error
        notes += [*words, *filter(None, [misfit_of(name, got.fit, doubtful)])]
        names.append(name)
        found.append(got)
    own = tuple(f.value for f in found)
    cells = Cells(list(own), _shifts(found, known, capacity, relative_uncertainty, alone))
    fits = tuple(f.fit for f in found)
    unit = own[0].unit
    table = pd.DataFrame(
        {
            "cell": names,
            f"value / {unit}": [e.value for e in own],
            f"lower (95 %) / {unit}": [e.lower for e in own],
            f"upper (95 %) / {unit}": [e.upper for e in own],
            "noise / %": [100 * float(f.noise[0]) for f in fits],
            "misfit": [float(f.misfit[0]) for f in fits],
        }
    )
    notes += list(dict.fromkeys(f.conditions for f in found if f.conditions))
    return FittedCells(
        what=what,
        mean=mean_of_cells(cells),
        table=table,
        names=tuple(names),
        own=own,
        fits=fits,
        cells=cells,
        notes=tuple(notes),
    )


def _shifts(
    found: Sequence[FittedCell],
    known: Known,
    capacity: tuple[float, float] | None,
    relative_uncertainty: float,
    alone: Collection[str],
) -> dict[str, float]:
    """What one standard uncertainty of each given value does to the mean logarithm."""
    prior, shared = dict(known), dict.fromkeys(known, "known" not in alone)
    target = found[0].target
    # L goes with the root of tau.
    scale = 0.5 if target.endswith("_tau") else 1.0
    if capacity is not None:
        name = target.removesuffix("_tau") + "_C_diff"
        prior[name], shared[name] = capacity, "capacity" not in alone
    steps = [each.steps(prior) for each in found]
    shifts = {
        name if shared[name] else f"{name}, of this kind alone": scale
        * float(np.mean([each[name] for each in steps]))
        / 2
        for name in prior
    }
    if relative_uncertainty:
        shifts["diffusion_coefficient"] = 0.5 * relative_uncertainty
    return shifts
