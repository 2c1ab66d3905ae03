"""How many spectra, to see a band move?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from pydantic import Field

from coatcore.errors import MeasurementError
from coatcore.quality.design import (
    FAILED,
    Design,
    Fresh,
    Outcome,
    Pilot,
    counts_up_to,
    drawn,
    judged,
    spread_known,
)
from coatcore.quality.parameters import Parameters
from coatcore.reading.replicates import as_replicates
from spectra.bands.fit import fit_bands
from spectra.bands.position import mean_band_position
from spectra.bands.shift import carbonyl_shift
from spectra.simulate import simulate_ftir, simulate_nanoir


class FtirSettings(Parameters):
    """How a sample's FTIR spectra scatter.

    Examples
    --------
    >>> FtirSettings().scatter
    0.3
    """

    position: float = Field(
        default=1669.0,
        gt=1500,
        lt=1800,
        description="carbonyl position of the reference, or the value held against, cm-1",
    )
    scatter: float = Field(
        default=0.3, ge=0, lt=20, description="of the position from spectrum to spectrum, cm-1"
    )
    noise: float = Field(
        default=0.004, gt=0, lt=0.5, description="of a spectrum, as a share of the band's height"
    )
    fwhm: float = Field(default=30.0, gt=5, lt=80, description="of the band, cm-1")


class NanoirSettings(FtirSettings):
    """How nano-IR point spectra scatter.

    Examples
    --------
    >>> NanoirSettings().noise
    0.05
    """

    position: float = Field(
        default=1656.0,
        gt=1500,
        lt=1800,
        description="carbonyl position of the reference, or the value held against, cm-1",
    )
    scatter: float = Field(
        default=0.6, ge=0, lt=20, description="of the position from point to point, cm-1"
    )
    noise: float = Field(
        default=0.05, gt=0, lt=0.5, description="at the band's top, as a share of its height"
    )
    fwhm: float = Field(default=34.0, gt=5, lt=80, description="of the band, cm-1")


_HEIGHT = 0.25  # of the simulated FTIR band, absorbance


def _simulated(
    settings: FtirSettings, position: float, n: int, rng: np.random.Generator
) -> xr.DataArray:
    places = position + settings.scatter * rng.normal(size=n)
    if isinstance(settings, NanoirSettings):
        made = [
            simulate_nanoir(
                drawn(rng), carbonyl_position=place, fwhm=settings.fwhm, noise=settings.noise
            )[0]
            for place in places
        ]
    else:
        made = [
            simulate_ftir(
                drawn(rng),
                carbonyl_position=place,
                fwhm=settings.fwhm,
                height=_HEIGHT,
                noise=settings.noise * _HEIGHT,
            )[0]
            for place in places
        ]
    return as_replicates(made)


def _shift(
    settings: FtirSettings,
    size: float,
    effect: float | None,
    rng: np.random.Generator,
    alpha: float,
) -> Outcome:
    n = round(size)
    reference = _simulated(settings, settings.position, n, rng)
    sample = _simulated(settings, settings.position + (effect or 0.0), n, rng)
    try:
        # What the quantity measures, without its look for water and doublets, which takes time
        # and leaves the interval as it is.
        shift = carbonyl_shift(reference, sample, near=settings.position, warn=False)
    except MeasurementError:
        return FAILED
    return judged(shift, 0.0, alpha=alpha, p=shift.p_value)


def _position(
    settings: FtirSettings,
    size: float,
    effect: float | None,
    rng: np.random.Generator,
    alpha: float,
) -> Outcome:
    sample = _simulated(settings, settings.position + (effect or 0.0), round(size), rng)
    try:
        found = mean_band_position(sample, near=settings.position)
    except MeasurementError:
        return FAILED
    return judged(found, settings.position, alpha=alpha)


def _levels(settings: FtirSettings, effect: float) -> tuple[float, float]:
    if not 0 < abs(effect) <= 25:
        raise MeasurementError(
            f"effect is {effect:g} cm-1, expected a shift of up to 25 either way that is not 0: "
            "the band is looked for within 30 of where the reference has it"
        )
    return settings.position, settings.position + effect


def _pilot(arrays: Sequence[xr.DataArray], settings: FtirSettings) -> Pilot:
    together = as_replicates(list(arrays))
    fitted = fit_bands(together, settings.position).isel(band=0)
    centers, own = (
        np.atleast_1d(fitted[name].values) for name in ("center", "center_standard_uncertainty")
    )
    if np.isnan(centers).any():
        raise MeasurementError(
            f"a pilot shows no band near {settings.position:g} cm-1; set position to where it is"
        )
    fwhm = float(np.median(fitted["fwhm"].values))
    found = {"position": float(centers.mean()), "fwhm": fwhm}
    # A position's uncertainty goes with the noise, whatever the points' spacing and correlation.
    trial = settings.model_copy(update={**found, "scatter": 0.0})
    simulated = _simulated(trial, trial.position, 8, np.random.default_rng(0))
    typical = fit_bands(simulated, trial.position)["center_standard_uncertainty"]
    found["noise"] = settings.noise * float(np.median(own) / np.median(typical.values))
    notes = [f"noise {found['noise']:.2g} of the band's height"]
    if centers.size > 1:
        between = float(np.sqrt(max(0.0, centers.var(ddof=1) - float((own**2).mean()))))
        found["scatter"] = between
        notes.append(spread_known("scatter", between, centers.size, "cm-1"))
    else:
        notes.append(f"one pilot says nothing of the scatter: {settings.scatter:g} cm-1 is assumed")
    return Pilot(found, tuple(notes))


_ASSUMES = (
    "every spectrum is of a newly placed sample and scatters normally about the sample's "
    "position; bands and noise as in {simulator}"
)


def _design(role: str, what: str) -> Design:
    compared = what == "carbonyl_shift"
    settings = FtirSettings if role == "ftir" else NanoirSettings
    simulator = "spectra.simulate_ftir" if role == "ftir" else "spectra.simulate_nanoir"
    return Design(
        quantity=f"{role}.{what}",
        variable="spectra a side" if compared else "spectra",
        size_unit="1",
        sizes=counts_up_to(64),
        effect="shift of the carbonyl band, cm-1" if compared else "distance from `position`, cm-1",
        seen="the 95 % interval leaves out "
        + ("a shift of 0" if compared else "the position held against"),
        assumes=_ASSUMES.format(simulator=simulator),
        settings=settings,
        levels=_levels,
        source=Fresh(_shift if compared else _position),
        pilot=_pilot,
        any_alpha=compared,
    )


INFRARED = tuple(
    _design(role, what)
    for role in ("ftir", "nanoir_spectrum")
    for what in ("carbonyl_shift", "carbonyl_position")
)
