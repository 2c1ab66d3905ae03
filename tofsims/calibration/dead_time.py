"""How many ions arrived, when the detector counts one a primary-ion pulse and dead time?"""

from __future__ import annotations

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from tofsims.labels.labels import flight_time, require_spectrum


def correct_dead_time(spectrum: xr.DataArray, pulses: int, dead_time: float = 0.0) -> xr.DataArray:
    """Spectrum of the ions that arrived, from the ions that were counted.

    After an ion the detector is blind for the dead time, so that of each primary-ion pulse one
    ion at most is counted in that time. Of the pulses that were not blind a channel counted a
    share 1 - exp(-rate); the rate follows from it.

    Parameters
    ----------
    spectrum : xarray.DataArray
        Uncorrected counts, dim mz, at the full time resolution of the instrument, with the
        coordinate channel.
    pulses : int
        Primary-ion pulses of the whole measurement: pixels x shots a pixel x scans.
    dead_time : float, default 0
        In channels; 0 where each channel is blind to its own second ion only.

    Returns
    -------
    xarray.DataArray
        Expected counts of a detector without dead time. The coordinate ``variance_ratio`` (mz)
        says by how much their variance exceeds that of Poisson counts; `peak_areas` and
        `fit_peaks` use it.

    Raises
    ------
    MeasurementError
        If the spectrum is corrected already, has no channels, or counts more than one ion a
        pulse and dead time; nothing can be told from a channel that every pulse filled.

    References
    ----------
    Stephan, Zehnpfenning & Benninghoven, J. Vac. Sci. Technol. A 1994, 12, 405.

    Examples
    --------
    >>> from tofsims import simulate_spectra
    >>> (counted,), _ = simulate_spectra(1, n=1, pulses=100_000, dead_time=40)
    >>> arrived = correct_dead_time(counted, 100_000, 40)
    >>> bool(arrived.sum() > 1.1 * counted.sum())
    True
    """
    require_spectrum(spectrum)
    source = spectrum.attrs.get("source", "the spectrum")
    if spectrum.attrs.get("dead_time_corrected") == "yes":
        raise MeasurementError(f"{source} was corrected for dead time already: use it as it is")
    if "channel" not in spectrum.coords:
        raise MeasurementError(f"{source} has no coordinate channel: dead time acts on channels")
    if (
        isinstance(pulses, str)
        or isinstance(dead_time, str)
        or pulses < 1
        or dead_time < 0
        or not np.isfinite(dead_time)
    ):
        raise MeasurementError(
            f"pulses is {pulses} and dead_time {dead_time}: expected at least 1 pulse, and a dead "
            "time of 0 or more channels"
        )
    counts, time = spectrum.values, flight_time(spectrum)
    step = float(np.median(np.diff(time))) if time.size > 1 else 1.0
    if 0 < dead_time < step:
        raise MeasurementError(
            f"{source} has bins of {step:g} channels, longer than the dead time of {dead_time:g}: "
            "export it without binning, or corrected"
        )
    summed = np.concatenate([[0.0], np.cumsum(counts)])
    first = np.searchsorted(time, time - dead_time)
    blind = summed[:-1] - summed[first]
    ready = pulses - blind
    if (counts >= ready).any():
        at = int(np.argmax(counts - ready))
        raise MeasurementError(
            f"{source} counts {counts[at]:g} ions at {float(spectrum['mz'][at]):.3f} u where "
            f"{max(ready[at], 0):g} of {pulses} pulses were not blind: every one counted an ion, "
            "so their number is unknown; check pulses and dead_time, or use a lower current"
        )
    share = counts / ready
    rate = -np.log1p(-share)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(counts > 0, pulses / ready * share / ((1 - share) * rate), pulses / ready)
    out = spectrum.copy(data=pulses * rate)
    text = {"units": "1", "long_name": "variance over counts"}
    out = out.assign_coords(variance_ratio=("mz", ratio, text))
    out.attrs["dead_time_corrected"] = "yes"
    return add_history(out, "correct_dead_time", pulses=pulses, dead_time=dead_time)
