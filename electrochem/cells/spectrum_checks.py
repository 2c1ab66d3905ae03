"""Can the spectrum of a cell be fitted: which sweep, per which area, does it obey causality?"""

from __future__ import annotations

import math
from typing import Literal

import xarray as xr

from coatcore.errors import MeasurementError
from electrochem.impedance.circuit_fit import CircuitFit
from electrochem.impedance.consistency import KramersKronig, kramers_kronig
from electrochem.labels.per_area import impedance_per_area

Doubtful = Literal["refuse", "flag"]


def name_of(spectrum: xr.DataArray) -> str:
    """File that a spectrum came from.

    Examples
    --------
    >>> from electrochem.simulating.impedance import simulate_impedance
    >>> name_of(simulate_impedance(1)[0])
    'simulated'
    """
    return str(spectrum.attrs.get("source", "a spectrum"))


def one_sweep(spectrum: xr.DataArray, sweep: int | None = None) -> xr.DataArray:
    """One sweep of a file, its sign checked.

    Parameters
    ----------
    spectrum : xarray.DataArray
        Dim frequency, and scan where the file holds several sweeps.
    sweep : int, optional
        Which of several: 1 is the first, -1 the last.

    Raises
    ------
    MeasurementError
        If it has several and none is chosen, or Z'' is mostly positive.

    Examples
    --------
    >>> from electrochem.simulating.impedance import simulate_impedance
    >>> one_sweep(simulate_impedance(1)[0]).dims
    ('frequency',)
    """
    name = name_of(spectrum)
    if "scan" in spectrum.dims:
        count = spectrum.sizes["scan"]
        if sweep is None:
            raise MeasurementError(
                f"{name}: holds {count} sweeps of one cell; say which in parameters.sweep (1 is "
                "the first, -1 the last)"
            )
        if not 1 <= abs(sweep) <= count:
            raise MeasurementError(f"{name}: holds {count} sweeps, sweep {sweep} was asked for")
        spectrum = spectrum.isel(scan=sweep - 1 if sweep > 0 else sweep, drop=True)
    positive = float((spectrum.values.imag > 0).mean())
    if positive > 0.5:
        raise MeasurementError(
            f"{name}: the imaginary part is positive at {positive:.0%} of the frequencies, so that "
            "it is no cell, or -Z'' stands where Z'' was expected; mend the heads of the file"
        )
    return spectrum


def in_ohm_cm2(spectrum: xr.DataArray, area: float | None) -> tuple[xr.DataArray, str]:
    """Impedance in ohm cm2, and words where the file says another area.

    Parameters
    ----------
    spectrum : xarray.DataArray
        In ohm or ohm cm2.
    area : float or None
        Of the cell, cm2; by default what the file says.

    Raises
    ------
    MeasurementError
        If it is in ohm and no area is known.

    Examples
    --------
    >>> from electrochem.simulating.impedance import simulate_impedance
    >>> in_ohm_cm2(simulate_impedance(1)[0], None)[1]
    ''
    """
    name, own = name_of(spectrum), spectrum.attrs.get("area_cm2")
    if spectrum.attrs.get("units") == "ohm cm2":
        return spectrum, f"{name}: is in ohm cm2; parameters.area is not used" if area else ""
    used = area or own
    if not used:
        raise MeasurementError(
            f"{name}: is in ohm and does not say the area of the cell; set parameters.area, in cm2"
        )
    note = ""
    if area and own and abs(area / float(own) - 1) > 0.01:
        note = f"{name}: says an area of {float(own):g} cm2; {area:g} cm2 were used"
    return impedance_per_area(spectrum, float(used)), note


def tested(spectrum: xr.DataArray, tolerance: float = 0.005) -> KramersKronig:
    """Kramers-Kronig test of one spectrum; errors name its file.

    Parameters
    ----------
    spectrum : xarray.DataArray
        Dim frequency.
    tolerance : float
        Residual that is let pass, as a share.

    Examples
    --------
    >>> from electrochem.simulating.impedance import simulate_impedance
    >>> tested(simulate_impedance(1)[0]).consistent
    True
    """
    try:
        return kramers_kronig(spectrum, tolerance=tolerance)
    except MeasurementError as error:
        raise MeasurementError(f"{name_of(spectrum)}: {error}") from error


def suspect_range(test: KramersKronig) -> tuple[float, float]:
    """Lowest and highest frequency at which a spectrum is suspect, Hz; NaN where it is not.

    Examples
    --------
    >>> from electrochem.simulating.impedance import simulate_impedance
    >>> drifts, _ = simulate_impedance(1, "uncoated", 152, drift=0.2)
    >>> low, high = suspect_range(tested(drifts))
    >>> 0.1 <= low < high < 1e6
    True
    """
    at = test.residuals["frequency"].values[test.residuals["suspect"].values]
    return (float(at.min()), float(at.max())) if at.size else (math.nan, math.nan)


def doubts_of(spectrum: xr.DataArray, tolerance: float, doubtful: Doubtful) -> str:
    """Words where a spectrum breaks the Kramers-Kronig relations.

    Parameters
    ----------
    spectrum : xarray.DataArray
        Dim frequency.
    tolerance : float
        Residual that is let pass, as a share.
    doubtful : {"refuse", "flag"}
        What is done with one that does.

    Raises
    ------
    MeasurementError
        If it does, and such are refused.

    Examples
    --------
    >>> from electrochem.simulating.impedance import simulate_impedance
    >>> doubts_of(simulate_impedance(1)[0], 0.005, "refuse")
    ''
    """
    test = tested(spectrum, tolerance)
    if test.consistent:
        return ""
    low, high = suspect_range(test)
    return _judged(
        f"{name_of(spectrum)}: breaks the Kramers-Kronig relations from {low:.3g} to {high:.3g} Hz "
        f"(residuals up to {100 * test.worst:.2g} %): the cell drifted, or was driven too far",
        doubtful,
    )


def misfit_of(name: str, fit: CircuitFit, doubtful: Doubtful) -> str:
    """Words where a circuit does not describe a spectrum; parameters as for `doubts_of`.

    Examples
    --------
    >>> from electrochem.simulating.impedance import simulate_impedance
    >>> from electrochem.impedance.circuit_fit import fit_circuit
    >>> fit = fit_circuit(simulate_impedance(1)[0], "L0-R0-p(R1,CPE1)-TL1")
    >>> misfit_of("a.z", fit, "refuse")
    ''
    """
    if fit.describes:
        return ""
    return _judged(
        f"{name}: {fit.circuit} does not describe it (residuals {float(fit.misfit.max()):.1f} "
        "times the scatter of neighbours)",
        doubtful,
    )


def _judged(words: str, doubtful: Doubtful) -> str:
    if doubtful == "refuse":
        raise MeasurementError(
            f'{words}; record it again, choose another circuit, or set doubtful = "flag"'
        )
    return f"{words}; what follows from it may mean nothing"
